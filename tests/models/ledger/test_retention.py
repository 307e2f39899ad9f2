"""Retention: dropped calls stay counted once when they are sent again, and sums keep their values."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest
from sqlalchemy import func, select
from starlette.applications import Starlette

from domain.analytics import LogAnalytics
from models import ABGroup, Amendment, AnalyticsHourly, EventKey, Hold, RouterAnalytics
from models.database import Database
from models.ledger import Ledger
from models.ledger.call import CallDraft, Dropped, Logged
from models.ledger.repair import repair
from models.ledger.retention import drop_before
from models.queries.verification import verify
from server.importing import ImportResult, import_usage
from server.settings import Settings
from server.usage_file import UsageFile
from tests.conftest import Clock
from tests.support.api import Api
from tests.support.load import LOG_MANY, ROUTE, START_TEST

LOG = """
mutation($input: LogAnalyticsInput!) {
  logAnalytics(input: $input) {
    __typename
    ... on LoggedAnalytics { deduplicated record { id } }
    ... on DroppedAnalytics { id eventId deduplicated }
    ... on Error { code path message }
  }
}
"""
AMEND = """
mutation($id: ID, $eventId: String, $input: AmendAnalyticsInput!) {
  amendAnalytics(id: $id, eventId: $eventId, input: $input) {
    __typename ... on AmendedAnalytics { deduplicated } ... on Error { code path }
  }
}
"""
SUMS = """
{
  analyticsSummary(filter: {from: "2026-01-01T00:00:00Z", to: "2026-03-11T00:00:00Z"}) {
    calls successes totalCost inputTokens unpricedCalls
  }
  costAlerts { nodes { currentAmount } }
}
"""
SET_ALERT = 'mutation { createCostAlert(input: {thresholdAmount: "100", period: DAILY}) { __typename } }'
SET_BUDGET = """
mutation { createCostAlert(input: {thresholdAmount: "100", period: DAILY, enforced: true}) { __typename } }
"""
CALL: dict[str, Any] = {"provider": "groq", "modelUsed": "m", "taskType": "chat", "success": True, "cost": "3"}
JANUARY = datetime(2026, 1, 20, 12, tzinfo=UTC)
FEBRUARY = datetime(2026, 2, 1, tzinfo=UTC)
MARCH = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.fixture
async def client(app: Starlette) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://router") as client:
        yield client


@pytest.fixture
def post(client: httpx2.AsyncClient, token: str) -> Callable[..., Any]:
    async def send(path: str, *lines: dict[str, Any]) -> list[dict[str, Any]]:
        """The lines of the endpoint's response."""
        content = "\n".join(map(json.dumps, lines))
        answer = await client.post(path, content=content, headers={"Authorization": f"Bearer {token}"})
        return [json.loads(line) for line in answer.text.splitlines()]

    return send


async def count(database: Database, table: Any, *conditions: Any) -> int:
    async with database.system() as transaction:
        return await transaction.connection.scalar(select(func.count()).select_from(table).where(*conditions)) or 0


async def hour(database: Database, at: datetime) -> tuple[int, Decimal, float]:
    """The calls, cost and sum of squared costs in the hour of this moment."""
    row = AnalyticsHourly
    async with database.system() as transaction:
        found = await transaction.connection.execute(
            select(row.calls, row.cost, row.cost_sum_squares).where(row.hour == at.replace(minute=0, second=0))
        )
        [(calls, cost, squares)] = found.all()
    return calls, cost, squares


# The first report of the call, and whether it contains a time.
REPORTS = {
    "with its time": {"eventId": "one", "occurredAt": JANUARY.isoformat()},
    "without its time": {"eventId": "one"},
    "without a cost": {"eventId": "one", "cost": None, "inputTokens": 7},
}


