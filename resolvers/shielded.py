"""Work that runs to its end, also when the client that asked for it has gone: what writes, and what several wait for.

Cancelled half-way, a write that is just being committed would never be told of.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any, TypeVar

Result = TypeVar("Result")

_underway: set[asyncio.Future[Any]] = set()


async def shielded(work: Awaitable[Result]) -> Result:
    """What the work results in. A caller that is cancelled meanwhile leaves it running."""
    task = asyncio.ensure_future(work)
    _underway.add(task)
    task.add_done_callback(_forget)
    return await asyncio.shield(task)


async def all_ended(within_s: float) -> None:
    """Come back once nothing runs any more, or after so long: what still runs then is not acknowledged to anybody."""
    with suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            while _underway:
                await asyncio.wait(_underway)


def _forget(task: asyncio.Future[Any]) -> None:
    _underway.discard(task)
    if not task.cancelled():
        task.exception()  # nobody may be left to see it
