"""Clients that log calls as fast as they are answered, and record the outcome of each call."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import httpx2

from tests.support.api import Api

LOG_ONE = """
mutation($input: LogAnalyticsInput!) {
  logAnalytics(input: $input) { __typename ... on LoggedAnalytics { deduplicated } ... on Error { message } }
}
"""
LOG_MANY = """
mutation($input: [LogAnalyticsInput!]!) {
  logAnalyticsBatch(input: $input) { accepted deduplicated rejected { index } }
}
"""
START_TEST = """
mutation {
  createABTest(input: {
    testName: "t", variantA: {provider: "openai", model: "a"}, variantB: {provider: "openai", model: "b"}
  }) { ... on ABTest { id } }
}
"""
# A window of 1000 weeks that began in 2020 does not end while a test runs.
SET_ALERT = """
mutation($threshold: Decimal!) {
  createCostAlert(input: {
    thresholdAmount: $threshold, period: CUSTOM, custom: {every: 1000, unit: WEEK, anchor: "2020-01-01T00:00:00Z"}
  }) { ... on CostAlert { id } }
}
"""
# A rolling window of the last 30 days.
SET_ROLLING_ALERT = """
mutation($threshold: Decimal!) {
  createCostAlert(input: {thresholdAmount: $threshold, period: MONTHLY, mode: ROLLING}) { ... on CostAlert { id } }
}
"""
# The same window, and enforced: routing rejects candidates that would exceed it.
SET_BUDGET = """
mutation($threshold: Decimal!) {
  createCostAlert(input: {
    thresholdAmount: $threshold, enforced: true,
    period: CUSTOM, custom: {every: 1000, unit: WEEK, anchor: "2020-01-01T00:00:00Z"}
  }) { ... on CostAlert { id } }
}
"""
ROUTE = """
mutation($input: RouteRequestInput!) {
  routeRequest(input: $input) {
    __typename
    ... on RoutingDecision {
      id provider model heldAmount expiresAt estimatedCost notes
      fallbacks { provider model } candidates { provider model reason }
    }
    ... on RouteRefused {
      constraint limit spent held resetsAt alertId retryable candidates { provider model reason }
    }
    ... on Error { code message path }
  }
}
"""
UNKNOWN_TEST = "00000000-0000-0000-0000-000000000001"

COST = Decimal("0.010000001")
BATCH = 20


def record(event_id: str, number: int, ab_test_id: str) -> dict[str, Any]:
    """The report of one call. It depends on the arguments alone, so a repetition has the same fingerprint."""
    return {
        "eventId": event_id,
        "provider": "openai",
        "modelUsed": "ab"[number % 2],
        "taskType": "chat",
        "success": number % 5 > 0,
        "latencyMs": None if number % 7 == 0 else number % 1000,
        "cost": str(COST),
        "abTestId": ab_test_id,
    }


@dataclass
class Outcomes:
    """The outcomes of the calls as their clients know them."""

    acknowledged: set[str] = field(default_factory=set)
    rejected: set[str] = field(default_factory=set)
    # Calls without an answer, or with an answer to try again: each may be stored or not.
    unsettled: dict[str, dict[str, Any]] = field(default_factory=dict)
    errors: list[Any] = field(default_factory=list)
    """Top-level errors, and answers that are not GraphQL responses."""


async def send(api: Api, records: Sequence[dict[str, Any]], outcomes: Outcomes) -> bool:
    """Log these calls and record their outcomes. Returns whether the server answered."""
    try:
        response = await (
            api.post(LOG_MANY, input=records) if len(records) > 1 else api.post(LOG_ONE, input=records[0])
        )
    except httpx2.TransportError:
        outcomes.unsettled |= {record["eventId"]: record for record in records}
        return False
    try:
        body = response.json()
    except ValueError:
        body = {"errors": [f"{response.status_code} {response.text}"]}
    if "errors" in body:
        outcomes.errors += body["errors"]
        outcomes.unsettled |= {record["eventId"]: record for record in records}
        return True
    [answer] = body["data"].values()
    rejected = {error["index"] for error in answer["rejected"]} if "rejected" in answer else set()
    if "__typename" in answer and answer["__typename"] != "LoggedAnalytics":
        rejected = {0}
    for index, sent in enumerate(records):
        (outcomes.rejected if index in rejected else outcomes.acknowledged).add(sent["eventId"])
        outcomes.unsettled.pop(sent["eventId"], None)
    return True


async def log_on(api: Api, name: str, ab_test_id: str, outcomes: Outcomes, enough: asyncio.Event | None = None) -> None:
    """Log single calls and batches, some with a call that must be rejected.

    Returns when `enough` is set or the server does not answer.
    """
    for number in itertools.count():
        if enough is not None and enough.is_set():
            return
        event_id = f"{name}:{number}"
        records = [record(event_id, number, ab_test_id)]
        if number % 3 == 1:
            records = [record(f"{event_id}:{n}", n, ab_test_id) for n in range(BATCH)]
            records[number % BATCH]["abTestId"] = UNKNOWN_TEST
        elif number % 9 == 5:
            records[0]["abTestId"] = UNKNOWN_TEST
        if not await send(api, records, outcomes):
            return


async def until(condition: Callable[[], bool], patience_s: float = 30) -> None:
    """Wait until the condition is true, for `patience_s` seconds at most."""
    async with asyncio.timeout(patience_s):
        while not condition():  # noqa: ASYNC110 - it depends on other processes
            await asyncio.sleep(0.01)


async def settle(api: Api, outcomes: Outcomes) -> None:
    """Send the unsettled calls again until each has an outcome."""
    while outcomes.unsettled:
        records = list(outcomes.unsettled.values())
        for start in range(0, len(records), 500):
            assert await send(api, records[start : start + 500], outcomes)
        await asyncio.sleep(0)
