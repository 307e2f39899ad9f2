"""Receives the events that all processes commit, by LISTEN of PostgreSQL, and publishes them on this process's event bus."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, ClassVar, Final

import asyncpg
from sqlalchemy import URL

from domain.event import decode
from models.database.pool import DRIVER_ERRORS
from models.database.postgresql import CHANNEL
from server.event_bus import EventBus

_FIRST_WAIT_S: Final = 0.1
_LONGEST_WAIT_S: Final = 5.0

log = logging.getLogger(__name__)


class Listener:
    """The one listening connection of a process. After a reconnection, subscribers are told to catch up."""

    asks_every_s: ClassVar = 15.0
    """The interval of statements that check whether the connection is alive."""
    answer_within_s: ClassVar = 10.0
    """The time limit of each statement."""

    def __init__(self, url: URL, events: EventBus) -> None:
        self.is_connected = False
        self._dsn = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._events = events

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Listen while the block runs. The connection listens before the block starts."""
        connection = await self._connect()
        listening = asyncio.create_task(self._listen(connection), name="listener")
        try:
            yield
        finally:
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening

    async def _listen(self, connection: asyncpg.Connection[Any]) -> None:
        while True:
            self.is_connected = True
            try:
                await self._until_lost(connection)
            finally:
                self.is_connected = False
                connection.terminate()
            log.warning("the connection that listens for events was lost; reconnecting")
            connection = await self._reconnect()
            self._events.catch_up()

    async def _until_lost(self, connection: asyncpg.Connection[Any]) -> None:
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _connection: lost.set())
        while not lost.is_set() and not connection.is_closed():
            with suppress(TimeoutError):
                await asyncio.wait_for(lost.wait(), self.asks_every_s)
            try:
                # A connection can be dead without a notice; a statement finds out. Repeating LISTEN has no effect.
                await connection.execute(f"LISTEN {CHANNEL}")
            except DRIVER_ERRORS:
                return

    async def _reconnect(self) -> asyncpg.Connection[Any]:
        wait_s = _FIRST_WAIT_S
        while True:
            try:
                return await self._connect()
            except DRIVER_ERRORS:
                await asyncio.sleep(wait_s)
                wait_s = min(wait_s * 2, _LONGEST_WAIT_S)

    async def _connect(self) -> asyncpg.Connection[Any]:
        # Each statement has a time limit, because a connection may stop answering at any time after it is open.
        connection = await asyncpg.connect(
            self._dsn, timeout=self.answer_within_s, command_timeout=self.answer_within_s
        )
        try:
            await connection.add_listener(CHANNEL, self._hear)
        except BaseException:
            connection.terminate()
            raise
        return connection

    def _hear(self, _connection: Any, _pid: int, _channel: str, payload: object) -> None:
        self._events.publish(list(decode(str(payload), self._events.is_heard)))
