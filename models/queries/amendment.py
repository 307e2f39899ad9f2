"""Reading the amendments of a call."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.amendment import Amendment


async def amendments_of(session: AsyncSession, user_id: UUID, analytics_id: UUID) -> list[Amendment]:
    """The amendments of one of the user's calls, oldest first."""
    statement = select(Amendment).where(Amendment.user_id == user_id, Amendment.analytics_id == analytics_id)
    return list(await session.scalars(statement.order_by(Amendment.id)))
