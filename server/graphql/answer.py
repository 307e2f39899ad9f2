"""Answers as JSON: written in parts, so that a long one lets others have their turn, and only up to a size.

A document may ask for no more than `server.graphql.limits` says, lists and values as long as they may be. What is stored may be
longer than that, and texts are counted before they are escaped: what an answer really comes to is counted here.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

from graphql import ExecutionResult, GraphQLError
from pydantic_core import PydanticSerializationError, to_json

from models.types import RawJSON
from server.graphql.limits import too_large
from server.graphql.operation import RequestError

MAX_BYTES: Final = 32 * 1024 * 1024
_ITEMS_AT_ONCE: Final = 50
"""Of a list: few enough that nobody else waits for long, even where each has all it may have."""
_BYTES_AT_ONCE: Final = 64 * 1024
_LEVELS: Final = 5
"""How deep the long lists of answers lie, at most: data, field, nodes."""


class AnswerTooLarge(RequestError):
    """The answer would be longer than `MAX_BYTES`."""

    def __init__(self) -> None:
        super().__init__(too_large(f"{MAX_BYTES >> 20} MiB"))


def body_of(result: ExecutionResult) -> dict[str, Any]:
    """The result as the object that is sent."""
    return {"data": result.data} if result.errors is None else {"data": result.data} | errors_of(*result.errors)


def errors_of(*errors: GraphQLError) -> dict[str, Any]:
    """The answer that has nothing but these errors."""
    return {"errors": [error.formatted for error in errors]}


def encoded(value: Any) -> bytes:
    """A short value as JSON."""
    return b"".join(_fragments(value))


async def encoded_in_turns(value: Any, turn: Callable[[], Awaitable[None]]) -> bytes:
    """An answer as JSON: of a long one, each part is written when it is its user's turn. Raises AnswerTooLarge."""
    parts: list[bytes] = []
    size = since = 0
    for part in _parts(value, _LEVELS):
        parts.append(part)
        size += len(part)
        since += len(part)
        if size > MAX_BYTES:
            raise AnswerTooLarge
        if since > _BYTES_AT_ONCE:
            since = 0
            await turn()
    return b"".join(parts)


def _parts(value: Any, levels: int) -> Iterator[bytes]:
    """The JSON of the value, one bit after the other: long lists are taken apart."""
    if not _is_long(value, levels):
        yield from _fragments(value)
    elif isinstance(value, dict):
        before = b"{"
        for key, each in value.items():
            yield before + encoded(key) + b":"
            yield from _parts(each, levels - 1)
            before = b","
        yield b"}"
    else:
        before = b"["
        for start in range(0, len(value), _ITEMS_AT_ONCE):
            first, *rest = _fragments(value[start : start + _ITEMS_AT_ONCE])
            yield before + first[1:] if rest else before + first[1:-1]
            yield from rest[:-1]
            yield from (last[:-1] for last in rest[-1:])
            before = b","
        yield b"]"


def _is_long(value: Any, levels: int) -> bool:
    """Whether a list of it, so many levels deep at most, is better written in parts."""
    if isinstance(value, list):
        return len(value) > _ITEMS_AT_ONCE
    return levels > 0 and isinstance(value, dict) and any(_is_long(each, levels - 1) for each in value.values())


# Nobody can know it, and so nobody's text has it.
_STAND_IN: Final = secrets.token_hex(16)
_WRITTEN_STAND_IN: Final = f'"{_STAND_IN}"'.encode()


def _fragments(value: Any) -> list[bytes]:
    """The JSON of the value. What is JSON already goes in as it is."""
    raw: list[bytes] = []

    def stand_in(of: Any) -> str:
        if not isinstance(of, RawJSON):
            raise TypeError(type(of))
        raw.append(of.text.encode())
        return _STAND_IN

    try:
        text = to_json(value, fallback=stand_in)
    except (PydanticSerializationError, ValueError):
        # An error may repeat text that is no Unicode; escaped, it can be sent all the same.
        raw.clear()
        text = json.dumps(value, default=stand_in).encode()
    if not raw:
        return [text]
    around = text.split(_WRITTEN_STAND_IN)
    return [around[0], *(piece for pair in zip(raw, around[1:], strict=True) for piece in pair)]
