"""Creates the partitions of the next months while the server runs, so that no request has to."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from models.database.pool import DatabaseFailure
from models.database.postgresql import PostgreSQL
from models.database.sqlite import SQLite

_EVERY_S: Final = 3_600.0
_ATTEMPTS: Final = 10

log = logging.getLogger(__name__)


@asynccontextmanager
async def partitions_ahead(backend: SQLite | PostgreSQL, clock: Callable[[], datetime]) -> AsyncIterator[None]:
    """Create missing partitions now, and every hour while the block runs.

    At start-up there is one attempt only, so that the start does not wait for transactions that lock the tables.
    """
    await backend.make_partitions(clock(), 1)
    task = asyncio.create_task(_create_hourly(backend, clock), name="partitions")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _create_hourly(backend: SQLite | PostgreSQL, clock: Callable[[], datetime]) -> None:
    while True:
        await asyncio.sleep(_EVERY_S)
        try:
            await backend.make_partitions(clock(), _ATTEMPTS)
        except (SQLAlchemyError, DatabaseFailure, OSError):
            log.exception("partitions could not be created; the next attempt is in an hour")
