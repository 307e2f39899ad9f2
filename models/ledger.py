"""The ledger: the one writer of decisions.

What concurrent callers log shares a commit (`models.entry`): while one batch commits, the next gathers, and nobody
waits on purpose. Callers hear of it, and events are published, only after the commit.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from prometheus_client import Gauge, Histogram
from sqlalchemy.exc import SQLAlchemyError

from domain.error import InvalidInput, Overloaded
from models.database import Database
from models.entry import Draft, Entry, Outcome, Prepared, prepared
from models.postgresql import DatabaseFailure

MAX_QUEUED_RECORDS: Final = 20_000
MAX_COMMIT_RECORDS: Final = 2_000
_RETRY_AFTER_MS: Final = 1_000
_RETRIES: Final = 5

QUEUE_DEPTH: Final = Gauge("router_ledger_queued_records", "Records that wait to be committed")
BATCH_SIZE: Final = Histogram(
    "router_ledger_batch_records", "Records in one commit", buckets=[1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000]
)
COMMIT_TIME: Final = Histogram("router_ledger_commit_seconds", "Time that one commit took, from BEGIN to COMMIT")

log = logging.getLogger(__name__)


def now_utc() -> datetime:
    """The time now, in UTC."""
    return datetime.now(UTC)


class Ledger:
    """Records decisions. Use inside `running()`; every record that was acknowledged is on disk."""

    def __init__(self, database: Database, clock: Callable[[], datetime] = now_utc) -> None:
        self._database = database
        self._clock = clock
        self._queue: deque[_Submission] = deque()
        self._queued_records = 0
        self._gathered = asyncio.Event()
        self._closed = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Ledger]:
        """Commit what is submitted while the block runs; when it ends, drain the queue first."""
        commits = range(self._database.backend.commits_at_once)
        committers = [asyncio.create_task(self._commit_forever(), name=f"ledger-{number}") for number in commits]
        try:
            yield self
        finally:
            self._closed = True
            self._gathered.set()
            await asyncio.gather(*committers)

    async def record(self, drafts: Sequence[Draft]) -> list[Outcome]:
        """One outcome for each draft, in order, after they are on disk; a draft that is refused fails alone.

        Raises Overloaded when too much waits already, or the ledger is shutting down: nothing was stored.
        """
        if self._closed or self._queued_records + len(drafts) > MAX_QUEUED_RECORDS:
            raise Overloaded("The ledger is full; send this again later.", retry_after_ms=_RETRY_AFTER_MS)
        now = self._clock()
        submission = _Submission([prepared(draft, now) for draft in drafts], asyncio.get_running_loop().create_future())
        self._queue.append(submission)
        self._queued_records += len(drafts)
        QUEUE_DEPTH.set(self._queued_records)
        self._gathered.set()
        return await submission.outcomes

    async def _commit_forever(self) -> None:
        while True:
            if not self._queue:
                if self._closed:
                    return
                self._gathered.clear()
                await self._gathered.wait()
                continue
            await self._commit(self._take_batch())

    def _take_batch(self) -> list[_Submission]:
        batch: list[_Submission] = []
        size = 0
        while self._queue and (not batch or size + len(self._queue[0].entries) <= MAX_COMMIT_RECORDS):
            batch.append(self._queue.popleft())
            size += len(batch[-1].entries)
        self._queued_records -= size
        QUEUE_DEPTH.set(self._queued_records)
        return batch

    async def _commit(self, batch: list[_Submission]) -> None:
        entries = [entry for submission in batch for entry in submission.entries]
        try:
            outcomes = await self._stored(entries)
        except Exception as error:
            blames_the_data = self._database.backend.blames_the_data(error)
            if isinstance(error, SQLAlchemyError | DatabaseFailure | OSError) and not blames_the_data:
                for submission in batch:
                    submission.fail(error)
            elif len(batch) > 1:
                # One submission may have spoilt the transaction of all: give each its own.
                for submission in batch:
                    await self._commit([submission])
            elif blames_the_data:
                await self._commit_apart(batch[0])
            else:
                log.exception("a submission of %d records was not stored", len(entries))
                batch[0].fail(error)
            return
        settled = iter(outcomes)
        for submission in batch:
            submission.succeed([next(settled) for _ in submission.entries])

    async def _commit_apart(self, submission: _Submission) -> None:
        try:
            submission.succeed(await self._stored_apart(submission.entries))
        except Exception as error:  # noqa: BLE001 - whatever it is, whoever waits hears of it, and the ledger goes on
            submission.fail(error)

    async def _stored_apart(self, entries: Sequence[Prepared]) -> list[Outcome]:
        """The outcomes of drafts of which some cannot be stored: found by halves, so that they fail alone."""
        try:
            return await self._stored(entries)
        except Exception as error:
            if not self._database.backend.blames_the_data(error):
                raise
            if len(entries) == 1:
                log.exception("a record was not stored")
                return [InvalidInput("The database cannot hold this record.")]
        middle = len(entries) // 2
        return [*await self._stored_apart(entries[:middle]), *await self._stored_apart(entries[middle:])]

    async def _stored(self, entries: Sequence[Prepared]) -> list[Outcome]:
        BATCH_SIZE.observe(len(entries))
        for _ in range(_RETRIES):
            try:
                with COMMIT_TIME.time():
                    return await self._store(entries)
            except (SQLAlchemyError, DatabaseFailure) as error:
                if not self._database.backend.may_succeed_again(error):
                    raise
        return await self._store(entries)

    async def _store(self, entries: Sequence[Prepared]) -> list[Outcome]:
        await self._database.backend.prepare({e.row["occurred_at"] for e in entries if e.refusal is None})
        async with self._database.system(beside={entry.row["user_id"] for entry in entries}) as transaction:
            return await Entry(transaction, self._clock()).write(entries)


@dataclass(slots=True)
class _Submission:
    entries: Sequence[Prepared]
    outcomes: asyncio.Future[list[Outcome]]

    def succeed(self, outcomes: list[Outcome]) -> None:
        if not self.outcomes.done():  # the caller may have gone; its records are stored all the same
            self.outcomes.set_result(outcomes)

    def fail(self, error: Exception) -> None:
        if not self.outcomes.done():
            self.outcomes.set_exception(error)
