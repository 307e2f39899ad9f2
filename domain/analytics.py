"""One routing decision and what came of it, as a client reports it."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any, Final, Self
from uuid import UUID

import pydantic
from pydantic import model_validator
from pydantic_core import to_json

from domain.ab_test import Variant
from domain.bounds import (
    Cost,
    Input,
    Label,
    Metadata,
    Milliseconds,
    Moment,
    Name,
    Share,
    Tokens,
    Truncated,
    refuse,
    to_camel,
)
from domain.preference import RoutingPriority
from domain.price import ServiceTier


class LogAnalytics(Input):
    """A decision to record. Left out: `event_id` is made, `cost` is priced from the tokens, `occurred_at` is now."""

    event_id: Label | None = None
    provider: Label
    task_type: Label
    model_used: Label
    priority: RoutingPriority | None = None
    success: bool
    latency_ms: Milliseconds | None = None
    cost: Cost | None = None
    input_tokens: Tokens | None = None
    output_tokens: Tokens | None = None
    # Parts of the input tokens: read from the provider's prompt cache, and written to it, of those for an hour.
    cached_tokens: Tokens | None = None
    cache_write_tokens: Tokens | None = None
    cache_write_1h_tokens: Tokens | None = None
    input_audio_tokens: Tokens | None = None
    cached_audio_tokens: Tokens | None = None
    input_image_tokens: Tokens | None = None
    cached_image_tokens: Tokens | None = None
    input_video_tokens: Tokens | None = None
    # Parts of the output tokens.
    reasoning_tokens: Tokens | None = None
    citation_tokens: Tokens | None = None
    output_audio_tokens: Tokens | None = None
    output_image_tokens: Tokens | None = None
    output_video_tokens: Tokens | None = None
    service_tier: ServiceTier = ServiceTier.STANDARD
    time_to_first_token_ms: Milliseconds | None = None
    fallback_used: bool = False
    decision_id: UUID | None = None
    ab_test_id: UUID | None = None
    ab_variant: Variant | None = None
    unit_key: Label | None = None
    quality_score: Share | None = None
    metadata: Metadata = None
    occurred_at: Moment | None = None

    @model_validator(mode="after")
    def _fields_agree(self) -> Self:
        if self.ab_variant is not None and self.ab_test_id is None:
            refuse("abVariant goes with abTestId")
        if self.unit_key is not None and self.ab_test_id is None:
            refuse("unitKey goes with abTestId; a decision knows its own")
        for whole, *parts in _PARTS:
            count = getattr(self, whole)
            if count is not None and sum(getattr(self, part) or 0 for part in parts) > count:
                refuse(f"{', '.join(map(to_camel, parts))} are part of {to_camel(whole)} and cannot be more")
        return self

    @property
    def metadata_truncated(self) -> bool:
        """Whether keys of the metadata were left out, because it was too large or could not be stored."""
        return isinstance(self.metadata, Truncated)

    def fingerprint(self) -> str:
        """32 hexadecimal digits that differ when what was reported differs: tells a retry from a reused event id."""
        # What was left out does not count, so that a field which is new today changes no fingerprint of yesterday.
        left_out = {"service_tier"} if self.service_tier is ServiceTier.STANDARD else set()
        reported = self.model_dump_json(exclude=_NOT_COMPARED | left_out, exclude_none=True).encode()
        metadata = to_json(_in_order(self.metadata)) if self.metadata else b""
        return hashlib.blake2b(reported + metadata, digest_size=16).hexdigest()


# A count, and those that no token of it is in two of. Kinds overlap: cached audio is audio, and is cached.
_PARTS: Final = (
    ("input_tokens", "cached_tokens", "cache_write_tokens"),
    ("input_tokens", "input_audio_tokens", "input_image_tokens", "input_video_tokens"),
    ("cache_write_tokens", "cache_write_1h_tokens"),
    ("cached_tokens", "cached_audio_tokens", "cached_image_tokens"),
    ("input_audio_tokens", "cached_audio_tokens"),
    ("input_image_tokens", "cached_image_tokens"),
    ("output_tokens", "reasoning_tokens", "citation_tokens"),
    ("output_tokens", "output_audio_tokens", "output_image_tokens", "output_video_tokens"),
)
_NOT_COMPARED: Final = {"event_id", "metadata"}


def _in_order(value: Any) -> Any:
    """The same JSON value, the keys of its objects sorted."""
    if isinstance(value, dict):
        return {key: _in_order(value[key]) for key in sorted(value)}
    return [_in_order(each) for each in value] if isinstance(value, list) else value


class AnalyticsFilter(Input):
    """Which decisions: every condition that is given must hold; `from` is included, `to` is not."""

    from_: Moment | None = pydantic.Field(default=None, alias="from")
    to: Moment | None = None
    providers: list[Name] | None = pydantic.Field(default=None, max_length=100)
    models: list[Name] | None = pydantic.Field(default=None, max_length=100)
    task_types: list[Name] | None = pydantic.Field(default=None, max_length=100)
    ab_test_id: UUID | None = None
    success: bool | None = None

    @model_validator(mode="after")
    def _range_runs_forward(self) -> Self:
        if self.from_ is not None and self.to is not None and self.from_ >= self.to:
            refuse("from must be before to")
        return self

    def holds(
        self, *, provider: str, model: str, task_type: str, ab_test_id: UUID | None, success: bool, at: datetime
    ) -> bool:
        """Whether a decision with these values passes."""
        return (
            (self.from_ is None or self.from_ <= at)
            and (self.to is None or at < self.to)
            and (self.providers is None or provider in self.providers)
            and (self.models is None or model in self.models)
            and (self.task_types is None or task_type in self.task_types)
            and (self.ab_test_id is None or self.ab_test_id == ab_test_id)
            and (self.success is None or self.success == success)
        )
