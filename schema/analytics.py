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
from schema.error import Conflict, Error, ExpectedErrorAsData, InvalidInput, Overloaded, Shielded, as_data
from schema.page import Connection


@strawberry.type(
    description="A call: one request that your application sent to a provider, with its outcome, latency, tokens and "
    "cost."
)
class RouterAnalytics:
    id: strawberry.ID = strawberry.field(description="The id of the call.")
    event_id: str = strawberry.field(
        description="The client's idempotency key of the call. The server generates one when the client sends none."
    )
    provider: str = strawberry.field(
        description="The id of the provider that served the call. All names of one provider have the same id."
    )
    task_type: str = strawberry.field(description="The task type of the request.")
    model_used: str = strawberry.field(description="The model that served the call, in lower case.")
    reported_provider: str = strawberry.field(
        resolver=lambda root: root.reported_provider or root.provider,
        graphql_type=str,
        description="The provider name as the client sent it.",
    )
    reported_model: str = strawberry.field(
        resolver=lambda root: root.reported_model or root.model_used,
        graphql_type=str,
        description="The model name as the client sent it.",
    )
    priority: RoutingPriority | None = strawberry.field(
        description="The priority that the request was routed with. Null when it was not reported."
    )
    success: bool = strawberry.field(description="True when the call succeeded.")
    latency_ms: int | None = strawberry.field(description="The latency in milliseconds. Null when it was not reported.")
    cost: Decimal | None = strawberry.field(
        description="The cost in USD. Null when it is unknown: it was not reported, and the call was imported or no price "
        "applies to the tokens."
    )
    price_version: str | None = strawberry.field(
        description="The version of the prices that the cost was computed from: a version of the price list, "
        "`registered` for prices that you registered, or both. Null when the cost was reported by the client "
        "or is unknown."
    )
    cost_source: CostSource = strawberry.field(
        resolver=lambda root: cost_source(root.cost, root.price_version),
        graphql_type=CostSource,
        description="Where the cost comes from.",
    )
    fallback_used: bool = strawberry.field(
        description="True when a fallback served the call, false when the first choice did."
    )
    ab_test_id: strawberry.ID | None = strawberry.field(
        description="The id of the A/B test that the call belongs to. Null when it belongs to none."
    )
    ab_variant: Variant | None = strawberry.field(
        description="The A/B test variant that the call was assigned to. Null when it belongs to no test."
    )
    ab_counted: bool = strawberry.field(
        description="True when the figures of the A/B test include this call. False when it belongs to no test, or when "
        "it arrived after the test had ended."
    )
    decision_id: strawberry.ID | None = strawberry.field(
        description="The id of the routing decision that the call results from. Null when the call was not routed by "
        "`routeRequest` or did not report it."
    )
    input_tokens: int | None = strawberry.field(
        description="The number of input tokens, of all kinds. Null when it was not reported."
    )
    output_tokens: int | None = strawberry.field(
        description="The number of output tokens, of all kinds. Null when it was not reported."
    )
    cached_tokens: int | None = strawberry.field(
        description="The number of input tokens that the provider read from its prompt cache. `inputTokens` includes "
        "them. Null when it was not reported."
    )
    cache_write_tokens: int | None = strawberry.field(
        description="The number of input tokens that the provider wrote to its prompt cache. `inputTokens` includes "
        "them. Null when it was not reported."
    )
    cache_write_1h_tokens: int | None = strawberry.field(
        description="The number of input tokens that the provider wrote to its prompt cache for 1 hour. "
        "`cacheWriteTokens` includes them; its other tokens are cached for 5 minutes. Null when it was not "
        "reported."
    )
    input_audio_tokens: int | None = strawberry.field(
        description="The number of audio input tokens. `inputTokens` includes them. Null when it was not reported."
    )
    cached_audio_tokens: int | None = strawberry.field(
        description="The number of audio input tokens that the provider read from its prompt cache. `cachedTokens` and "
        "`inputAudioTokens` include them. Null when it was not reported."
    )
    input_image_tokens: int | None = strawberry.field(
        description="The number of image input tokens. `inputTokens` includes them. Null when it was not reported."
    )
    cached_image_tokens: int | None = strawberry.field(
        description="The number of image input tokens that the provider read from its prompt cache. `cachedTokens` and "
        "`inputImageTokens` include them. Null when it was not reported."
    )
    input_video_tokens: int | None = strawberry.field(
        description="The number of video input tokens. `inputTokens` includes them. Null when it was not reported."
    )
    reasoning_tokens: int | None = strawberry.field(
        description="The number of reasoning tokens. `outputTokens` includes them. Null when it was not reported."
    )
    citation_tokens: int | None = strawberry.field(
        description="The number of citation tokens. `outputTokens` includes them. Null when it was not reported."
    )
    output_audio_tokens: int | None = strawberry.field(
        description="The number of audio output tokens. `outputTokens` includes them. Null when it was not reported."
    )
    output_image_tokens: int | None = strawberry.field(
        description="The number of image output tokens. `outputTokens` includes them. Null when it was not reported."
    )
    output_video_tokens: int | None = strawberry.field(
        description="The number of video output tokens. `outputTokens` includes them. Null when it was not reported."
    )
    service_tier: ServiceTier = strawberry.field(description="The service tier that served the call.")
    time_to_first_token_ms: int | None = strawberry.field(
        description="The time until the first token arrived, in milliseconds. Null when it was not reported."
    )
    quality_score: float | None = strawberry.field(
        description="A quality score of the answer, 0 to 1. Null when none was given."
    )
    metadata: JSON = strawberry.field(
        resolver=lambda root: root.metadata_,
        graphql_type=JSON,
        description="Additional data that the client sent with the call: a JSON object.",
    )
    metadata_truncated: bool = strawberry.field(
        description="True when keys of the metadata were dropped, because it was too large or because a value could not "
        "be stored."
    )
    occurred_at: dt.datetime = strawberry.field(description="When the call happened, in UTC.")
    created_at: dt.datetime = strawberry.field(description="When the call was recorded, in UTC.")
    amended_at: dt.datetime | None = strawberry.field(
        description="When the call was last amended, in UTC. Null when it was never amended."
    )


