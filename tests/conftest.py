"""Fixtures: a migrated database, an application on it and clients of the application, new for each test."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import httpx2
import hypothesis
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette

from domain.event import Event
from domain.viewer import Viewer
from migrations import upgrade
from models.database import Database
from models.types import new_id
from server.app import create_app
from server.serving import Server
from server.settings import Settings
from server.token import make_token
from tests.support.api import Api
from tests.support.postgres import Cluster, ReusedDatabase, administer, cluster

# The machine does other work too, so the time that an example takes says nothing about the code.
hypothesis.settings.register_profile("untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("untimed")

SECRET = "a secret of the tests, 32 bytes or longer"


@pytest.fixture(autouse=True)
def _unset_router_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("ROUTER_") and not name.startswith("ROUTER_TEST_"):
            monkeypatch.delenv(name)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--db", choices=["sqlite", "postgres", "all"], default="all", help="the databases to test on")


def pytest_collection_finish() -> None:
    """Exempt all imported modules from garbage collection, so that each collection during the tests is short."""
    gc.collect()
    gc.freeze()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that uses the fixture `backend` on SQLite and on PostgreSQL, or on the one that `--db` names."""
    if "backend" in metafunc.fixturenames:
        chosen = metafunc.config.getoption("--db")
        metafunc.parametrize("backend", ["sqlite", "postgres"] if chosen == "all" else [chosen], scope="session")


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("template") / "router.db"
    upgrade(f"sqlite+aiosqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A PostgreSQL cluster whose database `template` is migrated."""
    with cluster() as running:
        asyncio.run(administer(running, "CREATE DATABASE template"))
        upgrade(running.url("template"))
        yield running


@pytest.fixture(scope="session")
def reused_database(postgres: Cluster) -> ReusedDatabase:
    return ReusedDatabase(postgres, template="template")


@pytest.fixture
def sqlite_url(migrated_file: Path, tmp_path: Path) -> str:
    """The URL of a migrated SQLite file that no other test uses."""
    shutil.copy(migrated_file, tmp_path / "router.db")
    return f"sqlite+aiosqlite:///{tmp_path / 'router.db'}"


@pytest.fixture
def database_url(backend: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a migrated database that no other test uses meanwhile."""
    if backend == "sqlite":
        yield request.getfixturevalue("sqlite_url")
    else:
        with _postgres_database(request) as url:
            yield url


@pytest.fixture
def empty_database_url(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of an empty database without tables."""
    if backend == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path / 'empty.db'}"
    else:
        running: Cluster = request.getfixturevalue("postgres")
        name = f"test_{uuid4().hex}"
        asyncio.run(administer(running, f"CREATE DATABASE {name}"))
        try:
            yield running.url(name)
        finally:
            asyncio.run(administer(running, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def postgres_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a migrated PostgreSQL database, for tests of features that SQLite lacks."""
    if request.config.getoption("--db") == "sqlite":
        pytest.skip("only SQLite is tested")
    with _postgres_database(request) as url:
        yield url


@contextmanager
def _postgres_database(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a migrated database, which is emptied after the test: to create one per test takes far longer."""
    reused: ReusedDatabase = request.getfixturevalue("reused_database")
    url = asyncio.run(reused.ready())
    try:
        yield url
    finally:
        asyncio.run(reused.empty())


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    return Settings(data_dir=tmp_path, database_url=database_url, jwt_secret=SecretStr(SECRET))


@dataclass
class Clock:
    """The clock of the application under test. It moves only when a test moves it."""

    now: datetime = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        self.now += timedelta(**by)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def app(settings: Settings, clock: Clock) -> AsyncIterator[Starlette]:
    app = create_app(settings, clock)
    async with app.router.lifespan_context(app):
        yield app


def publish_nothing(_events: Sequence[Event]) -> None: ...


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    """The database of this test, over connections separate from the application's."""
    database = Database(settings.database, publish_nothing)
    yield database
    await database.dispose()


ApiOf = Callable[[UUID], Api]


@pytest.fixture
async def api_of(app: Starlette, settings: Settings) -> AsyncIterator[ApiOf]:
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://router") as client:
        yield lambda user_id: Api(client, make_token(settings, user_id, timedelta(hours=1)))


@pytest.fixture
def user_id() -> UUID:
    return new_id()


@pytest.fixture
def viewer(user_id: UUID) -> Viewer:
    return Viewer(user_id)


@pytest.fixture
def api(api_of: ApiOf, user_id: UUID) -> Api:
    """A client of the API as the user `user_id`."""
    return api_of(user_id)


@pytest.fixture
def other_api(api_of: ApiOf) -> Api:
    """A client of the API as another user."""
    return api_of(new_id())


@asynccontextmanager
async def serving(app: Starlette, **limits: int) -> AsyncIterator[str]:
    """Serve the application on a real socket in this event loop. Yields its address."""
    # The protocol is named, so that asyncio turns off the delay of small packets (TCP_NODELAY).
    listening = socket.socket(proto=socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    ready = asyncio.Event()
    server = Server(app, ready.set, **limits)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    running = asyncio.create_task(server.serve([listening]))
    await ready.wait()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        await running


@pytest.fixture
async def url(settings: Settings, clock: Clock) -> AsyncIterator[str]:
    async with serving(create_app(settings, clock)) as address:
        yield address


@pytest.fixture
async def client(url: str) -> AsyncIterator[httpx2.AsyncClient]:
    """An HTTP client of the server at `url`."""
    async with httpx2.AsyncClient(base_url=url, timeout=30) as client:
        yield client


@pytest.fixture
def token(settings: Settings, user_id: UUID) -> str:
    return make_token(settings, user_id, timedelta(hours=1))


@pytest.fixture
def live_api(client: httpx2.AsyncClient, token: str) -> Api:
    """A client of the API as the user `user_id`, over a real socket."""
    return Api(client, token)
