"""Fields that are only read come out as graphql-core would write them, errors and all."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from inspect import isawaitable
from typing import Any

import graphql
import pytest
import strawberry

from schema.execution import PlainFieldsFirst, plain_fields


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

    @property
    def missing(self) -> str:
        raise RuntimeError("cannot be read")


def _text(root: Any) -> str:
    return f"{root.name}!"


async def _later(root: Any) -> str:
    await asyncio.sleep(0)
    return f"{root.name} later"


@strawberry.type
class Thing:
    name: str
    colour: Colour | None
    count: int | None
    maybe: int | None
    surely: int
    missing: str | None = None
    text: str = strawberry.field(resolver=_text, graphql_type=str)
    later: str = strawberry.field(resolver=_later, graphql_type=str)

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


class Ours(PlainFieldsFirst):
    plain = plain_fields(schema)


async def executed(query: str, executor: type[Any] | None) -> Any:
    result = graphql.execute(schema, graphql.parse(query), executor_class=executor)
    if isawaitable(result):
        result = await result
    return result.formatted


def in_order(value: Any) -> Any:
    """The value with the order of its keys, which dictionaries do not compare."""
    if isinstance(value, dict):
        return [(key, in_order(each)) for key, each in value.items()]
    return [in_order(each) for each in value] if isinstance(value, list) else value


def test_plain_fields_are_leaves_that_need_no_argument_and_no_waiting() -> None:
    assert set(Ours.plain["Thing"]) == {"__typename", "name", "colour", "count", "maybe", "surely", "missing", "text"}
    assert set(Ours.plain["Query"]) == {"__typename"}


@pytest.mark.parametrize(
    "fields",
    [
        "name",
        "__typename text again: name",
        "text times(by: 2) name",
        "maybe name other { surely name }",
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
    ours = await executed(query, Ours)
    assert in_order(ours) == in_order(await executed(query, None))
    assert ours["data"]["things"][0] is not None
