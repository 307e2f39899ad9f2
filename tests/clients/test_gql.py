"""The client gql, configured as in docs/clients.md: over aiohttp and over WebSocket."""

from __future__ import annotations

from typing import Any

import pytest
from gql import Client, GraphQLRequest, gql
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.exceptions import TransportQueryError
from gql.transport.websockets import WebsocketsTransport

from tests.support.api import Api

DAILY_ALERT = """
mutation($threshold: Decimal!) {
  createCostAlert(input: {thresholdAmount: $threshold, period: DAILY}) { ... on CostAlert { id } }
}
"""
LOG = """
mutation($cost: Decimal!) {
  logAnalytics(input: {provider: "openai", modelUsed: "gpt-4o", taskType: "chat", success: true, cost: $cost}) {
    __typename
  }
}
"""
ALERTS = "subscription($after: String) { alertTriggered(after: $after) { level amount } }"


def request(text: str, **variables: Any) -> GraphQLRequest:
    return GraphQLRequest(text, variable_values=variables)


@pytest.fixture
def over_http(url: str, token: str) -> Client:
    transport = AIOHTTPTransport(url=f"{url}/graphql", headers={"Authorization": f"Bearer {token}"})
    return Client(transport=transport, fetch_schema_from_transport=True)


@pytest.fixture
def over_websocket(url: str, token: str) -> Client:
    return Client(
        transport=WebsocketsTransport(
            url=f"{url}/graphql".replace("http", "ws", 1), init_payload={"Authorization": f"Bearer {token}"}
        )
    )


async def test_operations_are_validated_with_the_fetched_schema_and_answered(over_http: Client) -> None:
    async with over_http as session:
        # when a value is changed, rejected and read
        save = """
        mutation($input: SavePreferencesInput!) {
          savePreferences(input: $input) { ... on RouterPreferences { maxLatencyMs } ... on Error { code path } }
        }
        """
        saved = await session.execute(request(save, input={"maxLatencyMs": 5}))
        rejected = await session.execute(request(save, input={"maxLatencyMs": -1}))
        read = await session.execute(gql("{ preferences { maxLatencyMs } }"))

    # then each result says so
    assert saved == {"savePreferences": {"maxLatencyMs": 5}}
    assert rejected == {"savePreferences": {"code": "INVALID_INPUT", "path": ["input", "maxLatencyMs"]}}
    assert read == {"preferences": {"maxLatencyMs": 5}}


async def test_an_error_is_a_graphql_error_with_its_code(over_http: Client) -> None:
    async with over_http as session:
        with pytest.raises(TransportQueryError) as raised:
            await session.execute(gql("{ costAlerts(first: 0) { nodes { id } } }"))
    assert raised.value.errors is not None
    assert [error["extensions"]["code"] for error in raised.value.errors] == ["BAD_USER_INPUT"]


async def test_a_subscription_receives_pushed_events(over_websocket: Client, live_api: Api) -> None:
    # given an alert at 1 USD and a subscriber
    await live_api.ask(DAILY_ALERT, threshold="1")
    async with over_websocket as session:
        events = session.subscribe(request(ALERTS, after=""))
        await live_api.ask(LOG, cost="0.9")
        near = await anext(events)

        # when the subscription receives events, and more is spent
        await live_api.ask(LOG, cost="0.2")
        over = await anext(events)
        await events.aclose()

        # then it received both, and its socket still serves
        assert (near["alertTriggered"], over["alertTriggered"]) == (
            {"level": "NEAR_LIMIT", "amount": "0.9"},
            {"level": "TRIGGERED", "amount": "1.1"},
        )
        assert await session.execute(gql("{ viewer { __typename } }")) == {"viewer": {"__typename": "Viewer"}}
