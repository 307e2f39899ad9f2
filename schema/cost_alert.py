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
from schema.error import Conflict, ExpectedErrorAsData, InvalidInput, NotFound, Uninterrupted
from schema.page import Connection


def _spending(name: str) -> Any:
    return lambda root: getattr(root.spending, name)


@strawberry.type(description="A budget that is watched: it fires when spend in its window reaches the threshold.")
class CostAlert:
    id: strawberry.ID = strawberry.field(description="The alert's id.")
    alert_type: str = strawberry.field(description='What kind of alert it is, such as "daily_spend".')
    period: AlertPeriod = strawberry.field(description="How long its windows are.")
    mode: WindowMode = strawberry.field(description="How its windows lie in time.")
    time_zone: str = strawberry.field(description="The IANA time zone that its windows are aligned in.")
    week_start: WeekDay = strawberry.field(description="The day that weekly windows begin on.")
    month_anchor: int = strawberry.field(description="The day of the month, 1 to 28, that monthly windows begin on.")
    threshold_amount: Decimal = strawberry.field(description="The spend in one window at which it fires, in USD.")
    current_amount: Decimal = strawberry.field(
        resolver=_spending("amount"),
        graphql_type=Decimal,
        description="What is known to be spent in the current window, in USD. State, `percentUsed` and `remaining` follow it.",
    )
    assumed_amount: Decimal = strawberry.field(
        resolver=_spending("assumed"),
        graphql_type=Decimal,
        description="What is assumed to be spent beside that, in USD: what decisions made in the current window held, where "
        "their outcome has no known cost.",
    )
    held_amount: Decimal = strawberry.field(
        resolver=_spending("held"),
        graphql_type=Decimal,
        description="What is set aside for open decisions, in USD. It counts in every enforced alert.",
    )
    available_amount: Decimal = strawberry.field(
        resolver=_spending("available"),
        graphql_type=Decimal,
        description="What routing may still spend when the alert is enforced, in USD: the threshold less what is spent, assumed "
        "and held; never below 0.",
    )
    unpriced_calls: int = strawberry.field(
        resolver=_spending("unpriced_calls"),
        graphql_type=int,
        description="How many calls in the current window are of unknown cost: they add nothing to the current amount.",
    )
    percent_used: float = strawberry.field(
        resolver=_spending("percent_used"),
        graphql_type=float,
        description="The current amount as a share of the threshold, in percent; above 100 when exceeded.",
    )
    remaining: Decimal = strawberry.field(
        resolver=_spending("remaining"),
        graphql_type=Decimal,
        description="What is left until the threshold, in USD; never below 0.",
    )
    near_limit_percent: float = strawberry.field(description="The percentage from which it is near its limit.")
    state: AlertState = strawberry.field(
        resolver=_spending("state"), graphql_type=AlertState, description="How it stands in the current window."
    )
    window_start: dt.datetime = strawberry.field(
        resolver=lambda root: root.spending.window.start,
        graphql_type=dt.datetime,
        description="When the current window began; the moment itself belongs to it. A rolling window moves by the "
        "minute.",
    )
    resets_at: dt.datetime | None = strawberry.field(
        resolver=_spending("resets_at"),
        graphql_type=dt.datetime | None,
        description="When the current window ends and the next one begins, with nothing spent; null for a rolling one.",
    )
    triggered_at: dt.datetime | None = strawberry.field(
        resolver=_spending("triggered_at"),
        graphql_type=dt.datetime | None,
        description="When it last fired at its threshold, in whichever window; null if it never did.",
    )
    acknowledged_at: dt.datetime | None = strawberry.field(
        resolver=_spending("acknowledged_at"),
        graphql_type=dt.datetime | None,
        description="When its last alert event was acknowledged; null while it waits for that.",
    )
    active: bool = strawberry.field(description="Whether it fires at all.")
    enforced: bool = strawberry.field(description="Whether it is a hard limit for routing.")
    unknown_cost: UnknownCost = strawberry.field(
        description="When it is enforced: what it does with models whose calls have no known cost."
    )
    created_at: dt.datetime = strawberry.field(description="When it was created.")
    updated_at: dt.datetime = strawberry.field(description="When it was last changed.")

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return isinstance(value, models.CostAlert)


@strawberry.type(description="One alert event of an alert: once for each level and window.")
class AlertEvent:
    id: strawberry.ID = strawberry.field(description="The firing's id.")
    cursor: str = strawberry.field(
        resolver=resolvers.cost_alert.cursor_of,
        graphql_type=str,
        description="Its place in the stream of your alert events: pass it to `alertTriggered(after:)` to go on behind it.",
    )
    alert: CostAlert = strawberry.field(description="The alert that fired, as it is now.")
    level: AlertState = strawberry.field(description="The state that was reached.")
    amount: Decimal = strawberry.field(description="What was spent in the window when it fired, in USD.")
    threshold: Decimal = strawberry.field(description="The threshold when it fired, in USD.")
    window_start: dt.datetime = strawberry.field(
        description="When the window it fired in began; for a rolling alert, since when it was armed."
    )
    fired_at: dt.datetime = strawberry.field(description="When it fired.")
    acknowledged_at: dt.datetime | None = strawberry.field(description="When it was acknowledged; null before that.")


