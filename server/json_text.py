"""JSON as it is read from clients: what Python would take and no other program could is refused."""

from __future__ import annotations

from typing import Any, Final

from pydantic_core import from_json

JSON: Final = "JSON: Unicode, with finite numbers, at most 200 levels deep"


def decoded(text: str | bytes) -> Any:
    """What the text says. Raises ValueError when it is none of `JSON`."""
    return from_json(text, allow_inf_nan=False)
