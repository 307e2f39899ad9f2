"""Adds daily rollups and histograms, and sums of squared costs.

Days are summed from their hours. The squared costs of existing hours are computed from their calls. Where retention has
dropped the calls, they stay 0, which is below every possible value. Comparisons of costs over only such hours therefore have
no result (`domain.opportunity`). Comparisons over such hours and later ones underestimate the variance. `verify` does not
change such hours.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.protection import SYSTEM_ROLE, VIEWER_ROLE, protect

revision = "20261125_daily_rollups"
down_revision = "20261125_inference"
branch_labels = None
depends_on = None

VIEWER_MAY = {"router_analytics_daily": "SELECT", "router_latency_daily": "SELECT"}
GROUP = ("provider", "model_used", "task_type", "priority", "ab_test_id", "ab_variant")
SUMS = ("calls", "successes", "fallbacks", "priced", "cost", "input_tokens", "output_tokens", "timed", "latency_sum_ms")
SQUARES = ("latency_sum_squares", "cost_sum_squares")


def key() -> list[sa.Column[object]]:
    columns: list[sa.Column[object]] = [
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.DateTime(timezone=True), nullable=False),
        sa.Column("provider", sa.String(length=200), nullable=False),
        sa.Column("model_used", sa.String(length=200), nullable=False),
        sa.Column("task_type", sa.String(length=200), nullable=False),
        sa.Column("priority", sa.String(length=32), nullable=False),
        sa.Column("ab_test_id", sa.Uuid(), nullable=False),
        sa.Column("ab_variant", sa.String(length=32), nullable=False),
    ]
    return columns


def upgrade() -> None:
    op.add_column(
        "router_analytics_hourly", sa.Column("cost_sum_squares", sa.Double(), nullable=False, server_default="0")
    )
    op.create_table(
        "router_analytics_daily",
        *key(),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in SUMS),
        *(sa.Column(name, sa.Double(), nullable=False) for name in SQUARES),
        sa.PrimaryKeyConstraint("user_id", "day", *GROUP, name="pk_router_analytics_daily"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "router_latency_daily",
        *key(),
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "day", *GROUP, "bucket", name="pk_router_latency_daily"),
        sqlite_with_rowid=False,
    )
    protect(VIEWER_MAY)
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    hour = (
        "date_trunc('hour', occurred_at, 'UTC')" if on_postgresql else "substr(occurred_at, 1, 13) || ':00:00.000000'"
    )
    no_id = "CAST('00000000-0000-0000-0000-000000000000' AS uuid)" if on_postgresql else f"'{'0' * 32}'"
    day = "date_trunc('day', hour, 'UTC')" if on_postgresql else "substr(hour, 1, 10) || ' 00:00:00.000000'"
    if on_postgresql:
        # Every user may read since when calls are kept.
        op.execute(f"GRANT SELECT ON router_retention TO {VIEWER_ROLE}")
        op.execute(f"SET LOCAL ROLE {SYSTEM_ROLE}")  # only this role sees the rows of all users
    square_costs(hour, no_id)
    add_up("router_analytics_hourly", "router_analytics_daily", day, GROUP, (*SUMS, *SQUARES))
    add_up("router_latency_hourly", "router_latency_daily", day, (*GROUP, "bucket"), ("calls",))
    if on_postgresql:
        op.execute("RESET ROLE")


def square_costs(hour: str, no_id: str) -> None:
    """Sum the squared costs, in USD, of each hour whose calls are all present."""
    group = (
        f"user_id, {hour} AS hour, provider, model_used, task_type, coalesce(priority, '') AS priority, "
        f"coalesce(ab_test_id, {no_id}) AS ab_test_id, coalesce(ab_variant, '') AS ab_variant"
    )
    usd = "(CAST(cost AS DOUBLE PRECISION) / 1000000000)"
    same = " AND ".join(f"h.{name} = r.{name}" for name in ("user_id", "hour", *GROUP))
    op.get_bind().exec_driver_sql(
        f"UPDATE router_analytics_hourly AS h SET cost_sum_squares = r.squares "  # noqa: S608 - names of ours
        f"FROM (SELECT {group}, sum({usd} * {usd}) AS squares FROM router_analytics WHERE cost IS NOT NULL "
        f"GROUP BY 1, 2, 3, 4, 5, 6, 7, 8) AS r "
        f"WHERE {same} AND NOT EXISTS (SELECT 1 FROM router_retention WHERE kept_from > h.hour)"
    )


def add_up(hourly: str, daily: str, day: str, group: tuple[str, ...], sums: tuple[str, ...]) -> None:
    by = f"user_id, {day}, {', '.join(group)}"
    selected = f"{by}, {', '.join(f'sum({name})' for name in sums)}"
    # Executed by the driver, because SQLAlchemy would take the text after a colon for a parameter.
    op.get_bind().exec_driver_sql(f"INSERT INTO {daily} SELECT {selected} FROM {hourly} GROUP BY {by}")  # noqa: S608 - names of ours


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"REVOKE SELECT ON router_retention FROM {VIEWER_ROLE}")  # noqa: S608 - a role of ours
    op.drop_table("router_latency_daily")
    op.drop_table("router_analytics_daily")
    op.drop_column("router_analytics_hourly", "cost_sum_squares")
