"""Execution of operations: what graphql-core does, but for fields that are only read, without asking for each how.

Most of what an operation reads are attributes: a number, a text, an enum, of each of a hundred rows. graphql-core builds a
path and an info for each, and asks three times whether it is awaitable; Strawberry wraps each once or twice. Here such a
field is read and written out at once, and so are objects of which nothing else is asked for. Whatever is not as plain as
that, an error above all, is left to them.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import partial
from operator import attrgetter
from typing import Any, Final, NamedTuple, cast

from graphql import (
    GraphQLField,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    GraphQLSchema,
    Undefined,
    get_named_type,
    is_leaf_type,
    is_object_type,
)
from graphql.execution import Executor
from graphql.execution.collect_fields import CollectedFields, FieldDetailsList, GroupedFieldSet
from graphql.pyutils import Path
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField

from server.graphql.limits import MAX_VALUES


class _Leaf(NamedTuple):
    """A field without arguments whose value is a scalar or an enum that is there already."""

    read: Callable[[Any], Any]
    write: Callable[[Any], Any]
    nullable: bool

    def of(self, source: Any) -> Any:
        """Its value as it goes out; Undefined where graphql-core is to say what is wrong with it."""
        read, write, nullable = self
        try:
            value = read(source)
            if value is None:
                return None if nullable else Undefined
            written = write(value)
        except Exception:  # noqa: BLE001 - whatever it is, graphql-core meets it again and tells the client
            return Undefined
        return Undefined if written is None else written

    def of_all(self, sources: list[Any]) -> list[Any] | None:
        """The same of each; None where one is for graphql-core."""
        read, write, nullable = self
        try:
            values = list(map(read, sources))
            nulls = values.count(None)
            if not nulls:
                written = list(map(write, values))
            elif nullable:
                written = [None if value is None else write(value) for value in values]
            else:
                return None
        except Exception:  # noqa: BLE001 - as above
            return None
        return written if written.count(None) == nulls else None


class _Nested(NamedTuple):
    """A field without arguments whose value is an object that is there already, or a list of them."""

    read: Callable[[Any], Any]
    type_: GraphQLObjectType
    nullable: bool
    is_list: bool


class _Objects(NamedTuple):
    """Such a field, and what is asked for of its objects: plain fields alone."""

    nested: _Nested
    fields: _Fields

    def of(self, source: Any) -> Any:
        """As of a leaf."""
        try:
            value = self.nested.read(source)
        except Exception:  # noqa: BLE001 - as of a leaf
            return Undefined
        return self._written(value)

    def of_all(self, sources: list[Any]) -> list[Any] | None:
        """As of a leaf."""
        try:
            values = list(map(self.nested.read, sources))
        except Exception:  # noqa: BLE001 - as of a leaf
            return None
        if not self.nested.is_list and None not in values:
            return _all_of(self.fields, values)
        written = [self._written(value) for value in values]
        return None if any(each is Undefined for each in written) else written

    def _written(self, value: Any) -> Any:
        if value is None:
            return None if self.nested.nullable else Undefined
        if self.nested.is_list:
            written = _all_of(self.fields, value) if isinstance(value, list) else None
            return Undefined if written is None else written
        done: dict[str, Any] = {}
        for name, field in self.fields:
            done[name] = found = field.of(value)
            if found is Undefined:
                return Undefined
        return done


_Fields = list[tuple[str, _Leaf | _Objects]]
"""By the names they go out under."""


def _all_of(fields: _Fields, sources: list[Any]) -> list[dict[str, Any]] | None:
    """These fields of all the objects, one field after the other; None where graphql-core is to say what is wrong."""
    if None in sources:
        return None
    columns: list[list[Any]] = []
    for _, field in fields:
        column = field.of_all(sources)
        if column is None:
            return None
        columns.append(column)
    names = [name for name, _ in fields]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


_VALUES_AT_ONCE: Final = 4_000
"""Of a list: what is written before others have their turn."""
_TYPES_AT_ONCE: Final = 5
PlainFields = Mapping[str, Mapping[str, _Leaf | _Nested]]
_ONLY_THE_SOURCE: Final = ["root"]


def plain_fields(schema: GraphQLSchema) -> PlainFields:
    """Such fields of each object type."""
    return {
        type_.name: {"__typename": _Leaf(partial(_name_of, type_.name), str, nullable=False)}
        | {name: each for name, field in type_.fields.items() if (each := _plain(field)) is not None}
        for type_ in schema.type_map.values()
        if isinstance(type_, GraphQLObjectType) and not type_.name.startswith("__")
    }


def _name_of(name: str, _source: Any) -> str:
    return name


def _plain(field: GraphQLField) -> _Leaf | _Nested | None:
    read = _reader(field)
    if read is None:
        return None
    type_, nullable = _unwrapped(field.type)
    if is_leaf_type(type_):
        return _Leaf(read, type_.coerce_output_value, nullable)
    is_list = isinstance(type_, GraphQLList)
    of_objects = _object_type(type_.of_type if isinstance(type_, GraphQLList) else type_)
    return None if of_objects is None else _Nested(read, of_objects, nullable, is_list)


def _object_type(type_: GraphQLOutputType) -> GraphQLObjectType | None:
    """The type of objects; None for other values, and for objects that graphql-core asks whether they are of their type."""
    type_, _ = _unwrapped(type_)
    return type_ if isinstance(type_, GraphQLObjectType) and type_.is_type_of is None else None


def _unwrapped(type_: GraphQLOutputType) -> tuple[GraphQLOutputType, bool]:
    """The type itself, and whether it may be null."""
    return (type_.of_type, False) if isinstance(type_, GraphQLNonNull) else (type_, True)


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
    """Fields that are asked for of a type: those that are read here, and those that graphql-core is to execute."""

    asked: GroupedFieldSet
    plain: _Fields
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

    def __init__(self, *args: Any, plain: PlainFields, remembered: Remembered | None = None, **more: Any) -> None:
        super().__init__(*args, **more)
        self._plain = plain
        self._remembered = remembered or Remembered()
        self._values_in_lists = 0
        self.too_much = False
        """Whether lists hold more than `MAX_VALUES`: some are left out then, and the result is none."""

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
        """A list of objects of which plain fields alone are asked for is written out at once.

        Documents are counted before (`server.graphql.limits`), with summaries as long as charts are, and not at all what they ask of
        the schema itself: here it shows how long those lists are.
        """
        if not self._has_room(return_type, field_details_list, result):
            return []
        if _is_all_of_the_schema(return_type, path):
            return self._types_in_turns(return_type, field_details_list, info, path, list(result), position_context)
        type_ = _object_type(return_type.of_type)
        fields = self._plain_alone(type_, field_details_list) if isinstance(result, list) and type_ else None
        if fields is not None and len(result) * len(fields) > _VALUES_AT_ONCE:
            return self._in_turns(fields, return_type, field_details_list, info, path, result, position_context)
        written = None if fields is None else _all_of(fields, result)
        if written is not None:
            return written
        return super().complete_list_value(return_type, field_details_list, info, path, result, position_context)

    async def _in_turns(
        self,
        fields: _Fields,
        return_type: GraphQLList[Any],
        details: Any,
        info: Any,
        path: Path,
        result: Any,
        *more: Any,
    ) -> Any:
        """The same list, others having their turn while it is written."""
        rows_at_once = max(1, _VALUES_AT_ONCE // len(fields))
        done: list[dict[str, Any]] = []
        for start in range(0, len(result), rows_at_once):
            written = _all_of(fields, result[start : start + rows_at_once])
            if written is None:
                whole = super().complete_list_value(return_type, details, info, path, result, *more)
                return await whole if inspect.isawaitable(whole) else whole
            done += written
            await asyncio.sleep(0)
        return done

    async def _types_in_turns(
        self, return_type: GraphQLList[Any], details: Any, info: Any, path: Path, types: list[Any], *more: Any
    ) -> Any:
        """All types of the schema, a few at a time: each has fields and arguments without end."""
        done: list[Any] = []
        for start in range(0, len(types), _TYPES_AT_ONCE):
            some = types[start : start + _TYPES_AT_ONCE]
            written = super().complete_list_value(return_type, details, info, path, some, *more)
            done += await written if inspect.isawaitable(written) else written
            await asyncio.sleep(0)
        return done

    def _has_room(self, return_type: GraphQLList[Any], details: FieldDetailsList, found: Any) -> bool:
        if not isinstance(found, Collection):
            return True
        type_ = get_named_type(return_type)
        of_each = len(self.collect_subfields(type_, details).grouped_field_set) if is_object_type(type_) else 1
        self._values_in_lists += len(found) * of_each
        self.too_much = self.too_much or self._values_in_lists > MAX_VALUES
        return not self.too_much

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
            value = field.of(source_value)
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
            split = self._remembered.splits[key] = _Split(fields, [], {})
            of_type = self._plain.get(parent_type.name, {})  # of introspection, none are
            for name, details in fields.items():
                plain = of_type.get(details[0].node.name.value)
                field = self._objects(plain, details) if isinstance(plain, _Nested) else plain
                if field is None:
                    split.rest[name] = details
                else:
                    split.plain.append((name, field))
        return split

    def _objects(self, nested: _Nested, details: FieldDetailsList) -> _Objects | None:
        fields = self._plain_alone(nested.type_, details)
        return None if fields is None else _Objects(nested, fields)

    def _plain_alone(self, type_: GraphQLObjectType, details: FieldDetailsList) -> _Fields | None:
        """What is asked for of these objects, if it is plain fields and nothing else."""
        split = self._split(type_, self.collect_subfields(type_, details).grouped_field_set)
        return split.plain if split.plain and not split.rest else None


async def _merged(names: Any, done: dict[str, Any], others: Awaitable[dict[str, Any]]) -> dict[str, Any]:
    return _in_order(names, done | await others)


def _is_all_of_the_schema(list_: GraphQLList[Any], path: Path) -> bool:
    """Whether this is the list of the schema's types, below `__schema`."""
    return get_named_type(list_).name == "__Type" and path.prev is not None and path.prev.prev is None


def _in_order(names: Any, values: dict[str, Any]) -> dict[str, Any]:
    """Fields come in the order in which they were asked for."""
    return {name: values[name] for name in names if name in values}
