"""Fields of amendments: correct or complete a logged call, and list the amendments of a call."""

from typing import Annotated

import strawberry

from domain.amendment import AmendmentLine
from domain.bounds import identifier
from domain.error import ExpectedError, InvalidInput
from models.amendment import Amendment
from models.ledger.amendment import Amended, AmendmentDraft
from models.queries.amendment import amendments_of
from resolvers.context import Info
from resolvers.input import InputObject, input_type, known, present


async def amend_analytics(
    info: Info,
    input: Annotated[
        InputObject,
        strawberry.argument(
            graphql_type=input_type("schema.amendment", "AmendAnalyticsInput"),
            description="The fields to change.",
        ),
    ],
    id: Annotated[
        strawberry.ID | None, strawberry.argument(description="The id of the call. Give either `id` or `eventId`.")
    ] = strawberry.UNSET,
    event_id: Annotated[
        str | None,
        strawberry.argument(description="The event id that the call was logged with. Give either `id` or `eventId`."),
    ] = strawberry.UNSET,
) -> Amended:
    context = info.context
    call = {"id": known(id), "event_id": known(event_id)}
    line = AmendmentLine.checked(present(input) | {name: value for name, value in call.items() if value is not None})
    [outcome] = await context.ledger.amend([AmendmentDraft(context.viewer.id, line, context.viewer.id)])
    if isinstance(outcome, InvalidInput):
        raise outcome.under("input")
    if isinstance(outcome, ExpectedError):
        raise outcome
    if outcome.alert_events:
        outcome.alert_events = await context.alert_feed.with_alerts(context.viewer, outcome.alert_events)
    return outcome


async def amendments(
    info: Info, analytics_id: Annotated[strawberry.ID, strawberry.argument(description="The id of the call.")]
) -> list[Amendment]:
    context = info.context
    call_id = identifier(analytics_id)
    if call_id is None:
        return []
    async with context.database.viewer(context.viewer) as session:
        return await amendments_of(session, context.viewer.id, call_id)
