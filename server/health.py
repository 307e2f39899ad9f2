"""Health checks: `/healthz` says whether the process is alive, `/readyz` whether it can serve requests."""

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

_TIMEOUT_S: Final = 2.0
_CACHED_FOR_S: Final = 0.5
"""How long a result is returned to later requests."""

log = logging.getLogger(__name__)


async def healthz(_request: Request) -> JSONResponse:
    """Respond with 200. This proves that the event loop runs, and checks nothing else."""
    return JSONResponse({"status": "ok"})


class Readiness:
    """Responds with 200 when requests can be served, otherwise with 503. The body lists each check.

    The endpoint needs no token. Concurrent requests share one result, so that they put no load on the database.
    """

    writes_every_s: ClassVar = 10.0
    """How often the check commits a transaction of its own, while the ledger commits none, in seconds."""

    def __init__(self, database: Database, ledger: Ledger, listener: Listener | None) -> None:
        self._database = database
        self._ledger = ledger
        self._listener = listener
        self._result: asyncio.Task[dict[str, bool]] | None = None
        self._cached_until_s = 0.0
        self._written_at_s = -math.inf

    async def __call__(self, _request: Request) -> JSONResponse:
        if self._result is None or (self._result.done() and self._now_s() >= self._cached_until_s):
            self._result = asyncio.create_task(self._checks())
        checks = await asyncio.shield(self._result)
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
        self._cached_until_s = self._now_s() + _CACHED_FOR_S
        return checks | (health.checks if health else {})

    async def _health(self) -> Health | None:
        """The health of the database. None when it does not answer within two seconds."""
        every_s = self.writes_every_s
        write = self._now_s() - self._written_at_s >= every_s and not self._ledger.committed_within(every_s)
        try:
            async with asyncio.timeout(_TIMEOUT_S):
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
