from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from uuid import RFC_4122, UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Dialect
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from models import types
from models.types import Money, UTCDateTime, enum_type, first_id_at, new_id

DIALECT: Dialect = SQLiteDialect_pysqlite()
MILLISECOND = timedelta(milliseconds=1)
MICROSECOND = timedelta(microseconds=1)
NOON = datetime(2026, 5, 4, 12, 0, 0, 123_456, tzinfo=UTC)
ENDS_OF_A_COUNTER = [2**20 - 1, 2**32 - 1]

moments = st.datetimes(datetime(1970, 1, 1), datetime(2100, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
zoned_moments = st.builds(
    lambda moment, zone: moment.astimezone(zone),
    moments,
    st.sampled_from(["UTC", "Asia/Kathmandu", "America/New_York", "Pacific/Apia"]).map(ZoneInfo),
)


def stored(amount: Decimal | None) -> int | None:
    return Money().process_bind_param(amount, DIALECT)


def read(value: object) -> Decimal | None:
    return Money().result_processor(DIALECT, None)(value)


def milliseconds_of(id_: UUID) -> int:
    return id_.int >> 80


def since_1970(moment: datetime, unit: timedelta) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // unit


# Money


@pytest.mark.parametrize(
    ("amount", "nano_dollars"),
    [
        ("0", 0),
        ("0.000000001", 1),
        ("0.0001107", 110_700),
        ("1", 1_000_000_000),
        ("1E+3", 1_000_000_000_000),
        ("5.000000000000000", 5_000_000_000),
        ("-0.5", -500_000_000),
        ("1000000000.000000001", 1_000_000_000_000_000_001),
        ("9223372036.854775807", 2**63 - 1),
    ],
)
def test_money_is_stored_in_nano_dollars(amount: str, nano_dollars: int) -> None:
    assert stored(Decimal(amount)) == nano_dollars
    assert read(nano_dollars) == Decimal(amount)


@given(st.integers(min_value=-(2**63), max_value=2**63 - 1))
@settings(max_examples=200)
def test_money_comes_back_as_it_went_in(nano_dollars: int) -> None:
    amount = read(nano_dollars)

    assert amount is not None
    assert Fraction(amount) == Fraction(nano_dollars, 10**9)
    assert stored(amount) == nano_dollars


@given(st.decimals(min_value=-(10**9), max_value=10**9, allow_nan=False))
@example(Decimal("0.0000000005"))
@example(Decimal("0.1000000001"))
@example(Decimal("1.0000000000000000000000000000001"))
@example(Decimal("999999999.99999999999999999999"))
@settings(max_examples=200)
def test_money_is_stored_exactly_or_not_at_all(amount: Decimal) -> None:
    exact = Fraction(amount) * 10**9

    if exact.denominator == 1:
        assert stored(amount) == exact.numerator
    else:
        with pytest.raises(ValueError, match="finer than a nano-dollar"):
            stored(amount)


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-Infinity"])
def test_a_value_that_is_no_amount_is_not_stored(amount: str) -> None:
    with pytest.raises((ValueError, OverflowError)):
        stored(Decimal(amount))


def test_a_sum_of_bigints_is_read_as_money() -> None:
    # PostgreSQL returns it as numeric.
    assert read(Decimal(110_700)) == Decimal("0.0001107")
    assert read(Decimal(12345678901234567890)) == Decimal("12345678901.23456789")


def test_no_money_is_none() -> None:
    assert stored(None) is None
    assert read(None) is None


# Moments


def test_a_moment_is_stored_in_utc() -> None:
    bound = UTCDateTime().process_bind_param(datetime(2026, 3, 1, 1, 30, tzinfo=ZoneInfo("Asia/Kolkata")), DIALECT)

    assert bound == datetime(2026, 2, 28, 20, 0, tzinfo=UTC)
    assert bound is not None
    assert bound.tzinfo is UTC


def test_a_moment_without_a_zone_is_not_stored() -> None:
    with pytest.raises(ValueError, match="a moment needs a time zone"):
        UTCDateTime().process_bind_param(datetime(2026, 3, 1), DIALECT)  # noqa: DTZ001


@pytest.fixture
def _machine_in_new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "America/New_York")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("_machine_in_new_york")
def test_what_a_database_gives_without_a_zone_is_utc() -> None:
    result = UTCDateTime().process_result_value(NOON.replace(tzinfo=None), DIALECT)

    assert result == NOON
    assert result is not None
    assert result.tzinfo is UTC


def test_what_a_database_gives_in_another_zone_becomes_utc() -> None:
    result = UTCDateTime().process_result_value(NOON.astimezone(timezone(timedelta(hours=-7))), DIALECT)

    assert result == NOON
    assert result is not None
    assert result.tzinfo is UTC


@given(zoned_moments)
@settings(max_examples=150)
def test_a_moment_comes_back_to_the_microsecond(moment: datetime) -> None:
    bound = UTCDateTime().process_bind_param(moment, DIALECT)
    assert bound is not None

    # SQLite keeps the digits and not the zone.
    without_zone = bound.replace(tzinfo=None)

    assert UTCDateTime().process_result_value(without_zone, DIALECT) == moment


def test_no_moment_is_none() -> None:
    assert UTCDateTime().process_bind_param(None, DIALECT) is None
    assert UTCDateTime().process_result_value(None, DIALECT) is None


# Enums


def test_an_enum_is_stored_by_its_value() -> None:
    class Colour(StrEnum):
        RED = "red-ish"

    column = enum_type(Colour)

    assert column.enums == ["red-ish"]
    assert (column.native_enum, column.create_constraint, column.length) == (False, False, 32)


# Ids


@given(zoned_moments)
@settings(max_examples=200)
def test_an_id_is_a_uuid7_of_its_moment(moment: datetime) -> None:
    id_ = new_id(moment)

    assert (id_.version, id_.variant) == (7, RFC_4122)
    assert milliseconds_of(id_) == since_1970(moment, MILLISECOND)


def test_an_id_of_now_has_the_time_of_now() -> None:
    before = since_1970(datetime.now(UTC), MILLISECOND)
    id_ = new_id()
    after = since_1970(datetime.now(UTC), MILLISECOND)

    assert (id_.version, id_.variant) == (7, RFC_4122)
    assert before <= milliseconds_of(id_) <= after


def test_ids_of_one_moment_ascend() -> None:
    ids = [new_id(NOON) for _ in range(5_000)]

    assert ids == sorted(ids)
    assert len(set(ids)) == 5_000


@pytest.mark.parametrize("count", ENDS_OF_A_COUNTER)
def test_ids_of_one_moment_ascend_however_many_were_made_before(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(types, "_counter", itertools.count(count))

    ids = [new_id(NOON) for _ in range(3)]

    assert ids == sorted(ids)


@given(moments, st.integers(min_value=1, max_value=2_000) | st.integers(min_value=1, max_value=10**15))
@settings(max_examples=200)
def test_ids_ascend_with_their_moments_to_the_microsecond(moment: datetime, microseconds: int) -> None:
    later = new_id(moment + timedelta(microseconds=microseconds))
    earlier = new_id(moment)

    assert earlier < later


def test_ids_are_distinct_and_ordered_for_each_microsecond_of_a_millisecond() -> None:
    start = NOON.replace(microsecond=123_000)

    ids = [new_id(start + microsecond * MICROSECOND) for microsecond in reversed(range(1_000))]

    assert ids == sorted(ids, reverse=True)
    assert {milliseconds_of(id_) for id_ in ids} == {since_1970(start, MILLISECOND)}


def test_processes_that_are_at_one_count_make_different_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(types, "_counter", itertools.repeat(7))

    assert len({new_id(NOON) for _ in range(10)}) > 1


@given(moments, st.integers(min_value=-3_000, max_value=3_000) | st.integers(min_value=-(10**12), max_value=10**12))
@settings(max_examples=300)
def test_a_range_from_a_moment_starts_at_its_first_id(moment: datetime, microseconds: int) -> None:
    other = max(moment + timedelta(microseconds=microseconds), datetime(1970, 1, 1, tzinfo=UTC))

    in_range = new_id(other) >= first_id_at(moment)

    assert in_range is (since_1970(other, MILLISECOND) >= since_1970(moment, MILLISECOND))


def test_the_first_id_is_below_every_uuid7_of_its_millisecond() -> None:
    milliseconds = since_1970(NOON, MILLISECOND)
    least = UUID(int=milliseconds << 80 | 0x7 << 76 | 0b10 << 62)
    greatest_before = UUID(int=(milliseconds - 1) << 80 | 0x7 << 76 | 0xFFF << 64 | 0b10 << 62 | 2**62 - 1)

    assert greatest_before < first_id_at(NOON) <= least


def test_the_first_id_is_the_same_in_every_zone() -> None:
    assert first_id_at(NOON.astimezone(ZoneInfo("Asia/Kathmandu"))) == first_id_at(NOON)
