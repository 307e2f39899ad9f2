"""The models that a user registered."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.catalog import RegisteredModel


async def models_of(session: AsyncSession, user_id: UUID) -> list[RegisteredModel]:
    """All models that the user registered, by provider and model."""
    statement = select(RegisteredModel).where(RegisteredModel.user_id == user_id)
    return sorted(await session.scalars(statement), key=lambda model: (model.provider_key, model.model))


async def model_of(
    session: AsyncSession, user_id: UUID, model_id: UUID, *, for_update: bool = False
) -> RegisteredModel | None:
    """The user's model with this id; None when the user has none such."""
    statement = select(RegisteredModel).where(RegisteredModel.user_id == user_id, RegisteredModel.id == model_id)
    return await session.scalar(statement.with_for_update() if for_update else statement)
