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
from schema.error import Conflict, Error, ExpectedErrorAsData, InvalidInput, NotFound, Overloaded, Uninterrupted
from schema.page import Connection


def _of_json(name: str) -> Any:
    return lambda root: root[name]


def _estimate(root: Any) -> Decimal | None:
    estimate = root["estimated_cost"]
    return None if estimate is None else Decimal(estimate)


@strawberry.type(description="What was found of a candidate.")
class CandidateVerdict:
    provider: str = strawberry.field(resolver=_of_json("provider"), graphql_type=str, description="The provider.")
    model: str = strawberry.field(resolver=_of_json("model"), graphql_type=str, description="The model.")
    eligible: bool = strawberry.field(
        resolver=_of_json("eligible"), graphql_type=bool, description="Whether it may serve the request."
    )
    reason: str = strawberry.field(
        resolver=_of_json("reason"), graphql_type=str, description="Why it was chosen, is a fallback, or may not serve."
    )
    score: float | None = strawberry.field(
        resolver=_of_json("score"),
        graphql_type=float | None,
        description="How near it comes to the best eligible candidate in what the priority asks for: 1 for that one, 0 "
        "for one of which nothing is known; null for a candidate that is not eligible.",
    )
    estimated_cost: Decimal | None = strawberry.field(
        resolver=_estimate,
        graphql_type=Decimal | None,
        description="What it is estimated to cost, in USD; null when its price is not known.",
    )


@strawberry.type(description="Where a request was sent, and why.")
class RoutingDecision:
    id: strawberry.ID = strawberry.field(description="The decision's id: report its outcome with it.")
    task_type: str = strawberry.field(description="The type of task it is about.")
    priority: RoutingPriority = strawberry.field(description="The priority it was routed with.")
    provider: str = strawberry.field(description="The provider to send the request to.")
    model: str = strawberry.field(description="The model to ask for.")
    parameters: JSON | None = strawberry.field(
        description="Parameters for the model: those of the variant, the rule or the candidate that named it."
    )
    fallbacks: list[VariantConfig] = strawberry.field(
        description="Where to send it when that fails, in order: at most 5, each within the same limits."
    )
    estimated_cost: Decimal | None = strawberry.field(
        description="What it is estimated to cost, in USD: input tokens and `maxOutputTokens` at their prices; null when "
        "they are not known."
    )
    expected_latency_ms: float | None = strawberry.field(
        description="How long it is expected to take, in milliseconds, from your own calls of the last 7 days; null "
        "before any were timed."
    )
    ab_test_id: strawberry.ID | None = strawberry.field(description="The A/B test that it was assigned in.")
    ab_variant: Variant | None = strawberry.field(description="The variant that it was assigned.")
    propensity: float = strawberry.field(
        description="With what probability this choice was made, 0 to 1: 1 where nothing was left to chance."
    )
    held_amount: Decimal = strawberry.field(
        description="What your budgets (enforced cost alerts) keep back for it, in USD; 0 when you have none."
    )
    expires_at: dt.datetime | None = strawberry.field(
        description="When the hold ends by itself; null when you have no budget. An outcome that is reported later is charged "
        "all the same."
    )
    released_at: dt.datetime | None = strawberry.field(description="When it was released; null when it was not.")
    assumed_amount: Decimal = strawberry.field(
        resolver=lambda root: root.assumed_amount or ZERO,
        graphql_type=Decimal,
        description="What your budgets are charged for calls of it whose cost is not known, in USD: what it held, less what is "
        "known. A cost that becomes known takes its place.",
    )
    state: DecisionState = strawberry.field(description="What became of it.")
    records: list[RouterAnalytics] = strawberry.field(
        description="Its outcome: the attempts that were reported, in order; at most 20."
    )
    candidates: list[CandidateVerdict] = strawberry.field(
        description="What was found of each candidate, the chosen one first; at most 100."
    )
    rules: list[str] = strawberry.field(description="The names of the rules that applied, in their order.")
    notes: list[str] = strawberry.field(description="What else to know of it.")
    request: JSON = strawberry.field(description="What was asked: token counts, unit key, request id, metadata.")
    created_at: dt.datetime = strawberry.field(description="When it was made.")

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return isinstance(value, models.decision.RoutingDecision)


