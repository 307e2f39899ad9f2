"""Work that ends when its client hangs up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import Any, TypeVar, cast

from starlette.requests import ClientDisconnect
from starlette.types import Receive

Result = TypeVar("Result")


async def disconnected(receive: Receive) -> None:
    """Come back once the client of a request that has been read is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def while_connected(receive: Receive, work: Awaitable[Result]) -> Result:
    """As `until_gone`. Nothing else may receive meanwhile, nor while a part of the request is still to be read."""
    return await until_gone(disconnected(receive), work)


async def until_gone(leaving: Coroutine[Any, Any, None], work: Awaitable[Result]) -> Result:
    """What the work results in. It is cancelled when the client is gone, which is when `leaving` ends: raises
    ClientDisconnect.
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
        # Whoever else cancelled this means what lies around it, too.
        if gone and working.uncancel() == 0:
            raise ClientDisconnect from None
        raise
    finally:
        done = True
        watching.cancel()
