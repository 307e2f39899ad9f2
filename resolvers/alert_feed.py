"""The alert events of each user, read once for all who wait for them at the same place."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Final

from domain.event import AlertTriggered
from domain.viewer import Viewer
from models.cost_alert import AlertEvent
from models.database import Database
from models.queries.cost_alert import alert_events_after, last_sequence, load_alerts
from resolvers.shared_reading import SharedReadings

FIRINGS_AT_ONCE: Final = 100
_LAST: Final = -1
"""In the place of a firing's number: the last one is asked for."""


class AlertFeed:
    """Reads alert events, through the readings that subscribers share."""

    def __init__(self, database: Database, clock: Callable[[], datetime], readings: SharedReadings) -> None:
        self._database = database
        self._clock = clock
        self._readings = readings

    async def after(self, viewer: Viewer, sequence: int, version: int) -> list[AlertEvent]:
        """The user's next alert events after this one, oldest first: at most FIRINGS_AT_ONCE.

        What had happened when the user's alert events were at this version of `Events.version` is there.
        """
        what = (AlertTriggered, viewer.id, sequence)
        return await self._readings.of(what, version, partial(self._read, viewer, sequence))

    async def last(self, viewer: Viewer, version: int) -> int:
        """The number of the user's last firing at this version; 0 before the first."""
        what = (AlertTriggered, viewer.id, _LAST)
        return await self._readings.of(what, version, partial(self._last, viewer))

    async def _read(self, viewer: Viewer, sequence: int) -> list[AlertEvent]:
        async with self._database.viewer(viewer) as session:
            alert_events = await alert_events_after(session, viewer.id, sequence, FIRINGS_AT_ONCE)
            return await load_alerts(session, alert_events, self._clock())

    async def _last(self, viewer: Viewer) -> int:
        async with self._database.viewer(viewer) as session:
            return await last_sequence(session, viewer.id)
