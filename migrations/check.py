"""`python -m migrations.check`: checks that the migrations create exactly the schema that the models describe."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from migrations import configuration


def problems(config: Config) -> list[str]:
    """The differences between migrations and models; empty if there are none."""
    heads = ScriptDirectory.from_config(config).get_heads()
    if len(heads) != 1:
        return [f"there must be one head, not {len(heads)}: {', '.join(heads)}"]
    command.upgrade(config, "head")
    try:
        command.check(config)
    except CommandError as error:
        return [str(error)]
    return []


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        found = problems(configuration(f"sqlite+aiosqlite:///{Path(directory) / 'check.db'}"))
    sys.exit("\n".join(found) or None)
