"""Fields of providers: list them, and register and delete aliases."""

from typing import Annotated
from uuid import UUID

import strawberry

from domain.provider import MAX_ALIASES, KnownProvider, RegisterProviderAlias
from models.ledger.provider_alias import register, unregister
from models.provider_alias import ProviderAlias
from models.queries.provider import providers_of
from models.queries.provider_alias import aliases_of
from resolvers.context import Info
from resolvers.input import row_id


async def providers(info: Info) -> list[KnownProvider]:
    async with info.context.database.viewer(info.context.viewer) as session:
        return await providers_of(session, info.context.viewer.id)


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
    alias_id = row_id(id)
    async with context.database.viewer(context.viewer, write=True) as session:
        await unregister(session, context.viewer.id, alias_id)
    return alias_id
