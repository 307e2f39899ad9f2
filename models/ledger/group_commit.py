"""Group commit: what concurrent callers submit shares a transaction. While one commits, the next gathers, and nobody
waits on purpose. Callers hear of it only after the commit.

The queue is fair: each user has a lane, in which order is kept, and each commit takes from all lanes alike. A user whose
items make commits slow, or spoil them, is committed apart from the others, in turn with them and in smaller parts.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Generic, TypeVar
from uuid import UUID

from prometheus_client import Gauge, Histogram
from sqlalchemy.exc import SQLAlchemyError

from domain.error import ExpectedError, InvalidInput, Overloaded
from models.database.pool import DatabaseFailure
from models.database.postgresql import PostgreSQL
from models.database.sqlite import SQLite

MAX_COMMIT: Final = 2_000
QUEUED_TIMES: Final = 10
_RETRY_AFTER_MS: Final = 1_000
_RETRIES: Final = 5
_SLOW_S: Final = 0.1
"""Longer commits are slow, unless the database takes half as long as they do for a few items too."""
_FIRST: Final = 8
"""A user starts with 1/8 of the limit of a commit, until it is known whether more makes it slow."""
_FEW: Final = 200
"""1/200 of the limit of a commit makes none slow: what takes long then is the database."""
_SUSPECTED: Final = 32
"""Commits that a user who spoilt one makes apart from the others."""
_PACES: Final = 10_000
"""Users whose pace is remembered while nothing of theirs waits."""
_TRIES_BY_USER: Final = 32
"""Transactions to find whose items spoil a commit; users who are left then are committed one by one."""
_TRIES_BY_ITEM: Final = 32
"""Transactions to find which items of one user do; what is left then is refused."""
_ISOLATIONS: Final = 2
_WAITERS: Final = 2
"""Transactions that wait for the lock of one user each. Others whose lock is held are tried again, and nobody waits."""
_TRY_AGAIN_S: Final = 0.005
_TRY_AGAIN_AT_MOST_S: Final = 0.1
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


class Locked:
    """What becomes of an item whose user is locked by another transaction: nothing yet."""


LOCKED: Final = Locked()


class GroupCommit(Generic[Item, Outcome]):
    """A queue, and what commits it.

    `store` stores some items in a transaction of its own: an outcome for each. It waits for the locks of their users, or,
    when it is told not to, leaves out the items of those who are locked: LOCKED. `user_of` says whose an item is, and `of`
    names the items in metrics and messages. At most `most` items are in one commit, and ten times as many wait; where these
    are one user's, others still have room. Use inside `running()`.
    """

    drained_within_s: ClassVar = 5.0
    """Where there are limits to how long a database may take; else as long as it takes."""

    def __init__(
        self,
        of: str,
        backend: SQLite | PostgreSQL,
        store: Callable[[Sequence[Item], bool], Awaitable[Sequence[Outcome | Locked]]],
        user_of: Callable[[Item], UUID],
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
        self._user_of = user_of
        self._commits_at_once = commits_at_once
        self._limited = limited
        self._most = most
        self._first = max(1, most // _FIRST)
        self._few = max(1, most // _FEW)
        # Whoever has something waiting or being committed, in the order of their turns.
        self._lanes: dict[UUID, _Lane[Item, Outcome]] = {}
        self._paces: dict[UUID, _Pace] = {}
        self._queued = 0
        self._large_next = False
        self._usual_s = 0.0
        self._gathered = asyncio.Event()
        self._unsettled: dict[_Submission[Item, Outcome], None] = {}
        """The oldest first."""
        self._failed_at_s: float | None = None
        self._committed_at_s: float | None = None
        self._closed = False
        self._drained_by_s = 0.0
        self._background: set[asyncio.Task[None]] = set()
        self._isolations = asyncio.Semaphore(_ISOLATIONS)
        self._waiters = 0

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
            background = list(self._background)
            for task in (*late, *background):
                task.cancel()
            for result in await asyncio.gather(*committers, *background, return_exceptions=True):
                if isinstance(result, Exception):
                    raise result
            for submission in list(self._unsettled):
                submission.fail(_stopping())

    def close(self) -> None:
        """Take nothing more. Where there are limits, what is there has `drained_within_s` to be committed."""
        if not self._closed:
            self._closed = True
            self._drained_by_s = asyncio.get_running_loop().time() + self.drained_within_s
            self._gathered.set()

    @property
    def waits_s(self) -> float:
        """How long the oldest submission has waited, with nothing being committed meanwhile."""
        oldest = next(iter(self._unsettled), None)
        if oldest is None:
            return 0.0
        # What one user waits for while others are committed is no fault of the database.
        since_s = max(oldest.since_s, self._committed_at_s or 0.0)
        return asyncio.get_running_loop().time() - since_s

    def failed_within(self, seconds: float) -> bool:
        """Whether the last commit failed, and that so lately, for no fault of what was submitted."""
        return _is_within(seconds, self._failed_at_s)

    def committed_within(self, seconds: float) -> bool:
        """Whether a commit succeeded so lately."""
        return _is_within(seconds, self._committed_at_s)

    def check_room(self, sizes: Mapping[UUID, int]) -> None:
        """Raises Overloaded when so much of these users is not taken now: nothing was stored."""
        limit = QUEUED_TIMES * self._most
        full = self._queued + sum(sizes.values()) > limit
        users = len(self._lanes.keys() | sizes.keys())
        for user_id, size in sizes.items():
            own = self._lanes[user_id].size if user_id in self._lanes else 0
            # Where the queue is full, those who have less than their share in it are taken all the same.
            if self._closed or (full and own + size > limit // users):
                raise Overloaded("The ledger is full; send this again later.", retry_after_ms=_RETRY_AFTER_MS)

    async def submit(self, items: Sequence[Item]) -> list[Outcome | ExpectedError]:
        """One outcome for each item, in order, after they are on disk; one that cannot be stored fails alone.

        Raises Overloaded, as `check_room` does, and what the database failed with, when nothing was stored.
        """
        indexes: defaultdict[UUID, list[int]] = defaultdict(list)
        for index, item in enumerate(items):
            indexes[self._user_of(item)].append(index)
        self.check_room({user_id: len(own) for user_id, own in indexes.items()})
        loop = asyncio.get_running_loop()
        submission = _Submission[Item, Outcome](items, loop.create_future(), loop.time(), len(items))
        for user_id, own in indexes.items():
            lane = self._lanes.get(user_id)
            if lane is None:
                pace = self._paces.pop(user_id, None) or _Pace(self._first)
                lane = self._lanes[user_id] = _Lane(user_id, pace)
            lane.add(_Part(submission, own))
        self._count(len(items))
        self._unsettled[submission] = None
        submission.done.add_done_callback(lambda _: self._unsettled.pop(submission))
        self._gathered.set()
        return await submission.done

    def _count(self, change: int) -> None:
        self._queued += change
        self._depth.set(self._queued)

    async def _commit_forever(self) -> None:
        while True:
            batch = self._take_batch()
            if batch:
                await self._commit(batch)
            elif self._closed and not self._lanes:
                return
            else:
                self._gathered.clear()
                await self._gathered.wait()

    def _take_batch(self) -> _Batch[Item, Outcome]:
        """The next commit: of all who have little, in turn with those who have more, who share a commit alike, and with
        each of those who are to be apart.
        """
        ready = [lane for lane in self._lanes.values() if lane.size and not (lane.busy or lane.put_off)]
        apart = {lane for lane in ready if lane.pace.apart(self._first)}
        small = [lane for lane in ready if lane.size <= self._few and lane not in apart]
        large = [lane for lane in ready if lane.size > self._few or lane in apart]
        if small and not (large and self._large_next):
            lanes, self._large_next = small, bool(large)
        else:
            lanes = large[:1] if large and large[0] in apart else [lane for lane in large if lane not in apart]
            self._large_next = False
        # What some leave of their share, the others have.
        lanes = sorted(lanes[: self._most], key=lambda lane: lane.size)
        batch: _Batch[Item, Outcome] = {}
        room = self._most
        for index, lane in enumerate(lanes):
            batch[lane] = self._taken(lane, room // (len(lanes) - index))
            room -= _size(batch[lane])
        return batch

    def _taken(self, lane: _Lane[Item, Outcome], most: int) -> list[_Part[Item, Outcome]]:
        before = lane.size
        parts = lane.take(min(most, lane.pace.share))
        lane.busy = True
        self._count(lane.size - before)
        return parts

    def _returned(self, lane: _Lane[Item, Outcome], parts: Sequence[_Part[Item, Outcome]]) -> None:
        lane.put_back(parts)
        self._count(_size(parts))

    async def _commit(self, batch: _Batch[Item, Outcome], *, wait: bool = False) -> None:
        """Store a batch, and free its lanes."""
        started = time.monotonic()
        try:
            self._settle(batch, await self._stored(_items_of(batch.values()), wait))
        except Exception as error:  # noqa: BLE001 - whatever it is, whoever waits hears of it, and the ledger goes on
            if not self._blames_an_item(error):
                self._failed_at_s = asyncio.get_running_loop().time()
                _fail(batch, error)
            else:
                # Others are committed meanwhile.
                self._run_in_background(self._isolate_and_free(batch, error))
                return
        else:
            self._failed_at_s, self._committed_at_s = None, asyncio.get_running_loop().time()
            if not wait:
                self._learn(batch, time.monotonic() - started)
        self._free(batch)

    def _settle(self, batch: _Batch[Item, Outcome], outcomes: Iterable[Outcome | Locked]) -> None:
        """Tell what became of these items. Those of users who were locked go back to where they were."""
        following = iter(outcomes)
        for lane, parts in batch.items():
            for part in parts:
                found = [next(following) for _ in part.indexes]
                stored = [outcome for outcome in found if not isinstance(outcome, Locked)]
                if len(stored) == len(found):
                    part.submission.settle(part.indexes, stored)
                else:
                    lane.locked.append(part)

    def _free(self, batch: Iterable[_Lane[Item, Outcome]]) -> None:
        """Let others take these lanes, whose turn comes last now."""
        for lane in batch:
            del self._lanes[lane.user_id]
            lane.busy = False
            if lane.locked:
                self._returned(lane, lane.locked)
                lane.locked = []
                self._put_off(lane)
            else:
                lane.tries = 0
            if lane.size or lane.busy:
                self._lanes[lane.user_id] = lane
            elif lane.pace.apart(self._first):
                self._paces[lane.user_id] = lane.pace
                if len(self._paces) > _PACES:
                    del self._paces[next(iter(self._paces))]
        self._gathered.set()

    def _put_off(self, lane: _Lane[Item, Outcome]) -> None:
        """Commit the lane of a locked user when the lock is free, while others are committed."""
        if self._waiters < _WAITERS:
            self._waiters += 1
            self._run_in_background(self._commit_when_free({lane: self._taken(lane, self._most)}))
        else:
            later_s = min(_TRY_AGAIN_S * 2**lane.tries, _TRY_AGAIN_AT_MOST_S)
            lane.tries += 1
            lane.put_off = True
            asyncio.get_running_loop().call_later(later_s, self._try_again, lane)

    def _try_again(self, lane: _Lane[Item, Outcome]) -> None:
        lane.put_off = False
        self._gathered.set()

    async def _commit_when_free(self, batch: _Batch[Item, Outcome]) -> None:
        try:
            await self._commit(batch, wait=True)
        finally:
            self._waiters -= 1

    def _run_in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def _learn(self, batch: _Batch[Item, Outcome], seconds: float) -> None:
        """Remember how much of a user makes a commit slow."""
        sizes = {lane: _size(parts) for lane, parts in batch.items()}
        if sum(sizes.values()) <= self._few:
            self._usual_s = seconds
        else:
            # Until it is measured again: it may have been what else went on that made few items take long.
            self._usual_s *= 0.95
        largest = max(sizes, key=lambda lane: sizes[lane])
        if sizes[largest] > self._few and seconds > max(_SLOW_S, 2 * self._usual_s):
            largest.pace.share = max(self._few, sizes[largest] // 2)
        elif len(batch) == 1:
            largest.pace.grow(sizes[largest], self._most)

    def _blames_an_item(self, error: Exception) -> bool:
        """Whether a commit failed for what was in it, and not for the database."""
        if isinstance(error, SQLAlchemyError | DatabaseFailure | OSError):
            return self._backend.blames_the_data(error)
        return True

    async def _isolate_and_free(self, batch: _Batch[Item, Outcome], error: Exception) -> None:
        async with self._isolations:
            await self._isolate(batch, error, _Attempts(_TRIES_BY_USER))
        self._free(batch)

    async def _isolate(self, batch: _Batch[Item, Outcome], error: Exception, attempts: _Attempts) -> None:
        """Store what can be stored of a batch that failed so: by halves of its users, then of one user's items."""
        lanes = list(batch)
        if len(lanes) == 1:
            lanes[0].pace.suspected = _SUSPECTED
            indexes = [(part.submission, index) for part in batch[lanes[0]] for index in part.indexes]
            await self._isolate_items(indexes, error, _Attempts(_TRIES_BY_ITEM))
            return
        for half in (lanes[: len(lanes) // 2], lanes[len(lanes) // 2 :]):
            some = {lane: batch[lane] for lane in half}
            if not attempts.take_one():
                # One by one, in their turns.
                for lane, parts in some.items():
                    lane.pace.suspected = max(lane.pace.suspected, 1)
                    self._returned(lane, parts)
                continue
            try:
                self._settle(some, await self._stored(_items_of(some.values()), wait=False))
            except Exception as failure:  # noqa: BLE001 - as above
                if self._blames_an_item(failure):
                    await self._isolate(some, failure, attempts)
                else:
                    _fail(some, failure)

    async def _isolate_items(self, indexes: _Numbered[Item, Outcome], error: Exception, attempts: _Attempts) -> None:
        """The same of one user's items, in their order."""
        if len(indexes) == 1:
            self._refuse(*indexes[0], error)
            return
        middle = len(indexes) // 2
        for some in (indexes[:middle], indexes[middle:]):
            half = [each for each in some if not each[0].failed]
            if half and not attempts.take_one():
                for submission, index in half:
                    submission.settle([index], [_TOO_MANY])
            elif half and (failure := await self._store_apart(half)):
                await self._isolate_items(half, failure, attempts)

    async def _store_apart(self, indexes: _Numbered[Item, Outcome]) -> Exception | None:
        """Store these items of one user, or say what is wrong with one of them."""
        try:
            outcomes = await self._stored([submission.items[index] for submission, index in indexes], wait=True)
        except Exception as error:  # noqa: BLE001 - as above
            if self._blames_an_item(error):
                return error
            for submission, _ in indexes:
                submission.fail(error)
            return None
        for (submission, index), outcome in zip(indexes, outcomes, strict=True):
            if not isinstance(outcome, Locked):
                submission.settle([index], [outcome])
        return None

    def _refuse(self, submission: _Submission[Item, Outcome], index: int, error: Exception) -> None:
        if isinstance(error, ExpectedError):
            submission.settle([index], [error])
        elif isinstance(error, SQLAlchemyError | DatabaseFailure | OSError):
            log.error("one of the %s was not stored", self._of, exc_info=error)
            submission.settle([index], [_UNSTORABLE])
        else:
            log.error("one of the %s was not stored", self._of, exc_info=error)
            submission.fail(error)

    async def _stored(self, items: Sequence[Item], wait: bool) -> Sequence[Outcome | Locked]:
        self._sizes.observe(len(items))
        for _ in range(_RETRIES):
            try:
                with self._times.time():
                    return await self._store(items, wait)
            except (SQLAlchemyError, DatabaseFailure) as error:
                if not self._backend.may_succeed_again(error):
                    raise
        return await self._store(items, wait)


_UNSTORABLE: Final = InvalidInput("The database cannot hold this, or a sum that it would add to.")
_TOO_MANY: Final = InvalidInput(
    "This was not stored: too many of those that were sent with it cannot be. Send it again without them."
)


def _is_within(seconds: float, moment_s: float | None) -> bool:
    return moment_s is not None and asyncio.get_running_loop().time() - moment_s < seconds


def _stopping() -> Overloaded:
    return Overloaded("The server stops before this could be stored; send it again.", retry_after_ms=_RETRY_AFTER_MS)


@dataclass(slots=True, eq=False)
class _Submission(Generic[Item, Outcome]):
    items: Sequence[Item]
    done: asyncio.Future[list[Outcome | ExpectedError]]
    since_s: float
    left: int
    failed: bool = False
    outcomes: dict[int, Outcome | ExpectedError] = field(default_factory=dict)

    def settle(self, indexes: Sequence[int], outcomes: Sequence[Outcome | ExpectedError]) -> None:
        """Say what became of some items; the caller hears of it when all are settled."""
        if self.failed:
            return
        self.outcomes.update(zip(indexes, outcomes, strict=True))
        self.left -= len(indexes)
        # The caller may have gone; what was submitted is stored all the same.
        if not self.left and not self.done.done():
            self.done.set_result([self.outcomes[index] for index in range(len(self.items))])

    def fail(self, error: Exception) -> None:
        """Give up what is not settled yet: where something is stored already, the caller must hear which."""
        if self.failed:
            return
        self.failed = True
        if self.done.done():
            return
        if not self.outcomes:
            self.done.set_exception(error)
            return
        later = Overloaded("This was not stored, others sent with it were; send it again.", _RETRY_AFTER_MS)
        self.done.set_result([self.outcomes.get(index, later) for index in range(len(self.items))])


@dataclass(slots=True)
class _Part(Generic[Item, Outcome]):
    """Some items of a submission, by their indexes in it."""

    submission: _Submission[Item, Outcome]
    indexes: Sequence[int]

    @property
    def size(self) -> int:
        return len(self.indexes)


@dataclass(slots=True)
class _Pace:
    """How much of a user is in one commit, and whether with others."""

    share: int
    suspected: int = 0
    """Commits to make apart, as one was spoilt."""

    def apart(self, first: int) -> bool:
        return self.share < first or self.suspected > 0

    def grow(self, size: int, most: int) -> None:
        """So many items alone made no commit slow."""
        self.share = min(most, self.share + max(size, self.share // 8))
        self.suspected = max(0, self.suspected - 1)


@dataclass(slots=True, eq=False)
class _Lane(Generic[Item, Outcome]):
    """What waits of one user, in order."""

    user_id: UUID
    pace: _Pace
    waiting: deque[_Part[Item, Outcome]] = field(default_factory=deque)
    size: int = 0
    busy: bool = False
    """Whether some of it is being committed: what follows comes after that."""
    locked: list[_Part[Item, Outcome]] = field(default_factory=list)
    """What could not be committed, as another transaction has the user's lock."""
    put_off: bool = False
    tries: int = 0
    """How often the lock was not free, one time after the other."""

    def add(self, part: _Part[Item, Outcome]) -> None:
        self.waiting.append(part)
        self.size += part.size

    def put_back(self, parts: Sequence[_Part[Item, Outcome]]) -> None:
        self.waiting.extendleft(reversed(parts))
        self.size += _size(parts)

    def take(self, most: int) -> list[_Part[Item, Outcome]]:
        """What is next: whole submissions, or a part of one that is larger."""
        parts: list[_Part[Item, Outcome]] = []
        room = most
        while self.waiting and room:
            part = self.waiting[0]
            if part.size > room and parts:
                break
            self.waiting.popleft()
            if part.submission.failed:
                self.size -= part.size
                continue
            if part.size > room:
                self.waiting.appendleft(_Part(part.submission, part.indexes[room:]))
                part = _Part(part.submission, part.indexes[:room])
            self.size -= part.size
            room -= part.size
            parts.append(part)
        return parts


_Numbered = Sequence[tuple[_Submission[Item, Outcome], int]]
_Batch = dict[_Lane[Item, Outcome], list[_Part[Item, Outcome]]]


@dataclass(slots=True)
class _Attempts:
    left: int

    def take_one(self) -> bool:
        self.left -= 1
        return self.left >= 0


def _size(parts: Iterable[_Part[Any, Any]]) -> int:
    return sum(part.size for part in parts)


def _items_of(batch: Iterable[Iterable[_Part[Item, Outcome]]]) -> list[Item]:
    return [part.submission.items[index] for parts in batch for part in parts for index in part.indexes]


def _fail(batch: _Batch[Item, Outcome], error: Exception) -> None:
    for parts in batch.values():
        for part in parts:
            part.submission.fail(error)
