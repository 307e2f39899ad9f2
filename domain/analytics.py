"""Calls as clients report them, and the filter that selects calls."""

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
    reject,
    to_camel,
)
from domain.preference import RoutingPriority
from domain.price import ServiceTier
from domain.provider import ProviderNames, folded, known_provider


class LogAnalytics(Input):
    """The input of `logAnalytics`: one call to record.

    Defaults: `event_id` is generated, `cost` is computed from the token counts (USD), `occurred_at` is the current time.
    """

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
    # Parts of the input tokens: read from the provider's prompt cache, written to it, and written to it for one hour.
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
            reject("abVariant requires abTestId")
        if self.unit_key is not None and self.ab_test_id is None:
            reject("unitKey requires abTestId; with decisionId alone, the unit key of the routing decision is used")
        check_parts(self.__dict__)
        return self

    @property
    def metadata_truncated(self) -> bool:
        """Whether keys of the metadata were dropped because the metadata was too large or could not be stored."""
        return isinstance(self.metadata, Truncated)

    def fingerprint(self) -> str:
        """A hash of the report, 32 hexadecimal digits. It tells a repetition from a reused event id."""
        # Fields at their defaults are excluded, so that a new field does not change the fingerprints of older reports.
        defaults = {"service_tier"} if self.service_tier is ServiceTier.STANDARD else set()
        reported = self.model_dump_json(exclude=_NOT_COMPARED | defaults, exclude_none=True).encode()
        metadata = to_json(_in_order(self.metadata)) if self.metadata else b""
        return hashlib.blake2b(reported + metadata, digest_size=16).hexdigest()


def check_parts(counts: Mapping[str, int | None]) -> None:
    """Reject token counts whose parts exceed their total. Raises an error of pydantic."""
    for whole, *parts in _PARTS:
        count = counts[whole]
        if count is not None and sum(counts[part] or 0 for part in parts) > count:
            reject(f"{', '.join(map(to_camel, parts))} are parts of {to_camel(whole)}: their sum must not exceed it")


# A total, and parts of it that do not overlap. Other parts overlap: cached audio is both cached and audio.
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
    """The JSON value with the keys of every object sorted."""
    if isinstance(value, dict):
        return {key: _in_order(value[key]) for key in sorted(value)}
    return [_in_order(each) for each in value] if isinstance(value, list) else value


class AnalyticsFilter(Input):
    """Selects calls: a call must match every condition that is given. `from` is inclusive, `to` is exclusive."""

    from_: Moment | None = pydantic.Field(default=None, alias="from")
    to: Moment | None = None
    providers: list[Name] | None = pydantic.Field(default=None, max_length=100)
    models: list[Name] | None = pydantic.Field(default=None, max_length=100)
    task_types: list[Name] | None = pydantic.Field(default=None, max_length=100)
    ab_test_id: UUID | None = None
    success: bool | None = None
    fallback_used: bool | None = None
    # (provider, model) pairs that `resolved` reads from `models`: `openai/gpt-4o` also selects gpt-4o of openai.
    _models_of: tuple[tuple[str, str], ...] = pydantic.PrivateAttr(default=())

    @property
    def models_of(self) -> tuple[tuple[str, str], ...]:
        """(provider, model) pairs that match in addition to `models`."""
        return self._models_of

    @property
    def names_unknown_providers(self) -> bool:
        """Whether a provider name is unknown, so that `resolved` needs the user's aliases."""
        prefixes = [name.partition("/")[0] for name in self.models or () if "/" in name]
        return any(known_provider(name) is None for name in (*(self.providers or ()), *prefixes))

    def resolved(self, names: ProviderNames) -> Self:
        """The filter with provider ids and normalized model names, as calls are stored. `names` are the user's."""
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
            reject("from must be before to")
        return self

    def matches(
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
        """Whether a call with these values matches the filter."""
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
