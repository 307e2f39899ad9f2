"""One page of a user's rows, newest first, by a key of theirs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.bounds import page_size
from domain.page import Page, decode_cursor

Row = TypeVar("Row", bound=Any)


async def newest_first(
    session: AsyncSession,
    table: type[Row],
    user_id: UUID,
    conditions: Sequence[ColumnElement[bool]],
    *,
    first: int | None,
    after: str | None,
    key: str = "id",
    parse: Callable[[str], Any] = UUID,
) -> Page[Row]:
    """Up to `first` rows of the user after the cursor `after`.

    Raises InvalidInput for a `first` out of bounds or a cursor of another list.
    """
    kind, column, size = table.__tablename__, getattr(table, key), page_size(first)
    statement = select(table).where(table.user_id == user_id, *conditions)
    if after is not None:
        statement = statement.where(column < decode_cursor(kind, after, parse))
    rows = list(await session.scalars(statement.order_by(column.desc()).limit(size + 1)))
    return Page(kind, key, rows[:size], has_next=len(rows) > size, has_previous=after is not None)
