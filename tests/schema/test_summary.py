"""`analyticsSummary`: its sums add up in any time zone and over any time range."""

from __future__ import annotations

import asyncio
import math
import random
import threading
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Result
from sqlalchemy.ext.asyncio import AsyncSession

from domain.analytics import AnalyticsFilter
from domain.error import InvalidInput
from domain.latency import RELATIVE_ERROR
from domain.summary import AnalyticsDimension, Sums, hours_of_week
from domain.viewer import Viewer
from domain.window import Window
from models.database import Database
from models.database.compute import Compute
from models.ledger.retention import drop_before
from models.queries.summary import Summary, Summed
from schema import schema
from tests.conftest import Clock
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
# New York changes to daylight saving time on March 8.
MARCH = {"from": "2026-02-20T00:00:00Z", "to": "2026-03-10T12:00:00Z"}

TOO_FINE = (
    "grain: too fine: a summary has at most 10000 rows, and fewer if they are not whole hours or are filtered "
    "by success; use a coarser grain, fewer dimensions or a shorter time range"
)


def sample_calls(count: int = 400) -> list[dict[str, Any]]:
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


def cost(calls: list[dict[str, Any]]) -> Decimal:
    return sum((Decimal(record["cost"]) for record in calls if record["cost"]), Decimal(0))


@pytest.fixture
async def logged(api: Api) -> list[dict[str, Any]]:
    calls = sample_calls()
    assert await api.ask(LOG, input=calls) == {"accepted": len(calls)}
    return calls


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
        # the buckets are contiguous, from the start of the time range to its end
        bounds = [datetime.fromisoformat(buckets[0]["start"]), *(datetime.fromisoformat(b["end"]) for b in buckets)]
        assert (bounds[0], bounds[-1]) == (start, end)
        assert [datetime.fromisoformat(bucket["start"]) for bucket in buckets] == bounds[:-1]
    # and each day has the calls of that local day
    for bucket in days:
        day = f"{datetime.fromisoformat(bucket['start']).astimezone(ZoneInfo(zone)):%Y-%m-%d}"
        assert (bucket["calls"], Decimal(bucket["totalCost"])) == (len(by_day[day]), cost(by_day[day]))


