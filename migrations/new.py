"""`python -m migrations.new "what it does"`: writes a migration with the differences between models and migrations."""

from __future__ import annotations

import re
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from alembic import command

from migrations import configuration, upgrade

if __name__ == "__main__":
    [what_it_does] = sys.argv[1:]
    with tempfile.TemporaryDirectory() as directory:
        url = f"sqlite+aiosqlite:///{Path(directory) / 'new.db'}"
        upgrade(url)
        slug = re.sub(r"\W+", "_", what_it_does.lower())
        revision = f"{datetime.now(UTC):%Y%m%d}_{slug}"
        command.revision(configuration(url), what_it_does, autogenerate=True, rev_id=revision)
