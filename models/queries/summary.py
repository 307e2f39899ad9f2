"""Sums over stretches of time, by any dimensions: whole days and hours from the rollups, what is left at the ends from rows."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    DateTime,
    Integer,
    Select,
    String,
    cast,
    func,
    literal,
    literal_column,
    select,
    true,
)
from sqlalchemy.ext.asyncio import AsyncSession

from domain.analytics import AnalyticsFilter
from domain.cost_alert import Window
from domain.error import InvalidInput
from domain.latency import bucket_of
from domain.summary import MAX_BUCKETS, AnalyticsDimension, Sums, too_many
from models.analytics import RouterAnalytics
from models.database.compute import Compute, while_wanted
from models.queries.analytics import of_models, passing
from models.rollup import (
    MEASURES,
    NO_TEXT,
    AnalyticsDaily,
    AnalyticsHourly,
    LatencyDaily,
    LatencyHourly,
    Retention,
    of_calls,
)

_MAX_STRETCHES: Final = 2_000
"""Stretches of time that are read from rows: a query each. A month of hours in a half-hour zone has 1,488."""
_FEW: Final = 500
"""Rows that are added up at once: no other request waits long for that."""
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


_MEASURES_OF_CALLS: Final = [
    literal_column(sql, AnalyticsHourly.__table__.columns[name].type).label(name)
    for name, sql in of_calls(AnalyticsHourly, RouterAnalytics.__tablename__, key=False).items()
]
_LEVELS: Final = (
    _Level(timedelta(days=1), AnalyticsDaily, "day", LatencyDaily),
    _Level(timedelta(hours=1), AnalyticsHourly, "hour", LatencyHourly),
)
Placed = tuple[int, Window]
"""A stretch of time, and the place of what it adds to."""
Packed = tuple[tuple[int, Group], str, Callable[[int], int]]
"""A histogram: of which place and group, as a text, and how its numbers become buckets of `domain.latency`."""


class Summary:
    """Adds up one user's decisions that pass a filter, whose range does not count: the stretches of time do."""

    def __init__(
        self,
        session: AsyncSession,
        compute: Compute,
        user_id: UUID,
        wanted: AnalyticsFilter,
        dimensions: Sequence[AnalyticsDimension],
        *,
        percentiles: bool,
        most: int = MAX_BUCKETS,
    ) -> None:
        self._session = session
        self._compute = compute
        self._on_sqlite = session.get_bind().dialect.name == "sqlite"
        self._user_id = user_id
        self._wanted = wanted.model_copy(update={"from_": None, "to": None})
        self._dimensions = [_COLUMN[dimension] for dimension in dimensions]
        self._percentiles = percentiles
        self._most = most
        self._summed: Summed = defaultdict(Sums)

    async def over(self, buckets: Sequence[Window], places: Sequence[int] | None = None) -> Summed:
        """The sums over these stretches of time, which follow one another: by the place of each, or by `places`.

        Raises InvalidInput when too many of them have to be read from rows, or rows that retention has dropped.
        """
        places = range(len(buckets)) if places is None else places
        # The rollups do not tell what the failed ones cost, or those that fallbacks served.
        by_rows = self._wanted.success is not None or self._wanted.fallback_used is not None
        levels = () if by_rows else _LEVELS
        whole, rest = await self._compute.offload(
            self._user_id, _taken_apart, list(zip(places, buckets, strict=True)), levels
        )
        await self._check(rest)
        for place, end in rest:
            await self._add_found(self._of_rows(end), place)
        for level, units in whole:
            await self._add_found(await self._compute.offload(self._user_id, self._of_units, level, units))
        if len({group for _, group in self._summed}) * len(set(places)) > self._most:
            raise too_many()
        if self._percentiles:
            await self._add_percentiles(whole, rest)
        return self._summed

    async def _check(self, rest: Sequence[Placed]) -> None:
        if len(rest) > _MAX_STRETCHES:
            raise too_many()
        kept_from = await self._session.scalar(select(func.max(Retention.kept_from))) if rest else None
        if kept_from is not None and any(end.start < kept_from for _, end in rest):
            wanted = self._wanted
            raise _dropped(
                kept_from,
                "filter.success" if wanted.success is not None else "filter.fallbackUsed",
                by_rows=wanted.success is not None or wanted.fallback_used is not None,
            )

    async def _add_found(self, statement: Select[Any], *place: int) -> None:
        """Add what the statement finds to what it is of. More than can be returned is not read to its end."""
        found = await self._session.execute(statement.limit(self._most + 1))
        first = found.fetchmany(_FEW)
        self._fold(place, first)
        if len(first) == _FEW:
            await self._compute.offload(self._user_id, self._fold, place, found)
        if len(self._summed) > self._most:
            raise too_many()

    def _fold(self, place: tuple[int, ...], found: Iterable[Sequence[Any]]) -> None:
        for row in while_wanted(found):
            key, values = self._taken((*place, *row))
            _add(self._summed[key], values)

    def _taken(self, row: Sequence[Any]) -> tuple[tuple[int, Group], Sequence[Any]]:
        """What a row is of, and its values."""
        wide = 1 + len(self._dimensions)
        place, *group = row[:wide]
        return (place, tuple(value if value != NO_TEXT else None for value in group)), row[wide:]

    async def _add_percentiles(self, whole: Sequence[tuple[_Level, Sequence[Placed]]], rest: Sequence[Placed]) -> None:
        packed: list[Packed] = []
        for place, end in rest:
            for row in await self._session.execute(_packed(self._latencies_of_rows(end))):
                key, [text] = self._taken((place, *row))
                packed.append((key, text, bucket_of))
        for level, units in whole:
            statement = await self._compute.offload(self._user_id, self._latencies_of_units, level, units)
            for row in await self._session.execute(_packed(statement)):
                key, [text] = self._taken(row)
                packed.append((key, text, int))
        await self._compute.offload(self._user_id, _set_percentiles, self._summed, packed)

    def _of_units(self, level: _Level, units: Sequence[Placed]) -> Select[Any]:
        """The sums of whole units of time, by place."""
        return self._by_place(level, units, level.sums, [], MEASURES)

    def _latencies_of_units(self, level: _Level, units: Sequence[Placed]) -> Select[Any]:
        """The histograms of whole units of time, by place: bucket and calls."""
        return self._by_place(level, units, level.latencies, ["bucket"], ["calls"])

    def _by_place(
        self, level: _Level, units: Sequence[Placed], table: type[Any], also_by: Sequence[str], sums: Sequence[str]
    ) -> Select[Any]:
        """What the rollups of these units add up to, grouped where they are stored: few rows come of many."""
        by = [getattr(table, name) for name in (*self._dimensions, *also_by)]
        added = [func.sum(getattr(table, name)).label(name) for name in sums]
        conditions = [table.user_id == self._user_id, *self._conditions(table)]
        time = getattr(table, level.time)
        if self._on_sqlite:
            place, start, end = _stretches_on_sqlite(units)
            return select(place, *by, *added).where(time >= start, time < end, *conditions).group_by(place, *by)
        stretches = _stretches_on_postgresql(units)
        in_one = (
            select(*by, *added)
            .where(time >= stretches.c.starts, time < stretches.c.ends, *conditions)
            .group_by(*by)
            .having(func.count() > 0)
            # Looked up for one stretch after the other, however few rows the planner thinks a user has.
            .lateral()
        )
        keys, values = in_one.c[: len(by)], in_one.c[len(by) :]
        return (
            select(stretches.c.place, *keys, *map(func.sum, values))
            .select_from(stretches.join(in_one, true()))
            .group_by(stretches.c.place, *keys)
        )

    def _conditions(self, table: type[Any]) -> list[ColumnElement[bool]]:
        wanted = self._wanted
        conditions: list[ColumnElement[bool]] = []
        for column, values in (
            (table.provider, wanted.providers),
            (table.task_type, wanted.task_types),
        ):
            if values is not None:
                conditions.append(column.in_(values))
        if wanted.ab_test_id is not None:
            conditions.append(table.ab_test_id == wanted.ab_test_id)
        return [*conditions, *of_models(table, wanted)]

    def _of_rows(self, stretch: Window) -> Select[Any]:
        """The sums of the decisions in a stretch of time."""
        return self._rows_in(stretch, [], *_MEASURES_OF_CALLS)

    def _latencies_of_rows(self, stretch: Window) -> Select[Any]:
        """The latencies of the decisions in a stretch of time: how long, and how many calls took so long."""
        latency_ms = RouterAnalytics.latency_ms
        return self._rows_in(stretch, [latency_ms], func.count()).where(latency_ms.is_not(None))

    def _rows_in(self, stretch: Window, also_by: Sequence[Any], *sums: Any) -> Select[Any]:
        table = RouterAnalytics
        by = [*(getattr(table, name) for name in self._dimensions), *also_by]
        inside = passing(self._wanted.model_copy(update={"from_": stretch.start, "to": stretch.end}))
        return select(*by, *sums).where(table.user_id == self._user_id, *inside).group_by(*by)


