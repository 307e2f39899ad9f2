"""Hourly latency histograms, merged in SQL: their percentiles are close to those of the calls."""

from __future__ import annotations

import asyncio
import csv
from collections import Counter, defaultdict
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from alembic import command
from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.ext.asyncio import create_async_engine

from domain.analytics import LogAnalytics
from domain.bounds import MAX_LATENCY_MS
from domain.latency import percentile
from domain.provider import KNOWN_NAMES
from migrations import configuration, upgrade
from models import AnalyticsDaily, AnalyticsHourly, LatencyHourly
from models.database import Database
from models.ledger import Ledger
from models.ledger.call import CallDraft, Logged
from models.queries.verification import verify
from models.rollup import MEASURES
from server.usage_file import UsageFile, UsageRow
from tests.conftest import Clock, publish_nothing
from tests.domain.test_latency import exact

SAMPLE = Path(__file__).parents[2] / "data/aider_usage_sample.csv"
AT_ONCE = 7
SHARES = (0.5, 0.95, 0.99)


@pytest.fixture
async def calls(database: Database, clock: Clock, user_id: UUID) -> list[LogAnalytics]:
    """Log the sample for the user, a few calls at a time, together with another user's slow calls."""
    calls = [row.call for row in UsageFile(SAMPLE) if isinstance(row, UsageRow)]
    slow = [call.model_copy(update={"latency_ms": MAX_LATENCY_MS}) for call in calls]
    async with Ledger(database, clock).running() as ledger:
        for start in range(0, len(calls), AT_ONCE):
            drafts = [CallDraft(user_id, call, imported=True) for call in calls[start : start + AT_ONCE]]
            drafts += [CallDraft(UUID(int=9), call, imported=True) for call in slow[start : start + AT_ONCE]]
            outcomes = await ledger.record(drafts)
            assert all(isinstance(outcome, Logged) for outcome in outcomes)
    return calls


async def merged(database: Database, user_id: UUID, *conditions: ColumnElement[bool]) -> dict[int, int]:
    """The histogram of all hours of the user, summed by the database."""
    async with database.system() as transaction:
        found = await transaction.connection.execute(
            select(LatencyHourly.bucket, func.sum(LatencyHourly.calls))
            .where(LatencyHourly.user_id == user_id, *conditions)
            .group_by(LatencyHourly.bucket)
        )
        return {bucket: int(calls) for bucket, calls in found}


def is_near(estimate: float | None, right: int) -> bool:
    return estimate is not None and abs(estimate - right) <= 0.02 * right * (1 + 1e-9)


async def test_percentiles_merged_over_hours_are_within_two_percent(
    database: Database, user_id: UUID, calls: list[LogAnalytics]
) -> None:
    # given real latencies of many hours, logged in many commits
    latencies = [call.latency_ms for call in calls if call.latency_ms is not None]
    with SAMPLE.open(newline="") as file:
        assert sorted(latencies) == sorted(int(row["latency_ms"]) for row in csv.DictReader(file) if row["latency_ms"])

    # when their histograms are added up
    histogram = await merged(database, user_id)

    # then each call of known latency is counted once, and the percentiles are right
    assert sum(histogram.values()) == len(latencies) > 100
    for share in SHARES:
        assert is_near(percentile(histogram, share), exact(latencies, share)), share


async def test_percentiles_of_each_model_are_within_two_percent(
    database: Database, user_id: UUID, calls: list[LogAnalytics]
) -> None:
    latencies: defaultdict[str, list[int]] = defaultdict(list)
    for call in calls:
        if call.latency_ms is not None:
            latencies[KNOWN_NAMES.key(call.provider, call.model_used)[1]].append(call.latency_ms)
    assert len(latencies) > 1
    for model, of_model in latencies.items():
        histogram = await merged(database, user_id, LatencyHourly.model_used == model)
        assert sum(histogram.values()) == len(of_model)
        for share in SHARES:
            assert is_near(percentile(histogram, share), exact(of_model, share)), (model, share)


async def test_hours_add_up_to_the_calls(database: Database, user_id: UUID, calls: list[LogAnalytics]) -> None:
    async with database.system() as transaction:
        found = await transaction.connection.execute(select(AnalyticsHourly).where(AnalyticsHourly.user_id == user_id))
        hours = found.all()
    assert len(hours) > 10
    assert sum(hour.calls for hour in hours) == len(calls)
    assert sum(hour.successes for hour in hours) == sum(call.success for call in calls)
    assert sum(hour.timed for hour in hours) == sum(call.latency_ms is not None for call in calls)
    latencies = [call.latency_ms or 0 for call in calls]
    assert sum(hour.latency_sum_ms for hour in hours) == sum(latencies)
    assert sum(hour.latency_sum_squares for hour in hours) == sum(latency**2 for latency in latencies)
    summed: Counter[tuple[object, ...]] = Counter()
    for hour in hours:
        summed[hour.hour, hour.provider, hour.model_used] += hour.calls
    assert summed == Counter(
        (
            call.occurred_at.replace(minute=0, second=0, microsecond=0) if call.occurred_at else None,
            *KNOWN_NAMES.key(call.provider, call.model_used),
        )
        for call in calls
    )


# Hours that were rolled up before the sums of squared costs existed

