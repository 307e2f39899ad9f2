"""`python -m server serve`: serves the application in one process, or in several workers at one address."""

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
from server.file_handles import raise_file_limit
from server.graphql.websocket import MAX_MESSAGE_BYTES
from server.metrics import MULTIPROCESS_DIR
from server.settings import DEFAULT_KEEP_ALIVE_S, DEFAULT_MAX_CONNECTIONS, Settings, StartupError
from server.token import make_token
from server.web import PATH
from server.workers import CANNOT_START, SPAWNING, Workers

_LOCAL_TOKEN_LIFETIME = timedelta(hours=12)
_GRACEFUL_SHUTDOWN_S = 7
"""How long shutdown waits for responses that are still being sent. The operations have ended before."""
# A tenth of Python's default: the event loop waits up to this long for a thread that computes.
_SWITCH_INTERVAL_S = 0.0005
# Higher than Python's default, so that the objects of a large document are still in the youngest generation when they are
# collected. With higher values, memory use grows.
_GC_THRESHOLDS = (10_000, 5, 5)

_log = logging.getLogger(__name__)


class Server(uvicorn.Server):
    """Serves the application. `on_ready` is called once the server accepts connections."""

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
                # Off: a compressor takes more memory per socket than everything else, and messages are short.
                ws_per_message_deflate=False,
                ws_max_size=MAX_MESSAGE_BYTES,
                lifespan="on",
                log_config=None,  # uvicorn's log lines go to the root logger
                access_log=False,
                server_header=False,
                timeout_keep_alive=keep_alive_s,
                timeout_graceful_shutdown=_GRACEFUL_SHUTDOWN_S,
            )
        )
        self.server_state = Connections(max_connections)
        # Set at shutdown: ends responses that have no end, such as event streams.
        self._stopping: asyncio.Event | None = getattr(app.state, "stopping", None)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            if (parent := multiprocessing.parent_process()) is not None:
                asyncio.get_running_loop().add_reader(parent.sentinel, self._on_parent_exit, parent.sentinel)
            self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._stopping is not None:
            self._stopping.set()
        await super().shutdown(sockets)

    def _on_parent_exit(self, parent: int) -> None:
        """Stop, because the parent process has ended and can no longer send a signal."""
        asyncio.get_running_loop().remove_reader(parent)
        self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop the server. After SIGTERM the process exits with code 0; uvicorn would raise the signal again."""
        if sig == signal.SIGTERM:
            self.should_exit = True
        else:
            super().handle_exit(sig, frame)


def run(settings: Settings, local_user: UUID) -> None:
    """Serve until a signal stops the process. The database must have the newest schema.

    Raises StartupError when the server cannot start.
    """
    log.configure(settings.log_level)
    listening = _bind(settings, settings.port)
    if settings.workers > 1:
        _serve_by_workers(settings, listening, local_user)
        return
    with _sole_server(settings):
        _serve(settings, listening, local_user, lambda: True)


def _serve_by_workers(settings: Settings, bound: socket.socket, local_user: UUID) -> None:
    if settings.database.get_backend_name() == "sqlite":
        raise StartupError("ROUTER_WORKERS: more than one worker requires PostgreSQL")
    port = bound.getsockname()[1]
    bound.close()
    # This process binds the port but does not listen. Each worker has a listening socket (SO_REUSEPORT), and the kernel
    # distributes connections among them.
    with _bind(settings, port, shared=True), TemporaryDirectory(prefix="router-metrics-") as metrics_dir:
        os.environ[MULTIPROCESS_DIR] = metrics_dir
        banner_token = SPAWNING.Semaphore()
        Workers(settings.workers, _work, settings, port, local_user, banner_token).run()


def _work(settings: Settings, port: int, local_user: UUID, banner_token: Semaphore) -> None:
    log.configure(settings.log_level)
    try:
        # The first worker that is ready takes the semaphore and prints the banner.
        _serve(settings, _bind(settings, port, shared=True), local_user, lambda: banner_token.acquire(block=False))
    except StartupError as error:
        _log.error("%s", error)
        sys.exit(CANNOT_START)


def _serve(settings: Settings, listening: socket.socket, local_user: UUID, prints_banner: Callable[[], bool]) -> None:
    raise_file_limit(settings)
    app = create_app(settings)
    if settings.accepts_foreign_tokens:
        _log.warning(
            "set ROUTER_JWT_ISSUER and ROUTER_JWT_AUDIENCE: without them, every token signed with a key at ROUTER_JWKS_URL "
            "is accepted"
        )
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    gc.set_threshold(*_GC_THRESHOLDS)
    banner = _banner(settings, listening, local_user)

    def ready() -> None:
        # Objects made at start-up, mostly the price list, are never freed. Without freezing them, each full collection would
        # block all requests for a fifth of a second.
        gc.collect()
        gc.freeze()
        if prints_banner():
            print(banner, flush=True)

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
    """Lock the SQLite file against a second server, which would not receive the events of this one.

    Raises StartupError when another server holds the lock.
    """
    path = settings.database.database
    if settings.database.get_backend_name() != "sqlite" or path is None:
        yield
        return
    with os.fdopen(os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o600), "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StartupError(
                f"ROUTER_DATA_DIR: another server uses {path}; running several servers requires PostgreSQL"
            ) from None
        yield


def _bind(settings: Settings, port: int, *, shared: bool = False) -> socket.socket:
    """Return a socket bound to the address of the settings. If `shared`, other processes of this user may bind it too.

    Raises StartupError when the address cannot be bound.
    """
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


def _banner(settings: Settings, listening: socket.socket, local_user: UUID) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    address = f"http://{host}:{listening.getsockname()[1]}"
    lines = [f"Enterprise Router is ready: {address}/graphql"]
    if settings.jwt_secret is None and settings.signs_tokens:
        lines.append(f"  user   {local_user}")
        if sys.stdout.isatty():
            token = make_token(settings, local_user, _LOCAL_TOKEN_LIFETIME)
            lines += [f"  token  {token}", f"  open   {address}{PATH}#token={token}"]
        else:
            # Output that is not a terminal may be a stored log: print the command and not the token.
            lines.append(f"  token  {_python()} -m server token --user {local_user}")
    return "\n".join(lines)


def _python() -> str:
    """The path of this interpreter, relative to the working directory where possible."""
    path = Path(sys.executable)
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
