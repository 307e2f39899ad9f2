from __future__ import annotations

import datetime as dt
from decimal import Decimal
from operator import attrgetter
from typing import Annotated, Any

import strawberry
from strawberry.scalars import JSON
from strawberry.types.unset import UNSET

import domain.routing
import models.decision
import models.ledger.routing_decision
import resolvers.routing
from domain.money import ZERO
from schema.ab_test import VariantConfig, VariantConfigInput
from schema.analytics import RouterAnalytics
from schema.enum import DecisionState, ErrorCode, RoutingPriority, ServiceTier, Variant
from schema.error import Conflict, Error, ExpectedErrorAsData, InvalidInput, NotFound, Overloaded, Shielded
from schema.page import Connection


def _of_json(name: str) -> Any:
    return lambda root: root[name]


def _estimate(root: Any) -> Decimal | None:
    estimate = root["estimated_cost"]
    return None if estimate is None else Decimal(estimate)


@strawberry.type(description="The verdict on one candidate: eligible or rejected, with the reason.")
class CandidateVerdict:
    provider: str = strawberry.field(resolver=_of_json("provider"), graphql_type=str, description="The provider.")
    model: str = strawberry.field(resolver=_of_json("model"), graphql_type=str, description="The model.")
    eligible: bool = strawberry.field(
        resolver=_of_json("eligible"), graphql_type=bool, description="True when the candidate can serve the request."
    )
    reason: str = strawberry.field(
        resolver=_of_json("reason"),
        graphql_type=str,
        description="Why the candidate was chosen, is a fallback, or was rejected.",
    )
    score: float | None = strawberry.field(
        resolver=_of_json("score"),
        graphql_type=float | None,
        description="How well the candidate meets the priority, relative to the best eligible candidate: 1 for the best, "
        "0 when nothing is known about it. Null when the candidate is rejected for another reason than a budget.",
    )
    estimated_cost: Decimal | None = strawberry.field(
        resolver=_estimate,
        graphql_type=Decimal | None,
        description="The estimated cost of the request with this candidate, in USD. Null when its price is "
        "unknown, or when the estimate is above 100,000 USD.",
    )


@strawberry.type(
    description="A routing decision: the provider and model chosen for a request, the fallbacks, and a verdict on "
    "each candidate."
)
class RoutingDecision:
    id: strawberry.ID = strawberry.field(
        description="The id of the routing decision. Send it as `decisionId` when you log the calls that result from it."
    )
    task_type: str = strawberry.field(description="The task type of the request.")
    priority: RoutingPriority = strawberry.field(description="The priority that the request was routed with.")
    provider: str = strawberry.field(description="The provider to send the request to.")
    model: str = strawberry.field(description="The model to send the request to.")
    parameters: JSON | None = strawberry.field(
        description="Parameters to send to the model, from the A/B test variant, the rule or the candidate that named "
        "it. Null when none are configured."
    )
    fallbacks: list[VariantConfig] = strawberry.field(
        description="The providers and models to try when the first choice fails, in order: at most 5. Each meets the "
        "same limits."
    )
    estimated_cost: Decimal | None = strawberry.field(
        description="The estimated cost in USD: input tokens and maximum output tokens at the model's prices. Null when "
        "the prices are unknown, or when the estimate is above 100,000 USD."
    )
    expected_latency_ms: float | None = strawberry.field(
        description="The expected latency in milliseconds, from your calls of the last 7 days. Null when none of them "
        "has a known latency."
    )
    ab_test_id: strawberry.ID | None = strawberry.field(
        description="The id of the A/B test that assigned the request. Null when no test did."
    )
    ab_variant: Variant | None = strawberry.field(
        description="The assigned A/B test variant. Null when no test assigned the request."
    )
    propensity: float = strawberry.field(
        description="The probability with which routing chose this candidate, 0 to 1. It is 1 when the choice was not "
        "random."
    )
    held_amount: Decimal = strawberry.field(
        description="The amount that your budgets (enforced cost alerts) hold for the routing decision, in USD. 0 when "
        "you have no budget."
    )
    expires_at: dt.datetime | None = strawberry.field(
        description="When the hold expires, in UTC. Null when you have no budget. A call that is reported later is "
        "charged all the same."
    )
    released_at: dt.datetime | None = strawberry.field(
        description="When `releaseDecision` released the routing decision, in UTC. Null when it was not released."
    )
    assumed_amount: Decimal = strawberry.field(
        resolver=lambda root: root.assumed_amount or ZERO,
        graphql_type=Decimal,
        description="The assumed spend for calls of this routing decision whose cost is unknown, in USD: the hold minus "
        "the known costs. A cost that becomes known replaces it. 0 when no call has an unknown cost.",
    )
    state: DecisionState = strawberry.field(description="The state of the routing decision.")
    records: list[RouterAnalytics] = strawberry.field(
        description="The calls that were reported for the routing decision, in order: at most 20."
    )
    candidates: list[CandidateVerdict] = strawberry.field(
        description="The verdicts on all candidates, the chosen one first: at most 100."
    )
    rules: list[str] = strawberry.field(description="The names of the rules that applied, in order of evaluation.")
    notes: list[str] = strawberry.field(description="Further remarks on how the routing decision came about.")
    request: JSON = strawberry.field(
        description="The request that was routed: token counts, unit key, request id and metadata."
    )
    created_at: dt.datetime = strawberry.field(description="When the routing decision was made, in UTC.")

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return isinstance(value, models.decision.RoutingDecision)


