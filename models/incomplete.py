"""`router_incomplete`: routing decisions and A/B tests of which retention has dropped calls.

Their sums stay, and the calls that are left do not tell them any more.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Uuid, bindparam, delete, text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Owned
from models.types import first_id_at


class Incomplete(Owned, Base):
    """One of them, by its id."""

    __tablename__ = "router_incomplete"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)

    __table_args__ = ({"sqlite_with_rowid": False},)


_note: Final = text(
    "INSERT INTO router_incomplete (user_id, id) "
    "SELECT user_id, decision_id FROM router_analytics WHERE id < :first_kept AND decision_id >= :first_kept "
    "UNION SELECT user_id, ab_test_id FROM router_analytics WHERE id < :first_kept AND ab_counted "
    "AND ab_test_id >= :first_kept ON CONFLICT DO NOTHING"
).bindparams(bindparam("first_kept", type_=Uuid()))


async def note_incomplete(connection: AsyncConnection, kept_from: datetime) -> None:
    """Remember what is newer than this moment and has calls that are older, before they are dropped."""
    first_kept = first_id_at(kept_from)
    await connection.execute(delete(Incomplete).where(Incomplete.id < first_kept))
    await connection.execute(_note, {"first_kept": first_kept})
