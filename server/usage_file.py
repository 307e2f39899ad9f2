"""Usage files, plain or gzip-compressed: CSV with a header that names the columns, or one JSON object per line."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from domain.amendment import AmendmentLine
from domain.analytics import LogAnalytics
from domain.error import InvalidInput
from server.columns import Columns, with_metadata
from server.json_text import decoded_as_is, may_lose_numbers
from server.usage_format import Format, format_of

_GZIP_MAGIC: Final = b"\x1f\x8b"
BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_BLOCK: Final = 1 << 20

MAX_LINE_BYTES: Final = 64 * 1024
"""The longest line of JSON, in bytes, in a file and at the ingest endpoints."""

_REQUIRED: Final = ("provider", "model_used", "success")
# The values of empty cells in these columns.
_UNKNOWN_NAMES: Final = dict.fromkeys(("provider", "model_used", "task_type"), "unknown")

# Text fields. A spreadsheet runs a cell that begins with one of these characters as a formula, unless a ' precedes it.
_TEXTS: Final = ("event_id", "provider", "task_type", "model_used", "unit_key")
_FORMULA: Final = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")


def escaped_cell(text: str) -> str:
    """Return the text as a cell that no spreadsheet runs as a formula. `unescaped_text` is its inverse."""
    return f"'{text}" if _FORMULA.match(text) else text


def unescaped_text(cell: str) -> str:
    """Return the text of a cell that `escaped_cell` made. A leading ' is removed only before a formula."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


class UnreadableFile(Exception):
    """The file cannot be read, is not a usage file, or lacks required columns."""


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that is rejected, and why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class UsageRow:
    """A valid row: its line number, starting at 1, and its call."""

    line: int
    call: LogAnalytics


