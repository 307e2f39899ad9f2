"""Creates the tables of calls, alerts, A/B tests and preferences, and the tables of the ledger."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261123_first_tables"
down_revision = None
branch_labels = None
depends_on = None


JSON_DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "router_ab_tests",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("test_name", sa.String(length=200), nullable=False),
        sa.Column("task_type", sa.String(length=200), nullable=True),
        sa.Column("variant_a_config", JSON_DOCUMENT, nullable=False),
        sa.Column("variant_b_config", JSON_DOCUMENT, nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("running_for", sa.String(length=200), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("variant_a_calls", sa.BigInteger(), nullable=False),
        sa.Column("variant_a_success", sa.BigInteger(), nullable=False),
        sa.Column("variant_a_latency_count", sa.BigInteger(), nullable=False),
        sa.Column("variant_a_latency_sum_ms", sa.BigInteger(), nullable=False),
        sa.Column("variant_a_total_cost", sa.BigInteger(), nullable=False),
        sa.Column("variant_b_calls", sa.BigInteger(), nullable=False),
        sa.Column("variant_b_success", sa.BigInteger(), nullable=False),
        sa.Column("variant_b_latency_count", sa.BigInteger(), nullable=False),
        sa.Column("variant_b_latency_sum_ms", sa.BigInteger(), nullable=False),
        sa.Column("variant_b_total_cost", sa.BigInteger(), nullable=False),
        sa.Column("winner", sa.String(32), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "id", name="pk_router_ab_tests"),
        sa.UniqueConstraint("user_id", "running_for", name="uq_router_ab_tests_user_id_running_for"),
    )
    op.create_index("ix_router_ab_tests_user_id_active", "router_ab_tests", ["user_id", "active", "id"])
    op.create_table(
        "router_alert_sequences",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name="pk_router_alert_sequences"),
    )
    op.create_table(
        "router_analytics",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.String(length=200), nullable=False),
        sa.Column("provider", sa.String(length=200), nullable=False),
        sa.Column("task_type", sa.String(length=200), nullable=False),
        sa.Column("model_used", sa.String(length=200), nullable=False),
        sa.Column("priority", sa.String(32), nullable=True),
        sa.Column("success", sa.Boolean(), nullable=False),
        sa.Column("latency_ms", sa.Integer(), nullable=True),
        sa.Column("cost", sa.BigInteger(), nullable=True),
        sa.Column("price_version", sa.String(length=64), nullable=True),
        sa.Column("fallback_used", sa.Boolean(), nullable=False),
        sa.Column("input_tokens", sa.Integer(), nullable=True),
        sa.Column("output_tokens", sa.Integer(), nullable=True),
        sa.Column("cached_tokens", sa.Integer(), nullable=True),
        sa.Column("decision_id", sa.Uuid(), nullable=True),
        sa.Column("ab_test_id", sa.Uuid(), nullable=True),
        sa.Column("ab_variant", sa.String(32), nullable=True),
        sa.Column("ab_counted", sa.Boolean(), nullable=False),
        sa.Column("quality_score", sa.Double(), nullable=True),
        sa.Column("metadata", JSON_DOCUMENT, nullable=False),
        sa.Column("imported", sa.Boolean(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "id", name="pk_router_analytics"),
        postgresql_partition_by="RANGE (id)",
        sqlite_with_rowid=False,
    )
    op.create_index("ix_router_analytics_ab_test", "router_analytics", ["user_id", "ab_test_id", "id"])
    op.create_index("ix_router_analytics_model", "router_analytics", ["user_id", "model_used", "id"])
    op.create_index("ix_router_analytics_provider", "router_analytics", ["user_id", "provider", "id"])
    op.create_index("ix_router_analytics_task_type", "router_analytics", ["user_id", "task_type", "id"])
    op.create_table(
        "router_cost_alerts",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("alert_type", sa.String(length=200), nullable=False),
        sa.Column("threshold_amount", sa.BigInteger(), nullable=False),
        sa.Column("period", sa.String(32), nullable=False),
        sa.Column("mode", sa.String(32), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("custom", JSON_DOCUMENT, nullable=True),
        sa.Column("near_limit_percent", sa.Float(), nullable=False),
        sa.Column("enforced", sa.Boolean(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("config_version", sa.Integer(), nullable=False),
        sa.Column("from_preferences", sa.Boolean(), nullable=False),
        sa.Column("counted_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "id", name="pk_router_cost_alerts"),
    )
    op.create_index("ix_router_cost_alerts_user_id_active", "router_cost_alerts", ["user_id", "active", "id"])
    op.create_table(
        "router_event_keys",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.String(length=200), nullable=False),
        sa.Column("analytics_id", sa.Uuid(), nullable=False),
        sa.Column("fingerprint", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "event_id", name="pk_router_event_keys"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "user_router_preferences",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("default_priority", sa.String(32), nullable=False),
        sa.Column("max_cost_per_request", sa.BigInteger(), nullable=True),
        sa.Column("max_latency_ms", sa.Integer(), nullable=True),
        sa.Column("preferred_providers", JSON_DOCUMENT, nullable=False),
        sa.Column("blocked_providers", JSON_DOCUMENT, nullable=False),
        sa.Column("custom_rules", JSON_DOCUMENT, nullable=False),
        sa.Column("cost_alert_threshold", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("user_id", name="pk_user_router_preferences"),
    )
    op.create_table(
        "router_alert_events",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("alert_id", sa.Uuid(), nullable=False),
        sa.Column("window_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("config_version", sa.Integer(), nullable=False),
        sa.Column("level", sa.String(32), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("threshold", sa.BigInteger(), nullable=False),
        sa.Column("fired_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id", "alert_id"],
            ["router_cost_alerts.user_id", "router_cost_alerts.id"],
            name="fk_router_alert_events_router_cost_alerts",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_id", "id", name="pk_router_alert_events"),
        sa.UniqueConstraint(
            "user_id", "alert_id", "window_start", "config_version", "level", name="uq_router_alert_events_firing"
        ),
        sa.UniqueConstraint("user_id", "sequence", name="uq_router_alert_events_user_id_sequence"),
    )
    op.create_index("ix_router_alert_events_alert", "router_alert_events", ["user_id", "alert_id", "level", "sequence"])
    op.create_table(
        "router_cost_alert_windows",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("alert_id", sa.Uuid(), nullable=False),
        sa.Column("window_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("window_end", sa.DateTime(timezone=True), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id", "alert_id"],
            ["router_cost_alerts.user_id", "router_cost_alerts.id"],
            name="fk_router_cost_alert_windows_router_cost_alerts",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_id", "alert_id", "window_start", name="pk_router_cost_alert_windows"),
    )

    op.create_table(
        "router_analytics_hourly",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("provider", sa.String(length=200), nullable=False),
        sa.Column("model_used", sa.String(length=200), nullable=False),
        sa.Column("task_type", sa.String(length=200), nullable=False),
        sa.Column("priority", sa.String(length=32), nullable=False),
        sa.Column("ab_test_id", sa.Uuid(), nullable=False),
        sa.Column("ab_variant", sa.String(length=32), nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("successes", sa.BigInteger(), nullable=False),
        sa.Column("fallbacks", sa.BigInteger(), nullable=False),
        sa.Column("priced", sa.BigInteger(), nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), nullable=False),
        sa.Column("timed", sa.BigInteger(), nullable=False),
        sa.Column("latency_sum_ms", sa.BigInteger(), nullable=False),
        sa.Column("latency_sum_squares", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint(
            "user_id",
            "hour",
            "provider",
            "model_used",
            "task_type",
            "priority",
            "ab_test_id",
            "ab_variant",
            name="pk_router_analytics_hourly",
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "router_latency_hourly",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("provider", sa.String(length=200), nullable=False),
        sa.Column("model_used", sa.String(length=200), nullable=False),
        sa.Column("task_type", sa.String(length=200), nullable=False),
        sa.Column("priority", sa.String(length=32), nullable=False),
        sa.Column("ab_test_id", sa.Uuid(), nullable=False),
        sa.Column("ab_variant", sa.String(length=32), nullable=False),
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "user_id",
            "hour",
            "provider",
            "model_used",
            "task_type",
            "priority",
            "ab_test_id",
            "ab_variant",
            "bucket",
            name="pk_router_latency_hourly",
        ),
        sqlite_with_rowid=False,
    )

    op.create_table(
        "router_retention",
        sa.Column("kept_from", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("kept_from", name="pk_router_retention"),
    )


def downgrade() -> None:
    op.drop_table("router_retention")
    op.drop_table("router_latency_hourly")
    op.drop_table("router_analytics_hourly")
    op.drop_table("router_cost_alert_windows")
    op.drop_table("router_alert_events")
    op.drop_table("user_router_preferences")
    op.drop_table("router_event_keys")
    op.drop_table("router_cost_alerts")
    op.drop_table("router_analytics")
    op.drop_table("router_alert_sequences")
    op.drop_table("router_ab_tests")
