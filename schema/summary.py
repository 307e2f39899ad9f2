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


@strawberry.type(description="Sums over the calls of one group in one time range.")
class AnalyticsBucket:
    start: dt.datetime | None = strawberry.field(
        resolver=lambda root: root.window and root.window.start,
        graphql_type=dt.datetime | None,
        description="The start of the bucket (inclusive), in UTC. The first bucket starts with the time range. Null when "
        "no grain is given, and in a leaderboard.",
    )
    end: dt.datetime | None = strawberry.field(
        resolver=lambda root: root.window and root.window.end,
        graphql_type=dt.datetime | None,
        description="The end of the bucket (exclusive), in UTC. The last bucket ends with the time range. Null when no "
        "grain is given, and in a leaderboard.",
    )
    provider: str | None = _of(
        AnalyticsDimension.PROVIDER, str | None, "The provider. Null unless calls are grouped by provider."
    )
    model: str | None = _of(AnalyticsDimension.MODEL, str | None, "The model. Null unless calls are grouped by model.")
    task_type: str | None = _of(
        AnalyticsDimension.TASK_TYPE, str | None, "The task type. Null unless calls are grouped by task type."
    )
    priority: RoutingPriority | None = _of(
        AnalyticsDimension.PRIORITY,
        RoutingPriority | None,
        "The priority. Null for calls without a priority, and unless calls are grouped by priority.",
    )
    ab_variant: Variant | None = _of(
        AnalyticsDimension.AB_VARIANT,
        Variant | None,
        "The A/B test variant. Null for calls of no test, and unless calls are grouped by variant.",
    )
    calls: int = _sum("calls", int, "The number of calls.")
    successes: int = _sum("successes", int, "The number of calls that succeeded.")
    success_rate: float | None = _sum(
        "success_rate", float | None, "The share of calls that succeeded, 0 to 1. Null when there are no calls."
    )
    fallbacks: int = _sum("fallbacks", int, "The number of calls that a fallback served.")
    error_rate: float | None = _sum(
        "error_rate", float | None, "The share of calls that failed, 0 to 1. Null when there are no calls."
    )
    fallback_rate: float | None = _sum(
        "fallback_rate",
        float | None,
        "The share of calls that a fallback served, 0 to 1. Null when there are no calls.",
    )
    total_cost: Decimal = _sum(
        "total_cost", Decimal, "The exact sum of known costs, in USD. Calls of unknown cost add nothing."
    )
    unpriced_calls: int = _sum(
        "unpriced_calls",
        int,
        "The number of calls whose cost is unknown. When it is above 0, `totalCost` is a lower bound.",
    )
    avg_cost: Decimal | None = _sum(
        "avg_cost",
        Decimal | None,
        "The mean cost in USD over the calls whose cost is known, rounded to 9 decimals. Null when no cost is known.",
    )
    avg_latency_ms: float | None = _sum(
        "avg_latency_ms",
        float | None,
        "The mean latency in milliseconds over the calls whose latency is known. Null when no latency is known.",
    )
    latency_p50_ms: float | None = _sum(
        "latency_p50_ms", float | None, "The median latency in milliseconds, within 2 %. Null when no latency is known."
    )
    latency_p95_ms: float | None = _sum(
        "latency_p95_ms",
        float | None,
        "The 95th percentile of latency in milliseconds, within 2 %. Null when no latency is known.",
    )
    latency_p99_ms: float | None = _sum(
        "latency_p99_ms",
        float | None,
        "The 99th percentile of latency in milliseconds, within 2 %. Null when no latency is known.",
    )
    input_tokens: BigInt = _sum("input_tokens", BigInt, "The sum of input tokens.")
    output_tokens: BigInt = _sum("output_tokens", BigInt, "The sum of output tokens.")
    cached_tokens: BigInt = _sum(
        "cached_tokens",
        BigInt,
        "The sum of input tokens that were read from a prompt cache. `inputTokens` includes them.",
    )
    cache_write_tokens: BigInt = _sum(
        "cache_write_tokens",
        BigInt,
        "The sum of input tokens that were written to a prompt cache. `inputTokens` includes them.",
    )
    reasoning_tokens: BigInt = _sum(
        "reasoning_tokens", BigInt, "The sum of reasoning tokens. `outputTokens` includes them."
    )


def _current(root: Any) -> Any:
    return domain.summary.AnalyticsBucket(None, root.group, root.sums)


def _previous(root: Any) -> Any:
    return domain.summary.AnalyticsBucket(None, root.group, root.previous)


def _change(name: str, description: str) -> Any:
    def resolve(root: Any) -> float | None:
        return domain.summary.change(getattr(root.sums, name), getattr(root.previous, name))

    return strawberry.field(resolver=resolve, graphql_type=float | None, description=description)


