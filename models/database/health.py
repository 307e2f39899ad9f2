"""How a database is: what of it is missing, if anything is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Health:
    """Of a database that answered."""

    version: str | None
    """Of its schema; None where it has none."""
    checks: dict[str, bool]
    """By the names that `/readyz` says."""