OWNER, TEST, NOBODY = UUID(int=3), UUID(int=4), UUID(int=5)
# The user, test, priority, time, and cost in nano-USD of each call.
EARLIER_COSTS = (
    (OWNER, None, None, "2026-02-28 23:59:59.999999", 4_000_000_000),
    (OWNER, None, None, "2026-03-01 00:00:00.000000", 1_000_000_000),
    (OWNER, None, None, "2026-03-01 00:59:59.999999", 2_000_000_000),
    (OWNER, None, None, "2026-03-01 00:30:00.000000", None),
    (OWNER, None, None, "2026-03-01 01:00:00.000000", 500_000_000),
    (OWNER, TEST, "COST", "2026-03-01 00:30:00.000000", 3_000_000_000),
    (OWNER, None, "COST", "2026-03-01 00:30:00.000000", None),
    (NOBODY, None, None, "2026-03-01 00:30:00.000000", 7_000_000_000),
)


def statements_of_previous_version() -> list[str]:
    """INSERT statements of the rows that the ledger wrote. Retention has dropped calls before March, but not their sums."""
    hours: defaultdict[tuple[UUID, UUID | None, str | None, str], list[int | None]] = defaultdict(list)
    statements = [insert("router_retention", kept_from="2026-03-01 00:00:00.000000")]
    for number, (user_id, test_id, priority, at, cost) in enumerate(EARLIER_COSTS):
        hours[user_id, test_id, priority, f"{at[:13]}:00:00.000000"].append(cost)
        if at < "2026-03":
            continue
        key = {"user_id": user_id, "id": UUID(int=100 + number), "event_id": str(number)}
        of = {"provider": "p", "model_used": "m", "task_type": "t", "priority": priority}
        test = {"ab_test_id": test_id, "ab_variant": test_id and "A", "ab_counted": False}
        outcome = {"success": True, "fallback_used": False, "cost": cost, "imported": False, "metadata": "{}"}
        statements.append(insert("router_analytics", **key, **of, **test, **outcome, occurred_at=at, created_at=at))
    for (user_id, test_id, priority, hour), costs in hours.items():
        key = {"user_id": user_id, "hour": hour, "provider": "p", "model_used": "m", "task_type": "t"}
        test = {"priority": priority or "", "ab_test_id": test_id or UUID(int=0), "ab_variant": "A" if test_id else ""}
        known = [cost for cost in costs if cost is not None]
        sums = dict.fromkeys(SUMS_OF_BEFORE, 0) | {"calls": len(costs), "successes": len(costs), "priced": len(known)}
        statements.append(insert("router_analytics_hourly", **key, **test, **sums | {"cost": sum(known)}))
    return statements


SUMS_OF_BEFORE = MEASURES[: MEASURES.index("cost_sum_squares")]


def insert(table: str, **row: object) -> str:
    return f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(map(literal, row.values()))})"


def literal(value: object) -> str:
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, int) else f"'{value.hex if isinstance(value, UUID) else value}'"


async def execute(url: str, *statements: str) -> None:
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            await connection.execute(text("SET LOCAL TIME ZONE 'UTC'"))
            await connection.execute(text("CREATE TABLE all_months PARTITION OF router_analytics DEFAULT"))
        for statement in statements:
            await connection.exec_driver_sql(statement)
    await engine.dispose()


def test_squared_costs_are_those_of_the_kept_calls(empty_database_url: str) -> None:
    # given a database of the previous version, whose hours have no sums of squared costs
    command.upgrade(configuration(empty_database_url), "20261125_inference")
    asyncio.run(execute(empty_database_url, *statements_of_previous_version()))
    # when it is migrated
    upgrade(empty_database_url)
    # then the sums per hour and day are those of the calls, and null where calls were dropped
    found = asyncio.run(_squares(empty_database_url))
    assert found == {
        "hours": {
            (OWNER, "2026-02-28 23", ""): 0.0,
            (OWNER, "2026-03-01 00", ""): 1.0 + 4.0,
            (OWNER, "2026-03-01 00", "A"): 9.0,
            (OWNER, "2026-03-01 01", ""): 0.25,
            (NOBODY, "2026-03-01 00", ""): 49.0,
        },
        "days": {
            (OWNER, "2026-02-28 00", ""): 0.0,
            (OWNER, "2026-03-01 00", ""): 1.0 + 4.0 + 0.25,
            (OWNER, "2026-03-01 00", "A"): 9.0,
            (NOBODY, "2026-03-01 00", ""): 49.0,
        },
        "differences": [],
    }


async def _squares(url: str) -> dict[str, object]:
    database = Database(url, publish_nothing)
    try:
        async with database.system() as transaction:
            hours, days = [
                {
                    (row.user_id, f"{row[0]:%Y-%m-%d %H}", row.ab_variant): row.cost_sum_squares
                    for row in await transaction.connection.execute(
                        select(time, table.user_id, table.ab_variant, table.cost_sum_squares).where(table.priced > 0)
                    )
                }
                for table, time in ((AnalyticsHourly, AnalyticsHourly.hour), (AnalyticsDaily, AnalyticsDaily.day))
            ]
        differences = [
            found
            for user_id in (OWNER, NOBODY)
            for found in await verify(database, user_id, datetime(2026, 3, 10, tzinfo=UTC))
            if found.table.startswith("router_analytics")
        ]
        return {"hours": hours, "days": days, "differences": differences}
    finally:
        await database.dispose()
