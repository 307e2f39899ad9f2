from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Annotated, Any

import strawberry
from strawberry.scalars import JSON
from strawberry.types.unset import UNSET

import models.entry
import resolvers.analytics
from schema.cost_alert import AlertEvent
from schema.enum import RoutingPriority, Variant
from schema.error import Conflict, Error, InvalidInput, Overloaded, RefusalAsData, Uninterrupted, as_data
from schema.page import Connection


@strawberry.type(description="One routing decision and what came of it.")
class RouterAnalytics:
    id: strawberry.ID = strawberry.field(description="The record's id.")
    event_id: str = strawberry.field(description="The client's own id of it, or one made here.")
    provider: str = strawberry.field(description="The provider that served the request.")
    task_type: str = strawberry.field(description="The type of task it was.")
    model_used: str = strawberry.field(description="The model that served it.")
    priority: RoutingPriority | None = strawberry.field(description="The priority it was routed with.")
    success: bool = strawberry.field(description="Whether it succeeded.")
    latency_ms: int | None = strawberry.field(description="How long it took, in milliseconds.")
    cost: Decimal | None = strawberry.field(description="What it cost, in USD; null when that is not known.")
    price_version: str | None = strawberry.field(
        description="The price list that the cost was computed from; null for a cost that was reported."
    )
    fallback_used: bool = strawberry.field(description="Whether a fallback served it.")
    ab_test_id: strawberry.ID | None = strawberry.field(description="The A/B test it belongs to.")
    ab_variant: Variant | None = strawberry.field(description="The variant it was assigned.")
    ab_counted: bool = strawberry.field(
        description="Whether its test counted it; false for one that came after the test had ended."
    )
    decision_id: strawberry.ID | None = strawberry.field(description="The routing decision it came from.")
    input_tokens: int | None = strawberry.field(description="Tokens sent, cached ones included.")
    output_tokens: int | None = strawberry.field(description="Tokens received.")
    cached_tokens: int | None = strawberry.field(description="Tokens sent that the provider had cached.")
    quality_score: float | None = strawberry.field(description="Feedback on the answer, 0 to 1.")
    metadata: JSON = strawberry.field(
        resolver=lambda root: root.metadata_, graphql_type=JSON, description="What else the client said of it."
    )
    metadata_truncated: bool = strawberry.field(
        description="Whether keys of the metadata were left out: the largest of too much, or those that cannot be stored."
    )
    occurred_at: dt.datetime = strawberry.field(description="When it happened.")
    created_at: dt.datetime = strawberry.field(description="When it was recorded.")


@strawberry.type(description="A decision that is recorded.")
class LoggedAnalytics:
    record: RouterAnalytics = strawberry.field(description="The record.")
    deduplicated: bool = strawberry.field(
        description="Whether it was recorded before, under the same event id; nothing was counted again."
    )
    alert_events: list[AlertEvent] = strawberry.field(description="The firings that its cost caused.")

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return isinstance(value, models.entry.Logged)


@strawberry.type(description="A record of a batch that was not stored.")
class RejectedRecord:
    index: int = strawberry.field(description="Its place in the batch, from 0.")
    error: Error = strawberry.field(
        resolver=lambda root: as_data(root.error), graphql_type=Error, description="What was wrong with it."
    )


@strawberry.type(description="What became of a batch: each record is counted in exactly one of these.")
class LogAnalyticsBatchResult:
    accepted: int = strawberry.field(description="How many records are stored now.")
    deduplicated: int = strawberry.field(description="How many were stored before, under the same event id.")
    rejected: list[RejectedRecord] = strawberry.field(description="Those that were not stored, in order.")


