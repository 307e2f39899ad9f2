"""The ledger: the one writer of decisions.

What concurrent callers log shares a commit: while one batch commits, the next gathers, and nobody waits on purpose.
One transaction holds the rows, the sums of running A/B tests, the spend of alert windows and the firings this spend
caused, or none of them. Callers hear of it, and events are published, only after the commit.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, TypeVar
from uuid import UUID

from prometheus_client import Gauge, Histogram
from sqlalchemy import String, Uuid, bindparam, select, tuple_
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from domain.ab_test import Variant, variant_of
from domain.analytics import LogAnalytics
from domain.cost_alert import MAX_CLOCK_SKEW, AlertState, Window, state_of
from domain.error import Conflict, InvalidInput, Overloaded, Refusal
from domain.event import ABTestUpdated, AlertTriggered, AnalyticsLogged
from domain.money import ZERO
from domain.price import price
from models.ab_test import SUMS, ABTest, sums_of_tests
from models.analytics import RouterAnalytics
from models.base import Base
from models.bulk import Bulk
from models.cost_alert import AlertEvent, CostAlert, firing_of
from models.database import Database, SystemTransaction
from models.postgresql import DatabaseFailure
from models.rollup import RollupSums
from models.types import UTCDateTime, new_id

MAX_QUEUED_RECORDS: Final = 20_000
MAX_COMMIT_RECORDS: Final = 2_000
_RETRY_AFTER_MS: Final = 1_000
_RETRIES: Final = 5

QUEUE_DEPTH: Final = Gauge("router_ledger_queued_records", "Records that wait to be committed")
BATCH_SIZE: Final = Histogram(
    "router_ledger_batch_records", "Records in one commit", buckets=[1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000]
)
COMMIT_TIME: Final = Histogram("router_ledger_commit_seconds", "Time that one commit took, from BEGIN to COMMIT")

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Key = tuple[UUID, UUID]
"""(user_id, id) of a row."""


def now_utc() -> datetime:
    """The time now, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Draft:
    """A decision to record, and whose it is."""

    user_id: UUID
    decision: LogAnalytics
    # Whether it comes from a file of the past: its cost is kept as it was recorded, and it never makes an alert fire.
    imported: bool = False


@dataclass(slots=True)
class Logged:
    """A decision that is stored: now, or when the same event id first came."""

    columns: Mapping[str, Any]
    deduplicated: bool
    alert_events: list[AlertEvent] = field(default_factory=list)

    @property
    def id(self) -> UUID:
        id_: UUID = self.columns["id"]
        return id_

    @property
    def record(self) -> RouterAnalytics:
        """The stored row. Made when asked for: most who log do not."""
        values = dict(self.columns)
        return RouterAnalytics(metadata_=values.pop("metadata"), **values)


Outcome = Logged | Refusal


