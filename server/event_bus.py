"""The event bus of a process: delivers committed events to the subscriptions of their user."""

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
Callback = Callable[[Event | None], None]
"""Called with each event, and with None when events may have been missed."""


class EventBus:
    """Callbacks by user and kind of event. A callback returns at once, so that publishing never blocks."""

    def __init__(self) -> None:
        self._callbacks: defaultdict[tuple[UUID, type[Any]], set[Callback]] = defaultdict(set)
        # One version per key that has callbacks. No number is used twice.
        self._versions: dict[tuple[UUID, type[Any]], int] = {}
        self._numbers = itertools.count()

    def version(self, user_id: UUID, kind: type[Event]) -> int:
        """A number that changes with each event of this kind. Raises KeyError when there is no subscription to it."""
        return self._versions[user_id, kind]

    def catch_up(self) -> None:
        """Announce that events may have been missed. `changes` wakes up; `each` raises Overloaded, since it lost events."""
        for key in self._callbacks:
            self._versions[key] = next(self._numbers)
        for callbacks in tuple(self._callbacks.values()):
            for callback in tuple(callbacks):
                callback(None)

    def is_heard(self, user_id: UUID, kind: type[Event]) -> bool:
        """Whether there is a subscription to this kind of events of this user."""
        return (user_id, kind) in self._callbacks

    def publish(self, events: Sequence[Event]) -> None:
        """Deliver committed events to their subscriptions."""
        for event in events:
            if (event.user_id, type(event)) in self._callbacks:
                self._versions[event.user_id, type(event)] = next(self._numbers)
            for callback in tuple(self._callbacks.get((event.user_id, type(event)), ())):
                callback(event)

    @contextmanager
    def changes(self, user_id: UUID, kind: type[Event], of: UUID | None = None) -> Iterator[AsyncIterator[None]]:
        """Yield an iterator that wakes up after events of this kind; `of` selects those of one A/B test.

        Events that occur between two wake-ups are combined into one.
        """
        happened = asyncio.Event()

        def callback(event: Event | None) -> None:
            if event is None or of is None or (isinstance(event, ABTestUpdated) and event.ab_test_id == of):
                happened.set()

        async def wake_ups() -> AsyncIterator[None]:
            while True:
                await happened.wait()
                happened.clear()
                yield

        with self._subscribed(user_id, kind, callback):
            yield wake_ups()

    @contextmanager
    def each(self, user_id: UUID, kind: type[AnEvent]) -> Iterator[AsyncIterator[AnEvent]]:
        """Yield an iterator over every event of this kind. It raises Overloaded when 1,000 events wait to be read."""
        # None ends the stream, because the events after it are lost.
        waiting: asyncio.Queue[AnEvent | None] = asyncio.Queue()
        behind = False

        def callback(event: Event | None) -> None:
            nonlocal behind
            if behind:
                return
            behind = event is None or waiting.qsize() >= MAX_WAITING_EVENTS
            waiting.put_nowait(event if isinstance(event, kind) and not behind else None)

        async def events() -> AsyncIterator[AnEvent]:
            while (event := await waiting.get()) is not None:
                yield event
            raise Overloaded("This subscription fell too far behind; subscribe again.", retry_after_ms=0)

        with self._subscribed(user_id, kind, callback):
            yield events()

    @contextmanager
    def _subscribed(self, user_id: UUID, kind: type[Any], callback: Callback) -> Iterator[None]:
        key = (user_id, kind)
        if key not in self._callbacks:
            self._versions[key] = next(self._numbers)
        self._callbacks[key].add(callback)
        try:
            yield
        finally:
            self._callbacks[key].discard(callback)
            if not self._callbacks[key]:
                del self._callbacks[key], self._versions[key]
