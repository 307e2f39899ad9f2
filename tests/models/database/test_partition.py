"""Monthly partitions on PostgreSQL: created ahead of the rows, never by a request, without blocking anybody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from alembic import command

import models.database.postgresql
import server.partition
from domain.analytics import LogAnalytics
from domain.month import Month, first_live
from migrations import configuration, upgrade
from models.database import Database
from models.database.pool import DatabaseFailure, driver_of
from models.database.postgresql import PostgreSQL
from models.ledger import Ledger
from models.ledger.call import CallDraft, Logged
from models.ledger.retention import drop_before
from models.queries.verification import verify
from models.types import first_id_at, new_id
from server.partition import partitions_ahead
from tests.conftest import Clock, publish_nothing

OWNER = UUID(int=1)
NOW = datetime.now(UTC)
CURRENT = Month.of(NOW)
TABLES = ("router_analytics", "router_decisions")


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection[Any]]:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture
async def connection(postgres_url: str) -> AsyncIterator[asyncpg.Connection[Any]]:
    async with connected(postgres_url) as connection:
        yield connection


@pytest.fixture
async def db(postgres_url: str) -> AsyncIterator[Database]:
    database = Database(postgres_url, publish_nothing)
    yield database
    await database.dispose()


def postgresql(database: Database) -> PostgreSQL:
    assert isinstance(database.backend, PostgreSQL)
    return database.backend


def draft(at: datetime, *, imported: bool = True) -> CallDraft:
    call = LogAnalytics(
        provider="openai", model_used="a", task_type="chat", success=True, cost="0.5", occurred_at=at.isoformat()
    )
    return CallDraft(OWNER, call, imported=imported)


async def record(database: Database, *drafts: CallDraft, clock: Clock | None = None) -> list[Logged]:
    async with Ledger(database, clock or (lambda: NOW)).running() as ledger:
        outcomes = await ledger.record(drafts)
    logged = [outcome for outcome in outcomes if isinstance(outcome, Logged)]
    assert len(logged) == len(drafts), outcomes
    return logged


async def partitions(connection: asyncpg.Connection[Any], table: str = "router_analytics") -> set[str]:
    """The suffixes of the names of the table's partitions."""
    rows = await connection.fetch(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = $1::regclass", table
    )
    return {name.removeprefix(f"{table}_") for (name,) in rows}


async def rows_in(connection: asyncpg.Connection[Any], table: str = "router_analytics") -> dict[str, int]:
    """The number of rows per partition, without empty partitions."""
    rows = await connection.fetch(f"SELECT tableoid::regclass::text, count(*) FROM {table} GROUP BY 1")
    return {name.removeprefix(f"{table}_"): count for name, count in rows}


def months(*after: int) -> set[str]:
    return {f"{month.year}_{month.month:02}" for month in map(CURRENT.later, after)}


@asynccontextmanager
async def long_reader(url: str) -> AsyncIterator[None]:
    """An open transaction that has read every table, as a backup does."""
    reader = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        async with reader.transaction():
            for table in TABLES:
                await reader.execute(f"LOCK TABLE {table} IN ACCESS SHARE MODE")
            yield
    finally:
        await reader.close()


async def test_a_migrated_database_has_partitions_for_the_months_of_live_calls(
    connection: asyncpg.Connection[Any],
) -> None:
    for table in TABLES:
        assert await partitions(connection, table) == months(-2, -1, 0, 1, 2, 3) | {"archive", "default"}


