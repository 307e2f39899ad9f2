"""Recording calls: the calls of one commit, and everything that they are added to.

One transaction stores the calls, rollups, sums of A/B tests, spend of alert windows, settled holds and alert events, or none
of them. `prepare` computes what depends on the call alone, before the transaction; `CallBatch` does the rest inside it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Double, Integer, String, Uuid, bindparam, select, tuple_

from domain.ab_test import unit_group, variant_of
from domain.analytics import LogAnalytics
from domain.cost_alert import MAX_CLOCK_SKEW
from domain.error import Conflict, ExpectedError, InvalidInput
from domain.event import ABTestUpdated, AnalyticsLogged
from domain.inference import GROUPS, log_latency
from domain.latency import bucket_of
from domain.money import ZERO
from domain.month import first_live
from domain.price import Price, TokenCounts
from domain.price_list import price
from domain.provider import KNOWN_NAMES, ProviderNames, known_provider
from models.base import Base
from models.catalog import PRICE_COLUMNS, RegisteredModel
from models.cost_alert import AlertEvent, WatchedAlert
from models.database.bulk import Bulk, Rows, StatementBatch, add_sums, batched, find, insert, whole
from models.database.transaction import Transaction
from models.ledger.ab_test import ADD_TO_TESTS, GROUP_SUMS
from models.ledger.alert_event import ADD_TO_WINDOWS, LOCK_ROLLING, AlertEventWriter, spent_by
from models.ledger.catalog import reprice
from models.ledger.rollup import dropped_of, sums_of
from models.ledger.settlement import DecisionKey, LockedDecision, Settlement, lock_decisions, settled
from models.ledger.spend import ADD_MINUTES, ADD_TOTALS, FIND_TOTALS, Totals, minute_rows, total_rows
from models.ledger.unpriced_model import note_unpriced
from models.queries.provider_alias import names_for
from models.rollup import ROLLUPS
from models.types import new_id

CallKey = tuple[UUID, UUID]
"""(user_id, id) of a call."""
TestKey = tuple[UUID, UUID]
"""(user_id, id) of an A/B test."""


@dataclass(frozen=True, slots=True)
class CallDraft:
    """A call to record, as the client reported it, and the user it belongs to."""

    user_id: UUID
    report: LogAnalytics
    # True for history from a file: the cost is stored as given, never computed, and the call fires no alert.
    imported: bool = False


@dataclass(slots=True)
class StoredCall:
    """A call as the ledger stored it. `deduplicated` is true when the same input had already been stored."""

    columns: Mapping[str, Any]
    deduplicated: bool
    alert_events: list[AlertEvent] = field(default_factory=list)

    @property
    def id(self) -> UUID:
        id_: UUID = self.columns["id"]
        return id_

    @property
    def record(self) -> SimpleNamespace:
        """The stored row, with the attributes of a `RouterAnalytics`. It is much cheaper to make than an ORM object."""
        return SimpleNamespace(**self.columns, metadata_=self.columns["metadata"])


@dataclass(slots=True)
class Logged(StoredCall):
    """A logged call. `deduplicated` is true when its event id had already been used with the same report."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """A repeated report whose call retention has dropped. The call stays counted in the sums and is not stored again."""

    id: UUID
    event_id: str
    deduplicated: bool = True


Outcome = Logged | Dropped | ExpectedError


@dataclass(slots=True)
class PreparedCall:
    """A draft and its future row, as far as the row does not depend on stored data. `error` is why it cannot be stored."""

    draft: CallDraft
    row: dict[str, Any]
    fingerprint: str
    error: ExpectedError | None = None


def prepare(draft: CallDraft, now: datetime) -> PreparedCall:
    """Prepare a draft for writing: give it an id, a time and, if the price list has one, a price."""
    report = draft.report
    occurred_at = report.occurred_at or now
    cost, price_version = report.cost, None
    if (
        cost is None
        and not draft.imported
        and (listed := _price(report, report.provider, report.model_used, occurred_at))
    ):
        cost, price_version = listed.amount, listed.version
    analytics_id = new_id(occurred_at)
    provider, model = KNOWN_NAMES.key(report.provider, report.model_used)
    row = {
        "user_id": draft.user_id,
        "id": analytics_id,
        "event_id": report.event_id or str(analytics_id),
        "provider": provider,
        "task_type": report.task_type,
        "model_used": model,
        "priority": report.priority,
        "success": report.success,
        "latency_ms": report.latency_ms,
        "cost": cost,
        "price_version": price_version,
        "fallback_used": report.fallback_used,
        **{name: getattr(report, name) for name in TokenCounts._fields},
        "decision_id": report.decision_id,
        "ab_test_id": report.ab_test_id,
        "ab_variant": report.ab_variant,
        "ab_counted": False,
        "quality_score": report.quality_score,
        "metadata": report.metadata or {},
        "imported": draft.imported,
        "occurred_at": occurred_at,
        "created_at": now,
        "unit_group": _unit_group(report, analytics_id),
        "ab_assigned": report.ab_test_id is not None and not report.fallback_used,
        "reported_provider": report.provider if report.provider != provider else None,
        "reported_model": report.model_used if report.model_used != model else None,
        "service_tier": report.service_tier,
        "time_to_first_token_ms": report.time_to_first_token_ms,
        "metadata_truncated": report.metadata_truncated,
        "amended_at": None,
        "assumed": False,
        "latency_bucket": None if report.latency_ms is None else bucket_of(report.latency_ms),
        "log_latency": None if report.latency_ms is None else log_latency(report.latency_ms),
    }
    return PreparedCall(draft, row, report.fingerprint(), _untimely(occurred_at, now, imported=draft.imported))


def _unit_group(report: LogAnalytics, analytics_id: UUID) -> int | None:
    """The group of the call's unit in its test. A call without a unit is a unit of its own, in a random group."""
    if report.ab_test_id is None:
        return None
    if report.unit_key is None:
        return analytics_id.int % GROUPS
    return unit_group(report.ab_test_id, report.unit_key)


