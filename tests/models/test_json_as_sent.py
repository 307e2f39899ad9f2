"""The migration from JSONB to JSON as it was sent: numbers that JSONB wrote out in full are shortened, without loss."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from alembic import command
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from migrations import configuration, upgrade
from models.types import first_id_at

ALICE = UUID(int=1)
BEFORE = "20261129_amendments"
AT = datetime(2026, 1, 2, tzinfo=UTC)
# JSONB writes the numbers of the first document as 450,000 bytes.
METADATA: dict[str, dict[str, Any]] = {
    "long": {"n": [1e308, -1.5e300, 1e-300, 12345678901234567890] * 350, "t": "ä\u0001"},
    "short": {"n": 1e308, "o": {"a": [1, None, True, "x"]}},
    "none": {},
}
VARIANT = {"provider": "p", "model": "m", "parameters": {"n": [1e308] * 500}}

SUMS = [
    f"variant_{variant}_{name}"
    for variant in "ab"
    for name in ("calls", "success", "latency_count", "latency_sum_ms", "total_cost")
]


def test_stored_documents_keep_their_values_and_the_length_they_were_sent_with(empty_database_url: str) -> None:
    # given calls and a test of the previous version
    command.upgrade(configuration(empty_database_url), BEFORE)
    asyncio.run(_insert(empty_database_url))
    # when the database is migrated, downgraded and migrated again
    upgrade(empty_database_url)
    command.downgrade(configuration(empty_database_url), BEFORE)
    upgrade(empty_database_url)
    # then each document has the same value, and is within the limit of documents
    found = asyncio.run(_found(empty_database_url))
    assert {name: _read(stored) for name, stored in found.items() if name in METADATA} == METADATA
    assert _read(found["variant"]) == VARIANT
    assert _read(found["guardrails"]) == ["LATENCY", "COST"]
    assert max(map(len, found.values())) <= 16 * 1024


def _read(stored: str) -> Any:
    # A short document keeps the notation of JSONB: an integer of 309 digits, which is the same number.
    return json.loads(stored, parse_int=lambda digits: int(digits) if len(digits) <= 20 else float(digits))


async def _begin(connection: AsyncConnection) -> bool:
    on_sqlite = connection.dialect.name == "sqlite"
    if not on_sqlite:
        await connection.execute(text("SET LOCAL ROLE router_system"))
    return on_sqlite


async def _insert(url: str) -> None:
    engine = create_async_engine(url)
    if engine.dialect.name == "postgresql":
        async with engine.begin() as connection:
            await connection.execute(text("CREATE TABLE all_months PARTITION OF router_analytics DEFAULT"))
    async with engine.begin() as connection:
        on_sqlite = await _begin(connection)
        at = "'2026-01-02 00:00:00.000000'" if on_sqlite else "TIMESTAMPTZ '2026-01-02 00:00+00'"
        as_json = ":document" if on_sqlite else "CAST(:document AS jsonb)"
        user = ALICE.hex if on_sqlite else ALICE
        for index, (name, document) in enumerate(METADATA.items()):
            id_ = UUID(int=first_id_at(AT).int + index)
            await connection.execute(
                text(
                    "INSERT INTO router_analytics (user_id, id, event_id, provider, task_type, model_used, success, "
                    "fallback_used, ab_counted, metadata, imported, occurred_at, created_at, ab_assigned) VALUES "
                    f"(:user, :id, :name, 'p', 't', 'm', true, false, false, {as_json}, false, {at}, {at}, false)"
                ),
                {
                    "user": user,
                    "id": id_.hex if on_sqlite else id_,
                    "name": name,
                    "document": json.dumps(document, separators=(",", ":")),
                },
            )
        columns = await connection.execute(text("SELECT * FROM router_ab_tests"))
        assert {"variant_a_config", "guardrails"} <= set(columns.keys())
        id_ = UUID(int=7)
        await connection.execute(
            text(
                "INSERT INTO router_ab_tests (user_id, id, test_name, variant_a_config, variant_b_config, active, "
                f"started_at, created_at, {', '.join(SUMS)}) VALUES "
                f"(:user, :id, 'test', {as_json}, {as_json}, true, {at}, {at}, {', '.join('0' for _ in SUMS)})"
            ),
            {"user": user, "id": id_.hex if on_sqlite else id_, "document": json.dumps(VARIANT, separators=(",", ":"))},
        )
    await engine.dispose()


async def _found(url: str) -> dict[str, str]:
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await _begin(connection)
        calls = await connection.execute(text("SELECT event_id, CAST(metadata AS TEXT) FROM router_analytics"))
        found: dict[str, str] = {name: stored for name, stored in calls}  # noqa: C416 - rows, not pairs
        tests = await connection.execute(
            text("SELECT CAST(variant_a_config AS TEXT), CAST(guardrails AS TEXT) FROM router_ab_tests")
        )
        found["variant"], found["guardrails"] = tests.one()
    await engine.dispose()
    return found
