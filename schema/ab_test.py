from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Annotated, Any

import strawberry
from strawberry.scalars import JSON
from strawberry.types.unset import UNSET

import models
import resolvers.ab_test
from schema.deletion import DeleteResult
from schema.enum import Metric, Variant, Verdict
from schema.error import Conflict, ExpectedErrorAsData, InvalidInput, NotFound, Shielded
from schema.page import Connection


@strawberry.type(description="A provider, a model and its parameters: what serves a request.")
class VariantConfig:
    provider: str = strawberry.field(
        resolver=lambda root: root["provider"], graphql_type=str, description="The provider."
    )
    model: str = strawberry.field(resolver=lambda root: root["model"], graphql_type=str, description="The model.")
    parameters: JSON | None = strawberry.field(
        resolver=lambda root: root["parameters"],
        graphql_type=JSON | None,
        description="Parameters to send to the model, such as a temperature. Null when none are configured.",
    )


@strawberry.type(description="The figures of one variant, over the calls that the test counts for it.")
class VariantMetrics:
    config: VariantConfig = strawberry.field(
        description="The provider, model and parameters that serve this variant's requests."
    )
    calls: int = strawberry.field(description="The number of calls that the test counts for this variant.")
    successes: int = strawberry.field(description="The number of these calls that succeeded.")
    success_rate: float | None = strawberry.field(
        description="The share of calls that succeeded, 0 to 1. Null when there are no calls."
    )
    avg_latency_ms: float | None = strawberry.field(
        description="The mean latency in milliseconds, over the calls whose latency is known. Null when no latency is "
        "known."
    )
    unpriced_calls: int = strawberry.field(
        description="The number of calls whose cost is unknown. `totalCost` does not include them."
    )
    total_cost: Decimal = strawberry.field(
        description="The sum of known costs in USD. Calls of unknown cost add nothing."
    )
    traffic_share: float | None = strawberry.field(
        description="This variant's share of the test's calls, 0 to 1. Null when the test has no calls."
    )


@strawberry.type(
    description="Variants A and B compared on one metric. The error guarantees hold however often a test is checked: "
    "with equal variants, the chance of ever declaring a winner is at most 5 %; the chance that the "
    "interval ever excludes the true effect is at most 5 %. Latency and cost are compared over "
    "successful calls."
)
class MetricComparison:
    metric: Metric = strawberry.field(description="The metric that is compared.")
    verdict: Verdict = strawberry.field(description="The verdict on this metric.")
    sentence: str = strawberry.field(description="The verdict as a sentence.")
    count_a: int = strawberry.field(description="The number of A's calls in which the metric is known.")
    count_b: int = strawberry.field(description="The number of B's calls in which the metric is known.")
    value_a: float | None = strawberry.field(
        description="A's success rate (0 to 1), geometric mean latency in milliseconds, or mean cost in USD with each "
        "call capped at `costCap`; latency and cost of successful calls only. Null when no call has a value."
    )
    value_b: float | None = strawberry.field(
        description="B's value of the metric, in the unit of `valueA`. Null when no call has a value."
    )
    effect: float | None = strawberry.field(
        description="The estimated effect: A minus B for success rate and cost, A divided by B for latency. Null while "
        "the verdict is NOT_ENOUGH_DATA."
    )
    low: float | None = strawberry.field(
        description="The lower end of the 95 % confidence interval of `effect`. Null when `effect` is null."
    )
    high: float | None = strawberry.field(
        description="The upper end of the 95 % confidence interval of `effect`. Null when `effect` is null."
    )
    p_value: float = strawberry.field(
        description="An always-valid p-value, 0 to 1: repeated checks do not inflate the error rate. 1 while the verdict "
        "is NOT_ENOUGH_DATA."
    )
    probability_a_better: float | None = strawberry.field(
        description="The probability that A is better than B, 0 to 1. It is for display: the verdict does not depend on "
        "it. Null when `effect` is null."
    )
    design_effect: float = strawberry.field(
        description="The design effect: the number of calls that carry as much information as one independent call. It "
        "is 1 when each unit makes one call, and larger when units make several similar calls. Intervals and "
        "p-values account for it."
    )
    detectable_effect: float | None = strawberry.field(
        description="The smallest effect that four of five tests detect with the calls so far. For success rate it is a "
        "difference; for latency and cost it is relative (0.1 is 10 %). Null when `effect` is null, and for cost "
        "when every cost is 0."
    )
    calls_needed: int | None = strawberry.field(
        description="The estimated number of further calls, of both variants together, until a verdict, if the true "
        "effect equals the current estimate. 0 once there is a verdict. Null when `effect` is null, when the "
        "estimate shows no effect, or when more than two billion calls are needed."
    )


