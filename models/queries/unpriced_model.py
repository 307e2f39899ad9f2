"""Reading a user's models with calls of unknown cost."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.database.bulk import find
from models.unpriced_model import MODEL, UnpricedModel

FIND_UNPRICED: Final = find(UnpricedModel.__tablename__, MODEL, (*MODEL, "last_at"))


async def unpriced_models(session: AsyncSession, user_id: UUID) -> dict[tuple[str, str], datetime]:
    """When each of the user's models last had a call of unknown cost that no hold covered, by (provider, model)."""
    row = UnpricedModel
    found = await session.execute(select(row.provider, row.model_used, row.last_at).where(row.user_id == user_id))
    return {(provider, model): at for provider, model, at in found}
