"""`router_spend_minutes` and `router_spend_totals`: the spend of each user per UTC minute and in total, USD."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Owned


class SpendMinute(Owned, Base):
    """The spend of one user in one UTC minute. The spend of any window of whole minutes is a sum of these rows."""

    __tablename__ = "router_spend_minutes"

    minute: Mapped[datetime] = mapped_column(primary_key=True)
    # The known costs of the calls that occurred in this minute.
    amount: Mapped[Decimal]
    # Assumed spend of routing decisions made in this minute, charged for calls of unknown cost.
    assumed: Mapped[Decimal] = mapped_column(server_default=text("0"))

    __table_args__ = ({"sqlite_with_rowid": False},)


class SpendTotal(Owned, Base):
    """The known cost of all calls that the user ever logged, and the assumed spend for those of unknown cost.

    No other sum of the user's costs can be larger, so a limit on these two bounds all of them.
    """

    __tablename__ = "router_spend_totals"

    amount: Mapped[Decimal]
    assumed: Mapped[Decimal]

    __table_args__ = ({"sqlite_with_rowid": False},)
