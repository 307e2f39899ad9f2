"""The ordinary way to log a decision, which the ledger is measured against: one SQLAlchemy transaction for each.

It does the ledger's work on the rows: event key, row, hourly sums, latency histogram, A/B sums and alert windows. What
it leaves out is in its favour: retries, firings, notifications, and the lock that keeps a user's own writes apart.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Insert, bindparam, insert, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from domain.error import Conflict, InvalidInput
from models.ab_test import ABTest
from models.analytics import EventKey, RouterAnalytics
from models.base import Base
from models.bulk import Bulk
from models.cost_alert import AlertWindow, CostAlert
from models.database import Database
from models.ledger import Draft, Logged, Outcome, now_utc, rolled_up, test_sums
from models.postgresql import SYSTEM_ROLE
from models.rollup import AnalyticsHourly, LatencyHourly
from models.types import new_id

_POOL_SIZE: Final = 16
"""As many connections as the server's own pool has."""

_tables = Base.metadata.tables
_analytics = _tables[RouterAnalytics.__tablename__]
_tests = _tables[ABTest.__tablename__]
_alerts = _tables[CostAlert.__tablename__]
_SUMMED: Final = [column.name for column in _tests.columns if column.name.startswith(("variant_a_", "variant_b_"))]
_TEST_SUMS: Final = [name for name in _SUMMED if not name.endswith("_config")]


def _adding(dialect: str, table: str) -> Any:
    """An upsert of one row that adds its sums to those stored under its key."""
    target = _tables[table]
    statement = postgresql.insert(target) if dialect == "postgresql" else sqlite.insert(target)
    kept = {"window_end"}
    return statement.on_conflict_do_update(
        index_elements=list(target.primary_key),
        set_={
            column.name: column + statement.excluded[column.name]
            for column in target.columns
            if not column.primary_key and column.name not in kept
        },
    )


def _claiming(dialect: str) -> Any:
    target = _tables[EventKey.__tablename__]
    statement = postgresql.insert(target) if dialect == "postgresql" else sqlite.insert(target)
    return statement.on_conflict_do_nothing().returning(target.c.event_id)


_select_test = (
    select(ABTest.active)
    .where(ABTest.user_id == bindparam("owner"), ABTest.id == bindparam("test_id"))
    .with_for_update()
)
_update_test = (
    update(_tests)
    .where(_tests.c.user_id == bindparam("owner"), _tests.c.id == bindparam("test_id"))
    .values({name: _tests.c[name] + bindparam(f"added_{name}", type_=_tests.c[name].type) for name in _TEST_SUMS})
)
_select_alerts = select(CostAlert).where(CostAlert.user_id == bindparam("owner"))
_insert_analytics: Insert = insert(_analytics)


class PerRequestLedger:
    """Stands in for `models.ledger.Ledger`: each decision is a transaction of its own on a pooled connection."""

    def __init__(self, database: Database, clock: Callable[[], datetime] = now_utc, **_options: Any) -> None:
        self._database = database
        self._clock = clock
        dialect = database.url.get_backend_name()
        self._engine: AsyncEngine | None = None
        if dialect == "postgresql":
            self._engine = create_async_engine(database.url, pool_size=_POOL_SIZE, max_overflow=0)
        self._claim = _claiming(dialect)
        self._add_to_hour = _adding(dialect, AnalyticsHourly.__tablename__)
        self._add_to_latency = _adding(dialect, LatencyHourly.__tablename__)
        self._add_to_window = _adding(dialect, AlertWindow.__tablename__)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[PerRequestLedger]:
        """Hold the connections while the block runs."""
        try:
            yield self
        finally:
            if self._engine is not None:
                await self._engine.dispose()

    async def record(self, drafts: Sequence[Draft]) -> list[Outcome]:
        """One outcome for each draft, in order, after they are on disk."""
        return [await self._record(draft) for draft in drafts]

    async def _record(self, draft: Draft) -> Outcome:
        now = self._clock()
        await self._database.backend.prepare({draft.decision.occurred_at or now})
        async with self._transaction() as connection:
            return await self._store(connection, draft, now)

    def _transaction(self) -> AbstractAsyncContextManager[AsyncConnection]:
        if self._engine is None:
            return self._database.backend.system_transaction()
        return _as_system(self._engine)

    async def _store(self, connection: AsyncConnection, draft: Draft, now: datetime) -> Outcome:
        row = _row_of(draft, now)
        counted = False
        if row["ab_test_id"] is not None:
            key = {"owner": draft.user_id, "test_id": row["ab_test_id"]}
            counted = (await connection.execute(_select_test, key)).scalar_one()
        row["ab_counted"] = counted
        claim = {
            "user_id": draft.user_id,
            "event_id": row["event_id"],
            "analytics_id": row["id"],
            "fingerprint": draft.decision.fingerprint(),
        }
        if (await connection.execute(self._claim, claim)).first() is None:
            return Conflict("eventId: was used before", ["eventId"])
        await connection.execute(_insert_analytics, row)
        hours, latencies = rolled_up([row])
        await connection.execute(self._add_to_hour, hours[0])
        if latencies:
            await connection.execute(self._add_to_latency, latencies[0])
        for sums in test_sums([row]):
            added = {f"added_{name}": sums[name] for name in _TEST_SUMS}
            await connection.execute(_update_test, {"owner": sums["user_id"], "test_id": sums["id"]} | added)
        if row["cost"]:
            await self._add_to_windows(connection, row)
        return Logged(_record_of(row), deduplicated=False)

    async def _add_to_windows(self, connection: AsyncConnection, row: dict[str, Any]) -> None:
        for alert in await connection.execute(_select_alerts, {"owner": row["user_id"]}):
            window = _window_at(alert, row["occurred_at"])
            if window.start >= alert.counted_from:
                added = {
                    "user_id": row["user_id"],
                    "alert_id": alert.id,
                    "window_start": window.start,
                    "window_end": window.end,
                    "amount": row["cost"],
                }
                await connection.execute(self._add_to_window, added)


@asynccontextmanager
async def _as_system(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    async with engine.begin() as connection:
        await connection.execute(_SET_ROLE)
        yield connection


_SET_ROLE: Final = text(f"SET LOCAL ROLE {SYSTEM_ROLE}")
