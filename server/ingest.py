"""`POST /ingest/decisions` and `/ingest/amendments`: calls and amendments of calls in bulk, one JSON object a line."""

from __future__ import annotations

import asyncio
import logging
import tempfile
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any, Final, Generic, TypeVar

from pydantic_core import to_json
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from domain.error import InvalidInput, Overloaded, Refusal
from domain.viewer import Viewer
from models.amendment import Amended, AmendmentDraft
from models.entry import Draft, Logged
from models.ledger import Ledger
from models.postgresql import DatabaseFailure
from server import usage_file
from server.auth import Authenticator, CannotVerify, TokenEnded, Unauthenticated, bearer_token, refusal, while_it_holds

MAX_LINE_BYTES: Final = usage_file.MAX_LINE_BYTES
_MEMORY_BYTES: Final = 1024 * 1024
_BLOCK_BYTES: Final = 64 * 1024
_GZIP: Final = 16 + zlib.MAX_WBITS
# While some lines are being committed, the next are read: in small portions, so that nobody else waits for long.
_CHUNK_LINES: Final = 250
_CHUNKS_AT_ONCE: Final = 8
_RETRY_AFTER_MS: Final = 1_000

_RETRY: Final = b'"retryAfterMs"'

log = logging.getLogger(__name__)


Item = TypeVar("Item")
Outcome = Logged | Amended | Refusal


@dataclass(frozen=True, slots=True)
class Intake(Generic[Item]):
    """What the lines of a request are."""

    read: Callable[[Viewer, bytes], Item]
    """A line; raises InvalidInput."""
    record: Callable[[Sequence[Item]], Awaitable[Sequence[Outcome]]]
    """One outcome for each; raises Overloaded."""
    in_order: bool = False
    """Whether none may be recorded after one that was not for now: sent again, that one would come last."""


def calls(ledger: Ledger) -> Intake[Draft]:
    """Calls to log."""
    return Intake(lambda viewer, line: Draft(viewer.id, usage_file.decision_of(line)), ledger.record)


def amendments(ledger: Ledger) -> Intake[AmendmentDraft]:
    """Amendments of calls, in the order in which they are to be made."""
    return Intake(
        lambda viewer, line: AmendmentDraft(viewer.id, usage_file.amendment_of(line), viewer.id),
        ledger.amend,
        in_order=True,
    )


class _Later(Exception):
    """Lines that have an order cannot go on now."""


