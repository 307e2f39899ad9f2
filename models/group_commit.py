"""Group commit: what concurrent callers submit shares a transaction. While one commits, the next gathers, and nobody
waits on purpose. Callers hear of it only after the commit.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import ClassVar, Final, Generic, TypeVar

from prometheus_client import Gauge, Histogram
from sqlalchemy.exc import SQLAlchemyError

from domain.error import Overloaded
from models.pool import DatabaseFailure
from models.postgresql import PostgreSQL
from models.sqlite import SQLite

MAX_COMMIT: Final = 2_000
QUEUED_TIMES: Final = 10
_RETRY_AFTER_MS: Final = 1_000
_RETRIES: Final = 5

QUEUE_DEPTH: Final = Gauge("router_ledger_queued", "What waits to be committed", ["of"], multiprocess_mode="livesum")
BATCH_SIZE: Final = Histogram(
    "router_ledger_batch",
    "How much was in one commit",
    ["of"],
    buckets=[1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000],
)
COMMIT_TIME: Final = Histogram(
    "router_ledger_commit_seconds", "Time that one commit took, from BEGIN to COMMIT", ["of"]
)

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


class GroupCommit(Generic[Item, Outcome]):
    """A queue, and what commits it. `store` stores some items in a transaction of its own: an outcome for each.

    At most so many items are in one commit, but for a submission that has more, and ten times as many wait.
    `unstorable` makes the outcome of an item that the database cannot hold. `of` names the items in metrics and messages.
    Use inside `running()`.
    """

    drained_within_s: ClassVar = 5.0
    """Where there are limits to how long a database may take; else as long as it takes."""

    def __init__(
        self,
        of: str,
        backend: SQLite | PostgreSQL,
        store: Callable[[Sequence[Item]], Awaitable[list[Outcome]]],
        unstorable: Callable[[str], Outcome],
        *,
        commits_at_once: int,
        limited: bool,
        most: int = MAX_COMMIT,
    ) -> None:
        self._of = of
        self._depth = QUEUE_DEPTH.labels(of)
        self._sizes = BATCH_SIZE.labels(of)
        self._times = COMMIT_TIME.labels(of)
        self._backend = backend
        self._store = store
        self._unstorable = unstorable
        self._commits_at_once = commits_at_once
        self._limited = limited
        self._most = most
        self._queue: deque[_Submission[Item, Outcome]] = deque()
        self._queued = 0
        self._gathered = asyncio.Event()
        self._committing: list[list[_Submission[Item, Outcome]]] = []
        self._failed_at_s: float | None = None
        self._committed_at_s: float | None = None
        self._closed = False
        self._drained_by_s = 0.0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Commit what is submitted while the block runs; when it ends, drain the queue first.

        What cannot be committed in time then is refused: nobody was told that it is stored.
        """
        committers = [
            asyncio.create_task(self._commit_forever(), name=f"ledger-{self._of}-{number}")
            for number in range(self._commits_at_once)
        ]
        try:
            yield
        finally:
            self.close()
            left_s = max(self._drained_by_s - asyncio.get_running_loop().time(), 0) if self._limited else None
            _, late = await asyncio.wait(committers, timeout=left_s)
            for committer in late:
                committer.cancel()
            for result in await asyncio.gather(*committers, return_exceptions=True):
                if isinstance(result, Exception):
                    raise result
            while self._queue:
                self._queue.popleft().fail(_stopping())

    def close(self) -> None:
        """Take nothing more. Where there are limits, what is there has `drained_within_s` to be committed."""
        if not self._closed:
            self._closed = True
            self._drained_by_s = asyncio.get_running_loop().time() + self.drained_within_s
            self._gathered.set()

    @property
    def waits_s(self) -> float:
        """How long the oldest submission has waited that is not committed."""
        waiting = [batch[0] for batch in self._committing] + list(itertools.islice(self._queue, 1))
        now_s = asyncio.get_running_loop().time()
        return max((now_s - submission.since_s for submission in waiting), default=0.0)

    def failed_within(self, seconds: float) -> bool:
        """Whether the last commit failed, and that so lately, for no fault of what was submitted."""
        return _is_within(seconds, self._failed_at_s)

    def committed_within(self, seconds: float) -> bool:
        """Whether a commit succeeded so lately."""
        return _is_within(seconds, self._committed_at_s)

    def check_room(self, size: int) -> None:
        """Raises Overloaded when too much waits already, or nothing is taken any more: nothing was stored."""
        if self._closed or self._queued + size > QUEUED_TIMES * self._most:
            raise Overloaded("The ledger is full; send this again later.", retry_after_ms=_RETRY_AFTER_MS)

    async def submit(self, items: Sequence[Item]) -> list[Outcome]:
        """One outcome for each item, in order, after they are on disk; one that cannot be stored fails alone.

        Raises Overloaded, as `check_room` does.
        """
        self.check_room(len(items))
        loop = asyncio.get_running_loop()
        submission = _Submission[Item, Outcome](items, loop.create_future(), loop.time())
        self._queue.append(submission)
        self._queued += len(items)
        self._depth.set(self._queued)
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
            batch = self._take_batch()
            self._committing.append(batch)
            try:
                await self._commit(batch)
            finally:
                self._committing.remove(batch)

    def _take_batch(self) -> list[_Submission[Item, Outcome]]:
        batch: list[_Submission[Item, Outcome]] = []
        size = 0
        while self._queue and (not batch or size + len(self._queue[0].items) <= self._most):
            batch.append(self._queue.popleft())
            size += len(batch[-1].items)
        self._queued -= size
        self._depth.set(self._queued)
        return batch

    async def _commit(self, batch: list[_Submission[Item, Outcome]]) -> None:
        items = [item for submission in batch for item in submission.items]
        try:
            outcomes = await self._stored(items)
        except asyncio.CancelledError:
            for submission in batch:
                submission.fail(_stopping())
            raise
        except Exception as error:
            blames_the_data = self._backend.blames_the_data(error)
            if isinstance(error, SQLAlchemyError | DatabaseFailure | OSError) and not blames_the_data:
                self._failed_at_s = asyncio.get_running_loop().time()
                for submission in batch:
                    submission.fail(error)
            elif len(batch) > 1:
                # One submission may have spoilt the transaction of all: give each its own.
                for submission in batch:
                    await self._commit([submission])
            elif blames_the_data:
                await self._commit_apart(batch[0])
            else:
                log.exception("a submission of %d %s was not stored", len(items), self._of)
                batch[0].fail(error)
            return
        self._failed_at_s, self._committed_at_s = None, asyncio.get_running_loop().time()
        settled = iter(outcomes)
        for submission in batch:
            submission.succeed([next(settled) for _ in submission.items])

    async def _commit_apart(self, submission: _Submission[Item, Outcome]) -> None:
        try:
            submission.succeed(await self._stored_apart(submission.items))
        except Exception as error:  # noqa: BLE001 - whatever it is, whoever waits hears of it, and the ledger goes on
            submission.fail(error)

    async def _stored_apart(self, items: Sequence[Item]) -> list[Outcome]:
        """The outcomes of items of which some cannot be stored: found by halves, so that they fail alone."""
        try:
            return await self._stored(items)
        except Exception as error:
            if not self._backend.blames_the_data(error):
                raise
            if len(items) == 1:
                log.exception("one of the %s was not stored", self._of)
                return [self._unstorable("The database cannot hold this.")]
        middle = len(items) // 2
        return [*await self._stored_apart(items[:middle]), *await self._stored_apart(items[middle:])]

    async def _stored(self, items: Sequence[Item]) -> list[Outcome]:
        self._sizes.observe(len(items))
        for _ in range(_RETRIES):
            try:
                with self._times.time():
                    return await self._store(items)
            except (SQLAlchemyError, DatabaseFailure) as error:
                if not self._backend.may_succeed_again(error):
                    raise
        return await self._store(items)


def _is_within(seconds: float, moment_s: float | None) -> bool:
    return moment_s is not None and asyncio.get_running_loop().time() - moment_s < seconds


def _stopping() -> Overloaded:
    return Overloaded("The server stops before this could be stored; send it again.", retry_after_ms=_RETRY_AFTER_MS)


@dataclass(slots=True)
class _Submission(Generic[Item, Outcome]):
    items: Sequence[Item]
    outcomes: asyncio.Future[list[Outcome]]
    since_s: float

    def succeed(self, outcomes: list[Outcome]) -> None:
        if not self.outcomes.done():  # the caller may have gone; what was submitted is stored all the same
            self.outcomes.set_result(outcomes)

    def fail(self, error: Exception) -> None:
        if not self.outcomes.done():
            self.outcomes.set_exception(error)
