"""What fires when spend is recorded: each level of an alert once for each window, whatever shares the commit."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import accumulate
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Uuid
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.cost_alert import AlertState, Window, WindowMode, is_clear, state_of
from domain.event import AlertTriggered
from domain.money import ZERO
from models.cost_alert import AlertEvent, WatchedAlert
from models.database.bulk import Bulk, Rows, add_rows, columns_of, find, insert, lock, whole
from models.ledger.cost_alert import alert_event_of, is_due
from models.ledger.settlement import Assumed
from models.types import Money, UTCDateTime

_ALERT: Final = ("user_id", "alert_id")
_EVENT_KEY: Final = (*_ALERT, "window_start", "config_version")
ADD_TO_WINDOWS: Final = add_rows(
    "router_cost_alert_windows", whole("router_cost_alert_windows"), (*_ALERT, "window_start", "amount")
)
"""Adds to calendar windows, and says what is in them now."""
LOCK_ROLLING: Final = lock("router_rolling_alerts", _ALERT, (*_ALERT, "armed_at"))
"""Keeps other commits away from these rolling alerts, and says since when they are armed."""
SUM_ROLLING: Final = Bulk(
    Rows({"user_id": Uuid(), "first_minute": UTCDateTime()}),
    "SELECT r.user_id, r.first_minute, coalesce(sum(m.amount), 0), coalesce(sum(m.assumed), 0) "
    "FROM {rows} LEFT JOIN router_spend_minutes m ON m.user_id = r.user_id AND m.minute >= r.first_minute GROUP BY 1, 2",
    [Uuid(), UTCDateTime(), Money(), Money()],
)
_arm = Bulk(
    whole("router_rolling_alerts"),
    "UPDATE router_rolling_alerts SET armed_at = r.armed_at FROM {rows} "
    "WHERE router_rolling_alerts.user_id = r.user_id AND router_rolling_alerts.alert_id = r.alert_id",
)
_find_alert_events = find("router_alert_events", _EVENT_KEY, (*_EVENT_KEY, "level"))
_take_sequences = add_rows("router_alert_sequences", whole("router_alert_sequences"), ("user_id", "last"))
_insert_alert_events = insert("router_alert_events", whole("router_alert_events"))
Row = dict[str, Any]


class Costs:
    """What one user's records of a commit cost, in the order they happened, and what they add up to: made once for all
    alerts.
    """

    def __init__(self, rows: Mapping[int, Row]) -> None:
        # By time, so that neighbours mostly share a window; those of one time as they were logged.
        in_order = sorted(rows, key=lambda index: rows[index]["occurred_at"])
        self.indexes: Final = in_order
        self.times: Final = [rows[index]["occurred_at"] for index in in_order]
        self.logged: Final = [rows[index]["created_at"] for index in in_order]
        costs = [rows[index]["cost"] for index in in_order]
        self.sums: list[Decimal] = [ZERO, *accumulate(costs)]
        """Of the records before each."""
        self.rises: Final = min(costs, default=ZERO) >= ZERO
        """Whether a later sum is never less than one before it: amendments lower some."""
        self.live: Final = [position for position, index in enumerate(in_order) if not rows[index]["imported"]]
        """The positions of those that may make an alert fire."""


@dataclass(slots=True)
class Spent:
    """What some records spent in one window of one alert: those of a user from one position to another."""

    alert: WatchedAlert
    window: Window
    costs: Costs
    first: int = 0
    end: int = 0
    assumed: Decimal = ZERO
    """By how much assumed spend changes in it."""

    @property
    def amount(self) -> Decimal:
        sums = self.costs.sums
        return sums[self.end] - sums[self.first]

    @property
    def is_open(self) -> bool:
        """Whether its window was open when the first of its records came. Without a record nothing is to fire."""
        # Most are: to look at the last one is enough, then.
        logged = self.costs.logged
        return self.first < self.end and (
            self.window.end > logged[self.end - 1] or self.window.end > min(logged[self.first : self.end])
        )

    @property
    def row(self) -> Row:
        return {
            "user_id": self.alert.user_id,
            "alert_id": self.alert.id,
            "window_start": self.window.start,
            "window_end": self.window.end,
            "amount": self.amount,
            "assumed": self.assumed,
        }

    def level(self, amount: Decimal) -> AlertState:
        """The level of the alert with this amount in the window."""
        return state_of(amount, self.alert.threshold_amount, self.alert.near_limit_percent)

    def is_clear(self, amount: Decimal) -> bool:
        """Whether a rolling alert with this amount in the window may fire again."""
        return is_clear(amount, self.alert.threshold_amount, self.alert.near_limit_percent)

    def reached(self, amount: Decimal, fired: set[AlertState]) -> Iterator[tuple[int, AlertState, Decimal]]:
        """The levels that it reaches for the first time, up to this amount: by which record, and with which amount."""
        sums, live = self.costs.sums, self.costs.live
        before = amount - sums[self.end]
        position = bisect_left(live, self.first)
        end = bisect_left(live, self.end)
        while position < end and AlertState.TRIGGERED not in fired:
            if self.costs.rises:
                # What is due is a level above those that fired: by the record that reaches it.
                levels = {AlertState.TRIGGERED} if AlertState.NEAR_LIMIT in fired else _ABOVE
                position = bisect_left(
                    live, True, position, end, key=lambda at: self.level(before + sums[at + 1]) in levels
                )
                if position == end:
                    return
            so_far = before + sums[live[position] + 1]
            if is_due(level := self.level(so_far), fired):
                fired.add(level)
                yield self.costs.indexes[live[position]], level, so_far
            position += 1


_ABOVE: Final = {AlertState.NEAR_LIMIT, AlertState.TRIGGERED}


def spent_by(
    alerts: Sequence[WatchedAlert], rows: Mapping[int, Row], assumed: Iterable[Assumed], now: datetime
) -> tuple[list[Spent], list[Spent]]:
    """What falls into which window of the calendar alerts, and of the rolling ones; both in key order."""
    assumed_of: defaultdict[UUID, list[Assumed]] = defaultdict(list)
    for each in assumed:
        assumed_of[each.user_id].append(each)
    rows_of: defaultdict[UUID, dict[int, Row]] = defaultdict(dict)
    for index, row in rows.items():
        if row["cost"]:
            rows_of[row["user_id"]][index] = row
    costs_of = {user_id: Costs(rows_of[user_id]) for user_id in {alert.user_id for alert in alerts}}
    # Alerts are many, and calendars few: records are told apart by window once for each calendar.
    windows_of: dict[Any, _Windows] = {}
    calendar: list[Spent] = []
    rolling: list[Spent] = []
    for alert in alerts:
        costs = costs_of[alert.user_id]
        if alert.mode is WindowMode.ROLLING:
            last = alert.window_at(now)
            first = bisect_left(costs.times, last.start)
            rolling += [Spent(alert, last, costs, first, len(costs.times))] if first < len(costs.times) else []
        else:
            key = (alert.user_id, alert.calendar)
            windows = windows_of.get(key)
            if windows is None:
                windows = windows_of[key] = _Windows(alert, costs)
            calendar += windows.spent(alert, assumed_of[alert.user_id])
    return calendar, rolling


class _Windows:
    """Which records of a user fall into which window of one calendar."""

    def __init__(self, alert: WatchedAlert, costs: Costs) -> None:
        self._costs = costs
        self._found: list[tuple[Window, int, int]] = []
        first = 0
        while first < len(costs.times):
            window = alert.window_at(costs.times[first])
            end = bisect_left(costs.times, window.end, first)
            self._found.append((window, first, end))
            first = end

    def spent(self, alert: WatchedAlert, assumed: Iterable[Assumed]) -> list[Spent]:
        """What falls into which window of an alert that has this calendar."""
        counted = bisect_left(self._costs.times, alert.counted_from)
        in_window = {
            window.start: Spent(alert, window, self._costs, max(first, counted), end)
            for window, first, end in self._found
            if end > counted
        }
        for each in assumed:
            if each.at >= alert.counted_from:
                window = alert.window_at(each.at)
                in_window.setdefault(window.start, Spent(alert, window, self._costs)).assumed += each.change
        return [in_window[start] for start in sorted(in_window)]


class AlertEventWriter:
    """The alert events of one transaction, found and stored."""

    def __init__(self, connection: AsyncConnection, now: datetime) -> None:
        self._connection = connection
        self._now = now
        # In the order in which they are to be told: of one alert, by when it was spent.
        self._found: list[AlertEvent] = []
        self.caused: defaultdict[int, list[AlertEvent]] = defaultdict(list)
        """The alert events by the record that caused them."""

    async def of_calendar(self, spent: Sequence[Spent], amounts: Mapping[tuple[Any, ...], Decimal]) -> None:
        """Find what fires now that windows, by user, alert and start, hold these amounts."""
        # What is over, or switched off, is recorded and never notifies.
        reached = [
            (each, each.window.start, amount)
            for each in spent
            if each.alert.active
            # When the records came: a commit that takes until after its end closes nothing.
            and each.is_open
            and each.level(amount := amounts[each.alert.user_id, each.alert.id, each.window.start])
            is not AlertState.ACTIVE
        ]
        fired = await self._fired([(each, start) for each, start, _ in reached])
        for each, start, amount in reached:
            self._find(each, start, amount, fired[each.alert.id, start])

    async def of_rolling(self, spent: Sequence[Spent], armed: Mapping[tuple[UUID, UUID], datetime]) -> None:
        """Find what fires of rolling alerts, which are locked and armed since these moments, by user and alert."""
        windows = {(each.alert.user_id, each.window.start) for each in spent}
        sums = await SUM_ROLLING.execute(
            self._connection, [{"user_id": user_id, "first_minute": start} for user_id, start in windows]
        )
        amounts = {(user_id, start): amount for user_id, start, amount, _ in sums}
        # Where spend is clear of the line even now, it will be before the next record too: that one arms the alert.
        close = [
            (each, armed[each.alert.user_id, each.alert.id], amount)
            for each in spent
            if not each.is_clear(amount := amounts[each.alert.user_id, each.window.start])
        ]
        fired = await self._fired([(each, since) for each, since, _ in close])
        armed_anew: list[Row] = []
        for each, since, amount in close:
            levels, start = fired[each.alert.id, since], since
            if levels and each.is_clear(amount - each.amount):
                levels, start = set(), self._now
                armed_anew.append(each.row | {"armed_at": start})
            if each.alert.active:
                self._find(each, start, amount, levels)
        await _arm.execute(self._connection, armed_anew)

    async def stored(self) -> list[AlertTriggered]:
        """Number and store what was found; the events that tell of it."""
        alert_events = self._found
        counts = Counter(alert_event.user_id for alert_event in alert_events)
        taken = await _take_sequences.execute(
            self._connection, [{"user_id": user_id, "last": counts[user_id]} for user_id in sorted(counts)]
        )
        next_of = {user_id: last - counts[user_id] + 1 for user_id, last in taken}
        for alert_event in alert_events:
            alert_event.sequence = next_of[alert_event.user_id]
            next_of[alert_event.user_id] += 1
        await _insert_alert_events.execute(self._connection, [_values(alert_event) for alert_event in alert_events])
        return [AlertTriggered(user_id) for user_id in counts]

    async def _fired(
        self, windows: Sequence[tuple[Spent, datetime]]
    ) -> defaultdict[tuple[UUID, datetime], set[AlertState]]:
        """The levels that have fired already in the windows that start then, as their alerts are now."""
        fired: defaultdict[tuple[UUID, datetime], set[AlertState]] = defaultdict(set)
        keys = [
            each.row | {"window_start": start, "config_version": each.alert.config_version} for each, start in windows
        ]
        for _, alert_id, start, _, level in await _find_alert_events.execute(self._connection, keys):
            fired[alert_id, start].add(level)
        return fired

    def _find(self, spent: Spent, window_start: datetime, amount: Decimal, fired: set[AlertState]) -> None:
        """The levels that this spend reached and that have not fired, by the record that reached them."""
        for index, level, so_far in spent.reached(amount, fired):
            alert_event = alert_event_of(spent.alert, window_start, level, so_far, self._now)
            self._found.append(alert_event)
            self.caused[index].append(alert_event)


def _values(alert_event: AlertEvent) -> Row:
    return {name: getattr(alert_event, name) for name in columns_of("router_alert_events")}
