"""Fields of summaries: sums, averages and percentiles of calls over time and by dimension."""

from collections.abc import Sequence
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import strawberry

import domain.summary
from domain.bounds import page_size
from domain.summary import (
    AnalyticsBucket,
    AnalyticsDimension,
    CostTrendPoint,
    HeatMapCell,
    LeaderboardDimension,
    LeaderboardRow,
    SummaryRequest,
    TimeGrain,
)
from domain.window import Window
from models.queries.provider_alias import resolved
from models.queries.summary import Summary, Summed
from resolvers.context import Info
from resolvers.filter import Filter, Zone, summary_request
from resolvers.input import First, known
from resolvers.selection import selected


async def analytics_summary(
    info: Info,
    filter: Filter = strawberry.UNSET,
    group_by: Annotated[
        list[AnalyticsDimension] | None,
        strawberry.argument(description="The dimensions to group by. Omitted: one group for all calls."),
    ] = strawberry.UNSET,
    grain: Annotated[
        TimeGrain | None,
        strawberry.argument(description="The length of a bucket. Omitted: one bucket for the whole time range."),
    ] = strawberry.UNSET,
    time_zone: Zone = "UTC",
) -> list[AnalyticsBucket]:
    request = summary_request(filter, groupBy=known(group_by), grain=known(grain), timeZone=time_zone)
    buckets, dimensions = await info.context.offload(request.buckets, info.context.clock()), request.dimensions()
    summed = await _summed(info, request, dimensions, buckets)
    return domain.summary.table(dimensions, summed, [None] if request.grain is None else buckets)


async def leaderboard(
    info: Info,
    by: Annotated[
        LeaderboardDimension, strawberry.argument(description="What to compare: providers, or models by provider.")
    ] = LeaderboardDimension.PROVIDER,
    filter: Filter = strawberry.UNSET,
    first: First = 20,
) -> list[LeaderboardRow]:
    request = summary_request(filter)
    summed = await _summed(info, request, by.dimensions, request.compared_ranges(info.context.clock()))
    return domain.summary.leaderboard(by.dimensions, summed, page_size(first))


async def cost_trend(
    info: Info,
    filter: Filter = strawberry.UNSET,
    grain: Annotated[TimeGrain, strawberry.argument(description="The length of a bucket.")] = TimeGrain.DAY,
    time_zone: Zone = "UTC",
) -> list[CostTrendPoint]:
    request = summary_request(filter, grain=grain, timeZone=time_zone)
    buckets = await info.context.offload(request.buckets, info.context.clock())
    summed = await _summed(info, request, [AnalyticsDimension.PROVIDER], buckets)
    return await info.context.offload(domain.summary.cost_trend, buckets, summed)


async def heat_map(
    info: Info,
    filter: Filter = strawberry.UNSET,
    time_zone: Annotated[
        str | None, strawberry.argument(description="The IANA time zone of weekdays and hours.")
    ] = "UTC",
) -> list[HeatMapCell]:
    request = summary_request(filter, timeZone=time_zone)
    hours = await info.context.offload(request.hours, info.context.clock())
    of_week = await info.context.offload(domain.summary.hours_of_week, hours, ZoneInfo(request.time_zone))
    return domain.summary.heat_map(await _summed(info, request, [], hours, of_week))


async def _summed(
    info: Info,
    request: SummaryRequest,
    dimensions: Sequence[AnalyticsDimension],
    buckets: Sequence[Window],
    indexes: Sequence[int] | None = None,
) -> Summed:
    context = info.context
    # Only percentiles need the latency histograms.
    percentiles = any(name.startswith("latencyP") for name in selected(info))
    async with context.summaries.slot(context.viewer.id), context.database.viewer(context.viewer) as session:
        wanted = await resolved(session, context.viewer.id, request.filter)
        summary = Summary(session, context.compute, context.viewer.id, wanted, dimensions, percentiles=percentiles)
        return await summary.over(buckets, indexes)


def dimension(of: AnalyticsDimension) -> Any:
    """A resolver that returns the value of a dimension; null when the summary is not grouped by it or calls have none."""
    return lambda root: root.group.get(of)
