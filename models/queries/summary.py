"""Sums of calls over time ranges, by any dimensions.

Whole days and hours are read from rollups, and the rest at the ends of each time range from calls.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import cache
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
    Uuid,
    cast,
    func,
    literal,
    literal_column,
    select,
    true,
)
from sqlalchemy.ext.asyncio import AsyncSession

from domain.analytics import AnalyticsFilter
from domain.error import InvalidInput
from domain.latency import bucket_of
from domain.summary import MAX_BUCKETS, AnalyticsDimension, Sums, too_many
from domain.window import Window
from models.analytics import RouterAnalytics
from models.database.compute import Compute, while_wanted
from models.queries.analytics import matching, matching_models
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
from models.types import first_id_at, last_id_at, sqlite_text

_MAX_TIME_RANGES: Final = 2_000
"""The most time ranges that are read from calls. A month of hours in a half-hour time zone has 1,488."""
_FEW: Final = 500
"""How many rows are added up on the event loop. More are added up in the compute pool."""

_COLUMN: Final = {
    AnalyticsDimension.PROVIDER: "provider",
    AnalyticsDimension.MODEL: "model_used",
    AnalyticsDimension.TASK_TYPE: "task_type",
    AnalyticsDimension.PRIORITY: "priority",
    AnalyticsDimension.AB_VARIANT: "ab_variant",
}

GroupValues = tuple[str | None, ...]
"""The values of the dimensions; None where a call has no value."""
Summed = defaultdict[tuple[int, GroupValues], Sums]
"""Sums by the number of the time range and the group."""


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

NumberedRange = tuple[int, Window]
"""A time range, and the number under which its sums are returned."""
PackedHistogram = tuple[tuple[int, GroupValues], str, Callable[[int], int]]
"""A histogram: its key in `Summed`, its counts as a text, and the function from its values to latency buckets."""


class Summary:
    """Adds up the calls of one user that match a filter. The filter's own time range is ignored; see `over`."""

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

    async def over(self, buckets: Sequence[Window], numbers: Sequence[int] | None = None) -> Summed:
        """The sums over consecutive time ranges, each under its index in `buckets` or under its number in `numbers`.

        Raises InvalidInput if there are too many groups, if too many time ranges must be read from calls, or if one needs
        calls that retention has dropped.
        """
        numbers = range(len(buckets)) if numbers is None else numbers
        # Rollups do not separate the sums of failed calls or of fallbacks from the others.
        by_rows = self._wanted.success is not None or self._wanted.fallback_used is not None
        levels = () if by_rows else _LEVELS
        whole, rest = await self._compute.offload(
            self._user_id, _taken_apart, list(zip(numbers, buckets, strict=True)), levels
        )
        await self._check(rest)
        if rest:
            await self._add_found(await self._compute.offload(self._user_id, self._of_rows, rest))
        for level, units in whole:
            await self._add_found(await self._compute.offload(self._user_id, self._of_units, level, units))
        if len({group for _, group in self._summed}) * len(set(numbers)) > self._most:
            raise too_many()
        if self._percentiles:
            await self._add_percentiles(whole, rest)
        return self._summed

    async def _check(self, rest: Sequence[NumberedRange]) -> None:
        if len(rest) > _MAX_TIME_RANGES:
            raise too_many()
        kept_from = await self._session.scalar(select(func.max(Retention.kept_from))) if rest else None
        if kept_from is not None and any(end.start < kept_from for _, end in rest):
            wanted = self._wanted
            raise _dropped(
                kept_from,
                "filter.success" if wanted.success is not None else "filter.fallbackUsed",
                by_rows=wanted.success is not None or wanted.fallback_used is not None,
            )

    async def _add_found(self, statement: Select[Any]) -> None:
        """Add the rows that the statement returns. Raises InvalidInput for more rows than the answer may have."""
        found = await self._session.execute(statement.limit(self._most + 1))
        first = found.fetchmany(_FEW)
        self._fold(first)
        if len(first) == _FEW:
            await self._compute.offload(self._user_id, self._fold, found)
        if len(self._summed) > self._most:
            raise too_many()

    def _fold(self, found: Iterable[Sequence[Any]]) -> None:
        for row in while_wanted(found):
            key, values = self._taken(row)
            _add(self._summed[key], values)

    def _taken(self, row: Sequence[Any]) -> tuple[tuple[int, GroupValues], Sequence[Any]]:
        """The key of a row in `Summed`, and its values."""
        wide = 1 + len(self._dimensions)
        number, *group = row[:wide]
        return (number, tuple(value if value != NO_TEXT else None for value in group)), row[wide:]

    async def _add_percentiles(
        self, whole: Sequence[tuple[_Level, Sequence[NumberedRange]]], rest: Sequence[NumberedRange]
    ) -> None:
        packed: list[PackedHistogram] = []
        if rest:
            statement = await self._compute.offload(self._user_id, self._latencies_of_rows, rest)
            for row in await self._session.execute(_packed(statement)):
                key, [text] = self._taken(row)
                packed.append((key, text, bucket_of))
        for level, units in whole:
            statement = await self._compute.offload(self._user_id, self._latencies_of_units, level, units)
            for row in await self._session.execute(_packed(statement)):
                key, [text] = self._taken(row)
                packed.append((key, text, int))
        await self._compute.offload(self._user_id, _set_percentiles, self._summed, packed)

    def _of_units(self, level: _Level, units: Sequence[NumberedRange]) -> Select[Any]:
        """The statement for the sums of whole units of time, by number."""
        return self._by_number(level, units, level.sums, [], MEASURES)

    def _latencies_of_units(self, level: _Level, units: Sequence[NumberedRange]) -> Select[Any]:
        """The statement for the histograms of whole units of time, by number: bucket and calls."""
        return self._by_number(level, units, level.latencies, ["bucket"], ["calls"])

    def _by_number(
        self,
        level: _Level,
        units: Sequence[NumberedRange],
        table: Any,
        also_by: Sequence[str],
        sums: Sequence[str],
    ) -> Select[Any]:
        """The statement for sums of rollups in these units of time, by number."""
        by = [getattr(table, name) for name in (*self._dimensions, *also_by)]
        added = _sums(table, tuple(sums))
        time = getattr(table, level.time)
        conditions = [table.user_id == self._user_id, *self._conditions(table)]
        return self._grouped(units, by, added, conditions, lambda each: [time >= each.starts, time < each.ends])

    def _grouped(
        self,
        ranges: Sequence[NumberedRange],
        by: Sequence[Any],
        sums: Sequence[Any],
        conditions: Sequence[ColumnElement[bool]],
        inside: Callable[[_Range], list[ColumnElement[bool]]],
    ) -> Select[Any]:
        """The statement for sums over the rows inside each of these time ranges, by number."""
        # Only calls are searched by id.
        by_id = inside is _inside
        if self._on_sqlite:
            each = _ranges_on_sqlite(ranges, by_id=by_id)
            return select(each.number, *by, *sums).where(*inside(each), *conditions).group_by(each.number, *by)
        table, each = _ranges_on_postgresql(ranges, by_id=by_id)
        in_one = (
            select(*by, *sums)
            .where(*inside(each), *conditions)
            .group_by(*by)
            .having(func.count() > 0)
            # LATERAL makes the planner search the index once per time range, whatever it estimates.
            .lateral()
        )
        keys, values = in_one.c[: len(by)], in_one.c[len(by) :]
        return (
            select(each.number, *keys, *map(func.sum, values))
            .select_from(table.join(in_one, true()))
            .group_by(each.number, *keys)
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
        return [*conditions, *matching_models(table, wanted)]

    def _of_rows(self, ranges: Sequence[NumberedRange]) -> Select[Any]:
        """The statement for the sums of the calls in these time ranges, by number."""
        return self._grouped(ranges, self._columns, _MEASURES_OF_CALLS, self._of_calls, _inside)

    def _latencies_of_rows(self, ranges: Sequence[NumberedRange]) -> Select[Any]:
        """The statement for the latencies of the calls in these time ranges, by number: ms, and the number of calls."""
        latency_ms = RouterAnalytics.latency_ms
        timed = [*self._of_calls, latency_ms.is_not(None)]
        return self._grouped(ranges, [*self._columns, latency_ms], [func.count().label("calls")], timed, _inside)

    @property
    def _columns(self) -> list[Any]:
        return [getattr(RouterAnalytics, name) for name in self._dimensions]

    @property
    def _of_calls(self) -> list[ColumnElement[bool]]:
        return [RouterAnalytics.user_id == self._user_id, *matching(self._wanted)]


@cache
def _sums(table: Hashable, names: tuple[str, ...]) -> list[Any]:
    """The sums of these columns. Building them takes longer than the rest of a statement."""
    return [func.sum(getattr(table, name)).label(name) for name in names]


def _inside(each: _Range) -> list[ColumnElement[bool]]:
    """The conditions for calls in a time range. The bounds on the id let the primary key serve the search."""
    row = RouterAnalytics
    return [
        row.id >= each.first_id,
        row.id <= each.last_id,
        row.occurred_at >= each.starts,
        row.occurred_at < each.ends,
    ]


def _dropped(kept_from: datetime, condition: str, *, by_rows: bool) -> InvalidInput:
    """The expected error for a time range that needs calls that retention has dropped."""
    dropped = f"filter: calls before {kept_from:%Y-%m-%dT%H:%M:%SZ} were dropped, and their rollups"
    if by_rows:
        parts = "success from failure" if condition == "filter.success" else "fallbacks from other calls"
        return InvalidInput(
            f"{dropped} do not separate {parts}; choose a later filter.from, or leave out {condition}", ["filter"]
        )
    return InvalidInput(
        f"{dropped} have whole hours of UTC only; choose a later filter.from, or whole hours of UTC",
        ["filter", "from"],
    )


class _Range(NamedTuple):
    """The columns of a table of time ranges."""

    number: Any
    starts: Any
    ends: Any
    first_id: Any = None
    """The least and the greatest id that a row in this time range may have. None if rows are not searched by id."""
    last_id: Any = None


def _ranges_on_sqlite(ranges: Sequence[NumberedRange], *, by_id: bool) -> _Range:
    """The columns of a table of these time ranges, from one parameter."""
    rows: list[tuple[Any, ...]] = [(number, sqlite_text(each.start), sqlite_text(each.end)) for number, each in ranges]
    if by_id:
        ids = [(first_id_at(each.start).hex, last_id_at(each.end).hex) for _, each in ranges]
        rows = [(*row, *of_row) for row, of_row in zip(rows, ids, strict=True)]
    row = func.json_each(to_json(rows).decode()).table_valued("value")
    width = len(_Range._fields) if by_id else 3
    return _Range(*(func.json_extract(row.c.value, f"$[{column}]") for column in range(width)))


def _ranges_on_postgresql(ranges: Sequence[NumberedRange], *, by_id: bool) -> tuple[Any, _Range]:
    """A table of these time ranges, and its columns. The number of parameters does not depend on how many there are."""
    time, id_ = ARRAY(DateTime(timezone=True)), ARRAY(Uuid())
    columns: list[Any] = [
        literal([number for number, _ in ranges], ARRAY(Integer)),
        literal([each.start for _, each in ranges], time),
        literal([each.end for _, each in ranges], time),
    ]
    if by_id:
        columns.append(literal([first_id_at(each.start) for _, each in ranges], id_))
        columns.append(literal([last_id_at(each.end) for _, each in ranges], id_))
    names = _Range._fields[: len(columns)]
    table = func.unnest(*columns).table_valued(*names).render_derived()
    return table, _Range(*(table.c[name] for name in names))


def _packed(counted: Select[Any]) -> Select[Any]:
    """A statement that packs the last two columns, a value and its count, into one text per group of the other columns.

    A histogram has dozens of buckets; one row for each of them would keep the event loop busy.
    """
    *key, number, times = counted.subquery().c
    text = func.aggregate_strings(cast(number, String) + ":" + cast(times, String), ",")
    # Without grouping columns, an empty input would give one row of NULLs.
    return select(*key, text).group_by(*key).having(func.count() > 0)


def _set_percentiles(summed: Summed, packed: Iterable[PackedHistogram]) -> None:
    """Set the percentiles of each group from its histograms."""
    histograms: defaultdict[tuple[int, GroupValues], Counter[int]] = defaultdict(Counter)
    for key, text, bucket in while_wanted(packed):
        histogram = histograms[key]
        for each in text.split(","):
            number, times = each.split(":")
            histogram[bucket(int(number))] += int(times)
    for key, histogram in while_wanted(histograms.items()):
        summed[key].set_percentiles(histogram)


def _taken_apart(
    time_ranges: list[NumberedRange], levels: Sequence[_Level]
) -> tuple[list[tuple[_Level, list[NumberedRange]]], list[NumberedRange]]:
    """The whole units of time in these time ranges, by level, the longest first; and the time ranges that remain."""
    whole: list[tuple[_Level, list[NumberedRange]]] = []
    for level in levels:
        units, time_ranges = _whole(time_ranges, level.unit)
        if units:
            whole.append((level, units))
    return whole, time_ranges


def _whole(time_ranges: Sequence[NumberedRange], unit: timedelta) -> tuple[list[NumberedRange], list[NumberedRange]]:
    """The whole units of time in these time ranges, and the time ranges that remain."""
    units: list[NumberedRange] = []
    rest: list[NumberedRange] = []
    for number, time_range in while_wanted(time_ranges):
        first, last = time_range.whole(unit)
        if first >= last:
            rest.append((number, time_range))
            continue
        units.append((number, Window(first, last)))
        ends = (Window(time_range.start, first), Window(last, time_range.end))
        rest += [(number, end) for end in ends if end.start < end.end]
    return units, rest


def _add(sums: Sums, values: Sequence[Any]) -> None:
    """Add the values of a row, in the order of MEASURES. A time range without calls may yield a row of NULLs."""
    for name, value in zip(MEASURES, values, strict=True):
        if value:
            attribute = "total_cost" if name == "cost" else name
            # PostgreSQL returns sums of integers as decimals.
            added = value if name in _NO_INTEGERS else int(value)
            setattr(sums, attribute, getattr(sums, attribute) + added)


_NO_INTEGERS: Final = frozenset({"cost", "latency_sum_squares", "cost_sum_squares"})
