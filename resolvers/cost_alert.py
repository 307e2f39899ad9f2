"""Cost alerts: set, watch, acknowledge; and the stream of their alert events."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Final
from uuid import UUID

import strawberry
from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from domain.bounds import identifier, to_camel
from domain.cost_alert import MAX_ALERTS, AlertPeriod, AlertState, CreateCostAlert, UpdateCostAlert, WindowMode
from domain.error import Conflict, InvalidInput, NotFound, Overloaded
from domain.event import AlertTriggered
from domain.page import Page, decode_cursor, encode_cursor, whole_number
from models.cost_alert import AlertEvent, AlertWindow, CostAlert
from models.database import raise_event
from models.database.page import newest_first
from models.database.pool import DatabaseFailure
from models.ledger.cost_alert import arm_if_clear, evaluate
from models.ledger.routing_version import bump_version
from models.queries.cost_alert import alert_of, load_alerts, load_spending
from models.types import new_id
from resolvers.alert_feed import FIRINGS_AT_ONCE
from resolvers.context import Context, Info
from resolvers.input import After, First, given, known, present

if TYPE_CHECKING:
    from schema.cost_alert import CreateCostAlertInput, UpdateCostAlertInput

_RETRY_AFTER_S: Final = 1.0
# What the preferences say of the daily alert they keep.
_OF_PREFERENCES: Final = frozenset({"threshold_amount", "active", "time_zone"})

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
    now = context.clock()
    active, state = known(active), known(state)
    conditions = [] if active is None else [CostAlert.active.is_(active)]
    await context.turn_for_rows(first)
    async with context.database.viewer(context.viewer) as session:
        if state is not None:
            conditions.append(CostAlert.id.in_(await _ids_in_state(session, context, state, now)))
        page = await newest_first(session, CostAlert, context.viewer.id, conditions, first=first, after=known(after))
        await load_spending(session, page.nodes, now)
    return page


async def cost_alert(info: Info, id: CostAlertID) -> CostAlert | None:
    context = info.context
    alert_id = identifier(id)
    if alert_id is None:
        return None
    async with context.database.viewer(context.viewer) as session:
        alert = await alert_of(session, context.viewer.id, alert_id)
        if alert is not None:
            await load_spending(session, [alert], context.clock())
    return alert


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
    alert_id, acknowledged = known(alert_id), known(acknowledged)
    conditions: list[ColumnElement[bool]] = []
    if alert_id is not None:
        # What spells no id is nobody's: the nil UUID stands for it.
        conditions.append(AlertEvent.alert_id == (identifier(alert_id) or UUID(int=0)))
    if acknowledged is not None:
        stamp = AlertEvent.acknowledged_at
        conditions.append(stamp.is_not(None) if acknowledged else stamp.is_(None))
    await context.turn_for_rows(first)
    async with context.database.viewer(context.viewer) as session:
        page = await newest_first(
            session,
            AlertEvent,
            context.viewer.id,
            conditions,
            first=first,
            after=known(after),
            key="sequence",
            parse=whole_number,
        )
        await load_alerts(session, page.nodes, context.clock())
    return page


async def create_cost_alert(
    info: Info,
    input: Annotated[
        "CreateCostAlertInput",
        strawberry.lazy("schema.cost_alert"),
        strawberry.argument(description="The cost alert to create."),
    ],
) -> CostAlert:
    context = info.context
    asked = CreateCostAlert.checked(present(input))
    async with context.database.viewer(context.viewer, write=True) as session:
        ids = await session.scalars(select(CostAlert.id).where(CostAlert.user_id == context.viewer.id))
        if len(ids.all()) >= MAX_ALERTS:
            raise InvalidInput(f"You have {MAX_ALERTS} alerts, which is the most; delete one first", ["input"])
        return await _add(session, context.viewer.id, asked, context.clock())


async def update_cost_alert(
    info: Info,
    id: CostAlertID,
    input: Annotated[
        "UpdateCostAlertInput",
        strawberry.lazy("schema.cost_alert"),
        strawberry.argument(description="The fields to change."),
    ],
) -> CostAlert:
    context = info.context
    asked = UpdateCostAlert.checked(given(input))
    changes = {name: getattr(asked, name) for name in asked.model_fields_set}
    async with context.database.viewer(context.viewer, write=True) as session:
        alert = await _locked(session, context, id)
        if alert.from_preferences and (kept := _OF_PREFERENCES & changes.keys()):
            field = to_camel(min(kept))
            raise InvalidInput(
                f"{field}: belongs to the preferences; change costAlertThreshold there", ["input", field]
            )
        await _change(session, alert, changes, context.clock())
    return alert


async def delete_cost_alert(info: Info, id: CostAlertID) -> UUID:
    context = info.context
    async with context.database.viewer(context.viewer, write=True) as session:
        alert = await _locked(session, context, id)
        if alert.from_preferences:
            raise Conflict("id: this alert belongs to the preferences; clear costAlertThreshold there", ["id"])
        await session.delete(alert)
        await bump_version(session, alert.user_id)
    return alert.id


async def acknowledge_cost_alert(info: Info, id: CostAlertID) -> CostAlert:
    context = info.context
    now = context.clock()
    async with context.database.viewer(context.viewer, write=True) as session:
        alert = await _locked(session, context, id)
        unacknowledged = select(AlertEvent).where(
            AlertEvent.user_id == alert.user_id, AlertEvent.alert_id == alert.id, AlertEvent.acknowledged_at.is_(None)
        )
        alert_events = (await session.scalars(unacknowledged)).all()
        if not alert_events:
            raise Conflict("id: this alert has no alert event that waits to be acknowledged", ["id"])
        for alert_event in alert_events:
            alert_event.acknowledged_at = now
        await session.flush()
        await load_spending(session, [alert], now)
    return alert


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
                # The database is away, or has no connection to spare: nothing is lost, it is read again.
                await asyncio.sleep(_RETRY_AFTER_S)
                continue
            for alert_event in alert_events:
                await context.turn()
                yield alert_event
                seen = alert_event.sequence
            if len(alert_events) < FIRINGS_AT_ONCE:
                await anext(changes)


async def keep_preferences_alert(
    session: AsyncSession, user_id: UUID, threshold: Decimal | None, now: datetime
) -> None:
    """Keep the daily alert that the preferences' threshold asks for; switch it off when there is none."""
    alert = await session.scalar(
        select(CostAlert).where(CostAlert.user_id == user_id, CostAlert.from_preferences).with_for_update()
    )
    if alert is not None:
        changes = {"active": False} if threshold is None else {"active": True, "threshold_amount": threshold}
        await _change(session, alert, changes, now)
    elif threshold is not None:
        asked = CreateCostAlert(threshold_amount=threshold, period=AlertPeriod.DAILY)
        await _add(session, user_id, asked, now, from_preferences=True)


