"""Reading how a user's routing rules and alerts were used. Opportunities are found from this and from sums of calls."""

from __future__ import annotations

from decimal import Decimal
from typing import Final
from uuid import UUID

from pydantic_core import from_json
from sqlalchemy import Text, and_, cast, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.money import ZERO
from domain.opportunity import MAX_DECISIONS, AlertUse, RuleUses, ended_windows
from domain.window import Window, WindowMode
from models.cost_alert import AlertWindow, CostAlert
from models.decision import RoutingDecision
from models.preference import RouterPreferences
from models.types import first_id_at

_MOST_LISTS: Final = 10_000
"""The most distinct lists of applied rules that are read. With more of them, hardly any rule is unused."""
_FEW: Final = 10_000
"""How many of the latest routing decisions are read first. Usually every rule has applied to one of them."""


async def rule_uses(session: AsyncSession, preferences: RouterPreferences, window: Window) -> RuleUses | None:
    """To how many routing decisions in the time range each rule applied, since the preferences were last changed.

    None if there are no rules, no routing decisions, or too many lists of rules to read. Earlier routing decisions are not
    read once every rule is known to have applied.
    """
    changed_at = preferences.updated_at
    if not preferences.custom_rules or changed_at is None:
        return None
    since = Window(max(window.start, changed_at), window.end)
    uses = await _rule_uses(session, preferences, since, _FEW)
    if uses is None or uses.decided < _FEW or all(uses.applied.values()):
        return uses
    return await _rule_uses(session, preferences, since, MAX_DECISIONS)


async def _rule_uses(
    session: AsyncSession, preferences: RouterPreferences, window: Window, most: int
) -> RuleUses | None:
    row = RoutingDecision
    latest = (
        select(row.rules, row.created_at)
        .where(
            row.user_id == preferences.user_id,
            row.id >= first_id_at(window.start),
            row.id < first_id_at(window.end),
        )
        .order_by(row.id.desc())
        .limit(most)
        .subquery()
    ).c
    # Grouped by the stored list of rules: even many routing decisions have few distinct lists.
    stored = cast(latest.rules, Text)
    alike = await session.execute(
        select(stored, func.count(), func.min(latest.created_at), func.max(latest.created_at))
        .group_by(stored)
        .limit(_MOST_LISTS + 1)
    )
    lists = [(set(from_json(names)), decisions, first, last) for names, decisions, first, last in alike]
    if not 0 < len(lists) <= _MOST_LISTS:
        return None
    applied = {
        rule["name"]: sum(decisions for names, decisions, _, _ in lists if rule["name"] in names)
        for rule in preferences.custom_rules
    }
    first, last = min(first for _, _, first, _ in lists), max(last for _, _, _, last in lists)
    return RuleUses(Window(first, window.end), last, sum(decisions for _, decisions, _, _ in lists), applied)


async def alert_uses(session: AsyncSession, user_id: UUID, window: Window) -> list[AlertUse]:
    """How close each active calendar alert came to its threshold in its windows within the time range."""
    alerts = await session.scalars(
        select(CostAlert)
        .where(CostAlert.user_id == user_id, CostAlert.active.is_(True), CostAlert.mode == WindowMode.CALENDAR)
        .order_by(CostAlert.id)
    )
    ended = {
        alert: found
        for alert in alerts
        if (found := ended_windows(alert.window_at, Window(max(window.start, alert.counted_from), window.end)))
    }
    highest = await _highest(session, user_id, {alert.id: found for alert, found in ended.items()})
    return [
        AlertUse(alert.id, alert.alert_type, alert.threshold_amount, found, highest.get(alert.id, ZERO))
        for alert, found in ended.items()
    ]


async def _highest(session: AsyncSession, user_id: UUID, ended: dict[UUID, Window]) -> dict[UUID, Decimal]:
    if not ended:
        return {}
    row = AlertWindow
    of_each = [
        and_(row.alert_id == alert_id, row.window_start >= window.start, row.window_end <= window.end)
        for alert_id, window in ended.items()
    ]
    found = await session.execute(
        select(row.alert_id, func.max(row.amount)).where(row.user_id == user_id, or_(*of_each)).group_by(row.alert_id)
    )
    return {row[0]: row[1] for row in found}
