"""PostgreSQL: row-level security holds each transaction to its viewer, and NOTIFY tells every replica.

A transaction begins in one round trip: BEGIN, the role, the viewer and the viewer's lock go together, which the driver
allows for statements without parameters. SQLAlchemy therefore runs in its autocommit mode here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, cast
from uuid import UUID

import asyncpg
from sqlalchemy import URL
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from domain.event import Event, encode
from domain.viewer import Viewer

VIEWER_ROLE: Final = "router_viewer"
SYSTEM_ROLE: Final = "router_system"
CHANNEL: Final = "router_events"

_POOL_SIZE: Final = 16
_POOL_TIMEOUT_S: Final = 30
_CONNECT_TIMEOUT_S: Final = 10


class DatabaseUnavailable(Exception):
    """The database did not do what it was asked; nothing of the transaction was kept."""


class PostgreSQL:
    def __init__(self, url: URL) -> None:
        self._engine = create_async_engine(
            url,
            isolation_level="AUTOCOMMIT",
            pool_size=_POOL_SIZE,
            max_overflow=0,
            pool_timeout=_POOL_TIMEOUT_S,
            connect_args={
                "timeout": _CONNECT_TIMEOUT_S,
                # A transaction of ours takes milliseconds: one that idles lost its process, and holds locks.
                "server_settings": {
                    "application_name": "enterprise-router",
                    "idle_in_transaction_session_timeout": "60s",
                },
            },
        )

    async def dispose(self) -> None:
        await self._engine.dispose()

    @asynccontextmanager
    async def viewer_transaction(self, viewer: Viewer, *, write: bool) -> AsyncIterator[AsyncConnection]:
        # The id is a UUID object, and so its text is nothing but hexadecimal digits and dashes.
        scope = f"SET LOCAL ROLE {VIEWER_ROLE}; SET LOCAL app.user_id = '{viewer.id}'"
        if write:
            # A viewer's writes run one at a time, and beside no commit of the ledger that has rows of theirs.
            scope += f"; SELECT pg_advisory_xact_lock(hashtextextended('{viewer.id}', 0))"
        async with self._transaction(f"BEGIN {'READ WRITE' if write else 'READ ONLY'}; {scope}") as connection:
            yield connection

    @asynccontextmanager
    async def system_transaction(self) -> AsyncIterator[AsyncConnection]:
        async with self._transaction(f"BEGIN; SET LOCAL ROLE {SYSTEM_ROLE}") as connection:
            yield connection

    @asynccontextmanager
    async def owner_transaction(self) -> AsyncIterator[AsyncConnection]:
        """A transaction of the role that owns the tables, which alone may make and drop partitions."""
        async with self._transaction("BEGIN") as connection:
            yield connection

    async def hold_users(self, connection: AsyncConnection, user_ids: Sequence[UUID]) -> None:
        """Keep these users' own writes out until this transaction ends; other ledgers may come in beside it."""
        driver = await driver_of(connection)
        await driver.execute(
            "SELECT pg_advisory_xact_lock_shared(hashtextextended(id::text, 0)) FROM unnest($1::uuid[]) id", user_ids
        )

    async def announce(self, connection: AsyncConnection, events: Sequence[Event]) -> None:
        """Tell every replica once this transaction is committed; never if it is not."""
        if payloads := [payload for event in events for payload in encode(event)]:
            driver = await driver_of(connection)
            await driver.execute(f"SELECT pg_notify('{CHANNEL}', payload) FROM unnest($1::text[]) payload", payloads)

    @asynccontextmanager
    async def _transaction(self, begin: str) -> AsyncIterator[AsyncConnection]:
        connection = await self._begun(begin)
        try:
            yield connection
            await _execute(connection, "COMMIT")
        except BaseException:
            await asyncio.shield(_abandon(connection))
            raise
        await connection.close()

    async def _begun(self, begin: str) -> AsyncConnection:
        try:
            return await self._connected(begin)
        except DatabaseUnavailable:
            # The pool may hold connections that a restarted database has dropped. Nothing was done yet: begin anew.
            await self._engine.dispose()
            return await self._connected(begin)

    async def _connected(self, begin: str) -> AsyncConnection:
        connection = self._engine.connect()
        try:
            await connection.start()
        except (SQLAlchemyError, asyncpg.PostgresError, OSError) as error:
            raise DatabaseUnavailable(str(error)) from error
        try:
            await _execute(connection, begin)
        except BaseException:
            await asyncio.shield(_abandon(connection))
            raise
        return connection


async def driver_of(connection: AsyncConnection) -> asyncpg.Connection[Any]:
    """The asyncpg connection beneath this one."""
    raw = await connection.get_raw_connection()
    return cast("asyncpg.Connection[Any]", raw.driver_connection)


async def _execute(connection: AsyncConnection, statements: str) -> None:
    driver = await driver_of(connection)
    try:
        await driver.execute(statements)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        raise DatabaseUnavailable(str(error)) from error


async def _abandon(connection: AsyncConnection) -> None:
    """Roll back and give the connection back; one that cannot even do that is thrown away."""
    try:
        await _execute(connection, "ROLLBACK")
    except (DatabaseUnavailable, SQLAlchemyError):
        await connection.invalidate()
    await connection.close()
