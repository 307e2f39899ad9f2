"""PostgreSQL: row-level security holds each transaction to its viewer, and NOTIFY tells every replica.

A transaction begins in one round trip: BEGIN, the role, the viewer and the viewer's lock go together, which the driver
allows for statements without parameters. SQLAlchemy therefore runs in its autocommit mode here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar, Final, NamedTuple, TypeVar
from uuid import UUID

import asyncpg
from sqlalchemy import URL
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.event import Event, encode
from domain.month import Month
from domain.viewer import Viewer
from models.database import partition
from models.database.fair_queue import connection_queue, write_queue
from models.database.health import Health
from models.database.partition import PARTITIONED
from models.database.pool import DRIVER_ERRORS, DatabaseFailure, Pool, driver_of, execute
from models.database.transaction import Locks, Transaction

VIEWER_ROLE: Final = "router_viewer"
SYSTEM_ROLE: Final = "router_system"
CHANNEL: Final = "router_events"
_READERS: Final = 12
_CONNECTIONS_PER_USER: Final = 3
_SYSTEM: Final = 18
"""Beside those of viewers, so that no number of readers keeps the ledger waiting for a connection: its three queues use 16 at
most, in commits, in those that wait for a user's lock, and in those that find out what cannot be stored."""
# Two transactions stood in each other's way: the same one, run again, may well succeed.
_LOST_TO_ANOTHER: Final = {"40001", "40P01"}
_LITTLE_LATER_S: Final = 1.0
_LATER_S: Final = 5.0
"""Than the time limit of a read, so that each limit has its turn before the next."""
# A row was on its way into the default partition while the partition that takes it was attached.
_PARTITION_WAS_ATTACHED: Final = "23514"
_DATA_ERRORS: Final = {"22", "23"}
_LOCK_WAS_TAKEN: Final = {"55P03", "40P01"}
# Whoever waits for a lock makes everybody after it wait: for this long at most, and then not for a while.
_MAINTENANCE: Final = "BEGIN; SET LOCAL lock_timeout = '50ms'"
_PAUSE_S: Final = 1.0
_DROP_TRIES: Final = 60
_PAGES_AT_ONCE: Final = 2_000
"""Of 8 KiB, that one transaction deletes old rows from."""
_CLOCKS_DIFFER: Final = timedelta(days=1)
Result = TypeVar("Result")
log = logging.getLogger(__name__)


