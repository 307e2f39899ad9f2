"""`router_analytics`: every routing decision, append-only, written by the ledger alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Index, Row, String, Uuid, and_, false, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from domain.ab_test import PastCall, Variant
from domain.analytics import AnalyticsFilter, LogAnalytics
from domain.bounds import MAX_NAME_LENGTH
from domain.cost_alert import Window
from domain.money import ZERO
from domain.preference import RoutingPriority
from domain.price import ServiceTier
from models.base import Base, Owned
from models.types import enum_type, first_id_at, last_id_at, raw


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


def passing(wanted: AnalyticsFilter) -> list[ColumnElement[bool]]:
    """The conditions of this filter. A time range bounds the id too, which is what the primary key can search."""
    row = RouterAnalytics
    conditions: list[ColumnElement[bool]] = []
    if wanted.from_ is not None:
        conditions += [row.id >= first_id_at(wanted.from_), row.occurred_at >= wanted.from_]
    if wanted.to is not None:
        conditions += [row.id <= last_id_at(wanted.to), row.occurred_at < wanted.to]
    if wanted.providers is not None:
        conditions.append(row.provider.in_(wanted.providers))
    conditions += of_models(row, wanted)
    if wanted.task_types is not None:
        conditions.append(row.task_type.in_(wanted.task_types))
    if wanted.ab_test_id is not None:
        conditions.append(row.ab_test_id == wanted.ab_test_id)
    if wanted.success is not None:
        conditions.append(row.success.is_(wanted.success))
    if wanted.fallback_used is not None:
        conditions.append(row.fallback_used.is_(wanted.fallback_used))
    return conditions


def of_models(table: Any, wanted: AnalyticsFilter) -> list[ColumnElement[bool]]:
    """The condition on provider and model, of calls or of their sums, if the filter has one."""
    if wanted.models is None:
        return []
    pairs = [and_(table.provider == provider, table.model_used == model) for provider, model in wanted.models_of]
    return [or_(table.model_used.in_(wanted.models), *pairs)]


async def spent_in(session: AsyncSession, user_id: UUID, window: Window) -> Decimal:
    """What the user's decisions in this window cost, USD."""
    in_window = passing(AnalyticsFilter(from_=window.start, to=window.end))
    spent = await session.scalar(
        select(func.sum(RouterAnalytics.cost)).where(RouterAnalytics.user_id == user_id, *in_window)
    )
    return spent or ZERO


async def past_calls(session: AsyncSession, user_id: UUID, task_type: str | None, limit: int) -> list[PastCall]:
    """The user's latest decisions, newest first: those of a task type, or of any for None."""
    row = RouterAnalytics
    statement = select(row.input_tokens, row.output_tokens, row.cost).where(row.user_id == user_id)
    if task_type is not None:
        statement = statement.where(row.task_type == task_type)
    return [PastCall(*found) for found in await session.execute(statement.order_by(row.id.desc()).limit(limit))]


async def analytics_by_id(session: AsyncSession, user_id: UUID, ids: Sequence[UUID]) -> dict[UUID, RouterAnalytics]:
    """The user's decisions with these ids; those that the user has not are left out."""
    rows = await session.scalars(
        select(RouterAnalytics).where(RouterAnalytics.user_id == user_id, RouterAnalytics.id.in_(ids))
    )
    return {row.id: row for row in rows}


REPORTED: Final = tuple(name for name in LogAnalytics.model_fields if name != "unit_key")
"""The fields a decision is logged with that its row tells again: of its unit it keeps the group alone."""

_AS_SENT: Final[dict[str, Any]] = {
    "provider": func.coalesce(RouterAnalytics.reported_provider, RouterAnalytics.provider),
    "model_used": func.coalesce(RouterAnalytics.reported_model, RouterAnalytics.model_used),
    "metadata": raw(RouterAnalytics.metadata_),
}
_reported = select(
    RouterAnalytics.id,
    *(_AS_SENT[name] if name in _AS_SENT else getattr(RouterAnalytics, name) for name in REPORTED),
)


async def reported(
    session: AsyncSession, user_id: UUID, conditions: Sequence[ColumnElement[bool]], limit: int
) -> Sequence[Row[Any]]:
    """Up to `limit` of the user's decisions, oldest first: the id of each, then its fields in the order of REPORTED."""
    row = RouterAnalytics
    found = await session.execute(
        _reported.where(row.user_id == user_id, *conditions).order_by(row.user_id, row.id).limit(limit)
    )
    return found.all()
