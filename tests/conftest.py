"""A migrated database, an application over it, and clients of it: new for each test."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import httpx2
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette

from domain.event import Event
from domain.viewer import Viewer
from migrations import upgrade
from models.database import Database
from models.types import new_id
from server.app import create_app
from server.auth import make_token
from server.serving import Server
from server.settings import Settings
from tests.support.api import Api

SECRET = "a secret of the tests, 32 bytes or longer"


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("ROUTER_"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("template") / "router.db"
    upgrade(f"sqlite+aiosqlite:///{file}")
    return file


@pytest.fixture
def settings(tmp_path: Path, migrated_file: Path) -> Settings:
    shutil.copy(migrated_file, tmp_path / "router.db")
    return Settings(data_dir=tmp_path, jwt_secret=SecretStr(SECRET))


@dataclass
class Clock:
    """The time that the application under test believes it is."""

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


async def published_to_nobody(_events: Sequence[Event]) -> None: ...


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    """The database of this test, beside the application's own connections to it."""
    database = Database(settings.database, published_to_nobody)
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
    """The API as this test's user sees it."""
    return api_of(user_id)


@pytest.fixture
def other_api(api_of: ApiOf) -> Api:
    """The API as another user sees it."""
    return api_of(new_id())


@asynccontextmanager
async def serving(app: Starlette) -> AsyncIterator[str]:
    """The address of a server of this application, on a real socket in this event loop."""
    listening = socket.create_server(("127.0.0.1", 0))
    ready = asyncio.Event()
    server = Server(app, ready.set)
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
    """A client of the server at `url`, with room for many connections."""
    async with httpx2.AsyncClient(base_url=url, timeout=30) as client:
        yield client


@pytest.fixture
def token(settings: Settings, user_id: UUID) -> str:
    return make_token(settings, user_id, timedelta(hours=1))


@pytest.fixture
def live_api(client: httpx2.AsyncClient, token: str) -> Api:
    """The API as this test's user sees it, through a real socket."""
    return Api(client, token)
