"""`router_holds`: money set aside for routing decisions whose calls are not settled yet."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Index, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Owned


class Hold(Owned, Base):
    """The amount still held for one routing decision, USD.

    The row is deleted when the routing decision is settled or released. From `expires_at` on it no longer counts.
    """

    __tablename__ = "router_holds"

    decision_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    amount: Mapped[Decimal]
    expires_at: Mapped[datetime]

    __table_args__ = (
        Index("ix_router_holds_expires_at", "user_id", "expires_at"),
        {"sqlite_with_rowid": False},
    )
