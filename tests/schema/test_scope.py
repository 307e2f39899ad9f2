"""Every operation of the schema that takes an id answers an id of another user like an unknown one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLUnionType,
    get_named_type,
    is_required_argument,
    is_required_input_field,
)
from sqlalchemy import select

import models
from models.database import Database
from schema import schema
from server.settings import Settings
from server.token import make_token
from tests.support.api import Api
from tests.support.socket import signed_in

SCALARS: dict[str, Any] = {
    "Boolean": True,
    "DateTime": "2026-01-01T00:00:00Z",
    "Decimal": "1",
    "Float": 50.0,
    "Int": 1,
    "JSON": {},
    "String": "x",
}
ROOTS = {
    "query": schema._schema.query_type,
    "mutation": schema._schema.mutation_type,
    "subscription": schema._schema.subscription_type,
}


def takes_id(type_: GraphQLNamedType) -> bool:
    if isinstance(type_, GraphQLInputObjectType):
        return any(takes_id(get_named_type(field.type)) for field in type_.fields.values())
    return type_.name == "ID"


def operations() -> Iterator[tuple[str, str, GraphQLField]]:
    for kind, root in ROOTS.items():
        assert root is not None
        for name, field in root.fields.items():
            if any(takes_id(get_named_type(argument.type)) for argument in field.args.values()):
                yield kind, name, field


def value(type_: Any, id_: str) -> Any:
    """A value of this type: required fields, and this id wherever one can be given."""
    inner = getattr(type_, "of_type", None)
    if isinstance(type_, GraphQLList):
        return [value(inner, id_)]
    if inner is not None:
        return value(inner, id_)
    if isinstance(type_, GraphQLEnumType):
        return next(iter(type_.values))
    if isinstance(type_, GraphQLScalarType):
        return id_ if type_.name == "ID" else SCALARS[type_.name]
    return {
        name: value(field.type, id_)
        for name, field in type_.fields.items()
        if is_required_input_field(field) or takes_id(get_named_type(field.type))
    }


def selection(type_: GraphQLNamedType, depth: int = 3) -> str:
    if isinstance(type_, GraphQLUnionType):
        return "{ __typename " + " ".join(f"... on {t.name} {selection(t, depth)}" for t in type_.types) + " }"
    if not isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
        return ""
    fields = [
        f"{name} {selection(get_named_type(field.type), depth - 1)}"
        for name, field in type_.fields.items()
        if depth > 1 or not hasattr(get_named_type(field.type), "fields")
    ]
    return "{ __typename " + " ".join(fields) + " }"


def document(kind: str, name: str, field: GraphQLField) -> tuple[str, dict[str, Any]]:
    used = {
        argument: definition
        for argument, definition in field.args.items()
        if is_required_argument(definition) or takes_id(get_named_type(definition.type))
    }
    variables = ", ".join(f"${argument}: {definition.type}" for argument, definition in used.items())
    arguments = ", ".join(f"{argument}: ${argument}" for argument in used)
    query = f"{kind}({variables}) {{ {name}({arguments}) {selection(get_named_type(field.type))} }}"
    return query, used


CASES = [pytest.param(kind, name, field, id=name) for kind, name, field in operations()]


async def a_user_with_one_of_everything(api: Api) -> list[str]:
    """Create one object of each kind. Returns their ids."""
    test = await api.ask(
        """mutation { createABTest(input: {
             testName: "t", variantA: {provider: "openai", model: "a"}, variantB: {provider: "openai", model: "b"}
           }) { ... on ABTest { id } } }"""
    )
    alert = await api.ask(
        'mutation { createCostAlert(input: {thresholdAmount: "1", period: DAILY}) { ... on CostAlert { id } } }'
    )
    logged = await log_for(api, test["id"])
    model = await api.ask('mutation { registerModel(input: {provider: "openai", model: "a"}) { ... on Model { id } } }')
    await api.ask("mutation { savePreferences(input: {defaultPriority: COST}) { __typename } }")
    return [test["id"], alert["id"], logged["record"]["id"], logged["alertEvents"][0]["id"], model["id"]]


async def log_for(api: Api, ab_test_id: str) -> Any:
    return await api.ask(
        """mutation($test: ID!) { logAnalytics(input: {
             provider: "openai", modelUsed: "a", taskType: "chat", success: true, cost: 2, abTestId: $test
           }) { ... on LoggedAnalytics { record { id } alertEvents { id } } } }""",
        test=ab_test_id,
    )


async def everything_stored(database: Database) -> dict[str, list[Any]]:
    async with database.system() as transaction:
        return {
            table.name: [
                tuple(row) for row in await transaction.connection.execute(select(table).order_by(*table.primary_key))
            ]
            for table in models.Base.metadata.sorted_tables
        }


def test_the_schema_has_operations_with_ids() -> None:
    names = {name for _, name, _ in operations()}
    assert {"abTest", "costAlert", "alertEvents", "analytics", "endABTest", "deleteABTest", "updateCostAlert"} <= names
    assert {"deleteCostAlert", "acknowledgeCostAlert", "logAnalytics", "logAnalyticsBatch", "abTestUpdated"} <= names
    assert {"updateModel", "deleteModel"} <= names


@pytest.mark.parametrize(("kind", "name", "field"), [case for case in CASES if case.values[0] != "subscription"])
async def test_an_id_of_another_user_is_answered_like_an_unknown_one_and_changes_nothing(
    kind: str, name: str, field: GraphQLField, api: Api, other_api: Api, database: Database
) -> None:
    # given a user with one object of each kind
    ids = await a_user_with_one_of_everything(api)
    stored = await everything_stored(database)
    query, used = document(kind, name, field)

    async def answer(id_: str) -> str:
        response = await other_api.post(query, **{name: value(arg.type, id_) for name, arg in used.items()})
        assert response.status_code == 200
        return json.dumps(response.json()).replace(id_, "<id>")

    # when another user names each of these ids, then the answer is that for an unknown id
    missing = await answer(str(uuid4()))
    for id_ in ids:
        assert await answer(id_) == missing
    # and no row changed
    assert await everything_stored(database) == stored


@pytest.mark.parametrize(("name", "field"), [case.values[1:] for case in CASES if case.values[0] == "subscription"])
async def test_a_subscription_to_an_id_of_another_user_receives_nothing(
    name: str, field: GraphQLField, url: str, live_api: Api, settings: Settings
) -> None:
    # given a subscriber who uses the ids of another user
    ids = await a_user_with_one_of_everything(live_api)
    query, used = document("subscription", name, field)
    async with signed_in(url, make_token(settings, UUID(int=7), timedelta(hours=1))) as socket:
        for index, id_ in enumerate(ids):
            variables = {argument: value(arg.type, id_) for argument, arg in used.items()}
            await socket.send(id=str(index), type="subscribe", payload={"query": query, "variables": variables})
        heard = await messages_until_answered(socket)

        # when that user's rows change
        await log_for(live_api, ids[0])
        heard += await messages_until_answered(socket)

    # then the subscriber receives nothing
    assert [message for message in heard if message.get("payload", {}).get("data")] == []


async def messages_until_answered(socket: Any) -> list[dict[str, Any]]:
    """Send an operation. Returns all messages that come before its answer."""
    heard = []
    await socket.start("{ analytics { nodes { id } } }", operation="marker")
    while (message := await socket.receive())["id"] != "marker":
        heard.append(message)
    while (message := await socket.receive())["id"] != "marker":
        heard.append(message)
    assert message["type"] == "complete"
    return heard
