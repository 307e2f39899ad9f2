"""`POST /ingest/decisions` and `/ingest/amendments`: calls and amendments of calls in bulk, one JSON object a line."""

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
from server.auth import Authenticator, CannotVerify, TokenEnded, Unauthenticated, bearer_token, refusal, while_it_holds
from server.disconnect import until_gone
from server.lines import Body, Line, Stopped, chunks, unpacked, without_mark

MAX_LINE_BYTES: Final = usage_file.MAX_LINE_BYTES
_MEMORY_BYTES: Final = 1024 * 1024
_BLOCK_BYTES: Final = 64 * 1024
MAX_ERRORS: Final = 10_000
"""Of a request: what is wrong so often is not worth reading to its end."""
# While some lines are being committed, the next are read. Chunks are counted for all requests together, too: what is in
# them takes some ten times their bytes while it is looked at.
_CHUNKS_AT_ONCE: Final = 8
_CHUNKS_IN_ALL: Final = 16
_DRAINED_WITHIN_S: Final = 10.0
_DRAINED_WITHOUT_TOKEN_S: Final = 1.0
_ITERATIONS: Final = 16
"""Of the event loop, between two pieces of one user's lines."""
_BYTES_AT_A_TURN: Final = 16 * 1024
"""Of lines: what is read before others have their turn."""
_BYTES_OF_A_LINE: Final = 500
"""What a short one is counted as, since to read it takes as long."""
_BYTES_OF_A_REFUSAL: Final = 2_000
"""The same of one that is wrong: it is read twice, to say what is wrong with it."""
_RETRY_AFTER_MS: Final = 1_000

log = logging.getLogger(__name__)


Item = TypeVar("Item")
Outcome = Logged | Dropped | Amended | ExpectedError


@dataclass(frozen=True, slots=True)
class Intake(Generic[Item]):
    """What the lines of a request are."""

    read: Callable[[Viewer, bytes], Item]
    """A line; raises InvalidInput."""
    record: Callable[[Sequence[Item]], Awaitable[Sequence[Outcome]]]
    """One outcome for each; raises Overloaded."""
    in_order: bool = False
    """Whether none may be recorded after one that was not for now: sent again, that one would come last."""


def calls(ledger: Ledger) -> Intake[CallDraft]:
    """Calls to log."""
    return Intake(lambda viewer, line: CallDraft(viewer.id, usage_file.decision_of(line)), ledger.record)


def amendments(ledger: Ledger) -> Intake[AmendmentDraft]:
    """Amendments of calls, in the order in which they are to be made."""
    return Intake(
        lambda viewer, line: AmendmentDraft(viewer.id, usage_file.amendment_of(line), viewer.id),
        ledger.amend,
        in_order=True,
    )


class _Later(Exception):
    """Lines that have an order cannot go on now."""


@dataclass(frozen=True, slots=True)
class _Told:
    """What became of some lines."""

    lines: bytes
    errors: int
    later: bool
    """Whether some were not recorded for now."""


class _Underway:
    """The chunks of one request that are being recorded, told of in their order."""

    def __init__(self, results: IO[bytes], *, in_order: bool) -> None:
        self._results = results
        self._in_order = in_order
        self._most = 1 if in_order else _CHUNKS_AT_ONCE
        self._chunks: deque[asyncio.Task[_Told]] = deque()
        self._taken = self._errors = 0

    def add(self, recording: Coroutine[Any, Any, _Told], last_line: int, then: Callable[[], None]) -> None:
        """Record one more; when that has ended, however it did, call `then`."""
        task = asyncio.create_task(recording)
        task.add_done_callback(lambda _: then())
        self._chunks.append(task)
        self._taken = last_line

    async def make_room(self) -> None:
        """Wait until another may be recorded. Raises _Later and Stopped."""
        while len(self._chunks) >= self._most:
            await self._tell()

    async def end(self) -> None:
        """Wait for all. Raises _Later and Stopped."""
        while self._chunks:
            await self._tell()

    async def settle(self) -> None:
        """Wait for those that are left, and tell of them; whatever came in between."""
        for told in await asyncio.gather(*self._chunks, return_exceptions=True):
            if isinstance(told, _Told) and not self._results.closed:
                self._results.write(told.lines)

    def ending(self, code: str, message: str) -> dict[str, Any]:
        """The last line of an answer that tells of no line: why there are no more, and how many were taken."""
        return {"error": {"code": code, "message": message, "path": None}, "lines": self._taken}

    async def _tell(self) -> None:
        # Shielded: what was handed over is recorded, whoever waits for it or does not.
        told = await asyncio.shield(self._chunks[0])
        self._chunks.popleft()
        await run_in_threadpool(self._results.write, told.lines)
        self._errors += told.errors
        if told.later and self._in_order:
            raise _Later
        if self._errors > MAX_ERRORS:
            raise Stopped(f"More than {MAX_ERRORS} lines were refused; correct those after these, and send them again")


