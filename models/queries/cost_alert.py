"""Reading cost alerts with their spending, and alert events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from domain.cost_alert import AlertState, Spending, rolling_state_of, state_of
from domain.money import ZERO
from domain.page import Page, whole_number
from domain.window import Window, WindowMode
from models.cost_alert import AlertEvent, AlertSequence, AlertWindow, CostAlert, RollingAlert
from models.database.page import newest_first
from models.database.row import row_of
from models.queries.hold import held_by
from models.queries.spend import assumed_since, spent_since, unpriced_in


async def _ids_in_state(session: AsyncSession, user_id: UUID, state: AlertState, now: datetime) -> list[UUID]:
    """The ids of the user's alerts that are in this state now."""
    alerts = list(await session.scalars(select(CostAlert).where(CostAlert.user_id == user_id)))
    await load_spending(session, alerts, now)
    return [alert.id for alert in alerts if alert.spending.state is state]


async def alert_with_spending(session: AsyncSession, user_id: UUID, alert_id: UUID, now: datetime) -> CostAlert | None:
    """The user's alert with this id and its spending; None if the user has no such alert."""
    alert = await row_of(session, CostAlert, user_id, alert_id)
    if alert is not None:
        await load_spending(session, [alert], now)
    return alert


async def alerts_page(
    session: AsyncSession,
    user_id: UUID,
    now: datetime,
    *,
    active: bool | None,
    state: AlertState | None,
    first: int | None,
    after: str | None,
) -> Page[CostAlert]:
    """A page of the user's alerts with their spending, newest first. None in place of a condition: all alerts."""
    conditions = [] if active is None else [CostAlert.active.is_(active)]
    if state is not None:
        conditions.append(CostAlert.id.in_(await _ids_in_state(session, user_id, state, now)))
    page = await newest_first(session, CostAlert, user_id, conditions, first=first, after=after)
    await load_spending(session, page.nodes, now)
    return page


async def alert_events_page(
    session: AsyncSession,
    user_id: UUID,
    now: datetime,
    *,
    alert_id: UUID | None,
    acknowledged: bool | None,
    first: int | None,
    after: str | None,
) -> Page[AlertEvent]:
    """A page of the user's alert events with their alerts, newest first. None in place of a condition: all alert events."""
    conditions: list[ColumnElement[bool]] = []
    if alert_id is not None:
        conditions.append(AlertEvent.alert_id == alert_id)
    if acknowledged is not None:
        stamp = AlertEvent.acknowledged_at
        conditions.append(stamp.is_not(None) if acknowledged else stamp.is_(None))
    page = await newest_first(
        session, AlertEvent, user_id, conditions, first=first, after=after, key="sequence", parse=whole_number
    )
    await load_alerts(session, page.nodes, now)
    return page


async def load_spending(session: AsyncSession, alerts: Sequence[CostAlert], now: datetime) -> None:
    """Set `spending` on each of these alerts of one user, with few statements for any number of alerts."""
    if not alerts:
        return
    user_id = alerts[0].user_id
    windows = {alert.id: alert.window_at(now) for alert in alerts}
    rolling = [alert for alert in alerts if alert.mode is WindowMode.ROLLING]
    amounts = await _amounts(session, user_id, windows)
    starts = {windows[alert.id].start for alert in rolling}
    since = await spent_since(session, user_id, starts)
    assumed_of_rolling = await assumed_since(session, user_id, starts)
    held = await held_by(session, user_id, now)
    unpriced = {window: await unpriced_in(session, user_id, window) for window in set(windows.values())}
    episodes = await _episodes(session, user_id, rolling)
    last_alert_events = await _last_alert_events(session, user_id, list(windows))
    for alert in alerts:
        window = windows[alert.id]
        alert_events = [
            last_alert_events[key] for level in AlertState if (key := (alert.id, level)) in last_alert_events
        ]
        if alert.mode is WindowMode.ROLLING:
            amount, assumed = since[window.start], assumed_of_rolling[window.start]
            fired = [
                alert_event.level for alert_event in alert_events if _is_of(alert_event, alert, episodes.get(alert.id))
            ]
            state = rolling_state_of(amount, alert.threshold_amount, alert.near_limit_percent, fired)
        else:
            amount, assumed = amounts.get(alert.id, (ZERO, ZERO))
            state = state_of(amount, alert.threshold_amount, alert.near_limit_percent)
        triggered = last_alert_events.get((alert.id, AlertState.TRIGGERED))
        last = max(alert_events, key=lambda f: f.sequence, default=None)
        alert.spending = Spending(
            window=window,
            amount=amount,
            threshold=alert.threshold_amount,
            state=state,
            resets_at=None if alert.mode is WindowMode.ROLLING else window.end,
            triggered_at=triggered.fired_at if triggered else None,
            acknowledged_at=last.acknowledged_at if last else None,
            assumed=assumed,
            held=held,
            unpriced_calls=unpriced[window],
        )