def _untimely(occurred_at: datetime, now: datetime, *, imported: bool) -> InvalidInput | None:
    if occurred_at > now + MAX_CLOCK_SKEW:
        minutes = MAX_CLOCK_SKEW.seconds // 60
        message = f"must be at most {minutes} minutes ahead of this server's clock"
    elif occurred_at < (first := first_live(now)) and not imported:
        message = f"must be {first:%Y-%m-%dT%H:%M:%SZ} or later; import older calls with: python -m server import"
    else:
        return None
    return InvalidInput(f"occurredAt: {message}", ["occurredAt"])


def _price(report: LogAnalytics, provider: str, model: str, at: datetime) -> Price | None:
    counts = TokenCounts(*(getattr(report, name) for name in TokenCounts._fields))
    return price(provider, model, counts, report.service_tier, at)


_tables = Base.metadata.tables
_analytics = _tables["router_analytics"]

_KEYS_AT_ONCE: Final = 500

_TEST_KEY: Final = ("user_id", "id")
_WATCHED: Final = tuple(WatchedAlert.__dataclass_fields__)
_MODEL: Final = ("user_id", "provider_key", "model_key")

_find_referenced = StatementBatch(
    find("router_ab_tests", _TEST_KEY, (*_TEST_KEY, "active")),
    find("router_cost_alerts", ("user_id",), _WATCHED),
    find(RegisteredModel.__tablename__, _MODEL, (*_MODEL, *PRICE_COLUMNS)),
    FIND_TOTALS,
)
_find_configs = find("router_ab_tests", _TEST_KEY, (*_TEST_KEY, "variant_a_config", "variant_b_config"))

_claim_events = Bulk(
    whole("router_event_keys"),
    "INSERT INTO router_event_keys (user_id, event_id, analytics_id, fingerprint) "
    "SELECT user_id, event_id, analytics_id, fingerprint FROM {rows} WHERE true "
    "ON CONFLICT (user_id, event_id) DO NOTHING RETURNING user_id, event_id",
    [Uuid(), String()],
)
_find_claims = find(
    "router_event_keys", ("user_id", "event_id"), ("user_id", "event_id", "analytics_id", "fingerprint")
)

