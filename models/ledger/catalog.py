"""Registered models: register, update and delete them, and price calls of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from domain.catalog import MAX_MODELS, RegisterModel, UpdateModel, own_price
from domain.error import Conflict, InvalidInput
from domain.price import TokenCounts
from models.catalog import RegisteredModel, own_prices
from models.database.row import locked_row
from models.ledger.routing_version import bump_version
from models.queries.catalog import models_of
from models.queries.provider_alias import names_of
from models.types import new_id


async def register_model(session: AsyncSession, user_id: UUID, input: RegisterModel, now: datetime) -> RegisteredModel:
    """Register a model. Raises Conflict when it is registered already, and InvalidInput when the user has MAX_MODELS."""
    names = await names_of(session, user_id)
    provider_key, model_key = names.key(input.provider, input.model)
    own = await models_of(session, user_id)
    if any((model.provider_key, model.model_key) == (provider_key, model_key) for model in own):
        raise Conflict("model: you have registered this model of this provider already; update it", ["input", "model"])
    if len(own) >= MAX_MODELS:
        raise InvalidInput(f"You have {MAX_MODELS} models, which is the most; delete one first", ["input"])
    model = RegisteredModel(
        user_id=user_id,
        id=new_id(),
        provider=input.provider,
        model=input.model,
        provider_key=provider_key,
        model_key=model_key,
        name=input.name,
        own_prices=input.own_prices,
        local=input.local,
        context_window=input.context_window,
        quality_rating=input.quality_rating,
        created_at=now,
        updated_at=now,
    )
    session.add(model)
    await bump_version(session, user_id)
    return model


async def update_model(
    session: AsyncSession, user_id: UUID, model_id: UUID, input: UpdateModel, now: datetime
) -> RegisteredModel:
    """Change the fields of a model that the input sets. Raises NotFound."""
    model = await locked_row(session, RegisteredModel, user_id, model_id, "models")
    for name, value in input.changes().items():
        setattr(model, name, value)
    model.own_prices = input.repriced(model.own_prices)
    model.updated_at = now
    await bump_version(session, user_id)
    return model


async def delete_model(session: AsyncSession, user_id: UUID, model_id: UUID) -> None:
    """Delete a model. The last updated of the models that it superseded takes its place. Raises NotFound."""
    model = await locked_row(session, RegisteredModel, user_id, model_id, "models")
    await session.delete(model)
    await session.flush()
    await _restore_superseded(session, model)
    await bump_version(session, user_id)


async def _restore_superseded(session: AsyncSession, deleted: RegisteredModel) -> None:
    names = await names_of(session, deleted.user_id)
    key = (deleted.provider_key, deleted.model_key)
    superseded = [
        model
        for model in await models_of(session, deleted.user_id)
        if model.superseded and names.key(model.provider, model.model) == key
    ]
    if superseded:
        last = max(superseded, key=lambda model: model.updated_at)
        last.provider_key, last.model_key = key


def reprice(row: dict[str, Any], columns: Sequence[Any]) -> None:
    """Set the cost of a call from the values of PRICE_COLUMNS of its registered model.

    `row` is a row of `router_analytics`. It does not change if the model has no prices.
    """
    own = own_prices(*columns)
    if own:
        counts = TokenCounts(*(row[name] for name in TokenCounts._fields))
        found = own_price(row["provider"], row["model_used"], own, counts, row["service_tier"], row["occurred_at"])
        row["cost"], row["price_version"] = found or (None, None)
