"""`python -m server serve`: one process, one socket."""

from __future__ import annotations

import asyncio
import fcntl
import gc
import logging
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import FrameType
from uuid import UUID

import uvicorn
from starlette.applications import Starlette

from server import log
from server.app import create_app
from server.auth import make_token
from server.connection import Connections, HTTPConnection, SocketConnection
from server.graphql_ws import MAX_MESSAGE_BYTES
from server.settings import DEFAULT_KEEP_ALIVE_S, DEFAULT_MAX_CONNECTIONS, Settings, StartupError

_LOCAL_TOKEN_LIFETIME = timedelta(days=30)
_GRACEFUL_SHUTDOWN_S = 10
# Threads that compute give way to the event loop ten times as often as is usual: each of its turns waits for that.
_SWITCH_INTERVAL_S = 0.0005

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
            self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._stopping is not None:
            self._stopping.set()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop. Being told to by SIGTERM is no failure: uvicorn would raise it once more when all is done."""
        if sig == signal.SIGTERM:
            self.should_exit = True
        else:
            super().handle_exit(sig, frame)


def run(settings: Settings, local_user: UUID) -> None:
    """Serve until told to stop, over a database that is migrated. Raises StartupError when that cannot begin."""
    listening = _bind(settings)
    with _sole_server(settings):
        _serve(settings, listening, local_user)


def _serve(settings: Settings, listening: socket.socket, local_user: UUID) -> None:
    log.configure(settings.log_level)
    app = create_app(settings)
    if settings.lets_in_too_many:
        _log.warning(
            "set ROUTER_JWT_ISSUER and ROUTER_JWT_AUDIENCE: without them any token that the keys at ROUTER_JWKS_URL signed "
            "is let in"
        )
    # What start-up made stays: the collector need not look through it again and again.
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    gc.collect()
    gc.freeze()
    greeting = _greeting(settings, listening, local_user)
    Server(
        app,
        lambda: print(greeting, flush=True),
        max_connections=settings.max_connections,
        keep_alive_s=settings.keep_alive_s,
    ).run(sockets=[listening])


@contextmanager
def _sole_server(settings: Settings) -> Iterator[None]:
    """Keep a second server from a SQLite file: it would not hear what this one commits."""
    path = settings.database.database
    if settings.database.get_backend_name() != "sqlite" or path is None:
        yield
        return
    with open(f"{path}.lock", "w") as lock:  # noqa: PTH123 - a path of the URL, as SQLite takes it
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StartupError(
                f"ROUTER_DATA_DIR: another server runs on {path}; several at once need PostgreSQL"
            ) from None
        yield


def _bind(settings: Settings) -> socket.socket:
    try:
        family = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((settings.host, settings.port))
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise StartupError(
            f"ROUTER_HOST, ROUTER_PORT: cannot listen on {settings.host}:{settings.port}: {reason}"
        ) from None
    return listening


def _greeting(settings: Settings, listening: socket.socket, local_user: UUID) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    lines = [f"Enterprise Router is ready: http://{host}:{listening.getsockname()[1]}/graphql"]
    if settings.jwt_secret is None and settings.signs_tokens:
        lines += [
            f"  user   {local_user}",
            f"  token  {make_token(settings, local_user, _LOCAL_TOKEN_LIFETIME)}",
        ]
    return "\n".join(lines)
