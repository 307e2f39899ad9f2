"""Cancellation: a read ends when its client disconnects, at the time limit, and when the server stops.

It ends in the database, too. What writes is stored all the same.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
import httpx2
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

import models.ledger.preference
import models.queries.summary
import resolvers.preference
import server.export
import server.graphql.app
from domain.viewer import Viewer
from models.database import Database
from models.database.compute import Compute, while_wanted
from models.ledger.preference import preferences_to_change
from models.queries.preference import preferences_of
from resolvers.context import Context
from server.app import create_app
from server.settings import Settings
from tests.conftest import Clock, publish_nothing, serving
from tests.support.api import Api
from tests.support.socket import signed_in

PATIENCE_S: Final = 20
READ: Final = "{ preferences { id } }"
SAVE: Final = "mutation { savePreferences(input: {maxLatencyMs: 4321}) { __typename } }"
# Far longer than a test waits, but finite in case the server does not cancel it.
ON_POSTGRESQL: Final = "SELECT pg_sleep(60)"
ON_SQLITE: Final = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 300000000) SELECT count(*) FROM n"
)
RUNNING: Final = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'
"""


class Slow:
    """A read that takes a minute in the database. A test can wait until it has begun, runs, or has ended."""

    def __init__(self, database: Database) -> None:
        self.begun = asyncio.Event()
        self.count = 0
        self._database = database
        self._driver: Any = None

    async def __call__(self, session: AsyncSession, *_given: Any, **_named: Any) -> Any:
        connection = await session.connection()
        self._driver = (await connection.get_raw_connection()).driver_connection
        self.count += 1
        self.begun.set()
        await connection.execute(text(ON_SQLITE if connection.dialect.name == "sqlite" else ON_POSTGRESQL))

    def close_connection(self) -> None:
        self._driver.terminate()

    async def is_running(self) -> None:
        """Wait until PostgreSQL executes it."""
        async with asyncio.timeout(PATIENCE_S), self._observer() as observer:
            while not await observer.fetchval(f"{RUNNING} AND wait_event = 'PgSleep'"):
                pass

    async def has_ended(self) -> None:
        """Wait until the database no longer executes it."""
        async with asyncio.timeout(PATIENCE_S):
            if self._database.url.get_backend_name() == "sqlite":
                # The thread of the connection executes calls one after another.
                after_it = asyncio.get_running_loop().create_future()
                self._driver._tx.put_nowait((after_it, lambda: None))
                await after_it
                return
            async with self._observer() as observer:
                while await observer.fetchval(RUNNING):
                    pass

    @asynccontextmanager
    async def _observer(self) -> AsyncIterator[asyncpg.Connection[Any]]:
        # As the login role: another role would not see the statements of viewers.
        url = self._database.url.set(drivername="postgresql").render_as_string(hide_password=False)
        connection = await asyncpg.connect(url)
        try:
            yield connection
        finally:
            connection.terminate()


@pytest.fixture
def slow(database: Database, monkeypatch: pytest.MonkeyPatch) -> Slow:
    """Make reads of preferences, and of a page of an export, slow."""
    read = Slow(database)
    monkeypatch.setattr(resolvers.preference, "current_preferences", read)
    monkeypatch.setattr(server.export, "reported", read)
    return read


class Held:
    """A write that waits until the test lets it continue."""

    def __init__(self) -> None:
        self.begun, self.may_go_on = asyncio.Event(), asyncio.Event()

    async def __call__(self, *given: Any) -> Any:
        saved = await preferences_to_change(*given)
        self.begun.set()
        await self.may_go_on.wait()
        return saved


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Held:
    write = Held()
    monkeypatch.setattr(models.ledger.preference, "preferences_to_change", write)
    return write


