"""GraphQL over WebSocket, by the `graphql-transport-ws` protocol
(https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md).
"""

from __future__ import annotations

import asyncio
from contextlib import ExitStack, aclosing
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar, Final

from starlette.websockets import WebSocketDisconnect, WebSocketState
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler

from domain.error import Overloaded
from resolvers.context import Context
from schema.error import overloaded
from server import log
from server.auth import CannotVerify, Unauthenticated, seconds_left
from server.graphql.answer import encoded_in_turns
from server.graphql.operation import EVERY_KIND, Operation, RequestError
from server.observation import logged

SEND_TIMEOUT_S: Final = 15.0
"""How long sending a message may take before the socket of a slow client is closed."""
TRY_AGAIN_LATER: Final = 1013
FORBIDDEN: Final = 4403
BAD_REQUEST: Final = 4400
TOO_MANY_INITS: Final = 4429
MAX_MESSAGE_BYTES: Final = 256 * 1024
MAX_ID_LENGTH: Final = 64
"""The longest id of an operation, in characters."""
_MAX_REASON_BYTES: Final = 123
"""The longest reason that a close frame holds (RFC 6455)."""


class WebSocketAdapter(ASGIWebSocketAdapter):
    """A socket that can be closed with a reason of any length, and more than once: the first code counts."""

    async def close(self, code: int, reason: str) -> None:
        if self.ws.application_state is not WebSocketState.DISCONNECTED:
            shortened = reason.encode()[:_MAX_REASON_BYTES].decode(errors="ignore")
            await super().close(code, shortened)


class TransportWSHandler(BaseGraphQLTransportWSHandler[Context, None]):
    """One socket. It is closed when the token of its `connection_init` expires."""

    view: Any
    """The GraphQLApp that accepted the socket."""
    websocket: Any
    init_timeout: ClassVar = timedelta(seconds=10)
    """How long a client may take to send `connection_init`."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.connection_init_wait_timeout = self.init_timeout
        self._slots = ExitStack()
        self._expiry: asyncio.TimerHandle | None = None
        self._closing: asyncio.Task[None] | None = None

    async def handle(self) -> None:
        with self._slots:
            try:
                await super().handle()
            finally:
                if self._expiry is not None:
                    self._expiry.cancel()

    async def handle_message(self, message: Any) -> None:
        if problem := _problem(message):
            await self.websocket.close(BAD_REQUEST, problem)
            return
        if self.context.signed_in is not None and message["type"] == "subscribe":
            # The next message is read only after this turn, so that the sockets of a user are read one after the other.
            await self.context.turn()
        await super().handle_message(message)

    async def send_message(self, message: Any) -> None:
        """Send a message. Raises AnswerTooLarge, which ends its operation with an error."""
        text = (await encoded_in_turns(message, self.context.turn)).decode()
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await self.websocket.ws.send_text(text)
        except WebSocketDisconnect:
            raise WebSocketDisconnected from None
        except TimeoutError:
            self._give_up()
            await asyncio.sleep(0)  # an operation that is sending is cancelled here

    def _give_up(self) -> None:
        """Close the socket of a client that does not read. It can subscribe again after its last cursor."""
        for operation in self.operations.values():
            if operation.task is not None:
                operation.task.cancel()
        if self._closing is None:
            # The close frame is sent after the buffered messages.
            reason = "Too slow: subscribe again after the last cursor you saw"
            self._closing = asyncio.create_task(self.websocket.close(TRY_AGAIN_LATER, reason))

    async def handle_connection_init(self, message: Any) -> None:
        """Authenticate the user and take a slot. Closes the socket if that fails."""
        if self.connection_timed_out:
            return
        if self.connection_init_timeout_task is not None:
            self.connection_init_timeout_task.cancel()
        if self.connection_init_received:
            await self.websocket.close(TOO_MANY_INITS, "Too many initialisation requests")
            return
        self.connection_init_received = True
        try:
            viewer = await self.view.signed_in(message.get("payload") or {})
            self._slots.enter_context(self.view.sockets.slot(viewer.id))
        except Unauthenticated:
            await self.websocket.close(FORBIDDEN, "Forbidden")
        except CannotVerify as error:
            await self.websocket.close(TRY_AGAIN_LATER, str(error))
        except Overloaded as error:
            await self.websocket.close(TRY_AGAIN_LATER, error.message)
        else:
            self.context.signed_in = viewer
            await self.send_message({"type": "connection_ack"})
            self.connection_acknowledged = True
            if viewer.expires_at is not None:
                self._expiry = asyncio.get_running_loop().call_later(max(seconds_left(viewer), 0), self._expire)

    def _expire(self) -> None:
        self._closing = asyncio.create_task(self.websocket.close(FORBIDDEN, "The token has expired"))

    async def run_operation(self, operation: Any) -> None:
        """Execute an operation and send its results. An operation with errors ends alone; the socket stays open."""
        received = Operation(operation.query, operation.operation_name or None, operation.variables)
        try:
            with self.view.subscriptions.slot(self.context.viewer.id):
                checked = await self.view.operations.checked(received, EVERY_KIND, self.context.viewer.id)
                if (fields := log.current.get()) is not None:
                    # Each operation of the socket is a task with its own log fields.
                    log.current.set(replace(fields, operation=checked.title))
                with logged("operation"), self.view.tracing.operation(checked):
                    async with aclosing(self.view.operations.results(checked, self.context)) as results:
                        async for result in results:
                            await operation.send_next(result)
        except RequestError as error:
            await operation.send_initial_errors(error.errors)
        except Overloaded as error:
            await operation.send_initial_errors([overloaded(error)])
        else:
            await operation.send_operation_message({"id": operation.id, "type": "complete"})


def _problem(message: Any) -> str | None:
    """Why a message violates the protocol; None when it is valid."""
    if not isinstance(message, dict):
        return "A message must be a JSON object"
    type_, id_, payload = message.get("type"), message.get("id"), message.get("payload")
    if not isinstance(type_, str) or type_ not in _TYPES:
        return "type must be a message type that clients send"
    if type_ in _TYPES_WITH_ID and not (isinstance(id_, str) and 0 < len(id_) <= MAX_ID_LENGTH):
        return f"id must be a string of 1 to {MAX_ID_LENGTH} characters"
    if type_ == "subscribe":
        return _problem_of_operation(payload)
    return None if isinstance(payload, dict | None) else "payload must be a JSON object"


def _problem_of_operation(payload: Any) -> str | None:
    if not isinstance(payload, dict) or not isinstance(payload.get("query"), str):
        return "payload.query must be a string"
    if not isinstance(payload.get("operationName"), str | None):
        return "payload.operationName must be a string"
    if not all(isinstance(payload.get(name), dict | None) for name in ("variables", "extensions")):
        return "payload.variables and payload.extensions must be JSON objects"
    return None


_TYPES_WITH_ID: Final = frozenset({"subscribe", "complete"})
_TYPES: Final = _TYPES_WITH_ID | {"connection_init", "ping", "pong"}
