"""Reading a user's preferences."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.preference import RouterPreferences, default_preferences


async def preferences_of(session: AsyncSession, user_id: UUID, *, for_update: bool = False) -> RouterPreferences | None:
    """The user's saved preferences; None before the first save."""
    statement = select(RouterPreferences).where(RouterPreferences.user_id == user_id)
    return await session.scalar(statement.with_for_update() if for_update else statement)


async def preferences_to_change(session: AsyncSession, user_id: UUID, now: datetime) -> RouterPreferences:
    """The user's preferences, locked until the transaction ends. Creates them with the defaults if there are none."""
    saved = await preferences_of(session, user_id, for_update=True)
    if saved is None:
        saved = default_preferences(user_id)
        saved.created_at = now
        session.add(saved)
    saved.updated_at = now
    return saved
