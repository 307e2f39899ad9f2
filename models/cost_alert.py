"""`router_cost_alerts`, what was spent in each of their windows, and each time one fired."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import (
    BigInteger,
    Float,
    ForeignKeyConstraint,
    Index,
    String,
    UniqueConstraint,
    Uuid,
    func,
    select,
    text,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from domain.bounds import MAX_NAME_LENGTH
from domain.cost_alert import (
    MAX_CLOCK_SKEW,
    AlertPeriod,
    AlertState,
    CustomPeriod,
    Spending,
    UnknownCost,
    WeekDay,
    Window,
    WindowMode,
    is_clear,
    rolling_state_of,
    rolling_window_at,
    state_of,
    window_at,
)
from domain.money import ZERO
from models.base import Base, Owned
from models.hold import held_by
from models.spend import assumed_in, assumed_since, spent_in, spent_since, unpriced_in
from models.types import JSONDocument, enum_type, new_id


class CostAlert(Owned, Base):
    """What to watch. What was spent lies beside it, in a row for each window: nothing has to be reset."""

    __tablename__ = "router_cost_alerts"
    __allow_unmapped__ = True  # `spending` is no column: `load_spending` sets it

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    alert_type: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH))
    threshold_amount: Mapped[Decimal]
    period: Mapped[AlertPeriod] = mapped_column(enum_type(AlertPeriod))
    mode: Mapped[WindowMode] = mapped_column(enum_type(WindowMode))
    time_zone: Mapped[str] = mapped_column(String(64))
    custom: Mapped[dict[str, Any] | None] = mapped_column(JSONDocument)
    near_limit_percent: Mapped[float] = mapped_column(Float)
    enforced: Mapped[bool]
    active: Mapped[bool] = mapped_column(default=True)
    # Raised by each change that re-arms the alert; firings are counted once for each version.
    config_version: Mapped[int] = mapped_column(default=1)
    # The daily alert that `costAlertThreshold` of the preferences keeps; at most one a user.
    from_preferences: Mapped[bool] = mapped_column(default=False)
    # Where its first window starts. Spend before it is not in its windows, which hold all that was spent in them.
    counted_from: Mapped[datetime]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    week_start: Mapped[WeekDay] = mapped_column(enum_type(WeekDay), default=WeekDay.MONDAY)
    month_anchor: Mapped[int] = mapped_column(default=1)
    # What a budget does with models whose calls have no known cost.
    unknown_cost: Mapped[UnknownCost] = mapped_column(
        enum_type(UnknownCost), default=UnknownCost.REFUSE, server_default=UnknownCost.REFUSE
    )

    __table_args__ = (Index("ix_router_cost_alerts_user_id_active", "user_id", "active", "id"),)

    spending: Spending

    def window_at(self, moment: datetime) -> Window:
        """The window of this alert that holds `moment`."""
        return _window_at(self, moment)


@dataclass(frozen=True, slots=True)
class WatchedAlert:
    """An alert as the ledger watches it: these columns of its row."""

    user_id: UUID
    id: UUID
    threshold_amount: Decimal
    period: AlertPeriod
    time_zone: str
    custom: dict[str, Any] | None
    near_limit_percent: float
    active: bool
    config_version: int
    counted_from: datetime
    mode: WindowMode
    week_start: WeekDay
    month_anchor: int
    unknown_cost: UnknownCost

    @property
    def calendar(self) -> tuple[Any, ...]:
        """What is equal for alerts that have the same windows."""
        custom = self.custom and tuple(sorted(self.custom.items()))
        return self.mode, self.period, self.time_zone, self.week_start, self.month_anchor, custom

    def window_at(self, moment: datetime) -> Window:
        """The window of this alert that holds `moment`."""
        return _window_at(self, moment)


def _window_at(alert: CostAlert | WatchedAlert, moment: datetime) -> Window:
    if alert.mode is WindowMode.ROLLING:
        return rolling_window_at(alert.period, moment)
    custom = CustomPeriod.model_validate(alert.custom) if alert.custom else None
    return window_at(
        alert.period,
        ZoneInfo(alert.time_zone),
        moment,
        custom,
        week_start=alert.week_start,
        month_anchor=alert.month_anchor,
    )


class AlertWindow(Owned, Base):
    """What was spent in one window of one alert; written by the ledger alone, but for an alert's first window."""

    __tablename__ = "router_cost_alert_windows"

    alert_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    window_start: Mapped[datetime] = mapped_column(primary_key=True)
    window_end: Mapped[datetime]
    amount: Mapped[Decimal]
    # Charged to decisions that were made in it, for calls of unknown cost.
    assumed: Mapped[Decimal] = mapped_column(server_default=text("0"))

    __table_args__ = (
        ForeignKeyConstraint(
            ["user_id", "alert_id"], ["router_cost_alerts.user_id", "router_cost_alerts.id"], ondelete="CASCADE"
        ),
    )


