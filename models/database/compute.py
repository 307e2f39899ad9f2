"""The compute pool: arithmetic offloaded from the event loop, in few threads that users share in turn."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Final, TypeVar, TypeVarTuple
from uuid import UUID

from models.database.fair_queue import FairQueue

Given = TypeVarTuple("Given")
Made = TypeVar("Made")
Item = TypeVar("Item")
_THREADS: Final = 2
"""Threads that compute take time from the event loop all the same, and from each other: the interpreter runs one of them."""
_WAITING_PER_USER: Final = 1_000
_threads: Final = ThreadPoolExecutor(_THREADS, "compute")
_here: Final = threading.local()
_CHECKED_EVERY: Final = 256


class _Unwanted(Exception):
    """Whoever waited for the work was cancelled."""


def while_wanted(items: Iterable[Item]) -> Iterator[Item]:
    """These, until nobody waits any more for the work that is offloaded to this thread.

    No thread can be ended from outside: work that goes on for long asks here whether it still should.
    """
    unwanted: threading.Event | None = getattr(_here, "unwanted", None)
    for number, item in enumerate(items):
        if number % _CHECKED_EVERY == 0 and unwanted is not None and unwanted.is_set():
            raise _Unwanted
        yield item


class Compute:
    """Runs what would keep the event loop busy, one piece at a time for each user."""

    def __init__(self) -> None:
        self._slots = FairQueue("compute", in_all=_THREADS, per_user=1, waiting_per_user=_WAITING_PER_USER)

    async def offload(self, user_id: UUID, work: Callable[[*Given], Made], *given: *Given) -> Made:
        """The result of the work, which this user waits for. Raises Overloaded when too much of theirs waits already."""
        await self._slots.acquire(user_id)
        # Nothing here names the future: a failure that refers to this frame would refer to itself by it, and stay in memory.
        return await self._begun(user_id, work, *given)

    def _begun(self, user_id: UUID, work: Callable[[*Given], Made], *given: *Given) -> asyncio.Future[Made]:
        loop = asyncio.get_running_loop()
        unwanted = threading.Event()

        def run() -> Made:
            _here.unwanted = unwanted
            return work(*given)

        running = _threads.submit(run)

        def ended(_running: Future[Any]) -> None:
            # A caller that is cancelled does not end the thread: the slot is taken until the work has ended.
            with suppress(RuntimeError):  # the loop has ended before it
                loop.call_soon_threadsafe(self._slots.release, user_id)

        running.add_done_callback(ended)
        result = asyncio.wrap_future(running)
        result.add_done_callback(lambda _: unwanted.set())
        return result
