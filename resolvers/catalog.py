"""Fields of models: list the catalog, and register, update and delete a model."""

from typing import Annotated, Final
from uuid import UUID

import strawberry

import models.ledger.catalog
from domain.catalog import CatalogModel, RegisterModel, UpdateModel
from domain.page import Page
from models.queries.catalog import catalog_page
from resolvers.context import Info
from resolvers.input import InputObject, input_type, known, present, row_id

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
    async with context.database.viewer(context.viewer) as session:
        return await catalog_page(
            session,
            context.viewer.id,
            context.clock(),
            provider=known(provider),
            search=known(search),
            first=_DEFAULT_PAGE if first is None else first,
            after=known(after),
        )


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
