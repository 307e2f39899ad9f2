"""One routing decision and what came of it, as a client reports it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
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
from domain.provider import ProviderNames, folded, known_provider


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
        check_parts(self.__dict__)
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


def check_parts(counts: Mapping[str, int | None]) -> None:
    """Refuse counts of tokens of which parts are more than the whole."""
    for whole, *parts in _PARTS:
        count = counts[whole]
        if count is not None and sum(counts[part] or 0 for part in parts) > count:
            refuse(f"{', '.join(map(to_camel, parts))} are part of {to_camel(whole)} and cannot be more")


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
    fallback_used: bool | None = None
    # Models of one provider each, as `resolved` finds them in `models`: `openai/gpt-4o` is gpt-4o of openai, too.
    _models_of: tuple[tuple[str, str], ...] = pydantic.PrivateAttr(default=())

    @property
    def models_of(self) -> tuple[tuple[str, str], ...]:
        """(provider, model) pairs that pass beside `models`."""
        return self._models_of

    @property
    def names_unknown_providers(self) -> bool:
        """Whether it takes the user's own aliases to tell which providers it names."""
        prefixes = [name.partition("/")[0] for name in self.models or () if "/" in name]
        return any(known_provider(name) is None for name in (*(self.providers or ()), *prefixes))

    def resolved(self, names: ProviderNames) -> Self:
        """The same filter, by the ids of providers and the names of models that calls are stored with."""
        providers = None if self.providers is None else list(dict.fromkeys(map(names.id, self.providers)))
        if self.models is None:
            return self.model_copy(update={"providers": providers})
        found = self.model_copy(
            update={"providers": providers, "models": list(dict.fromkeys(map(folded, self.models)))}
        )
        prefixed = [names.key(name.partition("/")[0], name) for name in self.models if "/" in name]
        found._models_of = tuple(dict.fromkeys(prefixed))  # noqa: SLF001 - its own class
        return found

    @model_validator(mode="after")
    def _range_runs_forward(self) -> Self:
        if self.from_ is not None and self.to is not None and self.from_ >= self.to:
            refuse("from must be before to")
        return self

    def holds(
        self,
        *,
        provider: str,
        model: str,
        task_type: str,
        ab_test_id: UUID | None,
        success: bool,
        fallback_used: bool,
        at: datetime,
    ) -> bool:
        """Whether a call with these values passes."""
        return (
            (self.from_ is None or self.from_ <= at)
            and (self.to is None or at < self.to)
            and (self.providers is None or provider in self.providers)
            and (self.models is None or model in self.models or (provider, model) in self.models_of)
            and (self.task_types is None or task_type in self.task_types)
            and (self.ab_test_id is None or self.ab_test_id == ab_test_id)
            and (self.success is None or self.success == success)
            and (self.fallback_used is None or self.fallback_used == fallback_used)
        )
