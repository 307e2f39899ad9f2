"""Types of input fields: their limits, and the messages that reject other values."""

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
"""The longest name, in characters."""
MAX_LATENCY_MS: Final = 24 * 60 * 60 * 1000
"""The longest latency: 24 hours."""
MAX_TOKENS: Final = 1_000_000_000
MAX_LIST_LENGTH: Final = 100
MAX_JSON_BYTES: Final = 16 * 1024
MAX_JSON_DEPTH: Final = 20
MAX_JSON_VALUES: Final = 2_000
"""The most values in a JSON object."""
DEFAULT_PAGE: Final = 20
MAX_PAGE: Final = 500
MAX_BATCH: Final = 1_000

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def to_camel(name: str) -> str:
    """The name in camelCase, as clients spell it: `cache_write_1h_tokens` becomes `cacheWrite1hTokens`."""
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


def reject(message: str) -> NoReturn:
    """Reject the value that pydantic validates, with this message. For use in validators."""
    raise PydanticCustomError("refused", "{message}", {"message": message})


_NUL: Final = "\x00"
_NUL_MESSAGE: Final = "must not contain the NUL character"


def _storable(text: str) -> str:
    if _NUL in text:
        reject(_NUL_MESSAGE)
    return text


def _json_object(value: Any) -> Any:
    if value is None:
        return value
    encoded = _encoded(value)
    if _looks_suspicious(encoded) and (fault := _fault(value)):
        reject(fault)
    if len(encoded) > MAX_JSON_BYTES:
        reject(f"must be at most {MAX_JSON_BYTES} bytes as JSON, not {len(encoded)}")
    # These characters also occur in strings: only a large count makes it necessary to count the values themselves.
    if sum(map(encoded.count, (b",", b"[", b"{"))) >= MAX_JSON_VALUES and _size(value) > MAX_JSON_VALUES:
        reject(f"must contain at most {MAX_JSON_VALUES} values")
    return value


class Truncated(dict[str, Any]):
    """A JSON object without some of its keys: they exceeded the size limit or could not be stored."""


def _metadata(value: Any) -> dict[str, Any] | None:
    if value is None:
        return None
    encoded = _encoded(value)
    if _looks_suspicious(encoded):
        return _fitted(value, {key: each for key, each in value.items() if _is_storable(key, each)})
    return value if len(encoded) <= MAX_JSON_BYTES else _fitted(value, value)


def _is_storable(key: str, value: Any) -> bool:
    alone = {key: value}
    return not _looks_suspicious(_encoded(alone)) or _fault(alone) is None


def _fitted(value: dict[str, Any], storable: dict[str, Any]) -> dict[str, Any]:
    """The storable keys that fit into `MAX_JSON_BYTES`: the largest ones are dropped first. `value` if none is dropped."""
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
    """The object as JSON; empty when it cannot be encoded. Rejects a value that is not an object."""
    if not isinstance(value, dict):
        reject('must be a JSON object, such as {"team": "search"}')
    try:
        return to_json(value, inf_nan_mode="constants")
    except (ValueError, RecursionError):
        return b""


_NOT_ZERO: Final = re.compile("[1-9]")
_SUSPICIOUS: Final = re.compile(rb"NaN|Infinity|\\u0000")


def _looks_suspicious(encoded: bytes) -> bool:
    """Whether this JSON may be nested too deeply or contain an invalid number or string. It needs `_fault` only then."""
    brackets = encoded.count(b"{") + encoded.count(b"[")
    return not encoded or brackets > MAX_JSON_DEPTH or _SUSPICIOUS.search(encoded) is not None


def _fault(value: dict[str, Any]) -> str | None:
    """Why the object cannot be stored; None when it can."""
    level: list[Any] = [value]
    for _ in range(MAX_JSON_DEPTH):
        children = [child for node in level for child in _children(node)]
        if any(isinstance(text, str) and _NUL in text for text in children):
            return _NUL_MESSAGE
        level = [child for child in children if isinstance(child, dict | list)]
        if not level:
            break
    else:
        return f"must be nested at most {MAX_JSON_DEPTH} levels deep"
    try:
        from_json(to_json(value, inf_nan_mode="constants"), allow_inf_nan=False)
    except ValueError:
        return "must contain only finite numbers and valid Unicode text"
    return None


def double(number: str) -> float:
    """The number as a double; infinity, which every field rejects, when it is out of the range of a double."""
    value = float(number)
    return math.inf if value == 0 and _NOT_ZERO.search(number.lower().partition("e")[0]) else value


def _children(node: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return (*node, *node.values()) if isinstance(node, dict) else node


def _size(value: Any) -> int:
    """The number of values in a JSON value, itself included."""
    if isinstance(value, dict):
        return 1 + sum(map(_size, value.values()))
    return 1 + sum(map(_size, value)) if isinstance(value, list) else 1


@cache
def _time_zones() -> frozenset[str]:
    # These two names are not time zones: they stand for the setting of the machine.
    return frozenset(available_timezones() - {"localtime", "Factory"})


def _time_zone(name: str) -> str:
    if name not in _time_zones():
        reject("must be an IANA time zone, such as Europe/Berlin")
    return name


def _amount(value: Any) -> Any:
    # A JSON number arrives as a float: use the decimal digits of the client, not the binary approximation.
    text = repr(value) if isinstance(value, float) else value
    if not isinstance(text, str):
        return text
    if (number := number_of(text.strip())) is not None:
        return number
    # Other spellings that Python reads as a number are rejected. NaN and infinity pass: they have a message of their own.
    return text if _NOT_FINITE.fullmatch(text.strip()) else ""


_NOT_FINITE: Final = re.compile(r"[+-]?(nan|inf|infinity)", re.ASCII | re.IGNORECASE)
_DECIMAL: Final = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,9})?", re.ASCII)
# A number above every limit, small enough to calculate with.
_BEYOND: Final = 10**15
# The first integer from which a double cannot represent every integer.
_EXACT_IN_A_DOUBLE: Final = 2**53


