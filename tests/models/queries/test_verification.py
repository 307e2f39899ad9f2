"""`verify` finds every sum that differs from the calls, and `repair` corrects it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, func, select, update

from domain.analytics import LogAnalytics
from models import (
    ABTest,
    AlertEvent,
    AlertSequence,
    AlertWindow,
    AnalyticsHourly,
    EventKey,
    LatencyHourly,
    RouterAnalytics,
    SpendMinute,
)
from models.database import Database
from models.ledger import Ledger
from models.ledger.call import CallDraft, Logged
from models.ledger.repair import repair as repaired
from models.ledger.retention import drop_before
from models.queries import verification
from models.queries.verification import Difference, users, verify
from server.settings import Settings
from tests.conftest import Clock, publish_nothing
from tests.support.api import Api

LOG = """
mutation($input: [LogAnalyticsInput!]!) {
  logAnalyticsBatch(input: $input) { accepted rejected { error { message } } }
}
"""


@pytest.fixture
async def _busy_user(api: Api, clock: Clock) -> None:
    """A user with calls of two days, in every sum that the ledger keeps."""
    test = await api.ask(
        """mutation { createABTest(input: {
             testName: "t", variantA: {provider: "openai", model: "a"}, variantB: {provider: "openai", model: "b"}
           }) { ... on ABTest { id } } }"""
    )
    for period in ("HOURLY", "DAILY"):
        await api.ask(
            """mutation($period: AlertPeriod!) {
                 createCostAlert(input: {thresholdAmount: "1", period: $period}) { __typename } }""",
            period=period,
        )
    await api.ask("""mutation { createCostAlert(input: {thresholdAmount: "1", period: DAILY, mode: ROLLING}) {
        __typename } }""")
    for day in range(2):
        result = await api.ask(
            LOG,
            input=[
                {
                    "provider": "openai",
                    "modelUsed": "ab"[n % 2],
                    "taskType": "chat",
                    "success": n % 5 > 0,
                    "cost": f"0.{n:02}",
                    "latencyMs": None if n % 7 == 0 else n * 100,
                    "inputTokens": n,
                    "abTestId": test["id"],
                    "occurredAt": (clock.now - timedelta(minutes=5 * n)).isoformat(),
                }
                for n in range(40)
            ],
        )
        assert result == {"accepted": 40, "rejected": []}
        clock.advance(days=1 - day)


async def run(database: Database, user_id: UUID, clock: Clock, *, repair: bool = False) -> list[Difference]:
    return await (repaired if repair else verify)(database, user_id, clock.now)


async def scalars(database: Database, statement: Any) -> list[Any]:
    async with database.system() as transaction:
        return list(await transaction.connection.scalars(statement))


async def execute(database: Database, statement: Any) -> None:
    async with database.system() as transaction:
        await transaction.connection.execute(statement)


@pytest.mark.usefixtures("_busy_user")
async def test_verification_finds_no_difference_in_what_the_ledger_wrote(
    database: Database, user_id: UUID, clock: Clock
) -> None:
    assert await run(database, user_id, clock) == []
    assert await users(database) == [user_id]


TAMPERED = [
    (update(AnalyticsHourly).values(cost=AnalyticsHourly.cost + 1), "router_analytics_hourly", "cost"),
    (update(AnalyticsHourly).values(latency_sum_squares=0), "router_analytics_hourly", "latency_sum_squares"),
    (delete(AnalyticsHourly), "router_analytics_hourly", "calls"),
    (update(LatencyHourly).values(calls=LatencyHourly.calls + 1), "router_latency_hourly", "calls"),
    (delete(LatencyHourly), "router_latency_hourly", "calls"),
    (update(ABTest).values(variant_b_success=0), "router_ab_tests", "variant_b_success"),
    (update(ABTest).values(variant_a_calls=ABTest.variant_a_calls + 1), "router_ab_tests", "variant_a_calls"),
    (delete(AlertWindow), "router_cost_alert_windows", "amount"),
    (update(AlertWindow).values(amount=AlertWindow.amount + 1), "router_cost_alert_windows", "amount"),
    (delete(AlertEvent), "router_alert_events", "level"),
    (update(SpendMinute).values(amount=SpendMinute.amount + 1), "router_spend_minutes", "amount"),
    (delete(SpendMinute), "router_spend_minutes", "amount"),
    (update(AlertSequence).values(last=1), "router_alert_sequences", "last"),
]


@pytest.mark.usefixtures("_busy_user")
@pytest.mark.parametrize(("tampering", "table", "column"), TAMPERED)
async def test_every_difference_is_found_and_repaired(
    database: Database, user_id: UUID, clock: Clock, tampering: Any, table: str, column: str
) -> None:
    await execute(database, tampering)
    found = await run(database, user_id, clock)
    assert {(difference.table, difference.column) for difference in found} >= {(table, column)}
    assert {difference.table for difference in found} == {table}
    assert await run(database, user_id, clock, repair=True) == found
    assert await run(database, user_id, clock) == []


@pytest.mark.usefixtures("_busy_user")
@pytest.mark.parametrize(
    ("tampering", "table", "column"), [each for each in TAMPERED if each[1] != "router_alert_sequences"]
)
async def test_under_load_only_real_differences_are_found_and_repaired(
    database: Database, user_id: UUID, clock: Clock, tampering: Any, table: str, column: str
) -> None:
    ledger = Ledger(database, clock)
    enough = asyncio.Event()

    async def log_on() -> int:
        """Log calls into the sums of the calls before, until `enough` is set. Returns how many."""
        [test_id] = await scalars(database, select(ABTest.id))
        logged = 0
        while not enough.is_set():
            drafts = [
                CallDraft(
                    user_id,
                    LogAnalytics(
                        provider="openai",
                        model_used="ab"[n % 2],
                        task_type="chat",
                        success=n % 3 > 0,
                        cost=Decimal("0.01"),
                        latency_ms=100 * n,
                        ab_test_id=test_id,
                        occurred_at=clock.now - timedelta(minutes=5 * n),
                    ),
                )
                for n in range(10)
            ]
            outcomes = await ledger.record(drafts)
            assert all(isinstance(outcome, Logged) for outcome in outcomes)
            logged += len(outcomes)
        return logged

    async with ledger.running():
        logging = asyncio.create_task(log_on())
        try:
            # given calls that are logged all the time, every sum is right
            for _ in range(3):
                assert await run(database, user_id, clock) == []
            # when a sum is tampered with
            await execute(database, tampering)
            # then the difference is found and repaired, while calls are logged
            found = await run(database, user_id, clock, repair=True)
            assert {(difference.table, difference.column) for difference in found} >= {(table, column)}
            assert {difference.table for difference in found} == {table}
            assert await run(database, user_id, clock) == []
        finally:
            enough.set()
        assert await logging > 0
    assert await run(database, user_id, clock) == []


@pytest.mark.usefixtures("_busy_user")
async def test_verification_waits_for_no_lock_and_holds_none(
    database: Database, settings: Settings, user_id: UUID, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def concurrently(*_: Any) -> None:
        """Log a call while the verification runs."""
        async with asyncio.timeout(20):
            async with other.running():
                [outcome] = await other.record(
                    [CallDraft(user_id, LogAnalytics(provider="p", model_used="m", task_type="t", success=True))]
                )
            assert isinstance(outcome, Logged)

    second = Database(settings.database, publish_nothing)
    other = Ledger(second, clock)
    try:
        # while another transaction has locked the user's rows
        async with database.system(exclusive=[user_id]), asyncio.timeout(20):
            assert await run(database, user_id, clock) == []
        # and while others write them
        monkeypatch.setattr(verification.Verification, "_compare_amendments", concurrently)
        assert await run(database, user_id, clock) == []
    finally:
        await second.dispose()


@pytest.mark.usefixtures("_busy_user")
async def test_retention_drops_whole_months_and_keeps_their_sums(
    api: Api, database: Database, user_id: UUID, clock: Clock
) -> None:
    # given calls in January, in February and in March
    old = {"provider": "groq", "modelUsed": "m", "taskType": "chat", "success": True, "cost": "3", "eventId": "old"}
    await api.ask(LOG, input=[old | {"occurredAt": "2026-01-31T23:59:59.999999Z"}])
    await api.ask(LOG, input=[old | {"eventId": "kept", "occurredAt": "2026-02-01T00:00:00Z"}])
    # when what is older than mid-February is dropped
    kept_from = await drop_before(database, datetime(2026, 2, 15, tzinfo=UTC))
    # then the calls of January are gone, and those of February are complete
    assert kept_from == datetime(2026, 2, 1, tzinfo=UTC)
    async with database.system() as transaction:
        count = transaction.connection.scalar
        assert await count(select(func.count()).select_from(RouterAnalytics)) == 81
        assert await count(select(func.count()).select_from(EventKey)) == 82
        january = select(func.sum(AnalyticsHourly.cost)).where(AnalyticsHourly.hour < kept_from)
        assert await count(january) == 3
    # and the sums of January do not count as differences
    assert await run(database, user_id, clock) == []
    assert await drop_before(database, datetime(2026, 2, 15, tzinfo=UTC)) == kept_from
    # and calls are logged, of dropped months too
    again = await api.ask(LOG, input=[old | {"eventId": "other", "occurredAt": "2026-01-15T00:00:00Z"}])
    assert again["accepted"] == 1


@pytest.mark.usefixtures("_busy_user")
async def test_repair_never_lowers_the_sequence_of_alert_events(
    api: Api, database: Database, user_id: UUID, clock: Clock
) -> None:
    # given alert events whose alerts were deleted, and a difference to repair
    last = select(AlertSequence.last).where(AlertSequence.user_id == user_id)
    async with database.system() as transaction:
        before = await transaction.connection.scalar(last)
    for alert in (await api.ask("{ costAlerts { nodes { id } } }"))["nodes"]:
        await api.ask("mutation($id: ID!) { deleteCostAlert(id: $id) { __typename } }", id=alert["id"])
    await execute(database, delete(LatencyHourly))
    # when the difference is repaired
    assert await run(database, user_id, clock, repair=True)
    # then clients with the last cursor receive the next alert event
    async with database.system() as transaction:
        assert await transaction.connection.scalar(last) == before
    assert before is not None
    assert before > 0
