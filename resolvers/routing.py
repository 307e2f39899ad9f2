"""Routing: decide where a request goes, free what a decision holds, and look at decisions."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

import strawberry
from sqlalchemy import delete

from domain.bounds import identifier
from domain.error import Conflict, NotFound, Overloaded
from domain.page import Page
from domain.routing import Choice, DecisionState, Ranking, RouteRefused, RouteRequest, RoutingContext, choose, rank
from models.analytics import RouterAnalytics
from models.database.page import newest_first
from models.decision import RoutingDecision
from models.hold import Hold
from models.ledger.routing_decision import PendingDecision, Stale
from models.queries.budget import budgets_of
from models.queries.decision import decision_with, load_outcomes
from models.queries.routing_context import routing_context_of
from models.types import new_id
from resolvers.context import Context, Info
from resolvers.input import After, First, known, present
from resolvers.selection import selected, selected_columns, unselected_documents

if TYPE_CHECKING:
    from schema.routing import RouteRequestInput

DecisionID = Annotated[strawberry.ID, strawberry.argument(description="The id of the routing decision.")]
Request = Annotated[
    "RouteRequestInput",
    strawberry.lazy("schema.routing"),
    strawberry.argument(description="The request to route."),
]

_TRIES: Final = 5
_RETRY_AFTER_MS: Final = 100


@dataclass(frozen=True, slots=True)
class Simulation:
    """What would be decided now."""

    ranking: Ranking
    outcome: Choice | RouteRefused


async def route_request(info: Info, input: Request) -> RoutingDecision | RouteRefused:
    context = info.context
    asked = RouteRequest.checked(present(input))
    unit = _unit(asked)
    for _ in range(_TRIES):
        routing_context = await context.routing_context.of(context.viewer)
        pending = PendingDecision(
            context.viewer.id, routing_context, await _ranked(context, asked, routing_context, unit)
        )
        outcome = await context.ledger.decide(pending)
        if not isinstance(outcome, Stale):
            return outcome
        context.routing_context.forget(context.viewer, routing_context)
    raise Overloaded("Your preferences change too fast to decide by them.", retry_after_ms=_RETRY_AFTER_MS)


async def simulate_routing(info: Info, input: Request) -> Simulation:
    context = info.context
    asked = RouteRequest.checked(present(input))
    now = context.clock()
    async with context.database.viewer(context.viewer) as session:
        routing_context = await routing_context_of(session, context.viewer.id, now)
        budgets = await budgets_of(session, context.viewer.id, now)
    ranking = await _ranked(context, asked, routing_context, _unit(asked))
    return Simulation(ranking, choose(ranking, budgets))


async def _ranked(context: Context, asked: RouteRequest, routing_context: RoutingContext, unit: str) -> Ranking:
    """The ranking. One of a whole price list is made in the compute pool: it takes tens of milliseconds."""
    now = context.clock()
    if asked.candidates or routing_context.own or routing_context.statistics.by_model:
        await context.turn(large=True)
        return rank(asked, routing_context, now, unit)
    return await context.offload(rank, asked, routing_context, now, unit)


def _unit(asked: RouteRequest) -> str:
    """Who or what keeps its variant of an A/B test; the request itself, if it does not say."""
    return asked.unit_key or asked.request_id or str(new_id())


async def release_decision(info: Info, id: DecisionID) -> RoutingDecision:
    context = info.context
    decision_id = identifier(id)
    now = context.clock()
    async with context.database.viewer(context.viewer, write=True) as session:
        decision = decision_id and await decision_with(session, context.viewer.id, decision_id, for_update=True)
        if not decision:
            raise NotFound("id: must be the id of one of your decisions", ["id"])
        await load_outcomes(session, [decision], now, _record_columns(info))
        if decision.state is DecisionState.SETTLED:
            raise Conflict("id: the outcome of this decision is recorded, and it holds nothing any more", ["id"])
        if decision.released_at is None:
            decision.released_at = now
            decision.state = DecisionState.RELEASED
            await session.execute(
                delete(Hold).where(Hold.user_id == context.viewer.id, Hold.decision_id == decision.id)
            )
            await session.flush()
    return decision


async def decision(info: Info, id: DecisionID) -> RoutingDecision | None:
    context = info.context
    decision_id = identifier(id)
    if decision_id is None:
        return None
    async with context.database.viewer(context.viewer) as session:
        found = await decision_with(session, context.viewer.id, decision_id)
        if found is not None:
            await load_outcomes(session, [found], context.clock(), _record_columns(info))
    return found


async def decisions(info: Info, first: First = 20, after: After = strawberry.UNSET) -> Page[RoutingDecision]:
    context = info.context
    await context.turn_for_rows(first)
    async with context.database.viewer(context.viewer) as session:
        page = await newest_first(
            session,
            RoutingDecision,
            context.viewer.id,
            [],
            first=first,
            after=known(after),
            without=unselected_documents(info, RoutingDecision),
        )
        await load_outcomes(session, page.nodes, context.clock(), _record_columns(info))
    return page


def _record_columns(info: Info) -> frozenset[str]:
    """What is to be read of the calls of decisions: nothing, where nobody asks for them."""
    return selected_columns(info, RouterAnalytics) if "records" in selected(info) else frozenset()
