"""Making routing decisions: choosing a candidate within the budgets and reserving its hold, in one transaction."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from operator import itemgetter
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Uuid, delete
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from domain.cost_alert import UnknownCost
from domain.error import Conflict, InvalidInput
from domain.money import ZERO, plain
from domain.price import ServiceTier
from domain.routing import (
    Budget,
    Candidate,
    Choice,
    DecisionState,
    Key,
    Ranking,
    RouteRefused,
    RoutingContext,
    choose,
    decisive,
)
from domain.window import Window, WindowMode
from models.cost_alert import WatchedAlert
from models.database.bulk import Bulk, Rows, StatementBatch, find, insert, whole
from models.database.row import locked_row
from models.decision import RoutingDecision
from models.hold import Hold
from models.ledger.alert_event import SUM_ROLLING
from models.queries.decision import load_outcomes
from models.queries.unpriced_model import FIND_UNPRICED
from models.routing_version import RoutingVersion
from models.types import Money, UTCDateTime, new_id

HOLD_FOR: Final = timedelta(minutes=10)
"""How long a hold lasts. A call that is logged later is charged all the same."""


@dataclass(frozen=True, slots=True)
class PendingDecision:
    """A ranking of candidates, and the routing context from which it was computed."""

    user_id: UUID
    routing_context: RoutingContext
    ranking: Ranking


class Stale:
    """The outcome when the routing context is out of date: rank the candidates again."""


Decided = RoutingDecision | RouteRefused | Stale | InvalidInput
"""The outcome of a pending decision. InvalidInput stands for values that the database cannot store."""

_ENFORCED: Final = tuple(WatchedAlert.__dataclass_fields__)
_WINDOW: Final = ("user_id", "alert_id", "window_start")

_read = StatementBatch(
    find(RoutingVersion.__tablename__, ("user_id",), ("user_id", "version")),
    find("router_cost_alerts", ("user_id", "enforced", "active"), (*_ENFORCED, "alert_type")),
)
_sum_holds = Bulk(
    Rows({"user_id": Uuid(), "now": UTCDateTime()}),
    "SELECT r.user_id, coalesce(sum(h.amount), 0) FROM {rows} JOIN router_holds h "
    "ON h.user_id = r.user_id AND h.expires_at > r.now GROUP BY r.user_id",
    [Uuid(), Money()],
)
# One statement sees one moment: money that is settled meanwhile counts either as held or as spent, never as neither.
_read_budgets = StatementBatch(
    find("router_cost_alert_windows", _WINDOW, (*_WINDOW, "amount", "assumed")), SUM_ROLLING, _sum_holds, FIND_UNPRICED
)
_insert = StatementBatch(
    insert("router_decisions", whole("router_decisions")), insert("router_holds", whole("router_holds"))
)


class DecisionBatch:
    """Makes the routing decisions of one transaction, which has locked the budgets of their users."""

    def __init__(self, connection: AsyncConnection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    async def write(self, pending_decisions: Sequence[PendingDecision]) -> list[Decided]:
        """Decide and store. Returns one outcome per pending decision, in order."""
        users = sorted({pending.user_id for pending in pending_decisions})
        versions, alerts = await _read.execute(
            self._connection,
            [{"user_id": user_id} for user_id in users],
            [{"user_id": user_id, "enforced": True, "active": True} for user_id in users],
        )
        current: dict[UUID, int] = dict(versions)
        budgets = await self._budgets([(WatchedAlert(*row[:-1]), row[-1]) for row in alerts], pending_decisions)
        decisions: list[dict[str, Any]] = []
        outcomes: list[Decided] = []
        for pending in pending_decisions:
            if pending.routing_context.version != current.get(pending.user_id, 0):
                outcomes.append(Stale())
                continue
            choice = choose(pending.ranking, budgets[pending.user_id].standing())
            if isinstance(choice, RouteRefused):
                outcomes.append(choice)
                continue
            await asyncio.sleep(0)  # each takes some milliseconds: let other requests run in between
            budgets[pending.user_id].held += choice.held
            decisions.append(_row(pending.user_id, choice, self._now))
            outcomes.append(decision_of(decisions[-1]))
        await _insert.execute(self._connection, decisions, [_hold(row) for row in decisions if row["held_amount"]])
        return outcomes

    async def _budgets(
        self, alerts: Sequence[tuple[WatchedAlert, str]], pending_decisions: Sequence[PendingDecision]
    ) -> defaultdict[UUID, Budgets]:
        """The budgets by user, all read at one moment."""
        # Many budgets have the same windows, and computing a window takes as long as reading it.
        of_calendar = {alert.calendar: alert for alert, _ in alerts}
        window_of = {calendar: alert.window_at(self._now) for calendar, alert in of_calendar.items()}
        windows = [(alert, name, window_of[alert.calendar]) for alert, name in alerts]
        users = {alert.user_id for alert, _ in alerts}
        refusing = {alert.user_id for alert, _ in alerts if alert.unknown_cost is UnknownCost.REFUSE}
        models: defaultdict[UUID, set[Key]] = defaultdict(set)
        for pending in pending_decisions:
            if pending.user_id in refusing:
                models[pending.user_id] |= pending.ranking.keys
        amounts, sums, held, unpriced = await _read_budgets.execute(
            self._connection,
            [_key(alert, window) for alert, _, window in windows if alert.mode is WindowMode.CALENDAR],
            [
                {"user_id": user_id, "first_minute": start}
                for user_id, start in {
                    (alert.user_id, window.start) for alert, _, window in windows if alert.mode is WindowMode.ROLLING
                }
            ],
            [{"user_id": user_id, "now": self._now} for user_id in users],
            [
                {"user_id": user_id, "provider": provider, "model_used": model}
                for user_id, of_user in models.items()
                for provider, model in of_user
            ],
        )
        in_window = {(alert_id, start): spent for _, alert_id, start, *spent in amounts}
        since = {(user_id, start): spent for user_id, start, *spent in sums}
        held_of: dict[UUID, Decimal] = dict(held)
        last_unpriced: defaultdict[UUID, list[tuple[datetime, Key]]] = defaultdict(list)
        for user_id, provider, model, at in sorted(unpriced, key=itemgetter(3)):
            last_unpriced[user_id].append((at, (provider, model)))
        budgets: defaultdict[UUID, Budgets] = defaultdict(Budgets)
        for alert, name, window in windows:
            rolling = alert.mode is WindowMode.ROLLING
            key: Any = (alert.user_id if rolling else alert.id, window.start)
            spent, assumed = (since if rolling else in_window).get(key, (ZERO, ZERO))
            budgets[alert.user_id].held = held_of.get(alert.user_id, ZERO)
            budgets[alert.user_id].windows.append(
                Budget(
                    alert_id=alert.id,
                    name=name,
                    limit=alert.threshold_amount,
                    spent=spent,
                    assumed=assumed,
                    held=ZERO,
                    resets_at=None if rolling else window.end,
                    unpriced=_taken(last_unpriced[alert.user_id], window)
                    if alert.unknown_cost is UnknownCost.REFUSE
                    else (),
                )
            )
        for each in budgets.values():
            each.windows = decisive(each.windows)
        return budgets


class Budgets:
    """The decisive budgets of one user, and the sum of the user's holds.

    Holds count in every budget, because the held money may be spent in any of their windows.
    """

    def __init__(self) -> None:
        self.windows: list[Budget] = []
        self.held = ZERO

    def standing(self) -> list[Budget]:
        """The budgets, each with the current holds."""
        return [replace(each, held=self.held) for each in self.windows]


def _taken(last_unpriced: list[tuple[datetime, Key]], window: Window) -> frozenset[Key]:
    """Remove and return the models whose latest call of unknown cost is in the window or later.

    `last_unpriced` is sorted by the time of these calls. Models are removed because only the first budget that rejects a
    model counts.
    """
    first = bisect_left(last_unpriced, window.start, key=itemgetter(0))
    models = frozenset(model for _, model in last_unpriced[first:])
    del last_unpriced[first:]
    return models


def _key(alert: WatchedAlert, window: Window) -> dict[str, Any]:
    return {"user_id": alert.user_id, "alert_id": alert.id, "window_start": window.start}


def _row(user_id: UUID, choice: Choice, now: datetime) -> dict[str, Any]:
    asked, chosen, trial = choice.ranking.asked, choice.chosen, choice.trial
    request = asked.model_dump(
        mode="json", by_alias=True, exclude={"task_type", "priority", "candidates"}, exclude_none=True
    )
    if asked.service_tier is ServiceTier.STANDARD:
        del request["serviceTier"]  # the default is not part of the request as sent
    return {
        "user_id": user_id,
        "id": new_id(now),
        "task_type": asked.task_type,
        "priority": choice.ranking.priority,
        "request": request,
        "provider": chosen.model.provider,
        "model": chosen.model.model,
        "fallbacks": [config_of(verdict) for verdict in choice.fallbacks],
        "candidates": [as_json(verdict) for verdict in choice.candidates],
        "rules": list(choice.ranking.rules),
        "notes": list(choice.notes),
        "estimated_cost": chosen.estimate,
        "expected_latency_ms": chosen.expected_latency_ms,
        "ab_test_id": trial.test.id if trial else None,
        "ab_variant": trial.assignment.variant if trial else None,
        "propensity": choice.propensity,
        "held_amount": choice.held,
        "expires_at": now + HOLD_FOR if choice.budgeted else None,
        "released_at": None,
        "settled_at": None,
        "attempts_left": 1 + len(choice.fallbacks),
        "created_at": now,
        "parameters": chosen.parameters,
        "unit_group": trial.assignment.unit_group if trial else None,
        "known_cost": ZERO,
        "unknown_calls": 0,
        "assumed_amount": ZERO,
    }


def config_of(verdict: Candidate) -> dict[str, Any]:
    """The provider, model and parameters of a candidate, as they are stored and shown."""
    return {
        "provider": verdict.model.provider,
        "model": verdict.model.model,
        "parameters": verdict.parameters,
    }


def as_json(verdict: Candidate) -> dict[str, Any]:
    """The verdict on a candidate, as it is stored and shown."""
    return {
        "provider": verdict.model.provider,
        "model": verdict.model.model,
        "eligible": verdict.eligible,
        "reason": verdict.reason,
        "score": verdict.score,
        "estimated_cost": None if verdict.estimate is None else plain(verdict.estimate),
    }


def _hold(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "user_id": row["user_id"],
        "decision_id": row["id"],
        "amount": row["held_amount"],
        "expires_at": row["expires_at"],
    }


def decision_of(row: Mapping[str, Any]) -> RoutingDecision:
    """The routing decision of a row that was just inserted: open, and without calls."""
    decision = RoutingDecision(**row)
    decision.state, decision.records = DecisionState.OPEN, []
    return decision


async def release_decision(
    session: AsyncSession, user_id: UUID, decision_id: UUID, now: datetime, columns: frozenset[str] = frozenset()
) -> RoutingDecision:
    """Delete the hold of a routing decision. Releasing it again changes nothing. Returns it with its outcome.

    `columns` are those of its calls in `records`, as in `load_outcomes`; without them, `records` is empty.
    Raises NotFound, and Conflict when the routing decision is settled.
    """
    decision = await locked_row(session, RoutingDecision, user_id, decision_id, "decisions")
    await load_outcomes(session, [decision], now, columns)
    if decision.state is DecisionState.SETTLED:
        raise Conflict("id: this decision is settled and has no hold to release", ["id"])
    if decision.released_at is None:
        decision.released_at = now
        decision.state = DecisionState.RELEASED
        await session.execute(delete(Hold).where(Hold.user_id == user_id, Hold.decision_id == decision_id))
        await session.flush()
    return decision
