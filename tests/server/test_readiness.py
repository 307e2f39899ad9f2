"""`/readyz` names each condition that prevents requests from being served, until the condition ends."""

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
def _short_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each periodic check on every request, and remember failures of the ledger for 0.5 s only."""
    monkeypatch.setattr(Readiness, "writes_every_s", 0.0)
    monkeypatch.setattr(Ledger, "failing_for_s", 0.5)


async def checks(client: httpx2.AsyncClient) -> dict[str, bool]:
    answer = await client.get("/readyz")
    results: dict[str, bool] = answer.json()["checks"]
    assert answer.status_code == (200 if all(results.values()) else 503)
    return results


async def until(client: httpx2.AsyncClient, condition: Callable[[dict[str, bool]], bool]) -> dict[str, bool]:
    """Poll /readyz until its checks meet the condition. Returns the checks."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition(results := await checks(client)):
            pass
    return results


def ready(results: dict[str, bool]) -> bool:
    return all(results.values())


def lacks(*names: str) -> Callable[[dict[str, bool]], bool]:
    return lambda results: not any(results.get(name, True) for name in names)


def line(event_id: str) -> dict[str, Any]:
    return {"provider": "openai", "modelUsed": "a", "taskType": "chat", "success": True, "eventId": event_id}


@pytest.fixture
def file(migrated_file: Path, tmp_path: Path) -> Path:
    """The SQLite file that `on_sqlite` serves."""
    (tmp_path / "data").mkdir()
    return Path(shutil.copy(migrated_file, tmp_path / "data" / "router.db"))


@pytest.fixture
async def on_sqlite(file: Path, clock: Clock) -> AsyncIterator[tuple[httpx2.AsyncClient, Api]]:
    """A client of a server on `file`. The server is ready and has logged one call."""
    settings = Settings(data_dir=file.parent, database_url=f"sqlite+aiosqlite:///{file}", jwt_secret=SecretStr(SECRET))
    async with serving(create_app(settings, clock)) as url, httpx2.AsyncClient(base_url=url, timeout=30) as client:
        api = Api(client, make_token(settings, new_id(), timedelta(hours=1)))
        assert (await api.ask(LOG_ONE, input=line("before")))["__typename"] == "LoggedAnalytics"
        await until(client, ready)
        yield client, api


async def test_with_a_removed_file_no_call_is_acknowledged_or_lost(
    on_sqlite: tuple[httpx2.AsyncClient, Api], file: Path
) -> None:
    client, api = on_sqlite
    away = os.path.join(file.parent, "away.db")  # noqa: PTH118
    os.rename(file, away)  # noqa: PTH104
    # then readiness reports it, and no call is acknowledged
    assert lacks("file", "writes")(await until(client, lacks("file", "writes")))
    [error] = await api.errors(LOG_ONE, input=line("lost"))
    assert error["extensions"]["code"] == "SERVICE_UNAVAILABLE"
    # and no connection creates an empty file instead
    await asyncio.gather(*(api.post("{ analytics { nodes { id } } }") for _ in range(20)))
    assert not os.path.exists(file)  # noqa: PTH110, ASYNC240
    # and when the file is back, the server is ready
    os.rename(away, file)  # noqa: PTH104
    await until(client, ready)
    assert (await api.ask(LOG_ONE, input=line("lost")))["deduplicated"] is False


async def test_with_a_replaced_file_no_call_is_acknowledged(
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
    # and the new file is unchanged
    assert file.read_bytes() == content  # noqa: ASYNC240


async def test_a_missing_directory_is_reported(on_sqlite: tuple[httpx2.AsyncClient, Api], file: Path) -> None:
    client, api = on_sqlite
    away = file.parent.rename(file.parent.with_name("away"))
    await until(client, lacks("file", "disk", "writes"))
    assert (await api.errors(LOG_ONE, input=line("lost")))[0]["extensions"]["code"] == "SERVICE_UNAVAILABLE"
    away.rename(file.parent)
    await until(client, ready)


@pytest.mark.parametrize("suffix", ["-wal", "-shm"])
async def test_with_a_removed_write_ahead_log_no_call_is_acknowledged_or_lost(
    on_sqlite: tuple[httpx2.AsyncClient, Api], file: Path, tmp_path: Path, suffix: str
) -> None:
    client, api = on_sqlite
    os.unlink(f"{file}{suffix}")  # noqa: PTH108
    await until(client, lacks("file", "writes"))
    assert (await api.errors(LOG_ONE, input=line("lost")))[0]["extensions"]["code"] == "SERVICE_UNAVAILABLE"
    # and calls acknowledged before are in the file, even if the server is killed now
    alone = shutil.copy(file, tmp_path / "alone.db")
    with sqlite3.connect(alone) as connection:
        assert connection.execute("SELECT event_id FROM router_analytics").fetchall() == [("before",)]


async def test_a_read_only_file_is_reported(
    on_sqlite: tuple[httpx2.AsyncClient, Api], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, _api = on_sqlite
    # as for users other than root
    monkeypatch.setattr(os, "access", lambda path, mode: not (path == file and mode == os.W_OK))
    await until(client, lacks("file"))
    monkeypatch.undo()
    await until(client, ready)


async def test_a_full_disk_is_reported(migrated_file: Path, tmp_path: Path, clock: Clock) -> None:
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


async def test_a_ledger_with_a_full_disk_is_reported(
    on_sqlite: tuple[httpx2.AsyncClient, Api], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, api = on_sqlite

    full = OperationalError("INSERT", None, sqlite3.OperationalError("database or disk is full"))
    monkeypatch.setattr(Ledger, "failing_for_s", 60.0)
    store = models.ledger.call.CallBatch.write
    monkeypatch.setattr(models.ledger.call.CallBatch, "write", raising(full))
    assert (await api.errors(LOG_ONE, input=line("later")))[0]["extensions"]["code"] == "SERVICE_UNAVAILABLE"
    assert lacks("ledger")(await until(client, lacks("ledger")))
    # and a successful commit ends the report
    monkeypatch.setattr(models.ledger.call.CallBatch, "write", store)
    assert (await api.ask(LOG_ONE, input=line("later")))["deduplicated"] is False
    await until(client, ready)


async def test_a_ledger_with_a_long_waiting_submission_is_reported(
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
async def test_another_schema_version_is_reported_also_later(
    client: httpx2.AsyncClient, database_url: str, version: str
) -> None:
    await until(client, ready)
    before = await versioned(database_url, version)
    await until(client, lacks("migrations"))
    await versioned(database_url, before)
    await until(client, ready)


async def test_a_read_only_postgresql_is_reported(postgres_url: str, tmp_path: Path, clock: Clock) -> None:
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


async def test_a_disconnected_listener_is_reported(
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


async def test_concurrent_requests_share_one_check(client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
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
    """Set the schema version. Returns the previous one."""
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
