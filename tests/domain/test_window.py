from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain.window import AlertPeriod, CustomPeriod, PeriodUnit, WeekDay, Window, rolling_window_at, window_at

MICROSECOND = timedelta(microseconds=1)
HOUR = timedelta(hours=1)

ZONES = [
    "UTC",
    "Africa/Monrovia",
    "America/Havana",
    "America/New_York",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Asia/Pyongyang",
    "Australia/Lord_Howe",
    "Europe/Berlin",
    "Pacific/Apia",
    "Pacific/Chatham",
]

# Transitions of the clocks in these zones, and their size.
JUMPS = [
    ("Africa/Monrovia", "1972-01-07T00:44:30Z"),  # 44 min 30 s forward, at midnight
    ("America/Havana", "2024-03-10T05:00:00Z"),  # an hour forward, at midnight
    ("America/Havana", "2024-11-03T05:00:00Z"),  # an hour back, to midnight
    ("America/New_York", "2024-03-10T07:00:00Z"),  # an hour forward
    ("America/New_York", "2024-11-03T06:00:00Z"),  # an hour back
    ("America/Sao_Paulo", "2018-11-04T03:00:00Z"),  # an hour forward, at midnight
    ("America/Sao_Paulo", "2019-02-17T02:00:00Z"),  # an hour back, from midnight
    ("America/St_Johns", "1988-04-03T03:31:00Z"),  # two hours forward, a minute past midnight
    ("America/St_Johns", "2006-04-02T03:31:00Z"),  # an hour forward, a minute past midnight
    ("America/St_Johns", "2006-10-29T02:31:00Z"),  # an hour back, from a minute past midnight
    ("Asia/Kathmandu", "1985-12-31T18:30:00Z"),  # a quarter of an hour forward, at midnight
    ("Asia/Pyongyang", "2015-08-14T15:00:00Z"),  # half an hour back, from midnight
    ("Asia/Pyongyang", "2018-05-04T15:00:00Z"),  # half an hour forward, to midnight
    ("Australia/Lord_Howe", "2024-04-06T15:00:00Z"),  # half an hour back
    ("Australia/Lord_Howe", "2024-10-05T15:30:00Z"),  # half an hour forward
    ("Europe/Berlin", "2024-03-31T01:00:00Z"),  # an hour forward
    ("Europe/Berlin", "2024-10-27T01:00:00Z"),  # an hour back
    ("Pacific/Apia", "2011-12-30T10:00:00Z"),  # a day forward, at midnight
    ("Pacific/Chatham", "2024-04-06T14:00:00Z"),  # an hour back
    ("Pacific/Chatham", "2024-09-28T14:00:00Z"),  # an hour forward
]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def near(jump: tuple[str, str]) -> st.SearchStrategy[tuple[ZoneInfo, datetime]]:
    zone, moment = jump
    steps = st.sampled_from([0, 1, 30 * 60, 60 * 60, 2 * 60 * 60, 24 * 60 * 60]) | st.integers(0, 2 * 24 * 60 * 60)
    return st.builds(
        lambda sign, seconds, microseconds: (
            ZoneInfo(zone),
            utc(moment) + sign * timedelta(seconds=seconds, microseconds=microseconds),
        ),
        st.sampled_from([-1, 1]),
        steps,
        st.sampled_from([0, 0, 1, 999_999]),
    )


