"""What opportunities are found in: how a user's rules and alerts were used, beside the sums of calls (`models.summary`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.cost_alert import Window, WindowMode
from domain.money import ZERO
from domain.opportunity import AlertUse, RuleUse
from models.cost_alert import AlertWindow, CostAlert
from models.preference import RouterPreferences
from models.routing import RoutingDecision
from models.types import first_id_at

LATEST_DECISIONS: Final = 2_000
"""So many of the range are looked at for rules: twice what it takes to call one unused."""
_MOST_WINDOWS: Final = 1_000
"""Of an alert: more than a month of hours has."""


async def rule_uses(session: AsyncSession, preferences: RouterPreferences, window: Window) -> tuple[list[RuleUse], int]:
    """To how many of the range's latest decisions each rule applied, and how many these are."""
    names = [rule["name"] for rule in preferences.custom_rules]
    if not names:
        return [], 0
    row = RoutingDecision
    in_range = (row.id >= first_id_at(window.start), row.id < first_id_at(window.end))
    statement = select(row.rules).where(row.user_id == preferences.user_id, *in_range)
    applied = list(await session.scalars(statement.order_by(row.id.desc()).limit(LATEST_DECISIONS)))
    counts = Counter(name for rules in applied for name in rules)
    return [RuleUse(name, counts[name]) for name in names], len(applied)


async def alert_uses(session: AsyncSession, user_id: UUID, window: Window) -> list[AlertUse]:
    """How near each calendar alert that is active came to its threshold, in its windows that ended in the range."""
    alerts = await session.scalars(
        select(CostAlert)
        .where(CostAlert.user_id == user_id, CostAlert.active.is_(True), CostAlert.mode == WindowMode.CALENDAR)
        .order_by(CostAlert.id)
    )
    uses: list[AlertUse] = []
    for alert in alerts:
        ended = list(_ended(alert, window))
        if not ended:
            continue
        row = AlertWindow
        amounts = await session.scalars(
            select(row.amount).where(
                row.user_id == user_id,
                row.alert_id == alert.id,
                row.window_start >= ended[0].start,
                row.window_end <= ended[-1].end,
            )
        )
        highest = max(amounts, default=ZERO)
        uses.append(AlertUse(alert.id, alert.alert_type, alert.threshold_amount, len(ended), highest))
    return uses


def _ended(alert: CostAlert, window: Window) -> Iterator[Window]:
    """The alert's whole windows in the range, since it counts."""
    found = alert.window_at(max(window.start, alert.counted_from))
    for _ in range(_MOST_WINDOWS):
        if found.end > window.end:
            return
        if found.start >= max(window.start, alert.counted_from):
            yield found
        found = alert.window_at(found.end)
