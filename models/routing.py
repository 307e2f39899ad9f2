"""`router_decisions`: where requests were sent, and why; `router_holds`: what budgets keep back for them meanwhile."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Index, String, Uuid, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from domain.ab_test import Variant
from domain.bounds import MAX_NAME_LENGTH
from domain.cost_alert import Window, WindowMode
from domain.error import InvalidInput
from domain.money import ZERO, plain
from domain.preference import RoutingPriority
from domain.price import ServiceTier
from domain.routing import (
    Budget,
    Choice,
    DecisionState,
    Knowledge,
    Ranking,
    RouteRefused,
    Verdict,
    choose,
    state_of,
)
from models.analytics import RouterAnalytics
from models.base import Base, Owned
from models.bulk import Bulk, Rows, Together, find, insert, whole
from models.cost_alert import CostAlert, WatchedAlert, load_spending
from models.firing import SUM_ROLLING
from models.routing_version import RoutingVersion
from models.types import Money, UTCDateTime, enum_type, new_id

HOLD_FOR: Final = timedelta(minutes=10)
"""For so long a budget keeps back what a decision may cost; reported later, it is charged all the same."""


MAX_RECORDS: Final = 20
"""Of a decision, that are shown."""


class RoutingDecision(Owned, Base):
    """One decision, as it was made. The time in its id is `created_at`."""

    __tablename__ = "router_decisions"
    __allow_unmapped__ = True  # `state` and `records` are no columns: `load_outcomes` sets them

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    task_type: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH))
    priority: Mapped[RoutingPriority] = mapped_column(enum_type(RoutingPriority))
    # What was asked beside these, as it was sent.
    request: Mapped[dict[str, Any]]
    provider: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH))
    model: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH))
    fallbacks: Mapped[list[dict[str, Any]]]
    candidates: Mapped[list[dict[str, Any]]]
    rules: Mapped[list[str]]
    notes: Mapped[list[str]]
    estimated_cost: Mapped[Decimal | None]
    expected_latency_ms: Mapped[float | None]
    ab_test_id: Mapped[UUID | None] = mapped_column(Uuid)
    ab_variant: Mapped[Variant | None] = mapped_column(enum_type(Variant))
    propensity: Mapped[float]
    held_amount: Mapped[Decimal]
    expires_at: Mapped[datetime | None]
    released_at: Mapped[datetime | None]
    # When a success was recorded, or the last attempt.
    settled_at: Mapped[datetime | None]
    # Attempts that were not recorded yet: the first choice and its fallbacks, in the beginning.
    attempts_left: Mapped[int]
    created_at: Mapped[datetime]
    # For the model that was chosen.
    parameters: Mapped[dict[str, Any] | None]
    # Of the unit in the A/B test.
    unit_group: Mapped[int | None]

    state: DecisionState
    records: list[RouterAnalytics]

    __table_args__ = ({"sqlite_with_rowid": False, "postgresql_partition_by": "RANGE (id)"},)


class Hold(Owned, Base):
    """What is still held for a decision. Gone once it is settled or released; after it has expired, it holds nothing."""

    __tablename__ = "router_holds"

    decision_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    amount: Mapped[Decimal]
    expires_at: Mapped[datetime]

    __table_args__ = (
        Index("ix_router_holds_expires_at", "user_id", "expires_at"),
        {"sqlite_with_rowid": False},
    )


@dataclass(frozen=True, slots=True)
class Proposal:
    """A ranking to decide by, and what it was made of."""

    user_id: UUID
    knowledge: Knowledge
    ranking: Ranking


class Stale:
    """The proposal was made of what does not hold any more: make another."""


Decided = RoutingDecision | RouteRefused | Stale | InvalidInput
"""What becomes of a proposal; InvalidInput for what the database cannot hold."""

_ENFORCED: Final = tuple(WatchedAlert.__dataclass_fields__)
_WINDOW: Final = ("user_id", "alert_id", "window_start")
_read = Together(
    find(RoutingVersion.__tablename__, ("user_id",), ("user_id", "version")),
    find("router_cost_alerts", ("user_id", "enforced", "active"), (*_ENFORCED, "alert_type")),
)
_sum_holds = Bulk(
    Rows({"user_id": Uuid(), "now": UTCDateTime()}),
    "SELECT r.user_id, coalesce(sum(h.amount), 0) FROM {rows} JOIN router_holds h "
    "ON h.user_id = r.user_id AND h.expires_at > r.now GROUP BY r.user_id",
    [Uuid(), Money()],
)
# One statement, and so one moment: what is settled meanwhile is either held in it or spent, never neither.
_read_budgets = Together(find("router_cost_alert_windows", _WINDOW, (*_WINDOW, "amount")), SUM_ROLLING, _sum_holds)
_insert = Together(insert("router_decisions", whole("router_decisions")), insert("router_holds", whole("router_holds")))


class Deciding:
    """Makes the decisions of one transaction, in which nobody else decides over the same budgets."""

    def __init__(self, connection: AsyncConnection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    async def write(self, proposals: Sequence[Proposal]) -> list[Decided]:
        """One outcome for each, in order."""
        users = sorted({proposal.user_id for proposal in proposals})
        versions, alerts = await _read.execute(
            self._connection,
            [{"user_id": user_id} for user_id in users],
            [{"user_id": user_id, "enforced": True, "active": True} for user_id in users],
        )
        current: dict[UUID, int] = dict(versions)
        budgets = await self._budgets([(WatchedAlert(*row[:-1]), row[-1]) for row in alerts])
        decisions: list[dict[str, Any]] = []
        outcomes: list[Decided] = []
        for proposal in proposals:
            if proposal.knowledge.version != current.get(proposal.user_id, 0):
                outcomes.append(Stale())
                continue
            choice = choose(proposal.ranking, budgets[proposal.user_id].standing())
            if isinstance(choice, RouteRefused):
                outcomes.append(choice)
                continue
            budgets[proposal.user_id].held += choice.held
            decisions.append(_row(proposal.user_id, choice, self._now))
            outcomes.append(decision_of(decisions[-1]))
        await _insert.execute(self._connection, decisions, [_hold(row) for row in decisions if row["held_amount"]])
        return outcomes

    async def _budgets(self, alerts: Sequence[tuple[WatchedAlert, str]]) -> defaultdict[UUID, Budgets]:
        """The budgets of each user who has some, all as they are at one moment."""
        windows = [(alert, name, alert.window_at(self._now)) for alert, name in alerts]
        users = {alert.user_id for alert, _ in alerts}
        amounts, sums, held = await _read_budgets.execute(
            self._connection,
            [_key(alert, window) for alert, _, window in windows if alert.mode is WindowMode.CALENDAR],
            [
                {"user_id": user_id, "first_minute": start}
                for user_id, start in {
                    (alert.user_id, window.start) for alert, _, window in windows if alert.mode is WindowMode.ROLLING
                }
            ],
            [{"user_id": user_id, "now": self._now} for user_id in users],
        )
        in_window = {(alert_id, start): amount for _, alert_id, start, amount in amounts}
        since = {(user_id, start): amount for user_id, start, amount in sums}
        held_of: dict[UUID, Decimal] = dict(held)
        budgets: defaultdict[UUID, Budgets] = defaultdict(Budgets)
        for alert, name, window in windows:
            rolling = alert.mode is WindowMode.ROLLING
            key: Any = (alert.user_id if rolling else alert.id, window.start)
            spent = (since if rolling else in_window).get(key, ZERO)
            budgets[alert.user_id].held = held_of.get(alert.user_id, ZERO)
            budgets[alert.user_id].windows.append(
                Budget(alert.id, name, alert.threshold_amount, spent, ZERO, None if rolling else window.end)
            )
        return budgets


class Budgets:
    """A user's enforced alerts, and what is held. Holds count in every window: whatever they are for may be spent in any."""

    def __init__(self) -> None:
        self.windows: list[Budget] = []
        self.held = ZERO

    def standing(self) -> list[Budget]:
        """Each budget as it stands, what is held included."""
        return [
            Budget(each.alert_id, each.name, each.limit, each.spent, self.held, each.resets_at) for each in self.windows
        ]


