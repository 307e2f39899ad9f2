"""Partitions of the tables of decisions by month, on PostgreSQL: made ahead of the rows, dropped when they are old.

The range of a partition is one of ids, whose leading bits are the time: a month is [first id of it, first of the next).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from models.types import first_id_at

MONTHS_AHEAD: Final = 2

PARTITIONED: Final = ("router_analytics", "router_decisions")

_PARTITIONS: Final = text(
    "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = to_regclass(:parent)"
)


@dataclass(frozen=True, order=True, slots=True)
class Month:
    year: int
    month: int

    @classmethod
    def of(cls, moment: datetime) -> Month:
        return cls(moment.year, moment.month)

    @property
    def next(self) -> Month:
        return Month(self.year + self.month // 12, self.month % 12 + 1)

    @property
    def start(self) -> datetime:
        return datetime(self.year, self.month, 1, tzinfo=UTC)

    def partition_of(self, table: str) -> str:
        """The name of this month's partition of a table."""
        return f"{table}_{self.year}_{self.month:02}"


def months_ahead(month: Month) -> list[Month]:
    """The months after this one to be ready for."""
    months = [month.next]
    while len(months) < MONTHS_AHEAD:
        months.append(months[-1].next)
    return months


async def make_partitions(connection: AsyncConnection, table: str, months: Iterable[Month]) -> None:
    """Make a table's partitions of these months that are missing. The connection's role owns the table."""
    # One at a time, in all processes: what two make at once, one is refused.
    await connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('router partitions', 0))"))
    made = set(await connection.scalars(_PARTITIONS, {"parent": table}))
    for month in sorted(set(months)):
        name = month.partition_of(table)
        if name not in made:
            first, last = first_id_at(month.start), first_id_at(month.next.start)
            await _run(
                connection,
                f"CREATE TABLE {name} PARTITION OF {table} FOR VALUES FROM ('{first}') TO ('{last}')",
                # Nobody is to reach rows around the parent's policies: none of its own, it shows nothing.
                f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY",
                f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY",
            )


async def drop_partitions(connection: AsyncConnection, table: str, before: datetime) -> None:
    """Drop a table's partitions whose every row happened before this moment. The connection's role owns the table."""
    last_kept = Month.of(before).partition_of(table)
    made = sorted(await connection.scalars(_PARTITIONS, {"parent": table}))
    await _run(connection, *(f"DROP TABLE {name}" for name in made if name < last_kept))


async def _run(connection: AsyncConnection, *statements: str) -> None:
    for statement in statements:
        await connection.exec_driver_sql(statement)
