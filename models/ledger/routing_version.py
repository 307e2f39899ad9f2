"""Raising the version of a user's routing configuration."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from models.routing_version import RoutingVersion


async def bump_version(session: AsyncSession, user_id: UUID) -> None:
    """Raise the version and flush. Call this in the transaction that changes the routing configuration."""
    kept = await session.get(RoutingVersion, user_id, with_for_update=True)
    if kept is None:
        session.add(RoutingVersion(user_id=user_id, version=1))
    else:
        kept.version += 1
    await session.flush()
