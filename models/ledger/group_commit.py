"""Group commit: the items of concurrent callers share one transaction.

While one batch commits, the next one gathers; there is no artificial delay. Callers get their outcomes after the commit.

The queue is fair. Each user has a lane that keeps the order of the user's items, and each commit takes equal shares from all
lanes. A user whose items make commits slow or fail is committed separately, alternating with the others, in smaller parts.
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
"""The most items in one commit."""
QUEUED_TIMES: Final = 10
"""The limit of the queue, as a multiple of the limit of one commit."""
_RETRY_AFTER_MS: Final = 1_000
_RETRIES: Final = 5

# How much of one user is in one commit.
_SLOW_S: Final = 0.1
"""A longer commit is slow, unless the database takes at least half as long for a few items."""
_FIRST: Final = 8
"""A user starts with 1/8 of the limit of a commit, until larger commits have been measured."""
_FEW: Final = 200
"""1/200 of the limit of a commit is too little to make it slow: if such a commit takes long, the database is slow."""
_SUSPECTED: Final = 32
"""How many commits a user is committed separately after one of the user's items made a commit fail."""
_PACES: Final = 10_000
"""How many users' paces are remembered while they have nothing in the queue."""

# How the items that make a commit fail are found.
_TRIES_BY_USER: Final = 32
"""Transactions spent on finding the users of these items; the remaining users are then committed one by one."""
_TRIES_BY_ITEM: Final = 32
"""Transactions spent on finding these items among those of one user; the remaining items are then rejected."""
_ISOLATIONS: Final = 2
"""How many such searches run at once."""

# What happens to users whose lock another transaction holds.
_WAITERS: Final = 2
"""How many transactions may wait for the lock of one user each. Further locked users are tried again later."""
_TRY_AGAIN_S: Final = 0.005
_TRY_AGAIN_AT_MOST_S: Final = 0.1

QUEUE_DEPTH: Final = Gauge(
    "router_ledger_queued", "Items that wait to be committed", ["of"], multiprocess_mode="livesum"
)
BATCH_SIZE: Final = Histogram(
    "router_ledger_batch",
    "Items in one commit",
    ["of"],
    buckets=[1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000],
)
COMMIT_TIME: Final = Histogram(
    "router_ledger_commit_seconds", "Duration of one commit, from BEGIN to COMMIT, in seconds", ["of"]
)

log = logging.getLogger(__name__)
Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


class Locked:
    """The outcome of an item that was not stored yet, because another transaction holds the lock of its user."""


LOCKED: Final = Locked()