@pytest.mark.parametrize("filter_", [{}, {"success": True}, {"providers": ["openai"], "models": ["a", "b"]}])
async def test_a_group_has_the_figures_of_its_calls(
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


async def test_empty_buckets_are_returned(api: Api) -> None:
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


# Comparisons and trends

LEADERBOARD = """
query($by: LeaderboardDimension!, $filter: AnalyticsFilter, $first: Int) {
  leaderboard(by: $by, filter: $filter, first: $first) {
    provider model current { calls totalCost errorRate fallbackRate latencyP95Ms } previous { calls totalCost }
    callsChange totalCostChange avgCostChange successRateChange latencyP95MsChange
  }
}
"""
TREND = """
query($filter: AnalyticsFilter, $grain: TimeGrain!, $timeZone: String) {
  costTrend(filter: $filter, grain: $grain, timeZone: $timeZone) {
    start end totalCost providers { provider totalCost share }
  }
}
"""
HEAT_MAP = """
query($filter: AnalyticsFilter, $timeZone: String) {
  heatMap(filter: $filter, timeZone: $timeZone) {
    weekday hour calls errorRate fallbackRate avgLatencyMs latencyP95Ms
  }
}
"""


def call(provider: str, model: str, at: str, **more: Any) -> dict[str, Any]:
    return {
        "provider": provider,
        "modelUsed": model,
        "taskType": "chat",
        "success": True,
        "occurredAt": at,
    } | more


async def test_a_leaderboard_compares_with_the_previous_time_range(api: Api) -> None:
    # given two days of calls: those of openai become fewer, more expensive and slower, groq is new, mistral is gone
    calls = [
        *[call("openai", "a", "2026-03-07T10:00:00Z", cost="0.1", latencyMs=100)] * 4,
        call("mistral", "m", "2026-03-07T23:59:59.999999Z", cost="5"),
        call("openai", "a", "2026-03-08T00:00:00Z", cost="0.3", latencyMs=200),
        call("openai", "b", "2026-03-08T23:00:00Z", cost="0.1", latencyMs=200, success=False, fallbackUsed=True),
        call("groq", "g", "2026-03-08T12:30:00Z", cost="0.2"),
        call("groq", "g", "2026-03-09T00:00:00Z", cost="9"),
    ]
    assert await api.ask(LOG, input=calls) == {"accepted": len(calls)}
    day = {"from": "2026-03-08T00:00:00Z", "to": "2026-03-09T00:00:00Z"}
    # when
    openai, groq = await api.ask(LEADERBOARD, by="PROVIDER", filter=day)
    # then
    assert openai["current"] | {"latencyP95Ms": None} == {
        "calls": 2,
        "totalCost": "0.4",
        "errorRate": 0.5,
        "fallbackRate": 0.5,
        "latencyP95Ms": None,
    }
    assert openai["current"]["latencyP95Ms"] == pytest.approx(200, rel=RELATIVE_ERROR)
    assert openai["previous"] == {"calls": 4, "totalCost": "0.4"}
    assert {name: openai[name] for name in openai if name.endswith("Change")} == {
        "callsChange": -0.5,
        "totalCostChange": 0.0,
        "avgCostChange": pytest.approx(1.0),
        "successRateChange": -0.5,
        "latencyP95MsChange": pytest.approx(1.0, rel=2 * RELATIVE_ERROR),
    }
    assert (groq["provider"], groq["current"]["totalCost"], groq["previous"]["calls"]) == ("groq", "0.2", 0)
    assert {groq[name] for name in groq if name.endswith("Change")} == {None}
    models = await api.ask(LEADERBOARD, by="MODEL", filter=day, first=2)
    assert [(row["provider"], row["model"], row["current"]["totalCost"]) for row in models] == [
        ("openai", "a", "0.3"),
        ("groq", "g", "0.2"),
    ]


async def test_a_cost_trend_has_each_providers_share(api: Api) -> None:
    calls = [
        call("openai", "a", "2026-03-07T10:00:00Z", cost="0.3"),
        call("groq", "g", "2026-03-07T10:00:00Z", cost="0.1"),
        call("groq", "g", "2026-03-08T22:59:59Z"),
        call("openai", "a", "2026-03-08T23:00:00Z", cost="0.2"),
    ]
    await api.ask(LOG, input=calls)
    filter_ = {"from": "2026-03-06T23:00:00Z", "to": "2026-03-09T12:00:00Z"}
    points = await api.ask(TREND, filter=filter_, grain="DAY", timeZone="Europe/Berlin")
    assert [(point["start"], point["totalCost"]) for point in points] == [
        ("2026-03-06T23:00:00Z", "0.4"),
        ("2026-03-07T23:00:00Z", "0"),
        ("2026-03-08T23:00:00Z", "0.2"),
    ]
    assert points[0]["providers"] == [
        {"provider": "groq", "totalCost": "0.1", "share": 0.25},
        {"provider": "openai", "totalCost": "0.3", "share": 0.75},
    ]
    assert points[1]["providers"] == [
        {"provider": name, "totalCost": "0", "share": None} for name in ("groq", "openai")
    ]
    assert points[2]["providers"][1] == {"provider": "openai", "totalCost": "0.2", "share": 1.0}


async def test_a_heat_map_has_the_local_hours_of_a_week(api: Api, clock: Clock) -> None:
    # given calls of two Mondays at nine in Berlin, in winter and, an hour earlier by UTC, in summer; and a Sunday night's
    calls = [
        call("openai", "a", "2026-03-02T08:30:00Z", latencyMs=100),
        call("openai", "a", "2026-03-02T08:59:59.999999Z", latencyMs=300, success=False),
        call("openai", "a", "2026-02-22T23:30:00Z", fallbackUsed=True),
    ]
    await api.ask(LOG, input=calls)
    now, clock.now = clock.now, datetime(2025, 8, 5, tzinfo=UTC)
    await api.ask(LOG, input=[call("openai", "a", "2025-08-04T07:15:00Z", latencyMs=200)])
    clock.now = now
    cells = await api.ask(HEAT_MAP, filter={"from": "2025-08-01T00:00:00Z"}, timeZone="Europe/Berlin")
    assert len(cells) == 168
    assert [(cell["weekday"], cell["hour"]) for cell in cells[:25]] == [
        *[("MONDAY", hour) for hour in range(24)],
        ("TUESDAY", 0),
    ]
    nine, midnight = cells[9], cells[0]
    assert (nine["calls"], nine["errorRate"], nine["fallbackRate"], nine["avgLatencyMs"]) == (3, 1 / 3, 0.0, 200.0)
    assert nine["latencyP95Ms"] == pytest.approx(300, rel=RELATIVE_ERROR)
    assert (midnight["calls"], midnight["fallbackRate"], midnight["latencyP95Ms"]) == (1, 1.0, None)
    assert sum(cell["calls"] for cell in cells) == 4


async def test_an_hour_of_utc_counts_for_the_local_hour_in_which_it_begins(api: Api) -> None:
    # given calls in hours of UTC that begin at 8:30 and 9:30 in Kolkata, and at 9:00 and 10:00 in London
    calls = [
        call("openai", "a", "2026-03-02T03:00:00Z", latencyMs=100),
        call("openai", "a", "2026-03-02T03:45:00Z", latencyMs=200, success=False),
        call("openai", "a", "2026-03-09T03:59:59.999999Z", latencyMs=300),
        call("openai", "a", "2026-03-09T04:00:00Z", latencyMs=400),
    ]
    await api.ask(LOG, input=calls)
    # when they are read from rollups, and from rows at both ends of the range, then they fall into the same hours
    for ends in (("2026-03-01T00:00:00Z", "2026-03-10T00:00:00Z"), ("2026-03-02T03:00:00Z", "2026-03-09T04:30:00Z")):
        cells = await api.ask(HEAT_MAP, filter=dict(zip(("from", "to"), ends, strict=True)), timeZone="Asia/Kolkata")
        called = {(cell["weekday"], cell["hour"]): cell for cell in cells if cell["calls"]}
        assert {at: cell["calls"] for at, cell in called.items()} == {("MONDAY", 8): 3, ("MONDAY", 9): 1}
        eight = called["MONDAY", 8]
        assert (eight["errorRate"], eight["avgLatencyMs"]) == (1 / 3, 200.0)
        assert eight["latencyP95Ms"] == pytest.approx(300, rel=RELATIVE_ERROR)


@pytest.mark.usefixtures("logged")
async def test_calls_of_others_are_not_compared(other_api: Api) -> None:
    assert await other_api.ask(LEADERBOARD, by="MODEL", filter=MARCH) == []
    assert {point["totalCost"] for point in await other_api.ask(TREND, filter=MARCH, grain="DAY")} == {"0"}
    assert {cell["calls"] for cell in await other_api.ask(HEAT_MAP, filter=MARCH)} == {0}


# The time range


async def test_the_default_end_is_the_end_of_this_hour(api: Api, clock: Clock) -> None:
    clock.advance(minutes=3)
    moment = clock().isoformat()
    await api.ask(LOG, input=[call("openai", "a", moment, cost="1"), call("openai", "a", "2026-02-08T13:00:00Z")])
    assert (await api.ask(COSTS))[0] == {"start": None, "end": None, "calls": 2, "totalCost": "1"}
    days = await api.ask(COSTS, grain="DAY")
    assert (days[0]["start"], days[-1]["end"]) == ("2026-02-08T13:00:00Z", "2026-03-10T13:00:00Z")


@pytest.mark.parametrize(
    ("filter_", "answer"),
    [
        ({"from": "1970-01-01T00:00:00Z", "to": "1970-01-02T00:00:00Z"}, 1),
        ({"to": "1970-01-01T00:00:01Z"}, 1),
        ({"from": "1970-01-01T00:00:00Z"}, "grain"),
        ({"from": "2199-12-01T00:00:00Z", "to": "2200-01-01T00:00:00Z"}, 31),
        ({"to": "2200-01-01T00:00:00.000001Z"}, "filter.to"),
        ({"to": "9999-12-31T23:59:59.999999Z"}, "filter.to"),
        ({"to": "1970-01-01T00:00:00Z"}, "filter.from"),
    ],
)
@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
async def test_the_earliest_and_latest_times_are_valid(
    api: Api, filter_: dict[str, str], answer: int | str, zone: str
) -> None:
    if isinstance(answer, int):
        days = await api.ask(COSTS, filter=filter_, grain="DAY", timeZone=zone)
        assert 0 <= len(days) - answer <= (zone != "UTC")
    else:
        [error] = await api.errors(COSTS, filter=filter_, grain="HOUR", timeZone=zone)
        assert error["message"].startswith(f"{answer}: ")


async def test_dropped_calls_are_read_by_day_and_hour_and_parts_of_hours_are_rejected(
    api: Api, database: Database, logged: list[dict[str, Any]]
) -> None:
    # given dropped calls of February
    kept_from = await drop_before(database, datetime(2026, 3, 5, tzinfo=UTC))
    assert kept_from == datetime(2026, 3, 1, tzinfo=UTC)
    # when the time range is whole hours, then no call is missing
    [total] = await api.ask(COSTS, filter={"from": "2026-02-19T05:00:00Z", "to": "2026-03-10T12:00:00Z"})
    start = datetime(2026, 2, 19, 5, tzinfo=UTC)
    assert total["calls"] == sum(happened(record) >= start for record in logged)
    # and figures that rollups lack are an error, which says what is possible
    of_hours = "have whole hours of UTC only; choose a later filter.from, or whole hours of UTC"
    of_all = "do not separate success from failure; choose a later filter.from, or leave out filter.success"
    for asked, why, argument in (
        ({"filter": {"from": "2026-02-19T05:30:00Z"}}, of_hours, ["filter", "from"]),
        (
            {"filter": {"from": "2026-02-19T05:00:00Z"}, "grain": "DAY", "timeZone": "Asia/Kolkata"},
            of_hours,
            ["filter", "from"],
        ),
        ({"filter": {"from": "2026-02-19T05:00:00Z", "success": True}}, of_all, ["filter"]),
        ({"filter": {"from": "2026-02-19T05:30:00Z", "success": False}}, of_all, ["filter"]),
    ):
        [error] = await api.errors(COSTS, **asked)
        dropped = "filter: calls before 2026-03-01T00:00:00Z were dropped, and their rollups"
        assert error["message"] == f"{dropped} {why}"
        assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": argument}
    # and the alternatives in the error work
    for asked in (
        {"filter": {"from": "2026-03-01T00:00:00Z", "success": True}},
        {"filter": {"from": "2026-02-19T05:00:00Z"}, "grain": "DAY", "timeZone": "Europe/Berlin"},
    ):
        assert await api.ask(COSTS, **asked)


@pytest.mark.parametrize(
    ("tokens", "written"),
    [(0, 0), (2**53 - 1, 2**53 - 1), (2**53, "9007199254740992"), (-(2**53), "-9007199254740992")],
)
def test_integers_beyond_a_double_are_written_as_strings(tokens: int, written: int | str) -> None:
    assert schema._schema.type_map["BigInt"].serialize(tokens) == written  # type: ignore[attr-defined]


@pytest.mark.usefixtures("logged")
async def test_calls_of_others_are_not_in_a_summary(other_api: Api) -> None:
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
            "filter.from: must be before filter.to, or before the current time when filter.to is missing",
        ),
    ],
)
async def test_a_summary_out_of_bounds_is_rejected(
    api: Api, variables: dict[str, Any], argument: list[str], message: str
) -> None:
    [error] = await api.errors(COSTS, **variables)
    assert error["message"] == message
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": argument}


