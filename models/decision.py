"""`router_decisions`: where requests were sent, why, and what became of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import String, Uuid, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from domain.ab_test import Variant
from domain.bounds import MAX_NAME_LENGTH
from domain.preference import RoutingPriority
from domain.routing import DecisionState, state_of
from models.analytics import RouterAnalytics
from models.base import Base, Owned
from models.page import columns_of, tuple_of
from models.types import enum_type

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
    # Of the calls that were logged: what those of known cost add up to, and how many are of unknown cost.
    known_cost: Mapped[Decimal] = mapped_column(server_default=text("0"))
    unknown_calls: Mapped[int] = mapped_column(server_default=text("0"))
    # Charged for calls of unknown cost; NULL for a decision that was made before assumptions were kept.
    assumed_amount: Mapped[Decimal | None]

    state: DecisionState
    records: list[Any]
    """Calls that were logged for it, or rows with some of their columns."""

    __table_args__ = ({"sqlite_with_rowid": False, "postgresql_partition_by": "RANGE (id)"},)


async def decision_with(
    session: AsyncSession, user_id: UUID, decision_id: UUID, *, for_update: bool = False
) -> RoutingDecision | None:
    """The user's decision with this id; None when the user has none such."""
    statement = select(RoutingDecision).where(RoutingDecision.user_id == user_id, RoutingDecision.id == decision_id)
    return await session.scalar(statement.with_for_update() if for_update else statement)


async def load_outcomes(
    session: AsyncSession, decisions: Sequence[RoutingDecision], now: datetime, columns: frozenset[str]
) -> None:
    """Set `state` on each of these decisions of one user, and `records`: rows with these columns, or none where these are none."""
    if not decisions:
        return
    records: defaultdict[UUID | None, list[Any]] = defaultdict(list)
    if columns:
        for record in await _records(session, decisions, tuple(sorted(columns | {"id", "decision_id"}))):
            records[record.decision_id].append(record)
    for decision in decisions:
        decision.records = records[decision.id]
        decision.state = state_of(
            settled=decision.settled_at is not None,
            released=decision.released_at is not None,
            expired=decision.expires_at is not None and decision.expires_at <= now,
        )


async def _records(
    session: AsyncSession, decisions: Sequence[RoutingDecision], names: tuple[str, ...]
) -> Iterable[Any]:
    user_id, ids = decisions[0].user_id, [decision.id for decision in decisions]
    place = func.row_number().over(partition_by=RouterAnalytics.decision_id, order_by=RouterAnalytics.id)
    placed = (
        select(RouterAnalytics.id, place.label("place"))
        .where(RouterAnalytics.user_id == user_id, RouterAnalytics.decision_id.in_(ids))
        .subquery()
    )
    first_of_each = select(placed.c.id).where(placed.c.place <= MAX_RECORDS)
    found = await session.execute(
        select(*columns_of(RouterAnalytics, names))
        .where(RouterAnalytics.user_id == user_id, RouterAnalytics.id.in_(first_of_each))
        .order_by(RouterAnalytics.id)
    )
    return map(tuple_of(names), found)
