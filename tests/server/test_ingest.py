"""Bulk ingest over HTTP: one result line per input line, with the rules of the GraphQL API."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from server.ingest import MAX_LINE_BYTES
from tests.support.api import Api


def line(**fields: Any) -> str:
    return json.dumps({"provider": "openai", "modelUsed": "gpt-4o", "taskType": "chat", "success": True} | fields)


async def ingest(
    client: httpx2.AsyncClient, token: str, content: Any, **headers: str
) -> tuple[int, list[dict[str, Any]]]:
    response = await client.post(
        "/ingest/decisions", content=content, headers={"Authorization": f"Bearer {token}", **headers}
    )
    return response.status_code, [json.loads(text) for text in response.text.splitlines()]


async def event_ids(api: Api) -> list[str]:
    return [node["eventId"] for node in (await api.ask("{ analytics(first: 500) { nodes { eventId } } }"))["nodes"]]


async def test_each_line_is_answered(client: httpx2.AsyncClient, token: str, live_api: Api) -> None:
    lines = [
        line(eventId="a", cost=0.031131000000000002),
        "",
        line(eventId="b", latencyMs=-1),
        "not json",
        line(eventId="a", cost="0.031131"),
        line(eventId="a", cost="2"),
        line(eventId="c", unheardOf=1),
        line(eventId="d", metadata={"a": "x" * MAX_LINE_BYTES}),
        '{"eventId": "e", "provider": "\xff"'.encode("latin-1").decode("latin-1"),
        line(eventId="f"),
    ]
    status, results = await ingest(client, token, "\n".join(lines).encode())
    assert status == 200
    recorded = {result["line"]: result["deduplicated"] for result in results if "id" in result}
    rejected = {
        result["line"]: (result["error"]["code"], result["error"]["path"]) for result in results if "error" in result
    }
    assert recorded == {1: False, 5: True, 10: False}
    assert rejected == {
        3: ("INVALID_INPUT", ["latencyMs"]),
        4: ("INVALID_INPUT", None),
        6: ("CONFLICT", ["eventId"]),
        7: ("INVALID_INPUT", ["unheardOf"]),
        8: ("INVALID_INPUT", None),
        9: ("INVALID_INPUT", None),
    }
    assert sorted(await event_ids(live_api)) == ["a", "f"]


async def test_many_compressed_lines_in_pieces_are_all_recorded(
    client: httpx2.AsyncClient, token: str, live_api: Api
) -> None:
    packed = gzip.compress("\n".join(line(eventId=str(n), cost="0.000000001") for n in range(5_500)).encode())

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(packed), 1000):
            yield packed[start : start + 1000]

    status, results = await ingest(client, token, pieces(), **{"Content-Encoding": "gzip"})
    assert status == 200
    assert [result["line"] for result in results] == list(range(1, 5_501))
    assert {result["deduplicated"] for result in results} == {False}
    alert = await live_api.ask(
        'mutation { createCostAlert(input: {thresholdAmount: "1", period: DAILY}) { ... on CostAlert { currentAmount } } }'
    )
    assert alert == {"currentAmount": "0.0000055"}


MARK = b"\xef\xbb\xbf"


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("cuts", [[], [3], [1], [1, 2], [0, 2, 2, 3, 4], [10]], ids=str)
async def test_a_byte_order_mark_before_the_first_line_is_skipped(
    client: httpx2.AsyncClient, token: str, live_api: Api, packed: bool, cuts: list[int]
) -> None:
    content = MARK + line(eventId="a").encode() + b"\n" + line(eventId="b").encode()
    parts = [content[start:end] for start, end in zip([0, *cuts], [*cuts, len(content)], strict=True)]
    if packed:
        parts = [gzip.compress(part) for part in parts]

    async def blocks() -> AsyncIterator[bytes]:
        for part in parts:
            yield part

    status, results = await ingest(client, token, blocks(), **({"Content-Encoding": "gzip"} if packed else {}))

    assert (status, [result.get("deduplicated") for result in results]) == (200, [False, False]), results
    assert sorted(await event_ids(live_api)) == ["a", "b"]


async def test_only_one_byte_order_mark_is_skipped_and_only_at_the_start(
    client: httpx2.AsyncClient, token: str, live_api: Api
) -> None:
    for body, bad_lines in [
        (MARK, []),
        (MARK[:2], [1]),
        (MARK * 2 + line().encode(), [1]),
        (b"\n" + MARK + b"{}", [2]),
    ]:
        _, results = await ingest(client, token, body)
        assert [result["line"] for result in results if "error" in result] == bad_lines, body
    assert await event_ids(live_api) == []


async def test_a_byte_order_mark_does_not_count_as_part_of_a_line(
    client: httpx2.AsyncClient, token: str, live_api: Api
) -> None:
    _, [result] = await ingest(client, token, MARK + line(eventId="a").encode().ljust(MAX_LINE_BYTES))
    assert "id" in result, result
    assert await event_ids(live_api) == ["a"]


async def test_a_cost_is_recorded_even_if_other_fields_are_invalid(
    client: httpx2.AsyncClient, token: str, live_api: Api
) -> None:
    # given calls that cost 3 USD, each with invalid metadata
    metadata = {"team": "search"}
    lines = [
        line(eventId="large", cost=3, metadata=metadata | {"log": "x" * 17_000}),
        line(eventId="deep", cost=3, metadata=metadata | {"deep": json.loads("[" * 30 + "]" * 30)}),
        line(eventId="deeper", cost=3, metadata=metadata | {"deep": 0}).replace(
            "0}}", "[" * 9_000 + "]" * 9_000 + "}}"
        ),
        line(eventId="nul", cost=3, metadata=metadata | {"text": "a\x00b"}),
        line(eventId="half", cost=3, metadata=metadata | {"text": "\ud83d"}),
        line(eventId="infinite", cost=3, metadata=metadata | {"n": float("inf")}),
        line(eventId="whole", cost=3, metadata=metadata),
        line(eventId=12345678901234567890, cost=3, latencyMs=830.5, timeToFirstTokenMs="12.5"),
        json.dumps(
            {
                "event_id": "other",
                "Provider": "acme",
                "task_type": "chat",
                "model": "m",
                "success": True,
                "cost_usd": "3",
            }
            | {"duration_ms": 831.5, "prompt_tokens": 12.0}
        ),
    ]

    # when the calls are sent
    _, results = await ingest(client, token, "\n".join(lines).encode())

    # then all are recorded, and marked as truncated
    assert [result.get("deduplicated") for result in results] == [False] * 9, results
    page = await live_api.ask(
        "{ analytics { nodes { eventId cost latencyMs inputTokens modelUsed metadata metadataTruncated } } }"
    )
    by_id = {node["eventId"]: node for node in page["nodes"]}
    assert {node["cost"] for node in page["nodes"]} == {"3"}
    cut = ["large", "deep", "deeper", "nul", "half", "infinite"]
    assert {name: by_id[name]["metadata"] for name in [*cut, "whole"]} == dict.fromkeys([*cut, "whole"], metadata)
    assert sorted(name for name, node in by_id.items() if node["metadataTruncated"]) == sorted(cut)
    assert by_id["12345678901234567890"]["latencyMs"] == 830
    other = by_id["other"]
    assert (other["latencyMs"], other["inputTokens"], other["modelUsed"], other["metadata"]) == (832, 12, "m", {})

    # and when they are sent again, they are deduplicated
    _, again = await ingest(client, token, "\n".join(lines).encode())
    assert [result.get("deduplicated") for result in again] == [True] * 9, again


@pytest.mark.parametrize("body", [b"not gzip", gzip.compress(line().encode())[:-9]], ids=["other", "cut off"])
async def test_a_body_that_is_not_gzip_is_reported_in_the_last_line(
    client: httpx2.AsyncClient, token: str, body: bytes
) -> None:
    status, results = await ingest(client, token, body, **{"Content-Encoding": "gzip"})
    assert status == 200
    assert results[-1]["error"]["code"] == "INVALID_INPUT"
    assert results[-1]["error"]["message"].startswith("gzip: ")


async def test_an_unknown_encoding_is_rejected(client: httpx2.AsyncClient, token: str, live_api: Api) -> None:
    status, _ = await ingest(client, token, line().encode(), **{"Content-Encoding": "br"})
    assert status == 415
    assert await event_ids(live_api) == []


async def test_nobody_ingests_without_a_token(client: httpx2.AsyncClient, live_api: Api) -> None:
    status, [answer] = await ingest(client, "nonsense", line().encode())
    assert (status, answer["errors"][0]["extensions"]["code"]) == (401, "UNAUTHENTICATED")
    assert await event_ids(live_api) == []


async def test_metrics_describe_the_ledger(client: httpx2.AsyncClient, live_api: Api) -> None:
    assert await event_ids(live_api) == []
    text = (await client.get("/metrics/")).text
    for name in (
        "router_ledger_queued",
        "router_ledger_batch",
        "router_ledger_commit_seconds",
        "router_budget_overshoot_usd_total",
    ):
        assert f"# TYPE {name} " in text
