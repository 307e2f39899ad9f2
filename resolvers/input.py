"""From GraphQL's input objects and arguments to values that `domain` checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar, cast

import strawberry

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


def given(sent: object) -> Mapping[str, Any]:
    """The fields of an input as the client sent them: one that it left out is absent, and a null is None.

    Input classes describe the schema; what resolvers get in their place is the mapping itself (see `schema`).
    """
    return cast("Mapping[str, Any]", sent)


def present(sent: object) -> dict[str, Any]:
    """The fields of an input, where a null means the same as leaving the field out."""
    return {name: value for name, value in given(sent).items() if value is not None}


def known(argument: Value | None) -> Value | None:
    """An argument's value; None when it was left out."""
    return None if argument is strawberry.UNSET else argument
