from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Annotated, Any, Final

import strawberry
from strawberry.types.unset import UNSET

import resolvers.catalog
from domain.catalog import CatalogModel
from schema.deletion import DeleteResult
from schema.enum import ServiceTier
from schema.error import Conflict, ExpectedErrorAsData, InvalidInput, NotFound, Shielded
from schema.page import Connection

_PRICES: Final = {
    "input_price": "The price of 1,000,000 input tokens, in USD",
    "output_price": "The price of 1,000,000 output tokens, in USD",
    "cached_price": "The price of 1,000,000 input tokens read from the prompt cache, in USD",
    "cache_write_price": "The price of 1,000,000 input tokens written to the prompt cache for 5 minutes, in USD",
    "cache_write_1h_price": "The price of 1,000,000 input tokens written to the prompt cache for 1 hour, in USD",
    "input_audio_price": "The price of 1,000,000 audio input tokens, in USD",
    "cached_audio_price": "The price of 1,000,000 audio input tokens read from the prompt cache, in USD",
    "input_image_price": "The price of 1,000,000 image input tokens, in USD",
    "cached_image_price": "The price of 1,000,000 image input tokens read from the prompt cache, in USD",
    "input_video_price": "The price of 1,000,000 video input tokens, in USD",
    "reasoning_price": "The price of 1,000,000 reasoning tokens, in USD",
    "citation_price": "The price of 1,000,000 citation tokens, in USD",
    "output_audio_price": "The price of 1,000,000 audio output tokens, in USD",
    "output_image_price": "The price of 1,000,000 image output tokens, in USD",
    "output_video_price": "The price of 1,000,000 video output tokens, in USD",
    "request_price": "The price per request in USD, in addition to the price of its tokens",
}
"""What each price is, by the name of its field."""
_OUTPUT_PRICE_APPLIES: Final = "Null when it is unknown; the output price then applies."


def _price(name: str, null: str = "Null when it is unknown.") -> Any:
    return strawberry.field(
        resolver=lambda root: getattr(root.prices, name),
        graphql_type=Decimal | None,
        description=f"{_PRICES[name]}. {null}",
    )


def _tier_price(name: str) -> Any:
    return _price(name, "Null when the tier has no such price of its own.")


def _new_price(name: str, most: str = "1,000,000") -> Any:
    return strawberry.field(default=UNSET, description=f"{_PRICES[name]}: 0 to {most}, at most 9 decimals.")


def _changed_price(name: str, most: str = "1,000,000", null: str = "Null: unknown.") -> Any:
    return strawberry.field(default=UNSET, description=f"{_PRICES[name]}: 0 to {most}, at most 9 decimals. {null}")


@strawberry.type(
    description="Prices of a model for one service tier, for requests with more than a number of input tokens, or "
    "both. Where a price is null, the price of the tier with the next lower `aboveInputTokens` applies, "
    "if there is one."
)
class PriceTier:
    service_tier: ServiceTier = strawberry.field(description="The service tier that the prices apply to.")
    above_input_tokens: int = strawberry.field(
        description="The prices apply to requests with more input tokens than this. 0: to all requests."
    )
    input_price: Decimal | None = _tier_price("input_price")
    output_price: Decimal | None = _tier_price("output_price")
    cached_price: Decimal | None = _tier_price("cached_price")
    cache_write_price: Decimal | None = _tier_price("cache_write_price")
    cache_write_1h_price: Decimal | None = _tier_price("cache_write_1h_price")
    input_audio_price: Decimal | None = _tier_price("input_audio_price")
    cached_audio_price: Decimal | None = _tier_price("cached_audio_price")
    input_image_price: Decimal | None = _tier_price("input_image_price")
    cached_image_price: Decimal | None = _tier_price("cached_image_price")
    input_video_price: Decimal | None = _tier_price("input_video_price")
    reasoning_price: Decimal | None = _tier_price("reasoning_price")
    citation_price: Decimal | None = _tier_price("citation_price")
    output_audio_price: Decimal | None = _tier_price("output_audio_price")
    output_image_price: Decimal | None = _tier_price("output_image_price")
    output_video_price: Decimal | None = _tier_price("output_video_price")
    request_price: Decimal | None = _tier_price("request_price")


