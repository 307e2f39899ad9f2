"""The compute pool: arithmetic offloaded from the event loop, in few threads that users share in turn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Final, TypeVar, TypeVarTuple
from uuid import UUID

from models.fair_queue import FairQueue

Given = TypeVarTuple("Given")
Made = TypeVar("Made")

_THREADS: Final = 2
"""Threads that compute take time from the event loop all the same, and from each other: the interpreter runs one of them."""
_WAITING_PER_USER: Final = 1_000

_threads: Final = ThreadPoolExecutor(_THREADS, "compute")


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
        running = _threads.submit(work, *given)

        def ended(_running: Future[Any]) -> None:
            # A caller that is cancelled does not end the thread: the slot is taken until the work has ended.
            with suppress(RuntimeError):  # the loop has ended before it
                loop.call_soon_threadsafe(self._slots.release, user_id)

        running.add_done_callback(ended)
        return asyncio.wrap_future(running)
