"""Amendments: facts about a call that become known later, and corrections of reported values."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, Self
from uuid import UUID

from pydantic import model_validator

from domain.analytics import check_parts
from domain.bounds import Cost, Input, Label, Share, Tokens, reject
from domain.money import plain
from domain.price import ServiceTier, TokenCounts

MAX_AMENDMENTS: Final = 100
"""The most amendments of one call."""


class AmendAnalytics(Input):
    """The correct values of a call. A field that is not given stays unchanged."""

    amendment_id: Label | None = None
    cost: Cost | None = None
    input_tokens: Tokens | None = None
    output_tokens: Tokens | None = None
    cached_tokens: Tokens | None = None
    cache_write_tokens: Tokens | None = None
    cache_write_1h_tokens: Tokens | None = None
    input_audio_tokens: Tokens | None = None
    cached_audio_tokens: Tokens | None = None
    input_image_tokens: Tokens | None = None
    cached_image_tokens: Tokens | None = None
    input_video_tokens: Tokens | None = None
    reasoning_tokens: Tokens | None = None
    citation_tokens: Tokens | None = None
    output_audio_tokens: Tokens | None = None
    output_image_tokens: Tokens | None = None
    output_video_tokens: Tokens | None = None
    service_tier: ServiceTier | None = None
    success: bool | None = None
    quality_score: Share | None = None

    @model_validator(mode="after")
    def _has_changes(self) -> Self:
        if not self.changes():
            reject("must have at least one of cost, a token count, serviceTier, success or qualityScore")
        return self

    def changes(self) -> dict[str, Any]:
        """The given values, by the column of the call."""
        return {name: value for name in AMENDABLE if (value := getattr(self, name)) is not None}


AMENDABLE: Final = tuple(name for name in AmendAnalytics.model_fields if name != "amendment_id")
_PRICED_BY: Final = frozenset({*TokenCounts._fields, "service_tier"})


class AmendmentLine(AmendAnalytics):
    """An amendment, with the id or the event id of the call to amend."""

    id: UUID | None = None
    event_id: Label | None = None

    @model_validator(mode="after")
    def _names_one_call(self) -> Self:
        if (self.id is None) == (self.event_id is None):
            reject("must have either id or eventId of the call")
        return self

    def fingerprint(self) -> str:
        """A hash of the amended values, 32 hexadecimal digits. It tells a repetition from a reused amendment id.

        It does not include the ids: a repetition may name the call by its id, and the first attempt by its event id.
        """
        values = self.model_dump_json(exclude={"amendment_id", "id", "event_id"}, exclude_none=True).encode()
        return hashlib.blake2b(values, digest_size=16).hexdigest()


def amended(call: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of the call after these changes. A changed cost has no price version.

    The caller recomputes the cost when `is_repriced` is true. Raises PydanticCustomError when the token counts contradict
    each other.
    """
    after = {**call, **changes}
    check_parts(after)
    if "cost" in changes:
        after["price_version"] = None
    return after


def is_repriced(call: Mapping[str, Any], changes: Mapping[str, Any]) -> bool:
    """Whether the cost must be recomputed: a count or the service tier changes, and the cost was not reported."""
    was_reported = call["cost"] is not None and call["price_version"] is None
    return "cost" not in changes and not was_reported and not call["imported"] and bool(_PRICED_BY & changes.keys())


def as_json(columns: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a call as they are stored with an amendment."""
    return {name: plain(value) if isinstance(value, Decimal) else value for name, value in columns.items()}
