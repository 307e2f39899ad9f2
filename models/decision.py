"""`router_decisions`: where requests were sent, why, and what became of them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import String, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from domain.ab_test import Variant
from domain.bounds import MAX_NAME_LENGTH
from domain.preference import RoutingPriority
from domain.routing import DecisionState
from models.base import Base, Owned
from models.types import enum_type


class RoutingDecision(Owned, Base):
    """One decision, as it was made. The time in its id is `created_at`."""

    __tablename__ = "router_decisions"
    __allow_unmapped__ = True  # `state` and `records` are no columns: `load_outcomes` sets them

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    task_type: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH))
    priority: Mapped[RoutingPriority] = mapped_column(enum_type(RoutingPriority))
    # What was asked beside these, as it was sent.
    request: Mapped[dict[str, Any]]
    provider: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH))
    model: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH))
    fallbacks: Mapped[list[dict[str, Any]]]
    candidates: Mapped[list[dict[str, Any]]]
    rules: Mapped[list[str]]
    notes: Mapped[list[str]]
    estimated_cost: Mapped[Decimal | None]
    expected_latency_ms: Mapped[float | None]
    ab_test_id: Mapped[UUID | None] = mapped_column(Uuid)
    ab_variant: Mapped[Variant | None] = mapped_column(enum_type(Variant))
    propensity: Mapped[float]
    held_amount: Mapped[Decimal]
    expires_at: Mapped[datetime | None]
    released_at: Mapped[datetime | None]
    # When a success was recorded, or the last attempt.
    settled_at: Mapped[datetime | None]
    # Attempts that were not recorded yet: the first choice and its fallbacks, in the beginning.
    attempts_left: Mapped[int]
    created_at: Mapped[datetime]
    # For the model that was chosen.
    parameters: Mapped[dict[str, Any] | None]
    # Of the unit in the A/B test.
    unit_group: Mapped[int | None]
    # Of the calls that were logged: what those of known cost add up to, and how many are of unknown cost.
    known_cost: Mapped[Decimal] = mapped_column(server_default=text("0"))
    unknown_calls: Mapped[int] = mapped_column(server_default=text("0"))
    # Charged for calls of unknown cost; NULL for a decision that was made before assumptions were kept.
    assumed_amount: Mapped[Decimal | None]

    state: DecisionState
    records: list[Any]
    """Calls that were logged for it, or rows with some of their columns."""

    __table_args__ = ({"sqlite_with_rowid": False, "postgresql_partition_by": "RANGE (id)"},)
