"""Reading a user's preferences."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.preference import RouterPreferences, default_preferences


async def preferences_of(session: AsyncSession, user_id: UUID, *, for_update: bool = False) -> RouterPreferences | None:
    """The user's saved preferences; None before the first save."""
    statement = select(RouterPreferences).where(RouterPreferences.user_id == user_id)
    return await session.scalar(statement.with_for_update() if for_update else statement)


async def current_preferences(session: AsyncSession, user_id: UUID) -> RouterPreferences:
    """The user's preferences; the defaults before the first save."""
    return await preferences_of(session, user_id) or default_preferences(user_id)
