"""uvicorn's connections with limits on their number and on the time that a client may leave them unused.

A timer runs whenever the server waits for the client: for the head of a request, for its body, for the next request. Another
timer runs while sent data waits to be read by the client.
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
"""The longest head of a request, its first line and headers. The last packet, which ends the head, is not counted."""
GOING_AWAY: Final = 1001
STREAMED: Final = frozenset({"/ingest/decisions", "/ingest/amendments"})
"""The paths whose bodies have no time limit while data arrives."""
_MAX_PIPELINED: Final = 16
"""The most requests that wait for the response to an earlier one on the connection. Reading stops at this number."""
_LINGER_S: Final = 2.0
"""How long the server reads from a client after it sent an error response, before it closes the connection."""
_LINGER_BYTES: Final = 256 * 1024
"""How many bytes the server reads and drops in that time. Then it reads no more."""
_SMALL_BODY_BYTES: Final = 64 * 1024
"""A body up to this length is read to its end after a response that did not need it, so that the connection stays open."""
_LENGTH_DIGITS: Final = 18
"""The most digits of a Content-Length that is parsed."""
_CHECKS_PER_BODY: Final = 4
"""How often the arrival of a body is checked within its time limit."""


class Connections(ServerState):
    """The state that the connections of a server share, with the limit on their number."""

    def __init__(self, at_most: int) -> None:
        super().__init__()
        self._at_most = at_most

    @property
    def all_taken(self) -> bool:
        """Whether the limit on connections, HTTP and WebSocket, is reached."""
        return len(self.connections) >= self._at_most


class _CutWhenUnread(asyncio.Protocol):
    """Ends a connection whose client does not read, because the data for it would stay in memory."""

    patience_s: ClassVar = 60.0
    """How long sent data may wait to be read."""
    transport: Any
    _unread: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stop_unread_timer()
        self._unread = asyncio.get_running_loop().call_later(self.patience_s, self._cut)

    def resume_writing(self) -> None:
        self._stop_unread_timer()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_unread_timer()
        super().connection_lost(exc)

    def _stop_unread_timer(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _cut(self) -> None:
        CONNECTIONS_CUT.labels("unread").inc()
        self.transport.abort()


class _Flow(FlowControl):
    """Stops reading while many pipelined requests wait. Otherwise, an application that listens for a disconnect would make
    uvicorn read all of them into memory.
    """

    def __init__(self, transport: asyncio.Transport, waiting: Sized) -> None:
        super().__init__(transport)
        self._waiting = waiting

    def resume_reading(self) -> None:
        if len(self._waiting) < _MAX_PIPELINED:
            super().resume_reading()


class HTTPConnection(_CutWhenUnread, HttpToolsProtocol):
    """An HTTP connection that is closed when its client is too slow or when there are too many connections."""

    head_timeout_s: ClassVar = 10.0
    """The time limit for the head of a request. On a new connection, it starts when the connection is opened."""
    body_timeout_s: ClassVar = 30.0
    """The time limit for a body, or between two parts of a streamed one. Time in which the server pauses reading is free."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._timer: asyncio.TimerHandle | None = None
        self._head_bytes: int | None = 0
        """The bytes of an incomplete head; None while a body arrives."""
        self._heard = False
        self._silent_checks = 0
        self._has_ended = False
        self._answering: RequestResponseCycle | None = None
        """The request that the application processes. Pipelined requests wait for it."""
        self._ends_after_response = False
        self._dropped_bytes = 0

    # Called by the transport

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        if isinstance(self.server_state, Connections) and self.server_state.all_taken:
            self.transport = transport
            self._give_up("no room", "503 Service Unavailable")
            return
        super().connection_made(transport)
        self.flow = _Flow(transport, self.pipeline)
        self._start_timer(self.head_timeout_s, self._on_head_timeout)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)
        if self._answering is not None and not self._answering.response_complete:
            # uvicorn notifies the last request only, which may be a pipelined one.
            self._answering.disconnected = True
            self._answering.message_event.set()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, self._closing_early(cycle, app) if _is_large(cycle.scope) else app)

    def _closing_early(self, cycle: RequestResponseCycle, app: Any) -> Any:
        """The application for a request with a large body. The connection ends with the response if the body was not read.

        Otherwise the rest of the body, of any length, would have to be read before the next request.
        """

        async def wrapped(scope: Any, receive: Any, send: Any) -> None:
            async def closing(message: Any) -> None:
                ends = message["type"] == "http.response.start" and cycle.more_body
                if ends:
                    headers = [each for each in message.get("headers", ()) if each[0] != b"connection"]
                    message = message | {"headers": [*headers, (b"connection", b"close")]}
                    self._ends_after_response = True
                await send(message)
                if ends:
                    cycle.keep_alive = True  # uvicorn would close at once, and the client could lose the response

            await app(scope, receive, closing)

        return wrapped

    def on_response_complete(self) -> None:
        if self._ends_after_response and not self.transport.is_closing():
            CONNECTIONS_CUT.labels("long body").inc()
            self._end()
        else:
            super().on_response_complete()

    def data_received(self, data: bytes) -> None:
        if self._has_ended and not self.transport.is_closing():
            self._dropped_bytes += len(data)
            if self._dropped_bytes > _LINGER_BYTES:
                self.flow.pause_reading()
            return
        if self.transport.is_closing():
            return
        self._heard = True
        if self._head_bytes is not None:
            self._head_bytes += len(data)
        super().data_received(data)
        if self.transport.get_protocol() is not self:
            return  # upgraded to a WebSocket
        if self._head_bytes is not None and self._head_bytes > MAX_HEAD_BYTES:
            self._give_up("long head", "431 Request Header Fields Too Large")
        elif self._timer is None and self._is_idle and self.timeout_keep_alive_task is None:
            # Data that starts no request, such as a line break, stopped uvicorn's timer.
            self._start_timer(self.head_timeout_s, self._on_head_timeout)

    def shutdown(self) -> None:
        if self._has_ended:
            self.transport.close()
        else:
            super().shutdown()

    def handle_websocket_upgrade(self) -> None:
        self._stop_timer()
        super().handle_websocket_upgrade()

    # Called by the parser

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._timer is None:
            self._start_timer(self.head_timeout_s, self._on_head_timeout)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._head_bytes is not None:  # otherwise it is a trailer, which is ignored
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._head_bytes = None
        super().on_headers_complete()
        self._silent_checks = 0
        self._start_timer(self.body_timeout_s / _CHECKS_PER_BODY, self._check_body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._head_bytes = 0
        self._stop_timer()
        if self.cycle is not None and self.cycle.response_complete:
            # The response was sent before the body was complete. uvicorn's timer stopped when more of the body arrived.
            self._start_timer(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    # Timers

    @property
    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _start_timer(self, seconds: float, then: Callable[[], None]) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(seconds, then)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_head_timeout(self) -> None:
        if not self._is_idle:
            # The client has started another request, but may wait for the response to the first one.
            self._start_timer(self.head_timeout_s, self._on_head_timeout)
        elif self._head_bytes:
            self._give_up("slow head", "408 Request Timeout")
        else:
            self.transport.close()

    def _check_body(self) -> None:
        if self._heard and self.scope["path"] in STREAMED and not self.cycle.response_complete:
            self._silent_checks = 0
        elif not self.flow.read_paused:
            self._silent_checks += 1
        self._heard = False
        if self._silent_checks < _CHECKS_PER_BODY:
            self._start_timer(self.body_timeout_s / _CHECKS_PER_BODY, self._check_body)
        else:
            self._give_up("slow body", "408 Request Timeout")

    def _give_up(self, why: str, status: str) -> None:
        self._stop_timer()
        if self.transport.is_closing():
            return
        CONNECTIONS_CUT.labels(why).inc()
        if not self.pipeline and (self._is_idle or not self.cycle.response_started):
            head = f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
            self.transport.write(head.encode())
        if self.flow is None:  # rejected at the limit: close at once, so that it takes no connection of others
            self.transport.close()
        else:
            self._end()

    def _end(self) -> None:
        """Stop sending, and close when the client closes or after `_LINGER_S` seconds.

        Closing while the client still sends would reset the connection, and the client could lose the response. A client that
        sends more than `_LINGER_BYTES` all the same is no longer read.
        """
        self._has_ended = True
        self.pipeline.clear()
        self.flow.resume_reading()  # data that still arrives is dropped
        if self.cycle is not None and not self.cycle.response_complete:
            # For the application, the client has disconnected.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.write_eof()
        self._start_timer(_LINGER_S, self.transport.close)


def _is_large(scope: Any) -> bool:
    """Whether the body of the request may exceed `_SMALL_BODY_BYTES`."""
    for name, value in scope["headers"]:
        if name == b"transfer-encoding":
            return True
        if name == b"content-length":
            return len(value) > _LENGTH_DIGITS or not value.isdigit() or int(value) > _SMALL_BODY_BYTES
    return False


class SocketConnection(_CutWhenUnread, WebSocketsSansIOProtocol):
    """A WebSocket that is aborted when its client does not read, and closed with code 1001 when the server stops."""

    goodbye_s: ClassVar = 2.0
    """How long the client may take to answer the close frame when the server stops."""

    def shutdown(self) -> None:
        """Send a close frame with code 1001. uvicorn would send 1012 and close before the client can read it."""
        if self.close_sent or not self.handshake_complete:
            super().shutdown()
            return
        self.stop_keepalive()
        self.queue.put_nowait({"type": "websocket.disconnect", "code": GOING_AWAY, "reason": ""})
        self.conn.send_close(GOING_AWAY)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = self.disconnected = True  # messages that the application still sends are dropped
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(self.goodbye_s, self.transport.abort)
