"""Fixtures that run clients as separate processes against a server."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.install import make

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TOOLS = ROOT / ".venv-clients" / "bin"
"""The directory of the Python environment of the clients. It has Node too, if the machine has none."""
PATIENCE_S = 120

Run = Callable[..., Awaitable[str]]


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """A migrated SQLite file: the behavior of clients does not depend on the database."""
    return sqlite_url


@pytest.fixture(scope="session")
def _installed(pytestconfig: pytest.Config) -> None:
    """Install the clients if the tests run under `make test`. In CI they must be installed."""
    make("clients", pytestconfig)
    missing = [
        str(each.relative_to(ROOT))
        for each in (HERE / "node_modules" / ".installed", TOOLS.parent / ".installed")
        if not each.exists()
    ]
    if missing and not os.environ.get("CI"):
        pytest.skip("the clients are not installed: run `make clients`")
    assert missing == []


@pytest.fixture
def run(_installed: None, tmp_path: Path) -> Run:
    """Runs a client, which must succeed. Returns what it printed."""

    async def run(*command: str | Path, cwd: Path = HERE, **environment: str) -> str:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=cwd,
            env=os.environ | {"PATH": f"{TOOLS}:{os.environ['PATH']}", "TMPDIR": str(tmp_path)} | environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(PATIENCE_S):
                printed, _ = await process.communicate()
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # with all processes that it started
            await process.wait()
        assert process.returncode == 0, printed.decode()
        return printed.decode()

    return run
