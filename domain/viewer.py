"""The viewer: the authenticated user of a request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Viewer:
    """A user whose token was verified. `expires_at` is the expiry of the token in UTC; None if it does not expire."""

    id: UUID
    expires_at: datetime | None = None
