"""PostgreSQL: row-level security holds each transaction to its viewer, and NOTIFY tells every replica.

A transaction begins in one round trip: BEGIN, the role, the viewer and the viewer's lock go together, which the driver
allows for statements without parameters. SQLAlchemy therefore runs in its autocommit mode here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

import asyncpg
from pydantic_core import from_json
from sqlalchemy import URL
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from domain.event import Event, encode
from domain.viewer import Viewer
from models.partition import PARTITIONED, Month, drop_partitions, make_partitions, months_ahead
from models.transaction import Transaction
from models.types import json_text

VIEWER_ROLE: Final = "router_viewer"
SYSTEM_ROLE: Final = "router_system"
CHANNEL: Final = "router_events"

_POOL_SIZE: Final = 16
_POOL_TIMEOUT_S: Final = 30
_CONNECT_TIMEOUT_S: Final = 10


# All that the driver raises; a connection that breaks in the midst of a message is an error of its own kind.
DRIVER_ERRORS: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)


class DatabaseFailure(Exception):
    """The database did not do what it was asked; nothing of the transaction was kept."""


# Two transactions stood in each other's way: the same one, run again, may well succeed.
_LOST_TO_ANOTHER: Final = {"40001", "40P01"}
_NO_PARTITION: Final = "23514"
_DATA_ERRORS: Final = {"22", "23"}


class PostgreSQL:
    # While the database works on one commit, this process makes the next: it would be idle else.
    commits_at_once: Final = 2

    def __init__(self, url: URL) -> None:
        self._engine = create_async_engine(
            url,
            isolation_level="AUTOCOMMIT",
            hide_parameters=True,  # what users stored is not for logs
            json_serializer=json_text,
            json_deserializer=from_json,
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

        # The months whose partitions are known to be there.
        self._partitions: set[Month] = set()

    async def dispose(self) -> None:
        await self._engine.dispose()

    @asynccontextmanager
    async def viewer_transaction(self, viewer: Viewer, *, write: bool) -> AsyncIterator[Transaction]:
        # The id is a UUID object, and so its text is nothing but hexadecimal digits and dashes.
        scope = f"SET LOCAL ROLE {VIEWER_ROLE}; SET LOCAL app.user_id = '{viewer.id}'"
        if write:
            # A viewer's writes run one at a time, and beside no commit of the ledger that has rows of theirs.
            scope += f"; SELECT pg_advisory_xact_lock(hashtextextended('{viewer.id}', 0))"
        async with self._transaction(f"BEGIN {'READ WRITE' if write else 'READ ONLY'}; {scope}") as transaction:
            yield transaction

    @asynccontextmanager
    async def system_transaction(
        self, beside: Collection[UUID], deciding: Collection[UUID], alone: Collection[UUID]
    ) -> AsyncIterator[Transaction]:
        begin = f"BEGIN; SET LOCAL ROLE {SYSTEM_ROLE}"
        # In key order, as whoever takes several must, and users' own locks before those of their budgets.
        if beside:
            begin += f"; SELECT pg_advisory_xact_lock_shared(hashtextextended(id, 0)) FROM {_texts(beside)} id"
        if alone:
            begin += f"; SELECT pg_advisory_xact_lock(hashtextextended(id, 0)) FROM {_texts(alone)} id"
        if deciding:
            begin += f"; SELECT pg_advisory_xact_lock(hashtextextended(id, 1)) FROM {_texts(deciding)} id"
        async with self._transaction(begin) as transaction:
            yield transaction

    def may_succeed_again(self, error: Exception) -> bool:
        """Whether the transaction that failed so is worth running once more."""
        state = _state_of(error)
        if state == _NO_PARTITION:
            # Another process dropped it as old: make it again.
            self._partitions.clear()
        return state == _NO_PARTITION or state in _LOST_TO_ANOTHER

    def blames_the_data(self, error: Exception) -> bool:
        """Whether the error is about what was written, and not about the database."""
        return (_state_of(error) or "")[:2] in _DATA_ERRORS

    async def prepare(self, moments: Iterable[datetime]) -> None:
        """Make the partitions that rows of these moments go into, and those of the months after."""
        missing = {Month.of(moment) for moment in moments} - self._partitions
        if missing:
            missing |= set(months_ahead(max(missing)))
            # A transaction for each: whoever reads two tables locks them in an order of its own.
            for table in PARTITIONED:
                async with self._transaction("BEGIN") as transaction:
                    await make_partitions(transaction.connection, table, missing)
            self._partitions |= missing

    async def drop_partitions(self, before: datetime) -> None:
        """Drop the partitions of the months before the one of this moment."""
        for table in PARTITIONED:
            async with self._transaction("BEGIN") as transaction:
                await drop_partitions(transaction.connection, table, before)
        self._partitions.clear()

    async def hold_user(self, connection: AsyncConnection, user_id: UUID) -> None:
        """Keep everybody else's writes to this user's rows out until this transaction ends."""
        await fetch(connection, "SELECT pg_advisory_xact_lock(hashtextextended($1::uuid::text, 0))", user_id)

    @asynccontextmanager
    async def _transaction(self, begin: str) -> AsyncIterator[Transaction]:
        connection = await self._begun(begin)
        try:
            transaction = Transaction(connection)
            yield transaction
            await _execute(connection, f"{_told(transaction.events)}COMMIT")
        except BaseException:
            await asyncio.shield(_abandon(connection))
            raise
        await connection.close()

    async def _begun(self, begin: str) -> AsyncConnection:
        try:
            return await self._connected(begin)
        except DatabaseFailure:
            # The pool may hold connections that a restarted database has dropped. Nothing was done yet: begin anew.
            await self._engine.dispose()
            return await self._connected(begin)

    async def _connected(self, begin: str) -> AsyncConnection:
        connection = self._engine.connect()
        try:
            await connection.start()
        except PoolTimeout:
            raise
        except (SQLAlchemyError, *DRIVER_ERRORS) as error:
            raise DatabaseFailure(str(error)) from error
        try:
            await _execute(connection, begin)
        except BaseException:
            await asyncio.shield(_abandon(connection))
            raise
        return connection


def _texts(ids: Collection[UUID]) -> str:
    """A table of these ids in their order. They are UUID objects, and so their text is harmless in a statement."""
    return f"unnest('{{{','.join(map(str, sorted(ids)))}}}'::text[])"


def _told(events: Sequence[Event]) -> str:
    """The statement that tells every replica of these events, once its transaction is committed and only then."""
    if not events:
        return ""
    payloads = [payload.replace("'", "''") for payload in encode(events)]
    return "".join(f"SELECT pg_notify('{CHANNEL}', '{payload}'); " for payload in payloads)


def _state_of(error: BaseException | None) -> str | None:
    """The SQLSTATE beneath an error of ours or of SQLAlchemy's."""
    while error is not None:
        if state := getattr(error, "sqlstate", None):
            return str(state)
        error = getattr(error, "orig", None) or error.__cause__
    return None


def driver_of(connection: AsyncConnection) -> asyncpg.Connection[Any]:
    """The asyncpg connection beneath this one, which has begun."""
    return cast("asyncpg.Connection[Any]", connection.sync_connection.connection.driver_connection)  # type: ignore[union-attr]


async def fetch(connection: AsyncConnection, statement: str, *arguments: Any) -> list[asyncpg.Record]:
    """What the statement returns. Raises DatabaseFailure."""
    try:
        return await driver_of(connection).fetch(statement, *arguments)
    except DRIVER_ERRORS as error:
        raise DatabaseFailure(str(error)) from error


async def _execute(connection: AsyncConnection, statements: str) -> None:
    try:
        await driver_of(connection).execute(statements)
    except DRIVER_ERRORS as error:
        raise DatabaseFailure(str(error)) from error


async def _abandon(connection: AsyncConnection) -> None:
    """Roll back and give the connection back; one that cannot even do that is thrown away."""
    try:
        await _execute(connection, "ROLLBACK")
    except Exception:  # noqa: BLE001 - whatever it is, the pool must not lose a place to it
        await connection.invalidate()
    finally:
        await connection.close()
