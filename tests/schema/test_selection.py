"""Lists read only the columns that the selected fields need: each field has the same value alone as with all others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from graphql import GraphQLField, GraphQLObjectType, get_named_type, is_leaf_type, is_required_argument

from schema import schema
from tests.support.api import Api

QUERY: Any = schema._schema.query_type
ALERT = """mutation { createCostAlert(input: {thresholdAmount: "0.01", period: HOURLY}) { __typename } }"""
TEST = """mutation { createABTest(input: {
  testName: "t", variantA: {provider: "OpenAI", model: "gpt-4o"}, variantB: {provider: "Mistral", model: "mistral-small"}
}) { __typename } }"""
REGISTER = """mutation { registerModel(input: {provider: "mine", model: "m", inputPrice: "1", outputPrice: "2"}) { __typename } }"""
ROUTE = """mutation { routeRequest(input: {taskType: "chat", inputTokens: 10, maxOutputTokens: 10,
  candidates: [{provider: "OpenAI", model: "gpt-4o"}]}) { ... on RoutingDecision { id } } }"""
LOG = """mutation($input: LogAnalyticsInput!) { logAnalytics(input: $input) { __typename ... on Error { message } } }"""
AMEND = """mutation { amendAnalytics(eventId: "e1", input: {qualityScore: 0.25}) { __typename ... on Error { message } } }"""
DEPTH = 3


def lists() -> Iterator[str]:
    """The names of the queries that return a connection and require no argument."""
    for name, field in QUERY.fields.items():
        type_ = get_named_type(field.type)
        if isinstance(type_, GraphQLObjectType) and "nodes" in type_.fields and not _requires_arguments(field):
            yield name


def _requires_arguments(field: GraphQLField) -> bool:
    return any(is_required_argument(argument) for argument in field.args.values())


def leaves(type_: GraphQLObjectType, depth: int = DEPTH) -> Iterator[tuple[str, ...]]:
    """The paths of all leaf fields below an object."""
    for name, field in type_.fields.items():
        of = get_named_type(field.type)
        if _requires_arguments(field):
            continue
        if is_leaf_type(of):
            yield (name,)
        elif isinstance(of, GraphQLObjectType) and depth > 1:
            yield from ((name, *path) for path in leaves(of, depth - 1))


def query(name: str, path: tuple[str, ...]) -> str:
    return f"{{ {name} {{ nodes {{ {' { '.join(path)} {'} ' * len(path)} }} }}"


def found(value: Any, path: tuple[str, ...]) -> Any:
    """The values at the path, as nested lists."""
    if isinstance(value, list):
        return [found(each, path) for each in value]
    return value if not path or value is None else found(value[path[0]], path[1:])


def as_tree(paths: list[tuple[str, ...]]) -> str:
    """The selection of all these paths."""
    tree: dict[str, list[tuple[str, ...]]] = {}
    for first, *rest in paths:
        tree.setdefault(first, []).extend([tuple(rest)] if rest else [])
    return " ".join(f"{name} {{ {as_tree(below)} }}" if below else name for name, below in tree.items())


@pytest.mark.parametrize("name", list(lists()))
async def test_each_field_has_the_same_value_alone(api: Api, name: str) -> None:
    # given one row of each kind, and a call whose names differ from the canonical ones
    for mutation in (ALERT, TEST, REGISTER):
        await api.ask(mutation)
    routed = await api.ask(ROUTE)
    call = {
        "provider": "OpenAI ",
        "modelUsed": "GPT-4o",
        "taskType": "chat",
        "success": True,
        "inputTokens": 10_000,
        "outputTokens": 1_000,
        "latencyMs": 12,
        "metadata": {"a": 1},
        "decisionId": routed["id"],
        "eventId": "e1",
    }
    assert (await api.ask(LOG, input=call))["__typename"] == "LoggedAnalytics"
    assert await api.ask(LOG, input={"provider": "mine", "modelUsed": "m", "taskType": "x", "success": False})
    assert (await api.ask(AMEND))["__typename"] == "AmendedAnalytics"
    node: Any = get_named_type(get_named_type(QUERY.fields[name].type).fields["nodes"].type)
    paths = list(leaves(node))
    # when all fields are selected together
    together = (await api.ask(f"{{ {name}(first: 2) {{ nodes {{ {as_tree(paths)} }} }} }}"))["nodes"]
    # then each field alone has the same values
    for path in paths:
        alone = (await api.ask(query(f"{name}(first: 2)", path)))["nodes"]
        assert found(alone, path) == found(together, path), path
    assert together
