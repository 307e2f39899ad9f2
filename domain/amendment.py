"""Amendments: facts about a call that become known later, or that were reported wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, Self
from uuid import UUID

from pydantic import model_validator

from domain.analytics import check_parts
from domain.bounds import Cost, Input, Label, Share, Tokens, refuse
from domain.money import plain
from domain.price import ServiceTier, TokenCounts

MAX_AMENDMENTS: Final = 100
"""Of one call."""


class AmendAnalytics(Input):
    """What is right of a call. A field that is left out stays as it is."""

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
    def _says_something(self) -> Self:
        if not self.changes():
            refuse("must say what is right: a cost, a token count, serviceTier, success or qualityScore")
        return self

    def changes(self) -> dict[str, Any]:
        """What it says, by the column of the call."""
        return {name: value for name in AMENDABLE if (value := getattr(self, name)) is not None}


AMENDABLE: Final = tuple(name for name in AmendAnalytics.model_fields if name != "amendment_id")
_PRICED_BY: Final = frozenset({*TokenCounts._fields, "service_tier"})


class AmendmentLine(AmendAnalytics):
    """An amendment, and the call that it is of: by its id or its event id."""

    id: UUID | None = None
    event_id: Label | None = None

    @model_validator(mode="after")
    def _names_one_call(self) -> Self:
        if (self.id is None) == (self.event_id is None):
            refuse("must name the call by id or by eventId, and not by both")
        return self

    def fingerprint(self) -> str:
        """32 hexadecimal digits that differ when what is said of the call differs: tells a retry from a reused amendment id.

        A retry may name the call by its id and the first attempt by its event id.
        """
        said = self.model_dump_json(exclude={"amendment_id", "id", "event_id"}, exclude_none=True).encode()
        return hashlib.blake2b(said, digest_size=16).hexdigest()


def amended(call: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The call with these changes. Its cost is theirs, or, when it was priced here, to be priced again: `is_repriced`.

    Raises an expected error of pydantic's when its token counts contradict each other then.
    """
    after = {**call, **changes}
    check_parts(after)
    if "cost" in changes:
        after["price_version"] = None
    return after


def is_repriced(call: Mapping[str, Any], changes: Mapping[str, Any]) -> bool:
    """Whether these changes ask for a new price: other counts, of a call whose cost nobody reported."""
    was_reported = call["cost"] is not None and call["price_version"] is None
    return "cost" not in changes and not was_reported and not call["imported"] and bool(_PRICED_BY & changes.keys())


def as_json(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Values of a call as an amendment keeps them."""
    return {name: plain(value) if isinstance(value, Decimal) else value for name, value in columns.items()}
