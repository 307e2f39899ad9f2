"""`router_models`: models that users register in addition to those of the price list."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Float, String, UniqueConstraint, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from domain.bounds import MAX_NAME_LENGTH
from domain.catalog import CatalogModel, OwnPrices, PriceTier
from domain.money import plain
from domain.price import Prices, ServiceTier
from models.base import Base, Owned
from models.types import JSONDocument, new_id

SUPERSEDED: Final = " "
"""The prefix of `model_key` in a row that a later row with the same name replaces. No model name begins with a space."""

PRICE_COLUMNS: Final = ("input_price", "output_price", "prices")


class RegisteredModel(Owned, Base):
    """A model that a user registered. It overrides the listed model of the same provider and name, if there is one.

    `provider` and `model` are as the user wrote them. `provider_key` and `model_key` are their canonical forms, which all
    comparisons use.
    """

    __tablename__ = "router_models"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    provider: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH))
    model: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH))
    # The canonical provider id. Case folding can make text up to three times as long.
    provider_key: Mapped[str] = mapped_column(String(3 * MAX_NAME_LENGTH))
    name: Mapped[str | None] = mapped_column(String(MAX_NAME_LENGTH))
    # USD per million tokens.
    input_price: Mapped[Decimal | None]
    output_price: Mapped[Decimal | None]
    local: Mapped[bool]
    context_window: Mapped[int | None]
    quality_rating: Mapped[float | None] = mapped_column(Float)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    # The other prices by name, as decimal strings, and `tiers`: a list of such objects, each with `service_tier` and
    # `above_input_tokens`.
    prices: Mapped[dict[str, Any] | None] = mapped_column(JSONDocument)
    # The canonical model name, or SUPERSEDED and a suffix.
    model_key: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH))

    __table_args__ = (UniqueConstraint("user_id", "provider_key", "model_key", name="uq_router_models_model"),)

    @property
    def superseded(self) -> bool:
        """Whether a later row of the user has the same provider and name and replaces this one."""
        return self.model_key.startswith(SUPERSEDED)

    @property
    def own_prices(self) -> OwnPrices:
        """The prices that the user registered."""
        return own_prices(self.input_price, self.output_price, self.prices)

    @own_prices.setter
    def own_prices(self, own: OwnPrices) -> None:
        self.input_price, self.output_price = own.prices.input_price, own.prices.output_price
        prices = _as_json(own.prices._replace(input_price=None, output_price=None))
        if own.tiers:
            prices["tiers"] = [
                {"service_tier": tier.value, "above_input_tokens": above, **_as_json(each)}
                for tier, above, each in own.tiers
            ]
        self.prices = prices or None

    @property
    def listing(self) -> CatalogModel:
        """The model as routing reads it."""
        own = self.own_prices
        return CatalogModel(
            id=str(self.id),
            provider=self.provider,
            model=self.model,
            name=self.name or self.model,
            own=True,
            local=self.local,
            context_window=self.context_window,
            prices=own.prices,
            tiers=own.tiers,
            quality_rating=self.quality_rating,
            deprecated=False,
            created_at=self.created_at,
        )


def _as_json(prices: Prices) -> dict[str, Any]:
    return {name: plain(price) for name, price in prices._asdict().items() if price is not None}


def _prices(stored: Mapping[str, Any]) -> Prices:
    return Prices(**{name: Decimal(stored[name]) for name in Prices._fields if name in stored})


def own_prices(
    input_price: Decimal | None, output_price: Decimal | None, prices: Mapping[str, Any] | None
) -> OwnPrices:
    """The prices stored in the columns `input_price`, `output_price` and `prices`."""
    stored = prices or {}
    tiers = [
        PriceTier(ServiceTier(each["service_tier"]), each["above_input_tokens"], _prices(each))
        for each in stored.get("tiers", ())
    ]
    return OwnPrices(_prices(stored)._replace(input_price=input_price, output_price=output_price), tuple(tiers))
