"""Verification: recomputing everything that the ledger derives from calls, and reporting where stored values differ."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    RowMapping,
    Table,
    func,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from domain.amendment import as_json
from domain.bounds import EPOCH
from domain.cost_alert import AlertState, state_of
from domain.hold import Account
from domain.money import ZERO
from domain.routing import is_settled
from domain.window import Window, WindowMode
from models.ab_test import SUMS
from models.base import Base
from models.cost_alert import AlertEvent, CostAlert, RollingAlert
from models.database import Database
from models.database.bulk import batched
from models.queries.ab_group import GroupSums
from models.queries.ab_test import sums_of_tests
from models.queries.rollup import RollupSums
from models.rollup import TOKENS, Retention
from models.types import first_id_at

_ROWS_AT_ONCE: Final = 5_000
_IDS_AT_ONCE: Final = 500
_CLOCKS_DIFFER: Final = timedelta(days=1)
"""How far a client's clock may be off: a call may be dated this much before its routing decision."""

_tables = Base.metadata.tables
_calls = _tables["router_analytics"]
_tests = _tables["router_ab_tests"]
_groups = _tables["router_ab_groups"]
_decisions = _tables["router_decisions"]
_amendments = _tables["router_amendments"]
_incomplete = _tables["router_incomplete"]
_events = _tables["router_alert_events"]
_holds = _tables["router_holds"]
_unpriced = _tables["router_unpriced_models"]
_sequences = _tables["router_alert_sequences"]


@dataclass(frozen=True, slots=True)
class Difference:
    """A stored value that differs from the value computed from the calls. A value is None if its row is missing."""

    table: str
    key: tuple[Any, ...]
    column: str
    stored: Any
    expected: Any

    def __str__(self) -> str:
        key = ", ".join(str(part) for part in self.key)
        return f"{self.table} ({key}) {self.column}: {self.stored} is stored, {self.expected} is right"


async def users(database: Database) -> list[UUID]:
    """The ids of all users who have data, in order."""
    owners = select(_calls.c.user_id).union(
        *(
            select(_tables[name].c.user_id)
            for name in ("router_cost_alerts", "router_ab_tests", "router_analytics_hourly", "router_decisions")
        )
    )
    async with database.system() as transaction:
        return sorted(await transaction.connection.scalars(owners))


async def verify(database: Database, user_id: UUID, now: datetime) -> list[Difference]:
    """The differences between the stored values of a user and the values computed from the user's calls.

    All values are compared as of one moment, while calls are being logged. Values that lost calls to retention are left out.
    """
    return (await compare(database, user_id, now)).differences


async def compare(database: Database, user_id: UUID, now: datetime) -> Verification:
    """Compare all stored values of a user with the user's calls, as of one moment. Returns the finished verification."""
    async with database.snapshot() as connection:
        verification = Verification(connection, user_id, now)
        await verification.run()
        return verification


@dataclass(slots=True)
class _Attempts:
    """The logged calls of one routing decision."""

    attempts: int = 0
    successes: int = 0
    costs: list[Decimal | None] = field(default_factory=list)

    def add(self, row: Mapping[str, Any] | RowMapping, *, succeeded: bool) -> None:
        self.attempts += 1
        self.successes += succeeded
        self.costs.append(row["cost"])


