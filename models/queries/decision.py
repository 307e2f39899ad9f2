"""A user's routing decisions with their state and calls."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.routing import decision_state
from models.analytics import RouterAnalytics
from models.database.page import columns_of, tuple_of
from models.decision import RoutingDecision

MAX_RECORDS: Final = 20
"""Of a decision, that are shown."""


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
        decision.state = decision_state(
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
