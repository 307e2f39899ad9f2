"""Fields of routing: route or simulate a request, release a routing decision, and list routing decisions."""

from dataclasses import dataclass
from typing import Annotated, Final

import strawberry

import models.ledger.routing_decision
from domain.bounds import identifier
from domain.error import Overloaded
from domain.page import Page
from domain.routing import Choice, Ranking, RouteRefused, RouteRequest, RoutingContext, choose, rank
from models.analytics import RouterAnalytics
from models.decision import RoutingDecision
from models.ledger.routing_decision import PendingDecision, Stale
from models.queries.budget import budgets_of
from models.queries.decision import decision_with_outcome, decisions_page
from models.queries.routing_context import routing_context_of
from models.types import new_id
from resolvers.context import Context, Info
from resolvers.input import After, First, InputObject, input_type, known, present, row_id
from resolvers.selection import selected, selected_columns, unselected_documents

DecisionID = Annotated[strawberry.ID, strawberry.argument(description="The id of the routing decision.")]
Request = Annotated[
    InputObject,
    strawberry.argument(
        graphql_type=input_type("schema.routing", "RouteRequestInput"),
        description="The request to route.",
    ),
]

_MAX_ATTEMPTS: Final = 5
"""How often a request is ranked while its routing context proves to be out of date."""
_RETRY_AFTER_MS: Final = 100


@dataclass(frozen=True, slots=True)
class Simulation:
    """The routing decision that a request would get now. Nothing is stored or held."""

    ranking: Ranking
    outcome: Choice | RouteRefused


async def route_request(info: Info, input: Request) -> RoutingDecision | RouteRefused:
    context = info.context
    request = RouteRequest.checked(present(input))
    unit = _unit(request)
    for _ in range(_MAX_ATTEMPTS):
        routing_context = await context.routing_contexts.of(context.viewer)
        pending = PendingDecision(
            context.viewer.id, routing_context, await _ranked(context, request, routing_context, unit)
        )
        outcome = await context.ledger.decide(pending)
        if not isinstance(outcome, Stale):
            return outcome
        context.routing_contexts.forget(context.viewer, routing_context)
    raise Overloaded(
        "Your preferences, models, alerts or tests changed during each attempt to route this request; retry.",
        retry_after_ms=_RETRY_AFTER_MS,
    )


async def simulate_routing(info: Info, input: Request) -> Simulation:
    context = info.context
    request = RouteRequest.checked(present(input))
    now = context.clock()
    async with context.database.viewer(context.viewer) as session:
        routing_context = await routing_context_of(session, context.viewer.id, now)
        budgets = await budgets_of(session, context.viewer.id, now)
    ranking = await _ranked(context, request, routing_context, _unit(request))
    return Simulation(ranking, choose(ranking, budgets))


async def _ranked(context: Context, request: RouteRequest, routing_context: RoutingContext, unit: str) -> Ranking:
    """The ranked candidates. A ranking of the whole price list takes tens of milliseconds and runs in the compute pool."""
    now = context.clock()
    if request.candidates or routing_context.own or routing_context.statistics.by_model:
        await context.turn(large=True)
        return rank(request, routing_context, now, unit)
    return await context.offload(rank, request, routing_context, now, unit)


def _unit(request: RouteRequest) -> str:
    """The unit that keeps its variant of an A/B test: the unit key, else the request id, else a new id."""
    return request.unit_key or request.request_id or str(new_id())


async def release_decision(info: Info, id: DecisionID) -> RoutingDecision:
    context = info.context
    now = context.clock()
    async with context.database.viewer(context.viewer, write=True) as session:
        return await models.ledger.routing_decision.release_decision(
            session, context.viewer.id, row_id(id), now, _record_columns(info)
        )


async def decision(info: Info, id: DecisionID) -> RoutingDecision | None:
    context = info.context
    decision_id = identifier(id)
    if decision_id is None:
        return None
    async with context.database.viewer(context.viewer) as session:
        return await decision_with_outcome(
            session, context.viewer.id, decision_id, context.clock(), _record_columns(info)
        )


async def decisions(info: Info, first: First = 20, after: After = strawberry.UNSET) -> Page[RoutingDecision]:
    context = info.context
    await context.turn_for_rows(first)
    async with context.database.viewer(context.viewer) as session:
        return await decisions_page(
            session,
            context.viewer.id,
            context.clock(),
            first=first,
            after=known(after),
            without=unselected_documents(info, RoutingDecision),
            columns=_record_columns(info),
        )


def _record_columns(info: Info) -> frozenset[str]:
    """The columns to read of the calls of routing decisions: none, when the operation does not select `records`."""
    return selected_columns(info, RouterAnalytics) if "records" in selected(info) else frozenset()
