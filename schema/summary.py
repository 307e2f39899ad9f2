from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import strawberry

import domain.summary
import resolvers.summary
from domain.summary import AnalyticsDimension
from schema.enum import RoutingPriority, Variant, WeekDay
from schema.scalar import BigInt


def _of(dimension: AnalyticsDimension, type_: Any, description: str) -> Any:
    resolver = resolvers.summary.dimension(dimension)
    return strawberry.field(resolver=resolver, graphql_type=type_, description=description)


def _sum(name: str, type_: Any, description: str) -> Any:
    return strawberry.field(resolver=lambda root: getattr(root.sums, name), graphql_type=type_, description=description)


@strawberry.type(description="What the decisions of one group add up to in one time range.")
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
    error_rate: float | None = _sum("error_rate", float | None, "The share that failed, 0 to 1; null for no calls.")
    fallback_rate: float | None = _sum(
        "fallback_rate", float | None, "The share that a fallback served, 0 to 1; null for no calls."
    )
    total_cost: Decimal = _sum(
        "total_cost", Decimal, "What they cost, in USD, exactly; calls of unknown cost add nothing."
    )
    unpriced_calls: int = _sum(
        "unpriced_calls", int, "How many of the calls are of unknown cost: the total is at least what it says."
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
    cached_tokens: BigInt = _sum("cached_tokens", BigInt, "Of the tokens sent, those read from a prompt cache.")
    cache_write_tokens: BigInt = _sum(
        "cache_write_tokens", BigInt, "Of the tokens sent, those written to a prompt cache."
    )
    reasoning_tokens: BigInt = _sum("reasoning_tokens", BigInt, "Of the tokens received, those of reasoning.")


def _current(root: Any) -> Any:
    return domain.summary.AnalyticsBucket(None, root.group, root.sums)


def _previous(root: Any) -> Any:
    return domain.summary.AnalyticsBucket(None, root.group, root.previous)


def _change(name: str, description: str) -> Any:
    def resolve(root: Any) -> float | None:
        return domain.summary.change(getattr(root.sums, name), getattr(root.previous, name))

    return strawberry.field(resolver=resolve, graphql_type=float | None, description=description)


@strawberry.type(
    description="A provider or a model in a range, beside the range of the same length before it. Changes are relative: 0.5 "
    "is half as much again; null where there was nothing before."
)
class LeaderboardRow:
    provider: str | None = _of(AnalyticsDimension.PROVIDER, str | None, "The provider.")
    model: str | None = _of(AnalyticsDimension.MODEL, str | None, "The model; null for a board of providers.")
    current: AnalyticsBucket = strawberry.field(
        resolver=_current, graphql_type=AnalyticsBucket, description="Its figures."
    )
    previous: AnalyticsBucket = strawberry.field(
        resolver=_previous, graphql_type=AnalyticsBucket, description="Its figures in the range before."
    )
    calls_change: float | None = _change("calls", "How much more it was called.")
    total_cost_change: float | None = _change("total_cost", "How much more it cost.")
    avg_cost_change: float | None = _change("avg_cost", "How much more one call cost.")
    success_rate_change: float | None = _change("success_rate", "How much more often it succeeded.")
    latency_p95_ms_change: float | None = strawberry.field(
        name="latencyP95MsChange",
        resolver=lambda root: domain.summary.change(root.sums.latency_p95_ms, root.previous.latency_p95_ms),
        graphql_type=float | None,
        description="How much longer 95 % of its calls took.",
    )


@strawberry.type(description="A provider's part of what a time range cost.")
class CostShare:
    provider: str = strawberry.field(description="The provider.")
    total_cost: Decimal = strawberry.field(description="What it cost, in USD.")
    share: float | None = strawberry.field(description="Of all cost, 0 to 1; null where nothing cost anything.")
    unpriced_calls: int = strawberry.field(description="How many of its calls are of unknown cost.")


@strawberry.type(description="What one time range cost, and at which providers.")
class CostTrendPoint:
    start: dt.datetime = strawberry.field(
        resolver=lambda root: root.window.start, graphql_type=dt.datetime, description="Where it starts."
    )
    end: dt.datetime = strawberry.field(
        resolver=lambda root: root.window.end, graphql_type=dt.datetime, description="Where it ends."
    )
    total_cost: Decimal = strawberry.field(description="What it cost, in USD; calls of unknown cost add nothing.")
    unpriced_calls: int = strawberry.field(
        resolver=lambda root: root.unpriced_calls,
        graphql_type=int,
        description="How many of the calls are of unknown cost: the total is at least what it says.",
    )
    providers: list[CostShare] = strawberry.field(description="Each provider of the range, by name.")


@strawberry.type(description="An hour of the week, by the clock on the wall: all such hours of the range together.")
class HeatMapCell:
    weekday: WeekDay = strawberry.field(description="The day of the week.")
    hour: int = strawberry.field(
        description="The hour of the day, 0 to 23. In zones that are not whole hours from UTC, the one that an hour of UTC "
        "begins in."
    )
    calls: int = _sum("calls", int, "How many decisions there were.")
    error_rate: float | None = _sum("error_rate", float | None, "The share that failed, 0 to 1; null for no calls.")
    fallback_rate: float | None = _sum(
        "fallback_rate", float | None, "The share that a fallback served, 0 to 1; null for no calls."
    )
    unpriced_calls: int = _sum("unpriced_calls", int, "How many of the calls are of unknown cost.")
    avg_latency_ms: float | None = _sum("avg_latency_ms", float | None, "Mean latency in milliseconds.")
    latency_p95_ms: float | None = _sum(
        "latency_p95_ms", float | None, "Latency in milliseconds that 95 % did not exceed, within 2 %."
    )


@strawberry.type
class SummaryQuery:
    analytics_summary = strawberry.field(
        resolver=resolvers.summary.analytics_summary,
        graphql_type=list[AnalyticsBucket],
        description="Your decisions summed up: the last 30 days, to the end of this hour, unless the filter says from when to "
        "when. With a grain, buckets follow one another without a gap, empty ones included, and add up. At most 10,000 rows.",
    )
    leaderboard = strawberry.field(
        resolver=resolvers.summary.leaderboard,
        graphql_type=list[LeaderboardRow],
        description="Providers or models, the dearest first, each with its change against the range of the same length before.",
    )
    cost_trend = strawberry.field(
        resolver=resolvers.summary.cost_trend,
        graphql_type=list[CostTrendPoint],
        description="Cost over time, with each provider's share.",
    )
    heat_map = strawberry.field(
        resolver=resolvers.summary.heat_map,
        graphql_type=list[HeatMapCell],
        description="The 168 hours of a week: when calls are many, fail or take long.",
    )