async def test_no_call_creates_or_drops_a_table(connection: asyncpg.Connection[Any], db: Database) -> None:
    # given a database that does not permit changes of tables
    await connection.execute(
        "CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'DDL: %', tg_tag; END $$; "
        "CREATE EVENT TRIGGER refuse ON ddl_command_start EXECUTE FUNCTION refuse()"
    )
    before = await partitions(connection)
    # when calls of 672 months are imported, and live ones are logged
    old = [draft(datetime(1970 + number // 12, number % 12 + 1, 1, tzinfo=UTC)) for number in range(672)]
    await record(db, *old)
    await record(db, *(draft(at, imported=False) for at in (first_live(NOW), NOW)))
    # then all calls are stored, and no table was created
    assert await partitions(connection) == before
    counts = await rows_in(connection)
    recent = sum(each.report.occurred_at >= first_live(NOW) for each in old)  # type: ignore[operator]
    assert counts.pop("archive") == 672 - recent
    assert sum(counts.values()) == 2 + recent


async def test_a_long_reader_delays_neither_calls_nor_the_start_of_a_server(
    connection: asyncpg.Connection[Any], postgres_url: str, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models.database.postgresql, "_PAUSE_S", 0)
    monkeypatch.setattr(models.database.postgresql, "_DROP_TRIES", 2)
    later = CURRENT.later(1).start
    there = await partitions(connection)
    await record(db, draft(datetime(2001, 1, 1, tzinfo=UTC)))
    async with long_reader(postgres_url):
        # when some partitions cannot be attached now, and others cannot be dropped
        async with partitions_ahead(db.backend, lambda: later):
            [logged] = await record(db, draft(NOW, imported=False))
        with pytest.raises(
            DatabaseFailure, match="could not be dropped while others read router_analytics; run this again"
        ):
            await drop_before(db, NOW)
        # then calls are accepted all the same, and nobody waits for a lock
        await record(db, draft(NOW, imported=False))
        assert await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted") == 0
        assert await partitions(connection) == there
    # and when the reader is gone, both succeed
    await postgresql(db).make_partitions(later, 1)
    assert await partitions(connection) == there | months(4)
    await drop_before(db, NOW)
    assert await partitions(connection) == months(0, 1, 2, 3, 4) | {"archive", "default"}
    assert sum((await rows_in(connection)).values()) == 2
    assert await verify(db, OWNER, NOW) == []
    assert not logged.deduplicated


async def test_calls_of_a_month_without_a_partition_are_stored_in_the_default_partition(
    connection: asyncpg.Connection[Any], db: Database
) -> None:
    # given a server that could create no partition for a year
    clock = Clock(CURRENT.later(12).start + timedelta(days=3))
    ahead = months(12, 13, 14, 15)
    await record(db, draft(clock.now, imported=False), draft(clock.now, imported=False), clock=clock)
    assert await rows_in(connection) == {"default": 2}
    # when it can create them again
    await postgresql(db).make_partitions(clock.now, 1)
    # then the coming months have partitions; the rows stay in the default partition and are found
    assert await partitions(connection) >= ahead - months(12)
    assert not await partitions(connection) & months(12)
    assert await connection.fetchval("SELECT count(*) FROM pg_constraint WHERE conname LIKE 'outside%'") == 0
    await record(db, draft(clock.now, imported=False), clock=clock)
    assert await rows_in(connection) == {"default": 3}
    clock.now = CURRENT.later(13).start
    await record(db, draft(clock.now, imported=False), clock=clock)
    assert await rows_in(connection) == {"default": 3} | dict.fromkeys(months(13), 1)
    assert await verify(db, OWNER, clock.now) == []
    # and retention deletes these rows
    await drop_before(db, clock.now)
    assert await rows_in(connection) == dict.fromkeys(months(13), 1)


async def test_a_process_that_ends_while_it_attaches_leaves_no_month_closed(
    connection: asyncpg.Connection[Any], db: Database
) -> None:
    # given rows in the default partition, and one that was closed for the month that has begun since
    clock = Clock(CURRENT.later(12).start)
    await record(db, draft(clock.now, imported=False), clock=clock)
    first, end = (first_id_at(CURRENT.later(after).start) for after in (13, 14))
    await connection.execute(
        "ALTER TABLE router_analytics_default ADD CONSTRAINT outside_next_month "
        f"CHECK (id < '{first}' OR id >= '{end}') NOT VALID"
    )
    clock.now = CURRENT.later(13).start
    # when a server starts
    await postgresql(db).make_partitions(clock.now, 1)
    # then it accepts calls of this month
    await record(db, draft(clock.now, imported=False), clock=clock)
    assert await rows_in(connection) == {"default": 2}


async def test_the_default_partition_is_not_read_under_the_lock_that_attaches(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(CURRENT.later(12).start)
    await record(db, draft(clock.now, imported=False), clock=clock)
    messages: list[str] = []

    def record_message(_connection: object, message: object) -> None:
        messages.append(str(message))

    attach = models.database.partition.attach

    async def heard(on: Any, table: str, month: Month) -> None:
        driver_of(on).add_log_listener(record_message)
        await attach(on, table, month)

    monkeypatch.setattr(models.database.postgresql, "_MAINTENANCE", "BEGIN; SET LOCAL client_min_messages = debug1")
    monkeypatch.setattr(models.database.partition, "attach", heard)
    await postgresql(db).make_partitions(clock.now, 1)
    implied = [each for each in messages if "default partition" in each and "implied by existing constraints" in each]
    assert len([each for each in implied if "router_analytics_default" in each]) == 3, messages


async def test_a_running_server_creates_missing_partitions(
    connection: asyncpg.Connection[Any], db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server.partition, "_EVERY_S", 0.01)
    clock = Clock(NOW)
    async with partitions_ahead(db.backend, clock), asyncio.timeout(30):
        assert not await partitions(connection, "router_decisions") & months(5)
        clock.now = CURRENT.later(2).start
        while not await partitions(connection, "router_decisions") >= months(4, 5):  # noqa: ASYNC110 - another task's
            await asyncio.sleep(0.01)


async def test_several_servers_that_start_at_once_make_each_partition_once(
    connection: asyncpg.Connection[Any], db: Database, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models.database.postgresql, "_PAUSE_S", 0)
    others = [Database(postgres_url, publish_nothing) for _ in range(3)]
    later = CURRENT.later(2).start
    await asyncio.gather(*(postgresql(each).make_partitions(later, 100) for each in (db, *others)))
    for table in TABLES:
        assert await partitions(connection, table) >= months(3, 4, 5)
    for each in others:
        await each.dispose()


async def test_old_months_go_into_the_archive_and_nothing_is_lost(empty_database_url: str, backend: str) -> None:
    if backend == "sqlite":
        pytest.skip("SQLite has no partitions")
    # given a database of the previous version, with row-level security forced on its owner, partitions of many months and rows
    connection = await asyncpg.connect(empty_database_url.replace("+asyncpg", ""))
    name = await connection.fetchval("SELECT current_database()")
    for role in ("router_viewer", "router_system", "owner"):
        if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role):
            await connection.execute(f"CREATE ROLE {role} {'LOGIN' if role == 'owner' else 'NOLOGIN'}")
    await connection.execute(
        f"GRANT router_viewer, router_system TO owner; ALTER DATABASE {name} OWNER TO owner; "
        "ALTER SCHEMA public OWNER TO owner"
    )
    owned_url = empty_database_url.replace("//router@", "//owner@")
    await asyncio.to_thread(command.upgrade, configuration(owned_url), "20261129_amendments")
    old = [Month(1971, 1).later(number) for number in range(12)]
    live = [CURRENT.later(-2), CURRENT, CURRENT.later(1)]
    moments = [month.start + timedelta(days=1) for month in (*old[::2], *live)]
    for table in TABLES:
        for month in (*old, *live):
            name = f"{table}_{month.year}_{month.month:02}"
            first, end = first_id_at(month.start), first_id_at(month.later(1).start)
            await connection.execute(
                f"CREATE TABLE {name} PARTITION OF {table} FOR VALUES FROM ('{first}') TO ('{end}'); "
                f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY; ALTER TABLE {name} FORCE ROW LEVEL SECURITY; "
                f"ALTER TABLE {name} OWNER TO owner"
            )
    await connection.executemany(
        "INSERT INTO router_analytics (user_id, id, event_id, provider, task_type, model_used, success, fallback_used, "
        "ab_counted, ab_assigned, imported, metadata, occurred_at, created_at) "
        "VALUES ($1, $2, $2::uuid::text, 'p', 't', 'm', true, false, false, false, false, '{}', $3, $3)",
        [(OWNER, new_id(at), at) for at in moments],
    )
    # when it is migrated, twice
    await asyncio.to_thread(upgrade, owned_url)
    await asyncio.to_thread(upgrade, owned_url)
    # then there are few partitions, and every row
    for table in TABLES:
        assert await partitions(connection, table) == months(-2, -1, 0, 1, 2, 3) | {"archive", "default"}
    assert await rows_in(connection) == {"archive": 6} | dict.fromkeys(months(-2, 0, 1), 1)
    found = await connection.fetch("SELECT occurred_at FROM router_analytics ORDER BY id")
    assert [row[0] for row in found] == moments
    open_ = await connection.fetch(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = ANY ($1::regclass[]) "
        "AND NOT (c.relrowsecurity AND c.relforcerowsecurity) UNION SELECT relname FROM pg_class "
        "WHERE oid = ANY ($1::regclass[]) AND NOT (relrowsecurity AND relforcerowsecurity)",
        list(TABLES),
    )
    assert open_ == []
    await connection.close()
    # and the ledger can write
    database = Database(owned_url, publish_nothing)
    await record(database, draft(NOW, imported=False), draft(old[0].start))
    await postgresql(database).make_partitions(CURRENT.later(1).start, 1)
    await drop_before(database, CURRENT.later(-1).start)
    assert await verify(database, OWNER, NOW) != []  # the rows above were not in any rollup
    await database.dispose()
    async with connected(empty_database_url) as connection:
        assert await partitions(connection) == months(-1, 0, 1, 2, 3, 4) | {"archive", "default"}
        assert await rows_in(connection) == dict.fromkeys(months(0), 2) | dict.fromkeys(months(1), 1)
