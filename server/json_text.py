"""Parses JSON from clients. JSON that Python accepts and other programs reject is an error."""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final

from pydantic_core import from_json

from domain.bounds import double

MAX_VALUES: Final = 100_000
"""The most values in one text. Parsing blocks the event loop."""
# A number ends after its exponent; without that, many UUIDs would match. Each pattern starts with a literal: searching for one
# of several first characters takes ten times as long, longer than parsing.
_UNDERFLOWS: Final = [re.compile(f"{e}-[0-9]{{3,}}(?:[\\s,\\]}}]|$)") for e in "eE"] + [re.compile(r"\.0{300}")]
_UNDERFLOWS_IN_BYTES: Final = [re.compile(each.pattern.encode()) for each in _UNDERFLOWS]
JSON: Final = f"JSON: Unicode, with finite numbers, at most 200 levels deep, of {MAX_VALUES} values at most"


def decoded(text: str | bytes) -> Any:
    """Parse the text. Raises ValueError when it is not `JSON`."""
    # A text has at most one value more than commas; fewer if strings contain commas.
    commas = text.count(",") if isinstance(text, str) else text.count(b",")
    if commas >= MAX_VALUES:
        raise ValueError(f"more than {MAX_VALUES} values")
    value = from_json(text, allow_inf_nan=False)
    return json.loads(text, parse_float=double) if may_lose_numbers(text) else value


def may_lose_numbers(text: str | bytes) -> bool:
    """Whether the text may contain a number other than zero that becomes zero as a double."""
    if isinstance(text, str):
        return any(each.search(text) for each in _UNDERFLOWS)
    return any(each.search(text) for each in _UNDERFLOWS_IN_BYTES)


def decoded_as_is(text: bytes) -> Any:
    """Parse the text, including what `decoded` rejects: lone surrogates, numbers that are too large, deep nesting.

    Fields reject such values, so that an error names the field; metadata leaves them out. Values beyond the deepest nesting
    become null, and numbers that are too long, too large or too small become infinite. Raises ValueError when the text is
    not JSON.
    """
    try:
        value = from_json(text)
        return json.loads(text, parse_float=double) if may_lose_numbers(text) else value
    except ValueError:
        # Bytes that are not UTF-8 become lone surrogates.
        return json.loads(_flattened(text.decode("utf-8", "surrogateescape")), parse_int=_integer, parse_float=double)


def _flattened(text: str) -> str:
    """The same JSON, with null in place of values nested deeper than `_MAX_LEVELS`."""
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
    # If such a value does not end, the text is not JSON: return a text that fails to parse.
    return "".join([*parts, text[end:]]) if level <= _MAX_LEVELS else ""


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _MAX_DIGITS else math.inf


# Deeper than any stored value, and below Python's recursion limit.
_MAX_LEVELS: Final = 100
# The most digits of an integer that Python parses.
_MAX_DIGITS: Final = 4_300
_BRACKET_OR_STRING: Final = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{}]', re.DOTALL)
