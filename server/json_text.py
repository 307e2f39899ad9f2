"""JSON as it is read from clients: what Python would take and no other program could is refused."""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final

from pydantic_core import from_json

from domain.bounds import double

MAX_VALUES: Final = 100_000
"""Of one text. It is read in one go, for which everybody waits."""
_LOST: Final = re.compile(r"[eE]-[0-9]{3}|\.0{300}")
_LOST_IN_BYTES: Final = re.compile(_LOST.pattern.encode())
JSON: Final = f"JSON: Unicode, with finite numbers, at most 200 levels deep, of {MAX_VALUES} values at most"


def decoded(text: str | bytes) -> Any:
    """What the text says. Raises ValueError when it is none of `JSON`."""
    # There are no more values than that; fewer where commas are in texts.
    commas = text.count(",") if isinstance(text, str) else text.count(b",")
    if commas >= MAX_VALUES:
        raise ValueError(f"more than {MAX_VALUES} values")
    value = from_json(text, allow_inf_nan=False)
    return json.loads(text, parse_float=double) if may_lose_numbers(text) else value


def may_lose_numbers(text: str | bytes) -> bool:
    """Whether the text may hold a number that is no zero and yet becomes one as a double."""
    return (_LOST.search(text) if isinstance(text, str) else _LOST_IN_BYTES.search(text)) is not None


def decoded_as_is(text: bytes) -> Any:
    """What the text says, with all that `decoded` refuses: halves of surrogate pairs, numbers too large, any nesting.

    No field may hold them, so that what they are in is refused by name, or left out of the metadata. What is nested deeper
    than anything may be is left out, and a number that is too long, too large or too small is infinite. Raises ValueError when it is no JSON.
    """
    try:
        value = from_json(text)
        return json.loads(text, parse_float=double) if may_lose_numbers(text) else value
    except ValueError:
        # What is no UTF-8 becomes half surrogate pairs.
        return json.loads(_less_deep(text.decode("utf-8", "surrogateescape")), parse_int=_integer, parse_float=double)


def _less_deep(text: str) -> str:
    """The same JSON, with a null for what is nested deeper than `_MAX_LEVELS`."""
    parts: list[str] = []
    level = end = 0
    for token in _BRACKET_OR_STRING.finditer(text):
        if token[0] in "[{":
            level += 1
            if level == _MAX_LEVELS + 1:
                parts.append(text[end : token.start()])
        elif token[0] in "]}":
            level -= 1
            if level == _MAX_LEVELS:
                parts.append("null")
                end = token.end()
    # One that does not end is no JSON, whatever is in it.
    return "".join([*parts, text[end:]]) if level <= _MAX_LEVELS else ""


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _MAX_DIGITS else math.inf


# Deeper than anything is kept, and less than Python's own limit.
_MAX_LEVELS: Final = 100
# Of an integer, beyond which Python refuses to read it.
_MAX_DIGITS: Final = 4_300
_BRACKET_OR_STRING: Final = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{}]', re.DOTALL)