# Load and fairness


@pytest.fixture
def rows_read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of rows that each executed statement returns, except for the statement about retention."""
    counts: list[int] = []
    execute = AsyncSession.execute

    async def counting(self: AsyncSession, *arguments: Any, **more: Any) -> Result[Any]:
        found = (await execute(self, *arguments, **more)).freeze()
        counts.append(len(found.data))
        return found()

    monkeypatch.setattr(AsyncSession, "execute", counting)
    return counts


def whole_hours(count: int) -> list[Window]:
    start = datetime(2026, 2, 23, tzinfo=UTC)
    bounds = [start + timedelta(hours=hour) for hour in range(count + 1)]
    return [Window(*ends) for ends in pairwise(bounds)]


async def over(
    database: Database, viewer: Viewer, hours: Sequence[Window], cells: Sequence[int] | None = None, **asked: Any
) -> Summed:
    async with database.viewer(viewer) as session:
        dimensions = [AnalyticsDimension.PROVIDER, AnalyticsDimension.MODEL]
        return await Summary(session, Compute(), viewer.id, AnalyticsFilter(), dimensions, **asked).over(hours, cells)


@pytest.mark.usefixtures("logged")
async def test_hours_of_the_same_cell_are_summed_in_the_database(
    database: Database, viewer: Viewer, rows_read: list[int]
) -> None:
    hours = whole_hours(14 * 24)
    # when two weeks are read as one week, and also hour by hour
    cells = hours_of_week(hours, ZoneInfo("Europe/Berlin"))
    of_week = await over(database, viewer, hours, cells, percentiles=True)
    sums_read, histograms_read = rows_read
    by_hour = await over(database, viewer, hours, percentiles=False)
    # then there is one row per hour of the week and group, for any number of hours and latencies
    assert sums_read == len(of_week) < rows_read[2] == len(by_hour)
    assert histograms_read == sum(sums.timed > 0 for sums in of_week.values())
    added: defaultdict[Any, Sums] = defaultdict(Sums)
    for (cell, group), sums in by_hour.items():
        added[cells[cell], group].add(sums)
    for key, sums in of_week.items():
        assert (sums.calls, sums.total_cost, sums.timed) == (added[key].calls, added[key].total_cost, added[key].timed)
    # and there is one row per local day, also where local days differ from days of UTC
    days = [Window(hours[start].start, hours[start + 23].end) for start in range(5, 13 * 24, 24)]
    rows_read.clear()
    by_day = await over(database, viewer, days, percentiles=True)
    assert rows_read == [len(by_day), sum(sums.timed > 0 for sums in by_day.values())]


@pytest.mark.usefixtures("logged")
async def test_reading_stops_when_the_result_is_too_large(
    database: Database, viewer: Viewer, rows_read: list[int]
) -> None:
    with pytest.raises(InvalidInput, match="too fine"):
        await over(database, viewer, whole_hours(14 * 24), percentiles=True, most=20)
    assert rows_read == [21]


MANY = " ".join(f"f{cell}: heatMap(filter: $filter) {{ calls latencyP95Ms }}" for cell in range(20))


@pytest.mark.usefixtures("logged")
async def test_many_fields_are_computed_in_few_threads_of_the_compute_pool(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[str] = []
    set_percentiles = Sums.set_percentiles

    def noting(self: Sums, histogram: Any) -> None:
        threads.append(threading.current_thread().name)
        set_percentiles(self, histogram)

    monkeypatch.setattr(Sums, "set_percentiles", noting)
    answers = await api.ask(f"query($filter: AnalyticsFilter) {{ {MANY} }}", filter=MARCH)
    assert len(answers) == 20
    assert all(cells == answers["f0"] for cells in answers.values())
    hours = [cell for cell in answers["f0"] if cell["latencyP95Ms"] is not None]
    assert len(threads) == 20 * len(hours) > 0
    assert set(threads) <= {"compute_0", "compute_1"}


async def test_the_fields_of_one_user_take_turns_and_no_other_user_waits(
    api: Api, other_api: Api, user_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a user whose summaries never finish
    reading, most = 0, 0
    two_read, may_end = asyncio.Event(), asyncio.Event()
    original = Database.viewer

    @asynccontextmanager
    async def slow(self: Database, viewer: Viewer, *, write: bool = False) -> AsyncIterator[AsyncSession]:
        nonlocal reading, most
        async with original(self, viewer, write=write) as session:
            if viewer.id == user_id:
                reading += 1
                most = max(most, reading)
                if reading == 2:
                    two_read.set()
                await may_end.wait()
                reading -= 1
            yield session

    monkeypatch.setattr(Database, "viewer", slow)
    many = f"query($filter: AnalyticsFilter) {{ {MANY} }}"
    asking = asyncio.create_task(api.ask(many))
    try:
        async with asyncio.timeout(10):
            await two_read.wait()
            # when another user requests as many, then they are answered
            assert len(await other_api.ask(many)) == 20
    finally:
        may_end.set()
    # and those of the first user are answered two at a time
    assert len(await asking) == 20
    assert most == 2