def _verdicts(root: domain.routing.RouteRefused) -> list[Any]:
    return [models.ledger.routing_decision.as_json(verdict) for verdict in root.candidates]


@strawberry.type(description="No candidate can serve the request within your limits. Nothing was stored or held.")
class RouteRefused(Error):
    code: ErrorCode = strawberry.field(
        resolver=lambda: ErrorCode.LIMIT_EXCEEDED, graphql_type=ErrorCode, description="LIMIT_EXCEEDED."
    )
    path: list[str] | None = strawberry.field(
        resolver=lambda: None, graphql_type=list[str] | None, description="Null: it is no field that is wrong."
    )
    constraint: str = strawberry.field(
        description="What the nearest candidate failed: candidates (there are none), blockedProviders, customRules, "
        "contextWindow, maxCostPerRequest, maxLatencyMs, or budget (an enforced cost alert)."
    )
    limit: Decimal | None = strawberry.field(description="The limit, in USD, where the constraint is one of money.")
    spent: Decimal | None = strawberry.field(description="What is known to be spent of the budget, in USD.")
    assumed: Decimal | None = strawberry.field(
        description="What is assumed to be spent of the budget, in USD: for decisions whose outcome has no known cost."
    )
    held: Decimal | None = strawberry.field(description="What the budget keeps back for open decisions, in USD.")
    resets_at: dt.datetime | None = strawberry.field(
        description="When the budget's next window starts; null for a rolling one, and where there is no budget."
    )
    alert_id: strawberry.ID | None = strawberry.field(description="The cost alert that is the budget.")
    retryable: bool = strawberry.field(
        description="Whether the same request may be served later, without any change of yours: when holds are freed, or "
        "in the budget's next window."
    )
    candidates: list[CandidateVerdict] = strawberry.field(
        resolver=_verdicts,
        graphql_type=list[CandidateVerdict],
        description="What was found of each candidate; at most 100.",
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


@strawberry.type(description="What would be decided now. Nothing is stored or held.")
class RoutingSimulation:
    provider: str | None = strawberry.field(
        resolver=_chosen("model.provider"),
        graphql_type=str | None,
        description="The provider the request would be sent to; null when it would be refused.",
    )
    model: str | None = strawberry.field(
        resolver=_chosen("model.model"), graphql_type=str | None, description="The model that would be asked for."
    )
    fallbacks: list[VariantConfig] = strawberry.field(
        resolver=_fallbacks, graphql_type=list[VariantConfig], description="Where it would be sent when that fails."
    )
    estimated_cost: Decimal | None = strawberry.field(
        resolver=_chosen("estimate"), graphql_type=Decimal | None, description="What it is estimated to cost, in USD."
    )
    expected_latency_ms: float | None = strawberry.field(
        resolver=_chosen("expected_latency_ms"),
        graphql_type=float | None,
        description="How long it is expected to take, in milliseconds.",
    )
    refusal: RouteRefused | None = strawberry.field(
        resolver=lambda root: None if _choice(root) else root.outcome,
        graphql_type=RouteRefused | None,
        description="Why it would be refused; null when it would not.",
    )
    priority: RoutingPriority = strawberry.field(
        resolver=lambda root: root.ranking.priority,
        graphql_type=RoutingPriority,
        description="The priority it would be routed with.",
    )
    rules: list[str] = strawberry.field(
        resolver=lambda root: root.ranking.rules,
        graphql_type=list[str],
        description="The names of the rules that apply, in their order.",
    )
    notes: list[str] = strawberry.field(
        resolver=lambda root: root.ranking.notes, graphql_type=list[str], description="What else to know of it."
    )
    candidates: list[CandidateVerdict] = strawberry.field(
        resolver=lambda root: _verdicts(root.outcome),
        graphql_type=list[CandidateVerdict],
        description="What is found of each candidate; at most 100.",
    )


@strawberry.input(description="A request that waits to be sent somewhere.")
class RouteRequestInput:
    task_type: str = strawberry.field(description="The type of task it is: 1 to 200 characters.")
    priority: RoutingPriority | None = strawberry.field(
        default=UNSET, description="What to optimise for; as your preferences say when left out."
    )
    input_tokens: int | None = strawberry.field(
        default=UNSET,
        description="Tokens to be sent: 0 to 1,000,000,000. Left out, the 95th percentile of your latest calls to the model "
        "is taken, or 1,000 where there are fewer than 20.",
    )
    max_output_tokens: int | None = strawberry.field(
        default=UNSET,
        description="The most tokens that may come back: 0 to 1,000,000,000. Left out, it is estimated as `inputTokens` is; "
        "given and kept to, the first choice cannot cost more than its estimate.",
    )
    service_tier: ServiceTier | None = strawberry.field(
        default=ServiceTier.STANDARD,
        description="The service tier it is to be sent at: what it is estimated to cost is of this tier's prices.",
    )
    unit_key: str | None = strawberry.field(
        default=UNSET,
        description="Who or what the request is for, such as a user's id: 1 to 200 characters. It keeps its variant of an "
        "A/B test; left out, each `requestId` is assigned for itself.",
    )
    request_id: str | None = strawberry.field(default=UNSET, description="Your own id of it: 1 to 200 characters.")
    candidates: list[VariantConfigInput] | None = strawberry.field(
        default=UNSET,
        description="What could serve it: 1 to 100, of at most 64 KiB as JSON; of a model that is named twice, the first counts. "
        "Left out, the models you have: those you registered, those that served "
        "you in the last 7 days, those that a rule names, and the listed ones of preferred providers; for who has none, all "
        "listed models.",
    )
    metadata: JSON | None = strawberry.field(
        default=UNSET,
        description="What your rules may look at: a JSON object of at most 16 KiB, nested at most 20 deep.",
    )


RouteRequestResult = Annotated[
    RoutingDecision | RouteRefused | InvalidInput | Overloaded,
    strawberry.union("RouteRequestResult", description="Where to send the request, or why nowhere."),
]
ReleaseDecisionResult = Annotated[
    RoutingDecision | NotFound | Conflict,
    strawberry.union(
        "ReleaseDecisionResult", description="The decision, which holds nothing now, or why it was not freed."
    ),
]


@strawberry.type
class RoutingQuery:
    decision = strawberry.field(
        resolver=resolvers.routing.decision,
        graphql_type=RoutingDecision | None,
        description="One of your routing decisions; null when you have none with this id.",
    )
    decisions = strawberry.field(
        resolver=resolvers.routing.decisions,
        graphql_type=Connection[RoutingDecision],
        description="Your routing decisions, newest first.",
    )
    simulate_routing = strawberry.field(
        resolver=resolvers.routing.simulate_routing,
        graphql_type=RoutingSimulation,
        description="What `routeRequest` would decide now. Nothing is stored or held.",
    )


@strawberry.type
class RoutingMutation:
    route_request = strawberry.mutation(
        resolver=resolvers.routing.route_request,
        graphql_type=RouteRequestResult,
        extensions=[ExpectedErrorAsData(), Uninterrupted()],
        description="Decide where a request goes, by your preferences, rules, limits and what your own calls showed. Report "
        "the outcome by `logAnalytics` with the decision's id, or free it by `releaseDecision`.",
    )
    release_decision = strawberry.mutation(
        resolver=resolvers.routing.release_decision,
        graphql_type=ReleaseDecisionResult,
        extensions=[ExpectedErrorAsData(), Uninterrupted()],
        description="Free what a decision holds, when its request was not sent. Again, it changes nothing; conflict once its "
        "outcome is recorded.",
    )
