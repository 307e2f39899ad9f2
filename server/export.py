"""`GET /export/analytics`: a user's calls as a CSV or NDJSON file, which `import` reads without loss."""

from __future__ import annotations

import asyncio
import csv
import io
import math
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Row
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from domain.analytics import AnalyticsFilter
from domain.bounds import to_camel
from domain.error import InvalidInput
from domain.money import plain
from domain.price import ServiceTier
from domain.viewer import Viewer
from models.analytics import RouterAnalytics
from models.database import Database
from models.queries.analytics import REPORTED, matching, reported
from models.types import RawJSON
from server.auth import Authenticator, CannotVerify, ForeignPage, Unauthenticated, error_response, seconds_left
from server.disconnect import while_connected
from server.graphql.answer import encoded
from server.usage_file import escaped_cell
from server.usage_format import Format

# Small enough to bound memory and the time that other requests wait, even when each row has metadata of the largest size.
ROWS_AT_ONCE: Final = 250
_ROWS_PER_TURN: Final = 25
_MEDIA_TYPE: Final = {Format.CSV: "text/csv; charset=utf-8", Format.NDJSON: "application/x-ndjson"}


class _Download(StreamingResponse):
    """A response that is cut off when the viewer's token expires, however slowly the client reads."""

    def __init__(self, blocks: AsyncIterator[bytes], viewer: Viewer, **more: Any) -> None:
        super().__init__(blocks, **more)
        self._viewer = viewer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        left_s = seconds_left(self._viewer)
        # The connection ends without the end of the response, so that no client takes a part for the whole file.
        with suppress(TimeoutError):
            async with asyncio.timeout(None if left_s == math.inf else left_s):
                await super().__call__(scope, receive, send)


class Export:
    """Responds with all calls of the viewer, or those of a time range, oldest first.

    Each page is read in a separate transaction, after the client has received the page before. A slow download therefore
    holds no database connection and little memory. A failure during the download closes the connection, so that an
    incomplete file never looks complete.
    """

    def __init__(self, authenticator: Authenticator, database: Database) -> None:
        self._authenticator = authenticator
        self._database = database

    async def __call__(self, request: Request) -> Response:
        try:
            viewer = await self._authenticator.sender(request.headers)
            format_, wanted = _parameters(request.query_params)
            blocks = self.blocks(viewer, format_, wanted)
            # The first page is read before the response starts, so that an error of the database can still be its status.
            first = await while_connected(request.receive, anext(blocks))
        except (Unauthenticated, CannotVerify, ForeignPage) as error:
            return error_response(error)
        except InvalidInput as error:
            body = {"message": error.message, "extensions": {"code": error.code, "path": error.path}}
            return JSONResponse({"errors": [body]}, status_code=400)
        if request.method == "HEAD":
            await blocks.aclose()
        return _Download(
            _chained(first, blocks),
            viewer,
            media_type=_MEDIA_TYPE[format_],
            headers={"Content-Disposition": f'attachment; filename="analytics.{format_}"'},
        )

    async def blocks(self, viewer: Viewer, format_: Format, wanted: AnalyticsFilter) -> AsyncGenerator[bytes]:
        """Yield the file, one page of rows per block. There is at least one block, which may be empty."""
        encode = _ENCODERS[format_]
        head = _record(REPORTED).encode() if format_ is Format.CSV else b""
        conditions, after = matching(wanted), None
        while True:
            page = await self._page(viewer, conditions, after)
            lines = [head]
            for number, row in enumerate(page, 1):
                lines.append(encode(row))
                if number % _ROWS_PER_TURN == 0:
                    await asyncio.sleep(0)  # let other requests run
            yield b"".join(lines)
            if len(page) < ROWS_AT_ONCE:
                return
            head, after = b"", page[-1].id

    async def _page(
        self, viewer: Viewer, conditions: Sequence[ColumnElement[bool]], after: UUID | None
    ) -> Sequence[Row[Any]]:
        further = [] if after is None else [RouterAnalytics.id > after]
        async with self._database.viewer(viewer) as session:
            return await reported(session, viewer.id, [*conditions, *further], ROWS_AT_ONCE)


def _parameters(query: Mapping[str, str]) -> tuple[Format, AnalyticsFilter]:
    """The format and the filter of a request. Raises InvalidInput that names the parameter."""
    for name in query:
        if name not in {"format", "from", "to"}:
            raise InvalidInput(f"{name}: must be one of format, from and to", [name])
    try:
        format_ = Format(query.get("format", Format.NDJSON))
    except ValueError:
        raise InvalidInput(f"format: must be {' or '.join(Format)}", ["format"]) from None
    moments = {name: _moment(name, query[name]) for name in ("from", "to") if name in query}
    return format_, AnalyticsFilter.checked(moments, ())


def _moment(name: str, text: str) -> datetime:
    # Other inputs accept a number as seconds since 1970. Here, "2025" would be a moment of 1970 and not a year.
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InvalidInput(
            f"{name}: must be a timestamp with a time zone, such as 2026-01-31T00:00:00Z; encode a + as %2B in a URL",
            [name],
        )
    return moment


async def _chained(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for block in rest:
        yield block


def as_line(row: Row[Any]) -> bytes:
    """The call as a line of JSON that the ingest endpoint and `import` read, without fields whose value is null."""
    fields = {_CAMEL[name]: value for name, value in zip(REPORTED, _values(row), strict=True) if value is not None}
    return encoded(fields) + b"\n"


def _as_csv_record(row: Row[Any]) -> bytes:
    return _record(map(_cell, _values(row))).encode()


def _values(row: Row[Any]) -> list[Any]:
    """The values of the fields in REPORTED, money as text. The standard service tier and empty metadata become None."""
    values: list[Any] = list(row[1:])
    if values[_COST] is not None:
        values[_COST] = plain(values[_COST])
    if values[_SERVICE_TIER] is ServiceTier.STANDARD:
        values[_SERVICE_TIER] = None
    if values[_METADATA].text == _NO_METADATA:
        values[_METADATA] = None
    return values


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return escaped_cell(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, RawJSON):
        return value.text
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return "" if value is None else str(value)


def _record(cells: Iterable[str]) -> str:
    """One record of a CSV file (RFC 4180), with its line end."""
    line = io.StringIO(newline="")
    csv.writer(line).writerow(cells)
    return line.getvalue()


_NO_METADATA: Final = "{}"
_COST: Final = REPORTED.index("cost")
_METADATA: Final = REPORTED.index("metadata")
_SERVICE_TIER: Final = REPORTED.index("service_tier")
_CAMEL: Final = {name: to_camel(name) for name in REPORTED}
_ENCODERS: Final[Mapping[Format, Callable[[Row[Any]], bytes]]] = {Format.NDJSON: as_line, Format.CSV: _as_csv_record}
