"""Which fields an operation selects, so that only their columns are read."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final, cast

from graphql import FieldNode, FragmentDefinitionNode, FragmentSpreadNode, InlineFragmentNode, SelectionSetNode
from sqlalchemy import JSON

from domain.bounds import to_camel
from models.base import Base
from models.database.raw_row import MAX_FIELDS, TYPE_NAME, RawFields, is_written
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


def raw_fields(info: Info, table: type[Base]) -> RawFields | None:
    """The fields of the nodes of a connection, if the database can write them: the name and the attribute of each.

    None if `edges` are selected, or a field of a node that is computed, renamed or an object. Such rows are read as values.
    """
    nodes = info._raw_info.field_nodes  # noqa: SLF001 - as below
    fragments = info._raw_info.fragments  # noqa: SLF001 - as below
    if not info.context.raw_rows or len(nodes) != 1 or nodes[0].selection_set is None:
        return None
    selected = _fields_alone(nodes[0].selection_set, fragments)
    of_nodes = [each for each in selected or () if each.name.value == "nodes"]
    if selected is None or len(of_nodes) != 1 or any(each.name.value not in _OF_RAW_PAGES for each in selected):
        return None
    below = of_nodes[0].selection_set
    of_rows = None if below is None else _fields_alone(below, fragments)
    if not of_rows or len(of_rows) > MAX_FIELDS:
        return None
    attributes = _written(table)
    if any(each.alias is not None or each.name.value not in attributes for each in of_rows):
        return None
    return tuple({each.name.value: attributes[each.name.value] for each in of_rows}.items())


_OF_RAW_PAGES: Final = frozenset({"nodes", "pageInfo", TYPE_NAME})


@cache
def _written(table: type[Base]) -> dict[str, str]:
    """The attributes of a table that databases write as clients receive them, by the name of their field."""
    return {TYPE_NAME: TYPE_NAME} | {
        field: attribute
        for attribute, field in _fields(table)
        if field not in _COMPUTED_FROM and is_written(table, attribute)
    }


def _fields_alone(
    selection_set: SelectionSetNode, fragments: Mapping[str, FragmentDefinitionNode]
) -> list[FieldNode] | None:
    """The fields of a selection set, those of its fragments included. None if there is a directive, or too many."""
    found: list[FieldNode] = []
    for node in selection_set.selections:
        if node.directives or len(found) > MAX_FIELDS:
            return None
        if isinstance(node, FieldNode):
            found.append(node)
            continue
        inline = cast("InlineFragmentNode | FragmentDefinitionNode", node)
        fragment = fragments[node.name.value] if isinstance(node, FragmentSpreadNode) else inline
        below = _fields_alone(fragment.selection_set, fragments)
        if below is None:
            return None
        found += below
    return found


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
