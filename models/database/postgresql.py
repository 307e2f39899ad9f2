"""PostgreSQL: row-level security restricts each transaction to its viewer, and NOTIFY publishes events to all replicas.

A transaction begins in one round trip: BEGIN, the role, the viewer and the viewer's lock are one statement string, which the
driver accepts because it has no parameters. SQLAlchemy is therefore in autocommit mode.
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
"""Connections of the system. They are separate from those of viewers, so that readers never keep the ledger waiting. Its three
queues use at most 16: for commits, for waiting for users' locks, and for finding items that cannot be stored."""

# The time limit of a statement exceeds that of a read by the first, and the driver's own limit by the second.
_LITTLE_LATER_S: Final = 1.0
_LATER_S: Final = 5.0

# SQLSTATEs.
_LOST_TO_ANOTHER: Final = {"40001", "40P01"}
"""Serialization failure and deadlock: the transaction may succeed when it is run again."""
_PARTITION_WAS_ATTACHED: Final = "23514"
"""Check violation: the partition of a row was attached while the row was being inserted into the default partition."""
_DATA_ERRORS: Final = {"22", "23"}
"""The classes of data exceptions and integrity violations."""
_LOCK_WAS_TAKEN: Final = {"55P03", "40P01"}

# A transaction that waits for a table lock makes all later ones wait, so maintenance waits 50 ms at most, and then pauses.
_MAINTENANCE: Final = "BEGIN; SET LOCAL lock_timeout = '50ms'"
_PAUSE_S: Final = 1.0
_DROP_TRIES: Final = 60
_PAGES_AT_ONCE: Final = 2_000
"""Pages of 8 KiB from which one transaction deletes old rows."""
_CLOCKS_DIFFER: Final = timedelta(days=1)

Result = TypeVar("Result")
log = logging.getLogger(__name__)


class PostgreSQL:
    """The PostgreSQL backend of `Database`."""

    # While the database works on one commit, this process prepares the next one.
    commits_at_once: Final = 2

    begin_within_s: ClassVar = 15.0
    """The time limit for the start of a transaction that writes, which may wait for other transactions of its user."""
    write_within_s: ClassVar = 20.0
    """The time limit of a transaction that writes, after its start."""
    idle_within_s: ClassVar = 15.0
    """After this time without a statement, PostgreSQL rolls back a transaction that writes, and releases its locks."""

    def __init__(self, url: URL, read_limit_s: float | None) -> None:
        """With `read_limit_s`, the time limit of reads, all transactions have time limits."""
        self._limits = read_limit_s is not None
        self._read_limit_s = read_limit_s
        command_timeout_s = None if read_limit_s is None else read_limit_s + _LATER_S
        self._viewers = Pool(url, _READERS, command_timeout_s)
        self._system = Pool(url, _SYSTEM, command_timeout_s)
        # A write that waits for another write of its user waits in this queue, without taking a connection from others.
        self._writes = write_queue(in_all=_READERS)
        self._connections = connection_queue(in_all=_READERS, per_user=_CONNECTIONS_PER_USER)

    async def dispose(self) -> None:
        await asyncio.gather(self._viewers.dispose(), self._system.dispose())

    @asynccontextmanager
    async def viewer_transaction(self, viewer: Viewer, *, write: bool) -> AsyncIterator[Transaction]:
        # The id is a UUID object, so its text contains only hexadecimal digits and dashes.
        scope = f"SET LOCAL ROLE {VIEWER_ROLE}; SET LOCAL app.user_id = '{viewer.id}'"
        if write:
            # The lock makes a viewer's writes run one at a time, and excludes commits of the ledger for this user.
            begin = f"BEGIN READ WRITE; {scope}; SELECT pg_advisory_xact_lock(hashtextextended('{viewer.id}', 0))"
            async with self._slots(viewer.id, write=True), self._writing(self._viewers, begin) as transaction:
                yield transaction
            return
        begin = f"BEGIN READ ONLY; {scope}"
        if self._read_limit_s is None:
            limits = _Limits()
        else:
            # A caller that reaches the read limit cancels its statement. This limit is for callers that cannot.
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
            # All transactions take locks in this order, so they never deadlock: by kind, then by user.
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
        """Hold the slots of a user's connection while the block runs. The server itself (None) needs no slot."""
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

    async def health(self, *, write: bool) -> Health:  # noqa: ARG002 - PostgreSQL reports whether it accepts writes
        """The health of the database. Raises DatabaseFailure if it does not answer."""
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
        """Whether a transaction that failed with this error may succeed when it is run again."""
        state = _state_of(error)
        return state == _PARTITION_WAS_ATTACHED or state in _LOST_TO_ANOTHER

    def blames_the_data(self, error: Exception) -> bool:
        """Whether the error is caused by the data that was written, and not by the state of the database."""
        return (_state_of(error) or "")[:2] in _DATA_ERRORS or isinstance(error.__cause__, asyncpg.DataError)

    async def make_partitions(self, now: datetime, tries: int) -> None:
        """Create the missing partitions of the months in which live calls may occur, now or soon.

        Writes do not wait for this: rows of a month without a partition go into the default partition. A partition that
        cannot be created now is logged, and is created by a later run. Raises DatabaseFailure if the database does not
        answer.
        """
        for table in PARTITIONED:
            for month in await self._read(partial(partition.missing_months, table=table, now=now)):
                try:
                    await self._make_partition(table, month, now, tries)
                except (SQLAlchemyError, DatabaseFailure) as error:
                    if (state := _state_of(error)) is None:
                        raise
                    name = partition.partition_of(table, month)
                    log.warning("the partition %s could not be created yet: SQLSTATE %s", name, state)

    async def _make_partition(self, table: str, month: Month, now: datetime, tries: int) -> None:
        if await self._read(lambda connection: partition.is_default_empty(connection, table)):
            await self._patiently(lambda connection: partition.attach(connection, table, month), tries)
        elif month.start - now > _CLOCKS_DIFFER:
            # No transaction can be inserting rows of this month yet, so the constraint rejects none.
            try:
                await self._patiently(lambda connection: partition.keep_default_clear(connection, table, month), tries)
                await self._patiently(lambda connection: partition.check_default_clear(connection, table), tries)
                await self._patiently(lambda connection: partition.attach(connection, table, month), tries)
            except Exception:
                await self._patiently(lambda connection: partition.open_default(connection, table), tries)
                raise
        else:
            if not await self._read(lambda connection: partition.is_default_open(connection, table)):
                # A process ended before it had removed its constraint.
                await self._patiently(lambda connection: partition.open_default(connection, table), tries)
            log.warning("rows of the month from %s stay in the default partition of %s", month.start.date(), table)

    async def drop_partitions(self, before: datetime) -> None:
        """Drop the partitions of all months before that of `before`, and earlier rows in other partitions.

        Raises DatabaseFailure if long reads keep a partition from being dropped.
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
        """Run `change` in a transaction, up to `tries` times while another transaction holds a lock that it needs."""
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
        """Lock all other writes to this user's rows until the transaction ends."""
        await fetch(connection, "SELECT pg_advisory_xact_lock(hashtextextended($1::uuid::text, 0))", user_id)

    def _transaction(self, begin: str) -> AbstractAsyncContextManager[Transaction]:
        """A system transaction without a time limit after its start. Each statement has a limit of its own."""
        return _transaction_on(self._system, begin, _Limits(self._system.answer_within_s if self._limits else None))

    def _writing(self, pool: Pool, begin: str) -> AbstractAsyncContextManager[Transaction]:
        if not self._limits:
            return _transaction_on(pool, begin, _Limits())
        # A transaction that this process can no longer end must not keep its locks for long.
        idle = f"SET LOCAL idle_in_transaction_session_timeout = {round(1000 * self.idle_within_s)}"
        opening, rest = begin.split(";", 1)
        return _transaction_on(pool, f"{opening}; {idle};{rest}", _Limits(self.begin_within_s, self.write_within_s))


