"""`router_analytics`: every routing decision, append-only, written by the ledger alone."""

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
    """One decision. The time in its id is `occurred_at`, so the primary key answers "newest first" and time ranges."""

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
    # False for a record that came after its test had ended: kept, but not in the test's sums.
    ab_counted: Mapped[bool]
    quality_score: Mapped[float | None]
    # `metadata` is SQLAlchemy's own name on a mapped class.
    metadata_: Mapped[dict[str, Any]] = mapped_column("metadata")
    # True for history that was read from a file: it counts everywhere, and makes no alert fire.
    imported: Mapped[bool]
    occurred_at: Mapped[datetime]
    created_at: Mapped[datetime]
    # Of its unit in its test: see `domain.inference`.
    unit_group: Mapped[int | None]
    # True for the record that stands for an assignment in its test: the first of its decision, no fallback.
    ab_assigned: Mapped[bool]
    # As they were sent, where that is not the id of the provider or the name of the model.
    reported_provider: Mapped[str | None] = mapped_column(String(MAX_NAME_LENGTH))
    reported_model: Mapped[str | None] = mapped_column(String(MAX_NAME_LENGTH))
    # Parts of the input tokens, beside `cached_tokens`.
    cache_write_tokens: Mapped[int | None]
    cache_write_1h_tokens: Mapped[int | None]
    input_audio_tokens: Mapped[int | None]
    cached_audio_tokens: Mapped[int | None]
    input_image_tokens: Mapped[int | None]
    cached_image_tokens: Mapped[int | None]
    input_video_tokens: Mapped[int | None]
    # Parts of the output tokens.
    reasoning_tokens: Mapped[int | None]
    citation_tokens: Mapped[int | None]
    output_audio_tokens: Mapped[int | None]
    output_image_tokens: Mapped[int | None]
    output_video_tokens: Mapped[int | None]
    service_tier: Mapped[ServiceTier] = mapped_column(enum_type(ServiceTier), server_default=ServiceTier.STANDARD)
    time_to_first_token_ms: Mapped[int | None]
    # Whether keys of the metadata were left out, because it was too large or could not be stored.
    metadata_truncated: Mapped[bool] = mapped_column(server_default=false())
    amended_at: Mapped[datetime | None]
    # Whether its unknown cost is charged as assumed spend of its decision.
    assumed: Mapped[bool] = mapped_column(server_default=false())

    __table_args__ = (
        Index("ix_router_analytics_provider", "user_id", "provider", "id"),
        Index("ix_router_analytics_model", "user_id", "model_used", "id"),
        Index("ix_router_analytics_task_type", "user_id", "task_type", "id"),
        Index("ix_router_analytics_ab_test", "user_id", "ab_test_id", "id"),
        # Most records come from no decision.
        Index(
            "ix_router_analytics_decision",
            "user_id",
            "decision_id",
            sqlite_where=text("decision_id IS NOT NULL"),
            postgresql_where=text("decision_id IS NOT NULL"),
        ),
        # Calls of unknown cost are few, or should be: counting them must not read the others.
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
    """Which event ids were recorded, as which row, and of which report: what makes logging idempotent."""

    __tablename__ = "router_event_keys"

    event_id: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH), primary_key=True)
    analytics_id: Mapped[UUID] = mapped_column(Uuid)
    fingerprint: Mapped[str] = mapped_column(String(32))

    __table_args__ = ({"sqlite_with_rowid": False},)
