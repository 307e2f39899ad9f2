"""Sums over stretches of time, by any dimensions: whole days and hours from the rollups, what is left at the ends from rows."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, Double, and_, case, cast, func, or_, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncSession

from domain.analytics import AnalyticsFilter
from domain.cost_alert import Window
from domain.error import InvalidInput
from domain.latency import bucket_of
from domain.money import ZERO
from domain.summary import MAX_BUCKETS, AnalyticsDimension, Sums, too_many
from models.analytics import RouterAnalytics, passing
from models.rollup import NO_TEXT, SUMS, AnalyticsDaily, AnalyticsHourly, LatencyDaily, LatencyHourly, Retention

_MOST_RANGES: Final = 100
"""Stretches of time that one statement names; of more, all that lies between is read."""
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


class _Level(NamedTuple):
    """The rollups of one unit of time."""

    unit: timedelta
    sums: type[Any]
    time: str
    latencies: type[Any]


_LEVELS: Final = (
    _Level(timedelta(days=1), AnalyticsDaily, "day", LatencyDaily),
    _Level(timedelta(hours=1), AnalyticsHourly, "hour", LatencyHourly),
)
Placed = tuple[int, Window]
"""A stretch of time, and the place of the bucket it is of."""


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
        most: int = MAX_BUCKETS,
    ) -> None:
        self._session = session
        self._user_id = user_id
        self._wanted = wanted.model_copy(update={"from_": None, "to": None})
        self._dimensions = [_COLUMN[dimension] for dimension in dimensions]
        self._percentiles = percentiles
        self._most = most
        self._summed: Summed = defaultdict(Sums)

    async def over(self, buckets: Sequence[Window]) -> Summed:
        """The sums over each of these stretches of time, which follow one another.

        Raises InvalidInput when too many of them have to be read from rows, or rows that retention has dropped.
        """
        rest: list[Placed] = list(enumerate(buckets))
        whole: list[tuple[_Level, list[Placed]]] = []
        # The rollups do not tell what the failed ones cost.
        for level in _LEVELS if self._wanted.success is None else ():
            units, rest = _taken_apart(rest, level.unit)
            whole.append((level, units))
        await self._check(rest)
        for place, end in rest:
            await self._add_rows(place, end)
        for level, units in whole:
            await self._add_sums(level, units)
        if len({group for _, group in self._summed}) * len(buckets) > self._most:
            raise too_many()
        for level, units in whole if self._percentiles else ():
            await self._add_latencies(level, units)
        return self._summed

    async def _check(self, rest: Sequence[Placed]) -> None:
        if len(rest) > _MAX_STRETCHES:
            raise too_many()
        kept_from = await self._session.scalar(select(func.max(Retention.kept_from))) if rest else None
        if kept_from is not None and any(end.start < kept_from for _, end in rest):
            raise InvalidInput(
                f"filter: decisions before {kept_from:%Y-%m-%dT%H:%M:%SZ} were dropped, and only the sums of whole hours are "
                "left, which no longer tell success from failure; ask for whole hours of UTC",
                ["filter", "from"],
            )

    async def _add_sums(self, level: _Level, units: Sequence[Placed]) -> None:
        sums = [func.sum(getattr(level.sums, name)) for name in SUMS]
        for place, group, values in await self._grouped(level.sums, level, units, [], sums):
            _add(self._summed[place, group], values)

    async def _add_latencies(self, level: _Level, units: Sequence[Placed]) -> None:
        table = level.latencies
        found = await self._grouped(table, level, units, [table.bucket], [func.sum(table.calls)])
        for place, group, (bucket, calls) in found:
            self._summed[place, group].latencies[bucket] += int(calls)

    async def _grouped(
        self, table: type[Any], level: _Level, units: Sequence[Placed], also_by: list[Any], sums: list[Any]
    ) -> list[tuple[int, Group, Sequence[Any]]]:
        """What the rollups in these stretches add up to: (the bucket's place, the group, the other values)."""
        if not units:
            return []
        time = getattr(table, level.time)
        stretches = _merged(units)
        # By the hour or day only where that tells buckets apart.
        by_time = [time] if len({place for place, _ in units}) > 1 or len(stretches) > _MOST_RANGES else []
        columns = [getattr(table, name) for name in self._dimensions]
        if len(stretches) > _MOST_RANGES:
            stretches = [Window(stretches[0].start, stretches[-1].end)]
        found = await self._session.execute(
            select(*by_time, *columns, *also_by, *sums)
            .where(
                table.user_id == self._user_id,
                or_(*(and_(time >= stretch.start, time < stretch.end) for stretch in stretches)),
                *self._conditions(table),
            )
            .group_by(*by_time, *columns, *also_by)
        )
        wide = len(columns)
        starts = [stretch.start for _, stretch in units]
        placed: list[tuple[int, Group, Sequence[Any]]] = []
        for row in found:
            place, values = units[0][0], tuple(row)
            if by_time:
                moment, *rest = values
                place, stretch = units[bisect_right(starts, moment) - 1]
                if moment + level.unit > stretch.end:
                    continue  # it is of no bucket, or its parts come from elsewhere
                values = tuple(rest)
            group = tuple(value if value != NO_TEXT else None for value in values[:wide])
            placed.append((place, group, values[wide:]))
        return placed

    def _conditions(self, table: type[Any]) -> list[ColumnElement[bool]]:
        wanted = self._wanted
        conditions: list[ColumnElement[bool]] = []
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
                func.sum(cast(table.latency_ms, Double) * table.latency_ms),
                func.sum(_in_usd(table.cost) * _in_usd(table.cost)),
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


def _in_usd(cost: Any) -> Any:
    """Money as a float, from the nano-dollars that are stored."""
    return cast(type_coerce(cost, BigInteger), Double) / 1_000_000_000


def _taken_apart(stretches: Sequence[Placed], unit: timedelta) -> tuple[list[Placed], list[Placed]]:
    """The whole units of time in these stretches, and what is left of them."""
    units: list[Placed] = []
    rest: list[Placed] = []
    for place, stretch in stretches:
        first, last = stretch.whole(unit)
        if first >= last:
            rest.append((place, stretch))
            continue
        units.append((place, Window(first, last)))
        ends = (Window(stretch.start, first), Window(last, stretch.end))
        rest += [(place, end) for end in ends if end.start < end.end]
    return units, rest


def _merged(stretches: Sequence[Placed]) -> list[Window]:
    """The same time in as few stretches as there can be."""
    merged: list[Window] = []
    for _, stretch in stretches:
        if merged and merged[-1].end == stretch.start:
            merged[-1] = Window(merged[-1].start, stretch.end)
        else:
            merged.append(stretch)
    return merged


def _add(sums: Sums, values: Sequence[Any]) -> None:
    calls, successes, fallbacks, priced, cost, input_tokens, output_tokens, timed, latency_sum_ms, *squares = values
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
    latency_squares, cost_squares = squares
    sums.latency_sum_squares += latency_squares or 0.0
    sums.cost_sum_squares += cost_squares or 0.0
