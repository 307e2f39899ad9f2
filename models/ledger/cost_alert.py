"""Evaluating alerts: recounting the spend of an alert's windows, and firing it when a level is due."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.cost_alert import MAX_CLOCK_SKEW, AlertState, WindowMode, is_clear, state_of
from models.cost_alert import AlertEvent, AlertSequence, AlertWindow, CostAlert, RollingAlert, WatchedAlert
from models.queries.spend import assumed_in, spent_in, spent_since
from models.types import new_id


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
