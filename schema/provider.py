from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

import strawberry

import models.provider_alias
import resolvers.provider
from schema.deletion import DeleteResult
from schema.error import Conflict, ExpectedErrorAsData, InvalidInput, Shielded


@strawberry.type(description="A provider. All its names map to one id.")
class Provider:
    id: strawberry.ID = strawberry.field(
        description="The id of the provider, as in the price list when that has the provider. Calls, charts and blocks "
        "use this id."
    )
    name: str = strawberry.field(description="The display name of the provider.")
    aliases: list[str] = strawberry.field(
        description="Other names of the provider, including those that you registered. Case and separators are ignored."
    )
    calls: int = strawberry.field(description="The number of calls that you logged for the provider.")


@strawberry.type(description="A name that you registered for a provider.")
class ProviderAlias:
    id: strawberry.ID = strawberry.field(description="The id of the alias.")
    alias: str = strawberry.field(description="The alias. Case and separators are ignored.")
    provider: str = strawberry.field(description="The id of the provider that the alias stands for.")
    created_at: dt.datetime = strawberry.field(description="When the alias was registered, in UTC.")

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return isinstance(value, models.provider_alias.ProviderAlias)


RegisterProviderAliasResult = Annotated[
    ProviderAlias | InvalidInput | Conflict,
    strawberry.union("RegisterProviderAliasResult", description="The alias, or the reason why it was not registered."),
]


@strawberry.type
class ProviderQuery:
    providers = strawberry.field(
        resolver=resolvers.provider.providers,
        graphql_type=list[Provider],
        description="All known providers, and those of your calls, the most called first.",
    )
    provider_aliases = strawberry.field(
        resolver=resolvers.provider.provider_aliases,
        graphql_type=list[ProviderAlias],
        description="Your provider aliases, sorted by alias: at most 200.",
    )


@strawberry.type
class ProviderMutation:
    register_provider_alias = strawberry.mutation(
        resolver=resolvers.provider.register_provider_alias,
        graphql_type=RegisterProviderAliasResult,
        extensions=[ExpectedErrorAsData(), Shielded()],
        description="Register an alias for a provider: at most 200 per user. Calls that were logged under the alias are "
        "reassigned to the provider, in all charts; each call keeps the name that was sent. An alias that is "
        "registered again stands for the new provider.",
    )
    delete_provider_alias = strawberry.mutation(
        resolver=resolvers.provider.delete_provider_alias,
        graphql_type=DeleteResult,
        extensions=[ExpectedErrorAsData(), Shielded()],
        description="Delete one of your provider aliases. Calls that it reassigned stay with the provider.",
    )