async def _add(
    session: AsyncSession, user_id: UUID, asked: CreateCostAlert, now: datetime, *, from_preferences: bool = False
) -> CostAlert:
    alert = CostAlert(
        user_id=user_id,
        id=new_id(),
        alert_type=asked.alert_type or f"{asked.period.lower()}_spend",
        threshold_amount=asked.threshold_amount,
        period=asked.period,
        mode=asked.mode,
        time_zone=asked.time_zone,
        custom=asked.custom.model_dump(mode="json") if asked.custom else None,
        near_limit_percent=asked.near_limit_percent,
        enforced=asked.enforced,
        active=True,
        config_version=1,
        from_preferences=from_preferences,
        created_at=now,
        updated_at=now,
        week_start=asked.week_start,
        month_anchor=asked.month_anchor,
        unknown_cost=asked.unknown_cost,
    )
    alert.counted_from = alert.window_at(now).start
    session.add(alert)
    await bump_version(session, user_id)
    await _evaluate(session, alert, now)
    return alert


async def _change(session: AsyncSession, alert: CostAlert, changes: dict[str, Any], now: datetime) -> None:
    re_armed = changes.get("threshold_amount", alert.threshold_amount) > alert.threshold_amount
    moved = any(changes.get(name, getattr(alert, name)) != getattr(alert, name) for name in _calendar_of(alert))
    if alert.mode is WindowMode.ROLLING:
        await arm_if_clear(session, alert, now)
    for name, value in changes.items():
        setattr(alert, name, value)
    alert.updated_at = now
    alert.config_version += re_armed or moved
    if moved:
        # Its windows lie elsewhere now: begin with the one that holds this moment.
        await session.execute(
            delete(AlertWindow).where(AlertWindow.user_id == alert.user_id, AlertWindow.alert_id == alert.id)
        )
        alert.counted_from = alert.window_at(now).start
    await bump_version(session, alert.user_id)
    await _evaluate(session, alert, now)


def _calendar_of(alert: CostAlert) -> list[str]:
    """What says where the windows of this alert lie."""
    if alert.mode is WindowMode.ROLLING:
        return []
    of_period = {AlertPeriod.WEEKLY: ["week_start"], AlertPeriod.MONTHLY: ["month_anchor"]}
    return ["time_zone", *of_period.get(alert.period, [])]


async def _evaluate(session: AsyncSession, alert: CostAlert, now: datetime) -> None:
    if await evaluate(session, alert, now):
        raise_event(session, AlertTriggered(alert.user_id))
    await load_spending(session, [alert], now)


async def _ids_in_state(session: AsyncSession, context: Context, state: AlertState, now: datetime) -> list[UUID]:
    alerts = list(await session.scalars(select(CostAlert).where(CostAlert.user_id == context.viewer.id)))
    await load_spending(session, alerts, now)
    return [alert.id for alert in alerts if alert.spending.state is state]


async def _locked(session: AsyncSession, context: Context, id: str) -> CostAlert:
    alert_id = identifier(id)
    alert = None if alert_id is None else await alert_of(session, context.viewer.id, alert_id, for_update=True)
    if alert is None:
        raise NotFound("id: must be the id of one of your alerts", ["id"])
    return alert


def cursor_of(root: AlertEvent) -> str:
    """The place of a alert event in its user's stream."""
    return encode_cursor(AlertEvent.__tablename__, str(root.sequence))
