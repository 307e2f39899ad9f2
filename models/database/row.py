"""Reading one of a user's rows."""

from __future__ import annotations

from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.error import NotFound

Row = TypeVar("Row", bound=Any)


async def row_of(session: AsyncSession, table: type[Row], user_id: UUID, id_: UUID) -> Row | None:
    """The user's row with this id; None if the user has no such row."""
    return await session.scalar(select(table).where(table.user_id == user_id, table.id == id_))


async def locked_row(session: AsyncSession, table: type[Row], user_id: UUID, id_: UUID, rows: str) -> Row:
    """The user's row with this id, locked until the transaction ends.

    Raises NotFound if the user has no such row. `rows` says in its message what the rows of this table are.
    """
    statement = select(table).where(table.user_id == user_id, table.id == id_)
    row: Row | None = await session.scalar(statement.with_for_update())
    if row is None:
        raise NotFound(f"id: must be the id of one of your {rows}", ["id"])
    return row
