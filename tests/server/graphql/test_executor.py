"""Plans return the same values, in the same order, and the same errors as graphql-core."""

from __future__ import annotations

import asyncio
import json
from enum import StrEnum
from inspect import isawaitable
from typing import Any

import graphql
import pytest
import strawberry
from graphql import ExecutionResult, GraphQLSchema, Undefined
from graphql.pyutils import AwaitableOrValue
from hypothesis import given
from hypothesis import strategies as st
from strawberry.scalars import JSON
from strawberry.schema.config import StrawberryConfig
from strawberry.types.field import StrawberryField
from strawberry.types.fields.resolver import StrawberryResolver

from server.graphql.executor import plain_fields
from server.graphql.plan import Plan, Planner


class Colour(StrEnum):
    RED = "RED"


strawberry.enum(Colour)


class Broken:
    """An object with fields that cannot be resolved or serialized."""

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
    """The value as JSON text, because the comparison of dictionaries ignores the order of keys."""
    if isinstance(value, dict):
        return [(key, in_order(each)) for key, each in value.items()]
    return [in_order(each) for each in value] if isinstance(value, list) else value


def test_plain_fields_have_no_arguments_and_are_not_awaited() -> None:
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
        # these fields of the second object fail
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
    # also when it is executed again, with the cached plan
    for _ in range(2):
        assert in_order(await answered(plan.execute(None, None))) == in_order(expected)


async def test_fields_that_depend_on_a_variable_are_selected_anew_each_time() -> None:
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
    assert repr(ours.formatted) == repr(theirs.formatted)  # compared as text, where NaN equals itself


def test_a_value_that_is_nested_too_deeply_is_rejected() -> None:
    tree: dict[str, Any] = {}
    for _ in range(5_000):
        tree = {"left": tree}
    ours = PLAN.execute({"thing": {"name": "a", "tree": tree}, "must": True}, None)
    assert isinstance(ours, ExecutionResult)
    assert [error.message for error in ours.errors or []] == ["Variable values are nested too deeply."]


# Fields that seem plain and are not


class Doubling(StrawberryField):
    def get_result(self, source: Any, info: Any, args: Any, kwargs: Any) -> Any:
        found: Any = super().get_result(source, info, args, kwargs)
        return found * 2


class Shouting(StrawberryResolver[Any]):
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return super().__call__(*args, **kwargs).upper()


calls: list[str] = []


def _awaitable(root: Any) -> Any:
    calls.append(root.word)
    return _later_word(root)


async def _later_word(root: Any) -> Any:
    await asyncio.sleep(0)
    return {"word": root.word}


def _future(root: Any) -> Any:
    return asyncio.ensure_future(_later_word(root))


def _error(root: Any) -> Any:
    return ValueError(root.word)


def _nothing(root: Any) -> Any:
    return Undefined if root.word else None


def _word(root: Any) -> str:
    return str(root.word)


def _part(root: Any) -> Any:
    return Part(word=f"{root.word}'s")


def _later_part(root: Any) -> Any:
    async def part() -> Any:
        return _part(root)

    return part()


@strawberry.type
class Part:
    word: str
    awaitable: JSON | None = strawberry.field(resolver=_awaitable, graphql_type=JSON | None)
    future: JSON | None = strawberry.field(resolver=_future, graphql_type=JSON | None)


@strawberry.type
class Odd:
    word: str
    doubled: str = Doubling(base_resolver=StrawberryResolver(_word), graphql_name="doubled")  # type: ignore[assignment]
    shouted: str = strawberry.field(resolver=Shouting(_word))
    awaitable: JSON = strawberry.field(resolver=_awaitable, graphql_type=JSON)
    future: JSON | None = strawberry.field(resolver=_future, graphql_type=JSON | None)
    error: JSON | None = strawberry.field(resolver=_error, graphql_type=JSON | None)
    nothing: JSON | None = strawberry.field(resolver=_nothing, graphql_type=JSON | None)
    part: Part = strawberry.field(resolver=_part, graphql_type=Part)
    part_later: Part = strawberry.field(resolver=_later_part, graphql_type=Part)
    part_error: Part | None = strawberry.field(resolver=_error, graphql_type=Part | None)
    parts_later: list[Part] = strawberry.field(
        resolver=lambda root: [_later_part(root), _part(root)], graphql_type=list[Part]
    )


