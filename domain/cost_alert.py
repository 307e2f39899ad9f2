"""Cost alerts: the windows spend is counted in, and the states an alert passes through.

Windows are half-open, [start, end), aligned in the alert's own time zone, and given in UTC. They tile time: each
starts where the one before it ends, whatever the clocks of that zone do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from domain.bounds import Budget, Input, Moment, Name, TimeZone, refuse
from domain.money import EXACT, ZERO

MAX_CLOCK_SKEW: Final = timedelta(minutes=5)
_HOUR: Final = timedelta(hours=1)
_HUNDRED: Final = Decimal(100)
_LAST_ANCHOR: Final = datetime(2200, 1, 1, tzinfo=UTC)


class AlertPeriod(StrEnum):
    HOURLY = "HOURLY"
    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"
    CUSTOM = "CUSTOM"


class PeriodUnit(StrEnum):
    HOUR = "HOUR"
    DAY = "DAY"
    WEEK = "WEEK"


class WindowMode(StrEnum):
    CALENDAR = "CALENDAR"


class AlertState(StrEnum):
    ACTIVE = "ACTIVE"
    NEAR_LIMIT = "NEAR_LIMIT"
    TRIGGERED = "TRIGGERED"


NearLimitPercent = Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)]


def _near_enough(anchor: datetime) -> datetime:
    if anchor > _LAST_ANCHOR:
        refuse("must not be after 2200-01-01T00:00:00Z")
    return anchor


class CustomPeriod(Input):
    """Every so many hours, days or weeks, counted from an anchor."""

    every: Annotated[int, Field(ge=1, le=1000)]
    unit: PeriodUnit
    anchor: Annotated[Moment, AfterValidator(_near_enough)]


class CreateCostAlert(Input):
    alert_type: Name | None = None
    threshold_amount: Budget
    period: AlertPeriod
    mode: WindowMode = WindowMode.CALENDAR
    time_zone: TimeZone = "UTC"
    near_limit_percent: NearLimitPercent = 80.0
    enforced: bool = False
    custom: CustomPeriod | None = None

    @model_validator(mode="after")
    def _custom_goes_with_custom(self) -> Self:
        if (self.period is AlertPeriod.CUSTOM) != (self.custom is not None):
            refuse("custom must be given when the period is CUSTOM, and only then")
        return self


class UpdateCostAlert(Input):
    """Changes to an alert. A field that was not given stays as it is; none of them can be cleared."""

    threshold_amount: Budget = ZERO
    active: bool = True
    near_limit_percent: NearLimitPercent = 80.0
    enforced: bool = False
    time_zone: TimeZone = "UTC"


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open stretch of time, [start, end), in UTC."""

    start: datetime
    end: datetime

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment < self.end


def window_at(period: AlertPeriod, zone: ZoneInfo, at: datetime, custom: CustomPeriod | None = None) -> Window:
    """The window of this period that holds `at`.

    Hours follow the clock on the wall: where it jumps by half an hour, the window it jumps in is cut short there.
    Days, weeks (from Monday) and months begin at local midnight, the first of two where the clock shows it twice.
    """
    if period is AlertPeriod.CUSTOM:
        if custom is None:
            raise ValueError("a custom period needs its definition")
        return _custom_window(custom, zone, at)
    if period is AlertPeriod.HOURLY:
        return _hour_window(zone, at)
    day = at.astimezone(zone).date()
    if period is AlertPeriod.DAILY:
        return _window_holding(at, day.toordinal(), lambda n: _midnight(date.fromordinal(n), zone))
    if period is AlertPeriod.WEEKLY:
        # The proleptic calendar's day 1 is a Monday.
        return _window_holding(at, (day.toordinal() - 1) // 7, lambda n: _midnight(date.fromordinal(n * 7 + 1), zone))
    return _window_holding(at, day.year * 12 + day.month - 1, lambda n: _midnight(date(n // 12, n % 12 + 1, 1), zone))


def _window_holding(at: datetime, guess: int, boundary: Callable[[int], datetime]) -> Window:
    """The window between two neighbouring boundaries that holds `at`; `guess` is right or nearly so."""
    n = guess
    while boundary(n) > at:
        n -= 1
    while boundary(n + 1) <= at:
        n += 1
    return Window(boundary(n), boundary(n + 1))


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    # fold=0: the first of two midnights; in a gap it reads as the moment the clock jumps.
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _hour_window(zone: ZoneInfo, at: datetime) -> Window:
    local = at.astimezone(zone)
    into_hour = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    at = at.astimezone(UTC)
    start = at - into_hour
    end = start + _HOUR
    offset = local.utcoffset()
    if start.astimezone(zone).utcoffset() != offset:
        start = _transition(zone, start, at)
    if end.astimezone(zone).utcoffset() != offset:
        end = _transition(zone, at, end)
    return Window(start, end)


def _transition(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The first second of the offset that holds at `after` and not at `before`; zones change on whole seconds."""
    offset = after.astimezone(zone).utcoffset()
    low, high = int(before.timestamp()), int(after.timestamp())
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, zone).utcoffset() == offset:
            high = middle
        else:
            low = middle
    return datetime.fromtimestamp(high, UTC)


def _custom_window(custom: CustomPeriod, zone: ZoneInfo, at: datetime) -> Window:
    if custom.unit is PeriodUnit.HOUR:
        length = custom.every * _HOUR
        start = custom.anchor + (at - custom.anchor) // length * length
        return Window(start, start + length)
    days = custom.every * (7 if custom.unit is PeriodUnit.WEEK else 1)
    anchor = custom.anchor.astimezone(zone)
    wall_time = anchor.time()

    def boundary(n: int) -> datetime:
        day = anchor.date() + timedelta(days=n * days)
        return datetime.combine(day, wall_time, zone).astimezone(UTC)

    return _window_holding(at, (at.astimezone(zone).date() - anchor.date()).days // days, boundary)


def state_of(amount: Decimal, threshold: Decimal, near_limit_percent: float) -> AlertState:
    """The state of an alert whose window holds this much spend. Exact: no float takes part."""
    if amount >= threshold:
        return AlertState.TRIGGERED
    if EXACT.multiply(amount, _HUNDRED) >= EXACT.multiply(threshold, Decimal(repr(near_limit_percent))):
        return AlertState.NEAR_LIMIT
    return AlertState.ACTIVE


@dataclass(frozen=True, slots=True)
class Spending:
    """How an alert stands in its current window."""

    window: Window
    amount: Decimal
    threshold: Decimal
    state: AlertState
    triggered_at: datetime | None = None
    acknowledged_at: datetime | None = None

    @property
    def percent_used(self) -> float:
        """Share of the threshold, in percent; above 100 once it is exceeded."""
        return float(self.amount / self.threshold * 100)

    @property
    def remaining(self) -> Decimal:
        """USD left until the threshold, never below 0."""
        return max(self.threshold - self.amount, ZERO)
