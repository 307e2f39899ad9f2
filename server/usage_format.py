"""The formats of usage files."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Final


class Format(StrEnum):
    CSV = "csv"
    NDJSON = "ndjson"


_FORMAT_OF: Final = {".csv": Format.CSV, ".ndjson": Format.NDJSON, ".jsonl": Format.NDJSON}


def format_of(path: Path) -> Format | None:
    """The format that the file's name tells, packed or not; None when it tells none."""
    return _FORMAT_OF.get((path.with_suffix("") if path.suffix == ".gz" else path).suffix.lower())


class RowCount:
    """Counts the rows of a file whose blocks come one after the other."""

    def __init__(self, format_: Format) -> None:
        self._format = format_
        self._lines = 0
        self._quoted = False

    def add(self, block: bytes) -> None:
        # A record of CSV ends with a line that ends outside of quotes; those doubled inside a cell cancel each other.
        pieces = block.split(b'"') if self._format is Format.CSV else [block]
        self._lines += sum(piece.count(b"\n") for piece in pieces[self._quoted :: 2])
        self._quoted ^= len(pieces) % 2 == 0

    @property
    def rows(self) -> int:
        return max(0, self._lines - (self._format is Format.CSV))