class PostgreSQL:
    # While the database works on one commit, this process makes the next: it would be idle else.
    commits_at_once: Final = 2

    begin_within_s: ClassVar = 15.0
    """For a transaction that may have to wait for others of its user to end."""
    write_within_s: ClassVar = 20.0
    """For a transaction that writes, once it has begun."""
    idle_within_s: ClassVar = 15.0
    """After so long without a word from us, PostgreSQL rolls back what writes, and frees what that had locked."""

    def __init__(self, url: URL, read_limit_s: float | None) -> None:
        """Where reads have a time limit, all that is done has one: what does not answer by then is given up."""
        self._limits = read_limit_s is not None
        self._read_limit_s = read_limit_s
        command_timeout_s = None if read_limit_s is None else read_limit_s + _LATER_S
        self._viewers = Pool(url, _READERS, command_timeout_s)
        self._system = Pool(url, _SYSTEM, command_timeout_s)
        # A user's write that waits for another one of theirs would keep a connection from others: it waits here instead.
        self._writes = write_queue(in_all=_READERS)
        self._connections = connection_queue(in_all=_READERS, per_user=_CONNECTIONS_PER_USER)

    async def dispose(self) -> None:
        await asyncio.gather(self._viewers.dispose(), self._system.dispose())

    @asynccontextmanager
    async def viewer_transaction(self, viewer: Viewer, *, write: bool) -> AsyncIterator[Transaction]:
        # The id is a UUID object, and so its text is nothing but hexadecimal digits and dashes.
        scope = f"SET LOCAL ROLE {VIEWER_ROLE}; SET LOCAL app.user_id = '{viewer.id}'"
        if write:
            # A viewer's writes run one at a time, and beside no commit of the ledger that has rows of theirs.
            begin = f"BEGIN READ WRITE; {scope}; SELECT pg_advisory_xact_lock(hashtextextended('{viewer.id}', 0))"
            async with self._slots(viewer.id, write=True), self._writing(self._viewers, begin) as transaction:
                yield transaction
            return
        begin = f"BEGIN READ ONLY; {scope}"
        if self._read_limit_s is None:
            limits = _Limits()
        else:
            # Whoever waits gives up before, and then the statement is cancelled. This is for those who cannot say so.
            begin += f"; SET LOCAL statement_timeout = {round(1000 * (self._read_limit_s + _LITTLE_LATER_S))}"
            limits = _Limits(self._viewers.answer_within_s, self._read_limit_s + _LATER_S)
        async with (
            self._slots(viewer.id, write=False),
            _transaction_on(self._viewers, begin, limits) as transaction,
        ):
            yield transaction

    @asynccontextmanager
    async def system_transaction(
        self, locks: Locks, on_behalf_of: UUID | None, *, wait: bool
    ) -> AsyncIterator[Transaction]:
        begin = f"BEGIN; SET LOCAL ROLE {SYSTEM_ROLE}"
        if wait:
            # In key order, as whoever takes several must, and users' own locks before those of what they do.
            for function, key, users in _advisory(locks):
                if users:
                    begin += f"; SELECT pg_{function}(hashtextextended(id, {key})) FROM {_texts(users)} id"
        async with self._slots(on_behalf_of, write=True), self._writing(self._system, begin) as transaction:
            if not wait:
                wanted = [sorted(map(str, users)) for _, _, users in _advisory(locks)]
                transaction.locked = frozenset(row["id"] for row in await fetch(transaction.connection, _TRY, *wanted))
            yield transaction

    @asynccontextmanager
    async def _slots(self, user_id: UUID | None, *, write: bool) -> AsyncIterator[None]:
        """While the block runs, there is a connection for this user; the server itself waits for none of theirs."""
        async with AsyncExitStack() as slots:
            if user_id is not None:
                if write:
                    await slots.enter_async_context(self._writes.slot(user_id))
                await slots.enter_async_context(self._connections.slot(user_id))
            yield

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncConnection]:
        begin = f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL ROLE {SYSTEM_ROLE}"
        async with self._transaction(begin) as transaction:
            yield transaction.connection

    async def health(self, *, write: bool) -> Health:  # noqa: ARG002 - it says by itself whether it takes writes
        """How the database is. Raises DatabaseFailure when it does not answer."""
        limits = _Limits(self._system.answer_within_s, self._system.answer_within_s)
        async with _transaction_on(self._system, "BEGIN", limits) as transaction:
            [(read_only, has_version)] = await fetch(
                transaction.connection,
                "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean, "
                "to_regclass('alembic_version') IS NOT NULL",
            )
            versions = []
            if has_version:
                versions = await fetch(transaction.connection, "SELECT version_num FROM alembic_version")
        return Health(versions[0][0] if versions else None, {"writes": not read_only})

    def may_succeed_again(self, error: Exception) -> bool:
        """Whether the transaction that failed so is worth running once more."""
        state = _state_of(error)
        return state == _PARTITION_WAS_ATTACHED or state in _LOST_TO_ANOTHER

    def blames_the_data(self, error: Exception) -> bool:
        """Whether the error is about what was written, and not about the database."""
        return (_state_of(error) or "")[:2] in _DATA_ERRORS or isinstance(error.__cause__, asyncpg.DataError)

    async def make_partitions(self, now: datetime, tries: int) -> None:
        """Make the partitions of the months that live records may be of, now or soon, where they are missing.

        Nobody waits for it, and nobody needs to: records of a month without a partition go into the default one. What
        cannot be made now is logged, and is made when this is run again. Raises DatabaseFailure when the database is away.
        """
        for table in PARTITIONED:
            for month in await self._read(partial(partition.missing_months, table=table, now=now)):
                try:
                    await self._make_partition(table, month, now, tries)
                except (SQLAlchemyError, DatabaseFailure) as error:
                    if (state := _state_of(error)) is None:
                        raise
                    name = partition.partition_of(table, month)
                    log.warning("the partition %s could not be made yet: SQLSTATE %s", name, state)

    async def _make_partition(self, table: str, month: Month, now: datetime, tries: int) -> None:
        if await self._read(lambda connection: partition.is_default_empty(connection, table)):
            await self._patiently(lambda connection: partition.attach(connection, table, month), tries)
        elif month.start - now > _CLOCKS_DIFFER:
            # No row of it can be on its way yet, and so none is refused meanwhile.
            try:
                await self._patiently(lambda connection: partition.keep_default_clear(connection, table, month), tries)
                await self._patiently(lambda connection: partition.check_default_clear(connection, table), tries)
                await self._patiently(lambda connection: partition.attach(connection, table, month), tries)
            except Exception:
                await self._patiently(lambda connection: partition.open_default(connection, table), tries)
                raise
        else:
            if not await self._read(lambda connection: partition.is_default_open(connection, table)):
                # A process ended in the midst of the above.
                await self._patiently(lambda connection: partition.open_default(connection, table), tries)
            log.warning("records of %s stay in the default partition of %s", month.start.date(), table)

    async def drop_partitions(self, before: datetime) -> None:
        """Drop the partitions of the months before the one of this moment, and the rows before it that lie elsewhere.

        Raises DatabaseFailure when somebody reads these tables for so long that they cannot be dropped now.
        """
        for table in PARTITIONED:
            for name in await self._read(partial(partition.months_before, table=table, before=before)):
                try:
                    await self._patiently(partial(partition.detach, table=table, name=name), _DROP_TRIES)
                    await self._patiently(partial(partition.drop, name=name), _DROP_TRIES)
                except (SQLAlchemyError, DatabaseFailure) as error:
                    if _state_of(error) not in _LOCK_WAS_TAKEN:
                        raise
                    raise DatabaseFailure(
                        f"{name} could not be dropped while others read {table}; run this again"
                    ) from error
            pages = await self._read(partial(partition.pages_of_old_rows, table=table))
            for first in range(0, pages, _PAGES_AT_ONCE):
                async with self.system_transaction(Locks(), None, wait=True) as transaction:
                    await partition.delete_old_rows(
                        transaction.connection, table, before, first, first + _PAGES_AT_ONCE
                    )

    async def _read(self, read: Callable[[AsyncConnection], Awaitable[Result]]) -> Result:
        async with self._transaction("BEGIN READ ONLY") as transaction:
            return await read(transaction.connection)

    async def _patiently(self, change: Callable[[AsyncConnection], Awaitable[None]], tries: int) -> None:
        """Run this in a transaction; again and again while somebody holds a lock that it needs."""
        for left in range(tries, 0, -1):
            try:
                async with self._transaction(_MAINTENANCE) as transaction:
                    await change(transaction.connection)
            except (SQLAlchemyError, DatabaseFailure) as error:
                if left == 1 or _state_of(error) not in _LOCK_WAS_TAKEN:
                    raise
            else:
                return
            await asyncio.sleep(_PAUSE_S)

    async def hold_user(self, connection: AsyncConnection, user_id: UUID) -> None:
        """Keep everybody else's writes to this user's rows out until this transaction ends."""
        await fetch(connection, "SELECT pg_advisory_xact_lock(hashtextextended($1::uuid::text, 0))", user_id)

    def _transaction(self, begin: str) -> AbstractAsyncContextManager[Transaction]:
        """One that takes as long as it takes once it has begun: each of its statements has a limit alone."""
        return _transaction_on(self._system, begin, _Limits(self._system.answer_within_s if self._limits else None))

    def _writing(self, pool: Pool, begin: str) -> AbstractAsyncContextManager[Transaction]:
        if not self._limits:
            return _transaction_on(pool, begin, _Limits())
        # What this process cannot end any more must not keep locks for long.
        idle = f"SET LOCAL idle_in_transaction_session_timeout = {round(1000 * self.idle_within_s)}"
        opening, rest = begin.split(";", 1)
        return _transaction_on(pool, f"{opening}; {idle};{rest}", _Limits(self.begin_within_s, self.write_within_s))


