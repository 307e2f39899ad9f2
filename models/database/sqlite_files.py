"""The files of a SQLite database: whether the open files are still the files at its path.

SQLite does not notice when its files are removed or replaced, and writes on to files that are lost.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_ROOM_BYTES: Final = 1024 * 1024
"""The disk space that a large commit needs."""

Identity = tuple[int, int] | None


class Files:
    """The database file, its write-ahead log and the log's index, as they were when the first connection opened them."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        # The latest commits are in the log alone, so the log and its index matter as much as the database file.
        self._logs = [Path(f"{path}-wal"), Path(f"{path}-shm")]
        self._identity = _identity(self._path)
        self.remember_log()

    def remember_log(self) -> None:
        """Take the log at the path as the open one. SQLite creates a new log after the last connection was closed."""
        self._log = list(map(_identity, self._logs))

    @property
    def is_there(self) -> bool:
        """Whether the database file at the path is the one that is open."""
        return self._identity is not None and _identity(self._path) == self._identity

    @property
    def are_there(self) -> bool:
        """Whether all files at the path are the open ones."""
        return self.is_there and list(map(_identity, self._logs)) == self._log

    @property
    def may_be_written(self) -> bool:
        """Whether the process may write the database file and its directory."""
        return os.access(self._path, os.W_OK) and os.access(self._path.parent, os.W_OK)

    @property
    def have_room(self) -> bool:
        """Whether the disk has room for a large commit."""
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
