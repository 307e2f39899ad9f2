"""The baseline of the ledger: logs each call and stores each routing decision in one SQLAlchemy transaction.

It does the ledger's work on the rows: event key, row, hourly sums, latency histogram, A/B sums and alert windows. It
omits pricing, retries, alert events, notifications, and the lock that serializes the writes of a user, which is in its
favor. Its statements are built once, so that SQLAlchemy compiles each only once.

To route a request it locks the user's budgets, reads their spend and holds, chooses, and stores the routing decision and
its hold through the ORM. It omits retries and the locks against concurrent changes of the user, which is in its favor.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, insert, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine

from domain.error import Conflict
from domain.inference import GROUPS, log_latency
from domain.latency import bucket_of
from domain.money import ZERO
from domain.routing import Budget, Choice, DecisionState, RouteRefused, choose
from domain.window import WindowMode, window_at
from models.ab_group import GROUP_KEY
from models.base import Base
from models.cost_alert import AlertWindow, CostAlert
from models.database import Database
from models.database.postgresql import SYSTEM_ROLE
from models.decision import RoutingDecision
from models.hold import Hold
from models.ledger import now_utc
from models.ledger.amendment import AmendmentDraft, AmendmentOutcome
from models.ledger.call import CallDraft, Logged, Outcome
from models.ledger.routing_decision import HOLD_FOR, PendingDecision, Stale, as_json, config_of
from models.queries.hold import held_by
from models.queries.routing_version import version_of
from models.queries.spend import spent_since
from models.rollup import NO_ID, NO_TEXT
from models.types import new_id

POOL_SIZE: Final = 16
"""Connections to PostgreSQL: as many as the server itself may open."""

_tables = Base.metadata.tables
_tests = _tables["router_ab_tests"]
_alerts = _tables["router_cost_alerts"]
_TEST_SUMS: Final = ("calls", "success", "latency_count", "latency_sum_ms", "total_cost")

_set_role = text(f"SET LOCAL ROLE {SYSTEM_ROLE}")
_select_test = (
    select(_tests.c.active)
    .where(_tests.c.user_id == bindparam("owner"), _tests.c.id == bindparam("test"))
    .with_for_update()
)
_select_alerts = select(_alerts).where(_alerts.c.user_id == bindparam("owner"))
_lock_budgets = (
    select(CostAlert)
    .where(CostAlert.user_id == bindparam("owner"), CostAlert.enforced.is_(True), CostAlert.active.is_(True))
    .order_by(CostAlert.id)
    .with_for_update()
)
_select_spent = select(AlertWindow.amount).where(
    AlertWindow.user_id == bindparam("owner"),
    AlertWindow.alert_id == bindparam("alert"),
    AlertWindow.window_start == bindparam("start"),
)
_insert_analytics = insert(_tables["router_analytics"])


def _add_to_test(variant: str) -> Any:
    columns = {name: _tests.c[f"variant_{variant}_{name}"] for name in _TEST_SUMS}
    return (
        update(_tests)
        .where(_tests.c.user_id == bindparam("owner"), _tests.c.id == bindparam("test"))
        .values({column: column + bindparam(name, type_=column.type) for name, column in columns.items()})
    )


_add_to_tests = {variant.upper(): _add_to_test(variant) for variant in ("a", "b")}


class _Upserts:
    """The statements whose dialect depends on the database."""

    def __init__(self, backend: str) -> None:
        self._insert: Callable[..., Any] = postgresql.insert if backend == "postgresql" else sqlite.insert
        keys = _tables["router_event_keys"]
        self.claim_event = self._insert(keys).on_conflict_do_nothing().returning(keys.c.event_id)
        self.add_to_hour = self._add("router_analytics_hourly")
        self.add_to_day = self._add("router_analytics_daily")
        self.add_to_latency = self._add("router_latency_hourly")
        self.add_to_latency_of_day = self._add("router_latency_daily")
        self.add_to_group = self._add("router_ab_groups")
        self.add_to_window = self._add("router_cost_alert_windows")

    def _add(self, name: str) -> Any:
        """An upsert of one row that adds its sums to the stored row with its key."""
        table = _tables[name]
        sums = [column for column in table.columns if not column.primary_key and column.name != "window_end"]
        statement = self._insert(table)
        return statement.on_conflict_do_update(
            index_elements=list(table.primary_key),
            set_={column.name: column + statement.excluded[column.name] for column in sums},
        )


class _Ledger:
    """What the server needs of a ledger besides recording calls and making routing decisions."""

    keeps_up = True

    def committed_within(self, _seconds: float) -> bool:
        """True: the readiness check then tries no commit of its own."""
        return True

    def check_room(self) -> None:
        """Do nothing: there is no queue."""

    async def amend(self, _drafts: Sequence[AmendmentDraft]) -> list[AmendmentOutcome]:
        """Not part of the baseline."""
        raise NotImplementedError


class PerRequestLedger(_Ledger):
    """Replaces `models.ledger.ledger.Ledger`: each call and routing decision is one transaction on a pooled connection."""

    def __init__(self, database: Database, clock: Callable[[], datetime] = now_utc, **_others: Any) -> None:
        self._database = database
        self._clock = clock
        backend = database.url.get_backend_name()
        self._statements = _Upserts(backend)
        # SQLite has one connection for writes, with `synchronous=FULL`, as the ledger has.
        self._engine: AsyncEngine | None = None
        if backend == "postgresql":
            self._engine = create_async_engine(database.url, pool_size=POOL_SIZE, max_overflow=0)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[PerRequestLedger]:
        """Keep the connections open while the block runs."""
        try:
            yield self
        finally:
            if self._engine is not None:
                await self._engine.dispose()

    async def record(self, drafts: Sequence[CallDraft]) -> list[Outcome]:
        """Store the drafts. Returns one outcome per draft, in order, once they are on disk."""
        return [await self._record(draft) for draft in drafts]

    async def _record(self, draft: CallDraft) -> Outcome:
        now = self._clock()
        async with self._transaction() as connection:
            return await self._store(connection, draft, now)

    async def decide(self, pending: PendingDecision) -> RoutingDecision | RouteRefused | Stale:
        """Route and store. Returns the routing decision once it is on disk with its hold, or the expected error."""
        now = self._clock()
        async with self._transaction() as connection, AsyncSession(connection, expire_on_commit=False) as session:
            if await version_of(session, pending.user_id) != pending.routing_context.version:
                return Stale()
            choice = choose(pending.ranking, await _locked_budgets(session, pending.user_id, now))
            if isinstance(choice, RouteRefused):
                return choice
            decision = _decision(pending.user_id, choice, now)
            session.add(decision)
            if choice.held:
                session.add(_hold(decision, now + HOLD_FOR))
            await session.flush()
        return decision

    def _transaction(self) -> AbstractAsyncContextManager[AsyncConnection]:
        return _as_system(self._engine) if self._engine else self._on_writer()

    @asynccontextmanager
    async def _on_writer(self) -> AsyncIterator[AsyncConnection]:
        async with self._database.system() as transaction:
            yield transaction.connection

    async def _store(self, connection: AsyncConnection, draft: CallDraft, now: datetime) -> Outcome:
        row = row_of(draft, now)
        if row["ab_test_id"] is not None:
            test = {"owner": row["user_id"], "test": row["ab_test_id"]}
            row["ab_counted"] = (await connection.execute(_select_test, test)).scalar_one()
        claim = {
            "user_id": row["user_id"],
            "event_id": row["event_id"],
            "analytics_id": row["id"],
            "fingerprint": draft.report.fingerprint(),
        }
        if (await connection.execute(self._statements.claim_event, claim)).first() is None:
            return Conflict("eventId: was used before", ["eventId"])
        await connection.execute(_insert_analytics, row)
        await self._add_to_rollups(connection, row)
        if row["ab_counted"]:
            await _count_for_test(connection, row)
            await connection.execute(self._statements.add_to_group, _group_of(row))
        if row["cost"]:
            await self._add_to_windows(connection, row)
        return Logged(row, deduplicated=False)

    async def _add_to_rollups(self, connection: AsyncConnection, row: dict[str, Any]) -> None:
        latency, cost = row["latency_ms"], row["cost"]
        group = {
            "user_id": row["user_id"],
            "provider": row["provider"],
            "model_used": row["model_used"],
            "task_type": row["task_type"],
            "priority": row["priority"] or NO_TEXT,
            "ab_test_id": row["ab_test_id"] or NO_ID,
            "ab_variant": row["ab_variant"] or NO_TEXT,
        }
        hour = row["occurred_at"].replace(minute=0, second=0, microsecond=0)
        of_hour, of_day = group | {"hour": hour}, group | {"day": hour.replace(hour=0)}
        sums = {
            "calls": 1,
            "successes": int(row["success"]),
            "fallbacks": int(row["fallback_used"]),
            "priced": int(cost is not None),
            "cost": cost or ZERO,
            "input_tokens": row["input_tokens"] or 0,
            "output_tokens": row["output_tokens"] or 0,
            "timed": int(latency is not None),
            "latency_sum_ms": latency or 0,
            "latency_sum_squares": (latency or 0) ** 2,
            "cost_sum_squares": float(cost or ZERO) ** 2,
        }
        await connection.execute(self._statements.add_to_hour, of_hour | sums)
        await connection.execute(self._statements.add_to_day, of_day | sums)
        if latency is not None:
            bucket = {"bucket": bucket_of(latency), "calls": 1}
            await connection.execute(self._statements.add_to_latency, of_hour | bucket)
            await connection.execute(self._statements.add_to_latency_of_day, of_day | bucket)

    async def _add_to_windows(self, connection: AsyncConnection, row: dict[str, Any]) -> None:
        for alert in await connection.execute(_select_alerts, {"owner": row["user_id"]}):
            window = window_at(alert.period, ZoneInfo(alert.time_zone), row["occurred_at"])
            if window.start >= alert.counted_from:
                added = {
                    "user_id": row["user_id"],
                    "alert_id": alert.id,
                    "window_start": window.start,
                    "window_end": window.end,
                    "amount": row["cost"],
                }
                await connection.execute(self._statements.add_to_window, added)


async def _locked_budgets(session: AsyncSession, user_id: UUID, now: datetime) -> list[Budget]:
    """The state of the user's budgets, which are locked until the transaction ends."""
    alerts = (await session.scalars(_lock_budgets, {"owner": user_id})).all()
    if not alerts:
        return []
    held = await held_by(session, user_id, now)
    budgets = []
    for alert in alerts:
        window = alert.window_at(now)
        resets_at = None
        if alert.mode is WindowMode.ROLLING:
            spent = (await spent_since(session, user_id, [window.start]))[window.start]
        else:
            key = {"owner": user_id, "alert": alert.id, "start": window.start}
            spent = await session.scalar(_select_spent, key) or ZERO
            resets_at = window.end
        budgets.append(Budget(alert.id, alert.alert_type, alert.threshold_amount, spent, held, resets_at))
    return budgets