class GroupCommit(Generic[Item, Outcome]):
    """A queue of items, and the tasks that commit them. Use it inside `running()`.

    `store` stores items in one transaction and returns one outcome per item. Its second argument says whether it waits for
    the locks of users; if not, the outcome of items of locked users is LOCKED. `user_of` returns the user of an item. `of`
    names the items in metrics and log messages. One commit contains at most `most` items, and at most ten times as many
    wait; if they belong to one user, others still have room. With `limited`, draining has a time limit.
    """

    drained_within_s: ClassVar = 5.0
    """The time to drain the queue at shutdown, with `limited`. Otherwise draining takes as long as the database does."""

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
        # The users with items waiting or being committed; the user whose turn is next comes first.
        self._lanes: dict[UUID, _Lane[Item, Outcome]] = {}
        self._paces: dict[UUID, _Pace] = {}
        self._queued = 0
        self._large_next = False
        self._usual_s = 0.0
        self._gathered = asyncio.Event()
        self._unsettled: dict[_Submission[Item, Outcome], None] = {}
        """Submissions without an outcome, the oldest first."""
        self._failed_at_s: float | None = None
        self._committed_at_s: float | None = None
        self._closed = False
        self._drained_by_s = 0.0
        self._background: set[asyncio.Task[None]] = set()
        self._isolations = asyncio.Semaphore(_ISOLATIONS)
        self._waiters = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Commit submissions while the block runs. At its end, drain the queue.

        Submissions that cannot be committed in time fail with Overloaded; none of them was acknowledged.
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
        """Reject further submissions. With `limited`, those in the queue have `drained_within_s` to be committed."""
        if not self._closed:
            self._closed = True
            self._drained_by_s = asyncio.get_running_loop().time() + self.drained_within_s
            self._gathered.set()

    @property
    def waits_s(self) -> float:
        """For how many seconds the oldest submission has waited without any successful commit."""
        oldest = next(iter(self._unsettled), None)
        if oldest is None:
            return 0.0
        # While commits of other users succeed, the database is not at fault.
        since_s = max(oldest.since_s, self._committed_at_s or 0.0)
        return asyncio.get_running_loop().time() - since_s

    def failed_within(self, seconds: float) -> bool:
        """Whether the last commit failed within the last `seconds`, for a reason other than its items."""
        return _is_within(seconds, self._failed_at_s)

    def committed_within(self, seconds: float) -> bool:
        """Whether a commit succeeded within the last `seconds`."""
        return _is_within(seconds, self._committed_at_s)

    def check_room(self, sizes: Mapping[UUID, int]) -> None:
        """Raise Overloaded if the queue has no room for these numbers of items, by user."""
        limit = QUEUED_TIMES * self._most
        full = self._queued + sum(sizes.values()) > limit
        users = len(self._lanes.keys() | sizes.keys())
        for user_id, size in sizes.items():
            own = self._lanes[user_id].size if user_id in self._lanes else 0
            # A full queue still accepts items of users who have less than an equal share in it.
            if self._closed or (full and own + size > limit // users):
                raise Overloaded("The ledger is full; send this again later.", retry_after_ms=_RETRY_AFTER_MS)

    async def submit(self, items: Sequence[Item]) -> list[Outcome | ExpectedError]:
        """Commit these items. Returns one outcome per item, in order, once they are on disk.

        An item that cannot be stored fails alone. Raises Overloaded as `check_room` does, and the error of the database,
        with nothing stored.
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
        """The next batch, in which users have equal shares.

        Batches of users with few items alternate with batches of users with many. A user who is committed separately has a
        batch alone.
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
        # The smallest lanes come first, so that what they leave of their share goes to the others.
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
        """Store a batch and free its lanes."""
        started = time.monotonic()
        try:
            self._settle(batch, await self._stored(_items_of(batch.values()), wait))
        except Exception as error:  # noqa: BLE001 - any error is passed to the callers, and the ledger goes on
            if not self._blames_an_item(error):
                self._failed_at_s = asyncio.get_running_loop().time()
                _fail(batch, error)
            else:
                # In the background, so that other users are committed meanwhile.
                self._run_in_background(self._isolate_and_free(batch, error))
                return
        else:
            self._failed_at_s, self._committed_at_s = None, asyncio.get_running_loop().time()
            if not wait:
                self._learn(batch, time.monotonic() - started)
        self._free(batch)

    def _settle(self, batch: _Batch[Item, Outcome], outcomes: Iterable[Outcome | Locked]) -> None:
        """Pass the outcomes to the submissions. Items of locked users are kept for `_free` to put back."""
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
        """Make these lanes available again, with their next turn after all others."""
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
        """Commit the lane of a locked user later: in a transaction that waits for the lock, or in a later batch."""
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
        """Adapt the share of the largest lane to how long this commit took."""
        sizes = {lane: _size(parts) for lane, parts in batch.items()}
        if sum(sizes.values()) <= self._few:
            self._usual_s = seconds
        else:
            # Decays until it is measured again, because other load may have slowed the last measurement.
            self._usual_s *= 0.95
        largest = max(sizes, key=lambda lane: sizes[lane])
        if sizes[largest] > self._few and seconds > max(_SLOW_S, 2 * self._usual_s):
            largest.pace.share = max(self._few, sizes[largest] // 2)
        elif len(batch) == 1:
            largest.pace.grow(sizes[largest], self._most)

    def _blames_an_item(self, error: Exception) -> bool:
        """Whether a commit failed because of one of its items, and not because of the database."""
        if isinstance(error, SQLAlchemyError | DatabaseFailure | OSError):
            return self._backend.blames_the_data(error)
        return True

    async def _isolate_and_free(self, batch: _Batch[Item, Outcome], error: Exception) -> None:
        async with self._isolations:
            await self._isolate(batch, error, _TryLimit(_TRIES_BY_USER))
        self._free(batch)

    async def _isolate(self, batch: _Batch[Item, Outcome], error: Exception, limit: _TryLimit) -> None:
        """Store what can be stored of a batch that failed with `error`.

        Bisects the users of the batch, then the items of the users that make it fail.
        """
        lanes = list(batch)
        if len(lanes) == 1:
            lanes[0].pace.suspected = _SUSPECTED
            indexes = [(part.submission, index) for part in batch[lanes[0]] for index in part.indexes]
            await self._isolate_items(indexes, error, _TryLimit(_TRIES_BY_ITEM))
            return
        for half in (lanes[: len(lanes) // 2], lanes[len(lanes) // 2 :]):
            some = {lane: batch[lane] for lane in half}
            if not limit.take_one():
                # The remaining users go back to the queue and are committed one by one.
                for lane, parts in some.items():
                    lane.pace.suspected = max(lane.pace.suspected, 1)
                    self._returned(lane, parts)
                continue
            try:
                self._settle(some, await self._stored(_items_of(some.values()), wait=False))
            except Exception as failure:  # noqa: BLE001 - as above
                if self._blames_an_item(failure):
                    await self._isolate(some, failure, limit)
                else:
                    _fail(some, failure)

    async def _isolate_items(self, indexes: _Numbered[Item, Outcome], error: Exception, limit: _TryLimit) -> None:
        """Store what can be stored of one user's items, by bisection, in their order."""
        if len(indexes) == 1:
            self._refuse(*indexes[0], error)
            return
        middle = len(indexes) // 2
        for some in (indexes[:middle], indexes[middle:]):
            half = [each for each in some if not each[0].failed]
            if half and not limit.take_one():
                for submission, index in half:
                    submission.settle([index], [_TOO_MANY])
            elif half and (failure := await self._store_apart(half)):
                await self._isolate_items(half, failure, limit)

    async def _store_apart(self, indexes: _Numbered[Item, Outcome]) -> Exception | None:
        """Store these items of one user. Returns the error if one of them made the commit fail."""
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


_UNSTORABLE: Final = InvalidInput("The database cannot store this, or a sum that includes it.")
_TOO_MANY: Final = InvalidInput(
    "This was not stored, because too many others sent with it cannot be stored. Send it again without them."
)


def _is_within(seconds: float, moment_s: float | None) -> bool:
    return moment_s is not None and asyncio.get_running_loop().time() - moment_s < seconds


def _stopping() -> Overloaded:
    return Overloaded("The server stopped before it stored this; send it again.", retry_after_ms=_RETRY_AFTER_MS)


@dataclass(slots=True, eq=False)
class _Submission(Generic[Item, Outcome]):
    """The items that one caller submitted, and their outcomes by index."""

    items: Sequence[Item]
    done: asyncio.Future[list[Outcome | ExpectedError]]
    since_s: float
    left: int
    failed: bool = False
    outcomes: dict[int, Outcome | ExpectedError] = field(default_factory=dict)

    def settle(self, indexes: Sequence[int], outcomes: Sequence[Outcome | ExpectedError]) -> None:
        """Set the outcomes of some items. The caller gets the result when all items have one."""
        if self.failed:
            return
        self.outcomes.update(zip(indexes, outcomes, strict=True))
        self.left -= len(indexes)
        # The caller may have been cancelled; the items are stored all the same.
        if not self.left and not self.done.done():
            self.done.set_result([self.outcomes[index] for index in range(len(self.items))])

    def fail(self, error: Exception) -> None:
        """Fail the items without an outcome. If others are stored already, the caller gets one outcome per item."""
        if self.failed:
            return
        self.failed = True
        if self.done.done():
            return
        if not self.outcomes:
            self.done.set_exception(error)
            return
        later = Overloaded("This was not stored, while others sent with it were; send it again.", _RETRY_AFTER_MS)
        self.done.set_result([self.outcomes.get(index, later) for index in range(len(self.items))])


@dataclass(slots=True)
class _Part(Generic[Item, Outcome]):
    """Some items of a submission, by index."""

    submission: _Submission[Item, Outcome]
    indexes: Sequence[int]

    @property
    def size(self) -> int:
        return len(self.indexes)


@dataclass(slots=True)
class _Pace:
    """How many items of a user go into one commit, and whether the user is committed separately."""

    share: int
    suspected: int = 0
    """How many more commits the user is committed separately."""

    def apart(self, first: int) -> bool:
        return self.share < first or self.suspected > 0

    def grow(self, size: int, most: int) -> None:
        """Raise the share after a commit of `size` items of this user alone that was not slow."""
        self.share = min(most, self.share + max(size, self.share // 8))
        self.suspected = max(0, self.suspected - 1)


@dataclass(slots=True, eq=False)
class _Lane(Generic[Item, Outcome]):
    """The queue of one user, in order."""

    user_id: UUID
    pace: _Pace
    waiting: deque[_Part[Item, Outcome]] = field(default_factory=deque)
    size: int = 0
    busy: bool = False
    """Whether some items are being committed. Later items wait until that commit ends."""
    locked: list[_Part[Item, Outcome]] = field(default_factory=list)
    """Items that were not committed because another transaction holds the user's lock."""
    put_off: bool = False
    """Whether the lane waits for `_TRY_AGAIN_S` or longer before its next try."""
    tries: int = 0
    """How many times in a row the lock was held by another transaction."""

    def add(self, part: _Part[Item, Outcome]) -> None:
        self.waiting.append(part)
        self.size += part.size

    def put_back(self, parts: Sequence[_Part[Item, Outcome]]) -> None:
        self.waiting.extendleft(reversed(parts))
        self.size += _size(parts)

    def take(self, most: int) -> list[_Part[Item, Outcome]]:
        """Take the next items, at most `most`: whole submissions, or a part of one that is larger than `most`."""
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
class _TryLimit:
    """A limit on the number of transactions that a search may spend."""

    left: int

    def take_one(self) -> bool:
        """Count one transaction. Returns whether the limit allows it."""
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