def _verdicts(root: domain.routing.RouteRefused) -> list[Any]:
    return [models.ledger.routing_decision.as_json(verdict) for verdict in root.candidates]


@strawberry.type(description="No candidate can serve the request within your limits. Nothing was stored or held.")
class RouteRefused(Error):
    code: ErrorCode = strawberry.field(
        resolver=lambda: ErrorCode.LIMIT_EXCEEDED, graphql_type=ErrorCode, description="Always LIMIT_EXCEEDED."
    )
    path: list[str] | None = strawberry.field(
        resolver=lambda: None, graphql_type=list[str] | None, description="Always null: no input field is wrong."
    )
    constraint: str = strawberry.field(
        description="The constraint that rejected the candidate which came closest: candidates (there are none), "
        "blockedProviders, customRules, contextWindow, maxCostPerRequest, maxLatencyMs or budget (an "
        "enforced cost alert)."
    )
    limit: Decimal | None = strawberry.field(
        description="The limit in USD. Null when the constraint is not a limit on money."
    )
    spent: Decimal | None = strawberry.field(
        description="The known spend of the budget, in USD. Null when the constraint is not a budget."
    )
    assumed: Decimal | None = strawberry.field(
        description="The assumed spend of the budget, in USD: the holds of routing decisions whose calls have no known "
        "cost. Null when the constraint is not a budget."
    )
    held: Decimal | None = strawberry.field(
        description="The sum of holds for open routing decisions, in USD. Null when the constraint is not a budget."
    )
    resets_at: dt.datetime | None = strawberry.field(
        description="When the next window of the budget starts, in UTC. Null for a rolling budget, and when the "
        "constraint is not a budget."
    )
    alert_id: strawberry.ID | None = strawberry.field(
        description="The id of the cost alert that is the budget. Null when the constraint is not a budget."
    )
    retryable: bool = strawberry.field(
        description="True when the same request can succeed later without changes to preferences or limits: after holds "
        "are released, or in the next window of the budget."
    )
    candidates: list[CandidateVerdict] = strawberry.field(
        resolver=_verdicts,
        graphql_type=list[CandidateVerdict],
        description="The verdicts on all candidates: at most 100.",
    )

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return isinstance(value, domain.routing.RouteRefused)


def _choice(root: resolvers.routing.Simulation) -> domain.routing.Choice | None:
    return root.outcome if isinstance(root.outcome, domain.routing.Choice) else None


def _chosen(name: str) -> Any:
    of = attrgetter(name)

    def value(root: resolvers.routing.Simulation) -> Any:
        choice = _choice(root)
        return None if choice is None else of(choice.chosen)

    return value


def _fallbacks(root: resolvers.routing.Simulation) -> list[Any]:
    choice = _choice(root)
    return [] if choice is None else [models.ledger.routing_decision.config_of(verdict) for verdict in choice.fallbacks]


@strawberry.type(description="The result that `routeRequest` would return now. Nothing is stored or held.")
class RoutingSimulation:
    provider: str | None = strawberry.field(
        resolver=_chosen("model.provider"),
        graphql_type=str | None,
        description="The provider that the request would be sent to. Null when the request would be rejected.",
    )
    model: str | None = strawberry.field(
        resolver=_chosen("model.model"),
        graphql_type=str | None,
        description="The model that the request would be sent to. Null when the request would be rejected.",
    )
    fallbacks: list[VariantConfig] = strawberry.field(
        resolver=_fallbacks,
        graphql_type=list[VariantConfig],
        description="The providers and models to try when the first choice fails, in order. Empty when the request would "
        "be rejected.",
    )
    estimated_cost: Decimal | None = strawberry.field(
        resolver=_chosen("estimate"),
        graphql_type=Decimal | None,
        description="The estimated cost in USD. Null when the prices are unknown, when the estimate is above 100,000 USD, or "
        "when the request would be rejected.",
    )
    expected_latency_ms: float | None = strawberry.field(
        resolver=_chosen("expected_latency_ms"),
        graphql_type=float | None,
        description="The expected latency in milliseconds. Null when no latency is known, or when the request would be "
        "rejected.",
    )
    refusal: RouteRefused | None = strawberry.field(
        resolver=lambda root: None if _choice(root) else root.outcome,
        graphql_type=RouteRefused | None,
        description="Why the request would be rejected. Null when it would not be.",
    )
    priority: RoutingPriority = strawberry.field(
        resolver=lambda root: root.ranking.priority,
        graphql_type=RoutingPriority,
        description="The priority that the request would be routed with.",
    )
    rules: list[str] = strawberry.field(
        resolver=lambda root: root.ranking.rules,
        graphql_type=list[str],
        description="The names of the rules that apply, in order of evaluation.",
    )
    notes: list[str] = strawberry.field(
        resolver=lambda root: root.ranking.notes,
        graphql_type=list[str],
        description="Further remarks on how the result came about.",
    )
    candidates: list[CandidateVerdict] = strawberry.field(
        resolver=lambda root: _verdicts(root.outcome),
        graphql_type=list[CandidateVerdict],
        description="The verdicts on all candidates: at most 100.",
    )


