"""Fields of preferences: read, save and follow them."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated

import strawberry

import models.ledger.preference
from domain.event import PreferencesChanged
from domain.preference import SavePreferences
from models.preference import RouterPreferences
from models.queries.preference import current_preferences
from resolvers.context import Context, Info
from resolvers.input import Initial, InputObject, input_type


async def preferences(info: Info) -> RouterPreferences:
    return await _current(info.context)


async def save_preferences(
    info: Info,
    input: Annotated[
        InputObject,
        strawberry.argument(
            graphql_type=input_type("schema.preference", "SavePreferencesInput"), description="The fields to change."
        ),
    ],
) -> RouterPreferences:
    context = info.context
    checked = SavePreferences.checked(input)
    now = context.clock()
    async with context.database.viewer(context.viewer, write=True) as session:
        return await models.ledger.preference.save_preferences(session, context.viewer.id, checked, now)


async def preferences_changed(info: Info, initial: Initial = False) -> AsyncIterator[RouterPreferences]:
    context = info.context
    with context.events.changes(context.viewer.id, PreferencesChanged) as changes:
        if initial:
            yield await _latest(context)
        async for _ in changes:
            yield await _latest(context)


async def _latest(context: Context) -> RouterPreferences:
    """The preferences after their last change. Subscribers of one user share the read."""
    user_id = context.viewer.id
    version = context.events.version(user_id, PreferencesChanged)
    saved = await context.readings.of((PreferencesChanged, user_id), version, partial(_current, context))
    await context.turn()
    return saved


async def _current(context: Context) -> RouterPreferences:
    async with context.database.viewer(context.viewer) as session:
        return await current_preferences(session, context.viewer.id)
