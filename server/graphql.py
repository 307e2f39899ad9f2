"""GraphQL at one address, over HTTP and WebSocket: signing in at the edge, and a context for each request."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

from domain.viewer import Viewer
from models.database import Database
from models.ledger import Ledger
from resolvers.alert_feed import AlertFeed
from resolvers.context import Context, Events
from resolvers.knowledge import KnowledgeCache
from schema import schema
from server.auth import Authenticator, KeysUnavailable, Unauthenticated, bearer_token, refusal
from server.graphql_http import respond
from server.graphql_ws import CONNECTION_INIT_TIMEOUT, TransportWSHandler


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

    def decode_json(self, data: str | bytes) -> object:
        """What a message says. Whatever is no JSON that can be read is refused alike: deep nesting, too long a number."""
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            raise json.JSONDecodeError("must be JSON", "", 0) from None

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
