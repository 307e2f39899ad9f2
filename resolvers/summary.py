"""Summaries of decisions: sums, averages and percentiles over time and by dimension."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import strawberry

import domain.summary
from domain.bounds import EPOCH, page_size
from domain.cost_alert import Window
from domain.error import InvalidInput
from domain.summary import (
    MAX_BUCKETS,
    AnalyticsBucket,
    AnalyticsDimension,
    CostTrendPoint,
    HeatMapCell,
    LeaderboardDimension,
    LeaderboardRow,
    SummaryRequest,
    Sums,
    TimeGrain,
    too_many,
)
from models.queries.provider_alias import resolved
from models.queries.summary import Summary, Summed
from resolvers.analytics import Filter
from resolvers.context import Info
from resolvers.input import First, known, present
from resolvers.selection import selected

if TYPE_CHECKING:
    from schema.analytics import AnalyticsFilterInput

Zone = Annotated[str | None, strawberry.argument(description="The IANA time zone that buckets are aligned in.")]


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
    groups = sorted({group for _, group in summed}, key=_by_text) if dimensions else [()]
    windows: list[tuple[int, Window | None]] = [(0, None)] if request.grain is None else list(enumerate(buckets))
    if len(groups) * len(windows) > MAX_BUCKETS:
        raise too_many()
    return [
        AnalyticsBucket(window, dict(zip(dimensions, group, strict=True)), summed.get((place, group)) or Sums())
        for place, window in windows
        for group in groups
    ]


async def leaderboard(
    info: Info,
    by: Annotated[
        LeaderboardDimension, strawberry.argument(description="What to compare: providers, or models by provider.")
    ] = LeaderboardDimension.PROVIDER,
    filter: Filter = strawberry.UNSET,
    first: First = 20,
) -> list[LeaderboardRow]:
    request = summary_request(filter)
    now = request.range(info.context.clock())
    before = Window(max(now.start - (now.end - now.start), EPOCH), now.start)
    if before.start >= before.end:
        raise InvalidInput("filter.from: must leave room for as long a range before it", ["filter", "from"])
    summed = await _summed(info, request, by.dimensions, [before, now])
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
    if len(buckets) * len({group for _, group in summed}) > MAX_BUCKETS:
        raise too_many()
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


def summary_request(filter: "AnalyticsFilterInput | None", **asked: Any) -> SummaryRequest:
    """What is asked for, checked. Raises InvalidInput."""
    given = asked | {"filter": present(filter) if filter else None}
    return SummaryRequest.checked({name: value for name, value in given.items() if value is not None}, ())


async def _summed(
    info: Info,
    request: SummaryRequest,
    dimensions: Sequence[AnalyticsDimension],
    buckets: Sequence[Window],
    places: Sequence[int] | None = None,
) -> Summed:
    context = info.context
    # Histograms are read for percentiles alone.
    percentiles = any(name.startswith("latencyP") for name in selected(info))
    async with context.summaries.slot(context.viewer.id), context.database.viewer(context.viewer) as session:
        wanted = await resolved(session, context.viewer.id, request.filter)
        summary = Summary(session, context.compute, context.viewer.id, wanted, dimensions, percentiles=percentiles)
        return await summary.over(buckets, places)


def _by_text(group: tuple[str | None, ...]) -> tuple[tuple[bool, str], ...]:
    return tuple((value is not None, value or "") for value in group)


def dimension(of: AnalyticsDimension) -> Any:
    """Reads a dimension's value from a row of a summary: null unless it was grouped by, or when there is none."""
    return lambda root: root.group.get(of)
