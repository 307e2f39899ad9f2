"""Reads the arguments of fields: what they are annotated with, and how a resolver gets their values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, ForwardRef, TypeVar
from uuid import UUID

import strawberry

from domain.bounds import identifier

InputObject = Mapping[str, Any]
"""A GraphQL input object as the client sent it, by GraphQL field name.

A field that the client left out is absent, and a null is None. The input classes in `schema` describe the object to clients;
the classes derived from `domain.bounds.Input` check it.
"""
First = Annotated[
    int | None, strawberry.argument(description="The maximum number of rows to return: 1 to 500. Omitted: 20.")
]
After = Annotated[
    str | None,
    strawberry.argument(description="The cursor to continue after. Omitted: start with the newest row."),
]
Initial = Annotated[
    bool,
    strawberry.argument(
        description="True to send the current state first. A client that does so misses no change between its query and "
        "the subscription."
    ),
]
Value = TypeVar("Value")
_NIL: Final = UUID(int=0)


def input_type(module: str, name: str) -> Any:
    """The GraphQL type of an argument that is an `InputObject`: the Strawberry input class `name` in `module`.

    Resolvers do not import `schema`, so the class is looked up when the schema is built.
    """
    return Annotated[ForwardRef(name), strawberry.lazy(module)]


def present(sent: InputObject) -> dict[str, Any]:
    """The fields of an input object without those that are null, for inputs where a null means that the field is left out."""
    return {name: value for name, value in sent.items() if value is not None}


def known(argument: Value | None) -> Value | None:
    """An argument's value; None when it was left out."""
    return None if argument is strawberry.UNSET else argument


def row_id(text: str) -> UUID:
    """The id that the text spells. When it spells none, the nil UUID, which is the id of no row."""
    return identifier(text) or _NIL
