"""The ASGI application: creates its parts and the routes to them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from typing import Final

from genai_prices import UpdatePrices
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Mount, Route, WebSocketRoute

from domain.catalog import all_listed
from models.database import Database
from models.database.fair_queue import Activity, event_loop_queue
from models.ledger import Ledger, now_utc
from resolvers.shielded import all_ended
from server.auth import Authenticator
from server.compression import Compression
from server.event_bus import EventBus
from server.export import Export
from server.failure import Failures
from server.graphql.app import GraphQLApp
from server.headers import SecurityHeaders
from server.health import Readiness, healthz
from server.ingest import Ingest, amendments, calls
from server.listener import Listener
from server.metrics import metrics_app
from server.observation import Observation
from server.partition import partitions_ahead
from server.settings import Settings
from server.tracing import Tracing, otlp_exporter
from server.web import pages

_PREFLIGHT_MAX_AGE_S: Final = 600
_SHIELDED_TIMEOUT_S: Final = 1.0
"""How long shutdown waits for shielded writes, after the running operations have ended."""


def create_app(settings: Settings, clock: Callable[[], datetime] = now_utc) -> Starlette:
    """Return the application for these settings. The database must have the newest schema."""
    events = EventBus()
    database = Database(settings.database, events.publish, read_limit_s=settings.operation_timeout_s)
    listener = Listener(database.url, events) if database.url.get_backend_name() == "postgresql" else None
    ledger = Ledger(database, clock)
    authenticator = Authenticator(settings, database)
    tracing = Tracing(otlp_exporter() if settings.tracing else None)
    activity = Activity()
    turns = event_loop_queue(activity)
    graphql = GraphQLApp(settings, authenticator, database, ledger, events, clock, tracing, turns, activity)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(asyncio.to_thread, tracing.shut_down)
            stack.push_async_callback(database.dispose)
            if listener is not None:
                await stack.enter_async_context(listener.running())
            await stack.enter_async_context(partitions_ahead(database.backend, clock))
            all_listed(clock())  # loads the price list now, so that no request waits for it
            if settings.refresh_prices:
                stack.enter_context(UpdatePrices())
            await stack.enter_async_context(ledger.running())
            stack.push_async_callback(all_ended, _SHIELDED_TIMEOUT_S)
            stack.callback(asyncio.create_task(graphql.stop_operations_on_shutdown()).cancel)
            yield

    app = Starlette(
        routes=[
            Route("/graphql", graphql),
            WebSocketRoute("/graphql", graphql),
            Route("/ingest/decisions", Ingest(authenticator, calls(ledger), turns).__call__, methods=["POST"]),
            Route("/ingest/amendments", Ingest(authenticator, amendments(ledger), turns).__call__, methods=["POST"]),
            Route("/export/analytics", Export(authenticator, database).__call__, methods=["GET"]),
            Route("/healthz", healthz),
            Route("/readyz", Readiness(database, ledger, listener).__call__),
            Mount("/metrics", metrics_app()),
            *pages(),
        ],
        middleware=[
            Middleware(Observation, tracing),
            Middleware(SecurityHeaders),
            # No credentials: clients send tokens in a header, not in cookies that a browser adds.
            Middleware(
                CORSMiddleware,
                allow_origins=settings.allowed_origins,
                allow_methods=["GET", "POST"],
                allow_headers=["Authorization", "Content-Type"],
                max_age=_PREFLIGHT_MAX_AGE_S,
            ),
            Middleware(Compression),
            Middleware(Failures),
        ],
        lifespan=lifespan,
    )
    app.state.stopping = graphql.stopping
    return app
