"""Sums and histograms of days, and how much costs vary."""

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
        sa.Column("latency_sum_squares", sa.Double(), nullable=False),
        sa.Column("cost_sum_squares", sa.Double(), nullable=False),
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
    # Days are what their hours add up to. How much the costs of before vary, `verify --repair` finds out.
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    day = "date_trunc('day', hour, 'UTC')" if on_postgresql else "substr(hour, 1, 10) || ' 00:00:00.000000'"
    if on_postgresql:
        # From when on decisions are there is nobody's secret.
        op.execute(f"GRANT SELECT ON router_retention TO {VIEWER_ROLE}")
        op.execute(f"SET LOCAL ROLE {SYSTEM_ROLE}")  # the rows show themselves to this role alone
    add_up("router_analytics_hourly", "router_analytics_daily", day, GROUP, (*SUMS, "latency_sum_squares"), ", 0")
    add_up("router_latency_hourly", "router_latency_daily", day, (*GROUP, "bucket"), ("calls",))
    if on_postgresql:
        op.execute("RESET ROLE")


def add_up(hourly: str, daily: str, day: str, group: tuple[str, ...], sums: tuple[str, ...], rest: str = "") -> None:
    by = f"user_id, {day}, {', '.join(group)}"
    selected = f"{by}, {', '.join(f'sum({name})' for name in sums)}{rest}"
    # By the driver: what is between colons is no parameter here.
    op.get_bind().exec_driver_sql(f"INSERT INTO {daily} SELECT {selected} FROM {hourly} GROUP BY {by}")  # noqa: S608 - names of ours


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"REVOKE SELECT ON router_retention FROM {VIEWER_ROLE}")  # noqa: S608 - a role of ours
    op.drop_table("router_latency_daily")
    op.drop_table("router_analytics_daily")
    op.drop_column("router_analytics_hourly", "cost_sum_squares")