def _decision(user_id: UUID, choice: Choice, now: datetime) -> RoutingDecision:
    asked, chosen = choice.ranking.asked, choice.chosen
    decision = RoutingDecision(
        user_id=user_id,
        id=new_id(now),
        task_type=asked.task_type,
        priority=choice.ranking.priority,
        request=asked.model_dump(
            mode="json", by_alias=True, exclude={"task_type", "priority", "candidates"}, exclude_none=True
        ),
        provider=chosen.model.provider,
        model=chosen.model.model,
        fallbacks=[config_of(verdict) for verdict in choice.fallbacks],
        candidates=[as_json(verdict) for verdict in choice.candidates],
        rules=list(choice.ranking.rules),
        notes=list(choice.ranking.notes),
        estimated_cost=chosen.estimate,
        expected_latency_ms=chosen.expected_latency_ms,
        ab_test_id=None,
        ab_variant=None,
        propensity=choice.propensity,
        held_amount=choice.held,
        expires_at=now + HOLD_FOR if choice.held else None,
        released_at=None,
        attempts_left=1 + len(choice.fallbacks),
        created_at=now,
        parameters=chosen.parameters,
    )
    decision.state, decision.records = DecisionState.OPEN, []
    return decision


def _hold(decision: RoutingDecision, expires_at: datetime) -> Hold:
    return Hold(
        user_id=decision.user_id,
        decision_id=decision.id,
        amount=decision.held_amount,
        expires_at=expires_at,
    )


