from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any

import strawberry
from strawberry.types.unset import UNSET

import resolvers.catalog
from domain.catalog import CatalogModel
from schema.deletion import DeleteResult
from schema.enum import ServiceTier
from schema.error import Conflict, ExpectedErrorAsData, InvalidInput, NotFound, Uninterrupted
from schema.page import Connection


def _price(name: str) -> Callable[[Any], Decimal | None]:
    return lambda root: getattr(root.prices, name)


@strawberry.type(
    description="Prices of a model for some requests. Where one is null, that of fewer tokens holds, if any."
)
class PriceTier:
    service_tier: ServiceTier = strawberry.field(description="The service tier of the requests.")
    above_input_tokens: int = strawberry.field(
        description="They have more tokens of input than this; 0 for all requests."
    )
    input_price: Decimal | None = strawberry.field(
        resolver=_price("input_price"),
        graphql_type=Decimal | None,
        description="What a million tokens of input cost, in USD; null when that is not known.",
    )
    output_price: Decimal | None = strawberry.field(
        resolver=_price("output_price"),
        graphql_type=Decimal | None,
        description="What a million tokens of output cost, in USD; null when that is not known.",
    )
    cached_price: Decimal | None = strawberry.field(
        resolver=_price("cached_price"),
        graphql_type=Decimal | None,
        description="What a million tokens of input that the provider read from its cache cost, in USD; null when that is not known.",
    )
    cache_write_price: Decimal | None = strawberry.field(
        resolver=_price("cache_write_price"),
        graphql_type=Decimal | None,
        description="What a million tokens of input that it wrote to its cache for 5 minutes cost, in USD; null when that is not known.",
    )
    cache_write_1h_price: Decimal | None = strawberry.field(
        resolver=_price("cache_write_1h_price"),
        graphql_type=Decimal | None,
        description="What a million tokens of input that it wrote to its cache for an hour cost, in USD; null when that is not known.",
    )
    input_audio_price: Decimal | None = strawberry.field(
        resolver=_price("input_audio_price"),
        graphql_type=Decimal | None,
        description="What a million tokens of audio input cost, in USD; null when that is not known.",
    )
    cached_audio_price: Decimal | None = strawberry.field(
        resolver=_price("cached_audio_price"),
        graphql_type=Decimal | None,
        description="What a million tokens of audio input that it read from its cache cost, in USD; null when that is not known.",
    )
    input_image_price: Decimal | None = strawberry.field(
        resolver=_price("input_image_price"),
        graphql_type=Decimal | None,
        description="What a million tokens of image input cost, in USD; null when that is not known.",
    )
    cached_image_price: Decimal | None = strawberry.field(
        resolver=_price("cached_image_price"),
        graphql_type=Decimal | None,
        description="What a million tokens of image input that it read from its cache cost, in USD; null when that is not known.",
    )
    input_video_price: Decimal | None = strawberry.field(
        resolver=_price("input_video_price"),
        graphql_type=Decimal | None,
        description="What a million tokens of video input cost, in USD; null when that is not known.",
    )
    reasoning_price: Decimal | None = strawberry.field(
        resolver=_price("reasoning_price"),
        graphql_type=Decimal | None,
        description="What a million tokens of reasoning cost, in USD; null when that is not known. Where it is null, they cost what output costs.",
    )
    citation_price: Decimal | None = strawberry.field(
        resolver=_price("citation_price"),
        graphql_type=Decimal | None,
        description="What a million tokens of citations cost, in USD; null when that is not known. Where it is null, they cost what output costs.",
    )
    output_audio_price: Decimal | None = strawberry.field(
        resolver=_price("output_audio_price"),
        graphql_type=Decimal | None,
        description="What a million tokens of audio output cost, in USD; null when that is not known.",
    )
    output_image_price: Decimal | None = strawberry.field(
        resolver=_price("output_image_price"),
        graphql_type=Decimal | None,
        description="What a million tokens of image output cost, in USD; null when that is not known.",
    )
    output_video_price: Decimal | None = strawberry.field(
        resolver=_price("output_video_price"),
        graphql_type=Decimal | None,
        description="What a million tokens of video output cost, in USD; null when that is not known.",
    )
    request_price: Decimal | None = strawberry.field(
        resolver=_price("request_price"),
        graphql_type=Decimal | None,
        description="What a request costs beside its tokens, in USD; null for nothing.",
    )