class UsageFile:
    """A file of calls.

    A row without an event id gets one from the hash of the file's content and its line number. Identical rows therefore
    count separately, and reading the same file again yields the same event ids.
    """

    def __init__(self, path: Path) -> None:
        """Read the file once, to count and hash it. Raises UnreadableFile."""
        self._path = path
        self.lines, self._digest = self._measure()

    def __iter__(self) -> Iterator[UsageRow | BadRow]:
        """Yield each row in the order of the file, valid or not. Raises UnreadableFile when the header is invalid."""
        with self._open() as binary:
            yield from self._objects(binary) if self._holds_json() else self._records(binary)

    def _records(self, binary: BinaryIO) -> Iterator[UsageRow | BadRow]:
        # Bytes that are not UTF-8 become surrogates, which every field rejects: only the affected rows are lost.
        with io.TextIOWrapper(binary, encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
            reader = csv.reader(text, strict=True)
            header = _header(reader)
            columns = Columns.of(header)
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
                    yield self._read_record(line, columns, header, fields)

    def _objects(self, binary: BinaryIO) -> Iterator[UsageRow | BadRow]:
        for line, text in enumerate(_lines(binary), 1):
            if text.strip():
                yield self._read_object(line, text)

    def _read_record(self, line: int, columns: Columns, header: list[str], fields: list[str]) -> UsageRow | BadRow:
        if len(fields) != len(header):
            return BadRow(line, f"has {len(fields)} fields, the header has {len(header)}")
        try:
            values = _values(columns, dict(zip(header, fields, strict=True)))
            values.setdefault("event_id", f"{self._digest}:{line}")
            return UsageRow(line, LogAnalytics.checked(values, ()))
        except InvalidInput as error:
            return BadRow(line, error.message)

    def _read_object(self, line: int, text: bytes) -> UsageRow | BadRow:
        if len(text) > MAX_LINE_BYTES:
            return BadRow(line, f"is longer than {MAX_LINE_BYTES} bytes")
        try:
            call = call_of(text)
        except InvalidInput as error:
            return BadRow(line, error.message)
        if call.event_id is None:
            call = call.model_copy(update={"event_id": f"{self._digest}:{line}"})
        return UsageRow(line, call)

    def _holds_json(self) -> bool:
        # No CSV header begins with {. The extension decides for a file that is empty or begins with an invalid line.
        with self._open() as binary:
            begins = binary.read(len(BYTE_ORDER_MARK) + 1).removeprefix(BYTE_ORDER_MARK)
        return begins.startswith(b"{") or format_of(self._path) is Format.NDJSON

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


def _lines(binary: BinaryIO) -> Iterator[bytes]:
    """Yield each line without its line end, and without the byte order mark of the file.

    A line that is too long is cut, but stays longer than the limit.
    """
    if binary.read(len(BYTE_ORDER_MARK)) != BYTE_ORDER_MARK:
        binary.seek(0)
    while text := binary.readline(MAX_LINE_BYTES + 2):
        rest = text
        while len(rest) == MAX_LINE_BYTES + 2 and not rest.endswith(b"\n"):
            rest = binary.readline(MAX_LINE_BYTES + 2)
        yield text.removesuffix(b"\n")


def call_of(line: bytes) -> LogAnalytics:
    """Parse a call from a line of JSON, whose fields may have the names of other tools. Raises InvalidInput."""
    try:
        call = LogAnalytics.checked_json(line)
    except InvalidInput as error:
        # The fields have other names, or the metadata cannot be stored as it is. This is rare: parse the line again.
        record = _record_of(line)
        if record is None:
            raise error from None
    else:
        if not may_lose_numbers(line) or (record := _record_of(line)) is None:
            return call
    columns = Columns.of(record)
    fields, others = columns.read(record)
    aliased = {name: value for name, value in others.items() if name in columns.field_of}
    unknown = {_printable(name): value for name, value in others.items() if name not in columns.field_of}
    return LogAnalytics.checked(with_metadata(fields, aliased) | unknown, ())


def amendment_of(line: bytes) -> AmendmentLine:
    """Parse an amendment from a line of JSON. Raises InvalidInput."""
    try:
        return AmendmentLine.checked_json(line)
    except InvalidInput as error:
        # pydantic rejects some JSON without naming the field. Parse the line again, so that the error names it.
        record = _record_of(line)
        if record is None:
            raise error from None
    return AmendmentLine.checked({_printable(name): value for name, value in record.items()}, ())


def _record_of(line: bytes) -> dict[str, Any] | None:
    try:
        record = decoded_as_is(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def _printable(name: str) -> str:
    return name.encode(errors="replace").decode()


def _header(reader: Iterator[list[str]]) -> list[str]:
    try:
        header = [name.strip() for name in next(reader, [])]
        columns = set(Columns.of(dict.fromkeys(header)).field_of.values())
    except csv.Error as error:
        raise UnreadableFile(f"the first line must name the columns: {error}") from None
    except InvalidInput as error:
        raise UnreadableFile(f"the first line must name the columns; {error.message}") from None
    if missing := [name for name in _REQUIRED if name not in columns]:
        raise UnreadableFile(f"the first line must name the columns; it has no {', no '.join(missing)}")
    if repeated := {name for name in header if header.count(name) > 1}:
        raise UnreadableFile(f"the first line names {', '.join(sorted(repeated))} twice")
    return header


def _values(columns: Columns, row: Mapping[str, str]) -> dict[str, Any]:
    """The fields of a call by name. Columns that are not fields go into its metadata."""
    fields, others = columns.read({name: text for name, text in row.items() if text != ""})
    values = {name: unescaped_text(text) if name in _TEXTS else text for name, text in fields.items()}
    if "metadata" in values:
        values["metadata"] = _json_value(values["metadata"])
    return _UNKNOWN_NAMES | with_metadata(values, others)


def _json_value(text: str) -> Any:
    try:
        return decoded_as_is(text.encode("utf-8", "surrogateescape"))
    except ValueError:
        return text  # not JSON, and so not an object: validation rejects it
