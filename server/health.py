"""`/healthz` and `/readyz`: whether the process lives, and whether it can do its work."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import JSONResponse

from domain.error import Overloaded
from migrations import is_current
from models.database import Database
from models.ledger import Ledger
from models.pool import DatabaseFailure

_PATIENCE_S: Final = 2.0

log = logging.getLogger(__name__)


async def healthz(_request: Request) -> JSONResponse:
    """The event loop turns: nothing else is asked."""
    return JSONResponse({"status": "ok"})


class Readiness:
    """Answers 200 when a request would be served, and else 503 with what is missing."""

    def __init__(self, database: Database, ledger: Ledger) -> None:
        self._database = database
        self._ledger = ledger
        self._migrated = False

    async def __call__(self, _request: Request) -> JSONResponse:
        checks = {"database": await self._database_answers(), "ledger": self._ledger_has_room()}
        checks["migrations"] = checks["database"] and await self._is_migrated()
        ready = all(checks.values())
        return JSONResponse({"status": "ready" if ready else "not ready", "checks": checks}, 200 if ready else 503)

    async def _database_answers(self) -> bool:
        try:
            async with asyncio.timeout(_PATIENCE_S), self._database.system() as transaction:
                await transaction.connection.execute(text("SELECT 1"))
        except (SQLAlchemyError, DatabaseFailure, OSError, TimeoutError) as error:
            log.warning("not ready: the database does not answer: %s", type(error).__name__)
            return False
        return True

    async def _is_migrated(self) -> bool:
        # Once it is, it stays so: servers are stopped for a migration.
        if not self._migrated:
            try:
                async with asyncio.timeout(_PATIENCE_S):
                    self._migrated = await is_current(self._database.url)
            except (SQLAlchemyError, OSError, TimeoutError):
                return False
        return self._migrated

    def _ledger_has_room(self) -> bool:
        try:
            self._ledger.check_room()
        except Overloaded:
            return False
        return True