def _key(alert: WatchedAlert, window: Window) -> dict[str, Any]:
    return {"user_id": alert.user_id, "alert_id": alert.id, "window_start": window.start}


def _row(user_id: UUID, choice: Choice, now: datetime) -> dict[str, Any]:
    asked, chosen, trial = choice.ranking.asked, choice.chosen, choice.trial
    request = asked.model_dump(
        mode="json", by_alias=True, exclude={"task_type", "priority", "candidates"}, exclude_none=True
    )
    if asked.service_tier is ServiceTier.STANDARD:
        del request["serviceTier"]  # it was not asked for
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
    }


def config_of(verdict: Verdict) -> dict[str, Any]:
    """Where the candidate is to be asked, as it is stored and shown."""
    return {
        "provider": verdict.model.provider,
        "model": verdict.model.model,
        "parameters": verdict.parameters,
    }


def as_json(verdict: Verdict) -> dict[str, Any]:
    """The verdict as it is stored and shown."""
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
    """The decision that was just made of this row."""
    decision = RoutingDecision(**row)
    decision.state, decision.records = DecisionState.OPEN, []
    return decision


async def decision_with(
    session: AsyncSession, user_id: UUID, decision_id: UUID, *, for_update: bool = False
) -> RoutingDecision | None:
    """The user's decision with this id; None when the user has none such."""
    statement = select(RoutingDecision).where(RoutingDecision.user_id == user_id, RoutingDecision.id == decision_id)
    return await session.scalar(statement.with_for_update() if for_update else statement)