@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
async def test_a_dropped_call_is_counted_once_however_it_is_sent_again(
    api: Api,
    clock: Clock,
    database: Database,
    user_id: UUID,
    post: Callable[..., Any],
    report: dict[str, Any],
) -> None:
    # given a call of January that retention has dropped, and one of March
    call = CALL | report
    clock.now = JANUARY
    await api.ask(SET_ALERT)
    first = await api.ask(LOG, input=call)
    clock.now = MARCH
    await api.ask(LOG, input=CALL | {"eventId": "new"})
    before = await api.ask(SUMS)
    assert await drop_before(database, FEBRUARY) == FEBRUARY
    # when it is sent again: alone, in a batch, twice in one batch, as a line, and from a file
    again = await api.ask(LOG, input=call)
    many = await api.ask(LOG_MANY, input=[call, CALL | {"eventId": "new"}, call])
    [line, _] = await post("/ingest/decisions", call, call)
    async with Ledger(database, clock).running() as ledger:
        outcomes = await ledger.record([CallDraft(user_id, LogAnalytics.checked(_without_nulls(call)), imported=True)])
    # then it is deduplicated, and no call is returned
    assert again == {
        "__typename": "DroppedAnalytics",
        "id": first["record"]["id"],
        "eventId": "one",
        "deduplicated": True,
    }
    assert many == {"accepted": 0, "deduplicated": 3, "rejected": []}
    assert line == {"line": 1, "id": first["record"]["id"], "deduplicated": True}
    assert outcomes == [Dropped(UUID(first["record"]["id"]), "one")]
    # and another report with its event id is rejected
    other = await api.ask(LOG, input=call | {"success": False})
    assert (other["code"], other["path"]) == ("CONFLICT", ["input", "eventId"])
    assert (await api.ask(LOG_MANY, input=[call | {"taskType": "code"}]))["rejected"] == [{"index": 0}]
    [rejected] = await post("/ingest/decisions", call | {"cost": "4"})
    assert rejected["error"]["code"] == "CONFLICT"
    # and every sum is what it was
    assert await api.ask(SUMS) == before
    assert await count(database, RouterAnalytics) == 1
    assert await count(database, EventKey) == 2
    assert await verify(database, user_id, clock.now) == []


def _without_nulls(call: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in call.items() if value is not None}


async def import_(settings: Settings, path: Path, user_id: UUID) -> ImportResult:
    return await import_usage(settings, UsageFile(path), user_id, lambda _: None)


FILES = {
    "usage.csv": ("provider,model_used,success,cost,occurred_at\n" + 3 * "groq,m,true,0.5,2001-02-03T04:05:06Z\n"),
    "usage.ndjson": "".join(
        json.dumps(CALL | {"eventId": f"e{n}" if n else None, "occurredAt": f"2001-0{n + 1}-01T00:00:00Z"}) + "\n"
        for n in range(3)
    ),
}


@pytest.mark.parametrize(("name", "text"), FILES.items(), ids=FILES)
async def test_a_file_is_counted_once_however_often_it_is_imported(
    settings: Settings, database: Database, user_id: UUID, tmp_path: Path, name: str, text: str
) -> None:
    path = tmp_path / name
    path.write_text(text)
    assert (await import_(settings, path, user_id)).imported == 3
    for kept_from in (datetime(2001, 2, 1, tzinfo=UTC), datetime(2002, 1, 1, tzinfo=UTC)):
        await drop_before(database, kept_from)
        for packed in (False, True):
            again = path.with_suffix(path.suffix + ".gz") if packed else path
            if packed:
                again.write_bytes(gzip.compress(text.encode()))
            result = await import_(settings, again, user_id)
            assert (result.imported, result.already_present, result.bad_rows) == (0, 3, [])
    assert await count(database, RouterAnalytics) == 0
    async with database.system() as transaction:
        calls = await transaction.connection.scalar(select(func.sum(AnalyticsHourly.calls)))
    assert calls == 3
    assert await verify(database, user_id, MARCH) == []


