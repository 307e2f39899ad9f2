"""The environment of the benchmarks: databases, server processes on them, and the resource use of processes."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from benchmarks.load import Load, Seen
from benchmarks.workload import SECRET, User, seed
from migrations import upgrade
from models.database import Database
from tests.support.postgres import Cluster, cluster, free_port

OURS: Final = ("server", "serve")
BASELINE: Final = ("benchmarks.baseline_server", "per-request")
INSTANT: Final = ("benchmarks.baseline_server", "instant")

_ROOT: Final = Path(__file__).parent.parent
_PATIENCE_S: Final = 60
_LOAD_TIMEOUT_S: Final = 600
_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
# A durable server, as in production. The sizes avoid checkpoints during short runs.
_POSTGRESQL: Final = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "shared_buffers": "1GB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "30min",
    "autovacuum_naptime": "10s",
    "max_connections": 200,
}


class Databases(Protocol):
    """Creates migrated databases with the same users."""

    version: str

    def new(self) -> str:
        """Create a database. Returns its URL."""
        ...

    def cpu_s(self) -> float:
        """The processor time in seconds that the processes of the database have used so far."""
        ...


class SQLiteFiles:
    def __init__(self, directory: Path, everyone: Sequence[User]) -> None:
        self._directory = directory
        self._template = directory / "template.db"
        self._created = 0
        self.version = f"SQLite {sqlite3.sqlite_version}"
        url = f"sqlite+aiosqlite:///{self._template}"
        upgrade(url)
        asyncio.run(_seed(url, everyone))

    def new(self) -> str:
        self._created += 1
        file = self._directory / f"router-{self._created}.db"
        shutil.copy(self._template, file)
        return f"sqlite+aiosqlite:///{file}"

    def cpu_s(self) -> float:
        """Always 0, because SQLite runs in the server process."""
        return 0.0


class PostgreSQLDatabases:
    def __init__(self, running: Cluster, everyone: Sequence[User]) -> None:
        self._cluster = running
        self._created = 0
        self.version = subprocess.check_output([running.bin / "postgres", "--version"], text=True).strip()
        asyncio.run(self._administer("CREATE DATABASE template"))
        upgrade(running.url("template"))
        asyncio.run(_seed(running.url("template"), everyone))

    def new(self) -> str:
        self._created += 1
        name = f"benchmark_{self._created}"
        asyncio.run(self._administer(f"CREATE DATABASE {name} TEMPLATE template STRATEGY file_copy"))
        return self._cluster.url(name)

    def cpu_s(self) -> float:
        postmaster = int((self._cluster.directory / "data" / "postmaster.pid").read_text().split()[0])
        return sum(cpu_s(pid) for pid in (postmaster, *_children(postmaster)))

    async def _administer(self, statement: str) -> None:
        connection = await asyncpg.connect(dsn_of(self._cluster.url("postgres")))
        await connection.execute(statement)
        await connection.close()


@contextmanager
def sqlite(everyone: Sequence[User]) -> Iterator[SQLiteFiles]:
    with tempfile.TemporaryDirectory(prefix="router-benchmark-") as directory:
        yield SQLiteFiles(Path(directory), everyone)


@contextmanager
def postgresql(everyone: Sequence[User]) -> Iterator[PostgreSQLDatabases]:
    """A private cluster. Unlike that of the tests, it is durable."""
    with cluster() as running:
        options = _POSTGRESQL | {"listen_addresses": "127.0.0.1", "port": running.port, "unix_socket_directories": ""}
        flags = " ".join(f"-c {name}='{value}'" for name, value in options.items())
        running.control("-m", "fast", "-l", str(running.directory / "log"), "-o", flags, "restart")
        yield PostgreSQLDatabases(running, everyone)


def dsn_of(url: str) -> str:
    """The URL in the form that asyncpg accepts."""
    return url.replace("+asyncpg", "")


async def _seed(url: str, everyone: Sequence[User]) -> None:
    database = Database(url, lambda _events: None)
    try:
        await seed(database, everyone)
    finally:
        await database.dispose()


async def rows_in(url: str, table: str = "router_analytics") -> int:
    """The number of rows in the table, of all users."""
    engine = create_async_engine(url)
    try:
        async with engine.connect() as connection:
            return int(await connection.scalar(text(f"SELECT count(*) FROM {table}")) or 0)
    finally:
        await engine.dispose()


@dataclass(frozen=True, slots=True)
class ServerProcess:
    port: int
    pid: int

    def resident_mib(self) -> float:
        """The resident memory of the process, in MiB."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024


