"""Executes operations with graphql-core, with a fast path for plain fields.

A plain field takes no arguments and has no extension, and its value is a scalar, an enum, an object or a list of objects.
For each value, graphql-core builds a path and an info and checks three times whether the value is awaitable; Strawberry wraps
each value once or twice. Here plain fields are read and written in a loop. graphql-core completes every other value, such as
an exception or an awaitable, so that errors, nulls and paths are the same as without the fast path.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from operator import attrgetter
from types import GeneratorType, NoneType
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
from graphql.execution.executor import to_nodes
from graphql.pyutils import Path, UndefinedType
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField
from strawberry.types.fields.resolver import StrawberryResolver

from schema.scalar import RawJSON, RawRows
from server.graphql.limits import ValueCounter

_VALUES_AT_ONCE: Final = 1_000
"""The values of a list that are written before other tasks run, which takes 1 to 2 ms."""
_TYPES_AT_ONCE: Final = 5
"""The types of the schema that are written before other tasks run."""
_SOURCE_PARAMETER_ONLY: Final = ["root"]
_NO_VALUES: Final = frozenset({NoneType, UndefinedType})
"""The classes of missing values in graphql-core."""


class _NeedsCompletion(dict[type, bool]):
    """Whether graphql-core must complete values of a class: awaitables, generators, exceptions and Undefined."""

    def __missing__(self, class_: type) -> bool:
        found = self[class_] = issubclass(class_, _COMPLETED) or hasattr(class_, "__await__")
        return found


_COMPLETED: Final = (Exception, GeneratorType, UndefinedType)
_needs_completion: Final = _NeedsCompletion()


class _Leaf(NamedTuple):
    """A plain field whose value is a scalar or an enum."""

    read: Callable[[Any], Any]
    coerce: Callable[[Any], Any]
    nullable: bool

    def write(self, value: Any, _kept: _KeptValues) -> Any:
        """The value as it is sent; Undefined where graphql-core has to complete it."""
        if value is None:
            return None if self.nullable else Undefined
        if _needs_completion[type(value)]:
            return Undefined
        try:
            written = self.coerce(value)
        except Exception:  # noqa: BLE001 - graphql-core raises it again and reports it
            return Undefined
        return Undefined if written is None else written

    def write_all(self, values: list[Any], _kept: _KeptValues) -> list[Any] | None:
        """The same for each value; None where graphql-core has to complete one of them."""
        classes = set(map(type, values))
        if any(map(_needs_completion.__getitem__, classes)) or (NoneType in classes and not self.nullable):
            return None
        coerce = self.coerce
        try:
            if NoneType not in classes:
                written = list(map(coerce, values))
                return None if _NO_VALUES & set(map(type, written)) else written
            written = [None if value is None else coerce(value) for value in values]
            missing = written.count(None) != values.count(None) or UndefinedType in set(map(type, written))
        except Exception:  # noqa: BLE001 - as for one value
            return None
        return None if missing else written


class _Nested(NamedTuple):
    """A plain field whose value is an object or a list of objects."""

    read: Callable[[Any], Any]
    type_: GraphQLObjectType
    nullable: bool
    is_list: bool


class _Objects(NamedTuple):
    """A plain field whose value is an object or a list of objects, when only plain fields of them are selected."""

    nested: _Nested
    selections: _Selections

    @property
    def read(self) -> Callable[[Any], Any]:
        return self.nested.read

    def write(self, value: Any, kept: _KeptValues) -> Any:
        """The value as it is sent; Undefined where graphql-core has to complete it."""
        if value is None:
            return None if self.nested.nullable else Undefined
        if self.nested.is_list:
            if isinstance(value, RawRows) and len(value) * len(self.selections) <= _VALUES_AT_ONCE:
                return _raw(value, (each.name for each in self.selections))
            # `complete_list_value` writes a long list in chunks.
            is_short = isinstance(value, list) and len(value) * len(self.selections) <= _VALUES_AT_ONCE
            written = _write_objects(self.selections, value, kept) if is_short else None
            return Undefined if written is None else written
        if _needs_completion[type(value)]:
            return Undefined
        done: dict[str, Any] = {}
        for selection in self.selections:
            written = selection.write(value, kept)
            if written is Undefined:
                return Undefined
            done[selection.name] = written
        return done

    def write_all(self, values: list[Any], kept: _KeptValues) -> list[Any] | None:
        """The same for each value; None where graphql-core has to complete one of them."""
        if not self.nested.is_list and NoneType not in set(map(type, values)):
            return _write_objects(self.selections, values, kept)
        written = []
        for value in values:
            one = self.write(value, kept)
            if one is Undefined:
                return None
            written.append(one)
        return written


class _Selection(NamedTuple):
    """A selected plain field, with its name in the response."""

    name: str
    field: _Leaf | _Objects
    details: FieldDetailsList

    def write(self, source: Any, kept: _KeptValues) -> Any:
        """The value as it is sent; Undefined where graphql-core has to complete it. The value is then kept for it."""
        field = self.field
        try:
            found = self.read(source, kept) if kept else field.read(source)
        except Exception as error:  # noqa: BLE001 - graphql-core reports an exception that is a value
            found, written = error, Undefined
        else:
            written = field.write(found, kept)
        if written is Undefined:
            kept.put(self.details, source, found)
        return written

    def read(self, source: Any, kept: _KeptValues) -> Any:
        """The kept value, if the field was read before; otherwise read it."""
        found = kept.take(self.details, source)
        return self.field.read(source) if found is Undefined else found

    def read_all(self, sources: list[Any], kept: _KeptValues) -> Iterator[Any]:
        """The same of each source."""
        return map(partial(self.read, kept=kept), sources) if kept else map(self.field.read, sources)


_Selections = list[_Selection]


class _KeptValues(dict[tuple[int, int], list[tuple[Any, Any]]]):
    """Values that were read and that graphql-core has to complete, such as coroutines. No resolver is called twice.

    A key is the `id()` of a field's details and of its source. The source is stored with the value, so that its id is not
    reused.
    """

    def put(self, details: FieldDetailsList, source: Any, value: Any) -> None:
        self.setdefault((id(details), id(source)), []).append((source, value))

    def take(self, details: FieldDetailsList, source: Any) -> Any:
        """Remove and return the oldest value; Undefined if there is none."""
        key = (id(details), id(source))
        values = self.get(key)
        if values is None:
            return Undefined
        _, value = values.pop(0)
        if not values:
            del self[key]
        return value

    def awaitables(self) -> list[Awaitable[Any]]:
        """The awaitables that were not taken, because a parent became null."""
        return [value for values in self.values() for _, value in values if inspect.isawaitable(value)]


def _write_objects(selections: _Selections, sources: list[Any], kept: _KeptValues) -> list[dict[str, Any]] | None:
    """Write these fields of all objects, field by field. None where graphql-core has to complete a value."""
    classes = set(map(type, sources))
    if NoneType in classes or any(map(_needs_completion.__getitem__, classes)):
        return None
    columns: list[list[Any]] = []
    for selection in selections:
        values: list[Any] = []
        try:
            values.extend(selection.read_all(sources, kept))
        except Exception as error:  # noqa: BLE001 - graphql-core reports an exception that is a value
            column = None
            values.append(error)
        else:
            column = selection.field.write_all(values, kept)
        if column is None:
            for source, value in zip(sources, values, strict=False):
                kept.put(selection.details, source, value)
            return None
        columns.append(column)
    names = [selection.name for selection in selections]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def _raw(rows: RawRows, selected: Iterable[str]) -> RawJSON:
    """The JSON of rows that the database has written. Raises RuntimeError if it wrote other fields than the selected ones."""
    names = tuple(selected)
    if names != rows.fields:
        raise RuntimeError(f"the fields {names} are selected, and {rows.fields} were read")
    return rows.json()


PlainFields = Mapping[str, Mapping[str, _Leaf | _Nested]]
"""The plain fields by the name of their type and their own name."""


def plain_fields(schema: GraphQLSchema) -> PlainFields:
    """The plain fields of each object type."""
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
    """The object type; None for other types, and for types with an `is_type_of` check."""
    type_, _ = _unwrapped(type_)
    return type_ if isinstance(type_, GraphQLObjectType) and type_.is_type_of is None else None


def _unwrapped(type_: GraphQLOutputType) -> tuple[GraphQLOutputType, bool]:
    """The type itself, and whether it may be null."""
    return (type_.of_type, False) if isinstance(type_, GraphQLNonNull) else (type_, True)


def _reader(field: GraphQLField) -> Callable[[Any], Any] | None:
    """The function that reads the field from its source; None when the field is not plain."""
    definition = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    # A subclass of StrawberryField, or a wrapped resolver, may compute its result differently.
    if field.args or type(definition) is not StrawberryField or not _is_made_by_strawberry(field.resolve):
        return None
    if definition.is_async or definition.extensions or definition.permission_classes:
        return None
    if "get_result" in vars(definition):
        return None
    resolver = definition.base_resolver
    if resolver is None:
        return attrgetter(definition.python_name) if definition.default_resolver is getattr else None
    if type(resolver) is not StrawberryResolver:
        return None
    read = cast("Callable[[Any], Any]", resolver.wrapped_func)
    return read if list(inspect.signature(read).parameters) == _SOURCE_PARAMETER_ONLY else None


def _is_made_by_strawberry(resolve: Any) -> bool:
    code = getattr(resolve, "__code__", None)
    return code is not None and code.co_filename == GraphQLCoreConverter.from_resolver.__code__.co_filename


class _Split(NamedTuple):
    """The selected fields of a type: the plain ones, and the rest, which graphql-core executes."""

    selected: GroupedFieldSet
    plain: _Selections
    rest: dict[str, FieldDetailsList]


class SelectionCache:
    """The selected fields of an operation, where they do not depend on its variables.

    Keys contain the `id()` of lists. The cache holds references to these lists, so that their ids are not reused.
    """

    def __init__(self) -> None:
        self.root: GroupedFieldSet | None = None
        self.subfields: dict[tuple[GraphQLObjectType, int], CollectedFields] = {}
        self.splits: dict[tuple[GraphQLObjectType, int], _Split] = {}


class PlanExecutor(Executor[Any]):
    """graphql-core's executor, with a fast path for the fields in `plain`.

    Executions of one operation share `selections`. An operation with directives shares none, because it may select other
    fields each time.
    """

    def __init__(self, *args: Any, plain: PlainFields, selections: SelectionCache | None = None, **more: Any) -> None:
        super().__init__(*args, **more)
        self._plain = plain
        self._selections = selections or SelectionCache()
        self._kept = _KeptValues()
        self.counter = ValueCounter()

    def execute_collected_root_fields(
        self, root_type: GraphQLObjectType, root_value: Any, grouped_field_set: GroupedFieldSet, *more: Any
    ) -> Any:
        if self._selections.root is None:
            self._selections.root = grouped_field_set
        return super().execute_collected_root_fields(root_type, root_value, self._selections.root, *more)

    def build_response(self, data: dict[str, Any] | None) -> Any:
        if self._kept and (left := self._kept.awaitables()):
            self.settle_in_background(left)
        return super().build_response(data)

    def collect_subfields(
        self, return_type: GraphQLObjectType, field_details_list: FieldDetailsList
    ) -> CollectedFields:
        key = (return_type, id(field_details_list))
        found = self._selections.subfields.get(key)
        if found is None:
            found = self._selections.subfields[key] = super().collect_subfields(return_type, field_details_list)
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
        """Write a list of objects at once, if only plain fields of them are selected.

        `server.graphql.limits` estimates the lengths of lists before execution, without those of introspection. Here the
        actual lengths are counted.
        """
        if not self._has_room(return_type, field_details_list, result):
            return []
        if isinstance(result, RawRows):
            type_of_each: Any = get_named_type(return_type)
            return _raw(result, self.collect_subfields(type_of_each, field_details_list).grouped_field_set)
        if _is_schema_type_list(return_type, path):
            return self._complete_types_in_chunks(
                return_type, field_details_list, info, path, list(result), position_context
            )
        type_ = _object_type(return_type.of_type)
        plain = self._plain_alone(type_, field_details_list) if isinstance(result, list) and type_ else None
        if plain is not None and len(result) * len(plain) > _VALUES_AT_ONCE:
            return self._complete_in_chunks(
                plain, return_type, field_details_list, info, path, result, position_context
            )
        written = None if plain is None else _write_objects(plain, result, self._kept)
        if written is not None:
            return written
        return super().complete_list_value(return_type, field_details_list, info, path, result, position_context)

    async def _complete_in_chunks(
        self,
        plain: _Selections,
        return_type: GraphQLList[Any],
        details: Any,
        info: Any,
        path: Path,
        result: list[Any],
        *more: Any,
    ) -> Any:
        """Write a long list of objects. Other tasks run between its chunks."""
        rows_at_once = max(1, _VALUES_AT_ONCE // len(plain))
        done: list[dict[str, Any]] = []
        for start in range(0, len(result), rows_at_once):
            await info.context.turn()
            written = _write_objects(plain, result[start : start + rows_at_once], self._kept)
            if written is None:
                whole = super().complete_list_value(return_type, details, info, path, result, *more)
                return await whole if inspect.isawaitable(whole) else whole
            done += written
        return done

    async def _complete_types_in_chunks(
        self, return_type: GraphQLList[Any], details: Any, info: Any, path: Path, types: list[Any], *more: Any
    ) -> Any:
        """Complete the list of the schema's types, a few at a time, since each has many fields and arguments."""
        done: list[Any] = []
        for start in range(0, len(types), _TYPES_AT_ONCE):
            await info.context.turn()
            some = types[start : start + _TYPES_AT_ONCE]
            written = super().complete_list_value(return_type, details, info, path, some, *more)
            done += await written if inspect.isawaitable(written) else written
        return done

    def _has_room(self, return_type: GraphQLList[Any], details: FieldDetailsList, found: Any) -> bool:
        if not isinstance(found, Collection):
            return True
        type_ = get_named_type(return_type)
        of_each = len(self.collect_subfields(type_, details).grouped_field_set) if is_object_type(type_) else 1
        return self.counter.has_room(len(found) * of_each)

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
        kept = self._kept
        for selection in split.plain:
            if (written := selection.write(source_value, kept)) is not Undefined:
                done[selection.name] = written
        if len(done) < len(split.plain):
            # In the order of the document: if two fields fail, graphql-core may report the first one only.
            rest = {name: details for name, details in grouped_field_set.items() if name not in done}
        if not rest:
            return done
        others = super().execute_fields(parent_type, source_value, path, rest, position_context)
        if isinstance(others, dict):
            return _in_order(grouped_field_set, done | others)
        return _merged(grouped_field_set, done, others)

    def execute_field(
        self,
        parent_type: GraphQLObjectType,
        source: Any,
        field_details_list: FieldDetailsList,
        path: Path,
        position_context: Any,
    ) -> Any:
        """Complete the kept value of the field. Without one, graphql-core reads and completes the field."""
        value = self._kept.take(field_details_list, source) if self._kept else Undefined
        if value is Undefined:
            return super().execute_field(parent_type, source, field_details_list, path, position_context)
        nodes = to_nodes(field_details_list)
        field = cast("GraphQLField", self.schema.get_field(parent_type, nodes[0].name.value))
        info = self.build_resolve_info(field, nodes, parent_type, path)
        more = (field.type, field_details_list, info, path)
        try:
            if self.is_awaitable(value):
                return self.complete_awaitable_value(*more, value, position_context)
            completed = self.complete_value(*more, value, position_context)
        except Exception as error:  # noqa: BLE001 - as graphql-core does
            self.handle_field_error(error, field.type, field_details_list, path)
            return None
        if self.is_awaitable(completed):
            return self._awaited(completed, field.type, field_details_list, path)
        return completed

    async def _awaited(
        self, completed: Awaitable[Any], type_: GraphQLOutputType, details: FieldDetailsList, path: Path
    ) -> Any:
        try:
            return await completed
        except Exception as error:  # noqa: BLE001 - as graphql-core does
            self.handle_field_error(error, type_, details, path)
            return None

    def _split(self, parent_type: GraphQLObjectType, fields: GroupedFieldSet) -> _Split:
        key = (parent_type, id(fields))
        split = self._selections.splits.get(key)
        if split is None:
            split = self._selections.splits[key] = _Split(fields, [], {})
            of_type = self._plain.get(parent_type.name, {})  # introspection types have no plain fields
            for name, details in fields.items():
                plain = of_type.get(details[0].node.name.value)
                field = self._objects(plain, details) if isinstance(plain, _Nested) else plain
                if field is None:
                    split.rest[name] = details
                else:
                    split.plain.append(_Selection(name, field, details))
        return split

    def _objects(self, nested: _Nested, details: FieldDetailsList) -> _Objects | None:
        selections = self._plain_alone(nested.type_, details)
        return None if selections is None else _Objects(nested, selections)

    def _plain_alone(self, type_: GraphQLObjectType, details: FieldDetailsList) -> _Selections | None:
        """The selected fields of these objects; None unless all are plain."""
        split = self._split(type_, self.collect_subfields(type_, details).grouped_field_set)
        return split.plain if split.plain and not split.rest else None


async def _merged(names: Any, done: dict[str, Any], others: Awaitable[dict[str, Any]]) -> dict[str, Any]:
    return _in_order(names, done | await others)


def _is_schema_type_list(list_: GraphQLList[Any], path: Path) -> bool:
    """Whether this is the field `types` of `__schema`."""
    return get_named_type(list_).name == "__Type" and path.prev is not None and path.prev.prev is None


def _in_order(names: Any, values: dict[str, Any]) -> dict[str, Any]:
    """The values in the order of these names."""
    return {name: values[name] for name in names if name in values}
