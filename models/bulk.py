"""Statements over many rows at once, the same text for both databases.

The rows travel as one parameter each column on PostgreSQL (arrays, unnested) and as one parameter in all on SQLite
(JSON, taken apart by `json_each`): the statement is the same however many rows there are, and so is prepared once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import JSON, Uuid
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeEngine

from models.postgresql import fetch
from models.types import Money, UTCDateTime

Column = TypeEngine[Any]
Convert = Callable[[Any], Any]

_POSTGRESQL: Final = postgresql.dialect()  # type: ignore[no-untyped-call]
_SQLITE_MOMENT: Final = "%Y-%m-%d %H:%M:%S.%f"


class Bulk:
    """A statement in which `{rows}` stands for a table of the rows it is executed with, and `r` for its name."""

    def __init__(self, columns: Mapping[str, Column], sql: str, returning: Sequence[Column] = ()) -> None:
        self._names = list(columns)
        types = list(columns.values())
        self._to_sqlite = [_sqlite_writer(type_) for type_ in types]
        self._to_postgresql = [_postgresql_writer(type_) for type_ in types]
        self._from_sqlite = [_sqlite_reader(type_) for type_ in returning]
        self._from_postgresql = [_postgresql_reader(type_) for type_ in returning]
        self._sqlite = sql.format(rows=_json_rows(self._names))
        self._postgresql = sql.format(rows=_array_rows(self._names, types))

    async def execute(self, connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
        """Run it with these rows; what it returns, as Python values."""
        if connection.dialect.name == "sqlite":
            writers = list(zip(self._names, self._to_sqlite, strict=True))
            packed = to_json([[write(row[name]) for name, write in writers] for row in rows])
            result = await connection.exec_driver_sql(self._sqlite, (packed.decode(),))
            if not self._from_sqlite:
                return []
            return [_read(self._from_sqlite, row) for row in result]
        columns = [
            [write(row[name]) for row in rows] for name, write in zip(self._names, self._to_postgresql, strict=True)
        ]
        found = await fetch(connection, self._postgresql, *columns)
        return [_read(self._from_postgresql, tuple(row)) for row in found]


def _read(readers: Sequence[Convert], row: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(None if value is None else read(value) for read, value in zip(readers, row, strict=True))


def _json_rows(names: Sequence[str]) -> str:
    fields = ", ".join(f"json_extract(value, '$[{place}]') AS {name}" for place, name in enumerate(names))
    return f"(SELECT {fields} FROM json_each(?)) AS r"


def _array_rows(names: Sequence[str], types: Sequence[Column]) -> str:
    # JSON goes as text and is cast here: it is text in Python already.
    sql_types = [_sql_type(type_) for type_ in types]
    arrays = ", ".join(
        f"${place}::{'TEXT' if type_ == 'JSONB' else type_}[]" for place, type_ in enumerate(sql_types, 1)
    )
    fields = ", ".join(f"u.{name}::{type_} AS {name}" for name, type_ in zip(names, sql_types, strict=True))
    return f"(SELECT {fields} FROM unnest({arrays}) AS u({', '.join(names)})) AS r"


def _sql_type(type_: Column) -> str:
    return str(type_.compile(_POSTGRESQL))


def _same(value: Any) -> Any:
    return value


def _optional(write: Convert) -> Convert:
    return lambda value: None if value is None else write(value)


def _nano_dollars(value: Decimal) -> int:
    return int(value.scaleb(9))


def _sqlite_writer(type_: Column) -> Convert:
    if isinstance(type_, Uuid):
        return _optional(lambda value: value.hex)
    if isinstance(type_, UTCDateTime):
        return _optional(lambda value: value.strftime(_SQLITE_MOMENT))
    return _writer(type_)


def _postgresql_writer(type_: Column) -> Convert:
    return _same if isinstance(type_, Uuid | UTCDateTime) else _writer(type_)


def _writer(type_: Column) -> Convert:
    if isinstance(type_, Money):
        return _optional(_nano_dollars)
    return _optional(lambda value: to_json(value).decode()) if isinstance(type_, JSON) else _same


def _sqlite_reader(type_: Column) -> Convert:
    if isinstance(type_, Uuid):
        return UUID
    if isinstance(type_, UTCDateTime):
        return lambda text: datetime.strptime(text, _SQLITE_MOMENT).replace(tzinfo=UTC)
    return _postgresql_reader(type_)


def _postgresql_reader(type_: Column) -> Convert:
    return (lambda value: Decimal(int(value)).scaleb(-9)) if isinstance(type_, Money) else _same
