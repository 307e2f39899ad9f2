"""`router_cost_alerts`, the spend in each of their windows, and their alert events."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, Float, ForeignKeyConstraint, Index, String, UniqueConstraint, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from domain.bounds import MAX_NAME_LENGTH
from domain.cost_alert import AlertState, Spending, UnknownCost
from domain.window import AlertPeriod, CustomPeriod, WeekDay, Window, WindowMode, rolling_window_at, window_at
from models.base import Base, Owned
from models.types import JSONDocument, enum_type, new_id


class CostAlert(Owned, Base):
    """The configuration of an alert. Spend is kept in one `AlertWindow` per window, so no job has to reset it."""

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
    # Raised by each change that re-arms the alert. Each level fires at most once per window and version.
    config_version: Mapped[int] = mapped_column(default=1)
    # True for the daily alert that `costAlertThreshold` in the preferences manages; at most one per user.
    from_preferences: Mapped[bool] = mapped_column(default=False)
    # The start of its first window. Earlier spend has no window; each window contains all spend of its period.
    counted_from: Mapped[datetime]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    week_start: Mapped[WeekDay] = mapped_column(enum_type(WeekDay), default=WeekDay.MONDAY)
    month_anchor: Mapped[int] = mapped_column(default=1)
    # Whether a budget allows models that have calls of unknown cost.
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
    """The columns of a `CostAlert` that the ledger needs to count spend and fire alert events."""

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
        """A key that is equal for two alerts exactly when they have the same windows."""
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
    """The spend in one window of one calendar alert. The ledger writes it, except for an alert's first window."""

    __tablename__ = "router_cost_alert_windows"

    alert_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    window_start: Mapped[datetime] = mapped_column(primary_key=True)
    window_end: Mapped[datetime]
    amount: Mapped[Decimal]
    # Assumed spend of routing decisions made in this window, charged for calls of unknown cost.
    assumed: Mapped[Decimal] = mapped_column(server_default=text("0"))

    __table_args__ = (
        ForeignKeyConstraint(
            ["user_id", "alert_id"], ["router_cost_alerts.user_id", "router_cost_alerts.id"], ondelete="CASCADE"
        ),
    )


class RollingAlert(Owned, Base):
    """When a rolling alert was last armed. From then on, each level fires at most once until the alert is armed again.

    Each commit that adds spend locks the row, so the later of two commits sees the spend of the earlier one.
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
    """The record that an alert reached a level in a window.

    `window_start` is the start of the window; for a rolling alert, the time at which it was armed. `sequence` numbers a
    user's alert events in commit order, and is the cursor of the user's event stream.
    """

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
    """The `sequence` of a user's latest alert event.

    A transaction that adds alert events locks the row until it commits, so numbers become visible in order.
    """

    __tablename__ = "router_alert_sequences"

    last: Mapped[int] = mapped_column(BigInteger)
