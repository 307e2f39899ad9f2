"""`router_amendments`: what became known of calls after they were logged; and the writing of it.

A call shows what is right of it; its amendments keep what it said before, and who said otherwise when. The sums, windows,
A/B figures and holds that the call counts in follow in the same transaction.
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
    """One amendment of one call. The time in its id is `created_at`."""

    __tablename__ = "router_amendments"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    # The client's own: sent again with the same content, it is one amendment.
    amendment_id: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH))
    analytics_id: Mapped[UUID] = mapped_column(Uuid)
    fingerprint: Mapped[str] = mapped_column(String(32))
    # Whose token it was sent with.
    amended_by: Mapped[UUID] = mapped_column(Uuid)
    # The columns that it changed, as they were and as they became.
    before: Mapped[dict[str, Any]]
    after: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("user_id", "amendment_id"),
        Index("ix_router_amendments_call", "user_id", "analytics_id", "id"),
    )
