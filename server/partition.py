"""Partitions for the months to come, made while the server runs and not by any request."""

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
_TRIES: Final = 10

log = logging.getLogger(__name__)


@asynccontextmanager
async def partitions_ahead(backend: SQLite | PostgreSQL, clock: Callable[[], datetime]) -> AsyncIterator[None]:
    """Make what is missing now, and look again every hour while the block runs.

    The start does not wait for whoever reads the tables: it tries once.
    """
    await backend.make_partitions(clock(), 1)
    looking = asyncio.create_task(_look_again(backend, clock), name="partitions")
    try:
        yield
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)


async def _look_again(backend: SQLite | PostgreSQL, clock: Callable[[], datetime]) -> None:
    while True:
        await asyncio.sleep(_EVERY_S)
        try:
            await backend.make_partitions(clock(), _TRIES)
        except (SQLAlchemyError, DatabaseFailure, OSError):
            log.exception("partitions were not looked after")
