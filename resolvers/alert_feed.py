"""The firings of each user, read once for all who wait for them at the same place."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from domain.viewer import Viewer
from models.cost_alert import AlertEvent, alert_events_after, last_sequence, load_alerts
from models.database import Database
from resolvers.uninterrupted import uninterrupted

FIRINGS_AT_ONCE: Final = 100
_SHARED_FOR_S: Final = 1.0
"""For so long a reading is handed to others: its alerts say how they stand now."""


@dataclass(frozen=True, slots=True)
class _Reading:
    version: int
    firings: asyncio.Task[list[AlertEvent]]


class AlertFeed:
    """A thousand subscribers of one user who wait for the next firing cost the database one reading, not a thousand."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._readings: dict[tuple[UUID, int], _Reading] = {}

    async def after(self, viewer: Viewer, sequence: int, version: int) -> list[AlertEvent]:
        """The user's next firings after this one, oldest first: at most FIRINGS_AT_ONCE.

        What had happened when the user's firings were at this version of `Events.version` is there.
        """
        place = (viewer.id, sequence)
        reading = self._readings.get(place)
        if reading is None or reading.version != version or _failed(reading.firings):
            reading = _Reading(version, asyncio.create_task(self._read(viewer, sequence)))
            self._readings[place] = reading
            asyncio.get_running_loop().call_later(_SHARED_FOR_S, self._forget, place, reading)
        return await uninterrupted(reading.firings)

    async def last(self, viewer: Viewer) -> int:
        """The number of the user's last firing; 0 before the first."""
        return await self._last(viewer)

    def _forget(self, place: tuple[UUID, int], reading: _Reading) -> None:
        if self._readings.get(place) is reading:
            del self._readings[place]

    async def _read(self, viewer: Viewer, sequence: int) -> list[AlertEvent]:
        async with self._database.viewer(viewer) as session:
            firings = await alert_events_after(session, viewer.id, sequence, FIRINGS_AT_ONCE)
            return await load_alerts(session, firings, self._clock())

    async def _last(self, viewer: Viewer) -> int:
        async with self._database.viewer(viewer) as session:
            return await last_sequence(session, viewer.id)


def _failed(firings: asyncio.Task[list[AlertEvent]]) -> bool:
    return firings.done() and (firings.cancelled() or firings.exception() is not None)
