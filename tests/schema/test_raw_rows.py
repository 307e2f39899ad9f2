"""Rows that the database writes as JSON have the values that the schema writes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from graphql import GraphQLEnumType, get_named_type
from sqlalchemy import Boolean, Enum, Integer, String, Uuid, insert
from strawberry.schema.schema_converter import GraphQLCoreConverter

import models.database.raw_row
from domain.bounds import to_camel
from models.analytics import RouterAnalytics
from models.database import Database
from models.database.raw_row import is_written
from models.types import Money, UTCDateTime, new_id
from resolvers.selection import _COMPUTED_FROM
from schema import schema
from tests.support.api import Api

TYPE: Any = schema._schema.get_type("RouterAnalytics")
SCALARS = ((Uuid, "ID"), (Money, "Decimal"), (UTCDateTime, "DateTime"), (Boolean, "Boolean"), (Integer, "Int"))
WRITTEN = [
    attribute
    for attribute in RouterAnalytics.__mapper__.column_attrs.keys()  # noqa: SIM118
    if is_written(RouterAnalytics, attribute)
    and to_camel(attribute) in TYPE.fields
    and to_camel(attribute) not in _COMPUTED_FROM
]
FIELDS = f"{' '.join(map(to_camel, WRITTEN))} __typename"
TEXTS = [
    "a",
    "",
    '"quoted" \\ back / slash',
    "\u0001\u001f\u007f\u0080\u2028\u2029\ufeff",
    "\t\n\r",
    "Gr\u00fc\u00dfe \u4e16\u754c \U0001f600",
    "100% %s %d :name $1 ? {x}",
    "<script>&amp;'",
]
COSTS = ["0", "0.000000001", "0.1", "0.123456789", "1", "10", "100", "99999.999999999", "100000"]
MOMENTS = [
    datetime(2026, 1, 31, 12, tzinfo=UTC),
    datetime(2026, 1, 31, 12, 0, 0, 1, tzinfo=UTC),
    datetime(2026, 1, 31, 12, 0, 0, 100_000, tzinfo=UTC),
    datetime(1999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(1900, 1, 1, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999_998, tzinfo=UTC),  # asyncpg stores the last microsecond as infinity
]
VALUES: list[tuple[Any, list[Any]]] = [
    (Money, [Decimal(cost) for cost in COSTS]),
    (UTCDateTime, MOMENTS),
    (Uuid, [uuid4() for _ in range(5)]),
    (Boolean, [True, False]),
    (Integer, [0, 1, 2**31 - 1]),
    (String, TEXTS),
]


@pytest.mark.parametrize("attribute", WRITTEN)
def test_the_schema_writes_what_the_database_writes(attribute: str) -> None:
    field = TYPE.fields[to_camel(attribute)]
    definition = field.extensions[GraphQLCoreConverter.DEFINITION_BACKREF]
    column = RouterAnalytics.__mapper__.columns[attribute]
    type_ = get_named_type(field.type)
    # The field is the column itself,
    assert definition.base_resolver is None
    assert definition.python_name == attribute
    # and its type writes what the type of the column writes.
    if isinstance(column.type, Enum):
        assert isinstance(type_, GraphQLEnumType)
        assert set(column.type.enums) == set(type_.values)
    else:
        assert type_.name == next((name for of, name in SCALARS if isinstance(column.type, of)), "String")


def row(number: int, user_id: UUID) -> dict[str, Any]:
    """A row whose columns take all the values above in turn, and null where they may."""
    own = {"user_id": user_id, "id": new_id(datetime.now(UTC) + timedelta(milliseconds=number)), "metadata": {}}
    return {
        column.name: own.get(column.name, _value(column, number + index))
        for index, column in enumerate(RouterAnalytics.__table__.columns)
    }


def _value(column: Any, turn: int) -> Any:
    if column.nullable and turn % 7 == 0:
        return None
    if isinstance(column.type, Enum):
        return list(column.type.enum_class or ())[turn % len(column.type.enums)]
    values = next((values for of, values in VALUES if isinstance(column.type, of)), [0.1])
    return values[turn % len(values)]


@pytest.mark.parametrize("shape", ["{ %s }", "{ ...f ... { %s } }", "{ ... on RouterAnalytics { %s } }"])
async def test_both_ways_return_the_same(
    api: Api, database: Database, user_id: UUID, monkeypatch: pytest.MonkeyPatch, shape: str
) -> None:
    # given rows with values of all kinds
    async with database.system() as transaction:
        await transaction.connection.execute(insert(RouterAnalytics), [row(number, user_id) for number in range(60)])
    made: list[int] = []
    select_raw = models.database.raw_row.select_raw

    def noted(*given: Any) -> Any:
        made.append(1)
        return select_raw(*given)

    monkeypatch.setattr("models.database.page.select_raw", noted)
    fragment = "fragment f on RouterAnalytics { id success }" if "...f" in shape else ""
    page = "analytics(first: 50%s) { nodes %s pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }"
    # when they are read by the database, and, with a renamed field, as values
    raw = await api.ask(f"{{ {page % ('', shape % FIELDS)} }} {fragment}")
    assert made == [1]
    values = await api.ask(f"{{ {page % ('', shape % FIELDS.replace(' cost', ' cost renamed: cost'))} }} {fragment}")
    assert made == [1]
    for node in values["nodes"]:
        assert node.pop("renamed") == node["cost"]
    # then they are the same, in the same order
    for one, other in zip(raw["nodes"], values["nodes"], strict=True):
        assert [(name, value, other[name]) for name, value in one.items() if other[name] != value] == []
        assert list(one) == list(other)
    assert len(raw["nodes"]) == 50
    assert raw["pageInfo"] == values["pageInfo"]
    # and so is the next page
    after = f', after: "{raw["pageInfo"]["endCursor"]}", filter: {{success: true}}'
    raw = await api.ask(f"{{ {page % (after, shape % FIELDS)} }} {fragment}")
    values = await api.ask(f"{{ {page % (after, shape % (FIELDS + ' renamed: id'))} }} {fragment}")
    for node in values["nodes"]:
        del node["renamed"]
    assert raw == values
    assert made == [1, 1]
    assert raw["nodes"]


@pytest.mark.parametrize(
    "selection",
    [
        "nodes { id reportedProvider }",
        "nodes { id costSource }",
        "nodes { id metadata }",
        "nodes { id t: __typename }",
        "__typename nodes { __typename id }",
        "__typename nodes { __typename } pageInfo { __typename endCursor }",
        "nodes { a: id }",
        "a: nodes { id } nodes { cost }",
        "nodes { id @include(if: true) }",
        "nodes @skip(if: false) { id }",
        "edges { node { id } }",
        "nodes { id } edges { cursor }",
        "pageInfo { endCursor }",
        "__typename",
        "nodes { id } __typename",
        "nodes { id } nodes { cost }",
        "nodes { cost id cost }",
        "pageInfo { endCursor } p: pageInfo { startCursor } nodes { id success }",
    ],
)
async def test_every_selection_is_answered(api: Api, selection: str) -> None:
    call = '{provider: "openai", modelUsed: "a", taskType: "chat", success: true, cost: "0.5"}'
    await api.ask(f"mutation {{ logAnalytics(input: {call}) {{ __typename }} }}")
    answer = await api.ask(f"{{ analytics {{ {selection} }} }}")
    stock = await api.ask(f"{{ analytics {{ ... @include(if: true) {{ {selection} }} }} }}")
    assert answer == stock


async def test_another_user_s_rows_are_not_read(api: Api, other_api: Api) -> None:
    call = '{provider: "openai", modelUsed: "a", taskType: "chat", success: true, cost: "0.5"}'
    await api.ask(f"mutation {{ logAnalytics(input: {call}) {{ __typename }} }}")
    assert len((await api.ask("{ analytics { nodes { id cost } } }"))["nodes"]) == 1
    assert (await other_api.ask("{ analytics { nodes { id cost } } }"))["nodes"] == []