async def test_an_export_of_dropped_calls_is_deduplicated_and_a_changed_call_is_rejected(
    api: Api,
    clock: Clock,
    client: httpx2.AsyncClient,
    token: str,
    settings: Settings,
    database: Database,
    user_id: UUID,
    tmp_path: Path,
) -> None:
    # given an export of calls whose time, price or both the server filled in
    clock.now = JANUARY
    priced = CALL | {"provider": "openai", "modelUsed": "gpt-4o", "cost": None, "inputTokens": 1000, "outputTokens": 10}
    reports = [CALL, CALL | {"occurredAt": JANUARY.isoformat()}, priced, priced | {"occurredAt": JANUARY.isoformat()}]
    for number, report in enumerate(reports):
        assert (await api.ask(LOG, input=report | {"eventId": str(number)}))["__typename"] == "LoggedAnalytics"
    answer = await client.get("/export/analytics", headers={"Authorization": f"Bearer {token}"})
    lines = [json.loads(line) for line in answer.text.splitlines()]
    clock.now = MARCH
    await drop_before(database, FEBRUARY)
    # when it is imported, unchanged and changed
    path = tmp_path / "export.ndjson"
    path.write_text(answer.text)
    whole = await import_(settings, path, user_id)
    for change in ({"cost": "9"}, {"occurredAt": "2026-01-20T12:00:00.001Z"}, {"success": False}):
        path.write_text("".join(json.dumps(line | change) + "\n" for line in lines))
        changed = await import_(settings, path, user_id)
        rejected = len(changed.bad_rows)
        # a time or a price that the server filled in cannot be compared once the call is dropped
        assert (changed.imported, changed.already_present + rejected) == (0, 4)
        assert rejected >= 2
    # then nothing is counted again
    assert (whole.imported, whole.already_present, whole.bad_rows) == (0, 4, [])
    assert await count(database, RouterAnalytics) == 0
    assert await verify(database, user_id, clock.now) == []


async def test_a_dropped_call_cannot_be_amended(
    api: Api, clock: Clock, database: Database, user_id: UUID, post: Callable[..., Any]
) -> None:
    # given a call that was amended, and dropped with its amendment
    clock.now = JANUARY
    old = await api.ask(LOG, input=CALL | {"eventId": "old"})
    amendment = {"amendmentId": "a", "cost": "5"}
    assert await api.ask(AMEND, eventId="old", input=amendment) == {
        "__typename": "AmendedAnalytics",
        "deduplicated": False,
    }
    clock.now = MARCH
    await api.ask(LOG, input=CALL | {"eventId": "new"})
    await drop_before(database, FEBRUARY)
    before = await api.ask(SUMS)
    squares = await hour(database, JANUARY)
    # when it is amended again, with the same amendment or another
    for more in (amendment, {"amendmentId": "b", "cost": "7"}, {"success": False}):
        by_event = await api.ask(AMEND, eventId="old", input=more)
        by_id = await api.ask(AMEND, id=old["record"]["id"], input=more)
        lines = await post("/ingest/amendments", more | {"eventId": "old"}, more | {"id": old["record"]["id"]})
        # then there is no such call
        assert (by_event["code"], by_event["path"]) == ("NOT_FOUND", ["eventId"])
        assert (by_id["code"], by_id["path"]) == ("NOT_FOUND", ["id"])
        assert [line["error"]["code"] for line in lines] == ["NOT_FOUND"] * 2
    assert await api.ask(SUMS) == before
    assert await hour(database, JANUARY) == squares == (1, Decimal(5), 25.0)
    assert await count(database, Amendment) == 0
    assert await verify(database, user_id, clock.now) == []


