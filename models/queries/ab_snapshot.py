"""Snapshots of an A/B test over time, recomputed from its calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.ab_test import Variant
from domain.inference import Arm, Comparison, compare
from models.ab_group import GROUP_KEY
from models.ab_test import ABTest
from models.analytics import RouterAnalytics
from models.database.compute import Compute, while_wanted
from models.database.row import row_of
from models.queries.ab_group import GroupSums

SNAPSHOTS: Final = 60
MAX_CALLS: Final = 200_000
"""The most calls of a test with snapshots. Each 100,000 calls take about 1 s."""
_PAGE: Final = 5_000


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The comparison of the variants in the primary metric, from the calls that had occurred by `at`."""

    at: datetime
    comparison: Comparison


async def snapshots_of(
    session: AsyncSession, compute: Compute, user_id: UUID, ab_test_id: UUID, now: datetime
) -> list[Snapshot] | None:
    """The snapshots of a test at the ends of `SNAPSHOTS` equal time ranges, from its start to its end or until now.

    None if the user has no such test, or if it has more than `MAX_CALLS` calls.
    """
    test = await row_of(session, ABTest, user_id, ab_test_id)
    if test is None or test.variant_a_calls + test.variant_b_calls > MAX_CALLS:
        return None
    maker = _SnapshotMaker(test, test.ended_at or now)
    row = RouterAnalytics
    columns = (row.id, row.occurred_at, *(getattr(row, name) for name in _COUNTED))
    counted = select(*columns).where(row.user_id == test.user_id, row.ab_test_id == test.id, row.ab_counted.is_(True))
    page: Sequence[RowMapping] = (await session.execute(counted.order_by(row.id).limit(_PAGE))).mappings().all()
    while page:
        await compute.offload(test.user_id, maker.add, page)
        following = counted.where(row.id > page[-1]["id"]).order_by(row.id).limit(_PAGE)
        page = (await session.execute(following)).mappings().all()
    return await compute.offload(test.user_id, maker.finished)


_COUNTED: Final = (*GROUP_KEY, "ab_assigned", "ab_counted", "success", "latency_ms", "cost")


class _SnapshotMaker:
    """Adds up calls in the order in which they occurred, and takes a snapshot at the end of each time range."""

    def __init__(self, test: ABTest, end: datetime) -> None:
        self._test = test
        self._end = end
        self._time_range = (end - test.started_at) / SNAPSHOTS
        self._sums = GroupSums({test.id: test.cost_cap})
        self._snapshots: list[Snapshot] = []

    def add(self, rows: Sequence[RowMapping]) -> None:
        for row in while_wanted(rows):
            while len(self._snapshots) < SNAPSHOTS - 1 and row["occurred_at"] > self._next():
                self._take(self._next())
            self._sums.add({name: row[name] for name in _COUNTED})

    def finished(self) -> list[Snapshot]:
        """All snapshots. The last one contains all calls."""
        while len(self._snapshots) < SNAPSHOTS - 1:
            self._take(self._next())
        self._take(self._end)
        return self._snapshots

    def _next(self) -> datetime:
        return self._test.started_at + self._time_range * (len(self._snapshots) + 1)

    def _take(self, at: datetime) -> None:
        a, b = (Arm.of(self._sums.of(self._test.id, variant)) for variant in Variant)
        self._snapshots.append(Snapshot(at, compare(self._test.primary_metric, a, b)))
