"""The context of an operation: what a resolver needs besides its arguments."""

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
from models.database.fair_queue import REST, FairQueue
from models.ledger import Ledger
from resolvers.alert_feed import AlertFeed
from resolvers.routing_context import RoutingContextCache
from resolvers.shared_reading import SharedReadings

AnEvent = TypeVar("AnEvent", bound=Event)
_ITERATIONS: Final = 16
_LARGE_ITERATIONS: Final = 64
_FEW_ROWS: Final = 100
Given = TypeVarTuple("Given")
Result = TypeVar("Result")


class Events(Protocol):
    """Subscribes to the events of one user. Events are published after the commit."""

    def changes(
        self, user_id: UUID, kind: type[Event], of: UUID | None = None
    ) -> AbstractContextManager[AsyncIterator[None]]:
        """Yields after each event of this kind; events that happen between two iterations yield once.

        `of` limits the events to those of the A/B test with this id.
        """
        ...

    def version(self, user_id: UUID, kind: type[Event]) -> int:
        """A number that changes with each event of this kind while somebody is subscribed."""
        ...

    def each(self, user_id: UUID, kind: type[AnEvent]) -> AbstractContextManager[AsyncIterator[AnEvent]]:
        """Yields every event of this kind. Raises Overloaded when the reader is too slow."""
        ...


@dataclass(slots=True)
class Context:
    """What the resolvers of one operation share. Only `signed_in` differs between operations."""

    database: Database
    ledger: Ledger
    events: Events
    clock: Callable[[], datetime]
    alert_feed: AlertFeed
    routing_contexts: RoutingContextCache
    readings: SharedReadings
    compute: Compute
    summaries: FairQueue
    """Limits how many summaries run at once: each uses a database connection until it is done."""
    turns: FairQueue
    """Shares the event loop among users: work of a millisecond or more waits here for its turn."""
    raw_rows: bool = True
    """Whether the executor accepts rows as JSON text. graphql-core's own does not."""
    signed_in: Viewer | None = None
    """The viewer of a verified token."""

    @property
    def viewer(self) -> Viewer:
        """The viewer of the operation. No operation runs without one: raises LookupError."""
        if self.signed_in is None:
            raise LookupError("no viewer")
        return self.signed_in

    async def offload(self, work: Callable[[*Given], Result], *given: *Given) -> Result:
        """The result of `work(*given)`, run in the compute pool on behalf of the viewer. Raises Overloaded."""
        return await self.compute.offload(self.viewer.id, work, *given)

    async def turn(self, *, large: bool = False) -> None:
        """Wait for the viewer's turn on the event loop: for work of 1 to 2 ms, or of tens of ms when `large`."""
        await self.turns.turn(self.viewer.id, iterations=_LARGE_ITERATIONS if large else _ITERATIONS)

    async def turn_for_body(self) -> None:
        """Wait for the viewer's turn before a large body is parsed: in C, and therefore in one piece."""
        await self.turns.turn(self.viewer.id, iterations=_LARGE_ITERATIONS, rest=REST)

    async def turn_for_rows(self, count: int | None) -> None:
        """Wait for the viewer's turn before a page of `count` rows is read. Small pages do not wait."""
        if count is not None and count > _FEW_ROWS:
            await self.turn(large=True)


Info = strawberry.Info[Context, None]