def _is_of(alert_event: AlertEvent, alert: CostAlert, armed_at: datetime | None) -> bool:
    """Whether the alert event belongs to the alert's current configuration, and to the time since it was last armed."""
    return (alert_event.window_start, alert_event.config_version) == (armed_at, alert.config_version)


async def _episodes(session: AsyncSession, user_id: UUID, alerts: Sequence[CostAlert]) -> dict[UUID, datetime]:
    """The time at which each of these rolling alerts was last armed, by alert id."""
    if not alerts:
        return {}
    rows = await session.scalars(
        select(RollingAlert).where(
            RollingAlert.user_id == user_id, RollingAlert.alert_id.in_([alert.id for alert in alerts])
        )
    )
    return {row.alert_id: row.armed_at for row in rows}


async def load_alerts(session: AsyncSession, events: Sequence[AlertEvent], now: datetime) -> list[AlertEvent]:
    """Set `alert`, with its spending, on these alert events of one user. Returns those whose alert still exists."""
    if not events:
        return []
    ids = {event.alert_id for event in events}
    alerts = list(
        await session.scalars(select(CostAlert).where(CostAlert.user_id == events[0].user_id, CostAlert.id.in_(ids)))
    )
    await load_spending(session, alerts, now)
    by_id = {alert.id: alert for alert in alerts}
    there = [event for event in events if event.alert_id in by_id]
    for event in there:
        event.alert = by_id[event.alert_id]
    return there


async def alert_events_after(session: AsyncSession, user_id: UUID, sequence: int, limit: int) -> list[AlertEvent]:
    """Up to `limit` of the user's alert events after this sequence number, oldest first."""
    statement = select(AlertEvent).where(AlertEvent.user_id == user_id, AlertEvent.sequence > sequence)
    return list(await session.scalars(statement.order_by(AlertEvent.sequence).limit(limit)))


async def last_sequence(session: AsyncSession, user_id: UUID) -> int:
    """The sequence number of the user's latest alert event; 0 before the first."""
    return await session.scalar(select(AlertSequence.last).where(AlertSequence.user_id == user_id)) or 0


async def _amounts(
    session: AsyncSession, user_id: UUID, windows: dict[UUID, Window]
) -> dict[UUID, tuple[Decimal, Decimal]]:
    """The spend and the assumed spend in the window of each alert, by alert id."""
    keys = [(alert_id, window.start) for alert_id, window in windows.items()]
    rows = await session.execute(
        select(AlertWindow.alert_id, AlertWindow.amount, AlertWindow.assumed).where(
            AlertWindow.user_id == user_id, tuple_(AlertWindow.alert_id, AlertWindow.window_start).in_(keys)
        )
    )
    return {row.alert_id: (row.amount, row.assumed) for row in rows}


async def _last_alert_events(
    session: AsyncSession, user_id: UUID, alert_ids: list[UUID]
) -> dict[tuple[UUID, AlertState], AlertEvent]:
    last = (
        select(func.max(AlertEvent.sequence))
        .where(AlertEvent.user_id == user_id, AlertEvent.alert_id.in_(alert_ids))
        .group_by(AlertEvent.alert_id, AlertEvent.level)
    )
    alert_events = await session.scalars(
        select(AlertEvent).where(AlertEvent.user_id == user_id, AlertEvent.sequence.in_(last))
    )
    return {(alert_event.alert_id, alert_event.level): alert_event for alert_event in alert_events}
