"""The models to route to: those of the price list, and those that users register."""

from typing import TYPE_CHECKING, Annotated, Final
from uuid import UUID

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from domain.bounds import MAX_NAME_LENGTH, identifier, page_size
from domain.catalog import MAX_MODELS, CatalogModel, RegisterModel, UpdateModel, all_listed
from domain.error import Conflict, InvalidInput, NotFound
from domain.page import Page, decode_cursor
from domain.provider import KNOWN_NAMES, price_list_id
from models.catalog import RegisteredModel
from models.ledger.routing_version import bump_version
from models.queries.catalog import model_of, models_of
from models.queries.provider_alias import names_of
from models.types import new_id
from resolvers.context import Context, Info
from resolvers.input import given, known, present

if TYPE_CHECKING:
    from schema.catalog import RegisterModelInput, UpdateModelInput

_KIND: Final = "model_catalog"
_DEFAULT_PAGE: Final = 50

ModelID = Annotated[strawberry.ID, strawberry.argument(description="The id of a model that you registered.")]


async def model_catalog(
    info: Info,
    provider: Annotated[
        str | None,
        strawberry.argument(description="Only models of this provider, under any name the price list knows it by."),
    ] = strawberry.UNSET,
    search: Annotated[
        str | None,
        strawberry.argument(
            description="Only models whose provider, model or name holds this text, in any case: at most "
            "200 characters."
        ),
    ] = strawberry.UNSET,
    first: Annotated[
        int | None, strawberry.argument(description="How many to return: 1 to 500; 50 when left out.")
    ] = _DEFAULT_PAGE,
    after: Annotated[
        str | None,
        strawberry.argument(description="The cursor after which to go on; from the beginning when left out."),
    ] = strawberry.UNSET,
) -> Page[CatalogModel]:
    context = info.context
    size = page_size(_DEFAULT_PAGE if first is None else first)
    provider, search, after = known(provider), known(search), known(after)
    behind = None if after is None else decode_cursor(_KIND, after, _place)
    if search is not None and len(search) > MAX_NAME_LENGTH:
        raise InvalidInput(f"search: must be at most {MAX_NAME_LENGTH} characters", ["search"])
    async with context.database.viewer(context.viewer) as session:
        own = [model.listing for model in await models_of(session, context.viewer.id)]
        names = await names_of(session, context.viewer.id)
    hidden = {names.key(model.provider, model.model) for model in own}
    others = all_listed(context.clock())
    found = [*own, *(model for model in others if KNOWN_NAMES.key(model.provider, model.model) not in hidden)]
    if provider is not None:
        wanted = names.id(provider)
        listed_as = price_list_id(wanted)
        found = [
            model
            for model in found
            if names.id(model.provider) == wanted or (not model.own and model.provider == listed_as)
        ]
    if search is not None:
        text = search.casefold()
        found = [model for model in found if _holds(model, text)]
    if behind is not None:
        found = [model for model in found if model.sort_key > behind]
    return Page(_KIND, "sort_key", found[:size], has_next=len(found) > size, has_previous=behind is not None)


async def register_model(
    info: Info,
    input: Annotated[
        "RegisterModelInput",
        strawberry.lazy("schema.catalog"),
        strawberry.argument(description="The model to register."),
    ],
) -> CatalogModel:
    context = info.context
    asked = RegisterModel.checked(present(input))
    now = context.clock()
    async with context.database.viewer(context.viewer, write=True) as session:
        names = await names_of(session, context.viewer.id)
        provider_key, model_key = names.key(asked.provider, asked.model)
        own = await models_of(session, context.viewer.id)
        if any((model.provider_key, model.model_key) == (provider_key, model_key) for model in own):
            raise Conflict(
                "model: you have registered this model of this provider already; update it", ["input", "model"]
            )
        if len(own) >= MAX_MODELS:
            raise InvalidInput(f"You have {MAX_MODELS} models, which is the most; delete one first", ["input"])
        model = RegisteredModel(
            user_id=context.viewer.id,
            id=new_id(),
            provider=asked.provider,
            model=asked.model,
            provider_key=provider_key,
            model_key=model_key,
            name=asked.name,
            own_prices=asked.own_prices,
            local=asked.local,
            context_window=asked.context_window,
            quality_rating=asked.quality_rating,
            created_at=now,
            updated_at=now,
        )
        session.add(model)
        await bump_version(session, context.viewer.id)
    return model.listing


async def update_model(
    info: Info,
    id: ModelID,
    input: Annotated[
        "UpdateModelInput",
        strawberry.lazy("schema.catalog"),
        strawberry.argument(description="What to change."),
    ],
) -> CatalogModel:
    context = info.context
    asked = UpdateModel.checked(given(input))
    async with context.database.viewer(context.viewer, write=True) as session:
        model = await _locked(session, context, id)
        for name, value in asked.changes().items():
            setattr(model, name, value)
        model.own_prices = asked.repriced(model.own_prices)
        model.updated_at = context.clock()
        await bump_version(session, context.viewer.id)
    return model.listing


async def delete_model(info: Info, id: ModelID) -> UUID:
    context = info.context
    async with context.database.viewer(context.viewer, write=True) as session:
        model = await _locked(session, context, id)
        await session.delete(model)
        await session.flush()
        await _succeed(session, model)
        await bump_version(session, context.viewer.id)
    return model.id


async def _succeed(session: AsyncSession, deleted: RegisteredModel) -> None:
    """Let the last of the models that a deleted one stood before count in its place."""
    names = await names_of(session, deleted.user_id)
    key = (deleted.provider_key, deleted.model_key)
    behind = [
        model
        for model in await models_of(session, deleted.user_id)
        if model.superseded and names.key(model.provider, model.model) == key
    ]
    if behind:
        last = max(behind, key=lambda model: model.updated_at)
        last.provider_key, last.model_key = key


def _place(text: str) -> str:
    if text.count("\0") != 2:  # noqa: PLR2004 - as in `CatalogModel.sort_key`
        raise ValueError(text)
    return text


def _holds(model: CatalogModel, text: str) -> bool:
    return any(text in value.casefold() for value in (model.provider, model.model, model.name))


async def _locked(session: AsyncSession, context: Context, id: str) -> RegisteredModel:
    model_id = identifier(id)
    model = None if model_id is None else await model_of(session, context.viewer.id, model_id, for_update=True)
    if model is None:
        raise NotFound("id: must be the id of one of your models", ["id"])
    return model
