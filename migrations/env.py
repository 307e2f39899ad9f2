"""Runs migrations: one tree for both databases. `migrations.configuration` names the database."""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import URL, Enum, event, text
from sqlalchemy.engine import Connection
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.types import TypeDecorator

import models


def is_ours(_object: Any, name: str | None, type_: str, _reflected: bool, _compared_to: Any) -> bool:
    """Whether the models describe it: the partitions of a table, made as time goes by, they do not."""
    return not (
        type_ == "table"
        and name is not None
        and re.fullmatch(r"router_(analytics|decisions)_(\d{4}_\d{2}|archive|default)", name)
    )


def render_item(type_: str, item: Any, _autogen_context: AutogenContext) -> str | Literal[False]:
    """Migrations hold plain column types: they must not change when our own types do."""
    if type_ == "type" and isinstance(item, TypeDecorator):
        return f"sa.{item.impl!r}"
    if type_ == "type" and isinstance(item, Enum):
        return f"sa.String({item.length})"
    return False


def run(connection: Connection) -> None:
    """Migrate over this connection."""
    context.configure(
        connection=connection,
        target_metadata=models.Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        render_item=render_item,
        include_object=is_ours,
        compare_type=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def _begin_ourselves(engine: AsyncEngine) -> None:
    """The driver's own transactions leave out what changes tables: a migration that breaks off would stay half done."""

    @event.listens_for(engine.sync_engine, "connect")
    def on_connect(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None

    @event.listens_for(engine.sync_engine, "begin")
    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


async def main() -> None:
    """Connect to the URL of the configuration and migrate, when nobody else does: the next finds it done."""
    engine = create_async_engine(context.config.attributes["url"])
    if engine.dialect.name == "sqlite":
        _begin_ourselves(engine)
    try:
        with _alone(engine.url):
            async with engine.connect() as connection:
                if engine.dialect.name == "postgresql":
                    # Until the connection ends, over all transactions of the migrations.
                    await connection.execute(text("SELECT pg_advisory_lock(hashtextextended('router migrations', 0))"))
                    await connection.commit()
                await connection.run_sync(run)
                await connection.commit()
    finally:
        await engine.dispose()


@contextmanager
def _alone(url: URL) -> Iterator[None]:
    """Wait for others who migrate files in the directory of this one.

    Not by a lock of the database's own, which the first migration that commits would give up.
    """
    if url.get_backend_name() != "sqlite" or not url.database:
        yield
        return
    directory = os.open(Path(url.database).parent, os.O_RDONLY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        yield
    finally:
        os.close(directory)


asyncio.run(main())
