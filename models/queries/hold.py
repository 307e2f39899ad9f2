"""The sum of a user's holds."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.money import ZERO
from models.hold import Hold


async def held_by(session: AsyncSession, user_id: UUID, now: datetime) -> Decimal:
    """The sum of the user's holds that have not expired, USD."""
    statement = select(func.sum(Hold.amount)).where(Hold.user_id == user_id, Hold.expires_at > now)
    return await session.scalar(statement) or ZERO
