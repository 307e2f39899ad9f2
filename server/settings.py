"""Settings of a process, read from environment variables when it starts."""

from __future__ import annotations

import os
import re
import secrets
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal, Self

import pydantic
from pydantic import Field, HttpUrl, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

if TYPE_CHECKING:
    from sqlalchemy import URL

MIN_SECRET_LENGTH: Final = 32
DEFAULT_MAX_CONNECTIONS: Final = 12_000
DEFAULT_KEEP_ALIVE_S: Final = 75
_MAX_PORT: Final = 65_535
_PRIVATE_FILE: Final = 0o600
_PRIVATE_DIRECTORY: Final = 0o700
_GROUP_AND_OTHERS: Final = 0o077
_SQLITE_SUFFIXES: Final = ("-wal", "-shm", "-journal", ".lock")
"""The suffixes of the files that belong to an SQLite database file."""


class StartupError(Exception):
    """The process cannot start. The message is one line for the person who started it."""


class Settings(BaseSettings):
    """The environment variable of a setting is its name in upper case with the prefix ROUTER_."""

    model_config = SettingsConfigDict(env_prefix="ROUTER_", env_ignore_empty=True)

    data_dir: Path = Path("data")
    database_url: str | None = None
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=_MAX_PORT)] = 8000
    # The number of processes that serve at this address. More than one requires PostgreSQL.
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    # HS256 requires a key of at least 256 bits (RFC 7518, section 3.2).
    jwt_secret: Annotated[SecretStr, Field(min_length=MIN_SECRET_LENGTH)] | None = None
    # Signs no tokens. Tokens that were signed with it stay valid until they expire.
    jwt_previous_secret: Annotated[SecretStr, Field(min_length=MIN_SECRET_LENGTH)] | None = None
    jwks_url: HttpUrl | None = None
    jwt_issuer: str | None = None
    jwt_audience: str | None = None
    # The tolerated difference between the token issuer's clock and ours: tokens are valid this much earlier and later.
    jwt_leeway_s: Annotated[int, Field(ge=0, le=300)] = 30
    refresh_prices: bool = False
    # The origins of web pages that may call the API, such as https://app.example.com, separated by commas.
    cors_origins: str = ""
    # The lowest level that is logged. `info` logs one line per request.
    log_level: Literal["info", "warning", "error"] = "warning"
    # Whether traces are exported by OpenTelemetry. Its own variables configure the export: OTEL_EXPORTER_OTLP_ENDPOINT.
    tracing: bool = False
    # Whether clients may query the schema and errors suggest names of it.
    introspection: bool = True
    # Whether graphql-core's own executor runs operations, without plans: slower, with the same answers.
    stock_executor: bool = False
    operation_timeout_s: Annotated[float, Field(gt=0, le=600)] = 30
    max_body_bytes: Annotated[int, Field(ge=1024, le=64 * 1024 * 1024)] = 1024 * 1024
    max_connections: Annotated[int, Field(ge=1, le=1_000_000)] = DEFAULT_MAX_CONNECTIONS
    # Longer than a proxy keeps an idle connection (usually 60 s). Otherwise a request may arrive as the server closes it.
    keep_alive_s: Annotated[int, Field(ge=1, le=3600)] = DEFAULT_KEEP_ALIVE_S
    max_sockets: Annotated[int, Field(ge=1, le=1_000_000)] = 10_000
    max_sockets_per_user: Annotated[int, Field(ge=1, le=1_000_000)] = 200
    max_subscriptions: Annotated[int, Field(ge=1, le=1_000_000)] = 20_000
    max_subscriptions_per_user: Annotated[int, Field(ge=1, le=1_000_000)] = 1_000

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str | None) -> str | None:
        if value is None:
            return None
        # Imported here: SQLAlchemy takes longer to import than a command such as `token` takes to run.
        from sqlalchemy import make_url
        from sqlalchemy.exc import ArgumentError

        try:
            url = make_url(value)
            driver = url.drivername
        except (ArgumentError, ValueError):  # ValueError: the port is not a number
            raise ValueError("must be a database URL, such as sqlite+aiosqlite:////var/lib/router/router.db") from None
        if driver not in {"sqlite+aiosqlite", "postgresql+asyncpg"}:
            raise ValueError(f"must begin with sqlite+aiosqlite:// or postgresql+asyncpg://, not {driver}://")
        if url.get_backend_name() == "sqlite" and url.database in {None, "", ":memory:"}:
            raise ValueError("must name a file, such as sqlite+aiosqlite:////var/lib/router/router.db")
        if "\0" in (url.database or ""):
            raise ValueError("must not hold the NUL character")
        if url.port is not None and not 0 < url.port <= _MAX_PORT:
            raise ValueError(f"must name a port from 1 to {_MAX_PORT}")
        return value

    @classmethod
    def from_environment(cls) -> Self:
        """Read the settings of this process. Raises StartupError that names the invalid variable."""
        try:
            return cls()
        except pydantic.ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            variable = f"ROUTER_{str(first['loc'][0]).upper()}"
            raise StartupError(f"{variable}: {first['msg'].removeprefix('Value error, ')}") from None

    @property
    def database(self) -> URL:
        """The URL of the database: `database_url`, or a file in the data directory."""
        from sqlalchemy import URL, make_url

        if self.database_url is not None:
            return make_url(self.database_url)
        return URL.create("sqlite+aiosqlite", database=str(self.data_dir.absolute() / "router.db"))

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, value: str) -> str:
        for origin in filter(None, map(str.strip, value.split(","))):
            if not re.fullmatch(r"https?://[^/\s*]+", origin):
                raise ValueError(
                    f"must be origins such as https://app.example.com, separated by commas, not {origin!r}"
                )
        return value

    @property
    def allowed_origins(self) -> list[str]:
        """The origins whose pages may call the API."""
        return [origin for origin in map(str.strip, self.cors_origins.split(",")) if origin]

    @property
    def accepts_foreign_tokens(self) -> bool:
        """Whether tokens that the identity provider signed for other applications are accepted too."""
        return self.jwks_url is not None and (self.jwt_issuer is None or self.jwt_audience is None)

    @property
    def signs_tokens(self) -> bool:
        """Whether this installation signs tokens itself. Otherwise an identity provider does."""
        return self.jwt_secret is not None or self.jwks_url is None

    def prepare_database_dir(self) -> None:
        """Check that the directory of an SQLite file is writable, and create the file with permissions for its owner only.

        Raises StartupError.
        """
        if self.database_url is None:
            self.prepare_data_dir()
        elif self.database.get_backend_name() == "sqlite" and self.database.database:
            directory = Path(self.database.database).parent
            if not directory.is_dir() or not os.access(directory, os.W_OK | os.X_OK):
                raise StartupError(f"ROUTER_DATABASE_URL: the directory {directory} does not exist or is not writable")
        if self.database.get_backend_name() == "sqlite" and self.database.database:
            _make_private(Path(self.database.database))

    def prepare_data_dir(self) -> None:
        """Create the data directory. Raises StartupError when it cannot be created or is not writable."""
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True, mode=_PRIVATE_DIRECTORY)
        except OSError as error:
            raise StartupError(f"ROUTER_DATA_DIR: cannot create {self.data_dir}: {error.strerror}") from None
        if not os.access(self.data_dir, os.W_OK | os.X_OK):
            raise StartupError(f"ROUTER_DATA_DIR: cannot write to {self.data_dir}")

    def signing_secret(self) -> str | None:
        """The HS256 secret that signs tokens: `jwt_secret`, or a secret in the data directory, created on first use.

        None when only an identity provider issues tokens.
        """
        if self.jwt_secret is not None:
            return self.jwt_secret.get_secret_value()
        if self.jwks_url is not None:
            return None
        self.prepare_data_dir()
        return _stored_secret(self.data_dir / "secret")

    def verifying_secrets(self) -> list[str]:
        """The HS256 secrets that a token may be signed with, the current one first."""
        previous = self.jwt_previous_secret
        secrets_ = (self.signing_secret(), None if previous is None else previous.get_secret_value())
        return [secret for secret in secrets_ if secret is not None]


