"""Inputs as clients really send them, in bulk: calls and amendments are not rejected for fields other than money."""

from __future__ import annotations

import codecs
import gzip
import json
from typing import Any
from uuid import UUID

import httpx2
import pytest

from models.database import Database
from models.queries.verification import verify
from tests.conftest import Clock
from tests.support.api import Api

CALLS = """
{ analytics(first: 500) { nodes { eventId provider modelUsed cost latencyMs timeToFirstTokenMs metadata metadataTruncated } } }
"""
SUMMARY = "{ analyticsSummary { calls successes totalCost unpricedCalls } }"
SET_BUDGET = """
mutation { createCostAlert(input: {thresholdAmount: "0.001", period: DAILY, enforced: true}) { ... on CostAlert { id } } }
"""
SPENT = "{ costAlerts { nodes { currentAmount assumedAmount heldAmount unpricedCalls } } }"
ROUTE = """
mutation {
  routeRequest(input: {
    taskType: "chat", inputTokens: 1000, maxOutputTokens: 1000, candidates: [{provider: "openai", model: "gpt-4o-mini"}]
  }) { __typename ... on RoutingDecision { id } }
}
"""


def line(**fields: Any) -> str:
    return json.dumps({"provider": "openai", "modelUsed": "gpt-4o", "taskType": "chat", "success": True} | fields)


async def send(client: httpx2.AsyncClient, token: str, path: str, content: bytes | str, **headers: str) -> list[Any]:
    response = await client.post(
        f"/ingest/{path}",
        content=content.encode() if isinstance(content, str) else content,
        headers={"Authorization": f"Bearer {token}", **headers},
    )
    assert response.status_code == 200
    results = [json.loads(text) for text in response.text.splitlines()]
    return [
        each["error"]["path"] or each["error"]["code"] if "error" in each else each["deduplicated"] for each in results
    ]


async def calls(api: Api) -> dict[str, Any]:
    return {node["eventId"]: node for node in (await api.ask(CALLS))["nodes"]}


# 15. A call is not rejected for fields other than money


