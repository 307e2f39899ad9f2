"""`router_routing_versions`: how often a user changed what routing follows."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import BigInteger, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Owned


class RoutingVersion(Owned, Base):
    """Raised by each change of preferences, models or alerts: what was read for one version holds until the next."""

    __tablename__ = "router_routing_versions"

    version: Mapped[int] = mapped_column(BigInteger)


async def bump_version(session: AsyncSession, user_id: UUID) -> None:
    """Say that what routing follows has changed, and flush: in the transaction that changes it."""
    kept = await session.get(RoutingVersion, user_id, with_for_update=True)
    if kept is None:
        session.add(RoutingVersion(user_id=user_id, version=1))
    else:
        kept.version += 1
    await session.flush()


async def version_of(session: AsyncSession, user_id: UUID) -> int:
    """How often the user changed it; 0 before the first time."""
    return await session.scalar(select(RoutingVersion.version).where(RoutingVersion.user_id == user_id)) or 0
