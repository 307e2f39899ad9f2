"""A fair limit on concurrency: waiting users are admitted round-robin, however many requests each of them has."""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from uuid import UUID

from prometheus_client import Gauge

from domain.error import Overloaded

_RETRY_AFTER_MS: Final = 1_000
_TURNS: Final = 4
_ACTIVE_FOR_S: Final = 1.0
REST: Final = 2.0
"""The usual length of a rest: twice the time of the work, so that one user gets at most a third of the time."""
_TRANSACTIONS_WAITING_PER_USER: Final = 2_000
_TRANSACTIONS_PATIENCE_S: Final = 30.0

WAITING: Final = Gauge(
    "router_waiting", "Work that waits for a slot of a fair queue", ["what"], multiprocess_mode="livesum"
)


class Activity:
    """Remembers which users were active lately. Long work of a user is followed by a rest only while others are active."""

    def __init__(self) -> None:
        self._latest: tuple[UUID | None, float] = (None, -math.inf)
        self._other: tuple[UUID | None, float] = (None, -math.inf)
        """The latest user and the latest other user, each with the time in seconds."""

    def note(self, user_id: UUID | None) -> None:
        """Remember that the user is active now."""
        if user_id != self._latest[0]:
            self._other = self._latest
        self._latest = user_id, time.monotonic()

    def others_than(self, user_id: UUID | None) -> bool:
        """Whether another user has been active within the last second."""
        return any(
            other != user_id and time.monotonic() - at_s < _ACTIVE_FOR_S for other, at_s in (self._latest, self._other)
        )


