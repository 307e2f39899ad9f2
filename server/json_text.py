"""JSON as it is read from clients: what Python would take and no other program could is refused."""

from __future__ import annotations

from typing import Any, Final

from pydantic_core import from_json

MAX_VALUES: Final = 100_000
"""Of one text. It is read in one go, for which everybody waits."""
JSON: Final = f"JSON: Unicode, with finite numbers, at most 200 levels deep, of {MAX_VALUES} values at most"


def decoded(text: str | bytes) -> Any:
    """What the text says. Raises ValueError when it is none of `JSON`."""
    # There are no more values than that; fewer where commas are in texts.
    commas = text.count(",") if isinstance(text, str) else text.count(b",")
    if commas >= MAX_VALUES:
        raise ValueError(f"more than {MAX_VALUES} values")
    return from_json(text, allow_inf_nan=False)
