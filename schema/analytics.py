from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Annotated, Any

import strawberry
from strawberry.scalars import JSON
from strawberry.types.unset import UNSET

import models.ledger.call
import resolvers.analytics
from domain.price import cost_source
from schema.cost_alert import AlertEvent
from schema.enum import CostSource, RoutingPriority, ServiceTier, Variant
from schema.error import Conflict, Error, ExpectedErrorAsData, InvalidInput, Overloaded, Uninterrupted, as_data
from schema.page import Connection


@strawberry.type(description="One routing decision and what came of it.")
class RouterAnalytics:
    id: strawberry.ID = strawberry.field(description="The record's id.")
    event_id: str = strawberry.field(description="The client's own id of it, or one made here.")
    provider: str = strawberry.field(
        description="The id of the provider that served the request: one for all its names."
    )
    task_type: str = strawberry.field(description="The type of task it was.")
    model_used: str = strawberry.field(description="The model that served it: its name without case.")
    reported_provider: str = strawberry.field(
        resolver=lambda root: root.reported_provider or root.provider,
        graphql_type=str,
        description="The provider as it was sent.",
    )
    reported_model: str = strawberry.field(
        resolver=lambda root: root.reported_model or root.model_used,
        graphql_type=str,
        description="The model as it was sent.",
    )
    priority: RoutingPriority | None = strawberry.field(description="The priority it was routed with.")
    success: bool = strawberry.field(description="Whether it succeeded.")
    latency_ms: int | None = strawberry.field(description="How long it took, in milliseconds.")
    cost: Decimal | None = strawberry.field(description="What it cost, in USD; null when that is not known.")
    price_version: str | None = strawberry.field(
        description="The prices that the cost was computed from: a version of the price list, `registered` for your own, or "
        "both; null for a cost that was reported."
    )
    cost_source: CostSource = strawberry.field(
        resolver=lambda root: cost_source(root.cost, root.price_version),
        graphql_type=CostSource,
        description="Where the cost comes from.",
    )
    fallback_used: bool = strawberry.field(description="Whether a fallback served it.")
    ab_test_id: strawberry.ID | None = strawberry.field(description="The A/B test it belongs to.")
    ab_variant: Variant | None = strawberry.field(description="The variant it was assigned.")
    ab_counted: bool = strawberry.field(
        description="Whether its test counted it; false for one that came after the test had ended."
    )
    decision_id: strawberry.ID | None = strawberry.field(description="The routing decision it came from.")
    input_tokens: int | None = strawberry.field(description="Tokens sent, of all kinds.")
    output_tokens: int | None = strawberry.field(description="Tokens received, of all kinds.")
    cached_tokens: int | None = strawberry.field(
        description="Tokens sent that the provider had cached: part of the input tokens."
    )
    cache_write_tokens: int | None = strawberry.field(
        description="Tokens sent that the provider wrote to its cache: part of the input tokens."
    )
    cache_write_1h_tokens: int | None = strawberry.field(
        description="Tokens sent that it wrote to its cache for an hour: part of `cacheWriteTokens`; the others are kept for 5 minutes."
    )
    input_audio_tokens: int | None = strawberry.field(description="Tokens of audio sent: part of the input tokens.")
    cached_audio_tokens: int | None = strawberry.field(
        description="Tokens of audio sent that the provider had cached: part of `cachedTokens` and of `inputAudioTokens`."
    )
    input_image_tokens: int | None = strawberry.field(description="Tokens of images sent: part of the input tokens.")
    cached_image_tokens: int | None = strawberry.field(
        description="Tokens of images sent that the provider had cached: part of `cachedTokens` and of `inputImageTokens`."
    )
    input_video_tokens: int | None = strawberry.field(description="Tokens of video sent: part of the input tokens.")
    reasoning_tokens: int | None = strawberry.field(
        description="Tokens of reasoning received: part of the output tokens."
    )
    citation_tokens: int | None = strawberry.field(
        description="Tokens of citations received: part of the output tokens."
    )
    output_audio_tokens: int | None = strawberry.field(
        description="Tokens of audio received: part of the output tokens."
    )
    output_image_tokens: int | None = strawberry.field(
        description="Tokens of images received: part of the output tokens."
    )
    output_video_tokens: int | None = strawberry.field(
        description="Tokens of video received: part of the output tokens."
    )
    service_tier: ServiceTier = strawberry.field(description="The service tier it was served at.")
    time_to_first_token_ms: int | None = strawberry.field(
        description="How long it took until the first token came, in milliseconds."
    )
    quality_score: float | None = strawberry.field(description="Feedback on the answer, 0 to 1.")
    metadata: JSON = strawberry.field(
        resolver=lambda root: root.metadata_, graphql_type=JSON, description="What else the client said of it."
    )
    metadata_truncated: bool = strawberry.field(
        description="Whether keys of the metadata were left out: the largest of too much, or those that cannot be stored."
    )
    occurred_at: dt.datetime = strawberry.field(description="When it happened.")
    created_at: dt.datetime = strawberry.field(description="When it was recorded.")
    amended_at: dt.datetime | None = strawberry.field(
        description="When it was last amended: it shows what is right since then. Null for a call that never was."
    )


@strawberry.type(description="A decision that is recorded.")
class LoggedAnalytics:
    record: RouterAnalytics = strawberry.field(description="The record.")
    deduplicated: bool = strawberry.field(
        description="Whether it was recorded before, under the same event id; nothing was counted again."
    )
    alert_events: list[AlertEvent] = strawberry.field(description="The alert events that its cost caused.")

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return isinstance(value, models.ledger.call.Logged)


