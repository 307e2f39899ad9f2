"""Alembic's environment: runs the migrations on SQLite and PostgreSQL. `migrations.configuration` names the database."""

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
    """Whether the models describe this object. Partitions are created over time, and the models do not describe them."""
    return not (
        type_ == "table"
        and name is not None
        and re.fullmatch(r"router_(analytics|decisions)_(\d{4}_\d{2}|archive|default)", name)
    )


def render_item(type_: str, item: Any, _autogen_context: AutogenContext) -> str | Literal[False]:
    """Render column types as plain SQLAlchemy types, so that migrations do not change when the types of the models do."""
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


def _begin_explicitly(engine: AsyncEngine) -> None:
    """Begin transactions explicitly. The SQLite driver would run DDL outside of them, and a failed migration would remain
    half done.
    """

    @event.listens_for(engine.sync_engine, "connect")
    def on_connect(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None

    @event.listens_for(engine.sync_engine, "begin")
    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


async def main() -> None:
    """Migrate the database of the configuration. A concurrent migration waits, and then finds nothing to do."""
    engine = create_async_engine(context.config.attributes["url"])
    if engine.dialect.name == "sqlite":
        _begin_explicitly(engine)
    try:
        with _exclusive(engine.url):
            async with engine.connect() as connection:
                if engine.dialect.name == "postgresql":
                    # A session-level lock: it spans the transactions of all migrations.
                    await connection.execute(text("SELECT pg_advisory_lock(hashtextextended('router migrations', 0))"))
                    await connection.commit()
                await connection.run_sync(run)
                await connection.commit()
    finally:
        await engine.dispose()


@contextmanager
def _exclusive(url: URL) -> Iterator[None]:
    """Wait for other migrations of SQLite files in the same directory.

    The directory is locked, because a lock of the database would be released when the first migration commits.
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
