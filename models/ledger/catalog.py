"""Pricing calls of registered models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from domain.catalog import own_price
from domain.price import TokenCounts
from models.catalog import own_prices


def reprice(row: dict[str, Any], columns: Sequence[Any]) -> None:
    """Set the cost of a call from the values of PRICE_COLUMNS of its registered model.

    `row` is a row of `router_analytics`. It does not change if the model has no prices.
    """
    own = own_prices(*columns)
    if own:
        counts = TokenCounts(*(row[name] for name in TokenCounts._fields))
        found = own_price(row["provider"], row["model_used"], own, counts, row["service_tier"], row["occurred_at"])
        row["cost"], row["price_version"] = found or (None, None)
