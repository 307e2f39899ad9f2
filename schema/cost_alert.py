from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Annotated, Any

import strawberry
from strawberry.types.unset import UNSET

import models
import resolvers.cost_alert
from schema.deletion import DeleteResult
from schema.enum import AlertPeriod, AlertState, PeriodUnit, UnknownCost, WeekDay, WindowMode
from schema.error import Conflict, ExpectedErrorAsData, InvalidInput, NotFound, Shielded
from schema.page import Connection


def _spending(name: str, type_: Any, description: str) -> Any:
    return strawberry.field(
        resolver=lambda root: getattr(root.spending, name), graphql_type=type_, description=description
    )


@strawberry.type(
    description="A limit on spend per window. It fires when spend approaches or reaches the threshold; when it is "
    "enforced, routing rejects requests that would exceed it."
)
class CostAlert:
    id: strawberry.ID = strawberry.field(description="The id of the cost alert.")
    alert_type: str = strawberry.field(description='The name of the alert, such as "daily_spend".')
    period: AlertPeriod = strawberry.field(description="The length of a window.")
    mode: WindowMode = strawberry.field(description="Whether windows are aligned to the calendar or end now.")
    time_zone: str = strawberry.field(description="The IANA time zone that windows are aligned in.")
    week_start: WeekDay = strawberry.field(description="The day that weekly windows start on.")
    month_anchor: int = strawberry.field(description="The day of the month that monthly windows start on, 1 to 28.")
    threshold_amount: Decimal = strawberry.field(
        description="The spend in one window at which the alert triggers, in USD."
    )
    current_amount: Decimal = _spending(
        "amount",
        Decimal,
        "The known spend in the current window, in USD. `state`, `percentUsed` and `remaining` are computed from it.",
    )
    assumed_amount: Decimal = _spending(
        "assumed",
        Decimal,
        "The assumed spend in the current window, in USD, in addition to `currentAmount`: the holds of "
        "routing decisions whose calls have no known cost.",
    )
    held_amount: Decimal = _spending(
        "held",
        Decimal,
        "The sum of holds for open routing decisions, in USD. Every enforced alert counts all of them.",
    )
    available_amount: Decimal = _spending(
        "available",
        Decimal,
        "The amount that routing can still spend when the alert is enforced, in USD: `thresholdAmount` minus "
        "`currentAmount`, `assumedAmount` and `heldAmount`. Never below 0.",
    )
    unpriced_calls: int = _spending(
        "unpriced_calls",
        int,
        "The number of calls in the current window whose cost is unknown. `currentAmount` does not include them.",
    )
    percent_used: float = _spending(
        "percent_used",
        float,
        "`currentAmount` as a percentage of `thresholdAmount`. Above 100 when the threshold is exceeded.",
    )
    remaining: Decimal = _spending(
        "remaining",
        Decimal,
        "`thresholdAmount` minus `currentAmount`, in USD. Never below 0.",
    )
    near_limit_percent: float = strawberry.field(
        description="The percentage of the threshold from which the state is NEAR_LIMIT."
    )
    state: AlertState = _spending("state", AlertState, "The state in the current window.")
    window_start: dt.datetime = strawberry.field(
        resolver=lambda root: root.spending.window.start,
        graphql_type=dt.datetime,
        description="The start of the current window (inclusive), in UTC. The window of a rolling alert moves by the "
        "minute.",
    )
    resets_at: dt.datetime | None = _spending(
        "resets_at",
        dt.datetime | None,
        "The end of the current window (exclusive), in UTC, when spend restarts at 0. Null for a rolling alert.",
    )
    triggered_at: dt.datetime | None = _spending(
        "triggered_at",
        dt.datetime | None,
        "When the alert last reached its threshold, in any window, in UTC. Null when it never did.",
    )
    acknowledged_at: dt.datetime | None = _spending(
        "acknowledged_at",
        dt.datetime | None,
        "When the latest alert event was acknowledged, in UTC. Null when it is not acknowledged, or when "
        "there is none.",
    )
    active: bool = strawberry.field(description="True when the alert is on. An alert that is off never fires.")
    enforced: bool = strawberry.field(
        description="True when the alert is a budget: routing rejects requests that would exceed it."
    )
    unknown_cost: UnknownCost = strawberry.field(
        description="Whether an enforced alert rejects models whose calls have no known cost."
    )
    created_at: dt.datetime = strawberry.field(description="When the alert was created, in UTC.")
    updated_at: dt.datetime = strawberry.field(description="When the alert was last changed, in UTC.")

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return isinstance(value, models.CostAlert)


