"""Subscriptions over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin, Subprotocol

import resolvers.ab_test
import resolvers.preference
import server.graphql.websocket
from domain.viewer import Viewer
from resolvers.alert_feed import AlertFeed
from server.app import create_app
from server.graphql.websocket import TransportWSHandler
from server.settings import Settings
from server.token import make_token
from tests.conftest import Clock, serving
from tests.support.api import Api
from tests.support.socket import PATIENCE_S, Socket, opened, signed_in

ALERTS = "subscription($after: String) { alertTriggered(after: $after) { cursor level amount alert { id state } } }"
LOG = """
mutation($cost: Decimal!, $provider: String = "openai", $test: ID, $variant: Variant) {
  logAnalytics(input: {
    provider: $provider, modelUsed: "gpt-4o", taskType: "chat", success: true, cost: $cost,
    abTestId: $test, abVariant: $variant
  }) { __typename ... on LoggedAnalytics { record { id } } }
}
"""
START_TEST = """
mutation {
  createABTest(input: {
    testName: "t", variantA: {provider: "openai", model: "a"}, variantB: {provider: "openai", model: "b"}
  }) { ... on ABTest { id } }
}
"""
TEST_UPDATED = "subscription($id: ID!) { abTestUpdated(id: $id) { active winner variantB { calls totalCost } } }"
DAILY_ALERT = """
mutation($threshold: Decimal!) {
  createCostAlert(input: {thresholdAmount: $threshold, period: DAILY}) { ... on CostAlert { id } }
}
"""


async def test_an_alert_is_pushed_when_spend_reaches_its_threshold(url: str, token: str, live_api: Api) -> None:
    # given a daily alert at 1 USD and a subscriber
    alert = await live_api.ask(DAILY_ALERT, threshold="1")
    async with signed_in(url, token) as socket:
        await socket.subscribe(ALERTS)

        # when spend reaches 0.50, 0.90 and 1.10 USD
        for cost in ("0.5", "0.4", "0.2"):
            await live_api.ask(LOG, cost=cost)

        # then both levels arrive, in order
        near = await socket.next()
        over = await socket.next()
    assert (near["level"], near["amount"], near["alert"]["id"]) == ("NEAR_LIMIT", "0.9", alert["id"])
    assert (over["level"], over["amount"], over["alert"]["state"]) == ("TRIGGERED", "1.1", "TRIGGERED")


async def test_a_client_that_resumes_from_its_cursor_receives_exactly_what_it_missed(
    url: str, token: str, live_api: Api, clock: Clock
) -> None:
    # given a client that received one alert event and was disconnected
    await live_api.ask(DAILY_ALERT, threshold="1")
    async with signed_in(url, token) as socket:
        await socket.subscribe(ALERTS)
        await live_api.ask(LOG, cost="0.8")
        seen = (await socket.next())["cursor"]

    # when two more fire meanwhile, and the client resumes
    await live_api.ask(LOG, cost="0.2")
    clock.advance(days=1)
    await live_api.ask(LOG, cost="5")
    async with signed_in(url, token) as socket:
        await socket.start(ALERTS, after=seen)
        replayed = [await socket.next(), await socket.next()]

        # then it receives exactly those, and after them live events
        clock.advance(days=1)
        await live_api.ask(LOG, cost="9")
        live = await socket.next()
    assert [(event["level"], event["amount"]) for event in replayed] == [("TRIGGERED", "1"), ("TRIGGERED", "5")]
    assert (live["level"], live["amount"]) == ("TRIGGERED", "9")


async def test_an_empty_cursor_replays_from_the_first_alert_event(url: str, token: str, live_api: Api) -> None:
    await live_api.ask(DAILY_ALERT, threshold="1")
    await live_api.ask(LOG, cost="0.8")
    await live_api.ask(LOG, cost="0.8")
    async with signed_in(url, token) as socket:
        await socket.start(ALERTS, after="")
        assert [(await socket.next())["level"], (await socket.next())["level"]] == ["NEAR_LIMIT", "TRIGGERED"]


async def test_a_cursor_of_another_user_is_rejected(url: str, token: str) -> None:
    async with signed_in(url, token) as socket:
        await socket.start(ALERTS, after="zzz")
        message = await socket.receive()
    [error] = message["payload"] if message["type"] == "error" else message["payload"]["errors"]
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": ["after"]}


async def test_logged_calls_are_pushed_to_their_user_alone(
    url: str, token: str, live_api: Api, settings: Settings
) -> None:
    # given a user who subscribes to one provider, and another user who subscribes to all
    query = "subscription($filter: AnalyticsFilter) { analyticsLogged(filter: $filter) { id provider cost } }"
    other = make_token(settings, UUID(int=7), timedelta(hours=1))
    async with signed_in(url, token) as socket, signed_in(url, other) as other_socket:
        await socket.subscribe(query, filter={"providers": ["groq"]})
        await other_socket.subscribe(query)

        # when the user logs with two providers, then the other user logs
        await live_api.ask(LOG, cost="1", provider="openai")
        await live_api.ask(LOG, cost="2", provider="groq")
        await Api(live_api._client, other).ask(LOG, cost="3", provider="mistral")

        # then each receives their own calls that match
        assert (await socket.next())["provider"] == "groq"
        assert (await other_socket.next())["provider"] == "mistral"


async def test_a_test_is_pushed_as_its_figures_change(url: str, token: str, live_api: Api) -> None:
    # given a running test and a subscriber
    test = await live_api.ask(START_TEST)
    async with signed_in(url, token) as socket:
        await socket.subscribe(TEST_UPDATED, id=test["id"])

        # when a call is counted for it, and when it ends
        await live_api.ask(LOG, cost="0.25", test=test["id"], variant="B")
        counted = await socket.next()
        await live_api.ask("mutation($id: ID!) { endABTest(id: $id, winner: B) { __typename } }", id=test["id"])
        ended = await socket.next()

    # then both changes are pushed
    assert counted == {"active": True, "winner": None, "variantB": {"calls": 1, "totalCost": "0.25"}}
    assert ended == {"active": False, "winner": "B", "variantB": {"calls": 1, "totalCost": "0.25"}}


async def test_pushes_of_a_test_are_throttled_and_its_last_state_is_always_pushed(
    url: str, token: str, live_api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a subscriber with at most one push per 50 ms, instead of the usual second
    assert resolvers.ab_test.UPDATE_INTERVAL_S == 1
    monkeypatch.setattr(resolvers.ab_test, "UPDATE_INTERVAL_S", 0.05)
    test = await live_api.ask(START_TEST)
    loop = asyncio.get_running_loop()
    async with signed_in(url, token) as socket:
        await socket.subscribe(TEST_UPDATED, id=test["id"])

        # when calls are logged as fast as they are accepted
        started = loop.time()
        log = asyncio.gather(*(live_api.ask(LOG, cost="0.25", test=test["id"], variant="B") for _ in range(200)))
        counts = [(await socket.next())["variantB"]["calls"]]
        while counts[-1] < 200:
            counts.append((await socket.next())["variantB"]["calls"])
        took_s = loop.time() - started
        await log

    # then there is at most one update per 50 ms, each has more calls than the one before, and the last one has all
    assert counts == sorted(set(counts))
    assert len(counts) <= took_s / 0.05 + 1


async def test_changes_before_a_subscription_begins_are_in_its_initial_state(
    url: str, token: str, live_api: Api
) -> None:
    # given a client that acts as soon as it has sent its subscription
    test = await live_api.ask(START_TEST)
    updated = TEST_UPDATED.replace("id: $id", "id: $id, initial: true")
    changed = "subscription { preferencesChanged(initial: true) { maxLatencyMs } }"
    async with signed_in(url, token) as socket, signed_in(url, token) as other:
        await live_api.ask(LOG, cost="0.25", test=test["id"], variant="B")
        await live_api.ask("mutation { savePreferences(input: {maxLatencyMs: 5}) { __typename } }")
        await socket.start(updated, id=test["id"])
        await other.start(changed)
        # then it receives the initial state
        assert (await socket.next())["variantB"] == {"calls": 1, "totalCost": "0.25"}
        assert await other.next() == {"maxLatencyMs": 5}
        # and each later change once
        await live_api.ask(LOG, cost="0.25", test=test["id"], variant="B")
        await live_api.ask("mutation { savePreferences(input: {maxLatencyMs: 6}) { __typename } }")
        assert (await socket.next())["variantB"] == {"calls": 2, "totalCost": "0.5"}
        assert await other.next() == {"maxLatencyMs": 6}


async def test_another_users_test_cannot_be_subscribed_to(url: str, live_api: Api, settings: Settings) -> None:
    test = await live_api.ask(START_TEST)
    other = make_token(settings, UUID(int=7), timedelta(hours=1))
    async with signed_in(url, other) as socket:
        errors = []
        for ab_test_id in (test["id"], str(UUID(int=1)), "none"):
            await socket.start(TEST_UPDATED, id=ab_test_id)
            errors.append((await socket.receive())["payload"]["errors"][0])
            assert (await socket.receive())["type"] == "complete"
    assert [error["extensions"]["code"] for error in errors] == ["NOT_FOUND"] * 3
    assert len({error["message"] for error in errors}) == 1


async def test_saved_preferences_are_pushed_to_the_users_other_clients(url: str, token: str, live_api: Api) -> None:
    async with signed_in(url, token) as socket:
        await socket.subscribe("subscription { preferencesChanged { defaultPriority } }")
        await live_api.ask("mutation { savePreferences(input: {defaultPriority: COST}) { __typename } }")
        assert await socket.next() == {"defaultPriority": "COST"}


async def test_a_rejected_save_is_not_pushed(url: str, token: str, live_api: Api) -> None:
    async with signed_in(url, token) as socket:
        await socket.subscribe("subscription { preferencesChanged { maxLatencyMs } }")
        await live_api.ask("mutation { savePreferences(input: {maxLatencyMs: -1}) { __typename } }")
        await live_api.ask("mutation { savePreferences(input: {maxLatencyMs: 5}) { __typename } }")
        assert await socket.next() == {"maxLatencyMs": 5}


@pytest.mark.parametrize("init", [{}, {"Authorization": "Bearer nonsense"}, {"Authorization": 5}, {"token": ["x"]}])
async def test_a_socket_without_a_valid_token_is_closed_with_4403(url: str, init: dict[str, Any]) -> None:
    async with opened(url, **init) as socket:
        assert await socket.close_code() == 4403


async def test_a_socket_with_an_expired_token_is_closed_with_4403(url: str, settings: Settings) -> None:
    expired = make_token(settings, UUID(int=7), timedelta(seconds=-1 - settings.jwt_leeway_s))
    async with opened(url, Authorization=f"Bearer {expired}") as socket:
        assert await socket.close_code() == 4403


async def test_an_operation_before_connection_init_is_closed_with_4401(url: str) -> None:
    address = f"{url.replace('http', 'ws', 1)}/graphql"
    async with connect(address, subprotocols=[Subprotocol("graphql-transport-ws")]) as connection:
        socket = Socket(connection)
        await socket.start("{ viewer { id } }")
        assert await socket.close_code() == 4401


@pytest.mark.parametrize(
    "message",
    [
        b"binary",
        "no JSON",
        "[" * 100_000,
        "1" * 5_000,
        "[]",
        "null",
        '"subscribe"',
        "{}",
        '{"type": 1}',
        '{"type": "' + "x" * 1_000 + '"}',
        '{"type": "start", "id": "1", "payload": {"query": "{ viewer { id } }"}}',
        '{"type": "subscribe", "payload": {"query": "{ viewer { id } }"}}',
        '{"type": "subscribe", "id": 1, "payload": {"query": "{ viewer { id } }"}}',
        '{"type": "subscribe", "id": "", "payload": {"query": "{ viewer { id } }"}}',
        '{"type": "subscribe", "id": "' + "x" * 65 + '", "payload": {"query": "{ viewer { id } }"}}',
        '{"type": "subscribe", "id": "1"}',
        '{"type": "subscribe", "id": "1", "payload": "{ viewer { id } }"}',
        '{"type": "subscribe", "id": "1", "payload": {"query": 1}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": "{ viewer { id } }", "operationName": 1}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": "{ viewer { id } }", "variables": []}}',
        '{"type": "complete"}',
        '{"type": "ping", "payload": []}',
    ],
)
async def test_an_invalid_message_closes_its_socket_with_4400(url: str, token: str, message: str | bytes) -> None:
    async with signed_in(url, token) as socket:
        await socket.connection.send(message)
        assert await socket.close_code() == 4400


@pytest.mark.parametrize(
    ("size", "served"),
    [(server.graphql.websocket.MAX_MESSAGE_BYTES, True), (server.graphql.websocket.MAX_MESSAGE_BYTES + 1, False)],
)
async def test_a_message_is_served_at_the_limit_of_its_length(url: str, token: str, size: int, served: bool) -> None:
    ping = '{"type": "ping", "payload": {"a": "%s"}}'
    async with signed_in(url, token) as socket:
        await socket.connection.send(ping % ("x" * (size - len(ping) + 2)))
        if served:
            assert await socket.receive() == {"type": "pong"}
        else:
            assert await socket.close_code() == 1009


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        (['{"type": "connection_init"}'], 4429),
        (
            [
                '{"type": "subscribe", "id": "'
                + "x" * 64
                + '", "payload": {"query": "subscription { preferencesChanged { id } }"}}'
            ]
            * 2,
            4409,
        ),
    ],
)
async def test_a_repeated_init_or_operation_id_closes_the_socket(
    url: str, token: str, messages: list[str], code: int
) -> None:
    async with signed_in(url, token) as socket:
        for message in messages:
            await socket.connection.send(message)
        assert await socket.close_code() == code


async def test_pings_are_answered_and_unknown_operations_can_be_completed(url: str, token: str) -> None:
    async with signed_in(url, token) as socket:
        await socket.send(type="pong")
        await socket.send(type="complete", id="never started")
        await socket.send(type="ping", payload={"a": 1})
        assert await socket.receive() == {"type": "pong"}
        await socket.start("{ viewer { __typename } }")
        assert (await socket.receive())["payload"] == {"data": {"viewer": {"__typename": "Viewer"}}}


@asynccontextmanager
async def limited(settings: Settings, clock: Clock, **limits: Any) -> AsyncIterator[str]:
    """Serve with these settings. Yields the address."""
    async with serving(create_app(settings.model_copy(update=limits), clock)) as url:
        yield url


async def test_the_sockets_of_a_user_are_limited_and_closed_ones_free_their_slots(
    settings: Settings, clock: Clock, token: str
) -> None:
    other = make_token(settings, UUID(int=7), timedelta(hours=1))
    async with limited(settings, clock, max_sockets_per_user=2) as url:
        async with signed_in(url, token), signed_in(url, token):
            async with opened(url, token=token) as third:
                assert await third.close_code() == 1013
                assert third.connection.close_reason == "A user has at most 2 sockets open at once."
            async with signed_in(url, other):
                pass
        # a slot is free once the server has noticed that a socket is gone
        async with asyncio.timeout(PATIENCE_S):
            while True:
                async with opened(url, token=token) as socket:
                    with suppress(ConnectionClosed):
                        assert (await socket.receive())["type"] == "connection_ack"
                        break


async def test_the_sockets_of_all_users_are_limited(settings: Settings, clock: Clock, token: str) -> None:
    async with limited(settings, clock, max_sockets=2) as url:
        # sockets without connection_init count too
        silent = connect(f"{url.replace('http', 'ws', 1)}/graphql", subprotocols=[Subprotocol("graphql-transport-ws")])
        async with silent, signed_in(url, token):
            with pytest.raises(InvalidStatus) as rejected:
                async with opened(url, token=token):
                    pass
        assert rejected.value.response.status_code == 503


async def test_the_subscriptions_of_a_user_over_all_sockets_are_limited(
    settings: Settings, clock: Clock, token: str
) -> None:
    one_each = limited(settings, clock, max_subscriptions_per_user=2)
    async with one_each as url, signed_in(url, token) as socket, signed_in(url, token) as other:
        await socket.start(ALERTS, operation="a")
        await other.start(ALERTS, operation="b")
        await other.send(type="ping")
        assert await other.receive() == {"type": "pong"}
        await socket.start(ALERTS, operation="c")
        rejected = await socket.receive()
        assert (rejected["type"], rejected["id"]) == ("error", "c")
        assert [each["extensions"] for each in rejected["payload"]] == [{"code": "OVERLOADED", "retryAfterMs": 5000}]
        # and the socket serves again once a slot is free
        await socket.send(type="complete", id="a")
        await socket.send(type="ping")
        assert await socket.receive() == {"type": "pong"}
        await socket.start("{ viewer { __typename } }", operation="d")
        assert (await socket.receive())["payload"] == {"data": {"viewer": {"__typename": "Viewer"}}}


@pytest.mark.parametrize(("origin", "status"), [("https://app.example.com", 101), ("https://evil.example.com", 403)])
async def test_web_pages_open_sockets_from_allowed_origins_only(
    settings: Settings, clock: Clock, origin: str, status: int
) -> None:
    async with limited(settings, clock, cors_origins="https://app.example.com") as url:
        address = f"{url.replace('http', 'ws', 1)}/graphql"
        asked = connect(address, subprotocols=[Subprotocol("graphql-transport-ws")], origin=Origin(origin))
        if status == 101:
            async with asked as connection:
                assert connection.subprotocol == "graphql-transport-ws"
        else:
            with pytest.raises(InvalidStatus) as rejected:
                await asked
            assert rejected.value.response.status_code == status


async def test_a_socket_without_connection_init_is_closed(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TransportWSHandler, "init_timeout", timedelta(milliseconds=10))
    address = f"{url.replace('http', 'ws', 1)}/graphql"
    async with connect(address, subprotocols=[Subprotocol("graphql-transport-ws")]) as connection:
        assert await Socket(connection).close_code() == 4408


async def test_an_operation_beyond_the_time_limit_ends_and_its_socket_stays_open(
    settings: Settings, clock: Clock, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck = asyncio.Event()

    async def stuck_until(*_args: Any) -> None:
        await stuck.wait()

    monkeypatch.setattr(resolvers.preference, "current_preferences", stuck_until)
    message = "The operation was cancelled after 0.01 s. Query less data. A mutation may have been executed: send calls again with the same eventId."
    error = {"message": message, "extensions": {"code": "TIMEOUT"}}
    async with limited(settings, clock, operation_timeout_s=0.01) as url:
        async with signed_in(url, token) as socket:
            await socket.start("{ preferences { id } }")
            assert await socket.receive() == {"type": "error", "id": "1", "payload": [error]}
            # a subscription has no time limit
            await socket.start(ALERTS, operation="2")
            await socket.send(type="ping")
            assert await socket.receive() == {"type": "pong"}
        async with httpx2.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {token}"}) as client:
            answer = await client.post("/graphql", json={"query": "{ preferences { id } }"})
            assert (answer.status_code, answer.headers["retry-after"], answer.json()) == (503, "5", {"errors": [error]})
        stuck.set()


async def test_a_token_that_expires_closes_its_socket(url: str, settings: Settings) -> None:
    short = make_token(settings, UUID(int=7), timedelta(seconds=3 - settings.jwt_leeway_s))
    async with signed_in(url, short) as socket:
        await socket.subscribe(ALERTS)
        assert await socket.close_code() == 4403


async def test_mutations_of_clients_that_have_gone_are_atomic_and_block_nobody(
    url: str, token: str, live_api: Api
) -> None:
    # given clients that cancel their mutations, or disconnect, while these run
    save = "mutation { savePreferences(input: {maxLatencyMs: 5}) { __typename } }"
    alert = 'mutation { createCostAlert(input: {thresholdAmount: "1", period: DAILY}) { __typename } }'
    for round_ in range(10):
        async with signed_in(url, token) as socket:
            for number, query in enumerate((save, alert, save)):
                await socket.start(query, operation=str(number))
                if round_ % 2:
                    await socket.send(id=str(number), type="complete")

    # when another user writes, then it succeeds at once
    async with asyncio.timeout(PATIENCE_S):
        assert await live_api.ask(LOG, cost="0.5") is not None
        saved = await live_api.ask("mutation { savePreferences(input: {maxLatencyMs: 6}) { __typename } }")
    assert saved == {"__typename": "RouterPreferences"}


LONG = " ".join(f"a{n}: alert {{ alertType }}" for n in range(100))
SLOW_ALERTS = f"subscription($after: String) {{ alertTriggered(after: $after) {{ cursor level {LONG} }} }}"


async def test_a_client_that_does_not_read_is_closed_and_resumes_from_its_cursor(
    url: str, token: str, live_api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server.graphql.websocket, "SEND_TIMEOUT_S", 0.2)
    given_up = asyncio.Event()
    give_up = TransportWSHandler._give_up

    def record_give_up(handler: TransportWSHandler) -> None:
        give_up(handler)
        given_up.set()

    monkeypatch.setattr(TransportWSHandler, "_give_up", record_give_up)
    # given 400 alert events of 20 KB each, as this client selects them: more than all buffers hold
    for number in range(200):
        await live_api.ask(
            """mutation($name: String!) { createCostAlert(input: {
                 thresholdAmount: "10", period: DAILY, alertType: $name}) { __typename } }""",
            name=f"{number:03}".ljust(200, "x"),
        )
    for cost in ("8", "2"):
        await live_api.ask(LOG, cost=cost)
    # when it subscribes and reads nothing
    seen: list[tuple[str, str]] = []
    async with signed_in(url, token, small=True) as socket:
        await socket.start(SLOW_ALERTS, after="")
        async with asyncio.timeout(PATIENCE_S):
            await given_up.wait()
        # then it is closed, after the buffered messages
        with suppress(ConnectionClosed):
            while True:
                alert_event = await socket.next()
                seen.append((alert_event["cursor"], alert_event["level"]))
        assert await socket.close_code() == 1013
        assert socket.connection.close_reason == "Too slow: subscribe again after the last cursor you saw"
    assert 0 < len(seen) < 400
    # and it resumes from its last cursor and misses nothing
    async with signed_in(url, token) as socket:
        await socket.start(SLOW_ALERTS, after=seen[-1][0])
        while len(seen) < 400:
            alert_event = await socket.next()
            seen.append((alert_event["cursor"], alert_event["level"]))
    assert len({cursor for cursor, _ in seen}) == 400
    assert [level for _, level in seen] == ["NEAR_LIMIT"] * 200 + ["TRIGGERED"] * 200


async def test_many_subscribers_at_one_cursor_cost_one_read(
    url: str, token: str, live_api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    await live_api.ask(DAILY_ALERT, threshold="1")
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(signed_in(url, token)) for _ in range(20)]
        for socket in sockets:
            await socket.subscribe(ALERTS)
        readings: list[int] = []
        read = AlertFeed._read

        async def counted(feed: AlertFeed, viewer: Viewer, sequence: int) -> Any:
            readings.append(sequence)
            return await read(feed, viewer, sequence)

        monkeypatch.setattr(AlertFeed, "_read", counted)
        await live_api.ask(LOG, cost="0.9")
        assert [(await socket.next())["level"] for socket in sockets] == ["NEAR_LIMIT"] * 20
        await live_api.ask(LOG, cost="0.1")
        assert [(await socket.next())["level"] for socket in sockets] == ["TRIGGERED"] * 20
    assert readings == [0, 1]