@contextmanager
def serving(command: tuple[str, str], url: str) -> Iterator[ServerProcess]:
    """A server process on this database. It is ready when the block begins, and stopped when it ends."""
    port = free_port()
    arguments = [sys.executable, "-m", *command]
    outside = {name: value for name, value in os.environ.items() if not name.startswith("ROUTER_")}
    with tempfile.TemporaryDirectory(prefix="router-server-") as data_dir:
        environment = outside | {
            "ROUTER_DATA_DIR": data_dir,
            "ROUTER_DATABASE_URL": url,
            "ROUTER_PORT": str(port),
            "ROUTER_JWT_SECRET": SECRET,
            # One user sends the whole load.
            "ROUTER_MAX_SOCKETS_PER_USER": "10000",
            "ROUTER_MAX_SUBSCRIPTIONS_PER_USER": "20000",
        }
        process = subprocess.Popen(arguments, cwd=_ROOT, env=environment, stdout=subprocess.PIPE, text=True)
        try:
            if process.stdout is None or "is ready" not in process.stdout.readline():
                raise RuntimeError(f"{' '.join(command)} did not start")
            yield ServerProcess(port, process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@dataclass(frozen=True, slots=True)
class Measured:
    """The results of a load, and the processor time used meanwhile, as shares of one core."""

    seen: Seen
    servers_cpu: float
    database_cpu: float
    machine_cpu: float
    """The processor time of all processes on the machine."""

    @property
    def per_s(self) -> float:
        """The requests answered per second."""
        return self.seen.requests / self.seen.seconds


_runs: Final = iter(range(0x10000))


def put_load(
    databases: Databases,
    servers: Sequence[ServerProcess],
    requests: list[str],
    expected: str,
    *,
    connections: int,
    seconds: float,
    warm_up_s: float,
    limit: int | None = None,
) -> Measured:
    """Send these requests to the servers from a separate process. Raises RuntimeError if one was not answered as expected."""
    load = Load(
        ports=[server.port for server in servers],
        connections=connections,
        requests=requests,
        expected=expected,
        run=f"{next(_runs):04x}",
        seconds=seconds,
        warm_up_s=warm_up_s,
        limit=limit,
    )

    def servers_cpu_s() -> float:
        return sum(cpu_s(server.pid) for server in servers)

    servers_before, database_before, machine_before = servers_cpu_s(), databases.cpu_s(), _machine_cpu_s()
    seen = _driven(load)
    if seen.failed:
        raise RuntimeError(f"{seen.failed} requests failed; the first: {seen.first_failure}")
    elapsed = warm_up_s + seen.seconds
    return Measured(
        seen,
        servers_cpu=(servers_cpu_s() - servers_before) / elapsed,
        database_cpu=(databases.cpu_s() - database_before) / elapsed,
        machine_cpu=(_machine_cpu_s() - machine_before) / elapsed,
    )


def _driven(load: Load) -> Seen:
    finished = subprocess.run(
        [sys.executable, "-m", "benchmarks.load"],
        cwd=_ROOT,
        input=json.dumps(dataclasses.asdict(load)),
        capture_output=True,
        text=True,
        timeout=_LOAD_TIMEOUT_S,
        check=False,
    )
    if finished.returncode:
        raise RuntimeError(f"the load generator failed: {finished.stderr}")
    return Seen(**json.loads(finished.stdout))


def cpu_s(pid: int) -> float:
    """The processor time in seconds of a process and its ended children, or 0 if the process does not exist."""
    try:
        fields = _stat(pid)
    except OSError:
        return 0.0
    return sum(int(ticks) for ticks in fields[11:15]) / _TICKS_PER_S


def _machine_cpu_s() -> float:
    """The non-idle processor time in seconds of all cores since the machine started."""
    user, nice, system, _idle, _waiting, *interrupts = map(
        int, Path("/proc/stat").read_text().split("\n")[0].split()[1:8]
    )
    return (user + nice + system + sum(interrupts)) / _TICKS_PER_S


def _children(parent: int) -> list[int]:
    children = []
    for directory in Path("/proc").iterdir():
        if directory.name.isdigit():
            try:
                if int(_stat(int(directory.name))[1]) == parent:
                    children.append(int(directory.name))
            except OSError:
                continue
    return children


def _stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat after the name in parentheses, starting with the state."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
