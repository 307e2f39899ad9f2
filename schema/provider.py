from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

import strawberry

import models.provider_alias
import resolvers.provider
from schema.deletion import DeleteResult
from schema.error import Conflict, ExpectedErrorAsData, InvalidInput, Uninterrupted


@strawberry.type(description="A provider: one id for all its names.")
class Provider:
    id: strawberry.ID = strawberry.field(
        description="Its id: the price list's where it has one. Calls, charts and blocks go by it."
    )
    name: str = strawberry.field(description="What people call it.")
    aliases: list[str] = strawberry.field(
        description="Other names that mean it, those you registered included. Case and separators do not count."
    )
    calls: int = strawberry.field(description="How many calls of it you have logged.")


@strawberry.type(description="A name of your own for a provider.")
class ProviderAlias:
    id: strawberry.ID = strawberry.field(description="The alias's id.")
    alias: str = strawberry.field(description="The name. Case and separators do not count.")
    provider: str = strawberry.field(description="The id of the provider that it means.")
    created_at: dt.datetime = strawberry.field(description="When it was registered.")

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return isinstance(value, models.provider_alias.ProviderAlias)


RegisterProviderAliasResult = Annotated[
    ProviderAlias | InvalidInput | Conflict,
    strawberry.union("RegisterProviderAliasResult", description="The alias, or why it was not registered."),
]


@strawberry.type
class ProviderQuery:
    providers = strawberry.field(
        resolver=resolvers.provider.providers,
        graphql_type=list[Provider],
        description="All providers that are known by name, and those of your calls: the most called first.",
    )
    provider_aliases = strawberry.field(
        resolver=resolvers.provider.provider_aliases,
        graphql_type=list[ProviderAlias],
        description="Names of your own for providers, by name: at most 200.",
    )


@strawberry.type
class ProviderMutation:
    register_provider_alias = strawberry.mutation(
        resolver=resolvers.provider.register_provider_alias,
        graphql_type=RegisterProviderAliasResult,
        extensions=[ExpectedErrorAsData(), Uninterrupted()],
        description="Register a name of your own for a provider: at most 200. Calls that were logged under it become the "
        "provider's, in every chart; what was sent stays readable on each. Registered again, it means the new provider.",
    )
    delete_provider_alias = strawberry.mutation(
        resolver=resolvers.provider.delete_provider_alias,
        graphql_type=DeleteResult,
        extensions=[ExpectedErrorAsData(), Uninterrupted()],
        description="Delete a name of your own. Calls that it merged stay with the provider.",
    )
