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


@strawberry.type(description="What became known of a call after it was logged.")
class Amendment:
    id: strawberry.ID = strawberry.field(description="Its id here.")
    amendment_id: str = strawberry.field(description="The client's own id of it, or one made here.")
    analytics_id: strawberry.ID = strawberry.field(description="The call's id.")
    amended_by: strawberry.ID = strawberry.field(description="The user whose token it was sent with.")
    before: JSON = strawberry.field(description="What it changed, as it was: columns of the call, by their names.")
    after: JSON = strawberry.field(description="What it changed, as it became.")
    created_at: dt.datetime = strawberry.field(description="When it was recorded.")


@strawberry.type(description="A call that is amended.")
class AmendedAnalytics:
    record: RouterAnalytics = strawberry.field(description="The call as it is now.")
    deduplicated: bool = strawberry.field(
        description="Whether this amendment was recorded before, under the same amendment id; nothing changed again."
    )
    alert_events: list[AlertEvent] = strawberry.field(description="The alert events that the new cost caused.")

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return isinstance(value, models.ledger.amendment.Amended)


@strawberry.input(description="What is right of a call. A field that is left out stays as it is.")
class AmendAnalyticsInput:
    amendment_id: str | None = strawberry.field(
        default=UNSET,
        description="Your own id of the amendment: 1 to 200 characters. Sent again with the same content, it is recorded once.",
    )
    cost: Decimal | None = strawberry.field(
        default=UNSET,
        description="What it cost, in USD: 0 to 100,000. Left out, a call that was priced here is priced again when its tokens "
        "change.",
    )
    input_tokens: int | None = strawberry.field(default=UNSET, description="All tokens sent: 0 to 1,000,000,000.")
    output_tokens: int | None = strawberry.field(default=UNSET, description="All tokens received: 0 to 1,000,000,000.")
    cached_tokens: int | None = strawberry.field(
        default=UNSET, description="Of the input tokens, those read from a prompt cache: 0 to 1,000,000,000."
    )
    cache_write_tokens: int | None = strawberry.field(
        default=UNSET, description="Of the input tokens, those written to a prompt cache: 0 to 1,000,000,000."
    )
    cache_write_1h_tokens: int | None = strawberry.field(
        default=UNSET,
        description="Of the tokens written to a prompt cache, those kept for an hour: 0 to 1,000,000,000.",
    )
    input_audio_tokens: int | None = strawberry.field(
        default=UNSET, description="Of the input tokens, those of audio: 0 to 1,000,000,000."
    )
    cached_audio_tokens: int | None = strawberry.field(
        default=UNSET, description="Of the audio sent, the tokens read from a prompt cache: 0 to 1,000,000,000."
    )
    input_image_tokens: int | None = strawberry.field(
        default=UNSET, description="Of the input tokens, those of images: 0 to 1,000,000,000."
    )
    cached_image_tokens: int | None = strawberry.field(
        default=UNSET, description="Of the images sent, the tokens read from a prompt cache: 0 to 1,000,000,000."
    )
    input_video_tokens: int | None = strawberry.field(
        default=UNSET, description="Of the input tokens, those of video: 0 to 1,000,000,000."
    )
    reasoning_tokens: int | None = strawberry.field(
        default=UNSET, description="Of the output tokens, those of reasoning: 0 to 1,000,000,000."
    )
    citation_tokens: int | None = strawberry.field(
        default=UNSET, description="Of the output tokens, those of citations: 0 to 1,000,000,000."
    )
    output_audio_tokens: int | None = strawberry.field(
        default=UNSET, description="Of the output tokens, those of audio: 0 to 1,000,000,000."
    )
    output_image_tokens: int | None = strawberry.field(
        default=UNSET, description="Of the output tokens, those of images: 0 to 1,000,000,000."
    )
    output_video_tokens: int | None = strawberry.field(
        default=UNSET, description="Of the output tokens, those of video: 0 to 1,000,000,000."
    )
    service_tier: ServiceTier | None = strawberry.field(
        default=UNSET, description="The service tier that it was billed as."
    )
    success: bool | None = strawberry.field(default=UNSET, description="Whether it succeeded.")
    quality_score: float | None = strawberry.field(default=UNSET, description="Feedback on the answer: 0 to 1.")


AmendAnalyticsResult = Annotated[
    AmendedAnalytics | InvalidInput | NotFound | Conflict | Overloaded,
    strawberry.union("AmendAnalyticsResult", description="The call as it is now, or why it was not amended."),
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
        description="Put a call right: a cost, token counts, success or feedback that became known later, or that were reported "
        "wrong. Sums, A/B figures, alert windows and holds follow at once; windows that have ended do not fire.",
    )
