"""The migration that adds keys to registered models, where two models may get one key."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from alembic import command
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from domain.viewer import Viewer
from migrations import configuration, upgrade
from models.catalog import RegisteredModel
from models.database import Database
from models.database.row import row_of
from models.queries.catalog import models_of
from tests.conftest import publish_nothing

ALICE, BOB = UUID(int=1), UUID(int=2)
BEFORE = "20261129_tokens"
# (owner, id, provider, provider_key, model, input_price in nano-dollars, day of its last update)
ROWS = (
    (ALICE, 1, "vLLM", "vllm", "Llama-3.3", 1, 1),
    (ALICE, 2, "vLLM", "vllm", "llama-3.3", 2, 3),
    (ALICE, 3, "vllm", "vllm", "LLAMA-3.3", 3, 2),
    (ALICE, 4, "openai", "openai", "openai/gpt-4o", 4, 1),
    (ALICE, 5, "azure_openai", "azure_openai", "gpt-4o", 5, 1),
    (BOB, 6, "vLLM", "vllm", "Llama-3.3", 6, 1),
)


def test_models_that_get_one_name_are_kept_and_the_last_updated_is_used(empty_database_url: str) -> None:
    # given models of two users in several spellings, of the previous version
    command.upgrade(configuration(empty_database_url), BEFORE)
    asyncio.run(_insert(empty_database_url))
    # when the database is migrated
    upgrade(empty_database_url)
    # then each exists with its price, and of several under one name the last updated has the key
    found = asyncio.run(_models(empty_database_url))
    assert found[ALICE] == {
        1: ("vllm", f" {UUID(int=1)}", True),
        2: ("vllm", "llama-3.3", False),
        3: ("vllm", f" {UUID(int=3)}", True),
        4: ("openai", "gpt-4o", False),
        5: ("azure", "gpt-4o", False),
    }
    assert found[BOB] == {6: ("vllm", "llama-3.3", False)}
    # and one without the key can be deleted
    assert asyncio.run(_deleted(empty_database_url)) == {2, 3, 4, 5}


async def _insert(url: str) -> None:
    engine = create_async_engine(url)
    on_sqlite = engine.dialect.name == "sqlite"
    async with engine.begin() as connection:
        if not on_sqlite:
            await connection.execute(text("SET LOCAL ROLE router_system"))
        for owner, id_, provider, key, model, price, day in ROWS:
            ids = {"user": owner.hex, "id": UUID(int=id_).hex} if on_sqlite else {"user": owner, "id": UUID(int=id_)}
            updated = f"2026-01-0{day} 00:00:00.000000"
            at = f"'{updated}'" if on_sqlite else f"TIMESTAMPTZ '{updated}+00'"
            await connection.execute(
                text(
                    "INSERT INTO router_models (user_id, id, provider, provider_key, model, input_price, output_price, "
                    f"local, created_at, updated_at) VALUES (:user, :id, :provider, :key, :model, :price, 0, false, {at}, {at})"
                ),
                ids | {"provider": provider, "key": key, "model": model, "price": price},
            )
    await engine.dispose()


async def _models(url: str) -> dict[UUID, dict[int, Any]]:
    database = Database(url, publish_nothing)
    found: dict[UUID, dict[int, Any]] = {}
    for owner in (ALICE, BOB):
        async with database.viewer(Viewer(owner)) as session:
            models = await models_of(session, owner)
            assert [model.input_price and int(model.input_price.scaleb(9)) for model in models] == [
                model.id.int for model in models
            ]
            found[owner] = {model.id.int: (model.provider_key, model.model_key, model.superseded) for model in models}
    await database.dispose()
    return found


async def _deleted(url: str) -> set[int]:
    database = Database(url, publish_nothing)
    async with database.viewer(Viewer(ALICE), write=True) as session:
        model = await row_of(session, RegisteredModel, ALICE, UUID(int=1))
        await session.delete(model)
    async with database.viewer(Viewer(ALICE)) as session:
        left = {model.id.int for model in await models_of(session, ALICE)}
    await database.dispose()
    return left
