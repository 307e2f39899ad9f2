"""Reading what opportunities are found from: sums of a user's calls, and how the user's routing rules and alerts were used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic_core import from_json
from sqlalchemy import Text, and_, cast, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.error import InvalidInput
from domain.money import ZERO
from domain.opportunity import (
    MAX_DECISIONS,
    AlertUse,
    HourOfDay,
    Opportunity,
    RuleUses,
    Usage,
    ended_windows,
    find,
)
from domain.summary import AnalyticsDimension, SummaryRequest
from domain.window import Window, WindowMode
from models.cost_alert import AlertWindow, CostAlert
from models.database.compute import Compute, while_wanted
from models.decision import RoutingDecision
from models.preference import RouterPreferences
from models.queries.preference import current_preferences
from models.queries.provider_alias import names_of
from models.queries.summary import Summary, Summed
from models.types import first_id_at

_MAX_HOURS: Final = 500_000
"""The most hourly sums, over all providers, that one search reads."""
_USAGE: Final = (AnalyticsDimension.PROVIDER, AnalyticsDimension.MODEL, AnalyticsDimension.TASK_TYPE)
_MOST_LISTS: Final = 10_000
"""The most distinct lists of applied rules that are read. With more of them, hardly any rule is unused."""
_FEW: Final = 10_000
"""How many of the latest routing decisions are read first. Usually every rule has applied to one of them."""


@dataclass(frozen=True, slots=True)
class History:
    """What a user's calls, routing decisions and alerts show of a time range, for finding opportunities."""

    request: SummaryRequest
    hours: Sequence[Window]
    """The UTC hours of the time range."""
    by_model: Summed
    by_hour: Summed
    """Sums by index in `hours` and provider."""
    rules: RuleUses | None
    alerts: Sequence[AlertUse]
    preferred: Sequence[str]
    """The ids of the preferred providers, the most preferred one first."""

    def opportunities(self) -> list[Opportunity]:
        """The opportunities in this history. This may take long: offload it."""
        usage = [
            Usage(provider or "", model or "", task_type or "", sums)
            for (_, (provider, model, task_type)), sums in self.by_model.items()
        ]
        window = Window(self.hours[0].start, self.hours[-1].end)
        return find(usage, self._hours_of_day(), self.rules, self.alerts, self.preferred, self.request.filter, window)

    def _hours_of_day(self) -> list[HourOfDay]:
        """The sums of each UTC hour, under the local day and hour in which it begins."""
        zone = ZoneInfo(self.request.time_zone)
        local = [hour.start.astimezone(zone) for hour in self.hours]
        return [
            HourOfDay(provider or "", local[index].date(), local[index].hour, sums)
            for (index, (provider,)), sums in while_wanted(self.by_hour.items())
        ]


async def hours_of(compute: Compute, user_id: UUID, request: SummaryRequest, now: datetime) -> list[Window]:
    """The UTC hours in which opportunities are searched. Raises InvalidInput for a request that does not fit the search."""
    if request.filter.success is not None:
        raise InvalidInput(
            "filter.success: must be left out, because some opportunities are about failed calls", ["filter"]
        )
    return await compute.offload(user_id, request.hours, now)


async def history_of(
    session: AsyncSession,
    compute: Compute,
    user_id: UUID,
    request: SummaryRequest,
    hours: Sequence[Window],
    now: datetime,
) -> History:
    """The history of the user in these hours of the request, see `hours_of`.

    Rules and alerts are read for unfiltered requests only: they belong to no provider, model, task type or test.
    """
    window = Window(hours[0].start, hours[-1].end)
    # A rule or alert is unused only over time that has passed.
    so_far = Window(min(window.start, now), min(window.end, now))
    is_unfiltered = not request.filter.model_copy(update={"from_": None, "to": None}).model_dump(exclude_none=True)
    preferences = await current_preferences(session, user_id)
    names = await names_of(session, user_id)
    wanted = request.filter.resolved(names)
    by_model = await Summary(session, compute, user_id, wanted, _USAGE, percentiles=False).over([window])
    # These sums are not returned, so more of them are allowed than in an answer.
    by_provider = Summary(
        session, compute, user_id, wanted, [AnalyticsDimension.PROVIDER], percentiles=False, most=_MAX_HOURS
    )
    return History(
        request=request,
        hours=hours,
        by_model=by_model,
        by_hour=await by_provider.over(hours),
        rules=await rule_uses(session, preferences, so_far) if is_unfiltered else None,
        alerts=await alert_uses(session, user_id, so_far) if is_unfiltered else [],
        preferred=[names.id(name) for name in preferences.preferred_providers],
    )


