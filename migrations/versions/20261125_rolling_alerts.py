"""Adds spend per minute and rolling alerts, and the first day of the weeks and months of calendar alerts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.protection import SYSTEM_ROLE, protect

revision = "20261125_rolling_alerts"
down_revision = "20261123_row_level_security"
branch_labels = None
depends_on = None

VIEWER_MAY = {"router_rolling_alerts": "SELECT, INSERT, UPDATE, DELETE", "router_spend_minutes": "SELECT"}


def upgrade() -> None:
    op.add_column("router_cost_alerts", sa.Column("week_start", sa.String(32), nullable=False, server_default="MONDAY"))
    op.add_column("router_cost_alerts", sa.Column("month_anchor", sa.Integer(), nullable=False, server_default="1"))
    op.create_table(
        "router_rolling_alerts",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("alert_id", sa.Uuid(), nullable=False),
        sa.Column("armed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id", "alert_id"],
            ["router_cost_alerts.user_id", "router_cost_alerts.id"],
            name="fk_router_rolling_alerts_router_cost_alerts",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_id", "alert_id", name="pk_router_rolling_alerts"),
    )
    op.create_table(
        "router_spend_minutes",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("minute", sa.DateTime(timezone=True), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "minute", name="pk_router_spend_minutes"),
        sqlite_with_rowid=False,
    )
    spent = "SELECT user_id, {minute}, sum(cost) FROM router_analytics WHERE cost > 0 GROUP BY 1, 2"
    if op.get_bind().dialect.name != "postgresql":
        minute = "substr(occurred_at, 1, 16) || ':00.000000'"
        # Executed by the driver, because SQLAlchemy would take the text after a colon for a parameter.
        op.get_bind().exec_driver_sql(f"INSERT INTO router_spend_minutes {spent.format(minute=minute)}")
        return
    protect(VIEWER_MAY)
    # Only this role sees the rows of all users.
    op.execute(f"SET LOCAL ROLE {SYSTEM_ROLE}")
    minute = "date_trunc('minute', occurred_at, 'UTC')"
    op.execute(f"INSERT INTO router_spend_minutes {spent.format(minute=minute)}")
    op.execute("RESET ROLE")


def downgrade() -> None:
    op.drop_table("router_spend_minutes")
    op.drop_table("router_rolling_alerts")
    op.drop_column("router_cost_alerts", "month_anchor")
    op.drop_column("router_cost_alerts", "week_start")