def _make_private(database: Path) -> None:
    """Create the file of an SQLite database, and restrict it and its companion files to their owner.

    SQLite creates companion files with the permissions of the database file.
    """
    try:
        with suppress(FileExistsError):
            os.close(os.open(database, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE_FILE))
        for path in (database, *(database.with_name(database.name + suffix) for suffix in _SQLITE_SUFFIXES)):
            with suppress(FileNotFoundError):
                if path.is_file() and path.stat().st_mode & _GROUP_AND_OTHERS:
                    path.chmod(_PRIVATE_FILE)
    except OSError as error:
        raise StartupError(f"ROUTER_DATABASE_URL: cannot restrict {database} to its owner: {error.strerror}") from None


def _stored_secret(path: Path) -> str:
    # Write the secret under a temporary name, then link it. If two processes start together, both read the first link.
    try:
        if not path.exists():
            draft = path.with_name(f".secret-{secrets.token_hex(8)}")
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE_FILE), "w") as file:
                file.write(secrets.token_urlsafe(32))
            try:
                os.link(draft, path)
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        mode, secret = path.stat().st_mode, path.read_text().strip()
    except OSError as error:
        raise StartupError(f"ROUTER_DATA_DIR: cannot store the signing secret in {path}: {error.strerror}") from None
    if mode & _GROUP_AND_OTHERS:
        raise StartupError(
            f"{path} is readable by other users: run chmod 600 {path}, or delete it to create a new secret"
        )
    if len(secret) < MIN_SECRET_LENGTH:
        raise StartupError(
            f"{path} does not hold a secret of at least {MIN_SECRET_LENGTH} characters: delete it to create a new one"
        )
    return secret
