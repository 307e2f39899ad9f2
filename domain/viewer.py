"""Who asks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Viewer:
    """A user whose token was verified. `expires_at` is in UTC; None for a token without an end."""

    id: UUID
    expires_at: datetime | None = None
