"""The enums of the API. `domain` defines them; this module adds their GraphQL names and descriptions."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import strawberry

from domain.ab_test import Variant
from domain.cost_alert import AlertState, UnknownCost
from domain.error import ErrorCode
from domain.inference import Metric, Verdict
from domain.opportunity import OpportunityKind
from domain.preference import RoutingPriority
from domain.price import CostSource, ServiceTier
from domain.routing import DecisionState
from domain.summary import AnalyticsDimension, LeaderboardDimension, TimeGrain
from domain.window import AlertPeriod, PeriodUnit, WeekDay, WindowMode


def _enum(cls: type[StrEnum], *, name: str | None = None, description: str, values: Mapping[str, str]) -> None:
    """Register an enum of `domain` with Strawberry. `values` describes each of its values, by name."""
    strawberry.enum(cls, name=name, description=description)
    for value in cls.__strawberry_definition__.values:  # type: ignore[attr-defined]
        value.description = values[value.name]


_enum(
    RoutingPriority,
    description="What routing optimises for.",
    values={
        "SPEED": "The lowest expected latency per successful request.",
        "COST": "The lowest expected cost per successful request.",
        "QUALITY": "The highest product of quality and success rate.",
        "PRIVACY": "Local models first; among equals, the lowest expected latency.",
    },
)
_enum(
    Variant,
    description="One of the two variants of an A/B test.",
    values={"A": "Variant A.", "B": "Variant B."},
)
_enum(
    Metric,
    name="ABTestMetric",
    description="A metric that compares the variants of an A/B test.",
    values={
        "SUCCESS_RATE": "The share of calls that succeeded, 0 to 1. Higher is better.",
        "LATENCY": "The geometric mean latency of successful calls, in milliseconds. Lower is better.",
        "COST": "The mean cost of successful calls, in USD, with each call capped at `costCap`. Lower is better.",
    },
)
_enum(
    Verdict,
    name="ABTestVerdict",
    description="What the data say about an A/B test.",
    values={
        "NOT_ENOUGH_DATA": "A variant has fewer than 100 calls or 50 units, or the minimum run time has not passed.",
        "NO_DIFFERENCE_YET": "There is enough data, and it shows no significant difference so far.",
        "A_BETTER": "Variant A is significantly better.",
        "B_BETTER": "Variant B is significantly better.",
        "SAMPLE_RATIO_MISMATCH": "Traffic is not split as configured. No figure of the test can be trusted.",
    },
)
_enum(
    AlertPeriod,
    description="The length of an alert's window.",
    values={
        "HOURLY": "One hour.",
        "DAILY": "One day.",
        "WEEKLY": "One week; 7 days for a rolling alert.",
        "MONTHLY": "One month; 30 days for a rolling alert.",
        "CUSTOM": "A number of hours, days or weeks, counted from an anchor.",
    },
)
_enum(
    WindowMode,
    description="How the windows of an alert lie in time.",
    values={
        "CALENDAR": "Consecutive windows, aligned in the alert's time zone. Spend restarts at 0 in each window.",
        "ROLLING": "One window that ends now: the last hour, 24 hours, 7 days or 30 days. After the alert has fired, it is "
        "armed again when spend falls below 75 % of the threshold. 75 % applies to a near-limit percentage of 80; for "
        "another one it changes in proportion.",
    },
)
_enum(
    UnknownCost,
    description="What an enforced alert does with a model of unknown cost: one with a call in the current window that has no "
    "known cost and no hold.",
    values={
        "REFUSE": "No request is routed to the model, because its spend cannot be limited.",
        "ALLOW": "Requests are routed to the model. Its calls of unknown cost do not count as spend.",
    },
)
_enum(
    WeekDay,
    description="A day of the week.",
    values={day: f"{day.capitalize()}." for day in WeekDay},
)
_enum(
    PeriodUnit,
    description="The unit of a custom period.",
    values={
        "HOUR": "One hour.",
        "DAY": "One day in the alert's local time.",
        "WEEK": "Seven days in the alert's local time.",
    },
)
_enum(
    AlertState,
    description="The state of a cost alert in its current window.",
    values={
        "ACTIVE": "Spend is below the near-limit percentage of the threshold.",
        "NEAR_LIMIT": "Spend has reached the near-limit percentage and is below the threshold.",
        "TRIGGERED": "Spend has reached the threshold.",
    },
)
_enum(
    AnalyticsDimension,
    description="A field that calls are grouped by.",
    values={
        "PROVIDER": "The provider that served the call.",
        "MODEL": "The model that served the call.",
        "TASK_TYPE": "The task type of the request.",
        "PRIORITY": "The priority that the request was routed with.",
        "AB_VARIANT": "The A/B test variant that the call was assigned to.",
    },
)
_enum(
    LeaderboardDimension,
    description="What a leaderboard compares.",
    values={"PROVIDER": "One row per provider.", "MODEL": "One row per provider and model."},
)
_enum(
    TimeGrain,
    description="The length of a time bucket, in the given time zone.",
    values={
        "HOUR": "One hour.",
        "DAY": "One day, from midnight.",
        "WEEK": "One week, from Monday.",
        "MONTH": "One month, from its first day.",
    },
)
_enum(
    OpportunityKind,
    description="The kind of an opportunity.",
    values={
        "CHEAPER_MODEL": "A cheaper model succeeds as often at the same task type.",
        "FAILING_HOURS": "A provider fails more often at certain hours of the day.",
        "SLOW_HOURS": "A provider is slower at certain hours of the day.",
        "UNUSED_RULE": "A rule applied to no routing decision.",
        "IDLE_ALERT": "The spend of a cost alert never comes near its threshold.",
        "UNPROVEN_PREFERENCE": "A preferred provider costs more, without a measured advantage.",
    },
)
_enum(
    DecisionState,
    description="The state of a routing decision.",
    values={
        "OPEN": "The outcome is not known yet.",
        "SETTLED": "A successful call, or the last possible attempt, is recorded.",
        "RELEASED": "`releaseDecision` released it.",
        "EXPIRED": "Its hold expired before an outcome was recorded.",
    },
)
_enum(
    ServiceTier,
    description="The service level that a provider sells. Each tier has its own prices.",
    values={
        "STANDARD": "The provider's default tier.",
        "BATCH": "Asynchronous processing of batches.",
        "FLEX": "Slower processing than STANDARD.",
        "PRIORITY": "Faster processing than STANDARD.",
    },
)
_enum(
    CostSource,
    description="Where the cost of a call comes from.",
    values={
        "RECORDED": "The client reported it with the call.",
        "LIST_PRICE": "It is computed from the price list.",
        "REGISTERED_PRICE": "It is computed from prices that you registered, and from the price list where you omitted one.",
        "UNKNOWN": "The cost is unknown.",
    },
)
_enum(
    ErrorCode,
    description="The kind of an expected error.",
    values={
        "INVALID_INPUT": "An input value is invalid.",
        "NOT_FOUND": "The object does not exist, or it belongs to another user.",
        "CONFLICT": "The current state does not allow the operation.",
        "LIMIT_EXCEEDED": "No candidate can serve the request within your limits.",
        "OVERLOADED": "The server has too much queued work. Retry later.",
    },
)

__all__ = [
    "AlertPeriod",
    "AlertState",
    "AnalyticsDimension",
    "CostSource",
    "DecisionState",
    "ErrorCode",
    "Metric",
    "OpportunityKind",
    "PeriodUnit",
    "RoutingPriority",
    "ServiceTier",
    "TimeGrain",
    "UnknownCost",
    "Variant",
    "Verdict",
    "WeekDay",
    "WindowMode",
]
