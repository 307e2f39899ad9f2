"""The limit on open files of the process. Each connection takes one."""

from __future__ import annotations

import logging
import resource
from typing import Final

from server.settings import Settings

RESERVED: Final = 256
"""File handles for the database, temporary files of responses, logs and libraries."""

_log: Final = logging.getLogger(__name__)


def raise_file_limit(settings: Settings) -> None:
    """Raise the soft limit to what the settings need, at most to the hard limit. Logs a warning if that is too low."""
    needed = max(settings.max_connections, settings.max_sockets) + RESERVED
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, allowed), hard))
    except (OSError, ValueError):  # some systems have a limit below the hard one
        allowed = soft
    if allowed < needed:
        _log.warning(
            "this process may open %d files but needs %d for ROUTER_MAX_CONNECTIONS=%d and ROUTER_MAX_SOCKETS=%d: "
            "raise the limit (ulimit -Hn, LimitNOFILE), or lower both settings to %d",
            allowed,
            needed,
            settings.max_connections,
            settings.max_sockets,
            max(allowed - RESERVED, 1),
        )
