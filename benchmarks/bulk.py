"""Bulk writes without HTTP: a bare COPY, transactions called directly, and the filling of a database."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from benchmarks.baseline import PerRequestLedger, row_of
from benchmarks.load import UNIQUE
from benchmarks.stage import dsn_of
from benchmarks.workload import User, lines
from domain.analytics import LogAnalytics
from domain.error import ExpectedError
from models.base import Base
from models.database import Database
from models.ledger import Ledger
from models.ledger.call import CallDraft, Outcome

CHUNK: Final = 1_000
"""Calls that are recorded or copied at once."""

_NANO_DOLLARS: Final = 9
_FILLED_DAYS: Final = 20
_columns = [column.name for column in Base.metadata.tables["router_analytics"].columns]
_runs = itertools.count()


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[Database]:
    database = Database(url, lambda _events: None)
    try:
        yield database
    finally:
        await database.dispose()


def _unique(text_of_lines: str) -> str:
    return text_of_lines.replace(UNIQUE, f"d{next(_runs):011x}")


def _drafts(user: User, some: Sequence[str]) -> list[CallDraft]:
    return [CallDraft(user.id, LogAnalytics.checked(json.loads(line))) for line in some]


async def copied_per_s(url: str, everyone: Sequence[User], calls: int) -> float:
    """The rows per second of a bare COPY into `router_analytics`. The rows are prepared in memory first."""
    rows = [_copied(draft) for user in everyone for draft in _drafts(user, _unique(lines(user, calls)).splitlines())]
    connection = await asyncpg.connect(dsn_of(url))
    try:
        started = time.perf_counter()
        await connection.copy_records_to_table("router_analytics", records=rows, columns=_columns)
        return len(rows) / (time.perf_counter() - started)
    finally:
        await connection.close()


def _copied(draft: CallDraft) -> tuple[Any, ...]:
    row = row_of(draft, datetime.now(UTC))
    row["cost"] = None if row["cost"] is None else int(row["cost"].scaleb(_NANO_DOLLARS))
    row["metadata"] = json.dumps(row["metadata"])
    return tuple(row[name] for name in _columns)


async def transacted_per_s(url: str, user: User, calls: int) -> float:
    """The rows per second from lines of JSON, in one transaction each, one after another."""
    text_of_lines = _unique(lines(user, calls))
    async with _opened(url) as database, PerRequestLedger(database).running() as ledger:
        started = time.perf_counter()
        await _record(ledger, user, text_of_lines)
        return calls / (time.perf_counter() - started)


async def _record(ledger: Ledger | PerRequestLedger, user: User, text_of_lines: str) -> None:
    rest = iter(text_of_lines.splitlines())
    while some := list(itertools.islice(rest, CHUNK)):
        _none_rejected(await ledger.record(_drafts(user, some)))


def _none_rejected(outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        if isinstance(outcome, ExpectedError):
            raise outcome


async def fill(url: str, everyone: Sequence[User], rows: int) -> None:
    """Insert this many calls of the last days into an empty database, with their event keys and without rollups."""
    each = 10
    async with _opened(url) as database, Ledger(database).running() as ledger:
        for user in everyone:
            await _record(ledger, user, _unique(lines(user, each)))
    copies = rows // (len(everyone) * each) - 1
    statements = _FILL_POSTGRESQL if url.startswith("postgresql") else _FILL_SQLITE
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
    try:
        async with engine.connect() as connection:
            for statement in statements:
                await connection.execute(text(statement), {"copies": copies} if ":copies" in statement else {})
    finally:
        await engine.dispose()


# Copies of the existing rows, dated back evenly; each has an id of its time and a unique event id.
_kept = ", ".join(name for name in _columns if name not in {"user_id", "id", "event_id", "occurred_at", "created_at"})
_names = f"user_id, id, event_id, occurred_at, created_at, {_kept}"
_keys = (
    "INSERT INTO router_event_keys (user_id, event_id, analytics_id, fingerprint) "
    "SELECT user_id, event_id, id, '' FROM router_analytics WHERE true ON CONFLICT DO NOTHING"
)
_copy_postgresql = (
    f"INSERT INTO router_analytics ({_names}) "
    "SELECT user_id, (lpad(to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0') || '7' || "
    "substr(chance, 1, 3) || '8' || substr(chance, 4, 15))::uuid, chance, moment, moment, "
    f"{_kept} FROM (SELECT a.*, md5(random()::text) AS chance, a.occurred_at - make_interval(secs => "
    f"n * {_FILLED_DAYS} * 86400.0 / CAST(:copies AS integer)) AS moment "
    "FROM generate_series(CAST(:copies AS integer), 1, -1) n CROSS JOIN router_analytics a) AS copy"
)
_copy_sqlite = (
    f"INSERT INTO router_analytics ({_names}) "
    "WITH RECURSIVE copy(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM copy WHERE n < :copies), "
    f"moments AS (SELECT a.*, unixepoch(a.occurred_at) - n * {_FILLED_DAYS} * 86400 / :copies AS at "
    "FROM router_analytics a CROSS JOIN copy) "
    "SELECT user_id, printf('%012x', at * 1000) || '7' || substr(lower(hex(randomblob(2))), 1, 3) || '8' || "
    "substr(lower(hex(randomblob(8))), 1, 15), lower(hex(randomblob(16))), "
    "strftime('%Y-%m-%d %H:%M:%S.000000', at, 'unixepoch'), strftime('%Y-%m-%d %H:%M:%S.000000', at, 'unixepoch'), "
    f"{_kept} FROM moments"
)
_FILL_POSTGRESQL: Final = (_copy_postgresql, _keys, "VACUUM ANALYZE", "CHECKPOINT")
_FILL_SQLITE: Final = (
    "PRAGMA synchronous = OFF",
    "PRAGMA cache_size = -500000",
    _copy_sqlite,
    _keys,
    "ANALYZE",
    "PRAGMA wal_checkpoint(TRUNCATE)",
)
