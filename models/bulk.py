"""Statements over many rows at once, the same text for both databases.

The rows travel in one parameter on PostgreSQL (an array of the table's rows, or an array a column) and in one on SQLite
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

    `{locked}` stands for what locks the rows of a table `t` in a subquery, where other processes write beside us. Rows
    that are whole rows of a table are best said to be: PostgreSQL takes them as such, at half the cost of its columns.
    """

    def __init__(
        self, columns: Mapping[str, Column], sql: str, returning: Sequence[Column] = (), *, whole: str | None = None
    ) -> None:
        self._names = list(columns)
        self._sql = sql
        self._types = list(columns.values())
        self.returning = returning
        self._whole = whole
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
            packed = to_json(self._packed(rows, self._to_sqlite))
            result = await connection.exec_driver_sql(self._sqlite, (packed.decode(),))
            return _read(self._from_sqlite, result) if self._from_sqlite else []
        found = await fetch(connection, self._postgresql, *self.arguments(rows))
        return self.read(found)

    def for_postgresql(self, parameters_before: int = 0) -> str:
        """The statement as PostgreSQL takes it, its parameters numbered after so many others."""
        if self._whole is not None:
            rows = f"unnest(${parameters_before + 1}::{self._whole}[]) AS r"
        else:
            rows = _array_rows(self._names, self._types, parameters_before)
        return self._sql.format(rows=rows, locked="FOR UPDATE OF t")

    def arguments(self, rows: Sequence[Row]) -> list[Sequence[Any]]:
        """What PostgreSQL's parameters stand for."""
        packed = self._packed(rows, self._to_postgresql)
        if self._whole is not None:
            return [packed]
        return list(zip(*packed, strict=True)) if rows else [()] * len(self._names)

    def read(self, found: Iterable[Iterable[Any]]) -> list[tuple[Any, ...]]:
        """What PostgreSQL returned, as Python values."""
        return _read(self._from_postgresql, found)

    @property
    def parameters(self) -> int:
        return 1 if self._whole is not None else len(self._names)

    def _packed(self, rows: Sequence[Row], writers: Sequence[Convert | None]) -> list[tuple[Any, ...]]:
        """The rows as tuples in the order of their columns, as the driver wants them."""
        columns = [
            [row[name] for row in rows] if write is None else [write(row[name]) for row in rows]
            for name, write in zip(self._names, writers, strict=True)
        ]
        return list(zip(*columns, strict=True))


class Together:
    """Statements that do not look at each other's rows: one round trip for all of them on PostgreSQL."""

    def __init__(self, *statements: Bulk) -> None:
        self._statements = statements
        self._postgresql = _one_statement(statements)

    async def execute(self, connection: AsyncConnection, *rows: Sequence[Row]) -> list[list[tuple[Any, ...]]]:
        """Run each with its rows; what each returns, as Python values."""
        if not any(rows):
            return [[] for _ in rows]
        pairs = list(zip(self._statements, rows, strict=True))
        if connection.dialect.name == "sqlite":
            return [await statement.execute(connection, some) for statement, some in pairs]
        arguments = [argument for statement, some in pairs for argument in statement.arguments(some)]
        found: list[list[Any]] = [[] for _ in rows]
        for row in await fetch(connection, self._postgresql, *arguments):
            place, start = row[0], row[1]
            found[place].append(row[2 + start : 2 + start + len(self._statements[place].returning)])
        return [statement.read(some) for statement, some in zip(self._statements, found, strict=True)]


def _one_statement(statements: Sequence[Bulk]) -> str:
    """All of them, each as a common table expression; those that change rows run whether they are read or not.

    What they return comes as rows that begin with the statement's place and where its own columns start.
    """
    expressions: list[str] = []
    parameters = 0
    for place, statement in enumerate(statements):
        expressions.append(f"s{place} AS ({statement.for_postgresql(parameters)})")
        parameters += statement.parameters
    types = [[type_.compile(_POSTGRESQL) for type_ in statement.returning] for statement in statements]
    selects: list[str] = []
    start = 0
    for place, own in enumerate(types):
        if own:
            before = [f"NULL::{type_}" for some in types[:place] for type_ in some]
            after = [f"NULL::{type_}" for some in types[place + 1 :] for type_ in some]
            columns = ", ".join([*before, f"s{place}.*", *after])
            selects.append(f"SELECT {place}, {start}, {columns} FROM s{place}")
        start += len(own)
    return f"WITH {', '.join(expressions)} {' UNION ALL '.join(selects)}"


def _read(readers: Sequence[Convert | None], rows: Iterable[Iterable[Any]]) -> list[tuple[Any, ...]]:
    converting = [(place, read) for place, read in enumerate(readers) if read is not None]
    if not converting:
        return [tuple(row) for row in rows]
    found = []
    for row in rows:
        values = list(row)
        for place, read in converting:
            if values[place] is not None:
                values[place] = read(values[place])
        found.append(tuple(values))
    return found


def _json_rows(names: Sequence[str]) -> str:
    fields = ", ".join(f"json_extract(value, '$[{place}]') AS {name}" for place, name in enumerate(names))
    return f"(SELECT {fields} FROM json_each(?)) AS r"


def _array_rows(names: Sequence[str], types: Sequence[Column], parameters_before: int) -> str:
    arrays = ", ".join(
        f"${place}::{type_.compile(_POSTGRESQL)}[]" for place, type_ in enumerate(types, parameters_before + 1)
    )
    return f"unnest({arrays}) AS r({', '.join(names)})"


def _optional(write: Convert) -> Convert:
    return lambda value: None if value is None else write(value)


def _nano_dollars(value: Decimal) -> int:
    return int(value.scaleb(9))


# How a type is written and read: None for values that go as they are.


def _sqlite_writer(type_: Column) -> Convert | None:
    if isinstance(type_, Uuid):
        return _optional(lambda value: value.hex)
    if isinstance(type_, UTCDateTime):
        return _optional(lambda value: value.strftime(_SQLITE_MOMENT))
    return _postgresql_writer(type_)


def _postgresql_writer(type_: Column) -> Convert | None:
    if isinstance(type_, JSON):
        return lambda value: to_json(value).decode()
    return _optional(_nano_dollars) if isinstance(type_, Money) else None


def _sqlite_reader(type_: Column) -> Convert | None:
    if isinstance(type_, Uuid):
        return UUID
    if isinstance(type_, UTCDateTime):
        return lambda text: datetime.strptime(text, _SQLITE_MOMENT).replace(tzinfo=UTC)
    if isinstance(type_, JSON):
        return from_json
    return bool if isinstance(type_, Boolean) else _postgresql_reader(type_)


def _postgresql_reader(type_: Column) -> Convert | None:
    if isinstance(type_, Money):
        return lambda value: Decimal(int(value)).scaleb(-9)
    return type_.enum_class if isinstance(type_, Enum) else None
