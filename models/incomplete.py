"""`router_incomplete`: routing decisions and A/B tests that have lost calls to retention.

Their sums stay as they are. The remaining calls no longer add up to them, so verification leaves them out.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Uuid
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Owned


class Incomplete(Owned, Base):
    """The id of one such routing decision or A/B test."""

    __tablename__ = "router_incomplete"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)

    __table_args__ = ({"sqlite_with_rowid": False},)