async def test_amending_a_call_keeps_what_its_test_and_hour_counted_of_dropped_calls(
    api: Api, clock: Clock, database: Database, user_id: UUID
) -> None:
    # given a test that counted a unit's calls in January and in March, and an hour with a dropped call
    clock.now = JANUARY
    test = await api.ask(START_TEST)
    of_test = CALL | {"provider": "openai", "modelUsed": "a", "abTestId": test["id"], "unitKey": "u", "latencyMs": 100}
    await api.ask(LOG, input=of_test | {"eventId": "old"})
    clock.now = MARCH
    await api.ask(LOG, input=of_test | {"eventId": "new"})
    await drop_before(database, FEBRUARY)
    await api.ask(LOG, input=of_test | {"eventId": "late", "occurredAt": JANUARY.isoformat()})
    assert await hour(database, JANUARY) == (2, Decimal(6), 18.0)
    # when remaining calls of both are amended
    for event_id in ("new", "late"):
        amended = await api.ask(AMEND, eventId=event_id, input={"cost": "1"})
        assert amended["__typename"] == "AmendedAnalytics"
    # then the sums still include the dropped calls
    calls, cost, squares = await hour(database, JANUARY)
    assert (calls, cost) == (2, Decimal(4))
    assert squares == pytest.approx(10.0)
    async with database.system() as transaction:
        [group] = (await transaction.connection.execute(select(ABGroup))).mappings().all()
    assert (group["calls"], group["successes"], group["timed"]) == (3, 3, 3)
    figures = await api.ask("query($id: ID!) { abTest(id: $id) { variantA { calls totalCost } } }", id=test["id"])
    assert figures["variantA"] == {"calls": 3, "totalCost": "5"}
    assert await verify(database, user_id, clock.now) == []


ASKED = {
    "taskType": "chat",
    "inputTokens": 1000,
    "maxOutputTokens": 1000,
    "candidates": [{"provider": "openai", "model": "gpt-4o-mini"}],
}


def attempt(decision_id: str, **more: Any) -> dict[str, Any]:
    return CALL | {"provider": "openai", "modelUsed": "gpt-4o-mini", "decisionId": decision_id} | more


async def test_a_late_call_of_a_dropped_routing_decision_is_no_assignment(
    api: Api, clock: Clock, database: Database, user_id: UUID
) -> None:
    clock.now = JANUARY
    await api.ask(SET_BUDGET)
    test = await api.ask(START_TEST)
    decision = await api.ask(ROUTE, input=ASKED)
    of_test = {"abTestId": test["id"], "abVariant": "A", "unitKey": "u"}
    await api.ask(LOG, input=attempt(decision["id"], eventId="first", **of_test))
    clock.now = MARCH
    await drop_before(database, FEBRUARY)
    # when its second attempt is reported twice, as a call of the test
    late = attempt(decision["id"], eventId="late", cost="2", **of_test)
    answers = [await api.ask(LOG, input=late) for _ in range(2)]
    assert [answer["deduplicated"] for answer in answers] == [False, True]
    # then it is charged once, and its assignment is not counted again
    sums = await api.ask(SUMS)
    assert [row["totalCost"] for row in sums["analyticsSummary"]] == ["5"]
    assert [alert["currentAmount"] for alert in sums["costAlerts"]["nodes"]] == ["2"]
    async with database.system() as transaction:
        groups = await transaction.connection.execute(select(ABGroup.assigned, ABGroup.calls))
        assert groups.all() == [(1, 2)]
    assert await count(database, Hold) == 0
    assert await verify(database, user_id, clock.now) == []


async def test_a_hold_across_the_end_of_a_month_stays_until_it_expires(
    api: Api, clock: Clock, database: Database, user_id: UUID
) -> None:
    clock.now = datetime(2026, 2, 28, 23, 55, tzinfo=UTC)
    await api.ask(SET_BUDGET)
    decision = await api.ask(ROUTE, input=ASKED)
    clock.advance(minutes=6)
    assert await drop_before(database, clock.now) == datetime(2026, 3, 1, tzinfo=UTC)
    held = "{ costAlerts { nodes { heldAmount } } }"
    assert (await api.ask(held))["nodes"] == [{"heldAmount": decision["heldAmount"]}]
    assert await verify(database, user_id, clock.now) == []
    clock.advance(minutes=10)
    assert (await api.ask(held))["nodes"] == [{"heldAmount": "0"}]
    assert await verify(database, user_id, clock.now) == []


