"""Fields of providers: list them, and register and delete aliases."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

import strawberry

from domain.bounds import identifier
from domain.error import NotFound
from domain.provider import MAX_ALIASES, MAX_PROVIDERS, PROVIDERS, RegisterProviderAlias
from models.ledger.provider_alias import register, unregister
from models.provider_alias import ProviderAlias
from models.queries.provider import calls_by_provider
from models.queries.provider_alias import aliases_of
from resolvers.context import Info


@dataclass(frozen=True, slots=True)
class KnownProvider:
    """A provider with the aliases and the number of calls of one user."""

    id: str
    name: str
    aliases: list[str]
    calls: int


async def providers(info: Info) -> list[KnownProvider]:
    user_id = info.context.viewer.id
    async with info.context.database.viewer(info.context.viewer) as session:
        calls = await calls_by_provider(session, user_id)
        own = await aliases_of(session, user_id)
    ids = [*PROVIDERS, *sorted({*calls, *(alias.provider for alias in own)} - PROVIDERS.keys())]
    by_calls = sorted((_provider(id_, own, calls.get(id_, 0)) for id_ in ids), key=lambda each: (-each.calls, each.id))
    return by_calls[:MAX_PROVIDERS]


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
    checked = RegisterProviderAlias.checked({"alias": alias, "provider": provider}, ())
    return await register(
        context.database, context.viewer.id, checked.alias, checked.provider, context.clock(), most=MAX_ALIASES
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
