"""Work that is cancelled when its client disconnects."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import Any, TypeVar, cast

from starlette.requests import ClientDisconnect
from starlette.types import Receive

Result = TypeVar("Result")


async def disconnected(receive: Receive) -> None:
    """Wait until the client disconnects. The body of the request must have been read."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def while_connected(receive: Receive, work: Awaitable[Result]) -> Result:
    """Do the work and return its result. Raises ClientDisconnect, after cancelling the work, when the client disconnects.

    The body of the request must have been read, and nothing else may call `receive` meanwhile.
    """
    return await until_gone(disconnected(receive), work)


async def until_gone(leaving: Coroutine[Any, Any, None], work: Awaitable[Result]) -> Result:
    """Do the work and return its result. `leaving` ends when the client disconnects.

    Raises ClientDisconnect then, after cancelling the work.
    """
    working = cast("asyncio.Task[object]", asyncio.current_task())
    gone = False

    def hung_up(watching: asyncio.Task[None]) -> None:
        nonlocal gone
        if not watching.cancelled() and not done:
            gone = True
            working.cancel()

    done = False
    watching = asyncio.create_task(leaving)
    watching.add_done_callback(hung_up)
    try:
        return await work
    except asyncio.CancelledError:
        # If something else cancelled the task too, that cancellation is raised on.
        if gone and working.uncancel() == 0:
            raise ClientDisconnect from None
        raise
    finally:
        done = True
        watching.cancel()
