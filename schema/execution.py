"""Execution of operations: what graphql-core does, but for fields that are only read, without asking for each how.

Most of what an operation reads are attributes: a number, a text, an enum, of each of a hundred rows. graphql-core builds a
path and an info for each, and asks three times whether it is awaitable; Strawberry wraps each once or twice. Here such a
field is read and written out at once. Whatever is not as plain as that, an error above all, is left to them.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial
from operator import attrgetter
from typing import Any, Final, NamedTuple, cast

from graphql import (
    GraphQLField,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    Undefined,
    is_leaf_type,
)
from graphql.execution import Executor
from graphql.execution.collect_fields import CollectedFields, FieldDetailsList, GroupedFieldSet
from graphql.pyutils import Path
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField


class _Plain(NamedTuple):
    """A field without arguments whose value is a leaf that is there already."""

    read: Callable[[Any], Any]
    write: Callable[[Any], Any]
    nullable: bool


_ONLY_THE_SOURCE: Final = ["root"]


def plain_fields(schema: GraphQLSchema) -> Mapping[str, Mapping[str, _Plain]]:
    """Such fields of each object type."""
    return {
        type_.name: {"__typename": _Plain(partial(_name_of, type_.name), str, nullable=False)}
        | {name: each for name, field in type_.fields.items() if (each := _plain(field)) is not None}
        for type_ in _object_types(schema)
    }


def unwrap_attributes(schema: GraphQLSchema) -> None:
    """Have fields whose value is there already, objects and lists of them, resolved without Strawberry between."""
    for type_ in _object_types(schema):
        for field in type_.fields.values():
            read = _reader(field)
            if read is not None:
                field.resolve = partial(_read, read)


def _object_types(schema: GraphQLSchema) -> Iterator[GraphQLObjectType]:
    for type_ in schema.type_map.values():
        if isinstance(type_, GraphQLObjectType) and not type_.name.startswith("__"):
            yield type_


def _name_of(name: str, _source: Any) -> str:
    return name


def _read(read: Callable[[Any], Any], source: Any, _info: Any) -> Any:
    return read(source)


def _plain(field: GraphQLField) -> _Plain | None:
    type_ = field.type.of_type if isinstance(field.type, GraphQLNonNull) else field.type
    read = _reader(field)
    if read is None or not is_leaf_type(type_):
        return None
    return _Plain(read, type_.coerce_output_value, not isinstance(field.type, GraphQLNonNull))


def _reader(field: GraphQLField) -> Callable[[Any], Any] | None:
    """What reads the field of its source, when that is all that there is to do."""
    definition = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    if field.args or not isinstance(definition, StrawberryField):
        return None
    if definition.is_async or definition.extensions or definition.permission_classes:
        return None
    if definition.base_resolver is None:
        return attrgetter(definition.python_name)
    read = cast("Callable[[Any], Any]", definition.base_resolver.wrapped_func)
    return read if list(inspect.signature(read).parameters) == _ONLY_THE_SOURCE else None


class _Split(NamedTuple):
    """Fields that are asked for of a type: the plain ones, and those that graphql-core is to execute."""

    fields: GroupedFieldSet
    plain: list[tuple[str, _Plain]]
    rest: dict[str, FieldDetailsList]


class Remembered:
    """What fields an operation asks for, where that is the same whatever its variables are.

    Lists are known by their identity: what is remembered keeps them.
    """

    def __init__(self) -> None:
        self.root: GroupedFieldSet | None = None
        self.subfields: dict[tuple[GraphQLObjectType, int], CollectedFields] = {}
        self.splits: dict[tuple[GraphQLObjectType, int], _Split] = {}


class PlainFieldsFirst(Executor[Any]):
    """Reads plain fields itself. `plain` says which fields are.

    `remembered` holds what executions of the same operation found out; there is none for an operation with directives,
    which may ask for other fields each time.
    """

    def __init__(
        self, *args: Any, plain: Mapping[str, Mapping[str, _Plain]], remembered: Remembered | None = None, **more: Any
    ) -> None:
        super().__init__(*args, **more)
        self._plain = plain
        self._remembered = remembered or Remembered()

    def execute_collected_root_fields(
        self, root_type: GraphQLObjectType, root_value: Any, grouped_field_set: GroupedFieldSet, *more: Any
    ) -> Any:
        if self._remembered.root is None:
            self._remembered.root = grouped_field_set
        return super().execute_collected_root_fields(root_type, root_value, self._remembered.root, *more)

    def collect_subfields(
        self, return_type: GraphQLObjectType, field_details_list: FieldDetailsList
    ) -> CollectedFields:
        key = (return_type, id(field_details_list))
        found = self._remembered.subfields.get(key)
        if found is None:
            found = self._remembered.subfields[key] = super().collect_subfields(return_type, field_details_list)
        return found

    def complete_list_value(
        self,
        return_type: GraphQLList[Any],
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: Any,
    ) -> Any:
        """A list of objects of which plain fields alone are asked for is written out at once."""
        type_ = return_type.of_type
        type_ = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
        if isinstance(result, list) and isinstance(type_, GraphQLObjectType) and type_.is_type_of is None:
            fields = self.collect_subfields(type_, field_details_list).grouped_field_set
            split = self._split(type_, fields)
            if split.plain and not split.rest:
                written = _all_written(split.plain, result)
                if written is not None:
                    return written
        return super().complete_list_value(return_type, field_details_list, info, path, result, position_context)

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Any,
        grouped_field_set: Any,
        position_context: Any,
    ) -> Any:
        split = self._split(parent_type, grouped_field_set)
        done: dict[str, Any] = {}
        rest = split.rest
        for name, field in split.plain:
            value = _written(field, source_value)
            if value is Undefined:
                rest = {**rest, name: grouped_field_set[name]}
            else:
                done[name] = value
        if not rest:
            return done
        others = super().execute_fields(parent_type, source_value, path, rest, position_context)
        if isinstance(others, dict):
            return _in_order(grouped_field_set, done | others)
        return _merged(grouped_field_set, done, others)

    def _split(self, parent_type: GraphQLObjectType, fields: GroupedFieldSet) -> _Split:
        key = (parent_type, id(fields))
        split = self._remembered.splits.get(key)
        if split is None:
            of_type = self._plain.get(parent_type.name, {})  # of introspection, none are
            plain = [(name, of_type.get(details[0].node.name.value)) for name, details in fields.items()]
            split = self._remembered.splits[key] = _Split(
                fields,
                [(name, field) for name, field in plain if field is not None],
                {name: fields[name] for name, field in plain if field is None},
            )
        return split


def _all_written(fields: list[tuple[str, _Plain]], sources: list[Any]) -> list[dict[str, Any]] | None:
    """These fields of all the objects; None where graphql-core is to say what is wrong with one."""
    if None in sources:
        return None
    columns: list[list[Any]] = []
    for _, field in fields:
        column = _column(field, sources)
        if column is None:
            return None
        columns.append(column)
    names = [name for name, _ in fields]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def _column(field: _Plain, sources: list[Any]) -> list[Any] | None:
    read, write, nullable = field
    try:
        values = list(map(read, sources))
        nulls = values.count(None)
        if not nulls:
            written = list(map(write, values))
        elif nullable:
            written = [None if value is None else write(value) for value in values]
        else:
            return None
    except Exception:  # noqa: BLE001 - whatever it is, graphql-core meets it again and tells the client
        return None
    return written if written.count(None) == nulls else None


def _written(field: _Plain, source: Any) -> Any:
    """The field's value as it goes out; Undefined where graphql-core is to say what is wrong with it."""
    read, write, nullable = field
    try:
        value = read(source)
        if value is None:
            return None if nullable else Undefined
        written = write(value)
    except Exception:  # noqa: BLE001 - whatever it is, graphql-core meets it again and tells the client
        return Undefined
    return Undefined if written is None else written


async def _merged(names: Any, done: dict[str, Any], others: Awaitable[dict[str, Any]]) -> dict[str, Any]:
    return _in_order(names, done | await others)


def _in_order(names: Any, values: dict[str, Any]) -> dict[str, Any]:
    """Fields come in the order in which they were asked for."""
    return {name: values[name] for name in names if name in values}
