"""Execution of operations: what graphql-core does, but for fields that are only read, without asking for each how.

Most of what an operation reads are attributes: a number, a text, an enum, of each of a hundred rows. graphql-core builds a
path and an info for each, and asks three times whether it is awaitable; Strawberry wraps each once or twice. Here such a
field is read and written out at once. Whatever is not as plain as that, an error above all, is left to them.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from operator import attrgetter
from typing import Any, Final, NamedTuple, cast

from graphql import GraphQLField, GraphQLNonNull, GraphQLObjectType, GraphQLSchema, Undefined, is_leaf_type
from graphql.execution import Executor
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
    found: dict[str, dict[str, _Plain]] = {}
    for type_ in schema.type_map.values():
        if isinstance(type_, GraphQLObjectType) and not type_.name.startswith("__"):
            found[type_.name] = {"__typename": _Plain(partial(_name_of, type_.name), str, nullable=False)} | {
                name: each for name, field in type_.fields.items() if (each := _plain(field)) is not None
            }
    return found


def _name_of(name: str, _source: Any) -> str:
    return name


def _plain(field: GraphQLField) -> _Plain | None:
    definition = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    type_ = field.type.of_type if isinstance(field.type, GraphQLNonNull) else field.type
    if field.args or not is_leaf_type(type_) or not isinstance(definition, StrawberryField):
        return None
    if definition.is_async or definition.extensions or definition.permission_classes:
        return None
    read: Callable[[Any], Any] = attrgetter(definition.python_name)
    if definition.base_resolver is not None:
        read = cast("Callable[[Any], Any]", definition.base_resolver.wrapped_func)
        if list(inspect.signature(read).parameters) != _ONLY_THE_SOURCE:
            return None
    return _Plain(read, type_.coerce_output_value, not isinstance(field.type, GraphQLNonNull))


class PlainFieldsFirst(Executor[Any]):
    """Reads plain fields itself. `plain` says which fields are."""

    plain: Mapping[str, Mapping[str, _Plain]] = {}

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Any,
        grouped_field_set: Any,
        position_context: Any,
    ) -> Any:
        plain = self.plain.get(parent_type.name, {})  # of introspection, none are
        done: dict[str, Any] = {}
        rest: dict[str, Any] = {}
        for name, details in grouped_field_set.items():
            field = plain.get(details[0].node.name.value)
            value = Undefined if field is None else _written(field, source_value)
            if value is Undefined:
                rest[name] = details
            else:
                done[name] = value
        if not rest:
            return done
        others = super().execute_fields(parent_type, source_value, path, rest, position_context)
        if isinstance(others, dict):
            return _in_order(grouped_field_set, done | others)
        return _merged(grouped_field_set, done, others)


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
