from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Annotated, Any

import strawberry
from strawberry.types.unset import UNSET

import resolvers.catalog
from domain.catalog import CatalogModel
from schema.deletion import DeleteResult
from schema.error import Conflict, InvalidInput, NotFound, RefusalAsData, Uninterrupted
from schema.page import Connection


@strawberry.type(description="A model to route to: one of the price list, or one that you registered.")
class Model:
    id: strawberry.ID = strawberry.field(
        description='Its id; of a model of the price list, its provider and name: "openai:gpt-4o".'
    )
    provider: str = strawberry.field(description="The provider.")
    model: str = strawberry.field(description="What the provider calls it.")
    name: str = strawberry.field(description="What people call it.")
    own: bool = strawberry.field(description="Whether you registered it; else it is of the price list.")
    local: bool = strawberry.field(description="Whether it runs on machines of your own.")
    context_window: int | None = strawberry.field(
        description="How many tokens of input it takes at most; null when that is not known."
    )
    input_price: Decimal | None = strawberry.field(
        description="What a million tokens of input cost now, in USD; null when that is not known. Where the price "
        "depends on how many there are, that of the smallest requests."
    )
    output_price: Decimal | None = strawberry.field(
        description="What a million tokens of output cost now, in USD; null when that is not known. Where the price "
        "depends on how many tokens of input there are, that of the smallest requests."
    )
    quality_rating: float | None = strawberry.field(
        description="How good you say it is, 0 to 1; null when you did not say."
    )
    deprecated: bool = strawberry.field(description="Whether its provider is about to withdraw it.")
    created_at: dt.datetime | None = strawberry.field(
        description="When you registered it; null for a model of the price list."
    )

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return isinstance(value, CatalogModel)


@strawberry.input(description="A model to register. One of the price list with this provider and name gives way to it.")
class RegisterModelInput:
    provider: str = strawberry.field(description="The provider: 1 to 200 characters.")
    model: str = strawberry.field(description="What the provider calls it: 1 to 200 characters.")
    name: str | None = strawberry.field(
        default=UNSET, description="What to call it: 1 to 200 characters; as the provider does, when left out."
    )
    input_price: Decimal | None = strawberry.field(
        default=UNSET,
        description="What a million tokens of input cost, in USD: 0 to 1,000,000, to the nano-dollar. Give both prices, "
        "or neither.",
    )
    output_price: Decimal | None = strawberry.field(
        default=UNSET,
        description="What a million tokens of output cost, in USD: 0 to 1,000,000, to the nano-dollar. Give both prices, "
        "or neither.",
    )
    local: bool | None = strawberry.field(default=False, description="Whether it runs on machines of your own.")
    context_window: int | None = strawberry.field(
        default=UNSET, description="How many tokens of input it takes at most: 1 to 1,000,000,000."
    )
    quality_rating: float | None = strawberry.field(default=UNSET, description="How good it is: 0 to 1.")


@strawberry.input(description="Changes to a model. A field left out stays as it is.")
class UpdateModelInput:
    name: str | None = strawberry.field(
        default=UNSET, description="What to call it: 1 to 200 characters; null: as the provider does."
    )
    input_price: Decimal | None = strawberry.field(
        default=UNSET,
        description="What a million tokens of input cost, in USD: 0 to 1,000,000, to the nano-dollar; null: not known. "
        "Both prices must be known, or neither.",
    )
    output_price: Decimal | None = strawberry.field(
        default=UNSET,
        description="What a million tokens of output cost, in USD: 0 to 1,000,000, to the nano-dollar; null: not known. "
        "Both prices must be known, or neither.",
    )
    local: bool | None = strawberry.field(default=UNSET, description="Whether it runs on machines of your own.")
    context_window: int | None = strawberry.field(
        default=UNSET, description="How many tokens of input it takes at most: 1 to 1,000,000,000; null: not known."
    )
    quality_rating: float | None = strawberry.field(
        default=UNSET, description="How good it is: 0 to 1; null: not said."
    )


RegisterModelResult = Annotated[
    Model | InvalidInput | Conflict,
    strawberry.union("RegisterModelResult", description="The model, or why it was not registered."),
]
UpdateModelResult = Annotated[
    Model | InvalidInput | NotFound,
    strawberry.union("UpdateModelResult", description="The model as it is now, or why it was not changed."),
]


@strawberry.type
class CatalogQuery:
    model_catalog = strawberry.field(
        resolver=resolvers.catalog.model_catalog,
        graphql_type=Connection[Model],
        extensions=[Uninterrupted()],
        description="The models to route to: those you registered, then those whose tokens the price list prices, each "
        "by provider and model.",
    )


@strawberry.type
class CatalogMutation:
    register_model = strawberry.mutation(
        resolver=resolvers.catalog.register_model,
        graphql_type=RegisterModelResult,
        extensions=[RefusalAsData(), Uninterrupted()],
        description="Register a model: at most 500 a user. Conflict when you have one with this provider and name.",
    )
    update_model = strawberry.mutation(
        resolver=resolvers.catalog.update_model,
        graphql_type=UpdateModelResult,
        extensions=[RefusalAsData(), Uninterrupted()],
        description="Change a model that you registered.",
    )
    delete_model = strawberry.mutation(
        resolver=resolvers.catalog.delete_model,
        graphql_type=DeleteResult,
        extensions=[RefusalAsData(), Uninterrupted()],
        description="Delete a model that you registered; what was decided and logged for it stays.",
    )