# Logarithms are computed here and sent with the row, because two machines may compute slightly different ones.
_calls = Rows({"latency_bucket": Integer(), "log_latency": Double()}, whole=_analytics)
_insert_and_add = StatementBatch(
    insert("router_analytics", _calls),
    *(add_sums(table.__tablename__, _calls, sums_of(table)) for table in ROLLUPS),
    Bulk(_calls, ADD_TO_TESTS),
    add_sums("router_ab_groups", _calls, GROUP_SUMS),
    ADD_MINUTES,
    ADD_TOTALS,
    ADD_TO_WINDOWS,
    LOCK_ROLLING,
)

_select_calls = select(_analytics).where(
    tuple_(_analytics.c.user_id, _analytics.c.id).in_(bindparam("keys", expanding=True))
)


class CallBatch:
    """Writes the calls of one transaction, with one statement per table. Keys are locked in sorted order."""

    def __init__(self, transaction: Transaction, now: datetime) -> None:
        self._connection = transaction.connection
        self._events = transaction.events
        self._now = now
        self.settlement = Settlement()
        self.unpriced = 0
        """The number of stored calls of unknown cost."""
        self._names: Mapping[UUID, ProviderNames] = {}

    async def write(self, calls: Sequence[PreparedCall]) -> list[Outcome]:
        """Store the calls. Returns one outcome per call, in order."""
        outcomes: dict[int, Outcome] = {}
        rows: dict[int, dict[str, Any]] = {}
        named = {(call.row["user_id"], call.row["decision_id"]) for call in calls if call.row["decision_id"]}
        decisions = await lock_decisions(self._connection, named)
        dropped = await dropped_of(self._connection, named - decisions.keys())
        assigned = {key: decision for key, decision in decisions.items() if decision.ab_test_id is not None}
        _assign(calls, assigned)
        await self._resolve(calls)
        tests, alerts, totals = await self._read(calls)
        await self._tell_variants(calls)
        spending = _Spending(totals, decisions)
        repeated = await self._repeats(calls, spending)
        for index, call in enumerate(calls):
            try:
                row = _counted(call, assigned, tests)
                if index not in repeated:
                    spending.add(row)
                rows[index] = row
            except ExpectedError as error:
                outcomes[index] = error.without_traceback()
        fresh = await self._claim(rows, calls)
        if fresh:
            _count_assignments([rows[index] for index in fresh], assigned, dropped)
            alert_events = await self._write({index: rows[index] for index in fresh}, decisions, alerts)
            for index in fresh:
                outcomes[index] = Logged(rows[index], deduplicated=False, alert_events=alert_events.get(index, []))
        if len(fresh) < len(calls):
            outcomes |= await self._repeated(
                {index: call for index, call in enumerate(calls) if not isinstance(outcomes.get(index), Logged)}
            )
        return [outcomes[index] for index in range(len(calls))]

    async def _read(self, calls: Sequence[PreparedCall]) -> tuple[dict[TestKey, bool], list[WatchedAlert], Totals]:
        """Read what the calls refer to: whether each named test runs, the alerts of users who spend, and their totals.

        Also sets the cost of calls of registered models.
        """
        keys = {(call.row["user_id"], call.row["ab_test_id"]) for call in calls if call.row["ab_test_id"]}
        unpriced = [call.row for call in calls if _may_be_priced(call)]
        # A call of unknown cost may be charged assumed spend.
        spenders = {call.row["user_id"] for call in calls if call.row["cost"] != ZERO}
        spenders |= {row["user_id"] for row in unpriced}
        models = {(row["user_id"], row["provider"], row["model_used"]) for row in unpriced}
        found_tests, found_alerts, found_models, totals = await _find_referenced.execute(
            self._connection,
            _keyed(keys),
            [{"user_id": user_id} for user_id in sorted(spenders)],
            [dict(zip(_MODEL, model, strict=True)) for model in models],
            [{"user_id": user_id} for user_id in sorted(spenders)],
        )
        registered = {(user_id, provider, model): columns for user_id, provider, model, *columns in found_models}
        for row in unpriced:
            if columns := registered.get((row["user_id"], row["provider"], row["model_used"])):
                reprice(row, columns)
        alerts = [WatchedAlert(*row) for row in found_alerts]
        tests = {(user_id, id_): active for user_id, id_, active in found_tests}
        return tests, sorted(alerts, key=lambda alert: (alert.user_id.int, alert.id.int)), Totals(totals)

    async def _resolve(self, calls: Sequence[PreparedCall]) -> None:
        """Replace aliases of providers by provider ids, for calls whose provider is not a built-in name."""
        unknown = [call for call in calls if known_provider(call.draft.report.provider) is None]
        self._names = await names_for(
            self._connection,
            [
                *(call.row["user_id"] for call in unknown),
                *(call.row["user_id"] for call in calls if _is_variant_unsaid(call.row)),
            ],
        )
        for call in unknown:
            names = self._names.get(call.row["user_id"])
            if names is not None:
                rename(call, names)

    async def _tell_variants(self, calls: Sequence[PreparedCall]) -> None:
        """Set the variant of calls that name a test and no variant, if their provider and model identify it."""
        unsaid = [call.row for call in calls if _is_variant_unsaid(call.row)]
        keys = {(row["user_id"], row["ab_test_id"]) for row in unsaid}
        found = await _find_configs.execute(self._connection, _keyed(keys))
        configs = {(user_id, id_): (config_a, config_b) for user_id, id_, config_a, config_b in found}
        for row in unsaid:
            if both := configs.get((row["user_id"], row["ab_test_id"])):
                names = self._names.get(row["user_id"], KNOWN_NAMES)
                row["ab_variant"] = variant_of(*both, (row["provider"], row["model_used"]), names)

    async def _repeats(self, calls: Sequence[PreparedCall], spending: _Spending) -> set[int]:
        """The indexes of repeated calls of users who are near the limit of their total. Repeated calls add no spend."""
        full = spending.without_room([call.row for call in calls])
        keys = {
            index: (call.row["user_id"], call.row["event_id"])
            for index, call in enumerate(calls)
            if call.row["user_id"] in full
        }
        found = await _find_claims.execute(
            self._connection, [{"user_id": user_id, "event_id": event_id} for user_id, event_id in set(keys.values())]
        )
        seen = {(user_id, event_id) for user_id, event_id, *_ in found}
        repeated: set[int] = set()
        for index, key in keys.items():
            if key in seen:
                repeated.add(index)
            seen.add(key)
        return repeated

    async def _claim(self, rows: dict[int, dict[str, Any]], calls: Sequence[PreparedCall]) -> list[int]:
        """Store the event ids that are new. Returns the indexes of their calls, in order."""
        first_of: dict[tuple[UUID, str], int] = {}
        for index, row in rows.items():
            first_of.setdefault((row["user_id"], row["event_id"]), index)
        claims = [
            {
                "user_id": user_id,
                "event_id": event_id,
                "analytics_id": rows[index]["id"],
                "fingerprint": calls[index].fingerprint,
            }
            for (user_id, event_id), index in sorted(first_of.items(), key=lambda claim: (claim[0][0].int, claim[0][1]))
        ]
        claimed = await _claim_events.execute(self._connection, claims)
        return sorted(map(first_of.__getitem__, claimed))

    async def _repeated(self, repeats: dict[int, PreparedCall]) -> dict[int, Outcome]:
        """The outcomes of calls whose event id was used before: the stored call for the same report, else a Conflict.

        Calls whose event id is new are left out. Invalid calls are looked up too: a repetition must get the outcome of the
        first report, even if the test that it names was deleted since. Event ids outlive the calls that retention drops.
        """
        keys = {index: (call.row["user_id"], call.row["event_id"]) for index, call in repeats.items()}
        found = await _find_claims.execute(
            self._connection, [{"user_id": user_id, "event_id": event_id} for user_id, event_id in set(keys.values())]
        )
        claims = {(user_id, event_id): (id_, fingerprint) for user_id, event_id, id_, fingerprint in found}
        taken = {index: claims[key] for index, key in keys.items() if key in claims}
        same = {
            index: (keys[index][0], id_)
            for index, (id_, fingerprint) in taken.items()
            if fingerprint == repeats[index].fingerprint
        }
        stored: dict[CallKey, Mapping[str, Any]] = {}
        for some in batched(sorted(set(same.values())), _KEYS_AT_ONCE):
            found_rows = await self._connection.execute(_select_calls, {"keys": some})
            stored |= {(row["user_id"], row["id"]): dict(row) for row in found_rows.mappings()}
        return {
            index: _recorded(stored.get(same[index]), taken[index][0], keys[index][1])
            if index in same
            else Conflict("eventId: was used for another report; use a new one for each call", ["eventId"])
            for index in taken
        }

    async def _write(
        self,
        rows: dict[int, dict[str, Any]],
        decisions: Mapping[DecisionKey, LockedDecision],
        alerts: Sequence[WatchedAlert],
    ) -> dict[int, list[AlertEvent]]:
        """Store the rows and add them to all sums. Returns the alert events that each row caused, by index."""
        new = list(rows.values())
        self.settlement = settled(new, decisions, self._names, self._now)
        calendar, rolling = spent_by(alerts, rows, self.settlement.assumed, self._now)
        minutes = minute_rows(
            ((row["user_id"], row["occurred_at"], row["cost"]) for row in new if row["cost"]), self.settlement.assumed
        )
        *_, amounts, armed = await _insert_and_add.execute(
            self._connection,
            new,
            minutes,
            total_rows(minutes),
            [each.row for each in calendar],
            [each.row for each in rolling],
        )
        await self.settlement.store(self._connection)
        await note_unpriced(self._connection, [row for row in new if row["cost"] is None and not row["assumed"]])
        self.unpriced = sum(row["cost"] is None for row in new)
        tests = {(row["user_id"], row["ab_test_id"]) for row in new if row["ab_counted"]}
        self._events += [ABTestUpdated(*test) for test in tests]
        self._events += _logged(new)
        writer = AlertEventWriter(self._connection, self._now)
        await writer.of_calendar(calendar, {tuple(key): amount for *key, amount in amounts})
        await writer.of_rolling(rolling, {(user_id, alert_id): armed_at for user_id, alert_id, armed_at in armed})
        self._events += await writer.stored()
        return writer.caused


