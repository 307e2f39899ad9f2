"""What fires when spend is recorded: each level of an alert once for each window, whatever shares the commit."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Uuid
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.cost_alert import AlertState, Window, WindowMode, is_clear, state_of
from domain.event import AlertTriggered
from domain.money import ZERO
from models.bulk import Bulk, Rows, add_rows, columns_of, find, insert, lock, whole
from models.cost_alert import AlertEvent, WatchedAlert, firing_of, is_due
from models.settlement import Assumed
from models.types import Money, UTCDateTime

_ALERT: Final = ("user_id", "alert_id")
_FIRING: Final = (*_ALERT, "window_start", "config_version")

ADD_TO_WINDOWS: Final = add_rows("router_cost_alert_windows", (*_ALERT, "window_start", "amount"))
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
_find_firings = find("router_alert_events", _FIRING, (*_FIRING, "level"))
_take_sequences = add_rows("router_alert_sequences", ("user_id", "last"))
_insert_firings = insert("router_alert_events", whole("router_alert_events"))

Row = dict[str, Any]
Costs = list[tuple[int, Decimal]]
"""(index of the record, what it cost), in the order they happened."""


@dataclass(slots=True)
class Spent:
    """What some records spent in one window of one alert."""

    alert: WatchedAlert
    window: Window
    costs: Costs
    assumed: Decimal = ZERO
    """By how much assumed spend changes in it."""

    @property
    def amount(self) -> Decimal:
        return sum((cost for _, cost in self.costs), ZERO)

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


def spent_by(
    alerts: Sequence[WatchedAlert], rows: Mapping[int, Row], assumed: Iterable[Assumed], now: datetime
) -> tuple[list[Spent], list[Spent]]:
    """What falls into which window of the calendar alerts, and of the rolling ones; both in key order."""
    assumed_of: defaultdict[UUID, list[Assumed]] = defaultdict(list)
    for each in assumed:
        assumed_of[each.user_id].append(each)
    costs_of: defaultdict[UUID, Costs] = defaultdict(list)
    for index, row in rows.items():
        if row["cost"]:
            costs_of[row["user_id"]].append((index, row["cost"]))
    for costs in costs_of.values():
        # By time, so that neighbours mostly share a window; those of one time as they were logged.
        costs.sort(key=lambda cost: rows[cost[0]]["occurred_at"])
    # Most alerts count by the same calendar, and most records happened just now.
    latest: dict[Any, Window] = {}
    calendar: list[Spent] = []
    rolling: list[Spent] = []
    for alert in alerts:
        costs = costs_of[alert.user_id]
        if alert.mode is WindowMode.ROLLING:
            last = alert.window_at(now)
            inside = [(index, cost) for index, cost in costs if rows[index]["occurred_at"] >= last.start]
            rolling += [Spent(alert, last, inside)] if inside else []
        else:
            calendar += _in_calendar(alert, costs, assumed_of[alert.user_id], rows, latest)
    return calendar, rolling


def _in_calendar(
    alert: WatchedAlert,
    costs: Costs,
    assumed: Sequence[Assumed],
    rows: Mapping[int, Row],
    latest: dict[Any, Window],
) -> list[Spent]:
    """What falls into which window of a calendar alert; `latest` has the window of each calendar that was hit last."""
    in_window: dict[datetime, Spent] = {}

    def spent_at(at: datetime) -> Spent:
        window = latest.get(alert.calendar)
        if window is None or at not in window:
            window = latest[alert.calendar] = alert.window_at(at)
        if window.start not in in_window:
            in_window[window.start] = Spent(alert, window, [])
        return in_window[window.start]

    for index, cost in costs:
        if (at := rows[index]["occurred_at"]) >= alert.counted_from:
            spent_at(at).costs.append((index, cost))
    for each in assumed:
        if each.at >= alert.counted_from:
            spent_at(each.at).assumed += each.change
    return [in_window[start] for start in sorted(in_window)]


class Firing:
    """The firings of one transaction, found and stored."""

    def __init__(self, connection: AsyncConnection, rows: Mapping[int, Row], now: datetime) -> None:
        self._connection = connection
        self._rows = rows
        self._now = now
        # In the order in which they are to be told: of one alert, by when it was spent.
        self._found: list[AlertEvent] = []
        self.caused: defaultdict[int, list[AlertEvent]] = defaultdict(list)
        """The firings by the record that caused them."""

    async def of_calendar(self, spent: Sequence[Spent], amounts: Mapping[tuple[Any, ...], Decimal]) -> None:
        """Find what fires now that windows, by user, alert and start, hold these amounts."""
        # What is over, or switched off, is recorded and never notifies.
        reached = [
            (each, each.window.start, amount)
            for each in spent
            if each.alert.active
            and each.costs
            # Open when the records came: a commit that takes until after its end closes nothing.
            and each.window.end > min(self._rows[index]["created_at"] for index, _ in each.costs)
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
        firings = self._found
        counts = Counter(firing.user_id for firing in firings)
        taken = await _take_sequences.execute(
            self._connection, [{"user_id": user_id, "last": counts[user_id]} for user_id in sorted(counts)]
        )
        next_of = {user_id: last - counts[user_id] + 1 for user_id, last in taken}
        for firing in firings:
            firing.sequence = next_of[firing.user_id]
            next_of[firing.user_id] += 1
        await _insert_firings.execute(self._connection, [_values(firing) for firing in firings])
        return [AlertTriggered(user_id) for user_id in counts]

    async def _fired(
        self, windows: Sequence[tuple[Spent, datetime]]
    ) -> defaultdict[tuple[UUID, datetime], set[AlertState]]:
        """The levels that have fired already in the windows that start then, as their alerts are now."""
        fired: defaultdict[tuple[UUID, datetime], set[AlertState]] = defaultdict(set)
        keys = [
            each.row | {"window_start": start, "config_version": each.alert.config_version} for each, start in windows
        ]
        for _, alert_id, start, _, level in await _find_firings.execute(self._connection, keys):
            fired[alert_id, start].add(level)
        return fired

    def _find(self, spent: Spent, window_start: datetime, amount: Decimal, fired: set[AlertState]) -> None:
        """The levels that this spend reached and that have not fired, record by record."""
        so_far = amount - spent.amount
        for index, cost in spent.costs:
            so_far += cost
            level = spent.level(so_far)
            if is_due(level, fired) and not self._rows[index]["imported"]:
                fired.add(level)
                firing = firing_of(spent.alert, window_start, level, so_far, self._now)
                self._found.append(firing)
                self.caused[index].append(firing)


def _values(firing: AlertEvent) -> Row:
    return {name: getattr(firing, name) for name in columns_of("router_alert_events")}
