"""The compute pool: computation offloaded from the event loop to a few threads, which users get round-robin."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Final, TypeVar, TypeVarTuple
from uuid import UUID

from models.database.fair_queue import REST, Activity, FairQueue

Given = TypeVarTuple("Given")
Made = TypeVar("Made")
Item = TypeVar("Item")

_THREADS: Final = 2
"""More threads would not help: the interpreter runs one at a time, and they compete with the event loop."""
_WAITING_PER_USER: Final = 1_000
_LONG_S: Final = 0.005
"""Longer work is followed by a rest. While a thread computes, each of the dozens of steps of every request waits for the
interpreter.
"""
_CHECKED_EVERY: Final = 256
"""After how many items `while_wanted` checks for a cancellation."""

_threads: Final = ThreadPoolExecutor(_THREADS, "compute")
_here: Final = threading.local()


class _Unwanted(Exception):
    """The caller that waited for the work was cancelled."""


def while_wanted(items: Iterable[Item]) -> Iterator[Item]:
    """Iterate over the items until the caller of the work that runs in this thread is cancelled.

    A thread cannot be stopped from outside, so long work must iterate with this function.
    """
    unwanted: threading.Event | None = getattr(_here, "unwanted", None)
    for number, item in enumerate(items):
        if number % _CHECKED_EVERY == 0 and unwanted is not None and unwanted.is_set():
            raise _Unwanted
        yield item


class Compute:
    """Runs work that would block the event loop in threads, one piece of work per user at a time."""

    def __init__(self, activity: Activity | None = None) -> None:
        """With `activity`, a user's next long work starts after a rest while other users are active; without, at once."""
        self._slots = FairQueue(
            "compute",
            in_all=_THREADS,
            per_user=1,
            waiting_per_user=_WAITING_PER_USER,
            activity=activity or Activity(),
        )

    async def offload(self, user_id: UUID, work: Callable[[*Given], Made], *given: *Given) -> Made:
        """Run `work(*given)` in a thread and return its result. Raises Overloaded if too much work of the user waits."""
        await self._slots.acquire(user_id)
        # No local variable holds the future: an exception refers to this frame, and would form a cycle with its future.
        return await self._begun(user_id, work, *given)

    def _begun(self, user_id: UUID, work: Callable[[*Given], Made], *given: *Given) -> asyncio.Future[Made]:
        loop = asyncio.get_running_loop()
        unwanted = threading.Event()
        took_s = 0.0

        def run() -> Made:
            nonlocal took_s
            _here.unwanted = unwanted
            started_s = time.thread_time()
            try:
                return work(*given)
            finally:
                took_s = time.thread_time() - started_s

        running = _threads.submit(run)

        def release() -> None:
            self._slots.release_after_rest(user_id, REST * took_s if took_s > _LONG_S else 0.0)

        def ended(_running: Future[Any]) -> None:
            # Cancelling the caller does not stop the thread, so the slot stays taken until the work has ended.
            with suppress(RuntimeError):  # the loop has ended before it
                loop.call_soon_threadsafe(release)

        running.add_done_callback(ended)
        result = asyncio.wrap_future(running)
        result.add_done_callback(lambda _: unwanted.set())
        return result
