"""The files of a SQLite database: whether those that are open are still those at its path.

SQLite does not notice when they are removed or replaced: it goes on in files that nobody will find again.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_ROOM_BYTES: Final = 1024 * 1024
"""What a large commit takes."""
Identity = tuple[int, int] | None


class Files:
    """The files as they are when the first connection is open."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        # The log and its index are no less a part of it: what was committed last is in them alone.
        self._beside = [Path(f"{path}-wal"), Path(f"{path}-shm")]
        self._identity = _identity(self._path)
        self.remember_log()

    def remember_log(self) -> None:
        """The log at the path is the one that is open: SQLite makes another one when nobody has the database open."""
        self._log = list(map(_identity, self._beside))

    @property
    def is_there(self) -> bool:
        """Whether the database file at the path is the one that is open."""
        return self._identity is not None and _identity(self._path) == self._identity

    @property
    def are_there(self) -> bool:
        """The same of all its files."""
        return self.is_there and list(map(_identity, self._beside)) == self._log

    @property
    def may_be_written(self) -> bool:
        """Whether they could be opened to be written, now."""
        return os.access(self._path, os.W_OK) and os.access(self._path.parent, os.W_OK)

    @property
    def have_room(self) -> bool:
        """Whether there is room where they are."""
        try:
            disk = os.statvfs(self._path.parent)
        except OSError:
            return False
        return not disk.f_blocks or disk.f_bavail * disk.f_frsize >= _ROOM_BYTES


def _identity(path: Path) -> Identity:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
