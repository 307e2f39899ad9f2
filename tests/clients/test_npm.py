"""Clients and audits from npm, each in a script in this directory."""

from __future__ import annotations

import re
import sys
from datetime import timedelta

import pytest

from server.graphql.websocket import TransportWSHandler
from server.settings import Settings
from tests.clients.conftest import Run
from tests.conftest import SECRET
from tests.support.postgres import free_port


async def node_test(run: Run, script: str, **environment: str) -> None:
    """Run a script of Node's own test runner."""
    # A failed test leaves its sockets open: do not wait for them.
    options = ("--test-reporter=spec", "--test-timeout=30000", "--test-force-exit")
    printed = await run("node", "--test", *options, script, **environment)
    assert not re.search(r"^\S (pass 0|skipped [^0]|todo [^0])", printed, re.MULTILINE), printed


@pytest.mark.parametrize("script", ["audits", "graphql_ws", "apollo", "urql"])
async def test_a_client_is_served(url: str, token: str, run: Run, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # tests that wait for this timeout do not wait long
    monkeypatch.setattr(TransportWSHandler, "init_timeout", timedelta(seconds=1))
    await node_test(run, f"{script}.test.mjs", ROUTER_URL=url, ROUTER_TOKEN=token)


@pytest.mark.parametrize("signal", ["SIGTERM", "SIGKILL"])
async def test_a_client_receives_events_that_it_missed_while_the_server_was_down(
    settings: Settings, token: str, run: Run, signal: str
) -> None:
    port = str(free_port())
    await node_test(
        run,
        "restart.test.mjs",
        ROUTER_DATA_DIR=str(settings.data_dir),
        ROUTER_JWT_SECRET=SECRET,
        ROUTER_PORT=port,
        ROUTER_PYTHON=sys.executable,
        ROUTER_SIGNAL=signal,
        ROUTER_TOKEN=token,
        ROUTER_URL=f"http://127.0.0.1:{port}",
    )
