"""Generated operations on generated schemas are answered as graphql-core answers them: data, its order, and errors.

Each round makes a schema with its data, up to three operations, and two sets of variables for each: up to six cases.
`ROUTER_TEST_ROUNDS=2000` compares thousands.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
from dataclasses import dataclass, field
from enum import StrEnum
from inspect import isawaitable
from random import Random
from types import NoneType
from typing import Any, Final

import graphql
import pytest
import strawberry
from graphql import (
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
)
from graphql.pyutils import Undefined
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strawberry.scalars import JSON
from strawberry.tools import create_type
from strawberry.types.field import StrawberryField

from server.graphql.plan import Plan, Planner

ROUNDS: Final = int(os.environ.get("ROUTER_TEST_ROUNDS", "40"))


class Colour(StrEnum):
    RED = "RED"
    GREEN = "GREEN"


strawberry.enum(Colour)


@strawberry.input
class Given:
    number: int
    words: list[str] | None = strawberry.field(default_factory=lambda: ["a"])
    more: Given | None = None


# Values of fields


@dataclass
class Answer:
    """Behaviors of a field that does not simply return a value."""

    kind: str
    value: Any = None


async def later(value: Any) -> Any:
    await asyncio.sleep(0)
    return answer(value)


def answer(value: Any) -> Any:
    """The value of a field when it is read. For an asynchronous one, this is a new coroutine each time."""
    if isinstance(value, list):
        # An exception raised by an item would leave the coroutines before it without being awaited.
        return [
            ValueError(each.value) if isinstance(each, Answer) and each.kind == "raised" else answer(each)
            for each in value
        ]
    if not isinstance(value, Answer):
        return value
    if value.kind == "raised":
        raise ValueError(f"raised {value.value}")
    if value.kind == "returned":
        return ValueError(f"returned {value.value}")
    return Undefined if value.kind == "undefined" else later(value.value)


class Doubling(StrawberryField):
    """A field that overrides how its result is computed."""

    def get_result(self, source: Any, info: Any, args: Any, kwargs: Any) -> Any:
        found = super().get_result(source, info, args, kwargs)
        return found * 2 if isinstance(found, int | str) and not isinstance(found, Colour | bool) else found


def attribute_of(row: Any, name: str) -> Any:
    try:
        return answer(object.__getattribute__(row, "answers")[name])
    except KeyError:
        raise AttributeError(name) from None


def field_of(name: str, type_: Any, kind: str) -> Any:
    def plain(root: Any) -> Any:
        return attribute_of(root, name)

    def with_argument(root: Any, info: strawberry.Info, by: int = 3, given: Given | None = None) -> Any:  # noqa: ARG001
        found = attribute_of(root, name)
        return found + by if type(found) is int else found

    async def waits(root: Any) -> Any:
        await asyncio.sleep(0)
        found = attribute_of(root, name)
        return await found if isawaitable(found) else found

    resolvers: dict[str, Any] = {"function": plain, "argument": with_argument, "async": waits}
    created: Any
    if kind in resolvers:
        created = strawberry.field(resolver=resolvers[kind], graphql_type=type_, name=name)
    elif kind == "subclass":
        created = Doubling(python_name=name, graphql_name=name)(plain)
        created.type_annotation = strawberry.annotation.StrawberryAnnotation(type_)
    else:
        created = strawberry.field(graphql_type=type_, name=name)
    created.python_name = name
    return created


# Schemas


LEAVES: Final[list[Any]] = [int, str, bool, float, Colour, JSON]
DEEPEST: Final = 5
KINDS: Final = ["attribute", "attribute", "attribute", "function", "function", "async", "argument", "subclass"]


@dataclass
class World:
    """A generated schema, with the fields of each type."""

    chance: Random
    classes: list[Any] = field(default_factory=list)
    rows: dict[Any, Any] = field(default_factory=dict)
    types: dict[Any, dict[str, tuple[Any, str]]] = field(default_factory=dict)

    def some(self, share: float) -> bool:
        return self.chance.random() < share

    def type_of_field(self) -> Any:
        inner: Any = self.chance.choice(LEAVES)
        if self.classes and self.some(0.6):
            inner = self.chance.choice(self.classes)
            if len(self.classes) > 1 and self.some(0.2):
                one, other = self.chance.sample(self.classes, 2)
                inner = one | other
            elif self.some(0.15):
                inner = self.interface
        if self.some(0.6):
            inner = inner | None
        if self.some(0.35):
            inner = list[inner]
            if self.some(0.2):
                inner = list[inner]
            inner = inner | None if self.some(0.6) else inner
        return inner

    def build(self) -> GraphQLSchema:
        @strawberry.interface
        class Named:
            name: str

        self.interface = Named
        for number in range(self.chance.randint(2, 4)):
            fields = {
                f"f{n}": (self.type_of_field(), self.chance.choice(KINDS)) for n in range(self.chance.randint(2, 5))
            }
            is_named = self.some(0.4) or (number == 0)
            bases = (Named,) if is_named else ()
            body: dict[str, Any] = {name: field_of(name, *each) for name, each in fields.items()}
            body["__annotations__"] = {name: each for name, (each, kind) in fields.items() if kind == "attribute"}
            created = strawberry.type(type(f"Thing{number}", bases, body))
            row = type(f"Row{number}", (created,), {"__getattr__": attribute_of})
            self.types[created] = fields | ({"name": (str, "attribute")} if is_named else {})
            self.rows[created] = row
            self.classes.append(created)
        self.named = [each for each in self.classes if "name" in self.types[each]]
        fields = {f"q{n}": (self.type_of_field(), self.chance.choice(["function", "async"])) for n in range(3)}
        newest: Any = self.classes[-1]
        fields["q3"] = (list[newest], "function")
        self.answers = {name: self.value(type_, 0) for name, (type_, _) in fields.items()}
        root = self.root("Query", fields)
        mutation = self.root("Mutation", fields)
        return strawberry.Schema(query=root, mutation=mutation, types=list(self.rows))._schema

    def root(self, name: str, fields: dict[str, tuple[Any, str]]) -> Any:
        answers = self.answers

        def resolving(field_name: str, type_: Any, kind: str) -> Any:
            def resolve(info: strawberry.Info, given: Given | None = None) -> Any:
                info.context.append((field_name, repr(given)))
                return answer(answers[field_name])

            async def resolve_later(info: strawberry.Info, given: Given | None = None) -> Any:
                await asyncio.sleep(0)
                found = resolve(info, given)
                return await found if isawaitable(found) else found

            chosen: Any = resolve if kind == "function" else resolve_later
            created: Any = strawberry.field(resolver=chosen, graphql_type=type_, name=field_name)
            created.python_name = field_name
            return created

        def done(info: strawberry.Info) -> JSON:
            info.context.append(("done", ""))
            return list(info.context)  # type: ignore[return-value]

        created = [resolving(field_name, *each) for field_name, each in fields.items()]
        created.append(strawberry.field(resolver=done, name="done"))
        return create_type(name, created)

    def value(self, type_: Any, depth: int) -> Any:
        """A random value for a field of this type."""
        if self.some(0.06):
            kind = self.chance.choice(["raised", "returned", "undefined", "later", "later"])
            return Answer(kind, self.value(type_, depth) if kind == "later" else self.chance.randint(0, 9))
        if self.some(0.04) or depth > DEEPEST:
            return None
        if getattr(type_, "__origin__", None) is list:
            items = [self.value(type_.__args__[0], depth) for _ in range(self.chance.randint(0, 3 if depth < 3 else 1))]
            return tuple(items) if self.some(0.05) and not any(isinstance(each, Answer) for each in items) else items
        choices = getattr(type_, "__args__", None) or (self.named if type_ is self.interface else [type_])
        chosen = self.chance.choice([each for each in choices if each is not NoneType])
        if chosen is not type_:
            return None if NoneType in choices and self.some(0.15) else self.value(chosen, depth)
        return self.row(type_, depth) if type_ in self.rows else self.leaf(type_)

    def row(self, type_: Any, depth: int) -> Any:
        created = object.__new__(self.rows[type_])
        answers = {name: self.value(each, depth + 1) for name, (each, _) in self.types[type_].items()}
        object.__setattr__(created, "answers", answers)
        return created

    def leaf(self, type_: Any) -> Any:
        wrong = [2**40, "no number", object(), float("inf")]
        values: dict[Any, list[Any]] = {
            int: [0, 1, -5, True, 3.0],
            str: ["", "text", 5, True],
            bool: [True, False, 1],
            float: [0.5, 2, -1.5],
            Colour: [Colour.RED, Colour.GREEN],
        }
        if type_ in values:
            return self.chance.choice(wrong if self.some(0.05) else values[type_])
        return self.chance.choice([{"a": [1, None]}, [], "text", 0, False, {"b": {}}])


# Operations


@dataclass
class Author:
    """Generates operations for a schema."""

    chance: Random
    schema: GraphQLSchema
    fragments: list[str] = field(default_factory=list)
    names: int = 0
    used: set[str] = field(default_factory=set)

    def some(self, share: float) -> bool:
        return self.chance.random() < share

    def operation(self) -> str:
        kind = self.chance.choice(["query", "query", "query", "mutation"])
        root = self.schema.mutation_type if kind == "mutation" else self.schema.query_type
        assert root is not None
        selected = self.selected(root, 0)
        declared = ", ".join(f"${name}: {VARIABLES[name]}" for name in sorted(self.used))
        return "\n".join([f"{kind} {f'Op({declared})' if declared else ''} {selected}", *self.fragments])

    def variable(self, *names: str) -> str:
        name = self.chance.choice(names)
        self.used.add(name)
        return f"${name}"

    def directive(self) -> str:
        if not self.some(0.12):
            return ""
        condition = self.chance.choice(["true", "false"]) if self.some(0.3) else self.variable("yes", "no", "must")
        return f" @{self.chance.choice(['skip', 'include'])}(if: {condition})"

    def selected(self, type_: Any, depth: int) -> str:
        parts = [self.part(type_, depth) for _ in range(self.chance.randint(1, 5 if depth < 3 else 3))]
        return "{ " + " ".join(parts) + " }"

    def part(self, type_: Any, depth: int) -> str:
        if self.some(0.08):
            return "__typename" + self.directive()
        if self.some(0.25) or isinstance(type_, GraphQLUnionType):
            return self.fragment(type_, depth)
        fields = dict(type_.fields)
        if depth > 3:
            fields = {name: each for name, each in fields.items() if is_leaf_type(get_named_type(each.type))}
            if not fields:
                return "__typename"
        name = self.chance.choice(list(fields))
        chosen = fields[name]
        alias = f"{self.new_name('a')}: " if chosen.args or self.some(0.3) else ""
        below = get_named_type(chosen.type)
        inside = "" if is_leaf_type(below) else " " + self.selected(below, depth + 1)
        return f"{alias}{name}{self.arguments(chosen)}{self.directive()}{inside}"

    def fragment(self, type_: Any, depth: int) -> str:
        of: Any = type_
        if isinstance(type_, GraphQLUnionType | GraphQLInterfaceType):
            of = self.chance.choice(list(self.schema.get_possible_types(type_)))
        elif isinstance(type_, GraphQLObjectType) and type_.interfaces and self.some(0.3):
            of = type_.interfaces[0]
        inside = self.selected(of, depth + 1)
        if self.some(0.4):
            name = self.new_name("F")
            self.fragments.append(f"fragment {name} on {of.name} {inside}")
            return f"...{name}{self.directive()}" + (f" ...{name}" if self.some(0.2) else "")
        condition = f" on {of.name}" if of is not type_ or self.some(0.5) else ""
        return f"...{condition}{self.directive()} {inside}"

    def arguments(self, chosen: Any) -> str:
        given = []
        if "by" in chosen.args and self.some(0.6):
            given.append(f"by: {self.chance.choice(['4', self.variable('by', 'other')])}")
        if "given" in chosen.args and self.some(0.5):
            literals = ["null", "{number: 1}", '{number: 2, words: "b"}', "{number: 3, more: {number: 4, words: []}}"]
            given.append(f"given: {self.chance.choice(literals) if self.some(0.4) else self.variable('given')}")
        return f"({', '.join(given)})" if given else ""

    def new_name(self, prefix: str) -> str:
        self.names += 1
        return f"{prefix}{self.names}"


VARIABLES: Final = {
    "yes": "Boolean! = true",
    "no": "Boolean! = false",
    "must": "Boolean!",
    "by": "Int! = 7",
    "other": "Int = 8",
    "given": "Given",
}


def variables_of(chance: Random) -> dict[str, Any]:
    values: dict[str, list[Any]] = {
        "yes": [True, False],
        "no": [True, False],
        "must": [True, True, False, False, "no boolean", None],
        "by": [1, 2, 2, 2.0, "text"],
        "other": [1, None, 3],
        "given": [
            None,
            {"number": 1},
            {"number": 1, "words": None},
            {"number": 5, "more": {"number": 6}},
            {"words": []},
            3,
        ],
    }
    left_out = {"must": 0.05}
    return {
        name: chance.choice(choices) for name, choices in values.items() if chance.random() >= left_out.get(name, 0.5)
    }


# The comparison


async def answered(result: Any) -> str:
    result = await result if isawaitable(result) else result
    return json.dumps(result.formatted, default=repr, indent=1)


async def compare(chance: Random) -> None:
    schema = World(chance).build()
    planner = Planner(schema)
    for _ in range(3):
        text = Author(chance, schema).operation()
        document = graphql.parse(text)
        if graphql.validate(schema, document):
            continue
        definition = graphql.get_operation_ast(document)
        assert definition is not None
        plan = Plan(planner, document, definition, has_directives="@" in text)
        for _ in range(2):
            variables = variables_of(chance)
            theirs = await answered(graphql.execute(schema, document, context_value=[], variable_values=variables))
            for _ in range(2):  # the second time with the cached plan
                ours = await answered(plan.execute(variables, []))
                assert ours == theirs, f"{graphql.print_schema(schema)}\n{text}\n{variables}"
    # When a field fails, graphql-core awaits fields that had started in the background.
    await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}), return_exceptions=True)


def test_operations_are_answered_as_graphql_core_answers_them(monkeypatch: pytest.MonkeyPatch) -> None:
    @settings(max_examples=ROUNDS, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.integers(0, 2**64))
    def answers_agree(seed: int) -> None:
        asyncio.run(compare(Random(seed)))

    # When several fields of one object fail, graphql-core itself leaves coroutines without awaiting them. Python reports them.
    monkeypatch.setattr(sys, "unraisablehook", lambda _reported: None)
    answers_agree()
    gc.collect()
