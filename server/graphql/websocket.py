"""GraphQL over WebSocket (https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md), as `graphql-transport-ws`."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack, aclosing
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar, Final

from starlette.websockets import WebSocketDisconnect
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
"""How long a client may leave what is sent to it unread before its socket is closed."""
TRY_AGAIN_LATER: Final = 1013
FORBIDDEN: Final = 4403
BAD_REQUEST: Final = 4400
TOO_MANY_INITS: Final = 4429
MAX_MESSAGE_BYTES: Final = 256 * 1024
MAX_ID_LENGTH: Final = 64
"""Of an operation: it is repeated in the reason of a close, which has room for 123 bytes."""


class TransportWSHandler(BaseGraphQLTransportWSHandler[Context, None]):
    """A socket that lives no longer than the token it was opened with."""

    view: Any
    websocket: Any
    """The application at whose address it was opened."""
    init_timeout: ClassVar = timedelta(seconds=10)
    """For connection_init to come."""

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
            # The next message is read after that: however many sockets a user has, they are read in turn.
            await self.context.turn()
        await super().handle_message(message)

    async def send_message(self, message: Any) -> None:
        """Send it. Raises AnswerTooLarge, which is an expected error of its operation."""
        text = (await encoded_in_turns(message, self.context.turn)).decode()
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await self.websocket.ws.send_text(text)
        except WebSocketDisconnect:
            raise WebSocketDisconnected from None
        except TimeoutError:
            self._give_up()
            await asyncio.sleep(0)  # where an operation, which is cancelled now, ends

    def _give_up(self) -> None:
        """Close on a client that does not read. From its last cursor on, it will have missed nothing."""
        for operation in self.operations.values():
            if operation.task is not None:
                operation.task.cancel()
        if self._closing is None:
            # The close frame follows what waits to be read, as soon as there is room for it.
            reason = "Too slow: subscribe again after the last cursor you saw"
            self._closing = asyncio.create_task(self.websocket.close(TRY_AGAIN_LATER, reason))

    async def handle_connection_init(self, message: Any) -> None:
        """Let in a user who has a token and a free slot."""
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
        except Overloaded as refused:
            await self.websocket.close(TRY_AGAIN_LATER, refused.message)
        else:
            self.context.signed_in = viewer
            await self.send_message({"type": "connection_ack"})
            self.connection_acknowledged = True
            if viewer.expires_at is not None:
                self._expiry = asyncio.get_running_loop().call_later(max(seconds_left(viewer), 0), self._expire)

    def _expire(self) -> None:
        self._closing = asyncio.create_task(self.websocket.close(FORBIDDEN, "The token has expired"))

    async def run_operation(self, operation: Any) -> None:
        """Send what the operation tells. What cannot be executed is refused alone; the socket stays open."""
        asked = Operation(operation.query, operation.operation_name, operation.variables)
        try:
            with self.view.subscriptions.slot(self.context.viewer.id):
                checked = await self.view.operations.checked(asked, EVERY_KIND, self.context.viewer.id)
                if (entry := log.current.get()) is not None:
                    # This is a task of its own: other operations of the socket have their own lines.
                    log.current.set(replace(entry, operation=checked.title))
                with logged("operation"), self.view.tracing.operation(checked):
                    async with aclosing(self.view.operations.results(checked, self.context)) as results:
                        async for result in results:
                            await operation.send_next(result)
        except RequestError as refused:
            await operation.send_initial_errors(refused.errors)
        except Overloaded as refused:
            await operation.send_initial_errors([overloaded(refused)])
        else:
            await operation.send_operation_message({"id": operation.id, "type": "complete"})


def _problem(message: Any) -> str | None:
    """What is wrong with a message, as a whole; None when it is one of the protocol's."""
    if not isinstance(message, dict):
        return "A message must be a JSON object"
    type_, id_, payload = message.get("type"), message.get("id"), message.get("payload")
    if type_ not in _TYPES:
        return "type must be one that clients send"
    if type_ in _OF_AN_OPERATION and not (isinstance(id_, str) and 0 < len(id_) <= MAX_ID_LENGTH):
        return f"id must be a text of 1 to {MAX_ID_LENGTH} characters"
    if type_ == "subscribe":
        return _problem_of_operation(payload)
    return None if isinstance(payload, dict | None) else "payload must be a JSON object"


def _problem_of_operation(payload: Any) -> str | None:
    if not isinstance(payload, dict) or not isinstance(payload.get("query"), str):
        return "payload.query must be a text"
    if not isinstance(payload.get("operationName"), str | None):
        return "payload.operationName must be a text"
    if not all(isinstance(payload.get(name), dict | None) for name in ("variables", "extensions")):
        return "payload.variables and payload.extensions must be JSON objects"
    return None


_OF_AN_OPERATION: Final = frozenset({"subscribe", "complete"})
_TYPES: Final = _OF_AN_OPERATION | {"connection_init", "ping", "pong"}
