"""Amending calls: a cost, token counts, success or feedback that become known later."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from domain.amendment import AmendmentLine
from domain.bounds import identifier
from domain.error import ExpectedError, InvalidInput
from models.amendment import Amendment
from models.cost_alert import AlertEvent
from models.ledger.amendment import Amended, AmendmentDraft
from models.queries.amendment import amendments_of
from models.queries.cost_alert import load_alerts
from resolvers.context import Info
from resolvers.input import known, present

if TYPE_CHECKING:
    from schema.amendment import AmendAnalyticsInput


async def amend_analytics(
    info: Info,
    input: Annotated[
        "AmendAnalyticsInput",
        strawberry.lazy("schema.amendment"),
        strawberry.argument(description="The fields to change."),
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
        outcome.alert_events = await _with_alerts(info, outcome)
    return outcome


async def _with_alerts(info: Info, outcome: Amended) -> list[AlertEvent]:
    context = info.context
    async with context.database.viewer(context.viewer) as session:
        return list(await load_alerts(session, outcome.alert_events, context.clock()))


async def amendments(
    info: Info, analytics_id: Annotated[strawberry.ID, strawberry.argument(description="The id of the call.")]
) -> list[Amendment]:
    context = info.context
    call_id = identifier(analytics_id)
    if call_id is None:
        return []
    async with context.database.viewer(context.viewer) as session:
        return await amendments_of(session, context.viewer.id, call_id)
