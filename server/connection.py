"""Connections: uvicorn's, with limits to how long a client may keep one without using it, and to how many there are.

Whenever we wait for the client, a timer runs: until the head of a request is complete, until its body is, until the next
request. Another one runs while the client leaves unread what we sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sized
from typing import Any, ClassVar, Final

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

from server.metrics import CONNECTIONS_CUT

MAX_HEAD_BYTES: Final = 64 * 1024
"""Of a request's first line and headers, beside what came with their end."""
GOING_AWAY: Final = 1001
STREAMED: Final = frozenset({"/ingest/decisions", "/ingest/amendments"})
"""Whose bodies may go on for as long as they like, while something comes."""
_MOST_WAITING: Final = 16
"""Requests that were sent before the one before them was answered; reading stops at so many."""
_LINGER_S: Final = 2.0
"""How long a client may go on sending after it was refused."""
_LOOKS: Final = 4
"""At a body that is on its way, in the time it has."""


class Connections(ServerState):
    """What the connections of a server share: how many there may be."""

    def __init__(self, at_most: int) -> None:
        super().__init__()
        self._at_most = at_most

    @property
    def all_taken(self) -> bool:
        """Whether there is no room for another one, HTTP or WebSocket."""
        return len(self.connections) >= self._at_most


class _CutWhenUnread(asyncio.Protocol):
    """Ends a connection whose client does not read: what waits to be sent to it would be kept for ever."""

    patience_s: ClassVar = 60.0
    transport: Any
    _unread: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        super().pause_writing()
        self._is_read()
        self._unread = asyncio.get_running_loop().call_later(self.patience_s, self._cut)

    def resume_writing(self) -> None:
        self._is_read()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_read()
        super().connection_lost(exc)

    def _is_read(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _cut(self) -> None:
        CONNECTIONS_CUT.labels("unread").inc()
        self.transport.abort()


class _Flow(FlowControl):
    """Reads on while few requests wait. An application that listens for the client to go would else have all be read."""

    def __init__(self, transport: asyncio.Transport, waiting: Sized) -> None:
        super().__init__(transport)
        self._waiting = waiting

    def resume_reading(self) -> None:
        if len(self._waiting) < _MOST_WAITING:
            super().resume_reading()


class HTTPConnection(_CutWhenUnread, HttpToolsProtocol):
    """A connection that is closed when its client is too slow, or when there are too many."""

    head_timeout_s: ClassVar = 10.0
    """For the first line and the headers of a request, all of them; on a new connection, from its beginning."""
    body_timeout_s: ClassVar = 30.0
    """For a body, all of it; of one that is streamed, between two parts of it. Not while it is us who do not read."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._timer: asyncio.TimerHandle | None = None
        self._head_bytes: int | None = 0
        """Of a head that is not complete; None while a body comes."""
        self._heard = False
        self._waited = 0
        self._has_ended = False
        self._answering: RequestResponseCycle | None = None
        """The one request of the connection that the application works on; others may wait behind it."""

    # What the transport calls

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        if isinstance(self.server_state, Connections) and self.server_state.all_taken:
            self.transport = transport
            self._give_up("no room", "503 Service Unavailable")
            return
        super().connection_made(transport)
        self.flow = _Flow(transport, self.pipeline)
        self._wait(self.head_timeout_s, self._head_is_late)

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_no_more()
        super().connection_lost(exc)
        if self._answering is not None and not self._answering.response_complete:
            # uvicorn tells the last request alone, which may be one that waits.
            self._answering.disconnected = True
            self._answering.message_event.set()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def data_received(self, data: bytes) -> None:
        if self._has_ended or self.transport.is_closing():
            return
        self._heard = True
        if self._head_bytes is not None:
            self._head_bytes += len(data)
        super().data_received(data)
        if self.transport.get_protocol() is not self:
            return  # it is a WebSocket now
        if self._head_bytes is not None and self._head_bytes > MAX_HEAD_BYTES:
            self._give_up("long head", "431 Request Header Fields Too Large")
        elif self._timer is None and self._is_idle and self.timeout_keep_alive_task is None:
            # Something came that begins no request: a line break, say. It ended uvicorn's timer.
            self._wait(self.head_timeout_s, self._head_is_late)

    def shutdown(self) -> None:
        if self._has_ended:
            self.transport.close()
        else:
            super().shutdown()

    def handle_websocket_upgrade(self) -> None:
        self._wait_no_more()
        super().handle_websocket_upgrade()

    # What the parser calls

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._timer is None:
            self._wait(self.head_timeout_s, self._head_is_late)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._head_bytes is not None:  # else it follows a body, where nobody looks for it
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._head_bytes = None
        super().on_headers_complete()
        self._waited = 0
        self._wait(self.body_timeout_s / _LOOKS, self._look_at_body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._head_bytes = 0
        self._wait_no_more()
        if self.cycle is not None and self.cycle.response_complete:
            # Answered before it was read: uvicorn's own timer ended when more of it came.
            self._wait(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    # How long we wait

    @property
    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _wait(self, seconds: float, then: Callable[[], None]) -> None:
        self._wait_no_more()
        self._timer = self.loop.call_later(seconds, then)

    def _wait_no_more(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _head_is_late(self) -> None:
        if not self._is_idle:
            # The client sent the beginning of another request, and may well wait for the answer to the first.
            self._wait(self.head_timeout_s, self._head_is_late)
        elif self._head_bytes:
            self._give_up("slow head", "408 Request Timeout")
        else:
            self.transport.close()

    def _look_at_body(self) -> None:
        if self._heard and self.scope["path"] in STREAMED and not self.cycle.response_complete:
            self._waited = 0
        elif not self.flow.read_paused:
            self._waited += 1
        self._heard = False
        if self._waited < _LOOKS:
            self._wait(self.body_timeout_s / _LOOKS, self._look_at_body)
        else:
            self._give_up("slow body", "408 Request Timeout")

    def _give_up(self, why: str, status: str) -> None:
        self._wait_no_more()
        if self.transport.is_closing():
            return
        CONNECTIONS_CUT.labels(why).inc()
        if not self.pipeline and (self._is_idle or not self.cycle.response_started):
            head = f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
            self.transport.write(head.encode())
        if self.flow is None:  # there was no room: it takes none any longer
            self.transport.close()
        else:
            self._end()

    def _end(self) -> None:
        """Send no more, and close when the client has closed too, or a little later.

        Closing while the client still sends would reset the connection, and the client could lose the answer.
        """
        self._has_ended = True
        self.pipeline.clear()
        self.flow.resume_reading()  # what comes is dropped
        if self.cycle is not None and not self.cycle.response_complete:
            # The application learns that the client is gone.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.write_eof()
        self._wait(_LINGER_S, self.transport.close)


class SocketConnection(_CutWhenUnread, WebSocketsSansIOProtocol):
    """A WebSocket that is cut off when its client does not read, and is told when the server stops."""

    goodbye_s: ClassVar = 2.0
    """For the client to answer the close frame when the server stops."""

    def shutdown(self) -> None:
        """Say goodbye. uvicorn's own would say 1012, and close before the client could have read it."""
        if self.close_sent or not self.handshake_complete:
            super().shutdown()
            return
        self.stop_keepalive()
        self.queue.put_nowait({"type": "websocket.disconnect", "code": GOING_AWAY, "reason": ""})
        self.conn.send_close(GOING_AWAY)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = self.disconnected = True  # so that what the application still sends goes nowhere
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(self.goodbye_s, self.transport.abort)
