"""`router_unpriced_models`: models of which a call has no known cost, and no decision that held for it.

A budget refuses such a model while the call lies in its window: nobody can say what the next one would cost.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from domain.bounds import MAX_NAME_LENGTH
from models.base import Base, Owned

UserModelKey = tuple[UUID, str, str]
"""(user_id, provider, model)."""


class UnpricedModel(Owned, Base):
    """When the last such call occurred."""

    __tablename__ = "router_unpriced_models"

    provider: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH), primary_key=True)
    model_used: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH), primary_key=True)
    last_at: Mapped[datetime]

    __table_args__ = ({"sqlite_with_rowid": False},)


MODEL: Final = ("user_id", "provider", "model_used")
