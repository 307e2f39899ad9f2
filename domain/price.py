"""What a request costs when nobody said so: tokens times the list price of its day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import genai_prices
from genai_prices import data_snapshot
from genai_prices.types import ModelPrice

from domain.money import MAX_COST, to_nano_dollars

PRICE_VERSION = f"genai-prices {genai_prices.__version__}"

# The list's own names. It would match `my-openai-proxy` to OpenAI too: somebody else's price.
_PROVIDERS = frozenset(provider.id for provider in data_snapshot.get_snapshot().providers)

# What LiteLLM and others call some of them.
_ALIASES = {
    "bedrock": "aws",
    "cohere_chat": "cohere",
    "fireworks_ai": "fireworks",
    "gemini": "google",
    "together_ai": "together",
    "vertex_ai": "google",
    "xai": "x-ai",
}


@dataclass(frozen=True, slots=True)
class Price:
    amount: Decimal
    """USD, to the nano-dollar."""
    version: str
    """The price list it was computed from."""


def price(
    provider: str,
    model: str,
    *,
    input_tokens: int | None,
    output_tokens: int | None,
    cached_tokens: int | None,
    at: datetime,
) -> Price | None:
    """The list price of one request at that time; None, never 0, when it is not known.

    Both token counts must be known: half a price would be a wrong price. Cached tokens are part of the input tokens.
    """
    if input_tokens is None or output_tokens is None:
        return None
    name = provider.lower()
    provider_id = _ALIASES.get(name, name)
    if provider_id not in _PROVIDERS:
        return None
    usage = genai_prices.Usage(
        input_tokens=input_tokens, output_tokens=output_tokens, cache_read_tokens=cached_tokens or None
    )
    try:
        found = genai_prices.calc_price(
            usage,
            model_ref=model,
            provider_id=provider_id,
            genai_request_timestamp=at,
        )
    except (LookupError, ValueError):  # not in the list; or counts that contradict each other
        return None
    if _unpriced(found.model_price, input_tokens, output_tokens) or found.total_price > MAX_COST:
        return None
    return Price(to_nano_dollars(found.total_price), PRICE_VERSION)


def _unpriced(listed: ModelPrice, input_tokens: int, output_tokens: int) -> bool:
    """Whether the list does not price these tokens: by the page or the minute, say, or not at all."""
    if listed.input_mtok is None and listed.output_mtok is None:
        return True
    return (input_tokens > 0 and listed.input_mtok is None) or (output_tokens > 0 and listed.output_mtok is None)
