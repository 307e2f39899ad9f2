"""The enums of the contract. The rules know them too: here they only get their descriptions."""

from __future__ import annotations

import strawberry

from domain.ab_test import Variant
from domain.cost_alert import AlertPeriod, AlertState, PeriodUnit, UnknownCost, WeekDay, WindowMode
from domain.error import ErrorCode
from domain.inference import Metric, Verdict
from domain.opportunity import OpportunityKind
from domain.preference import RoutingPriority
from domain.price import CostSource, ServiceTier
from domain.routing import DecisionState
from domain.summary import AnalyticsDimension, LeaderboardDimension, TimeGrain

strawberry.enum(RoutingPriority, description="What routing optimises for.")
strawberry.enum(Variant, description="One of the two sides of an A/B test.")
strawberry.enum(Metric, name="ABTestMetric", description="What variants of a test are compared by.")
strawberry.enum(
    Verdict,
    name="ABTestVerdict",
    description="NOT_ENOUGH_DATA before each variant has 100 calls, of 50 units or more, and before a test has run as long as "
    "it shall; SAMPLE_RATIO_MISMATCH when traffic is not split as the test says: then no figure of it can be trusted.",
)
strawberry.enum(AlertPeriod, description="How long a window of an alert is.")
strawberry.enum(
    WindowMode,
    description="How windows lie in time. CALENDAR: one after the other, aligned in the alert's time zone. ROLLING: the "
    "last hour, 24 hours, 7 days or 30 days up to now; it fires once, and again after spend has fallen below 75 % of "
    "the threshold (for a near-limit percentage of 80; for another, in the same proportion).",
)
strawberry.enum(
    UnknownCost,
    description="What an enforced alert does with a model of which a call in its current window has no known cost, and no "
    "decision that held for it. REFUSE: requests are not routed to it, as nobody can say what it costs. ALLOW: they are.",
)
strawberry.enum(WeekDay, description="A day of the week.")
strawberry.enum(PeriodUnit, description="The unit of a custom period.")
strawberry.enum(
    AlertState,
    description="ACTIVE in normal operation, NEAR_LIMIT from the near-limit percentage on, TRIGGERED from the "
    "threshold on.",
)
strawberry.enum(AnalyticsDimension, description="What decisions can be told apart by.")
strawberry.enum(LeaderboardDimension, description="What a leaderboard compares.")
strawberry.enum(TimeGrain, description="How long the buckets of a summary are, in its time zone; weeks start Monday.")
strawberry.enum(
    OpportunityKind,
    description="CHEAPER_MODEL: one that succeeds as often at the same task; FAILING_HOURS, SLOW_HOURS: a provider at some "
    "hours of the day; UNUSED_RULE: one that applied to no decision; IDLE_ALERT: one that is never near; "
    "UNPROVEN_PREFERENCE: a preferred provider that costs more without a measured advantage.",
)
strawberry.enum(
    DecisionState,
    description="OPEN until its outcome is known, SETTLED once a success or the last attempt is recorded, RELEASED when it "
    "was freed, EXPIRED when its hold ended before either.",
)
strawberry.enum(
    ServiceTier, description="How fast a provider promises to serve a request: each tier has prices of its own."
)
strawberry.enum(
    CostSource,
    description="Where a cost comes from. RECORDED: it was reported with the call; LIST_PRICE: the price list; "
    "REGISTERED_PRICE: the prices you registered, and the list's where you left one out; UNKNOWN: it is not known.",
)
strawberry.enum(ErrorCode, description="What kind of failure it is.")

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
