"""Partitions of the tables of calls and of routing decisions, on PostgreSQL.

Each table has one partition per month, created before its rows; an archive of all rows older than the first month; and a
default partition, for rows of months whose partition could not be created. The range of a month is [first id of the month,
first id of the next month), because the leading bits of an id are its timestamp.

No request creates or drops a partition. `PostgreSQL.make_partitions` and `PostgreSQL.drop_partitions` run the functions of
this module, each in a transaction that waits for locks only briefly: a waiting transaction makes all later ones wait.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.month import LIVE_MONTHS_BACK, Month
from models.types import first_id_at

MONTHS_AHEAD: Final = 3
"""How many months ahead partitions are created: for this long, a server needs no new ones."""
PARTITIONED: Final = ("router_analytics", "router_decisions")
_OUTSIDE: Final = "outside_next_month"
"""The constraint that keeps rows of a month out of the default partition while the partition of that month is attached."""

# Includes partitions that are detached and not dropped yet.
_MONTHS: Final = text(
    "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace "
    r"AND relname ~ ('^' || :parent || '_\d{4}_\d{2}$') ORDER BY relname"
)
_BOUND: Final = text("SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE oid = to_regclass(:name)")
_ATTACHED: Final = text("SELECT relispartition FROM pg_class WHERE oid = to_regclass(:name)")
_CONSTRAINED: Final = text(
    "SELECT count(*) FROM pg_constraint WHERE conrelid = to_regclass(:name) AND conname = :constraint"
)
_BYTES: Final = text("SELECT pg_relation_size(to_regclass(:name))")
_END: Final = re.compile(r"TO \('([0-9a-f-]{36})'\)")


def partition_of(table: str, month: Month) -> str:
    """The name of this month's partition of a table."""
    return f"{table}_{month.year}_{month.month:02}"


def archive_of(table: str) -> str:
    """The name of the partition of rows older than the first month."""
    return f"{table}_archive"


def default_of(table: str) -> str:
    """The name of the partition of rows that no other partition takes."""
    return f"{table}_default"


async def missing_months(connection: AsyncConnection, table: str, now: datetime) -> list[Month]:
    """The months in which live calls may occur, now or soon, and that have no partition."""
    bound = await connection.scalar(_BOUND, {"name": archive_of(table)})
    archived = _END.search(bound or "")
    archive_end = UUID(archived[1]) if archived else UUID(int=0)
    there = set(await _months(connection, table))
    current = Month.of(now)
    return [
        month
        for month in current.later(-LIVE_MONTHS_BACK).to(current.later(MONTHS_AHEAD))
        if first_id_at(month.start) >= archive_end and partition_of(table, month) not in there
    ]


async def is_default_empty(connection: AsyncConnection, table: str) -> bool:
    """Whether the default partition has size 0. Its rows cannot be counted, because row-level security hides them."""
    return not await connection.scalar(_BYTES, {"name": default_of(table)})


async def attach(connection: AsyncConnection, table: str, month: Month) -> None:
    """Create and attach the partition of a month, unless it exists. The connection's role must own the table.

    Attaching locks the default partition against all access, and the table itself only against other maintenance.
    """
    # One process at a time: of two that create the same table at once, one would fail.
    await connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('router partitions', 0))"))
    name = partition_of(table, month)
    if name in await _months(connection, table):
        return
    first, end = _range(month)
    await _run(
        connection,
        f"CREATE TABLE {name} (LIKE {table} INCLUDING ALL)",
        # Row-level security without policies hides all rows, so that nobody can bypass the policies of the table.
        f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ('{first}') TO ('{end}')",
        f"ALTER TABLE {default_of(table)} DROP CONSTRAINT IF EXISTS {_OUTSIDE}",
    )


async def keep_default_clear(connection: AsyncConnection, table: str, month: Month) -> None:
    """Reject new rows of this month in the default partition, so that attaching does not have to scan it."""
    first, end = _range(month)
    await _run(
        connection,
        f"ALTER TABLE {default_of(table)} DROP CONSTRAINT IF EXISTS {_OUTSIDE}, "
        f"ADD CONSTRAINT {_OUTSIDE} CHECK (id < '{first}' OR id >= '{end}') NOT VALID",
    )


async def check_default_clear(connection: AsyncConnection, table: str) -> None:
    """Scan the default partition, while others read and write it. Raises an error if it contains rows of the month."""
    await _run(connection, f"ALTER TABLE {default_of(table)} VALIDATE CONSTRAINT {_OUTSIDE}")


async def open_default(connection: AsyncConnection, table: str) -> None:
    """Accept rows of every month in the default partition again."""
    await _run(connection, f"ALTER TABLE {default_of(table)} DROP CONSTRAINT IF EXISTS {_OUTSIDE}")


async def is_default_open(connection: AsyncConnection, table: str) -> bool:
    """Whether the default partition accepts rows of every month that has no partition."""
    return not await connection.scalar(_CONSTRAINED, {"name": default_of(table), "constraint": _OUTSIDE})


async def months_before(connection: AsyncConnection, table: str, before: datetime) -> list[str]:
    """The names of the partitions of months before that of `before`, including detached ones."""
    first_kept = partition_of(table, Month.of(before))
    return [name for name in await _months(connection, table) if name < first_kept]


async def detach(connection: AsyncConnection, table: str, name: str) -> None:
    """Detach a partition from its table, if it is attached."""
    if await connection.scalar(_ATTACHED, {"name": name}):
        await _run(connection, f"ALTER TABLE {table} DETACH PARTITION {name}")


async def drop(connection: AsyncConnection, name: str) -> None:
    """Drop a detached partition. Other transactions do not wait for this."""
    await _run(connection, f"DROP TABLE IF EXISTS {name}")


async def pages_of_old_rows(connection: AsyncConnection, table: str) -> int:
    """The number of 8 KiB pages of the larger of the archive and the default partition."""
    sizes = [await connection.scalar(_BYTES, {"name": name}) for name in (archive_of(table), default_of(table))]
    return max(size or 0 for size in sizes) // 8192


async def delete_old_rows(connection: AsyncConnection, table: str, before: datetime, first: int, end: int) -> None:
    """Delete the rows before `before` from the pages [first, end) of each partition. Needs the system's role."""
    await _run(
        connection,
        f"DELETE FROM {table} WHERE id < '{first_id_at(before)}' AND ctid >= '({first},0)' AND ctid < '({end},0)'",
    )


def _range(month: Month) -> tuple[UUID, UUID]:
    return first_id_at(month.start), first_id_at(month.later(1).start)


async def _months(connection: AsyncConnection, table: str) -> list[str]:
    return list(await connection.scalars(_MONTHS, {"parent": table}))


async def _run(connection: AsyncConnection, *statements: str) -> None:
    for statement in statements:
        await connection.exec_driver_sql(statement)