@strawberry.type(description="The statistical result of a test. It is final once the test has ended.")
class ABTestInference:
    verdict: Verdict = strawberry.field(
        description="The verdict on the primary metric. A variant that is worse on a guardrail metric is not declared "
        "better."
    )
    sentence: str = strawberry.field(description="The verdict as a sentence.")
    sample_ratio_p_value: float = strawberry.field(
        description="The always-valid p-value of the test for a sample ratio mismatch, 0 to 1. At 0.01 or below, traffic "
        "is not split as configured."
    )
    comparisons: list[MetricComparison] = strawberry.field(
        description="One comparison per metric: success rate, latency and cost."
    )


@strawberry.type(description="A snapshot: the primary metric of a test as of an earlier time.")
class ABTestLook:
    at: dt.datetime = strawberry.field(description="The time of the snapshot, in UTC.")
    comparison: MetricComparison = strawberry.field(
        description="Variants A and B compared on the primary metric, over the calls that occurred before `at`."
    )


@strawberry.type(description="The variant that is assigned to a unit, with its provider and model.")
class VariantAssignment:
    variant: Variant = strawberry.field(description="The assigned variant.")
    config: VariantConfig = strawberry.field(description="The provider, model and parameters of this variant.")


@strawberry.type(description="An A/B test: two variants compared on live requests.")
class ABTest:
    id: strawberry.ID = strawberry.field(description="The id of the test.")
    test_name: str = strawberry.field(description="The display name of the test.")
    task_type: str | None = strawberry.field(
        description="The task type of the requests that the test covers. Null when it covers every task type."
    )
    active: bool = strawberry.field(description="True while the test runs, false once it has ended.")
    started_at: dt.datetime = strawberry.field(description="When the test started, in UTC.")
    ended_at: dt.datetime | None = strawberry.field(description="When the test ended, in UTC. Null while it runs.")
    winner: Variant | None = strawberry.field(
        description="The declared winner. Null while the test runs, and when it ended without a winner."
    )
    variant_a: VariantMetrics = strawberry.field(description="Configuration and figures of variant A.")
    variant_b: VariantMetrics = strawberry.field(description="Configuration and figures of variant B.")
    primary_metric: Metric = strawberry.field(description="The metric that decides the test.")
    guardrails: list[Metric] = strawberry.field(
        description="The guardrail metrics: a variant that is worse on one of them is not declared the winner."
    )
    split: float = strawberry.field(description="The configured share of requests that variant A serves, 0.01 to 0.99.")
    minimum_run_hours: int = strawberry.field(
        description="The minimum run time in hours. Before it has passed, no variant is declared better."
    )
    cost_cap: Decimal | None = strawberry.field(
        description="The cap in USD that applies to the cost of each call when mean costs are compared, so that outliers "
        "do not decide. Null when no price or earlier cost above 0 was available to derive a cap; costs are then "
        "not compared."
    )
    inference: ABTestInference = strawberry.field(
        description="The statistical result so far. It can be read at any time without inflating the error rate."
    )
    created_at: dt.datetime = strawberry.field(description="When the test was created, in UTC.")

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return isinstance(value, models.ABTest)


@strawberry.input(description="A provider, a model and its parameters: what serves a request.")
class VariantConfigInput:
    provider: str = strawberry.field(description="The provider: 1 to 200 characters.")
    model: str = strawberry.field(description="The model: 1 to 200 characters.")
    parameters: JSON | None = strawberry.field(
        default=UNSET,
        description="Parameters to send to the model: a JSON object of at most 16 KiB, nested at most 20 levels. Omitted "
        "or null: none.",
    )