def _dropped(kept_from: datetime, condition: str, *, by_rows: bool) -> InvalidInput:
    """The refusal of what only decisions tell that retention has dropped."""
    of_them = (
        f"filter: decisions before {kept_from:%Y-%m-%dT%H:%M:%SZ} were dropped, and the sums that are left of them"
    )
    if by_rows:
        told = "success from failure" if condition == "filter.success" else "fallbacks from others"
        return InvalidInput(f"{of_them} do not tell {told}; ask from then on, or without {condition}", ["filter"])
    return InvalidInput(
        f"{of_them} are of whole hours of UTC; ask from then on, or for whole hours, in a time zone that has them",
        ["filter", "from"],
    )


def _stretches_on_sqlite(stretches: Sequence[Placed]) -> list[ColumnElement[Any]]:
    """The place, start and end of each of these, however many, of one parameter."""
    rows = [(place, _written(stretch.start), _written(stretch.end)) for place, stretch in stretches]
    each = func.json_each(to_json(rows).decode()).table_valued("value")
    return [func.json_extract(each.c.value, f"$[{column}]") for column in range(3)]


def _stretches_on_postgresql(stretches: Sequence[Placed]) -> Any:
    """A table of these, however many: place, starts and ends."""
    places = literal([place for place, _ in stretches], ARRAY(Integer))
    starts = literal([stretch.start for _, stretch in stretches], ARRAY(DateTime(timezone=True)))
    ends = literal([stretch.end for _, stretch in stretches], ARRAY(DateTime(timezone=True)))
    return func.unnest(places, starts, ends).table_valued("place", "starts", "ends").render_derived()


