"""What a request costs when nobody said so: tokens times the list price of its day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import genai_prices

from domain.money import MAX_COST, to_nano_dollars

PRICE_VERSION = f"genai-prices {genai_prices.__version__}"

# The names that LiteLLM and others give to providers that the price list calls otherwise.
_PROVIDER_ALIASES = {
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
    usage = genai_prices.Usage(
        input_tokens=input_tokens, output_tokens=output_tokens, cache_read_tokens=cached_tokens or None
    )
    try:
        found = genai_prices.calc_price(
            usage,
            model_ref=model,
            provider_id=_PROVIDER_ALIASES.get(provider.lower(), provider.lower()),
            genai_request_timestamp=at,
        )
    except (LookupError, ValueError):  # not in the list; or counts that contradict each other
        return None
    unpriced = (input_tokens and found.model_price.input_mtok is None) or (
        output_tokens and found.model_price.output_mtok is None
    )
    if unpriced or found.total_price > MAX_COST:
        return None
    return Price(to_nano_dollars(found.total_price), PRICE_VERSION)
