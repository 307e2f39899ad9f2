"""Adds tables for what retention keeps, and on PostgreSQL an archive partition and a default partition.

Months before the current one go into the archive. Each is moved in a separate transaction, because one transaction for all
would need more locks than the server has. An interrupted migration leaves every row in its table, and the next run continues.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from domain.month import LIVE_MONTHS_BACK, Month
from migrations.protection import protect
from models.database.partition import MONTHS_AHEAD
from models.types import first_id_at

revision = "20261129_retention"
down_revision = "20261129_amendments"
branch_labels = None
depends_on = None

TABLES = ("router_analytics", "router_decisions")
_PARTITIONS = sa.text(
    "SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) AS bound FROM pg_inherits i "
    "JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = to_regclass(:parent) ORDER BY c.relname"
)
_COLUMNS = sa.text(
    "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute "
    "WHERE attrelid = to_regclass(:name) AND attnum > 0 AND NOT attisdropped"
)
_END = re.compile(r"TO \('([0-9a-f-]{36})'\)")


VIEWER_MAY = {"router_incomplete": ""}


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        _make_partitions()
    op.create_table(
        "router_incomplete",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "id", name="pk_router_incomplete"),
        sqlite_with_rowid=False,
    )
    protect(VIEWER_MAY)


def downgrade() -> None:
    # The previous version of the application reads these partitions too.
    op.drop_table("router_incomplete")


def _make_partitions() -> None:
    first = Month.of(datetime.now(UTC)).later(-LIVE_MONTHS_BACK)
    # Each statement commits on its own.
    with op.get_context().autocommit_block():
        for table in TABLES:
            _gather(table, first)
            _settle(table, first)


def _gather(table: str, first: Month) -> None:
    """Move the rows of all partitions that end before this month into the default partition."""
    there = _partitions(table)
    if f"{table}_archive" in there:
        return  # an interrupted run has done this step
    gathered = f"{table}_default"
    if gathered not in there:
        own = next((name for name, bound in there.items() if bound == "DEFAULT"), None)
        if own is None:
            op.execute(f"CREATE TABLE {gathered} PARTITION OF {table} DEFAULT")
        else:
            op.execute(f"ALTER TABLE {own} RENAME TO {gathered}")
    # The owner of a table sees all rows only while row-level security is not forced.
    op.execute(f"ALTER TABLE {gathered} ENABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY")
    columns = op.get_bind().scalar(_COLUMNS, {"name": table})
    last = str(first_id_at(first.start))
    for name, bound in there.items():
        end = _END.search(bound)
        if end is not None and end[1] <= last:
            _in_one_transaction(
                f"ALTER TABLE {table} DETACH PARTITION {name}",
                f"ALTER TABLE {name} NO FORCE ROW LEVEL SECURITY",
                f"INSERT INTO {gathered} ({columns}) SELECT {columns} FROM {name}",  # noqa: S608 - our own names
                f"DROP TABLE {name}",
            )


def _settle(table: str, first: Month) -> None:
    """Turn the default partition into the archive of the rows before this month, and create the missing partitions."""
    archive, default = f"{table}_archive", f"{table}_default"
    there = _partitions(table)
    if archive in there:
        return
    columns = op.get_bind().scalar(_COLUMNS, {"name": table})
    start = first_id_at(first.start)
    months = {
        f"{table}_{month.year}_{month.month:02}": (first_id_at(month.start), first_id_at(month.later(1).start))
        for month in first.to(first.later(LIVE_MONTHS_BACK + MONTHS_AHEAD))
    }
    made = [
        f"CREATE TABLE {name} PARTITION OF {table} FOR VALUES FROM ('{start_id}') TO ('{end_id}')"
        for name, (start_id, end_id) in months.items()
        if name not in there
    ]
    _in_one_transaction(
        f"ALTER TABLE {table} DETACH PARTITION {default}",
        f"ALTER TABLE {default} RENAME TO {archive}",
        f"CREATE TABLE {default} PARTITION OF {table} DEFAULT",
        *made,
        f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY",
        f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {archive} WHERE id >= '{start}'",  # noqa: S608
        f"DELETE FROM {archive} WHERE id >= '{start}'",  # noqa: S608
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} ATTACH PARTITION {archive} FOR VALUES FROM (MINVALUE) TO ('{start}')",
        # Partitions have no policies of their own, so that rows can only be read through the parent's policies.
        *(
            f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY"
            for name in {*there, *months, archive, default}
        ),
    )


def _partitions(table: str) -> dict[str, str]:
    """The bounds of the partitions of a table, by name."""
    return {row.relname: row.bound for row in op.get_bind().execute(_PARTITIONS, {"parent": table})}


def _in_one_transaction(*statements: str) -> None:
    """Run these statements in one transaction."""
    op.execute(sa.text(f"DO $do$ BEGIN {'; '.join(statements)}; END $do$".replace(":", r"\:")))