moments = st.datetimes(datetime(1970, 1, 1), datetime(2100, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
zoned_moments = st.tuples(st.sampled_from(ZONES).map(ZoneInfo), moments) | st.sampled_from(JUMPS).flatmap(near)
near_jumps = st.sampled_from(JUMPS).flatmap(near)
calendar_periods = st.sampled_from([period for period in AlertPeriod if period is not AlertPeriod.CUSTOM])
anchors = moments | near_jumps.map(lambda zoned_moment: zoned_moment[1])
customs = st.builds(
    CustomPeriod,
    every=st.integers(min_value=1, max_value=10) | st.integers(min_value=1, max_value=1000),
    unit=st.sampled_from(PeriodUnit),
    anchor=anchors,
)


def check_that_windows_tile(
    period: AlertPeriod, zone: ZoneInfo, moment: datetime, custom: CustomPeriod | None = None
) -> None:
    window = window_at(period, zone, moment, custom)
    before = window_at(period, zone, window.start - MICROSECOND, custom)
    after = window_at(period, zone, window.end, custom)
    last = window_at(period, zone, window.end - MICROSECOND, custom)

    assert window.start <= moment < window.end
    assert before.start < before.end == window.start
    assert window.end == after.start < after.end
    assert last == window
    assert (window.start.tzinfo, window.end.tzinfo) == (UTC, UTC)


# Windows tile time


@pytest.mark.parametrize("period", [period for period in AlertPeriod if period is not AlertPeriod.CUSTOM])
@given(zoned_moments)
@settings(max_examples=250)
def test_windows_tile_time(period: AlertPeriod, zoned_moment: tuple[ZoneInfo, datetime]) -> None:
    check_that_windows_tile(period, *zoned_moment)


@given(zoned_moments, customs)
@settings(max_examples=500)
def test_custom_windows_tile_time(zoned_moment: tuple[ZoneInfo, datetime], custom: CustomPeriod) -> None:
    check_that_windows_tile(AlertPeriod.CUSTOM, *zoned_moment, custom)


@pytest.mark.parametrize(("zone", "jump"), JUMPS)
@pytest.mark.parametrize("period", [period for period in AlertPeriod if period is not AlertPeriod.CUSTOM])
def test_windows_tile_time_where_the_clocks_jump(period: AlertPeriod, zone: str, jump: str) -> None:
    for minutes in (-1500, -1440, -60, -30, -1, 0, 1, 30, 45, 60, 120, 1440, 1500):
        check_that_windows_tile(period, ZoneInfo(zone), utc(jump) + timedelta(minutes=minutes))
    check_that_windows_tile(period, ZoneInfo(zone), utc(jump) - MICROSECOND)


@given(calendar_periods, zoned_moments, st.integers(min_value=-18, max_value=18))
@settings(max_examples=150)
def test_the_zone_of_a_moment_does_not_matter(
    period: AlertPeriod, zoned_moment: tuple[ZoneInfo, datetime], hours: int
) -> None:
    zone, moment = zoned_moment
    elsewhere = moment.astimezone(timezone(timedelta(hours=hours)))

    assert window_at(period, zone, elsewhere) == window_at(period, zone, moment)


@given(st.sampled_from([AlertPeriod.DAILY, AlertPeriod.WEEKLY, AlertPeriod.MONTHLY]), zoned_moments)
@settings(max_examples=250)
def test_long_windows_begin_at_midnight_or_at_the_end_of_a_skipped_midnight(
    period: AlertPeriod, zoned_moment: tuple[ZoneInfo, datetime]
) -> None:
    zone, moment = zoned_moment

    window = window_at(period, zone, moment)

    for boundary in (window.start, window.end):
        first, before = boundary.astimezone(zone), (boundary - MICROSECOND).astimezone(zone)
        at_midnight = first.time() == time()
        assert at_midnight or (first.utcoffset() != before.utcoffset() and before.date() < first.date())


# Hours


@given(zoned_moments)
@settings(max_examples=300)
def test_an_hour_is_one_local_hour_under_one_offset(zoned_moment: tuple[ZoneInfo, datetime]) -> None:
    zone, moment = zoned_moment

    window = window_at(AlertPeriod.HOURLY, zone, moment)

    first, here, last = (at.astimezone(zone) for at in (window.start, moment, window.end - MICROSECOND))
    assert first.utcoffset() == here.utcoffset() == last.utcoffset()
    assert first.replace(minute=0, second=0, microsecond=0) == here.replace(minute=0, second=0, microsecond=0)
    assert (last.date(), last.hour) == (here.date(), here.hour)
    assert window.end - window.start <= HOUR
    next_hour = window.end.astimezone(zone)
    assert (next_hour.minute, next_hour.second, next_hour.microsecond) == (0, 0, 0) or (
        next_hour.utcoffset() != here.utcoffset()
    )
    assert (first.minute, first.second, first.microsecond) == (0, 0, 0) or (
        (window.start - MICROSECOND).astimezone(zone).utcoffset() != here.utcoffset()
    )


@pytest.mark.parametrize(
    ("zone", "moment", "start", "end"),
    [
        ("UTC", "2026-05-04T12:59:59.999999Z", "2026-05-04T12:00:00Z", "2026-05-04T13:00:00Z"),
        ("UTC", "2026-05-04T13:00:00Z", "2026-05-04T13:00:00Z", "2026-05-04T14:00:00Z"),
        ("Asia/Kolkata", "2026-05-04T12:29:59Z", "2026-05-04T11:30:00Z", "2026-05-04T12:30:00Z"),
        ("Asia/Kathmandu", "2026-05-04T12:20:00Z", "2026-05-04T12:15:00Z", "2026-05-04T13:15:00Z"),
        # The clock shows one o'clock twice: two windows.
        ("America/New_York", "2024-11-03T05:30:00Z", "2024-11-03T05:00:00Z", "2024-11-03T06:00:00Z"),
        ("America/New_York", "2024-11-03T06:30:00Z", "2024-11-03T06:00:00Z", "2024-11-03T07:00:00Z"),
        # From 1:59 to 3:00: no window for two o'clock.
        ("America/New_York", "2024-03-10T06:59:59Z", "2024-03-10T06:00:00Z", "2024-03-10T07:00:00Z"),
        ("America/New_York", "2024-03-10T07:00:00Z", "2024-03-10T07:00:00Z", "2024-03-10T08:00:00Z"),
        # From 2:00 back to 1:30: half an hour more of one o'clock.
        ("Australia/Lord_Howe", "2024-04-06T14:59:59Z", "2024-04-06T14:00:00Z", "2024-04-06T15:00:00Z"),
        ("Australia/Lord_Howe", "2024-04-06T15:10:00Z", "2024-04-06T15:00:00Z", "2024-04-06T15:30:00Z"),
        ("Australia/Lord_Howe", "2024-04-06T15:30:00Z", "2024-04-06T15:30:00Z", "2024-04-06T16:30:00Z"),
        # From 2:00 on to 2:30: half an hour less of two o'clock.
        ("Australia/Lord_Howe", "2024-10-05T15:29:59Z", "2024-10-05T14:30:00Z", "2024-10-05T15:30:00Z"),
        ("Australia/Lord_Howe", "2024-10-05T15:45:00Z", "2024-10-05T15:30:00Z", "2024-10-05T16:00:00Z"),
        # From 0:01 on to 1:01: one minute of midnight, 59 of one o'clock.
        ("America/St_Johns", "2006-04-02T03:30:59Z", "2006-04-02T03:30:00Z", "2006-04-02T03:31:00Z"),
        ("America/St_Johns", "2006-04-02T03:31:00Z", "2006-04-02T03:31:00Z", "2006-04-02T04:30:00Z"),
        # From 0:00 on to 0:44:30, from an offset of -0:44:30.
        ("Africa/Monrovia", "1972-01-07T00:44:29Z", "1972-01-06T23:44:30Z", "1972-01-07T00:44:30Z"),
        ("Africa/Monrovia", "1972-01-07T00:44:30Z", "1972-01-07T00:44:30Z", "1972-01-07T01:00:00Z"),
    ],
)
def test_hours(zone: str, moment: str, start: str, end: str) -> None:
    assert window_at(AlertPeriod.HOURLY, ZoneInfo(zone), utc(moment)) == Window(utc(start), utc(end))


# Days


@pytest.mark.parametrize(
    ("zone", "moment", "start", "end", "hours"),
    [
        ("UTC", "2026-05-04T00:00:00Z", "2026-05-04T00:00:00Z", "2026-05-05T00:00:00Z", 24),
        ("UTC", "2026-05-03T23:59:59.999999Z", "2026-05-03T00:00:00Z", "2026-05-04T00:00:00Z", 24),
        ("UTC", "2024-02-29T12:00:00Z", "2024-02-29T00:00:00Z", "2024-03-01T00:00:00Z", 24),
        ("UTC", "2023-02-28T12:00:00Z", "2023-02-28T00:00:00Z", "2023-03-01T00:00:00Z", 24),
        ("UTC", "2025-12-31T23:59:59Z", "2025-12-31T00:00:00Z", "2026-01-01T00:00:00Z", 24),
        ("UTC", "1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "1970-01-02T00:00:00Z", 24),
        ("Asia/Kolkata", "2025-12-31T18:30:00Z", "2025-12-31T18:30:00Z", "2026-01-01T18:30:00Z", 24),
        ("America/New_York", "2024-03-10T12:00:00Z", "2024-03-10T05:00:00Z", "2024-03-11T04:00:00Z", 23),
        ("America/New_York", "2024-11-03T12:00:00Z", "2024-11-03T04:00:00Z", "2024-11-04T05:00:00Z", 25),
        ("America/New_York", "2024-11-04T04:59:59Z", "2024-11-03T04:00:00Z", "2024-11-04T05:00:00Z", 25),
        ("Europe/Berlin", "2024-03-31T12:00:00Z", "2024-03-30T23:00:00Z", "2024-03-31T22:00:00Z", 23),
        ("Europe/Berlin", "2024-10-27T12:00:00Z", "2024-10-26T22:00:00Z", "2024-10-27T23:00:00Z", 25),
        ("Australia/Lord_Howe", "2024-10-06T00:00:00Z", "2024-10-05T13:30:00Z", "2024-10-06T13:00:00Z", 23.5),
        ("Australia/Lord_Howe", "2024-04-07T00:00:00Z", "2024-04-06T13:00:00Z", "2024-04-07T13:30:00Z", 24.5),
        ("Pacific/Chatham", "2024-04-07T00:00:00Z", "2024-04-06T10:15:00Z", "2024-04-07T11:15:00Z", 25),
        ("Pacific/Chatham", "2024-09-29T00:00:00Z", "2024-09-28T11:15:00Z", "2024-09-29T10:15:00Z", 23),
        # There was no midnight: the day began at one.
        ("America/Sao_Paulo", "2018-11-04T12:00:00Z", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z", 23),
        ("America/Sao_Paulo", "2018-11-04T02:59:59Z", "2018-11-03T03:00:00Z", "2018-11-04T03:00:00Z", 24),
        # 23 o'clock came twice, midnight once.
        ("America/Sao_Paulo", "2019-02-17T02:30:00Z", "2019-02-16T02:00:00Z", "2019-02-17T03:00:00Z", 25),
        # Midnight came twice: the first one counts, though the second hour is called the same.
        ("America/Havana", "2024-11-03T04:30:00Z", "2024-11-03T04:00:00Z", "2024-11-04T05:00:00Z", 25),
        ("America/Havana", "2024-11-03T05:30:00Z", "2024-11-03T04:00:00Z", "2024-11-04T05:00:00Z", 25),
        # A minute past midnight the clock went back to 23:01 of the day before: the new day had begun.
        ("America/St_Johns", "2006-10-29T02:30:30Z", "2006-10-29T02:30:00Z", "2006-10-30T03:30:00Z", 25),
        ("America/St_Johns", "2006-10-29T03:00:00Z", "2006-10-29T02:30:00Z", "2006-10-30T03:30:00Z", 25),
        ("America/St_Johns", "2006-10-29T02:29:59Z", "2006-10-28T02:30:00Z", "2006-10-29T02:30:00Z", 24),
        # There was no 30 December.
        ("Pacific/Apia", "2011-12-30T09:59:59Z", "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z", 24),
        ("Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z", 24),
        ("Africa/Monrovia", "1972-01-06T12:00:00Z", "1972-01-06T00:44:30Z", "1972-01-07T00:44:30Z", 24),
        ("Africa/Monrovia", "1972-01-07T12:00:00Z", "1972-01-07T00:44:30Z", "1972-01-08T00:00:00Z", 23.2583333333),
    ],
)
def test_days(zone: str, moment: str, start: str, end: str, hours: float) -> None:
    window = window_at(AlertPeriod.DAILY, ZoneInfo(zone), utc(moment))

    assert window == Window(utc(start), utc(end))
    assert (window.end - window.start) / HOUR == pytest.approx(hours)


# Zones whose clocks jump at night: a day is exactly a local calendar day.
@given(st.sampled_from(["UTC", "America/New_York", "Europe/Berlin", "Asia/Kolkata", "Pacific/Chatham"]), moments)
@settings(max_examples=200)
def test_a_day_is_a_local_date(zone: str, moment: datetime) -> None:
    zoned_moment = ZoneInfo(zone)

    window = window_at(AlertPeriod.DAILY, zoned_moment, moment)

    today = moment.astimezone(zoned_moment).date()
    assert window.start.astimezone(zoned_moment).date() == today
    assert (window.end - MICROSECOND).astimezone(zoned_moment).date() == today
    assert window.end.astimezone(zoned_moment).date() == today + timedelta(days=1)
    assert (window.start - MICROSECOND).astimezone(zoned_moment).date() == today - timedelta(days=1)


# Weeks


@pytest.mark.parametrize(
    ("zone", "moment", "start", "end"),
    [
        # 2026-05-04 is a Monday.
        ("UTC", "2026-05-04T00:00:00Z", "2026-05-04T00:00:00Z", "2026-05-11T00:00:00Z"),
        ("UTC", "2026-05-03T23:59:59.999999Z", "2026-04-27T00:00:00Z", "2026-05-04T00:00:00Z"),
        ("UTC", "2026-05-10T23:59:59.999999Z", "2026-05-04T00:00:00Z", "2026-05-11T00:00:00Z"),
        # Across the end of the year and of a leap February.
        ("UTC", "2025-01-01T00:00:00Z", "2024-12-30T00:00:00Z", "2025-01-06T00:00:00Z"),
        ("UTC", "2024-02-29T00:00:00Z", "2024-02-26T00:00:00Z", "2024-03-04T00:00:00Z"),
        ("UTC", "1970-01-01T00:00:00Z", "1969-12-29T00:00:00Z", "1970-01-05T00:00:00Z"),
        # Sunday evening in New York is Monday in UTC.
        ("America/New_York", "2026-05-11T03:59:59Z", "2026-05-04T04:00:00Z", "2026-05-11T04:00:00Z"),
        # Weeks of 167 and of 169 hours.
        ("America/New_York", "2024-03-08T00:00:00Z", "2024-03-04T05:00:00Z", "2024-03-11T04:00:00Z"),
        ("Europe/Berlin", "2024-10-25T00:00:00Z", "2024-10-20T22:00:00Z", "2024-10-27T23:00:00Z"),
        # A week of six days.
        ("Pacific/Apia", "2011-12-30T12:00:00Z", "2011-12-26T10:00:00Z", "2012-01-01T10:00:00Z"),
    ],
)
def test_weeks(zone: str, moment: str, start: str, end: str) -> None:
    assert window_at(AlertPeriod.WEEKLY, ZoneInfo(zone), utc(moment)) == Window(utc(start), utc(end))


@given(zoned_moments)
@settings(max_examples=150)
def test_a_week_is_seven_days_from_monday(zoned_moment: tuple[ZoneInfo, datetime]) -> None:
    zone, moment = zoned_moment

    week = window_at(AlertPeriod.WEEKLY, zone, moment)

    days = [window_at(AlertPeriod.DAILY, zone, week.start)]
    while days[-1].end < week.end:
        days.append(window_at(AlertPeriod.DAILY, zone, days[-1].end))
    # In the afternoon, when no clock jumps. Apia once skipped a Friday.
    names = [(day.end - 8 * HOUR).astimezone(zone).weekday() for day in days]
    assert (days[0].start, days[-1].end) == (week.start, week.end)
    assert names == ([0, 1, 2, 3, 5, 6] if len(names) == 6 else [0, 1, 2, 3, 4, 5, 6])


# Months


@pytest.mark.parametrize(
    ("zone", "moment", "start", "end"),
    [
        ("UTC", "2026-05-01T00:00:00Z", "2026-05-01T00:00:00Z", "2026-06-01T00:00:00Z"),
        ("UTC", "2026-04-30T23:59:59.999999Z", "2026-04-01T00:00:00Z", "2026-05-01T00:00:00Z"),
        ("UTC", "2024-02-29T23:59:59Z", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"),
        ("UTC", "2023-02-28T23:59:59Z", "2023-02-01T00:00:00Z", "2023-03-01T00:00:00Z"),
        ("UTC", "2000-02-29T12:00:00Z", "2000-02-01T00:00:00Z", "2000-03-01T00:00:00Z"),
        ("UTC", "2100-02-28T12:00:00Z", "2100-02-01T00:00:00Z", "2100-03-01T00:00:00Z"),
        ("UTC", "2025-12-31T23:59:59.999999Z", "2025-12-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        ("UTC", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"),
        # 20:00 on 31 December in New York.
        ("America/New_York", "2026-01-01T01:00:00Z", "2025-12-01T05:00:00Z", "2026-01-01T05:00:00Z"),
        ("America/New_York", "2024-03-15T00:00:00Z", "2024-03-01T05:00:00Z", "2024-04-01T04:00:00Z"),
        ("Asia/Kathmandu", "2026-01-31T18:15:00Z", "2026-01-31T18:15:00Z", "2026-02-28T18:15:00Z"),
        ("Pacific/Apia", "2011-12-15T00:00:00Z", "2011-12-01T10:00:00Z", "2011-12-31T10:00:00Z"),
    ],
)
def test_months(zone: str, moment: str, start: str, end: str) -> None:
    assert window_at(AlertPeriod.MONTHLY, ZoneInfo(zone), utc(moment)) == Window(utc(start), utc(end))


# Weeks and months that begin on another day


@given(
    zoned_moments,
    st.sampled_from(WeekDay),
    st.integers(1, 28),
    st.sampled_from([AlertPeriod.WEEKLY, AlertPeriod.MONTHLY]),
)
@settings(max_examples=500)
def test_windows_tile_time_for_every_start_day(
    zoned_moment: tuple[ZoneInfo, datetime], week_start: WeekDay, month_anchor: int, period: AlertPeriod
) -> None:
    zone, moment = zoned_moment

    def at(instant: datetime) -> Window:
        return window_at(period, zone, instant, week_start=week_start, month_anchor=month_anchor)

    window = at(moment)
    assert window.start <= moment < window.end
    assert at(window.start - MICROSECOND).end == window.start
    assert at(window.end).start == window.end
    assert at(window.end - MICROSECOND) == window
    # In the afternoon, when no clock jumps. Apia once skipped a Friday.
    first = (window_at(AlertPeriod.DAILY, zone, window.start).end - 8 * HOUR).astimezone(zone)
    if (zone.key, window.start.year) != ("Pacific/Apia", 2011):
        named = first.weekday() == week_start.days_after_monday
        assert named if period is AlertPeriod.WEEKLY else first.day == month_anchor


@pytest.mark.parametrize(
    ("anchor", "moment", "start", "end"),
    [
        (1, "2024-02-29T12:00:00Z", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"),
        (28, "2024-02-29T12:00:00Z", "2024-02-28T00:00:00Z", "2024-03-28T00:00:00Z"),
        (28, "2023-02-27T23:59:59Z", "2023-01-28T00:00:00Z", "2023-02-28T00:00:00Z"),
        (15, "2026-01-01T00:00:00Z", "2025-12-15T00:00:00Z", "2026-01-15T00:00:00Z"),
        (15, "2025-12-15T00:00:00Z", "2025-12-15T00:00:00Z", "2026-01-15T00:00:00Z"),
    ],
)
def test_months_from_an_anchor(anchor: int, moment: str, start: str, end: str) -> None:
    window = window_at(AlertPeriod.MONTHLY, ZoneInfo("UTC"), utc(moment), month_anchor=anchor)
    assert window == Window(utc(start), utc(end))


# Rolling windows

rolling_periods = calendar_periods


@given(rolling_periods, moments)
@settings(max_examples=200)
def test_a_rolling_window_is_as_long_as_its_period_and_contains_its_moment(
    period: AlertPeriod, moment: datetime
) -> None:
    window = rolling_window_at(period, moment)
    hours = {"HOURLY": 1, "DAILY": 24, "WEEKLY": 7 * 24, "MONTHLY": 30 * 24}[period]

    assert moment in window
    assert window.end - window.start == hours * HOUR
    assert timedelta() < window.end - moment <= timedelta(minutes=1)
    assert (window.start.second, window.start.microsecond) == (0, 0)


@given(moments)
@settings(max_examples=200)
def test_a_month_is_a_month_of_the_calendar(moment: datetime) -> None:
    window = window_at(AlertPeriod.MONTHLY, ZoneInfo("UTC"), moment)

    following = date(moment.year + moment.month // 12, moment.month % 12 + 1, 1)
    assert window.start == datetime(moment.year, moment.month, 1, tzinfo=UTC)
    assert window.end == datetime(following.year, following.month, 1, tzinfo=UTC)


# Custom periods


def custom(every: int, unit: PeriodUnit, anchor: str) -> CustomPeriod:
    return CustomPeriod(every=every, unit=unit, anchor=utc(anchor))


@pytest.mark.parametrize(
    ("definition", "zone", "moment", "start", "end"),
    [
        # Hours are counted, whatever the clocks do, from the anchor in both directions.
        (custom(6, PeriodUnit.HOUR, "2024-03-10T01:30:00-05:00"), "America/New_York",
         "2024-03-10T12:00:00Z", "2024-03-10T06:30:00Z", "2024-03-10T12:30:00Z"),
        (custom(6, PeriodUnit.HOUR, "2024-03-10T01:30:00-05:00"), "America/New_York",
         "2024-03-10T12:30:00Z", "2024-03-10T12:30:00Z", "2024-03-10T18:30:00Z"),
        (custom(6, PeriodUnit.HOUR, "2024-03-10T01:30:00-05:00"), "America/New_York",
         "2024-03-10T06:29:59.999999Z", "2024-03-10T00:30:00Z", "2024-03-10T06:30:00Z"),
        (custom(1000, PeriodUnit.HOUR, "2024-01-01T00:00:00Z"), "UTC",
         "2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z", "2024-02-11T16:00:00Z"),
        # Days begin at the anchor's local time: 9:00 before and after the clocks change.
        (custom(1, PeriodUnit.DAY, "2024-03-01T09:00:00-05:00"), "America/New_York",
         "2024-03-09T14:00:00Z", "2024-03-09T14:00:00Z", "2024-03-10T13:00:00Z"),
        (custom(1, PeriodUnit.DAY, "2024-03-01T09:00:00-05:00"), "America/New_York",
         "2024-03-10T13:00:00Z", "2024-03-10T13:00:00Z", "2024-03-11T13:00:00Z"),
        (custom(1, PeriodUnit.DAY, "2024-03-01T09:00:00-05:00"), "America/New_York",
         "2024-11-03T13:59:59Z", "2024-11-02T13:00:00Z", "2024-11-03T14:00:00Z"),
        (custom(3, PeriodUnit.DAY, "2024-03-01T09:00:00-05:00"), "America/New_York",
         "2024-03-11T00:00:00Z", "2024-03-10T13:00:00Z", "2024-03-13T13:00:00Z"),
        # Before the anchor too.
        (custom(3, PeriodUnit.DAY, "2024-03-01T09:00:00-05:00"), "America/New_York",
         "2024-03-01T13:59:59Z", "2024-02-27T14:00:00Z", "2024-03-01T14:00:00Z"),
        (custom(10, PeriodUnit.DAY, "2024-03-05T00:00:00Z"), "UTC",
         "2024-02-25T00:00:00Z", "2024-02-24T00:00:00Z", "2024-03-05T00:00:00Z"),
        # The same anchor, counted in a zone without daylight saving time.
        (custom(1, PeriodUnit.DAY, "2024-03-01T09:00:00-05:00"), "UTC",
         "2024-03-10T13:00:00Z", "2024-03-09T14:00:00Z", "2024-03-10T14:00:00Z"),
        # Weeks begin on the anchor's day of the week, a Wednesday.
        (custom(2, PeriodUnit.WEEK, "2024-10-16T18:00:00+02:00"), "Europe/Berlin",
         "2024-10-30T16:59:59Z", "2024-10-16T16:00:00Z", "2024-10-30T17:00:00Z"),
        (custom(2, PeriodUnit.WEEK, "2024-10-16T18:00:00+02:00"), "Europe/Berlin",
         "2024-10-30T17:00:00Z", "2024-10-30T17:00:00Z", "2024-11-13T17:00:00Z"),
        # The local time was skipped with the whole day: that window is empty, and no call is lost.
        (custom(1, PeriodUnit.DAY, "2011-12-28T12:00:00-10:00"), "Pacific/Apia",
         "2011-12-30T21:59:59Z", "2011-12-29T22:00:00Z", "2011-12-30T22:00:00Z"),
        (custom(1, PeriodUnit.DAY, "2011-12-28T12:00:00-10:00"), "Pacific/Apia",
         "2011-12-30T22:00:00Z", "2011-12-30T22:00:00Z", "2011-12-31T22:00:00Z"),
    ],
)  # fmt: skip
def test_custom_windows(definition: CustomPeriod, zone: str, moment: str, start: str, end: str) -> None:
    window = window_at(AlertPeriod.CUSTOM, ZoneInfo(zone), utc(moment), definition)

    assert window == Window(utc(start), utc(end))


@given(zoned_moments, customs)
@example((ZoneInfo("America/New_York"), utc("2024-11-03T12:00:00Z")), custom(1, PeriodUnit.DAY, "2024-11-03T06:30:00Z"))
@example(
    (ZoneInfo("America/New_York"), utc("2024-11-03T12:00:00Z")), custom(1, PeriodUnit.WEEK, "2024-11-03T05:30:00Z")
)
@settings(max_examples=250)
def test_a_custom_window_begins_at_the_anchor(
    zoned_moment: tuple[ZoneInfo, datetime], definition: CustomPeriod
) -> None:
    zone, _ = zoned_moment

    assert window_at(AlertPeriod.CUSTOM, zone, definition.anchor, definition).start == definition.anchor


@given(zoned_moments, customs)
@settings(max_examples=250)
def test_custom_hours_are_counted_without_clocks(
    zoned_moment: tuple[ZoneInfo, datetime], definition: CustomPeriod
) -> None:
    zone, moment = zoned_moment
    hours = definition.model_copy(update={"unit": PeriodUnit.HOUR})

    window = window_at(AlertPeriod.CUSTOM, zone, moment, hours)

    assert window.end - window.start == definition.every * HOUR
    assert (window.start - definition.anchor) % (definition.every * HOUR) == timedelta(0)


@given(st.sampled_from(["UTC", "Asia/Kolkata"]), moments, customs)
@settings(max_examples=250)
def test_without_clock_changes_custom_windows_are_equally_long(
    zone: str, moment: datetime, definition: CustomPeriod
) -> None:
    day = {PeriodUnit.HOUR: HOUR, PeriodUnit.DAY: 24 * HOUR, PeriodUnit.WEEK: 168 * HOUR}[definition.unit]

    window = window_at(AlertPeriod.CUSTOM, ZoneInfo(zone), moment, definition)

    assert window.end - window.start == definition.every * day
    assert (window.start - definition.anchor) % (definition.every * day) == timedelta(0)


def test_a_custom_period_requires_its_definition() -> None:
    with pytest.raises(ValueError, match="the period CUSTOM requires custom"):
        window_at(AlertPeriod.CUSTOM, ZoneInfo("UTC"), utc("2026-05-04T00:00:00Z"))


@pytest.mark.parametrize("unit", PeriodUnit)
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/New_York", "Pacific/Apia"])
def test_the_last_anchor_there_may_be_has_windows_today(zone: str, unit: PeriodUnit) -> None:
    definition = custom(1000, unit, "2200-01-01T00:00:00Z")

    check_that_windows_tile(AlertPeriod.CUSTOM, ZoneInfo(zone), utc("2026-05-04T12:00:00Z"), definition)


# What a window holds


def test_a_window_holds_its_start_and_not_its_end() -> None:
    window = Window(utc("2026-05-04T00:00:00Z"), utc("2026-05-05T00:00:00Z"))

    assert (window.start - MICROSECOND in window) is False
    assert (window.start in window) is True
    assert (window.end - MICROSECOND in window) is True
    assert (window.end in window) is False
