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
from schema.enum import Variant
from schema.error import Conflict, InvalidInput, NotFound, RefusalAsData, Uninterrupted
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
    total_cost: Decimal = strawberry.field(
        description="What its calls cost, in USD; calls of unknown cost add nothing."
    )
    traffic_share: float | None = strawberry.field(
        description="Its share of the test's calls, 0 to 1; null before the first call."
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
        extensions=[Uninterrupted()],
        description="Your A/B tests, newest first.",
    )
    ab_test = strawberry.field(
        resolver=resolvers.ab_test.ab_test,
        graphql_type=ABTest | None,
        name="abTest",
        extensions=[Uninterrupted()],
        description="One of your A/B tests; null when you have none with this id.",
    )


@strawberry.type
class ABTestMutation:
    create_ab_test = strawberry.mutation(
        resolver=resolvers.ab_test.create_ab_test,
        graphql_type=CreateABTestResult,
        name="createABTest",
        extensions=[RefusalAsData(), Uninterrupted()],
        description="Start a test. Conflict when one runs for this task type already.",
    )
    end_ab_test = strawberry.mutation(
        resolver=resolvers.ab_test.end_ab_test,
        graphql_type=EndABTestResult,
        name="endABTest",
        extensions=[RefusalAsData(), Uninterrupted()],
        description="End a test with winner A, B or none. Ending it again the same way changes nothing; another way is "
        "a conflict.",
    )
    delete_ab_test = strawberry.mutation(
        resolver=resolvers.ab_test.delete_ab_test,
        graphql_type=DeleteResult,
        name="deleteABTest",
        extensions=[RefusalAsData(), Uninterrupted()],
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