@strawberry.type(
    description="The figures of a provider or a model in a time range and in the preceding time range of the same "
    "length. Changes are relative: 0.5 is an increase by 50 %."
)
class LeaderboardRow:
    provider: str | None = _of(AnalyticsDimension.PROVIDER, str | None, "The provider. Never null.")
    model: str | None = _of(
        AnalyticsDimension.MODEL, str | None, "The model. Null when the leaderboard compares providers."
    )
    current: AnalyticsBucket = strawberry.field(
        resolver=_current, graphql_type=AnalyticsBucket, description="The figures in the time range."
    )
    previous: AnalyticsBucket = strawberry.field(
        resolver=_previous,
        graphql_type=AnalyticsBucket,
        description="The figures in the preceding time range of the same length.",
    )
    calls_change: float | None = _change(
        "calls",
        "The relative change in the number of calls. Null when there were no calls in the preceding time range.",
    )
    total_cost_change: float | None = _change(
        "total_cost",
        "The relative change in `totalCost`. Null when the preceding time range has no known cost above 0.",
    )
    avg_cost_change: float | None = _change(
        "avg_cost",
        "The relative change in `avgCost`. Null when it is null in either time range, or 0 in the preceding one.",
    )
    success_rate_change: float | None = _change(
        "success_rate",
        "The relative change in `successRate`. Null when it is null in either time range, or 0 in the preceding one.",
    )
    latency_p95_ms_change: float | None = strawberry.field(
        name="latencyP95MsChange",
        resolver=lambda root: domain.summary.change(root.sums.latency_p95_ms, root.previous.latency_p95_ms),
        graphql_type=float | None,
        description="The relative change in `latencyP95Ms`. Null when it is null in either time range, or 0 in the "
        "preceding one.",
    )


@strawberry.type(description="The share of one provider in the cost of a time range.")
class CostShare:
    provider: str = strawberry.field(description="The provider.")
    total_cost: Decimal = strawberry.field(
        description="The sum of known costs, in USD. Calls of unknown cost add nothing."
    )
    share: float | None = strawberry.field(
        description="The share of the total cost of this time range, 0 to 1. Null when the total is 0."
    )
    unpriced_calls: int = strawberry.field(
        description="The number of calls whose cost is unknown. `totalCost` does not include them."
    )


@strawberry.type(description="The cost of one time range, in total and by provider.")
class CostTrendPoint:
    start: dt.datetime = strawberry.field(
        resolver=lambda root: root.window.start,
        graphql_type=dt.datetime,
        description="The start of the time range (inclusive), in UTC.",
    )
    end: dt.datetime = strawberry.field(
        resolver=lambda root: root.window.end,
        graphql_type=dt.datetime,
        description="The end of the time range (exclusive), in UTC.",
    )
    total_cost: Decimal = strawberry.field(
        description="The sum of known costs, in USD. Calls of unknown cost add nothing."
    )
    unpriced_calls: int = strawberry.field(
        resolver=lambda root: root.unpriced_calls,
        graphql_type=int,
        description="The number of calls whose cost is unknown. When it is above 0, `totalCost` is a lower bound.",
    )
    providers: list[CostShare] = strawberry.field(description="The cost of each provider, sorted by provider.")


@strawberry.type(description="Sums over the calls of one hour of the week, over all weeks of the time range.")
class HeatMapCell:
    weekday: WeekDay = strawberry.field(description="The day of the week, in local time of the given time zone.")
    hour: int = strawberry.field(
        description="The hour of the day, 0 to 23, in local time. In time zones that are not whole hours from UTC, a UTC "
        "hour counts for the local hour in which it starts."
    )
    calls: int = _sum("calls", int, "The number of calls.")
    error_rate: float | None = _sum(
        "error_rate", float | None, "The share of calls that failed, 0 to 1. Null when there are no calls."
    )
    fallback_rate: float | None = _sum(
        "fallback_rate",
        float | None,
        "The share of calls that a fallback served, 0 to 1. Null when there are no calls.",
    )
    unpriced_calls: int = _sum("unpriced_calls", int, "The number of calls whose cost is unknown.")
    avg_latency_ms: float | None = _sum(
        "avg_latency_ms",
        float | None,
        "The mean latency in milliseconds over the calls whose latency is known. Null when no latency is known.",
    )
    latency_p95_ms: float | None = _sum(
        "latency_p95_ms",
        float | None,
        "The 95th percentile of latency in milliseconds, within 2 %. Null when no latency is known.",
    )


@strawberry.type
class SummaryQuery:
    analytics_summary = strawberry.field(
        resolver=resolvers.summary.analytics_summary,
        graphql_type=list[AnalyticsBucket],
        description="Sums over your calls, by group and time bucket. Without a time range in the filter: the last 30 "
        "days, up to the end of the current hour. With a grain, buckets are contiguous and include empty "
        "ones, and their sums add up to those of the time range. At most 10,000 rows.",
    )
    leaderboard = strawberry.field(
        resolver=resolvers.summary.leaderboard,
        graphql_type=list[LeaderboardRow],
        description="Providers or models with their figures, the highest cost first, and the change from the preceding "
        "time range of the same length.",
    )
    cost_trend = strawberry.field(
        resolver=resolvers.summary.cost_trend,
        graphql_type=list[CostTrendPoint],
        description="The cost over time, in total and by provider.",
    )
    heat_map = strawberry.field(
        resolver=resolvers.summary.heat_map,
        graphql_type=list[HeatMapCell],
        description="Your calls by hour of the week: 168 rows with volume, failures and latency.",
    )
