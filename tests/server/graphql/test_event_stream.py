"""Subscriptions as server-sent events, for clients that cannot use WebSockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx2
import pytest

import server.graphql.event_stream
from models.types import RawJSON
from server.app import create_app
from server.graphql.answer import encoded
from server.graphql.event_stream import next_event
from server.settings import Settings
from server.token import make_token
from tests.conftest import Clock, serving
from tests.support.api import Api
from tests.support.socket import PATIENCE_S

ALERTS = "subscription($after: String) { alertTriggered(after: $after) { cursor level amount } }"
DAILY_ALERT = """
mutation { createCostAlert(input: {thresholdAmount: "1", period: DAILY}) { ... on CostAlert { id } } }
"""
LOG = """
mutation($cost: Decimal!) {
  logAnalytics(input: {provider: "openai", modelUsed: "a", taskType: "chat", success: true, cost: $cost}) { __typename }
}
"""


class Events:
    def __init__(self, response: httpx2.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()

    async def block(self) -> list[str]:
        """The lines of the next event or comment."""
        lines: list[str] = []
        async with asyncio.timeout(PATIENCE_S):
            async for line in self._lines:
                if not line:
                    return lines
                lines.append(line)
        raise EOFError

    async def next(self) -> Any:
        kind, data = await self.block()
        assert kind == "event: next"
        return json.loads(data.removeprefix("data: "))


@asynccontextmanager
async def subscribed(
    client: httpx2.AsyncClient, token: str, query: str, accept: str = "text/event-stream", **variables: Any
) -> AsyncIterator[Events]:
    headers = {"Authorization": f"Bearer {token}", "Accept": accept}
    body = {"query": query, "variables": variables}
    async with client.stream("POST", "/graphql", json=body, headers=headers) as response:
        yield Events(response)


async def test_alerts_are_pushed_and_resumed_after_the_last_cursor(
    client: httpx2.AsyncClient, token: str, live_api: Api
) -> None:
    # given an alert, and a subscriber that received its near limit
    await live_api.ask(DAILY_ALERT)
    async with subscribed(client, token, ALERTS) as events:
        assert events.response.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert events.response.headers["cache-control"] == "no-store"
        await live_api.ask(LOG, cost="0.8")
        near = (await events.next())["data"]["alertTriggered"]
    # when the alert fires while the subscriber is disconnected
    await live_api.ask(LOG, cost="0.2")
    # then the subscriber receives what it missed
    async with subscribed(client, token, ALERTS, after=near["cursor"]) as events:
        over = (await events.next())["data"]["alertTriggered"]
    assert [(near["level"], near["amount"]), (over["level"], over["amount"])] == [
        ("NEAR_LIMIT", "0.8"),
        ("TRIGGERED", "1"),
    ]


async def streamed(url: str, token: str, query: str, act: Callable[[], Awaitable[Any]], events: int) -> bytes:
    """The bytes of a stream on the wire, without the framing of the chunks, up to the end of so many events."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    body = json.dumps({"query": query}).encode()
    writer.write(
        f"POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nAccept: text/event-stream\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body
    )
    received = b""
    async with asyncio.timeout(PATIENCE_S):
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"\r\ncontent-encoding:" not in head.lower()
        await act()
        while received.count(b"\n\n") < events:
            length = int(await reader.readline(), 16)
            chunk = await reader.readexactly(length + 2)
            received += chunk[:length]
            # each part that is sent ends with an event, so that clients which search each part alone find it
            assert received.endswith(b"\n\n")
    writer.close()
    return received


