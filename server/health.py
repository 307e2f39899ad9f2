"""`/healthz` and `/readyz`: whether the process lives, and whether it can do its work."""

from __future__ import annotations

import asyncio
import logging
import math
from typing import ClassVar, Final

from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import JSONResponse

from migrations import head
from models.database import Database
from models.database.health import Health
from models.database.pool import DatabaseFailure
from models.ledger import Ledger
from server.listener import Listener

_PATIENCE_S: Final = 2.0
_FRESH_FOR_S: Final = 0.5
"""For so long an answer is given to others, too."""

log = logging.getLogger(__name__)


async def healthz(_request: Request) -> JSONResponse:
    """The event loop turns: nothing else is asked."""
    return JSONResponse({"status": "ok"})


class Readiness:
    """Answers 200 when a request would be served, and else 503 with what is missing.

    Anybody may ask, and as often as they like: those who ask at once share an answer.
    """

    writes_every_s: ClassVar = 10.0
    """How often a commit shows that there can be one, where the ledger makes none."""

    def __init__(self, database: Database, ledger: Ledger, listener: Listener | None) -> None:
        self._database = database
        self._ledger = ledger
        self._listener = listener
        self._answer: asyncio.Task[dict[str, bool]] | None = None
        self._fresh_until_s = 0.0
        self._written_at_s = -math.inf

    async def __call__(self, _request: Request) -> JSONResponse:
        if self._answer is None or (self._answer.done() and self._now_s() >= self._fresh_until_s):
            self._answer = asyncio.create_task(self._checks())
        checks = await asyncio.shield(self._answer)
        ready = all(checks.values())
        return JSONResponse({"status": "ready" if ready else "not ready", "checks": checks}, 200 if ready else 503)

    async def _checks(self) -> dict[str, bool]:
        health = await self._health()
        checks = {
            "database": health is not None,
            "migrations": health is not None and health.version == head(),
            "ledger": self._ledger.keeps_up,
        }
        if self._listener is not None:
            checks["listener"] = self._listener.is_connected
        self._fresh_until_s = self._now_s() + _FRESH_FOR_S
        return checks | (health.checks if health else {})

    async def _health(self) -> Health | None:
        """None when the database does not answer in time."""
        every_s = self.writes_every_s
        write = self._now_s() - self._written_at_s >= every_s and not self._ledger.committed_within(every_s)
        try:
            async with asyncio.timeout(_PATIENCE_S):
                health = await self._database.backend.health(write=write)
        except (SQLAlchemyError, DatabaseFailure, OSError) as error:
            self._written_at_s = -math.inf
            log.warning("not ready: the database does not answer: %s", type(error).__name__)
            return None
        if not all(health.checks.values()):
            self._written_at_s = -math.inf
        elif write:
            self._written_at_s = self._now_s()
        return health

    def _now_s(self) -> float:
        return asyncio.get_running_loop().time()