def _written(moment: datetime) -> str:
    """As SQLite stores it."""
    return f"{moment:%Y-%m-%d %H:%M:%S.%f}"


def _packed(counted: Select[Any]) -> Select[Any]:
    """The last two columns, a number and how often it was counted, as one text for each of the others.

    A histogram has dozens of buckets: rows of their own would keep the event loop busy.
    """
    *key, number, times = counted.subquery().c
    text = func.aggregate_strings(cast(number, String) + ":" + cast(times, String), ",")
    # Of nothing there is nothing to tell.
    return select(*key, text).group_by(*key).having(func.count() > 0)


def _set_percentiles(summed: Summed, packed: Iterable[Packed]) -> None:
    """Set the percentiles of what these histograms are of."""
    histograms: defaultdict[tuple[int, Group], Counter[int]] = defaultdict(Counter)
    for key, text, bucket in while_wanted(packed):
        histogram = histograms[key]
        for each in text.split(","):
            number, times = each.split(":")
            histogram[bucket(int(number))] += int(times)
    for key, histogram in while_wanted(histograms.items()):
        summed[key].set_percentiles(histogram)


def _taken_apart(
    stretches: list[Placed], levels: Sequence[_Level]
) -> tuple[list[tuple[_Level, list[Placed]]], list[Placed]]:
    """The whole units of time in these stretches, the longest first, and what is left of them."""
    whole: list[tuple[_Level, list[Placed]]] = []
    for level in levels:
        units, stretches = _whole(stretches, level.unit)
        if units:
            whole.append((level, units))
    return whole, stretches


def _whole(stretches: Sequence[Placed], unit: timedelta) -> tuple[list[Placed], list[Placed]]:
    """The whole units of time in these stretches, and what is left of them."""
    units: list[Placed] = []
    rest: list[Placed] = []
    for place, stretch in while_wanted(stretches):
        first, last = stretch.whole(unit)
        if first >= last:
            rest.append((place, stretch))
            continue
        units.append((place, Window(first, last)))
        ends = (Window(stretch.start, first), Window(last, stretch.end))
        rest += [(place, end) for end in ends if end.start < end.end]
    return units, rest


def _add(sums: Sums, values: Sequence[Any]) -> None:
    """Add a row's values, in the order of MEASURES; of a range with nothing in it, one row of nulls says so."""
    for name, value in zip(MEASURES, values, strict=True):
        if value:
            attribute = "total_cost" if name == "cost" else name
            # Sums of whole numbers come as decimals from PostgreSQL.
            added = value if name in _NO_INTEGERS else int(value)
            setattr(sums, attribute, getattr(sums, attribute) + added)


_NO_INTEGERS: Final = frozenset({"cost", "latency_sum_squares", "cost_sum_squares"})