class InstantLedger(_Ledger):
    """Replaces the ledger and stores nothing: the server as if recording took no time."""

    def __init__(self, _database: Database, clock: Callable[[], datetime] = now_utc, **_others: Any) -> None:
        self._clock = clock

    @asynccontextmanager
    async def running(self) -> AsyncIterator[InstantLedger]:
        """Do nothing: there are no connections."""
        yield self

    async def record(self, drafts: Sequence[CallDraft]) -> list[Outcome]:
        """One outcome per draft, in order, in the next iteration of the event loop."""
        await asyncio.sleep(0)
        return [Logged(row_of(draft, self._clock()), deduplicated=False) for draft in drafts]


@asynccontextmanager
async def _as_system(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    async with engine.begin() as connection:
        await connection.execute(_set_role)
        yield connection


async def _count_for_test(connection: AsyncConnection, row: dict[str, Any]) -> None:
    latency = row["latency_ms"]
    sums = {
        "owner": row["user_id"],
        "test": row["ab_test_id"],
        "calls": 1,
        "success": int(row["success"]),
        "latency_count": int(latency is not None),
        "latency_sum_ms": latency or 0,
        "total_cost": row["cost"] or ZERO,
    }
    await connection.execute(_add_to_tests[row["ab_variant"]], sums)


def _group_of(row: dict[str, Any]) -> dict[str, Any]:
    """The amounts that a call adds to the sums of its group. The test has no cost cap."""
    latency = log_latency(row["latency_ms"]) if row["success"] and row["latency_ms"] is not None else 0.0
    return {name: row[name] for name in GROUP_KEY} | {
        "assigned": int(row["ab_assigned"]),
        "calls": 1,
        "successes": int(row["success"]),
        "timed": int(row["success"] and row["latency_ms"] is not None),
        "log_latency_sum": latency,
        "log_latency_squares": latency**2,
        "priced": 0,
        "capped_cost_sum": 0.0,
        "capped_cost_squares": 0.0,
    }


def row_of(draft: CallDraft, now: datetime) -> dict[str, Any]:
    """The draft as a row of `router_analytics`, before it is counted for a test."""
    report = draft.report
    occurred_at = report.occurred_at or now
    analytics_id = new_id(occurred_at)
    return {
        "user_id": draft.user_id,
        "id": analytics_id,
        "event_id": report.event_id or str(analytics_id),
        "provider": report.provider,
        "task_type": report.task_type,
        "model_used": report.model_used,
        "priority": report.priority,
        "success": report.success,
        "latency_ms": report.latency_ms,
        "cost": report.cost,
        "price_version": None,
        "fallback_used": report.fallback_used,
        "input_tokens": report.input_tokens,
        "output_tokens": report.output_tokens,
        "cached_tokens": report.cached_tokens,
        "decision_id": report.decision_id,
        "ab_test_id": report.ab_test_id,
        "ab_variant": report.ab_variant,
        "ab_counted": False,
        "quality_score": report.quality_score,
        "imported": draft.imported,
        "metadata": report.metadata or {},
        "occurred_at": occurred_at,
        "created_at": now,
        "unit_group": None if report.ab_test_id is None else analytics_id.int % GROUPS,
        "ab_assigned": report.ab_test_id is not None and not report.fallback_used,
    }