async def test_on_the_wire_events_end_in_two_line_feeds(
    url: str, token: str, live_api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given values that contain each kind of line end
    log = """mutation($model: String!, $metadata: JSON!) { logAnalytics(input: {
        provider: "p", modelUsed: $model, taskType: "t", success: true, metadata: $metadata
      }) { __typename } }"""
    text = "a\r\n\r\nb\n\nc\r\rd\u0085\u2028\u2029\x0b\x0c"
    metadata = {"event: complete\n\n": text}

    async def logged() -> None:
        await live_api.ask(log, model="m", metadata=metadata)

    received = await streamed(url, token, "subscription { analyticsLogged { metadata } }", logged, 1)
    # then a client that splits at LF LF alone reads the event whole
    event, end = received.split(b"\n\n")
    kind, data = event.split(b"\n")
    assert b"\r" not in received
    assert (kind, end) == (b"event: next", b"")
    assert json.loads(data.removeprefix(b"data: ")) == {"data": {"analyticsLogged": {"metadata": metadata}}}

    async def nothing() -> None: ...

    # and so do keep-alives, errors and the end
    monkeypatch.setattr(server.graphql.event_stream, "_KEEP_ALIVE_S", 0.01)
    assert await streamed(url, token, ALERTS, nothing, 2) == b":\n\n:\n\n"
    one = b'event: next\ndata: {"data":{"viewer":{"__typename":"Viewer"}}}\n\nevent: complete\ndata:\n\n'
    assert await streamed(url, token, "{ viewer { __typename } }", nothing, 2) == one
    failed = await streamed(url, token, 'subscription { alertTriggered(after: "zzz") { level } }', nothing, 2)
    assert failed.startswith(b'event: next\ndata: {"data":null,"errors":')
    assert failed.endswith(b"}\n\nevent: complete\ndata:\n\n")


@pytest.mark.parametrize("space", ["\n", "\r", "\r\n", "\n\n", "\r\n\r\n", " ", "\t"])
def test_white_space_of_stored_json_does_not_end_an_event(space: str) -> None:
    stored = RawJSON(f'{{{space}"a"{space}:{space}[1,{space}"b"]{space}}}')
    event = next_event(encoded({"data": {"metadata": stored}}))
    head, rest, end = event.partition(b"\ndata: ")
    assert (head, rest) == (b"event: next", b"\ndata: ")
    assert end.endswith(b"\n\n")
    assert not {b"\n", b"\r"} & {end[at : at + 1] for at in range(len(end) - 2)}
    assert json.loads(end) == {"data": {"metadata": {"a": [1, "b"]}}}


async def test_an_operation_with_one_result_completes_after_it(client: httpx2.AsyncClient, token: str) -> None:
    async with subscribed(client, token, "{ viewer { __typename } }") as events:
        assert await events.next() == {"data": {"viewer": {"__typename": "Viewer"}}}
        assert await events.block() == ["event: complete", "data:"]
        with pytest.raises(EOFError):
            await events.block()


async def test_a_client_that_accepts_json_too_gets_events_only_for_subscriptions(
    client: httpx2.AsyncClient, token: str, live_api: Api
) -> None:
    urql = "application/graphql-response+json, application/json, text/event-stream, multipart/mixed"
    async with subscribed(client, token, "{ viewer { __typename } }", urql) as events:
        assert events.response.headers["content-type"].startswith("application/graphql-response+json")
    await live_api.ask(DAILY_ALERT)
    async with subscribed(client, token, ALERTS, urql) as events:
        assert events.response.headers["content-type"].startswith("text/event-stream")
        await live_api.ask(LOG, cost="5")
        assert (await events.next())["data"]["alertTriggered"]["level"] == "TRIGGERED"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription {", "GRAPHQL_PARSE_FAILED"),
        ("subscription A { preferencesChanged { id } } query B { viewer { id } }", "OPERATION_RESOLUTION_FAILURE"),
    ],
)
async def test_an_invalid_operation_is_rejected_before_the_stream_begins(
    client: httpx2.AsyncClient, token: str, query: str, code: str
) -> None:
    async with subscribed(client, token, query, "application/graphql-response+json, text/event-stream") as events:
        body = json.loads(await events.response.aread())
    assert (events.response.status_code, body["errors"][0]["extensions"]["code"]) == (400, code)


async def test_an_expected_error_of_a_subscription_is_its_only_event(client: httpx2.AsyncClient, token: str) -> None:
    async with subscribed(client, token, ALERTS, after="zzz") as events:
        [error] = (await events.next())["errors"]
        assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": ["after"]}
        assert await events.block() == ["event: complete", "data:"]


async def test_nobody_subscribes_without_a_token(client: httpx2.AsyncClient) -> None:
    async with subscribed(client, "x.y.z", ALERTS) as events:
        assert events.response.status_code == 401


async def test_a_silent_stream_sends_keep_alive_comments(
    client: httpx2.AsyncClient, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server.graphql.event_stream, "_KEEP_ALIVE_S", 0.01)
    async with subscribed(client, token, ALERTS) as events:
        assert await events.block() == [":"]
        assert await events.block() == [":"]


async def test_a_stream_ends_with_its_token(client: httpx2.AsyncClient, settings: Settings, user_id: UUID) -> None:
    async with subscribed(
        client, make_token(settings, user_id, timedelta(seconds=2 - settings.jwt_leeway_s)), ALERTS
    ) as events:
        with pytest.raises(EOFError):
            await events.block()


async def test_a_server_that_stops_ends_its_streams_and_frees_their_slots(
    settings: Settings, clock: Clock, token: str
) -> None:
    app = create_app(settings.model_copy(update={"max_subscriptions_per_user": 1}), clock)
    async with serving(app) as url, httpx2.AsyncClient(base_url=url, timeout=30) as client:
        # a second stream gets no slot, and a released slot can be used again
        async with subscribed(client, token, ALERTS) as events:
            assert events.response.status_code == 200
            async with subscribed(client, token, ALERTS, "application/json, text/event-stream") as other:
                assert other.response.status_code == 503
                [error] = json.loads(await other.response.aread())["errors"]
                assert error["extensions"] == {"code": "OVERLOADED", "retryAfterMs": 5000}
        async with AsyncExitStack() as stack, asyncio.timeout(PATIENCE_S):
            events = await stack.enter_async_context(subscribed(client, token, ALERTS))
            while events.response.status_code == 503:  # the server has not noticed yet
                events = await stack.enter_async_context(subscribed(client, token, ALERTS))
            # when it stops, then the stream ends
            app.state.stopping.set()
            with pytest.raises(EOFError):
                await events.block()
