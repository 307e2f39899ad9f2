"""Reads the token usage in a provider's response as fields of `logAnalytics`.

In the router, `inputTokens` includes all input and `outputTokens` all output; the other counts are parts of these. Providers
have several names for each count, and some do not include every part in the total. A count that is missing or impossible is
estimated from the text or left out, and the call is marked with `metadata: {"tokensEstimated": true}`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, TypeGuard

_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    # The Chat Completions API and the Responses API.
    "inputTokens": ("prompt_tokens", "input_tokens"),
    "outputTokens": ("completion_tokens", "output_tokens"),
    "cachedTokens": (
        "prompt_tokens_details.cached_tokens",
        "input_tokens_details.cached_tokens",
        "prompt_cache_hit_tokens",  # DeepSeek
        "cached_tokens",  # Moonshot, Together
        "cache_read_input_tokens",  # Anthropic
    ),
    "cacheWriteTokens": (
        "prompt_tokens_details.cache_write_tokens",  # OpenRouter
        "input_tokens_details.cache_write_tokens",
        "prompt_tokens_details.cache_creation_tokens",  # LiteLLM
        "prompt_tokens_details.cache_creation_input_tokens",  # Alibaba
        "cache_creation_input_tokens",  # Anthropic
    ),
    "cacheWrite1hTokens": ("cache_creation.ephemeral_1h_input_tokens",),  # Anthropic, OpenRouter
    "inputAudioTokens": ("prompt_tokens_details.audio_tokens", "input_tokens_details.audio_tokens"),
    "inputImageTokens": ("prompt_tokens_details.image_tokens", "input_tokens_details.image_tokens"),
    "reasoningTokens": (
        "completion_tokens_details.reasoning_tokens",
        "output_tokens_details.reasoning_tokens",
        "reasoning_tokens",  # Perplexity
    ),
    "outputAudioTokens": ("completion_tokens_details.audio_tokens", "output_tokens_details.audio_tokens"),
    "outputImageTokens": ("completion_tokens_details.image_tokens", "output_tokens_details.image_tokens"),
}
# A total and its disjoint parts. Cached audio is both cached and audio, so these are in different rows.
_PARTS: Final = (
    ("inputTokens", "cachedTokens", "cacheWriteTokens"),
    ("cacheWriteTokens", "cacheWrite1hTokens"),
    ("inputTokens", "inputAudioTokens", "inputImageTokens"),
    ("outputTokens", "reasoningTokens"),
    ("outputTokens", "outputAudioTokens", "outputImageTokens"),
)
_TIERS: Final = {
    "default": "STANDARD",
    "standard": "STANDARD",
    "flex": "FLEX",
    "priority": "PRIORITY",
    "batch": "BATCH",
}
# The fields of messages, choices and items of the Responses API that contain text, reasoning, and media.
_TEXT: Final = ("message", "content", "text", "refusal", "tool_calls", "function_call", "function", "name", "arguments")
_REASONING: Final = ("reasoning_content", "reasoning")
_MEDIA: Final = ("image_url", "images", "input_audio", "audio", "video_url", "file")
_CHARACTERS_OF_A_TOKEN: Final = 4
# No model has a larger context. The router accepts up to 1,000,000,000.
_MAX_TOKENS: Final = 100_000_000
_MAX_COST: Final = 100_000
_NANO_DOLLAR: Final = Decimal("1E-9")


def reported(answer: bytes, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the known token counts, cost and service tier of a response.

    Raises ValueError if the response is not a JSON object, and RecursionError if it is nested too deeply.
    """
    # Python does not parse integers of thousands of digits, but it parses floats of any length.
    body = json.loads(answer, parse_int=float)
    if not isinstance(body, dict):
        raise ValueError("the response is not a JSON object")  # noqa: TRY004 - the value is wrong, not a type in the code
    usage = body.get("usage")
    fields, exact = _counts(usage, request, body)
    if (cost := _cost(usage)) is not None:
        fields["cost"] = format(cost, "f")
    for tier in (body.get("service_tier"), _at(usage, "service_tier")):
        if isinstance(tier, str) and tier.lower() in _TIERS:
            fields["serviceTier"] = _TIERS[tier.lower()]
            break
    return fields if exact else fields | {"metadata": {"tokensEstimated": True}}


