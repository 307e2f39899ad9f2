"""`/readyz` tells the truth: whatever keeps requests from being served is named, until it is mended."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx2
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette

import models.sqlite_files
from models.ledger import Ledger
from server.app import create_app
from server.auth import make_token
from server.health import Readiness
from server.listener import Listener
from server.settings import Settings
from tests.conftest import SECRET, Clock, serving
from tests.server.test_faults import database_at, small_file_system, stored
from tests.support.api import Api
from tests.support.load import LOG_ONE

PATIENCE_S: Final = 30


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked now and then is asked each time; what is remembered for a while, for a moment."""
    monkeypatch.setattr(Readiness, "writes_every_s", 0.0)
    monkeypatch.setattr(Ledger, "failing_for_s", 0.5)


async def checks(client: httpx2.AsyncClient) -> dict[str, bool]:
    answer = await client.get("/readyz")
    told: dict[str, bool] = answer.json()["checks"]
    assert answer.status_code == (200 if all(told.values()) else 503)
    return told


async def until(client: httpx2.AsyncClient, condition: Callable[[dict[str, bool]], bool]) -> dict[str, bool]:
    """What is told once the condition holds."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition(told := await checks(client)):
            pass
    return told


def ready(told: dict[str, bool]) -> bool:
    return all(told.values())


def lacks(*names: str) -> Callable[[dict[str, bool]], bool]:
    return lambda told: not any(told.get(name, True) for name in names)


def line(event_id: str) -> dict[str, Any]:
    return {"provider": "openai", "modelUsed": "a", "taskType": "chat", "success": True, "eventId": event_id}


@pytest.fixture
def file(sqlite_url: str, tmp_path: Path) -> Path:
    """The database of `on_sqlite`."""
    (tmp_path / "data").mkdir()
    return Path(shutil.move(tmp_path / "router.db", tmp_path / "data" / "router.db"))


@pytest.fixture
async def on_sqlite(file: Path, clock: Clock) -> AsyncIterator[tuple[httpx2.AsyncClient, Api]]:
    """A client of a server on the file, which is ready and has logged one call."""
    settings = Settings(
        data_dir=file.parent, database_url=f"sqlite+aiosqlite:///{file}", jwt_secret=SecretStr(SECRET)
    )
    async with serving(create_app(settings, clock)) as url, httpx2.AsyncClient(base_url=url, timeout=30) as client:
        api = Api(client, make_token(settings, new_id(), timedelta(hours=1)))
        assert (await api.ask(LOG_ONE, input=line("before")))["__typename"] == "LoggedAnalytics"
        await until(client, ready)
        yield client, api
