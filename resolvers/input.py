"""From GraphQL's input objects and arguments to values that `domain` checks."""

from __future__ import annotations

import dataclasses
from enum import Enum
from typing import Annotated, Any, TypeVar

import strawberry

First = Annotated[int | None, strawberry.argument(description="How many to return: 1 to 500; 20 when left out.")]
After = Annotated[
    str | None,
    strawberry.argument(description="The cursor after which to go on; from the newest when left out."),
]
Value = TypeVar("Value")


def given(value: Any) -> Any:
    """What the client sent, as plain values: fields it left out are absent, and a null is None."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = ((field.name, getattr(value, field.name)) for field in dataclasses.fields(value))
        return {name: given(inner) for name, inner in fields if inner is not strawberry.UNSET}
    if isinstance(value, list):
        return [given(item) for item in value]
    return value.value if isinstance(value, Enum) else value


def present(value: Any) -> dict[str, Any]:
    """What the client sent, where a null means the same as leaving the field out."""
    return {name: inner for name, inner in given(value).items() if inner is not None}


def known(argument: Value | None) -> Value | None:
    """An argument's value; None when it was left out."""
    return None if argument is strawberry.UNSET else argument