def _recorded(row: Mapping[str, Any] | None, id_: UUID, event_id: str) -> Logged | Dropped:
    return Dropped(id_, event_id) if row is None else Logged(row, deduplicated=True)


class _Spending:
    """Tracks the total spend of users as the calls of one commit are added."""

    def __init__(self, totals: Totals, decisions: Mapping[DecisionKey, LockedDecision]) -> None:
        self._totals = totals
        self._decisions = decisions
        self._assumed: set[DecisionKey] = set()

    def without_room(self, rows: Iterable[Mapping[str, Any]]) -> set[UUID]:
        """The users whose limit these calls together could exceed."""
        costs: defaultdict[UUID, Decimal] = defaultdict(lambda: ZERO)
        assumed: defaultdict[UUID, Decimal] = defaultdict(lambda: ZERO)
        for row in rows:
            costs[row["user_id"]] += row["cost"] or ZERO
            assumed[row["user_id"]] += self._assumed_at_most(row)
        return {
            user_id for user_id, cost in costs.items() if not self._totals.has_room(user_id, cost, assumed[user_id])
        }

    def add(self, row: Mapping[str, Any]) -> None:
        """Add a call. Raises InvalidInput if it exceeds the limit of its user's total."""
        key = (row["user_id"], row["decision_id"])
        if row["cost"] is not None:
            self._totals.add(row["user_id"], row["cost"])
        elif key not in self._assumed:
            self._totals.assume(row["user_id"], self._assumed_at_most(row))
            self._assumed.add(key)

    def _assumed_at_most(self, row: Mapping[str, Any]) -> Decimal:
        """The most that a call of unknown cost can add to assumed spend: what its routing decision still holds."""
        decision = self._decisions.get((row["user_id"], row["decision_id"]))
        if decision is None or row["cost"] is not None:
            return ZERO
        return decision.account.with_calls([None], closes=False).assumed - decision.account.assumed


