"""GraphQL at one address, over HTTP and WebSocket: signing in at the edge, and a context for each request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler

from domain.viewer import Viewer
from models.database import Database
from models.ledger import Ledger
from resolvers.alert_feed import AlertFeed
from resolvers.context import Context, Events
from resolvers.knowledge import KnowledgeCache
from schema import schema
from schema.operation import EVERY_KIND, RequestRefused, checked
from server.auth import Authenticator, KeysUnavailable, Unauthenticated, bearer_token, refusal
from server.graphql_http import respond

CONNECTION_INIT_TIMEOUT: Final = timedelta(seconds=10)
SEND_TIMEOUT_S: Final = 15.0
"""How long a client may leave what is sent to it unread before its socket is closed."""
TRY_AGAIN_LATER: Final = 1013
FORBIDDEN: Final = 4403


class TransportWSHandler(BaseGraphQLTransportWSHandler[Context, None]):
    """A socket that lives no longer than the token it was opened with."""

    async def handle(self) -> None:
        try:
            await super().handle()
        finally:
            if self._expiry is not None:
                self._expiry.cancel()

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


class GraphQLApp(GraphQL[Context, None]):
    """Our schema at one address."""

    graphql_transport_ws_handler_class = TransportWSHandler

    def __init__(
        self,
        authenticator: Authenticator,
        database: Database,
        ledger: Ledger,
        events: Events,
        clock: Callable[[], datetime],
    ) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
            connection_init_wait_timeout=CONNECTION_INIT_TIMEOUT,
        )
        self._authenticator = authenticator
        self._new_context: Callable[[Viewer | None], Context] = partial(
            Context, database, ledger, events, clock, AlertFeed(database, clock), KnowledgeCache(database, clock)
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            request = Request(scope, receive)
            try:
                viewer = await self._authenticator.viewer(bearer_token(request.headers.get("authorization")))
            except (Unauthenticated, KeysUnavailable) as error:
                response = refusal(error)
            else:
                response = await respond(request, self._new_context(viewer))
            await response(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:  # noqa: ARG002
        """A context for one socket: nobody's until its connection_init."""
        return self._new_context(None)

    async def on_ws_connect(self, context: Context) -> Any:
        """Take the token from connection_init, as `Authorization: Bearer …` or as `token`."""
        params = {name.lower(): value for name, value in context.connection_params.items()}
        try:
            token = params["token"] if "token" in params else bearer_token(params.get("authorization"))
            context.signed_in = await self._authenticator.viewer(token)
        except (Unauthenticated, KeysUnavailable):
            raise ConnectionRejectionError from None
        return await super().on_ws_connect(context)
