"""Reading routing decisions with their state and calls."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.page import Page
from domain.routing import decision_state
from models.analytics import RouterAnalytics
from models.database.page import columns_of, newest_first, tuple_of
from models.database.row import row_of
from models.decision import RoutingDecision

MAX_RECORDS: Final = 20
"""The most calls that one routing decision shows."""


async def decision_with_outcome(
    session: AsyncSession, user_id: UUID, decision_id: UUID, now: datetime, columns: frozenset[str]
) -> RoutingDecision | None:
    """The user's routing decision with this id and its outcome, as in `load_outcomes`; None if the user has none such."""
    decision = await row_of(session, RoutingDecision, user_id, decision_id)
    if decision is not None:
        await load_outcomes(session, [decision], now, columns)
    return decision


async def decisions_page(
    session: AsyncSession,
    user_id: UUID,
    now: datetime,
    *,
    first: int | None,
    after: str | None,
    without: Sequence[Any],
    columns: frozenset[str],
) -> Page[RoutingDecision]:
    """A page of the user's routing decisions with their outcomes, newest first.

    The columns `without` are not loaded. `columns` are those of `records`, as in `load_outcomes`.
    """
    page = await newest_first(session, RoutingDecision, user_id, [], first=first, after=after, without=without)
    await load_outcomes(session, page.nodes, now, columns)
    return page


async def load_outcomes(
    session: AsyncSession, decisions: Sequence[RoutingDecision], now: datetime, columns: frozenset[str]
) -> None:
    """Set `state` and `records` on each of these routing decisions of one user.

    `records` are the first calls of the routing decision, as rows with these columns; empty if `columns` is empty.
    """
    if not decisions:
        return
    calls: defaultdict[UUID | None, list[Any]] = defaultdict(list)
    if columns:
        for call in await _calls_of(session, decisions, tuple(sorted(columns | {"id", "decision_id"}))):
            calls[call.decision_id].append(call)
    for decision in decisions:
        decision.records = calls[decision.id]
        decision.state = decision_state(
            settled=decision.settled_at is not None,
            released=decision.released_at is not None,
            expired=decision.expires_at is not None and decision.expires_at <= now,
        )


async def _calls_of(
    session: AsyncSession, decisions: Sequence[RoutingDecision], names: tuple[str, ...]
) -> Iterable[Any]:
    user_id, ids = decisions[0].user_id, [decision.id for decision in decisions]
    number = func.row_number().over(partition_by=RouterAnalytics.decision_id, order_by=RouterAnalytics.id)
    numbered = (
        select(RouterAnalytics.id, number.label("number"))
        .where(RouterAnalytics.user_id == user_id, RouterAnalytics.decision_id.in_(ids))
        .subquery()
    )
    first_of_each = select(numbered.c.id).where(numbered.c.number <= MAX_RECORDS)
    found = await session.execute(
        select(*columns_of(RouterAnalytics, names))
        .where(RouterAnalytics.user_id == user_id, RouterAnalytics.id.in_(first_of_each))
        .order_by(RouterAnalytics.id)
    )
    return map(tuple_of(names), found)
