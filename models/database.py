"""The database, and the only doors to it.

`Database.viewer` opens a transaction in which nothing but one user's rows exists; `Database.system` serves the
ledger and maintenance. Code inside a door flushes; the door commits, and then publishes what happened.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from sqlalchemy import URL, event, make_url
from sqlalchemy.engine import Connection
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import ORMExecuteState, Session, UOWTransaction, with_loader_criteria
from sqlalchemy.pool import ConnectionPoolEntry

from domain.event import Event
from domain.viewer import Viewer
from models.base import Owned

Publish = Callable[[Sequence[Event]], Awaitable[None]]

_EVENTS: Final = "events"
_READERS: Final = 8
_BUSY_TIMEOUT_S: Final = 30


class ScopeError(Exception):
    """Code tried to reach past the viewer's rows: a bug, caught before it did harm."""


class Database:
    """Connections to one database, and the scope they are used in."""

    def __init__(self, url: str | URL, publish: Publish) -> None:
        self.url = make_url(url)
        self._publish = publish
        # SQLite has one writer at a time: one connection writes, in the order asked, and readers read beside it.
        self._writer = _sqlite_engine(self.url, read_only=False)
        self._reader = _sqlite_engine(self.url, read_only=True)

    async def dispose(self) -> None:
        """Close every connection."""
        await self._reader.dispose()
        await self._writer.dispose()

    @asynccontextmanager
    async def viewer(self, viewer: Viewer, *, write: bool = False) -> AsyncIterator[AsyncSession]:
        """A transaction in which only this viewer's rows can be seen or changed; committed when the block ends well.

        A read sees one state of the database and can change nothing.
        """
        async with _session(self._writer if write else self._reader) as session:
            _scope(session.sync_session, viewer)
            yield session
            await session.commit()
        await self._publish(_taken_events(session))

    @asynccontextmanager
    async def system(self) -> AsyncIterator[AsyncConnection]:
        """A transaction over everybody's rows, for the ledger and maintenance; the caller publishes what it did."""
        async with self._writer.begin() as connection:
            yield connection


@asynccontextmanager
async def _session(engine: AsyncEngine) -> AsyncIterator[AsyncSession]:
    async with AsyncSession(engine, expire_on_commit=False, autoflush=False) as session:
        yield session


def raise_event(session: AsyncSession, happened: Event) -> None:
    """Publish this once the session's transaction is committed; never if it is not."""
    session.info.setdefault(_EVENTS, []).append(happened)


def _taken_events(session: AsyncSession) -> list[Event]:
    events: list[Event] = session.info.pop(_EVENTS, [])
    return events


def _scope(session: Session, viewer: Viewer) -> None:
    """Hold every statement and every flush of this session to the viewer's own rows."""
    user_id = viewer.id
    own_rows = with_loader_criteria(Owned, lambda row: row.user_id == user_id, include_aliases=True)

    def on_execute(state: ORMExecuteState) -> None:
        if not state.is_orm_statement or state.is_insert:
            raise ScopeError("a viewer's session runs ORM selects, updates and deletes, and inserts by flush")
        if state.is_select or state.is_update or state.is_delete:
            state.statement = state.statement.options(own_rows)

    def before_flush(session: Session, _context: UOWTransaction, _instances: Any) -> None:
        for row in (*session.new, *session.dirty, *session.deleted):
            if not isinstance(row, Owned) or row.user_id != user_id:
                raise ScopeError("a viewer's session changes the viewer's own rows alone")

    event.listen(session, "do_orm_execute", on_execute)
    event.listen(session, "before_flush", before_flush)


def _sqlite_engine(url: URL, *, read_only: bool) -> AsyncEngine:
    engine = create_async_engine(
        url,
        pool_size=_READERS if read_only else 1,
        max_overflow=0,
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
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN DEFERRED" if read_only else "BEGIN IMMEDIATE")

    return engine
