"""`router_unpriced_models`: models with a call of unknown cost that no hold covered.

While such a call is in the window of a budget, the budget rejects the model, because the cost of the next call is unknown.
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
    """One such model, and when its latest call of unknown cost occurred."""

    __tablename__ = "router_unpriced_models"

    provider: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH), primary_key=True)
    model_used: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH), primary_key=True)
    last_at: Mapped[datetime]

    __table_args__ = ({"sqlite_with_rowid": False},)


MODEL: Final = ("user_id", "provider", "model_used")