@strawberry.input(description="A routing decision to record, and what came of it.")
class LogAnalyticsInput:
    event_id: str | None = strawberry.field(
        default=UNSET,
        description="Your own id of it: 1 to 200 characters. Sent again with the same content, it is recorded once.",
    )
    provider: str = strawberry.field(description="The provider that served it: 1 to 200 characters.")
    task_type: str = strawberry.field(description="The type of task it was: 1 to 200 characters.")
    model_used: str = strawberry.field(description="The model that served it: 1 to 200 characters.")
    priority: RoutingPriority | None = strawberry.field(default=UNSET, description="The priority it was routed with.")
    success: bool = strawberry.field(description="Whether it succeeded.")
    latency_ms: int | None = strawberry.field(
        default=UNSET, description="How long it took, in milliseconds: 0 to 86,400,000."
    )
    cost: Decimal | None = strawberry.field(
        default=UNSET,
        description="What it cost, in USD: 0 to 100,000, rounded half-even to the nano-dollar. Left out, it is priced "
        "from the tokens; where the price is not known it stays null, never 0.",
    )
    input_tokens: int | None = strawberry.field(
        default=UNSET, description="Tokens sent, cached ones included: 0 to 1,000,000,000."
    )
    output_tokens: int | None = strawberry.field(default=UNSET, description="Tokens received: 0 to 1,000,000,000.")
    cached_tokens: int | None = strawberry.field(
        default=UNSET, description="Tokens sent that the provider had cached: part of the input tokens."
    )
    fallback_used: bool | None = strawberry.field(default=False, description="Whether a fallback served it.")
    decision_id: strawberry.ID | None = strawberry.field(
        default=UNSET,
        description="The routing decision it came from: a UUID. It is counted for the A/B test and variant that this was "
        "assigned, also where a fallback served it.",
    )
    ab_test_id: strawberry.ID | None = strawberry.field(
        default=UNSET, description="One of your A/B tests. It is counted for the test while that runs."
    )
    ab_variant: Variant | None = strawberry.field(
        default=UNSET,
        description="The variant that was assigned; left out, the one whose provider and model these are.",
    )
    unit_key: str | None = strawberry.field(
        default=UNSET,
        description="The unit that `assignVariant` was asked for: 1 to 200 characters. Say it wherever units make more than "
        "one call, as these are alike and tell less than they seem to. Only with `abTestId`; a decision knows its own.",
    )
    quality_score: float | None = strawberry.field(default=UNSET, description="Feedback on the answer: 0 to 1.")
    metadata: JSON | None = strawberry.field(
        default=UNSET,
        description="What else to keep: a JSON object. Of one above 16 KiB, the largest keys are left out until it fits; so is "
        "a key whose value is nested more than 20 deep, or cannot be stored. The call is recorded all the same.",
    )
    occurred_at: dt.datetime | None = strawberry.field(
        default=UNSET,
        description="When it happened; now, when left out. At most 5 minutes ahead of the server's clock.",
    )


@strawberry.input(description="Which decisions: every condition that is given must hold.", name="AnalyticsFilter")
class AnalyticsFilterInput:
    from_: dt.datetime | None = strawberry.field(
        name="from", default=UNSET, description="Those that happened at this moment or later."
    )
    to: dt.datetime | None = strawberry.field(default=UNSET, description="Those that happened before this moment.")
    providers: list[str] | None = strawberry.field(default=UNSET, description="Those of these providers: at most 100.")
    models: list[str] | None = strawberry.field(default=UNSET, description="Those of these models: at most 100.")
    task_types: list[str] | None = strawberry.field(
        default=UNSET, description="Those of these task types: at most 100."
    )
    ab_test_id: strawberry.ID | None = strawberry.field(default=UNSET, description="Those of this A/B test.")
    success: bool | None = strawberry.field(default=UNSET, description="Those that succeeded (true) or failed (false).")


LogAnalyticsResult = Annotated[
    LoggedAnalytics | InvalidInput | Conflict | Overloaded,
    strawberry.union("LogAnalyticsResult", description="The record, or why there is none."),
]


@strawberry.type
class AnalyticsQuery:
    analytics = strawberry.field(
        resolver=resolvers.analytics.analytics,
        graphql_type=Connection[RouterAnalytics],
        extensions=[Uninterrupted()],
        description="Your routing decisions, newest first by when they happened.",
    )


@strawberry.type
class AnalyticsMutation:
    log_analytics = strawberry.mutation(
        resolver=resolvers.analytics.log_analytics,
        graphql_type=LogAnalyticsResult,
        extensions=[RefusalAsData()],
        description="Record a decision. It is on disk, with its A/B test and alerts, when this answers.",
    )
    log_analytics_batch = strawberry.mutation(
        resolver=resolvers.analytics.log_analytics_batch,
        graphql_type=LogAnalyticsBatchResult,
        extensions=[Uninterrupted()],
        description="Record 1 to 1000 decisions. Each is stored or refused alone.",
    )


@strawberry.type
class AnalyticsSubscription:
    analytics_logged = strawberry.subscription(
        resolver=resolvers.analytics.analytics_logged,
        graphql_type=RouterAnalytics,
        description="Your routing decisions, as they are recorded.",
    )
