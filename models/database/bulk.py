"""Bulk statements: one statement over many rows, written once for both databases.

PostgreSQL receives the rows as one array of rows or as one array per column; SQLite receives them as one JSON text, which
`json_each` unpacks. The text of a statement does not depend on the number of rows, so it is prepared once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, TypeVar
from uuid import UUID

from pydantic_core import from_json, to_json
from sqlalchemy import JSON, Boolean, Enum, Float, Table, Uuid
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeEngine

from models.base import Base
from models.database.postgresql import fetch
from models.types import Money, UTCDateTime, dollars, json_text, sqlite_text

Column = TypeEngine[Any]
Item = TypeVar("Item")
Row = Mapping[str, Any]
Convert = Callable[[Any], Any]

_POSTGRESQL: Final = postgresql.dialect()  # type: ignore[no-untyped-call]
_MAX_INTEGER: Final = 2**63 - 1


class Rows:
    """The columns of the rows that a statement is executed with.

    If the rows contain all columns of a table, give the table as `whole` and only further columns as `columns`: PostgreSQL
    receives one array of rows, at half the cost of one array per column.
    """

    def __init__(self, columns: Mapping[str, Column], *, whole: Table | None = None) -> None:
        self._whole = whole
        of_whole = {} if whole is None else {column.name: column.type for column in whole.columns}
        self._width_of_whole = len(of_whole)
        self._types = list(columns.values())
        self.names = [*of_whole, *columns]
        all_types = [*of_whole.values(), *self._types]
        self._to_sqlite = [_sqlite_writer(type_) for type_ in all_types]
        self._to_postgresql = [_postgresql_writer(type_) for type_ in all_types]
        self.parameters = (whole is not None) + len(columns)

    def on_sqlite(self) -> str:
        """The SQL of the rows as a table `r`, from one JSON parameter."""
        fields = ", ".join(f"json_extract(value, '$[{index}]') AS {name}" for index, name in enumerate(self.names))
        return f"(SELECT {fields} FROM json_each(?)) AS r"

    def on_postgresql(self, parameters_before: int) -> str:
        """The SQL of the rows as a table `r`. Its parameters are numbered from `parameters_before` + 1 on."""
        types = [str(type_.compile(_POSTGRESQL)) for type_ in self._types]
        if self._whole is not None:
            types.insert(0, self._whole.name)
        arrays = ", ".join(f"${index}::{type_}[]" for index, type_ in enumerate(types, parameters_before + 1))
        return f"unnest({arrays}) AS r({', '.join(self.names)})"

    def json(self, rows: Sequence[Row]) -> str:
        """The rows as the parameter for SQLite."""
        return to_json(list(zip(*self._columns(rows, self._to_sqlite), strict=True))).decode()

    def arrays(self, rows: Sequence[Row]) -> list[list[Any]]:
        """The rows as the parameters for PostgreSQL."""
        columns = self._columns(rows, self._to_postgresql)
        if self._whole is None:
            return columns
        return [list(zip(*columns[: self._width_of_whole], strict=True)), *columns[self._width_of_whole :]]

    def _columns(self, rows: Sequence[Row], writers: Sequence[Convert | None]) -> list[list[Any]]:
        return [
            [row[name] for row in rows] if write is None else [write(row[name]) for row in rows]
            for name, write in zip(self.names, writers, strict=True)
        ]


class Bulk:
    """A statement in which `{rows}` stands for the rows that it is executed with, as a table named `r`.

    Further placeholders stand for SQL in which the two databases differ: `{day_of_occurred_at}`, `{hour_of_occurred_at}` and
    `{minute_of_occurred_at}` truncate `r.occurred_at` in UTC; `{locked}` locks the rows of a table `t` in a subquery on
    PostgreSQL, and is empty on SQLite, which has one writer. `returning` gives the types of the returned columns.
    """

    def __init__(self, rows: Rows, sql: str, returning: Sequence[Column] = ()) -> None:
        self.rows = rows
        self.returning = returning
        self._sql = sql
        self._from_sqlite = [_sqlite_reader(type_) for type_ in returning]
        self._from_postgresql = [_postgresql_reader(type_) for type_ in returning]
        self._sqlite = sql.format(
            rows=rows.on_sqlite(),
            day_of_occurred_at="substr(r.occurred_at, 1, 10) || ' 00:00:00.000000'",
            hour_of_occurred_at="substr(r.occurred_at, 1, 13) || ':00:00.000000'",
            minute_of_occurred_at="substr(r.occurred_at, 1, 16) || ':00.000000'",
            locked="",
        )
        self._postgresql = self.on_postgresql(rows.on_postgresql(0))

    async def execute(self, connection: AsyncConnection, rows: Sequence[Row]) -> list[tuple[Any, ...]]:
        """Execute the statement with these rows. Returns its result as Python values; without rows, an empty list."""
        if not rows:
            return []
        if connection.dialect.name == "sqlite":
            return await self.execute_on_sqlite(connection, self.rows.json(rows))
        return self.read(await fetch(connection, self._postgresql, *self.rows.arrays(rows)))

    async def execute_on_sqlite(self, connection: AsyncConnection, packed: str) -> list[tuple[Any, ...]]:
        """Execute the statement on SQLite, with rows that `Rows.json` has packed."""
        result = await connection.exec_driver_sql(self._sqlite, (packed,))
        return _converted(self._from_sqlite, result) if self._from_sqlite else []

    def on_postgresql(self, rows: str) -> str:
        """The statement for PostgreSQL, with `rows` as the SQL of its rows."""
        return self._sql.format(
            rows=rows,
            day_of_occurred_at="date_trunc('day', r.occurred_at, 'UTC')",
            hour_of_occurred_at="date_trunc('hour', r.occurred_at, 'UTC')",
            minute_of_occurred_at="date_trunc('minute', r.occurred_at, 'UTC')",
            locked="FOR UPDATE OF t",
        )

    def read(self, found: Iterable[Iterable[Any]]) -> list[tuple[Any, ...]]:
        """The result of PostgreSQL, converted to Python values."""
        return _converted(self._from_postgresql, found)


class StatementBatch:
    """A statement batch: statements that PostgreSQL executes in one round trip. None may read what another one changes.

    Statements that share a `Rows` object are executed over the same rows, which are sent once.
    """

    def __init__(self, *statements: Bulk) -> None:
        self._statements = statements
        self._shapes = list(dict.fromkeys(statement.rows for statement in statements))
        self._postgresql = self._one_statement()

    async def execute(self, connection: AsyncConnection, *rows: Sequence[Row]) -> list[list[tuple[Any, ...]]]:
        """Execute all statements. Returns the result of each.

        `rows` has one sequence per distinct `Rows` object, in the order in which the statements first use them.
        """
        if not any(rows):
            return [[] for _ in self._statements]
        if connection.dialect.name == "sqlite":
            return await self._one_by_one(connection, dict(zip(self._shapes, rows, strict=True)))
        arguments = [array for shape, some in zip(self._shapes, rows, strict=True) for array in shape.arrays(some)]
        found: list[list[Any]] = [[] for _ in self._statements]
        for row in await fetch(connection, self._postgresql, *arguments):
            index, start = row[0], row[1]
            found[index].append(row[2 + start : 2 + start + len(self._statements[index].returning)])
        return [statement.read(some) for statement, some in zip(self._statements, found, strict=True)]

    async def _one_by_one(
        self, connection: AsyncConnection, rows: Mapping[Rows, Sequence[Row]]
    ) -> list[list[tuple[Any, ...]]]:
        packed = {shape: shape.json(some) for shape, some in rows.items() if some}
        return [
            await statement.execute_on_sqlite(connection, packed[statement.rows]) if statement.rows in packed else []
            for statement in self._statements
        ]

    def _one_statement(self) -> str:
        """One statement for PostgreSQL in which each statement is a common table expression.

        PostgreSQL executes those that change rows even if nothing selects from them. Each returned row starts with the index
        of its statement and the offset of that statement's columns.
        """
        expressions: list[str] = []
        parameters = 0
        for index, shape in enumerate(self._shapes):
            expressions.append(f"r{index} AS MATERIALIZED (SELECT * FROM {shape.on_postgresql(parameters)})")
            parameters += shape.parameters
        for index, statement in enumerate(self._statements):
            rows = f"r{self._shapes.index(statement.rows)} AS r"
            expressions.append(f"s{index} AS ({statement.on_postgresql(rows)})")
        types = [[type_.compile(_POSTGRESQL) for type_ in statement.returning] for statement in self._statements]
        selects: list[str] = []
        start = 0
        for index, own in enumerate(types):
            if own:
                before = [f"NULL::{type_}" for some in types[:index] for type_ in some]
                after = [f"NULL::{type_}" for some in types[index + 1 :] for type_ in some]
                columns = ", ".join([*before, f"s{index}.*", *after])
                selects.append(f"SELECT {index}, {start}, {columns} FROM s{index}")
            start += len(own)
        selects = selects or ["SELECT 0, 0 WHERE false"]
        return f"WITH {', '.join(expressions)} {' UNION ALL '.join(selects)}"


_tables = Base.metadata.tables


def columns_of(table: str, names: Iterable[str] = ()) -> dict[str, Any]:
    """The types of these columns of a table, or of all its columns, by name."""
    columns = _tables[table].columns
    return {name: columns[name].type for name in names or columns.keys()}


def whole(table: str) -> Rows:
    """Rows with all columns of a table."""
    return Rows({}, whole=_tables[table])


def insert(table: str, rows: Rows) -> Bulk:
    """An insert of whole rows into a table. `rows` may have further columns."""
    names = ", ".join(columns_of(table))
    return Bulk(rows, f"INSERT INTO {table} ({names}) SELECT {names} FROM {{rows}}")


@dataclass(frozen=True, slots=True)
class Grouped:
    """Grouped sums over the rows `r` of a statement. `key` and `sums` give the SQL of each column by name."""

    key: Mapping[str, str]
    sums: Mapping[str, str]
    join: str = ""
    where: str = "true"

    @property
    def columns(self) -> list[str]:
        return [*self.key, *self.sums]

    def select(self) -> str:
        """The SELECT of the sums, in key order, so that transactions lock rows in one order and never deadlock."""
        values = ", ".join(f"{sql} AS {name}" for name, sql in (*self.key.items(), *self.sums.items()))
        by = ", ".join(self.key.values())
        return (
            f"SELECT {values} FROM {{rows}} {self.join} WHERE {self.where} GROUP BY {by} ORDER BY {', '.join(self.key)}"
        )


def add_sums(table: str, rows: Rows, grouped: Grouped) -> Bulk:
    """An upsert that adds these sums to the rows of a table that have the same key."""
    return Bulk(rows, _upsert(table, grouped.columns, grouped.select()))


def add_rows(table: str, rows: Rows, returning: Sequence[str] = ()) -> Bulk:
    """An upsert that adds the given rows to the rows of a table that have the same key. They have all its columns."""
    columns = columns_of(table)
    names, key = ", ".join(columns), ", ".join(_key_of(table))
    returned = f" RETURNING {', '.join(returning)}" if returning else ""
    select = f"SELECT {names} FROM {{rows}} WHERE true ORDER BY {key}"
    return Bulk(rows, _upsert(table, columns, select) + returned, [columns[name] for name in returning])


def _upsert(table: str, columns: Iterable[str], select: str) -> str:
    key = _key_of(table)
    sums = [name for name in columns if name not in key and name != "window_end"]
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) {select} "
        f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {additions(table, sums, 'excluded')}"
    )


def _key_of(table: str) -> list[str]:
    return [column.name for column in _tables[table].primary_key]


def additions(table: str, names: Iterable[str], source: str) -> str:
    """The SQL assignments that add the columns of `source` to those of a table.

    The statement fails if an integer sum exceeds 64 bits. SQLite would silently convert the sum to a float, so the assignment
    yields NULL then, which violates the NOT NULL constraint of the column.
    """
    return ", ".join(f"{name} = {_sum(table, name, source)}" for name in names)


def _sum(table: str, name: str, source: str) -> str:
    total = f"{table}.{name} + {source}.{name}"
    if isinstance(columns_of(table)[name], Float):
        return total
    return f"CASE WHEN {total} BETWEEN -{_MAX_INTEGER} AND {_MAX_INTEGER} THEN {total} END"


def find(table: str, by: Sequence[str], returning: Sequence[str]) -> Bulk:
    """A SELECT of the rows of a table whose columns `by` have the values of the given rows."""
    columns = columns_of(table)
    joined = " AND ".join(f"t.{name} = r.{name}" for name in by)
    return Bulk(
        Rows(columns_of(table, by)),
        f"SELECT {', '.join(f't.{name}' for name in returning)} FROM {{rows}} JOIN {table} t ON {joined}",
        [columns[name] for name in returning],
    )


def lock(table: str, by: Sequence[str], returning: Sequence[str]) -> Bulk:
    """Like `find`, and locks the rows until the transaction ends, in the order of the columns `by`."""
    columns = columns_of(table)
    joined = " AND ".join(f"t.{name} = r.{name}" for name in by)
    order = ", ".join(f"t.{name}" for name in by)
    return Bulk(
        Rows(columns_of(table, by)),
        f"SELECT {', '.join(f't.{name}' for name in returning)} FROM {{rows}} JOIN {table} t ON {joined} "
        f"ORDER BY {order} {{locked}}",
        [columns[name] for name in returning],
    )


def _converted(readers: Sequence[Convert | None], rows: Iterable[Iterable[Any]]) -> list[tuple[Any, ...]]:
    converting = [(index, read) for index, read in enumerate(readers) if read is not None]
    if not converting:
        return [tuple(row) for row in rows]
    found = []
    for row in rows:
        values = list(row)
        for index, read in converting:
            if values[index] is not None:
                values[index] = read(values[index])
        found.append(tuple(values))
    return found


def _optional(write: Convert) -> Convert:
    return lambda value: None if value is None else write(value)


def _nano_dollars(value: Decimal) -> int:
    return int(value.scaleb(9))


def _sqlite_writer(type_: Column) -> Convert | None:
    if isinstance(type_, Uuid):
        return _optional(lambda value: value.hex)
    if isinstance(type_, UTCDateTime):
        return _optional(sqlite_text)
    return _postgresql_writer(type_)


def _postgresql_writer(type_: Column) -> Convert | None:
    if isinstance(type_, JSON):
        return json_text
    return _optional(_nano_dollars) if isinstance(type_, Money) else None


def _sqlite_reader(type_: Column) -> Convert | None:
    if isinstance(type_, Uuid):
        return UUID
    if isinstance(type_, UTCDateTime):
        return lambda text: datetime.fromisoformat(text).replace(tzinfo=UTC)
    if isinstance(type_, JSON):
        return from_json
    return bool if isinstance(type_, Boolean) else _postgresql_reader(type_)


def _postgresql_reader(type_: Column) -> Convert | None:
    if isinstance(type_, Money):
        return dollars
    return type_.enum_class if isinstance(type_, Enum) else None


def batched(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """The items in sequences of at most `size`."""
    return (items[start : start + size] for start in range(0, len(items), size))
