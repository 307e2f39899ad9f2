"""Fields of opportunities: find them in the user's calls, and start the A/B test that one suggests."""

from collections.abc import Sequence
from typing import Annotated
from zoneinfo import ZoneInfo

import strawberry

from domain.ab_test import CreateABTest
from domain.error import InvalidInput, NotFound
from domain.opportunity import HourOfDay, Opportunity, Usage, find
from domain.summary import AnalyticsDimension
from domain.window import Window
from models.ab_test import ABTest
from models.database.compute import while_wanted
from models.ledger.ab_test import start_test
from models.preference import default_preferences
from models.queries.opportunity import alert_uses, rule_uses
from models.queries.preference import preferences_of
from models.queries.provider_alias import names_of
from models.queries.summary import Summary, Summed
from resolvers.context import Context, Info
from resolvers.filter import Filter, Zone, summary_request
from resolvers.input import InputObject
from resolvers.shielded import shielded

_MAX_HOURS = 500_000
"""The most hourly sums, over all providers, that one search reads."""
_USAGE = (AnalyticsDimension.PROVIDER, AnalyticsDimension.MODEL, AnalyticsDimension.TASK_TYPE)


async def opportunities(info: Info, filter: Filter = strawberry.UNSET, time_zone: Zone = "UTC") -> list[Opportunity]:
    return await _opportunities(info.context, filter, time_zone)


async def start_suggested_test(
    info: Info,
    opportunity_id: Annotated[strawberry.ID, strawberry.argument(description="The id of the opportunity.")],
    filter: Filter = strawberry.UNSET,
    time_zone: Zone = "UTC",
) -> ABTest:
    for opportunity in await _opportunities(info.context, filter, time_zone):
        if opportunity.id == opportunity_id and opportunity.suggested_test is not None:
            return await shielded(_start(info.context, opportunity.suggested_test))
    raise NotFound(
        "opportunityId: must be the id of an opportunity of this filter that suggests a test", ["opportunityId"]
    )


async def _start(context: Context, suggested: CreateABTest) -> ABTest:
    now = context.clock()
    async with context.database.viewer(context.viewer, write=True) as session:
        return await start_test(session, context.viewer.id, suggested, now, path=())


async def _opportunities(context: Context, filter: InputObject | None, time_zone: str | None) -> list[Opportunity]:
    request = summary_request(filter, timeZone=time_zone)
    if request.filter.success is not None:
        raise InvalidInput(
            "filter.success: must be left out, because some opportunities are about failed calls", ["filter"]
        )
    user_id = context.viewer.id
    now = context.clock()
    hours = await context.offload(request.hours, now)
    window = Window(hours[0].start, hours[-1].end)
    # A rule or alert is unused only over time that has passed.
    so_far = Window(min(window.start, now), min(window.end, now))
    # Rules and alerts belong to no provider, model, task type or test: any other filter leaves them out.
    is_unfiltered = not request.filter.model_copy(update={"from_": None, "to": None}).model_dump(exclude_none=True)
    async with context.summaries.slot(user_id), context.database.viewer(context.viewer) as session:
        preferences = await preferences_of(session, user_id) or default_preferences(user_id)
        names = await names_of(session, user_id)
        wanted = request.filter.resolved(names)
        usage = Summary(session, context.compute, user_id, wanted, _USAGE, percentiles=False)
        by_model = await usage.over([window])
        # These sums are not returned, so more of them are allowed than in an answer.
        by_provider = Summary(
            session,
            context.compute,
            user_id,
            wanted,
            [AnalyticsDimension.PROVIDER],
            percentiles=False,
            most=_MAX_HOURS,
        )
        by_hour = await by_provider.over(hours)
        rules = await rule_uses(session, preferences, so_far) if is_unfiltered else None
        alerts = await alert_uses(session, user_id, so_far) if is_unfiltered else []

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
    """The sums of each UTC hour, under the local day and hour in which it begins."""
    local = [hour.start.astimezone(zone) for hour in hours]
    return [
        HourOfDay(provider or "", local[index].date(), local[index].hour, sums)
        for (index, (provider,)), sums in while_wanted(by_hour.items())
    ]