@strawberry.type(description="A call that is recorded.")
class LoggedAnalytics:
    record: RouterAnalytics = strawberry.field(description="The recorded call.")
    deduplicated: bool = strawberry.field(
        description="True when the same call was recorded before under this event id. Nothing is counted twice."
    )
    alert_events: list[AlertEvent] = strawberry.field(
        description="The alert events that the cost of this call caused. Empty when it caused none."
    )

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return isinstance(value, models.ledger.call.Logged)


@strawberry.type(
    description="A call that was recorded before under this event id with the same content, and that data retention "
    "has deleted since. The sums still include it; nothing is counted twice."
)
class DroppedAnalytics:
    id: strawberry.ID = strawberry.field(description="The id of the call.")
    event_id: str = strawberry.field(description="The client's idempotency key of the call.")
    deduplicated: bool = strawberry.field(description="Always true.")

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return isinstance(value, models.ledger.call.Dropped)


@strawberry.type(description="A call of a batch that was not stored.")
class RejectedRecord:
    index: int = strawberry.field(description="The zero-based index of the call in the batch.")
    error: Error = strawberry.field(
        resolver=lambda root: as_data(root.error), graphql_type=Error, description="The reason for the rejection."
    )


@strawberry.type(
    description="The result of a batch. Each call counts as accepted, deduplicated or rejected, exactly once."
)
class LogAnalyticsBatchResult:
    accepted: int = strawberry.field(description="The number of calls that this request stored.")
    deduplicated: int = strawberry.field(
        description="The number of calls that were stored before under the same event id."
    )
    rejected: list[RejectedRecord] = strawberry.field(description="The calls that were not stored, in batch order.")


