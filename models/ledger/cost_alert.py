"""Cost alerts: create, update, delete and acknowledge them, and evaluate one alert.

The ledger evaluates the alerts of many calls at once in `alert_event.py`. Here one alert is evaluated, because its
configuration changed or is repaired.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.bounds import to_camel
from domain.cost_alert import (
    MAX_ALERTS,
    MAX_CLOCK_SKEW,
    AlertState,
    CreateCostAlert,
    UpdateCostAlert,
    is_clear,
    state_of,
)
from domain.error import Conflict, InvalidInput
from domain.event import AlertTriggered
from domain.window import AlertPeriod, WindowMode
from models.cost_alert import AlertEvent, AlertSequence, AlertWindow, CostAlert, RollingAlert, WatchedAlert
from models.database import raise_event
from models.database.row import locked_row
from models.ledger.routing_version import bump_version
from models.queries.cost_alert import load_spending
from models.queries.spend import assumed_in, spent_in, spent_since
from models.types import new_id

_SET_BY_PREFERENCES: Final = frozenset({"threshold_amount", "active", "time_zone"})
"""The columns that the preferences set on the alert that they keep."""


async def create_alert(session: AsyncSession, user_id: UUID, input: CreateCostAlert, now: datetime) -> CostAlert:
    """Create an alert and evaluate it. Returns it with its spending.

    Raises InvalidInput when the user has MAX_ALERTS alerts.
    """
    ids = await session.scalars(select(CostAlert.id).where(CostAlert.user_id == user_id))
    if len(ids.all()) >= MAX_ALERTS:
        raise InvalidInput(f"You have {MAX_ALERTS} alerts, which is the most; delete one first", ["input"])
    return await _add(session, user_id, input, now)


async def update_alert(
    session: AsyncSession, user_id: UUID, alert_id: UUID, input: UpdateCostAlert, now: datetime
) -> CostAlert:
    """Change the fields of an alert that the input sets, and evaluate the alert. Returns it with its spending.

    Raises NotFound, and InvalidInput for a field that the preferences set.
    """
    changes = {name: getattr(input, name) for name in input.model_fields_set}
    alert = await locked_row(session, CostAlert, user_id, alert_id, "alerts")
    if alert.from_preferences and (not_here := _SET_BY_PREFERENCES & changes.keys()):
        field = to_camel(min(not_here))
        raise InvalidInput(f"{field}: belongs to the preferences; change costAlertThreshold there", ["input", field])
    await _change(session, alert, changes, now)
    return alert


async def delete_alert(session: AsyncSession, user_id: UUID, alert_id: UUID) -> None:
    """Delete an alert and its alert events. Raises NotFound, and Conflict for the alert that the preferences keep."""
    alert = await locked_row(session, CostAlert, user_id, alert_id, "alerts")
    if alert.from_preferences:
        raise Conflict("id: this alert belongs to the preferences; clear costAlertThreshold there", ["id"])
    await session.delete(alert)
    await bump_version(session, user_id)


async def acknowledge_alert(session: AsyncSession, user_id: UUID, alert_id: UUID, now: datetime) -> CostAlert:
    """Acknowledge all alert events of an alert. Returns the alert with its spending.

    Raises NotFound, and Conflict when no alert event waits to be acknowledged.
    """
    alert = await locked_row(session, CostAlert, user_id, alert_id, "alerts")
    unacknowledged = select(AlertEvent).where(
        AlertEvent.user_id == user_id, AlertEvent.alert_id == alert_id, AlertEvent.acknowledged_at.is_(None)
    )
    alert_events = (await session.scalars(unacknowledged)).all()
    if not alert_events:
        raise Conflict("id: this alert has no alert event that waits to be acknowledged", ["id"])
    for alert_event in alert_events:
        alert_event.acknowledged_at = now
    await session.flush()
    await load_spending(session, [alert], now)
    return alert


async def keep_preferences_alert(
    session: AsyncSession, user_id: UUID, threshold: Decimal | None, now: datetime
) -> None:
    """Keep the daily alert with the threshold of the preferences, in USD. None switches the alert off."""
    alert = await session.scalar(
        select(CostAlert).where(CostAlert.user_id == user_id, CostAlert.from_preferences).with_for_update()
    )
    if alert is not None:
        changes = {"active": False} if threshold is None else {"active": True, "threshold_amount": threshold}
        await _change(session, alert, changes, now)
    elif threshold is not None:
        daily = CreateCostAlert(threshold_amount=threshold, period=AlertPeriod.DAILY)
        await _add(session, user_id, daily, now, from_preferences=True)


async def _add(
    session: AsyncSession, user_id: UUID, input: CreateCostAlert, now: datetime, *, from_preferences: bool = False
) -> CostAlert:
    alert = CostAlert(
        user_id=user_id,
        id=new_id(),
        alert_type=input.alert_type or f"{input.period.lower()}_spend",
        threshold_amount=input.threshold_amount,
        period=input.period,
        mode=input.mode,
        time_zone=input.time_zone,
        custom=input.custom.model_dump(mode="json") if input.custom else None,
        near_limit_percent=input.near_limit_percent,
        enforced=input.enforced,
        active=True,
        config_version=1,
        from_preferences=from_preferences,
        created_at=now,
        updated_at=now,
        week_start=input.week_start,
        month_anchor=input.month_anchor,
        unknown_cost=input.unknown_cost,
    )
    alert.counted_from = alert.window_at(now).start
    session.add(alert)
    await bump_version(session, user_id)
    await _evaluate_and_publish(session, alert, now)
    return alert


async def _change(session: AsyncSession, alert: CostAlert, changes: dict[str, Any], now: datetime) -> None:
    re_armed = changes.get("threshold_amount", alert.threshold_amount) > alert.threshold_amount
    moved = any(changes.get(name, getattr(alert, name)) != getattr(alert, name) for name in _calendar_columns(alert))
    if alert.mode is WindowMode.ROLLING:
        await arm_if_clear(session, alert, now)
    for name, value in changes.items():
        setattr(alert, name, value)
    alert.updated_at = now
    alert.config_version += re_armed or moved
    if moved:
        # The alert has other windows now. Counting starts with the one that contains `now`.
        await session.execute(
            delete(AlertWindow).where(AlertWindow.user_id == alert.user_id, AlertWindow.alert_id == alert.id)
        )
        alert.counted_from = alert.window_at(now).start
    await bump_version(session, alert.user_id)
    await _evaluate_and_publish(session, alert, now)


def _calendar_columns(alert: CostAlert) -> list[str]:
    """The columns that decide where the windows of this alert start."""
    if alert.mode is WindowMode.ROLLING:
        return []
    of_period = {AlertPeriod.WEEKLY: ["week_start"], AlertPeriod.MONTHLY: ["month_anchor"]}
    return ["time_zone", *of_period.get(alert.period, [])]


async def _evaluate_and_publish(session: AsyncSession, alert: CostAlert, now: datetime) -> None:
    if await evaluate(session, alert, now):
        raise_event(session, AlertTriggered(alert.user_id))
    await load_spending(session, [alert], now)


async def evaluate(session: AsyncSession, alert: CostAlert, now: datetime) -> bool:
    """Recount the spend in the alert's open windows and fire it if a level is due. Returns whether it fired.

    Call this when the configuration of an alert has changed. Afterwards the ledger keeps its windows up to date.
    """
    if alert.mode is WindowMode.ROLLING:
        return await _evaluate_rolling(session, alert, now)
    fired = False
    # A call may be dated a little ahead of the clock, and so be in the next window already.
    for window in sorted({alert.window_at(now), alert.window_at(now + MAX_CLOCK_SKEW)}, key=lambda w: w.start):
        amount = await spent_in(session, alert.user_id, window)
        kept = await session.get(AlertWindow, (alert.user_id, alert.id, window.start))
        if kept is None:
            kept = AlertWindow(user_id=alert.user_id, alert_id=alert.id, window_start=window.start)
            session.add(kept)
        kept.window_end, kept.amount = window.end, amount
        kept.assumed = await assumed_in(session, alert.user_id, window)
        fired |= alert.active and await _fire_once(session, alert, window.start, amount, now)
    await session.flush()
    return fired


async def arm_if_clear(session: AsyncSession, alert: CostAlert, now: datetime) -> tuple[datetime, Decimal]:
    """Arm a rolling alert if its spend is clear. Returns when it was armed, and the spend in its window, USD.

    Call this before a change of the configuration too: spend that is clear under the old threshold may not be under the new.
    """
    start = alert.window_at(now).start
    amount = (await spent_since(session, alert.user_id, [start]))[start]
    rolling = await session.get(RollingAlert, (alert.user_id, alert.id))
    if rolling is None:
        rolling = RollingAlert(user_id=alert.user_id, alert_id=alert.id, armed_at=now)
        session.add(rolling)
    elif is_clear(amount, alert.threshold_amount, alert.near_limit_percent):
        rolling.armed_at = now
    await session.flush()
    return rolling.armed_at, amount


async def _evaluate_rolling(session: AsyncSession, alert: CostAlert, now: datetime) -> bool:
    armed_at, amount = await arm_if_clear(session, alert, now)
    return alert.active and await _fire_once(session, alert, armed_at, amount, now)


async def _fire_once(
    session: AsyncSession, alert: CostAlert, window_start: datetime, amount: Decimal, now: datetime
) -> bool:
    level = state_of(amount, alert.threshold_amount, alert.near_limit_percent)
    fired = set(
        await session.scalars(
            select(AlertEvent.level).where(
                AlertEvent.user_id == alert.user_id,
                AlertEvent.alert_id == alert.id,
                AlertEvent.window_start == window_start,
                AlertEvent.config_version == alert.config_version,
            )
        )
    )
    if not is_due(level, fired):
        return False
    last = await session.get(AlertSequence, alert.user_id, with_for_update=True)
    if last is None:
        last = AlertSequence(user_id=alert.user_id, last=0)
        session.add(last)
    last.last += 1
    alert_event = alert_event_of(alert, window_start, level, amount, now)
    alert_event.sequence = last.last
    session.add(alert_event)
    await session.flush()
    return True


def is_due(level: AlertState, fired: set[AlertState]) -> bool:
    """Whether this level is due in a window in which the levels `fired` have fired. A lower level never follows a higher."""
    return not (level is AlertState.ACTIVE or level in fired or AlertState.TRIGGERED in fired)


def alert_event_of(
    alert: CostAlert | WatchedAlert, window_start: datetime, level: AlertState, amount: Decimal, now: datetime
) -> AlertEvent:
    """A new alert event of this alert, without its `sequence`."""
    return AlertEvent(
        user_id=alert.user_id,
        id=new_id(),
        alert_id=alert.id,
        window_start=window_start,
        config_version=alert.config_version,
        level=level,
        amount=amount,
        threshold=alert.threshold_amount,
        fired_at=now,
        acknowledged_at=None,
    )
