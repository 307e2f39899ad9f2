"""The price of a call of a registered model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from domain.catalog import own_price
from domain.price import TokenCounts
from models.catalog import own_prices


def reprice(row: dict[str, Any], columns: Sequence[Any]) -> None:
    """Set the cost of a call, a row of `router_analytics`, of a registered model with these PRICE_COLUMNS.

    One that has no prices of its own changes nothing.
    """
    own = own_prices(*columns)
    if own:
        counts = TokenCounts(*(row[name] for name in TokenCounts._fields))
        found = own_price(row["provider"], row["model_used"], own, counts, row["service_tier"], row["occurred_at"])
        row["cost"], row["price_version"] = found or (None, None)
