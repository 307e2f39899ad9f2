"""`/readyz` tells the truth: whatever keeps requests from being served is named, until it is mended."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx2
import pytest
from pydantic import SecretStr
from sqlalchemy import make_url
from sqlalchemy.exc import OperationalError

import models.ledger.call
import server.health
from models.ledger import Ledger
from models.types import new_id
from server.app import create_app
from server.health import Readiness
from server.listener import Listener
from server.settings import Settings
from server.token import make_token
from tests.conftest import SECRET, Clock, serving
from tests.server.test_faults import small_file_system
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
def file(migrated_file: Path, tmp_path: Path) -> Path:
    """The database of `on_sqlite`."""
    (tmp_path / "data").mkdir()
    return Path(shutil.copy(migrated_file, tmp_path / "data" / "router.db"))


@pytest.fixture
async def on_sqlite(file: Path, clock: Clock) -> AsyncIterator[tuple[httpx2.AsyncClient, Api]]:
    """A client of a server on the file, which is ready and has logged one call."""
    settings = Settings(data_dir=file.parent, database_url=f"sqlite+aiosqlite:///{file}", jwt_secret=SecretStr(SECRET))
    async with serving(create_app(settings, clock)) as url, httpx2.AsyncClient(base_url=url, timeout=30) as client:
        api = Api(client, make_token(settings, new_id(), timedelta(hours=1)))
        assert (await api.ask(LOG_ONE, input=line("before")))["__typename"] == "LoggedAnalytics"
        await until(client, ready)
        yield client, api


async def test_a_file_that_was_removed_takes_no_write_and_loses_none(
    on_sqlite: tuple[httpx2.AsyncClient, Api], file: Path
) -> None:
    client, api = on_sqlite
    away = os.path.join(file.parent, "away.db")  # noqa: PTH118
    os.rename(file, away)  # noqa: PTH104
    # then it is said so, and nothing is acknowledged that nobody would find again
    assert lacks("file", "writes")(await until(client, lacks("file", "writes")))
    [error] = await api.errors(LOG_ONE, input=line("lost"))
    assert error["extensions"]["code"] == "SERVICE_UNAVAILABLE"
    # nor does another connection make an empty file in its place
    await asyncio.gather(*(api.post("{ analytics { nodes { id } } }") for _ in range(20)))
    assert not os.path.exists(file)  # noqa: PTH110, ASYNC240
    # and when it is there again, all is well
    os.rename(away, file)  # noqa: PTH104
    await until(client, ready)
    assert (await api.ask(LOG_ONE, input=line("lost")))["deduplicated"] is False


async def test_a_file_that_was_replaced_takes_no_write(
    on_sqlite: tuple[httpx2.AsyncClient, Api], file: Path, tmp_path: Path
) -> None:
    client, api = on_sqlite
    backup = tmp_path / "backup.db"
    with sqlite3.connect(file) as connection:
        connection.execute("VACUUM INTO ?", (str(backup),))
    content = backup.read_bytes()
    backup.rename(file)
    assert lacks("file", "writes")(await until(client, lacks("file", "writes")))
    [error] = await api.errors(LOG_ONE, input=line("lost"))
    assert error["extensions"]["code"] == "SERVICE_UNAVAILABLE"
    # and what is there now is as it was put there
    assert file.read_bytes() == content  # noqa: ASYNC240


async def test_a_directory_that_is_gone_is_told(on_sqlite: tuple[httpx2.AsyncClient, Api], file: Path) -> None:
    client, api = on_sqlite
    away = file.parent.rename(file.parent.with_name("away"))
    await until(client, lacks("file", "disk", "writes"))
    assert (await api.errors(LOG_ONE, input=line("lost")))[0]["extensions"]["code"] == "SERVICE_UNAVAILABLE"
    away.rename(file.parent)
    await until(client, ready)


@pytest.mark.parametrize("suffix", ["-wal", "-shm"])
async def test_a_log_that_was_removed_takes_no_write_and_loses_none(
    on_sqlite: tuple[httpx2.AsyncClient, Api], file: Path, tmp_path: Path, suffix: str
) -> None:
    client, api = on_sqlite
    os.unlink(f"{file}{suffix}")  # noqa: PTH108
    await until(client, lacks("file", "writes"))
    assert (await api.errors(LOG_ONE, input=line("lost")))[0]["extensions"]["code"] == "SERVICE_UNAVAILABLE"
    # and what was acknowledged before is in the file, also if the server is killed now
    alone = shutil.copy(file, tmp_path / "alone.db")
    with sqlite3.connect(alone) as connection:
        assert connection.execute("SELECT event_id FROM router_analytics").fetchall() == [("before",)]


async def test_a_file_that_is_read_only_is_told(
    on_sqlite: tuple[httpx2.AsyncClient, Api], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, _api = on_sqlite
    # as it is to those who are not root
    monkeypatch.setattr(os, "access", lambda path, mode: not (path == file and mode == os.W_OK))
    await until(client, lacks("file"))
    monkeypatch.undo()
    await until(client, ready)


async def test_a_full_disk_is_told(migrated_file: Path, tmp_path: Path, clock: Clock) -> None:
    small = tmp_path / "small"
    with small_file_system(small):
        file = Path(shutil.copy(migrated_file, small / "router.db"))
        settings = Settings(data_dir=small, database_url=f"sqlite+aiosqlite:///{file}", jwt_secret=SecretStr(SECRET))
        async with serving(create_app(settings, clock)) as url, httpx2.AsyncClient(base_url=url, timeout=30) as client:
            await until(client, ready)
            filling = small / "filling"
            with filling.open("wb", buffering=0) as full, pytest.raises(OSError, match="No space left"):
                while True:
                    full.write(bytes(64 * 1024))
            await until(client, lacks("disk"))
            filling.unlink()
            await until(client, ready)


async def test_a_ledger_whose_disk_is_full_is_told(
    on_sqlite: tuple[httpx2.AsyncClient, Api], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, api = on_sqlite

    full = OperationalError("INSERT", None, sqlite3.OperationalError("database or disk is full"))
    monkeypatch.setattr(Ledger, "failing_for_s", 60.0)
    store = models.ledger.call.CallBatch.write
    monkeypatch.setattr(models.ledger.call.CallBatch, "write", raising(full))
    assert (await api.errors(LOG_ONE, input=line("later")))[0]["extensions"]["code"] == "SERVICE_UNAVAILABLE"
    assert lacks("ledger")(await until(client, lacks("ledger")))
    # and a commit that succeeds shows that it is well
    monkeypatch.setattr(models.ledger.call.CallBatch, "write", store)
    assert (await api.ask(LOG_ONE, input=line("later")))["deduplicated"] is False
    await until(client, ready)


async def test_a_ledger_whose_oldest_submission_is_old_is_told(
    client: httpx2.AsyncClient, live_api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Ledger, "old_after_s", 0.2)
    held, begun = asyncio.Event(), asyncio.Event()
    write = models.ledger.call.CallBatch.write

    async def waits(*given: Any) -> Any:
        begun.set()
        await held.wait()
        return await write(*given)

    await until(client, ready)
    monkeypatch.setattr(models.ledger.call.CallBatch, "write", waits)
    logging = asyncio.create_task(live_api.ask(LOG_ONE, input=line("late")))
    await begun.wait()
    await until(client, lacks("ledger"))
    held.set()
    assert (await logging)["deduplicated"] is False
    await until(client, ready)


@pytest.mark.parametrize("version", ["99991231_of_the_future", "20261123_first_tables"])
async def test_a_schema_that_is_not_the_codes_is_told_also_later(
    client: httpx2.AsyncClient, database_url: str, version: str
) -> None:
    await until(client, ready)
    before = await versioned(database_url, version)
    await until(client, lacks("migrations"))
    await versioned(database_url, before)
    await until(client, ready)


async def test_a_postgresql_that_takes_no_writes_is_told(postgres_url: str, tmp_path: Path, clock: Clock) -> None:
    settings = Settings(data_dir=tmp_path, database_url=postgres_url, jwt_secret=SecretStr(SECRET))
    name = make_url(postgres_url).database
    async with serving(create_app(settings, clock)) as url, httpx2.AsyncClient(base_url=url, timeout=30) as client:
        await until(client, ready)
        for read_only in ("on", "off"):
            await administer(postgres_url, f"ALTER DATABASE {name} SET default_transaction_read_only = {read_only}")
            # as after a failover: all connections are new
            await administer(
                postgres_url,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                "AND pid <> pg_backend_pid()",
            )
            await until(client, lacks("writes") if read_only == "on" else ready)


async def test_a_listener_that_is_not_connected_is_told(
    postgres_url: str, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(data_dir=tmp_path, database_url=postgres_url, jwt_secret=SecretStr(SECRET))
    async with serving(create_app(settings, clock)) as url, httpx2.AsyncClient(base_url=url, timeout=30) as client:
        await until(client, ready)
        connect = Listener._connect
        monkeypatch.setattr(Listener, "_connect", raising(OSError("nobody listens")))
        await administer(
            postgres_url,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid()",
        )
        await until(client, lacks("listener"))
        monkeypatch.setattr(Listener, "_connect", connect)
        await until(client, ready)


async def test_those_who_ask_at_once_share_an_answer(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0
    ask = Readiness._health

    async def counted(readiness: Readiness) -> Any:
        nonlocal asked
        asked += 1
        return await ask(readiness)

    monkeypatch.setattr(Readiness, "_health", counted)
    monkeypatch.setattr(server.health, "_CACHED_FOR_S", 60.0)
    answers = await asyncio.gather(*(client.get("/readyz") for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert asked == 1


def raising(error: Exception) -> Any:
    async def fails(*_given: Any) -> Any:
        raise error

    return fails


async def administer(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        await connection.execute("SET default_transaction_read_only = off")
        await connection.execute(statement)
    finally:
        connection.terminate()


async def versioned(url: str, version: str) -> str:
    """Write this as the version of the schema; the one that it was."""
    if url.startswith("sqlite"):
        with sqlite3.connect(make_url(url).database or "") as file:
            [before] = file.execute("SELECT version_num FROM alembic_version").fetchone()
            file.execute("UPDATE alembic_version SET version_num = ?", (version,))
            return str(before)
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        before = await connection.fetchval("SELECT version_num FROM alembic_version")
        await connection.execute("UPDATE alembic_version SET version_num = $1", version)
        return str(before)
    finally:
        connection.terminate()
