"""What a resolver may use: who asks, the doors to the database, the ledger, and what happens elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, TypeVar, TypeVarTuple
from uuid import UUID

import strawberry

from domain.event import Event
from domain.viewer import Viewer
from models.database import Database
from models.database.compute import Compute
from models.database.fair_queue import FairQueue
from models.ledger import Ledger
from resolvers.alert_feed import AlertFeed
from resolvers.routing_context import RoutingContextCache
from resolvers.shared_reading import SharedReadings

AnEvent = TypeVar("AnEvent", bound=Event)
_ITERATIONS: Final = 16
_LARGE_ITERATIONS: Final = 64
_FEW_ROWS: Final = 100
Given = TypeVarTuple("Given")
Made = TypeVar("Made")


class Events(Protocol):
    """What happens to one user's rows, told after the commit."""

    def changes(
        self, user_id: UUID, kind: type[Event], of: UUID | None = None
    ) -> AbstractContextManager[AsyncIterator[None]]:
        """Wakes when something of this kind happened; what happens before the next look is one wake-up.

        `of` names one test, when only its updates matter.
        """
        ...

    def version(self, user_id: UUID, kind: type[Event]) -> int:
        """A number that is another one after each event of this kind, while somebody listens."""
        ...

    def each(self, user_id: UUID, kind: type[AnEvent]) -> AbstractContextManager[AsyncIterator[AnEvent]]:
        """Every event of this kind. Raises Overloaded for a reader that falls too far behind."""
        ...


@dataclass(slots=True)
class Context:
    database: Database
    ledger: Ledger
    events: Events
    clock: Callable[[], datetime]
    alert_feed: AlertFeed
    routing_context: RoutingContextCache
    readings: SharedReadings
    compute: Compute
    summaries: FairQueue
    """Those that are made at once: each keeps a connection for as long as it takes."""
    turns: FairQueue
    """On the event loop."""
    signed_in: Viewer | None = None

    @property
    def viewer(self) -> Viewer:
        """Who asks. The edge lets nobody through without a verified token."""
        if self.signed_in is None:
            raise LookupError("no viewer")
        return self.signed_in

    async def offload(self, work: Callable[[*Given], Made], *given: *Given) -> Made:
        """The result of the viewer's work, done beside the event loop. Raises Overloaded."""
        return await self.compute.offload(self.viewer.id, work, *given)

    async def turn(self, *, large: bool = False) -> None:
        """Wait until it is the viewer's turn to keep the event loop busy: for a millisecond or two, or tens where `large`."""
        await self.turns.turn(self.viewer.id, iterations=_LARGE_ITERATIONS if large else _ITERATIONS)

    async def turn_for_rows(self, count: int | None) -> None:
        """The same before a page of so many rows is read, where these are many: rows are made of it all at once."""
        if count is not None and count > _FEW_ROWS:
            await self.turn(large=True)


Info = strawberry.Info[Context, None]
