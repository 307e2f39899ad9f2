"""The ledger: its sums are exact under concurrency, commits are atomic, and a full ledger rejects calls."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, text

import models.ledger.group_commit
from domain.amendment import AmendmentLine
from domain.analytics import LogAnalytics
from domain.error import InvalidInput, Overloaded
from models import AlertEvent, RouterAnalytics
from models.database import Database
from models.database.pool import DatabaseFailure
from models.database.transaction import Locks
from models.ledger import Ledger
from models.ledger.amendment import Amended, AmendmentDraft
from models.ledger.call import CallBatch, CallDraft, Logged, PreparedCall, prepare
from models.ledger.group_commit import GroupCommit
from tests.conftest import Clock, publish_nothing
from tests.support.api import Api

USER = UUID(int=1)


def draft(user_id: UUID = USER, **fields: Any) -> CallDraft:
    values = {"provider": "openai", "model_used": "gpt-4o", "task_type": "chat", "success": True} | fields
    return CallDraft(user_id, LogAnalytics.model_validate(values))


@pytest.fixture
async def ledger(database: Database, clock: Clock) -> AsyncIterator[Ledger]:
    ledger = Ledger(database, clock)
    async with ledger.running():
        yield ledger


async def stored(database: Database) -> list[str]:
    async with database.system() as transaction:
        rows = await transaction.connection.scalars(select(RouterAnalytics.event_id).order_by(RouterAnalytics.event_id))
        return list(rows)


COST = Decimal("0.070000001")
PERIODS = ("HOURLY", "DAILY", "WEEKLY", "MONTHLY")


async def test_64_clients_leave_sums_equal_to_the_calls_and_one_alert_event_per_level_and_window(
    live_api: Api, database: Database
) -> None:
    # given one user with one test and 50 alerts of all periods and modes, with different thresholds
    test = await live_api.ask(
        """mutation { createABTest(input: {
             testName: "t", variantA: {provider: "openai", model: "a"}, variantB: {provider: "openai", model: "b"}
           }) { ... on ABTest { id } } }"""
    )
    thresholds: dict[str, Decimal] = {}
    for number in range(50):
        threshold = Decimal(number + 1) / 4
        alert = await live_api.ask(
            """mutation($threshold: Decimal!, $period: AlertPeriod!, $mode: WindowMode!) {
                 createCostAlert(input: {thresholdAmount: $threshold, period: $period, mode: $mode}) {
                   ... on CostAlert { id } } }""",
            threshold=str(threshold),
            period=PERIODS[number % 4],
            mode=("CALENDAR", "ROLLING")[number // 4 % 2],
        )
        thresholds[alert["id"]] = threshold
    log = """
    mutation($input: LogAnalyticsInput!) {
      logAnalytics(input: $input) { __typename ... on LoggedAnalytics { deduplicated alertEvents { level } } }
    }
    """
    fired: Counter[str] = Counter()

    async def one_client(number: int) -> None:
        for n in range(8):
            record = {
                # every event is sent by two clients (deduplicated)
                "eventId": f"{number // 2}:{n}",
                "provider": "openai",
                "modelUsed": "ab"[n % 2],
                "taskType": "chat",
                "success": n != 3,
                "latencyMs": 100 * n,
                "cost": str(COST),
                "abTestId": test["id"],
            }
            answer = await live_api.ask(log, input=record)
            assert answer["__typename"] == "LoggedAnalytics"
            fired.update(event["level"] for event in answer["alertEvents"])

    # when 64 clients log at once
    await asyncio.gather(*(one_client(number) for number in range(64)))

    # then the sums are those of 256 rows
    answer = await live_api.ask(
        """query($id: ID!) { abTest(id: $id) {
             variantA { calls successes totalCost avgLatencyMs } variantB { calls successes totalCost avgLatencyMs }
           } }""",
        id=test["id"],
    )
    assert len(await stored(database)) == 256
    assert answer["variantA"] == {"calls": 128, "successes": 128, "totalCost": "8.960000128", "avgLatencyMs": 300.0}
    assert answer["variantB"] == {"calls": 128, "successes": 96, "totalCost": "8.960000128", "avgLatencyMs": 400.0}
    alerts = (await live_api.ask("{ costAlerts(first: 500) { nodes { currentAmount state } } }"))["nodes"]
    assert alerts == [{"currentAmount": "17.920000256", "state": "TRIGGERED"}] * 50
    # and each level of each alert fired once, at the call that reached it, and exactly one client was answered so
    events = (await live_api.ask("{ alertEvents(first: 500) { nodes { level amount alert { id } } } }"))["nodes"]
    assert Counter((event["alert"]["id"], event["level"], Decimal(event["amount"])) for event in events) == {
        (alert_id, level, math.ceil(line / COST) * COST): 1
        for alert_id, threshold in thresholds.items()
        for level, line in (("NEAR_LIMIT", threshold * 8 / 10), ("TRIGGERED", threshold))
    }
    assert fired == {"NEAR_LIMIT": 50, "TRIGGERED": 50}


async def test_a_rejected_call_fails_alone(ledger: Ledger, database: Database) -> None:
    good, bad, also_good = await ledger.record(
        [draft(event_id="a"), draft(event_id="b", ab_test_id=UUID(int=9)), draft(event_id="c")]
    )
    assert isinstance(good, Logged)
    assert isinstance(bad, InvalidInput)
    assert isinstance(also_good, Logged)
    assert await stored(database) == ["a", "c"]


async def test_a_call_that_the_database_rejects_fails_alone(
    ledger: Ledger, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a call that the database rejects
    def unstorable(one: CallDraft, now: datetime) -> PreparedCall:
        prepared = prepare(one, now)
        if one.report.event_id == "unstorable":
            prepared.row["created_at"] = None
        return prepared

    monkeypatch.setattr(models.ledger.ledger, "prepare", unstorable)
    # when it shares a commit and a submission with others
    submissions = [["first"], ["a"], ["b", "unstorable", "c", "d"], ["e"]]
    answers = await asyncio.gather(
        *(ledger.record([draft(event_id=event_id) for event_id in event_ids]) for event_ids in submissions)
    )
    # then it fails alone, and nothing of it is stored
    rejected = [[isinstance(outcome, InvalidInput) for outcome in outcomes] for outcomes in answers]
    assert rejected == [[False], [False], [False, True, False, False], [False]]
    assert await stored(database) == ["a", "b", "c", "d", "e", "first"]
    async with database.system() as transaction:
        assert await transaction.connection.scalar(text("SELECT count(*) FROM router_event_keys")) == 6


async def test_a_database_failure_is_not_blamed_on_the_calls(
    ledger: Ledger, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[int] = []

    async def failing(_writer: Any, drafts: Sequence[CallDraft]) -> Any:
        tries.append(len(drafts))
        raise DatabaseFailure("gone")

    with monkeypatch.context() as patch:
        patch.setattr(CallBatch, "write", failing)
        with pytest.raises(DatabaseFailure):
            await ledger.record([draft(), draft()])
    assert tries == [2]
    await ledger.record([draft(event_id="after")])
    assert await stored(database) == ["after"]


async def test_a_full_ledger_rejects_at_once_and_stores_nothing(
    ledger: Ledger, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models.ledger.group_commit, "QUEUED_TIMES", 2 / models.ledger.group_commit.MAX_COMMIT)
    waiting = [asyncio.create_task(ledger.record([draft(event_id=str(n))])) for n in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded) as rejected:
        await ledger.record([draft(event_id="too many")])
    assert rejected.value.retry_after_ms == 1000
    await asyncio.gather(*waiting)
    assert await stored(database) == ["0", "1"]


async def test_accepted_calls_are_stored_before_the_ledger_stops(database: Database) -> None:
    ledger = Ledger(database)
    async with ledger.running():
        waiting = [asyncio.create_task(ledger.record([draft(event_id=f"{n:03}")])) for n in range(300)]
        await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await ledger.record([draft()])
    await asyncio.gather(*waiting)
    assert await stored(database) == [f"{n:03}" for n in range(300)]


async def test_a_cancelled_caller_leaves_the_call_stored_and_the_ledger_running(
    ledger: Ledger, database: Database
) -> None:
    leaving = asyncio.create_task(ledger.record([draft(event_id="left")]))
    await asyncio.sleep(0)
    leaving.cancel()
    await ledger.record([draft(event_id="stayed")])
    assert await stored(database) == ["left", "stayed"]


async def test_concurrent_calls_share_commits(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    write = CallBatch.write

    async def counted(writer: Any, drafts: Sequence[PreparedCall]) -> Any:
        sizes.append(len(drafts))
        return await write(writer, drafts)

    monkeypatch.setattr(CallBatch, "write", counted)
    await asyncio.gather(*(ledger.record([draft()]) for _ in range(100)))
    assert sum(sizes) == 100
    assert len(sizes) <= 3


async def test_many_users_in_one_commit_keep_apart(ledger: Ledger, database: Database) -> None:
    users = [UUID(int=n) for n in range(1, 6)]
    await ledger.record([draft(user, event_id="same", cost=Decimal(n)) for n, user in enumerate(users)])
    async with database.system() as transaction:
        rows = await transaction.connection.execute(
            select(RouterAnalytics.user_id, func.sum(RouterAnalytics.cost)).group_by(RouterAnalytics.user_id)
        )
        assert {row[0]: row[1] for row in rows} == {user: Decimal(n) for n, user in enumerate(users)}


async def test_alert_events_are_numbered_without_gaps_in_commit_order(api: Api, database: Database) -> None:
    for threshold in ("1", "2", "3"):
        await api.ask(
            """mutation($threshold: Decimal!) {
                 createCostAlert(input: {thresholdAmount: $threshold, period: DAILY}) { __typename } }""",
            threshold=threshold,
        )
    for _ in range(3):
        await api.ask(
            """mutation { logAnalytics(input: {
                 provider: "openai", modelUsed: "a", taskType: "chat", success: true, cost: 1
               }) { __typename } }"""
        )
    async with database.system() as transaction:
        rows = (await transaction.connection.execute(select(AlertEvent).order_by(AlertEvent.sequence))).all()
    assert [row.sequence for row in rows] == [1, 2, 3]
    assert [row.amount for row in rows] == [Decimal(1), Decimal(2), Decimal(3)]


async def test_imported_spend_counts_and_the_next_live_spend_fires(
    api: Api, ledger: Ledger, user_id: UUID, clock: Clock
) -> None:
    # given an alert, and calls of this day imported from a file
    await api.ask('mutation { createCostAlert(input: {thresholdAmount: "1", period: DAILY}) { __typename } }')
    history = draft(user_id, cost=Decimal(5), occurred_at=clock.now)
    [logged] = await ledger.record([CallDraft(user_id, history.report, imported=True)])
    # then the window counts them, and nothing fires
    assert isinstance(logged, Logged)
    assert logged.alert_events == []
    standing = "{ costAlerts { nodes { currentAmount state } } }"
    assert (await api.ask(standing))["nodes"] == [{"currentAmount": "5", "state": "TRIGGERED"}]
    # and the next live call fires the alert
    [live] = await ledger.record([draft(user_id, cost=Decimal("0.1"))])
    assert isinstance(live, Logged)
    assert [(event.level, event.amount) for event in live.alert_events] == [("TRIGGERED", Decimal("5.1"))]


async def test_a_call_logged_inside_a_window_fires_even_if_its_commit_ends_later(
    api: Api, database: Database, user_id: UUID, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await api.ask('mutation { createCostAlert(input: {thresholdAmount: "1", period: HOURLY}) { __typename } }')
    # given a commit that begins when the hour is over
    take = GroupCommit._take_batch

    def late(commits: GroupCommit[Any, Any]) -> Any:
        clock.advance(hours=1)
        return take(commits)

    ledger = Ledger(database, clock)
    async with ledger.running():
        monkeypatch.setattr(GroupCommit, "_take_batch", late)
        # when a call was submitted before that
        [logged] = await ledger.record([draft(user_id, cost=Decimal(1))])
    # then the alert fires
    assert isinstance(logged, Logged)
    assert [(event.level, event.amount) for event in logged.alert_events] == [("TRIGGERED", Decimal(1))]


@pytest.mark.parametrize("held", [Locks(exclusive=[USER]), Locks(shared=[USER], recording=[USER])])
async def test_a_locked_user_does_not_delay_other_users(postgres_url: str, clock: Clock, held: Locks) -> None:
    database = Database(postgres_url, publish_nothing)
    ledger = Ledger(database, clock)
    others = [UUID(int=n) for n in range(2, 6)]
    try:
        async with ledger.running(), asyncio.timeout(30):
            await ledger.record([draft(event_id="first")])
            # given a user whose rows are locked, as by a repair or by a commit of another server
            async with database.backend.system_transaction(held, None, wait=True):
                waiting = [asyncio.create_task(ledger.record([draft(event_id=f"{n}")])) for n in range(3)]
                amending = asyncio.create_task(
                    ledger.amend([AmendmentDraft(USER, AmendmentLine(event_id="first", cost=Decimal(1)), USER)])
                )
                # then calls of others are logged meanwhile, whether submitted with this user's or later
                for user in others:
                    [outcome] = await ledger.record([draft(user)])
                    assert isinstance(outcome, Logged)
                assert not any(task.done() for task in (*waiting, amending))
            # and this user's calls are logged in order once the lock is free
            logged = [outcome for [outcome] in await asyncio.gather(*waiting)]
            [amended] = await amending
        assert isinstance(amended, Amended)
        ids = [outcome.id for outcome in logged if isinstance(outcome, Logged)]
        assert ids == sorted(ids)
        assert await stored(database) == sorted(["0", "1", "2", "first", *(await event_ids(database, others))])
    finally:
        await database.dispose()


async def event_ids(database: Database, users: Sequence[UUID]) -> list[str]:
    async with database.system() as transaction:
        rows = await transaction.connection.scalars(
            select(RouterAnalytics.event_id).where(RouterAnalytics.user_id.in_(users))
        )
        return list(rows)
