"""Coerces the values of variables as graphql-core does, with one function per input type.

graphql-core inspects the type of each value again, and walks each value once more to check its depth. Here, a type becomes a
function. A value that the function does not accept, and a type that refers to itself, are left to graphql-core, so that errors
are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from graphql import (
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    Undefined,
    is_required_input_field,
)
from graphql.utilities.coerce_input_value import coerce_default_value, coerce_input_value

Coerce = Callable[[Any], Any]
"""Turns a JSON value into the value for resolvers. Returns Undefined when the value is invalid."""


class Coercion:
    """Makes the functions, and caches those of input objects."""

    def __init__(self) -> None:
        self._objects: dict[GraphQLInputObjectType, Coerce] = {}
        self._in_progress: set[GraphQLInputObjectType] = set()

    def of(self, type_: GraphQLInputType) -> Coerce:
        """The function for values of this type."""
        if isinstance(type_, GraphQLNonNull):
            return _required(self.of(type_.of_type))
        if isinstance(type_, GraphQLList):
            return _list(self.of(type_.of_type), type_)
        if isinstance(type_, GraphQLInputObjectType):
            return self._of_object(type_)
        return _leaf(type_.coerce_input_value)

    def _of_object(self, type_: GraphQLInputObjectType) -> Coerce:
        if type_ in self._in_progress or type_.is_one_of:
            return _by_graphql_core(type_)
        if type_ not in self._objects:
            self._in_progress.add(type_)
            coerce_fields = {name: self.of(field.type) for name, field in type_.fields.items()}
            self._objects[type_] = _InputObject(type_, coerce_fields).coerce
            self._in_progress.remove(type_)
        return self._objects[type_]


class _InputObject:
    def __init__(self, type_: GraphQLInputObjectType, coerce_fields: Mapping[str, Coerce]) -> None:
        fields = type_.fields
        self._fields = {name: (field.out_name or name, coerce_fields[name]) for name, field in fields.items()}
        self._required = [name for name, field in fields.items() if is_required_input_field(field)]
        self._defaults = {name: field for name, field in fields.items() if coerce_default_value(field) is not Undefined}
        self._out_type = type_.out_type

    def coerce(self, value: Any) -> Any:
        if value is None:
            return None
        if not isinstance(value, dict) or not all(name in value for name in self._required):
            return Undefined
        coerced = {}
        fields = self._fields
        for name, given in value.items():
            out_name, coerce = fields.get(name, _UNKNOWN)
            coerced[out_name] = found = coerce(given)
            if found is Undefined:
                return Undefined
        for name, field in self._defaults.items():
            if name not in value:
                coerced[fields[name][0]] = coerce_default_value(field)
        return self._out_type(coerced)


_UNKNOWN: Final[tuple[str, Coerce]] = ("", lambda _given: Undefined)


def _by_graphql_core(type_: GraphQLInputType) -> Coerce:
    def coerce(value: Any) -> Any:
        try:
            return coerce_input_value(value, type_)
        except RecursionError:
            return Undefined

    return coerce


def _required(coerce: Coerce) -> Coerce:
    return lambda value: Undefined if value is None else coerce(value)


def _leaf(read: Coerce) -> Coerce:
    def coerce(value: Any) -> Any:
        if value is None:
            return None
        try:
            return read(value)
        except Exception:  # noqa: BLE001 - every exception means that the value is invalid
            return Undefined

    return coerce


def _list(item: Coerce, type_: GraphQLInputType) -> Coerce:
    of_one = _by_graphql_core(type_)

    def coerce(value: Any) -> Any:
        if value is None:
            return None
        if not isinstance(value, list):
            return of_one(value)
        coerced = []
        for each in value:
            found = item(each)
            if found is Undefined:
                return Undefined
            coerced.append(found)
        return coerced

    return coerce