def _odds() -> Any:
    return [Odd(word="a"), Odd(word="b")]


def _odd() -> Any:
    return Odd(word="c")


@strawberry.type
class OddQuery:
    odds: list[Odd] = strawberry.field(resolver=_odds)
    odd: Odd = strawberry.field(resolver=_odd)


odd_schema = strawberry.Schema(query=OddQuery)._schema


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("doubled", {"doubled": "cc"}),
        ("shouted", {"shouted": "C"}),
        ("word awaitable", {"word": "c", "awaitable": {"word": "c"}}),
        ("one: awaitable other: awaitable", {"one": {"word": "c"}, "other": {"word": "c"}}),
        ("future word", {"future": {"word": "c"}, "word": "c"}),
        ("error", {"error": None}),
        ("nothing", {"nothing": None}),
        ("part { word awaitable }", {"part": {"word": "c's", "awaitable": {"word": "c's"}}}),
        ("part { future __typename }", {"part": {"future": {"word": "c's"}, "__typename": "Part"}}),
        ("partLater { __typename }", {"partLater": {"__typename": "Part"}}),
        ("partLater { awaitable }", {"partLater": {"awaitable": {"word": "c's"}}}),
        ("partError { __typename }", {"partError": None}),
        ("partsLater { __typename }", {"partsLater": [{"__typename": "Part"}] * 2}),
        ("partsLater { awaitable }", {"partsLater": [{"awaitable": {"word": "c's"}}] * 2}),
    ],
)
@pytest.mark.parametrize("root", ["odd", "odds"])
async def test_fields_that_only_seem_plain_are_left_to_graphql_core(
    root: str, fields: str, expected: dict[str, Any]
) -> None:
    query = f"{{ {root} {{ {fields} }} }}"
    calls.clear()
    theirs = await answered(graphql.execute(odd_schema, graphql.parse(query)))
    called = list(calls)
    plan = planned(odd_schema, query)
    for _ in range(2):
        calls.clear()
        ours = await answered(plan.execute(None, None))
        assert in_order(ours) == in_order(theirs)
        # no resolver is called twice, and no coroutine is left without being awaited
        assert sorted(calls) == sorted(called)
    if root == "odd":
        assert ours["data"]["odd"] == expected
    assert len(ours.get("errors", [])) == ("rror" in fields) * (2 if root == "odds" else 1)


async def test_a_resolver_that_wraps_strawberrys_is_called() -> None:
    built = strawberry.Schema(query=OddQuery)._schema
    field = built.type_map["Odd"].fields["word"]  # type: ignore[attr-defined]
    inner = field.resolve
    field.resolve = lambda source, info: f"[{inner(source, info)}]"
    plan = planned(built, "{ odds { word } odd { word } }")
    assert (await answered(plan.execute(None, None)))["data"] == {
        "odds": [{"word": "[a]"}, {"word": "[b]"}],
        "odd": {"word": "[c]"},
    }


async def test_a_default_resolver_of_the_schema_is_called() -> None:
    config = StrawberryConfig(default_resolver=lambda source, name: f"{name} of {source.word}")
    built = strawberry.Schema(query=OddQuery, config=config)._schema
    assert "word" not in plain_fields(built)["Odd"]
    assert (await answered(planned(built, "{ odd { word } }").execute(None, None)))["data"] == {
        "odd": {"word": "word of c"}
    }


async def test_of_two_fields_that_fail_the_first_one_is_reported() -> None:
    query = "{ things { surely times(by: 2) } }"
    expected = await answered(graphql.execute(schema, graphql.parse(query)))
    assert [error["path"] for error in expected["errors"]] == [["things", 1, "surely"]]
    assert await answered(planned(schema, query).execute(None, None)) == expected
