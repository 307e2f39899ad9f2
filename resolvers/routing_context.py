"""What each user's routing depends on, kept for a moment: to read it anew would cost more than to decide.

What is kept may be old; a decision is not made of it then. Preferences, own models and alerts carry a version that is
looked at in the very transaction that decides (see `models.routing`), and figures are read again after a while.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

from domain.routing import RoutingContext
from domain.viewer import Viewer
from models.database import Database
from models.queries.routing_context import routing_context_of
from resolvers.shielded import shielded

MAX_USERS: Final = 2_000
_FRESH_FOR_S: Final = 0.5
# What is read before anybody needs it takes up no more than a tenth of a process's time, for all users together; what has
# to be waited for, half a percent for each.
_PAUSE_TIMES: Final = 9
_READING_TIMES: Final = 20
_USABLE_TIMES: Final = 10


@dataclass(slots=True)
class _Kept:
    # The last that was read, when, and what it took.
    routing_context: RoutingContext | None = None
    read_at_s: float = 0.0
    took_s: float = 0.0
    reading: asyncio.Task[RoutingContext] | None = None
    """The one that is on its way."""

    def age_in_readings(self, now_s: float) -> float:
        """From 1 on it is time for another reading."""
        return (now_s - self.read_at_s) / max(_FRESH_FOR_S, _READING_TIMES * self.took_s)


class RoutingContextCache:
    """The knowledge of the users who routed last, each read once for all who wait for it."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._kept: OrderedDict[UUID, _Kept] = OrderedDict()
        self._pauses_until_s = 0.0

    async def of(self, viewer: Viewer) -> RoutingContext:
        """The user's knowledge. A little old, it is used while a newer one is read; older, that is waited for."""
        now_s = asyncio.get_running_loop().time()
        kept = self._kept.setdefault(viewer.id, _Kept())
        self._kept.move_to_end(viewer.id)
        if len(self._kept) > MAX_USERS:
            self._kept.popitem(last=False)
        age = kept.age_in_readings(now_s)
        usable = kept.routing_context if age <= _USABLE_TIMES else None
        if usable is not None and (age <= 1 or now_s < self._pauses_until_s):
            return usable
        reading = kept.reading or self._begun(viewer, kept, now_s)
        return await shielded(reading) if usable is None else usable

    def forget(self, viewer: Viewer, routing_context: RoutingContext) -> None:
        """Read anew what turned out to be old, unless that is done already."""
        kept = self._kept.get(viewer.id)
        if kept is not None and kept.routing_context is routing_context:
            del self._kept[viewer.id]

    def _begun(self, viewer: Viewer, kept: _Kept, now_s: float) -> asyncio.Task[RoutingContext]:
        kept.reading = asyncio.create_task(self._loaded(viewer))
        kept.reading.add_done_callback(partial(self._read, kept, now_s))
        return kept.reading

    async def _loaded(self, viewer: Viewer) -> RoutingContext:
        async with self._database.viewer(viewer) as session:
            return await routing_context_of(session, viewer.id, self._clock())

    def _read(self, kept: _Kept, begun_s: float, reading: asyncio.Task[RoutingContext]) -> None:
        now_s = asyncio.get_running_loop().time()
        kept.reading, kept.took_s = None, now_s - begun_s
        self._pauses_until_s = now_s + _PAUSE_TIMES * kept.took_s
        if not reading.cancelled() and reading.exception() is None:
            kept.routing_context, kept.read_at_s = reading.result(), now_s