class Verification:
    """Compares the stored values of one user with the values computed from the user's calls."""

    def __init__(self, connection: AsyncConnection, user_id: UUID, now: datetime) -> None:
        self._connection = connection
        self._session = AsyncSession(connection, expire_on_commit=False, autoflush=False)
        self.user_id = self._user_id = user_id
        self.now = self._now = now
        # Routing decisions and tests that have lost calls to retention.
        self._incomplete = select(_incomplete.c.id).where(_incomplete.c.user_id == user_id)
        # The spend in each window without imported calls, which fire no alert.
        self._live: defaultdict[tuple[UUID, datetime], Decimal] = defaultdict(lambda: ZERO)
        self._attempts: defaultdict[UUID, _Attempts] = defaultdict(_Attempts)
        self._last_unpriced: dict[tuple[str, str], datetime] = {}
        self.differences: list[Difference] = []
        self.differing: defaultdict[str, dict[tuple[Any, ...], Pair]] = defaultdict(dict)
        """The rows that differ, by table and key: as stored, and as computed."""

    async def run(self) -> None:
        """Compare all values."""
        await self._begin()
        self._alerts = list(await self._session.scalars(select(CostAlert).where(CostAlert.user_id == self._user_id)))
        self._amendments = sorted(await self._stored(_amendments), key=lambda row: row["id"])
        # A settled routing decision stays settled, even if the call that settled it is amended to a failure.
        self._once_succeeded = {row["analytics_id"] for row in self._amendments if row["before"].get("success")}
        await self._recompute()
        for name, expected in self._expected.items():
            table = _tables[name]
            stored = await self._stored(table, *self._verifiable(table))
            self._compare(table, stored, expected)
        await self._compare_amendments()
        await self._compare_alert_events()

    async def _begin(self) -> None:
        self._kept_from = await self._connection.scalar(select(func.max(Retention.kept_from))) or EPOCH

    async def of_decisions(self, ids: Collection[UUID]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """The rows of these routing decisions and of their holds, as computed from their calls."""
        await self._begin()
        calls = await self._stored(_calls, _calls.c.decision_id.in_(ids))
        amended = _amendments.c.analytics_id.in_([call["id"] for call in calls if call["amended_at"] is not None])
        amendments = await self._stored(_amendments, amended)
        self._once_succeeded = {row["analytics_id"] for row in amendments if row["before"].get("success")}
        for call in calls:
            self._attempt(call)
        settled = [row for row in await self._settled() if row["id"] in ids]
        return settled, await self._holds(_decisions.c.id.in_(ids))

    async def last_unpriced(self, provider: str, model: str) -> datetime | None:
        """When the model last had a call of unknown cost for which no routing decision is charged; None if never."""
        await self._begin()
        row = _calls.c
        last: datetime | None = await self._connection.scalar(
            select(func.max(row.occurred_at)).where(
                row.user_id == self._user_id,
                row.provider == provider,
                row.model_used == model,
                row.cost.is_(None),
                row.assumed.is_(False),
                row.occurred_at >= self._kept_from,
            )
        )
        return last

    def _attempt(self, row: Mapping[str, Any] | RowMapping) -> None:
        if row["decision_id"] is not None:
            succeeded = row["success"] or row["id"] in self._once_succeeded
            self._attempts[row["decision_id"]].add(row, succeeded=succeeded)

    async def _recompute(self) -> None:
        tests = {row["id"]: row["cost_cap"] for row in await self._stored(_tests, *self._verifiable(_tests))}
        groups = GroupSums(tests)
        rollups = RollupSums()
        counted: list[dict[str, Any]] = []
        spent: dict[tuple[UUID, datetime], dict[str, Any]] = {}
        minutes: defaultdict[datetime, dict[str, Any]] = defaultdict(lambda: {"amount": ZERO, "assumed": ZERO})
        windows: dict[UUID, Window] = {}
        async for row in self._each_call():
            groups.add(row)
            if row["ab_counted"]:
                counted.append({name: row[name] for name in _COUNTED})
            if row["occurred_at"] < self._kept_from:
                # It was logged after retention had dropped its month, whose other sums are incomplete.
                continue
            rollups.add(row)
            self._note_unpriced(row)
            if not row["cost"]:
                continue
            at = row["occurred_at"]
            minutes[at.replace(second=0, microsecond=0)]["amount"] += row["cost"]
            self._add_spend(row, spent, windows)
        decisions = await self._settled()
        self._add_assumed(decisions, spent, minutes)
        no_sums = [{"user_id": self._user_id, "id": id_} | dict.fromkeys(SUMS, 0) for id_ in tests]
        sums_of = {test["id"]: test for test in [*no_sums, *sums_of_tests(counted)] if test["id"] in tests}
        self._expected: dict[str, list[dict[str, Any]]] = {
            **rollups.tables(),
            "router_ab_tests": list(sums_of.values()),
            "router_ab_groups": groups.rows(),
            "router_cost_alert_windows": [row for row in spent.values() if row["window_start"] >= self._kept_from],
            "router_spend_minutes": [
                {"user_id": self._user_id, "minute": minute} | minutes[minute] for minute in sorted(minutes)
            ],
            "router_decisions": decisions,
            "router_unpriced_models": [
                {"user_id": self._user_id, "provider": provider, "model_used": model, "last_at": at}
                for (provider, model), at in self._last_unpriced.items()
            ],
            "router_holds": await self._holds(),
        }
        self._expected["router_spend_totals"] = await self._totals()

    async def _totals(self) -> list[dict[str, Any]]:
        """The total spend: of the stored calls, and of dropped calls according to their rollups."""
        daily, totals = _tables["router_analytics_daily"], _tables["router_spend_totals"]
        dropped = await self._stored(daily, daily.c.day < self._kept_from)
        amount = sum((row["cost"] for row in (*dropped, *self._expected[daily.name])), ZERO)
        assumed = sum((row["assumed"] for row in self._expected["router_spend_minutes"]), ZERO)
        if self._kept_from != EPOCH:
            # Rollups contain no assumed spend, so the stored total is taken as correct.
            assumed = sum((row["assumed"] for row in await self._stored(totals)), ZERO)
        return [{"user_id": self._user_id, "amount": amount, "assumed": assumed}]

    def _add_spend(
        self,
        row: Mapping[str, Any],
        spent: dict[tuple[UUID, datetime], dict[str, Any]],
        windows: dict[UUID, Window],
    ) -> None:
        """Add the cost of a call to the window of each alert. `windows` caches the windows of the previous call."""
        at = row["occurred_at"]
        for alert in self._alerts:
            if alert.mode is WindowMode.ROLLING:
                # A rolling alert has one window: the one that ends now.
                last = alert.window_at(self._now)
                if at >= last.start and not row["imported"]:
                    self._live[alert.id, last.start] += row["cost"]
                continue
            window = windows.get(alert.id)
            if window is None or at not in window:
                window = windows[alert.id] = alert.window_at(at)
            if window.start >= alert.counted_from:
                key = (alert.id, window.start)
                spent.setdefault(key, self._window_row(alert, window))["amount"] += row["cost"]
                if not row["imported"]:
                    self._live[key] += row["cost"]

    def _note_unpriced(self, row: Mapping[str, Any]) -> None:
        """Record a call of unknown cost for which no routing decision is charged."""
        if row["cost"] is None and not row["assumed"]:
            model = (row["provider"], row["model_used"])
            self._last_unpriced[model] = max(self._last_unpriced.get(model, EPOCH), row["occurred_at"])

    def _add_assumed(
        self,
        decisions: Sequence[Mapping[str, Any]],
        windows: dict[tuple[UUID, datetime], dict[str, Any]],
        minutes: dict[datetime, dict[str, Any]],
    ) -> None:
        """Add the assumed spend of these routing decisions to the windows and minutes in which they were made."""
        for decision in decisions:
            assumed, at = decision["assumed_amount"], decision["created_at"]
            if not assumed:
                continue
            minutes[at.replace(second=0, microsecond=0)]["assumed"] += assumed
            for alert in self._alerts:
                window = alert.window_at(at)
                if alert.mode is WindowMode.CALENDAR and window.start >= alert.counted_from:
                    key = (alert.id, window.start)
                    windows.setdefault(key, self._window_row(alert, window))["assumed"] += assumed

    async def _settled(self) -> list[dict[str, Any]]:
        """The rows of routing decisions that have calls, as computed from these calls."""
        settled: list[dict[str, Any]] = []
        incomplete = set(await self._connection.scalars(self._incomplete))
        for ids in batched(sorted(self._attempts.keys() | incomplete), _IDS_AT_ONCE):
            kept = _decisions.c.id >= first_id_at(self._kept_from)
            for decision in await self._stored(_decisions, _decisions.c.id.in_(ids), kept):
                account = self._account(decision)
                right = decision | {
                    "known_cost": account.known_cost,
                    "unknown_calls": account.unknown_calls,
                    "assumed_amount": account.assumed if account.assumes else None,
                }
                # A client's clock may date a call before its routing decision, so the call may have been dropped already.
                is_whole = decision["created_at"] >= self._kept_from + _CLOCKS_DIFFER
                is_whole = is_whole and decision["id"] not in incomplete
                settled.append(right if is_whole or self._kept_from == EPOCH else decision)
        return [each for each in settled if each["known_cost"] or each["unknown_calls"]]

    def _account(self, decision: Mapping[str, Any]) -> Account:
        """The account of a routing decision after its logged calls."""
        attempts = self._attempts[decision["id"]]
        account = Account(decision["held_amount"], assumes=decision["assumed_amount"] is not None)
        over = is_settled(attempts.attempts, attempts.successes, len(decision["fallbacks"]))
        return account.with_calls(attempts.costs, closes=over)

    async def _holds(self, *conditions: ColumnElement[bool]) -> list[dict[str, Any]]:
        """The rows of holds, as computed from routing decisions and their calls."""
        holding = await self._connection.execute(
            select(*(_decisions.c[name] for name in _ACCOUNT)).where(
                _decisions.c.user_id == self._user_id,
                _decisions.c.id >= first_id_at(self._kept_from),
                _decisions.c.held_amount > ZERO,
                _decisions.c.released_at.is_(None),
                _decisions.c.id.not_in(self._incomplete),
                # Leaves out those settled by a dropped call, which a client's clock dated before its routing decision.
                _decisions.c.settled_at.is_(None) | (_decisions.c.id >= first_id_at(self._kept_from + _CLOCKS_DIFFER)),
                *conditions,
            )
        )
        return [
            {
                "user_id": self._user_id,
                "decision_id": decision["id"],
                "amount": held,
                "expires_at": decision["expires_at"],
            }
            for decision in map(dict, holding.mappings())
            if (held := self._account(decision).held)
        ]

    def _window_row(self, alert: CostAlert, window: Window) -> dict[str, Any]:
        return {
            "user_id": alert.user_id,
            "alert_id": alert.id,
            "window_start": window.start,
            "window_end": window.end,
            "amount": ZERO,
            "assumed": ZERO,
        }

    async def _each_call(self) -> AsyncIterator[Mapping[str, Any]]:
        """Iterate over the user's calls in the order of their ids, and count each as an attempt."""
        columns = [_calls.c[name] for name in _READ]
        last = UUID(int=0)
        while True:
            page = await self._connection.execute(
                select(*columns)
                .where(_calls.c.user_id == self._user_id, _calls.c.id > last)
                .order_by(_calls.c.id)
                .limit(_ROWS_AT_ONCE)
            )
            rows = page.mappings().all()
            for row in rows:
                self._attempt(row)
                yield dict(row)
            if len(rows) < _ROWS_AT_ONCE:
                return
            last = rows[-1]["id"]

    def _verifiable(self, table: Table) -> list[ColumnElement[bool]]:
        """The conditions for rows of this table that have lost no calls to retention."""
        if table is _groups:
            whole = select(_tests.c.id).where(_tests.c.user_id == self._user_id, *self._verifiable(_tests))
            return [table.c.ab_test_id.in_(whole)]
        if table is _decisions:
            return [
                table.c.id >= first_id_at(self._kept_from),
                (table.c.known_cost != ZERO) | (table.c.unknown_calls > 0),
            ]
        if table.name == "router_spend_totals":
            return []
        if table.name == "router_holds":
            whole_holds = table.c.decision_id.not_in(self._incomplete)
            return [table.c.decision_id >= first_id_at(self._kept_from), whole_holds]
        if table is _tests:
            return [table.c.started_at >= self._kept_from, table.c.id.not_in(self._incomplete)]
        time = {
            "router_analytics_hourly": "hour",
            "router_analytics_daily": "day",
            "router_latency_hourly": "hour",
            "router_latency_daily": "day",
            "router_cost_alert_windows": "window_start",
            "router_spend_minutes": "minute",
            "router_unpriced_models": "last_at",
        }[table.name]
        return [table.c[time] >= self._kept_from]

    async def _stored(self, table: Table, *conditions: ColumnElement[bool]) -> list[dict[str, Any]]:
        # The candidates of routing decisions are large, and are not compared.
        columns = [_decisions.c[name] for name in _ACCOUNT] if table is _decisions else [table]
        rows = await self._connection.execute(select(*columns).where(table.c.user_id == self._user_id, *conditions))
        return [dict(row) for row in rows.mappings()]

    def _compare(
        self, table: Table, stored: Sequence[Mapping[str, Any]], expected: Sequence[Mapping[str, Any]]
    ) -> None:
        key = key_of(table)
        stored_by = {tuple(row[name] for name in key): row for row in stored}
        expected_by = {tuple(row[name] for name in key): row for row in expected}
        for row_key in sorted(stored_by.keys() | expected_by.keys()):
            there, right = stored_by.get(row_key), expected_by.get(row_key)
            for name in COMPARED[table.name]:
                # A row of zeros equals a missing row.
                values = [0 if row is None else row[name] for row in (there, right)]
                if not _equal(*values):
                    shown = [None if row is None else row[name] for row in (there, right)]
                    self.differences.append(Difference(table.name, (self._user_id, *row_key), name, *shown))
                    self.differing[table.name][row_key] = (there, right)

    async def _compare_amendments(self) -> None:
        """Check that each call has the values of its amendments, and each amendment starts from those of the one before."""
        last: dict[UUID, dict[str, Any]] = {}
        for amendment in self._amendments:
            shown = last.setdefault(amendment["analytics_id"], {})
            for name, value in amendment["before"].items():
                if name in shown and shown[name] != value:
                    self._differ(_amendments, (amendment["id"],), name, value, shown[name])
            shown |= amendment["after"]
        for ids in batched(sorted(last), _IDS_AT_ONCE):
            for call in await self._stored(_calls, _calls.c.id.in_(ids)):
                for name, right in last[call["id"]].items():
                    if (value := as_json({name: call[name]})[name]) != right:
                        self._differ(_calls, (call["id"],), name, value, right)

    async def _compare_alert_events(self) -> None:
        """Check that open windows have fired the levels they reached, no level fired too early, and numbers are in use."""
        alert_events = list(await self._session.scalars(select(AlertEvent).where(AlertEvent.user_id == self._user_id)))
        armed = await self._session.scalars(select(RollingAlert).where(RollingAlert.user_id == self._user_id))
        self._armed = {rolling.alert_id: rolling.armed_at for rolling in armed}
        for alert in self._alerts:
            await self._compare_open_window(
                alert, [alert_event for alert_event in alert_events if alert_event.alert_id == alert.id]
            )
        for alert_event in alert_events:
            if alert_event.level is AlertState.TRIGGERED and alert_event.amount < alert_event.threshold:
                self._differ(
                    _events, (alert_event.id,), "amount", alert_event.amount, f"{alert_event.threshold} or more"
                )
        last = await self._connection.scalar(select(_sequences.c["last"]).where(_sequences.c.user_id == self._user_id))
        highest = max((alert_event.sequence for alert_event in alert_events), default=0)
        if highest > (last or 0):
            self._differ(_sequences, (), "last", last, highest)

    async def _compare_open_window(self, alert: CostAlert, alert_events: Sequence[AlertEvent]) -> None:
        window = alert.window_at(self._now)
        level = state_of(self._live[alert.id, window.start], alert.threshold_amount, alert.near_limit_percent)
        start = self._armed.get(alert.id) if alert.mode is WindowMode.ROLLING else window.start
        fired = {
            alert_event.level
            for alert_event in alert_events
            if (alert_event.window_start, alert_event.config_version) == (start, alert.config_version)
        }
        silent = not fired or (level is AlertState.TRIGGERED and AlertState.TRIGGERED not in fired)
        if alert.active and level is not AlertState.ACTIVE and silent and window.start >= self._kept_from:
            self._differ(_events, (alert.id, window.start), "level", None, level)

    @property
    def silent(self) -> set[UUID]:
        """The ids of alerts that should have fired and did not."""
        return {each.key[1] for each in self.differences if each.table == _events.name and each.column == "level"}

    def _differ(self, table: Table, key: tuple[Any, ...], column: str, stored: Any, expected: Any) -> None:
        self.differences.append(Difference(table.name, (self._user_id, *key), column, stored, expected))


Pair = tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]
"""A row as stored, and as computed; None where there is none."""


