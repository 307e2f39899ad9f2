"""Subscriptions as server-sent events (https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md, distinct connections).

For clients behind proxies that block WebSockets. Each operation is one request, whose response streams the events.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from datetime import UTC, datetime
from typing import Any, Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from server.disconnect import disconnected
from server.graphql.websocket import SEND_TIMEOUT_S

MEDIA_TYPE: Final = "text/event-stream"
_KEEP_ALIVE_S: Final = 12.0
"""The interval of keep-alive comments. Proxies close connections that are silent for about 30 s."""
_KEEP_ALIVE: Final = b":\n\n"
_ONE_LINE: Final = bytes.maketrans(b"\r\n", b"  ")
# Lines end in LF alone. The standard allows CRLF too, but some clients search for LF LF to find the end of an event.
COMPLETE: Final = b"event: complete\ndata:\n\n"


def next_event(body: bytes) -> bytes:
    """The `next` event with this result, which is JSON."""
    # Line breaks in JSON are white space: those in strings are escaped. In an event, they would end the data.
    return b"event: next\ndata: " + body.translate(_ONE_LINE) + b"\n\n"


class EventStream(Response):
    """A response that streams events. It ends after the last event, when the client disconnects or does not read, when the
    token expires, or when the server stops.
    """

    media_type = MEDIA_TYPE

    def __init__(self, events: AsyncGenerator[bytes], *, until: datetime | None, stopping: asyncio.Event) -> None:
        """`until` is when the viewer's token expires; None if it never does. Setting `stopping` ends the stream."""
        super().__init__()
        del self.headers["content-length"]
        # Without this header, nginx buffers events.
        self.headers["X-Accel-Buffering"] = "no"
        self._events = events
        self._until = until
        self._stopping = stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        async def sent(message: Any) -> None:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await send(message)

        async def sending() -> None:
            await sent({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            async with aclosing(self._events):
                async for event in _with_keep_alive(self._events):
                    await sent({"type": "http.response.body", "body": event, "more_body": True})

        sender = asyncio.create_task(sending())
        ends = [sender, asyncio.create_task(self._ended()), asyncio.create_task(disconnected(receive))]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()
            await asyncio.gather(*ends, return_exceptions=True)
        if sender.cancelled() or sender.exception() is None:
            with suppress(TimeoutError, OSError):
                await sent({"type": "http.response.body", "body": b"", "more_body": False})
        # Otherwise the client did not read in time. An incomplete response makes it reconnect; a complete one would not.

    async def _ended(self) -> None:
        """Wait until the token expires or the server stops."""
        left = None if self._until is None else max((self._until - datetime.now(UTC)).total_seconds(), 0)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), left)


async def _with_keep_alive(events: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    following: asyncio.Future[bytes] | None = None
    try:
        while True:
            following = following or asyncio.ensure_future(anext(events))
            done, _ = await asyncio.wait([following], timeout=_KEEP_ALIVE_S)
            if not done:
                yield _KEEP_ALIVE
                continue
            try:
                event = following.result()
            except StopAsyncIteration:
                return
            following = None
            yield event
    finally:
        if following is not None:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