class Ledger:
    """Records decisions. Use inside `running()`; every record that was acknowledged is on disk."""

    def __init__(self, database: Database, clock: Callable[[], datetime] = now_utc) -> None:
        self._database = database
        self._clock = clock
        self._queue: deque[_Submission] = deque()
        self._queued_records = 0
        self._gathered = asyncio.Event()
        self._closed = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Ledger]:
        """Commit what is submitted while the block runs; when it ends, drain the queue first."""
        committer = asyncio.create_task(self._commit_forever(), name="ledger")
        try:
            yield self
        finally:
            self._closed = True
            self._gathered.set()
            await committer

    async def record(self, drafts: Sequence[Draft]) -> list[Outcome]:
        """One outcome for each draft, in order, after they are on disk; a draft that is refused fails alone.

        Raises Overloaded when too much waits already, or the ledger is shutting down: nothing was stored.
        """
        if self._closed or self._queued_records + len(drafts) > MAX_QUEUED_RECORDS:
            raise Overloaded("The ledger is full; send this again later.", retry_after_ms=_RETRY_AFTER_MS)
        submission = _Submission(drafts, asyncio.get_running_loop().create_future())
        self._queue.append(submission)
        self._queued_records += len(drafts)
        QUEUE_DEPTH.set(self._queued_records)
        self._gathered.set()
        return await submission.outcomes

    async def _commit_forever(self) -> None:
        while True:
            if not self._queue:
                if self._closed:
                    return
                self._gathered.clear()
                await self._gathered.wait()
                continue
            await self._commit(self._take_batch())

    def _take_batch(self) -> list[_Submission]:
        batch: list[_Submission] = []
        size = 0
        while self._queue and (not batch or size + len(self._queue[0].drafts) <= MAX_COMMIT_RECORDS):
            batch.append(self._queue.popleft())
            size += len(batch[-1].drafts)
        self._queued_records -= size
        QUEUE_DEPTH.set(self._queued_records)
        return batch

    async def _commit(self, batch: list[_Submission]) -> None:
        drafts = [draft for submission in batch for draft in submission.drafts]
        try:
            outcomes = await self._stored(drafts)
        except Exception as error:
            blames_the_data = self._database.backend.blames_the_data(error)
            if isinstance(error, SQLAlchemyError | DatabaseFailure | OSError) and not blames_the_data:
                for submission in batch:
                    submission.fail(error)
            elif len(batch) > 1:
                # One submission may have spoilt the transaction of all: give each its own.
                for submission in batch:
                    await self._commit([submission])
            elif blames_the_data:
                await self._commit_apart(batch[0])
            else:
                log.exception("a submission of %d records was not stored", len(drafts))
                batch[0].fail(error)
            return
        settled = iter(outcomes)
        for submission in batch:
            submission.succeed([next(settled) for _ in submission.drafts])

    async def _commit_apart(self, submission: _Submission) -> None:
        try:
            submission.succeed(await self._stored_apart(submission.drafts))
        except (SQLAlchemyError, DatabaseFailure, OSError) as error:
            submission.fail(error)

    async def _stored_apart(self, drafts: Sequence[Draft]) -> list[Outcome]:
        """The outcomes of drafts of which some cannot be stored: found by halves, so that they fail alone."""
        try:
            return await self._stored(drafts)
        except Exception as error:
            if len(drafts) == 1:
                log.exception("a record was not stored")
                return [InvalidInput("The database cannot hold this record.")]
            if not self._database.backend.blames_the_data(error):
                raise
        middle = len(drafts) // 2
        return [*await self._stored_apart(drafts[:middle]), *await self._stored_apart(drafts[middle:])]

    async def _stored(self, drafts: Sequence[Draft]) -> list[Outcome]:
        BATCH_SIZE.observe(len(drafts))
        for _ in range(_RETRIES):
            try:
                with COMMIT_TIME.time():
                    return await self._store(drafts)
            except (SQLAlchemyError, DatabaseFailure) as error:
                if not self._database.backend.may_succeed_again(error):
                    raise
        return await self._store(drafts)

    async def _store(self, drafts: Sequence[Draft]) -> list[Outcome]:
        now = self._clock()
        backend = self._database.backend
        await backend.prepare({min(d.decision.occurred_at or now, now + MAX_CLOCK_SKEW) for d in drafts})
        async with self._database.system() as transaction:
            await backend.hold_users(transaction.connection, sorted({draft.user_id for draft in drafts}))
            return await _Entry(transaction, now).write(drafts)


@dataclass(slots=True)
class _Submission:
    drafts: Sequence[Draft]
    outcomes: asyncio.Future[list[Outcome]]

    def succeed(self, outcomes: list[Outcome]) -> None:
        if not self.outcomes.done():  # the caller may have gone; its records are stored all the same
            self.outcomes.set_result(outcomes)

    def fail(self, error: Exception) -> None:
        if not self.outcomes.done():
            self.outcomes.set_exception(error)


# The statements, built once: building one costs more than running it.

_tables = Base.metadata.tables


def _insert(table: str) -> Bulk:
    columns = {column.name: column.type for column in _tables[table].columns}
    names = ", ".join(columns)
    return Bulk(columns, f"INSERT INTO {table} ({names}) SELECT {names} FROM {{rows}}")