@strawberry.type(
    description="A call that was recorded before, under the same event id and with the same content, and whose record retention "
    "has dropped. Its sums stay; nothing was counted again."
)
class DroppedAnalytics:
    id: strawberry.ID = strawberry.field(description="The id that the record had.")
    event_id: str = strawberry.field(description="The client's own id of it.")
    deduplicated: bool = strawberry.field(description="Always true.")

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return isinstance(value, models.ledger.call.Dropped)


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
        default=UNSET,
        description="Tokens sent, of all kinds: 0 to 1,000,000,000. The kinds below are parts of them, or of "
        "`outputTokens`; a kind without a price makes the cost unknown.",
    )
    output_tokens: int | None = strawberry.field(
        default=UNSET, description="Tokens received, of all kinds: 0 to 1,000,000,000."
    )
    cached_tokens: int | None = strawberry.field(
        default=UNSET,
        description="Tokens sent that the provider had cached: part of the input tokens, 0 to 1,000,000,000.",
    )
    cache_write_tokens: int | None = strawberry.field(
        default=UNSET,
        description="Tokens sent that the provider wrote to its cache: part of the input tokens, 0 to 1,000,000,000.",
    )
    cache_write_1h_tokens: int | None = strawberry.field(
        default=UNSET,
        description="Tokens sent that it wrote to its cache for an hour: part of `cacheWriteTokens`; the others are kept for 5 minutes, 0 to 1,000,000,000.",
    )
    input_audio_tokens: int | None = strawberry.field(
        default=UNSET, description="Tokens of audio sent: part of the input tokens, 0 to 1,000,000,000."
    )
    cached_audio_tokens: int | None = strawberry.field(
        default=UNSET,
        description="Tokens of audio sent that the provider had cached: part of `cachedTokens` and of `inputAudioTokens`, 0 to 1,000,000,000.",
    )
    input_image_tokens: int | None = strawberry.field(
        default=UNSET, description="Tokens of images sent: part of the input tokens, 0 to 1,000,000,000."
    )
    cached_image_tokens: int | None = strawberry.field(
        default=UNSET,
        description="Tokens of images sent that the provider had cached: part of `cachedTokens` and of `inputImageTokens`, 0 to 1,000,000,000.",
    )
    input_video_tokens: int | None = strawberry.field(
        default=UNSET, description="Tokens of video sent: part of the input tokens, 0 to 1,000,000,000."
    )
    reasoning_tokens: int | None = strawberry.field(
        default=UNSET, description="Tokens of reasoning received: part of the output tokens, 0 to 1,000,000,000."
    )
    citation_tokens: int | None = strawberry.field(
        default=UNSET, description="Tokens of citations received: part of the output tokens, 0 to 1,000,000,000."
    )
    output_audio_tokens: int | None = strawberry.field(
        default=UNSET, description="Tokens of audio received: part of the output tokens, 0 to 1,000,000,000."
    )
    output_image_tokens: int | None = strawberry.field(
        default=UNSET, description="Tokens of images received: part of the output tokens, 0 to 1,000,000,000."
    )
    output_video_tokens: int | None = strawberry.field(
        default=UNSET, description="Tokens of video received: part of the output tokens, 0 to 1,000,000,000."
    )
    service_tier: ServiceTier | None = strawberry.field(
        default=ServiceTier.STANDARD,
        description="The service tier it was served at: it is priced where this tier has prices.",
    )
    time_to_first_token_ms: int | None = strawberry.field(
        default=UNSET, description="How long it took until the first token came, in milliseconds: 0 to 86,400,000."
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
        description="When it happened; now, when left out. At most 5 minutes ahead of the server's clock, and not before the "
        "two whole months that precede the current one (UTC): older calls are taken by `python -m server import`.",
    )


@strawberry.input(description="Which decisions: every condition that is given must hold.", name="AnalyticsFilter")
class AnalyticsFilterInput:
    from_: dt.datetime | None = strawberry.field(
        name="from", default=UNSET, description="Those that happened at this moment or later."
    )
    to: dt.datetime | None = strawberry.field(default=UNSET, description="Those that happened before this moment.")
    providers: list[str] | None = strawberry.field(
        default=UNSET, description="Those of these providers, under any of their names: at most 100."
    )
    models: list[str] | None = strawberry.field(
        default=UNSET, description="Those of these models, in any case: at most 100."
    )
    task_types: list[str] | None = strawberry.field(
        default=UNSET, description="Those of these task types: at most 100."
    )
    ab_test_id: strawberry.ID | None = strawberry.field(default=UNSET, description="Those of this A/B test.")
    success: bool | None = strawberry.field(default=UNSET, description="Those that succeeded (true) or failed (false).")
    fallback_used: bool | None = strawberry.field(
        default=UNSET, description="Those that a fallback served (true), or the first choice (false)."
    )


LogAnalyticsResult = Annotated[
    LoggedAnalytics | DroppedAnalytics | InvalidInput | Conflict | Overloaded,
    strawberry.union("LogAnalyticsResult", description="The record, or why there is none."),
]


@strawberry.type
class AnalyticsQuery:
    analytics = strawberry.field(
        resolver=resolvers.analytics.analytics,
        graphql_type=Connection[RouterAnalytics],
        description="Your routing decisions, newest first by when they happened.",
    )


@strawberry.type
class AnalyticsMutation:
    log_analytics = strawberry.mutation(
        resolver=resolvers.analytics.log_analytics,
        graphql_type=LogAnalyticsResult,
        extensions=[ExpectedErrorAsData()],
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
        description="Your calls as they are recorded, and again when they are amended: `amendedAt` is set then.",
    )
