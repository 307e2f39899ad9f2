"""Decompresses the body of a request and splits it into lines, with limits on time, size and number of lines.

Memory use does not depend on the decompressed size. Other requests have their turn between two blocks.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Final

from starlette.requests import ClientDisconnect, Request

from server.auth import TokenExpired
from server.usage_file import BYTE_ORDER_MARK, MAX_LINE_BYTES

MAX_LINES: Final = 1_000_000
"""The most lines of a request, including empty ones."""
MAX_RATIO: Final = 100
"""The highest compression ratio of a body that decompresses to more than `FREE_BYTES`."""
FREE_BYTES: Final = 4 * 1024 * 1024
MAX_SECONDS: Final = 900
"""How long a request may take to read, in seconds."""
MAX_MEMBERS: Final = 100_000
"""The most members of a gzip stream. Each one needs a decompressor of its own."""

_BLOCK_BYTES: Final = 16 * 1024
_CHUNK_LINES: Final = 250
_CHUNK_BYTES: Final = 128 * 1024
_GZIP: Final = 16 + zlib.MAX_WBITS
_SILENCE_S: Final = 0.5

Line = tuple[int, bytes]
"""The number of a line, starting at 1, and its bytes."""


class Stopped(Exception):
    """The body exceeds a limit and is not read further. The message names the limit and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Body:
    """The blocks of a request's body as they arrive. A background task reads them and notices when the client disconnects."""

    def __init__(self, request: Request) -> None:
        self._gone = asyncio.Event()
        self._ends_at = asyncio.get_running_loop().time() + MAX_SECONDS
        self._blocks = asyncio.Queue[bytes | None](1)
        self._reading = asyncio.create_task(self._read_body(request))

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        """Yield blocks of at most 16 KiB. Raises ClientDisconnect and Stopped."""
        while (block := await self._blocks.get()) is not None:
            # A large block is yielded in parts: the caller calls `check` after each.
            for start in range(0, len(block), _BLOCK_BYTES):
                yield block[start : start + _BLOCK_BYTES]
        self._blocks.put_nowait(None)  # ends the next iteration too
        self.check()

    def check(self) -> None:
        """Raises ClientDisconnect when the client has disconnected, and Stopped when reading took too long."""
        if self._gone.is_set():
            raise ClientDisconnect
        if asyncio.get_running_loop().time() > self._ends_at:
            raise Stopped(f"A request takes at most {MAX_SECONDS} s; send the lines after these in another request")

    async def left(self) -> None:
        """Wait until the client disconnects."""
        await self._gone.wait()

    async def drain(self, within_s: float) -> None:
        """Read and drop the rest of the body, for at most `within_s` seconds.

        Many clients read a response only after they have sent the whole body.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while not self._gone.is_set() and (await asyncio.wait_for(self._blocks.get(), _SILENCE_S)) is not None:
                    pass

    async def close(self) -> None:
        """Stop reading."""
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)

    async def _read_body(self, request: Request) -> None:
        with suppress(ClientDisconnect):
            async for block in request.stream():
                if block:  # the last block may be empty
                    await self._blocks.put(block)
            await self._blocks.put(None)
            while (await request.receive())["type"] != "http.disconnect":
                pass
        self._gone.set()
        await self._blocks.put(None)


async def decompressed(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Decompress a gzip stream of one or more members.

    Raises Stopped at a limit, and zlib.error when the stream is invalid or incomplete.
    """
    unpacker = zlib.decompressobj(_GZIP)
    packed = size = members = 0
    async for block in body:
        packed += len(block)
        waiting = block
        while waiting:
            # In small parts: a short block may decompress to a very long one.
            some = unpacker.decompress(waiting, _BLOCK_BYTES)
            size += len(some)
            if size > max(FREE_BYTES, MAX_RATIO * packed):
                raise Stopped(
                    f"gzip: the compression ratio exceeds {MAX_RATIO}, which is allowed for the first {FREE_BYTES >> 20} MiB "
                    "only; send the lines after these in another request, less compressed"
                )
            yield some
            waiting = unpacker.unconsumed_tail
            if unpacker.eof and unpacker.unused_data:
                members += 1
                if members >= MAX_MEMBERS:
                    raise Stopped(
                        f"gzip: more than {MAX_MEMBERS} members; send the lines after these in a single member"
                    )
                waiting, unpacker = unpacker.unused_data, zlib.decompressobj(_GZIP)
    yield unpacker.flush()
    if not unpacker.eof:
        raise zlib.error("the stream ends early")


async def without_mark(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The body without its byte order mark, if it has one. The mark may be split over several blocks."""
    begin: bytes | None = b""
    async for block in body:
        if begin is None:
            yield block
        elif len(begin := begin + block) >= len(BYTE_ORDER_MARK):
            yield begin.removeprefix(BYTE_ORDER_MARK)
            begin = None
    if begin:
        yield begin


async def chunks(body: AsyncIterator[bytes], pause: Callable[[], Awaitable[None]]) -> AsyncGenerator[list[Line]]:
    """Yield the lines of the body in chunks, without empty lines. A line that is too long is cut to the limit plus one byte.

    `pause` is awaited between blocks. Raises Stopped and what the body and `pause` raise, after yielding the lines before.
    """
    lines: list[Line] = []
    size, number, rest = 0, 0, b""
    failure: Exception | None = None
    try:
        async for block in body:
            *whole, rest = (rest + block).split(b"\n")
            rest = rest[: MAX_LINE_BYTES + 1]
            for line in whole:
                number += 1
                _check_count(number)
                if line and not line.isspace():
                    lines.append((number, line))
                    size += len(line)
                    if len(lines) >= _CHUNK_LINES or size >= _CHUNK_BYTES:
                        yield lines
                        lines, size = [], 0
            await pause()  # decompressed blocks are available at once: without a pause, other requests would wait
    except (Stopped, TokenExpired, zlib.error) as error:
        failure = error
    if failure is None and rest.strip():
        lines.append((number + 1, rest))
    if lines:
        yield lines
    if failure is not None:
        raise failure


def _check_count(lines: int) -> None:
    """Raises Stopped."""
    if lines > MAX_LINES:
        raise Stopped(f"A request has at most {MAX_LINES} lines; send the lines after these in another request")
