"""The ASGI application at `/graphql`, for HTTP and WebSocket: authenticates each request and creates its context."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

from domain.viewer import Viewer
from models.database import Database
from models.database.compute import Compute
from models.database.fair_queue import Activity, FairQueue
from models.ledger import Ledger
from resolvers.alert_feed import AlertFeed
from resolvers.context import Context, Events
from resolvers.routing_context import RoutingContextCache
from resolvers.shared_reading import SharedReadings
from schema import schema
from schema.size import SIZES
from server.auth import Authenticator, CannotVerify, ForeignPage, Unauthenticated, bearer_token, error_response
from server.graphql.http import GraphQLOverHTTP
from server.graphql.operation import Operations
from server.graphql.websocket import TransportWSHandler, WebSocketAdapter
from server.json_text import decoded
from server.settings import Settings
from server.slots import Slots
from server.tracing import Tracing
from server.web import graphiql, wants_page

STOPS_WITHIN_S: Final = 6.0
"""How long operations may go on at shutdown before they are cancelled."""
_STARTS_PER_ITERATION: Final = 64
_STARTS_PER_ITERATION_PER_USER: Final = 2
"""The most operations that start in one iteration of the event loop: one user may send hundreds of requests at once."""
_SUMMARIES: Final = 4
"""The most concurrent summaries. Each holds a database connection, so there are fewer than connections in the pool."""
_SUMMARIES_PER_USER: Final = 2
_SUMMARIES_WAITING_PER_USER: Final = 1_000


def start_queue(activity: Activity | None = None) -> FairQueue:
    """The queue in which operations wait to start."""
    # No limit on waiting operations: connections and sockets are limited already.
    return FairQueue(
        "operations",
        in_all=_STARTS_PER_ITERATION,
        per_user=_STARTS_PER_ITERATION_PER_USER,
        waiting_per_user=None,
        activity=activity,
    )


class GraphQLApp(GraphQL[Context, None]):
    """Serves the schema over HTTP and WebSocket."""

    graphql_transport_ws_handler_class = TransportWSHandler
    websocket_adapter_class = WebSocketAdapter

    def __init__(
        self,
        settings: Settings,
        authenticator: Authenticator,
        database: Database,
        ledger: Ledger,
        events: Events,
        clock: Callable[[], datetime],
        tracing: Tracing,
        turns: FairQueue,
        activity: Activity,
    ) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
            max_subscriptions_per_connection=None,  # limited per user: `subscriptions`
            allowed_origins=settings.allowed_origins,
        )
        compute = Compute(activity)
        self.operations = Operations(
            schema._schema,  # noqa: SLF001 - Strawberry has no public access to the GraphQLSchema
            SIZES,
            begin=start_queue(activity).turn,
            offload=compute.offload,
            introspection=settings.introspection,
            time_limit_s=settings.operation_timeout_s,
            stock_executor=settings.stock_executor,
        )
        self.sockets = Slots("sockets", in_all=settings.max_sockets, per_user=settings.max_sockets_per_user)
        self.subscriptions = Slots(
            "subscriptions", in_all=settings.max_subscriptions, per_user=settings.max_subscriptions_per_user
        )
        self.tracing = tracing
        self.stopping = asyncio.Event()
        """Set at shutdown: ends event streams, and after a delay all operations."""
        self._open = 0
        self._max_open = settings.max_sockets
        self._http = GraphQLOverHTTP(
            self.operations, self.subscriptions, tracing, settings.max_body_bytes, self.stopping
        )
        self._authenticator = authenticator
        readings = SharedReadings()
        self._new_context: Callable[[Viewer | None], Context] = partial(
            Context,
            database,
            ledger,
            events,
            clock,
            AlertFeed(database, clock, readings),
            RoutingContextCache(database, clock),
            readings,
            compute,
            FairQueue(
                "summaries",
                in_all=_SUMMARIES,
                per_user=_SUMMARIES_PER_USER,
                waiting_per_user=_SUMMARIES_WAITING_PER_USER,
            ),
            turns,
            not settings.stock_executor,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            response = await self._respond(Request(scope, receive))
            # The media type, the status of an invalid operation, and whether GraphiQL is served depend on it.
            response.headers.add_vary_header("Accept")
            await response(scope, receive, send)
        elif self._open >= self._max_open:
            # Sockets that are not authenticated yet count too. The limit is checked before the handshake.
            await WebSocket(scope, receive, send).send_denial_response(Response(status_code=503))
        else:
            self._open += 1
            try:
                await super().__call__(scope, receive, send)
            finally:
                self._open -= 1

    async def _respond(self, request: Request) -> Response:
        if wants_page(request):
            return graphiql(request.scope)
        try:
            # Headers are read a dozen times per request: use a dictionary. Of a repeated header, the first one counts.
            headers = dict(reversed(request.headers.items()))
            viewer = await self._authenticator.sender(headers)
        except (Unauthenticated, CannotVerify, ForeignPage) as error:
            return error_response(error)
        return await self._http.respond(request, headers, self._new_context(viewer))

    async def stop_operations_on_shutdown(self) -> None:
        """Wait for the shutdown, then cancel operations early enough for their responses to be sent."""
        await self.stopping.wait()
        self.operations.stop_within(STOPS_WITHIN_S)

    def decode_json(self, data: str | bytes) -> object:
        """Parse the JSON of a WebSocket message. Raises json.JSONDecodeError."""
        try:
            return decoded(data)
        except ValueError:
            raise json.JSONDecodeError("must be JSON", "", 0) from None

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:  # noqa: ARG002
        """A context for one socket. It has no viewer until `connection_init`."""
        return self._new_context(None)

    async def signed_in(self, payload: Mapping[str, Any]) -> Viewer:
        """Authenticate the payload of `connection_init`: `Authorization: Bearer …`, or `token`.

        Raises Unauthenticated or CannotVerify.
        """
        params = {name.lower(): value for name, value in payload.items()}
        token = params["token"] if "token" in params else bearer_token(params.get("authorization"))
        return await self._authenticator.viewer(token)