def _add(table: str, returning: Sequence[str] = ()) -> Bulk:
    """An upsert that adds the row's sums to those stored under its key."""
    columns = _tables[table].columns
    key = [column.name for column in columns if column.primary_key]
    kept = {"window_end"}
    sums = [column.name for column in columns if not column.primary_key and column.name not in kept]
    names = ", ".join(column.name for column in columns)
    additions = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in sums)
    returned = f" RETURNING {', '.join(returning)}" if returning else ""
    return Bulk(
        {column.name: column.type for column in columns},
        # SQLite takes ON for a join's without the WHERE
        f"INSERT INTO {table} ({names}) SELECT {names} FROM {{rows}} WHERE true "
        f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {additions}{returned}",
        [columns[name].type for name in returning],
    )


_KEYS_AT_ONCE: Final = 500
_text, _id = String(), Uuid()

_claim_events = Bulk(
    {column.name: column.type for column in _tables["router_event_keys"].columns},
    "INSERT INTO router_event_keys (user_id, event_id, analytics_id, fingerprint) "
    "SELECT user_id, event_id, analytics_id, fingerprint FROM {rows} WHERE true "
    "ON CONFLICT (user_id, event_id) DO NOTHING RETURNING user_id, event_id",
    [_id, _text],
)
_find_claims = Bulk(
    {"user_id": _id, "event_id": _text},
    "SELECT k.user_id, k.event_id, k.analytics_id, k.fingerprint FROM {rows} "
    "JOIN router_event_keys k ON k.user_id = r.user_id AND k.event_id = r.event_id",
    [_id, _text, _id, _text],
)
_insert_analytics = _insert("router_analytics")
_add_to_hours = _add("router_analytics_hourly")
_add_to_latencies = _add("router_latency_hourly")
_add_to_tests = Bulk(
    {name: _tables["router_ab_tests"].columns[name].type for name in ("user_id", "id", *SUMS)},
    f"UPDATE router_ab_tests SET {', '.join(f'{name} = router_ab_tests.{name} + r.{name}' for name in SUMS)} "
    "FROM {rows} WHERE router_ab_tests.user_id = r.user_id AND router_ab_tests.id = r.id",
)
_add_to_windows = _add("router_cost_alert_windows", ("user_id", "alert_id", "window_start", "amount"))
_take_sequences = _add("router_alert_sequences", ("user_id", "last"))
_insert_firings = _insert("router_alert_events")
_firing_key = ("user_id", "alert_id", "window_start", "config_version")
_find_firings = Bulk(
    {name: _tables["router_alert_events"].columns[name].type for name in _firing_key},
    "SELECT e.user_id, e.alert_id, e.window_start, e.level FROM {rows} JOIN router_alert_events e "
    f"ON {' AND '.join(f'e.{name} = r.{name}' for name in _firing_key)}",
    [_id, _id, UTCDateTime(), _text],
)
_select_tests = (
    select(ABTest)
    .where(tuple_(ABTest.user_id, ABTest.id).in_(bindparam("keys", expanding=True)))
    .order_by(ABTest.user_id, ABTest.id)
    .with_for_update()
)
_select_alerts = (
    select(CostAlert)
    .where(CostAlert.user_id.in_(bindparam("user_ids", expanding=True)))
    .order_by(CostAlert.user_id, CostAlert.id)
)
_rows = _tables["router_analytics"]
_select_records = select(_rows).where(tuple_(_rows.c.user_id, _rows.c.id).in_(bindparam("keys", expanding=True)))


