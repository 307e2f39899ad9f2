"""A new installation: permissions of its files, the first token, the limit of open files, and concurrent migrations."""

from __future__ import annotations

import logging
import os
import pty
import re
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jwt
import pytest

from server.__main__ import LOCAL_USER
from server.file_handles import RESERVED, raise_file_limit
from server.settings import Settings
from tests.support.process import DATABASE_OF, ROOT, USER, ask, environment, run, served, token_of

LOG = """
mutation {
  logAnalytics(input: {provider: "openai", modelUsed: "a", taskType: "chat", success: true, cost: "1"}) { __typename }
}
"""


@pytest.fixture
def _usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("_usual_umask")
def test_only_the_owner_can_read_a_database_file_also_in_a_shared_directory(tmp_path: Path) -> None:
    # given a directory that others can read, and files of an earlier version in it
    directory = tmp_path / "shared"
    directory.mkdir(mode=0o755)
    file = directory / "router.db"
    assert run("migrate", data_dir=tmp_path, ROUTER_DATABASE_URL=f"sqlite+aiosqlite:///{file}").returncode == 0
    assert (mode(file), mode(directory)) == (0o600, 0o755)
    (directory / "router.db-wal").touch(mode=0o644)
    (directory / "router.db.lock").touch(mode=0o644)
    file.chmod(0o664)
    DATABASE_OF[tmp_path] = f"sqlite+aiosqlite:///{file}"
    # when a server uses it and writes
    with served(tmp_path) as (address, _):
        ask(address, token_of(tmp_path), LOG)
        # then others can read none of its files
        found = {path.name: mode(path) for path in directory.iterdir()}
    assert found == dict.fromkeys(("router.db", "router.db-wal", "router.db-shm", "router.db.lock"), 0o600)
    assert mode(directory) == 0o755


@pytest.mark.usefixtures("_usual_umask")
@pytest.mark.parametrize("there", [True, False])
def test_a_new_data_directory_is_private_and_its_files_always_are(tmp_path: Path, there: bool) -> None:
    directory = tmp_path / "some" / "data"
    if there:
        directory.mkdir(parents=True, mode=0o755)
    for command in (["migrate"], ["verify"], ["token", "--user", USER]):
        assert run(*command, data_dir=directory).returncode == 0
    assert mode(directory) == (0o755 if there else 0o700)
    assert {path.name: mode(path) for path in directory.iterdir() if not path.name.endswith(("-wal", "-shm"))} == {
        "router.db": 0o600,
        "secret": 0o600,
    }


def test_a_token_for_hours_is_printed_to_a_terminal_only(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    assert run("migrate", data_dir=directory).returncode == 0
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "server", "serve"], cwd=ROOT, env=environment(directory), stdout=theirs
    )
    os.close(theirs)
    with os.fdopen(ours) as terminal:
        printed = "".join(terminal.readline() for _ in range(4))
        token = re.search(r"token  (\S+)", printed)
        address = re.search(r"http://[^/]+", printed)
        assert token is not None
        assert address is not None
        assert f"open   {address[0]}/enterprise-router#token={token[1]}" in printed
        assert ask(address[0], token[1], "{ viewer { id } }") == {"id": str(LOCAL_USER)}
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    claims = jwt.decode(token[1], (directory / "secret").read_text(), algorithms=["HS256"])
    assert claims["exp"] - claims["iat"] == 12 * 60 * 60
    # to a pipe or a file, it prints how to create one
    with served(directory) as (address_, printed):
        assert "eyJ" not in printed
        assert printed.splitlines()[1] == f"  user   {LOCAL_USER}"
        command = re.search(rf"token  (\S+) -m server token --user {LOCAL_USER}$", printed.rstrip())
        assert command is not None
        fresh = run("token", "--user", str(LOCAL_USER), data_dir=directory).stdout.strip()
        assert ask(address_, fresh, "{ viewer { id } }") == {"id": str(LOCAL_USER)}


class Limits:
    """Replaces functions of the `resource` module: the soft and hard limit of a process."""

    def __init__(self, soft: int, hard: int) -> None:
        self.now = (soft, hard)

    def getrlimit(self, _kind: int) -> tuple[int, int]:
        return self.now

    def setrlimit(self, _kind: int, limits: tuple[int, int]) -> None:
        assert limits[1] == self.now[1]
        self.now = limits


@pytest.mark.parametrize(
    ("soft", "hard", "raised", "warned"),
    [
        (1_024, 1_048_576, 12_000 + RESERVED, False),
        (1_024, resource.RLIM_INFINITY, 12_000 + RESERVED, False),
        (50_000, 50_000, 50_000, False),
        (resource.RLIM_INFINITY, resource.RLIM_INFINITY, resource.RLIM_INFINITY, False),
        (12_000 + RESERVED, 50_000, 12_000 + RESERVED, False),
        (1_024, 4_096, 4_096, True),
        (4_096, 4_096, 4_096, True),
    ],
)
def test_the_limit_of_open_files_covers_all_connections_or_a_warning_names_the_numbers(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, soft: int, hard: int, raised: int, warned: bool
) -> None:
    limits = Limits(soft, hard)
    monkeypatch.setattr(resource, "getrlimit", limits.getrlimit)
    monkeypatch.setattr(resource, "setrlimit", limits.setrlimit)
    with caplog.at_level(logging.WARNING):
        raise_file_limit(Settings())
    assert limits.now == (raised, hard)
    assert bool(caplog.messages) is warned
    for number in (str(hard), str(12_000 + RESERVED), "ROUTER_MAX_CONNECTIONS=12000", "ROUTER_MAX_SOCKETS=10000"):
        assert not warned or number in caplog.messages[0]


def test_three_concurrent_migrations_wait_for_each_other_and_all_succeed(
    tmp_path: Path, empty_database_url: str
) -> None:
    DATABASE_OF[tmp_path] = empty_database_url
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda _number: run("migrate", data_dir=tmp_path), range(3)))
    assert [(each.returncode, each.stdout, each.stderr) for each in done] == [(0, "", "")] * 3
    assert run("verify", data_dir=tmp_path).stdout == "0 differences\n"
