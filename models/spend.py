"""`router_spend_minutes`: what each user spent in each minute. Windows of any place and length add up from it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from domain.analytics import AnalyticsFilter
from domain.cost_alert import Window
from domain.error import InvalidInput
from domain.money import MAX_TOTAL, ZERO, plain
from models.analytics import RouterAnalytics, passing
from models.analytics import spent_in as spent_in_rows
from models.base import Base, Owned
from models.bulk import add_rows, find
from models.decision import RoutingDecision
from models.rollup import AnalyticsDaily, AnalyticsHourly
from models.types import first_id_at, last_id_at

_MINUTE: Final = timedelta(minutes=1)
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)


class SpendMinute(Owned, Base):
    """What the user's decisions of one UTC minute cost, those of unknown cost left out."""

    __tablename__ = "router_spend_minutes"

    minute: Mapped[datetime] = mapped_column(primary_key=True)
    amount: Mapped[Decimal]
    # Charged to decisions that were made in it, for calls of unknown cost.
    assumed: Mapped[Decimal] = mapped_column(server_default=text("0"))

    __table_args__ = ({"sqlite_with_rowid": False},)


class SpendTotal(Owned, Base):
    """What all calls of the user that were ever logged cost, and what is assumed of those of unknown cost.

    No other sum of the user's can be larger: a limit of these is one of all.
    """

    __tablename__ = "router_spend_totals"

    amount: Mapped[Decimal]
    assumed: Mapped[Decimal]

    __table_args__ = ({"sqlite_with_rowid": False},)


ADD_MINUTES: Final = add_rows("router_spend_minutes", ())
ADD_TOTALS: Final = add_rows("router_spend_totals", ())
FIND_TOTALS: Final = find("router_spend_totals", ("user_id",), ("user_id", "amount", "assumed"))


class Totals:
    """What users spend in all, as the calls of one commit are added: raises InvalidInput for what exceeds MAX_TOTAL."""

    def __init__(self, found: Iterable[tuple[UUID, Decimal, Decimal]]) -> None:
        self._amounts: defaultdict[UUID, Decimal] = defaultdict(lambda: ZERO)
        self._assumed: defaultdict[UUID, Decimal] = defaultdict(lambda: ZERO)
        for user_id, amount, assumed in found:
            self._amounts[user_id], self._assumed[user_id] = amount, assumed

    def has_room(self, user_id: UUID, amount: Decimal, assumed: Decimal) -> bool:
        return self._amounts[user_id] + amount <= MAX_TOTAL and self._assumed[user_id] + assumed <= MAX_TOTAL

    def add(self, user_id: UUID, amount: Decimal) -> None:
        """Add what a call costs; a negative amount, by which a cost is lowered, is never refused."""
        if amount > ZERO and self._amounts[user_id] + amount > MAX_TOTAL:
            raise InvalidInput(
                f"cost: your calls cost {plain(self._amounts[user_id])} USD in all, and must not cost more than "
                f"{MAX_TOTAL}; amend those that were reported wrong",
                ["cost"],
            )
        self._amounts[user_id] += amount

    def assume(self, user_id: UUID, amount: Decimal) -> None:
        """Add what is assumed of a decision; lowering it is never refused."""
        if amount > ZERO and self._assumed[user_id] + amount > MAX_TOTAL:
            raise InvalidInput(
                f"cost: calls of unknown cost are assumed to have cost {plain(self._assumed[user_id])} USD in all, "
                f"and that must not be more than {MAX_TOTAL}; amend them with their cost",
                ["cost"],
            )
        self._assumed[user_id] += amount


