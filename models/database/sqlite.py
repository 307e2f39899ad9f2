"""SQLite: one connection writes, in the order of requests, while others read."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from typing import Any, ClassVar, Final, cast
from uuid import UUID

import aiosqlite
from pydantic_core import from_json
from sqlalchemy import URL, event
from sqlalchemy.engine import Connection
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from domain.viewer import Viewer
from models.database.fair_queue import connection_queue, write_queue
from models.database.health import Health
from models.database.pool import DatabaseFailure, keep_when_cancelled
from models.database.sqlite_files import Files
from models.database.transaction import Locks, Transaction
from models.types import json_text

_READERS: Final = 8
_READERS_PER_USER: Final = 3
_BUSY_TIMEOUT_S: Final = 30
_ENDS_WITHIN_S: Final = 3.0
_INTERRUPTED_EVERY_S: Final = 0.01
_ROWS_AT_ONCE: Final = 64
_REPLACED: Final = "the files of the database were removed or replaced: restart the server"
_WRITER_CACHE_KIB: Final = 64 * 1024


class _Interruptible(aiosqlite.Connection):
    """A connection that interrupts a statement when its caller is cancelled."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._thread.daemon = True
        self._interrupting: set[asyncio.Task[None]] = set()

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        call = _Call(partial(fn, *args, **kwargs))
        try:
            return await super()._execute(call)  # type: ignore[no-untyped-call]
        except asyncio.CancelledError:
            call.is_wanted = False
            interrupting = asyncio.create_task(self._interrupt(call))
            self._interrupting.add(interrupting)
            interrupting.add_done_callback(self._interrupting.discard)
            raise

    async def _interrupt(self, call: _Call) -> None:
        """Interrupt this call repeatedly until it has ended: an interrupt before its start has no effect."""
        while not call.has_ended and self._connection is not None:
            self._connection.interrupt()
            await asyncio.sleep(_INTERRUPTED_EVERY_S)


