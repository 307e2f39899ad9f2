"""Connections to PostgreSQL, kept between transactions, and thrown away once one of them does not answer.

A connection may say nothing for ever, while new ones would work: after a failover behind a proxy, say. Those that idle beside
it are no better then. No round trip of its own asks for that: the first statement of a transaction has a time limit.
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
# All that the driver raises; a connection that breaks in the midst of a message is an error of its own kind.
DRIVER_ERRORS: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)


class DatabaseFailure(Exception):
    """The database did not do what it was asked; nothing of the transaction was kept, unless its COMMIT got no answer."""


class Pool:
    """At most so many connections. `command_timeout_s` limits each statement, where it is given."""

    answer_within_s: ClassVar = 5.0
    """For what is done at once by a database that answers at all."""
    ends_within_s: ClassVar = 1.0
    """For the same, when the process stops."""

    def __init__(self, url: URL, size: int, command_timeout_s: float | None) -> None:
        self._engine = create_async_engine(
            url,
            isolation_level="AUTOCOMMIT",
            hide_parameters=True,  # what users stored is not for logs
            json_serializer=json_text,
            json_deserializer=from_json,
            pool_size=size,
            max_overflow=0,
            pool_timeout=_POOL_TIMEOUT_S,
            connect_args={
                "timeout": _CONNECT_TIMEOUT_S,
                "command_timeout": command_timeout_s,
                # A transaction of ours takes milliseconds: one that idles lost its process, and holds locks.
                "server_settings": {
                    "application_name": "enterprise-router",
                    "idle_in_transaction_session_timeout": "60s",
                    # A cancellation that comes before its statement is ignored: the statement ends when its connection is closed.
                    "client_connection_check_interval": "1s",
                },
            },
        )
        event.listen(self._engine.sync_engine, "handle_error", keep_when_cancelled)
        self._ending: set[asyncio.Task[None]] = set()

    @property
    def kept(self) -> Kept:
        """What holds the connections now. It is another one after some were thrown away."""
        return self._engine.sync_engine.pool

    async def begun(self, begin: str, within_s: float | None) -> tuple[AsyncConnection, Kept]:
        """A connection that has answered to these statements, and those it was kept with.

        Raises DatabaseFailure, or PoolTimeout when all are taken.
        """
        kept = self.kept
        try:
            return await self._begun(begin, within_s)
        except DatabaseFailure:
            # The pool may hold connections that are dead: nothing was done yet, so begin anew.
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
        """Take back a connection that came when these were kept, and has nothing left to do."""
        if kept is not self.kept:
            await _terminate(connection)
        await connection.close()

    def abandon(self, connection: AsyncConnection, kept: Kept) -> asyncio.Task[None]:
        """Roll back and take the connection back, whether or not anybody waits for that."""
        ending = asyncio.create_task(self._end(connection, kept))
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)
        return ending

    async def _end(self, connection: AsyncConnection, kept: Kept) -> None:
        try:
            async with asyncio.timeout(self.answer_within_s):
                await execute(connection, "ROLLBACK")
        except Exception as error:  # noqa: BLE001 - whatever it is, the pool must not lose a place to it
            await _terminate(connection)
            if isinstance(error, TimeoutError):
                await self.throw_away(kept)
        finally:
            await self.release(connection, kept)

    async def throw_away(self, kept: Kept) -> None:
        """Keep none of these connections any more, and wait for none of them. Those in use end with their transactions."""
        if kept is self.kept:
            await self._engine.dispose(close=False)
            await greenlet_spawn(_terminate_idle, kept)

    async def dispose(self) -> None:
        """Close every connection."""
        if self._ending:
            await asyncio.wait(self._ending, timeout=self.ends_within_s)
        await self.throw_away(self.kept)


def driver_of(connection: AsyncConnection) -> asyncpg.Connection[Any]:
    """The asyncpg connection beneath this one, which has begun."""
    return cast("asyncpg.Connection[Any]", connection.sync_connection.connection.driver_connection)  # type: ignore[union-attr]


async def execute(connection: AsyncConnection, statements: str) -> None:
    """Execute these, which have no parameters, in one round trip. Raises DatabaseFailure."""
    try:
        await driver_of(connection).execute(statements)
    except TimeoutError:
        raise
    except DRIVER_ERRORS as error:
        raise DatabaseFailure(str(error)) from error


def keep_when_cancelled(context: ExceptionContext) -> None:
    """A statement that was cancelled leaves its connection as good as it was: `Pool.abandon` finds out whether it is not."""
    if isinstance(context.original_exception, asyncio.CancelledError):
        context.is_disconnect = False


async def _terminate(connection: AsyncConnection) -> None:
    if not connection.invalidated:
        driver_of(connection).terminate()
        await connection.invalidate()


def _terminate_idle(kept: Kept) -> None:
    """Close those that nobody uses without a word: one that does not answer would not answer to a goodbye either."""
    for idle in [kept.connect() for _ in range(kept.checkedin())]:  # type: ignore[attr-defined]
        driver: Any = idle.driver_connection
        driver.terminate()
        idle.invalidate()
        idle.close()
