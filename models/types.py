"""Column types: money that stays exact, time that stays in UTC, ids that sort by time."""

from __future__ import annotations

import itertools
import random
import secrets
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

import uuid_utils.compat
from pydantic_core import to_json
from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Enum, Text, cast, type_coerce
from sqlalchemy.types import TypeDecorator

_NANO_DOLLARS_PER_DOLLAR = 1_000_000_000
# 44 bits, begun in the lower half: no process lives to see it overflow.
_counter = itertools.count(secrets.randbits(43))


class Money(TypeDecorator[Decimal]):
    """US dollars: nano-dollars in a 64-bit integer, `Decimal` in Python. Refuses what it cannot hold exactly."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, _dialect: Dialect) -> int | None:
        if value is None:
            return None
        numerator, denominator = value.as_integer_ratio()
        nano_dollars, rest = divmod(numerator * _NANO_DOLLARS_PER_DOLLAR, denominator)
        if rest:
            raise ValueError(f"{value} USD is finer than a nano-dollar")
        return nano_dollars

    def process_result_value(self, value: Any, _dialect: Dialect) -> Decimal | None:
        # PostgreSQL sums bigints as numeric; either way the value is a whole number.
        return None if value is None else Decimal(int(value)).scaleb(-9)


class UTCDateTime(TypeDecorator[datetime]):
    """A moment, to the microsecond. Goes in with any zone, comes out in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def enum_type(enum: type[StrEnum]) -> Enum:
    """Text checked against the enum in Python; a new member then needs no migration."""
    return Enum(
        enum, native_enum=False, create_constraint=False, length=32, values_callable=lambda e: [m.value for m in e]
    )


# The text as it was written: PostgreSQL's JSONB would write 1e308 out as 309 digits.
JSONDocument = JSON()


class RawJSON:
    """JSON that is sent as it is stored: nobody looks into it, so it is not read and written again."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RawJSON) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"RawJSON({self.text!r})"


class _RawJSON(TypeDecorator[RawJSON]):
    impl = Text
    cache_ok = True

    def process_result_value(self, value: Any, _dialect: Dialect) -> RawJSON | None:
        return None if value is None else RawJSON(value)


def raw(column: Any) -> Any:
    """What a column of JSON holds, as `RawJSON`."""
    return type_coerce(cast(column, Text), _RawJSON())


def json_text(value: Any) -> str:
    """The text that a JSON value is stored as, and measured by: compact, in UTF-8."""
    return to_json(value).decode()


def new_id(at: datetime | None = None) -> UUID:
    """A UUIDv7 whose time is `at`, or now. Ids that one process makes for one moment ascend."""
    if at is None:
        return uuid_utils.compat.uuid7()
    # RFC 9562, section 6.2: method 3 (the microseconds extend the time), then method 1 (a counter), then chance.
    milliseconds, microseconds = divmod(_microseconds(at), 1000)
    fraction = microseconds * 4096 // 1000
    tail = next(_counter) << 18 | random.getrandbits(18)
    return UUID(int=milliseconds << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | tail)


def first_id_at(moment: datetime) -> UUID:
    """The least UUIDv7 of the millisecond that `moment` is in: where a time range starts in a table keyed by id."""
    return UUID(int=(_microseconds(moment) // 1000) << 80)


def last_id_at(moment: datetime) -> UUID:
    """The greatest UUIDv7 of the millisecond that `moment` is in."""
    return UUID(int=((_microseconds(moment) // 1000 + 1) << 80) - 1)


def _microseconds(moment: datetime) -> int:
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds
