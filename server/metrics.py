"""What `/metrics` tells of the edge. The ledger's figures are in `models/group_commit.py`, those of operations in
`server/graphql/operation.py`.

The figures are of the process: registered once, when this is imported, however many applications it holds. Of several
workers, each writes its own to a directory, and whoever is asked adds them up.
"""

from __future__ import annotations

import os
from typing import Any, Final

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, make_asgi_app
from prometheus_client.multiprocess import MultiProcessCollector

MULTIPROCESS_DIR: Final = "PROMETHEUS_MULTIPROC_DIR"
"""The environment variable by which the library shares figures, set before it is imported."""
CONNECTIONS_CUT: Final = Counter(
    "router_connections_cut",
    "Connections that we ended: too many, too slow, too long a head, what we sent left unread",
    ["why"],
)
OPEN: Final = Gauge("router_open", "What is open at once", ["what"], multiprocess_mode="livesum")
REQUESTS: Final = Histogram(
    "router_http_request_seconds",
    "Time from a request to the beginning of its answer",
    ["route", "method", "status"],
)


def metrics_app() -> Any:
    """An ASGI application that answers with the figures: of this process, or of all workers."""
    if MULTIPROCESS_DIR not in os.environ:
        return make_asgi_app(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return make_asgi_app(registry)
