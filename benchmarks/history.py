"""Inserts a user's calls of 90 days directly into a database, with the rollups that the ledger would have written."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from domain.latency import bucket_of
from domain.money import to_nano_dollars
from models.base import Base
from models.ledger.rollup import sums_of
from models.rollup import ROLLUPS

DAYS: Final = 90
_AT_ONCE: Final = 1_000_000

_columns = [column.name for column in Base.metadata.tables["router_analytics"].columns]
_SAMPLED: Final = (
    "provider",
    "task_type",
    "model_used",
    "success",
    "latency_ms",
    "cost",
    "input_tokens",
    "output_tokens",
)


async def fill(url: str, user_id: UUID, rows: int, sample: Path, until: datetime) -> None:
    """Insert this many calls, spread evenly over the 90 days before `until`. Each is a copy of a call of the sample."""
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
    sampled = list(_read(sample))
    try:
        async with engine.connect() as connection:
            if url.startswith("sqlite"):
                await connection.execute(text("PRAGMA synchronous = OFF"))
                await connection.execute(text("PRAGMA cache_size = -1000000"))
            await _stage(connection, sampled)
            dialect = _SQLite if url.startswith("sqlite") else _PostgreSQL
            for first in range(0, rows, _AT_ONCE):
                await connection.execute(
                    text(_COPY.format(names=", ".join(_columns), **dialect)),
                    {
                        "user_id": user_id.hex if dialect is _SQLite else user_id,
                        "first": first,
                        "last": min(first + _AT_ONCE, rows) - 1,
                        "sampled": len(sampled),
                        "start_ms": int((until - timedelta(days=DAYS)).timestamp() * 1000),
                        "apart_ms": DAYS * 86_400_000 / rows,
                    },
                )
    finally:
        await engine.dispose()


async def add_up(url: str) -> None:
    """Fill the hourly and daily rollups from the stored calls."""
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
    on_sqlite = url.startswith("sqlite")
    day, hour = (
        ("substr(r.occurred_at, 1, 10) || ' 00:00:00.000000'", "substr(r.occurred_at, 1, 13) || ':00:00.000000'")
        if on_sqlite
        else ("date_trunc('day', r.occurred_at, 'UTC')", "date_trunc('hour', r.occurred_at, 'UTC')")
    )
    rows = (
        "(SELECT a.*, b.bucket AS latency_bucket FROM router_analytics a LEFT JOIN buckets b USING (latency_ms)) AS r"
    )
    try:
        async with engine.connect() as connection:
            for table in ROLLUPS:
                sums = sums_of(table)
                select = sums.select().format(rows=rows, day_of_occurred_at=day, hour_of_occurred_at=hour)
                await connection.exec_driver_sql(
                    f"INSERT INTO {table.__tablename__} ({', '.join(sums.columns)}) {select}"
                )
            for statement in ("ANALYZE",) if on_sqlite else ("VACUUM ANALYZE", "CHECKPOINT"):
                await connection.exec_driver_sql(statement)
    finally:
        await engine.dispose()


def _read(sample: Path) -> Iterable[dict[str, Any]]:
    with gzip.open(sample, "rt", newline="") if sample.suffix == ".gz" else sample.open(newline="") as file:
        for row in csv.DictReader(file):
            cost = to_nano_dollars(Decimal(row["cost"])) if row["cost"] else None
            yield {
                "provider": row["provider"] or "unknown",
                "task_type": row["task_type"] or "unknown",
                "model_used": row["model_used"] or "unknown",
                "success": row["success"] == "1",
                "latency_ms": int(row["latency_ms"]) if row["latency_ms"] else None,
                "cost": None if cost is None else int(cost.scaleb(9)),
                "input_tokens": int(row["prompt_tokens"] or 0),
                "output_tokens": int(row["completion_tokens"] or 0),
            }


async def _stage(connection: AsyncConnection, sampled: list[dict[str, Any]]) -> None:
    """Insert the sample as a table, with the histogram bucket of each latency, which SQL does not compute."""
    await connection.exec_driver_sql("DROP TABLE IF EXISTS sample")
    await connection.exec_driver_sql("DROP TABLE IF EXISTS buckets")
    await connection.exec_driver_sql(
        "CREATE TABLE sample (number integer PRIMARY KEY, provider text, task_type text, model_used text, success boolean, "
        "latency_ms integer, cost bigint, input_tokens integer, output_tokens integer)"
    )
    await connection.exec_driver_sql("CREATE TABLE buckets (latency_ms integer PRIMARY KEY, bucket integer)")
    await connection.execute(
        text(f"INSERT INTO sample VALUES (:number, {', '.join(f':{name}' for name in _SAMPLED)})"),
        [{"number": number} | row for number, row in enumerate(sampled)],
    )
    latencies = {row["latency_ms"] for row in sampled} - {None}
    await connection.execute(
        text("INSERT INTO buckets VALUES (:latency_ms, :bucket)"),
        [{"latency_ms": each, "bucket": bucket_of(each)} for each in latencies],
    )


# In the order of the table's columns. A large prime spreads the sample, so that time ranges differ.
_COPY: Final = """
INSERT INTO router_analytics ({names})
SELECT {user_id}, {id}, {event_id}, s.provider, s.task_type, s.model_used,
  CASE n % 3 WHEN 0 THEN 'COST' WHEN 1 THEN 'QUALITY' END, s.success, s.latency_ms, s.cost, NULL, n % 50 = 0,
  s.input_tokens, s.output_tokens, NULL, NULL, NULL, NULL, {no}, NULL, '{{}}', {no}, {moment}, {moment}, NULL, {no}
FROM (SELECT n, CAST(:start_ms + n * CAST(:apart_ms AS double precision) AS bigint) AS ms FROM {numbers}) AS moments
JOIN sample s ON s.number = (n * CAST(2654435761 AS bigint)) % CAST(:sampled AS bigint)
"""
_PostgreSQL: Final = {
    "user_id": "CAST(:user_id AS uuid)",
    "id": "(lpad(to_hex(ms), 12, '0') || '7' || lpad(to_hex(n % 4096), 3, '0') || '8' || lpad(to_hex(n), 15, '0'))::uuid",
    "event_id": "to_hex(n)",
    "moment": "to_timestamp(ms / 1000.0)",
    "no": "false",
    "numbers": "generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS n",
}
_SQLite: Final = {
    "user_id": ":user_id",
    "id": "printf('%012x7%03x8%015x', ms, n % 4096, n)",
    "event_id": "printf('%x', n)",
    "moment": "strftime('%Y-%m-%d %H:%M:%f000', ms / 1000.0, 'unixepoch')",
    "no": "0",
    "numbers": "(WITH RECURSIVE counted(n) AS (SELECT :first UNION ALL SELECT n + 1 FROM counted WHERE n < :last) "
    "SELECT n FROM counted)",
}