def total_rows(minutes: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What these changes of minutes, rows for ADD_MINUTES, add to the totals: rows for ADD_TOTALS, in key order."""
    totals: dict[UUID, dict[str, Any]] = {}
    for row in minutes:
        total = totals.setdefault(row["user_id"], {"user_id": row["user_id"], "amount": ZERO, "assumed": ZERO})
        total["amount"] += row["amount"]
        total["assumed"] += row["assumed"]
    return [totals[user_id] for user_id in sorted(totals)]


def minute_rows(
    spent: Iterable[tuple[UUID, datetime, Decimal]], assumed: Iterable[tuple[UUID, datetime, Decimal]]
) -> list[dict[str, Any]]:
    """Changes of known and of assumed spend (user, moment, USD) by minute, in key order: rows for ADD_MINUTES."""
    minutes: dict[tuple[UUID, datetime], dict[str, Any]] = {}
    for name, changes in (("amount", spent), ("assumed", assumed)):
        for user_id, at, change in changes:
            minute = at.replace(second=0, microsecond=0)
            row = minutes.get((user_id, minute))
            if row is None:
                row = {"user_id": user_id, "minute": minute, "amount": ZERO, "assumed": ZERO}
                minutes[user_id, minute] = row
            row[name] += change
    return [minutes[key] for key in sorted(minutes)]


async def spent_in(session: AsyncSession, user_id: UUID, window: Window) -> Decimal:
    """What the user's decisions in this window cost, USD: whole hours and minutes from their sums, the rest from rows."""
    first_minute, last_minute = window.whole(_MINUTE)
    if first_minute >= last_minute:
        return await spent_in_rows(session, user_id, window)
    first_hour, last_hour = window.whole(_HOUR)
    if first_hour >= last_hour:
        first_hour = last_hour = last_minute
    amount = await _hours(session, user_id, first_hour, last_hour)
    for start, end in ((first_minute, first_hour), (last_hour, last_minute)):
        amount += await _minutes(session, user_id, start, end)
    for start, end in ((window.start, first_minute), (last_minute, window.end)):
        if start < end:
            amount += await spent_in_rows(session, user_id, Window(start, end))
    return amount


async def spent_since(session: AsyncSession, user_id: UUID, starts: Iterable[datetime]) -> dict[datetime, Decimal]:
    """What the user spent from each of these whole minutes on, USD, what lies a little ahead of the clock included."""
    return {start: await _minutes(session, user_id, start, None) for start in set(starts)}


async def assumed_in(session: AsyncSession, user_id: UUID, window: Window) -> Decimal:
    """What is assumed to have been spent for decisions that were made in this window, USD."""
    first, last = window.whole(_MINUTE)
    minute, decision = SpendMinute, RoutingDecision
    if first >= last:
        made_in = (decision.id >= first_id_at(window.start), decision.id <= last_id_at(window.end))
        in_window = (decision.created_at >= window.start, decision.created_at < window.end)
        of_decisions = select(func.sum(decision.assumed_amount)).where(
            decision.user_id == user_id, *made_in, *in_window
        )
        return await session.scalar(of_decisions) or ZERO
    of_minutes = select(func.sum(minute.assumed)).where(
        minute.user_id == user_id, minute.minute >= first, minute.minute < last
    )
    amount = await session.scalar(of_minutes) or ZERO
    for start, end in ((window.start, first), (last, window.end)):
        if start < end:
            amount += await assumed_in(session, user_id, Window(start, end))
    return amount


async def assumed_since(session: AsyncSession, user_id: UUID, starts: Iterable[datetime]) -> dict[datetime, Decimal]:
    """What is assumed to have been spent from each of these whole minutes on, USD."""
    return {
        start: await session.scalar(
            select(func.sum(SpendMinute.assumed)).where(SpendMinute.user_id == user_id, SpendMinute.minute >= start)
        )
        or ZERO
        for start in set(starts)
    }


async def unpriced_in(session: AsyncSession, user_id: UUID, window: Window) -> int:
    """How many of the user's calls in this window are of unknown cost: whole days and hours by their sums, others by rows."""
    for unit, table, time in (
        (_DAY, AnalyticsDaily, AnalyticsDaily.day),
        (_HOUR, AnalyticsHourly, AnalyticsHourly.hour),
    ):
        first, last = window.whole(unit)
        if first < last:
            summed = select(func.sum(table.calls - table.priced)).where(
                table.user_id == user_id, time >= first, time < last
            )
            count = int(await session.scalar(summed) or 0)
            for start, end in ((window.start, first), (last, window.end)):
                if start < end:
                    count += await unpriced_in(session, user_id, Window(start, end))
            return count
    row = RouterAnalytics
    in_window = passing(AnalyticsFilter(from_=window.start, to=window.end))
    of_rows = select(func.count()).where(row.user_id == user_id, row.cost.is_(None), *in_window)
    return await session.scalar(of_rows) or 0


async def _minutes(session: AsyncSession, user_id: UUID, start: datetime, end: datetime | None) -> Decimal:
    if end is not None and start >= end:
        return ZERO
    in_range = [SpendMinute.minute >= start] if end is None else [SpendMinute.minute >= start, SpendMinute.minute < end]
    return (
        await session.scalar(select(func.sum(SpendMinute.amount)).where(SpendMinute.user_id == user_id, *in_range))
        or ZERO
    )


async def _hours(session: AsyncSession, user_id: UUID, start: datetime, end: datetime) -> Decimal:
    if start >= end:
        return ZERO
    return (
        await session.scalar(
            select(func.sum(AnalyticsHourly.cost)).where(
                AnalyticsHourly.user_id == user_id, AnalyticsHourly.hour >= start, AnalyticsHourly.hour < end
            )
        )
        or ZERO
    )