class _Entry:
    """One transaction's worth of decisions: locks in key order, one statement for each table."""

    def __init__(self, transaction: SystemTransaction, now: datetime) -> None:
        self._connection = transaction.connection
        self._session = AsyncSession(transaction.connection, expire_on_commit=False, autoflush=False)
        self._events = transaction.events
        self._now = now

    async def write(self, drafts: Sequence[Draft]) -> list[Outcome]:
        outcomes: dict[int, Outcome] = {}
        rows: dict[int, dict[str, Any]] = {}
        tests = await self._lock_tests(drafts)
        for index, draft in enumerate(drafts):
            try:
                rows[index] = self._row_of(draft, tests)
            except Refusal as refusal:
                outcomes[index] = refusal
        fresh = await self._claim(rows, drafts)
        if fresh:
            new = [rows[index] for index in fresh]
            await _insert_analytics.execute(self._connection, new)
            await self._add_to_rollups(new)
            await self._add_to_tests(new)
            self._say(new)
        firings = await self._add_to_windows({index: rows[index] for index in fresh})
        for index in fresh:
            outcomes[index] = Logged(rows[index], deduplicated=False, alert_events=firings[index])
        refused = {index: drafts[index] for index in outcomes if isinstance(outcomes[index], Refusal)}
        outcomes |= await self._repeated({index: drafts[index] for index in rows.keys() - set(fresh)} | refused)
        return [outcomes[index] for index in range(len(drafts))]

    async def _lock_tests(self, drafts: Sequence[Draft]) -> dict[Key, ABTest]:
        keys = sorted({(d.user_id, d.decision.ab_test_id) for d in drafts if d.decision.ab_test_id is not None})
        if not keys:
            return {}
        tests = await self._session.scalars(_select_tests, {"keys": keys})
        return {(test.user_id, test.id): test for test in tests}

    def _row_of(self, draft: Draft, tests: dict[Key, ABTest]) -> dict[str, Any]:
        decision = draft.decision
        occurred_at = decision.occurred_at or self._now
        if occurred_at > self._now + MAX_CLOCK_SKEW:
            raise InvalidInput(
                f"occurredAt: must be at most {MAX_CLOCK_SKEW.seconds // 60} minutes ahead of this server's clock",
                ["occurredAt"],
            )
        test, variant = _assignment(draft, tests)
        cost, price_version = decision.cost, None
        if cost is None and not draft.imported and (listed := _price(decision, occurred_at)):
            cost, price_version = listed.amount, listed.version
        analytics_id = new_id(occurred_at)
        return {
            "user_id": draft.user_id,
            "id": analytics_id,
            "event_id": decision.event_id or str(analytics_id),
            "provider": decision.provider,
            "task_type": decision.task_type,
            "model_used": decision.model_used,
            "priority": decision.priority,
            "success": decision.success,
            "latency_ms": decision.latency_ms,
            "cost": cost,
            "price_version": price_version,
            "fallback_used": decision.fallback_used,
            "input_tokens": decision.input_tokens,
            "output_tokens": decision.output_tokens,
            "cached_tokens": decision.cached_tokens,
            "decision_id": decision.decision_id,
            "ab_test_id": decision.ab_test_id,
            "ab_variant": variant,
            "ab_counted": test is not None and test.active,
            "quality_score": decision.quality_score,
            "metadata": decision.metadata or {},
            "imported": draft.imported,
            "occurred_at": occurred_at,
            "created_at": self._now,
        }

    async def _claim(self, rows: dict[int, dict[str, Any]], drafts: Sequence[Draft]) -> list[int]:
        """Take the event ids that are new; the indexes of the drafts that they are of, in order."""
        first_of: dict[tuple[UUID, str], int] = {}
        for index, row in rows.items():
            first_of.setdefault((row["user_id"], row["event_id"]), index)
        if not first_of:
            return []
        claims = [
            {
                "user_id": user_id,
                "event_id": event_id,
                "analytics_id": rows[index]["id"],
                "fingerprint": drafts[index].decision.fingerprint(),
            }
            for (user_id, event_id), index in sorted(first_of.items())
        ]
        claimed = await _claim_events.execute(self._connection, claims)
        return sorted(first_of[user_id, event_id] for user_id, event_id in claimed)

    async def _repeated(self, repeats: dict[int, Draft]) -> dict[int, Outcome]:
        """What became of drafts whose event id was taken: the first row for the same report, else a conflict.

        Drafts whose event id is free are left out. One that would be refused today may repeat a report of yesterday,
        when the test it names was still there.
        """
        keys = sorted(
            {(draft.user_id, draft.decision.event_id) for draft in repeats.values() if draft.decision.event_id}
        )
        if not keys:
            return {}
        found = await _find_claims.execute(
            self._connection, [{"user_id": user_id, "event_id": event_id} for user_id, event_id in keys]
        )
        claims = {(user_id, event_id): (id_, fingerprint) for user_id, event_id, id_, fingerprint in found}
        taken = {
            index: claims[draft.user_id, draft.decision.event_id]
            for index, draft in repeats.items()
            if (draft.user_id, draft.decision.event_id) in claims
        }
        same = {
            index: (repeats[index].user_id, id_)
            for index, (id_, fingerprint) in taken.items()
            if fingerprint == repeats[index].decision.fingerprint()
        }
        records: dict[Key, Mapping[str, Any]] = {}
        for some in batched(sorted(set(same.values())), _KEYS_AT_ONCE):
            found_rows = await self._connection.execute(_select_records, {"keys": some})
            records |= {(row["user_id"], row["id"]): dict(row) for row in found_rows.mappings()}
        return {
            index: Logged(records[same[index]], deduplicated=True)
            if index in same
            else Conflict("eventId: was used for another report; use a new one for each decision", ["eventId"])
            for index in taken
        }

    async def _add_to_rollups(self, rows: Sequence[dict[str, Any]]) -> None:
        sums = RollupSums()
        for row in rows:
            sums.add(row)
        await _add_to_hours.execute(self._connection, sums.hours())
        if latencies := sums.latencies():
            await _add_to_latencies.execute(self._connection, latencies)

    async def _add_to_tests(self, rows: Sequence[dict[str, Any]]) -> None:
        sums = sums_of_tests(rows)
        if sums:
            await _add_to_tests.execute(self._connection, sums)
            self._events += [ABTestUpdated(test["user_id"], test["id"]) for test in sums]

    async def _add_to_windows(self, rows: dict[int, dict[str, Any]]) -> dict[int, list[AlertEvent]]:
        """Add what these rows cost to the windows they fall in; the firings each row caused."""
        caused: dict[int, list[AlertEvent]] = {index: [] for index in rows}
        spent = {index: row for index, row in rows.items() if row["cost"]}
        if not spent:
            return caused
        user_ids = sorted({row["user_id"] for row in spent.values()})
        alerts = list(await self._session.scalars(_select_alerts, {"user_ids": user_ids}))
        if not alerts:
            return caused
        spending = _spending_by_window(alerts, spent)
        if not spending:
            return caused
        added = await _add_to_windows.execute(
            self._connection,
            [
                {
                    "user_id": alert.user_id,
                    "alert_id": alert.id,
                    "window_start": window.start,
                    "window_end": window.end,
                    "amount": sum((cost for _, cost in costs), ZERO),
                }
                for alert, window, costs in spending
            ],
        )
        amounts = {(user_id, alert_id, start): amount for user_id, alert_id, start, amount in added}
        # What is over, or switched off, is recorded and never notifies.
        reached = [
            (alert, window, costs, amounts[alert.user_id, alert.id, window.start])
            for alert, window, costs in spending
            if alert.active
            and window.end > self._now
            and _level(alert, amounts[alert.user_id, alert.id, window.start]) is not AlertState.ACTIVE
        ]
        fired = await self._fired([(alert, window) for alert, window, _, _ in reached])
        live = {index for index, row in spent.items() if not row["imported"]}
        for alert, window, costs, amount in reached:
            levels = fired[alert.user_id, alert.id, window.start]
            for index, firing in _firings(alert, window, costs, amount, live, levels, self._now):
                caused[index].append(firing)
        await self._insert_firings([firing for firings in caused.values() for firing in firings])
        return caused

    async def _fired(
        self, windows: Sequence[tuple[CostAlert, Window]]
    ) -> defaultdict[tuple[UUID, UUID, datetime], set[AlertState]]:
        """The levels that have fired already in each of these windows, as their alerts are now."""
        fired: defaultdict[tuple[UUID, UUID, datetime], set[AlertState]] = defaultdict(set)
        if windows:
            rows = [
                {
                    "user_id": alert.user_id,
                    "alert_id": alert.id,
                    "window_start": window.start,
                    "config_version": alert.config_version,
                }
                for alert, window in windows
            ]
            for user_id, alert_id, start, level in await _find_firings.execute(self._connection, rows):
                fired[user_id, alert_id, start].add(AlertState(level))
        return fired

    async def _insert_firings(self, firings: Sequence[AlertEvent]) -> None:
        if not firings:
            return
        counts = Counter(firing.user_id for firing in firings)
        taken = await _take_sequences.execute(
            self._connection, [{"user_id": user_id, "last": counts[user_id]} for user_id in sorted(counts)]
        )
        next_of = {user_id: last - counts[user_id] + 1 for user_id, last in taken}
        for firing in firings:
            firing.sequence = next_of[firing.user_id]
            next_of[firing.user_id] += 1
        await _insert_firings.execute(self._connection, [_columns(firing) for firing in firings])
        self._events += [AlertTriggered(user_id) for user_id in sorted(counts)]

    def _say(self, rows: Iterable[dict[str, Any]]) -> None:
        ids: defaultdict[UUID, list[UUID]] = defaultdict(list)
        for row in rows:
            ids[row["user_id"]].append(row["id"])
        self._events += [AnalyticsLogged(user_id, tuple(ids[user_id])) for user_id in sorted(ids)]


