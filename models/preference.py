"""`user_router_preferences`: one row a user."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Uuid, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from domain.preference import DEFAULT_PRIORITY, RoutingPriority
from models.base import Base, Owned
from models.types import enum_type


class RouterPreferences(Owned, Base):
    __tablename__ = "user_router_preferences"

    # The user's own id: there is one row a user, and its id is the same before and after it is first saved.
    id: Mapped[UUID] = mapped_column(Uuid)
    default_priority: Mapped[RoutingPriority] = mapped_column(enum_type(RoutingPriority))
    max_cost_per_request: Mapped[Decimal | None]
    max_latency_ms: Mapped[int | None]
    preferred_providers: Mapped[list[str]]
    blocked_providers: Mapped[list[str]]
    custom_rules: Mapped[list[dict[str, Any]]]
    cost_alert_threshold: Mapped[Decimal | None]
    created_at: Mapped[datetime | None]
    updated_at: Mapped[datetime | None]


def default_preferences(user_id: UUID) -> RouterPreferences:
    """What holds for a user who never saved any: not stored, and so without times."""
    return RouterPreferences(
        user_id=user_id,
        id=user_id,
        default_priority=DEFAULT_PRIORITY,
        preferred_providers=[],
        blocked_providers=[],
        custom_rules=[],
    )


async def preferences_of(session: AsyncSession, user_id: UUID, *, for_update: bool = False) -> RouterPreferences | None:
    """The user's saved preferences; None before the first save."""
    statement = select(RouterPreferences).where(RouterPreferences.user_id == user_id)
    return await session.scalar(statement.with_for_update() if for_update else statement)


async def preferences_to_change(session: AsyncSession, user_id: UUID, now: datetime) -> RouterPreferences:
    """The user's preferences, kept from others until the transaction ends; saved at defaults when they never were."""
    saved = await preferences_of(session, user_id, for_update=True)
    if saved is None:
        saved = default_preferences(user_id)
        saved.created_at = now
        session.add(saved)
    saved.updated_at = now
    return saved
