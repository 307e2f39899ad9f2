"""Which fields an operation selects, so that only their columns are read."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from graphql import FieldNode, FragmentSpreadNode, SelectionSetNode
from sqlalchemy import JSON

from domain.bounds import to_camel
from models.base import Base
from resolvers.context import Info


def selected_columns(info: Info, table: type[Base]) -> frozenset[str]:
    """The names of the attributes of a table that the selected fields need."""
    names = selected(info)
    names |= {field for name, fields in _COMPUTED_FROM.items() if name in names for field in fields}
    return frozenset(attribute for attribute, field in _fields(table) if field in names)


def unselected_documents(info: Info, table: type[Base]) -> list[Any]:
    """The JSON columns of a table, many KiB per row, that no selected field needs."""
    needed = selected_columns(info, table)
    columns = [(name, getattr(table, name)) for name, _ in _fields(table)]
    return [column for name, column in columns if isinstance(column.type, JSON) and name not in needed]


_COMPUTED_FROM: Final = {
    "costSource": ("cost", "priceVersion"),
    "reportedProvider": ("reportedProvider", "provider"),
    "reportedModel": ("reportedModel", "modelUsed"),
}
"""Fields that are more than the column of their name, and the fields that they are computed from."""


@cache
def _fields(table: type[Base]) -> list[tuple[str, str]]:
    return [(name, to_camel(name.rstrip("_"))) for name in table.__mapper__.column_attrs.keys()]  # noqa: SIM118


def selected(info: Info) -> set[str]:
    """The names of all fields selected below this one, at any depth. Each fragment is read once."""
    raw = info._raw_info  # noqa: SLF001 - `selected_fields` of Strawberry copies the whole fragment at every spread
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
