"""`router_provider_aliases`: names of providers that a user added to those that everybody has."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import String, Uuid, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from domain.analytics import AnalyticsFilter
from domain.bounds import MAX_NAME_LENGTH
from domain.error import Conflict
from domain.provider import KNOWN_NAMES, ProviderNames, alias_key, check_alias
from models.base import Base, Owned
from models.bulk import find
from models.catalog import models_of
from models.database import Database
from models.renaming import Name, rename
from models.rollup import AnalyticsDaily
from models.routing_version import bump_version
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


async def resolved(session: AsyncSession, user_id: UUID, wanted: AnalyticsFilter) -> AnalyticsFilter:
    """The filter with the ids of providers and the names of models in place of what the user called them."""
    names = await names_of(session, user_id) if wanted.names_unknown_providers else KNOWN_NAMES
    return wanted.resolved(names)


async def register(
    database: Database, user_id: UUID, alias: str, provider: str, now: datetime, *, most: int
) -> ProviderAlias:
    """The alias, from now on a name of the provider. Calls that were logged under it become the provider's.

    These go over a day at a time, so that nobody's calls wait for long; broken off, it is simply registered again.
    Raises InvalidInput for a name that cannot be one, and Conflict when the user has `most` already, or has registered a
    model under both names.
    """
    async with _alone(database, user_id) as session:
        own = {row.alias_key: row for row in await aliases_of(session, user_id)}
        names = ProviderNames({key: row.provider for key, row in own.items()})
        id_, key = check_alias(alias, provider, names), alias_key(alias)
        if key not in own and len(own) >= most:
            raise Conflict(f"alias: you have {most} aliases, which is the most; delete one first", ["alias"])
        row = own.get(key)
        if row is None:
            row = ProviderAlias(user_id=user_id, alias_key=key, id=new_id(), created_at=now)
            session.add(row)
        row.alias, row.provider = alias, id_
        # What this name was a provider for, the provider itself is now.
        for other in own.values():
            if alias_key(other.provider) == key:
                other.provider = id_
        await session.flush()
        await _changed(session, user_id)
        day = AnalyticsDaily
        kept = await session.execute(
            select(day.day, day.provider, day.model_used).where(day.user_id == user_id).distinct()
        )
        names = await names_of(session, user_id)
        by_day: defaultdict[datetime, dict[Name, Name]] = defaultdict(dict)
        for at, name, model in kept:
            if names.id(name) != name:
                by_day[at][name, model] = names.key(name, model)
    for at in sorted(by_day):
        async with _alone(database, user_id) as session:
            await (await session.connection()).run_sync(rename, user_id, by_day[at], at)
    return row


@asynccontextmanager
async def _alone(database: Database, user_id: UUID) -> AsyncIterator[AsyncSession]:
    """A transaction in which nobody else writes rows of this user."""
    async with database.system(alone=[user_id], on_behalf_of=user_id) as transaction:
        yield AsyncSession(transaction.connection, expire_on_commit=False, autoflush=False)


async def _changed(session: AsyncSession, user_id: UUID) -> None:
    """Let the user's own models follow the names as they are now. Raises Conflict where two become one."""
    names = await names_of(session, user_id)
    taken: set[tuple[str, str]] = set()
    for model in await models_of(session, user_id):
        if model.superseded:
            continue
        key = names.key(model.provider, model.model)
        if key in taken:
            raise Conflict(
                f"alias: {model.model} is registered under two names of {key[0]}; delete one first", ["alias"]
            )
        taken.add(key)
        model.provider_key, model.model_key = key
    await session.flush()
    await bump_version(session, user_id)


async def unregister(session: AsyncSession, user_id: UUID, alias_id: UUID) -> bool:
    """Delete the user's alias with this id; whether there was one. What it merged stays merged."""
    row = await session.scalar(
        select(ProviderAlias).where(ProviderAlias.user_id == user_id, ProviderAlias.id == alias_id)
    )
    if row is None:
        return False
    await session.delete(row)
    await session.flush()
    await _changed(session, user_id)
    return True
