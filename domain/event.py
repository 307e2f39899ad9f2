"""What happened, said after it was committed. Events carry ids alone: whoever listens reads the rows
through the scoped door, so no event can show what its reader may not see.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from uuid import UUID

# A NOTIFY of PostgreSQL carries less than 8000 bytes.
_IDS_AT_ONCE: Final = 150


@dataclass(frozen=True, slots=True)
class PreferencesChanged:
    user_id: UUID


@dataclass(frozen=True, slots=True)
class ABTestUpdated:
    user_id: UUID
    ab_test_id: UUID


@dataclass(frozen=True, slots=True)
class AlertTriggered:
    user_id: UUID


@dataclass(frozen=True, slots=True)
class AnalyticsLogged:
    user_id: UUID
    analytics_ids: tuple[UUID, ...]


Event = PreferencesChanged | ABTestUpdated | AlertTriggered | AnalyticsLogged


def encode(event: Event) -> Iterator[str]:
    """The event as short texts, for a channel between processes; one with many ids becomes several."""
    kind, user_id = type(event).__name__, str(event.user_id)
    if isinstance(event, AnalyticsLogged):
        for start in range(0, len(event.analytics_ids), _IDS_AT_ONCE):
            yield json.dumps([kind, user_id, [str(id_) for id_ in event.analytics_ids[start : start + _IDS_AT_ONCE]]])
    elif isinstance(event, ABTestUpdated):
        yield json.dumps([kind, user_id, str(event.ab_test_id)])
    else:
        yield json.dumps([kind, user_id])


def decode(text: str) -> Event:
    """The event that `encode` made this text of."""
    kind, user_id, *rest = json.loads(text)
    user = UUID(user_id)
    if kind == AnalyticsLogged.__name__:
        return AnalyticsLogged(user, tuple(map(UUID, rest[0])))
    if kind == ABTestUpdated.__name__:
        return ABTestUpdated(user, UUID(rest[0]))
    return PreferencesChanged(user) if kind == PreferencesChanged.__name__ else AlertTriggered(user)
