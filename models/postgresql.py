"""PostgreSQL: row-level security holds each transaction to its viewer, and NOTIFY tells every replica.

A transaction begins in one round trip: BEGIN, the role, the viewer and the viewer's lock go together, which the driver
allows for statements without parameters. SQLAlchemy therefore runs in its autocommit mode here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import Any, ClassVar, Final, NamedTuple
from uuid import UUID

import asyncpg
from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.event import Event, encode
from domain.viewer import Viewer
from models.health import Health
from models.partition import PARTITIONED, Month, drop_partitions, make_partitions, months_ahead
from models.pool import DRIVER_ERRORS, DatabaseFailure, Pool, driver_of, execute
from models.transaction import Transaction

VIEWER_ROLE: Final = "router_viewer"
SYSTEM_ROLE: Final = "router_system"
CHANNEL: Final = "router_events"

_READERS: Final = 12
_SYSTEM: Final = 6
"""Beside those of viewers, so that no number of readers keeps the ledger waiting for a connection: all it uses at once."""

# Two transactions stood in each other's way: the same one, run again, may well succeed.
_LOST_TO_ANOTHER: Final = {"40001", "40P01"}
_LITTLE_LATER_S: Final = 1.0
_LATER_S: Final = 5.0
"""Than the time limit of a read, so that each limit has its turn before the next."""
_NO_PARTITION: Final = "23514"
_DATA_ERRORS: Final = {"22", "23"}


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

        # The months whose partitions are known to be there.
        self._partitions: set[Month] = set()

    async def dispose(self) -> None:
        await asyncio.gather(self._viewers.dispose(), self._system.dispose())

    @asynccontextmanager
    async def viewer_transaction(self, viewer: Viewer, *, write: bool) -> AsyncIterator[Transaction]:
        # The id is a UUID object, and so its text is nothing but hexadecimal digits and dashes.
        scope = f"SET LOCAL ROLE {VIEWER_ROLE}; SET LOCAL app.user_id = '{viewer.id}'"
        if write:
            # A viewer's writes run one at a time, and beside no commit of the ledger that has rows of theirs.
            begin = f"BEGIN READ WRITE; {scope}; SELECT pg_advisory_xact_lock(hashtextextended('{viewer.id}', 0))"
            async with self._writing(self._viewers, begin) as transaction:
                yield transaction
            return
        begin = f"BEGIN READ ONLY; {scope}"
        if self._read_limit_s is None:
            limits = _Limits()
        else:
            # Whoever waits gives up before, and then the statement is cancelled. This is for those who cannot say so.
            begin += f"; SET LOCAL statement_timeout = {round(1000 * (self._read_limit_s + _LITTLE_LATER_S))}"
            limits = _Limits(self._viewers.answer_within_s, self._read_limit_s + _LATER_S)
        async with _transaction_on(self._viewers, begin, limits) as transaction:
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
        async with self._writing(self._system, begin) as transaction:
            yield transaction

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
            await execute(connection, f"{_told(transaction.events)}COMMIT")
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


async def fetch(connection: AsyncConnection, statement: str, *arguments: Any) -> list[asyncpg.Record]:
    """What the statement returns. Raises DatabaseFailure."""
    try:
        return await driver_of(connection).fetch(statement, *arguments)
    except DRIVER_ERRORS as error:
        raise DatabaseFailure(str(error)) from error
