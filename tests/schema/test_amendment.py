"""Amendments: facts that become known after a call was logged, and the sums that follow them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from models.database import Database
from models.queries.verification import verify
from tests.conftest import Clock
from tests.support.api import Api
from tests.support.load import LOG_ONE, ROUTE, START_TEST

AMEND = """
mutation($id: ID, $eventId: String, $input: AmendAnalyticsInput!) {
  amendAnalytics(id: $id, eventId: $eventId, input: $input) {
    __typename
    ... on AmendedAnalytics {
      deduplicated
      record { id cost costSource priceVersion inputTokens outputTokens success qualityScore amendedAt }
      alertEvents { level amount }
    }
    ... on Error { code message path }
  }
}
"""
AMENDMENTS = "query($id: ID!) { amendments(analyticsId: $id) { amendmentId before after createdAt } }"
SUMMARY = "{ analyticsSummary { calls successes totalCost unpricedCalls inputTokens outputTokens } }"
LOGGED = "{ analytics { nodes { id eventId cost } } }"
CALL = {"eventId": "one", "provider": "acme", "modelUsed": "secret", "taskType": "chat", "success": True}
SET_ALERT = """
mutation($threshold: Decimal!, $enforced: Boolean) {
  createCostAlert(input: {thresholdAmount: $threshold, period: DAILY, enforced: $enforced}) { ... on CostAlert { id } }
}
"""
ALERTS = "{ costAlerts { nodes { currentAmount assumedAmount unpricedCalls state } } }"
REQUEST = {
    "taskType": "chat",
    "inputTokens": 1000,
    "maxOutputTokens": 1000,
    "candidates": [{"provider": "openai", "model": "gpt-4o-mini"}],
}


async def only(api: Api, query: str) -> dict[str, Any]:
    found = await api.ask(query)
    [one] = found["nodes"] if isinstance(found, dict) else found
    row: dict[str, Any] = one
    return row


async def test_a_cost_that_becomes_known_later_is_counted_from_then_on(
    api: Api, database: Database, user_id: UUID, clock: Clock
) -> None:
    # given a call of unknown cost, and an alert
    await api.ask(SET_ALERT, threshold="10")
    await api.ask(LOG_ONE, input=CALL)
    assert (await only(api, SUMMARY))["unpricedCalls"] == 1
    # when its cost is amended
    amended = await api.ask(AMEND, eventId="one", input={"cost": "12.5", "amendmentId": "a"})
    assert amended["__typename"] == "AmendedAnalytics"
    assert amended["record"] | {"id": None} == {
        "id": None,
        "cost": "12.5",
        "costSource": "RECORDED",
        "priceVersion": None,
        "inputTokens": None,
        "outputTokens": None,
        "success": True,
        "qualityScore": None,
        "amendedAt": "2026-03-10T12:00:00Z",
    }
    assert amended["alertEvents"] == [{"level": "TRIGGERED", "amount": "12.5"}]
    # then every sum includes it, and the amendment has the value from before
    summary = await only(api, SUMMARY)
    assert (summary["totalCost"], summary["unpricedCalls"]) == ("12.5", 0)
    alert = await only(api, ALERTS)
    assert (alert["currentAmount"], alert["unpricedCalls"], alert["state"]) == ("12.5", 0, "TRIGGERED")
    [amendment] = await api.ask(AMENDMENTS, id=amended["record"]["id"])
    assert (amendment["before"], amendment["after"]) == ({"cost": None}, {"cost": "12.5"})
    assert await verify(database, user_id, clock.now) == []


async def test_a_repeated_amendment_is_deduplicated_and_another_with_its_id_is_rejected(api: Api) -> None:
    await api.ask(LOG_ONE, input=CALL)
    first = await api.ask(AMEND, eventId="one", input={"cost": "1", "amendmentId": "a"})
    again = await api.ask(AMEND, eventId="one", input={"cost": "1", "amendmentId": "a"})
    assert (first["deduplicated"], again["deduplicated"]) == (False, True)
    other = await api.ask(AMEND, eventId="one", input={"cost": "2", "amendmentId": "a"})
    assert (other["code"], other["path"]) == ("CONFLICT", ["amendmentId"])
    assert (await only(api, SUMMARY))["totalCost"] == "1"


async def test_amended_tokens_reprice_a_call_of_a_listed_model(
    api: Api, database: Database, user_id: UUID, clock: Clock
) -> None:
    call = CALL | {"provider": "openai", "modelUsed": "gpt-4o", "inputTokens": 1_000_000}
    await api.ask(LOG_ONE, input=call)
    amended = await api.ask(AMEND, eventId="one", input={"outputTokens": 1_000_000})
    assert (amended["record"]["cost"], amended["record"]["costSource"]) == ("12.5", "LIST_PRICE")
    # a correction subtracts the previous cost
    amended = await api.ask(AMEND, eventId="one", input={"inputTokens": 0, "outputTokens": 1})
    assert amended["record"]["cost"] == "0.00001"
    summary = await only(api, SUMMARY)
    assert (summary["totalCost"], summary["inputTokens"], summary["outputTokens"]) == ("0.00001", 0, 1)
    # a reported cost is not replaced by a list price
    await api.ask(AMEND, eventId="one", input={"cost": "3"})
    amended = await api.ask(AMEND, eventId="one", input={"inputTokens": 5})
    assert (amended["record"]["cost"], amended["record"]["costSource"]) == ("3", "RECORDED")
    assert await verify(database, user_id, clock.now) == []


async def test_a_known_cost_replaces_the_assumed_spend(
    api: Api, database: Database, user_id: UUID, clock: Clock
) -> None:
    await api.ask(SET_ALERT, threshold="0.001", enforced=True)
    decision = await api.ask(ROUTE, input=REQUEST)
    call = {"eventId": "one", "provider": "openai", "modelUsed": "gpt-4o-mini", "taskType": "chat", "success": True}
    await api.ask(LOG_ONE, input=call | {"decisionId": decision["id"]})
    assert (await only(api, ALERTS))["assumedAmount"] == "0.00075"
    await api.ask(AMEND, eventId="one", input={"cost": "0.0001"})
    alert = await only(api, ALERTS)
    assert (alert["currentAmount"], alert["assumedAmount"]) == ("0.0001", "0")
    assert (await api.ask(ROUTE, input=REQUEST))["__typename"] == "RoutingDecision"
    assert await verify(database, user_id, clock.now) == []


async def test_a_model_is_served_again_once_its_call_has_a_price(
    api: Api, database: Database, user_id: UUID, clock: Clock
) -> None:
    await api.ask(SET_ALERT, threshold="1", enforced=True)
    call = {"eventId": "one", "provider": "openai", "modelUsed": "gpt-4o-mini", "taskType": "chat", "success": True}
    await api.ask(LOG_ONE, input=call)
    assert (await api.ask(ROUTE, input=REQUEST))["__typename"] == "RouteRefused"
    await api.ask(AMEND, eventId="one", input={"inputTokens": 10, "outputTokens": 10})
    assert (await api.ask(ROUTE, input=REQUEST))["__typename"] == "RoutingDecision"
    assert await verify(database, user_id, clock.now) == []


async def test_ended_windows_count_amendments_and_do_not_fire(
    api: Api, database: Database, user_id: UUID, clock: Clock
) -> None:
    await api.ask(SET_ALERT, threshold="1")
    await api.ask(LOG_ONE, input=CALL)
    clock.advance(days=1)
    amended = await api.ask(AMEND, eventId="one", input={"cost": "5"})
    assert amended["alertEvents"] == []
    assert (await only(api, ALERTS))["currentAmount"] == "0"
    assert await api.ask("{ alertEvents { nodes { id } } }") == {"nodes": []}
    assert await verify(database, user_id, clock.now) == []


@pytest.mark.parametrize("success", [True, False])
async def test_feedback_and_outcomes_change_the_figures_of_a_test(
    api: Api, database: Database, user_id: UUID, clock: Clock, success: bool
) -> None:
    test = await api.ask(START_TEST)
    for number in range(4):
        call = CALL | {"eventId": str(number), "provider": "openai", "modelUsed": "ab"[number % 2]}
        reported = {"success": not success, "latencyMs": 100 + number, "cost": "0.5", "abTestId": test["id"]}
        await api.ask(LOG_ONE, input=call | reported)
    for number in range(3):
        amended = await api.ask(AMEND, eventId=str(number), input={"success": success, "qualityScore": 0.25})
        assert (amended["record"]["success"], amended["record"]["qualityScore"]) == (success, 0.25)
    await api.ask(AMEND, eventId="3", input={"cost": "0.000000001"})
    assert await verify(database, user_id, clock.now) == []
    tested = await api.ask(
        "query($id: ID!) { abTest(id: $id) { variantA { calls successes } variantB { calls successes totalCost } } }",
        id=test["id"],
    )
    assert tested["variantA"] == {"calls": 2, "successes": 2 if success else 0}
    assert tested["variantB"] == {"calls": 2, "successes": 1, "totalCost": "0.500000001"}


async def test_an_invalid_amendment_or_one_of_another_users_call_is_rejected(api: Api, other_api: Api) -> None:
    await api.ask(LOG_ONE, input=CALL)
    call = await only(api, LOGGED)
    for other in ({"id": call["id"]}, {"eventId": "one"}, {"id": "nonsense"}, {"eventId": "two"}):
        refused = await other_api.ask(AMEND, **other, input={"cost": "1"})
        assert refused["code"] in {"NOT_FOUND", "INVALID_INPUT"}
    assert await other_api.ask(AMENDMENTS, id=call["id"]) == []
    for wrong in (
        {"input": {"cost": "1"}},
        {"id": call["id"], "eventId": "one", "input": {"cost": "1"}},
        {"eventId": "one", "input": {}},
        {"eventId": "one", "input": {"amendmentId": "x"}},
        {"eventId": "one", "input": {"cost": "-1"}},
        {"eventId": "one", "input": {"inputTokens": 1, "cachedTokens": 2}},
    ):
        refused = await api.ask(AMEND, **wrong)
        assert refused["code"] == "INVALID_INPUT", wrong
    assert (await only(api, LOGGED))["cost"] is None


@pytest.mark.parametrize("failed", [{}, {"cost": "0.5"}], ids=["unknown", "dearer than was held"])
async def test_the_hold_of_a_failed_attempt_is_restored_when_its_cost_is_known_to_be_0(
    api: Api, database: Database, user_id: UUID, clock: Clock, failed: dict[str, Any]
) -> None:
    # given a routing decision whose first attempt failed, and whose fallback is under way
    await api.ask(SET_ALERT, threshold="1", enforced=True)
    candidates = [{"provider": "openai", "model": model} for model in ("gpt-4o-mini", "gpt-4o")]
    decision = await api.ask(ROUTE, input=REQUEST | {"candidates": candidates})
    call = {"eventId": "one", "provider": "openai", "modelUsed": "gpt-4o-mini", "taskType": "chat", "success": False}
    await api.ask(LOG_ONE, input=call | {"decisionId": decision["id"]} | failed)
    held = "{ costAlerts { nodes { currentAmount assumedAmount heldAmount } } }"
    assert (await only(api, held))["heldAmount"] == "0"
    await api.ask(AMEND, eventId="one", input={"cost": "0"})
    # then the fallback has its hold again
    assert await only(api, held) == {
        "currentAmount": "0",
        "assumedAmount": "0",
        "heldAmount": decision["heldAmount"],
    }
    assert await verify(database, user_id, clock.now) == []


async def test_a_repeated_amendment_may_name_its_call_by_id_or_event_id(api: Api) -> None:
    await api.ask(LOG_ONE, input=CALL)
    call = await only(api, LOGGED)
    await api.ask(AMEND, eventId="one", input={"cost": "1", "amendmentId": "a"})
    again = await api.ask(AMEND, id=call["id"], input={"cost": "1", "amendmentId": "a"})
    assert again["deduplicated"] is True


async def test_amendments_follow_one_another_whatever_the_clocks_say(
    api: Api, database: Database, user_id: UUID, clock: Clock
) -> None:
    await api.ask(LOG_ONE, input=CALL)
    await api.ask(AMEND, eventId="one", input={"cost": "1"})
    clock.advance(minutes=-1)
    amended = await api.ask(AMEND, eventId="one", input={"cost": "2"})
    clock.advance(minutes=2)
    amendments = await api.ask(AMENDMENTS, id=amended["record"]["id"])
    assert [each["after"]["cost"] for each in amendments] == ["1", "2"]
    assert await verify(database, user_id, clock.now) == []
