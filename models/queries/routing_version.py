"""Reading the version of a user's routing configuration."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.routing_version import RoutingVersion


async def version_of(session: AsyncSession, user_id: UUID) -> int:
    """The current version; 0 before the first change."""
    return await session.scalar(select(RoutingVersion.version).where(RoutingVersion.user_id == user_id)) or 0
