"""`python -m benchmarks.baseline_server`: the server as it is, with `PerRequestLedger` where its ledger would be."""

from __future__ import annotations

from unittest.mock import patch

import server.app
from benchmarks.baseline import PerRequestLedger
from server.__main__ import LOCAL_USER
from server.serving import run
from server.settings import Settings


def main() -> None:
    with patch.object(server.app, "Ledger", PerRequestLedger):
        run(Settings.from_environment(), LOCAL_USER)


if __name__ == "__main__":
    main()
