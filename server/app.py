"""The web application: one address, its parts wired once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute

from models.database import Database
from models.ledger import Ledger, now_utc
from server.auth import Authenticator
from server.event_bus import EventBus
from server.graphql import GraphQLApp
from server.settings import Settings


def create_app(settings: Settings, clock: Callable[[], datetime] = now_utc) -> Starlette:
    """The application for these settings, over a database that is migrated."""
    events = EventBus()
    database = Database(settings.database, events.publish)
    ledger = Ledger(database, clock)
    graphql = GraphQLApp(Authenticator(settings), database, ledger, events, clock)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        try:
            async with ledger.running():
                yield
        finally:
            await database.dispose()

    return Starlette(
        routes=[Route("/graphql", graphql), WebSocketRoute("/graphql", graphql)],
        lifespan=lifespan,
    )
