"""Clients that log as fast as they are answered, and remember what each of them was told of every record."""

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
# Windows of 1000 weeks that began in 2020: none of them ends while a test runs.
SET_ALERT = """
mutation($threshold: Decimal!) {
  createCostAlert(input: {
    thresholdAmount: $threshold, period: CUSTOM, custom: {every: 1000, unit: WEEK, anchor: "2020-01-01T00:00:00Z"}
  }) { ... on CostAlert { id } }
}
"""
# The last 30 days.
SET_ROLLING_ALERT = """
mutation($threshold: Decimal!) {
  createCostAlert(input: {thresholdAmount: $threshold, period: MONTHLY, mode: ROLLING}) { ... on CostAlert { id } }
}
"""
# The same windows, and a limit for routing.
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
NOBODYS_TEST = "00000000-0000-0000-0000-000000000001"

COST = Decimal("0.010000001")
BATCH = 20


def record(event_id: str, number: int, ab_test_id: str) -> dict[str, Any]:
    """A report that is always the same for the same event."""
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
class Told:
    """What became of the records, as far as their clients know."""

    acknowledged: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    # No answer came, or the answer was to try again: these may be stored, or not.
    unsettled: dict[str, dict[str, Any]] = field(default_factory=dict)
    errors: list[Any] = field(default_factory=list)
    """Top-level errors, and answers that are no GraphQL at all."""


async def send(api: Api, records: Sequence[dict[str, Any]], told: Told) -> bool:
    """Log these, and note what was said; whether anything was."""
    try:
        response = await (
            api.post(LOG_MANY, input=records) if len(records) > 1 else api.post(LOG_ONE, input=records[0])
        )
    except httpx2.TransportError:
        told.unsettled |= {record["eventId"]: record for record in records}
        return False
    try:
        body = response.json()
    except ValueError:
        body = {"errors": [f"{response.status_code} {response.text}"]}
    if "errors" in body:
        told.errors += body["errors"]
        told.unsettled |= {record["eventId"]: record for record in records}
        return True
    [answer] = body["data"].values()
    refused = {rejected["index"] for rejected in answer["rejected"]} if "rejected" in answer else set()
    if "__typename" in answer and answer["__typename"] != "LoggedAnalytics":
        refused = {0}
    for index, sent in enumerate(records):
        (told.refused if index in refused else told.acknowledged).add(sent["eventId"])
        told.unsettled.pop(sent["eventId"], None)
    return True


async def log_on(api: Api, name: str, ab_test_id: str, told: Told, enough: asyncio.Event | None = None) -> None:
    """Log singles and batches in turn, some of them with a record that is to be refused, until it is enough or nobody
    answers.
    """
    for number in itertools.count():
        if enough is not None and enough.is_set():
            return
        event_id = f"{name}:{number}"
        records = [record(event_id, number, ab_test_id)]
        if number % 3 == 1:
            records = [record(f"{event_id}:{n}", n, ab_test_id) for n in range(BATCH)]
            records[number % BATCH]["abTestId"] = NOBODYS_TEST
        elif number % 9 == 5:
            records[0]["abTestId"] = NOBODYS_TEST
        if not await send(api, records, told):
            return


async def until(condition: Callable[[], bool], patience_s: float = 30) -> None:
    """Come back once it holds."""
    async with asyncio.timeout(patience_s):
        while not condition():  # noqa: ASYNC110 - what it tells of happens in other processes
            await asyncio.sleep(0.01)


async def settle(api: Api, told: Told) -> None:
    """Send again whatever is unsettled, until none is."""
    while told.unsettled:
        records = list(told.unsettled.values())
        for start in range(0, len(records), 500):
            assert await send(api, records[start : start + 500], told)
        await asyncio.sleep(0)
