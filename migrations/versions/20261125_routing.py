"""Adds routing decisions and the holds of budgets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.protection import protect

revision = "20261125_routing"
down_revision = "20261125_models"
branch_labels = None
depends_on = None

JSON_DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
VIEWER_MAY = {"router_decisions": "SELECT, UPDATE", "router_holds": "SELECT, DELETE"}
FROM_A_DECISION = sa.text("decision_id IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "router_decisions",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("task_type", sa.String(length=200), nullable=False),
        sa.Column("priority", sa.String(32), nullable=False),
        sa.Column("request", JSON_DOCUMENT, nullable=False),
        sa.Column("provider", sa.String(length=200), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("fallbacks", JSON_DOCUMENT, nullable=False),
        sa.Column("candidates", JSON_DOCUMENT, nullable=False),
        sa.Column("rules", JSON_DOCUMENT, nullable=False),
        sa.Column("notes", JSON_DOCUMENT, nullable=False),
        sa.Column("estimated_cost", sa.BigInteger(), nullable=True),
        sa.Column("expected_latency_ms", sa.Double(), nullable=True),
        sa.Column("ab_test_id", sa.Uuid(), nullable=True),
        sa.Column("ab_variant", sa.String(32), nullable=True),
        sa.Column("propensity", sa.Double(), nullable=False),
        sa.Column("held_amount", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts_left", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "id", name="pk_router_decisions"),
        postgresql_partition_by="RANGE (id)",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "router_holds",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("decision_id", sa.Uuid(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "decision_id", name="pk_router_holds"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_router_holds_expires_at", "router_holds", ["user_id", "expires_at"])
    op.create_index(
        "ix_router_analytics_decision",
        "router_analytics",
        ["user_id", "decision_id"],
        sqlite_where=FROM_A_DECISION,
        postgresql_where=FROM_A_DECISION,
    )
    protect(VIEWER_MAY)


def downgrade() -> None:
    op.drop_index("ix_router_analytics_decision", "router_analytics")
    op.drop_table("router_holds")
    op.drop_table("router_decisions")
