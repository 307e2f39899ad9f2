"""What charts read: hourly histograms, merged in SQL, give the percentiles of the decisions themselves."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import ColumnElement, func, select

from domain.analytics import LogAnalytics
from domain.bounds import MAX_LATENCY_MS
from domain.latency import percentile
from models import AnalyticsHourly, LatencyHourly
from models.database import Database
from models.entry import Draft, Logged
from models.ledger import Ledger
from server.usage_file import UsageFile, UsageRow
from tests.conftest import Clock
from tests.domain.test_latency import exact

SAMPLE = Path(__file__).parents[1] / "data/aider_usage_sample.csv"
AT_ONCE = 7
SHARES = (0.5, 0.95, 0.99)


@pytest.fixture
async def decisions(database: Database, clock: Clock, user_id: UUID) -> list[LogAnalytics]:
    """The sample, logged a few at a time for the user, beside another user's slow calls."""
    decisions = [row.decision for row in UsageFile(SAMPLE) if isinstance(row, UsageRow)]
    slow = [decision.model_copy(update={"latency_ms": MAX_LATENCY_MS}) for decision in decisions]
    async with Ledger(database, clock).running() as ledger:
        for start in range(0, len(decisions), AT_ONCE):
            drafts = [Draft(user_id, decision) for decision in decisions[start : start + AT_ONCE]]
            drafts += [Draft(UUID(int=9), decision) for decision in slow[start : start + AT_ONCE]]
            outcomes = await ledger.record(drafts)
            assert all(isinstance(outcome, Logged) for outcome in outcomes)
    return decisions


async def merged(database: Database, user_id: UUID, *conditions: ColumnElement[bool]) -> dict[int, int]:
    """The histogram of all the user's hours, added up by the database."""
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
    database: Database, user_id: UUID, decisions: list[LogAnalytics]
) -> None:
    # given real latencies of many hours, logged in many commits
    latencies = [decision.latency_ms for decision in decisions if decision.latency_ms is not None]
    with SAMPLE.open(newline="") as file:
        assert sorted(latencies) == sorted(int(row["latency_ms"]) for row in csv.DictReader(file) if row["latency_ms"])

    # when their histograms are added up
    histogram = await merged(database, user_id)

    # then each call of known latency is in there once, and the percentiles are right
    assert sum(histogram.values()) == len(latencies) > 100
    for share in SHARES:
        assert is_near(percentile(histogram, share), exact(latencies, share)), share


async def test_percentiles_of_each_model_are_within_two_percent(
    database: Database, user_id: UUID, decisions: list[LogAnalytics]
) -> None:
    latencies: defaultdict[str, list[int]] = defaultdict(list)
    for decision in decisions:
        if decision.latency_ms is not None:
            latencies[decision.model_used].append(decision.latency_ms)
    assert len(latencies) > 1
    for model, of_model in latencies.items():
        histogram = await merged(database, user_id, LatencyHourly.model_used == model)
        assert sum(histogram.values()) == len(of_model)
        for share in SHARES:
            assert is_near(percentile(histogram, share), exact(of_model, share)), (model, share)


async def test_hours_add_up_to_the_decisions(database: Database, user_id: UUID, decisions: list[LogAnalytics]) -> None:
    async with database.system() as transaction:
        found = await transaction.connection.execute(select(AnalyticsHourly).where(AnalyticsHourly.user_id == user_id))
        hours = found.all()
    assert len(hours) > 10
    assert sum(hour.calls for hour in hours) == len(decisions)
    assert sum(hour.successes for hour in hours) == sum(decision.success for decision in decisions)
    assert sum(hour.timed for hour in hours) == sum(decision.latency_ms is not None for decision in decisions)
    latencies = [decision.latency_ms or 0 for decision in decisions]
    assert sum(hour.latency_sum_ms for hour in hours) == sum(latencies)
    assert sum(hour.latency_sum_squares for hour in hours) == sum(latency**2 for latency in latencies)
    calls: Counter[tuple[object, ...]] = Counter()
    for hour in hours:
        calls[hour.hour, hour.provider, hour.model_used] += hour.calls
    assert calls == Counter(
        (
            decision.occurred_at.replace(minute=0, second=0, microsecond=0) if decision.occurred_at else None,
            decision.provider,
            decision.model_used,
        )
        for decision in decisions
    )
