"""Fields of models: list the catalog, and register, update and delete a model."""

from typing import Annotated, Final
from uuid import UUID

import strawberry

import models.ledger.catalog
from domain.bounds import MAX_NAME_LENGTH, page_size
from domain.catalog import CatalogModel, RegisterModel, UpdateModel, all_listed
from domain.error import InvalidInput
from domain.page import Page, decode_cursor
from domain.provider import KNOWN_NAMES, price_list_id
from models.queries.catalog import models_of
from models.queries.provider_alias import names_of
from resolvers.context import Info
from resolvers.input import InputObject, input_type, known, present, row_id

_KIND: Final = "model_catalog"
_DEFAULT_PAGE: Final = 50

ModelID = Annotated[strawberry.ID, strawberry.argument(description="The id of a model that you registered.")]


async def model_catalog(
    info: Info,
    provider: Annotated[
        str | None,
        strawberry.argument(description="Only models of this provider, under any of its names."),
    ] = strawberry.UNSET,
    search: Annotated[
        str | None,
        strawberry.argument(
            description="Only models whose provider, model or name contains this text, ignoring case: at most 200 "
            "characters."
        ),
    ] = strawberry.UNSET,
    first: Annotated[
        int | None, strawberry.argument(description="The maximum number of rows to return: 1 to 500. Omitted: 50.")
    ] = _DEFAULT_PAGE,
    after: Annotated[
        str | None,
        strawberry.argument(description="The cursor to continue after. Omitted: start with the first row."),
    ] = strawberry.UNSET,
) -> Page[CatalogModel]:
    context = info.context
    size = page_size(_DEFAULT_PAGE if first is None else first)
    provider, search, after = known(provider), known(search), known(after)
    last_position = None if after is None else decode_cursor(_KIND, after, _position)
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
        found = [model for model in found if _contains(model, text)]
    if last_position is not None:
        found = [model for model in found if model.sort_key > last_position]
    return Page(_KIND, "sort_key", found[:size], has_next=len(found) > size, has_previous=last_position is not None)


async def register_model(
    info: Info,
    input: Annotated[
        InputObject,
        strawberry.argument(
            graphql_type=input_type("schema.catalog", "RegisterModelInput"), description="The model to register."
        ),
    ],
) -> CatalogModel:
    context = info.context
    checked = RegisterModel.checked(present(input))
    now = context.clock()
    async with context.database.viewer(context.viewer, write=True) as session:
        model = await models.ledger.catalog.register_model(session, context.viewer.id, checked, now)
    return model.listing


async def update_model(
    info: Info,
    id: ModelID,
    input: Annotated[
        InputObject,
        strawberry.argument(
            graphql_type=input_type("schema.catalog", "UpdateModelInput"), description="The fields to change."
        ),
    ],
) -> CatalogModel:
    context = info.context
    checked = UpdateModel.checked(input)
    async with context.database.viewer(context.viewer, write=True) as session:
        model = await models.ledger.catalog.update_model(
            session, context.viewer.id, row_id(id), checked, context.clock()
        )
    return model.listing


async def delete_model(info: Info, id: ModelID) -> UUID:
    context = info.context
    model_id = row_id(id)
    async with context.database.viewer(context.viewer, write=True) as session:
        await models.ledger.catalog.delete_model(session, context.viewer.id, model_id)
    return model_id


def _position(text: str) -> str:
    """The position in the catalog that a cursor contains: a `CatalogModel.sort_key`. Raises ValueError."""
    if text.count("\0") != 2:  # noqa: PLR2004 - as in `CatalogModel.sort_key`
        raise ValueError(text)
    return text


def _contains(model: CatalogModel, text: str) -> bool:
    return any(text in value.casefold() for value in (model.provider, model.model, model.name))
