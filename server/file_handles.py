"""How many files and connections the process may have open: each connection is one."""

from __future__ import annotations

import logging
import resource
from typing import Final

from server.settings import Settings

RESERVED: Final = 256
"""For the database, the files of answers that are being made, logs, and what libraries open."""

_log: Final = logging.getLogger(__name__)


def make_room(settings: Settings) -> None:
    """Raise the soft limit to what the settings promise, as far as the hard one allows; warn where it does not."""
    needed = max(settings.max_connections, settings.max_sockets) + RESERVED
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, allowed), hard))
    except (OSError, ValueError):  # where the system sets a limit below the hard one
        allowed = soft
    if allowed < needed:
        _log.warning(
            "this process may have %d files open, and needs %d for ROUTER_MAX_CONNECTIONS=%d and ROUTER_MAX_SOCKETS=%d: "
            "raise the limit (ulimit -Hn, LimitNOFILE), or lower these to %d",
            allowed,
            needed,
            settings.max_connections,
            settings.max_sockets,
            max(allowed - RESERVED, 1),
        )
