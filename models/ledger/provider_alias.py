"""Registering and deleting a user's aliases of providers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.error import Conflict, NotFound
from domain.provider import ProviderNames, alias_key, check_alias
from models.database import Database
from models.database.row import row_of
from models.ledger.renaming import Name, rename
from models.ledger.routing_version import bump_version
from models.provider_alias import ProviderAlias
from models.queries.catalog import models_of
from models.queries.provider_alias import aliases_of, names_of
from models.rollup import AnalyticsDaily
from models.types import new_id


async def register(
    database: Database, user_id: UUID, alias: str, provider: str, now: datetime, *, most: int
) -> ProviderAlias:
    """Register an alias of a provider and move the calls that were logged under it to the provider. Returns the alias.

    Calls move one UTC day per transaction, so that writes of the user never wait for long. If this is interrupted, register
    the alias again. Raises InvalidInput for a name that cannot be an alias, and Conflict if the user already has `most`
    aliases or has registered one model under both names.
    """
    async with _exclusive(database, user_id) as session:
        own = {row.alias_key: row for row in await aliases_of(session, user_id)}
        names = ProviderNames({key: row.provider for key, row in own.items()})
        id_, key = check_alias(alias, provider, names), alias_key(alias)
        if key not in own and len(own) >= most:
            raise Conflict(f"alias: you have {most} aliases, which is the limit; delete one first", ["alias"])
        row = own.get(key)
        if row is None:
            row = ProviderAlias(user_id=user_id, alias_key=key, id=new_id(), created_at=now)
            session.add(row)
        row.alias, row.provider = alias, id_
        # Aliases of this name become aliases of the provider itself.
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
        async with _exclusive(database, user_id) as session:
            await (await session.connection()).run_sync(rename, user_id, by_day[at], at)
    return row


@asynccontextmanager
async def _exclusive(database: Database, user_id: UUID) -> AsyncIterator[AsyncSession]:
    """A transaction that locks all other writes of this user."""
    async with database.system(exclusive=[user_id], on_behalf_of=user_id) as transaction:
        yield AsyncSession(transaction.connection, expire_on_commit=False, autoflush=False)


async def _changed(session: AsyncSession, user_id: UUID) -> None:
    """Update the keys of the user's registered models. Raises Conflict if two models get the same key."""
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


async def unregister(session: AsyncSession, user_id: UUID, alias_id: UUID) -> None:
    """Delete the user's alias with this id. Calls that it moved stay with the provider. Raises NotFound."""
    # Not `locked_row`: on PostgreSQL, the role of this session cannot lock an alias.
    row = await row_of(session, ProviderAlias, user_id, alias_id)
    if row is None:
        raise NotFound("id: must be the id of one of your aliases", ["id"])
    await session.delete(row)
    await session.flush()
    await _changed(session, user_id)