async def load_outcomes(session: AsyncSession, decisions: Sequence[RoutingDecision], now: datetime) -> None:
    """Set `state` and `records` on each of these decisions of one user."""
    if not decisions:
        return
    user_id, ids = decisions[0].user_id, [decision.id for decision in decisions]
    records: defaultdict[UUID | None, list[RouterAnalytics]] = defaultdict(list)
    place = func.row_number().over(partition_by=RouterAnalytics.decision_id, order_by=RouterAnalytics.id)
    placed = (
        select(RouterAnalytics.id, place.label("place"))
        .where(RouterAnalytics.user_id == user_id, RouterAnalytics.decision_id.in_(ids))
        .subquery()
    )
    first_of_each = select(placed.c.id).where(placed.c.place <= MAX_RECORDS)
    for record in await session.scalars(
        select(RouterAnalytics)
        .where(RouterAnalytics.user_id == user_id, RouterAnalytics.id.in_(first_of_each))
        .order_by(RouterAnalytics.id)
    ):
        records[record.decision_id].append(record)
    for decision in decisions:
        decision.records = records[decision.id]
        decision.state = state_of(
            settled=decision.settled_at is not None,
            released=decision.released_at is not None,
            expired=decision.expires_at is not None and decision.expires_at <= now,
        )


async def budgets_of(session: AsyncSession, user_id: UUID, now: datetime) -> list[Budget]:
    """The user's budgets as they stand, for whoever only looks."""
    alerts = list(
        await session.scalars(
            select(CostAlert).where(
                CostAlert.user_id == user_id, CostAlert.enforced.is_(True), CostAlert.active.is_(True)
            )
        )
    )
    await load_spending(session, alerts, now)
    held = await held_by(session, user_id, now)
    return [
        Budget(
            alert.id, alert.alert_type, alert.threshold_amount, alert.spending.amount, held, alert.spending.resets_at
        )
        for alert in alerts
    ]


async def held_by(session: AsyncSession, user_id: UUID, now: datetime) -> Decimal:
    """What is held of the user's budgets now, USD."""
    statement = select(func.sum(Hold.amount)).where(Hold.user_id == user_id, Hold.expires_at > now)
    return await session.scalar(statement) or ZERO
