"""Runs the command line and servers as real processes."""

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


DATABASE_OF: dict[Path, str] = {}
"""The URL of the database of a data directory, where it is not a SQLite file in that directory."""


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
    """What the server printed before it was ready."""

    def kill(self) -> None:
        """Kill the process with SIGKILL, as a crash would."""
        self.process.kill()
        self.process.wait()


@contextmanager
def running(data_dir: Path, stderr: IO[str] | None = None, /, **settings: str) -> Iterator[ServerProcess]:
    """A ready server process. When the block ends it is stopped with SIGTERM, unless it has ended before."""
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
    """The address of a ready server process, and what it printed before it was ready."""
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
