"""`router_provider_aliases`: names of providers that a user added to those that everybody has."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import String, Uuid, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from domain.analytics import AnalyticsFilter
from domain.bounds import MAX_NAME_LENGTH
from domain.provider import KNOWN_NAMES, ProviderNames
from models.base import Base, Owned
from models.bulk import find
from models.types import new_id


class ProviderAlias(Owned, Base):
    """One name, and the id of the provider that it means."""

    __tablename__ = "router_provider_aliases"

    # `domain.provider.alias_key` of the alias: case and separators do not count.
    alias_key: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH), primary_key=True)
    id: Mapped[UUID] = mapped_column(Uuid, default=new_id)
    alias: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH))
    provider: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH))
    created_at: Mapped[datetime]


_USER: Final = ("user_id",)
_find = find(ProviderAlias.__tablename__, _USER, ("user_id", "alias_key", "provider"))


async def names_for(connection: AsyncConnection, user_ids: Iterable[UUID]) -> dict[UUID, ProviderNames]:
    """The names of providers as each of these users has them; of a user without aliases, nothing."""
    found = await _find.execute(connection, [{"user_id": user_id} for user_id in sorted(set(user_ids))])
    own: dict[UUID, dict[str, str]] = {}
    for user_id, key, provider in found:
        own.setdefault(user_id, {})[key] = provider
    return {user_id: ProviderNames(aliases) for user_id, aliases in own.items()}


async def names_of(session: AsyncSession, user_id: UUID) -> ProviderNames:
    """The names of providers as the user has them."""
    found = {row.alias_key: row.provider for row in await aliases_of(session, user_id)}
    return ProviderNames(found) if found else KNOWN_NAMES


async def aliases_of(session: AsyncSession, user_id: UUID) -> list[ProviderAlias]:
    """The user's own aliases, by alias."""
    statement = select(ProviderAlias).where(ProviderAlias.user_id == user_id)
    return sorted(await session.scalars(statement), key=lambda row: row.alias_key)


async def alias_count(session: AsyncSession, user_id: UUID) -> int:
    """How many aliases the user has."""
    return await session.scalar(select(func.count()).where(ProviderAlias.user_id == user_id)) or 0


async def resolved(session: AsyncSession, user_id: UUID, wanted: AnalyticsFilter) -> AnalyticsFilter:
    """The filter with the ids of providers and the names of models in place of what the user called them."""
    names = await names_of(session, user_id) if wanted.names_unknown_providers else KNOWN_NAMES
    return wanted.resolved(names)
