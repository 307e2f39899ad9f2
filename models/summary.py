"""Sums over stretches of time, by any dimensions: whole hours from the rollups, what is left at the ends from rows."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.analytics import AnalyticsFilter
from domain.cost_alert import Window
from domain.latency import bucket_of
from domain.money import ZERO
from domain.summary import MAX_BUCKETS, AnalyticsDimension, Sums, too_many, whole_hours
from models.analytics import RouterAnalytics, passing
from models.rollup import NO_TEXT, AnalyticsHourly, LatencyHourly

_HOUR: Final = timedelta(hours=1)
_MAX_STRETCHES: Final = 2_000
"""Stretches of time that are read from rows: a query each. A month of hours in a half-hour zone has 1,488."""
_COLUMN: Final = {
    AnalyticsDimension.PROVIDER: "provider",
    AnalyticsDimension.MODEL: "model_used",
    AnalyticsDimension.TASK_TYPE: "task_type",
    AnalyticsDimension.PRIORITY: "priority",
    AnalyticsDimension.AB_VARIANT: "ab_variant",
}

Group = tuple[str | None, ...]
Summed = defaultdict[tuple[int, Group], Sums]
"""By the place of the stretch of time, and the values of the dimensions."""


class Summary:
    """Adds up one user's decisions that pass a filter, whose range does not count: the stretches of time do."""

    def __init__(
        self,
        session: AsyncSession,
        user_id: UUID,
        wanted: AnalyticsFilter,
        dimensions: Sequence[AnalyticsDimension],
        *,
        percentiles: bool,
    ) -> None:
        self._session = session
        self._user_id = user_id
        self._wanted = wanted.model_copy(update={"from_": None, "to": None})
        self._dimensions = [_COLUMN[dimension] for dimension in dimensions]
        self._percentiles = percentiles
        self._summed: Summed = defaultdict(Sums)

    async def over(self, buckets: Sequence[Window]) -> Summed:
        """The sums over each of these stretches of time, which follow one another without a gap.

        Raises InvalidInput when too many of them have to be read from rows.
        """
        whole: dict[int, Window] = {}
        rest: list[tuple[int, Window]] = []
        for place, bucket in enumerate(buckets):
            # The rollups do not tell what the failed ones cost.
            hours, ends = whole_hours(bucket) if self._wanted.success is None else (None, [bucket])
            if hours is not None:
                whole[place] = hours
            rest += [(place, end) for end in ends]
        if len(rest) > _MAX_STRETCHES:
            raise too_many()
        for place, end in rest:
            await self._add_rows(place, end)
        if whole:
            await self._add_hours(whole)
            if len({group for _, group in self._summed}) * len(buckets) > MAX_BUCKETS:
                raise too_many()
            if self._percentiles:
                await self._add_histograms(whole)
        return self._summed

    async def _add_hours(self, whole: dict[int, Window]) -> None:
        table = AnalyticsHourly
        sums = (
            table.calls,
            table.successes,
            table.fallbacks,
            table.priced,
            table.cost,
            table.input_tokens,
            table.output_tokens,
            table.timed,
            table.latency_sum_ms,
        )
        columns = [getattr(table, name) for name in self._dimensions]
        by_hour = [table.hour] if len(whole) > 1 else []
        found = await self._session.execute(
            select(*by_hour, *columns, *(func.sum(each) for each in sums))
            .where(table.user_id == self._user_id, *self._in_hours(table, whole))
            .group_by(*by_hour, *columns)
        )
        for place, group, values in self._placed(found, whole):
            _add(self._summed[place, group], values)

    async def _add_histograms(self, whole: dict[int, Window]) -> None:
        table = LatencyHourly
        columns = [getattr(table, name) for name in self._dimensions]
        by_hour = [table.hour] if len(whole) > 1 else []
        found = await self._session.execute(
            select(*by_hour, *columns, table.bucket, func.sum(table.calls))
            .where(table.user_id == self._user_id, *self._in_hours(table, whole))
            .group_by(*by_hour, *columns, table.bucket)
        )
        for place, group, (bucket, calls) in self._placed(found, whole):
            self._summed[place, group].latencies[bucket] += int(calls)

    def _in_hours(self, table: type[Any], whole: dict[int, Window]) -> list[ColumnElement[bool]]:
        wanted = self._wanted
        conditions = [
            table.hour >= min(w.start for w in whole.values()),
            table.hour < max(w.end for w in whole.values()),
        ]
        for column, values in (
            (table.provider, wanted.providers),
            (table.model_used, wanted.models),
            (table.task_type, wanted.task_types),
        ):
            if values is not None:
                conditions.append(column.in_(values))
        if wanted.ab_test_id is not None:
            conditions.append(table.ab_test_id == wanted.ab_test_id)
        return conditions

    def _placed(self, found: Iterable[Any], whole: dict[int, Window]) -> Iterable[tuple[int, Group, Sequence[Any]]]:
        """The rows that lie in one of these stretches of whole hours: (its place, the group, the other values)."""
        places = list(whole)
        starts = [whole[place].start for place in places]
        wide = len(self._dimensions)
        for row in found:
            place, rest = places[0], tuple(row)
            if len(places) > 1:
                hour, *rest_ = rest
                place, rest = places[bisect_right(starts, hour) - 1], tuple(rest_)
                if hour + _HOUR > whole[place].end:
                    continue  # a bucket ends in this hour: its parts come from rows
            yield place, tuple(value if value != NO_TEXT else None for value in rest[:wide]), rest[wide:]

    async def _add_rows(self, place: int, stretch: Window) -> None:
        table = RouterAnalytics
        columns = [getattr(table, name) for name in self._dimensions]
        conditions = [
            table.user_id == self._user_id,
            *passing(self._wanted.model_copy(update={"from_": stretch.start, "to": stretch.end})),
        ]
        found = await self._session.execute(
            select(
                *columns,
                func.count(),
                func.sum(case((table.success, 1), else_=0)),
                func.sum(case((table.fallback_used, 1), else_=0)),
                func.count(table.cost),
                func.sum(table.cost),
                func.sum(table.input_tokens),
                func.sum(table.output_tokens),
                func.count(table.latency_ms),
                func.sum(table.latency_ms),
            )
            .where(*conditions)
            .group_by(*columns)
        )
        wide = len(columns)
        for row in found:
            _add(self._summed[place, tuple(row[:wide])], row[wide:])
        if self._percentiles:
            latencies = await self._session.execute(
                select(*columns, table.latency_ms, func.count())
                .where(*conditions, table.latency_ms.is_not(None))
                .group_by(*columns, table.latency_ms)
            )
            for *group, latency_ms, calls in latencies:
                self._summed[place, tuple(group)].latencies[bucket_of(latency_ms)] += calls


def _add(sums: Sums, values: Sequence[Any]) -> None:
    calls, successes, fallbacks, priced, cost, input_tokens, output_tokens, timed, latency_sum_ms = values
    if not calls:
        return  # nothing is in the range: one row that says so
    sums.calls += int(calls)
    sums.successes += int(successes)
    sums.fallbacks += int(fallbacks)
    sums.priced += int(priced)
    sums.total_cost += cost or ZERO
    sums.input_tokens += int(input_tokens or 0)
    sums.output_tokens += int(output_tokens or 0)
    sums.timed += int(timed)
    sums.latency_sum_ms += int(latency_sum_ms or 0)