@strawberry.input(
    description="Prices of a model for one service tier, for requests with more than a number of input tokens, or both."
)
class PriceTierInput:
    service_tier: ServiceTier | None = strawberry.field(
        default=ServiceTier.STANDARD,
        description="The service tier that the prices apply to. STANDARD prices apply to no other tier.",
    )
    above_input_tokens: int | None = strawberry.field(
        default=0,
        description="The prices apply to requests with more input tokens than this: 0 to 1,000,000,000. Must be more "
        "than 0 for STANDARD.",
    )
    input_price: Decimal | None = _new_price("input_price")
    output_price: Decimal | None = _new_price("output_price")
    cached_price: Decimal | None = _new_price("cached_price")
    cache_write_price: Decimal | None = _new_price("cache_write_price")
    cache_write_1h_price: Decimal | None = _new_price("cache_write_1h_price")
    input_audio_price: Decimal | None = _new_price("input_audio_price")
    cached_audio_price: Decimal | None = _new_price("cached_audio_price")
    input_image_price: Decimal | None = _new_price("input_image_price")
    cached_image_price: Decimal | None = _new_price("cached_image_price")
    input_video_price: Decimal | None = _new_price("input_video_price")
    reasoning_price: Decimal | None = _new_price("reasoning_price")
    citation_price: Decimal | None = _new_price("citation_price")
    output_audio_price: Decimal | None = _new_price("output_audio_price")
    output_image_price: Decimal | None = _new_price("output_image_price")
    output_video_price: Decimal | None = _new_price("output_video_price")
    request_price: Decimal | None = _new_price("request_price", most="100,000")


@strawberry.type(
    description="A model that requests can be routed to: one of the price list, or one that you registered. Its "
    "prices are current, at the STANDARD service tier, for requests with the fewest input tokens; "
    "`tiers` lists the other prices. Prices and a context window that you left out when you registered a model are null "
    "here, and taken from the price list when that has the model."
)
class Model:
    id: strawberry.ID = strawberry.field(
        description='The id of the model. For a model of the price list it is provider and name: "openai:gpt-4o".'
    )
    provider: str = strawberry.field(description="The provider of the model.")
    model: str = strawberry.field(description="The provider's name for the model, as requests send it.")
    name: str = strawberry.field(description="The display name of the model.")
    own: bool = strawberry.field(
        description="True when you registered the model, false when it comes from the price list."
    )
    local: bool = strawberry.field(description="True when the model runs on your own machines.")
    context_window: int | None = strawberry.field(
        description="The maximum number of input tokens of a request. Null when it is unknown."
    )
    input_price: Decimal | None = _price("input_price")
    output_price: Decimal | None = _price("output_price")
    cached_price: Decimal | None = _price("cached_price")
    cache_write_price: Decimal | None = _price("cache_write_price")
    cache_write_1h_price: Decimal | None = _price("cache_write_1h_price")
    input_audio_price: Decimal | None = _price("input_audio_price")
    cached_audio_price: Decimal | None = _price("cached_audio_price")
    input_image_price: Decimal | None = _price("input_image_price")
    cached_image_price: Decimal | None = _price("cached_image_price")
    input_video_price: Decimal | None = _price("input_video_price")
    reasoning_price: Decimal | None = _price("reasoning_price", _OUTPUT_PRICE_APPLIES)
    citation_price: Decimal | None = _price("citation_price", _OUTPUT_PRICE_APPLIES)
    output_audio_price: Decimal | None = _price("output_audio_price")
    output_image_price: Decimal | None = _price("output_image_price")
    output_video_price: Decimal | None = _price("output_video_price")
    request_price: Decimal | None = _price("request_price", "Null when there is none.")
    tiers: list[PriceTier] = strawberry.field(
        description="The prices at other service tiers, and of requests with more input tokens."
    )
    quality_rating: float | None = strawberry.field(
        description="The quality that you declared for the model, 0 to 1. Null when you declared none."
    )
    deprecated: bool = strawberry.field(description="True when the provider has announced that it withdraws the model.")
    created_at: dt.datetime | None = strawberry.field(
        description="When you registered the model, in UTC. Null for a model of the price list."
    )

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return isinstance(value, CatalogModel)


