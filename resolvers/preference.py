"""Reading and saving a user's routing preferences."""

from collections.abc import AsyncIterator
from functools import partial
from typing import TYPE_CHECKING, Annotated

import strawberry

from domain.event import PreferencesChanged
from domain.preference import SavePreferences, check_providers
from models.database import raise_event
from models.ledger.routing_version import bump_version
from models.preference import RouterPreferences, default_preferences
from models.queries.preference import preferences_of, preferences_to_change
from models.queries.provider_alias import names_of
from resolvers.context import Context, Info
from resolvers.cost_alert import keep_preferences_alert
from resolvers.input import Initial, given

if TYPE_CHECKING:
    from schema.preference import SavePreferencesInput


async def preferences(info: Info) -> RouterPreferences:
    return await _current(info.context)


async def save_preferences(
    info: Info,
    input: Annotated[
        "SavePreferencesInput",
        strawberry.lazy("schema.preference"),
        strawberry.argument(description="The fields to change."),
    ],
) -> RouterPreferences:
    context = info.context
    changes = SavePreferences.checked(given(input)).changes()
    now = context.clock()
    async with context.database.viewer(context.viewer, write=True) as session:
        saved = await preferences_to_change(session, context.viewer.id, now)
        for name, value in changes.items():
            setattr(saved, name, value)
        names = await names_of(session, context.viewer.id)
        check_providers(saved.preferred_providers, saved.blocked_providers, names)
        await session.flush()
        if "cost_alert_threshold" in changes:
            await keep_preferences_alert(session, context.viewer.id, saved.cost_alert_threshold, now)
        await bump_version(session, context.viewer.id)
        raise_event(session, PreferencesChanged(context.viewer.id))
    return saved


async def preferences_changed(info: Info, initial: Initial = False) -> AsyncIterator[RouterPreferences]:
    context = info.context
    with context.events.changes(context.viewer.id, PreferencesChanged) as changes:
        if initial:
            yield await _latest(context)
        async for _ in changes:
            yield await _latest(context)


async def _latest(context: Context) -> RouterPreferences:
    """What a subscriber is told: read once for all of them."""
    user_id = context.viewer.id
    version = context.events.version(user_id, PreferencesChanged)
    saved = await context.readings.of((PreferencesChanged, user_id), version, partial(_current, context))
    await context.turn()
    return saved


async def _current(context: Context) -> RouterPreferences:
    async with context.database.viewer(context.viewer) as session:
        saved = await preferences_of(session, context.viewer.id)
    return saved or default_preferences(context.viewer.id)
