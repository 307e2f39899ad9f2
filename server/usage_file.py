"""Files of past usage, plain or gzip: CSV with a header that names the columns, or a JSON object a line."""

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
"""The longest line of JSON, here and at the ingest endpoint."""

_REQUIRED: Final = ("provider", "model_used", "success")
# What a cell that is empty says.
_NAMELESS: Final = dict.fromkeys(("provider", "model_used", "task_type"), "unknown")

# What people may type into. A spreadsheet runs a cell that begins like this as a formula, unless a ' stands before it.
_TEXTS: Final = ("event_id", "provider", "task_type", "model_used", "unit_key")
_FORMULA: Final = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")


def spelt_safely(text: str) -> str:
    """The cell for this text: no spreadsheet takes it for a formula, and `spelt` gives the same text again."""
    return f"'{text}" if _FORMULA.match(text) else text


def spelt(cell: str) -> str:
    """The text that `spelt_safely` made this cell of. A ' before anything else than a formula is the text's own."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


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
            yield from self._objects(binary) if self._holds_json() else self._records(binary)

    def _records(self, binary: BinaryIO) -> Iterator[UsageRow | BadRow]:
        # What is no UTF-8 becomes characters that no field may hold, and so is refused row by row.
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
                    yield self._read(line, columns, header, fields)

    def _objects(self, binary: BinaryIO) -> Iterator[UsageRow | BadRow]:
        for line, text in enumerate(_lines(binary), 1):
            if text.strip():
                yield self._read_object(line, text)

    def _read(self, line: int, columns: Columns, header: list[str], fields: list[str]) -> UsageRow | BadRow:
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
            decision = decision_of(text)
        except InvalidInput as error:
            return BadRow(line, error.message)
        if decision.event_id is None:
            decision = decision.model_copy(update={"event_id": f"{self._digest}:{line}"})
        return UsageRow(line, decision)

    def _holds_json(self) -> bool:
        # The content tells, since no header begins so; the name tells of a file that is empty, or begins with a bad line.
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
    """Each line without its end, and the first without a byte order mark.

    Of one that is too long, what is kept is just too long as well.
    """
    if binary.read(len(BYTE_ORDER_MARK)) != BYTE_ORDER_MARK:
        binary.seek(0)
    while text := binary.readline(MAX_LINE_BYTES + 2):
        rest = text
        while len(rest) == MAX_LINE_BYTES + 2 and not rest.endswith(b"\n"):
            rest = binary.readline(MAX_LINE_BYTES + 2)
        yield text.removesuffix(b"\n")


def decision_of(line: bytes) -> LogAnalytics:
    """The decision that a line of JSON tells, whatever it calls the fields. Raises InvalidInput."""
    try:
        decision = LogAnalytics.checked_json(line)
    except InvalidInput as refusal:
        # Under other names, or with metadata that cannot be kept as it is: rare enough to read it again.
        record = _record_of(line)
        if record is None:
            raise refusal from None
    else:
        if not may_lose_numbers(line) or (record := _record_of(line)) is None:
            return decision
    columns = Columns.of(record)
    fields, others = columns.read(record)
    aliased = {name: value for name, value in others.items() if name in columns.field_of}
    unknown = {_printable(name): value for name, value in others.items() if name not in columns.field_of}
    return LogAnalytics.checked(with_metadata(fields, aliased) | unknown, ())


def amendment_of(line: bytes) -> AmendmentLine:
    """The amendment that a line of JSON tells. Raises InvalidInput."""
    try:
        return AmendmentLine.checked_json(line)
    except InvalidInput as refusal:
        # What no field may hold, JSON of pydantic's may not either: read again, so that the field can be named.
        record = _record_of(line)
        if record is None:
            raise refusal from None
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
    """The fields of a decision, by name; columns that are none of them go into its metadata."""
    fields, others = columns.read({name: text for name, text in row.items() if text != ""})
    values = {name: spelt(text) if name in _TEXTS else text for name, text in fields.items()}
    if "metadata" in values:
        values["metadata"] = _json_value(values["metadata"])
    return _NAMELESS | with_metadata(values, others)


def _json_value(text: str) -> Any:
    try:
        return decoded_as_is(text.encode("utf-8", "surrogateescape"))
    except ValueError:
        return text  # no JSON, and so no object: to be refused as such
