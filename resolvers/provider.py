"""Providers: those that there are, and names of the user's own for them."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

import strawberry
from sqlalchemy import func, select

from domain.bounds import identifier
from domain.error import NotFound
from domain.provider import MAX_ALIASES, MAX_PROVIDERS, PROVIDERS, RegisterProviderAlias
from models.ledger.provider_alias import register, unregister
from models.provider_alias import ProviderAlias
from models.queries.provider_alias import aliases_of
from models.rollup import AnalyticsDaily
from resolvers.context import Info


@dataclass(frozen=True, slots=True)
class KnownProvider:
    """A provider, as one user sees it."""

    id: str
    name: str
    aliases: list[str]
    calls: int


async def providers(info: Info) -> list[KnownProvider]:
    user_id = info.context.viewer.id
    row = AnalyticsDaily
    async with info.context.database.viewer(info.context.viewer) as session:
        counted = await session.execute(
            select(row.provider, func.sum(row.calls)).where(row.user_id == user_id).group_by(row.provider)
        )
        calls = {provider: int(count) for provider, count in counted}
        own = await aliases_of(session, user_id)
    ids = [*PROVIDERS, *sorted({*calls, *(alias.provider for alias in own)} - PROVIDERS.keys())]
    found = sorted((_provider(id_, own, calls.get(id_, 0)) for id_ in ids), key=lambda each: (-each.calls, each.id))
    return found[:MAX_PROVIDERS]


def _provider(id_: str, own: list[ProviderAlias], calls: int) -> KnownProvider:
    known = PROVIDERS.get(id_)
    aliases = [*(known.aliases if known else ()), *(alias.alias for alias in own if alias.provider == id_)]
    return KnownProvider(id_, known.name if known else id_, aliases, calls)


async def provider_aliases(info: Info) -> list[ProviderAlias]:
    async with info.context.database.viewer(info.context.viewer) as session:
        return await aliases_of(session, info.context.viewer.id)


async def register_provider_alias(
    info: Info,
    alias: Annotated[str, strawberry.argument(description="The alias: 1 to 200 characters.")],
    provider: Annotated[
        str, strawberry.argument(description="The provider that the alias stands for, under any of its names.")
    ],
) -> ProviderAlias:
    context = info.context
    asked = RegisterProviderAlias.checked({"alias": alias, "provider": provider}, ())
    return await register(
        context.database, context.viewer.id, asked.alias, asked.provider, context.clock(), most=MAX_ALIASES
    )


async def delete_provider_alias(
    info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The id of the alias.")]
) -> UUID:
    context = info.context
    alias_id = identifier(id)
    if alias_id is not None:
        async with context.database.viewer(context.viewer, write=True) as session:
            if await unregister(session, context.viewer.id, alias_id):
                return alias_id
    raise NotFound("id: must be the id of one of your aliases", ["id"])
