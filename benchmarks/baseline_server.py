"""`python -m benchmarks.baseline_server LEDGER`: runs the server with another class in place of its ledger."""

from __future__ import annotations

import sys
from typing import Any, Final
from unittest.mock import patch

import server.app
from benchmarks.baseline import InstantLedger, PerRequestLedger
from server.__main__ import LOCAL_USER
from server.serving import run
from server.settings import Settings

_LEDGERS: Final[dict[str, type[Any]]] = {"per-request": PerRequestLedger, "instant": InstantLedger}


def main() -> None:
    with patch.object(server.app, "Ledger", _LEDGERS[sys.argv[1]]):
        run(Settings.from_environment(), LOCAL_USER)


if __name__ == "__main__":
    main()
