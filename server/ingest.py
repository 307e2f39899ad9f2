"""`POST /ingest/decisions` and `/ingest/amendments`: bulk intake of calls and amendments, one JSON object per line."""

from __future__ import annotations

import asyncio
import logging
import tempfile
import zlib
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import IO, Any, Final, Generic, TypeVar

from pydantic_core import to_json
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from domain.error import ExpectedError, InvalidInput, Overloaded
from domain.viewer import Viewer
from models.database.fair_queue import FairQueue
from models.database.pool import DatabaseFailure
from models.ledger import Ledger
from models.ledger.amendment import Amended, AmendmentDraft
from models.ledger.call import CallDraft, Dropped, Logged
from server import usage_file
from server.auth import (
    Authenticator,
    CannotVerify,
    ForeignPage,
    TokenExpired,
    Unauthenticated,
    error_response,
    while_token_valid,
)
from server.disconnect import until_gone
from server.lines import Body, Line, Stopped, chunks, decompressed, without_mark

MAX_LINE_BYTES: Final = usage_file.MAX_LINE_BYTES
_MEMORY_BYTES: Final = 1024 * 1024
_BLOCK_BYTES: Final = 64 * 1024
MAX_ERRORS: Final = 10_000
"""The most rejected lines of one request. Reading stops when there are more."""
# The next lines are read while earlier chunks are being committed. Chunks are limited per request and over all requests,
# because parsing a chunk takes about ten times its size in memory.
_CHUNKS_PER_USER: Final = 8
_CHUNKS_IN_ALL: Final = 16
_DRAIN_TIMEOUT_S: Final = 10.0
_DRAIN_TIMEOUT_WITHOUT_TOKEN_S: Final = 1.0
_ITERATIONS: Final = 16
"""The iterations of the event loop between two turns of one user."""
_BYTES_PER_TURN: Final = 16 * 1024
"""The bytes of lines that are parsed in one turn."""
_LINE_OVERHEAD_BYTES: Final = 500
"""The fixed cost of a line, in bytes of parsing time."""
_ERROR_OVERHEAD_BYTES: Final = 2_000
"""The additional cost of an invalid line: it is parsed again to name the field that is wrong."""
_RETRY_AFTER_MS: Final = 1_000

log = logging.getLogger(__name__)


Item = TypeVar("Item")
Outcome = Logged | Dropped | Amended | ExpectedError


@dataclass(frozen=True, slots=True)
class Intake(Generic[Item]):
    """How the lines of one endpoint are parsed and recorded."""

    read: Callable[[Viewer, bytes], Item]
    """Parses a line. Raises InvalidInput."""
    record: Callable[[Sequence[Item]], Awaitable[Sequence[Outcome]]]
    """Records items and returns one outcome per item, in their order. Raises Overloaded."""
    in_order: bool = False
    """Whether reading stops at an item that has to be sent again, so that no later item is recorded before it."""


def calls(ledger: Ledger) -> Intake[CallDraft]:
    """The intake of `/ingest/decisions`: calls to log, in any order."""
    return Intake(lambda viewer, line: CallDraft(viewer.id, usage_file.call_of(line)), ledger.record)


def amendments(ledger: Ledger) -> Intake[AmendmentDraft]:
    """The intake of `/ingest/amendments`: amendments of calls, recorded in the order of their lines."""
    return Intake(
        lambda viewer, line: AmendmentDraft(viewer.id, usage_file.amendment_of(line), viewer.id),
        ledger.amend,
        in_order=True,
    )


class _RetryLater(Exception):
    """A line of an ordered intake has to be sent again, and so have the lines after it."""


@dataclass(frozen=True, slots=True)
class _ChunkResult:
    """The outcome of one chunk of lines."""

    lines: bytes
    """The lines of the response."""
    errors: int
    retryable: bool
    """Whether a line failed with Overloaded and has to be sent again."""


