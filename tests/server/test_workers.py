"""Several worker processes on one address."""

from __future__ import annotations

import json
import os
import select
import signal
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import httpx2
import pytest
from pydantic import SecretStr

from server.settings import Settings
from server.token import make_token
from tests.conftest import SECRET
from tests.support.process import DATABASE_OF, USER, ServerProcess, run, running

PATIENCE_S = 30


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def server(tmp_path: Path, postgres_url: str, log: Path) -> Iterator[ServerProcess]:
    directory = tmp_path / "data"
    DATABASE_OF[directory] = postgres_url
    with (
        log.open("w") as file,
        running(directory, file, ROUTER_JWT_SECRET=SECRET, ROUTER_WORKERS="3", ROUTER_LOG_LEVEL="info") as started,
    ):
        yield started


def workers_of(server: ServerProcess) -> set[int]:
    """The child processes that serve requests. Python starts another child, which tracks shared resources."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    return {pid for pid in map(int, children) if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()}


def kill(pids: set[int], *, first: int | None = None) -> None:
    """Kill `first`, after which the others end by themselves, and wait until all have ended."""
    files = [os.pidfd_open(pid) for pid in pids]
    for pid in pids if first is None else [first]:
        os.kill(pid, signal.SIGKILL)
    for file in files:
        assert select.select([file], [], [], PATIENCE_S)[0] == [file]
        os.close(file)


def ask(server: ServerProcess) -> bool:
    """Whether a request over a new connection is answered."""
    token = make_token(Settings(jwt_secret=SecretStr(SECRET)), UUID(USER), timedelta(hours=1))
    try:
        answer = httpx2.post(
            f"{server.address}/graphql",
            json={"query": "query Asked { analytics { pageInfo { hasNextPage } } }"},
            headers={"Authorization": f"Bearer {token}"},
        )
    except httpx2.TransportError:
        return False
    assert answer.json() == {"data": {"analytics": {"pageInfo": {"hasNextPage": False}}}}
    return True


def test_all_workers_serve_and_killed_ones_are_replaced(server: ServerProcess, log: Path) -> None:
    # given that each gets its share of requests
    asked = sum(ask(server) for _ in range(60))
    assert asked == 60
    workers = workers_of(server)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    served_by = {line["pid"] for line in lines if line["message"] == "request"}
    assert (len(workers), served_by) == (3, workers)
    # when all workers are killed
    kill(workers)
    # then new ones serve
    until = time.monotonic() + PATIENCE_S
    while not ask(server):
        assert time.monotonic() < until
    assert not workers_of(server) & workers
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert sorted(line["message"] for line in lines if line["level"] == "ERROR") == sorted(
        f"worker {pid} ended with exit code -9 and is replaced" for pid in workers
    )
    # and the metrics still include the requests of the killed workers
    figures = httpx2.get(f"{server.address}/metrics/").text
    assert f'router_operations_total{{kind="query",name="Asked"}} {asked + 1}.0' in figures


def test_workers_end_with_their_parent(server: ServerProcess) -> None:
    workers = workers_of(server)
    assert len(workers) == 3
    kill({server.process.pid, *workers}, first=server.process.pid)
    assert not ask(server)


def test_a_worker_that_cannot_start_ends_the_server(tmp_path: Path, postgres_url: str) -> None:
    # given a database that rejects statements once the server runs
    directory = tmp_path / "data"
    DATABASE_OF[directory] = postgres_url
    (directory / "secret").mkdir(parents=True)
    # when
    failed = run("serve", data_dir=directory, ROUTER_WORKERS="2")
    # then
    assert (failed.returncode, failed.stdout) == (2, "")
    assert failed.stderr.splitlines()[-1] == "error: a worker could not start: see its log lines for the reason"
    assert "cannot store the signing secret" in failed.stderr


def test_on_sqlite_there_is_one_worker(tmp_path: Path) -> None:
    assert run("migrate", data_dir=tmp_path).returncode == 0
    failed = run("serve", data_dir=tmp_path, ROUTER_WORKERS="2")
    assert (failed.returncode, failed.stderr) == (
        2,
        "error: ROUTER_WORKERS: more than one worker requires PostgreSQL\n",
    )