class FairQueue:
    """Grants slots: at most `in_all` at once, and at most `per_user` of them to one user.

    A user's requests are admitted in the order of their arrival, and users round-robin: while a user who may have another
    slot waits for it, every other user is admitted at most once. A slot is never free while a user who may have it waits.

    A request fails with Overloaded at once if its user has `waiting_per_user` requests waiting, and after it has waited for
    `patience_s`. None means no limit, for queues that are bounded in another way.

    The user `None` is the server itself, which waits without a limit. A queue belongs to one event loop.
    """

    def __init__(
        self,
        what: str,
        *,
        in_all: int,
        per_user: int,
        waiting_per_user: int | None,
        patience_s: float | None = None,
        activity: Activity | None = None,
    ) -> None:
        """`what` names the limited resource in metrics and in the messages of expected errors.

        With `activity`, each turn counts as activity of its user, and a user rests only while others are active.
        """
        self._activity = activity
        self._what = what
        self._per_user = per_user
        self._waiting_per_user = waiting_per_user
        self._patience_s = patience_s
        self._free = in_all
        self._running: dict[UUID | None, int] = {}
        # The waiting users, the next one first, each with the requests in the order of their arrival.
        self._waiting: OrderedDict[UUID | None, OrderedDict[asyncio.Future[None], None]] = OrderedDict()
        self._depth = WAITING.labels(what)

    @asynccontextmanager
    async def slot(self, user_id: UUID | None) -> AsyncIterator[None]:
        """Hold a slot while the block runs. Raises Overloaded."""
        await self.acquire(user_id)
        try:
            yield
        finally:
            self.release(user_id)

    async def turn(self, user_id: UUID | None, *, iterations: int = 1, rest: float = 0.0) -> None:
        """Wait for a slot, and release it after this many iterations of the event loop. Raises Overloaded.

        Call this before each piece of work on the event loop itself: one user then runs at most one piece in `iterations`
        iterations. A request of another user needs some tens of iterations; without other work they take no time. A request
        also waits for the database meanwhile. With `rest`, the slot is therefore kept for `rest` times as long as the work
        takes, while other users are active.
        """
        if self._activity is not None:
            self._activity.note(user_id)
        if self._may_run(user_id):
            self._take(user_id)
        else:
            await self._wait(user_id)
        if rest:
            asyncio.get_running_loop().call_soon(self._rest, time.monotonic(), rest, iterations, user_id)
        else:
            self._release_after(iterations, user_id)

    def _rest(self, started_s: float, rest: float, iterations: int, user_id: UUID | None) -> None:
        """Called when the piece of work, or its first part, has ended."""
        self.release_after_rest(user_id, rest * (time.monotonic() - started_s), iterations=iterations)

    def release_after_rest(self, user_id: UUID | None, rest_s: float, *, iterations: int = 0) -> None:
        """Give a slot back: wait `rest_s` if other users are active, and then so many iterations of the event loop."""
        if rest_s and (self._activity is None or self._activity.others_than(user_id)):
            asyncio.get_running_loop().call_later(rest_s, self._release_after, iterations, user_id)
        else:
            self._release_after(iterations, user_id)

    def _release_after(self, iterations: int, user_id: UUID | None) -> None:
        if iterations == 0:
            self.release(user_id)
        else:
            asyncio.get_running_loop().call_soon(self._release_after, iterations - 1, user_id)

    async def acquire(self, user_id: UUID | None) -> None:
        """Wait for a slot. Give it back with `release`. Raises Overloaded."""
        if self._may_run(user_id):
            self._take(user_id)
        else:
            await self._wait(user_id)

    async def _wait(self, user_id: UUID | None) -> None:
        """Raises Overloaded."""
        waits_already = len(self._waiting.get(user_id, ()))
        if self._waiting_per_user is not None and waits_already >= self._waiting_per_user:
            raise Overloaded(
                f"{waits_already} of your requests wait for a slot ({self._what}) already.", _RETRY_AFTER_MS
            )
        granted = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(user_id, OrderedDict())[granted] = None
        self._depth.inc()
        try:
            if user_id is None or self._patience_s is None:
                await granted
            else:
                async with asyncio.timeout(self._patience_s):
                    await granted
        except BaseException as error:
            if granted.done() and not granted.cancelled():
                self.release(user_id)  # the slot was granted too late
            else:
                self._forget(user_id, granted)
            if isinstance(error, TimeoutError):
                message = f"No slot ({self._what}) was free within {self._patience_s:g} s."
                raise Overloaded(message, _RETRY_AFTER_MS) from None
            raise
        finally:
            self._depth.dec()

    def release(self, user_id: UUID | None) -> None:
        """Give a slot back, and admit the next user."""
        self._free += 1
        self._running[user_id] -= 1
        if not self._running[user_id]:
            del self._running[user_id]
        if not self._waiting:
            return
        # Users who have all their slots keep their position in the queue; there are at most as many of them as slots.
        while (admitted := next(filter(self._may_run, self._waiting), ...)) is not ...:
            granted, _ = self._waiting[admitted].popitem(last=False)
            # A request that was cancelled is skipped, and is no turn of its user.
            if is_granted := not granted.done():
                self._take(admitted)
                granted.set_result(None)
                self._waiting.move_to_end(admitted)
            if not self._waiting[admitted]:
                del self._waiting[admitted]
            if is_granted:
                return

    def _may_run(self, user_id: UUID | None) -> bool:
        return self._free > 0 and self._running.get(user_id, 0) < self._per_user

    def _take(self, user_id: UUID | None) -> None:
        self._free -= 1
        self._running[user_id] = self._running.get(user_id, 0) + 1

    def _forget(self, user_id: UUID | None, granted: asyncio.Future[None]) -> None:
        waiting = self._waiting.get(user_id)
        if waiting is not None and waiting.pop(granted, ...) is None and not waiting:
            del self._waiting[user_id]


def connection_queue(*, in_all: int, per_user: int) -> FairQueue:
    """A queue for connections to the database."""
    return _transaction_queue("connections", in_all=in_all, per_user=per_user)


def write_queue(*, in_all: int) -> FairQueue:
    """A queue for transactions that write, with one slot per user."""
    return _transaction_queue("writes", in_all=in_all, per_user=1)


def _transaction_queue(what: str, *, in_all: int, per_user: int) -> FairQueue:
    return FairQueue(
        what,
        in_all=in_all,
        per_user=per_user,
        waiting_per_user=_TRANSACTIONS_WAITING_PER_USER,
        patience_s=_TRANSACTIONS_PATIENCE_S,
    )


def event_loop_queue(activity: Activity | None = None) -> FairQueue:
    """A queue for pieces of work on the event loop.

    It needs no limit of its own: only subscriptions and requests wait in it, and both are limited already.
    """
    return FairQueue("event loop", in_all=_TURNS, per_user=1, waiting_per_user=None, activity=activity)
