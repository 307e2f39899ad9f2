"""The guarantee of a budget under random outcomes, compared with a reference model of a few lines."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from models.database import Database
from models.ledger.routing_decision import HOLD_FOR
from models.queries.verification import verify
from tests.conftest import Clock
from tests.support.api import Api
from tests.support.load import LOG_ONE

LIMIT = Decimal("0.012")
MINI = {"provider": "openai", "model": "gpt-4o-mini"}
LARGE = {"provider": "openai", "model": "gpt-4o"}
SET_BUDGET = """
mutation($threshold: Decimal!, $mode: WindowMode!) {
  createCostAlert(input: {
    thresholdAmount: $threshold, period: DAILY, mode: $mode, enforced: true, unknownCost: ALLOW
  }) { ... on CostAlert { id } }
}
"""
ROUTE = """
mutation($input: RouteRequestInput!) {
  routeRequest(input: $input) {
    __typename
    ... on RoutingDecision { id heldAmount fallbacks { model } }
    ... on RouteRefused { candidates { estimatedCost } }
  }
}
"""
RELEASE = "mutation($id: ID!) { releaseDecision(id: $id) { __typename } }"
ALERT = "{ costAlerts { nodes { currentAmount assumedAmount heldAmount unpricedCalls } } }"
AMEND = """
mutation($eventId: String!, $cost: Decimal!) {
  amendAnalytics(eventId: $eventId, input: {cost: $cost}) { __typename }
}
"""


@dataclass
class Call:
    cost: Decimal | None
    success: bool


@dataclass
class Decision:
    """A routing decision in the reference model."""

    id: str
    hold: Decimal
    attempts: int
    expires_at: datetime
    calls: dict[str, Call] = field(default_factory=dict)
    released: bool = False
    # A reported success settles the hold for good, even if it is amended.
    settled: bool = False

    @property
    def known(self) -> Decimal:
        return sum((call.cost for call in self.calls.values() if call.cost is not None), Decimal(0))

    @property
    def rest(self) -> Decimal:
        return max(self.hold - self.known, Decimal(0))

    @property
    def assumed(self) -> Decimal:
        return self.rest if any(call.cost is None for call in self.calls.values()) else Decimal(0)

    def held(self, now: datetime) -> Decimal:
        over = self.released or self.settled or self.expires_at <= now or len(self.calls) >= self.attempts
        return Decimal(0) if over or self.assumed else self.rest

    def committed(self, now: datetime) -> Decimal:
        return self.known + self.assumed + self.held(now)


class Model:
    """The reference model: one budget of one day with its known, assumed and held spend, and the documented overshoot."""

    def __init__(self) -> None:
        self.decisions: list[Decision] = []
        self.loose: dict[str, Decimal | None] = {}
        self.overshoot = Decimal(0)

    def figures(self, now: datetime) -> dict[str, str | int]:
        calls = [call.cost for decision in self.decisions for call in decision.calls.values()]
        costs = [*calls, *self.loose.values()]
        return {
            "currentAmount": _plain(sum((cost for cost in costs if cost is not None), Decimal(0))),
            "assumedAmount": _plain(sum((decision.assumed for decision in self.decisions), Decimal(0))),
            "heldAmount": _plain(sum((decision.held(now) for decision in self.decisions), Decimal(0))),
            "unpricedCalls": sum(cost is None for cost in costs),
        }

    def record(self, decision: Decision, event_id: str, call: Call, now: datetime) -> None:
        before = decision.committed(now)
        decision.calls[event_id] = call
        decision.settled |= call.success or len(decision.calls) >= decision.attempts
        self.overshoot += max(decision.committed(now) - before, Decimal(0))


def _plain(amount: Decimal) -> str:
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


class Run:
    """Takes random steps of clients, in the reference model and through the API."""

    def __init__(self, api: Api, clock: Clock, chance: random.Random) -> None:
        self._api = api
        self._clock = clock
        self._chance = chance
        self.model = Model()
        self._events = 0

    async def step(self) -> None:
        steps = (
            [self._route] * 4 + [self._report] * 6 + [self._again, self._release, self._loose, self._wait, self._amend]
        )
        await self._chance.choice(steps)()

    async def _route(self) -> None:
        sizes = {"inputTokens": self._chance.choice([10, 1000]), "maxOutputTokens": self._chance.choice([10, 1000])}
        candidates = self._chance.choice([[MINI], [MINI, LARGE]])
        before = self.model.figures(self._clock.now)
        answer = await self._api.ask(ROUTE, input={"taskType": "chat", "candidates": candidates, **sizes})
        used = sum(Decimal(str(before[name])) for name in ("currentAmount", "assumedAmount", "heldAmount"))
        if answer["__typename"] == "RouteRefused":
            assert min(Decimal(each["estimatedCost"]) for each in answer["candidates"]) > LIMIT - used
            return
        hold = Decimal(answer["heldAmount"])
        assert used + hold <= LIMIT
        attempts = 1 + len(answer["fallbacks"])
        self.model.decisions.append(Decision(answer["id"], hold, attempts, self._clock.now + HOLD_FOR))

    async def _report(self) -> None:
        if not self.model.decisions:
            return
        decision = self._chance.choice(self.model.decisions)
        cost = self._chance.choice([None, None, Decimal(0), Decimal("0.0001"), decision.hold, Decimal("0.0012")])
        call = Call(cost, self._chance.random() < 0.6)
        event_id = self._new_event()
        fields = {"inputTokens": 5} if cost is None and self._chance.random() < 0.5 else {}
        await self._log(event_id, call, decisionId=decision.id, **fields)
        self.model.record(decision, event_id, call, self._clock.now)

    async def _again(self) -> None:
        for decision in self.model.decisions[-1:]:
            for event_id, call in decision.calls.items():
                if call.cost is not None:
                    await self._log(event_id, call, decisionId=decision.id)

    async def _release(self) -> None:
        if self.model.decisions:
            decision = self._chance.choice(self.model.decisions)
            answer = await self._api.ask(RELEASE, id=decision.id)
            decision.released |= answer["__typename"] == "RoutingDecision"

    async def _loose(self) -> None:
        event_id, cost = self._new_event(), self._chance.choice([None, Decimal("0.0002")])
        await self._log(event_id, Call(cost, success=True))
        self.model.loose[event_id] = cost
        self.model.overshoot += cost or 0

    async def _wait(self) -> None:
        self._clock.advance(minutes=self._chance.choice([1, 4, 11]))

    async def _amend(self) -> None:
        for decision in self.model.decisions[-3:]:
            for event_id, call in decision.calls.items():
                if call.cost is None:
                    answer = await self._api.ask(AMEND, eventId=event_id, cost="0.0003")
                    assert answer["__typename"] == "AmendedAnalytics"
                    settled = decision.settled
                    self.model.record(decision, event_id, Call(Decimal("0.0003"), call.success), self._clock.now)
                    decision.settled = settled or call.success
                    return

    async def _log(self, event_id: str, call: Call, **fields: Any) -> None:
        answer = await self._api.ask(
            LOG_ONE,
            input={
                "eventId": event_id,
                "provider": "openai",
                "modelUsed": "gpt-4o-mini",
                "taskType": "chat",
                "success": call.success,
                "cost": None if call.cost is None else str(call.cost),
                **fields,
            },
        )
        assert answer["__typename"] == "LoggedAnalytics"

    def _new_event(self) -> str:
        self._events += 1
        return f"event-{self._events}"


@pytest.mark.parametrize("mode", ["CALENDAR", "ROLLING"])
@pytest.mark.parametrize("seed", range(int(os.environ.get("ROUTER_TEST_ROUNDS", "2"))))
async def test_spend_and_assumed_spend_stay_within_the_limit_and_the_documented_overshoot(
    api: Api, database: Database, user_id: UUID, clock: Clock, seed: int, mode: str
) -> None:
    clock.now = datetime(2026, 3, 10, 1, 0, tzinfo=clock.now.tzinfo)
    await api.ask(SET_BUDGET, threshold=str(LIMIT), mode=mode)
    run = Run(api, clock, random.Random(seed))
    for _ in range(60):
        await run.step()
        [alert] = (await api.ask(ALERT))["nodes"]
        assert alert == run.model.figures(clock.now)
        committed = Decimal(alert["currentAmount"]) + Decimal(alert["assumedAmount"])
        assert committed <= LIMIT + run.model.overshoot
    assert len(run.model.decisions) >= 5
    clock.now += timedelta(seconds=1)
    assert await verify(database, user_id, clock.now) == []
