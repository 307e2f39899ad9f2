"""Adds the total spend of each user, which the limit on all sums checks."""

from __future__ import annotations

from collections import defaultdict
from uuid import UUID

import sqlalchemy as sa
from alembic import op

from migrations.protection import SYSTEM_ROLE, protect

revision = "20261129_spend_totals"
down_revision = "20261129_retention"
branch_labels = None
depends_on = None

VIEWER_MAY = {"router_spend_totals": "SELECT"}
NANO_DOLLARS = 1_000_000_000
# The highest stored total. The limit is far below it.
MOST = 2**62


def upgrade() -> None:
    totals = op.create_table(
        "router_spend_totals",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("assumed", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name="pk_router_spend_totals"),
        sqlite_with_rowid=False,
    )
    protect(VIEWER_MAY)
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    if on_postgresql:
        op.execute(f"SET LOCAL ROLE {SYSTEM_ROLE}")  # only this role sees the rows of all users
    amounts = summed("router_analytics_daily", "cost")
    assumed = summed("router_spend_minutes", "assumed")
    rows = [
        {"user_id": user_id, "amount": min(amounts[user_id], MOST), "assumed": min(assumed[user_id], MOST)}
        for user_id in sorted(amounts.keys() | assumed.keys())
    ]
    if rows:
        op.bulk_insert(totals, rows)
    if on_postgresql:
        op.execute("RESET ROLE")


def summed(name: str, column: str) -> defaultdict[UUID, int]:
    """The sum of a column per user, in parts that fit into 64 bits."""
    table = sa.table(name, sa.column("user_id", sa.Uuid()), sa.column(column, sa.BigInteger()))
    value = table.c[column]
    dollars, rest = sa.func.sum(value.op("/")(NANO_DOLLARS)), sa.func.sum(value.op("%")(NANO_DOLLARS))
    found = op.get_bind().execute(sa.select(table.c.user_id, dollars, rest).group_by(table.c.user_id))
    return defaultdict(int, {user_id: int(whole) * NANO_DOLLARS + int(parts) for user_id, whole, parts in found})


def downgrade() -> None:
    op.drop_table("router_spend_totals")
