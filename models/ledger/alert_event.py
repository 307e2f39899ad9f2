"""Firing alerts when spend is recorded: each level of an alert fires once per window, however many calls share a commit."""

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

from domain.cost_alert import AlertState, is_clear, state_of
from domain.event import AlertTriggered
from domain.money import ZERO
from domain.window import Window, WindowMode
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
"""Adds spend to calendar windows and returns their new amounts."""
LOCK_ROLLING: Final = lock("router_rolling_alerts", _ALERT, (*_ALERT, "armed_at"))
"""Locks rolling alerts and returns when each was armed."""
SUM_ROLLING: Final = Bulk(
    Rows({"user_id": Uuid(), "first_minute": UTCDateTime()}),
    "SELECT r.user_id, r.first_minute, coalesce(sum(m.amount), 0), coalesce(sum(m.assumed), 0) "
    "FROM {rows} LEFT JOIN router_spend_minutes m ON m.user_id = r.user_id AND m.minute >= r.first_minute GROUP BY 1, 2",
    [Uuid(), UTCDateTime(), Money(), Money()],
)
"""Returns the spend and the assumed spend of users from a given minute on."""

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
    """The costs of one user's calls of a commit, in the order in which they occurred, with their running sums.

    They are computed once for all alerts of the user. A *position* is an index in this order; `rows` maps the index of a
    call in the commit to its row.
    """

    def __init__(self, rows: Mapping[int, Row]) -> None:
        # Ordered by time, so that neighbours mostly share a window; calls of one moment keep the order of logging.
        in_order = sorted(rows, key=lambda index: rows[index]["occurred_at"])
        self.indexes: Final = in_order
        self.times: Final = [rows[index]["occurred_at"] for index in in_order]
        self.logged: Final = [rows[index]["created_at"] for index in in_order]
        costs = [rows[index]["cost"] for index in in_order]
        self.sums: list[Decimal] = [ZERO, *accumulate(costs)]
        """The sum of the costs before each position, and last the sum of all."""
        self.rises: Final = min(costs, default=ZERO) >= ZERO
        """Whether the sums never fall. Amendments can lower a cost."""
        self.live: Final = [position for position, index in enumerate(in_order) if not rows[index]["imported"]]
        """The positions of the calls that can fire an alert: all but imported ones."""


@dataclass(slots=True)
class Spent:
    """The spend in one window of one alert: that of the calls at the positions [first, end)."""

    alert: WatchedAlert
    window: Window
    costs: Costs
    first: int = 0
    end: int = 0
    assumed: Decimal = ZERO
    """The change of the assumed spend in the window, USD."""

    @property
    def amount(self) -> Decimal:
        sums = self.costs.sums
        return sums[self.end] - sums[self.first]

    @property
    def is_open(self) -> bool:
        """Whether the window was open when the first of its calls was logged. False without calls."""
        # For most windows it was open at the last call too, which is cheaper to check.
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
        """The level that the alert has with this amount in the window."""
        return state_of(amount, self.alert.threshold_amount, self.alert.near_limit_percent)

    def is_clear(self, amount: Decimal) -> bool:
        """Whether a rolling alert with this amount in the window is clear, and so may fire again."""
        return is_clear(amount, self.alert.threshold_amount, self.alert.near_limit_percent)

    def reached(self, amount: Decimal, fired: set[AlertState]) -> Iterator[tuple[int, AlertState, Decimal]]:
        """The levels that are reached for the first time on the way up to `amount`.

        Yields the index of the call that reaches the level, the level, and the amount at that call. Adds each level to
        `fired`.
        """
        sums, live = self.costs.sums, self.costs.live
        before = amount - sums[self.end]
        position = bisect_left(live, self.first)
        end = bisect_left(live, self.end)
        while position < end and AlertState.TRIGGERED not in fired:
            if self.costs.rises:
                # The sums never fall, so the first call that reaches a level above the fired ones is found by bisection.
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
    """The spend of these calls per window of each calendar alert, and per rolling alert; both in key order."""
    assumed_of: defaultdict[UUID, list[Assumed]] = defaultdict(list)
    for each in assumed:
        assumed_of[each.user_id].append(each)
    rows_of: defaultdict[UUID, dict[int, Row]] = defaultdict(dict)
    for index, row in rows.items():
        if row["cost"]:
            rows_of[row["user_id"]][index] = row
    costs_of = {user_id: Costs(rows_of[user_id]) for user_id in {alert.user_id for alert in alerts}}
    # Many alerts share few calendars, so calls are divided into windows once per calendar.
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
    """The calls of one user, divided into the windows of one calendar."""

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
        """The spend per window of an alert that has this calendar."""
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
    """Finds and stores the alert events of one transaction."""

    def __init__(self, connection: AsyncConnection, now: datetime) -> None:
        self._connection = connection
        self._now = now
        # In the order of their numbers: within one alert, the order in which spend occurred.
        self._found: list[AlertEvent] = []
        self.caused: defaultdict[int, list[AlertEvent]] = defaultdict(list)
        """The alert events by the index of the call that caused them."""

    async def of_calendar(self, spent: Sequence[Spent], amounts: Mapping[tuple[Any, ...], Decimal]) -> None:
        """Find the alert events of calendar alerts. `amounts` are the new amounts by (user id, alert id, window start)."""
        # Inactive alerts and closed windows fire nothing.
        reached = [
            (each, each.window.start, amount)
            for each in spent
            if each.alert.active
            # Measured at the time of logging, so that a slow commit does not close the window.
            and each.is_open
            and each.level(amount := amounts[each.alert.user_id, each.alert.id, each.window.start])
            is not AlertState.ACTIVE
        ]
        fired = await self._fired([(each, start) for each, start, _ in reached])
        for each, start, amount in reached:
            self._find(each, start, amount, fired[each.alert.id, start])

    async def of_rolling(self, spent: Sequence[Spent], armed: Mapping[tuple[UUID, UUID], datetime]) -> None:
        """Find the alert events of rolling alerts, which are locked.

        `armed` maps (user id, alert id) to the time at which the alert was armed.
        """
        windows = {(each.alert.user_id, each.window.start) for each in spent}
        sums = await SUM_ROLLING.execute(
            self._connection, [{"user_id": user_id, "first_minute": start} for user_id, start in windows]
        )
        amounts = {(user_id, start): amount for user_id, start, amount, _ in sums}
        # An alert whose spend is clear even now fires nothing. The next call finds it clear, and arms it again.
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
        """Number and store the alert events that were found. Returns the events to publish after the commit."""
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
        """The levels that have fired already, by (alert id, window start), under the alerts' current versions."""
        fired: defaultdict[tuple[UUID, datetime], set[AlertState]] = defaultdict(set)
        keys = [
            each.row | {"window_start": start, "config_version": each.alert.config_version} for each, start in windows
        ]
        for _, alert_id, start, _, level in await _find_alert_events.execute(self._connection, keys):
            fired[alert_id, start].add(level)
        return fired

    def _find(self, spent: Spent, window_start: datetime, amount: Decimal, fired: set[AlertState]) -> None:
        """Create an alert event for each level that this spend reaches and that has not fired yet."""
        for index, level, so_far in spent.reached(amount, fired):
            alert_event = alert_event_of(spent.alert, window_start, level, so_far, self._now)
            self._found.append(alert_event)
            self.caused[index].append(alert_event)


def _values(alert_event: AlertEvent) -> Row:
    return {name: getattr(alert_event, name) for name in columns_of("router_alert_events")}
