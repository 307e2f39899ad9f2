"""What happened, said after it was committed. Events carry ids alone: whoever listens reads the rows
through the scoped door, so no event can show what its reader may not see.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID


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
