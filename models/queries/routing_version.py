"""The version of what routing depends on, for one user."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.routing_version import RoutingVersion


async def version_of(session: AsyncSession, user_id: UUID) -> int:
    """How often the user changed it; 0 before the first time."""
    return await session.scalar(select(RoutingVersion.version).where(RoutingVersion.user_id == user_id)) or 0