class Ingest(Generic[Item]):
    """Reads lines as they come, and answers with one line for each: what was recorded, or why it was not.

    The answer begins when the request has been read: a client that first sends all would else wait for us to read, and
    we for it. Until then it is kept on disk, so that memory does not grow with the request. What is too much of one ends the
    reading, not what was recorded before: the last line then says how many lines were taken, and why no more.
    """

    def __init__(self, authenticator: Authenticator, intake: Intake[Item], turns: FairQueue) -> None:
        self._authenticator = authenticator
        self._turns = turns
        self._intake = intake
        self._chunks = FairQueue("lines", in_all=_CHUNKS_IN_ALL, per_user=_CHUNKS_AT_ONCE, waiting_per_user=None)

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
        body = Body(request)
        try:
            blocks = while_it_holds(viewer, body)
            lines = unpacked(blocks) if encoding == "gzip" else blocks
            # Whatever it waits for: hundreds of requests that nobody waits for would else wait for their turns.
            await until_gone(body.left(), self._record(viewer, body, lines, results))
        except BaseException:
            results.close()
            raise
        finally:
            await body.close()
        return StreamingResponse(_read_out(results), media_type="application/x-ndjson")

    async def _record(self, viewer: Viewer, body: Body, blocks: AsyncIterator[bytes], results: IO[bytes]) -> None:
        """Record the lines, and tell of each. Raises ClientDisconnect, with those recorded that were handed over."""
        underway = _Underway(results, in_order=self._intake.in_order)
        ending: dict[str, Any] | None = None
        drained_within_s = _DRAINED_WITHIN_S
        try:

            async def others_first() -> None:
                await self._turn(viewer)
                body.check()

            async with aclosing(chunks(without_mark(blocks), others_first)) as found:
                async for lines in found:
                    await underway.make_room()
                    await self._chunks.acquire(viewer.id)
                    underway.add(
                        self._record_chunk(viewer, lines), lines[-1][0], partial(self._chunks.release, viewer.id)
                    )
            await underway.end()
        except _Later:
            ending = underway.ending("OVERLOADED", "The lines after these were not read: send them again.")
            ending["error"]["retryAfterMs"] = _RETRY_AFTER_MS
        except TokenEnded:
            message = "The token ended: the lines after these were not read. Send them again with a new one."
            ending = underway.ending("UNAUTHENTICATED", message)
            drained_within_s = _DRAINED_WITHOUT_TOKEN_S
        except Stopped as stopped:
            ending = underway.ending("LIMIT_EXCEEDED", f"{stopped.message}.")
        except zlib.error as error:
            # What came before it may be recorded already: say so line by line, and then what is wrong.
            ending = underway.ending("INVALID_INPUT", f"gzip: {error}")
        finally:
            # What was handed to the ledger is recorded even if the client has gone.
            await underway.settle()
        if ending is not None:
            results.write(to_json(ending) + b"\n")
            await body.drain(drained_within_s)

    async def _turn(self, viewer: Viewer) -> None:
        """Wait until it is the viewer's turn to keep the event loop busy for some milliseconds."""
        await self._turns.turn(viewer.id, iterations=_ITERATIONS)

    async def _record_chunk(self, viewer: Viewer, lines: Sequence[Line]) -> _Told:
        """What becomes of these lines."""
        outcomes: dict[int, Outcome] = {}
        items: dict[int, Item] = {}
        size = 0
        for number, line in lines:
            size += len(line) + _BYTES_OF_A_LINE
            if size > _BYTES_AT_A_TURN:
                size = 0
                await self._turn(viewer)
            try:
                items[number] = self._read(viewer, line)
            except InvalidInput as refusal:
                outcomes[number] = refusal.kept()
                size += _BYTES_OF_A_REFUSAL
        try:
            recorded: Sequence[Outcome] = await self._intake.record(list(items.values())) if items else []
        except Overloaded as refusal:
            recorded = [refusal] * len(items)
        except (SQLAlchemyError, DatabaseFailure, OSError):
            log.exception("%d lines were not recorded", len(items))
            failure = Overloaded("The database did not answer; send this again.", retry_after_ms=_RETRY_AFTER_MS)
            recorded = [failure] * len(items)
        outcomes |= zip(items, recorded, strict=True)
        refused = [outcome for outcome in outcomes.values() if isinstance(outcome, ExpectedError)]
        return _Told(
            b"".join(to_json(_result(number, outcomes[number])) + b"\n" for number in sorted(outcomes)),
            errors=len(refused),
            later=any(isinstance(each, Overloaded) for each in refused),
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


def _read_out(results: IO[bytes]) -> Iterator[bytes]:
    with results:
        results.seek(0)
        while block := results.read(_BLOCK_BYTES):
            yield block
