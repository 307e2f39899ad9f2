"""Plans answer as graphql-core would: values, their order, and errors."""

from __future__ import annotations

import asyncio
import json
from enum import StrEnum
from inspect import isawaitable
from typing import Any

import graphql
import pytest
import strawberry
from graphql import ExecutionResult, GraphQLSchema
from graphql.pyutils import AwaitableOrValue
from hypothesis import given
from hypothesis import strategies as st

from server.graphql.executor import plain_fields
from server.graphql.plan import Plan, Planner


class Colour(StrEnum):
    RED = "RED"


strawberry.enum(Colour)


class Broken:
    """A thing some of whose fields cannot be read, or not written."""

    name = "broken"
    colour = "no colour"
    count = 2**40
    maybe = None
    surely = None
    inner = 5

    @property
    def missing(self) -> str:
        raise RuntimeError("cannot be read")


def _text(root: Any) -> str:
    return f"{root.name}!"


async def _later(root: Any) -> str:
    await asyncio.sleep(0)
    return f"{root.name} later"


def _all_well(root: Any) -> list[Thing]:
    return [Thing(name=f"{root.name}{n}", colour=Colour.RED, count=None, maybe=None, surely=1) for n in range(2)]


def _sibling(root: Any) -> Thing | None:
    return root if root.name == "broken" else _all_well(root)[0] if len(root.name) < 3 else None


def _with_a_hole(root: Any) -> list[Thing | None]:
    return [*_all_well(root), None]


def _with_a_miss(root: Any) -> list[Thing] | None:
    return _with_a_hole(root)  # type: ignore[return-value]


@strawberry.type
class Thing:
    name: str
    colour: Colour | None
    count: int | None
    maybe: int | None
    surely: int
    missing: str | None = None
    inner: list[Thing] | None = None
    text: str = strawberry.field(resolver=_text, graphql_type=str)
    later: str = strawberry.field(resolver=_later, graphql_type=str)

    well: list[Thing] = strawberry.field(resolver=_all_well)
    holes: list[Thing | None] = strawberry.field(resolver=_with_a_hole)
    missed: list[Thing] | None = strawberry.field(resolver=_with_a_miss)
    sibling: Thing | None = strawberry.field(resolver=_sibling)

    @strawberry.field
    def times(self, by: int) -> int:
        return (self.count or 0) * by

    @strawberry.field
    def other(self) -> Thing | None:
        return Thing(name="other", colour=None, count=None, maybe=None, surely=2)


def _things() -> Any:
    return [Thing(name="a", colour=Colour.RED, count=3, maybe=None, surely=1), Broken()]


@strawberry.type
class Query:
    things: list[Thing | None] = strawberry.field(resolver=_things, graphql_type=list[Thing | None])


schema = strawberry.Schema(query=Query)._schema


def planned(schema: GraphQLSchema, query: str) -> Plan:
    document = graphql.parse(query)
    definition = graphql.get_operation_ast(document)
    assert definition is not None
    return Plan(Planner(schema), document, definition, has_directives="@" in query)


async def answered(result: AwaitableOrValue[ExecutionResult]) -> Any:
    return (await result if isawaitable(result) else result).formatted


def in_order(value: Any) -> Any:
    """The value with the order of its keys, which dictionaries do not compare."""
    if isinstance(value, dict):
        return [(key, in_order(each)) for key, each in value.items()]
    return [in_order(each) for each in value] if isinstance(value, list) else value


def test_plain_fields_need_no_argument_and_no_waiting() -> None:
    plain = plain_fields(schema)
    leaves = {"__typename", "name", "colour", "count", "maybe", "surely", "missing", "text"}
    assert set(plain["Thing"]) == leaves | {"inner", "well", "holes", "missed", "sibling"}
    assert set(plain["Query"]) == {"__typename"}


