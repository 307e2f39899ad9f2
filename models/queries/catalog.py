"""Reading a user's registered models."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.catalog import RegisteredModel


async def models_of(session: AsyncSession, user_id: UUID) -> list[RegisteredModel]:
    """All registered models of the user, ordered by provider and model."""
    statement = select(RegisteredModel).where(RegisteredModel.user_id == user_id)
    return sorted(await session.scalars(statement), key=lambda model: (model.provider_key, model.model))


async def model_of(
    session: AsyncSession, user_id: UUID, model_id: UUID, *, for_update: bool = False
) -> RegisteredModel | None:
    """The user's registered model with this id; None if the user has no such model."""
    statement = select(RegisteredModel).where(RegisteredModel.user_id == user_id, RegisteredModel.id == model_id)
    return await session.scalar(statement.with_for_update() if for_update else statement)