class _Call:
    """A piece of work for the thread of a connection."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work = work
        self.is_wanted = True
        self.has_ended = False

    def __call__(self) -> Any:
        try:
            return self._work() if self.is_wanted else None
        finally:
            self.has_ended = True


class SQLite:
    """The SQLite backend of `Database`."""

    commits_at_once: Final = 1
    writes_within_s: ClassVar = 1.5
    """The time limit of the test commit in `health`, which may wait for other writes or for another process."""

    def __init__(self, url: URL) -> None:
        self._files: Files | None = None
        self._open = 0
        """The number of open connections to the files."""
        self._log_is_saved = False
        self._writer = _engine(url, self._connected, self._opened, read_only=False)
        self._reader = _engine(url, self._connected, self._opened, read_only=True)
        for engine in (self._writer, self._reader):
            event.listen(engine.sync_engine, "close", self._closed)
        self._ending: set[asyncio.Task[None]] = set()
        self._reads = connection_queue(in_all=_READERS, per_user=_READERS_PER_USER)
        self._writes = write_queue(in_all=1)

    async def dispose(self) -> None:
        if self._ending:
            await asyncio.wait(self._ending, timeout=_ENDS_WITHIN_S)
        await self._reader.dispose()
        await self._writer.dispose()

    @asynccontextmanager
    async def viewer_transaction(self, viewer: Viewer, *, write: bool) -> AsyncIterator[Transaction]:
        slots = self._writes if write else self._reads
        async with (
            slots.slot(viewer.id),
            self._writing() if write else self._transaction(self._reader) as transaction,
        ):
            yield transaction

    @asynccontextmanager
    async def system_transaction(
        self,
        _locks: Locks,
        on_behalf_of: UUID | None,
        *,
        wait: bool,  # noqa: ARG002
    ) -> AsyncIterator[Transaction]:
        # The one writer has locked the rows of all users.
        async with self._writes.slot(on_behalf_of), self._writing() as transaction:
            yield transaction

    @asynccontextmanager
    async def _transaction(self, engine: AsyncEngine) -> AsyncIterator[Transaction]:
        connection = await engine.connect()
        try:
            transaction = await connection.begin()
            yield Transaction(connection)
            await transaction.commit()
        except BaseException as error:
            ending = self._end(connection)
            if not isinstance(error, asyncio.CancelledError):
                await asyncio.shield(ending)
            raise
        await asyncio.shield(self._end(connection))

    def _end(self, connection: AsyncConnection) -> asyncio.Task[None]:
        # A task of its own, so that the connection returns to the pool even if the caller is cancelled again.
        ending = asyncio.create_task(connection.close())
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)
        return ending

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[Transaction]:
        """A transaction that writes. Raises DatabaseFailure if a file was replaced, because the write would be lost."""
        await self._check_files()
        async with self._transaction(self._writer) as transaction:
            yield transaction
        # The caller learns of the commit only after this check, so an acknowledged commit is in the file at the path.
        await self._check_files()

    async def _check_files(self) -> None:
        if self._files is None or self._files.are_there:
            self._log_is_saved = False
            return
        if not self._log_is_saved:
            self._log_is_saved = True
            await self._save_log()
        raise DatabaseFailure(_REPLACED)

    async def _save_log(self) -> None:
        """Checkpoint the open log into the database file. If only the log was removed, nothing is lost."""
        async with self._writer.connect() as connection:
            raw = await connection.get_raw_connection()
            await cast("aiosqlite.Connection", raw.driver_connection).execute("PRAGMA wal_checkpoint(FULL)")

    async def health(self, *, write: bool) -> Health:
        """The health of the database; with `write`, including a test commit. Raises SQLAlchemyError without an answer."""
        async with self._transaction(self._reader) as transaction:
            version = await _version(transaction.connection)
        files = self._files
        whole = files is None or (files.are_there and files.may_be_written)
        writes = whole
        if write or not whole:
            try:
                async with asyncio.timeout(self.writes_within_s), self._writing() as transaction:
                    # This changes no value, and writes to disk all the same.
                    await transaction.connection.exec_driver_sql("UPDATE alembic_version SET version_num = version_num")
            except (SQLAlchemyError, DatabaseFailure, OSError):
                writes = False
        return Health(version, {"file": whole, "disk": files is None or files.have_room, "writes": writes})

    def _connected(self, path: str, **settings: Any) -> _Interruptible:
        return _Interruptible(partial(self._connect, path, **settings), _ROWS_AT_ONCE)

    def _connect(self, path: str, **settings: Any) -> sqlite3.Connection:
        if self._files is not None and not self._files.is_there:
            raise sqlite3.OperationalError(_REPLACED)  # SQLite would create an empty database
        connection: sqlite3.Connection = sqlite3.connect(path, **settings)
        return connection

    def _opened(self, connection: DBAPIConnection) -> None:
        """Check a new connection. Raises sqlite3.OperationalError if it opened other files than the open connections."""
        cursor = connection.cursor()
        cursor.execute("SELECT count(*) FROM sqlite_master")  # the first read creates the log
        cursor.fetchall()
        cursor.execute("PRAGMA database_list")
        path = next(row[2] for row in cursor.fetchall() if row[1] == "main")
        cursor.close()
        if not path:
            return  # in memory
        if self._files is None:
            self._files = Files(path)
        elif not self._files.is_there or (self._open and not self._files.are_there):
            connection.close()
            raise sqlite3.OperationalError(_REPLACED)
        else:
            self._files.remember_log()
        self._open += 1

    def _closed(self, _connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        self._open -= 1

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncConnection]:
        async with self._reader.begin() as connection:
            yield connection

    def may_succeed_again(self, _error: Exception) -> bool:
        """False: with one writer, no transaction fails because of another."""
        return False

    def blames_the_data(self, error: Exception) -> bool:
        """Whether the error is caused by the data that was written, and not by the state of the database."""
        # An aggregate that exceeds 64 bits raises no specific exception class.
        return isinstance(error, IntegrityError | DataError) or "integer overflow" in str(getattr(error, "orig", ""))

    async def make_partitions(self, now: datetime, tries: int) -> None:
        """Do nothing: SQLite has no partitions."""

    async def hold_user(self, connection: AsyncConnection, user_id: UUID) -> None:
        """Do nothing: the one writer has locked the rows of all users."""


async def _version(connection: AsyncConnection) -> str | None:
    found = await connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE name = 'alembic_version'")
    if found.first() is None:
        return None
    return (await connection.exec_driver_sql("SELECT version_num FROM alembic_version")).scalar()


def _engine(
    url: URL,
    connected: Callable[..., _Interruptible],
    opened: Callable[[DBAPIConnection], None],
    *,
    read_only: bool,
) -> AsyncEngine:
    engine = create_async_engine(
        url,
        pool_size=_READERS if read_only else 1,
        max_overflow=0,
        hide_parameters=True,  # keeps users' data out of logs
        json_serializer=json_text,
        json_deserializer=from_json,
        pool_timeout=_BUSY_TIMEOUT_S,
        connect_args={"timeout": _BUSY_TIMEOUT_S, "async_creator_fn": connected},
    )
    event.listen(engine.sync_engine, "handle_error", keep_when_cancelled)

    @event.listens_for(engine.sync_engine, "connect")
    def on_connect(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        # `on_begin` executes BEGIN: the driver's own BEGIN is deferred, and a deferred writer can fail half-way.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        if read_only:
            cursor.execute("PRAGMA query_only = ON")
        else:
            # Writes hit the same few pages of each table again and again.
            cursor.execute(f"PRAGMA cache_size = -{_WRITER_CACHE_KIB}")
        cursor.close()
        opened(connection)

    @event.listens_for(engine.sync_engine, "begin")
    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN DEFERRED" if read_only else "BEGIN IMMEDIATE")

    return engine
