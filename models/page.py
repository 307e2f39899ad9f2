"""One page of a user's rows, newest first, by a key of theirs."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, Final, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.bounds import page_size
from domain.page import Page, decode_cursor

Row = TypeVar("Row", bound=Any)

_KINDS_OF_TUPLES: Final = 64


@lru_cache(_KINDS_OF_TUPLES)
def _tuple(names: tuple[str, ...]) -> Callable[[Iterable[Any]], Any]:
    make: Callable[[Iterable[Any]], Any] = namedtuple("Row", names)._make  # type: ignore[attr-defined]  # noqa: PYI024
    return make


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
    only: frozenset[str] | None = None,
) -> Page[Row]:
    """Up to `first` rows of the user after the cursor `after`.

    Of many rows, objects of the table take longer to make than to read. With `only`, the names of some attributes, rows
    are tuples that have these and the key.

    Raises InvalidInput for a `first` out of bounds or a cursor of another list.
    """
    kind, column, size = table.__tablename__, getattr(table, key), page_size(first)
    names = None if only is None else tuple(sorted(only | {key}))
    columns = [table] if names is None else [getattr(table, name) for name in names]
    statement = select(*columns).where(table.user_id == user_id, *conditions)
    if after is not None:
        statement = statement.where(column < decode_cursor(kind, after, parse))
    found = await session.execute(statement.order_by(column.desc()).limit(size + 1))
    rows: list[Any] = list(found.scalars() if names is None else map(_tuple(names), found))
    return Page(kind, key, rows[:size], has_next=len(rows) > size, has_previous=after is not None)
