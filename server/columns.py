"""Maps the columns of a file, or the names in a line of JSON, to fields of a call, for `import` and `/ingest/decisions`.

The name of a field of `LogAnalytics` is accepted in any spelling: `latency_ms`, `latencyMs`, `Latency ms`. `_ALIASES` has the
names that other tools use. A name is an alias only if its meaning and its unit are certain: `latency` may be in seconds, and
`user_id` is not always the unit of an A/B test. `input_tokens` includes tokens read from the cache and written to it.
Anthropic's `cache_read_input_tokens` and `cache_creation_input_tokens` are counted in addition to its input tokens, so they
are not aliases.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from domain.analytics import LogAnalytics
from domain.error import InvalidInput

_ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "event_id": ("idempotency_key",),
    "provider": ("provider_name", "llm_provider", "custom_llm_provider"),
    "model_used": ("model", "model_name"),
    "success": ("succeeded", "successful", "is_success"),
    "latency_ms": ("duration_ms", "elapsed_ms", "response_time_ms", "latency_milliseconds", "duration_milliseconds"),
    "time_to_first_token_ms": ("ttft_ms", "first_token_ms", "time_to_first_token_milliseconds"),
    "cost": ("cost_usd", "cost_in_usd", "usd_cost", "total_cost", "total_cost_usd", "response_cost"),
    "input_tokens": ("prompt_tokens", "input_token_count", "prompt_token_count", "tokens_in"),
    "output_tokens": ("completion_tokens", "output_token_count", "completion_token_count", "tokens_out"),
    "cached_tokens": (
        "cached_input_tokens",
        "cached_prompt_tokens",
        "cache_read_tokens",
        "prompt_cache_hit_tokens",
        "cached_content_token_count",
    ),
    "cache_write_tokens": ("cache_write_input_tokens",),
    "reasoning_tokens": ("reasoning_output_tokens",),
    "fallback_used": ("used_fallback", "is_fallback"),
    "occurred_at": ("created_at", "timestamp"),
}


@dataclass(frozen=True, slots=True)
class Columns:
    """The field of each name. A field's own name comes before its aliases."""

    field_of: Mapping[str, str]

    @classmethod
    def of(cls, names: Iterable[str]) -> Columns:
        """Map these names to fields.

        Raises InvalidInput when two names mean the same field, unless one is the field's own name and the other an alias.
        """
        named: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
        for name in names:
            field, rank = _MEANINGS.get(_bare(name), (None, 0))
            if field is not None:
                named[field].append((rank, name))
        for field, found in named.items():
            found.sort()
            if len(found) > 1 and (found[0][0] == found[1][0] == _OWN or found[0][0] != _OWN):
                one, other = (name for _, name in found[:2])
                raise InvalidInput(f"{one} and {other} both mean {field}: remove or rename one of them", [other])
        return cls({name: field for field, found in named.items() for _, name in found})

    def read(self, record: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the fields by name, and the other values. An alias is used when the value under the own name is null."""
        fields: dict[str, Any] = {}
        others = {name: value for name, value in record.items() if name not in self.field_of}
        for name, field in self.field_of.items():
            if (value := record.get(name)) is None:
                continue
            if field in fields:
                others[name] = value
            else:
                fields[field] = value
        return fields, others


def with_metadata(fields: dict[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    """The fields with the other values added to the metadata. Existing keys of the metadata are kept."""
    metadata = fields.get("metadata")
    if not others or not isinstance(metadata, dict | None):
        return fields
    return fields | {"metadata": {**others, **(metadata or {})}}


def _bare(name: str) -> str:
    return _SEPARATORS.sub("", name).casefold()


_SEPARATORS: Final = re.compile(r"[\s_-]+")
_OWN: Final = 0
_MEANINGS: Final = {
    _bare(name): (field, rank)
    for field in LogAnalytics.model_fields
    for rank, name in enumerate((field, *_ALIASES.get(field, ())))
}