class RollingAlert(Owned, Base):
    """Since when a rolling alert is armed: its firings since then are those of one episode, each level once.

    The row is locked by whoever spends, so that of two commits the later one sees what the earlier one spent.
    """

    __tablename__ = "router_rolling_alerts"

    alert_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    armed_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(
            ["user_id", "alert_id"], ["router_cost_alerts.user_id", "router_cost_alerts.id"], ondelete="CASCADE"
        ),
    )


class AlertEvent(Owned, Base):
    """One firing. `window_start` is, of a rolling alert, when it was armed. `sequence` numbers a user's firings in the order they were committed: the cursor of their stream."""

    __tablename__ = "router_alert_events"
    __allow_unmapped__ = True  # `alert` is no column: `load_alerts` sets it

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    sequence: Mapped[int] = mapped_column(BigInteger)
    alert_id: Mapped[UUID] = mapped_column(Uuid)
    window_start: Mapped[datetime]
    config_version: Mapped[int]
    level: Mapped[AlertState] = mapped_column(enum_type(AlertState))
    amount: Mapped[Decimal]
    threshold: Mapped[Decimal]
    fired_at: Mapped[datetime]
    acknowledged_at: Mapped[datetime | None]

    alert: CostAlert

    __table_args__ = (
        UniqueConstraint("user_id", "sequence"),
        Index("ix_router_alert_events_alert", "user_id", "alert_id", "level", "sequence"),
        UniqueConstraint(
            "user_id", "alert_id", "window_start", "config_version", "level", name="uq_router_alert_events_firing"
        ),
        ForeignKeyConstraint(
            ["user_id", "alert_id"], ["router_cost_alerts.user_id", "router_cost_alerts.id"], ondelete="CASCADE"
        ),
    )


class AlertSequence(Owned, Base):
    """The number of a user's last firing. Its row is locked until a firing commits, so numbers appear in order."""

    __tablename__ = "router_alert_sequences"

    last: Mapped[int] = mapped_column(BigInteger)


async def alert_of(
    session: AsyncSession, user_id: UUID, alert_id: UUID, *, for_update: bool = False
) -> CostAlert | None:
    """The user's alert with this id; None when the user has none such."""
    statement = select(CostAlert).where(CostAlert.user_id == user_id, CostAlert.id == alert_id)
    return await session.scalar(statement.with_for_update() if for_update else statement)


async def load_spending(session: AsyncSession, alerts: Sequence[CostAlert], now: datetime) -> None:
    """Set `spending` on each of these alerts of one user, in a few statements however many they are."""
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
    last_firings = await _last_firings(session, user_id, list(windows))
    for alert in alerts:
        window = windows[alert.id]
        firings = [last_firings[key] for level in AlertState if (key := (alert.id, level)) in last_firings]
        if alert.mode is WindowMode.ROLLING:
            amount, assumed = since[window.start], assumed_of_rolling[window.start]
            fired = [firing.level for firing in firings if _is_of(firing, alert, episodes.get(alert.id))]
            state = rolling_state_of(amount, alert.threshold_amount, alert.near_limit_percent, fired)
        else:
            amount, assumed = amounts.get(alert.id, (ZERO, ZERO))
            state = state_of(amount, alert.threshold_amount, alert.near_limit_percent)
        triggered = last_firings.get((alert.id, AlertState.TRIGGERED))
        last = max(firings, key=lambda f: f.sequence, default=None)
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


