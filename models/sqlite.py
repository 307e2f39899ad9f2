"""SQLite: one connection writes, in the order asked, and readers read beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final
from uuid import UUID

from pydantic_core import from_json
from sqlalchemy import URL, event
from sqlalchemy.engine import Connection
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from domain.viewer import Viewer
from models.transaction import Transaction
from models.types import json_text

_READERS: Final = 8
_BUSY_TIMEOUT_S: Final = 30
_WRITER_CACHE_KIB: Final = 64 * 1024


class SQLite:
    commits_at_once: Final = 1

    def __init__(self, url: URL) -> None:
        self._writer = _engine(url, read_only=False)
        self._reader = _engine(url, read_only=True)

    async def dispose(self) -> None:
        await self._reader.dispose()
        await self._writer.dispose()

    @asynccontextmanager
    async def viewer_transaction(self, _viewer: Viewer, *, write: bool) -> AsyncIterator[Transaction]:
        async with (self._writer if write else self._reader).begin() as connection:
            yield Transaction(connection)

    @asynccontextmanager
    async def system_transaction(
        self, _beside: Collection[UUID], _deciding: Collection[UUID], _alone: Collection[UUID]
    ) -> AsyncIterator[Transaction]:
        # Whoever writes holds all users' rows.
        async with self._writer.begin() as connection:
            yield Transaction(connection)

    def may_succeed_again(self, _error: Exception) -> bool:
        """Never: nobody writes beside us."""
        return False

    def blames_the_data(self, error: Exception) -> bool:
        """Whether the error is about what was written, and not about the database."""
        return isinstance(error, IntegrityError | DataError)

    async def prepare(self, moments: Iterable[datetime]) -> None:
        """Nothing: one table takes rows of any time."""

    async def hold_user(self, connection: AsyncConnection, user_id: UUID) -> None:
        """Nothing: whoever writes holds them all."""


def _engine(url: URL, *, read_only: bool) -> AsyncEngine:
    engine = create_async_engine(
        url,
        pool_size=_READERS if read_only else 1,
        max_overflow=0,
        hide_parameters=True,  # what users stored is not for logs
        json_serializer=json_text,
        json_deserializer=from_json,
        pool_timeout=_BUSY_TIMEOUT_S,
        connect_args={"timeout": _BUSY_TIMEOUT_S},
    )

    @event.listens_for(engine.sync_engine, "connect")
    def on_connect(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        # We say BEGIN ourselves: the driver's own would be deferred, and a deferred writer can be refused half-way.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        if read_only:
            cursor.execute("PRAGMA query_only = ON")
        else:
            # What is written falls into the same few pages of each table again and again.
            cursor.execute(f"PRAGMA cache_size = -{_WRITER_CACHE_KIB}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN DEFERRED" if read_only else "BEGIN IMMEDIATE")

    return engine
