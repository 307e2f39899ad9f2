"""What a provider says of the tokens of an answer, as fields of `logAnalytics`.

The router counts all input in `inputTokens` and all output in `outputTokens`; the other counts are parts of these.
Providers have several names for each count, and some leave parts out of the whole. A count that is missing or cannot be
true is estimated from the text or left out, and the call is marked: `metadata: {"tokensEstimated": true}`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, TypeGuard

_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    # Chat completions, and the Responses API.
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
# A whole, and parts of it that share no token. Cached audio is both cached and audio.
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
# Where messages, choices and the items of the Responses API have text, and where they have anything else.
_TEXT: Final = ("message", "content", "text", "refusal", "tool_calls", "function_call", "function", "name", "arguments")
_REASONING: Final = ("reasoning_content", "reasoning")
_MEDIA: Final = ("image_url", "images", "input_audio", "audio", "video_url", "file")
_CHARACTERS_OF_A_TOKEN: Final = 4
# No model takes or makes more. The router takes 1,000,000,000.
_MAX_TOKENS: Final = 100_000_000
_MAX_COST: Final = 100_000
_NANO_DOLLAR: Final = Decimal("1E-9")


def reported(answer: bytes, request: Mapping[str, Any]) -> dict[str, Any]:
    """The counts, the cost and the service tier of an answer to a request, as far as they are known.

    Raises ValueError for an answer that is not a JSON object, and RecursionError for one that is nested too deep.
    """
    # An int of thousands of digits cannot be read; a float of any size can.
    said = json.loads(answer, parse_int=float)
    if not isinstance(said, dict):
        raise ValueError("the answer is not a JSON object")  # noqa: TRY004 - the value is what is wrong
    usage = said.get("usage")
    fields, sure = _counts(usage, request, said)
    if (cost := _cost(usage)) is not None:
        fields["cost"] = format(cost, "f")
    for tier in (said.get("service_tier"), _at(usage, "service_tier")):
        if isinstance(tier, str) and tier.lower() in _TIERS:
            fields["serviceTier"] = _TIERS[tier.lower()]
            break
    return fields if sure else fields | {"metadata": {"tokensEstimated": True}}


def tokens_of(characters: int) -> int:
    """About how many tokens a text of so many characters has."""
    return math.ceil(characters / _CHARACTERS_OF_A_TOKEN)


def _counts(usage: Any, request: Mapping[str, Any], answer: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """The counts, and whether all of them are the provider's own."""
    counts: dict[str, Any] = {}
    sure = True
    for field, paths in _NAMES.items():
        values = [value for path in paths if (value := _at(usage, path)) is not None]
        if counted := [int(value) for value in values if _is_count(value)]:
            # Gateways send 0 under the names that they do not use.
            counts[field] = max(counted)
        elif values:
            sure = False
    _complete(counts, usage)
    tools = json.dumps(request["tools"]) if "tools" in request else ""
    estimates = {
        "inputTokens": _estimate([request["messages"], tools]),
        "outputTokens": _estimate([answer.get("choices"), answer.get("output")]),
    }
    for whole, estimate in estimates.items():
        # Text has tokens: 0 says that the provider did not count.
        if not counts.get(whole):
            sure = sure and counts.get(whole) == estimate
            counts[whole] = estimate
    for whole, *parts in _PARTS:
        left = counts.get(whole) or 0
        for part in parts:
            if counts.get(part, 0) > left:
                del counts[part]
                sure = False
            left -= counts.get(part, 0)
    return {field: count for field, count in counts.items() if count is not None}, sure


def _complete(counts: dict[str, Any], usage: Any) -> None:
    """Add to the whole what a provider counts beside it."""
    if "inputTokens" not in counts or "outputTokens" not in counts:
        return
    cache = counts.get("cachedTokens", 0) + counts.get("cacheWriteTokens", 0)
    names_of_anthropic = "cache_read_input_tokens" in usage or "cache_creation_input_tokens" in usage
    if names_of_anthropic and ("prompt_tokens" not in usage or cache > counts["inputTokens"]):
        counts["inputTokens"] += cache
    total = usage.get("total_tokens")
    if not _is_count(total):
        return
    beside = int(total) - counts["inputTokens"] - counts["outputTokens"]
    if 0 < beside == cache:
        counts["inputTokens"] += beside
    # xAI counts reasoning in the total alone. So does Gemini, which does not say how much it is.
    elif 0 < beside == counts.get("reasoningTokens", beside):
        counts["outputTokens"] += beside


def _at(value: Any, path: str) -> Any:
    """The value at this path: None where there is none, and a text, which is no number, where the path cannot be."""
    for name in path.split("."):
        if value is None:
            return None
        value = value.get(name) if isinstance(value, dict) else "not an object"
    return value


def _is_count(value: Any) -> TypeGuard[float]:
    return isinstance(value, float) and 0 <= value <= _MAX_TOKENS and value.is_integer()


def _cost(usage: Any) -> Decimal | None:
    """The cost that an answer states, in USD, rounded half-even to the nano-dollar."""
    cost = _at(usage, "cost")
    if isinstance(cost, dict):  # Perplexity
        cost = cost.get("total_cost")
    # With a provider key of the user's own, OpenRouter's cost is its fee alone.
    fee_alone = _at(usage, "is_byok") is True
    parts = [cost, _at(usage, "cost_details.upstream_inference_cost")] if fee_alone else [cost]
    if not all(isinstance(part, float) and 0 <= part <= _MAX_COST for part in parts):
        return None
    total = sum((Decimal(repr(part)) for part in parts), Decimal(0))
    return total.quantize(_NANO_DOLLAR) if total <= _MAX_COST else None


def _estimate(said: list[Any]) -> int | None:
    """The tokens of all text in these; None when there are pictures, sounds or files too."""
    characters = 0
    while said:
        match said.pop():
            case str(text):
                characters += len(text)
            case list(items):
                said += items
            case dict(fields):
                if any(fields.get(name) for name in _MEDIA):
                    return None
                said += [fields.get(name) for name in _TEXT]
                # Some send the same reasoning under both names.
                said.append(next(filter(None, map(fields.get, _REASONING)), None))
    return tokens_of(characters)
