"""The limits of sums: a call that exceeds one is rejected, others are stored, and no digit is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from alembic import command
from sqlalchemy import BigInteger, Column, Integer, cast, func, select, text, type_coerce, update

import models.ledger.spend
from domain.analytics import LogAnalytics
from domain.error import InvalidInput
from domain.money import MAX_COST, ZERO
from domain.viewer import Viewer
from migrations import configuration, upgrade
from models import Base, SpendTotal
from models.database import Database
from models.ledger import Ledger
from models.ledger.call import CallDraft, Logged, Outcome
from models.ledger.repair import repair
from models.queries.verification import verify
from models.types import Money, new_id
from tests.conftest import ApiOf, Clock, publish_nothing
from tests.schema.test_amendment import AMEND
from tests.schema.test_routing import REGISTER
from tests.support.api import Api
from tests.support.load import LOG_ONE, ROUTE, SET_BUDGET, START_TEST

MOST = 2**63 - 1
OTHER = UUID(int=2)


@pytest.fixture
async def ledger(database: Database, clock: Clock) -> AsyncIterator[Ledger]:
    ledger = Ledger(database, clock)
    async with ledger.running():
        yield ledger


def draft(user_id: UUID, **fields: Any) -> CallDraft:
    values = {"provider": "openai", "model_used": "a", "task_type": "chat", "success": True} | fields
    return CallDraft(user_id, LogAnalytics.model_validate(values))


async def log_with_another_user(ledger: Ledger, drafts: Sequence[CallDraft]) -> list[Outcome]:
    """Log these calls together with a call of another user, which is always stored. Returns their outcomes."""
    outcomes, [other] = await asyncio.gather(ledger.record(drafts), ledger.record([draft(OTHER, cost=Decimal(1))]))
    assert isinstance(other, Logged)
    return outcomes


def rejected(outcomes: Sequence[Outcome]) -> list[int]:
    return [index for index, outcome in enumerate(outcomes) if isinstance(outcome, InvalidInput)]


# Integer columns that are not sums of calls.
NO_SUMS = {
    "router_analytics",
    "router_alert_events",
    "router_alert_sequences",
    "router_cost_alerts",
    "router_models",
    "router_routing_versions",
    "user_router_preferences",
}
NO_SUM = {
    ("router_ab_tests", "cost_cap"),
    ("router_ab_tests", "minimum_run_hours"),
    # Amounts held for and charged to routing decisions. They cannot exceed the totals, which are limited.
    ("router_holds", "amount"),
    ("router_spend_totals", "assumed"),
    ("router_cost_alert_windows", "assumed"),
    ("router_spend_minutes", "assumed"),
    ("router_decisions", "attempts_left"),
    ("router_decisions", "unit_group"),
    ("router_decisions", "estimated_cost"),
    ("router_decisions", "held_amount"),
    ("router_decisions", "known_cost"),
    ("router_decisions", "unknown_calls"),
    ("router_decisions", "assumed_amount"),
}
SUMS = [
    column
    for table in Base.metadata.sorted_tables
    if table.name not in NO_SUMS
    for column in table.columns
    if isinstance(column.type, Integer | Money) and not column.primary_key and (table.name, column.name) not in NO_SUM
]


async def test_no_sum_exceeds_64_bits(
    api: Api, ledger: Ledger, database: Database, user_id: UUID, clock: Clock
) -> None:
    # given a user with calls in every sum
    await api.ask("""mutation { createCostAlert(input: {thresholdAmount: "1000000", period: DAILY}) { __typename } }""")
    test = UUID((await api.ask(START_TEST.replace("testName", 'costCap: "1", testName')))["id"])

    def drafts() -> list[CallDraft]:
        calls: list[dict[str, Any]] = [
            {"cost": Decimal(2), "fallback_used": True, "unit_key": "u"},
            {"cost": None, "ab_variant": "A", "unit_key": "v"},
            {"cost": None, "ab_variant": "B", "unit_key": "w", "provider": "acme"},
            {"cost": Decimal(2), "unit_key": "x", "model_used": "b"},
        ]
        counts: dict[str, Any] = dict.fromkeys(
            ("latency_ms", "cached_tokens", "cache_write_tokens", "reasoning_tokens"), 10
        )
        return [
            draft(user_id, **({"ab_test_id": test, "input_tokens": 20, "output_tokens": 20} | counts | call))
            for call in calls
        ]

    assert rejected(await log_with_another_user(ledger, drafts())) == []
    assert len(SUMS) > 40
    untouched = []
    for column in SUMS:
        # when one sum is nearly full
        before = await all_of(database, column, user_id)
        assert before, column
        await set_all(database, column, user_id, MOST)
        outcomes = await log_with_another_user(ledger, drafts())
        # then a call that would exceed it is rejected, and the sum is unchanged to the digit
        full = {value for value in await all_of(database, column, user_id) if value > MOST // 2}
        assert full == {MOST}, column
        if not rejected(outcomes):
            untouched.append(f"{column.table.name}.{column.name}")
        await set_all(database, column, user_id, 0)
    assert untouched == []
    # and `repair` restores every sum
    await repair(database, user_id, clock.now)
    assert await verify(database, user_id, clock.now) == []
    assert await verify(database, OTHER, clock.now) == []


async def all_of(database: Database, column: Column[Any], user_id: UUID) -> list[int]:
    async with database.system() as transaction:
        values = await transaction.connection.scalars(
            select(cast(type_coerce(column, BigInteger), BigInteger)).where(column.table.c.user_id == user_id)
        )
        kinds = set()
        if transaction.connection.dialect.name == "sqlite":
            kinds = set(
                await transaction.connection.scalars(
                    select(func.typeof(column)).where(column.table.c.user_id == user_id)
                )
            )
        assert kinds <= {"integer"}
        return [int(value) for value in values]


async def set_all(database: Database, column: Column[Any], user_id: UUID, value: int) -> None:
    async with database.system() as transaction:
        await transaction.connection.execute(
            update(column.table).where(column.table.c.user_id == user_id).values({column.name: text(str(value))})
        )


async def test_the_total_cost_of_a_users_calls_has_a_limit(
    api: Api, api_of: ApiOf, database: Database, user_id: UUID, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models.ledger.spend, "MAX_TOTAL", Decimal(10))
    call = {"provider": "acme", "modelUsed": "m", "taskType": "chat", "success": True}
    # given a user who has spent all but a little of it, a month ago and today
    for number, (cost, at) in enumerate({"6": "2026-02-10T12:00:00Z", "3.999999999": "2026-03-10T11:00:00Z"}.items()):
        logged = await api.ask(LOG_ONE, input=call | {"eventId": str(number), "cost": cost, "occurredAt": at})
        assert logged["__typename"] == "LoggedAnalytics"
    # when a batch would go beyond it
    batch = [call | {"eventId": f"b{n}", "cost": "0.0000000005000"} for n in range(2)]
    batch += [call | {"eventId": "much", "cost": "0.000000002"}, call | {"eventId": "last", "cost": "0.000000001"}]
    batch += [call | {"eventId": "over", "cost": "0.000000001"}, call | {"eventId": "unknown"}]
    batch += [
        call | {"eventId": "free", "cost": "0"},
        call | {"eventId": "0", "cost": "6", "occurredAt": "2026-02-10T12:00:00Z"},
    ]
    answer = await api.ask(
        """mutation($input: [LogAnalyticsInput!]!) { logAnalyticsBatch(input: $input) {
             accepted deduplicated rejected { index error { code message path } } } }""",
        input=batch,
    )
    # then the calls that exceed it are rejected, repetitions are deduplicated, and others are stored
    assert (answer["accepted"], answer["deduplicated"]) == (5, 1)
    assert [(each["index"], each["error"]["code"], each["error"]["path"]) for each in answer["rejected"]] == [
        (2, "INVALID_INPUT", ["input", "2", "cost"]),
        (4, "INVALID_INPUT", ["input", "4", "cost"]),
    ]
    assert "must not cost more than 10" in answer["rejected"][0]["error"]["message"]
    other = await api_of(new_id()).ask(LOG_ONE, input=call | {"cost": "10"})
    assert other["__typename"] == "LoggedAnalytics"
    # and the limit holds for amendments too
    refused = await api.ask(AMEND, eventId="1", input={"cost": "4"})
    assert (refused["__typename"], refused["path"]) == ("InvalidInput", ["input", "cost"])
    refused = await api.ask(AMEND, eventId="unknown", input={"cost": "0.000000001"})
    assert refused["__typename"] == "InvalidInput"
    lowered = await api.ask(AMEND, eventId="0", input={"cost": "5"})
    assert lowered["__typename"] == "AmendedAnalytics"
    raised = await api.ask(AMEND, eventId="1", input={"cost": "4.5"})
    assert raised["__typename"] == "AmendedAnalytics"
    assert await total(database, user_id) == (Decimal("9.500000001"), ZERO)
    assert await verify(database, user_id, clock.now) == []


async def test_the_assumed_spend_of_a_user_has_a_limit(
    api: Api, database: Database, user_id: UUID, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given routing decisions that hold 2 USD each
    model = {"provider": "local", "model": "big", "inputPrice": "1000", "outputPrice": "1000"}
    await api.ask(REGISTER, input=model)
    await api.ask(SET_BUDGET, threshold="1000")
    asked = {
        "taskType": "chat",
        "inputTokens": 1000,
        "maxOutputTokens": 1000,
        "candidates": [{"provider": "local", "model": "big"}],
    }
    decisions = [await api.ask(ROUTE, input=asked) for _ in range(3)]
    assert [each["heldAmount"] for each in decisions] == ["2"] * 3
    monkeypatch.setattr(models.ledger.spend, "MAX_TOTAL", Decimal(5))
    # when their outcomes stay unknown
    call = {"provider": "local", "modelUsed": "big", "taskType": "chat", "success": True}
    answers = [await api.ask(LOG_ONE, input=call | {"decisionId": each["id"]}) for each in decisions]
    # then spend is assumed up to the limit, and the rest is rejected
    assert [answer["__typename"] for answer in answers] == ["LoggedAnalytics", "LoggedAnalytics", "InvalidInput"]
    assert await total(database, user_id) == (ZERO, Decimal(4))
    # and a call with a known cost is accepted
    answer = await api.ask(LOG_ONE, input=call | {"decisionId": decisions[2]["id"], "cost": "1"})
    assert answer["__typename"] == "LoggedAnalytics"
    assert await verify(database, user_id, clock.now) == []


async def test_commits_at_once_keep_to_the_limit(
    database: Database, settings: Any, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models.ledger.spend, "MAX_TOTAL", Decimal(10))
    user_id = new_id()
    # given two servers, where the database has room for two
    second = (
        database if settings.database.get_backend_name() == "sqlite" else Database(settings.database, publish_nothing)
    )
    ledgers = [Ledger(database, clock), Ledger(second, clock)]
    async with ledgers[0].running(), ledgers[1].running():
        outcomes = await asyncio.gather(*(ledgers[n % 2].record([draft(user_id, cost=Decimal(3))]) for n in range(10)))
    assert sum(isinstance(outcome, Logged) for [outcome] in outcomes) == 3
    assert await total(database, user_id) == (Decimal(9), ZERO)
    if second is not database:
        await second.dispose()


async def total(database: Database, user_id: UUID) -> tuple[Decimal, Decimal]:
    async with database.system() as transaction:
        found = await transaction.connection.execute(
            select(SpendTotal.amount, SpendTotal.assumed).where(SpendTotal.user_id == user_id)
        )
        amount, assumed = found.one()
        return amount, assumed


def test_the_limit_includes_spend_from_before_the_migration(empty_database_url: str) -> None:
    # given a database of the previous version, with sums beyond 64 bits
    command.upgrade(configuration(empty_database_url), "20261129_amendments")
    nano = int(MAX_COST) * 10**9
    days = [(1, n, nano * 30_000) for n in range(1, 5)] + [(2, 1, 1), (2, 2, 7 * 10**9)]
    asyncio.run(fill(empty_database_url, days))
    # when it is migrated
    upgrade(empty_database_url)
    # then the totals are the sums of the days, capped at the limit
    assert asyncio.run(totals(empty_database_url)) == {UUID(int=1): 2**62, UUID(int=2): 7 * 10**9 + 1}


async def fill(url: str, days: Sequence[tuple[int, int, int]]) -> None:
    database = Database(url, publish_nothing)
    async with database.system() as transaction:
        postgres = transaction.connection.dialect.name == "postgresql"
        for user, day, cost in days:
            user_id, no_id = (str(UUID(int=n)) if postgres else UUID(int=n).hex for n in (user, 0))
            await transaction.connection.exec_driver_sql(
                "INSERT INTO router_analytics_daily (user_id, day, provider, model_used, task_type, priority, ab_test_id, "
                "ab_variant, calls, successes, fallbacks, priced, cost, input_tokens, output_tokens, timed, "
                "latency_sum_ms, latency_sum_squares, cost_sum_squares) VALUES "
                f"('{user_id}', '2026-01-0{day} 00:00:00.000000', 'p', 'm', 't', '', '{no_id}', '', "
                f"1, 1, 0, 1, {cost}, 0, 0, 0, 0, 0, 0)"
            )
    await database.dispose()


async def totals(url: str) -> dict[UUID, int]:
    database = Database(url, publish_nothing)
    async with database.viewer(Viewer(UUID(int=1))) as session:
        own = await session.scalar(select(SpendTotal.amount).where(SpendTotal.user_id == UUID(int=1)))
    async with database.system() as transaction:
        found = await transaction.connection.execute(select(SpendTotal.user_id, SpendTotal.amount))
        amounts = {user_id: int(amount * 10**9) for user_id, amount in found}
    await database.dispose()
    assert own is not None
    assert int(own * 10**9) == amounts[UUID(int=1)]
    return amounts