def _is_variant_unsaid(row: Mapping[str, Any]) -> bool:
    return row["ab_test_id"] is not None and row["ab_variant"] is None


def rename(call: PreparedCall, names: ProviderNames) -> None:
    """Give a call the provider that the user's alias stands for, and the list price there."""
    report, row = call.draft.report, call.row
    provider, model = names.key(report.provider, report.model_used)
    if provider == row["provider"]:
        return
    row["provider"], row["model_used"] = provider, model
    row["reported_provider"] = report.provider
    row["reported_model"] = report.model_used if report.model_used != model else None
    if report.cost is None and not call.draft.imported:
        # The reported name may carry the alias as a prefix, which the price list does not know: try both names.
        found = (_price(report, provider, name, row["occurred_at"]) for name in (report.model_used, model))
        if listed := next(filter(None, found), None):
            row["cost"], row["price_version"] = listed.amount, listed.version


def _may_be_priced(call: PreparedCall) -> bool:
    """Whether the server computes the cost. The price of a registered model then takes precedence."""
    return call.draft.report.cost is None and not call.draft.imported


def _keyed(keys: Iterable[TestKey]) -> list[dict[str, UUID]]:
    return [{"user_id": user_id, "id": id_} for user_id, id_ in keys]


def _assign(calls: Iterable[PreparedCall], assigned: Mapping[DecisionKey, LockedDecision]) -> None:
    """Give calls the test and variant of their routing decision, unless they name another test or variant."""
    for row in (call.row for call in calls):
        decision = assigned.get((row["user_id"], row["decision_id"]))
        if decision is not None and row["ab_test_id"] in (None, decision.ab_test_id):
            row["ab_test_id"], row["unit_group"] = decision.ab_test_id, decision.unit_group
            row["ab_variant"] = row["ab_variant"] or decision.ab_variant