@strawberry.input(description="An A/B test to start. A running test cannot be edited: end it and start another one.")
class CreateABTestInput:
    test_name: str = strawberry.field(description="The display name of the test: 1 to 200 characters.")
    task_type: str | None = strawberry.field(
        default=UNSET,
        description="The task type of the requests that the test covers. Omitted or null: every task type. At most one "
        "test runs per task type.",
    )
    variant_a: VariantConfigInput = strawberry.field(description="Variant A.")
    variant_b: VariantConfigInput = strawberry.field(description="Variant B. It must differ from variant A.")
    primary_metric: Metric | None = strawberry.field(
        default=Metric.SUCCESS_RATE, description="The metric that decides the test."
    )
    guardrails: list[Metric] | None = strawberry.field(
        default=UNSET,
        description="The guardrail metrics: a variant that is worse on one of them is not declared the winner. Omitted "
        "or null: all metrics except the primary one. Leave out COST to allow a more expensive winner.",
    )
    split: float | None = strawberry.field(
        default=0.5, description="The share of requests that variant A serves: 0.01 to 0.99."
    )
    minimum_run_hours: int | None = strawberry.field(
        default=0,
        description="The minimum run time in hours before a variant can be declared better: 0 to 2,160. 168 hours cover "
        "nights and weekends.",
    )
    cost_cap: Decimal | None = strawberry.field(
        default=UNSET,
        description="The cap in USD that applies to the cost of each call when mean costs are compared: more than 0. "
        "Omitted or null: 3 times the 99th percentile of the cost of your latest 1,000 calls of the task "
        "type, each at the price of the more expensive variant where that is higher. Without such calls: 3 "
        "times the price of 100,000 input and 10,000 output tokens.",
    )


CreateABTestResult = Annotated[
    ABTest | InvalidInput | Conflict,
    strawberry.union("CreateABTestResult", description="The started test, or the reason why it was not started."),
]
EndABTestResult = Annotated[
    ABTest | NotFound | Conflict,
    strawberry.union("EndABTestResult", description="The ended test, or the reason why it was not ended."),
]


@strawberry.type
class ABTestQuery:
    ab_tests = strawberry.field(
        resolver=resolvers.ab_test.ab_tests,
        graphql_type=Connection[ABTest],
        name="abTests",
        description="Your A/B tests, newest first.",
    )
    ab_test = strawberry.field(
        resolver=resolvers.ab_test.ab_test,
        graphql_type=ABTest | None,
        name="abTest",
        description="The A/B test with this id. Null when you have no such test.",
    )
    ab_test_looks = strawberry.field(
        resolver=resolvers.ab_test.ab_test_looks,
        graphql_type=list[ABTestLook] | None,
        name="abTestLooks",
        description="Snapshots of the primary metric's confidence interval: 60 at equal intervals, from the start of the "
        "test until now or until its end. Null when you have no such test, or when it has more than 200,000 "
        "calls.",
    )
    assign_variant = strawberry.field(
        resolver=resolvers.ab_test.assign_variant,
        graphql_type=VariantAssignment | None,
        description="The variant of a test that a unit is assigned to; a unit always gets the same variant. For "
        "applications that route requests themselves. Null when you have no such test, or when it has ended.",
    )


@strawberry.type
class ABTestMutation:
    create_ab_test = strawberry.mutation(
        resolver=resolvers.ab_test.create_ab_test,
        graphql_type=CreateABTestResult,
        name="createABTest",
        extensions=[ExpectedErrorAsData(), Shielded()],
        description="Start an A/B test. Returns `Conflict` when another test runs for this task type, or when the maximum number of tests runs.",
    )
    end_ab_test = strawberry.mutation(
        resolver=resolvers.ab_test.end_ab_test,
        graphql_type=EndABTestResult,
        name="endABTest",
        extensions=[ExpectedErrorAsData(), Shielded()],
        description="End an A/B test with winner A, winner B or no winner. A repetition with the same winner changes "
        "nothing; with another winner it returns `Conflict`.",
    )
    delete_ab_test = strawberry.mutation(
        resolver=resolvers.ab_test.delete_ab_test,
        graphql_type=DeleteResult,
        name="deleteABTest",
        extensions=[ExpectedErrorAsData(), Shielded()],
        description="Delete an A/B test that has ended. Its calls are kept. Returns `Conflict` while the test runs.",
    )


@strawberry.type
class ABTestSubscription:
    ab_test_updated = strawberry.subscription(
        resolver=resolvers.ab_test.ab_test_updated,
        graphql_type=ABTest,
        name="abTestUpdated",
        description="Sends the test each time its figures change. Changes in quick succession are sent as one event.",
    )
