"""`router_amendments`: corrections to calls after they were logged.

A call shows its current values. Its amendments keep the earlier values, who changed them and when. All sums, windows, A/B
figures and holds that contain the call change in the same transaction.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, String, UniqueConstraint, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from domain.bounds import MAX_NAME_LENGTH
from models.base import Base, Owned


class Amendment(Owned, Base):
    """One amendment of one call. `id` is a UUIDv7 whose timestamp is `created_at`."""

    __tablename__ = "router_amendments"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    # The client's idempotency key. The same content sent again under the same key is stored once.
    amendment_id: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH))
    analytics_id: Mapped[UUID] = mapped_column(Uuid)
    fingerprint: Mapped[str] = mapped_column(String(32))
    # The user whose token authenticated the request.
    amended_by: Mapped[UUID] = mapped_column(Uuid)
    # The changed columns, with their values before and after.
    before: Mapped[dict[str, Any]]
    after: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("user_id", "amendment_id"),
        Index("ix_router_amendments_call", "user_id", "analytics_id", "id"),
    )