async def is_stored(database: Database, user_id: UUID) -> None:
    """Wait until the preferences of SAVE are stored."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            async with database.viewer(Viewer(user_id)) as session:
                saved = await preferences_of(session, user_id)
            if saved is not None and saved.max_latency_ms == 4321:
                return


@asynccontextmanager
async def posted(
    url: str, token: str, query: str, *more: str, accept: str = "*/*"
) -> AsyncIterator[asyncio.StreamWriter]:
    """A connection on which this operation was sent, and then others."""
    address = urlsplit(url)
    _, writer = await asyncio.open_connection(address.hostname, address.port)
    for each in (query, *more):
        body = json.dumps({"query": each})
        writer.write(
            f"POST /graphql HTTP/1.1\r\nHost: router\r\nAuthorization: Bearer {token}\r\nAccept: {accept}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
        )
    try:
        yield writer
    finally:
        writer.close()


# The ways in which a client leaves: each starts an operation, waits until it has begun, and disconnects.
Leaves = Callable[[str, str, str, asyncio.Event], Awaitable[None]]


async def closes(url: str, token: str, query: str, begun: asyncio.Event) -> None:
    async with posted(url, token, query):
        await begun.wait()


async def resets(url: str, token: str, query: str, begun: asyncio.Event) -> None:
    async with posted(url, token, query) as writer:
        await begun.wait()
        plain = writer.get_extra_info("socket")
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def closes_with_another_request_waiting(url: str, token: str, query: str, begun: asyncio.Event) -> None:
    async with posted(url, token, query, "{ viewer { id } }"):
        await begun.wait()


async def closes_a_stream(url: str, token: str, query: str, begun: asyncio.Event) -> None:
    async with posted(url, token, query, accept="text/event-stream"):
        await begun.wait()


async def asks_by_get(url: str, token: str, query: str, begun: asyncio.Event) -> None:
    if query.startswith("mutation"):
        pytest.skip("nothing is written by GET")
    async with httpx2.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {token}"}) as client:
        asking = asyncio.create_task(client.get("/graphql", params={"query": query}))
        await begun.wait()
        asking.cancel()
        await asyncio.wait([asking])


async def completes(url: str, token: str, query: str, begun: asyncio.Event) -> None:
    async with signed_in(url, token) as opened:
        await opened.start(query)
        await begun.wait()
        await opened.send(id="1", type="complete")
        # The server receives it before the socket is closed.
        await opened.send(type="ping")
        assert await opened.receive() == {"type": "pong"}


async def closes_the_socket(url: str, token: str, query: str, begun: asyncio.Event) -> None:
    async with signed_in(url, token) as opened:
        await opened.start(query)
        await begun.wait()


async def drops_the_socket(url: str, token: str, query: str, begun: asyncio.Event) -> None:
    async with signed_in(url, token) as opened:
        await opened.start(query)
        await begun.wait()
        opened.connection.transport.abort()


LEAVING: Final[list[Leaves]] = [
    closes,
    resets,
    closes_with_another_request_waiting,
    closes_a_stream,
    asks_by_get,
    completes,
    closes_the_socket,
    drops_the_socket,
]


@pytest.mark.parametrize("leaves", LEAVING)
async def test_a_query_ends_in_the_database_when_its_client_leaves(
    url: str, token: str, live_api: Api, slow: Slow, leaves: Leaves
) -> None:
    await leaves(url, token, READ, slow.begun)
    await slow.has_ended()
    # and its database connection can be used again
    assert (await live_api.ask("{ costAlerts { nodes { id } } }")) == {"nodes": []}


@pytest.mark.parametrize("leaves", LEAVING)
async def test_a_mutation_that_has_begun_is_stored_when_its_client_leaves(
    url: str, token: str, database: Database, user_id: UUID, held: Held, leaves: Leaves
) -> None:
    await leaves(url, token, SAVE, held.begun)
    held.may_go_on.set()
    await is_stored(database, user_id)


@pytest.mark.parametrize("leaves", [closes, resets, closes_with_another_request_waiting, closes_a_stream])
async def test_a_large_request_stops_waiting_for_its_turn_when_its_client_leaves(
    url: str, token: str, leaves: Leaves, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a request so large that it is decoded in its user's turn, which never comes
    waits, has_ended = asyncio.Event(), asyncio.Event()

    async def never(_context: Context) -> None:
        waits.set()
        try:
            await asyncio.Event().wait()
        finally:
            has_ended.set()

    monkeypatch.setattr(Context, "turn_for_body", never)
    await leaves(url, token, f"{READ} #".ljust(20_000, "."), waits)
    async with asyncio.timeout(PATIENCE_S):
        await has_ended.wait()


async def test_an_export_ends_in_the_database_when_its_client_leaves(
    client: httpx2.AsyncClient, token: str, live_api: Api, slow: Slow
) -> None:
    asking = asyncio.create_task(client.get("/export/analytics", headers={"Authorization": f"Bearer {token}"}))
    await slow.begun.wait()
    asking.cancel()
    await slow.has_ended()
    assert (await live_api.ask("{ costAlerts { nodes { id } } }")) == {"nodes": []}


async def test_clients_that_leave_do_not_use_up_connections(url: str, token: str, live_api: Api, slow: Slow) -> None:
    # given more clients, one after another, than connections
    for _ in range(20):
        slow.begun.clear()
        await closes(url, token, READ, slow.begun)
    await slow.has_ended()
    # then all connections can be used
    answers = await asyncio.gather(*(live_api.ask("{ costAlerts { nodes { id } } }") for _ in range(20)))
    assert answers == [{"nodes": []}] * 20


async def test_postgresql_ends_a_read_that_is_not_cancelled(postgres_url: str, user_id: UUID) -> None:
    database = Database(postgres_url, publish_nothing, read_limit_s=0.2)
    try:
        with pytest.raises(DBAPIError, match="statement timeout"):
            async with database.viewer(Viewer(user_id)) as session:
                await (await session.connection()).execute(text(ON_POSTGRESQL))
        # writes have other limits
        async with database.viewer(Viewer(user_id), write=True) as session:
            assert await (await session.connection()).scalar(text("SHOW statement_timeout")) == "0"
    finally:
        await database.dispose()


async def test_postgresql_ends_a_read_whose_connection_is_closed(postgres_url: str, user_id: UUID) -> None:
    database = Database(postgres_url, publish_nothing, read_limit_s=60)
    slow = Slow(database)

    async def read() -> None:
        async with database.viewer(Viewer(user_id)) as session:
            await slow(session)

    try:
        reading = asyncio.create_task(read())
        await slow.is_running()
        # when the connection is closed without a cancellation, or with one before its statement
        slow.close_connection()
        # then
        await slow.has_ended()
        with pytest.raises(DBAPIError):
            await reading
    finally:
        await database.dispose()


async def test_waiting_fields_do_not_begin_once_the_client_has_left(
    url: str, token: str, live_api: Api, slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given 20 summaries, of which two per user are computed at once
    monkeypatch.setattr(models.queries.summary.Summary, "over", lambda summary, *_given: slow(summary._session))
    fields = " ".join(f"s{number}: analyticsSummary {{ calls }}" for number in range(20))
    async with posted(url, token, f"{{ {fields} }}"):
        await slow.begun.wait()
    await slow.has_ended()
    # then those of others are computed at once, and no more of the first
    monkeypatch.undo()
    assert await live_api.ask("{ analyticsSummary { calls } }") == [{"calls": 0}]
    assert slow.count <= 2


async def test_a_query_ends_in_the_database_at_the_time_limit_and_a_mutation_is_stored(
    settings: Settings, clock: Clock, token: str, database: Database, user_id: UUID, slow: Slow, held: Held
) -> None:
    limited = settings.model_copy(update={"operation_timeout_s": 0.3})
    async with serving(create_app(limited, clock)) as url, httpx2.AsyncClient(base_url=url, timeout=30) as client:
        api = Api(client, token)
        assert (await api.errors(READ))[0]["extensions"] == {"code": "TIMEOUT"}
        await slow.has_ended()
        assert (await api.errors(SAVE))[0]["extensions"] == {"code": "TIMEOUT"}
        assert held.begun.is_set()
        held.may_go_on.set()
        await is_stored(database, user_id)


async def test_a_query_ends_in_the_database_when_the_server_stops_and_a_mutation_is_stored(
    settings: Settings,
    clock: Clock,
    token: str,
    database: Database,
    user_id: UUID,
    slow: Slow,
    held: Held,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server.graphql.app, "STOPS_WITHIN_S", 0.3)
    async with httpx2.AsyncClient(timeout=30) as client:
        async with serving(create_app(settings, clock)) as url:
            client.base_url = httpx2.URL(url)
            api = Api(client, token)
            asking = [asyncio.create_task(api.post(query)) for query in (READ, SAVE)]
            await slow.begun.wait()
            await held.begun.wait()
            asyncio.get_running_loop().call_later(0.5, held.may_go_on.set)
        # when it has stopped, then both clients were answered, and nothing runs
        for answer in await asyncio.gather(*asking):
            assert (answer.status_code, answer.json()["errors"][0]["extensions"]) == (503, {"code": "TIMEOUT"})
    if database.url.get_backend_name() != "sqlite":
        await slow.has_ended()
    await is_stored(database, user_id)


async def test_offloaded_work_ends_when_its_caller_is_cancelled() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def add_up() -> None:
        try:
            for number in while_wanted(iter(int, 1)):  # endless
                if number == 0 and not begun.is_set():
                    loop.call_soon_threadsafe(begun.set)
        finally:
            loop.call_soon_threadsafe(ended.set)

    adding = asyncio.create_task(Compute().offload(UUID(int=1), add_up))
    await begun.wait()
    adding.cancel()
    await asyncio.wait_for(ended.wait(), PATIENCE_S)
