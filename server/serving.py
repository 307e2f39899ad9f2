"""`python -m server serve`: one process, or several workers, at one address."""

from __future__ import annotations

import asyncio
import fcntl
import gc
import logging
import multiprocessing
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing.synchronize import Semaphore
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from uuid import UUID

import uvicorn
from starlette.applications import Starlette

from server import log
from server.app import create_app
from server.connection import Connections, HTTPConnection, SocketConnection
from server.file_handles import make_room
from server.graphql.websocket import MAX_MESSAGE_BYTES
from server.metrics import MULTIPROCESS_DIR
from server.settings import DEFAULT_KEEP_ALIVE_S, DEFAULT_MAX_CONNECTIONS, Settings, StartupError
from server.token import make_token
from server.web import PATH
from server.workers import CANNOT_START, SPAWNING, Workers

_LOCAL_TOKEN_LIFETIME = timedelta(hours=12)
_GRACEFUL_SHUTDOWN_S = 7
"""For answers that are still being sent; the operations have ended before."""
# Threads that compute give way to the event loop ten times as often as is usual: each of its turns waits for that.
_SWITCH_INTERVAL_S = 0.0005
# Later than is usual: a large document and what checking it leaves behind are still young then, and are found among what
# else is young. Later still, and what is left behind takes ever more memory.
_COLLECTED_AFTER = (10_000, 5, 5)

_log = logging.getLogger(__name__)


class Server(uvicorn.Server):
    """Serves the application, and says when it is ready: after it listens, and not before."""

    def __init__(
        self,
        app: Starlette,
        on_ready: Callable[[], None],
        *,
        max_connections: int = DEFAULT_MAX_CONNECTIONS,
        keep_alive_s: int = DEFAULT_KEEP_ALIVE_S,
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=HTTPConnection,
                ws=SocketConnection,
                # A compressor keeps more memory for each socket than all else, to make short messages a little shorter.
                ws_per_message_deflate=False,
                ws_max_size=MAX_MESSAGE_BYTES,
                lifespan="on",
                log_config=None,  # what it logs goes where all goes
                access_log=False,
                server_header=False,
                timeout_keep_alive=keep_alive_s,
                timeout_graceful_shutdown=_GRACEFUL_SHUTDOWN_S,
            )
        )
        self.server_state = Connections(max_connections)
        # Where an application has answers that would go on for ever, this ends them.
        self._stopping: asyncio.Event | None = getattr(app.state, "stopping", None)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            if (parent := multiprocessing.parent_process()) is not None:
                asyncio.get_running_loop().add_reader(parent.sentinel, self._left_alone, parent.sentinel)
            self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._stopping is not None:
            self._stopping.set()
        await super().shutdown(sockets)

    def _left_alone(self, parent: int) -> None:
        """Stop: the process that would have said so is gone."""
        asyncio.get_running_loop().remove_reader(parent)
        self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop. Being told to by SIGTERM is no failure: uvicorn would raise it once more when all is done."""
        if sig == signal.SIGTERM:
            self.should_exit = True
        else:
            super().handle_exit(sig, frame)


def run(settings: Settings, local_user: UUID) -> None:
    """Serve until told to stop, over a database that is migrated. Raises StartupError when that cannot begin."""
    log.configure(settings.log_level)
    listening = _bind(settings, settings.port)
    if settings.workers > 1:
        _serve_by_workers(settings, listening, local_user)
        return
    with _sole_server(settings):
        _serve(settings, listening, local_user, lambda: True)


def _serve_by_workers(settings: Settings, bound: socket.socket, local_user: UUID) -> None:
    if settings.database.get_backend_name() == "sqlite":
        raise StartupError("ROUTER_WORKERS: several workers need PostgreSQL")
    port = bound.getsockname()[1]
    bound.close()
    # This one does not listen. It keeps the port, which each worker listens at by itself: so the kernel gives each its share.
    with _bind(settings, port, shared=True), TemporaryDirectory(prefix="router-metrics-") as figures:
        os.environ[MULTIPROCESS_DIR] = figures
        not_greeted = SPAWNING.Semaphore()
        Workers(settings.workers, _work, settings, port, local_user, not_greeted).run()


def _work(settings: Settings, port: int, local_user: UUID, not_greeted: Semaphore) -> None:
    log.configure(settings.log_level)
    try:
        _serve(settings, _bind(settings, port, shared=True), local_user, lambda: not_greeted.acquire(block=False))
    except StartupError as error:
        _log.error("%s", error)
        sys.exit(CANNOT_START)


def _serve(settings: Settings, listening: socket.socket, local_user: UUID, greets: Callable[[], bool]) -> None:
    make_room(settings)
    app = create_app(settings)
    if settings.accepts_foreign_tokens:
        _log.warning(
            "set ROUTER_JWT_ISSUER and ROUTER_JWT_AUDIENCE: without them any token that the keys at ROUTER_JWKS_URL signed "
            "is let in"
        )
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    gc.set_threshold(*_COLLECTED_AFTER)
    greeting = _greeting(settings, listening, local_user)

    def ready() -> None:
        # What start-up made stays, the price list above all, which is read last: if the collector looked through it again,
        # everybody would wait for a fifth of a second.
        gc.collect()
        gc.freeze()
        if greets():
            print(greeting, flush=True)

    server = Server(
        app,
        ready,
        max_connections=settings.max_connections,
        keep_alive_s=settings.keep_alive_s,
    )
    server.run(sockets=[listening])
    if not server.started:
        sys.exit(CANNOT_START)


@contextmanager
def _sole_server(settings: Settings) -> Iterator[None]:
    """Keep a second server from a SQLite file: it would not hear what this one commits."""
    path = settings.database.database
    if settings.database.get_backend_name() != "sqlite" or path is None:
        yield
        return
    with os.fdopen(os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o600), "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StartupError(
                f"ROUTER_DATA_DIR: another server runs on {path}; several at once need PostgreSQL"
            ) from None
        yield


def _bind(settings: Settings, port: int, *, shared: bool = False) -> socket.socket:
    """A socket at the address. `shared` with other processes of this user; else it is this one's, or the port is taken."""
    try:
        family = socket.getaddrinfo(settings.host, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listening.bind((settings.host, port))
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise StartupError(f"ROUTER_HOST, ROUTER_PORT: cannot listen on {settings.host}:{port}: {reason}") from None
    return listening


def _greeting(settings: Settings, listening: socket.socket, local_user: UUID) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    address = f"http://{host}:{listening.getsockname()[1]}"
    lines = [f"Enterprise Router is ready: {address}/graphql"]
    if settings.jwt_secret is None and settings.signs_tokens:
        lines.append(f"  user   {local_user}")
        if sys.stdout.isatty():
            token = make_token(settings, local_user, _LOCAL_TOKEN_LIFETIME)
            lines += [f"  token  {token}", f"  open   {address}{PATH}#token={token}"]
        else:
            # What is no terminal may be a log, which others read and which is kept.
            lines.append(f"  token  {_python()} -m server token --user {local_user}")
    return "\n".join(lines)


def _python() -> str:
    """How this interpreter is called from here."""
    path = Path(sys.executable)
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
