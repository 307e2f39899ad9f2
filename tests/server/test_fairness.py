"""Fairness: limited resources are shared by user, so one user cannot take what others need."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

import domain.inference
import models.queries.ab_test
import resolvers.ab_test
import resolvers.analytics
import resolvers.preference
from domain.viewer import Viewer
from models.database import Database
from models.database.fair_queue import FairQueue
from resolvers.context import Context
from server.graphql.limits import Limits, Size
from server.graphql.operation import EVERY_KIND, Operation
from server.graphql.websocket import TransportWSHandler
from tests.support.api import Api
from tests.support.operations import operations
from tests.support.socket import signed_in

PREFERENCES = "{ preferences { id } }"
SAVE = "mutation($ms: Int!) { savePreferences(input: {maxLatencyMs: $ms}) { __typename } }"
SUMMARY = "{ analyticsSummary { calls } }"
LOG = """
mutation($test: ID) {
  logAnalytics(input: {
    provider: "openai", modelUsed: "a", taskType: "chat", success: true, cost: "1", abTestId: $test, abVariant: A
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
PATIENCE_S = 30


class OpenTransactions:
    """Keeps transactions of a user open until `released` is set, and counts them. `begun` is set once `at_once` are open."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, user_id: UUID, at_once: int) -> None:
        self.open = self.most = 0
        self.released = asyncio.Event()
        self.begun = asyncio.Event()
        original = Database.viewer

        @asynccontextmanager
        async def open_transactions(
            database: Database, viewer: Viewer, *, write: bool = False
        ) -> AsyncIterator[AsyncSession]:
            async with original(database, viewer, write=write) as session:
                if viewer.id == user_id:
                    self.open += 1
                    self.most = max(self.most, self.open)
                    if self.open == at_once:
                        self.begun.set()
                    await self.released.wait()
                    self.open -= 1
                yield session

        monkeypatch.setattr(Database, "viewer", open_transactions)


@pytest.mark.parametrize(
    ("query", "times", "at_once"),
    [
        pytest.param(PREFERENCES, 40, 3, id="reads"),
        pytest.param("{ " + " ".join(f"a{n}: preferences {{ id }}" for n in range(20)) + " }", 2, 3, id="root fields"),
        pytest.param(SUMMARY, 20, 2, id="summaries"),
        pytest.param("{ opportunities { id } }", 20, 2, id="opportunities"),
        pytest.param("{ analytics(first: 500) { nodes { id } } }", 20, 3, id="pages"),
    ],
)
async def test_the_reads_of_a_user_take_few_connections_and_others_have_the_rest(
    api: Api, other_api: Api, user_id: UUID, monkeypatch: pytest.MonkeyPatch, query: str, times: int, at_once: int
) -> None:
    # Given a user who sends more reads than there are connections, and whose reads do not end
    open_transactions = OpenTransactions(monkeypatch, user_id, at_once)
    asking = [asyncio.create_task(api.ask(query)) for _ in range(times)]
    async with asyncio.timeout(PATIENCE_S):
        await open_transactions.begun.wait()
        # When another user sends the same, then they are answered
        for _ in range(3):
            await other_api.ask(query)
        # And the first user is answered, a few at a time, once the reads end
        open_transactions.released.set()
        await asyncio.gather(*asking)
    assert open_transactions.most == at_once


async def test_the_writes_of_a_user_take_turns_with_those_of_others(
    api: Api, other_api: Api, user_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a user who saves 30 times at once
    order: list[bool] = []
    original = Database.viewer

    @asynccontextmanager
    async def noted(database: Database, viewer: Viewer, *, write: bool = False) -> AsyncIterator[AsyncSession]:
        async with original(database, viewer, write=write) as session:
            if write:
                order.append(viewer.id == user_id)
                await asyncio.sleep(0.001)
            yield session

    monkeypatch.setattr(Database, "viewer", noted)
    saving = [asyncio.create_task(api.ask(SAVE, ms=number + 1)) for number in range(30)]
    while len(order) < 2:  # noqa: ASYNC110 - it waits for a count
        await asyncio.sleep(0)
    # When another user saves
    begun = len(order)
    await other_api.ask(SAVE, ms=1)
    await asyncio.gather(*saving)
    # Then they wait for one or two turns of the first user, and not for all
    assert order.index(False) <= begun + 2
    assert sum(order) == 30


async def test_long_documents_are_checked_one_at_a_time_per_user(
    api: Api, other_api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a user whose checks of long documents do not end
    may_end, checking, most = threading.Event(), 0, 0
    check = Limits.check

    def slow(limits: Limits, document: Any) -> Size:
        nonlocal checking, most
        if "slow" in document.loc.source.body:
            checking += 1
            most = max(most, checking)
            may_end.wait(PATIENCE_S)
            checking -= 1
        return check(limits, document)

    monkeypatch.setattr(Limits, "check", slow)
    asking = [asyncio.create_task(api.ask(f"{PREFERENCES} # slow {number}".ljust(3_000, "."))) for number in range(10)]
    try:
        # When another user sends a long document, then it is answered
        async with asyncio.timeout(PATIENCE_S / 2):
            assert await other_api.ask(f"{PREFERENCES} # other".ljust(3_000, "."))
    finally:
        may_end.set()
    await asyncio.gather(*asking)
    assert most == 1


async def test_an_event_is_read_once_for_all_subscribers_of_a_user(
    url: str, token: str, live_api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given 12 subscribers of one user for each kind of event
    test = (await live_api.ask(START_TEST))["id"]
    readings: list[str] = []

    def counted(module: Any, name: str) -> None:
        read = getattr(module, name)

        async def noted(*given: Any) -> Any:
            readings.append(name)
            return await read(*given)

        monkeypatch.setattr(module, name, noted)

    queries = {
        "preferences": "subscription { preferencesChanged { maxLatencyMs } }",
        "test": f'subscription {{ abTestUpdated(id: "{test}") {{ variantA {{ calls }} }} }}',
        "calls": "subscription { analyticsLogged { id } }",
    }
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(signed_in(url, token)) for _ in range(12)]
        for socket in sockets:
            for operation, query in queries.items():
                await socket.subscribe(query, operation=operation)
        counted(resolvers.preference, "current_preferences")
        counted(resolvers.ab_test, "ab_test_with_inference")
        counted(resolvers.analytics, "analytics_by_id")
        # When their preferences change, and a call is logged that counts for a test
        await live_api.ask(SAVE, ms=700)
        changed = [await socket.next() for socket in sockets]
        logged = (await live_api.ask(LOG, test=test))["record"]["id"]
        pushed = [[await socket.next() for _ in range(2)] for socket in sockets]
    # Then all of them receive both, and each was read once
    assert changed == [{"maxLatencyMs": 700}] * 12
    assert all({"id": logged} in each and {"variantA": {"calls": 1}} in each for each in pushed)
    assert sorted(readings) == ["ab_test_with_inference", "analytics_by_id", "current_preferences"]


async def test_pushes_to_subscribers_of_one_user_yield_to_the_event_loop(
    url: str, token: str, live_api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given 40 subscribers of one user on one socket
    pushed_in: list[int] = []
    iteration = 0
    sent = TransportWSHandler.send_message
    async with signed_in(url, token) as socket:
        for number in range(40):
            await socket.subscribe("subscription { preferencesChanged { maxLatencyMs } }", operation=f"s{number}")

        async def noted(handler: Any, message: Any) -> None:
            if message["type"] == "next" and message["id"].startswith("s"):
                pushed_in.append(iteration)
            await sent(handler, message)

        monkeypatch.setattr(TransportWSHandler, "send_message", noted)

        async def count() -> None:
            nonlocal iteration
            while True:
                iteration += 1
                await asyncio.sleep(0)

        # When all of them receive one event
        counting = asyncio.create_task(count())
        await live_api.ask(SAVE, ms=700)
        for _ in range(40):
            assert await socket.next() == {"maxLatencyMs": 700}
        counting.cancel()
    # Then no two pushes happened in one iteration of the loop
    assert len(set(pushed_in)) == 40


async def test_a_batch_is_checked_20_calls_per_turn(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    turns = 0
    turn = Context.turn

    async def counted(context: Context, *, large: bool = False) -> None:
        nonlocal turns
        turns += 1
        await turn(context, large=large)

    monkeypatch.setattr(Context, "turn", counted)
    batch = "mutation($input: [LogAnalyticsInput!]!) { logAnalyticsBatch(input: $input) { accepted } }"
    # Given a batch with a body so short that decoding takes no turn
    call = {"provider": "a", "modelUsed": "b", "taskType": "c", "success": True}
    # When it is logged, then others have their turn after each 20 of its calls
    assert await api.ask(batch, input=[call] * 41) == {"accepted": 41}
    assert turns == 3


@pytest.mark.parametrize(
    ("fields", "first", "turns"),
    [
        # one turn before more than 100 rows are read, and one for each 1,000 values that are written
        ("nodes { id }", 100, 0),
        ("nodes { id }", 101, 1),
        ("nodes { id provider modelUsed cost: cost }", 500, 3),
        ("edges { cursor node { id provider modelUsed cost } }", 500, 2),
        ("nodes { id provider modelUsed cost: cost taskType success latencyMs occurredAt }", 300, 4),
        # rows that the database writes only have to be read and sent: 64 KiB at a time
        ("nodes { id provider modelUsed cost }", 500, 1),
        ("nodes { id provider modelUsed cost taskType success latencyMs occurredAt }", 500, 2),
    ],
)
async def test_a_large_page_is_read_and_written_in_turns(
    api: Api, monkeypatch: pytest.MonkeyPatch, fields: str, first: int, turns: int
) -> None:
    batch = "mutation($input: [LogAnalyticsInput!]!) { logAnalyticsBatch(input: $input) { accepted } }"
    call = {"provider": "a", "modelUsed": "b", "taskType": "c", "success": True, "cost": "1", "latencyMs": 1}
    await api.ask(batch, input=[call] * 500)
    taken = 0
    turn = Context.turn

    async def counted(context: Context, *, large: bool = False) -> None:
        nonlocal taken
        taken += 1
        await turn(context, large=large)

    monkeypatch.setattr(Context, "turn", counted)
    page = await api.ask(f"{{ analytics(first: {first}) {{ {fields} }} }}")
    assert len(next(iter(page.values()))) == first
    assert taken == turns


async def test_large_batches_are_prepared_20_calls_per_turn(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    turns: list[int] = []
    turn = FairQueue.turn

    async def counted(queue: FairQueue, user_id: UUID | None, *, iterations: int = 1, rest: float = 0) -> None:
        turns.append(iterations)
        await turn(queue, user_id, iterations=iterations, rest=rest)

    monkeypatch.setattr(FairQueue, "turn", counted)
    batch = "mutation($input: [LogAnalyticsInput!]!) { logAnalyticsBatch(input: $input) { accepted } }"
    call = {"provider": "a", "modelUsed": "b", "taskType": "c", "success": True}
    # When a batch of 41 is logged, then others run between each 20 calls that are checked (64 iterations) and prepared (16)
    assert await api.ask(batch, input=[call] * 41) == {"accepted": 41}
    assert (turns.count(64), turns.count(16)) == (3, 3)
    # and a batch of 20 takes no turn to be prepared
    turns.clear()
    assert await api.ask(batch, input=[call] * 20) == {"accepted": 20}
    assert (turns.count(64), turns.count(16)) == (1, 0)


async def test_long_bodies_of_a_user_take_a_third_of_the_time(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    rests: list[float] = []
    turn = FairQueue.turn

    async def counted(queue: FairQueue, user_id: UUID | None, *, iterations: int = 1, rest: float = 0) -> None:
        rests.append(rest)
        await turn(queue, user_id, iterations=iterations, rest=rest)

    monkeypatch.setattr(FairQueue, "turn", counted)
    await api.ask("{ viewer { id } }", unused="x" * 100)
    assert not any(rests)
    await api.ask("{ viewer { id } }", unused=[1] * 10_000)
    assert [rest for rest in rests if rest] == [2]


async def _iterations_in_which_they_begin(*sent: tuple[UUID, str]) -> list[int]:
    """The iteration of the event loop in which each of these operations begins, if all are sent at once."""
    iteration = 0

    async def count() -> None:
        nonlocal iteration
        while True:
            iteration += 1
            await asyncio.sleep(0)

    checking = operations(time_limit_s=30)

    async def begin(user_id: UUID, text: str) -> int:
        await checking.checked(Operation(text, None, None), EVERY_KIND, user_id)
        return iteration

    counting = asyncio.create_task(count())
    begun = await asyncio.gather(*(begin(*each) for each in sent))
    counting.cancel()
    return begun


async def test_at_most_two_operations_of_a_user_begin_per_iteration() -> None:
    # Given a hundred operations of one user that are sent at once
    begun = await _iterations_in_which_they_begin(*[(UUID(int=1), "{ __typename }")] * 100)
    # Then in no iteration of the event loop more than two of them begin
    assert len(begun) == 100
    assert max(Counter(begun).values()) == 2


@pytest.mark.parametrize(
    "text",
    [
        f"{{ {' '.join(f'a{n}: viewer {{ id }}' for n in range(20))} }}",
        f"{{ ...f }} fragment f on Query {{ {' '.join(f'a{n}: viewer {{ id }}' for n in range(20))} }}",
        f"{{ {' '.join(f'... {{ a{n}: viewer {{ id }} }}' for n in range(20))} }}",
        f"mutation {{ {' '.join(f'a{n}: deleteCostAlert(id: 1) {{ __typename }}' for n in range(20))} }}",
        f"{{ {' '.join(f'a{n}: viewer {{ id }}' for n in range(20))} }} # {'long' * 600}",
    ],
    ids=["aliases", "fragment", "inline fragments", "mutation", "long document"],
)
async def test_an_operation_of_many_root_fields_counts_as_started_for_longer(text: str) -> None:
    # Given ten operations of twenty root fields of one user, and one of another user, that are sent at once
    many, other = UUID(int=1), UUID(int=2)
    *begun, others = await _iterations_in_which_they_begin(*[(many, text)] * 10, (other, "{ viewer { id } }"))
    # Then the first user starts two in 80 iterations of the event loop
    begun.sort()
    assert all(later - earlier >= 80 for earlier, later in zip(begun, begun[2:], strict=False))
    # and the other user does not wait for the second pair
    assert others < begun[2]


async def test_operations_of_few_root_fields_do_not_wait() -> None:
    begun = await _iterations_in_which_they_begin(
        *[(UUID(int=1), "{ a: __typename b: __typename c: __typename }")] * 10
    )
    assert max(begun) - min(begun) == 8


async def test_the_inference_of_tests_runs_off_the_event_loop(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    await api.ask(START_TEST)
    threads: list[str] = []
    conclude = domain.inference.conclude

    def noted(*given: Any, **more: Any) -> Any:
        threads.append(threading.current_thread().name.split("_")[0])
        return conclude(*given, **more)

    monkeypatch.setattr(models.queries.ab_test, "conclude", noted)
    await api.ask("{ abTests { nodes { inference { verdict } } } }")
    assert threads == ["compute"]
