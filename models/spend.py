"""`router_spend_minutes`: what each user spent in each minute. Windows of any place and length add up from it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Owned


class SpendMinute(Owned, Base):
    """What the user's decisions of one UTC minute cost, those of unknown cost left out."""

    __tablename__ = "router_spend_minutes"

    minute: Mapped[datetime] = mapped_column(primary_key=True)
    amount: Mapped[Decimal]
    # Charged to decisions that were made in it, for calls of unknown cost.
    assumed: Mapped[Decimal] = mapped_column(server_default=text("0"))

    __table_args__ = ({"sqlite_with_rowid": False},)


class SpendTotal(Owned, Base):
    """What all calls of the user that were ever logged cost, and what is assumed of those of unknown cost.

    No other sum of the user's can be larger: a limit of these is one of all.
    """

    __tablename__ = "router_spend_totals"

    amount: Mapped[Decimal]
    assumed: Mapped[Decimal]

    __table_args__ = ({"sqlite_with_rowid": False},)