@strawberry.type(
    description="The record that an alert reached a level. There is one per level and window; raising the threshold "
    "re-arms the alert."
)
class AlertEvent:
    id: strawberry.ID = strawberry.field(description="The id of the alert event.")
    cursor: str = strawberry.field(
        resolver=resolvers.cost_alert.cursor_of,
        graphql_type=str,
        description="The position of the alert event in your stream of alert events. Pass it to `alertTriggered(after:)` "
        "to continue after it.",
    )
    alert: CostAlert = strawberry.field(description="The cost alert that fired, in its current state.")
    level: AlertState = strawberry.field(description="The level that was reached: NEAR_LIMIT or TRIGGERED.")
    amount: Decimal = strawberry.field(description="The known spend in the window when the alert fired, in USD.")
    threshold: Decimal = strawberry.field(description="The threshold when the alert fired, in USD.")
    window_start: dt.datetime = strawberry.field(
        description="The start of the window in which the alert fired, in UTC. For a rolling alert: when the alert was "
        "last armed."
    )
    fired_at: dt.datetime = strawberry.field(description="When the alert fired, in UTC.")
    acknowledged_at: dt.datetime | None = strawberry.field(
        description="When the alert event was acknowledged, in UTC. Null until then."
    )


@strawberry.input(description="A custom period: a number of hours, days or weeks, counted from an anchor.")
class CustomPeriodInput:
    every: int = strawberry.field(description="The number of units per window: 1 to 1000.")
    unit: PeriodUnit = strawberry.field(
        description="The unit of the period. Days and weeks follow the local time of the alert's time zone."
    )
    anchor: dt.datetime = strawberry.field(
        description="A time at which a window starts. Other windows are counted from it."
    )


@strawberry.input(description="A cost alert to create.")
class CreateCostAlertInput:
    alert_type: str | None = strawberry.field(
        default=UNSET,
        description='The name of the alert. Omitted or null: derived from the period, such as "daily_spend".',
    )
    threshold_amount: Decimal = strawberry.field(
        description="The spend in one window at which the alert triggers, in USD: more than 0, at most 1,000,000,000."
    )
    period: AlertPeriod = strawberry.field(description="The length of a window.")
    mode: WindowMode | None = strawberry.field(
        default=WindowMode.CALENDAR, description="Whether windows are aligned to the calendar or end now."
    )
    time_zone: str | None = strawberry.field(default="UTC", description="The IANA time zone to align windows in.")
    near_limit_percent: float | None = strawberry.field(
        default=80.0,
        description="The percentage of the threshold from which the state is NEAR_LIMIT: above 0, at most 100.",
    )
    enforced: bool | None = strawberry.field(
        default=False, description="True to make the alert a budget: routing rejects requests that would exceed it."
    )
    custom: CustomPeriodInput | None = strawberry.field(
        default=UNSET, description="The custom period. Required when `period` is CUSTOM, not allowed otherwise."
    )
    week_start: WeekDay | None = strawberry.field(
        default=WeekDay.MONDAY, description="The day that weekly windows start on."
    )
    unknown_cost: UnknownCost | None = strawberry.field(
        default=UnknownCost.REFUSE,
        description="Whether an enforced alert rejects models whose calls have no known cost.",
    )
    month_anchor: int | None = strawberry.field(
        default=1, description="The day of the month that monthly windows start on: 1 to 28."
    )