def tokens_of(characters: int) -> int:
    """Estimate the tokens of a text from its length: one per 4 characters."""
    return math.ceil(characters / _CHARACTERS_OF_A_TOKEN)


def _counts(usage: Any, request: Mapping[str, Any], answer: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """The counts, and whether the provider stated all of them."""
    counts: dict[str, Any] = {}
    exact = True
    for field, paths in _NAMES.items():
        values = [value for path in paths if (value := _at(usage, path)) is not None]
        if counted := [int(value) for value in values if _is_count(value)]:
            # Gateways send 0 for the names that they do not use.
            counts[field] = max(counted)
        elif values:
            exact = False
    _complete(counts, usage)
    tools = json.dumps(request["tools"]) if "tools" in request else ""
    estimates = {
        "inputTokens": _estimate([request["messages"], tools]),
        "outputTokens": _estimate([answer.get("choices"), answer.get("output")]),
    }
    for whole, estimate in estimates.items():
        # A text has at least one token: 0 means that the provider did not count.
        if not counts.get(whole):
            exact = exact and counts.get(whole) == estimate
            counts[whole] = estimate
    for whole, *parts in _PARTS:
        left = counts.get(whole) or 0
        for part in parts:
            if counts.get(part, 0) > left:
                del counts[part]
                exact = False
            left -= counts.get(part, 0)
    return {field: count for field, count in counts.items() if count is not None}, exact


def _complete(counts: dict[str, Any], usage: Any) -> None:
    """Add tokens to the totals that a provider counts in addition to them."""
    if "inputTokens" not in counts or "outputTokens" not in counts:
        return
    cache = counts.get("cachedTokens", 0) + counts.get("cacheWriteTokens", 0)
    has_anthropic_names = "cache_read_input_tokens" in usage or "cache_creation_input_tokens" in usage
    if has_anthropic_names and ("prompt_tokens" not in usage or cache > counts["inputTokens"]):
        counts["inputTokens"] += cache
    total = usage.get("total_tokens")
    if not _is_count(total):
        return
    uncounted = int(total) - counts["inputTokens"] - counts["outputTokens"]
    if 0 < uncounted == cache:
        counts["inputTokens"] += uncounted
    # xAI counts reasoning in the total only. So does Gemini, which does not state the reasoning tokens.
    elif 0 < uncounted == counts.get("reasoningTokens", uncounted):
        counts["outputTokens"] += uncounted


def _at(value: Any, path: str) -> Any:
    """The value at this path; None if there is none. If a parent is not an object, a string, which is not a valid count."""
    for name in path.split("."):
        if value is None:
            return None
        value = value.get(name) if isinstance(value, dict) else "not an object"
    return value


def _is_count(value: Any) -> TypeGuard[float]:
    return isinstance(value, float) and 0 <= value <= _MAX_TOKENS and value.is_integer()


def _cost(usage: Any) -> Decimal | None:
    """The cost in USD that a response states, rounded half-even to nano-USD; None if it states none."""
    cost = _at(usage, "cost")
    if isinstance(cost, dict):  # Perplexity
        cost = cost.get("total_cost")
    # If the user has a key of the provider, OpenRouter's cost is only its fee.
    fee_alone = _at(usage, "is_byok") is True
    parts = [cost, _at(usage, "cost_details.upstream_inference_cost")] if fee_alone else [cost]
    if not all(isinstance(part, float) and 0 <= part <= _MAX_COST for part in parts):
        return None
    total = sum((Decimal(repr(part)) for part in parts), Decimal(0))
    return total.quantize(_NANO_DOLLAR) if total <= _MAX_COST else None


def _estimate(values: list[Any]) -> int | None:
    """Estimate the tokens of all text in these values. None if they contain images, audio, video or files."""
    characters = 0
    while values:
        match values.pop():
            case str(text):
                characters += len(text)
            case list(items):
                values += items
            case dict(fields):
                if any(fields.get(name) for name in _MEDIA):
                    return None
                values += [fields.get(name) for name in _TEXT]
                # Some providers send the same reasoning under both names.
                values.append(next(filter(None, map(fields.get, _REASONING)), None))
    return tokens_of(characters)