def _is_of(firing: AlertEvent, alert: CostAlert, armed_at: datetime | None) -> bool:
    """Whether it is a firing of the alert as it is configured now, and since it was last armed."""
    return (firing.window_start, firing.config_version) == (armed_at, alert.config_version)


async def _episodes(session: AsyncSession, user_id: UUID, alerts: Sequence[CostAlert]) -> dict[UUID, datetime]:
    """Since when these rolling alerts are armed."""
    if not alerts:
        return {}
    rows = await session.scalars(
        select(RollingAlert).where(
            RollingAlert.user_id == user_id, RollingAlert.alert_id.in_([alert.id for alert in alerts])
        )
    )
    return {row.alert_id: row.armed_at for row in rows}


async def load_alerts(session: AsyncSession, events: Sequence[AlertEvent], now: datetime) -> list[AlertEvent]:
    """These firings of one user with `alert` set, and its spending; without those whose alert is deleted meanwhile."""
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
    """The user's firings after this one, oldest first."""
    statement = select(AlertEvent).where(AlertEvent.user_id == user_id, AlertEvent.sequence > sequence)
    return list(await session.scalars(statement.order_by(AlertEvent.sequence).limit(limit)))


async def last_sequence(session: AsyncSession, user_id: UUID) -> int:
    """The number of the user's last firing; 0 before the first."""
    return await session.scalar(select(AlertSequence.last).where(AlertSequence.user_id == user_id)) or 0


async def evaluate(session: AsyncSession, alert: CostAlert, now: datetime) -> bool:
    """Count anew what was spent in the alert's open windows, and fire when that is due; whether it fired.

    For an alert whose configuration changed: from then on the ledger keeps its windows.
    """
    if alert.mode is WindowMode.ROLLING:
        return await _evaluate_rolling(session, alert, now)
    fired = False
    # An event may be dated a little ahead of the clock, and so lie in the next window already.
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
    """Arm a rolling alert whose spend is clear of its line as it is configured now: since when it is armed, and spend.

    Called before a change too: what was clear under the old line may not be under the new one.
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
    firing = firing_of(alert, window_start, level, amount, now)
    firing.sequence = last.last
    session.add(firing)
    await session.flush()
    return True


def is_due(level: AlertState, fired: set[AlertState]) -> bool:
    """Whether this level is to fire in a window that has fired those: a lower one never follows a higher one."""
    return not (level is AlertState.ACTIVE or level in fired or AlertState.TRIGGERED in fired)


def firing_of(
    alert: CostAlert | WatchedAlert, window_start: datetime, level: AlertState, amount: Decimal, now: datetime
) -> AlertEvent:
    """A firing of this alert, not yet numbered."""
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


async def _amounts(
    session: AsyncSession, user_id: UUID, windows: dict[UUID, Window]
) -> dict[UUID, tuple[Decimal, Decimal]]:
    """What is spent, and assumed to be spent, in each alert's window."""
    keys = [(alert_id, window.start) for alert_id, window in windows.items()]
    rows = await session.execute(
        select(AlertWindow.alert_id, AlertWindow.amount, AlertWindow.assumed).where(
            AlertWindow.user_id == user_id, tuple_(AlertWindow.alert_id, AlertWindow.window_start).in_(keys)
        )
    )
    return {row.alert_id: (row.amount, row.assumed) for row in rows}


async def _last_firings(
    session: AsyncSession, user_id: UUID, alert_ids: list[UUID]
) -> dict[tuple[UUID, AlertState], AlertEvent]:
    last = (
        select(func.max(AlertEvent.sequence))
        .where(AlertEvent.user_id == user_id, AlertEvent.alert_id.in_(alert_ids))
        .group_by(AlertEvent.alert_id, AlertEvent.level)
    )
    firings = await session.scalars(
        select(AlertEvent).where(AlertEvent.user_id == user_id, AlertEvent.sequence.in_(last))
    )
    return {(firing.alert_id, firing.level): firing for firing in firings}