@strawberry.input(description="Prices of a model for some requests: at a service tier, with more input, or both.")
class PriceTierInput:
    service_tier: ServiceTier | None = strawberry.field(
        default=ServiceTier.STANDARD,
        description="The service tier of the requests: prices of STANDARD hold for no other.",
    )
    above_input_tokens: int | None = strawberry.field(
        default=0,
        description="They have more tokens of input than this: 0 to 1,000,000,000. More than 0 for STANDARD.",
    )
    input_price: Decimal | None = strawberry.field(
        default=UNSET,
        description="What a million tokens of input cost, in USD: 0 to 1,000,000, to the nano-dollar.",
    )
    output_price: Decimal | None = strawberry.field(
        default=UNSET,
        description="What a million tokens of output cost, in USD: 0 to 1,000,000, to the nano-dollar.",
    )
    cached_price: Decimal | None = strawberry.field(
        default=UNSET,
        description="What a million tokens of input that the provider read from its cache cost, in USD: 0 to 1,000,000, to the nano-dollar.",
    )
    cache_write_price: Decimal | None = strawberry.field(
        default=UNSET,
        description="What a million tokens of input that it wrote to its cache for 5 minutes cost, in USD: 0 to 1,000,000, to the nano-dollar.",
    )
    cache_write_1h_price: Decimal | None = strawberry.field(
        default=UNSET,
        description="What a million tokens of input that it wrote to its cache for an hour cost, in USD: 0 to 1,000,000, to the nano-dollar.",
    )
    input_audio_price: Decimal | None = strawberry.field(
        default=UNSET,
        description="What a million tokens of audio input cost, in USD: 0 to 1,000,000, to the nano-dollar.",
    )
    cached_audio_price: Decimal | None = strawberry.field(
        default=UNSET,
        description="What a million tokens of audio input that it read from its cache cost, in USD: 0 to 1,000,000, to the nano-dollar.",
    )
    input_image_price: Decimal | None = strawberry.field(
        default=UNSET,
        description="What a million tokens of image input cost, in USD: 0 to 1,000,000, to the nano-dollar.",
    )
    cached_image_price: Decimal | None = strawberry.field(
        default=UNSET,
        description="What a million tokens of image input that it read from its cache cost, in USD: 0 to 1,000,000, to the nano-dollar.",
    )
    input_video_price: Decimal | None = strawberry.field(
        default=UNSET,
        description="What a million tokens of video input cost, in USD: 0 to 1,000,000, to the nano-dollar.",
    )
    reasoning_price: Decimal | None = strawberry.field(
        default=UNSET,
        description="What a million tokens of reasoning cost, in USD: 0 to 1,000,000, to the nano-dollar.",
    )
    citation_price: Decimal | None = strawberry.field(
        default=UNSET,
        description="What a million tokens of citations cost, in USD: 0 to 1,000,000, to the nano-dollar.",
    )
    output_audio_price: Decimal | None = strawberry.field(
        default=UNSET,
        description="What a million tokens of audio output cost, in USD: 0 to 1,000,000, to the nano-dollar.",
    )
    output_image_price: Decimal | None = strawberry.field(
        default=UNSET,
        description="What a million tokens of image output cost, in USD: 0 to 1,000,000, to the nano-dollar.",
    )
    output_video_price: Decimal | None = strawberry.field(
        default=UNSET,
        description="What a million tokens of video output cost, in USD: 0 to 1,000,000, to the nano-dollar.",
    )
    request_price: Decimal | None = strawberry.field(
        default=UNSET,
        description="What a request costs beside its tokens, in USD: 0 to 100,000, to the nano-dollar.",
    )


