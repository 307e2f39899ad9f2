"""The migration to one name per provider and model: nothing is lost, sums add up, and it can be interrupted."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from alembic import command
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

import models.ledger.renaming
from domain.provider import KNOWN_NAMES
from migrations import configuration, upgrade
from models.database import Database
from models.queries.rollup import RollupSums
from models.queries.verification import verify
from models.types import Money, UTCDateTime, new_id
from tests.conftest import publish_nothing

BEFORE = "20261125_daily_rollups"
START = datetime(2026, 3, 1, tzinfo=UTC)
NAMES = [
    ("openai", "gpt-4o"),
    ("OpenAI", "gpt-4o"),
    ("OPENAI", "openai/GPT-4o"),
    ("openai.chat", "gpt-4o-mini"),
    ("azure_openai", "gpt-4o"),
    ("Azure", "GPT-4o"),
    ("vertex_ai", "gemini-2.0-flash"),
    ("aws.bedrock", "anthropic.claude-3-5-sonnet-20241022-v2:0"),
    ("My Gateway", "Llama-3.3-70B"),
    ("my gateway", "llama-3.3-70b"),
]
ROWS = 600
USERS = [new_id(), new_id()]


def call(number: int, user_id: UUID) -> dict[str, Any]:
    """A call as it was stored before the migration."""
    provider, model = NAMES[number % len(NAMES)]
    at = START + timedelta(minutes=37 * number)
    id_ = new_id(at)
    return {
        "user_id": user_id,
        "id": id_,
        "event_id": str(id_),
        "provider": provider,
        "task_type": "chat",
        "model_used": model,
        "priority": "COST" if number % 3 else None,
        "success": number % 5 > 0,
        "latency_ms": None if number % 7 == 0 else number,
        "cost": None if number % 4 == 0 else Decimal("0.010000001") * (number % 11),
        "price_version": None,
        "fallback_used": number % 6 == 0,
        "input_tokens": number,
        "output_tokens": None,
        "cached_tokens": number // 2 or None,
        "decision_id": None,
        "ab_test_id": None,
        "ab_variant": None,
        "ab_counted": False,
        "quality_score": None,
        "metadata": {},
        "imported": False,
        "occurred_at": at,
        "created_at": at,
        "unit_group": None,
        "ab_assigned": False,
    }


def stored(value: Any) -> Any:
    """The value as stored: money in nano-USD, everything else unchanged."""
    return int(value.scaleb(9)) if isinstance(value, Decimal) else value


async def fill(url: str) -> None:
    """Insert calls of two users under mixed names, with their rollups, as the ledger stored both."""
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        await connection.begin()
        if connection.dialect.name == "postgresql":
            await connection.exec_driver_sql("CREATE TABLE all_months PARTITION OF router_analytics DEFAULT")
        for user_id in USERS:
            calls = [call(number, user_id) for number in range(ROWS)]
            sums = RollupSums()
            minutes: Counter[datetime] = Counter()
            for each in calls:
                sums.add(each | {"cache_write_tokens": None, "reasoning_tokens": None})
                if each["cost"]:
                    minutes[each["occurred_at"].replace(second=0, microsecond=0)] += stored(each["cost"])
            await insert(connection, "router_analytics", calls)
            for table, rows in sums.tables().items():
                await insert(connection, table, rows)
            spent = [{"user_id": user_id, "minute": at, "amount": amount} for at, amount in minutes.items()]
            await insert(connection, "router_spend_minutes", spent)
        await connection.commit()
    await engine.dispose()


async def insert(connection: AsyncConnection, name: str, rows: list[dict[str, Any]]) -> None:
    """Insert into a table as the database has it now: values for columns that do not exist are left out."""
    there = await connection.run_sync(lambda sync: {each["name"] for each in sa.inspect(sync).get_columns(name)})
    now = models.Base.metadata.tables[name]
    table = sa.table(name, *(sa.column(each.name, plain(each.type)) for each in now.columns if each.name in there))
    values = [{key: stored(value) for key, value in row.items() if key in there} for row in rows]
    await connection.execute(sa.insert(table), values)


def plain(type_: Any) -> Any:
    return sa.BigInteger() if isinstance(type_, Money) else UTCDateTime() if isinstance(type_, UTCDateTime) else type_


@pytest.fixture
def old_url(empty_database_url: str) -> str:
    """The URL of a database of the previous schema, with calls under mixed names."""
    command.upgrade(configuration(empty_database_url), BEFORE)
    asyncio.run(fill(empty_database_url))
    return empty_database_url


async def totals(url: str, table: str) -> dict[tuple[str, str], tuple[int, int]]:
    """The calls and cost per provider and model, under their normalized names."""
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        statement = f"SELECT provider, model_used, sum(calls), sum(cost) FROM {table} GROUP BY 1, 2"
        rows = (await connection.execute(sa.text(statement))).all()
    await engine.dispose()
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for provider, model, calls, cost in rows:
        key = KNOWN_NAMES.key(provider, model)
        before = found.get(key, (0, 0))
        found[key] = (before[0] + int(calls), before[1] + int(cost))
    return found


async def names(url: str) -> set[tuple[str, str]]:
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        found = (await connection.execute(sa.text("SELECT DISTINCT provider, model_used FROM router_analytics"))).all()
    await engine.dispose()
    return {(provider, model) for provider, model in found}


async def differences(url: str) -> list[Any]:
    database = Database(url, publish_nothing)
    try:
        now = START + timedelta(days=60)
        return [each for user_id in USERS for each in await verify(database, user_id, now)]
    finally:
        await database.dispose()


def test_calls_and_sums_under_several_names_become_one(old_url: str) -> None:
    before = {
        table: asyncio.run(totals(old_url, table)) for table in ("router_analytics_hourly", "router_analytics_daily")
    }
    assert asyncio.run(names(old_url)) == set(NAMES)
    # when it is migrated
    upgrade(old_url)
    # then each has one name, the sums are what they were, and `verify` finds no difference
    assert asyncio.run(names(old_url)) == {KNOWN_NAMES.key(*name) for name in NAMES}
    for table, sums in before.items():
        assert asyncio.run(totals(old_url, table)) == sums
    assert asyncio.run(differences(old_url)) == []


def test_a_renamed_call_still_shows_the_names_that_were_sent(old_url: str) -> None:
    upgrade(old_url)

    async def sent() -> set[tuple[str, str]]:
        engine = create_async_engine(old_url)
        async with engine.connect() as connection:
            found = await connection.execute(
                sa.text(
                    "SELECT DISTINCT coalesce(reported_provider, provider), coalesce(reported_model, model_used) "
                    "FROM router_analytics"
                )
            )
            rows = {(provider, model) for provider, model in found}
        await engine.dispose()
        return rows

    assert asyncio.run(sent()) == set(NAMES)


def test_an_interrupted_migration_has_changed_nothing_and_can_be_run_again(
    old_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpriced = models.ledger.renaming._Renaming.unpriced
    calls = 0

    def interrupt(self: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == len(USERS):
            raise KeyboardInterrupt
        unpriced(self)

    monkeypatch.setattr(models.ledger.renaming._Renaming, "unpriced", interrupt)
    with pytest.raises(KeyboardInterrupt):
        upgrade(old_url)
    assert asyncio.run(names(old_url)) == set(NAMES)
    monkeypatch.undo()
    upgrade(old_url)
    assert asyncio.run(names(old_url)) == {KNOWN_NAMES.key(*name) for name in NAMES}
    assert asyncio.run(differences(old_url)) == []