@strawberry.input(description="A period of so many hours, days or weeks, counted from an anchor.")
class CustomPeriodInput:
    every: int = strawberry.field(description="How many units a window is long: 1 to 1000.")
    unit: PeriodUnit = strawberry.field(description="The unit. Days and weeks follow the alert's local time.")
    anchor: dt.datetime = strawberry.field(description="A moment at which a window begins.")


@strawberry.input(description="An alert to set.")
class CreateCostAlertInput:
    alert_type: str | None = strawberry.field(
        default=UNSET, description='What to call its kind; left out, made from the period: "daily_spend".'
    )
    threshold_amount: Decimal = strawberry.field(
        description="The spend in one window at which it fires, in USD: more than 0, at most 1,000,000,000."
    )
    period: AlertPeriod = strawberry.field(description="How long its windows are.")
    mode: WindowMode | None = strawberry.field(default=WindowMode.CALENDAR, description="How its windows lie in time.")
    time_zone: str | None = strawberry.field(default="UTC", description="The IANA time zone to align its windows in.")
    near_limit_percent: float | None = strawberry.field(
        default=80.0, description="The percentage from which it is near its limit: above 0, at most 100."
    )
    enforced: bool | None = strawberry.field(
        default=False, description="Whether it is meant as a hard limit for routing."
    )
    custom: CustomPeriodInput | None = strawberry.field(
        default=UNSET, description="The period, when it is CUSTOM; left out otherwise."
    )
    week_start: WeekDay | None = strawberry.field(
        default=WeekDay.MONDAY, description="The day that weekly windows begin on."
    )
    unknown_cost: UnknownCost | None = strawberry.field(
        default=UnknownCost.REFUSE,
        description="When it is enforced: what it does with models whose calls have no known cost.",
    )
    month_anchor: int | None = strawberry.field(
        default=1, description="The day of the month that monthly windows begin on: 1 to 28."
    )


@strawberry.input(description="Changes to an alert. A field left out stays as it is.")
class UpdateCostAlertInput:
    threshold_amount: Decimal | None = strawberry.field(
        default=UNSET, description="The new threshold, in USD. Raising it re-arms the alert in its current window."
    )
    active: bool | None = strawberry.field(default=UNSET, description="Whether it fires at all.")
    near_limit_percent: float | None = strawberry.field(
        default=UNSET, description="The percentage from which it is near its limit: above 0, at most 100."
    )
    enforced: bool | None = strawberry.field(
        default=UNSET, description="Whether it is meant as a hard limit for routing."
    )
    time_zone: str | None = strawberry.field(
        default=UNSET, description="The IANA time zone to align its windows in; the current window begins anew there."
    )
    week_start: WeekDay | None = strawberry.field(
        default=UNSET, description="The day that weekly windows begin on; the current window begins anew."
    )
    unknown_cost: UnknownCost | None = strawberry.field(
        default=UNSET,
        description="When it is enforced: what it does with models whose calls have no known cost.",
    )
    month_anchor: int | None = strawberry.field(
        default=UNSET, description="The day that monthly windows begin on, 1 to 28; the current window begins anew."
    )


CreateCostAlertResult = Annotated[
    CostAlert | InvalidInput,
    strawberry.union("CreateCostAlertResult", description="The alert, or what was wrong."),
]
UpdateCostAlertResult = Annotated[
    CostAlert | InvalidInput | NotFound,
    strawberry.union("UpdateCostAlertResult", description="The alert as it is now, or why it was not changed."),
]
AcknowledgeCostAlertResult = Annotated[
    CostAlert | NotFound | Conflict,
    strawberry.union("AcknowledgeCostAlertResult", description="The alert, or why there was nothing to acknowledge."),
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
        description="One of your cost alerts; null when you have none with this id.",
    )
    alert_events = strawberry.field(
        resolver=resolvers.cost_alert.alert_events,
        graphql_type=Connection[AlertEvent],
        description="The alert events of your alerts, newest first.",
    )


@strawberry.type
class CostAlertMutation:
    create_cost_alert = strawberry.mutation(
        resolver=resolvers.cost_alert.create_cost_alert,
        graphql_type=CreateCostAlertResult,
        extensions=[ExpectedErrorAsData(), Uninterrupted()],
        description="Set an alert: at most 200 a user. What was spent in its current window before counts, and may make "
        "it fire at once.",
    )
    update_cost_alert = strawberry.mutation(
        resolver=resolvers.cost_alert.update_cost_alert,
        graphql_type=UpdateCostAlertResult,
        extensions=[ExpectedErrorAsData(), Uninterrupted()],
        description="Change an alert. It is evaluated anew at once.",
    )
    delete_cost_alert = strawberry.mutation(
        resolver=resolvers.cost_alert.delete_cost_alert,
        graphql_type=DeleteResult,
        extensions=[ExpectedErrorAsData(), Uninterrupted()],
        description="Delete an alert and its alert events. Conflict for the alert that the preferences keep.",
    )
    acknowledge_cost_alert = strawberry.mutation(
        resolver=resolvers.cost_alert.acknowledge_cost_alert,
        graphql_type=AcknowledgeCostAlertResult,
        extensions=[ExpectedErrorAsData(), Uninterrupted()],
        description="Acknowledge what an alert fired. It does not re-arm it. Conflict when nothing waits for that.",
    )


@strawberry.type
class CostAlertSubscription:
    alert_triggered = strawberry.subscription(
        resolver=resolvers.cost_alert.alert_triggered,
        graphql_type=AlertEvent,
        description="The alert events of your alerts: those after the cursor, then each new one as it is committed, in order "
        "and each once.",
    )
