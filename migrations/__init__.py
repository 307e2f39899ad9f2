"""How the database came to its present shape. `upgrade` brings it there."""

from __future__ import annotations

import io
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import URL

ROOT = Path(__file__).parent.parent


def configuration(url: URL | str) -> Config:
    """Alembic's configuration for the database at this URL."""
    config = Config(toml_file=ROOT / "pyproject.toml", stdout=io.StringIO())
    config.attributes["url"] = url
    return config


def upgrade(url: URL | str) -> None:
    """Bring the database at this URL to the newest schema. Not to be called from a running event loop."""
    command.upgrade(configuration(url), "head")
