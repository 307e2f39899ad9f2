"""Summaries of calls: sums per time bucket and per combination of dimensions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from pydantic import Field

from domain.analytics import AnalyticsFilter
from domain.bounds import EPOCH, Input, TimeZone
from domain.error import InvalidInput
from domain.latency import percentile
from domain.money import EXACT, ZERO, to_nano_dollars
from domain.window import AlertPeriod, WeekDay, Window, window_at

MAX_BUCKETS: Final = 10_000
"""The most rows of one summary."""
DEFAULT_RANGE: Final = timedelta(days=30)
"""The length of the time range when the filter has no `from`."""
MOST_HOURS: Final = timedelta(days=400)
"""The longest time range that is summed by hour."""
LAST_END: Final = datetime(2200, 1, 1, tzinfo=UTC)
"""The latest end of a time range."""
DAYS_OF_A_WEEK: Final = tuple(WeekDay)
_HOURS_OF_A_DAY: Final = 24


class AnalyticsDimension(StrEnum):
    PROVIDER = "PROVIDER"
    MODEL = "MODEL"
    TASK_TYPE = "TASK_TYPE"
    PRIORITY = "PRIORITY"
    AB_VARIANT = "AB_VARIANT"


class LeaderboardDimension(StrEnum):
    PROVIDER = "PROVIDER"
    MODEL = "MODEL"

    @property
    def dimensions(self) -> list[AnalyticsDimension]:
        """The dimensions to group by. Models are grouped by provider and model."""
        of_provider = [AnalyticsDimension.PROVIDER]
        return of_provider if self is LeaderboardDimension.PROVIDER else [*of_provider, AnalyticsDimension.MODEL]


class TimeGrain(StrEnum):
    HOUR = "HOUR"
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"


_PERIOD_OF: Final = {
    TimeGrain.HOUR: AlertPeriod.HOURLY,
    TimeGrain.DAY: AlertPeriod.DAILY,
    TimeGrain.WEEK: AlertPeriod.WEEKLY,
    TimeGrain.MONTH: AlertPeriod.MONTHLY,
}


class SummaryRequest(Input):
    """The input of a summary: which calls to sum, by which dimensions, and in which time buckets."""

    filter: AnalyticsFilter = AnalyticsFilter()
    group_by: Annotated[list[AnalyticsDimension], Field(max_length=len(AnalyticsDimension))] = []
    grain: TimeGrain | None = None
    time_zone: TimeZone = "UTC"

    def dimensions(self) -> list[AnalyticsDimension]:
        """The dimensions to group by, without duplicates."""
        return list(dict.fromkeys(self.group_by))

    def range(self, now: datetime) -> Window:
        """The time range. By default it ends with the current hour and starts 30 days earlier.

        Raises InvalidInput when the range is empty or ends too late.
        """
        end = self.filter.to or now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        if end > LAST_END:
            raise InvalidInput(f"filter.to: must not be after {LAST_END:%Y-%m-%dT%H:%M:%SZ}", ["filter", "to"])
        start = self.filter.from_ or max(end - DEFAULT_RANGE, EPOCH)
        if start >= end:
            raise InvalidInput(
                "filter.from: must be before filter.to, or before the current time when filter.to is missing",
                ["filter", "from"],
            )
        return Window(start, end)

    def compared_ranges(self, now: datetime) -> list[Window]:
        """The time range of the same length before the time range, and the time range. Raises InvalidInput without room."""
        current = self.range(now)
        previous = Window(max(current.start - (current.end - current.start), EPOCH), current.start)
        if previous.start >= previous.end:
            raise InvalidInput(
                "filter.from: must leave room for a time range of the same length before it", ["filter", "from"]
            )
        return [previous, current]

    def hours(self, now: datetime) -> list[Window]:
        """The UTC hours of the time range; the first and the last are cut to the range.

        Raises InvalidInput when the range is empty or longer than `MOST_HOURS`.
        """
        if (whole := self.range(now)).end - whole.start > MOST_HOURS:
            raise InvalidInput(
                f"filter.from: the time range must be at most {MOST_HOURS.days} days", ["filter", "from"]
            )
        return self.model_copy(update={"grain": TimeGrain.HOUR, "time_zone": "UTC"}).buckets(now)

    def buckets(self, now: datetime) -> list[Window]:
        """The time buckets of the range, without gap or overlap; the first and the last are cut to the range.

        Raises InvalidInput when the range is empty or has more than `MAX_BUCKETS` buckets.
        """
        whole = self.range(now)
        if self.grain is None:
            return [whole]
        start, end = whole.start, whole.end
        zone, period = ZoneInfo(self.time_zone), _PERIOD_OF[self.grain]
        buckets: list[Window] = []
        while start < end:
            if len(buckets) == MAX_BUCKETS:
                raise too_many()
            next_start = min(window_at(period, zone, start).end, end)
            buckets.append(Window(start, next_start))
            start = next_start
        return buckets


def too_many() -> InvalidInput:
    """The expected error for a summary with too many rows."""
    return InvalidInput(
        f"grain: too fine: a summary has at most {MAX_BUCKETS} rows, and fewer if they are not whole hours or are filtered "
        "by success; use a coarser grain, fewer dimensions or a shorter time range",
        ["grain"],
    )


@dataclass(slots=True)
class Sums:
    """Sums over the calls of one time bucket and group. Costs are in USD, latencies in ms."""

    calls: int = 0
    successes: int = 0
    fallbacks: int = 0
    priced: int = 0
    total_cost: Decimal = ZERO
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    timed: int = 0
    latency_sum_ms: int = 0
    latency_sum_squares: float = 0.0
    cost_sum_squares: float = 0.0
    """The sum of squared costs in USD: a float, used for statistics only."""
    # None unless percentiles were requested.
    latency_p50_ms: float | None = None
    latency_p95_ms: float | None = None
    latency_p99_ms: float | None = None

    @property
    def unpriced_calls(self) -> int:
        """Calls of unknown cost: they add nothing to `total_cost`."""
        return self.calls - self.priced

    @property
    def success_rate(self) -> float | None:
        return self.successes / self.calls if self.calls else None

    @property
    def error_rate(self) -> float | None:
        return (self.calls - self.successes) / self.calls if self.calls else None

    @property
    def fallback_rate(self) -> float | None:
        return self.fallbacks / self.calls if self.calls else None

    @property
    def avg_cost(self) -> Decimal | None:
        return to_nano_dollars(EXACT.divide(self.total_cost, Decimal(self.priced))) if self.priced else None

    @property
    def avg_latency_ms(self) -> float | None:
        return self.latency_sum_ms / self.timed if self.timed else None

    def set_percentiles(self, histogram: Mapping[int, int]) -> None:
        """Set the latency percentiles from `histogram`: counts of calls by bucket of `domain.latency`."""
        self.latency_p50_ms, self.latency_p95_ms, self.latency_p99_ms = (
            percentile(histogram, share) for share in (0.50, 0.95, 0.99)
        )

    def add(self, other: Sums) -> None:
        """Add the sums of `other` to these. Percentiles cannot be added: they stay unchanged."""
        for name in _ADDED:
            setattr(self, name, getattr(self, name) + getattr(other, name))


_ADDED: Final = tuple(each.name for each in fields(Sums) if each.default is not None)


def change(now: Decimal | float | None, before: Decimal | float | None) -> float | None:
    """The relative change: 0.5 is 50 % more. None when a value is unknown or `before` is 0."""
    return None if now is None or not before else float(now) / float(before) - 1


@dataclass(frozen=True, slots=True)
class LeaderboardRow:
    """One provider or model: its sums in a time range, and in the preceding time range of the same length."""

    group: dict[AnalyticsDimension, str | None]
    sums: Sums
    previous: Sums


def leaderboard(
    dimensions: Sequence[AnalyticsDimension],
    summed: Mapping[tuple[int, tuple[str | None, ...]], Sums],
    first: int,
) -> list[LeaderboardRow]:
    """The `first` rows, highest cost first. Time range 0 is the previous one; a group without calls in 1 has no row."""
    groups = [group for index, group in summed if index == 1]
    rows = [
        LeaderboardRow(dict(zip(dimensions, group, strict=True)), summed[1, group], summed.get((0, group)) or Sums())
        for group in groups
    ]
    rows.sort(key=lambda row: (-row.sums.total_cost, -row.sums.calls, [value or "" for value in row.group.values()]))
    return rows[:first]


@dataclass(frozen=True, slots=True)
class CostShare:
    provider: str
    total_cost: Decimal
    share: float | None
    unpriced_calls: int = 0


@dataclass(frozen=True, slots=True)
class CostTrendPoint:
    """The cost of one time bucket in USD, in total and per provider."""

    window: Window
    total_cost: Decimal
    providers: list[CostShare]

    @property
    def unpriced_calls(self) -> int:
        """Calls of unknown cost: they add nothing to `total_cost`."""
        return sum(share.unpriced_calls for share in self.providers)


def cost_trend(
    buckets: Sequence[Window], summed: Mapping[tuple[int, tuple[str | None, ...]], Sums]
) -> list[CostTrendPoint]:
    """One point per time bucket. Every point has every provider, so that the lines of a chart have no gaps.

    Raises InvalidInput for more than `MAX_BUCKETS` costs.
    """
    if len(buckets) * len({group for _, group in summed}) > MAX_BUCKETS:
        raise too_many()
    providers = sorted({group[0] or "" for _, group in summed})
    points = []
    for index, window in enumerate(buckets):
        sums = {name: summed.get((index, (name,))) or Sums() for name in providers}
        total = sum((each.total_cost for each in sums.values()), ZERO)
        shares = [
            CostShare(name, each.total_cost, float(each.total_cost / total) if total else None, each.unpriced_calls)
            for name, each in sums.items()
        ]
        points.append(CostTrendPoint(window, total, shares))
    return points


@dataclass(frozen=True, slots=True)
class HeatMapCell:
    """One hour of the week, in local time, with its sums."""

    weekday: WeekDay
    hour: int
    sums: Sums


def hours_of_week(hours: Sequence[Window], zone: ZoneInfo) -> list[int]:
    """The hour of the week, 0 to 167, in which each UTC hour starts in local time. Monday 00:00 is 0."""
    local = (hour.start.astimezone(zone) for hour in hours)
    return [_HOURS_OF_A_DAY * each.weekday() + each.hour for each in local]


def heat_map(summed: Mapping[tuple[int, tuple[str | None, ...]], Sums]) -> list[HeatMapCell]:
    """A cell for each of the 168 hours of a week. `summed` has the hour of the week in its keys."""
    return [
        HeatMapCell(weekday, hour, summed.get((_HOURS_OF_A_DAY * day + hour, ())) or Sums())
        for day, weekday in enumerate(DAYS_OF_A_WEEK)
        for hour in range(_HOURS_OF_A_DAY)
    ]


@dataclass(frozen=True, slots=True)
class AnalyticsBucket:
    """One row of a summary: a group in a time bucket. `window` is None for the whole time range."""

    window: Window | None
    group: dict[AnalyticsDimension, str | None]
    sums: Sums


def table(
    dimensions: Sequence[AnalyticsDimension],
    summed: Mapping[tuple[int, tuple[str | None, ...]], Sums],
    windows: Sequence[Window | None],
) -> list[AnalyticsBucket]:
    """The rows of a summary: one per time bucket and group, by time and then by group. The window None is the whole range.

    Raises InvalidInput for more than `MAX_BUCKETS` rows.
    """
    groups = sorted({group for _, group in summed}, key=_by_text) if dimensions else [()]
    if len(groups) * len(windows) > MAX_BUCKETS:
        raise too_many()
    return [
        AnalyticsBucket(window, dict(zip(dimensions, group, strict=True)), summed.get((index, group)) or Sums())
        for index, window in enumerate(windows)
        for group in groups
    ]


def _by_text(group: tuple[str | None, ...]) -> tuple[tuple[bool, str], ...]:
    """A sort key that puts None before all texts."""
    return tuple((value is not None, value or "") for value in group)
