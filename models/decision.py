"""`router_decisions`: routing decisions, each with its candidates, its hold and the calls charged to it."""

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
    """One routing decision. `id` is a UUIDv7 whose timestamp is `created_at`."""

    __tablename__ = "router_decisions"
    __allow_unmapped__ = True  # `state` and `records` are no columns: `load_outcomes` sets them

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    task_type: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH))
    priority: Mapped[RoutingPriority] = mapped_column(enum_type(RoutingPriority))
    # The other arguments of the request, as the client sent them.
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
    # When a successful call, or the last attempt, was logged.
    settled_at: Mapped[datetime | None]
    # Attempts not logged yet. It starts at one for the first choice plus one for each fallback.
    attempts_left: Mapped[int]
    created_at: Mapped[datetime]
    # Parameters for the call of the chosen model.
    parameters: Mapped[dict[str, Any] | None]
    # The group, 0 to 255, of the unit in the A/B test.
    unit_group: Mapped[int | None]
    # The sum of the known costs of its calls, and the number of its calls of unknown cost.
    known_cost: Mapped[Decimal] = mapped_column(server_default=text("0"))
    unknown_calls: Mapped[int] = mapped_column(server_default=text("0"))
    # Assumed spend, charged for calls of unknown cost. NULL in rows that are older than this column.
    assumed_amount: Mapped[Decimal | None]

    state: DecisionState
    records: list[Any]
    """The calls of this routing decision, each as a `RouterAnalytics` or as a row with some of its columns."""

    __table_args__ = ({"sqlite_with_rowid": False, "postgresql_partition_by": "RANGE (id)"},)
