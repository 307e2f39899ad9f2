"""Statements over many rows at once, the same text for both databases.

The rows travel as one parameter each column on PostgreSQL (arrays, unnested) and as one parameter in all on SQLite
(JSON, taken apart by `json_each`): the statement is the same however many rows there are, and so is prepared once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from pydantic_core import from_json, to_json
from sqlalchemy import JSON, Boolean, Enum, Uuid
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeEngine

from models.postgresql import fetch
from models.types import Money, UTCDateTime

Column = TypeEngine[Any]
Row = Mapping[str, Any]
Convert = Callable[[Any], Any]

_POSTGRESQL: Final = postgresql.dialect()  # type: ignore[no-untyped-call]
_SQLITE_MOMENT: Final = "%Y-%m-%d %H:%M:%S.%f"


class Bulk:
    """A statement in which `{rows}` stands for a table of the rows it is executed with, and `r` for its name.

    `{locked}` stands for what locks the rows of a table `t` in a subquery, where other processes write beside us.
    """

    def __init__(self, columns: Mapping[str, Column], sql: str, returning: Sequence[Column] = ()) -> None:
        self._names = list(columns)
        self._sql = sql
        self._types = list(columns.values())
        self._to_sqlite = [_sqlite_writer(type_) for type_ in self._types]
        self._to_postgresql = [_postgresql_writer(type_) for type_ in self._types]
        self._from_sqlite = [_sqlite_reader(type_) for type_ in returning]
        self._from_postgresql = [_postgresql_reader(type_) for type_ in returning]
        self._sqlite = sql.format(rows=_json_rows(self._names), locked="")
        self._postgresql = self.for_postgresql()

    async def execute(self, connection: AsyncConnection, rows: Sequence[Row]) -> list[tuple[Any, ...]]:
        """Run it with these rows; what it returns, as Python values."""
        if not rows:
            return []
        if connection.dialect.name == "sqlite":
            writers = list(zip(self._names, self._to_sqlite, strict=True))
            packed = to_json([[write(row[name]) for name, write in writers] for row in rows])
            result = await connection.exec_driver_sql(self._sqlite, (packed.decode(),))
            if not self._from_sqlite:
                return []
            return [_read(self._from_sqlite, row) for row in result]
        found = await fetch(connection, self._postgresql, *self.arguments(rows))
        return self.read(found)

    def for_postgresql(self, parameters_before: int = 0) -> str:
        """The statement as PostgreSQL takes it, its parameters numbered after so many others."""
        rows = _array_rows(self._names, self._types, parameters_before)
        return self._sql.format(rows=rows, locked="FOR UPDATE OF t")

    def arguments(self, rows: Sequence[Row]) -> list[list[Any]]:
        """What PostgreSQL's parameters stand for."""
        return [
            [row[name] for row in rows] if write is _same else [write(row[name]) for row in rows]
            for name, write in zip(self._names, self._to_postgresql, strict=True)
        ]

    def read(self, found: Iterable[Iterable[Any]]) -> list[tuple[Any, ...]]:
        """What PostgreSQL returned, as Python values."""
        return [_read(self._from_postgresql, row) for row in found]

    @property
    def parameters(self) -> int:
        return len(self._names)

    @property
    def returns(self) -> bool:
        return bool(self._from_postgresql)


class Together:
    """Statements that do not look at each other's rows: one round trip for all of them on PostgreSQL."""

    def __init__(self, *statements: Bulk) -> None:
        self._statements = statements
        parts: list[str] = []
        results: list[str] = []
        parameters = 0
        for place, statement in enumerate(statements):
            parts.append(f"s{place} AS ({statement.for_postgresql(parameters)})")
            parameters += statement.parameters
            # The rows of each as one array. What returns nothing runs all the same, being no SELECT.
            results.append(f"(SELECT array_agg(s{place}) FROM s{place})" if statement.returns else "NULL::int[]")
        self._postgresql = f"WITH {', '.join(parts)} SELECT {', '.join(results)}"

    async def execute(self, connection: AsyncConnection, *rows: Sequence[Row]) -> list[list[tuple[Any, ...]]]:
        """Run each with its rows; what each returns, as Python values."""
        if not any(rows):
            return [[] for _ in rows]
        pairs = list(zip(self._statements, rows, strict=True))
        if connection.dialect.name == "sqlite":
            return [await statement.execute(connection, some) for statement, some in pairs]
        arguments = [argument for statement, some in pairs for argument in statement.arguments(some)]
        [found] = await fetch(connection, self._postgresql, *arguments)
        return [statement.read(array or ()) for statement, array in zip(self._statements, found, strict=True)]


def _read(readers: Sequence[Convert], row: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(None if value is None else read(value) for read, value in zip(readers, row, strict=True))


def _json_rows(names: Sequence[str]) -> str:
    fields = ", ".join(f"json_extract(value, '$[{place}]') AS {name}" for place, name in enumerate(names))
    return f"(SELECT {fields} FROM json_each(?)) AS r"


def _array_rows(names: Sequence[str], types: Sequence[Column], parameters_before: int) -> str:
    # JSON goes as text and is cast here: it is text in Python already.
    sql_types = [_sql_type(type_) for type_ in types]
    arrays = ", ".join(
        f"${place}::{'TEXT' if type_ == 'JSONB' else type_}[]"
        for place, type_ in enumerate(sql_types, parameters_before + 1)
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
    if isinstance(type_, JSON):
        return from_json
    if isinstance(type_, Boolean):
        return bool
    if isinstance(type_, UTCDateTime):
        return lambda text: datetime.strptime(text, _SQLITE_MOMENT).replace(tzinfo=UTC)
    return _postgresql_reader(type_)


def _postgresql_reader(type_: Column) -> Convert:
    if isinstance(type_, Money):
        return lambda value: Decimal(int(value)).scaleb(-9)
    if isinstance(type_, Enum) and type_.enum_class is not None:
        return type_.enum_class
    return _same
