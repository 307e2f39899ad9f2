"""Work that runs to its end, also when the client that asked for it has gone.

Cancelled half-way, a transaction would leave its connection in an unknown state, and one that is just being committed
would never be told of.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

Result = TypeVar("Result")

_underway: set[asyncio.Future[Any]] = set()


async def uninterrupted(work: Awaitable[Result]) -> Result:
    """What the work results in. A caller that is cancelled meanwhile leaves it running."""
    task = asyncio.ensure_future(work)
    _underway.add(task)
    task.add_done_callback(_forget)
    return await asyncio.shield(task)


async def all_ended() -> None:
    """Come back once nothing runs any more."""
    while _underway:
        await asyncio.wait(_underway)


def _forget(task: asyncio.Future[Any]) -> None:
    _underway.discard(task)
    if not task.cancelled():
        task.exception()  # nobody may be left to see it
