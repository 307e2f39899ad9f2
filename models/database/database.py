"""The database, and the only doors to it.

`Database.viewer` opens a transaction in which nothing but one user's rows exists; `Database.system` serves the
ledger and maintenance. Code inside a door flushes; the door commits, and then publishes what happened.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final
from uuid import UUID

from sqlalchemy import URL, event, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import ORMExecuteState, Session, UOWTransaction, with_loader_criteria

from domain.event import Event
from domain.viewer import Viewer
from models.base import Owned
from models.database.postgresql import PostgreSQL
from models.database.sqlite import SQLite
from models.database.transaction import Locks, Transaction

Publish = Callable[[Sequence[Event]], None]
_EVENTS: Final = "events"


class ScopeError(Exception):
    """Code tried to reach past the viewer's rows: a bug, caught before it did harm."""


class Database:
    """Connections to one database, and the scope they are used in."""

    def __init__(self, url: str | URL, publish: Publish, *, read_limit_s: float | None = None) -> None:
        """Without a time limit for reads, they and all others take as long as they take: so does maintenance."""
        self.url = make_url(url)
        self.is_limited = read_limit_s is not None
        on_sqlite = self.url.get_backend_name() == "sqlite"
        self.backend = SQLite(self.url) if on_sqlite else PostgreSQL(self.url, read_limit_s)
        self._publish = publish

    async def dispose(self) -> None:
        """Close every connection."""
        await self.backend.dispose()

    @asynccontextmanager
    async def viewer(self, viewer: Viewer, *, write: bool = False) -> AsyncIterator[AsyncSession]:
        """A transaction in which only this viewer's rows can be seen or changed; committed when the block ends well.

        A read can change nothing. A viewer's writes run one after the other, on every replica. Connections are granted to
        users in turn (`models.fair_queue`): a transaction waits for one, and raises Overloaded when too many wait already.
        """
        async with self.backend.viewer_transaction(viewer, write=write) as transaction:
            session = AsyncSession(transaction.connection, expire_on_commit=False, autoflush=False)
            _scope(session.sync_session, viewer)
            yield session
            await session.flush()
            transaction.events += session.info.pop(_EVENTS, [])
        self._published(transaction.events)

    @asynccontextmanager
    async def system(
        self,
        shared: Collection[UUID] = (),
        deciding: Collection[UUID] = (),
        exclusive: Collection[UUID] = (),
        recording: Collection[UUID] = (),
        on_behalf_of: UUID | None = None,
        *,
        wait: bool = True,
    ) -> AsyncIterator[Transaction]:
        """A transaction over everybody's rows, for the ledger and maintenance.

        The users that it goes `beside` write nothing of their own meanwhile; other such transactions may. For users that it
        is `deciding` for, no other such transaction decides, and none records calls of users that it is `recording` calls
        of. Rows of users that it is `alone` with, nobody else writes. Without `wait`, it is told which of these users
        another transaction has, and leaves them alone: `Transaction.locked`. One that a user asked for, `on_behalf_of` them,
        waits in turn like their other transactions.
        """
        locks = Locks(shared, exclusive, deciding, recording)
        async with self.backend.system_transaction(locks, on_behalf_of, wait=wait) as transaction:
            yield transaction
        self._published(transaction.events)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncConnection]:
        """Everybody's rows as they are at one moment, to read for as long as it takes: nobody waits for it."""
        async with self.backend.snapshot() as connection:
            yield connection

    def _published(self, events: Sequence[Event]) -> None:
        """Tell this process, where the database does not tell every process."""
        if events and isinstance(self.backend, SQLite):
            self._publish(events)


def raise_event(session: AsyncSession, happened: Event) -> None:
    """Publish this once the session's transaction is committed; never if it is not."""
    session.info.setdefault(_EVENTS, []).append(happened)


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