@strawberry.input(description="Changes to a cost alert. An omitted field stays as it is.")
class UpdateCostAlertInput:
    threshold_amount: Decimal | None = strawberry.field(
        default=UNSET,
        description="The new threshold in USD: more than 0, at most 1,000,000,000. A higher threshold re-arms the alert "
        "in its current window.",
    )
    active: bool | None = strawberry.field(
        default=UNSET, description="True to turn the alert on, false to turn it off."
    )
    near_limit_percent: float | None = strawberry.field(
        default=UNSET,
        description="The percentage of the threshold from which the state is NEAR_LIMIT: above 0, at most 100.",
    )
    enforced: bool | None = strawberry.field(
        default=UNSET, description="True to make the alert a budget: routing rejects requests that would exceed it."
    )
    time_zone: str | None = strawberry.field(
        default=UNSET, description="The IANA time zone to align windows in. A change restarts the current window."
    )
    week_start: WeekDay | None = strawberry.field(
        default=UNSET, description="The day that weekly windows start on. A change restarts the current window."
    )
    unknown_cost: UnknownCost | None = strawberry.field(
        default=UNSET,
        description="Whether an enforced alert rejects models whose calls have no known cost.",
    )
    month_anchor: int | None = strawberry.field(
        default=UNSET,
        description="The day of the month that monthly windows start on: 1 to 28. A change restarts the current window.",
    )


CreateCostAlertResult = Annotated[
    CostAlert | InvalidInput,
    strawberry.union(
        "CreateCostAlertResult", description="The created cost alert, or the reason why it was not created."
    ),
]
UpdateCostAlertResult = Annotated[
    CostAlert | InvalidInput | NotFound,
    strawberry.union(
        "UpdateCostAlertResult", description="The changed cost alert, or the reason why it was not changed."
    ),
]
AcknowledgeCostAlertResult = Annotated[
    CostAlert | NotFound | Conflict,
    strawberry.union(
        "AcknowledgeCostAlertResult",
        description="The acknowledged cost alert, or the reason why it was not acknowledged.",
    ),
]


@strawberry.type
class CostAlertQuery:
    cost_alerts = strawberry.field(
        resolver=resolvers.cost_alert.cost_alerts,
        graphql_type=Connection[CostAlert],
        description="Your cost alerts, newest first.",
    )
    cost_alert = strawberry.field(
        resolver=resolvers.cost_alert.cost_alert,
        graphql_type=CostAlert | None,
        description="The cost alert with this id. Null when you have no such alert.",
    )
    alert_events = strawberry.field(
        resolver=resolvers.cost_alert.alert_events,
        graphql_type=Connection[AlertEvent],
        description="The events of your cost alerts, newest first.",
    )


@strawberry.type
class CostAlertMutation:
    create_cost_alert = strawberry.mutation(
        resolver=resolvers.cost_alert.create_cost_alert,
        graphql_type=CreateCostAlertResult,
        extensions=[ExpectedErrorAsData(), Shielded()],
        description="Create a cost alert: at most 200 per user. Earlier spend in its current window counts, and can make "
        "it fire at once.",
    )
    update_cost_alert = strawberry.mutation(
        resolver=resolvers.cost_alert.update_cost_alert,
        graphql_type=UpdateCostAlertResult,
        extensions=[ExpectedErrorAsData(), Shielded()],
        description="Change a cost alert. It is evaluated again at once.",
    )
    delete_cost_alert = strawberry.mutation(
        resolver=resolvers.cost_alert.delete_cost_alert,
        graphql_type=DeleteResult,
        extensions=[ExpectedErrorAsData(), Shielded()],
        description="Delete a cost alert and its alert events. Returns `Conflict` for the alert that "
        "`costAlertThreshold` of the preferences maintains.",
    )
    acknowledge_cost_alert = strawberry.mutation(
        resolver=resolvers.cost_alert.acknowledge_cost_alert,
        graphql_type=AcknowledgeCostAlertResult,
        extensions=[ExpectedErrorAsData(), Shielded()],
        description="Acknowledge the latest alert event of a cost alert. The alert is not re-armed. Returns `Conflict` "
        "when no alert event is unacknowledged.",
    )


@strawberry.type
class CostAlertSubscription:
    alert_triggered = strawberry.subscription(
        resolver=resolvers.cost_alert.alert_triggered,
        graphql_type=AlertEvent,
        description="Sends the events of your cost alerts: those after the given cursor, then each new one when it is "
        "committed. Each event is sent once, in order.",
    )
