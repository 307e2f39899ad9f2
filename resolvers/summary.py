"""Summaries of decisions: sums, averages and percentiles over time and by dimension."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry.types.nodes import Selection

from domain.summary import (
    MAX_BUCKETS,
    AnalyticsBucket,
    AnalyticsDimension,
    SummaryRequest,
    Sums,
    TimeGrain,
    too_many,
)
from models.summary import Summary
from resolvers.analytics import Filter
from resolvers.context import Info
from resolvers.input import known, present

if TYPE_CHECKING:
    from domain.cost_alert import Window


async def analytics_summary(
    info: Info,
    filter: Filter = strawberry.UNSET,
    group_by: Annotated[
        list[AnalyticsDimension] | None,
        strawberry.argument(description="What to tell apart; all together when left out."),
    ] = strawberry.UNSET,
    grain: Annotated[
        TimeGrain | None,
        strawberry.argument(description="How long the buckets are; one for the whole range when left out."),
    ] = strawberry.UNSET,
    time_zone: Annotated[
        str | None, strawberry.argument(description="The IANA time zone that buckets are aligned in.")
    ] = "UTC",
) -> list[AnalyticsBucket]:
    context = info.context
    asked: dict[str, Any] = {
        "filter": present(filter) if filter else None,
        "groupBy": known(group_by),
        "grain": known(grain),
        "timeZone": time_zone,
    }
    request = SummaryRequest.checked({name: value for name, value in asked.items() if value is not None}, ())
    buckets = request.buckets(context.clock())
    dimensions = request.dimensions()
    async with context.database.viewer(context.viewer) as session:
        summary = Summary(
            session, context.viewer.id, request.filter, dimensions, percentiles=_asks_for_percentiles(info)
        )
        summed = await summary.over(buckets)
    groups = sorted({group for _, group in summed}, key=_by_text) if dimensions else [()]
    windows: list[tuple[int, Window | None]] = [(0, None)] if request.grain is None else list(enumerate(buckets))
    if len(groups) * len(windows) > MAX_BUCKETS:
        raise too_many()
    return [
        AnalyticsBucket(window, dict(zip(dimensions, group, strict=True)), summed.get((place, group)) or Sums())
        for place, window in windows
        for group in groups
    ]


def _by_text(group: tuple[str | None, ...]) -> tuple[tuple[bool, str], ...]:
    return tuple((value is not None, value or "") for value in group)


def _asks_for_percentiles(info: Info) -> bool:
    """Whether one of the fields is asked for that the histograms are read for."""

    def names(selections: Iterable[Selection]) -> Iterable[str]:
        for selection in selections:
            yield getattr(selection, "name", "")
            yield from names(selection.selections)

    return any(name.startswith("latencyP") for name in names(info.selected_fields))


def dimension(of: AnalyticsDimension) -> Any:
    """Reads a dimension's value from a row of a summary: null unless it was grouped by, or when there is none."""
    return lambda root: root.group.get(of)
