"""Rows as JSON text that the database makes: no value of them becomes a Python object.

The values have the same text as those that `schema.scalar` writes; tests compare both.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any, Final

from sqlalchemy import Boolean, ColumnElement, Integer, Select, String, Uuid, bindparam, func, literal_column, select
from sqlalchemy.orm import DeclarativeBase

from models.types import Money, UTCDateTime

MAX_FIELDS: Final = 45
"""The most fields of an object: SQL functions take 100 arguments."""
_KINDS: Final = 256
_BOTH: Final = (Uuid, Money, UTCDateTime, Boolean, Integer, String)
"""Types of columns whose values both databases write exactly. SQLite writes 15 of the 17 digits of a double."""


TYPE_NAME: Final = "__typename"
"""The field whose value is the name of the table's class."""
RawFields = tuple[tuple[str, str], ...]
"""The fields of an object: the name of each, and the attribute of the row that it comes from."""


@cache
def is_written(table: type[DeclarativeBase], attribute: str) -> bool:
    """Whether databases write the values of this column as clients receive them."""
    column = table.__mapper__.columns.get(attribute)
    return column is not None and isinstance(column.type, _BOTH)


@lru_cache(_KINDS)
def select_raw(table: type[DeclarativeBase], key: str, fields: RawFields, dialect: str) -> Select[Any]:
    """The statement that selects rows of `:viewer_id`, the latest `:size` by key: the key, and the JSON text of an object."""
    columns = table.__mapper__.columns
    type_name: ColumnElement[str] = literal_column(f"'{table.__name__}'")
    values = [
        (name, type_name if name == TYPE_NAME else _VALUES[dialect](columns[attribute])) for name, attribute in fields
    ]
    return (
        select(columns[key].label("key"), _OBJECTS[dialect](values).label("text"))
        .where(columns["user_id"] == bindparam("viewer_id"))
        .order_by(columns[key].desc())
        .limit(bindparam("size"))
    )


def _on_postgresql(column: Any) -> ColumnElement[Any]:
    if isinstance(column.type, Money):
        return literal_column(f"trim_scale({column} * 0.000000001)::text")
    if isinstance(column.type, UTCDateTime):
        micros = f"""to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US')"""
        return literal_column(f"replace({micros}, '.000000', '') || 'Z'")
    return literal_column(str(column))


def _on_sqlite(column: Any) -> ColumnElement[Any]:
    if isinstance(column.type, Uuid):
        parts = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
        return literal_column(" || '-' || ".join(f"substr({column}, {start}, {size})" for start, size in parts))
    if isinstance(column.type, Money):
        amount = f"printf('%d.%09d', {column} / 1000000000, {column} % 1000000000)"
        return literal_column(f"CASE WHEN {column} IS NOT NULL THEN rtrim(rtrim({amount}, '0'), '.') END")
    if isinstance(column.type, UTCDateTime):
        return literal_column(f"replace(substr({column}, 1, 10) || 'T' || substr({column}, 12), '.000000', '') || 'Z'")
    if isinstance(column.type, Boolean):
        return literal_column(f"json(CASE {column} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END)")
    return literal_column(str(column))


def _object_on_postgresql(values: list[tuple[str, ColumnElement[Any]]]) -> ColumnElement[Any]:
    # row_to_json writes no spaces, json_build_object does.
    named = ", ".join(f'{value} AS "{name}"' for name, value in values)
    return literal_column(f"(SELECT row_to_json(o)::text FROM (SELECT {named}) o)", String)


def _object_on_sqlite(values: list[tuple[str, ColumnElement[Any]]]) -> ColumnElement[Any]:
    return func.json_object(*(part for name, value in values for part in (literal_column(f"'{name}'"), value)))


_VALUES: Final = {"postgresql": _on_postgresql, "sqlite": _on_sqlite}
_OBJECTS: Final = {"postgresql": _object_on_postgresql, "sqlite": _object_on_sqlite}
