"""`user_router_preferences`: the routing preferences of a user, one row per user."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Uuid
from sqlalchemy.orm import Mapped, mapped_column

from domain.preference import DEFAULT_PRIORITY, RoutingPriority
from models.base import Base, Owned
from models.types import enum_type


class RouterPreferences(Owned, Base):
    """The saved preferences of one user."""

    __tablename__ = "user_router_preferences"

    # Equals `user_id`, so the id is the same before and after the first save.
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
    """The preferences of a user who never saved any. They are not stored, so both timestamps are None."""
    return RouterPreferences(
        user_id=user_id,
        id=user_id,
        default_priority=DEFAULT_PRIORITY,
        preferred_providers=[],
        blocked_providers=[],
        custom_rules=[],
    )
