"""What `/metrics` tells of the edge. The ledger's figures are in `models/group_commit.py`, those of operations in
`schema/operation.py`.

The figures are of the process: registered once, when this is imported, however many applications it holds.
"""

from __future__ import annotations

import time
from typing import Final

from prometheus_client import Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONNECTIONS_CUT: Final = Counter(
    "router_connections_cut",
    "Connections that we ended: too many, too slow, too long a head, what we sent left unread",
    ["why"],
)
OPEN: Final = Gauge("router_open", "What is open at once", ["what"])
_ROUTES: Final = frozenset({"/graphql", "/ingest/decisions", "/export/analytics", "/healthz", "/readyz", "/metrics/"})
_METHODS: Final = frozenset({"GET", "POST", "HEAD", "OPTIONS"})
_requests: Final = Histogram(
    "router_http_request_seconds",
    "Time from a request to the beginning of its answer",
    ["route", "method", "status"],
)


class RequestMetrics:
    """Counts requests, and how long each waited for its answer to begin. What clients make up is called `other`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        route = scope["path"] if scope["path"] in _ROUTES else "other"
        method = scope["method"] if scope["method"] in _METHODS else "other"
        began_at = time.perf_counter()

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                _requests.labels(route, method, message["status"]).observe(time.perf_counter() - began_at)
            await send(message)

        await self._app(scope, receive, counted)
