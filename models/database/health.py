"""The health of a database."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Health:
    """The health of a database that answered."""

    version: str | None
    """The version of its schema; None if it has no schema."""
    checks: dict[str, bool]
    """Whether each check passes, by the name that `/readyz` shows."""