async def rule_uses(session: AsyncSession, preferences: RouterPreferences, window: Window) -> RuleUses | None:
    """To how many routing decisions in the time range each rule applied, since the preferences were last changed.

    None if there are no rules, no routing decisions, or too many lists of rules to read. Earlier routing decisions are not
    read once every rule is known to have applied.
    """
    changed_at = preferences.updated_at
    if not preferences.custom_rules or changed_at is None:
        return None
    since = Window(max(window.start, changed_at), window.end)
    uses = await _rule_uses(session, preferences, since, _FEW)
    if uses is None or uses.decided < _FEW or all(uses.applied.values()):
        return uses
    return await _rule_uses(session, preferences, since, MAX_DECISIONS)


async def _rule_uses(
    session: AsyncSession, preferences: RouterPreferences, window: Window, most: int
) -> RuleUses | None:
    row = RoutingDecision
    latest = (
        select(row.rules, row.created_at)
        .where(
            row.user_id == preferences.user_id,
            row.id >= first_id_at(window.start),
            row.id < first_id_at(window.end),
        )
        .order_by(row.id.desc())
        .limit(most)
        .subquery()
    ).c
    # Grouped by the stored list of rules: even many routing decisions have few distinct lists.
    stored = cast(latest.rules, Text)
    alike = await session.execute(
        select(stored, func.count(), func.min(latest.created_at), func.max(latest.created_at))
        .group_by(stored)
        .limit(_MOST_LISTS + 1)
    )
    lists = [(set(from_json(names)), decisions, first, last) for names, decisions, first, last in alike]
    if not 0 < len(lists) <= _MOST_LISTS:
        return None
    applied = {
        rule["name"]: sum(decisions for names, decisions, _, _ in lists if rule["name"] in names)
        for rule in preferences.custom_rules
    }
    first, last = min(first for _, _, first, _ in lists), max(last for _, _, _, last in lists)
    return RuleUses(Window(first, window.end), last, sum(decisions for _, decisions, _, _ in lists), applied)


async def alert_uses(session: AsyncSession, user_id: UUID, window: Window) -> list[AlertUse]:
    """How close each active calendar alert came to its threshold in its windows within the time range."""
    alerts = await session.scalars(
        select(CostAlert)
        .where(CostAlert.user_id == user_id, CostAlert.active.is_(True), CostAlert.mode == WindowMode.CALENDAR)
        .order_by(CostAlert.id)
    )
    ended = {
        alert: found
        for alert in alerts
        if (found := ended_windows(alert.window_at, Window(max(window.start, alert.counted_from), window.end)))
    }
    highest = await _highest(session, user_id, {alert.id: found for alert, found in ended.items()})
    return [
        AlertUse(alert.id, alert.alert_type, alert.threshold_amount, found, highest.get(alert.id, ZERO))
        for alert, found in ended.items()
    ]


async def _highest(session: AsyncSession, user_id: UUID, ended: dict[UUID, Window]) -> dict[UUID, Decimal]:
    if not ended:
        return {}
    row = AlertWindow
    of_each = [
        and_(row.alert_id == alert_id, row.window_start >= window.start, row.window_end <= window.end)
        for alert_id, window in ended.items()
    ]
    found = await session.execute(
        select(row.alert_id, func.max(row.amount)).where(row.user_id == user_id, or_(*of_each)).group_by(row.alert_id)
    )
    return {row[0]: row[1] for row in found}