@strawberry.type(
    description="A model to route to: one of the price list, or one that you registered. Its prices are those of now, at the "
    "STANDARD service tier and for the smallest requests; `tiers` has the others."
)
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
        resolver=_price("input_price"),
        graphql_type=Decimal | None,
        description="What a million tokens of input cost, in USD; null when that is not known.",
    )
    output_price: Decimal | None = strawberry.field(
        resolver=_price("output_price"),
        graphql_type=Decimal | None,
        description="What a million tokens of output cost, in USD; null when that is not known.",
    )
    cached_price: Decimal | None = strawberry.field(
        resolver=_price("cached_price"),
        graphql_type=Decimal | None,
        description="What a million tokens of input that the provider read from its cache cost, in USD; null when that is not known.",
    )
    cache_write_price: Decimal | None = strawberry.field(
        resolver=_price("cache_write_price"),
        graphql_type=Decimal | None,
        description="What a million tokens of input that it wrote to its cache for 5 minutes cost, in USD; null when that is not known.",
    )
    cache_write_1h_price: Decimal | None = strawberry.field(
        resolver=_price("cache_write_1h_price"),
        graphql_type=Decimal | None,
        description="What a million tokens of input that it wrote to its cache for an hour cost, in USD; null when that is not known.",
    )
    input_audio_price: Decimal | None = strawberry.field(
        resolver=_price("input_audio_price"),
        graphql_type=Decimal | None,
        description="What a million tokens of audio input cost, in USD; null when that is not known.",
    )
    cached_audio_price: Decimal | None = strawberry.field(
        resolver=_price("cached_audio_price"),
        graphql_type=Decimal | None,
        description="What a million tokens of audio input that it read from its cache cost, in USD; null when that is not known.",
    )
    input_image_price: Decimal | None = strawberry.field(
        resolver=_price("input_image_price"),
        graphql_type=Decimal | None,
        description="What a million tokens of image input cost, in USD; null when that is not known.",
    )
    cached_image_price: Decimal | None = strawberry.field(
        resolver=_price("cached_image_price"),
        graphql_type=Decimal | None,
        description="What a million tokens of image input that it read from its cache cost, in USD; null when that is not known.",
    )
    input_video_price: Decimal | None = strawberry.field(
        resolver=_price("input_video_price"),
        graphql_type=Decimal | None,
        description="What a million tokens of video input cost, in USD; null when that is not known.",
    )
    reasoning_price: Decimal | None = strawberry.field(
        resolver=_price("reasoning_price"),
        graphql_type=Decimal | None,
        description="What a million tokens of reasoning cost, in USD; null when that is not known. Where it is null, they cost what output costs.",
    )
    citation_price: Decimal | None = strawberry.field(
        resolver=_price("citation_price"),
        graphql_type=Decimal | None,
        description="What a million tokens of citations cost, in USD; null when that is not known. Where it is null, they cost what output costs.",
    )
    output_audio_price: Decimal | None = strawberry.field(
        resolver=_price("output_audio_price"),
        graphql_type=Decimal | None,
        description="What a million tokens of audio output cost, in USD; null when that is not known.",
    )
    output_image_price: Decimal | None = strawberry.field(
        resolver=_price("output_image_price"),
        graphql_type=Decimal | None,
        description="What a million tokens of image output cost, in USD; null when that is not known.",
    )
    output_video_price: Decimal | None = strawberry.field(
        resolver=_price("output_video_price"),
        graphql_type=Decimal | None,
        description="What a million tokens of video output cost, in USD; null when that is not known.",
    )
    request_price: Decimal | None = strawberry.field(
        resolver=_price("request_price"),
        graphql_type=Decimal | None,
        description="What a request costs beside its tokens, in USD; null for nothing.",
    )
    tiers: list[PriceTier] = strawberry.field(
        description="The prices at other service tiers, and of requests with more input."
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
        description="What a million tokens of input cost, in USD: 0 to 1,000,000, to the nano-dollar.",
    )
    output_price: Decimal | None = strawberry.field(
        default=UNSET,
        description="What a million tokens of output cost, in USD: 0 to 1,000,000, to the nano-dollar.",
    )
    cached_price: Decimal | None = strawberry.field(
        default=UNSET,
        description="What a million tokens of input that the provider read from its cache cost, in USD: 0 to 1,000,000, to the nano-dollar.",
    )
    cache_write_price: Decimal | None = strawberry.field(
        default=UNSET,
        description="What a million tokens of input that it wrote to its cache for 5 minutes cost, in USD: 0 to 1,000,000, to the nano-dollar.",
    )
    cache_write_1h_price: Decimal | None = strawberry.field(
        default=UNSET,
        description="What a million tokens of input that it wrote to its cache for an hour cost, in USD: 0 to 1,000,000, to the nano-dollar.",
    )
    input_audio_price: Decimal | None = strawberry.field(
        default=UNSET,
        description="What a million tokens of audio input cost, in USD: 0 to 1,000,000, to the nano-dollar.",
    )
    cached_audio_price: Decimal | None = strawberry.field(
        default=UNSET,
        description="What a million tokens of audio input that it read from its cache cost, in USD: 0 to 1,000,000, to the nano-dollar.",
    )
    input_image_price: Decimal | None = strawberry.field(
        default=UNSET,
        description="What a million tokens of image input cost, in USD: 0 to 1,000,000, to the nano-dollar.",
    )
    cached_image_price: Decimal | None = strawberry.field(
        default=UNSET,
        description="What a million tokens of image input that it read from its cache cost, in USD: 0 to 1,000,000, to the nano-dollar.",
    )
    input_video_price: Decimal | None = strawberry.field(
        default=UNSET,
        description="What a million tokens of video input cost, in USD: 0 to 1,000,000, to the nano-dollar.",
    )
    reasoning_price: Decimal | None = strawberry.field(
        default=UNSET,
        description="What a million tokens of reasoning cost, in USD: 0 to 1,000,000, to the nano-dollar.",
    )
    citation_price: Decimal | None = strawberry.field(
        default=UNSET,
        description="What a million tokens of citations cost, in USD: 0 to 1,000,000, to the nano-dollar.",
    )
    output_audio_price: Decimal | None = strawberry.field(
        default=UNSET,
        description="What a million tokens of audio output cost, in USD: 0 to 1,000,000, to the nano-dollar.",
    )
    output_image_price: Decimal | None = strawberry.field(
        default=UNSET,
        description="What a million tokens of image output cost, in USD: 0 to 1,000,000, to the nano-dollar.",
    )
    output_video_price: Decimal | None = strawberry.field(
        default=UNSET,
        description="What a million tokens of video output cost, in USD: 0 to 1,000,000, to the nano-dollar.",
    )
    request_price: Decimal | None = strawberry.field(
        default=UNSET,
        description="What a request costs beside its tokens, in USD: 0 to 100,000, to the nano-dollar.",
    )
    tiers: list[PriceTierInput] | None = strawberry.field(
        default=UNSET,
        description="The prices at other service tiers, and of requests with more input: at most 20, each `serviceTier` and "
        "`aboveInputTokens` once. What is left out here and above is as the price list has it, where that knows the model.",
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
        description="What a million tokens of input cost, in USD: 0 to 1,000,000, to the nano-dollar; null: not known.",
    )
    output_price: Decimal | None = strawberry.field(
        default=UNSET,
        description="What a million tokens of output cost, in USD: 0 to 1,000,000, to the nano-dollar; null: not known.",
    )
    cached_price: Decimal | None = strawberry.field(
        default=UNSET,
        description="What a million tokens of input that the provider read from its cache cost, in USD: 0 to 1,000,000, to the nano-dollar; null: not known.",
    )
    cache_write_price: Decimal | None = strawberry.field(
        default=UNSET,
        description="What a million tokens of input that it wrote to its cache for 5 minutes cost, in USD: 0 to 1,000,000, to the nano-dollar; null: not known.",
    )
    cache_write_1h_price: Decimal | None = strawberry.field(
        default=UNSET,
        description="What a million tokens of input that it wrote to its cache for an hour cost, in USD: 0 to 1,000,000, to the nano-dollar; null: not known.",
    )
    input_audio_price: Decimal | None = strawberry.field(
        default=UNSET,
        description="What a million tokens of audio input cost, in USD: 0 to 1,000,000, to the nano-dollar; null: not known.",
    )
    cached_audio_price: Decimal | None = strawberry.field(
        default=UNSET,
        description="What a million tokens of audio input that it read from its cache cost, in USD: 0 to 1,000,000, to the nano-dollar; null: not known.",
    )
    input_image_price: Decimal | None = strawberry.field(
        default=UNSET,
        description="What a million tokens of image input cost, in USD: 0 to 1,000,000, to the nano-dollar; null: not known.",
    )
    cached_image_price: Decimal | None = strawberry.field(
        default=UNSET,
        description="What a million tokens of image input that it read from its cache cost, in USD: 0 to 1,000,000, to the nano-dollar; null: not known.",
    )
    input_video_price: Decimal | None = strawberry.field(
        default=UNSET,
        description="What a million tokens of video input cost, in USD: 0 to 1,000,000, to the nano-dollar; null: not known.",
    )
    reasoning_price: Decimal | None = strawberry.field(
        default=UNSET,
        description="What a million tokens of reasoning cost, in USD: 0 to 1,000,000, to the nano-dollar; null: not known.",
    )
    citation_price: Decimal | None = strawberry.field(
        default=UNSET,
        description="What a million tokens of citations cost, in USD: 0 to 1,000,000, to the nano-dollar; null: not known.",
    )
    output_audio_price: Decimal | None = strawberry.field(
        default=UNSET,
        description="What a million tokens of audio output cost, in USD: 0 to 1,000,000, to the nano-dollar; null: not known.",
    )
    output_image_price: Decimal | None = strawberry.field(
        default=UNSET,
        description="What a million tokens of image output cost, in USD: 0 to 1,000,000, to the nano-dollar; null: not known.",
    )
    output_video_price: Decimal | None = strawberry.field(
        default=UNSET,
        description="What a million tokens of video output cost, in USD: 0 to 1,000,000, to the nano-dollar; null: not known.",
    )
    request_price: Decimal | None = strawberry.field(
        default=UNSET,
        description="What a request costs beside its tokens, in USD: 0 to 100,000, to the nano-dollar; null: not known.",
    )
    tiers: list[PriceTierInput] | None = strawberry.field(
        default=UNSET,
        description="The prices at other service tiers, and of requests with more input, all of them anew: at most 20; null: "
        "none.",
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
        description="The models to route to: those you registered, then those whose tokens the price list prices, each "
        "by provider and model.",
    )


@strawberry.type
class CatalogMutation:
    register_model = strawberry.mutation(
        resolver=resolvers.catalog.register_model,
        graphql_type=RegisterModelResult,
        extensions=[ExpectedErrorAsData(), Uninterrupted()],
        description="Register a model: at most 500 a user. Conflict when you have one with this provider and name.",
    )
    update_model = strawberry.mutation(
        resolver=resolvers.catalog.update_model,
        graphql_type=UpdateModelResult,
        extensions=[ExpectedErrorAsData(), Uninterrupted()],
        description="Change a model that you registered.",
    )
    delete_model = strawberry.mutation(
        resolver=resolvers.catalog.delete_model,
        graphql_type=DeleteResult,
        extensions=[ExpectedErrorAsData(), Uninterrupted()],
        description="Delete a model that you registered; what was decided and logged for it stays.",
    )
