"""A pool of connections to PostgreSQL. When one of them does not answer, all are replaced.

After a failover behind a proxy, for example, open connections may never answer while new ones work. The pool does not ping
connections; the first statement of each transaction has a time limit instead.
"""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar, Final, cast

import asyncpg
from pydantic_core import from_json
from sqlalchemy import URL, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import Pool as Kept
from sqlalchemy.util import greenlet_spawn

from models.types import json_text

_POOL_TIMEOUT_S: Final = 30
_CONNECT_TIMEOUT_S: Final = 10
# All exceptions of the driver. asyncpg raises InternalClientError when a connection breaks in the middle of a message.
DRIVER_ERRORS: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)


class DatabaseFailure(Exception):
    """A transaction failed and was rolled back. If its COMMIT got no answer, it may have been committed all the same."""


class Pool:
    """A pool of at most `size` connections. `command_timeout_s` is the time limit of each statement, if any."""

    answer_within_s: ClassVar = 5.0
    """The time limit of statements that a working database executes at once, such as BEGIN and ROLLBACK."""
    ends_within_s: ClassVar = 1.0
    """The time limit of all pending rollbacks when the process stops."""

    def __init__(self, url: URL, size: int, command_timeout_s: float | None) -> None:
        self._engine = create_async_engine(
            url,
            isolation_level="AUTOCOMMIT",
            hide_parameters=True,  # keeps users' data out of logs
            json_serializer=json_text,
            json_deserializer=from_json,
            pool_size=size,
            max_overflow=0,
            pool_timeout=_POOL_TIMEOUT_S,
            connect_args={
                "timeout": _CONNECT_TIMEOUT_S,
                "command_timeout": command_timeout_s,
                # Transactions take milliseconds. One that idles has lost its process, and still holds locks.
                "server_settings": {
                    "application_name": "enterprise-router",
                    "idle_in_transaction_session_timeout": "60s",
                    # PostgreSQL ignores a cancellation that arrives before its statement. With this setting, the
                    # statement ends when its connection is closed.
                    "client_connection_check_interval": "1s",
                },
            },
        )
        event.listen(self._engine.sync_engine, "handle_error", keep_when_cancelled)
        self._ending: set[asyncio.Task[None]] = set()

    @property
    def kept(self) -> Kept:
        """SQLAlchemy's pool that holds the connections. `throw_away` replaces it by a new one."""
        return self._engine.sync_engine.pool

    async def begun(self, begin: str, within_s: float | None) -> tuple[AsyncConnection, Kept]:
        """A connection on which the statements `begin` have succeeded within `within_s`, and the pool that it belongs to.

        Raises DatabaseFailure, or PoolTimeout if all connections are in use.
        """
        kept = self.kept
        try:
            return await self._begun(begin, within_s)
        except DatabaseFailure:
            # The pooled connections may be dead. Nothing was done yet, so retry once with new connections.
            await self.throw_away(kept)
            return await self._begun(begin, within_s)

    async def _begun(self, begin: str, within_s: float | None) -> tuple[AsyncConnection, Kept]:
        kept = self.kept
        connection = self._engine.connect()
        try:
            await connection.start()
        except PoolTimeout:
            raise
        except (SQLAlchemyError, *DRIVER_ERRORS) as error:
            raise DatabaseFailure(str(error)) from error
        try:
            async with asyncio.timeout(within_s):
                await execute(connection, begin)
        except BaseException as error:
            self.abandon(connection, kept)
            if isinstance(error, TimeoutError):
                raise DatabaseFailure("the database did not answer in time") from error
            raise
        return connection, kept

    async def release(self, connection: AsyncConnection, kept: Kept) -> None:
        """Return a connection without an open transaction to the pool `kept` that it came from."""
        if kept is not self.kept:
            await _terminate(connection)
        await connection.close()

    def abandon(self, connection: AsyncConnection, kept: Kept) -> asyncio.Task[None]:
        """Roll back and return the connection to the pool, in a task that runs on if the caller is cancelled."""
        ending = asyncio.create_task(self._end(connection, kept))
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)
        return ending

    async def _end(self, connection: AsyncConnection, kept: Kept) -> None:
        try:
            async with asyncio.timeout(self.answer_within_s):
                await execute(connection, "ROLLBACK")
        except Exception as error:  # noqa: BLE001 - the pool must get its slot back after any error
            await _terminate(connection)
            if isinstance(error, TimeoutError):
                await self.throw_away(kept)
        finally:
            await self.release(connection, kept)

    async def throw_away(self, kept: Kept) -> None:
        """Replace the pool `kept`, without waiting for its connections. Those in use are closed after their transactions."""
        if kept is self.kept:
            await self._engine.dispose(close=False)
            await greenlet_spawn(_terminate_idle, kept)

    async def dispose(self) -> None:
        """Close every connection."""
        if self._ending:
            await asyncio.wait(self._ending, timeout=self.ends_within_s)
        await self.throw_away(self.kept)


def driver_of(connection: AsyncConnection) -> asyncpg.Connection[Any]:
    """The asyncpg connection of an open SQLAlchemy connection."""
    return cast("asyncpg.Connection[Any]", connection.sync_connection.connection.driver_connection)  # type: ignore[union-attr]


async def execute(connection: AsyncConnection, statements: str) -> None:
    """Execute statements without parameters in one round trip. Raises DatabaseFailure."""
    try:
        await driver_of(connection).execute(statements)
    except TimeoutError:
        raise
    except DRIVER_ERRORS as error:
        raise DatabaseFailure(str(error)) from error


def keep_when_cancelled(context: ExceptionContext) -> None:
    """Keep the connection of a cancelled statement. `Pool.abandon` tests whether it still works."""
    if isinstance(context.original_exception, asyncio.CancelledError):
        context.is_disconnect = False


async def _terminate(connection: AsyncConnection) -> None:
    if not connection.invalidated:
        driver_of(connection).terminate()
        await connection.invalidate()


def _terminate_idle(kept: Kept) -> None:
    """Close the idle connections without the protocol's goodbye, which a dead connection would never answer."""
    for idle in [kept.connect() for _ in range(kept.checkedin())]:  # type: ignore[attr-defined]
        driver: Any = idle.driver_connection
        driver.terminate()
        idle.invalidate()
        idle.close()
