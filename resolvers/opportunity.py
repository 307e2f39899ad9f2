"""Fields of opportunities: find them in the user's calls, and start the A/B test that one suggests."""

from typing import Annotated

import strawberry

from domain.ab_test import CreateABTest
from domain.opportunity import Opportunity, suggested_test
from models.ab_test import ABTest
from models.ledger.ab_test import start_test
from models.queries.opportunity import history_of, hours_of
from resolvers.context import Context, Info
from resolvers.filter import Filter, Zone, summary_request
from resolvers.input import InputObject
from resolvers.shielded import shielded


async def opportunities(info: Info, filter: Filter = strawberry.UNSET, time_zone: Zone = "UTC") -> list[Opportunity]:
    return await _opportunities(info.context, filter, time_zone)


async def start_suggested_test(
    info: Info,
    opportunity_id: Annotated[strawberry.ID, strawberry.argument(description="The id of the opportunity.")],
    filter: Filter = strawberry.UNSET,
    time_zone: Zone = "UTC",
) -> ABTest:
    found = await _opportunities(info.context, filter, time_zone)
    return await shielded(_start(info.context, suggested_test(found, opportunity_id)))


async def _start(context: Context, suggested: CreateABTest) -> ABTest:
    now = context.clock()
    async with context.database.viewer(context.viewer, write=True) as session:
        return await start_test(session, context.viewer.id, suggested, now, path=())


async def _opportunities(context: Context, filter: InputObject | None, time_zone: str | None) -> list[Opportunity]:
    request = summary_request(filter, timeZone=time_zone)
    user_id, now = context.viewer.id, context.clock()
    hours = await hours_of(context.compute, user_id, request, now)
    async with context.summaries.slot(user_id), context.database.viewer(context.viewer) as session:
        history = await history_of(session, context.compute, user_id, request, hours, now)
    return await context.offload(history.opportunities)