async def test_sums_that_lost_calls_to_retention_are_not_reported_as_wrong(
    api: Api, clock: Clock, database: Database, user_id: UUID
) -> None:
    # given a routing decision and a test of March, with calls dated January, and others
    await api.ask(SET_BUDGET)
    test = await api.ask(START_TEST)
    of_test = CALL | {"provider": "openai", "modelUsed": "a", "abTestId": test["id"]}
    decision = await api.ask(ROUTE, input=ASKED)
    unpriced = await api.ask(ROUTE, input=ASKED)
    old = {"occurredAt": JANUARY.isoformat(), "success": False}
    for call in (
        attempt(decision["id"], **old),
        attempt(decision["id"], cost="1"),
        attempt(unpriced["id"], **old | {"cost": None}),
        of_test | old,
        of_test,
    ):
        assert (await api.ask(LOG, input=call))["__typename"] == "LoggedAnalytics"
    assert await verify(database, user_id, clock.now) == []
    before = await api.ask(SUMS)
    # when the calls of January are dropped
    await drop_before(database, FEBRUARY)
    # then nothing differs, and no sum is lowered
    assert await repair(database, user_id, clock.now) == []
    assert await api.ask(SUMS) == before
    # and calls of January that come later do not differ either
    later = await api.ask(START_TEST.replace('testName: "t"', 'testName: "u", taskType: "code"'))
    newer = await api.ask(ROUTE, input=ASKED)
    for call in (
        attempt(newer["id"], **old),
        attempt(decision["id"], **old),
        of_test | {"abTestId": later["id"]} | old,
        of_test | old,
    ):
        assert (await api.ask(LOG, input=call))["__typename"] == "LoggedAnalytics"
    assert await verify(database, user_id, clock.now) == []
    await drop_before(database, FEBRUARY)
    assert await verify(database, user_id, clock.now) == []


async def test_live_calls_are_accepted_from_this_month_and_the_two_before(
    api: Api, clock: Clock, database: Database, user_id: UUID, post: Callable[..., Any]
) -> None:
    # given a clock in March
    first, before = "2026-01-01T00:00:00Z", "2025-12-31T23:59:59.999999Z"
    message = "occurredAt: must be 2026-01-01T00:00:00Z or later; import older calls with: python -m server import"
    # then calls of January are accepted and older ones rejected, over every API for live calls
    for n, (at, taken) in enumerate(
        ((first, True), (before, False), ("1970-01-01T00:00:00Z", False), ("2026-01-01T05:29:59.999999+05:30", False))
    ):
        answer = await api.ask(LOG, input=CALL | {"occurredAt": at, "eventId": f"a{n}"})
        many = await api.ask(LOG_MANY, input=[CALL | {"occurredAt": at, "eventId": f"b{n}"}])
        [line] = await post("/ingest/decisions", CALL | {"occurredAt": at, "eventId": f"c{n}"})
        assert (answer["__typename"] == "LoggedAnalytics", many["accepted"] == 1, "id" in line) == (taken,) * 3
        if not taken:
            assert (answer["code"], answer["path"], answer["message"]) == (
                "INVALID_INPUT",
                ["input", "occurredAt"],
                message,
            )
            assert many["rejected"] == [{"index": 0}]
            assert line["error"] == {"code": "INVALID_INPUT", "message": message, "path": ["occurredAt"]}
    assert await count(database, RouterAnalytics) == await count(database, EventKey) == 3
    # and import accepts older calls
    old = LogAnalytics.checked(CALL | {"occurredAt": before})
    async with Ledger(database, clock).running() as ledger:
        [imported] = await ledger.record([CallDraft(user_id, old, imported=True)])
        assert isinstance(imported, Logged)
    # and the bound follows the clock, and calls accepted before are still deduplicated
    clock.now = datetime(2026, 4, 1, tzinfo=UTC)
    rejected = await api.ask(LOG, input=CALL | {"occurredAt": "2026-01-31T23:59:59Z"})
    assert rejected["path"] == ["input", "occurredAt"]
    known = await api.ask(LOG, input=CALL | {"occurredAt": first, "eventId": "a0"})
    assert known["deduplicated"] is True
    assert await verify(database, user_id, clock.now) == []
