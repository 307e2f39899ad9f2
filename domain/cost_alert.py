"""Cost alerts: the windows spend is counted in, and the states an alert passes through.

Windows are half-open, [start, end), aligned in the alert's own time zone, and given in UTC. They tile time: each
starts where the one before it ends, whatever the clocks of that zone do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from domain.bounds import EPOCH, Budget, Input, Moment, Name, TimeZone, refuse
from domain.money import EXACT, ZERO

MAX_ALERTS: Final = 200
"""That a user may have."""
MAX_CLOCK_SKEW: Final = timedelta(minutes=5)
_MINUTE: Final = timedelta(minutes=1)
_HOUR: Final = timedelta(hours=1)
_HUNDRED: Final = Decimal(100)
# A rolling alert at 80 % clears at 75 %; at another percentage, in the same proportion.
_CLEARS_AT: Final = Decimal(75) / Decimal(80)
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
    ROLLING = "ROLLING"


class WeekDay(StrEnum):
    MONDAY = "MONDAY"
    TUESDAY = "TUESDAY"
    WEDNESDAY = "WEDNESDAY"
    THURSDAY = "THURSDAY"
    FRIDAY = "FRIDAY"
    SATURDAY = "SATURDAY"
    SUNDAY = "SUNDAY"

    @property
    def days_after_monday(self) -> int:
        return list(WeekDay).index(self)


class AlertState(StrEnum):
    ACTIVE = "ACTIVE"
    NEAR_LIMIT = "NEAR_LIMIT"
    TRIGGERED = "TRIGGERED"


class UnknownCost(StrEnum):
    """What a budget does with a model of which a call in its window has no known cost, and no decision that held for it."""

    REFUSE = "REFUSE"
    ALLOW = "ALLOW"


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


MonthDay = Annotated[int, Field(ge=1, le=28)]


class CreateCostAlert(Input):
    alert_type: Name | None = None
    threshold_amount: Budget
    period: AlertPeriod
    mode: WindowMode = WindowMode.CALENDAR
    time_zone: TimeZone = "UTC"
    near_limit_percent: NearLimitPercent = 80.0
    enforced: bool = False
    custom: CustomPeriod | None = None
    week_start: WeekDay = WeekDay.MONDAY
    month_anchor: MonthDay = 1
    unknown_cost: UnknownCost = UnknownCost.REFUSE

    @model_validator(mode="after")
    def _fields_agree(self) -> Self:
        if (self.period is AlertPeriod.CUSTOM) != (self.custom is not None):
            refuse("custom must be given when the period is CUSTOM, and only then")
        if self.mode is WindowMode.ROLLING and self.period is AlertPeriod.CUSTOM:
            refuse("mode: a ROLLING window is an hour, a day, a week or 30 days long; CUSTOM goes with CALENDAR")
        return self


class UpdateCostAlert(Input):
    """Changes to an alert. A field that was not given stays as it is; none of them can be cleared."""

    threshold_amount: Budget = ZERO
    active: bool = True
    near_limit_percent: NearLimitPercent = 80.0
    enforced: bool = False
    time_zone: TimeZone = "UTC"
    week_start: WeekDay = WeekDay.MONDAY
    month_anchor: MonthDay = 1
    unknown_cost: UnknownCost = UnknownCost.REFUSE


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open time range, [start, end), in UTC."""

    start: datetime
    end: datetime

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment < self.end

    def whole(self, unit: timedelta) -> tuple[datetime, datetime]:
        """Where the first whole hour or minute (`unit`, of UTC) in it starts, and where the last one ends.

        When it holds none, the first is not before the last.
        """
        return EPOCH - (EPOCH - self.start) // unit * unit, EPOCH + (self.end - EPOCH) // unit * unit


def window_at(
    period: AlertPeriod,
    zone: ZoneInfo,
    at: datetime,
    custom: CustomPeriod | None = None,
    *,
    week_start: WeekDay = WeekDay.MONDAY,
    month_anchor: int = 1,
) -> Window:
    """The window of this period that holds `at`.

    Hours follow the clock on the wall: where it jumps by half an hour, the window it jumps in is cut short there.
    Days, weeks and months begin at local midnight, the first of two where the clock shows it twice: weeks on
    `week_start`, months on the day `month_anchor`, 1 to 28.
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
        first = 1 + week_start.days_after_monday
        return _window_holding(
            at, (day.toordinal() - first) // 7, lambda n: _midnight(date.fromordinal(n * 7 + first), zone)
        )
    month = day.year * 12 + day.month - 1
    return _window_holding(at, month, lambda n: _midnight(date(n // 12, n % 12 + 1, month_anchor), zone))


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


_ROLLING: Final = {
    AlertPeriod.HOURLY: timedelta(hours=1),
    AlertPeriod.DAILY: timedelta(hours=24),
    AlertPeriod.WEEKLY: timedelta(days=7),
    AlertPeriod.MONTHLY: timedelta(days=30),
}


def rolling_window_at(period: AlertPeriod, at: datetime) -> Window:
    """The last hour, 24 hours, 7 days or 30 days up to `at`. It moves by the minute: `at` lies in its last one."""
    end = at.replace(second=0, microsecond=0) + _MINUTE
    return Window(end - _ROLLING[period], end)


def is_clear(amount: Decimal, threshold: Decimal, near_limit_percent: float) -> bool:
    """Whether spend has fallen far enough for a rolling alert to fire again: below 75 %, for one that is near at 80 %.

    Without that gap, spend that hovers about a line would make it fire again and again.
    """
    clears_at = EXACT.multiply(EXACT.multiply(threshold, Decimal(repr(near_limit_percent))), _CLEARS_AT)
    return EXACT.multiply(amount, _HUNDRED) < clears_at


def rolling_state_of(
    amount: Decimal, threshold: Decimal, near_limit_percent: float, fired: Iterable[AlertState]
) -> AlertState:
    """The state of a rolling alert that has fired these levels since it was last clear: it stays until it clears."""
    if is_clear(amount, threshold, near_limit_percent):
        return AlertState.ACTIVE
    levels = list(AlertState)
    return max(state_of(amount, threshold, near_limit_percent), *fired, AlertState.ACTIVE, key=levels.index)


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
    # None for a rolling window: it is never empty at once.
    resets_at: datetime | None
    triggered_at: datetime | None = None
    acknowledged_at: datetime | None = None
    assumed: Decimal = ZERO
    """Charged to decisions whose outcome has no known cost."""
    held: Decimal = ZERO
    """Set aside for open decisions."""
    unpriced_calls: int = 0
    """Calls of unknown cost: they add nothing to `amount`."""

    @property
    def available(self) -> Decimal:
        """USD that routing may still spend, never below 0: what is neither spent, assumed to be spent, nor held."""
        return max(self.threshold - self.amount - self.assumed - self.held, ZERO)

    @property
    def percent_used(self) -> float:
        """Share of the threshold, in percent; above 100 once it is exceeded."""
        return float(self.amount / self.threshold * 100)

    @property
    def remaining(self) -> Decimal:
        """USD left until the threshold, never below 0."""
        return max(self.threshold - self.amount, ZERO)
