"""`analyticsSummary`: sums that add up, in any time zone and over any range."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from domain.latency import RELATIVE_ERROR
from schema import schema
from tests.support.api import Api

LOG = "mutation($input: [LogAnalyticsInput!]!) { logAnalyticsBatch(input: $input) { accepted } }"
SUMMARY = """
query($filter: AnalyticsFilter, $groupBy: [AnalyticsDimension!], $grain: TimeGrain, $timeZone: String) {
  analyticsSummary(filter: $filter, groupBy: $groupBy, grain: $grain, timeZone: $timeZone) {
    start end provider model taskType priority abVariant calls successes successRate fallbacks totalCost avgCost
    avgLatencyMs latencyP50Ms latencyP95Ms latencyP99Ms inputTokens outputTokens
  }
}
"""
COSTS = """
query($filter: AnalyticsFilter, $grain: TimeGrain, $timeZone: String) {
  analyticsSummary(filter: $filter, grain: $grain, timeZone: $timeZone) { start end calls totalCost }
}
"""
# Both clocks of New York: it goes forward on the 8th.
MARCH = {"from": "2026-02-20T00:00:00Z", "to": "2026-03-10T12:00:00Z"}

TOO_FINE = (
    "grain: that is too fine: a summary has at most 10000 rows, and fewer where they are not whole hours or told apart "
    "by success; ask for a coarser grain, fewer dimensions or a shorter range"
)


def decisions(count: int = 400) -> list[dict[str, Any]]:
    chance = random.Random(4)
    start = datetime(2026, 2, 19, tzinfo=UTC)
    return [
        {
            "provider": chance.choice(["openai", "anthropic"]),
            "modelUsed": chance.choice(["a", "b", "c"]),
            "taskType": "chat",
            "priority": chance.choice([None, "COST"]),
            "success": chance.random() > 0.2,
            "fallbackUsed": chance.random() > 0.9,
            "latencyMs": chance.choice([None, chance.randrange(5_000)]),
            "cost": chance.choice([None, f"0.{chance.randrange(10**9):09}"]),
            "inputTokens": chance.randrange(1_000_000_000),
            "outputTokens": 7,
            "occurredAt": (start + timedelta(seconds=chance.randrange(19 * 86_400))).isoformat(),
        }
        for _ in range(count)
    ]


def happened(record: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(record["occurredAt"])


def cost(records: list[dict[str, Any]]) -> Decimal:
    return sum((Decimal(record["cost"]) for record in records if record["cost"]), Decimal(0))


@pytest.fixture
async def logged(api: Api) -> list[dict[str, Any]]:
    records = decisions()
    assert await api.ask(LOG, input=records) == {"accepted": len(records)}
    return records


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/New_York", "Australia/Lord_Howe"])
@pytest.mark.parametrize("filter_", [MARCH, {"from": "2026-02-20T13:17:23.5Z", "to": "2026-03-09T03:44:59.25Z"}])
async def test_days_add_up_to_the_total_to_the_nano_dollar(
    api: Api, logged: list[dict[str, Any]], zone: str, filter_: dict[str, str]
) -> None:
    start, end = (datetime.fromisoformat(filter_[name]) for name in ("from", "to"))
    inside = [record for record in logged if start <= happened(record) < end]
    by_day: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for record in inside:
        by_day[f"{happened(record).astimezone(ZoneInfo(zone)):%Y-%m-%d}"].append(record)

    days = await api.ask(COSTS, filter=filter_, grain="DAY", timeZone=zone)
    [total] = await api.ask(COSTS, filter=filter_)
    months = await api.ask(COSTS, filter=filter_, grain="MONTH", timeZone=zone)

    assert total == {"start": None, "end": None, "calls": len(inside), "totalCost": f"{cost(inside).normalize():f}"}
    for buckets in (days, months):
        assert sum(Decimal(bucket["totalCost"]) for bucket in buckets) == cost(inside)
        assert sum(bucket["calls"] for bucket in buckets) == len(inside)
        # one follows the other, from the range's start to its end
        bounds = [datetime.fromisoformat(buckets[0]["start"]), *(datetime.fromisoformat(b["end"]) for b in buckets)]
        assert (bounds[0], bounds[-1]) == (start, end)
        assert [datetime.fromisoformat(bucket["start"]) for bucket in buckets] == bounds[:-1]
    # and each day is what happened on it there
    for bucket in days:
        day = f"{datetime.fromisoformat(bucket['start']).astimezone(ZoneInfo(zone)):%Y-%m-%d}"
        assert (bucket["calls"], Decimal(bucket["totalCost"])) == (len(by_day[day]), cost(by_day[day]))


@pytest.mark.parametrize("filter_", [{}, {"success": True}, {"providers": ["openai"], "models": ["a", "b"]}])
async def test_a_group_has_the_figures_of_its_decisions(
    api: Api, logged: list[dict[str, Any]], filter_: dict[str, Any]
) -> None:
    buckets = await api.ask(SUMMARY, filter=MARCH | filter_, groupBy=["PROVIDER", "PRIORITY"])

    start, end = (datetime.fromisoformat(MARCH[name]) for name in ("from", "to"))
    groups: defaultdict[tuple[str, str | None], list[dict[str, Any]]] = defaultdict(list)
    for record in logged:
        if not start <= happened(record) < end or (filter_.get("success") and not record["success"]):
            continue
        if "models" in filter_ and (record["provider"] != "openai" or record["modelUsed"] == "c"):
            continue
        groups[record["provider"], record["priority"]].append(record)
    assert {(bucket["provider"], bucket["priority"]) for bucket in buckets} == set(groups)
    assert len(buckets) == len(groups)
    for bucket in buckets:
        rows = groups[bucket["provider"], bucket["priority"]]
        priced = [row for row in rows if row["cost"]]
        latencies = sorted(row["latencyMs"] for row in rows if row["latencyMs"] is not None)
        tokens = sum(row["inputTokens"] for row in rows)
        assert bucket | {"latencyP50Ms": 0, "latencyP95Ms": 0, "latencyP99Ms": 0, "avgCost": 0} == {
            "start": None,
            "end": None,
            "provider": rows[0]["provider"],
            "model": None,
            "taskType": None,
            "priority": rows[0]["priority"],
            "abVariant": None,
            "calls": len(rows),
            "successes": sum(row["success"] for row in rows),
            "successRate": sum(row["success"] for row in rows) / len(rows),
            "fallbacks": sum(row["fallbackUsed"] for row in rows),
            "totalCost": f"{cost(rows).normalize():f}",
            "avgCost": 0,
            "avgLatencyMs": sum(latencies) / len(latencies),
            "latencyP50Ms": 0,
            "latencyP95Ms": 0,
            "latencyP99Ms": 0,
            "inputTokens": tokens,
            "outputTokens": 7 * len(rows),
        }
        assert abs(Decimal(bucket["avgCost"]) - cost(rows) / len(priced)) <= Decimal("5E-10")
        for name, share in (("latencyP50Ms", 0.5), ("latencyP95Ms", 0.95), ("latencyP99Ms", 0.99)):
            exact = latencies[math.ceil(share * len(latencies)) - 1]
            assert abs(bucket[name] - exact) <= RELATIVE_ERROR * exact + 1e-9


async def test_empty_buckets_are_there(api: Api) -> None:
    filter_ = {"from": "2026-03-08T04:30:00Z", "to": "2026-03-08T09:00:00Z"}
    hours = await api.ask(COSTS, filter=filter_, grain="HOUR", timeZone="America/New_York")
    assert [(hour["start"], hour["calls"], hour["totalCost"]) for hour in hours] == [
        ("2026-03-08T04:30:00Z", 0, "0"),
        ("2026-03-08T05:00:00Z", 0, "0"),
        ("2026-03-08T06:00:00Z", 0, "0"),
        ("2026-03-08T07:00:00Z", 0, "0"),
        ("2026-03-08T08:00:00Z", 0, "0"),
    ]
    assert await api.ask(COSTS) == [{"start": None, "end": None, "calls": 0, "totalCost": "0"}]


@pytest.mark.parametrize(
    ("tokens", "written"),
    [(0, 0), (2**53 - 1, 2**53 - 1), (2**53, "9007199254740992"), (-(2**53), "-9007199254740992")],
)
def test_what_a_double_cannot_hold_is_written_as_a_string(tokens: int, written: int | str) -> None:
    assert schema._schema.type_map["BigInt"].serialize(tokens) == written  # type: ignore[attr-defined]


@pytest.mark.usefixtures("logged")
async def test_nobody_elses_decisions_are_in_it(other_api: Api) -> None:
    assert await other_api.ask(COSTS, filter=MARCH) == [{"start": None, "end": None, "calls": 0, "totalCost": "0"}]
    assert await other_api.ask(SUMMARY, filter=MARCH, groupBy=["PROVIDER"]) == []


@pytest.mark.parametrize(
    ("variables", "argument", "message"),
    [
        ({"timeZone": "Mars/Olympus"}, ["timeZone"], "timeZone: must be an IANA time zone, such as Europe/Berlin"),
        (
            {"grain": "HOUR", "filter": {"from": "2024-01-01T00:00:00Z"}},
            ["grain"],
            TOO_FINE,
        ),
        (
            {"grain": "HOUR", "filter": {"from": "2025-10-01T00:00:00Z", "success": True}},
            ["grain"],
            TOO_FINE,
        ),
        (
            {"filter": {"from": "2026-03-11T00:00:00Z"}},
            ["filter", "from"],
            "filter.from: must be before filter.to, or before now",
        ),
    ],
)
async def test_a_summary_out_of_bounds_is_refused(
    api: Api, variables: dict[str, Any], argument: list[str], message: str
) -> None:
    [error] = await api.errors(COSTS, **variables)
    assert error["message"] == message
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": argument}
