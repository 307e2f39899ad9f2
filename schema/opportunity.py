from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Annotated, Any

import strawberry

import domain.opportunity
import resolvers.opportunity
from schema.ab_test import ABTest, VariantConfig
from schema.enum import Metric, OpportunityKind
from schema.error import Conflict, ExpectedErrorAsData, InvalidInput, NotFound


@strawberry.type(description="A figure that supports an opportunity.")
class Evidence:
    name: str = strawberry.field(description="The name of the figure.")
    value: str = strawberry.field(description="The figure with its unit, as text for people.")


@strawberry.type(description="The values of an `AnalyticsFilter`. A condition that the filter does not use is null.")
class AppliedFilter:
    from_: dt.datetime | None = strawberry.field(
        name="from", description="Calls that happened at this time or later. Null when the filter does not restrict it."
    )
    to: dt.datetime | None = strawberry.field(
        description="Calls that happened before this time. Null when the filter does not restrict it."
    )
    providers: list[str] | None = strawberry.field(
        description="Calls of these providers. Null when the filter does not restrict them."
    )
    models: list[str] | None = strawberry.field(
        description="Calls of these models. Null when the filter does not restrict them."
    )
    task_types: list[str] | None = strawberry.field(
        description="Calls of these task types. Null when the filter does not restrict them."
    )
    ab_test_id: strawberry.ID | None = strawberry.field(
        description="Calls of this A/B test. Null when the filter does not restrict it."
    )


def _variant(name: str) -> Any:
    return lambda root: getattr(root, name).model_dump(mode="json")


@strawberry.type(description="An A/B test that checks an opportunity. `startSuggestedTest` starts it.")
class SuggestedTest:
    test_name: str = strawberry.field(description="The display name of the test.")
    task_type: str | None = strawberry.field(
        description="The task type of the requests that the test covers. Null when it covers every task type."
    )
    variant_a: VariantConfig = strawberry.field(
        resolver=_variant("variant_a"),
        graphql_type=VariantConfig,
        description="The provider and model that serve these requests now.",
    )
    variant_b: VariantConfig = strawberry.field(
        resolver=_variant("variant_b"),
        graphql_type=VariantConfig,
        description="The provider and model that may be better.",
    )
    primary_metric: Metric = strawberry.field(description="The metric that decides the test.")
    guardrails: list[Metric] = strawberry.field(
        resolver=lambda root: root.guarded,
        graphql_type=list[Metric],
        description="The guardrail metrics: a variant that is worse on one of them is not declared the winner.",
    )


@strawberry.type(
    description="A possible improvement that your calls suggest, with its evidence. It is based on enough calls to "
    "support it. Past routing was not random, so advice to move calls comes with a suggested A/B test."
)
class Opportunity:
    id: strawberry.ID = strawberry.field(
        description="The id of the opportunity. It is derived from what the opportunity is about: repeated queries "
        "return the same id."
    )
    kind: OpportunityKind = strawberry.field(description="The kind of opportunity.")
    title: str = strawberry.field(description="The advice in one sentence.")
    explanation: str = strawberry.field(description="How the advice was computed, and its limits.")
    evidence: list[Evidence] = strawberry.field(description="The figures that support the advice.")
    calls: int = strawberry.field(
        description="The number of calls or routing decisions that the advice is based on. 0 for an alert."
    )
    filter: AppliedFilter = strawberry.field(description="The filter that selects these calls.")
    monthly_saving: Decimal | None = strawberry.field(
        description="The estimated saving per 30 days, in USD. Null when it cannot be estimated. Savings of several "
        "opportunities can overlap: do not add them."
    )
    saving_low: Decimal | None = strawberry.field(
        description="The lower end of the interval of the saving per 30 days, in USD. Null when `monthlySaving` is null."
    )
    saving_high: Decimal | None = strawberry.field(
        description="The upper end of the interval of the saving per 30 days, in USD. Null when `monthlySaving` is null."
    )
    suggested_test: SuggestedTest | None = strawberry.field(
        description="The A/B test that would check the advice. Null when no test can check it."
    )

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return isinstance(value, domain.opportunity.Opportunity)


StartSuggestedTestResult = Annotated[
    ABTest | NotFound | Conflict | InvalidInput,
    strawberry.union("StartSuggestedTestResult", description="The started test, or the reason why it was not started."),
]


@strawberry.type
class OpportunityQuery:
    opportunities = strawberry.field(
        resolver=resolvers.opportunity.opportunities,
        graphql_type=list[Opportunity],
        description="Improvements that your calls suggest, over the last 30 days or the time range of the filter. Sorted "
        "by saving: the largest certain one first. At most 50. The filter must not set `success`.",
    )


@strawberry.type
class OpportunityMutation:
    start_suggested_test = strawberry.mutation(
        resolver=resolvers.opportunity.start_suggested_test,
        graphql_type=StartSuggestedTestResult,
        extensions=[ExpectedErrorAsData()],
        description="Start the A/B test that an opportunity suggests. Pass the filter and time zone that `opportunities` "
        "was called with.",
    )
