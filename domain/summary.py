"""Summaries of decisions: over which buckets of time, and by which dimensions."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from pydantic import Field

from domain.analytics import AnalyticsFilter
from domain.bounds import Input, TimeZone
from domain.cost_alert import AlertPeriod, Window, window_at
from domain.error import InvalidInput
from domain.latency import percentile
from domain.money import EXACT, ZERO, to_nano_dollars

MAX_BUCKETS: Final = 10_000
"""The most that one summary may return."""
DEFAULT_RANGE: Final = timedelta(days=30)


class AnalyticsDimension(StrEnum):
    PROVIDER = "PROVIDER"
    MODEL = "MODEL"
    TASK_TYPE = "TASK_TYPE"
    PRIORITY = "PRIORITY"
    AB_VARIANT = "AB_VARIANT"


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
    """What to sum up, and how finely."""

    filter: AnalyticsFilter = AnalyticsFilter()
    group_by: Annotated[list[AnalyticsDimension], Field(max_length=len(AnalyticsDimension))] = []
    grain: TimeGrain | None = None
    time_zone: TimeZone = "UTC"

    def dimensions(self) -> list[AnalyticsDimension]:
        """What to group by, each once."""
        return list(dict.fromkeys(self.group_by))

    def buckets(self, now: datetime) -> list[Window]:
        """The stretches of time, without gap or overlap, that the range falls into; the first and last are cut to it.

        Raises InvalidInput when there are too many.
        """
        end = self.filter.to or now
        start = self.filter.from_ or end - DEFAULT_RANGE
        if start >= end:
            raise InvalidInput("filter.from: must be before filter.to, or before now", ["filter", "from"])
        if self.grain is None:
            return [Window(start, end)]
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
    """The refusal of a summary that would be too large."""
    return InvalidInput(
        f"grain: that is too fine: a summary has at most {MAX_BUCKETS} rows, and fewer where they are not whole hours or "
        "told apart by success; ask for a coarser grain, fewer dimensions or a shorter range",
        ["grain"],
    )


@dataclass(slots=True)
class Sums:
    """What the decisions of one bucket and group add up to."""

    calls: int = 0
    successes: int = 0
    fallbacks: int = 0
    priced: int = 0
    total_cost: Decimal = ZERO
    input_tokens: int = 0
    output_tokens: int = 0
    timed: int = 0
    latency_sum_ms: int = 0
    cost_sum_squares: float = 0.0
    """Of costs in USD: a statistic, no money."""
    latencies: Counter[int] = field(default_factory=Counter)
    """Calls by bucket of `domain.latency`, where it was asked for."""

    @property
    def success_rate(self) -> float | None:
        return self.successes / self.calls if self.calls else None

    @property
    def error_rate(self) -> float | None:
        return 1 - self.successes / self.calls if self.calls else None

    @property
    def fallback_rate(self) -> float | None:
        return self.fallbacks / self.calls if self.calls else None

    @property
    def avg_cost(self) -> Decimal | None:
        return to_nano_dollars(EXACT.divide(self.total_cost, Decimal(self.priced))) if self.priced else None

    @property
    def avg_latency_ms(self) -> float | None:
        return self.latency_sum_ms / self.timed if self.timed else None

    @property
    def latency_p50_ms(self) -> float | None:
        return percentile(self.latencies, 0.50)

    @property
    def latency_p95_ms(self) -> float | None:
        return percentile(self.latencies, 0.95)

    @property
    def latency_p99_ms(self) -> float | None:
        return percentile(self.latencies, 0.99)


@dataclass(frozen=True, slots=True)
class AnalyticsBucket:
    """One row of a summary: a group in a stretch of time."""

    window: Window | None
    group: dict[AnalyticsDimension, str | None]
    sums: Sums
