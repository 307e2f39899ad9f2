"""Opportunities: what a user's own calls advise, and the A/B test of one."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import strawberry

from domain.cost_alert import Window
from domain.error import InvalidInput, NotFound
from domain.opportunity import HourOfDay, Opportunity, Usage, find
from domain.summary import AnalyticsDimension
from models.ab_test import ABTest
from models.database.compute import while_wanted
from models.preference import default_preferences
from models.queries.opportunity import alert_uses, rule_uses
from models.queries.preference import preferences_of
from models.queries.provider_alias import names_of
from models.queries.summary import Summary, Summed
from resolvers.ab_test import start
from resolvers.analytics import Filter
from resolvers.context import Context, Info
from resolvers.shielded import shielded
from resolvers.summary import Zone, summary_request

if TYPE_CHECKING:
    from schema.analytics import AnalyticsFilterInput

_MOST_HOURS = 500_000
_USAGE = (AnalyticsDimension.PROVIDER, AnalyticsDimension.MODEL, AnalyticsDimension.TASK_TYPE)


async def opportunities(info: Info, filter: Filter = strawberry.UNSET, time_zone: Zone = "UTC") -> list[Opportunity]:
    return await _found(info.context, filter, time_zone)


async def start_suggested_test(
    info: Info,
    opportunity_id: Annotated[strawberry.ID, strawberry.argument(description="The id of the opportunity.")],
    filter: Filter = strawberry.UNSET,
    time_zone: Zone = "UTC",
) -> ABTest:
    for found in await _found(info.context, filter, time_zone):
        if found.id == opportunity_id and found.suggested_test is not None:
            return await shielded(start(info.context, found.suggested_test, []))
    raise NotFound(
        "opportunityId: must be the id of an opportunity of this filter that suggests a test", ["opportunityId"]
    )


async def _found(context: Context, filter: "AnalyticsFilterInput | None", time_zone: str | None) -> list[Opportunity]:
    request = summary_request(filter, timeZone=time_zone)
    if request.filter.success is not None:
        raise InvalidInput(
            "filter.success: must be left out: calls that fail are what some advice is about", ["filter"]
        )
    user_id = context.viewer.id
    now = context.clock()
    hours = await context.offload(request.hours, now)
    window = Window(hours[0].start, hours[-1].end)
    # What is still going on has not been without use.
    so_far = Window(min(window.start, now), min(window.end, now))
    # Rules and alerts are not of a provider, a model, a task type or a test.
    asks_for_all = not request.filter.model_copy(update={"from_": None, "to": None}).model_dump(exclude_none=True)
    async with context.summaries.slot(user_id), context.database.viewer(context.viewer) as session:
        preferences = await preferences_of(session, user_id) or default_preferences(user_id)
        names = await names_of(session, user_id)
        wanted = request.filter.resolved(names)
        usage = Summary(session, context.compute, user_id, wanted, _USAGE, percentiles=False)
        by_model = await usage.over([window])
        # Its hours are added up here, and not returned.
        by_provider = Summary(
            session,
            context.compute,
            user_id,
            wanted,
            [AnalyticsDimension.PROVIDER],
            percentiles=False,
            most=_MOST_HOURS,
        )
        by_hour = await by_provider.over(hours)
        rules = await rule_uses(session, preferences, so_far) if asks_for_all else None
        alerts = await alert_uses(session, user_id, so_far) if asks_for_all else []

    def found() -> list[Opportunity]:
        return find(
            [
                Usage(provider or "", model or "", task_type or "", sums)
                for (_, (provider, model, task_type)), sums in by_model.items()
            ],
            _hours_of_day(hours, by_hour, ZoneInfo(request.time_zone)),
            rules,
            alerts,
            [names.id(name) for name in preferences.preferred_providers],
            request.filter,
            window,
        )

    return await context.offload(found)


def _hours_of_day(hours: Sequence[Window], by_hour: Summed, zone: ZoneInfo) -> list[HourOfDay]:
    """An hour of UTC counts for the day and hour on the wall in which it begins."""
    local = [hour.start.astimezone(zone) for hour in hours]
    return [
        HourOfDay(provider or "", local[place].date(), local[place].hour, sums)
        for (place, (provider,)), sums in while_wanted(by_hour.items())
    ]
