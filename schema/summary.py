from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import strawberry

import resolvers.summary
from domain.summary import AnalyticsDimension
from schema.enum import RoutingPriority, Variant
from schema.error import Uninterrupted
from schema.scalar import BigInt


def _of(dimension: AnalyticsDimension, type_: Any, description: str) -> Any:
    resolver = resolvers.summary.dimension(dimension)
    return strawberry.field(resolver=resolver, graphql_type=type_, description=description)


def _sum(name: str, type_: Any, description: str) -> Any:
    return strawberry.field(resolver=lambda root: getattr(root.sums, name), graphql_type=type_, description=description)


@strawberry.type(description="What the decisions of one group add up to in one stretch of time.")
class AnalyticsBucket:
    start: dt.datetime | None = strawberry.field(
        resolver=lambda root: root.window and root.window.start,
        graphql_type=dt.datetime | None,
        description="Where it starts; the first one with the range. Null when no grain was given.",
    )
    end: dt.datetime | None = strawberry.field(
        resolver=lambda root: root.window and root.window.end,
        graphql_type=dt.datetime | None,
        description="Where it ends and the next one starts; the last one with the range. Null when no grain was given.",
    )
    provider: str | None = _of(AnalyticsDimension.PROVIDER, str | None, "The provider; null unless grouped by it.")
    model: str | None = _of(AnalyticsDimension.MODEL, str | None, "The model; null unless grouped by it.")
    task_type: str | None = _of(AnalyticsDimension.TASK_TYPE, str | None, "The task type; null unless grouped by it.")
    priority: RoutingPriority | None = _of(
        AnalyticsDimension.PRIORITY, RoutingPriority | None, "The priority; null for none, or unless grouped by it."
    )
    ab_variant: Variant | None = _of(
        AnalyticsDimension.AB_VARIANT, Variant | None, "The variant; null for none, or unless grouped by it."
    )
    calls: int = _sum("calls", int, "How many decisions there were.")
    successes: int = _sum("successes", int, "How many of them succeeded.")
    success_rate: float | None = _sum("success_rate", float | None, "Their share, 0 to 1; null for no calls.")
    fallbacks: int = _sum("fallbacks", int, "How many were served by a fallback.")
    total_cost: Decimal = _sum(
        "total_cost", Decimal, "What they cost, in USD, exactly; calls of unknown cost add nothing."
    )
    avg_cost: Decimal | None = _sum(
        "avg_cost", Decimal | None, "Mean cost in USD of those whose cost is known, rounded to the nano-dollar."
    )
    avg_latency_ms: float | None = _sum(
        "avg_latency_ms", float | None, "Mean latency in milliseconds of those whose latency is known."
    )
    latency_p50_ms: float | None = _sum("latency_p50_ms", float | None, "Median latency in milliseconds, within 2 %.")
    latency_p95_ms: float | None = _sum(
        "latency_p95_ms", float | None, "Latency in milliseconds that 95 % did not exceed, within 2 %."
    )
    latency_p99_ms: float | None = _sum(
        "latency_p99_ms", float | None, "Latency in milliseconds that 99 % did not exceed, within 2 %."
    )
    input_tokens: BigInt = _sum("input_tokens", BigInt, "Tokens sent.")
    output_tokens: BigInt = _sum("output_tokens", BigInt, "Tokens received.")


@strawberry.type
class SummaryQuery:
    analytics_summary = strawberry.field(
        resolver=resolvers.summary.analytics_summary,
        graphql_type=list[AnalyticsBucket],
        extensions=[Uninterrupted()],
        description="Your decisions summed up: the last 30 days, unless the filter says from when to when. With a grain, "
        "buckets follow one another without a gap, empty ones included, and add up. At most 10,000 rows.",
    )
