"""Events: notifications of changes, published after the commit.

Events carry ids only. A subscriber reads the rows in a session of its user, so that an event reveals no row of another user.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

# The payload of a NOTIFY in PostgreSQL must be shorter than 8000 bytes.
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
    """The events as JSON texts of at most 7900 bytes each, for NOTIFY."""
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
    # JSON without an encoder: names of classes and UUIDs need no escaping.
    head = f'["{type(event).__name__}","{event.user_id}"'
    if isinstance(event, AnalyticsLogged):
        for start in range(0, len(event.analytics_ids), _IDS_AT_ONCE):
            ids = map(str, event.analytics_ids[start : start + _IDS_AT_ONCE])
            yield head + "".join(f',"{id_}"' for id_ in ids) + "]"
    else:
        yield f'{head},"{event.ab_test_id}"]' if isinstance(event, ABTestUpdated) else f"{head}]"


def decode(text: str, wanted: Callable[[UUID, type[Event]], bool]) -> Iterator[Event]:
    """The events in a text of `encode` for which `wanted(user_id, type)` is true."""
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
