"""The metrics of HTTP requests and connections, and the application at `/metrics`.

The ledger's metrics are defined in `models/ledger/group_commit.py`, those of operations in `server/graphql/operation.py`.
Metrics belong to the process and are registered when this module is imported. With several workers, each writes its metrics
to files in a directory, and the worker that answers adds them up.
"""

from __future__ import annotations

import os
from typing import Any, Final

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, make_asgi_app
from prometheus_client.multiprocess import MultiProcessCollector

MULTIPROCESS_DIR: Final = "PROMETHEUS_MULTIPROC_DIR"
"""The environment variable of prometheus_client that names the directory. It must be set before the library is imported."""
CONNECTIONS_CUT: Final = Counter(
    "router_connections_cut",
    "Connections closed by the server, by reason: no room, slow head, slow body, long head, long body, unread",
    ["why"],
)
OPEN: Final = Gauge("router_open", "Open sockets and subscriptions", ["what"], multiprocess_mode="livesum")
REQUESTS: Final = Histogram(
    "router_http_request_seconds",
    "Seconds from the arrival of a request to the start of its response",
    ["route", "method", "status"],
)


def metrics_app() -> Any:
    """Return an ASGI application that responds with the metrics of this process, or of all workers.

    It does not compress, since `server.compression` does.
    """
    if MULTIPROCESS_DIR not in os.environ:
        return make_asgi_app(REGISTRY, disable_compression=True)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return make_asgi_app(registry, disable_compression=True)
