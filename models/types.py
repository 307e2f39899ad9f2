"""Column types: money that stays exact, time that stays in UTC, ids that sort by time."""

from __future__ import annotations

import itertools
import random
import secrets
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

import uuid_utils.compat
from pydantic_core import to_json
from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Enum, Text, cast, type_coerce
from sqlalchemy.types import TypeDecorator

_NANO_DOLLARS_PER_DOLLAR = 1_000_000_000
# 44 bits that start in the lower half, so that no process lives long enough to overflow them.
_counter = itertools.count(secrets.randbits(43))


class Money(TypeDecorator[Decimal]):
    """An amount in USD: a 64-bit integer of nano-dollars (1e-9 USD) in the database, a `Decimal` in Python.

    Raises ValueError for an amount with more than nine decimals.
    """

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

    def result_processor(self, _dialect: Dialect, _coltype: object) -> Callable[[Any], Decimal | None]:
        """The function that reads a value: one call for each, where TypeDecorator would take three."""
        return dollars


class UTCDateTime(TypeDecorator[datetime]):
    """A moment with microsecond precision. Accepts any time zone, and returns UTC. Raises ValueError without a zone."""

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

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None] | None:
        """The function that reads a value; None on PostgreSQL, whose driver returns UTC."""
        return super().result_processor(dialect, coltype) if dialect.name == "sqlite" else None


def dollars(nano_dollars: Any) -> Decimal | None:
    """The amount in USD that a database returned as nano-dollars."""
    # PostgreSQL sums bigints as numeric; either way the value is a whole number.
    return None if nano_dollars is None else Decimal(int(nano_dollars)).scaleb(-9)


def sqlite_text(moment: datetime) -> str:
    """The text of a moment in UTC as SQLite stores it."""
    # isoformat takes a tenth of the time of strftime.
    return moment.replace(tzinfo=None).isoformat(" ", "microseconds")


def enum_type(enum: type[StrEnum]) -> Enum:
    """A text column whose values are checked in Python, so that a new member of the enum needs no migration."""
    return Enum(
        enum, native_enum=False, create_constraint=False, length=32, values_callable=lambda e: [m.value for m in e]
    )


# JSON keeps the text as written. PostgreSQL's JSONB would expand 1e308 to 309 digits.
JSONDocument = JSON()


class RawJSON:
    """JSON text that is sent to clients as it is stored, without being parsed and serialized again."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RawJSON) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"RawJSON({self.text!r})"


class RawRow(NamedTuple):
    """A row as the JSON text of the object that is sent to clients, and the key that its list is ordered by."""

    key: Any
    text: str


class RawRows(list[RawRow]):
    """Rows as JSON text that the database has made. `fields` names the fields of each, in order."""

    def __init__(self, rows: Iterable[RawRow], fields: tuple[str, ...]) -> None:
        super().__init__(rows)
        self.fields = fields

    def json(self) -> RawJSON:
        """The rows as a JSON array."""
        return RawJSON(f"[{','.join([row.text for row in self])}]")


class _RawJSON(TypeDecorator[RawJSON]):
    impl = Text
    cache_ok = True

    def process_result_value(self, value: Any, _dialect: Dialect) -> RawJSON | None:
        return None if value is None else RawJSON(value)


def raw(column: Any) -> Any:
    """A JSON column, selected as `RawJSON`."""
    return type_coerce(cast(column, Text), _RawJSON())


def json_text(value: Any) -> str:
    """The compact JSON text of a value. This text is stored, and its length in UTF-8 is the size of the value."""
    return to_json(value).decode()


def new_id(at: datetime | None = None) -> UUID:
    """A UUIDv7 whose timestamp is `at`, or now. Within one process, ids of the same moment ascend."""
    if at is None:
        return uuid_utils.compat.uuid7()
    # RFC 9562, section 6.2: method 3 (sub-millisecond precision), then method 1 (a counter), then random bits.
    milliseconds, microseconds = divmod(_microseconds(at), 1000)
    fraction = microseconds * 4096 // 1000
    tail = next(_counter) << 18 | random.getrandbits(18)
    return UUID(int=milliseconds << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | tail)


def first_id_at(moment: datetime) -> UUID:
    """The least id of the millisecond of `moment`: the lower bound of a time range in a table keyed by UUIDv7."""
    return UUID(int=(_microseconds(moment) // 1000) << 80)


def last_id_at(moment: datetime) -> UUID:
    """The greatest id of the millisecond of `moment`."""
    return UUID(int=((_microseconds(moment) // 1000 + 1) << 80) - 1)


def _microseconds(moment: datetime) -> int:
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds
