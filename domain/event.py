"""What happened, said after it was committed. Events carry ids alone: whoever listens reads the rows
through the scoped door, so no event can show what its reader may not see.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

# A NOTIFY of PostgreSQL carries less than 8000 bytes.
_MAX_BYTES: Final = 7_900
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
_KINDS: Final[dict[str, type[Any]]] = {
    kind.__name__: kind for kind in (PreferencesChanged, ABTestUpdated, AlertTriggered, AnalyticsLogged)
}


def encode(events: Iterable[Event]) -> Iterator[str]:
    """These events as a few short texts, for a channel between processes."""
    parts: list[str] = []
    size = 0
    for event in events:
        for part in _parts(event):
            if parts and size + len(part) > _MAX_BYTES:
                yield f"[{','.join(parts)}]"
                parts, size = [], 0
            parts.append(part)
            size += len(part) + 1
    if parts:
        yield f"[{','.join(parts)}]"


def _parts(event: Event) -> Iterator[str]:
    # JSON by hand: of names and UUIDs there is nothing to escape.
    head = f'["{type(event).__name__}","{event.user_id}"'
    if isinstance(event, AnalyticsLogged):
        for start in range(0, len(event.analytics_ids), _IDS_AT_ONCE):
            ids = map(str, event.analytics_ids[start : start + _IDS_AT_ONCE])
            yield head + "".join(f',"{id_}"' for id_ in ids) + "]"
    else:
        yield f'{head},"{event.ab_test_id}"]' if isinstance(event, ABTestUpdated) else f"{head}]"


def decode(text: str, wanted: Callable[[UUID, type[Event]], bool]) -> Iterator[Event]:
    """The events that `encode` made this text of, of the users and kinds that are wanted."""
    for kind, user_id, *ids in json.loads(text):
        type_, user = _KINDS[kind], UUID(user_id)
        if not wanted(user, type_):
            continue
        if type_ is AnalyticsLogged:
            yield AnalyticsLogged(user, tuple(map(UUID, ids)))
        elif type_ is ABTestUpdated:
            yield ABTestUpdated(user, UUID(ids[0]))
        else:
            yield type_(user)