class _PendingChunks:
    """The chunks of one request that are being recorded. Their results are written in the order of the request."""

    def __init__(self, results: IO[bytes], *, in_order: bool) -> None:
        self._results = results
        self._in_order = in_order
        self._max_chunks = 1 if in_order else _CHUNKS_PER_USER
        self._chunks: deque[asyncio.Task[_ChunkResult]] = deque()
        self._taken = self._errors = 0

    def add(self, recording: Coroutine[Any, Any, _ChunkResult], last_line: int, then: Callable[[], None]) -> None:
        """Start to record a chunk. `then` is called when that ends, also after an exception."""
        task = asyncio.create_task(recording)
        task.add_done_callback(lambda _: then())
        self._chunks.append(task)
        self._taken = last_line

    async def make_room(self) -> None:
        """Wait until another chunk may be recorded. Raises _RetryLater and Stopped."""
        while len(self._chunks) >= self._max_chunks:
            await self._write_next()

    async def end(self) -> None:
        """Wait for all chunks and write their results. Raises _RetryLater and Stopped."""
        while self._chunks:
            await self._write_next()

    async def finish(self) -> None:
        """Wait for the remaining chunks after an error, and write their results. Raises nothing."""
        for result in await asyncio.gather(*self._chunks, return_exceptions=True):
            if isinstance(result, _ChunkResult) and not self._results.closed:
                self._results.write(result.lines)

    def ending(self, code: str, message: str) -> dict[str, Any]:
        """The last line of a response that ended early: the error, and the number of lines that were processed."""
        return {"error": {"code": code, "message": message, "path": None}, "lines": self._taken}

    async def _write_next(self) -> None:
        # Shielded: a chunk is recorded even if the request is cancelled.
        result = await asyncio.shield(self._chunks[0])
        self._chunks.popleft()
        await run_in_threadpool(self._results.write, result.lines)
        self._errors += result.errors
        if result.retryable and self._in_order:
            raise _RetryLater
        if self._errors > MAX_ERRORS:
            raise Stopped(
                f"More than {MAX_ERRORS} lines were rejected; correct the lines after these and send them again"
            )


