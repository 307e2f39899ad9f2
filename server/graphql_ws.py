"""GraphQL over WebSocket (https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md), as `graphql-transport-ws`."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler

from resolvers.context import Context
from schema.operation import EVERY_KIND, RequestRefused, checked

CONNECTION_INIT_TIMEOUT: Final = timedelta(seconds=10)
SEND_TIMEOUT_S: Final = 15.0
"""How long a client may leave what is sent to it unread before its socket is closed."""
TRY_AGAIN_LATER: Final = 1013
FORBIDDEN: Final = 4403
BAD_REQUEST: Final = 4400
MAX_MESSAGE_BYTES: Final = 256 * 1024
MAX_ID_LENGTH: Final = 64
"""Of an operation: it is repeated in the reason of a close, which has room for 123 bytes."""


class TransportWSHandler(BaseGraphQLTransportWSHandler[Context, None]):
    """A socket that lives no longer than the token it was opened with."""

    async def handle(self) -> None:
        try:
            await super().handle()
        finally:
            if self._expiry is not None:
                self._expiry.cancel()

    async def handle_message(self, message: Any) -> None:
        if problem := _problem(message):
            await self.websocket.close(BAD_REQUEST, problem)
        else:
            await super().handle_message(message)

    async def send_message(self, message: Any) -> None:
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await super().send_message(message)
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

    _expiry: asyncio.TimerHandle | None = None
    _closing: asyncio.Task[None] | None = None

    async def handle_subscribe(self, message: Any) -> None:
        """Refuse an operation that cannot be executed before anything is made of it: it alone, not the socket."""
        payload = message["payload"]
        if self.connection_acknowledged and message["id"] not in self.operations:
            try:
                checked(payload["query"], payload.get("operationName"), EVERY_KIND)
            except RequestRefused as refused:
                errors = [error.formatted for error in refused.errors]
                await self.send_message({"id": message["id"], "type": "error", "payload": errors})
                return
        await super().handle_subscribe(message)

    async def handle_connection_init(self, message: Any) -> None:
        await super().handle_connection_init(message)
        viewer = self.context.signed_in
        if self.connection_acknowledged and viewer is not None and viewer.expires_at is not None:
            seconds_left = (viewer.expires_at - datetime.now(UTC)).total_seconds()
            self._expiry = asyncio.get_running_loop().call_later(max(seconds_left, 0), self._expire)

    def _expire(self) -> None:
        self._closing = asyncio.create_task(self.websocket.close(FORBIDDEN, "The token has expired"))


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
