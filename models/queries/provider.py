"""How often a user called each provider."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.rollup import AnalyticsDaily


async def calls_by_provider(session: AsyncSession, user_id: UUID) -> dict[str, int]:
    """The number of the user's calls of each provider, by provider id. Providers without calls are left out."""
    row = AnalyticsDaily
    counted = await session.execute(
        select(row.provider, func.sum(row.calls)).where(row.user_id == user_id).group_by(row.provider)
    )
    return {provider: int(count) for provider, count in counted}
