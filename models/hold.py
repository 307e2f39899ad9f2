"""`router_holds`: what budgets set aside for decisions whose outcome is not known yet."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Index, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Owned


class Hold(Owned, Base):
    """What is still held for a decision. Gone once it is settled or released; after it has expired, it holds nothing."""

    __tablename__ = "router_holds"

    decision_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    amount: Mapped[Decimal]
    expires_at: Mapped[datetime]

    __table_args__ = (
        Index("ix_router_holds_expires_at", "user_id", "expires_at"),
        {"sqlite_with_rowid": False},
    )