def _number(value: Any) -> int | Decimal | None:
    """The exact number; None when it is not a number. Numbers above every limit are reduced to `_BEYOND`."""
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
        reject(f"must be a number of milliseconds, from 0 to {MAX_LATENCY_MS}")
    return round(number)


def _tokens(value: Any) -> int:
    number = _number(value)
    if number is None or number != (whole := round(number)):
        reject(f"must be a whole number, from 0 to {MAX_TOKENS}")
    return whole


def _label(value: Any) -> Any:
    # Clients may send an id as a number: it is stored as text. Only integers are converted.
    if isinstance(value, float):
        if not (value.is_integer() and abs(value) < _EXACT_IN_A_DOUBLE):
            reject(
                f"must be text of 1 to {MAX_NAME_LENGTH} characters or an integer; a float must be whole and below 2^53"
            )
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
            reject("must not be after 9999-12-31T23:59:59Z")
    if moment < EPOCH:
        reject("must not be before 1970-01-01T00:00:00Z")
    return moment


def _cost(amount: Decimal) -> Decimal:
    if not 0 <= amount <= MAX_COST:
        reject(f"must be from 0 to {MAX_COST} USD")
    return to_nano_dollars(amount)


def _budget(amount: Decimal) -> Decimal:
    # Above 0, because percentages of the amount are computed.
    if not NANO_DOLLAR <= amount <= MAX_BUDGET:
        reject(f"must be more than 0 and at most {MAX_BUDGET} USD")
    return to_nano_dollars(amount)


def _token_price(amount: Decimal) -> Decimal:
    if not 0 <= amount <= MAX_TOKEN_PRICE:
        reject(f"must be from 0 to {MAX_TOKEN_PRICE} USD per million tokens")
    return to_nano_dollars(amount)


_Amount = Annotated[Decimal, BeforeValidator(_amount), Field(allow_inf_nan=False)]

Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_NAME_LENGTH), AfterValidator(_storable)
]
Label = Annotated[Name, BeforeValidator(_label)]
Names = Annotated[list[Name], Field(max_length=MAX_LIST_LENGTH), AfterValidator(_without_repeats)]
Cost = Annotated[_Amount, AfterValidator(_cost)]
BudgetAmount = Annotated[_Amount, AfterValidator(_budget)]
TokenPrice = Annotated[_Amount, AfterValidator(_token_price)]
Milliseconds = Annotated[int, BeforeValidator(_milliseconds), Field(ge=0, le=MAX_LATENCY_MS)]
Tokens = Annotated[int, BeforeValidator(_tokens), Field(ge=0, le=MAX_TOKENS)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
JSONObject = Annotated[dict[str, Any] | None, BeforeValidator(_json_object)]
Metadata = Annotated[dict[str, Any] | None, PlainValidator(_metadata)]
TimeZone = Annotated[str, StringConstraints(max_length=64), AfterValidator(_time_zone)]
Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]


class Input(pydantic.BaseModel):
    """The base class of validated input. Errors name fields in camelCase, as clients spell them."""

    model_config = pydantic.ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True, strict=False
    )

    @classmethod
    def checked(cls, values: Mapping[str, Any], path: tuple[str | int, ...] = ("input",)) -> Self:
        """The validated input. `path` is the path of the argument that has these values.

        Raises InvalidInput that names the first field with an invalid value.
        """
        try:
            return cls.model_validate(values)
        except pydantic.ValidationError as error:
            raise invalid(error, path) from None

    @classmethod
    def checked_json(cls, text: bytes) -> Self:
        """The validated input from a JSON document, such as one line of a file. Paths begin with the field."""
        try:
            return cls.model_validate_json(text)
        except pydantic.ValidationError as error:
            raise invalid(error) from None


def invalid(error: pydantic.ValidationError, path: tuple[str | int, ...] = ()) -> InvalidInput:
    """The first error of pydantic as InvalidInput. The message does not repeat the value: it may be long or secret."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    steps = [*path, *(_spelt(step) for step in first["loc"])]
    names = [str(step) for step in steps if step != "input"]
    message = first["msg"].removeprefix("Value error, ")
    return InvalidInput(f"{'.'.join(names)}: {message}" if names else message, steps)


def _spelt(step: str | int) -> str:
    # `from` is a Python keyword: the field is called `from_` here.
    return to_camel(step).rstrip("_") if isinstance(step, str) else str(step)


def identifier(text: str) -> UUID | None:
    """The UUID that `text` spells; None when it is not a UUID. No row has such an id."""
    try:
        return UUID(text)
    except ValueError:
        return None


def page_size(first: int | None) -> int:
    """The page size: `first`, or 20 for None. Raises InvalidInput when it is not within 1..500."""
    if first is None:
        return DEFAULT_PAGE
    if not 1 <= first <= MAX_PAGE:
        raise InvalidInput(f"first: must be from 1 to {MAX_PAGE}, not {first}", ["first"])
    return first
