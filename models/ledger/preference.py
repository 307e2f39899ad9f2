"""Saves a user's routing preferences."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from domain.event import PreferencesChanged
from domain.preference import SavePreferences, check_providers
from models.database import raise_event
from models.ledger.cost_alert import keep_preferences_alert
from models.ledger.routing_version import bump_version
from models.preference import RouterPreferences, default_preferences
from models.queries.preference import preferences_of
from models.queries.provider_alias import names_of


async def save_preferences(
    session: AsyncSession, user_id: UUID, input: SavePreferences, now: datetime
) -> RouterPreferences:
    """Save the fields that the input sets, and keep the daily alert of `cost_alert_threshold`. Returns all preferences.

    Raises InvalidInput when a provider is both preferred and blocked.
    """
    changes = input.changes()
    preferences = await preferences_to_change(session, user_id, now)
    for name, value in changes.items():
        setattr(preferences, name, value)
    names = await names_of(session, user_id)
    check_providers(preferences.preferred_providers, preferences.blocked_providers, names)
    await session.flush()
    if "cost_alert_threshold" in changes:
        await keep_preferences_alert(session, user_id, preferences.cost_alert_threshold, now)
    await bump_version(session, user_id)
    raise_event(session, PreferencesChanged(user_id))
    return preferences


async def preferences_to_change(session: AsyncSession, user_id: UUID, now: datetime) -> RouterPreferences:
    """The user's preferences, locked until the transaction ends. The defaults are saved first when none were saved before."""
    preferences = await preferences_of(session, user_id, for_update=True)
    if preferences is None:
        preferences = default_preferences(user_id)
        preferences.created_at = now
        session.add(preferences)
    preferences.updated_at = now
    return preferences
