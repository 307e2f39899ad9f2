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
from schema.error import Conflict, ExpectedErrorAsData, InvalidInput, NotFound, Uninterrupted
from schema.page import Connection


@strawberry.type(description="What serves the requests of one variant.")
class VariantConfig:
    provider: str = strawberry.field(
        resolver=lambda root: root["provider"], graphql_type=str, description="The provider."
    )
    model: str = strawberry.field(resolver=lambda root: root["model"], graphql_type=str, description="The model.")
    parameters: JSON | None = strawberry.field(
        resolver=lambda root: root["parameters"],
        graphql_type=JSON | None,
        description="Parameters for the model, such as a temperature.",
    )


@strawberry.type(description="How one variant does: from the decisions that were counted for it.")
class VariantMetrics:
    config: VariantConfig = strawberry.field(description="What serves its requests.")
    calls: int = strawberry.field(description="How many decisions were counted.")
    successes: int = strawberry.field(description="How many of them succeeded.")
    success_rate: float | None = strawberry.field(description="Their share, 0 to 1; null before the first call.")
    avg_latency_ms: float | None = strawberry.field(
        description="Mean latency in milliseconds, over the calls whose latency is known; null when none is."
    )
    unpriced_calls: int = strawberry.field(
        description="How many of the calls are of unknown cost: they add nothing to the total."
    )
    total_cost: Decimal = strawberry.field(
        description="What its calls cost, in USD; calls of unknown cost add nothing."
    )
    traffic_share: float | None = strawberry.field(
        description="Its share of the test's calls, 0 to 1; null before the first call."
    )


@strawberry.type(
    description="A beside B on one metric. It holds however often you look: the chance that two equal variants ever get a "
    "winner is at most 5 %, and so is the chance that the interval ever misses the true difference. Latency and cost are "
    "compared over calls that succeeded."
)
class MetricComparison:
    metric: Metric = strawberry.field(description="What is compared.")
    verdict: Verdict = strawberry.field(description="What can be said of it now.")
    sentence: str = strawberry.field(description="The same, in words.")
    count_a: int = strawberry.field(description="How many of A's calls it is known of.")
    count_b: int = strawberry.field(description="How many of B's calls it is known of.")
    value_a: float | None = strawberry.field(
        description="A's success rate, geometric mean of latency in ms, or mean cost in USD, each call capped at `costCap`."
    )
    value_b: float | None = strawberry.field(description="The same of B.")
    effect: float | None = strawberry.field(
        description="A minus B; of latency, A divided by B. Null before there are enough calls, as what follows."
    )
    low: float | None = strawberry.field(description="Where the 95 % interval of the effect begins.")
    high: float | None = strawberry.field(description="Where it ends.")
    p_value: float = strawberry.field(description="Always valid: it may be looked at any number of times.")
    probability_a_better: float | None = strawberry.field(
        description="With what probability A is the better one, 0 to 1. To show, not to decide by."
    )
    design_effect: float = strawberry.field(
        description="How many calls tell as much as one independent call would: 1 where each unit makes one, more where "
        "units repeat and their calls are alike. Intervals and p-values allow for it."
    )
    detectable_effect: float | None = strawberry.field(
        description="The least effect that would be decided by now in four of five tests: a difference in success rate, "
        "relative in latency and cost (0.1 is 10 %)."
    )
    calls_needed: int | None = strawberry.field(
        description="About how many more calls of both decide it, if the difference is what it looks like now; null where it "
        "looks like none."
    )


@strawberry.type(description="What a test says now. Frozen once it has ended, as its figures are.")
class ABTestInference:
    verdict: Verdict = strawberry.field(
        description="The verdict on the primary metric, unless the winner is worse in a guardrail."
    )
    sentence: str = strawberry.field(description="The same, in words.")
    sample_ratio_p_value: float = strawberry.field(
        description="Whether traffic is split as the test says: a mismatch at 0.01 or below. Always valid."
    )
    comparisons: list[MetricComparison] = strawberry.field(description="Each metric: success rate, latency, cost.")


@strawberry.type(
    description="What the primary metric said of a test at one moment, from the calls that had occurred by then."
)
class ABTestLook:
    at: dt.datetime = strawberry.field(description="The moment.")
    comparison: MetricComparison = strawberry.field(description="A beside B.")


@strawberry.type(description="The variant that a unit gets, and what serves it.")
class VariantAssignment:
    variant: Variant = strawberry.field(
        resolver=lambda root: root["variant"], graphql_type=Variant, description="The variant."
    )
    config: VariantConfig = strawberry.field(
        resolver=lambda root: root["config"], graphql_type=VariantConfig, description="What serves its requests."
    )


