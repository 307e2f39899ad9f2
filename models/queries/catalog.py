"""Reading a user's registered models, and the catalog of these and all other models."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.bounds import MAX_NAME_LENGTH, page_size
from domain.catalog import CatalogModel, all_listed
from domain.error import InvalidInput
from domain.page import Page, decode_cursor
from domain.provider import KNOWN_NAMES, ProviderNames, price_list_id
from models.catalog import RegisteredModel
from models.queries.provider_alias import names_of

_CATALOG: Final = "model_catalog"
"""The kind of the catalog's cursors."""


async def models_of(session: AsyncSession, user_id: UUID) -> list[RegisteredModel]:
    """All registered models of the user, ordered by provider and model."""
    statement = select(RegisteredModel).where(RegisteredModel.user_id == user_id)
    return sorted(await session.scalars(statement), key=lambda model: (model.provider_key, model.model))


async def catalog_page(
    session: AsyncSession,
    user_id: UUID,
    now: datetime,
    *,
    provider: str | None,
    search: str | None,
    first: int,
    after: str | None,
) -> Page[CatalogModel]:
    """A page of up to `first` models after the cursor `after`: the user's registered models, then those of the price list.

    A listed model that the user registered appears once. `provider` is any name of a provider. `search` is a part of the
    provider, the model or its display name; case is ignored. Raises InvalidInput.
    """
    size = page_size(first)
    last_position = None if after is None else decode_cursor(_CATALOG, after, _position)
    if search is not None and len(search) > MAX_NAME_LENGTH:
        raise InvalidInput(f"search: must be at most {MAX_NAME_LENGTH} characters", ["search"])
    own = [model.listing for model in await models_of(session, user_id)]
    names = await names_of(session, user_id)
    found = _catalog(own, names, now)
    if provider is not None:
        found = _of_provider(found, provider, names)
    if search is not None:
        text = search.casefold()
        found = [model for model in found if _contains(model, text)]
    if last_position is not None:
        found = [model for model in found if model.sort_key > last_position]
    return Page(_CATALOG, "sort_key", found[:size], has_next=len(found) > size, has_previous=last_position is not None)


def _catalog(own: Sequence[CatalogModel], names: ProviderNames, now: datetime) -> list[CatalogModel]:
    hidden = {names.key(model.provider, model.model) for model in own}
    others = all_listed(now)
    return [*own, *(model for model in others if KNOWN_NAMES.key(model.provider, model.model) not in hidden)]


def _of_provider(found: Sequence[CatalogModel], provider: str, names: ProviderNames) -> list[CatalogModel]:
    wanted = names.id(provider)
    listed_as = price_list_id(wanted)
    return [
        model
        for model in found
        if names.id(model.provider) == wanted or (not model.own and model.provider == listed_as)
    ]


def _position(text: str) -> str:
    """The position in the catalog that a cursor contains: a `CatalogModel.sort_key`. Raises ValueError."""
    if text.count("\0") != 2:  # noqa: PLR2004 - as in `CatalogModel.sort_key`
        raise ValueError(text)
    return text


def _contains(model: CatalogModel, text: str) -> bool:
    return any(text in value.casefold() for value in (model.provider, model.model, model.name))