def _assignment(draft: Draft, tests: dict[Key, ABTest]) -> tuple[ABTest | None, Variant | None]:
    """The test and variant a decision counts for. Raises InvalidInput when they cannot be told."""
    decision = draft.decision
    if decision.ab_test_id is None:
        return None, None
    test = tests.get((draft.user_id, decision.ab_test_id))
    if test is None:
        raise InvalidInput("abTestId: must be the id of one of your tests", ["abTestId"])
    variant = decision.ab_variant or variant_of(
        test.variant_a_config, test.variant_b_config, decision.provider, decision.model_used
    )
    if variant is None:
        raise InvalidInput(
            "abVariant: must be given, since provider and modelUsed do not tell which variant was assigned",
            ["abVariant"],
        )
    return test, variant


def batched(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """The items, so many at once."""
    return (items[start : start + size] for start in range(0, len(items), size))


def _price(decision: LogAnalytics, at: datetime) -> Any:
    return price(
        decision.provider,
        decision.model_used,
        input_tokens=decision.input_tokens,
        output_tokens=decision.output_tokens,
        cached_tokens=decision.cached_tokens,
        at=at,
    )


Costs = list[tuple[int, Decimal]]
"""(index of the record, what it cost), in the order they happened."""


def _spending_by_window(
    alerts: Sequence[CostAlert], rows: dict[int, dict[str, Any]]
) -> list[tuple[CostAlert, Window, Costs]]:
    """What falls into which window of which alert, in key order."""
    rows_of: defaultdict[UUID, Costs] = defaultdict(list)
    for index, row in rows.items():
        rows_of[row["user_id"]].append((index, row["cost"]))
    for costs in rows_of.values():
        # By time, so that neighbours mostly share a window; those of one time as they were logged.
        costs.sort(key=lambda cost: rows[cost[0]]["occurred_at"])
    spending: list[tuple[CostAlert, Window, Costs]] = []
    for alert in alerts:
        costs_in: dict[datetime, tuple[Window, Costs]] = {}
        window = None
        for index, cost in rows_of[alert.user_id]:
            at = rows[index]["occurred_at"]
            if at < alert.counted_from:
                continue
            if window is None or at not in window:
                window = alert.window_at(at)
            costs_in.setdefault(window.start, (window, []))[1].append((index, cost))
        spending += [(alert, *costs_in[start]) for start in sorted(costs_in)]
    return spending


def _level(alert: CostAlert, amount: Decimal) -> AlertState:
    return state_of(amount, alert.threshold_amount, alert.near_limit_percent)


def _firings(
    alert: CostAlert,
    window: Window,
    costs: Costs,
    amount: Decimal,
    live: set[int],
    fired: set[AlertState],
    now: datetime,
) -> Iterable[tuple[int, AlertEvent]]:
    """The levels that this spend reached and that have not fired, record by record: whatever shares the commit."""
    spent = amount - sum((cost for _, cost in costs), ZERO)
    for index, cost in costs:
        spent += cost
        level = _level(alert, spent)
        if level is AlertState.ACTIVE or level in fired or AlertState.TRIGGERED in fired or index not in live:
            continue
        fired.add(level)
        yield index, firing_of(alert, window, level, spent, now)


def _columns(firing: AlertEvent) -> dict[str, Any]:
    return {column.name: getattr(firing, column.name) for column in _tables["router_alert_events"].columns}
