"""Reading a user's spend in a time range."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.analytics import AnalyticsFilter
from domain.money import ZERO
from domain.window import Window
from models.analytics import RouterAnalytics
from models.decision import RoutingDecision
from models.queries.analytics import matching
from models.queries.analytics import spent_in as spent_in_rows
from models.rollup import AnalyticsDaily, AnalyticsHourly
from models.spend import SpendMinute
from models.types import first_id_at, last_id_at

_MINUTE: Final = timedelta(minutes=1)
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)


async def spent_in(session: AsyncSession, user_id: UUID, window: Window) -> Decimal:
    """The known cost of the user's calls in this window, USD.

    Whole hours and minutes are read from their sums, the rest from calls.
    """
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
    """The user's spend from each of these whole minutes on, USD, including calls dated slightly ahead of the clock."""
    return {start: await _minutes(session, user_id, start, None) for start in set(starts)}


async def assumed_in(session: AsyncSession, user_id: UUID, window: Window) -> Decimal:
    """The assumed spend of routing decisions made in this window, USD."""
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
    """The assumed spend from each of these whole minutes on, USD."""
    return {
        start: await session.scalar(
            select(func.sum(SpendMinute.assumed)).where(SpendMinute.user_id == user_id, SpendMinute.minute >= start)
        )
        or ZERO
        for start in set(starts)
    }


async def unpriced_in(session: AsyncSession, user_id: UUID, window: Window) -> int:
    """The number of the user's calls of unknown cost in this window.

    Whole days and hours are read from rollups, the rest from calls.
    """
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
    in_window = matching(AnalyticsFilter(from_=window.start, to=window.end))
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
