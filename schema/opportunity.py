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


@strawberry.type(description="One figure that an opportunity rests on.")
class Evidence:
    name: str = strawberry.field(description="What it is.")
    value: str = strawberry.field(description="The figure, to be read.")


@strawberry.type(
    description="The values of an `AnalyticsFilter` that shows certain decisions; null for what it does not name."
)
class AppliedFilter:
    from_: dt.datetime | None = strawberry.field(
        name="from", description="Those that happened at this moment or later."
    )
    to: dt.datetime | None = strawberry.field(description="Those that happened before this moment.")
    providers: list[str] | None = strawberry.field(description="Those of these providers.")
    models: list[str] | None = strawberry.field(description="Those of these models.")
    task_types: list[str] | None = strawberry.field(description="Those of these task types.")
    ab_test_id: strawberry.ID | None = strawberry.field(description="Those of this A/B test.")


def _variant(name: str) -> Any:
    return lambda root: getattr(root, name).model_dump(mode="json")


@strawberry.type(description="A test that would tell: `startSuggestedTest` starts it.")
class SuggestedTest:
    test_name: str = strawberry.field(description="What it would be called.")
    task_type: str | None = strawberry.field(description="The task type whose requests it is for.")
    variant_a: VariantConfig = strawberry.field(
        resolver=_variant("variant_a"), graphql_type=VariantConfig, description="What serves now."
    )
    variant_b: VariantConfig = strawberry.field(
        resolver=_variant("variant_b"), graphql_type=VariantConfig, description="What may serve better."
    )
    primary_metric: Metric = strawberry.field(description="The metric that decides it.")
    guardrails: list[Metric] = strawberry.field(
        resolver=lambda root: root.guarded,
        graphql_type=list[Metric],
        description="The metrics in which a winner must not be worse.",
    )


@strawberry.type(
    description="Something that may be done better, told from your own calls: with its evidence, and never from few of them. "
    "Calls went where they went for a reason, so what advises to move them suggests a test first."
)
class Opportunity:
    id: strawberry.ID = strawberry.field(description="Of what it is about: the same whenever it is found again.")
    kind: OpportunityKind = strawberry.field(description="What kind of advice it is.")
    title: str = strawberry.field(description="The advice, in a sentence.")
    explanation: str = strawberry.field(description="How it was computed, and what it does not tell.")
    evidence: list[Evidence] = strawberry.field(description="The figures it rests on.")
    calls: int = strawberry.field(description="How many calls or decisions it is about; 0 for an alert.")
    filter: AppliedFilter = strawberry.field(description="The filter that shows these calls.")
    monthly_saving: Decimal | None = strawberry.field(
        description="What it may save in 30 days, in USD; null where that cannot be told. Savings of several may be of the "
        "same calls: they do not add up."
    )
    saving_low: Decimal | None = strawberry.field(description="Where the interval of the saving begins, in USD.")
    saving_high: Decimal | None = strawberry.field(description="Where it ends.")
    suggested_test: SuggestedTest | None = strawberry.field(
        description="The A/B test that would tell, where one would."
    )

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return isinstance(value, domain.opportunity.Opportunity)


StartSuggestedTestResult = Annotated[
    ABTest | NotFound | Conflict | InvalidInput,
    strawberry.union("StartSuggestedTestResult", description="The test that runs now, or why none was started."),
]


@strawberry.type
class OpportunityQuery:
    opportunities = strawberry.field(
        resolver=resolvers.opportunity.opportunities,
        graphql_type=list[Opportunity],
        description="What your calls of the last 30 days, or of the filter's range, advise: what saves most for sure first. At "
        "most 50. The filter must not name `success`.",
    )


@strawberry.type
class OpportunityMutation:
    start_suggested_test = strawberry.mutation(
        resolver=resolvers.opportunity.start_suggested_test,
        graphql_type=StartSuggestedTestResult,
        extensions=[ExpectedErrorAsData()],
        description="Start the A/B test that an opportunity suggests. Say the filter and time zone that it was found with.",
    )
