"""Partitions of the tables of calls and of routing decisions, on PostgreSQL.

Each table has a partition for each month, made ahead of the rows; an archive of all that is older than the first month; and a
default partition, which takes the rows of a month whose partition could not be made. The range of a month is one of ids,
whose leading bits are the time: [first id of the month, first id of the next).

No request makes or drops a partition. `PostgreSQL.make_partitions` and `PostgreSQL.drop_partitions` run the functions here,
each in a transaction that waits for locks for a moment only: who waits for a lock makes everybody after it wait.
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
"""A server that cannot make partitions for so long still finds those it needs."""
PARTITIONED: Final = ("router_analytics", "router_decisions")
_OUTSIDE: Final = "outside_next_month"
"""The constraint that keeps a default partition clear of a month while the partition of this month is attached."""
# Those that were detached and not dropped yet are there too.
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
    """The partition of all that is older than the first month."""
    return f"{table}_archive"


def default_of(table: str) -> str:
    """The partition of rows that no other takes."""
    return f"{table}_default"


async def missing_months(connection: AsyncConnection, table: str, now: datetime) -> list[Month]:
    """The months that live records may be of, now or soon, and that no partition takes."""
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
    """Whether the default partition has never held a row, or has been emptied since. Row-level security hides its rows."""
    return not await connection.scalar(_BYTES, {"name": default_of(table)})


async def attach(connection: AsyncConnection, table: str, month: Month) -> None:
    """Make a month's partition, unless it is there. The connection's role owns the table.

    Attaching locks the default partition against everybody, and the table itself only against other maintenance.
    """
    # One at a time, in all processes: what two make at once, one is refused.
    await connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('router partitions', 0))"))
    name = partition_of(table, month)
    if name in await _months(connection, table):
        return
    first, end = _range(month)
    await _run(
        connection,
        f"CREATE TABLE {name} (LIKE {table} INCLUDING ALL)",
        # Nobody is to reach rows around the parent's policies: none of its own, it shows nothing.
        f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ('{first}') TO ('{end}')",
        f"ALTER TABLE {default_of(table)} DROP CONSTRAINT IF EXISTS {_OUTSIDE}",
    )


async def keep_default_clear(connection: AsyncConnection, table: str, month: Month) -> None:
    """Refuse new rows of this month in the default partition, so that attaching need not look through it."""
    first, end = _range(month)
    await _run(
        connection,
        f"ALTER TABLE {default_of(table)} DROP CONSTRAINT IF EXISTS {_OUTSIDE}, "
        f"ADD CONSTRAINT {_OUTSIDE} CHECK (id < '{first}' OR id >= '{end}') NOT VALID",
    )


async def check_default_clear(connection: AsyncConnection, table: str) -> None:
    """Look through the default partition, while others read and write it, for rows of this month: fails if there are any."""
    await _run(connection, f"ALTER TABLE {default_of(table)} VALIDATE CONSTRAINT {_OUTSIDE}")


async def open_default(connection: AsyncConnection, table: str) -> None:
    """Take rows of every month in the default partition again."""
    await _run(connection, f"ALTER TABLE {default_of(table)} DROP CONSTRAINT IF EXISTS {_OUTSIDE}")


async def is_default_open(connection: AsyncConnection, table: str) -> bool:
    """Whether the default partition takes rows of every month that has no partition."""
    return not await connection.scalar(_CONSTRAINED, {"name": default_of(table), "constraint": _OUTSIDE})


async def months_before(connection: AsyncConnection, table: str, before: datetime) -> list[str]:
    """The partitions of a table whose every row happened before this moment, or did when they were detached."""
    first_kept = partition_of(table, Month.of(before))
    return [name for name in await _months(connection, table) if name < first_kept]


async def detach(connection: AsyncConnection, table: str, name: str) -> None:
    """Take a partition out of its table, unless it is out."""
    if await connection.scalar(_ATTACHED, {"name": name}):
        await _run(connection, f"ALTER TABLE {table} DETACH PARTITION {name}")


async def drop(connection: AsyncConnection, name: str) -> None:
    """Drop a partition that is detached: however long that takes, nobody waits for it."""
    await _run(connection, f"DROP TABLE IF EXISTS {name}")


async def pages_of_old_rows(connection: AsyncConnection, table: str) -> int:
    """How many pages of 8 KiB the larger of archive and default partition has."""
    sizes = [await connection.scalar(_BYTES, {"name": name}) for name in (archive_of(table), default_of(table))]
    return max(size or 0 for size in sizes) // 8192


async def delete_old_rows(connection: AsyncConnection, table: str, before: datetime, first: int, end: int) -> None:
    """Delete the rows before this moment from some pages of each partition. The connection's role is the system's."""
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
