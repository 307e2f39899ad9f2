"""The limit of the size of an operation's result, computed from the sizes of the lists and values in the schema."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from graphql import (
    FragmentDefinitionNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLObjectType,
    get_introspection_query,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    parse,
)
from sqlalchemy import text

from models.database import Database
from schema import schema as strawberry_schema
from schema.size import LEAVES, LISTS, SCALARS, bytes_of
from server.graphql.operation import EVERY_KIND, Operation, RequestError
from tests.support.api import Api
from tests.support.operations import operations

ALICE = UUID(int=1)
ROOT = Path(__file__).parents[2]
SCHEMA = strawberry_schema._schema


def fields() -> Iterator[tuple[str, GraphQLField]]:
    for type_ in SCHEMA.type_map.values():
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType) and not type_.name.startswith("__"):
            for name, field in type_.fields.items():
                yield f"{type_.name}.{name}", field


def error_for(query: str) -> str | None:
    checking = operations()
    try:
        asyncio.run(checking.checked(Operation(query, None, None), EVERY_KIND, ALICE))
    except RequestError as rejected:
        return rejected.errors[0].message
    return None


def test_every_list_and_every_value_of_the_schema_has_a_size() -> None:
    lists = {name for name, field in fields() if isinstance(get_nullable_type(field.type), GraphQLList)}
    assert lists == set(LISTS)
    unsized = [
        name
        for name, field in fields()
        if is_leaf_type(type_ := get_named_type(field.type)) and not bytes_of(name, type_)
    ]
    assert unsized == []
    # and every named size belongs to a field that exists
    assert set(LEAVES) <= {name for name, _ in fields()}
    assert set(SCALARS) <= set(SCHEMA.type_map)
    # a list of lists would be counted as one list
    assert not [name for name, field in fields() if str(field.type).count("[") > 1]


def test_texts_and_json_have_a_size_per_field() -> None:
    kinds = {str(get_named_type(field.type)) for name, field in fields() if name not in LEAVES}
    assert not {"String", "JSON"} & kinds


PARAMETERS = " ".join(f"p{n}: parameters" for n in range(9))
RECORD = "id eventId provider taskType modelUsed cost metadata"
DEEP = "candidates { provider model eligible reason score estimatedCost } fallbacks { provider model parameters }"


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("{ decisions(first: 500) { nodes { records { metadata } } } }", "64 MiB"),
        ("{ decisions(first: 500) { edges { node { records { id metadata } } } } }", "64 MiB"),
        ("query($n: Int) { decisions(first: $n) { nodes { records { metadata } } } }", "64 MiB"),
        ("query($n: Int = 1) { decisions(first: $n) { nodes { records { metadata } } } }", "64 MiB"),
        (
            "{ decisions(first: 500) { nodes { ...D } } } fragment D on RoutingDecision { records { metadata } }",
            "64 MiB",
        ),
        ("{ decisions(first: 500) { nodes { ... { records { ... on RouterAnalytics { metadata } } } } } }", "64 MiB"),
        (f"{{ decisions(first: 500) {{ nodes {{ {DEEP} }} }} }}", "200000 values"),
        (
            "{ decisions(first: 500) { nodes { request parameters fallbacks { a: parameters b: parameters } } } }",
            "64 MiB",
        ),
        ("{" + " ".join(f"a{n}: analytics(first: 500) {{ nodes {{ metadata }} }}" for n in range(9)) + "}", "64 MiB"),
        ("{ analytics(first: 500) { nodes { " + " ".join(f"m{n}: metadata" for n in range(9)) + " } } }", "64 MiB"),
        (f"{{ abTests(first: 500) {{ nodes {{ variantA {{ config {{ {PARAMETERS} }} }} }} }} }}", "64 MiB"),
        (
            "{" + " ".join(f"a{n}: amendments(analyticsId: 1) {{ before after b: before }}" for n in range(20)) + "}",
            "64 MiB",
        ),
        (
            "{"
            + " ".join(f"a{n}: preferences {{ customRules {{ when {{ metadata {{ oneOf }} }} }} }}" for n in range(20))
            + "}",
            "200000 values",
        ),
    ],
)
def test_lists_and_values_inside_of_pages_count(query: str, why: str) -> None:
    assert why in (error_for(query) or "")


@pytest.mark.parametrize(
    "query",
    [
        f"{{ analytics(first: 500) {{ nodes {{ {RECORD} }} edges {{ cursor node {{ {RECORD} }} }} }} }}",
        f"{{ decisions {{ nodes {{ id request parameters rules notes records {{ {RECORD} }} {DEEP} }} }} }}",
        "{ decisions(first: 100) { nodes { id candidates { provider model reason } } } }",
        "{ decisions(first: 500) { nodes { id provider model records { id cost success } } } }",
        "{ providers { id name aliases calls } providerAliases { id alias provider } }",
        "{ costTrend { start totalCost providers { provider totalCost share } } }",
        get_introspection_query(descriptions=True),
    ],
)
def test_common_operations_of_clients_are_served(query: str) -> None:
    assert error_for(query) is None


def test_every_operation_of_the_dashboard_is_served() -> None:
    source = "\n".join(path.read_text() for path in (ROOT / "web/src").rglob("*.ts*") if "/gql/" not in str(path))
    parts = re.findall(r"graphql\(\s*(?:/\*.*?\*/\s*)?`(.*?)`", source, re.DOTALL)
    documents = {part: parse(part) for part in parts}
    fragments = {
        node.name.value: part
        for part, document in documents.items()
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }
    operations = [part for part in parts if part not in fragments.values()]
    assert len(operations) >= 5
    for operation in operations:
        text_, waiting = operation, set(re.findall(r"\.\.\.(\w+)", operation))
        used: set[str] = set()
        while names := waiting - used - {"on"}:
            used |= names
            for name in names:
                text_ += fragments[name]
                waiting |= set(re.findall(r"\.\.\.(\w+)", fragments[name]))
        assert error_for(text_) is None, operation


# Numbers, as they were sent

NUMBERS = [
    "1e308",
    "-1.7976931348623157e308",
    "0.1000",
    "-0",
    "-0.0",
    "12345678901234567890",
    "5e-324",
    "1" + "0" * 400,
    "1E5",
]
LOST = ["1e-400", "1E400", "-1e999", "0." + "0" * 400 + "1", "1" * 5_000]


@pytest.mark.parametrize("way", ["variables", "literal", "ingest"])
async def test_numbers_are_returned_as_sent_or_dropped_with_the_metadata_marked_as_truncated(
    live_api: Api, token: str, database: Database, way: str
) -> None:
    client, headers = live_api._client, {"Authorization": f"Bearer {token}"}
    head = '"provider": "p", "modelUsed": "m", "taskType": "t", "success": true'
    for index, number in enumerate([*NUMBERS, *LOST]):
        if way == "ingest":
            line = f'{{"eventId": "{index}", {head}, "metadata": {{"n": [{number}], "kept": 1}}}}'
            answer = await client.post("/ingest/decisions", content=line, headers=headers)
        else:
            given = f'{{eventId: "{index}", provider: "p", modelUsed: "m", taskType: "t", success: true, metadata: %s}}'
            literal = given % f"{{n: [{number}], kept: 1}}"
            query = "mutation($m: JSON) { logAnalytics(input: %s) { __typename } }" % (
                literal if way == "literal" else given % "$m"
            )
            query = query if way == "variables" else query.replace("($m: JSON)", "")
            body = f'{{"query": {json.dumps(query)}, "variables": {{"m": {{"n": [{number}], "kept": 1}}}}}}'
            answer = await client.post("/graphql", content=body, headers=headers | {"Content-Type": "application/json"})
            if answer.status_code == 400:
                # they are not valid JSON for any client
                assert number in LOST
                continue
        assert '"error' not in answer.text, (number, answer.text)
    page = await client.post(
        "/graphql",
        json={"query": "{ analytics(first: 50) { nodes { eventId metadata metadataTruncated } } }"},
        headers=headers,
    )
    nodes = {node["eventId"]: node for node in page.json()["data"]["analytics"]["nodes"]}
    exported = (await client.get("/export/analytics", headers=headers)).text.splitlines()
    of_export = {line["eventId"]: line["metadata"] for line in map(json.loads, exported)}
    for index, number in enumerate(NUMBERS):
        sent = {"n": [json.loads(number)], "kept": 1}
        assert nodes[str(index)] == {"eventId": str(index), "metadata": sent, "metadataTruncated": False}
        assert of_export[str(index)] == sent
        assert len(json.dumps(nodes[str(index)]["metadata"])) < 450
    for index, _ in enumerate(LOST, len(NUMBERS)):
        if str(index) in nodes:
            assert nodes[str(index)] == {"eventId": str(index), "metadata": {"kept": 1}, "metadataTruncated": True}
    assert len(page.content) < 10_000
    # and the stored text is no longer than what was measured
    async with database.system() as transaction:
        stored = (
            await transaction.connection.execute(text("SELECT CAST(metadata AS TEXT) FROM router_analytics"))
        ).scalars()
        assert max(map(len, stored)) < 450


async def test_a_number_that_cannot_be_stored_is_rejected_where_nothing_may_be_dropped(live_api: Api) -> None:
    query = 'mutation($m: JSON) { routeRequest(input: {taskType: "t", metadata: $m}) { __typename ... on Error { path message } } }'
    for number in ("1e-400", "1E400"):
        body = f'{{"query": {json.dumps(query)}, "variables": {{"m": {{"n": {number}}}}}}}'
        answer = await live_api._client.post(
            "/graphql",
            content=body,
            headers={"Authorization": f"Bearer {live_api.token}", "Content-Type": "application/json"},
        )
        [found] = answer.json()["data"].values()
        assert (found["__typename"], found["path"]) == ("InvalidInput", ["input", "metadata"]), found
    rejected = await live_api.ask(query, m={"n": list(range(2_000))})
    assert (rejected["__typename"], rejected["message"]) == (
        "InvalidInput",
        "metadata: must contain at most 2000 values",
    )
