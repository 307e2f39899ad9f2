"""Many operations over one socket: each subscription receives each of its events."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

import resolvers.analytics
from models.queries.provider_alias import resolved
from tests.support.api import Api
from tests.support.socket import Socket, signed_in

SAVE = "mutation($ms: Int!) { savePreferences(input: {maxLatencyMs: $ms}) { __typename } }"
LOG = """
mutation($cost: Decimal!, $test: ID, $variant: Variant) {
  logAnalytics(input: {
    provider: "openai", modelUsed: "a", taskType: "chat", success: true, cost: $cost, abTestId: $test, abVariant: $variant
  }) { __typename }
}
"""
ALERT = 'mutation { createCostAlert(input: {thresholdAmount: "1", period: DAILY}) { __typename } }'
TEST = """
mutation { createABTest(input: {
  testName: "t", variantA: {provider: "openai", model: "a"}, variantB: {provider: "openai", model: "b"}
}) { ... on ABTest { id } } }
"""
SUBSCRIPTIONS = {
    "alertTriggered": "subscription { alertTriggered { level } }",
    "analyticsLogged": "subscription { analyticsLogged { cost } }",
    "preferencesChanged": "subscription { preferencesChanged { maxLatencyMs } }",
    "abTestUpdated": "subscription($id: ID!) { abTestUpdated(id: $id) { variantA { calls } } }",
}


async def listening(socket: Socket, number: int, **variables: Any) -> None:
    """Start so many subscriptions, of each kind in turn, and come back when all listen."""
    kinds = list(SUBSCRIPTIONS.items())
    for each in range(number):
        kind, query = kinds[each % len(kinds)]
        await socket.start(query, operation=f"{kind} {each}", **(variables if "$" in query else {}))
    for _ in range(2):
        await socket.start("{ preferences { id } }", operation="after")
        assert [(await socket.receive())["type"] for _ in range(2)] == ["next", "complete"]


@pytest.mark.parametrize("number", [20, 150])
async def test_each_of_many_subscriptions_receives_each_event(url: str, token: str, live_api: Api, number: int) -> None:
    await live_api.ask(ALERT)
    test = await live_api.ask(TEST)
    async with signed_in(url, token) as socket:
        # given subscriptions of all kinds over one socket
        await listening(socket, number, id=test["id"])
        # when one event of each kind happens, twice
        for ms, cost in ((5, "0.9"), (6, "0.2")):
            await live_api.ask(SAVE, ms=ms)
            await live_api.ask(LOG, cost=cost, test=test["id"], variant="A")
            received = [await socket.receive() for _ in range(number)]
            # then each subscription has received it, once
            expected = {
                "alertTriggered": {"level": "NEAR_LIMIT" if ms == 5 else "TRIGGERED"},
                "analyticsLogged": {"cost": cost},
                "preferencesChanged": {"maxLatencyMs": ms},
                "abTestUpdated": {"variantA": {"calls": ms - 4}},
            }
            assert Counter(message["id"] for message in received).most_common(1)[0][1] == 1
            for message in received:
                kind = message["id"].partition(" ")[0]
                assert message["payload"] == {"data": {kind: expected[kind]}}


async def test_subscriptions_listen_before_a_later_operation_of_their_socket_starts(url: str, token: str) -> None:
    # given 150 subscriptions that are sent without waiting for anything
    async with signed_in(url, token) as socket:
        for number in range(150):
            await socket.start(SUBSCRIPTIONS["preferencesChanged"], operation=str(number))
        # when the same socket sends a mutation right behind them
        await socket.start(SAVE, operation="save", ms=7)
        received = [await socket.receive() for _ in range(152)]
    # then each of them receives its event
    events = [message["id"] for message in received if message["id"] != "save"]
    assert sorted(events, key=int) == [str(number) for number in range(150)]


async def test_a_call_that_is_logged_while_a_subscription_starts_is_received(
    url: str, token: str, live_api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a subscription that reads the names in its filter, slowly
    reading, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(*given: Any) -> Any:
        reading.set()
        await go_on.wait()
        return await resolved(*given)

    monkeypatch.setattr(resolvers.analytics, "resolved", slowly)
    async with signed_in(url, token) as socket:
        await socket.start(SUBSCRIPTIONS["analyticsLogged"])
        await reading.wait()
        # when a call is logged meanwhile
        await live_api.ask(LOG, cost="0.5")
        go_on.set()
        # then it is received
        assert await socket.next() == {"cost": "0.5"}
