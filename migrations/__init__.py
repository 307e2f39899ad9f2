"""How the database came to its present shape. `upgrade` brings it there."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, make_url
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import create_async_engine

ROOT = Path(__file__).parent.parent
_ANSWERS_WITHIN_S = 10


class SettingNeeded(Exception):
    """A migration cannot be right without a setting that is not there; the message names it."""


def configuration(url: URL | str) -> Config:
    """Alembic's configuration for the database at this URL."""
    config = Config(toml_file=ROOT / "pyproject.toml", stdout=io.StringIO())
    config.attributes["url"] = url
    return config


@cache
def head() -> str | None:
    """The newest schema."""
    return ScriptDirectory.from_config(configuration("sqlite://")).get_current_head()


def upgrade(url: URL | str, *, takes_provider_tokens: bool = False, issuer: str | None = None) -> None:
    """Bring the database at this URL to the newest schema. Not to be called from a running event loop.

    Whether its users come from an identity provider, and from which issuer, decides which subjects keep their users.
    """
    config = configuration(url)
    config.attributes |= {"takes_provider_tokens": takes_provider_tokens, "issuer": issuer}
    command.upgrade(config, "head")


async def is_current(url: URL | str) -> bool:
    """Whether the database at this URL has the newest schema."""
    on_sqlite = make_url(url).get_backend_name() == "sqlite"
    within = {} if on_sqlite else {"timeout": _ANSWERS_WITHIN_S, "command_timeout": _ANSWERS_WITHIN_S}
    engine = create_async_engine(url, connect_args=within)
    try:
        async with engine.connect() as connection:
            revision = await connection.run_sync(_revision)
    finally:
        await engine.dispose()
    return revision == head()


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()
