"""Shielded work runs to its end although its caller is cancelled, for example because the client disconnected.

Writes are shielded so that the events of a commit are always published; shared reads are, because others wait for them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any, TypeVar

Result = TypeVar("Result")

_running: set[asyncio.Future[Any]] = set()


async def shielded(work: Awaitable[Result]) -> Result:
    """The result of the work. When the caller is cancelled, the work goes on."""
    task = asyncio.ensure_future(work)
    _running.add(task)
    task.add_done_callback(_forget)
    return await asyncio.shield(task)


async def all_ended(within_s: float) -> None:
    """Wait until no shielded work runs, at most `within_s` seconds. Work that still runs then is acknowledged to nobody."""
    with suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            while _running:
                await asyncio.wait(_running)


def _forget(task: asyncio.Future[Any]) -> None:
    _running.discard(task)
    if not task.cancelled():
        task.exception()  # marks it as seen: the caller may be gone, and asyncio would log it