def key_of(table: Table) -> list[str]:
    """The columns of the table's primary key, without `user_id`."""
    return [column.name for column in table.primary_key if column.name != "user_id"]


_COUNTED: Final = ("user_id", "ab_test_id", "ab_variant", "ab_counted", "success", "latency_ms", "cost")
_ACCOUNT: Final = (
    "user_id",
    "id",
    "created_at",
    "expires_at",
    "fallbacks",
    "held_amount",
    "known_cost",
    "unknown_calls",
    "assumed_amount",
)
_READ: Final = (
    "id",
    "user_id",
    "decision_id",
    "occurred_at",
    "provider",
    "model_used",
    "task_type",
    "priority",
    "ab_test_id",
    "ab_variant",
    "ab_counted",
    "ab_assigned",
    "unit_group",
    "success",
    "fallback_used",
    "cost",
    "assumed",
    *TOKENS,
    "latency_ms",
    "imported",
)
COMPARED: Final = {
    name: [column.name for column in _tables[name].columns if not column.primary_key]
    for name in (*RollupSums().tables(), "router_ab_groups")
} | {
    "router_ab_tests": list(SUMS),
    "router_cost_alert_windows": ["amount", "assumed"],
    "router_spend_minutes": ["amount", "assumed"],
    "router_spend_totals": ["amount", "assumed"],
    "router_decisions": ["known_cost", "unknown_calls", "assumed_amount"],
    "router_unpriced_models": ["last_at"],
    "router_holds": ["amount"],
}


def _equal(stored: Any, expected: Any) -> bool:
    # Floats are summed in any order, so their last digits may differ.
    if isinstance(stored, float) or isinstance(expected, float):
        return math.isclose(stored, expected, rel_tol=1e-9)
    return bool(stored == expected)
