"""Files of past usage: CSV, plain or gzip, with a header that names the columns."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from domain.analytics import LogAnalytics
from domain.error import InvalidInput

_GZIP_MAGIC: Final = b"\x1f\x8b"
_BLOCK: Final = 1 << 20

# Columns that other tools call otherwise.
_COLUMN_OF: Final = {
    "created_at": "occurred_at",
    "model": "model_used",
    "prompt_tokens": "input_tokens",
    "completion_tokens": "output_tokens",
}
_REQUIRED: Final = ("provider", "model_used", "success")
_UNKNOWN: Final = "unknown"


class UnreadableFile(Exception):
    """The file is no usage file at all."""


@dataclass(frozen=True, slots=True)
class BadRow:
    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class UsageRow:
    line: int
    decision: LogAnalytics


class UsageFile:
    """A file of decisions. Rows are told apart by the content of the file and their line, so identical rows all count
    and the same file read twice is the same rows.
    """

    def __init__(self, path: Path) -> None:
        """Raises UnreadableFile when it cannot be read."""
        self._path = path
        self.lines, self._digest = self._measure()

    def __iter__(self) -> Iterator[UsageRow | BadRow]:
        """Every row in order: the decision it holds, or what is wrong with it."""
        with self._open() as binary:
            # What is no UTF-8 becomes characters that no field may hold, and so is refused row by row.
            text = io.TextIOWrapper(binary, encoding="utf-8-sig", errors="surrogateescape", newline="")
            reader = csv.reader(text, strict=True)
            header = _header(reader)
            while True:
                line = reader.line_num + 1
                try:
                    fields = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    lost = f"; lines {line} to {reader.line_num} are lost" if reader.line_num > line else ""
                    yield BadRow(line, f"{error}{lost}")
                    continue
                if fields:
                    yield self._read(line, header, fields)

    def _read(self, line: int, header: list[str], fields: list[str]) -> UsageRow | BadRow:
        if len(fields) != len(header):
            return BadRow(line, f"has {len(fields)} fields, the header has {len(header)}")
        try:
            values = _values(dict(zip(header, fields, strict=True)))
            values.setdefault("event_id", f"{self._digest}:{line}")
            return UsageRow(line, LogAnalytics.checked(values, ()))
        except InvalidInput as error:
            return BadRow(line, error.message)

    def _measure(self) -> tuple[int, str]:
        digest, lines = hashlib.sha256(), 0
        try:
            with self._open() as binary:
                while block := binary.read(_BLOCK):
                    digest.update(block)
                    lines += block.count(b"\n")
        except (OSError, EOFError, zlib.error) as error:
            raise UnreadableFile(f"{self._path}: {getattr(error, 'strerror', None) or error}") from None
        return lines, digest.hexdigest()[:32]

    def _open(self) -> BinaryIO:
        with self._path.open("rb") as file:
            packed = file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
        return cast("BinaryIO", gzip.open(self._path)) if packed else self._path.open("rb")


def _header(reader: Iterator[list[str]]) -> list[str]:
    try:
        header = [name.strip() for name in next(reader, [])]
    except csv.Error as error:
        raise UnreadableFile(f"the first line must name the columns: {error}") from None
    columns = {_COLUMN_OF.get(name, name) for name in header}
    if missing := [name for name in _REQUIRED if name not in columns]:
        raise UnreadableFile(f"the first line must name the columns; it has no {', no '.join(missing)}")
    if repeated := {name for name in header if header.count(name) > 1}:
        raise UnreadableFile(f"the first line names {', '.join(sorted(repeated))} twice")
    return header


def _values(row: dict[str, str]) -> dict[str, Any]:
    """The fields of a decision, by name; columns that are none of them go into its metadata."""
    values: dict[str, Any] = {"provider": _UNKNOWN, "model_used": _UNKNOWN, "task_type": _UNKNOWN}
    metadata: dict[str, Any] = {}
    for name, text in row.items():
        if text == "" or (name == "created_at" and row.get("occurred_at")):
            continue
        column = _COLUMN_OF.get(name, name)
        if column == "metadata":
            metadata |= _json_object(text)
        elif column in LogAnalytics.model_fields:
            values[column] = text
        else:
            metadata[name] = text
    if metadata:
        values["metadata"] = metadata
    return values


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise InvalidInput("metadata: must be a JSON object")
    return value