class _Limits(NamedTuple):
    """The time limits of a transaction: for its start, and from then to its end. None means no limit."""

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
            # The last statement may have been executed all the same.
            await pool.throw_away(kept)
            raise DatabaseFailure("the database did not answer in time") from error
        if not isinstance(error, asyncio.CancelledError):
            await asyncio.shield(ending)
        raise
    await pool.release(connection, kept)


def _advisory(locks: Locks) -> list[tuple[str, int, Collection[UUID]]]:
    """The advisory locks to take: the function, the key that tells the locks of one user apart, and the users."""
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
"""Takes those of these locks that are free, and returns the users of the others."""


def _texts(ids: Collection[UUID]) -> str:
    """The SQL of a table of these ids, in order. They are UUID objects, so their text is safe in a statement."""
    return f"unnest('{{{','.join(map(str, sorted(ids)))}}}'::text[])"


def _notify_of(events: Sequence[Event]) -> str:
    """The statements that publish these events to all replicas. PostgreSQL sends notifications only after the commit."""
    if not events:
        return ""
    payloads = [payload.replace("'", "''") for payload in encode(events)]
    return "".join(f"SELECT pg_notify('{CHANNEL}', '{payload}'); " for payload in payloads)


def _state_of(error: BaseException | None) -> str | None:
    """The SQLSTATE of an error of PostgreSQL, which another error may wrap; None if there is none."""
    while error is not None:
        if state := getattr(error, "sqlstate", None):
            return str(state)
        error = getattr(error, "orig", None) or error.__cause__
    return None


async def fetch(connection: AsyncConnection, statement: str, *arguments: Any) -> list[asyncpg.Record]:
    """The rows that the statement returns. Raises DatabaseFailure."""
    try:
        return await driver_of(connection).fetch(statement, *arguments)
    except DRIVER_ERRORS as error:
        raise DatabaseFailure(str(error)) from error
