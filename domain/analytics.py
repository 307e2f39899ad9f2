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
from domain.bounds import Cost, Input, JSONObject, Milliseconds, Moment, Name, Share, Tokens, refuse
from domain.preference import RoutingPriority


class LogAnalytics(Input):
    """A decision to record. Left out: `event_id` is made, `cost` is priced from the tokens, `occurred_at` is now."""

    event_id: Name | None = None
    provider: Name
    task_type: Name
    model_used: Name
    priority: RoutingPriority | None = None
    success: bool
    latency_ms: Milliseconds | None = None
    cost: Cost | None = None
    input_tokens: Tokens | None = None
    output_tokens: Tokens | None = None
    cached_tokens: Tokens | None = None
    fallback_used: bool = False
    decision_id: UUID | None = None
    ab_test_id: UUID | None = None
    ab_variant: Variant | None = None
    unit_key: Name | None = None
    quality_score: Share | None = None
    metadata: JSONObject = None
    occurred_at: Moment | None = None

    @model_validator(mode="after")
    def _fields_agree(self) -> Self:
        if self.ab_variant is not None and self.ab_test_id is None:
            refuse("abVariant goes with abTestId")
        if self.unit_key is not None and self.ab_test_id is None:
            refuse("unitKey goes with abTestId; a decision knows its own")
        if self.cached_tokens and self.input_tokens is not None and self.cached_tokens > self.input_tokens:
            refuse("cachedTokens are part of inputTokens and cannot be more")
        return self

    def fingerprint(self) -> str:
        """32 hexadecimal digits that differ when what was reported differs: tells a retry from a reused event id."""
        # What was left out does not count, so that a field which is new today changes no fingerprint of yesterday.
        reported = self.model_dump_json(exclude=_NOT_COMPARED, exclude_none=True).encode()
        metadata = to_json(_in_order(self.metadata)) if self.metadata else b""
        return hashlib.blake2b(reported + metadata, digest_size=16).hexdigest()


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