@strawberry.input(description="A request to route.")
class RouteRequestInput:
    task_type: str = strawberry.field(description="The task type of the request: 1 to 200 characters.")
    priority: RoutingPriority | None = strawberry.field(
        default=UNSET,
        description="What routing optimises for. Omitted or null: the default priority of your preferences.",
    )
    input_tokens: int | None = strawberry.field(
        default=UNSET,
        description="The number of input tokens: 0 to 1,000,000,000. Omitted or null: the 95th percentile of your latest "
        "calls to the model, or 1,000 when there are fewer than 20 of them.",
    )
    max_output_tokens: int | None = strawberry.field(
        default=UNSET,
        description="The maximum number of output tokens: 0 to 1,000,000,000. Omitted or null: estimated in the same way "
        "as `inputTokens`. When you set it and enforce it, the first choice cannot cost more than its "
        "estimate.",
    )
    service_tier: ServiceTier | None = strawberry.field(
        default=ServiceTier.STANDARD,
        description="The service tier that the request is sent at. Costs are estimated with the prices of this tier.",
    )
    unit_key: str | None = strawberry.field(
        default=UNSET,
        description="Who or what the request is for, such as a user id: 1 to 200 characters. A unit keeps its A/B test "
        "variant. Omitted or null: each `requestId` is assigned independently.",
    )
    request_id: str | None = strawberry.field(default=UNSET, description="Your id of the request: 1 to 200 characters.")
    candidates: list[VariantConfigInput] | None = strawberry.field(
        default=UNSET,
        description="The models that can serve the request: 1 to 100, at most 64 KiB as JSON. Of duplicates, the first "
        "counts. Omitted or null: the models that you registered, that served you in the last 7 days or that "
        "a rule names, and the listed models of preferred providers. When these are none: all listed models.",
    )
    metadata: JSON | None = strawberry.field(
        default=UNSET,
        description="Data that your rules can match: a JSON object of at most 16 KiB, nested at most 20 levels.",
    )


RouteRequestResult = Annotated[
    RoutingDecision | RouteRefused | InvalidInput | Overloaded,
    strawberry.union(
        "RouteRequestResult", description="The routing decision, or the reason why no candidate can serve the request."
    ),
]
ReleaseDecisionResult = Annotated[
    RoutingDecision | NotFound | Conflict,
    strawberry.union(
        "ReleaseDecisionResult",
        description="The routing decision without its hold, or the reason why it was not released.",
    ),
]


@strawberry.type
class RoutingQuery:
    decision = strawberry.field(
        resolver=resolvers.routing.decision,
        graphql_type=RoutingDecision | None,
        description="The routing decision with this id. Null when you have no such routing decision.",
    )
    decisions = strawberry.field(
        resolver=resolvers.routing.decisions,
        graphql_type=Connection[RoutingDecision],
        description="Your routing decisions, newest first.",
    )
    simulate_routing = strawberry.field(
        resolver=resolvers.routing.simulate_routing,
        graphql_type=RoutingSimulation,
        description="The result that `routeRequest` would return now. Nothing is stored or held.",
    )


@strawberry.type
class RoutingMutation:
    route_request = strawberry.mutation(
        resolver=resolvers.routing.route_request,
        graphql_type=RouteRequestResult,
        extensions=[ExpectedErrorAsData(), Shielded()],
        description="Choose a provider and a model for a request, from your preferences, rules, limits, budgets and past "
        "calls. Afterwards log each call with `logAnalytics` and the `decisionId`, or release the routing "
        "decision with `releaseDecision`.",
    )
    release_decision = strawberry.mutation(
        resolver=resolvers.routing.release_decision,
        graphql_type=ReleaseDecisionResult,
        extensions=[ExpectedErrorAsData(), Shielded()],
        description="Release the hold of a routing decision whose request was not sent. A repetition changes nothing. "
        "Returns `Conflict` once the outcome is recorded.",
    )