class Ingest(Generic[Item]):
    """Reads lines as they come, and answers with one line for each: what was recorded, or why it was not.

    The answer begins when the request has been read: a client that first sends all would else wait for us to read, and
    we for it. Until then it is kept on disk, so that memory does not grow with the request.
    """

    def __init__(self, authenticator: Authenticator, intake: Intake[Item]) -> None:
        self._authenticator = authenticator
        self._intake = intake

    async def __call__(self, request: Request) -> Response:
        try:
            viewer = await self._authenticator.viewer(bearer_token(request.headers.get("authorization")))
        except (Unauthenticated, CannotVerify) as error:
            return refusal(error)
        encoding = request.headers.get("content-encoding", "identity").lower()
        if encoding not in {"identity", "gzip"}:
            return JSONResponse(
                {"errors": [{"message": "Content-Encoding must be gzip, or left out."}]}, status_code=415
            )
        results = tempfile.SpooledTemporaryFile(max_size=_MEMORY_BYTES)  # noqa: SIM115 - closed with the answer
        try:
            sent = while_it_holds(viewer, request.stream())
            body = _unpacked(sent) if encoding == "gzip" else sent
            await self._record(viewer, _without_mark(body), results)
        except _Later:
            later = {
                "code": "OVERLOADED",
                "message": "The lines after these were not read: send them again.",
                "path": None,
            }
            results.write(to_json({"error": later | {"retryAfterMs": _RETRY_AFTER_MS}}) + b"\n")
        except TokenEnded:
            # Of what came before it, each line has its answer above.
            ended = "The token ended: the lines after these were not read. Send them again with a new one."
            results.write(to_json({"error": {"code": "UNAUTHENTICATED", "message": ended, "path": None}}) + b"\n")
        except zlib.error as error:
            # What came before it may be recorded already: say so line by line, and then what is wrong.
            results.write(
                to_json({"error": {"code": "INVALID_INPUT", "message": f"gzip: {error}", "path": None}}) + b"\n"
            )
        except BaseException:
            results.close()
            raise
        return StreamingResponse(_read_out(results), media_type="application/x-ndjson")

    async def _record(self, viewer: Viewer, body: AsyncIterator[bytes], results: IO[bytes]) -> None:
        underway: list[asyncio.Task[bytes]] = []
        first_line = 1
        try:
            async for lines in _chunks(body):
                underway.append(asyncio.create_task(self._record_chunk(viewer, first_line, lines)))
                first_line += len(lines)
                if self._intake.in_order:
                    result = await underway.pop(0)
                    await run_in_threadpool(results.write, result)
                    if _RETRY in result:
                        raise _Later
                if len(underway) >= _CHUNKS_AT_ONCE:
                    await run_in_threadpool(results.write, await underway.pop(0))
            while underway:
                await run_in_threadpool(results.write, await underway.pop(0))
        except (TokenEnded, zlib.error):
            while underway:
                await run_in_threadpool(results.write, await underway.pop(0))
            raise
        finally:
            # What was handed to the ledger is recorded even if the client has gone.
            await asyncio.gather(*underway, return_exceptions=True)

    async def _record_chunk(self, viewer: Viewer, first_line: int, lines: Sequence[bytes]) -> bytes:
        """The results of these lines, as lines."""
        outcomes: dict[int, Outcome] = {}
        items: dict[int, Item] = {}
        for number, line in enumerate(lines, first_line):
            if not line.strip():
                continue
            try:
                items[number] = self._read(viewer, line)
            except InvalidInput as refusal:
                outcomes[number] = refusal
        try:
            recorded: Sequence[Outcome] = await self._intake.record(list(items.values())) if items else []
        except Overloaded as refusal:
            recorded = [refusal] * len(items)
        except (SQLAlchemyError, DatabaseFailure, OSError):
            log.exception("%d lines were not recorded", len(items))
            failure = Overloaded("The database did not answer; send this again.", retry_after_ms=_RETRY_AFTER_MS)
            recorded = [failure] * len(items)
        outcomes |= zip(items, recorded, strict=True)
        return b"".join(to_json(_result(number, outcomes[number])) + b"\n" for number in sorted(outcomes))

    def _read(self, viewer: Viewer, line: bytes) -> Item:
        if len(line) > MAX_LINE_BYTES:
            raise InvalidInput(f"A line must be at most {MAX_LINE_BYTES} bytes.")
        return self._intake.read(viewer, line)


def _result(line: int, outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, Logged | Amended):
        return {"line": line, "id": outcome.columns["id"], "deduplicated": outcome.deduplicated}
    error: dict[str, Any] = {"code": outcome.code, "message": outcome.message, "path": outcome.path}
    if isinstance(outcome, Overloaded):
        error["retryAfterMs"] = outcome.retry_after_ms
    return {"line": line, "error": error}


async def _unpacked(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    unpacker = zlib.decompressobj(_GZIP)
    async for block in body:
        waiting = block
        while waiting:
            # A little at a time: a small block may unpack to a very large one.
            yield unpacker.decompress(waiting, _BLOCK_BYTES)
            waiting = unpacker.unconsumed_tail
            if unpacker.eof and unpacker.unused_data:
                waiting, unpacker = unpacker.unused_data, zlib.decompressobj(_GZIP)
    yield unpacker.flush()
    if not unpacker.eof:
        raise zlib.error("the stream ends early")


async def _without_mark(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The body without the byte order mark that it may begin with, in however many blocks that comes."""
    begin: bytes | None = b""
    async for block in body:
        if begin is None:
            yield block
        elif len(begin := begin + block) >= len(usage_file.BYTE_ORDER_MARK):
            yield begin.removeprefix(usage_file.BYTE_ORDER_MARK)
            begin = None
    if begin:
        yield begin


async def _chunks(body: AsyncIterator[bytes]) -> AsyncIterator[list[bytes]]:
    """The body's lines, some at once. Of a line that is too long, what is kept is just too long as well."""
    lines: list[bytes] = []
    rest = b""
    try:
        async for block in body:
            *whole, rest = (rest + block).split(b"\n")
            rest = rest[: MAX_LINE_BYTES + 1]
            lines += whole
            while len(lines) >= _CHUNK_LINES:
                yield lines[:_CHUNK_LINES]
                del lines[:_CHUNK_LINES]
    except (TokenEnded, zlib.error):
        # Lines that are whole came before it; half of one is none.
        if lines:
            yield lines
        raise
    if rest:
        lines.append(rest)
    if lines:
        yield lines


def _read_out(results: IO[bytes]) -> Iterator[bytes]:
    with results:
        results.seek(0)
        while block := results.read(_BLOCK_BYTES):
            yield block
