"""The bounds of every input, as types: what is refused, and with which words."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Final, NoReturn, Self
from uuid import UUID
from zoneinfo import available_timezones

import pydantic
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, PlainValidator, StringConstraints
from pydantic_core import PydanticCustomError, from_json, to_json

from domain.error import InvalidInput
from domain.money import (
    MAX_BUDGET,
    MAX_COST,
    MAX_TOKEN_PRICE,
    NANO_DOLLAR,
    number_of,
    to_nano_dollars,
)

MAX_NAME_LENGTH: Final = 200
MAX_LATENCY_MS: Final = 24 * 60 * 60 * 1000
MAX_TOKENS: Final = 1_000_000_000
MAX_LIST_LENGTH: Final = 100
MAX_JSON_BYTES: Final = 16 * 1024
MAX_JSON_DEPTH: Final = 20
MAX_JSON_VALUES: Final = 2_000
"""Of a JSON object that is read again with each row it is in."""
DEFAULT_PAGE: Final = 20
MAX_PAGE: Final = 500
MAX_BATCH: Final = 1_000

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def to_camel(name: str) -> str:
    """The name as clients spell it: `cache_write_1h_tokens` is `cacheWrite1hTokens`."""
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


def refuse(message: str) -> NoReturn:
    """Refuse the value being validated, with this message."""
    raise PydanticCustomError("refused", "{message}", {"message": message})


_NUL: Final = "\x00"
_HOLDS_NUL: Final = "must not hold the NUL character"


def _storable(text: str) -> str:
    if _NUL in text:
        refuse(_HOLDS_NUL)
    return text


def _json_object(value: Any) -> Any:
    if value is None:
        return value
    encoded = _encoded(value)
    if _looks_suspicious(encoded) and (fault := _fault(value)):
        refuse(fault)
    if len(encoded) > MAX_JSON_BYTES:
        refuse(f"must be at most {MAX_JSON_BYTES} bytes as JSON, not {len(encoded)}")
    # There are no more values than that; fewer where these are in texts.
    if sum(map(encoded.count, (b",", b"[", b"{"))) >= MAX_JSON_VALUES:
        refuse(f"must hold at most {MAX_JSON_VALUES} values")
    return value


class Truncated(dict[str, Any]):
    """A JSON object that some keys were left out of: there was no room for them, or they cannot be stored."""


def _metadata(value: Any) -> dict[str, Any] | None:
    if value is None:
        return None
    encoded = _encoded(value)
    if _looks_suspicious(encoded):
        return _fitted(value, {key: each for key, each in value.items() if _is_storable(key, each)})
    return value if len(encoded) <= MAX_JSON_BYTES else _fitted(value, value)


def _is_storable(key: str, value: Any) -> bool:
    entry = {key: value}
    return not _looks_suspicious(_encoded(entry)) or _fault(entry) is None


def _fitted(value: dict[str, Any], storable: dict[str, Any]) -> dict[str, Any]:
    """Of what can be stored, all but the largest keys, where there is not room for all; the value, where there is."""
    braces, comma = len("{}"), len(",")
    sizes = {key: len(to_json({key: each})) - braces for key, each in storable.items()}
    total = braces + sum(sizes.values()) + comma * max(0, len(sizes) - 1)
    if total > MAX_JSON_BYTES:
        for key in sorted(sizes, key=lambda key: (-sizes[key], key)):
            total -= sizes.pop(key) + comma
            if total <= MAX_JSON_BYTES:
                break
    return value if len(sizes) == len(value) else Truncated({key: value[key] for key in value if key in sizes})


def _encoded(value: Any) -> bytes:
    """The object as JSON; nothing for one that cannot be written as JSON. Refuses what is no object."""
    if not isinstance(value, dict):
        refuse('must be a JSON object, such as {"team": "search"}')
    try:
        return to_json(value, inf_nan_mode="constants")
    except (ValueError, RecursionError):
        return b""


_NOT_ZERO: Final = re.compile("[1-9]")
_SUSPICIOUS: Final = re.compile(rb"NaN|Infinity|\\u0000")


def _looks_suspicious(encoded: bytes) -> bool:
    """Whether this JSON may be nested too deeply, or hold what is no number or no text. Most is plainly harmless."""
    brackets = encoded.count(b"{") + encoded.count(b"[")
    return not encoded or brackets > MAX_JSON_DEPTH or _SUSPICIOUS.search(encoded) is not None


def _fault(value: dict[str, Any]) -> str | None:
    """Why the object cannot be stored; None when it can."""
    level: list[Any] = [value]
    for _ in range(MAX_JSON_DEPTH):
        children = [child for node in level for child in _children(node)]
        if any(isinstance(text, str) and _NUL in text for text in children):
            return _HOLDS_NUL
        level = [child for child in children if isinstance(child, dict | list)]
        if not level:
            break
    else:
        return f"must be nested at most {MAX_JSON_DEPTH} deep"
    try:
        from_json(to_json(value, inf_nan_mode="constants"), allow_inf_nan=False)
    except ValueError:
        return "must hold only finite numbers and valid Unicode text"
    return None


def double(number: str) -> float:
    """The number as a double. One that a double cannot hold is infinite, and so no field takes it: it is never another one."""
    value = float(number)
    return math.inf if value == 0 and _NOT_ZERO.search(number.lower().partition("e")[0]) else value


def _children(node: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return (*node, *node.values()) if isinstance(node, dict) else node


@cache
def _time_zones() -> frozenset[str]:
    # Two entries of the machine's files are no place's time.
    return frozenset(available_timezones() - {"localtime", "Factory"})


def _time_zone(name: str) -> str:
    if name not in _time_zones():
        refuse("must be an IANA time zone, such as Europe/Berlin")
    return name


def _amount(value: Any) -> Any:
    # A JSON number arrives as a float: take the digits the client wrote, not their binary neighbour.
    text = repr(value) if isinstance(value, float) else value
    if not isinstance(text, str):
        return text
    if (number := number_of(text.strip())) is not None:
        return number
    # What Python alone takes for a number is none; NaN and infinity are refused as such.
    return text if _NOT_FINITE.fullmatch(text.strip()) else ""


_NOT_FINITE: Final = re.compile(r"[+-]?(nan|inf|infinity)", re.ASCII | re.IGNORECASE)
_DECIMAL: Final = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,9})?", re.ASCII)
# Above every bound, and few enough digits to count with.
_BEYOND: Final = 10**15
# From here on a double does not tell neighbouring integers apart.
_EXACT_IN_A_DOUBLE: Final = 2**53


def _number(value: Any) -> int | Decimal | None:
    """The number that this is or spells, exactly, or one that is beyond every bound as well; None where it is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        value = repr(value)
    if not isinstance(value, str) or not _DECIMAL.fullmatch(text := value.strip()):
        return None
    return min(max(Decimal(text), Decimal(-_BEYOND)), Decimal(_BEYOND))


