"""Invalid values of every scalar, in every argument and input field of the schema, as literals and as variables."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple

import graphql
import httpx2
import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    is_required_argument,
    is_required_input_field,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schema import schema
from tests.support.api import Api
from tests.support.socket import signed_in

SCHEMA = schema._schema
GOOD = {
    "BigInt": 1,
    "Boolean": True,
    "DateTime": "2026-03-01T00:00:00Z",
    "Decimal": "1",
    "Float": 0.5,
    "ID": "01941931-60b0-7000-9e50-21ab326a8ef5",
    "Int": 1,
    "JSON": {},
    "String": "UTC",
}
FULL_WIDTH = "\uff11\uff12"
ABSURD = [
    "1E+99999999999999999999",
    "1e-99999999999999999999",
    "-0e99999999999999999999",
    "1e-999999999",
    "1e9999",
    "sNaN",
    "-sNaN123",
    "NaN",
    "Infinity",
    "-inf",
    "1_000",
    FULL_WIDTH,
    "\u0663",
    "9" * 10_000,
    "0." + "9" * 10_000,
    "0x10",
    "--1",
    "1e",
    " 1\n",
    "",
]
NO_NUMBERS = [True, {}, [], [1, 2], {"a": [None]}]
NO_MOMENTS = [
    "9999-12-31T23:59:59-14:00",
    "0001-01-01T00:00:00+14:00",
    "0000-01-01T00:00:00Z",
    "2026-02-30T00:00:00Z",
    "2026-01-01T00:00:00+24:00",
    "2026-01-01T00:00:00+99:99",
    f"20{FULL_WIDTH}-01-01T00:00:00Z",
]


class Position(NamedTuple):
    """A position in an argument of a root field where a scalar can stand."""

    kind: str
    field: str
    argument: str
    path: tuple[str, ...]
    scalar: str
    whole: Callable[[Any], dict[str, Any]]
    """Builds all arguments of the field, with the given value at this position."""


def valid(type_: GraphQLInputType) -> Any:
    """A valid value of this type."""
    if isinstance(type_, GraphQLNonNull):
        return valid(type_.of_type)
    if isinstance(type_, GraphQLList):
        return [valid(type_.of_type)]
    if isinstance(type_, GraphQLEnumType):
        return next(iter(type_.values))
    if isinstance(type_, GraphQLInputObjectType):
        return {name: valid(each.type) for name, each in type_.fields.items() if is_required_input_field(each)}
    return GOOD[type_.name]


Put = Callable[[Any], Any]


def in_a_list(put: Put) -> Put:
    return lambda value: [put(value)]


def among(others: dict[str, Any], name: str, put: Put) -> Put:
    return lambda value: others | {name: put(value)}


def scalars_in(type_: GraphQLInputType, above: tuple[str, ...] = ()) -> Iterator[tuple[str, tuple[str, ...], Put]]:
    """The scalars inside of a type: the name of each, its path, and a function that builds a value around one."""
    if isinstance(type_, GraphQLNonNull):
        yield from scalars_in(type_.of_type, above)
    elif isinstance(type_, GraphQLList):
        for scalar, path, put in scalars_in(type_.of_type, above):
            yield scalar, path, in_a_list(put)
    elif isinstance(type_, GraphQLInputObjectType) and type_.name not in above:
        for name, field in type_.fields.items():
            for scalar, path, put in scalars_in(field.type, (*above, type_.name)):
                yield scalar, (name, *path), among(valid(type_), name, put)
    elif isinstance(type_, GraphQLScalarType):
        yield type_.name, (), lambda value: value


def positions() -> Iterator[Position]:
    roots = {"query": SCHEMA.query_type, "mutation": SCHEMA.mutation_type}
    for kind, root in roots.items():
        assert root is not None
        for field_name, field in root.fields.items():
            needed = {name: valid(each.type) for name, each in field.args.items() if is_required_argument(each)}
            for argument, each in field.args.items():
                for scalar, path, put in scalars_in(each.type):
                    yield Position(kind, field_name, argument, path, scalar, among(needed, argument, put))


POSITIONS = list(positions())


def graphql_literal(value: Any, type_: GraphQLInputType | None) -> str:
    """The value as a GraphQL literal."""
    if isinstance(type_, GraphQLNonNull):
        return graphql_literal(value, type_.of_type)
    if isinstance(type_, GraphQLEnumType) and isinstance(value, str):
        return value
    if isinstance(value, list):
        inner = type_.of_type if isinstance(type_, GraphQLList) else None
        return f"[{', '.join(graphql_literal(each, inner) for each in value)}]"
    if isinstance(value, dict):
        fields = type_.fields if isinstance(type_, GraphQLInputObjectType) else {}
        return f"{{{', '.join(f'{k}: {graphql_literal(v, fields[k].type if k in fields else None)}' for k, v in value.items())}}}"
    return json.dumps(value)


def as_literal(position: Position, value: Any) -> tuple[str, dict[str, Any]]:
    arguments = root_field(position).args
    given_ = ", ".join(
        f"{name}: {graphql_literal(each, arguments[name].type)}" for name, each in position.whole(value).items()
    )
    return f"{position.kind} {{ {position.field}({given_}) {selection(position)} }}", {}


def as_variable(position: Position, value: Any) -> tuple[str, dict[str, Any]]:
    arguments, values = root_field(position).args, position.whole(value)
    declared = ", ".join(f"${name}: {arguments[name].type}" for name in values)
    given_ = ", ".join(f"{name}: ${name}" for name in values)
    return f"{position.kind}({declared}) {{ {position.field}({given_}) {selection(position)} }}", values


def root_field(position: Position) -> graphql.GraphQLField:
    root = SCHEMA.query_type if position.kind == "query" else SCHEMA.mutation_type
    assert root is not None
    field: graphql.GraphQLField = root.fields[position.field]
    return field


def selection(position: Position) -> str:
    named = graphql.get_named_type(root_field(position).type)
    if graphql.is_leaf_type(named):
        return ""
    if isinstance(named, graphql.GraphQLObjectType):
        return "{ rejected { error { code message } } }" if "rejected" in named.fields else "{ __typename }"
    return "{ __typename ... on Error { code message path } }"


SPELLINGS = [as_literal, as_variable]
CLIENTS_FAULT = {"BAD_REQUEST", "BAD_USER_INPUT", "GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED", "NOT_FOUND"}


async def error_for(
    api: Api, position: Position, value: Any, how: Callable[[Position, Any], tuple[str, dict[str, Any]]]
) -> str:
    """Send this value. Returns the error, or an empty string if it is accepted. Fails on an internal error."""
    query, variables = how(position, value)
    return error_in(await api.post(query, **variables), position)


def error_in(response: httpx2.Response, position: Position) -> str:
    assert response.status_code < 500, (position, response.text)
    body = response.json()
    if errors := body.get("errors"):
        assert {error["extensions"]["code"] for error in errors} <= CLIENTS_FAULT, (position, errors)
        error = json.dumps(errors)
        assert "class '" not in error, (position, errors)
        assert "integer string conversion" not in error, (position, errors)
        return error
    [answer] = body["data"].values()
    error = json.dumps(answer)
    return error if "INVALID_INPUT" in error else ""


AMOUNTS = [position for position in POSITIONS if position.scalar == "Decimal"]


@pytest.mark.parametrize("how", SPELLINGS)
async def test_an_absurd_amount_is_rejected_by_name_in_every_position(
    api: Api, how: Callable[[Position, Any], tuple[str, dict[str, Any]]]
) -> None:
    assert len(AMOUNTS) > 40
    for number, position in enumerate(AMOUNTS):
        # three values per position, so that all are covered, and the one that Python cannot parse in every position
        for value in (ABSURD[0], ABSURD[number % len(ABSURD)], NO_NUMBERS[number % len(NO_NUMBERS)]):
            if isinstance(value, list) and len(value) < 2:
                continue  # an empty list is valid where a list of amounts is
            error = await error_for(api, position, value, how)
            assert (position.path or (position.argument,))[-1] in error, (position, value, error)


async def test_no_value_of_any_scalar_causes_an_internal_error(api: Api) -> None:
    values: dict[str, list[Any]] = {
        "Int": [10**30, 10**400, 1e308, FULL_WIDTH, *ABSURD[:3]],
        "Float": [10**400, 5e-324, 1e308, "nan", FULL_WIDTH],
        "DateTime": [*NO_MOMENTS, *ABSURD[:2], 10**400],
        "ID": ["{" * 20, "9" * 10_000, f"0x{'f' * 30}", FULL_WIDTH * 18, "\x00", 10**400, *ABSURD[:2]],
        "String": ["\x00", "9" * 10_000, ABSURD[0], "\U0010ffff"],
        "JSON": [{"a": 1e308}, {"a": 10**400}, {"a": "\x00"}, {"a": {"b": [[[]]]}}, [], ABSURD[0]],
        "Boolean": ["true", 1, 10**400],
        "Decimal": ABSURD,
    }
    asked = 0
    for number, position in enumerate(POSITIONS):
        taken = values[position.scalar]
        await error_for(api, position, taken[number % len(taken)], SPELLINGS[number % 2])
        asked += 1
    assert asked > 250
    assert {position.scalar for position in POSITIONS} == set(values)


@pytest.mark.parametrize("literal", ["9" * 10_000, f"-{'9' * 10_000}", f"1.{'9' * 10_000}", f"1e{'9' * 10_000}"])
@pytest.mark.parametrize("scalar", ["Int", "Float", "Decimal", "ID", "JSON"])
async def test_a_literal_of_10_000_digits_is_rejected_under_its_name(api: Api, scalar: str, literal: str) -> None:
    position = next(position for position in POSITIONS if position.scalar == scalar)
    query, _ = as_literal(position, "THE VALUE")
    error = error_in(await api.post(query.replace('"THE VALUE"', literal)), position)
    # 1.999… is a valid number, and any number is a valid id
    taken = {"ID"} if "." not in literal and "e" not in literal else {"Decimal", "Float"} if "." in literal else set()
    assert (position.path or (position.argument,))[-1] in error or scalar in taken


numbers = (
    st.from_regex(r"[+-]?[0-9_.]{0,12}([eE][+-]?[0-9]{0,30})?", fullmatch=True)
    | st.text("0123456789.eE+-_ \u0660\uff11nNaAiIfFsSxX", max_size=20)
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.none()
    | st.booleans()
    | st.recursive(st.just([]), lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=2), inner))
)
CUSTOM = [type_ for type_ in SCHEMA.type_map.values() if isinstance(type_, GraphQLScalarType)]


@given(numbers, st.sampled_from(CUSTOM))
@example("1E+99999999999999999999", SCHEMA.type_map["Decimal"])
@example(10**5000, SCHEMA.type_map["Decimal"])
@example(10**4000, SCHEMA.type_map["Int"])
@example(10**4000, SCHEMA.type_map["ID"])
@settings(max_examples=400)
def test_a_scalar_accepts_a_value_or_explains_what_is_wrong(value: Any, scalar: GraphQLScalarType) -> None:
    with suppress(GraphQLError):
        scalar.coerce_input_value(value)


OVER_A_STREAM = "subscription($after: String) { alertTriggered(after: $after) { cursor } }"
SAVE = "mutation($cost: Decimal) { savePreferences(input: {maxCostPerRequest: $cost}) { __typename } }"


async def test_a_socket_rejects_invalid_values_too(url: str, token: str) -> None:
    async with signed_in(url, token) as socket:
        for number, value in enumerate((*ABSURD[:4], *ABSURD[10:14])):
            await socket.start(SAVE, operation=str(number), cost=value)
            message = await socket.receive()
            if message["type"] == "next":  # numerically infinite, and thus out of bounds
                assert message["payload"] == {"data": {"savePreferences": {"__typename": "InvalidInput"}}}
                assert (await socket.receive())["type"] == "complete"
                continue
            assert message["type"] == "error", message
            assert message["payload"][0]["extensions"]["code"] == "BAD_USER_INPUT"
            assert "cost" in message["payload"][0]["message"]
        for after in ("1E+99999999999999999999", "9" * 10_000, FULL_WIDTH, "\x00"):
            await socket.start(OVER_A_STREAM, operation="s", after=after)
            message = await socket.receive()
            assert "BAD_USER_INPUT" in json.dumps(message), message
            assert "after" in json.dumps(message), message
            if message["type"] == "next":
                assert (await socket.receive())["type"] == "complete"
        # and the socket still works
        await socket.start(SAVE, operation="good", cost="1")
        assert (await socket.receive())["type"] == "next"
