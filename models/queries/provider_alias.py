"""Reading a user's aliases of providers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from domain.analytics import AnalyticsFilter
from domain.provider import KNOWN_NAMES, ProviderNames
from models.database.bulk import find
from models.provider_alias import ProviderAlias

_USER: Final = ("user_id",)
_find = find(ProviderAlias.__tablename__, _USER, ("user_id", "alias_key", "provider"))


async def names_for(connection: AsyncConnection, user_ids: Iterable[UUID]) -> dict[UUID, ProviderNames]:
    """The provider names of each of these users, including their aliases. Users without aliases are missing."""
    found = await _find.execute(connection, [{"user_id": user_id} for user_id in sorted(set(user_ids))])
    own: dict[UUID, dict[str, str]] = {}
    for user_id, key, provider in found:
        own.setdefault(user_id, {})[key] = provider
    return {user_id: ProviderNames(aliases) for user_id, aliases in own.items()}


async def names_of(session: AsyncSession, user_id: UUID) -> ProviderNames:
    """The provider names of the user, including the user's aliases."""
    found = {row.alias_key: row.provider for row in await aliases_of(session, user_id)}
    return ProviderNames(found) if found else KNOWN_NAMES


async def aliases_of(session: AsyncSession, user_id: UUID) -> list[ProviderAlias]:
    """The user's aliases, ordered by `alias_key`."""
    statement = select(ProviderAlias).where(ProviderAlias.user_id == user_id)
    return sorted(await session.scalars(statement), key=lambda row: row.alias_key)


async def resolved(session: AsyncSession, user_id: UUID, wanted: AnalyticsFilter) -> AnalyticsFilter:
    """The filter with canonical provider ids and model names in place of the user's own names."""
    names = await names_of(session, user_id) if wanted.names_unknown_providers else KNOWN_NAMES
    return wanted.resolved(names)