def _milliseconds(value: Any) -> int:
    if (number := _number(value)) is None:
        refuse(f"must be a number of milliseconds, from 0 to {MAX_LATENCY_MS}")
    return round(number)


def _tokens(value: Any) -> int:
    number = _number(value)
    if number is None or number != (whole := round(number)):
        refuse(f"must be a whole number, from 0 to {MAX_TOKENS}")
    return whole


def _label(value: Any) -> Any:
    # What others count with, an id say, is a text here: the digits, where those are all there is to it.
    if isinstance(value, float):
        if not (value.is_integer() and abs(value) < _EXACT_IN_A_DOUBLE):
            refuse(f"must be text of 1 to {MAX_NAME_LENGTH} characters, or an integer; floats are below 2^53")
        return str(int(value))
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _without_repeats(names: list[str]) -> list[str]:
    first_of: dict[str, str] = {}
    for name in names:
        first_of.setdefault(name.casefold(), name)
    return list(first_of.values())


def _in_utc(moment: datetime) -> datetime:
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        if moment.year > EPOCH.year:
            refuse("must not be after 9999-12-31T23:59:59Z")
    if moment < EPOCH:
        refuse("must not be before 1970-01-01T00:00:00Z")
    return moment


def _cost(amount: Decimal) -> Decimal:
    if not 0 <= amount <= MAX_COST:
        refuse(f"must be from 0 to {MAX_COST} USD")
    return to_nano_dollars(amount)


