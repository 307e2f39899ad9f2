"""`GET /export/analytics`: a user's decisions as a file that `import` reads again, whatever it holds."""

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
from server.auth import Authenticator, CannotVerify, Unauthenticated, bearer_token, refusal, seconds_left
from server.disconnect import while_connected
from server.graphql.answer import encoded
from server.usage_file import spelt_safely
from server.usage_format import Format

# Few enough that nobody else waits for long, and little is kept, even when each has all the metadata it may have.
ROWS_AT_ONCE: Final = 250
_ROWS_AT_A_TURN: Final = 25
_MEDIA_TYPE: Final = {Format.CSV: "text/csv; charset=utf-8", Format.NDJSON: "application/x-ndjson"}


class _Download(StreamingResponse):
    """An answer that breaks off when the viewer's token ends, however slowly it is read."""

    def __init__(self, blocks: AsyncIterator[bytes], viewer: Viewer, **more: Any) -> None:
        super().__init__(blocks, **more)
        self._viewer = viewer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        left_s = seconds_left(self._viewer)
        # Not completed, the answer ends with its connection: no client takes it for a whole one.
        with suppress(TimeoutError):
            async with asyncio.timeout(None if left_s == math.inf else left_s):
                await super().__call__(scope, receive, send)


class Export:
    """Answers with all decisions of the viewer, or those of a time range, oldest first.

    They are read a page at a time, each in a transaction of its own and only when the client has taken the page before:
    a slow download holds back neither memory nor the database. A failure on the way breaks the connection off, so that
    half a file never looks like a whole one.
    """

    def __init__(self, authenticator: Authenticator, database: Database) -> None:
        self._authenticator = authenticator
        self._database = database

    async def __call__(self, request: Request) -> Response:
        try:
            viewer = await self._authenticator.viewer(bearer_token(request.headers.get("authorization")))
            format_, wanted = _asked(request.query_params)
            blocks = self.blocks(viewer, format_, wanted)
            # Read before the answer begins: what keeps the database from answering at all can still be told.
            first = await while_connected(request.receive, anext(blocks))
        except (Unauthenticated, CannotVerify) as error:
            return refusal(error)
        except InvalidInput as error:
            found = {"message": error.message, "extensions": {"code": error.code, "path": error.path}}
            return JSONResponse({"errors": [found]}, status_code=400)
        if request.method == "HEAD":
            await blocks.aclose()
        return _Download(
            _chained(first, blocks),
            viewer,
            media_type=_MEDIA_TYPE[format_],
            headers={"Content-Disposition": f'attachment; filename="analytics.{format_}"'},
        )

    async def blocks(self, viewer: Viewer, format_: Format, wanted: AnalyticsFilter) -> AsyncGenerator[bytes]:
        """The file, a page of rows at a time; at least one block, if an empty one."""
        written = _ENCODED[format_]
        head = _record(REPORTED).encode() if format_ is Format.CSV else b""
        conditions, after = matching(wanted), None
        while True:
            page = await self._page(viewer, conditions, after)
            lines = [head]
            for place, row in enumerate(page, 1):
                lines.append(written(row))
                if place % _ROWS_AT_A_TURN == 0:
                    await asyncio.sleep(0)  # others have their turn
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


def _asked(query: Mapping[str, str]) -> tuple[Format, AnalyticsFilter]:
    """Raises InvalidInput naming the parameter."""
    for name in query:
        if name not in {"format", "from", "to"}:
            raise InvalidInput(f"{name}: is none of format, from and to", [name])
    try:
        format_ = Format(query.get("format", Format.NDJSON))
    except ValueError:
        raise InvalidInput(f"format: must be {' or '.join(Format)}", ["format"]) from None
    moments = {name: _moment(name, query[name]) for name in ("from", "to") if name in query}
    return format_, AnalyticsFilter.checked(moments, ())


def _moment(name: str, text: str) -> datetime:
    # Stricter than inputs elsewhere, which take a bare number for seconds since 1970: "2025" would be of that year.
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InvalidInput(
            f"{name}: must be a moment with its zone, such as 2026-01-31T00:00:00Z; a + is written %2B in an address",
            [name],
        )
    return moment


async def _chained(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for block in rest:
        yield block


def as_line(row: Row[Any]) -> bytes:
    """The decision as a line of JSON that the ingest endpoint and `import` read; what is not known is left out."""
    fields = {_CAMEL[name]: value for name, value in zip(REPORTED, _values(row), strict=True) if value is not None}
    return encoded(fields) + b"\n"


def _as_record(row: Row[Any]) -> bytes:
    return _record(map(_cell, _values(row))).encode()


def _values(row: Row[Any]) -> list[Any]:
    """What REPORTED names, with money as text; the usual tier goes without saying."""
    values: list[Any] = list(row[1:])
    if values[_COST] is not None:
        values[_COST] = plain(values[_COST])
    if values[_SERVICE_TIER] is ServiceTier.STANDARD:
        values[_SERVICE_TIER] = None
    if values[_METADATA].text == _NOTHING:
        values[_METADATA] = None
    return values


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return spelt_safely(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, RawJSON):
        return value.text
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return "" if value is None else str(value)


def _record(cells: Iterable[str]) -> str:
    """One record of a CSV file, as RFC 4180 has it."""
    line = io.StringIO(newline="")
    csv.writer(line).writerow(cells)
    return line.getvalue()


_NOTHING: Final = "{}"
_COST: Final = REPORTED.index("cost")
_METADATA: Final = REPORTED.index("metadata")
_SERVICE_TIER: Final = REPORTED.index("service_tier")
_CAMEL: Final = {name: to_camel(name) for name in REPORTED}
_ENCODED: Final[Mapping[Format, Callable[[Row[Any]], bytes]]] = {Format.NDJSON: as_line, Format.CSV: _as_record}