@strawberry.input(description="A call to record, with its outcome.")
class LogAnalyticsInput:
    event_id: str | None = strawberry.field(
        default=UNSET,
        description="Your idempotency key of the call: 1 to 200 characters. A repetition with the same content is "
        "recorded once. Omitted or null: the server generates one.",
    )
    provider: str = strawberry.field(
        description="The provider that served the call, under any of its names: 1 to 200 characters."
    )
    task_type: str = strawberry.field(description="The task type of the request: 1 to 200 characters.")
    model_used: str = strawberry.field(description="The model that served the call: 1 to 200 characters.")
    priority: RoutingPriority | None = strawberry.field(
        default=UNSET, description="The priority that the request was routed with. Omitted or null: unknown."
    )
    success: bool = strawberry.field(description="True when the call succeeded.")
    latency_ms: int | None = strawberry.field(
        default=UNSET, description="The latency in milliseconds: 0 to 86,400,000. Omitted or null: unknown."
    )
    cost: Decimal | None = strawberry.field(
        default=UNSET,
        description="The cost in USD: 0 to 100,000, rounded half-even to 9 decimals. Omitted or null: the server "
        "computes it from the tokens. When no price applies, the cost stays null, never 0.",
    )
    input_tokens: int | None = strawberry.field(
        default=UNSET,
        description="The number of input tokens, of all kinds: 0 to 1,000,000,000. Omitted or null: unknown. The fields "
        "for single kinds of tokens, such as `cachedTokens`, are parts of `inputTokens` or `outputTokens`. A "
        "kind of token without a price makes the computed cost unknown.",
    )
    output_tokens: int | None = strawberry.field(
        default=UNSET,
        description="The number of output tokens, of all kinds: 0 to 1,000,000,000. Omitted or null: unknown.",
    )
    cached_tokens: int | None = strawberry.field(
        default=UNSET,
        description="The number of input tokens that the provider read from its prompt cache: 0 to 1,000,000,000. "
        "`inputTokens` includes them. Omitted or null: unknown.",
    )
    cache_write_tokens: int | None = strawberry.field(
        default=UNSET,
        description="The number of input tokens that the provider wrote to its prompt cache: 0 to 1,000,000,000. "
        "`inputTokens` includes them. Omitted or null: unknown.",
    )
    cache_write_1h_tokens: int | None = strawberry.field(
        default=UNSET,
        description="The number of input tokens that the provider wrote to its prompt cache for 1 hour: 0 to "
        "1,000,000,000. `cacheWriteTokens` includes them; its other tokens are cached for 5 minutes. Omitted "
        "or null: unknown.",
    )
    input_audio_tokens: int | None = strawberry.field(
        default=UNSET,
        description="The number of audio input tokens: 0 to 1,000,000,000. `inputTokens` includes them. Omitted or null: "
        "unknown.",
    )
    cached_audio_tokens: int | None = strawberry.field(
        default=UNSET,
        description="The number of audio input tokens that the provider read from its prompt cache: 0 to 1,000,000,000. "
        "`cachedTokens` and `inputAudioTokens` include them. Omitted or null: unknown.",
    )
    input_image_tokens: int | None = strawberry.field(
        default=UNSET,
        description="The number of image input tokens: 0 to 1,000,000,000. `inputTokens` includes them. Omitted or null: "
        "unknown.",
    )
    cached_image_tokens: int | None = strawberry.field(
        default=UNSET,
        description="The number of image input tokens that the provider read from its prompt cache: 0 to 1,000,000,000. "
        "`cachedTokens` and `inputImageTokens` include them. Omitted or null: unknown.",
    )
    input_video_tokens: int | None = strawberry.field(
        default=UNSET,
        description="The number of video input tokens: 0 to 1,000,000,000. `inputTokens` includes them. Omitted or null: "
        "unknown.",
    )
    reasoning_tokens: int | None = strawberry.field(
        default=UNSET,
        description="The number of reasoning tokens: 0 to 1,000,000,000. `outputTokens` includes them. Omitted or null: "
        "unknown.",
    )
    citation_tokens: int | None = strawberry.field(
        default=UNSET,
        description="The number of citation tokens: 0 to 1,000,000,000. `outputTokens` includes them. Omitted or null: "
        "unknown.",
    )
    output_audio_tokens: int | None = strawberry.field(
        default=UNSET,
        description="The number of audio output tokens: 0 to 1,000,000,000. `outputTokens` includes them. Omitted or "
        "null: unknown.",
    )
    output_image_tokens: int | None = strawberry.field(
        default=UNSET,
        description="The number of image output tokens: 0 to 1,000,000,000. `outputTokens` includes them. Omitted or "
        "null: unknown.",
    )
    output_video_tokens: int | None = strawberry.field(
        default=UNSET,
        description="The number of video output tokens: 0 to 1,000,000,000. `outputTokens` includes them. Omitted or "
        "null: unknown.",
    )
    service_tier: ServiceTier | None = strawberry.field(
        default=ServiceTier.STANDARD,
        description="The service tier that served the call. The cost is computed from the prices of this tier, and is "
        "unknown when it has none.",
    )
    time_to_first_token_ms: int | None = strawberry.field(
        default=UNSET,
        description="The time until the first token arrived, in milliseconds: 0 to 86,400,000. Omitted or null: unknown.",
    )
    fallback_used: bool | None = strawberry.field(default=False, description="True when a fallback served the call.")
    decision_id: strawberry.ID | None = strawberry.field(
        default=UNSET,
        description="The id of the routing decision that the call results from: a UUID. The call is counted for the A/B "
        "test and variant of the routing decision, even when a fallback served it.",
    )
    ab_test_id: strawberry.ID | None = strawberry.field(
        default=UNSET,
        description="The id of one of your A/B tests: a UUID. The call is counted for the test while the test runs.",
    )
    ab_variant: Variant | None = strawberry.field(
        default=UNSET,
        description="The assigned A/B test variant. Omitted or null: the variant whose provider and model are those of "
        "the call.",
    )
    unit_key: str | None = strawberry.field(
        default=UNSET,
        description="The unit that was passed to `assignVariant`: 1 to 200 characters. Set it when units make more than "
        "one call: calls of one unit are similar, and the statistics account for that. Use it only with "
        "`abTestId`; a routing decision stores its own unit.",
    )
    quality_score: float | None = strawberry.field(
        default=UNSET, description="A quality score of the answer: 0 to 1. Omitted or null: none."
    )
    metadata: JSON | None = strawberry.field(
        default=UNSET,
        description="Additional data to store: a JSON object. Above 16 KiB, the largest keys are dropped until it fits. "
        "A key is also dropped when its value is nested more than 20 levels or cannot be stored. The call is "
        "recorded in every case, and `metadataTruncated` is then true.",
    )
    occurred_at: dt.datetime | None = strawberry.field(
        default=UNSET,
        description="When the call happened. Omitted or null: now. At most 5 minutes ahead of the server's clock, and "
        "not before the two full calendar months (UTC) that precede the current one. Import older calls with "
        "`python -m server import`.",
    )


