"""JSON as it is read from clients: what Python would take and no other program could is refused."""

from __future__ import annotations

import json
import re
from typing import Any, Final

MAX_NESTING: Final = 64
"""Objects and lists in each other. Metadata may have 10 levels; what goes around it has a few."""

_TOO_DEEP: Final = f"must be nested at most {MAX_NESTING} levels deep"
_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")


def decoded(text: str) -> Any:
    """What the text says. Raises ValueError saying why it says nothing."""
    try:
        value = json.loads(text, parse_constant=_refused)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    except ValueError:
        # What Python says of a number of 5,000 digits, or of where a brace is missing, is for its own people.
        raise ValueError("must be JSON") from None
    if _nesting(value) > MAX_NESTING:
        raise ValueError(_TOO_DEEP)
    if _SURROGATE.search(text) and not _is_unicode(value):
        raise ValueError("must be Unicode: half a surrogate pair stands for nothing")
    return value


def _refused(_name: str) -> Any:
    raise ValueError


def _nesting(value: Any) -> int:
    depth, level = 0, [value]
    while level := [each for each in level if isinstance(each, dict | list)]:
        depth += 1
        level = [below for each in level for below in (each.values() if isinstance(each, dict) else each)]
    return depth


def _is_unicode(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True
