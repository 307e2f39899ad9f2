"""What opportunities are found in: how a user's rules and alerts were used, beside the sums of calls (`models.summary`)."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from sqlalchemy import and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.cost_alert import Window, WindowMode
from domain.money import ZERO
from domain.opportunity import AlertUse, RuleUses, ended_windows
from models.cost_alert import AlertWindow, CostAlert
from models.preference import RouterPreferences
from models.routing import RoutingDecision
from models.types import first_id_at

MOST_A_DAY: Final = 1_000
"""Decisions of a day that are looked at for rules, the first ones: so all days count, however many decisions there are."""
_MOST_DAYS: Final = 30
_DAY: Final = timedelta(days=1)


async def rule_uses(session: AsyncSession, preferences: RouterPreferences, window: Window) -> RuleUses | None:
    """To how many of the decisions since the preferences were changed each rule applied; None where there are no rules.

    Of the last 30 days of the range at most.
    """
    changed_at = preferences.updated_at
    if not preferences.custom_rules or changed_at is None:
        return None
    start = max(window.start, changed_at, window.end - _MOST_DAYS * _DAY)
    applied: Counter[str] = Counter()
    decided = 0
    moment = start
    while moment < window.end:
        following = min(moment + _DAY, window.end)
        lists = await _rules_of(session, preferences.user_id, Window(moment, following))
        decided += len(lists)
        applied.update(name for names in lists for name in names)
        moment = following
    names = [rule["name"] for rule in preferences.custom_rules]
    return RuleUses(Window(start, max(start, window.end)), decided, {name: applied[name] for name in names})


async def _rules_of(session: AsyncSession, user_id: UUID, window: Window) -> list[list[str]]:
    row = RoutingDecision
    in_window = (row.id >= first_id_at(window.start), row.id < first_id_at(window.end))
    statement = select(row.rules).where(row.user_id == user_id, *in_window).order_by(row.id).limit(MOST_A_DAY)
    return list(await session.scalars(statement))


async def alert_uses(session: AsyncSession, user_id: UUID, window: Window) -> list[AlertUse]:
    """How near each calendar alert that is active came to its threshold, in its windows that lie in the range."""
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