class _Limits(NamedTuple):
    """How long a transaction may take to begin, and then to end; as long as it takes where nothing is said."""

    begin_within_s: float | None = None
    within_s: float | None = None


@asynccontextmanager
async def _transaction_on(pool: Pool, begin: str, limits: _Limits) -> AsyncIterator[Transaction]:
    connection, kept = await pool.begun(begin, limits.begin_within_s)
    limit = asyncio.timeout(limits.within_s)
    try:
        async with limit:
            transaction = Transaction(connection)
            yield transaction
            await execute(connection, f"{_notify_of(transaction.events)}COMMIT")
    except BaseException as error:
        ending = pool.abandon(connection, kept)
        if isinstance(error, TimeoutError) and limit.expired():
            # What was sent last may have been done all the same.
            await pool.throw_away(kept)
            raise DatabaseFailure("the database did not answer in time") from error
        if not isinstance(error, asyncio.CancelledError):
            await asyncio.shield(ending)
        raise
    await pool.release(connection, kept)


def _advisory(locks: Locks) -> list[tuple[str, int, Collection[UUID]]]:
    """How each of these locks is taken: by which function, as which of a user's locks, and of whom."""
    return [
        ("advisory_xact_lock_shared", 0, locks.shared),
        ("advisory_xact_lock", 0, locks.exclusive),
        ("advisory_xact_lock", 1, locks.deciding),
        ("advisory_xact_lock", 2, locks.recording),
    ]


_TRY: Final = " UNION ".join(
    f"SELECT id::uuid AS id FROM unnest(${place}::text[]) id "
    f"WHERE NOT pg_{function.replace('advisory', 'try_advisory')}(hashtextextended(id, {key}))"
    for place, (function, key, _) in enumerate(_advisory(Locks()), 1)
)
"""Takes all of these locks that are free; the users of those that are not."""


def _texts(ids: Collection[UUID]) -> str:
    """A table of these ids in their order. They are UUID objects, and so their text is harmless in a statement."""
    return f"unnest('{{{','.join(map(str, sorted(ids)))}}}'::text[])"


def _notify_of(events: Sequence[Event]) -> str:
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


async def fetch(connection: AsyncConnection, statement: str, *arguments: Any) -> list[asyncpg.Record]:
    """What the statement returns. Raises DatabaseFailure."""
    try:
        return await driver_of(connection).fetch(statement, *arguments)
    except DRIVER_ERRORS as error:
        raise DatabaseFailure(str(error)) from error