def _counted(
    call: PreparedCall, assigned: Mapping[DecisionKey, LockedDecision], tests: Mapping[TestKey, bool]
) -> dict[str, Any]:
    """The row of a call, with `ab_counted` set. Raises an expected error if the call cannot be stored."""
    if call.error is not None:
        raise call.error
    row = call.row
    decision = assigned.get((row["user_id"], row["decision_id"]))
    for name, spelt in (("ab_test_id", "abTestId"), ("ab_variant", "abVariant")):
        if decision is not None and row[name] != (assigned_ := getattr(decision, name)):
            raise InvalidInput(f"{spelt}: the routing decision was assigned {assigned_}; leave it out", [spelt])
    if row["ab_test_id"] is None:
        return row
    running = tests.get((row["user_id"], row["ab_test_id"]))
    if running is None and decision is not None:
        return row  # the test was deleted since; the call is stored all the same
    if running is None:
        raise InvalidInput("abTestId: must be the id of one of your tests", ["abTestId"])
    if row["ab_variant"] is None:
        raise InvalidInput(
            "abVariant: must be given, because provider and modelUsed do not identify the assigned variant",
            ["abVariant"],
        )
    row["ab_counted"] = running
    return row


def _count_assignments(
    rows: Iterable[dict[str, Any]], assigned: Mapping[DecisionKey, LockedDecision], dropped: Collection[DecisionKey]
) -> None:
    """Set `ab_assigned` on the first call of each routing decision that was assigned a variant.

    Calls of a dropped routing decision do not count as assignments: an earlier call may have counted already.
    """
    first = {key for key, decision in assigned.items() if decision.is_unreported}
    for row in rows:
        key = (row["user_id"], row["decision_id"])
        if key in assigned:
            row["ab_assigned"] = key in first
            first.discard(key)
        elif key in dropped:
            row["ab_assigned"] = False


def _logged(rows: Iterable[dict[str, Any]]) -> list[AnalyticsLogged]:
    ids: defaultdict[UUID, list[UUID]] = defaultdict(list)
    for row in rows:
        ids[row["user_id"]].append(row["id"])
    return [AnalyticsLogged(user_id, tuple(ids[user_id])) for user_id in ids]
