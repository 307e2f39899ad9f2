"""Reads of alert events. Subscribers of one user that wait for the same events share a read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Final

from domain.event import AlertTriggered
from domain.viewer import Viewer
from models.cost_alert import AlertEvent
from models.database import Database
from models.queries.cost_alert import alert_events_after, last_sequence, load_alerts
from resolvers.shared_reading import SharedReadings

EVENTS_PER_READ: Final = 100
_LAST: Final = -1
"""Stands for a sequence number in the key of a shared read: the read asks for the last number."""


class AlertFeed:
    """Reads alert events through `SharedReadings`."""

    def __init__(self, database: Database, clock: Callable[[], datetime], readings: SharedReadings) -> None:
        self._database = database
        self._clock = clock
        self._readings = readings

    async def after(self, viewer: Viewer, sequence: int, version: int) -> list[AlertEvent]:
        """The viewer's alert events after this sequence number, oldest first: at most EVENTS_PER_READ.

        All alert events that `Events.version` counted when it returned `version` are included.
        """
        key = (AlertTriggered, viewer.id, sequence)
        return await self._readings.of(key, version, partial(self._read, viewer, sequence))

    async def last(self, viewer: Viewer, version: int) -> int:
        """The sequence number of the viewer's last alert event at this version; 0 before the first one."""
        key = (AlertTriggered, viewer.id, _LAST)
        return await self._readings.of(key, version, partial(self._last, viewer))

    async def with_alerts(self, viewer: Viewer, alert_events: Sequence[AlertEvent]) -> list[AlertEvent]:
        """These alert events of the viewer with their alerts, without those whose alert no longer exists."""
        async with self._database.viewer(viewer) as session:
            return await load_alerts(session, alert_events, self._clock())

    async def _read(self, viewer: Viewer, sequence: int) -> list[AlertEvent]:
        async with self._database.viewer(viewer) as session:
            alert_events = await alert_events_after(session, viewer.id, sequence, EVENTS_PER_READ)
            return await load_alerts(session, alert_events, self._clock())

    async def _last(self, viewer: Viewer) -> int:
        async with self._database.viewer(viewer) as session:
            return await last_sequence(session, viewer.id)
