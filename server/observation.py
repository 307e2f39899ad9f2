"""Observability of requests: an id in each response, a log line, a span and metrics."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.types import new_id
from server import log
from server.metrics import REQUESTS
from server.tracing import Tracing, answered

REQUEST_ID: Final = b"x-request-id"
_ID: Final = re.compile(r"[A-Za-z0-9._=+/-]{1,64}")
_ROUTES: Final = frozenset(
    {
        "/graphql",
        "/ingest/decisions",
        "/ingest/amendments",
        "/export/analytics",
        "/healthz",
        "/readyz",
        "/metrics/",
        "/enterprise-router",
    }
)
_METHODS: Final = frozenset({"GET", "POST", "HEAD", "OPTIONS"})

_log: Final = logging.getLogger(__name__)


class Observation:
    """ASGI middleware that observes requests and sockets.

    Unknown paths and methods have the label `other`, so that clients cannot add time series.
    """

    def __init__(self, app: ASGIApp, tracing: Tracing) -> None:
        self._app = app
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        given = next((value.decode("latin-1") for name, value in scope["headers"] if name == REQUEST_ID), "")
        request_id = given if _ID.fullmatch(given) else str(new_id())
        log.current.set(log.RequestFields(request_id))
        route = scope["path"] if scope["path"] in _ROUTES else "other"
        if scope["type"] == "websocket":
            with logged("socket", route=route):
                await self._app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in _METHODS else "other"
        began_at = time.perf_counter()

        async def observed(message: Message) -> None:
            if message["type"] == "http.response.start":
                status = line["status"] = message["status"]
                REQUESTS.labels(route, method, status).observe(time.perf_counter() - began_at)
                answered(span, status)
                message["headers"] = [*message.get("headers", ()), (REQUEST_ID, request_id.encode())]
            await send(message)

        with (
            self._tracing.request(method, route, Headers(scope=scope)) as span,
            logged("request", method=method, route=route) as line,
        ):
            await self._app(scope, receive, observed)


@contextmanager
def logged(message: str, **more: Any) -> Iterator[dict[str, Any]]:
    """Log a line with the duration when the block ends. The block may add fields to the yielded dictionary."""
    began_at = time.perf_counter()
    try:
        yield more
    finally:
        if _log.isEnabledFor(logging.INFO):
            more["duration_ms"] = round(1000 * (time.perf_counter() - began_at), 3)
            _log.info(message, extra=more)
