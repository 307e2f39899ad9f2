"""The custom scalars of the API, with their parsers and serializers."""

from __future__ import annotations

import datetime as dt
import decimal
import re
from typing import Any, Final, NewType

from graphql import (
    FloatValueNode,
    GraphQLError,
    ListValueNode,
    ObjectValueNode,
    ValueNode,
    value_from_ast_untyped,
)
from strawberry.scalars import JSON
from strawberry.types.scalar import ScalarDefinition, scalar

from domain.bounds import double
from domain.money import MAX_NUMBER_LENGTH, number_of, plain
from models.types import RawJSON, RawRows

__all__ = ["SCALARS", "BigInt", "RawJSON", "RawRows"]

_MOMENT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})", re.ASCII
)


# Accepted here, so that `domain` rejects them with an error that names the field.
_NOT_FINITE: Final = re.compile(r"[+-]?(nan|inf|infinity)", re.ASCII | re.IGNORECASE)
# Larger than any amount: treated as infinite.
_ENORMOUS: Final = re.compile(r"([+-]?)([0-9]+(\.[0-9]*)?|\.[0-9]+)[eE]\+?[0-9]{4,}", re.ASCII)


def _read_decimal(value: Any) -> decimal.Decimal:
    if isinstance(value, int) and not isinstance(value, bool):
        return decimal.Decimal(value)
    if isinstance(value, str | float):
        # JSON numbers arrive as floats: the shortest representation is what the client wrote.
        text = str(value)
        if len(text) <= MAX_NUMBER_LENGTH:
            text = _ENORMOUS.sub(r"\1Infinity", text) if _ENORMOUS.fullmatch(text) else text
        number = decimal.Decimal(text) if _NOT_FINITE.fullmatch(text) else number_of(text)
        if number is not None:
            return number
    raise GraphQLError(
        f'Decimal must be a number or its text, such as "0.0001107", of at most {MAX_NUMBER_LENGTH} characters'
    )


def _read_moment(value: Any) -> dt.datetime:
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        try:
            return dt.datetime.fromisoformat(value.upper())
        except ValueError:
            pass
    raise GraphQLError("DateTime must be RFC 3339 with an offset, such as 2026-01-31T12:00:00Z")


def _write_moment(value: dt.datetime) -> dt.datetime:
    """The moment in UTC. It becomes text when the response is encoded, many times faster than here (`server.graphql.answer`)."""
    return value if value.tzinfo is dt.UTC else value.astimezone(dt.UTC)


def _read_literal(node: ValueNode, variables: dict[str, Any] | None = None) -> Any:
    """The JSON value of a literal in a GraphQL document."""
    if isinstance(node, FloatValueNode):
        return double(node.value)
    if isinstance(node, ListValueNode):
        return [_read_literal(each, variables) for each in node.values]
    if isinstance(node, ObjectValueNode):
        return {field.name.value: _read_literal(field.value, variables) for field in node.fields}
    return value_from_ast_untyped(node, variables)


# The largest integer that JavaScript numbers represent exactly.
_EXACT_IN_A_DOUBLE: Final = 2**53 - 1
BigInt = NewType("BigInt", int)
_INTEGER: Final = re.compile(r"-?[0-9]{1,19}", re.ASCII)


def _read_integer(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    raise GraphQLError("BigInt must be a 64-bit integer, or its digits as a string")


def _write_integer(value: int) -> int | str:
    return value if abs(value) <= _EXACT_IN_A_DOUBLE else str(value)


SCALARS: Final[dict[object, ScalarDefinition]] = {
    decimal.Decimal: scalar(
        name="Decimal",
        description='An exact decimal number, as a string: "0.0001107". Amounts of money are in USD.',
        serialize=plain,
        parse_value=_read_decimal,
    ),
    dt.datetime: scalar(
        name="DateTime",
        description="A point in time in RFC 3339 format with an offset: 2026-01-31T12:00:00Z. Results are in UTC.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        serialize=_write_moment,
        parse_value=_read_moment,
    ),
    BigInt: scalar(
        name="BigInt",
        description="A 64-bit integer. It is a string when a double cannot represent it exactly.",
        serialize=_write_integer,
        parse_value=_read_integer,
    ),
    JSON: scalar(
        name="JSON",
        description="Any JSON value.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259",
        serialize=lambda value: value,
        parse_value=lambda value: value,
        parse_literal=_read_literal,
    ),
}
