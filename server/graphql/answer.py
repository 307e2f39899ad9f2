"""Encodes responses as JSON, in parts, so that other requests run between the parts of a long one.

`server.graphql.limits` estimates the size of a response before execution. Stored values may be longer than estimated, and
escaping lengthens strings. The actual size is limited here.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime
from typing import Any, Final

from graphql import ExecutionResult, GraphQLError
from pydantic_core import PydanticSerializationError, to_json

from models.types import RawJSON
from server.graphql.limits import too_large
from server.graphql.operation import RequestError

MAX_BYTES: Final = 32 * 1024 * 1024
_ITEMS_AT_ONCE: Final = 50
"""The items of a list that are encoded at once. Few enough to block the event loop briefly, even for the largest items."""
_BYTES_AT_ONCE: Final = 64 * 1024
_LEVELS: Final = 5
"""How many levels of objects are searched for long lists, such as data, field, nodes."""


class AnswerTooLarge(RequestError):
    """The response exceeds `MAX_BYTES`."""

    def __init__(self) -> None:
        super().__init__(too_large(f"{MAX_BYTES >> 20} MiB"))


def body_of(result: ExecutionResult) -> dict[str, Any]:
    """The body of the response with this result."""
    return {"data": result.data} if result.errors is None else {"data": result.data} | errors_of(*result.errors)


def errors_of(*errors: GraphQLError) -> dict[str, Any]:
    """The body of a response that has errors and no data."""
    return {"errors": [error.formatted for error in errors]}


def _moment_text(value: Any) -> str | None:
    """The text of a moment in UTC, as `to_json` writes it; None for other values."""
    return f"{value.replace(tzinfo=None).isoformat()}Z" if isinstance(value, datetime) else None


def encoded(value: Any) -> bytes:
    """Encode a short value as JSON at once."""
    return b"".join(_fragments(value))


async def encoded_in_turns(value: Any, turn: Callable[[], Awaitable[None]]) -> bytes:
    """Encode a response as JSON. `turn` is awaited between the parts of a long one. Raises AnswerTooLarge."""
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
    """Yield the JSON of the value in parts. Long lists are split."""
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
    """Whether the value contains a long list within so many levels."""
    if isinstance(value, list):
        return len(value) > _ITEMS_AT_ONCE
    return levels > 0 and isinstance(value, dict) and any(_is_long(each, levels - 1) for each in value.values())


# The string that stands for raw JSON. It is random, so that no stored text can contain it.
_PLACEHOLDER: Final = secrets.token_hex(16)
_ENCODED_PLACEHOLDER: Final = f'"{_PLACEHOLDER}"'.encode()


def _fragments(value: Any) -> list[bytes]:
    """The JSON of the value, in fragments. RawJSON is inserted unchanged."""
    raw: list[bytes] = []

    def placeholder(found: Any) -> str:
        if not isinstance(found, RawJSON):
            raise TypeError(type(found))
        raw.append(found.text.encode())
        return _PLACEHOLDER

    try:
        text = to_json(value, fallback=placeholder)
    except (PydanticSerializationError, ValueError):
        # An error message may quote text with lone surrogates. `json` escapes them.
        raw.clear()
        text = json.dumps(value, default=lambda found: _moment_text(found) or placeholder(found)).encode()
    if not raw:
        return [text]
    around = text.split(_ENCODED_PLACEHOLDER)
    return [around[0], *(piece for pair in zip(raw, around[1:], strict=True) for piece in pair)]
