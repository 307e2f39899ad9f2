"""The database, and the only ways to open a transaction.

`Database.viewer` opens a transaction that sees the rows of one user only. `Database.system` opens one over all rows, for the
ledger and maintenance. Code inside the block flushes; the end of the block commits, and then publishes events.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final
from uuid import UUID

from sqlalchemy import URL, event, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import ORMExecuteState, Session, UOWTransaction, with_loader_criteria
from sqlalchemy.orm.interfaces import ORMOption

from domain.event import Event
from domain.viewer import Viewer
from models.base import Owned
from models.database.postgresql import PostgreSQL
from models.database.sqlite import SQLite
from models.database.transaction import Locks, Transaction

Publish = Callable[[Sequence[Event]], None]
_EVENTS: Final = "events"
_VIEWER_ID: Final = "viewer_id"
_OWN_ROWS: Final = "own_rows"


class ScopeError(Exception):
    """Code tried to reach rows outside the viewer's own. This is a bug in the code; the statement was not executed."""


class Database:
    """The connections to one database, and the transactions on them."""

    def __init__(self, url: str | URL, publish: Publish, *, read_limit_s: float | None = None) -> None:
        """With `read_limit_s`, reads and all other transactions have time limits. Without it none has, as for maintenance."""
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
        """A transaction that can read and change only the viewer's rows. It commits when the block ends without an error.

        Without `write` it is read-only. Writes of one user run one after the other, across all replicas. Users get
        connections round-robin (`models.database.fair_queue`). Raises Overloaded if too many transactions wait for one.
        """
        async with self.backend.viewer_transaction(viewer, write=write) as transaction:
            session = AsyncSession(
                transaction.connection,
                sync_session_class=_ViewerSession,
                expire_on_commit=False,
                autoflush=False,
                info={_VIEWER_ID: viewer.id, _OWN_ROWS: _own_rows(viewer.id)},
            )
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
        """A transaction over the rows of all users, for the ledger and maintenance. It locks the users given:

        - `shared`: these users' own writes wait; other transactions with a shared lock do not.
        - `exclusive`: all other writes of rows of these users wait.
        - `deciding`: other transactions that make routing decisions for these users wait.
        - `recording`: other transactions that record calls of these users wait.

        Without `wait`, users whose locks another transaction holds are in `Transaction.locked`, and their rows must not be
        changed. A transaction `on_behalf_of` a user waits for a connection like the user's own transactions.
        """
        locks = Locks(shared, exclusive, deciding, recording)
        async with self.backend.system_transaction(locks, on_behalf_of, wait=wait) as transaction:
            yield transaction
        self._published(transaction.events)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncConnection]:
        """A read-only connection that sees all rows as of one moment. It has no time limit, and blocks no writes."""
        async with self.backend.snapshot() as connection:
            yield connection

    def _published(self, events: Sequence[Event]) -> None:
        """Publish the events in this process. PostgreSQL notifies every process itself, SQLite none."""
        if events and isinstance(self.backend, SQLite):
            self._publish(events)


def raise_event(session: AsyncSession, happened: Event) -> None:
    """Publish this event when the session's transaction has committed. It is dropped if the transaction rolls back."""
    session.info.setdefault(_EVENTS, []).append(happened)


def _own_rows(user_id: UUID) -> ORMOption:
    """The option that restricts a statement to the rows of this user."""
    return with_loader_criteria(Owned, lambda row: row.user_id == user_id, include_aliases=True)


class _ViewerSession(Session):
    """A session in which every statement and every flush is restricted to the viewer's rows. Raises ScopeError otherwise."""


# On the class: listeners on each session would take longer than a short statement.
@event.listens_for(_ViewerSession, "do_orm_execute")
def _restrict(state: ORMExecuteState) -> None:
    if not state.is_orm_statement or state.is_insert:
        raise ScopeError("a viewer's session allows only ORM selects, updates and deletes, and inserts by flush")
    if state.is_select or state.is_update or state.is_delete:
        state.statement = state.statement.options(state.session.info[_OWN_ROWS])


@event.listens_for(_ViewerSession, "before_flush")
def _check_rows(session: Session, _context: UOWTransaction, _instances: Any) -> None:
    user_id = session.info[_VIEWER_ID]
    for row in (*session.new, *session.dirty, *session.deleted):
        if not isinstance(row, Owned) or row.user_id != user_id:
            raise ScopeError("a viewer's session can change only the viewer's own rows")
