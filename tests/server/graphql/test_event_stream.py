"""Subscriptions as server-sent events, for clients that cannot use WebSockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx2
import pytest

import server.graphql.event_stream
from server.app import create_app
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
