"""Cost alerts: their inputs, their states, and the spend in their window."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from domain.bounds import BudgetAmount, Input, Name, TimeZone, reject
from domain.money import EXACT, ZERO
from domain.window import AlertPeriod, CustomPeriod, MonthDay, WeekDay, Window, WindowMode

MAX_ALERTS: Final = 200
"""The most cost alerts of one user."""
MAX_CLOCK_SKEW: Final = timedelta(minutes=5)
"""How far in the future a call may have occurred."""
_HUNDRED: Final = Decimal(100)
# A rolling alert with nearLimitPercent 80 clears at 75 %. Other percentages scale in proportion.
_CLEARS_AT: Final = Decimal(75) / Decimal(80)


class AlertState(StrEnum):
    ACTIVE = "ACTIVE"
    NEAR_LIMIT = "NEAR_LIMIT"
    TRIGGERED = "TRIGGERED"


class UnknownCost(StrEnum):
    """How a budget treats a model when its window has a call to that model with no known cost and no hold."""

    REFUSE = "REFUSE"
    ALLOW = "ALLOW"


NearLimitPercent = Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)]


class CreateCostAlert(Input):
    alert_type: Name | None = None
    threshold_amount: BudgetAmount
    period: AlertPeriod
    mode: WindowMode = WindowMode.CALENDAR
    time_zone: TimeZone = "UTC"
    near_limit_percent: NearLimitPercent = 80.0
    enforced: bool = False
    custom: CustomPeriod | None = None
    week_start: WeekDay = WeekDay.MONDAY
    month_anchor: MonthDay = 1
    unknown_cost: UnknownCost = UnknownCost.REFUSE

    @model_validator(mode="after")
    def _fields_agree(self) -> Self:
        if (self.period is AlertPeriod.CUSTOM) != (self.custom is not None):
            reject("custom is required when period is CUSTOM, and not allowed otherwise")
        if self.mode is WindowMode.ROLLING and self.period is AlertPeriod.CUSTOM:
            reject("mode: must be CALENDAR when period is CUSTOM; a ROLLING window is HOURLY, DAILY, WEEKLY or MONTHLY")
        return self


class UpdateCostAlert(Input):
    """Changes to an alert. A field that is not given stays unchanged. No field can be set to null."""

    threshold_amount: BudgetAmount = ZERO
    active: bool = True
    near_limit_percent: NearLimitPercent = 80.0
    enforced: bool = False
    time_zone: TimeZone = "UTC"
    week_start: WeekDay = WeekDay.MONDAY
    month_anchor: MonthDay = 1
    unknown_cost: UnknownCost = UnknownCost.REFUSE


def is_clear(amount: Decimal, threshold: Decimal, near_limit_percent: float) -> bool:
    """Whether spend has fallen far enough for a rolling alert to fire again: below 75 % when `near_limit_percent` is 80.

    Without this gap, spend that moves around a limit would fire the alert repeatedly.
    """
    clears_at = EXACT.multiply(EXACT.multiply(threshold, Decimal(repr(near_limit_percent))), _CLEARS_AT)
    return EXACT.multiply(amount, _HUNDRED) < clears_at


def rolling_state_of(
    amount: Decimal, threshold: Decimal, near_limit_percent: float, fired: Iterable[AlertState]
) -> AlertState:
    """The state of a rolling alert. `fired` are the levels fired since the alert was last clear: they stay until it clears."""
    if is_clear(amount, threshold, near_limit_percent):
        return AlertState.ACTIVE
    levels = list(AlertState)
    return max(state_of(amount, threshold, near_limit_percent), *fired, AlertState.ACTIVE, key=levels.index)


def state_of(amount: Decimal, threshold: Decimal, near_limit_percent: float) -> AlertState:
    """The state of an alert at this amount of spend in its window. The comparison is exact decimal arithmetic."""
    if amount >= threshold:
        return AlertState.TRIGGERED
    if EXACT.multiply(amount, _HUNDRED) >= EXACT.multiply(threshold, Decimal(repr(near_limit_percent))):
        return AlertState.NEAR_LIMIT
    return AlertState.ACTIVE


@dataclass(frozen=True, slots=True)
class Spending:
    """The spend of an alert in its current window. Amounts are in USD."""

    window: Window
    amount: Decimal
    threshold: Decimal
    state: AlertState
    # The end of the window in UTC; None for a rolling window.
    resets_at: datetime | None
    triggered_at: datetime | None = None
    acknowledged_at: datetime | None = None
    assumed: Decimal = ZERO
    """Charged for routing decisions with calls of unknown cost."""
    held: Decimal = ZERO
    """The holds of open routing decisions."""
    unpriced_calls: int = 0
    """Calls of unknown cost: they add nothing to `amount`."""

    @property
    def available(self) -> Decimal:
        """USD that are not spent, not assumed to be spent and not held; at least 0."""
        return max(self.threshold - self.amount - self.assumed - self.held, ZERO)

    @property
    def percent_used(self) -> float:
        """The spend as a percentage of the threshold; above 100 once it is exceeded."""
        return float(self.amount / self.threshold * 100)

    @property
    def remaining(self) -> Decimal:
        """USD left until the threshold; at least 0."""
        return max(self.threshold - self.amount, ZERO)