async def test_metadata_is_truncated_by_whole_keys_largest_first(
    client: httpx2.AsyncClient, token: str, live_api: Api, database: Database, user_id: UUID, clock: Clock
) -> None:
    metadata: dict[str, dict[str, Any]] = {
        "17 KB": {"team": "search", "log": "x" * 17_000},
        "two large": {"team": "search", "a": "x" * 9_000, "b": "y" * 12_000},
        "wide characters": {"team": "search", "log": "\U0001f600" * 5_000},
        "a list": {"team": "search", "log": list(range(9_000))},
        "many": {"team": "search"} | {f"key{number}": "x" * 100 for number in range(300)},
        "small": {"team": "search"},
    }
    lines = [line(eventId=name, cost=3, metadata=each) for name, each in metadata.items()]
    assert await send(client, token, "decisions", "\n".join(lines)) == [False] * 6
    found = await calls(live_api)
    assert {name for name, node in found.items() if node["metadataTruncated"]} == metadata.keys() - {"small"}
    assert all(node["metadata"]["team"] == "search" and node["cost"] == "3" for node in found.values())
    assert found["two large"]["metadata"].keys() == {"team", "a"}
    assert found["17 KB"]["metadata"] == {"team": "search"}
    assert 100 < len(found["many"]["metadata"]) < 300
    # and when they are sent again, all are deduplicated
    assert await send(client, token, "decisions", "\n".join(lines)) == [True] * 6
    assert await verify(database, user_id, clock.now) == []


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"latencyMs": 830.5}, {"latencyMs": 830}),
        ({"latencyMs": "830.6"}, {"latencyMs": 831}),
        ({"latency_ms": 8.3e2}, {"latencyMs": 830}),
        ({"duration_ms": 0.4, "ttft_ms": 12.7}, {"latencyMs": 0, "timeToFirstTokenMs": 13}),
        ({"eventId": 42}, {"eventId": "42"}),
        ({"eventId": 2**63}, {"eventId": "9223372036854775808"}),
        ({"cost_usd": 0.1}, {"cost": "0.1"}),
        ({"response_cost": "1e-9"}, {"cost": "0.000000001"}),
        ({"Cost": "12.50"}, {"cost": "12.5"}),
        ({"prompt_tokens": 1000.0, "completion_tokens": "1000"}, {"cost": "0.0125"}),
    ],
    ids=str,
)
async def test_fields_other_than_money_are_read_leniently(
    client: httpx2.AsyncClient, token: str, live_api: Api, fields: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert await send(client, token, "decisions", line(**fields)) == [False]
    [node] = (await calls(live_api)).values()
    assert {name: node[name] for name in expected} == expected


async def test_each_error_names_its_field(client: httpx2.AsyncClient, token: str, live_api: Api) -> None:
    wrong: dict[str, Any] = {
        "latencyMs": -1,
        "cost": -0.01,
        "inputTokens": 0.5,
        "eventId": 0.1,
        "qualityScore": 1.5,
        "success": "perhaps",
        "occurredAt": "yesterday",
    }
    lines = [line(**{name: value}) for name, value in wrong.items()]
    assert await send(client, token, "decisions", "\n".join(lines)) == [[name] for name in wrong]
    assert await calls(live_api) == {}


# 16. A byte order mark


@pytest.mark.parametrize("path", ["decisions", "amendments"])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
async def test_a_byte_order_mark_before_the_first_line_is_ignored(
    client: httpx2.AsyncClient, token: str, live_api: Api, path: str, packed: bool, newline: str
) -> None:
    lines = [line(eventId="a", cost=1), line(eventId="b", cost=2)]
    if path == "amendments":
        assert await send(client, token, "decisions", "\n".join(lines)) == [False, False]
        lines = ['{"eventId": "a", "cost": 1}', '{"eventId": "b", "cost": 2}']
    content = codecs.BOM_UTF8 + newline.join([*lines, ""]).encode()
    headers = {"Content-Encoding": "gzip"} if packed else {}
    assert await send(client, token, path, gzip.compress(content) if packed else content, **headers) == [False, False]
    assert {name: node["cost"] for name, node in (await calls(live_api)).items()} == {"a": "1", "b": "2"}


# Names and budgets in bulk


async def test_several_spellings_of_a_provider_in_bulk_are_one_provider(
    client: httpx2.AsyncClient, token: str, live_api: Api, database: Database, user_id: UUID, clock: Clock
) -> None:
    names = ["openai", "OpenAI", " OPENAI ", "openai.chat", "Open_AI", "\uff2f\uff50\uff45\uff4e\uff21\uff29"]
    lines = [line(provider=name, modelUsed=f"openai/gpt-{4}o", cost=1) for name in names]
    assert await send(client, token, "decisions", "\n".join(lines)) == [False] * 6
    rows = await live_api.ask("{ analyticsSummary(groupBy: [PROVIDER, MODEL]) { provider model calls totalCost } }")
    assert rows == [{"provider": "openai", "model": "gpt-4o", "calls": 6, "totalCost": "6"}]
    assert await verify(database, user_id, clock.now) == []


async def test_an_outcome_in_bulk_without_token_counts_spends_its_hold(
    client: httpx2.AsyncClient, token: str, live_api: Api, database: Database, user_id: UUID, clock: Clock
) -> None:
    await live_api.ask(SET_BUDGET)
    decision = await live_api.ask(ROUTE)
    report = line(modelUsed="gpt-4o-mini", decision_id=decision["id"], eventId="e")
    assert await send(client, token, "decisions", f"{report}\n{report}") == [False, True]
    assert (await live_api.ask(SPENT))["nodes"] == [
        {"currentAmount": "0", "assumedAmount": "0.00075", "heldAmount": "0", "unpricedCalls": 1}
    ]
    assert (await live_api.ask(ROUTE))["__typename"] == "RouteRefused"
    # until its cost is known
    assert await send(client, token, "amendments", '{"eventId": "e", "cost": 0.0001}') == [False]
    assert (await live_api.ask(SPENT))["nodes"] == [
        {"currentAmount": "0.0001", "assumedAmount": "0", "heldAmount": "0", "unpricedCalls": 0}
    ]
    assert (await live_api.ask(ROUTE))["__typename"] == "RoutingDecision"
    assert await verify(database, user_id, clock.now) == []


async def test_a_success_that_is_amended_to_a_failure_has_settled_its_hold(
    client: httpx2.AsyncClient, token: str, live_api: Api, database: Database, user_id: UUID, clock: Clock
) -> None:
    await live_api.ask(SET_BUDGET)
    decision = await live_api.ask(ROUTE)
    report = line(modelUsed="gpt-4o-mini", decisionId=decision["id"], eventId="e", success=False, cost="0.0001")
    await send(client, token, "decisions", report)
    lines = [json.dumps({"eventId": "e", "success": success}) for success in (True, False)]
    assert await send(client, token, "amendments", "\n".join(lines)) == [False, False]
    [alert] = (await live_api.ask(SPENT))["nodes"]
    assert (alert["currentAmount"], alert["heldAmount"]) == ("0.0001", "0")
    assert await live_api.ask(SUMMARY) == [{"calls": 1, "successes": 0, "totalCost": "0.0001", "unpricedCalls": 0}]
    assert await verify(database, user_id, clock.now) == []


async def test_a_bad_line_among_amendments_does_not_stop_the_others(
    client: httpx2.AsyncClient, token: str, live_api: Api, database: Database, user_id: UUID, clock: Clock
) -> None:
    await send(client, token, "decisions", "\n".join(line(eventId=name, provider="acme") for name in "abc"))
    lines = [
        '{"eventId": "a", "cost": 1000, "amendmentId": "1"}',
        "nonsense",
        '{"eventId": "nobody", "cost": 1}',
        '{"eventId": "b"}',
        '{"eventId": "b", "cost": -1}',
        '{"eventId": "b", "latencyMs": 1}',
        "",
        '{"eventId": "a", "cost": 1000, "amendmentId": "1"}',
        '{"eventId": "a", "cost": 0.000000001, "success": false}',
        '{"eventId": "b", "cost": "2", "qualityScore": 1}',
    ]
    results = await send(client, token, "amendments", "\n".join(lines))
    assert results == [
        False,
        "INVALID_INPUT",
        ["eventId"],
        "INVALID_INPUT",
        ["cost"],
        ["latencyMs"],
        True,
        False,
        False,
    ]
    assert {name: node["cost"] for name, node in (await calls(live_api)).items()} == {
        "a": "0.000000001",
        "b": "2",
        "c": None,
    }
    assert await live_api.ask(SUMMARY) == [{"calls": 3, "successes": 2, "totalCost": "2.000000001", "unpricedCalls": 1}]
    assert await verify(database, user_id, clock.now) == []


async def test_an_amendment_repeated_under_the_other_id_of_its_call_is_deduplicated(
    client: httpx2.AsyncClient, token: str, live_api: Api
) -> None:
    response = await client.post(
        "/ingest/decisions", content=line(eventId="e"), headers={"Authorization": f"Bearer {token}"}
    )
    id_ = response.json()["id"]
    amendment = {"cost": 1, "amendmentId": "x"}
    lines = [json.dumps(amendment | named) for named in ({"eventId": "e"}, {"id": id_}, {"eventId": "e"})]
    assert await send(client, token, "amendments", "\n".join(lines)) == [False, True, True]
    assert await send(client, token, "amendments", lines[1]) == [True]
    assert await live_api.ask(SUMMARY) == [{"calls": 1, "successes": 1, "totalCost": "1", "unpricedCalls": 0}]


async def test_amendments_cannot_change_calls_of_others(
    client: httpx2.AsyncClient, token: str, live_api: Api, other_api: Api
) -> None:
    await send(client, token, "decisions", line(eventId="e", cost=1))
    assert await send(client, other_api.token, "amendments", '{"eventId": "e", "cost": 2}') == [["eventId"]]
    assert await live_api.ask(SUMMARY) == [{"calls": 1, "successes": 1, "totalCost": "1", "unpricedCalls": 0}]
