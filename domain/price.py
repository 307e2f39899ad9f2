"""What a request costs when nobody said so: tokens times the list price of its day."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar, Self

import genai_prices
from genai_prices import data_snapshot
from genai_prices.types import ModelPrice, TimeOfDateConstraint

from domain.money import MAX_COST, to_nano_dollars
from domain.provider import price_list_id, provider_id

PRICE_VERSION = f"genai-prices {genai_prices.__version__}"


class PriceList:
    """The list as it is now. Where it is refreshed while the process runs, each refresh is a list of its own."""

    _current: ClassVar[Self | None] = None

    def __init__(self, snapshot: data_snapshot.DataSnapshot) -> None:
        self.snapshot = snapshot
        # The list's own names. It would match `my-openai-proxy` to OpenAI too: somebody else's price.
        self.providers = frozenset(provider.id for provider in snapshot.providers)
        self.version = PRICE_VERSION
        if snapshot.from_auto_update:
            self.version += f" of {snapshot.timestamp.astimezone(UTC):%Y-%m-%dT%H:%MZ}"
        self._turns = sorted({time(), *_times_of_day(snapshot)})

    @classmethod
    def current(cls) -> Self:
        """The list that holds now: the same object until there is a new one."""
        snapshot, current = data_snapshot.get_snapshot(), cls._current
        if current is None or current.snapshot is not snapshot:
            current = cls._current = cls(snapshot)
        return current

    def unchanged_since(self, at: datetime) -> datetime:
        """The last moment up to `at` at which a price may have changed: midnight in UTC, or a later time of that day."""
        at = at.astimezone(UTC)
        return datetime.combine(at.date(), self._turns[bisect_right(self._turns, at.time()) - 1], UTC)


def _times_of_day(snapshot: data_snapshot.DataSnapshot) -> set[time]:
    """When prices begin and end that hold for some hours of each day, in UTC."""
    limits = [
        limit if limit.tzinfo is not None else limit.replace(tzinfo=UTC)
        for provider in snapshot.providers
        for model in provider.models
        if isinstance(model.prices, list)
        for price in model.prices
        if isinstance(price.constraint, TimeOfDateConstraint)
        for limit in (price.constraint.start_time, price.constraint.end_time)
    ]
    return {datetime.combine(date(1970, 1, 2), limit).astimezone(UTC).time() for limit in limits}


class ServiceTier(StrEnum):
    """How fast a provider promises to serve a request: each has prices of its own."""

    STANDARD = "STANDARD"
    BATCH = "BATCH"
    FLEX = "FLEX"
    PRIORITY = "PRIORITY"


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
    prices, listed_provider = PriceList.current(), price_list_id(provider_id(provider))
    if listed_provider not in prices.providers:
        return None
    usage = genai_prices.Usage(
        input_tokens=input_tokens, output_tokens=output_tokens, cache_read_tokens=cached_tokens or None
    )
    try:
        found = prices.snapshot.calc(usage, model, listed_provider, None, at)
    except (LookupError, ValueError):  # not in the list; or counts that contradict each other
        return None
    if _unpriced(found.model_price, input_tokens, output_tokens) or found.total_price > MAX_COST:
        return None
    return Price(to_nano_dollars(found.total_price), prices.version)


def _unpriced(listed: ModelPrice, input_tokens: int, output_tokens: int) -> bool:
    """Whether the list does not price these tokens: by the page or the minute, say, or not at all."""
    if listed.input_mtok is None and listed.output_mtok is None:
        return True
    return (input_tokens > 0 and listed.input_mtok is None) or (output_tokens > 0 and listed.output_mtok is None)
