from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Annotated, Any

import strawberry
from strawberry.scalars import JSON
from strawberry.types.unset import UNSET

import models.ledger.amendment
import resolvers.amendment
from schema.analytics import RouterAnalytics
from schema.cost_alert import AlertEvent
from schema.enum import ServiceTier
from schema.error import Conflict, ExpectedErrorAsData, InvalidInput, NotFound, Overloaded


@strawberry.type(description="A correction or addition to a call after it was logged.")
class Amendment:
    id: strawberry.ID = strawberry.field(description="The id of the amendment.")
    amendment_id: str = strawberry.field(
        description="The client's idempotency key of the amendment. The server generates one when the client sends none."
    )
    analytics_id: strawberry.ID = strawberry.field(description="The id of the amended call.")
    amended_by: strawberry.ID = strawberry.field(description="The id of the user whose token sent the amendment.")
    before: JSON = strawberry.field(
        description="The values before the amendment: a JSON object that maps each changed column of the call to its old "
        "value."
    )
    after: JSON = strawberry.field(
        description="The values after the amendment: a JSON object that maps each changed column of the call to its new "
        "value."
    )
    created_at: dt.datetime = strawberry.field(description="When the amendment was recorded, in UTC.")


@strawberry.type(description="A call that was amended.")
class AmendedAnalytics:
    record: RouterAnalytics = strawberry.field(description="The call with all amendments applied.")
    deduplicated: bool = strawberry.field(
        description="True when the same amendment was recorded before under this amendment id. Nothing is applied twice."
    )
    alert_events: list[AlertEvent] = strawberry.field(
        description="The alert events that the new cost caused. Empty when it caused none."
    )

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return isinstance(value, models.ledger.amendment.Amended)


@strawberry.input(description="The fields of a call to change. An omitted field stays as it is.")
class AmendAnalyticsInput:
    amendment_id: str | None = strawberry.field(
        default=UNSET,
        description="Your idempotency key of the amendment: 1 to 200 characters. A repetition with the same content is "
        "recorded once. Omitted or null: the server generates one.",
    )
    cost: Decimal | None = strawberry.field(
        default=UNSET,
        description="The cost of the call in USD: 0 to 100,000. Omitted: the cost is unchanged, except that a cost which "
        "the server computed is computed again when token counts change.",
    )
    input_tokens: int | None = strawberry.field(
        default=UNSET, description="The number of input tokens, of all kinds: 0 to 1,000,000,000."
    )
    output_tokens: int | None = strawberry.field(
        default=UNSET, description="The number of output tokens, of all kinds: 0 to 1,000,000,000."
    )
    cached_tokens: int | None = strawberry.field(
        default=UNSET,
        description="The number of input tokens that the provider read from its prompt cache: 0 to 1,000,000,000. "
        "`inputTokens` includes them.",
    )
    cache_write_tokens: int | None = strawberry.field(
        default=UNSET,
        description="The number of input tokens that the provider wrote to its prompt cache: 0 to 1,000,000,000. "
        "`inputTokens` includes them.",
    )
    cache_write_1h_tokens: int | None = strawberry.field(
        default=UNSET,
        description="The number of input tokens that the provider wrote to its prompt cache for 1 hour: 0 to "
        "1,000,000,000. `cacheWriteTokens` includes them; its other tokens are cached for 5 minutes.",
    )
    input_audio_tokens: int | None = strawberry.field(
        default=UNSET, description="The number of audio input tokens: 0 to 1,000,000,000. `inputTokens` includes them."
    )
    cached_audio_tokens: int | None = strawberry.field(
        default=UNSET,
        description="The number of audio input tokens that the provider read from its prompt cache: 0 to 1,000,000,000. "
        "`cachedTokens` and `inputAudioTokens` include them.",
    )
    input_image_tokens: int | None = strawberry.field(
        default=UNSET, description="The number of image input tokens: 0 to 1,000,000,000. `inputTokens` includes them."
    )
    cached_image_tokens: int | None = strawberry.field(
        default=UNSET,
        description="The number of image input tokens that the provider read from its prompt cache: 0 to 1,000,000,000. "
        "`cachedTokens` and `inputImageTokens` include them.",
    )
    input_video_tokens: int | None = strawberry.field(
        default=UNSET, description="The number of video input tokens: 0 to 1,000,000,000. `inputTokens` includes them."
    )
    reasoning_tokens: int | None = strawberry.field(
        default=UNSET, description="The number of reasoning tokens: 0 to 1,000,000,000. `outputTokens` includes them."
    )
    citation_tokens: int | None = strawberry.field(
        default=UNSET, description="The number of citation tokens: 0 to 1,000,000,000. `outputTokens` includes them."
    )
    output_audio_tokens: int | None = strawberry.field(
        default=UNSET,
        description="The number of audio output tokens: 0 to 1,000,000,000. `outputTokens` includes them.",
    )
    output_image_tokens: int | None = strawberry.field(
        default=UNSET,
        description="The number of image output tokens: 0 to 1,000,000,000. `outputTokens` includes them.",
    )
    output_video_tokens: int | None = strawberry.field(
        default=UNSET,
        description="The number of video output tokens: 0 to 1,000,000,000. `outputTokens` includes them.",
    )
    service_tier: ServiceTier | None = strawberry.field(
        default=UNSET, description="The service tier that the call was billed at."
    )
    success: bool | None = strawberry.field(default=UNSET, description="True when the call succeeded.")
    quality_score: float | None = strawberry.field(default=UNSET, description="A quality score of the answer: 0 to 1.")


AmendAnalyticsResult = Annotated[
    AmendedAnalytics | InvalidInput | NotFound | Conflict | Overloaded,
    strawberry.union("AmendAnalyticsResult", description="The amended call, or the reason why it was not amended."),
]


@strawberry.type
class AmendmentQuery:
    amendments = strawberry.field(
        resolver=resolvers.amendment.amendments,
        graphql_type=list[Amendment],
        description="The amendments of one of your calls, oldest first: at most 100.",
    )


@strawberry.type
class AmendmentMutation:
    amend_analytics = strawberry.mutation(
        resolver=resolvers.amendment.amend_analytics,
        graphql_type=AmendAnalyticsResult,
        extensions=[ExpectedErrorAsData()],
        description="Amend a call: set a cost, token counts, outcome or quality score that became known later or was "
        "reported wrong. Sums, A/B test figures, alert windows and holds are updated in the same "
        "transaction. Alerts do not fire for windows that have ended.",
    )
