"""Windows of time: half-open intervals [start, end) in UTC, and the calendar and rolling windows that contain a moment.

Calendar windows are aligned to a time zone. Consecutive windows have no gap and no overlap, also when the clocks of the time
zone change.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from domain.bounds import EPOCH, Input, Moment, reject

_MINUTE: Final = timedelta(minutes=1)
_HOUR: Final = timedelta(hours=1)
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


def _checked_anchor(anchor: datetime) -> datetime:
    if anchor > _LAST_ANCHOR:
        reject("must not be after 2200-01-01T00:00:00Z")
    return anchor


class CustomPeriod(Input):
    """Windows of `every` hours, days or weeks, counted from an anchor. Days and weeks follow the alert's time zone."""

    every: Annotated[int, Field(ge=1, le=1000)]
    unit: PeriodUnit
    anchor: Annotated[Moment, AfterValidator(_checked_anchor)]


MonthDay = Annotated[int, Field(ge=1, le=28)]


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open interval [start, end) in UTC: the window of an alert, or the time range of a query."""

    start: datetime
    end: datetime

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment < self.end

    def whole(self, unit: timedelta) -> tuple[datetime, datetime]:
        """The start of the first whole `unit` (an hour or a minute of UTC) in the window, and the end of the last one.

        When the window has no whole unit, the returned start is not before the returned end.
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
    """The calendar window that contains `at`. `custom` is required for the period CUSTOM.

    Hours follow local time: when the clock changes by half an hour, the window ends at the change. Days, weeks and months
    start at local midnight; if midnight occurs twice, at the first one. Weeks start on `week_start`, months on the day
    `month_anchor`, 1 to 28.
    """
    if period is AlertPeriod.CUSTOM:
        if custom is None:
            raise ValueError("the period CUSTOM requires custom")
        return _custom_window(custom, zone, at)
    if period is AlertPeriod.HOURLY:
        return _hour_window(zone, at)
    day = at.astimezone(zone).date()
    if period is AlertPeriod.DAILY:
        return _window_holding(at, day.toordinal(), lambda n: _midnight(date.fromordinal(n), zone))
    if period is AlertPeriod.WEEKLY:
        # Day 1 of the proleptic Gregorian calendar is a Monday.
        first = 1 + week_start.days_after_monday
        return _window_holding(
            at, (day.toordinal() - first) // 7, lambda n: _midnight(date.fromordinal(n * 7 + first), zone)
        )
    month = day.year * 12 + day.month - 1
    return _window_holding(at, month, lambda n: _midnight(date(n // 12, n % 12 + 1, month_anchor), zone))


def _window_holding(at: datetime, guess: int, boundary: Callable[[int], datetime]) -> Window:
    """The window between two consecutive boundaries that contains `at`. The search starts at the boundary `guess`."""
    n = guess
    while boundary(n) > at:
        n -= 1
    while boundary(n + 1) <= at:
        n += 1
    return Window(boundary(n), boundary(n + 1))


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    # fold=0: the first of two midnights. A midnight that the clock skips maps to the moment of the change.
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
    """When the UTC offset changes between `before` and `after`. Time zones change on whole seconds."""
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
    """The rolling window of an hour, 24 hours, 7 days or 30 days that ends with the minute of `at`."""
    end = at.replace(second=0, microsecond=0) + _MINUTE
    return Window(end - _ROLLING[period], end)
