"""Tells subscribers in this process what happened to their user's rows."""

from __future__ import annotations

import asyncio
import itertools
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar
from uuid import UUID

from domain.error import Overloaded
from domain.event import ABTestUpdated, Event

MAX_WAITING_EVENTS: Final = 1_000

AnEvent = TypeVar("AnEvent", bound=Event)
# Called with None when events may have been missed.
Listener = Callable[[Event | None], None]


class EventBus:
    """Listeners by user and kind of event; each takes an event at once and never blocks who publishes."""

    def __init__(self) -> None:
        self._listeners: defaultdict[tuple[UUID, type[Any]], set[Listener]] = defaultdict(set)
        # Of those that are listened to; no number is ever given twice.
        self._versions: dict[tuple[UUID, type[Any]], int] = {}
        self._numbers = itertools.count()

    def version(self, user_id: UUID, kind: type[Event]) -> int:
        """A number that is another one after each event of this kind, while somebody listens."""
        return self._versions[user_id, kind]

    def catch_up(self) -> None:
        """Events may have been missed: wake whoever reads rows anyway, end the streams that need every event."""
        for key in self._listeners:
            self._versions[key] = next(self._numbers)
        for listeners in tuple(self._listeners.values()):
            for listener in tuple(listeners):
                listener(None)

    def is_heard(self, user_id: UUID, kind: type[Event]) -> bool:
        """Whether anybody listens to this kind of this user's events."""
        return (user_id, kind) in self._listeners

    def publish(self, events: Sequence[Event]) -> None:
        """Hand these events, which are committed, to whoever listens."""
        for event in events:
            if (event.user_id, type(event)) in self._listeners:
                self._versions[event.user_id, type(event)] = next(self._numbers)
            for listener in tuple(self._listeners.get((event.user_id, type(event)), ())):
                listener(event)

    @contextmanager
    def changes(self, user_id: UUID, kind: type[Event], of: UUID | None = None) -> Iterator[AsyncIterator[None]]:
        """Wakes when something of this kind happened; what happens before the next look is one wake-up."""
        happened = asyncio.Event()

        def listener(event: Event | None) -> None:
            if event is None or of is None or (isinstance(event, ABTestUpdated) and event.ab_test_id == of):
                happened.set()

        async def wake_ups() -> AsyncIterator[None]:
            while True:
                await happened.wait()
                happened.clear()
                yield

        with self._listening(user_id, kind, listener):
            yield wake_ups()

    @contextmanager
    def each(self, user_id: UUID, kind: type[AnEvent]) -> Iterator[AsyncIterator[AnEvent]]:
        """Every event of this kind. Raises Overloaded for a reader that falls too far behind."""
        # None ends the stream: what follows it is lost.
        waiting: asyncio.Queue[AnEvent | None] = asyncio.Queue()
        behind = False

        def listener(event: Event | None) -> None:
            nonlocal behind
            if behind:
                return
            behind = event is None or waiting.qsize() >= MAX_WAITING_EVENTS
            waiting.put_nowait(event if isinstance(event, kind) and not behind else None)

        async def events() -> AsyncIterator[AnEvent]:
            while (event := await waiting.get()) is not None:
                yield event
            raise Overloaded("This subscription fell too far behind; subscribe again.", retry_after_ms=0)

        with self._listening(user_id, kind, listener):
            yield events()

    @contextmanager
    def _listening(self, user_id: UUID, kind: type[Any], listener: Listener) -> Iterator[None]:
        key = (user_id, kind)
        if key not in self._listeners:
            self._versions[key] = next(self._numbers)
        self._listeners[key].add(listener)
        try:
            yield
        finally:
            self._listeners[key].discard(listener)
            if not self._listeners[key]:
                del self._listeners[key], self._versions[key]
