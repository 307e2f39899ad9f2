"""`router_models`: the models that users register, beside those of the price list."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Float, String, UniqueConstraint, Uuid, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from domain.bounds import MAX_NAME_LENGTH
from domain.catalog import CatalogModel
from models.base import Base, Owned
from models.types import new_id


class RegisteredModel(Owned, Base):
    """A model of the user's own. It stands for the listed one of the same provider and name, if there is one."""

    __tablename__ = "router_models"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    provider: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH))
    model: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH))
    # `provider_id` of the provider: two names of one provider are the same. Without case, text may be longer.
    provider_key: Mapped[str] = mapped_column(String(3 * MAX_NAME_LENGTH))
    name: Mapped[str | None] = mapped_column(String(MAX_NAME_LENGTH))
    # USD for a million tokens.
    input_price: Mapped[Decimal | None]
    output_price: Mapped[Decimal | None]
    local: Mapped[bool]
    context_window: Mapped[int | None]
    quality_rating: Mapped[float | None] = mapped_column(Float)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("user_id", "provider_key", "model", name="uq_router_models_model"),)

    @property
    def listing(self) -> CatalogModel:
        """What the rules know of it."""
        return CatalogModel(
            id=str(self.id),
            provider=self.provider,
            model=self.model,
            name=self.name or self.model,
            own=True,
            local=self.local,
            context_window=self.context_window,
            input_price=self.input_price,
            output_price=self.output_price,
            quality_rating=self.quality_rating,
            deprecated=False,
            created_at=self.created_at,
        )


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
