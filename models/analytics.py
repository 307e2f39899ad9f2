"""`router_analytics`: the log of calls. Only the ledger writes it; rows are appended, and amended when more is known."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Index, String, Uuid, false, text
from sqlalchemy.orm import Mapped, mapped_column

from domain.ab_test import Variant
from domain.bounds import MAX_NAME_LENGTH
from domain.preference import RoutingPriority
from domain.price import ServiceTier
from models.base import Base, Owned
from models.types import enum_type


class RouterAnalytics(Owned, Base):
    """One call to a provider, as the client reported it.

    `id` is a UUIDv7 whose timestamp is `occurred_at`, so the primary key serves newest-first paging and time ranges.
    """

    __tablename__ = "router_analytics"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    event_id: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH))
    provider: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH))
    task_type: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH))
    model_used: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH))
    priority: Mapped[RoutingPriority | None] = mapped_column(enum_type(RoutingPriority))
    success: Mapped[bool]
    latency_ms: Mapped[int | None]
    cost: Mapped[Decimal | None]
    price_version: Mapped[str | None] = mapped_column(String(64))
    fallback_used: Mapped[bool]
    input_tokens: Mapped[int | None]
    output_tokens: Mapped[int | None]
    cached_tokens: Mapped[int | None]
    decision_id: Mapped[UUID | None] = mapped_column(Uuid)
    ab_test_id: Mapped[UUID | None] = mapped_column(Uuid)
    ab_variant: Mapped[Variant | None] = mapped_column(enum_type(Variant))
    # False when the call was logged after its test had ended: the row is kept, the test's sums leave it out.
    ab_counted: Mapped[bool]
    quality_score: Mapped[float | None]
    # SQLAlchemy reserves the attribute name `metadata` on mapped classes.
    metadata_: Mapped[dict[str, Any]] = mapped_column("metadata")
    # True for history that was imported from a file: it counts in all sums, and fires no alert.
    imported: Mapped[bool]
    occurred_at: Mapped[datetime]
    created_at: Mapped[datetime]
    # The group, 0 to 255, of the call's unit in its test: see `domain.inference`.
    unit_group: Mapped[int | None]
    # True for the call that counts as the assignment to a variant: the first call of its routing decision, no fallback.
    ab_assigned: Mapped[bool]
    # The provider and the model as the client sent them; NULL where they equal `provider` and `model_used`.
    reported_provider: Mapped[str | None] = mapped_column(String(MAX_NAME_LENGTH))
    reported_model: Mapped[str | None] = mapped_column(String(MAX_NAME_LENGTH))
    # Parts of `input_tokens`, as is `cached_tokens`.
    cache_write_tokens: Mapped[int | None]
    cache_write_1h_tokens: Mapped[int | None]
    input_audio_tokens: Mapped[int | None]
    cached_audio_tokens: Mapped[int | None]
    input_image_tokens: Mapped[int | None]
    cached_image_tokens: Mapped[int | None]
    input_video_tokens: Mapped[int | None]
    # Parts of `output_tokens`.
    reasoning_tokens: Mapped[int | None]
    citation_tokens: Mapped[int | None]
    output_audio_tokens: Mapped[int | None]
    output_image_tokens: Mapped[int | None]
    output_video_tokens: Mapped[int | None]
    service_tier: Mapped[ServiceTier] = mapped_column(enum_type(ServiceTier), server_default=ServiceTier.STANDARD)
    time_to_first_token_ms: Mapped[int | None]
    # True when keys of the metadata were dropped because it was too large or could not be stored.
    metadata_truncated: Mapped[bool] = mapped_column(server_default=false())
    amended_at: Mapped[datetime | None]
    # True when the cost is unknown and the routing decision is charged assumed spend for it.
    assumed: Mapped[bool] = mapped_column(server_default=false())

    __table_args__ = (
        Index("ix_router_analytics_provider", "user_id", "provider", "id"),
        Index("ix_router_analytics_model", "user_id", "model_used", "id"),
        Index("ix_router_analytics_task_type", "user_id", "task_type", "id"),
        Index("ix_router_analytics_ab_test", "user_id", "ab_test_id", "id"),
        # A partial index: most calls name no routing decision.
        Index(
            "ix_router_analytics_decision",
            "user_id",
            "decision_id",
            sqlite_where=text("decision_id IS NOT NULL"),
            postgresql_where=text("decision_id IS NOT NULL"),
        ),
        # A partial index: calls of unknown cost are few, and counting them must not read all calls.
        Index(
            "ix_router_analytics_unpriced",
            "user_id",
            "id",
            sqlite_where=text("cost IS NULL"),
            postgresql_where=text("cost IS NULL"),
        ),
        {"sqlite_with_rowid": False, "postgresql_partition_by": "RANGE (id)"},
    )


class EventKey(Owned, Base):
    """An event id that was used, with the call and the fingerprint of the report. It makes logging idempotent.

    Event ids outlive the calls that retention drops.
    """

    __tablename__ = "router_event_keys"

    event_id: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH), primary_key=True)
    analytics_id: Mapped[UUID] = mapped_column(Uuid)
    fingerprint: Mapped[str] = mapped_column(String(32))

    __table_args__ = ({"sqlite_with_rowid": False},)
