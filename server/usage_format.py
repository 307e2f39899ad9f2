"""The formats of usage files: CSV and NDJSON."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Final


class Format(StrEnum):
    """A format of usage files."""

    CSV = "csv"
    NDJSON = "ndjson"


_FORMAT_OF: Final = {".csv": Format.CSV, ".ndjson": Format.NDJSON, ".jsonl": Format.NDJSON}


def format_of(path: Path) -> Format | None:
    """The format by the extension of the file, before .gz if it has that; None when the extension is another one."""
    return _FORMAT_OF.get((path.with_suffix("") if path.suffix == ".gz" else path).suffix.lower())


class RowCount:
    """Counts the rows of a file from its blocks."""

    def __init__(self, format_: Format) -> None:
        self._format = format_
        self._lines = 0
        self._quoted = False

    def add(self, block: bytes) -> None:
        """Count the rows that end in the next block of the file."""
        # A CSV record ends with a line break outside of quotes. Doubled quotes inside a cell cancel each other.
        pieces = block.split(b'"') if self._format is Format.CSV else [block]
        self._lines += sum(piece.count(b"\n") for piece in pieces[self._quoted :: 2])
        self._quoted ^= len(pieces) % 2 == 0

    @property
    def rows(self) -> int:
        """The number of rows so far, without the header."""
        return max(0, self._lines - (self._format is Format.CSV))