@strawberry.input(
    description="A filter on calls. A call matches when it meets every given condition; an omitted condition matches "
    "every call.",
    name="AnalyticsFilter",
)
class AnalyticsFilterInput:
    from_: dt.datetime | None = strawberry.field(
        name="from", default=UNSET, description="Include calls that happened at this time or later."
    )
    to: dt.datetime | None = strawberry.field(
        default=UNSET, description="Include calls that happened before this time."
    )
    providers: list[str] | None = strawberry.field(
        default=UNSET, description="Include calls of these providers, under any of their names: at most 100."
    )
    models: list[str] | None = strawberry.field(
        default=UNSET, description="Include calls of these models, ignoring case: at most 100."
    )
    task_types: list[str] | None = strawberry.field(
        default=UNSET, description="Include calls of these task types: at most 100."
    )
    ab_test_id: strawberry.ID | None = strawberry.field(default=UNSET, description="Include calls of this A/B test.")
    success: bool | None = strawberry.field(
        default=UNSET, description="Include calls that succeeded (true) or failed (false)."
    )
    fallback_used: bool | None = strawberry.field(
        default=UNSET,
        description="Include calls that a fallback served (true) or that the first choice served (false).",
    )


LogAnalyticsResult = Annotated[
    LoggedAnalytics | DroppedAnalytics | InvalidInput | Conflict | Overloaded,
    strawberry.union("LogAnalyticsResult", description="The recorded call, or the reason why it was not recorded."),
]


@strawberry.type
class AnalyticsQuery:
    analytics = strawberry.field(
        resolver=resolvers.analytics.analytics,
        graphql_type=Connection[RouterAnalytics],
        description="Your calls, newest first by `occurredAt`.",
    )


@strawberry.type
class AnalyticsMutation:
    log_analytics = strawberry.mutation(
        resolver=resolvers.analytics.log_analytics,
        graphql_type=LogAnalyticsResult,
        extensions=[ExpectedErrorAsData()],
        description="Record a call. When the mutation returns, the call is committed to disk, together with its A/B test "
        "figures and alert events.",
    )
    log_analytics_batch = strawberry.mutation(
        resolver=resolvers.analytics.log_analytics_batch,
        graphql_type=LogAnalyticsBatchResult,
        extensions=[Shielded()],
        description="Record 1 to 1000 calls. Each call is stored or rejected independently of the others.",
    )


@strawberry.type
class AnalyticsSubscription:
    analytics_logged = strawberry.subscription(
        resolver=resolvers.analytics.analytics_logged,
        graphql_type=RouterAnalytics,
        description="Sends each of your calls when it is recorded, and again when it is amended; `amendedAt` is then "
        "set.",
    )
