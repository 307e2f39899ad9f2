"""`router_incomplete`: routing decisions and A/B tests of which retention has dropped calls.

Their sums stay, and the calls that are left do not tell them any more.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Uuid
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Owned


class Incomplete(Owned, Base):
    """One of them, by its id."""

    __tablename__ = "router_incomplete"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)

    __table_args__ = ({"sqlite_with_rowid": False},)
