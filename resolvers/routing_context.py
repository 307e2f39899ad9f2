"""A cache of routing contexts. Reading a routing context from the database costs more than ranking with it.

A cached routing context can be out of date. For preferences, registered models, alerts and tests, the transaction that stores
a routing decision compares the version and rejects an old one (see `models.ledger.routing_decision`). The figures of past
calls are read again after half a second or more.
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
_FRESH_FOR_READS: Final = 20
"""A routing context is fresh for `_FRESH_FOR_S`, or for this many times as long as it took to read it."""
_USABLE_FOR: Final = 10
"""A routing context is used for this many times as long as it is fresh, while a newer one is read in the background."""
_PAUSE_READS: Final = 9
"""After a read of some duration, none starts in the background for this many times as long: a tenth of the time at most."""


@dataclass(slots=True)
class _Cached:
    """The last routing context of a user, when it was read, how long that took, and the read that is under way."""

    routing_context: RoutingContext | None = None
    read_at_s: float = 0.0
    took_s: float = 0.0
    reading: asyncio.Task[RoutingContext] | None = None

    def age(self, now_s: float) -> float:
        """The age as a multiple of the time for which it is fresh."""
        return (now_s - self.read_at_s) / max(_FRESH_FOR_S, _FRESH_FOR_READS * self.took_s)


class RoutingContextCache:
    """The routing contexts of the MAX_USERS users who routed last. Requests of one user share a read."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._cached: OrderedDict[UUID, _Cached] = OrderedDict()
        self._paused_until_s = 0.0

    async def of(self, viewer: Viewer) -> RoutingContext:
        """The user's routing context. A slightly old one is returned while a new one is read; an older one is not."""
        now_s = asyncio.get_running_loop().time()
        cached = self._cached.setdefault(viewer.id, _Cached())
        self._cached.move_to_end(viewer.id)
        if len(self._cached) > MAX_USERS:
            self._cached.popitem(last=False)
        age = cached.age(now_s)
        usable = cached.routing_context if age <= _USABLE_FOR else None
        if usable is not None and (age <= 1 or now_s < self._paused_until_s):
            return usable
        reading = cached.reading or self._start_reading(viewer, cached, now_s)
        return await shielded(reading) if usable is None else usable

    def forget(self, viewer: Viewer, routing_context: RoutingContext) -> None:
        """Remove this routing context, which is out of date, unless a newer one has replaced it."""
        cached = self._cached.get(viewer.id)
        if cached is not None and cached.routing_context is routing_context:
            del self._cached[viewer.id]

    def _start_reading(self, viewer: Viewer, cached: _Cached, now_s: float) -> asyncio.Task[RoutingContext]:
        cached.reading = asyncio.create_task(self._load(viewer))
        cached.reading.add_done_callback(partial(self._store, cached, now_s))
        return cached.reading

    async def _load(self, viewer: Viewer) -> RoutingContext:
        async with self._database.viewer(viewer) as session:
            return await routing_context_of(session, viewer.id, self._clock())

    def _store(self, cached: _Cached, started_s: float, reading: asyncio.Task[RoutingContext]) -> None:
        now_s = asyncio.get_running_loop().time()
        cached.reading, cached.took_s = None, now_s - started_s
        self._paused_until_s = now_s + _PAUSE_READS * cached.took_s
        if not reading.cancelled() and reading.exception() is None:
            cached.routing_context, cached.read_at_s = reading.result(), now_s