@pytest.mark.parametrize(
    "fields",
    [
        "name",
        "__typename text again: name",
        "text times(by: 2) name",
        "maybe name other { surely name }",
        "inner { name } other { inner { name } }",
        "well { again: name colour count text __typename }",
        "well { name other { name } well { surely } }",
        "holes { name count }",
        "missed { name }",
        "sibling { name surely: count __typename } well { sibling { name sibling { name } } }",
        "sibling { sibling { well { surely sibling { name } } } }",
        "sibling { ...A } sibling { text } } } fragment A on Thing { name well { count } well { text",
        "sibling { surely }",
        "sibling { well { times(by: 2) name } name }",
        "well { name @skip(if: true) } holes { ... @include(if: false) { name } }",
        "...A name } } fragment A on Thing { text name ... on Thing { __typename maybe",
        "name later text",
        "name @skip(if: true) text @include(if: true)",
        # these cannot be had of the second one
        "name colour",
        "name count",
        "name missing text",
        "name surely text",
        "later surely",
        "name missing surely colour count",
    ],
)
async def test_answers_and_errors_are_those_of_graphql_core(fields: str) -> None:
    query = f"{{ things {{ {fields} }} }}"
    plan = planned(schema, query)
    expected = await answered(graphql.execute(schema, graphql.parse(query)))
    assert expected["data"]["things"][0] is not None
    # also when it is executed again, with what was remembered
    for _ in range(2):
        assert in_order(await answered(plan.execute(None, None))) == in_order(expected)


async def test_fields_that_depend_on_a_variable_are_asked_for_anew_each_time() -> None:
    plan = planned(schema, "query($more: Boolean!) { things { name ... @include(if: $more) { text } } }")
    for more in (True, False, True):
        first = (await answered(plan.execute({"more": more}, None)))["data"]["things"][0]
        assert set(first) == ({"name", "text"} if more else {"name"})


# Variables

TAKES = graphql.build_schema("""
enum Colour { RED GREEN }
input Shade { colour: Colour! = GREEN, share: Float, note: String = "none" }
input Tree { name: ID, left: Tree, right: Tree }
input Either @oneOf { text: String, number: Int }
input Thing { name: String!, count: Int, sure: Boolean, shades: [Shade!], matrix: [[Int]], tree: Tree, either: Either }
type Query { take(thing: Thing, things: [Thing!], count: Int = 3, must: Boolean = true): String }
""")
assert TAKES.query_type is not None
TAKES.query_type.fields["take"].resolve = lambda _root, _info, **given: json.dumps(given, sort_keys=True)
QUERY = """
query($thing: Thing, $things: [Thing!], $count: Int = 5, $must: Boolean!) {
  take(thing: $thing, things: $things, count: $count, must: $must)
}
"""
NAMES = [
    *("name", "count", "sure", "shades", "matrix", "tree", "either", "colour", "share", "note", "left", "right"),
    *("text", "number", "unknown"),
]
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["RED", "GREEN", "PINK", "", "1"])
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner), max_leaves=8
)
SHADES = st.fixed_dictionaries({}, optional={"colour": st.just("RED") | LEAVES, "share": st.floats(), "note": LEAVES})
TREES = st.fixed_dictionaries({}, optional={"name": st.just("a") | VALUES, "left": VALUES})
THINGS = st.fixed_dictionaries(
    {"name": st.just("a") | LEAVES},
    optional={
        "count": st.integers(-5, 5) | VALUES,
        "sure": st.booleans() | st.none(),
        "shades": SHADES | st.lists(SHADES) | VALUES,
        "matrix": st.lists(st.lists(st.integers(0, 3))) | VALUES,
        "tree": TREES | VALUES,
        "either": st.just({"text": "a"}) | VALUES,
    },
)
GIVEN = st.fixed_dictionaries(
    {},
    optional={
        "thing": THINGS | VALUES,
        "things": st.lists(THINGS, max_size=3) | THINGS | VALUES,
        "count": st.integers(0, 3) | LEAVES,
        "must": st.just(True) | LEAVES,
    },
)
PLAN = planned(TAKES, QUERY)


@given(GIVEN)
def test_variables_are_read_as_graphql_core_reads_them(given: dict[str, Any]) -> None:
    theirs = graphql.execute_sync(TAKES, graphql.parse(QUERY), variable_values=given)
    ours = PLAN.execute(given, None)
    assert isinstance(ours, ExecutionResult)
    assert repr(ours.formatted) == repr(theirs.formatted)  # as texts, in which what is no number equals itself


def test_what_is_nested_too_deeply_is_refused() -> None:
    tree: dict[str, Any] = {}
    for _ in range(5_000):
        tree = {"left": tree}
    ours = PLAN.execute({"thing": {"name": "a", "tree": tree}, "must": True}, None)
    assert isinstance(ours, ExecutionResult)
    assert [error.message for error in ours.errors or []] == ["Variable values are nested too deeply."]