class Ingest(Generic[Item]):
    """The endpoint of one intake. The response has one line per line of the request: its id, or its error.

    The response starts when the whole request has been read, because many clients read nothing before they have sent
    everything. Until then the results are written to a temporary file, so that memory does not grow with the request.
    A request that exceeds a limit is not read further. Lines recorded before that stay recorded; the last line of the
    response says how many lines were processed and why no more.
    """

    def __init__(self, authenticator: Authenticator, intake: Intake[Item], turns: FairQueue) -> None:
        self._authenticator = authenticator
        self._turns = turns
        self._intake = intake
        self._chunks = FairQueue("lines", in_all=_CHUNKS_IN_ALL, per_user=_CHUNKS_PER_USER, waiting_per_user=None)

    async def __call__(self, request: Request) -> Response:
        try:
            viewer = await self._authenticator.sender(request.headers)
        except (Unauthenticated, CannotVerify, ForeignPage) as error:
            return error_response(error)
        encoding = request.headers.get("content-encoding", "identity").lower()
        if encoding not in {"identity", "gzip"}:
            return JSONResponse(
                {"errors": [{"message": "Content-Encoding must be gzip or identity, or absent."}]}, status_code=415
            )
        results = tempfile.SpooledTemporaryFile(max_size=_MEMORY_BYTES)  # noqa: SIM115 - closed with the response
        body = Body(request)
        try:
            blocks = while_token_valid(viewer, body)
            lines = decompressed(blocks) if encoding == "gzip" else blocks
            # Cancelled when the client disconnects, so that abandoned requests do not wait for their turns.
            await until_gone(body.left(), self._record(viewer, body, lines, results))
        except BaseException:
            results.close()
            raise
        finally:
            await body.close()
        return StreamingResponse(_stored(results), media_type="application/x-ndjson")

    async def _record(self, viewer: Viewer, body: Body, blocks: AsyncIterator[bytes], results: IO[bytes]) -> None:
        """Record the lines and write their results.

        Raises ClientDisconnect when the client has gone. Chunks that were started are recorded all the same.
        """
        pending = _PendingChunks(results, in_order=self._intake.in_order)
        ending: dict[str, Any] | None = None
        drain_timeout_s = _DRAIN_TIMEOUT_S
        try:

            async def others_first() -> None:
                await self._turn(viewer)
                body.check()

            async with aclosing(chunks(without_mark(blocks), others_first)) as found:
                async for lines in found:
                    await pending.make_room()
                    await self._chunks.acquire(viewer.id)
                    pending.add(
                        self._record_chunk(viewer, lines), lines[-1][0], partial(self._chunks.release, viewer.id)
                    )
            await pending.end()
        except _RetryLater:
            ending = pending.ending("OVERLOADED", "The lines after these were not read: send them again.")
            ending["error"]["retryAfterMs"] = _RETRY_AFTER_MS
        except TokenExpired:
            message = "The token expired: the lines after these were not read. Send them again with a new token."
            ending = pending.ending("UNAUTHENTICATED", message)
            drain_timeout_s = _DRAIN_TIMEOUT_WITHOUT_TOKEN_S
        except Stopped as stopped:
            ending = pending.ending("LIMIT_EXCEEDED", f"{stopped.message}.")
        except zlib.error as error:
            # The lines before the error may be recorded already: the response lists them, and then the error.
            ending = pending.ending("INVALID_INPUT", f"gzip: {error}")
        finally:
            # Chunks that were handed to the ledger are recorded even if the client has gone.
            await pending.finish()
        if ending is not None:
            results.write(to_json(ending) + b"\n")
            await body.drain(drain_timeout_s)

    async def _turn(self, viewer: Viewer) -> None:
        """Wait for the viewer's turn, which may block the event loop for a few milliseconds."""
        await self._turns.turn(viewer.id, iterations=_ITERATIONS)

    async def _record_chunk(self, viewer: Viewer, lines: Sequence[Line]) -> _ChunkResult:
        """Parse and record these lines. Errors of a line become its result."""
        outcomes: dict[int, Outcome] = {}
        items: dict[int, Item] = {}
        size = 0
        for number, line in lines:
            size += len(line) + _LINE_OVERHEAD_BYTES
            if size > _BYTES_PER_TURN:
                size = 0
                await self._turn(viewer)
            try:
                items[number] = self._read(viewer, line)
            except InvalidInput as error:
                outcomes[number] = error.without_traceback()
                size += _ERROR_OVERHEAD_BYTES
        try:
            recorded: Sequence[Outcome] = await self._intake.record(list(items.values())) if items else []
        except Overloaded as error:
            recorded = [error] * len(items)
        except (SQLAlchemyError, DatabaseFailure, OSError):
            log.exception("%d lines were not recorded", len(items))
            failure = Overloaded("The database did not answer; send this line again.", retry_after_ms=_RETRY_AFTER_MS)
            recorded = [failure] * len(items)
        outcomes |= zip(items, recorded, strict=True)
        errors = [outcome for outcome in outcomes.values() if isinstance(outcome, ExpectedError)]
        return _ChunkResult(
            b"".join(to_json(_result(number, outcomes[number])) + b"\n" for number in sorted(outcomes)),
            errors=len(errors),
            retryable=any(isinstance(each, Overloaded) for each in errors),
        )

    def _read(self, viewer: Viewer, line: bytes) -> Item:
        if len(line) > MAX_LINE_BYTES:
            raise InvalidInput(f"A line must be at most {MAX_LINE_BYTES} bytes.")
        return self._intake.read(viewer, line)


def _result(line: int, outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, Logged | Dropped | Amended):
        return {"line": line, "id": outcome.id, "deduplicated": outcome.deduplicated}
    error: dict[str, Any] = {"code": outcome.code, "message": outcome.message, "path": outcome.path}
    if isinstance(outcome, Overloaded):
        error["retryAfterMs"] = outcome.retry_after_ms
    return {"line": line, "error": error}


def _stored(results: IO[bytes]) -> Iterator[bytes]:
    with results:
        results.seek(0)
        while block := results.read(_BLOCK_BYTES):
            yield block
