"""Execution of operations: what graphql-core does, with a short way for plain fields.

A plain field is one that is only read: it takes no arguments, has no extension, and its value is a scalar, an enum, an
object or a list of objects. graphql-core builds a path and an info for each value and asks three times whether it can be
awaited; Strawberry wraps each value once or twice. Here plain fields are read and written in a loop. A value that is not
plain, such as an error or an awaitable, is completed by graphql-core, so that errors, nulls and paths are its own.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
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

from server.graphql.limits import ValueCounter

_VALUES_AT_ONCE: Final = 1_000
"""How many values of a list are written before other tasks run: a millisecond or two."""
_TYPES_AT_ONCE: Final = 5
"""How many of the schema's types are written before other tasks run."""
_ONLY_THE_SOURCE: Final = ["root"]
_NO_VALUES: Final = frozenset({NoneType, UndefinedType})
"""Classes of what graphql-core takes for a missing value."""


class _NeedsCompletion(dict[type, bool]):
    """Whether values of a class mean more to graphql-core than themselves: awaitables, exceptions and Undefined."""

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
        except Exception:  # noqa: BLE001 - graphql-core meets it again and reports it
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
    """A plain field whose value is an object or a list of objects, of which plain fields alone are asked for."""

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
            # A long one is left to `complete_list_value`, which writes it in chunks.
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
    """A plain field that is asked for, and the name that its value is sent under."""

    name: str
    field: _Leaf | _Objects
    details: FieldDetailsList

    def write(self, source: Any, kept: _KeptValues) -> Any:
        """The value as it is sent; Undefined where graphql-core has to complete it, for which it is kept."""
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
        """Its value, unless it was read before: then the one that was kept."""
        found = kept.take(self.details, source)
        return self.field.read(source) if found is Undefined else found

    def read_all(self, sources: list[Any], kept: _KeptValues) -> Iterator[Any]:
        """The same of each source."""
        return map(partial(self.read, kept=kept), sources) if kept else map(self.field.read, sources)


_Selections = list[_Selection]


class _KeptValues(dict[tuple[int, int], list[tuple[Any, Any]]]):
    """Values that were read and that graphql-core has to complete: no resolver is called again for them.

    A resolver may have returned a coroutine, for instance, which has to be awaited. Keys are the identities of a field's
    details and of its source. The source is kept with the value, so that nothing else gets its identity.
    """

    def put(self, details: FieldDetailsList, source: Any, value: Any) -> None:
        self.setdefault((id(details), id(source)), []).append((source, value))

    def take(self, details: FieldDetailsList, source: Any) -> Any:
        """The value that was kept first; Undefined if there is none."""
        key = (id(details), id(source))
        values = self.get(key)
        if values is None:
            return Undefined
        _, value = values.pop(0)
        if not values:
            del self[key]
        return value

    def awaitables(self) -> list[Awaitable[Any]]:
        """Those that nobody took, since what they belong to became null."""
        return [value for values in self.values() for _, value in values if inspect.isawaitable(value)]


def _write_objects(selections: _Selections, sources: list[Any], kept: _KeptValues) -> list[dict[str, Any]] | None:
    """These fields of all the objects, one field after the other; None where graphql-core has to complete a value."""
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


PlainFields = Mapping[str, Mapping[str, _Leaf | _Nested]]
"""By the names of their type and of the field."""


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
    """The type of objects; None for other values, and for objects that graphql-core asks whether they are of their type."""
    type_, _ = _unwrapped(type_)
    return type_ if isinstance(type_, GraphQLObjectType) and type_.is_type_of is None else None


def _unwrapped(type_: GraphQLOutputType) -> tuple[GraphQLOutputType, bool]:
    """The type itself, and whether it may be null."""
    return (type_.of_type, False) if isinstance(type_, GraphQLNonNull) else (type_, True)


def _reader(field: GraphQLField) -> Callable[[Any], Any] | None:
    """The function that reads the field from its source; None where a field does more than that."""
    definition = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    # A subclass may get its result in a way of its own, and so may a resolver that somebody put around Strawberry's.
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
    return read if list(inspect.signature(read).parameters) == _ONLY_THE_SOURCE else None


def _is_made_by_strawberry(resolve: Any) -> bool:
    code = getattr(resolve, "__code__", None)
    return code is not None and code.co_filename == GraphQLCoreConverter.from_resolver.__code__.co_filename


class _Split(NamedTuple):
    """Fields that are asked for of a type: plain ones, and those that graphql-core executes."""

    asked: GroupedFieldSet
    plain: _Selections
    rest: dict[str, FieldDetailsList]


class SelectionCache:
    """Which fields an operation asks for, where that does not depend on its variables.

    Lists are known by their identity: the cache keeps them.
    """

    def __init__(self) -> None:
        self.root: GroupedFieldSet | None = None
        self.subfields: dict[tuple[GraphQLObjectType, int], CollectedFields] = {}
        self.splits: dict[tuple[GraphQLObjectType, int], _Split] = {}


class PlanExecutor(Executor[Any]):
    """graphql-core's executor, with a short way for the fields that `plain` names.

    Executions of one operation share `selections`. An operation with directives has none: it may ask for other fields each
    time.
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
        """Write a list of objects at once, if plain fields alone are asked for.

        Documents are counted before (`server.graphql.limits`), with summaries as long as charts are, and without what they
        ask of the schema itself. Here the real lengths of those lists are counted.
        """
        if not self._has_room(return_type, field_details_list, result):
            return []
        if _is_all_of_the_schema(return_type, path):
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
        """The same list. Other tasks run while it is written."""
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
        """All types of the schema, a few at a time: each has many fields and arguments."""
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
            # In the order in which they were asked for: of two that fail, the first one may be all that is reported.
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
        """Complete the value that was kept. graphql-core reads and completes all others."""
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
            of_type = self._plain.get(parent_type.name, {})  # of introspection, none are
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
        """The fields that are asked for of these objects, if all of them are plain."""
        split = self._split(type_, self.collect_subfields(type_, details).grouped_field_set)
        return split.plain if split.plain and not split.rest else None


async def _merged(names: Any, done: dict[str, Any], others: Awaitable[dict[str, Any]]) -> dict[str, Any]:
    return _in_order(names, done | await others)


def _is_all_of_the_schema(list_: GraphQLList[Any], path: Path) -> bool:
    """Whether this is the list of the schema's types, below `__schema`."""
    return get_named_type(list_).name == "__Type" and path.prev is not None and path.prev.prev is None


def _in_order(names: Any, values: dict[str, Any]) -> dict[str, Any]:
    """The values in the order in which the fields were asked for."""
    return {name: values[name] for name in names if name in values}