@strawberry.input(
    description="A model to register. It replaces the model of the price list with the same provider and name."
)
class RegisterModelInput:
    provider: str = strawberry.field(description="The provider: 1 to 200 characters.")
    model: str = strawberry.field(
        description="The provider's name for the model, as requests send it: 1 to 200 characters."
    )
    name: str | None = strawberry.field(
        default=UNSET, description="The display name: 1 to 200 characters. Omitted or null: the value of `model`."
    )
    input_price: Decimal | None = _new_price("input_price")
    output_price: Decimal | None = _new_price("output_price")
    cached_price: Decimal | None = _new_price("cached_price")
    cache_write_price: Decimal | None = _new_price("cache_write_price")
    cache_write_1h_price: Decimal | None = _new_price("cache_write_1h_price")
    input_audio_price: Decimal | None = _new_price("input_audio_price")
    cached_audio_price: Decimal | None = _new_price("cached_audio_price")
    input_image_price: Decimal | None = _new_price("input_image_price")
    cached_image_price: Decimal | None = _new_price("cached_image_price")
    input_video_price: Decimal | None = _new_price("input_video_price")
    reasoning_price: Decimal | None = _new_price("reasoning_price")
    citation_price: Decimal | None = _new_price("citation_price")
    output_audio_price: Decimal | None = _new_price("output_audio_price")
    output_image_price: Decimal | None = _new_price("output_image_price")
    output_video_price: Decimal | None = _new_price("output_video_price")
    request_price: Decimal | None = _new_price("request_price", most="100,000")
    tiers: list[PriceTierInput] | None = strawberry.field(
        default=UNSET,
        description="The prices at other service tiers, and of requests with more input tokens: at most 20, each "
        "combination of `serviceTier` and `aboveInputTokens` once. A price that is omitted here and above is "
        "taken from the price list, when that has the model.",
    )
    local: bool | None = strawberry.field(default=False, description="True when the model runs on your own machines.")
    context_window: int | None = strawberry.field(
        default=UNSET,
        description="The maximum number of input tokens of a request: 1 to 1,000,000,000. Omitted or null: unknown.",
    )
    quality_rating: float | None = strawberry.field(
        default=UNSET, description="The quality of the model: 0 to 1. Omitted or null: not declared."
    )


@strawberry.input(description="Changes to a registered model. An omitted field stays as it is.")
class UpdateModelInput:
    name: str | None = strawberry.field(
        default=UNSET, description="The display name: 1 to 200 characters. Null: the value of `model`."
    )
    input_price: Decimal | None = _changed_price("input_price")
    output_price: Decimal | None = _changed_price("output_price")
    cached_price: Decimal | None = _changed_price("cached_price")
    cache_write_price: Decimal | None = _changed_price("cache_write_price")
    cache_write_1h_price: Decimal | None = _changed_price("cache_write_1h_price")
    input_audio_price: Decimal | None = _changed_price("input_audio_price")
    cached_audio_price: Decimal | None = _changed_price("cached_audio_price")
    input_image_price: Decimal | None = _changed_price("input_image_price")
    cached_image_price: Decimal | None = _changed_price("cached_image_price")
    input_video_price: Decimal | None = _changed_price("input_video_price")
    reasoning_price: Decimal | None = _changed_price("reasoning_price")
    citation_price: Decimal | None = _changed_price("citation_price")
    output_audio_price: Decimal | None = _changed_price("output_audio_price")
    output_image_price: Decimal | None = _changed_price("output_image_price")
    output_video_price: Decimal | None = _changed_price("output_video_price")
    request_price: Decimal | None = _changed_price("request_price", most="100,000", null="Null: none known.")
    tiers: list[PriceTierInput] | None = strawberry.field(
        default=UNSET,
        description="The prices at other service tiers, and of requests with more input tokens: at most 20. The list "
        "replaces the stored one. Null: none.",
    )
    local: bool | None = strawberry.field(default=UNSET, description="True when the model runs on your own machines.")
    context_window: int | None = strawberry.field(
        default=UNSET, description="The maximum number of input tokens of a request: 1 to 1,000,000,000. Null: unknown."
    )
    quality_rating: float | None = strawberry.field(
        default=UNSET, description="The quality of the model: 0 to 1. Null: not declared."
    )


RegisterModelResult = Annotated[
    Model | InvalidInput | Conflict,
    strawberry.union(
        "RegisterModelResult", description="The registered model, or the reason why it was not registered."
    ),
]
UpdateModelResult = Annotated[
    Model | InvalidInput | NotFound,
    strawberry.union("UpdateModelResult", description="The changed model, or the reason why it was not changed."),
]


@strawberry.type
class CatalogQuery:
    model_catalog = strawberry.field(
        resolver=resolvers.catalog.model_catalog,
        graphql_type=Connection[Model],
        description="The models that requests can be routed to, sorted by provider and model: first those that you "
        "registered, then those of the price list that have token prices.",
    )


@strawberry.type
class CatalogMutation:
    register_model = strawberry.mutation(
        resolver=resolvers.catalog.register_model,
        graphql_type=RegisterModelResult,
        extensions=[ExpectedErrorAsData(), Shielded()],
        description="Register a model: at most 500 per user. Returns `Conflict` when you have registered one with this "
        "provider and name.",
    )
    update_model = strawberry.mutation(
        resolver=resolvers.catalog.update_model,
        graphql_type=UpdateModelResult,
        extensions=[ExpectedErrorAsData(), Shielded()],
        description="Change a model that you registered.",
    )
    delete_model = strawberry.mutation(
        resolver=resolvers.catalog.delete_model,
        graphql_type=DeleteResult,
        extensions=[ExpectedErrorAsData(), Shielded()],
        description="Delete a model that you registered. Its routing decisions and calls are kept.",
    )
