"""The migrations of the database schema. `upgrade` runs them."""

from __future__ import annotations

import io
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import URL, inspect, make_url, text
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import create_async_engine

if TYPE_CHECKING:
    from alembic.config import Config

ROOT = Path(__file__).parent.parent
_VERSIONS = Path(__file__).parent / "versions"
_ANSWERS_WITHIN_S = 10


class SettingNeeded(Exception):
    """A migration needs a setting that is not set. The message names the setting."""


def configuration(url: URL | str) -> Config:
    """Return Alembic's configuration for the database at this URL."""
    from alembic.config import Config

    config = Config(toml_file=ROOT / "pyproject.toml", stdout=io.StringIO())
    config.attributes["url"] = url
    return config


@cache
def head() -> str:
    """Return the id of the newest revision.

    It is read from the files without Alembic, because importing Alembic and every migration would slow down the start of a
    server.
    """
    sources = [file.read_text() for file in _VERSIONS.glob("*.py")]
    revisions, before = (
        {name for source in sources for name in re.findall(rf'^{variable} = "(.+)"$', source, re.MULTILINE)}
        for variable in ("revision", "down_revision")
    )
    newest: str
    [newest] = revisions - before
    return newest


def upgrade(url: URL | str, *, takes_provider_tokens: bool = False, issuer: str | None = None) -> None:
    """Migrate the database at this URL to the newest schema. It must not be called from a running event loop.

    `takes_provider_tokens` and `issuer` say whether an identity provider issues the tokens, and which one. They decide which
    subjects keep their users. Raises SettingNeeded.
    """
    from alembic import command

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
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return version
