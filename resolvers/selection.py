"""Which fields an operation asks for: what nobody asks for need not be read."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from graphql import FieldNode, FragmentSpreadNode, SelectionSetNode
from sqlalchemy import JSON

from domain.bounds import to_camel
from models.base import Base
from resolvers.context import Info


def selected_columns(info: Info, table: type[Base]) -> frozenset[str]:
    """The attributes of a table that have the names of fields that are asked for."""
    names = selected(info)
    names |= {column for name, columns in _MADE_OF.items() if name in names for column in columns}
    return frozenset(attribute for attribute, field in _fields(table) if field in names)


def unselected_documents(info: Info, table: type[Base]) -> list[Any]:
    """The columns of JSON, each of many KiB, that have the name of no field that is asked for."""
    asked = selected_columns(info, table)
    columns = [(name, getattr(table, name)) for name, _ in _fields(table)]
    return [column for name, column in columns if isinstance(column.type, JSON) and name not in asked]


_MADE_OF: Final = {"costSource": ("cost", "priceVersion")}
"""Fields that no column has the name of, and those that they are made of."""


@cache
def _fields(table: type[Base]) -> list[tuple[str, str]]:
    return [(name, to_camel(name.rstrip("_"))) for name in table.__mapper__.column_attrs.keys()]  # noqa: SIM118


def selected(info: Info) -> set[str]:
    """The names of all fields that are asked for below this one, however deep. Each fragment is looked at once."""
    raw = info._raw_info  # noqa: SLF001 - Strawberry's own way makes a copy of all there is, at every spread
    names: set[str] = set()
    seen: set[str] = set()
    waiting: list[SelectionSetNode] = [node.selection_set for node in raw.field_nodes if node.selection_set]
    while waiting:
        for node in waiting.pop().selections:
            if isinstance(node, FragmentSpreadNode):
                if node.name.value not in seen:
                    seen.add(node.name.value)
                    waiting.append(raw.fragments[node.name.value].selection_set)
                continue
            if isinstance(node, FieldNode):
                names.add(node.name.value)
            if (below := getattr(node, "selection_set", None)) is not None:
                waiting.append(below)
    return names
