"""Fields of cost alerts: create, read, update, acknowledge and delete an alert, and follow the alert events."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Final
from uuid import UUID

import strawberry
from sqlalchemy.exc import SQLAlchemyError

from domain.bounds import identifier
from domain.cost_alert import AlertState, CreateCostAlert, UpdateCostAlert
from domain.error import Overloaded
from domain.event import AlertTriggered
from domain.page import Page, decode_cursor, encode_cursor, whole_number
from models.cost_alert import AlertEvent, CostAlert
from models.database.pool import DatabaseFailure
from models.ledger.cost_alert import acknowledge_alert, create_alert, delete_alert, update_alert
from models.queries.cost_alert import alert_events_page, alert_with_spending, alerts_page
from resolvers.alert_feed import EVENTS_PER_READ
from resolvers.context import Info
from resolvers.input import After, First, InputObject, input_type, known, present, row_id

_RETRY_AFTER_S: Final = 1.0

CostAlertID = Annotated[strawberry.ID, strawberry.argument(description="The id of the cost alert.")]


async def cost_alerts(
    info: Info,
    active: Annotated[
        bool | None, strawberry.argument(description="Only alerts that are on (true) or off (false).")
    ] = strawberry.UNSET,
    state: Annotated[
        AlertState | None, strawberry.argument(description="Only alerts that are in this state now.")
    ] = strawberry.UNSET,
    first: First = 20,
    after: After = strawberry.UNSET,
) -> Page[CostAlert]:
    context = info.context
    await context.turn_for_rows(first)
    async with context.database.viewer(context.viewer) as session:
        return await alerts_page(
            session,
            context.viewer.id,
            context.clock(),
            active=known(active),
            state=known(state),
            first=first,
            after=known(after),
        )


async def cost_alert(info: Info, id: CostAlertID) -> CostAlert | None:
    context = info.context
    alert_id = identifier(id)
    if alert_id is None:
        return None
    async with context.database.viewer(context.viewer) as session:
        return await alert_with_spending(session, context.viewer.id, alert_id, context.clock())


async def alert_events(
    info: Info,
    alert_id: Annotated[
        strawberry.ID | None, strawberry.argument(description="Only events of this cost alert.")
    ] = strawberry.UNSET,
    acknowledged: Annotated[
        bool | None, strawberry.argument(description="Only alert events that are acknowledged (true) or not (false).")
    ] = strawberry.UNSET,
    first: First = 20,
    after: After = strawberry.UNSET,
) -> Page[AlertEvent]:
    context = info.context
    alert_id = known(alert_id)
    await context.turn_for_rows(first)
    async with context.database.viewer(context.viewer) as session:
        return await alert_events_page(
            session,
            context.viewer.id,
            context.clock(),
            alert_id=None if alert_id is None else row_id(alert_id),
            acknowledged=known(acknowledged),
            first=first,
            after=known(after),
        )


async def create_cost_alert(
    info: Info,
    input: Annotated[
        InputObject,
        strawberry.argument(
            graphql_type=input_type("schema.cost_alert", "CreateCostAlertInput"),
            description="The cost alert to create.",
        ),
    ],
) -> CostAlert:
    context = info.context
    checked = CreateCostAlert.checked(present(input))
    async with context.database.viewer(context.viewer, write=True) as session:
        return await create_alert(session, context.viewer.id, checked, context.clock())


async def update_cost_alert(
    info: Info,
    id: CostAlertID,
    input: Annotated[
        InputObject,
        strawberry.argument(
            graphql_type=input_type("schema.cost_alert", "UpdateCostAlertInput"), description="The fields to change."
        ),
    ],
) -> CostAlert:
    context = info.context
    checked = UpdateCostAlert.checked(input)
    async with context.database.viewer(context.viewer, write=True) as session:
        return await update_alert(session, context.viewer.id, row_id(id), checked, context.clock())


async def delete_cost_alert(info: Info, id: CostAlertID) -> UUID:
    context = info.context
    alert_id = row_id(id)
    async with context.database.viewer(context.viewer, write=True) as session:
        await delete_alert(session, context.viewer.id, alert_id)
    return alert_id


async def acknowledge_cost_alert(info: Info, id: CostAlertID) -> CostAlert:
    context = info.context
    now = context.clock()
    async with context.database.viewer(context.viewer, write=True) as session:
        return await acknowledge_alert(session, context.viewer.id, row_id(id), now)


async def alert_triggered(
    info: Info,
    after: Annotated[
        str | None,
        strawberry.argument(
            description="The cursor of the last alert event that you received: all later ones follow, then new ones when "
            'they are committed. An empty string ("") starts with your first alert event. Omitted: only new '
            "ones."
        ),
    ] = strawberry.UNSET,
) -> AsyncIterator[AlertEvent]:
    context, viewer = info.context, info.context.viewer
    after = known(after)
    with context.events.changes(viewer.id, AlertTriggered) as changes:
        if after is None:
            seen = await context.alert_feed.last(viewer, context.events.version(viewer.id, AlertTriggered))
        else:
            seen = decode_cursor(AlertEvent.__tablename__, after, whole_number) if after else 0
        while True:
            version = context.events.version(viewer.id, AlertTriggered)
            try:
                alert_events = await context.alert_feed.after(viewer, seen, version)
            except (SQLAlchemyError, DatabaseFailure, OSError, Overloaded):
                # The database does not answer or is overloaded. The same alert events are read again: none is lost.
                await asyncio.sleep(_RETRY_AFTER_S)
                continue
            for alert_event in alert_events:
                await context.turn()
                yield alert_event
                seen = alert_event.sequence
            if len(alert_events) < EVENTS_PER_READ:
                await anext(changes)


def cursor_of(root: AlertEvent) -> str:
    """The cursor of an alert event: its position in the user's stream."""
    return encode_cursor(AlertEvent.__tablename__, str(root.sequence))
