"""Amending calls: storing later facts about a call, and changing the sums, windows, A/B figures and holds that contain it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from pydantic_core import PydanticCustomError
from sqlalchemy import BigInteger, Uuid

from domain.amendment import AMENDABLE, MAX_AMENDMENTS, AmendmentLine, amended, as_json, is_repriced
from domain.error import Conflict, ExpectedError, InvalidInput, NotFound
from domain.event import ABTestUpdated, AnalyticsLogged
from domain.money import ZERO
from domain.price import TokenCounts
from domain.price_list import price
from models.ab_group import GROUP_KEY
from models.ab_test import SUMS as TEST_SUMS
from models.catalog import PRICE_COLUMNS, RegisteredModel
from models.cost_alert import AlertEvent, WatchedAlert
from models.database.bulk import Bulk, Rows, StatementBatch, add_rows, additions, columns_of, find, insert, whole
from models.database.transaction import Transaction
from models.ledger.alert_event import ADD_TO_WINDOWS, LOCK_ROLLING, AlertEventWriter, spent_by
from models.ledger.call import StoredCall
from models.ledger.catalog import reprice
from models.ledger.settlement import DecisionKey, LockedDecision, Settlement, lock_decisions
from models.ledger.spend import ADD_MINUTES, ADD_TOTALS, FIND_TOTALS, Totals, minute_rows, total_rows
from models.ledger.unpriced_model import note_unpriced, recount_unpriced
from models.queries.ab_group import GroupSums
from models.queries.ab_test import sums_of_tests
from models.queries.rollup import RollupSums, hour_key
from models.rollup import DIMENSIONS, AnalyticsDaily, AnalyticsHourly, of_calls
from models.types import UTCDateTime, first_id_at, new_id

CallKey = tuple[UUID, UUID]
"""(user_id, id) of a call."""
Row = dict[str, Any]
GroupKey = tuple[Any, ...]
"""The values of the columns `GROUP_KEY`."""

_TICK: Final = timedelta(milliseconds=1)
"""The least time between two amendments of one call."""


@dataclass(frozen=True, slots=True)
class AmendmentDraft:
    """An amendment to record, the owner of the call, and the user who amends it."""

    user_id: UUID
    line: AmendmentLine
    by: UUID


@dataclass(slots=True)
class Amended(StoredCall):
    """An amended call. `deduplicated` is true when its amendment id had already been used with the same content."""


AmendmentOutcome = Amended | ExpectedError

_CALL: Final = ("user_id", "id")
_MODEL: Final = ("user_id", "provider_key", "model_key")
_ALL: Final = tuple(columns_of("router_analytics"))
_SET: Final = (*AMENDABLE, "price_version", "amended_at")

_find_events = find("router_event_keys", ("user_id", "event_id"), ("user_id", "event_id", "analytics_id"))
_find_calls = find("router_analytics", _CALL, _ALL)
_read = StatementBatch(
    find("router_amendments", ("user_id", "amendment_id"), ("user_id", "amendment_id", "analytics_id", "fingerprint")),
    find("router_cost_alerts", ("user_id",), tuple(WatchedAlert.__dataclass_fields__)),
    find(RegisteredModel.__tablename__, _MODEL, (*_MODEL, *PRICE_COLUMNS)),
    find("router_ab_tests", _CALL, (*_CALL, "cost_cap")),
    FIND_TOTALS,
)
_count = Bulk(
    Rows(columns_of("router_amendments", ("user_id", "analytics_id"))),
    "SELECT r.user_id, r.analytics_id, count(*), max(t.created_at) FROM {rows} JOIN router_amendments t "
    "ON t.user_id = r.user_id AND t.analytics_id = r.analytics_id GROUP BY 1, 2",
    [Uuid(), Uuid(), BigInteger(), UTCDateTime()],
)
_update = Bulk(
    Rows(columns_of("router_analytics", (*_CALL, *_SET))),
    f"UPDATE router_analytics SET {', '.join(f'{name} = r.{name}' for name in _SET)} FROM {{rows}} "
    "WHERE router_analytics.user_id = r.user_id AND router_analytics.id = r.id",
)
_insert = insert("router_amendments", whole("router_amendments"))
_add_totals = StatementBatch(ADD_MINUTES, ADD_TOTALS)
_add_spend = StatementBatch(ADD_TO_WINDOWS, LOCK_ROLLING)

_add_rollups: Final = {
    table.__tablename__: add_rows(table.__tablename__, Rows(columns_of(table.__tablename__)))
    for table in (AnalyticsHourly, AnalyticsDaily)
}
_add_groups = add_rows("router_ab_groups", Rows(columns_of("router_ab_groups")))
_add_tests = Bulk(
    Rows(columns_of("router_ab_tests", (*_CALL, *TEST_SUMS))),
    f"UPDATE router_ab_tests SET {additions('router_ab_tests', TEST_SUMS, 'r')} "
    "FROM {rows} WHERE router_ab_tests.user_id = r.user_id AND router_ab_tests.id = r.id",
)

# Sums of squares are floats. Subtracting from them would leave a rounding error, so they are recomputed from the calls.
_DIMENSIONS_OF_CALL: Final = of_calls(AnalyticsHourly, "a", key=True)
_MEASURES_OF_CALLS: Final = of_calls(AnalyticsHourly, "a", key=False)
_CALLS_OF_HOUR: Final = (
    "FROM router_analytics a WHERE a.user_id = r.user_id AND a.id >= r.first_id AND a.id < r.end_id AND "
    + " AND ".join(f"{_DIMENSIONS_OF_CALL[name]} = r.{name}" for name in DIMENSIONS)
)
_hours = Rows(
    columns_of("router_analytics_hourly", ("user_id", "hour", *DIMENSIONS)) | {"first_id": Uuid(), "end_id": Uuid()}
)
_square_hours = Bulk(
    _hours,
    "UPDATE router_analytics_hourly SET cost_sum_squares = "
    f"(SELECT {_MEASURES_OF_CALLS['cost_sum_squares']} {_CALLS_OF_HOUR}) FROM {{rows}} WHERE "
    f"{' AND '.join(f'router_analytics_hourly.{name} = r.{name}' for name in ('user_id', 'hour', *DIMENSIONS))} "
    # Skips an hour that has lost calls to retention. Its sum was changed by the difference already.
    f"AND router_analytics_hourly.priced = (SELECT {_MEASURES_OF_CALLS['priced']} {_CALLS_OF_HOUR})",
)
_days = Rows(
    columns_of("router_analytics_daily", ("user_id", "day", *DIMENSIONS))
    | {"next_day": columns_of("router_analytics_daily", ["day"])["day"]}
)
_square_days = Bulk(
    _days,
    "UPDATE router_analytics_daily SET cost_sum_squares = (SELECT coalesce(sum(a.cost_sum_squares), 0) "
    "FROM router_analytics_hourly a WHERE a.user_id = r.user_id AND a.hour >= r.day AND a.hour < r.next_day "
    f"AND {' AND '.join(f'a.{name} = r.{name}' for name in DIMENSIONS)}) FROM {{rows}} WHERE "
    f"{' AND '.join(f'router_analytics_daily.{name} = r.{name}' for name in ('user_id', 'day', *DIMENSIONS))}",
)

_find_group = find("router_analytics", ("user_id", "ab_test_id", "ab_variant", "unit_group"), _ALL)
_count_group = find("router_ab_groups", GROUP_KEY, (*GROUP_KEY, "calls"))
_delete_groups = Bulk(
    Rows(columns_of("router_ab_groups", GROUP_KEY)),
    "DELETE FROM router_ab_groups WHERE EXISTS (SELECT 1 FROM {rows} WHERE "
    f"{' AND '.join(f'router_ab_groups.{name} = r.{name}' for name in GROUP_KEY)})",
)
_insert_groups = insert("router_ab_groups", whole("router_ab_groups"))


@dataclass(slots=True)
class _Changed:
    """A call before and after the amendments of this transaction."""

    before: Row
    after: Row
    index: int
    """The index of its last amendment in the transaction."""
    succeeded: bool
    """Whether any of the amendments set `success`. Its routing decision is then settled, and stays settled."""

    @property
    def spent(self) -> Decimal:
        """The change of its known cost, USD."""
        change: Decimal = (self.after["cost"] or ZERO) - (self.before["cost"] or ZERO)
        return change


class AmendmentBatch:
    """Writes the amendments of one transaction, which has locked all writes of their users."""

    def __init__(self, transaction: Transaction, now: datetime) -> None:
        self._connection = transaction.connection
        self._events = transaction.events
        self._now = now
        self.settlement = Settlement()

    async def write(self, drafts: Sequence[AmendmentDraft]) -> list[AmendmentOutcome]:
        """Store the amendments. Returns one outcome per draft, in order."""
        calls = await self._calls(drafts)
        found = [call for call in calls if call is not None]
        taken, alerts, models, caps, totals = await _read.execute(
            self._connection,
            [{"user_id": each.user_id, "amendment_id": id_} for each in drafts if (id_ := each.line.amendment_id)],
            [{"user_id": user_id} for user_id in {call["user_id"] for call in found}],
            [
                dict(zip(_MODEL, model, strict=True))
                for model in {(call["user_id"], call["provider"], call["model_used"]) for call in found}
            ],
            [
                {"user_id": user_id, "id": id_}
                for user_id, id_ in {(call["user_id"], call["ab_test_id"]) for call in found if call["ab_counted"]}
            ],
            [{"user_id": user_id} for user_id in {call["user_id"] for call in found}],
        )
        self._totals = Totals(totals)
        self._registered = {tuple(row[:3]): row[3:] for row in models}
        self._caps = {id_: cap for _, id_, cap in caps}
        outcomes, changed, amendments = self._decided(
            drafts,
            calls,
            {(user_id, id_): (call, fingerprint) for user_id, id_, call, fingerprint in taken},
            await self._counts(found),
        )
        if changed:
            await _update.execute(self._connection, [each.after for each in changed.values()])
            await _insert.execute(self._connection, amendments)
            alert_events = await self._follow(list(changed.values()), [WatchedAlert(*row) for row in alerts])
            for index, events in alert_events.items():
                outcome = outcomes[index]
                if isinstance(outcome, Amended):
                    outcome.alert_events = events
        return outcomes

    async def _calls(self, drafts: Sequence[AmendmentDraft]) -> list[Row | None]:
        """The call of each draft; None if the user has no such call."""
        by_event = [
            {"user_id": each.user_id, "event_id": each.line.event_id}
            for each in drafts
            if each.line.event_id is not None
        ]
        ids = {
            (user_id, event_id): id_
            for user_id, event_id, id_ in await _find_events.execute(self._connection, by_event)
        }
        keys = [(each.user_id, each.line.id or ids.get((each.user_id, each.line.event_id or ""))) for each in drafts]
        wanted = [{"user_id": user_id, "id": id_} for user_id, id_ in set(keys) if id_ is not None]
        rows = {
            (row["user_id"], row["id"]): row
            for row in (
                dict(zip(_ALL, values, strict=True)) for values in await _find_calls.execute(self._connection, wanted)
            )
        }
        return [rows.get((user_id, id_)) if id_ is not None else None for user_id, id_ in keys]

    async def _counts(self, calls: Iterable[Row]) -> Counter[CallKey]:
        keys = {(call["user_id"], call["id"]) for call in calls}
        rows = [{"user_id": user_id, "analytics_id": id_} for user_id, id_ in keys]
        found = await _count.execute(self._connection, rows)
        # Clocks of servers differ. Moving the time forward keeps the amendments of each call in order.
        self._now = max([self._now, *(last + _TICK for *_, last in found)])
        return Counter({(user_id, id_): count for user_id, id_, count, _ in found})

    def _decided(
        self,
        drafts: Sequence[AmendmentDraft],
        calls: Sequence[Row | None],
        taken: dict[tuple[UUID, str], tuple[UUID, str]],
        counts: Counter[CallKey],
    ) -> tuple[list[AmendmentOutcome], dict[CallKey, _Changed], list[Row]]:
        """Apply the drafts one after the other. Returns the outcomes, the calls that change and the rows to insert."""
        outcomes: list[AmendmentOutcome] = []
        changed: dict[CallKey, _Changed] = {}
        amendments: list[Row] = []
        for index, (draft, call) in enumerate(zip(drafts, calls, strict=True)):
            if call is None:
                field_ = "id" if draft.line.id is not None else "eventId"
                message = f"{field_}: must name one of your calls; calls that retention has dropped cannot be amended"
                outcomes.append(NotFound(message, [field_]))
                continue
            key = (call["user_id"], call["id"])
            current = changed[key].after if key in changed else call
            fingerprint = draft.line.fingerprint()
            amendment_id = draft.line.amendment_id or str(new_id(self._now))
            if before := taken.get((draft.user_id, amendment_id)):
                same = before == (call["id"], fingerprint)
                outcomes.append(Amended(current, deduplicated=True) if same else _REUSED)
                continue
            try:
                after = self._amended(current, draft.line.changes())
            except PydanticCustomError as error:
                outcomes.append(InvalidInput(str(error)))
                continue
            if counts[key] >= MAX_AMENDMENTS:
                outcomes.append(
                    Conflict(f"id: this call was amended {MAX_AMENDMENTS} times, which is the limit", ["id"])
                )
                continue
            try:
                self._totals.add(draft.user_id, (after["cost"] or ZERO) - (current["cost"] or ZERO))
            except InvalidInput as error:
                outcomes.append(error.without_traceback())
                continue
            counts[key] += 1
            taken[draft.user_id, amendment_id] = (call["id"], fingerprint)
            names = [name for name in _SET[:-1] if current[name] != after[name]]
            amendments.append(
                {
                    "user_id": draft.user_id,
                    "id": new_id(self._now),
                    "amendment_id": amendment_id,
                    "analytics_id": call["id"],
                    "fingerprint": fingerprint,
                    "amended_by": draft.by,
                    "before": as_json({name: current[name] for name in names}),
                    "after": as_json({name: after[name] for name in names}),
                    "created_at": self._now,
                }
            )
            succeeded = after["success"] or (key in changed and changed[key].succeeded)
            changed[key] = _Changed(changed[key].before if key in changed else call, after, index, succeeded)
            outcomes.append(Amended(after, deduplicated=False))
        # A call that was amended more than once in this transaction is returned in its final state.
        for outcome in outcomes:
            if isinstance(outcome, Amended):
                last = changed.get((outcome.columns["user_id"], outcome.columns["id"]))
                outcome.columns = last.after if last else outcome.columns
        return outcomes, changed, amendments

    def _amended(self, call: Row, changes: Mapping[str, Any]) -> Row:
        after = amended(call, changes) | {"amended_at": self._now}
        if is_repriced(call, changes):
            counts = TokenCounts(*(after[name] for name in TokenCounts._fields))
            found = (
                price(after["provider"], name, counts, after["service_tier"], after["occurred_at"])
                for name in (after["reported_model"], after["model_used"])
                if name is not None
            )
            after["cost"], after["price_version"] = next(filter(None, found), None) or (None, None)
            if columns := self._registered.get((after["user_id"], after["provider"], after["model_used"])):
                reprice(after, columns)
        return after

    async def _follow(self, changed: Sequence[_Changed], alerts: Sequence[WatchedAlert]) -> dict[int, list[AlertEvent]]:
        """Change everything that contains these calls. Returns the alert events caused, by the index of the amendment."""
        decisions = await lock_decisions(
            self._connection,
            {(each.after["user_id"], each.after["decision_id"]) for each in changed if each.after["decision_id"]},
        )
        self._settle(changed, decisions)
        await self._add_to_rollups(changed)
        await self._add_to_tests([each for each in changed if each.after["ab_counted"]])
        alert_events = await self._spend(changed, alerts)
        await self.settlement.store(self._connection)
        await self._note_unpriced(changed)
        by_user: defaultdict[UUID, list[UUID]] = defaultdict(list)
        for each in changed:
            by_user[each.after["user_id"]].append(each.after["id"])
        self._events += [AnalyticsLogged(user_id, tuple(ids)) for user_id, ids in by_user.items()]
        return alert_events

    def _settle(self, changed: Sequence[_Changed], decisions: Mapping[DecisionKey, LockedDecision]) -> None:
        of_decision: defaultdict[DecisionKey, list[_Changed]] = defaultdict(list)
        for each in changed:
            key = (each.after["user_id"], each.after["decision_id"])
            if key in decisions:
                of_decision[key].append(each)
        for key in sorted(of_decision):
            decision, calls = decisions[key], of_decision[key]
            settles = any(call.succeeded for call in calls)
            account = decision.account.amended(
                [call.before["cost"] for call in calls], [call.after["cost"] for call in calls], closes=settles
            )
            self._totals.assume(key[0], account.assumed - decision.account.assumed)
            self.settlement.add(
                key, decision, account, self._now, attempts_left=decision.attempts_left, settles=settles
            )

    async def _add_to_rollups(self, changed: Sequence[_Changed]) -> None:
        sums = RollupSums()
        for each in changed:
            sums.add(each.before, -1)
            sums.add(each.after)
        tables = sums.tables()
        for table, statement in _add_rollups.items():
            await statement.execute(self._connection, tables[table])
        anew = sorted({hour_key(each.after) for each in changed if each.before["cost"] and each.spent})
        hours = [
            dict(zip(("user_id", "hour", *DIMENSIONS), key, strict=True))
            | {"first_id": first_id_at(key[1]), "end_id": first_id_at(key[1] + timedelta(hours=1))}
            for key in anew
        ]
        await _square_hours.execute(self._connection, hours)
        days = sorted({(user_id, hour.replace(hour=0), *group) for user_id, hour, *group in anew})
        await _square_days.execute(
            self._connection,
            [
                dict(zip(("user_id", "day", *DIMENSIONS), key, strict=True)) | {"next_day": key[1] + timedelta(days=1)}
                for key in days
            ],
        )

    async def _add_to_tests(self, changed: Sequence[_Changed]) -> None:
        before = sums_of_tests(each.before for each in changed)
        after = sums_of_tests(each.after for each in changed)
        deltas = [
            {name: now[name] if name in _CALL else now[name] - was[name] for name in now}
            for was, now in zip(before, after, strict=True)
        ]
        await _add_tests.execute(self._connection, deltas)
        await self._add_to_groups([each for each in changed if each.after["unit_group"] is not None])
        self._events += [ABTestUpdated(delta["user_id"], delta["id"]) for delta in deltas]

    async def _add_to_groups(self, changed: Sequence[_Changed]) -> None:
        # A successful call adds to sums of floats, which must be recomputed to remove it. A failed call adds nothing to them.
        wanted = {_group_of(each) for each in changed if each.before["success"] and _counts_otherwise(each)}
        sums, anew = await self._groups_anew(wanted)
        deltas = GroupSums(self._caps)
        for each in changed:
            if _group_of(each) not in anew:
                deltas.add(each.before, -1)
                deltas.add(each.after)
        await _add_groups.execute(self._connection, deltas.rows())
        await _delete_groups.execute(self._connection, [dict(zip(GROUP_KEY, key, strict=True)) for key in sorted(anew)])
        await _insert_groups.execute(self._connection, sums)

    async def _groups_anew(self, wanted: Collection[GroupKey]) -> tuple[list[Row], set[GroupKey]]:
        """The sums of these groups recomputed from their calls, and the keys of the groups that were recomputed.

        Groups that have lost calls to retention cannot be recomputed and are left out.
        """
        keys = [dict(zip(GROUP_KEY, key, strict=True)) for key in sorted(wanted)]
        sums = GroupSums(self._caps)
        for values in await _find_group.execute(self._connection, keys):
            sums.add(dict(zip(_ALL, values, strict=True)))
        counted = {tuple(key): calls for *key, calls in await _count_group.execute(self._connection, keys)}
        rows = {tuple(row[name] for name in GROUP_KEY): row for row in sums.rows()}
        whole = {key for key in wanted if key in rows and rows[key]["calls"] == counted.get(key)}
        return [rows[key] for key in sorted(whole)], whole

    async def _spend(self, changed: Sequence[_Changed], alerts: Sequence[WatchedAlert]) -> dict[int, list[AlertEvent]]:
        rows = {
            each.index: {
                "user_id": each.after["user_id"],
                "occurred_at": each.after["occurred_at"],
                "imported": each.after["imported"],
                # The time of the amendment, so that windows that have ended since the call fire nothing.
                "created_at": self._now,
                "cost": each.spent,
            }
            for each in changed
        }
        minutes = minute_rows(
            ((row["user_id"], row["occurred_at"], row["cost"]) for row in rows.values() if row["cost"]),
            self.settlement.assumed,
        )
        await _add_totals.execute(self._connection, minutes, total_rows(minutes))
        in_order = sorted(alerts, key=lambda alert: (alert.user_id.int, alert.id.int))
        calendar, rolling = spent_by(in_order, rows, self.settlement.assumed, self._now)
        amounts, armed = await _add_spend.execute(
            self._connection, [each.row for each in calendar], [each.row for each in rolling]
        )
        writer = AlertEventWriter(self._connection, self._now)
        await writer.of_calendar(calendar, {tuple(key): amount for *key, amount in amounts})
        await writer.of_rolling(rolling, {(user_id, alert_id): armed_at for user_id, alert_id, armed_at in armed})
        self._events += await writer.stored()
        return writer.caused

    async def _note_unpriced(self, changed: Sequence[_Changed]) -> None:
        became_known = [
            each.after for each in changed if each.before["cost"] is None and each.after["cost"] is not None
        ]
        await recount_unpriced(self._connection, became_known)
        became_unknown = [
            each.after for each in changed if each.before["cost"] is not None and each.after["cost"] is None
        ]
        await note_unpriced(self._connection, became_unknown)


_REUSED: Final = Conflict("amendmentId: was used for another amendment; use a new one for each", ["amendmentId"])


def _group_of(each: _Changed) -> GroupKey:
    return tuple(each.after[name] for name in GROUP_KEY)


def _counts_otherwise(each: _Changed) -> bool:
    return any(each.before[name] != each.after[name] for name in ("success", "cost"))
