"""The command line, and servers, as real processes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import httpx2

ROOT = Path(__file__).parents[2]
USER = "01941931-60b0-7000-9e50-21ab326a8ef5"


# The database that goes with a data directory, where that is not a file in it.
DATABASE_OF: dict[Path, str] = {}


def environment(data_dir: Path, **settings: str) -> dict[str, str]:
    outside = {name: value for name, value in os.environ.items() if not name.startswith("ROUTER_")}
    ours = {"ROUTER_DATA_DIR": str(data_dir), "ROUTER_PORT": "0", "ROUTER_DATABASE_URL": DATABASE_OF.get(data_dir, "")}
    return outside | ours | settings


def run(*arguments: str, data_dir: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "server", *arguments],
        cwd=ROOT,
        env=environment(data_dir, **settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@dataclass
class ServerProcess:
    process: subprocess.Popen[str]
    address: str
    printed: str
    """All it printed until it was ready."""

    def kill(self) -> None:
        """End it as a crash would: it gets no chance to do anything more."""
        self.process.kill()
        self.process.wait()


@contextmanager
def running(data_dir: Path, stderr: IO[str] | None = None, /, **settings: str) -> Iterator[ServerProcess]:
    """A server process that is ready; it is told to stop when the block ends, unless it was killed before."""
    process = subprocess.Popen(
        [sys.executable, "-m", "server", "serve"],
        cwd=ROOT,
        env=environment(data_dir, **settings),
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
    )
    assert process.stdout is not None
    try:
        lines = [process.stdout.readline()]
        if "ROUTER_JWT_SECRET" not in settings:
            lines += [process.stdout.readline(), process.stdout.readline()]
        printed = "".join(lines)
        address = re.search(r"http://[^/\s]+", printed)
        assert address is not None, printed
        yield ServerProcess(process, address[0], printed)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                assert process.wait(timeout=20) in {0, -signal.SIGTERM}
            finally:
                process.kill()
                process.wait()
        process.stdout.close()


@contextmanager
def served(data_dir: Path, **settings: str) -> Iterator[tuple[str, str]]:
    """The address of a server process, and all it printed until it was ready."""
    with running(data_dir, **settings) as server:
        yield server.address, server.printed


def ask(address: str, token: str, query: str, **variables: Any) -> Any:
    answer = httpx2.post(
        f"{address}/graphql",
        json={"query": query, "variables": variables},
        headers={"Authorization": f"Bearer {token}"},
        timeout=30,
    ).json()
    assert "errors" not in answer, answer
    return next(iter(answer["data"].values()))


def token_of(data_dir: Path, *more: str) -> str:
    return run("token", "--user", USER, *more, data_dir=data_dir).stdout.strip()