@strawberry.type(description="A comparison of two variants on live traffic.")
class ABTest:
    id: strawberry.ID = strawberry.field(description="The test's id.")
    test_name: str = strawberry.field(description="What people call it.")
    task_type: str | None = strawberry.field(description="The task type it is about; null for any.")
    active: bool = strawberry.field(description="Whether it runs.")
    started_at: dt.datetime = strawberry.field(description="When it started.")
    ended_at: dt.datetime | None = strawberry.field(description="When it ended; null while it runs.")
    winner: Variant | None = strawberry.field(description="The variant declared the winner; null when none was.")
    variant_a: VariantMetrics = strawberry.field(description="How variant A does.")
    variant_b: VariantMetrics = strawberry.field(description="How variant B does.")
    primary_metric: Metric = strawberry.field(description="The metric that decides it.")
    guardrails: list[Metric] = strawberry.field(description="The metrics in which a winner must not be worse.")
    split: float = strawberry.field(description="The share of traffic that A is to get.")
    minimum_run_hours: int = strawberry.field(description="For how many hours it runs before anything wins.")
    cost_cap: Decimal | None = strawberry.field(
        description="What one call counts for at most where mean costs are compared, in USD, so that no outlier decides. "
        "Null when nothing told what calls may cost: then costs are not compared."
    )
    inference: ABTestInference = strawberry.field(description="Which variant is better, at any number of looks.")
    created_at: dt.datetime = strawberry.field(description="When it was created.")

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return isinstance(value, models.ABTest)


@strawberry.input(description="What serves the requests of one variant.")
class VariantConfigInput:
    provider: str = strawberry.field(description="The provider: 1 to 200 characters.")
    model: str = strawberry.field(description="The model: 1 to 200 characters.")
    parameters: JSON | None = strawberry.field(
        default=UNSET, description="Parameters for the model: a JSON object of at most 16 KiB, nested at most 20 deep."
    )


@strawberry.input(description="A test to start. It cannot be edited once it runs: end it and start another.")
class CreateABTestInput:
    test_name: str = strawberry.field(description="What to call it: 1 to 200 characters.")
    task_type: str | None = strawberry.field(
        default=UNSET, description="The task type it is about; any when left out. One test runs for each at a time."
    )
    variant_a: VariantConfigInput = strawberry.field(description="The one side.")
    variant_b: VariantConfigInput = strawberry.field(description="The other side; it must differ from A.")
    primary_metric: Metric | None = strawberry.field(
        default=Metric.SUCCESS_RATE, description="The metric that decides it."
    )
    guardrails: list[Metric] | None = strawberry.field(
        default=UNSET,
        description="The metrics in which a winner must not be worse; all others when left out. Leave out cost to find out "
        "whether a dearer variant is better.",
    )
    split: float | None = strawberry.field(
        default=0.5, description="The share of traffic that A is to get: 0.01 to 0.99."
    )
    minimum_run_hours: int | None = strawberry.field(
        default=0,
        description="For how many hours it is to run before anything wins: 0 to 2,160. A week holds nights and weekends.",
    )
    cost_cap: Decimal | None = strawberry.field(
        default=UNSET,
        description="What one call counts for at most where mean costs are compared, in USD, more than 0. Left out, 3 times "
        "the 99th percentile of what your latest 1,000 calls of the task type cost, or would have with the dearer variant; "
        "for who has none, 3 times what 100,000 input and 10,000 output tokens cost.",
    )


CreateABTestResult = Annotated[
    ABTest | InvalidInput | Conflict,
    strawberry.union("CreateABTestResult", description="The running test, or why it was not started."),
]
EndABTestResult = Annotated[
    ABTest | NotFound | Conflict,
    strawberry.union("EndABTestResult", description="The ended test, or why it was not ended."),
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
        description="One of your A/B tests; null when you have none with this id.",
    )
    ab_test_looks = strawberry.field(
        resolver=resolvers.ab_test.ab_test_looks,
        graphql_type=list[ABTestLook] | None,
        name="abTestLooks",
        description="How the interval of a test's primary metric narrowed: 60 looks, evenly from its start until now or its "
        "end. Null when you have no such test, or it has more than 200,000 calls.",
    )
    assign_variant = strawberry.field(
        resolver=resolvers.ab_test.assign_variant,
        graphql_type=VariantAssignment | None,
        description="Which variant of a test a unit gets, always the same one: for applications that route themselves. Null "
        "when you have no such test, or it has ended.",
    )


@strawberry.type
class ABTestMutation:
    create_ab_test = strawberry.mutation(
        resolver=resolvers.ab_test.create_ab_test,
        graphql_type=CreateABTestResult,
        name="createABTest",
        extensions=[ExpectedErrorAsData(), Uninterrupted()],
        description="Start a test. Conflict when one runs for this task type already.",
    )
    end_ab_test = strawberry.mutation(
        resolver=resolvers.ab_test.end_ab_test,
        graphql_type=EndABTestResult,
        name="endABTest",
        extensions=[ExpectedErrorAsData(), Uninterrupted()],
        description="End a test with winner A, B or none. Ending it again the same way changes nothing; another way is "
        "a conflict.",
    )
    delete_ab_test = strawberry.mutation(
        resolver=resolvers.ab_test.delete_ab_test,
        graphql_type=DeleteResult,
        name="deleteABTest",
        extensions=[ExpectedErrorAsData(), Uninterrupted()],
        description="Delete a test that has ended; its decisions stay. Conflict while it runs.",
    )


@strawberry.type
class ABTestSubscription:
    ab_test_updated = strawberry.subscription(
        resolver=resolvers.ab_test.ab_test_updated,
        graphql_type=ABTest,
        name="abTestUpdated",
        description="This test, each time its figures changed. Changes that come together arrive as one.",
    )
