"""Reading a user's budgets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.cost_alert import UnknownCost
from domain.routing import Budget
from domain.window import Window
from models.cost_alert import CostAlert, WatchedAlert
from models.queries.cost_alert import load_spending
from models.queries.unpriced_model import unpriced_models


def refused_models(
    alert: CostAlert | WatchedAlert, window: Window, last_unpriced: Mapping[tuple[str, str], datetime]
) -> frozenset[tuple[str, str]]:
    """The models (provider, model) that a budget rejects because of a call of unknown cost in its window."""
    if alert.unknown_cost is UnknownCost.ALLOW:
        return frozenset()
    return frozenset(model for model, at in last_unpriced.items() if at >= window.start)


async def budgets_of(session: AsyncSession, user_id: UUID, now: datetime) -> list[Budget]:
    """The user's budgets with their current spend, without locks: for display, not for routing decisions."""
    alerts = list(
        await session.scalars(
            select(CostAlert).where(
                CostAlert.user_id == user_id, CostAlert.enforced.is_(True), CostAlert.active.is_(True)
            )
        )
    )
    await load_spending(session, alerts, now)
    last_unpriced = await unpriced_models(session, user_id) if alerts else {}
    return [
        Budget(
            alert_id=alert.id,
            name=alert.alert_type,
            limit=alert.threshold_amount,
            spent=alert.spending.amount,
            assumed=alert.spending.assumed,
            held=alert.spending.held,
            resets_at=alert.spending.resets_at,
            unpriced=refused_models(alert, alert.spending.window, last_unpriced),
        )
        for alert in alerts
    ]
