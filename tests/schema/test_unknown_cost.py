"""Budgets and calls of unknown cost: assumed spend, rejected requests, and counts of unpriced calls in sums."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from models.database import Database
from models.queries.verification import verify
from tests.conftest import Clock
from tests.support.api import Api
from tests.support.load import LOG_ONE, ROUTE

MINI = {"provider": "openai", "model": "gpt-4o-mini"}
LARGE = {"provider": "openai", "model": "gpt-4o"}
REQUEST = {"taskType": "chat", "inputTokens": 1000, "maxOutputTokens": 1000, "candidates": [MINI]}

SET_BUDGET = """
mutation($threshold: Decimal!, $unknownCost: UnknownCost, $mode: WindowMode) {
  createCostAlert(input: {
    thresholdAmount: $threshold, period: DAILY, enforced: true, unknownCost: $unknownCost, mode: $mode
  }) { ... on CostAlert { id unknownCost } ... on Error { message } }
}
"""
ALERT = "{ costAlerts { nodes { currentAmount assumedAmount heldAmount availableAmount unpricedCalls state } } }"
DECISION = "query($id: ID!) { decision(id: $id) { assumedAmount state } }"


def outcome(decision: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    model = decision or MINI
    return {
        "provider": model["provider"],
        "modelUsed": model["model"],
        "taskType": "chat",
        "success": True,
        "decisionId": decision["id"] if decision else None,
    } | fields


async def alert_of(api: Api) -> dict[str, Any]:
    [alert] = (await api.ask(ALERT))["nodes"]
    found: dict[str, Any] = alert
    return found


@pytest.mark.parametrize("mode", ["CALENDAR", "ROLLING"])
@pytest.mark.parametrize(
    "unknown",
    [{}, {"inputTokens": 1000}, {"outputTokens": 10}, {"success": False, "inputTokens": 10}],
    ids=["no counts", "input alone", "output alone", "a failure"],
)
async def test_a_routing_decision_of_unknown_cost_is_charged_its_hold(
    api: Api, database: Database, user_id: UUID, clock: Clock, mode: str, unknown: dict[str, Any]
) -> None:
    # given a budget for one request, and an outcome of unknown cost
    await api.ask(SET_BUDGET, threshold="0.001", mode=mode)
    decision = await api.ask(ROUTE, input=REQUEST)
    assert decision["heldAmount"] == "0.00075"
    logged = await api.ask(LOG_ONE, input=outcome(decision, **unknown))
    assert logged["__typename"] == "LoggedAnalytics"
    # then its hold is assumed as spend, and the next request is rejected
    assert await alert_of(api) == {
        "currentAmount": "0",
        "assumedAmount": "0.00075",
        "heldAmount": "0",
        "availableAmount": "0.00025",
        "unpricedCalls": 1,
        "state": "ACTIVE",
    }
    assert (await api.ask(DECISION, id=decision["id"]))["assumedAmount"] == "0.00075"
    rejected = await api.ask(ROUTE, input=REQUEST)
    assert (rejected["constraint"], rejected["spent"], rejected["held"]) == ("budget", "0", "0")
    assert await verify(database, user_id, clock.now) == []


async def test_a_thousand_outcomes_of_unknown_cost_spend_the_budget_once(
    api: Api, database: Database, user_id: UUID, clock: Clock
) -> None:
    # given a budget for 10 requests
    await api.ask(SET_BUDGET, threshold="0.0075")
    served = 0
    for _ in range(15):
        decision = await api.ask(ROUTE, input=REQUEST)
        if decision["__typename"] == "RoutingDecision":
            served += 1
            await api.ask(LOG_ONE, input=outcome(decision))
    assert served == 10
    assert (await alert_of(api))["assumedAmount"] == "0.0075"
    # then the next window admits requests again
    clock.advance(days=1)
    assert (await api.ask(ROUTE, input=REQUEST))["__typename"] == "RoutingDecision"
    assert await verify(database, user_id, clock.now) == []


async def test_a_call_without_routing_decision_or_known_cost_rejects_its_model_and_no_other(
    api: Api, database: Database, user_id: UUID, clock: Clock
) -> None:
    await api.ask(SET_BUDGET, threshold="1")
    await api.ask(LOG_ONE, input=outcome())
    assert (await alert_of(api))["unpricedCalls"] == 1
    rejected = await api.ask(ROUTE, input=REQUEST)
    assert (rejected["constraint"], rejected["retryable"]) == ("budget", True)
    assert "price unknown" in rejected["candidates"][0]["reason"]
    assert rejected["resetsAt"] == "2026-03-11T00:00:00Z"
    # another model is served, and this one is served in the next window
    both = await api.ask(ROUTE, input=REQUEST | {"candidates": [MINI, LARGE]})
    assert both["model"] == "gpt-4o"
    clock.advance(days=1)
    assert (await api.ask(ROUTE, input=REQUEST))["__typename"] == "RoutingDecision"
    assert await verify(database, user_id, clock.now) == []


async def test_a_budget_may_allow_unknown_costs(api: Api) -> None:
    assert (await api.ask(SET_BUDGET, threshold="1", unknownCost="ALLOW"))["unknownCost"] == "ALLOW"
    await api.ask(LOG_ONE, input=outcome())
    assert (await api.ask(ROUTE, input=REQUEST))["__typename"] == "RoutingDecision"


async def test_the_known_cost_of_a_fallback_reduces_the_assumed_spend_of_a_failure(
    api: Api, database: Database, user_id: UUID, clock: Clock
) -> None:
    await api.ask(SET_BUDGET, threshold="1")
    decision = await api.ask(ROUTE, input=REQUEST | {"candidates": [MINI, LARGE]})
    held = decision["heldAmount"]
    await api.ask(LOG_ONE, input=outcome(decision, success=False))
    assert (await alert_of(api))["assumedAmount"] == held
    await api.ask(LOG_ONE, input=outcome(decision, cost="0.0001", fallbackUsed=True))
    alert = await alert_of(api)
    assert (alert["currentAmount"], alert["heldAmount"]) == ("0.0001", "0")
    # the sum stays the hold, because the failure may have cost something too
    assert alert["assumedAmount"] == "0.00065"
    assert await verify(database, user_id, clock.now) == []


async def test_a_hold_covers_only_the_attempts_and_models_of_its_routing_decision(
    api: Api, database: Database, user_id: UUID, clock: Clock
) -> None:
    # given a routing decision whose outcome cost the whole hold
    await api.ask(SET_BUDGET, threshold="1")
    decision = await api.ask(ROUTE, input=REQUEST)
    await api.ask(LOG_ONE, input=outcome(decision, cost="0.00075"))
    # when further calls of unknown cost name it
    await api.ask(LOG_ONE, input=outcome(decision))
    # then they are treated like calls without a routing decision
    assert (await api.ask(ROUTE, input=REQUEST))["constraint"] == "budget"
    assert (await alert_of(api))["assumedAmount"] == "0"
    assert await verify(database, user_id, clock.now) == []


async def test_a_call_of_another_model_than_the_chosen_one_rejects_that_model(
    api: Api, database: Database, user_id: UUID, clock: Clock
) -> None:
    await api.ask(SET_BUDGET, threshold="1")
    decision = await api.ask(ROUTE, input=REQUEST)
    await api.ask(LOG_ONE, input=outcome(decision, modelUsed="gpt-4o"))
    # the routing decision is charged its hold, because its outcome is unknown; the cost of the other model is unknown too
    assert (await alert_of(api))["assumedAmount"] == "0.00075"
    assert (await api.ask(ROUTE, input=REQUEST | {"candidates": [LARGE]}))["constraint"] == "budget"
    assert (await api.ask(ROUTE, input=REQUEST))["__typename"] == "RoutingDecision"
    assert await verify(database, user_id, clock.now) == []
