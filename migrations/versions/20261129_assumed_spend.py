"""Adds the assumed spend of routing decisions without a known cost, and counts calls of unknown cost in every sum."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from migrations.protection import SYSTEM_ROLE, protect

revision = "20261129_assumed_spend"
down_revision = "20261129_model_prices"
branch_labels = None
depends_on = None

VIEWER_MAY = {"router_unpriced_models": "SELECT"}
TOKENS = ("cached_tokens", "cache_write_tokens", "reasoning_tokens")
ROLLUPS = ("router_analytics_hourly", "router_analytics_daily")
GROUP = ("provider", "model_used", "task_type", "priority", "ab_test_id", "ab_variant")


def upgrade() -> None:
    op.create_table(
        "router_unpriced_models",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.String(200), nullable=False),
        sa.Column("model_used", sa.String(200), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "provider", "model_used", name="pk_router_unpriced_models"),
        sqlite_with_rowid=False,
    )
    protect(VIEWER_MAY)
    zero = sa.text("0")
    columns: tuple[tuple[str, sa.Column[Any]], ...] = (
        *(
            (table, sa.Column(name, sa.BigInteger(), nullable=False, server_default=zero))
            for table in ROLLUPS
            for name in TOKENS
        ),
        ("router_analytics", sa.Column("assumed", sa.Boolean(), nullable=False, server_default=sa.false())),
        ("router_ab_tests", sa.Column("variant_a_unpriced", sa.BigInteger(), nullable=False, server_default=zero)),
        ("router_ab_tests", sa.Column("variant_b_unpriced", sa.BigInteger(), nullable=False, server_default=zero)),
        ("router_cost_alerts", sa.Column("unknown_cost", sa.String(32), nullable=False, server_default="REFUSE")),
        ("router_cost_alert_windows", sa.Column("assumed", sa.BigInteger(), nullable=False, server_default=zero)),
        ("router_spend_minutes", sa.Column("assumed", sa.BigInteger(), nullable=False, server_default=zero)),
        ("router_decisions", sa.Column("known_cost", sa.BigInteger(), nullable=False, server_default=zero)),
        ("router_decisions", sa.Column("unknown_calls", sa.Integer(), nullable=False, server_default=zero)),
        # NULL for existing routing decisions: no spend was assumed for them.
        ("router_decisions", sa.Column("assumed_amount", sa.BigInteger(), nullable=True)),
    )
    for table, column in columns:
        op.add_column(table, column)
    unpriced = sa.text("cost IS NULL")
    op.create_index(
        "ix_router_analytics_unpriced",
        "router_analytics",
        ["user_id", "id"],
        sqlite_where=unpriced,
        postgresql_where=unpriced,
    )
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    if on_postgresql:
        op.execute(f"SET LOCAL ROLE {SYSTEM_ROLE}")  # only this role sees the rows of all users
    fill(on_postgresql)
    if on_postgresql:
        op.execute("RESET ROLE")


def fill(on_postgresql: bool) -> None:
    """Fill the new columns from the existing calls. Where retention has dropped calls, they stay 0."""
    no_id = "CAST('00000000-0000-0000-0000-000000000000' AS uuid)" if on_postgresql else f"'{'0' * 32}'"
    for table, time, of_call in (
        ("router_analytics_hourly", "hour", hour_of("occurred_at", on_postgresql)),
        ("router_analytics_daily", "day", day_of("occurred_at", on_postgresql)),
    ):
        group = (
            f"user_id, {of_call} AS {time}, provider, model_used, task_type, coalesce(priority, '') AS priority, "
            f"coalesce(ab_test_id, {no_id}) AS ab_test_id, coalesce(ab_variant, '') AS ab_variant"
        )
        same = " AND ".join(f"s.{name} = r.{name}" for name in ("user_id", time, *GROUP))
        # No call has counts of the other token kinds yet.
        run(
            f"UPDATE {table} AS s SET cached_tokens = r.cached FROM (SELECT {group}, sum(cached_tokens) AS cached "  # noqa: S608 - names of ours
            f"FROM router_analytics WHERE cached_tokens > 0 GROUP BY 1, 2, 3, 4, 5, 6, 7, 8) AS r WHERE {same}"
        )
    for variant in ("A", "B"):
        run(
            f"UPDATE router_ab_tests AS t SET variant_{variant.lower()}_unpriced = r.calls FROM (SELECT user_id, "  # noqa: S608
            f"ab_test_id, count(*) AS calls FROM router_analytics WHERE ab_counted AND ab_variant = '{variant}' AND cost IS NULL "
            "GROUP BY 1, 2) AS r WHERE t.user_id = r.user_id AND t.id = r.ab_test_id"
        )
    run(
        "UPDATE router_decisions AS d SET known_cost = r.known, unknown_calls = r.unknown FROM (SELECT user_id, decision_id, "
        "coalesce(sum(cost), 0) AS known, count(*) - count(cost) AS unknown FROM router_analytics "
        "WHERE decision_id IS NOT NULL GROUP BY 1, 2) AS r WHERE d.user_id = r.user_id AND d.id = r.decision_id"
    )
    run(
        "INSERT INTO router_unpriced_models (user_id, provider, model_used, last_at) SELECT user_id, provider, model_used, "
        "max(occurred_at) FROM router_analytics WHERE cost IS NULL GROUP BY 1, 2, 3"
    )


def run(statement: str) -> None:
    # Executed by the driver, because SQLAlchemy would take the text after a colon for a parameter.
    op.get_bind().exec_driver_sql(statement)


def hour_of(moment: str, on_postgresql: bool) -> str:
    return f"date_trunc('hour', {moment}, 'UTC')" if on_postgresql else f"substr({moment}, 1, 13) || ':00:00.000000'"


def day_of(moment: str, on_postgresql: bool) -> str:
    return f"date_trunc('day', {moment}, 'UTC')" if on_postgresql else f"substr({moment}, 1, 10) || ' 00:00:00.000000'"


def downgrade() -> None:
    op.drop_index("ix_router_analytics_unpriced", "router_analytics")
    for table, names in (
        ("router_decisions", ("assumed_amount", "unknown_calls", "known_cost")),
        ("router_spend_minutes", ("assumed",)),
        ("router_cost_alert_windows", ("assumed",)),
        ("router_cost_alerts", ("unknown_cost",)),
        ("router_ab_tests", ("variant_b_unpriced", "variant_a_unpriced")),
        ("router_analytics", ("assumed",)),
        *((table, tuple(reversed(TOKENS))) for table in ROLLUPS),
    ):
        for name in names:
            op.drop_column(table, name)
    op.drop_table("router_unpriced_models")