def _budget(amount: Decimal) -> Decimal:
    # More than nothing, since nothing can be a share of nothing.
    if not NANO_DOLLAR <= amount <= MAX_BUDGET:
        refuse(f"must be more than 0 and at most {MAX_BUDGET} USD")
    return to_nano_dollars(amount)


def _token_price(amount: Decimal) -> Decimal:
    if not 0 <= amount <= MAX_TOKEN_PRICE:
        refuse(f"must be from 0 to {MAX_TOKEN_PRICE} USD per million tokens")
    return to_nano_dollars(amount)


_Amount = Annotated[Decimal, BeforeValidator(_amount), Field(allow_inf_nan=False)]

Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_NAME_LENGTH), AfterValidator(_storable)
]
Label = Annotated[Name, BeforeValidator(_label)]
Names = Annotated[list[Name], Field(max_length=MAX_LIST_LENGTH), AfterValidator(_without_repeats)]
Cost = Annotated[_Amount, AfterValidator(_cost)]
Budget = Annotated[_Amount, AfterValidator(_budget)]
TokenPrice = Annotated[_Amount, AfterValidator(_token_price)]
Milliseconds = Annotated[int, BeforeValidator(_milliseconds), Field(ge=0, le=MAX_LATENCY_MS)]
Tokens = Annotated[int, BeforeValidator(_tokens), Field(ge=0, le=MAX_TOKENS)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
JSONObject = Annotated[dict[str, Any] | None, BeforeValidator(_json_object)]
Metadata = Annotated[dict[str, Any] | None, PlainValidator(_metadata)]
TimeZone = Annotated[str, StringConstraints(max_length=64), AfterValidator(_time_zone)]
Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]


class Input(pydantic.BaseModel):
    """Checked input. Fields are refused under the name the caller knows: camelCase."""

    model_config = pydantic.ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True, strict=False
    )

    @classmethod
    def checked(cls, values: Mapping[str, Any], path: tuple[str | int, ...] = ("input",)) -> Self:
        """The input these values make.

        Raises InvalidInput naming the first field that is out of bounds.
        """
        try:
            return cls.model_validate(values)
        except pydantic.ValidationError as error:
            raise invalid(error, path) from None

    @classmethod
    def checked_json(cls, text: bytes) -> Self:
        """The same of JSON, that of a whole line or file: nothing comes before its fields in a path."""
        try:
            return cls.model_validate_json(text)
        except pydantic.ValidationError as error:
            raise invalid(error) from None


def invalid(error: pydantic.ValidationError, path: tuple[str | int, ...] = ()) -> InvalidInput:
    """The first of pydantic's findings, as ours. The value itself is not repeated: it may be long or secret."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    steps = [*path, *(_spelt(step) for step in first["loc"])]
    names = [str(step) for step in steps if step != "input"]
    message = first["msg"].removeprefix("Value error, ")
    return InvalidInput(f"{'.'.join(names)}: {message}" if names else message, steps)


def _spelt(step: str | int) -> str:
    # `from` is a word of Python: the field is called `from_` here.
    return to_camel(step).rstrip("_") if isinstance(step, str) else str(step)


def identifier(text: str) -> UUID | None:
    """The UUID that `text` spells; None when it spells none, which is then nobody's id."""
    try:
        return UUID(text)
    except ValueError:
        return None


def page_size(first: int | None) -> int:
    """`first`, when it is within 1..500; 20 for None. Raises InvalidInput."""
    if first is None:
        return DEFAULT_PAGE
    if not 1 <= first <= MAX_PAGE:
        raise InvalidInput(f"first: must be from 1 to {MAX_PAGE}, not {first}", ["first"])
    return first
