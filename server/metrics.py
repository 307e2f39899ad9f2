"""What `/metrics` tells of the edge. The ledger's own figures are in `models/group_commit.py`.

The figures are of the process: registered once, when this is imported, however many applications it holds.
"""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter

CONNECTIONS_CUT: Final = Counter(
    "router_connections_cut",
    "Connections that we ended: too many, too slow, too long a head, what we sent left unread",
    ["why"],
)
