"""Reading one page of a user's rows, newest first."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, Final, TypeVar, cast
from uuid import UUID

from sqlalchemy import JSON, ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import defer

from domain.bounds import page_size
from domain.page import Page, decode_cursor
from models.database.raw_row import RawFields, select_raw
from models.types import RawRow, RawRows, raw

Row = TypeVar("Row", bound=Any)
_KINDS_OF_ROWS: Final = 256


@lru_cache(_KINDS_OF_ROWS)
def columns_of(table: Any, names: tuple[str, ...]) -> list[Any]:
    """The columns of these attributes, to be selected; JSON is selected as the stored text."""
    columns = [getattr(table, name) for name in names]
    return [raw(column) if isinstance(column.type, JSON) else column for column in columns]


@lru_cache(_KINDS_OF_ROWS)
def tuple_of(names: tuple[str, ...]) -> Callable[[Iterable[Any]], Any]:
    """The constructor of a named tuple with these fields."""
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
    without: Sequence[Any] = (),
    fields: RawFields | None = None,
) -> Page[Row]:
    """A page of up to `first` rows of the user after the cursor `after`, newest first.

    Rows are ORM objects, whose columns `without` are not loaded. With `only`, a set of attribute names, rows are named
    tuples of these attributes and the key; they are much cheaper to make than objects. With `fields`, rows are the JSON
    text of objects with these fields, which the database makes.

    Raises InvalidInput for a `first` out of bounds or a cursor of another list.
    """
    kind, column, size = table.__tablename__, getattr(table, key), page_size(first)
    if fields is not None:
        statement = select_raw(cast("Any", table), key, fields, session.get_bind().dialect.name)
        if conditions:
            statement = statement.where(*conditions)
        if after is not None:
            statement = statement.where(column < decode_cursor(kind, after, parse))
        connection = cast("AsyncConnection", session.bind)
        found = await connection.execute(statement, {"viewer_id": user_id, "size": size + 1})
        texts = list(map(RawRow._make, found))
        raw_rows: Any = RawRows(texts[:size], tuple(name for name, _ in fields))
        return Page(kind, "key", raw_rows, has_next=len(texts) > size, has_previous=after is not None)
    names = None if only is None else tuple(sorted(only | {key}))
    columns = [table] if names is None else columns_of(cast("Any", table), names)
    statement = select(*columns).where(table.user_id == user_id, *conditions).options(*map(defer, without))
    if after is not None:
        statement = statement.where(column < decode_cursor(kind, after, parse))
    found = await session.execute(statement.order_by(column.desc()).limit(size + 1))
    rows: list[Any] = list(found.scalars() if names is None else map(tuple_of(names), found))
    return Page(kind, key, rows[:size], has_next=len(rows) > size, has_previous=after is not None)
