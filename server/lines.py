"""The lines of a request's body: unpacked, told apart and counted, with an end to each of these.

Little is kept at a time, however much a body unpacks to, and others have their turn between two blocks of it.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Final

from starlette.requests import ClientDisconnect, Request

from server.auth import TokenEnded
from server.usage_file import BYTE_ORDER_MARK, MAX_LINE_BYTES

MAX_LINES: Final = 1_000_000
"""Of a request, empty ones too."""
MAX_RATIO: Final = 100
"""Of what a body unpacks to, to what was sent of it; past the first `FREE_BYTES`, which any may unpack to."""
FREE_BYTES: Final = 4 * 1024 * 1024
MAX_SECONDS: Final = 900
"""That a request is read for."""
MAX_MEMBERS: Final = 100_000
"""Of gzip, one after the other: each is set up anew."""

_BLOCK_BYTES: Final = 16 * 1024
_CHUNK_LINES: Final = 250
_CHUNK_BYTES: Final = 128 * 1024
_GZIP: Final = 16 + zlib.MAX_WBITS
_SILENCE_S: Final = 0.5

Line = tuple[int, bytes]
"""Its number, from 1, and what is in it."""


class Stopped(Exception):
    """No more of the body is read: what was too much of it."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Body:
    """The blocks of a body, as they come. Somebody listens all the while, and hears when the client goes."""

    def __init__(self, request: Request) -> None:
        self._gone = asyncio.Event()
        self._ends_at = asyncio.get_running_loop().time() + MAX_SECONDS
        self._blocks = asyncio.Queue[bytes | None](1)
        self._listening = asyncio.create_task(self._listen(request))

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        """Raises ClientDisconnect, and Stopped."""
        while (block := await self._blocks.get()) is not None:
            # Of a large one, parts: after each, it is asked whether the client is still there.
            for start in range(0, len(block), _BLOCK_BYTES):
                yield block[start : start + _BLOCK_BYTES]
        self._blocks.put_nowait(None)  # for whoever comes here again
        self.check()

    def check(self) -> None:
        """Whether it is worth going on. Raises ClientDisconnect when nobody waits for an answer any more, and Stopped."""
        if self._gone.is_set():
            raise ClientDisconnect
        if asyncio.get_running_loop().time() > self._ends_at:
            raise Stopped(f"A request takes at most {MAX_SECONDS} s; send the lines after these in another one")

    async def left(self) -> None:
        """Come back once nobody waits for an answer any more."""
        await self._gone.wait()

    async def drain(self, within_s: float) -> None:
        """Read on while more comes, to no purpose: a client that first sends all would not see an answer that comes before."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while not self._gone.is_set() and (await asyncio.wait_for(self._blocks.get(), _SILENCE_S)) is not None:
                    pass

    async def close(self) -> None:
        """Listen no more."""
        self._listening.cancel()
        await asyncio.gather(self._listening, return_exceptions=True)

    async def _listen(self, request: Request) -> None:
        with suppress(ClientDisconnect):
            async for block in request.stream():
                if block:  # the last one may be empty
                    await self._blocks.put(block)
            await self._blocks.put(None)
            while (await request.receive())["type"] != "http.disconnect":
                pass
        self._gone.set()
        await self._blocks.put(None)


async def unpacked(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """What the gzip holds, one member after the other. Raises Stopped, or zlib.error where it is none, or not whole."""
    unpacker = zlib.decompressobj(_GZIP)
    packed = size = members = 0
    async for block in body:
        packed += len(block)
        waiting = block
        while waiting:
            # A little at a time: a small block may unpack to a very large one.
            some = unpacker.decompress(waiting, _BLOCK_BYTES)
            size += len(some)
            if size > max(FREE_BYTES, MAX_RATIO * packed):
                raise Stopped(
                    f"gzip: it unpacks to more than {MAX_RATIO} times its size; at most {FREE_BYTES >> 20} MiB may; send the "
                    "lines after these in another request, packed less"
                )
            yield some
            waiting = unpacker.unconsumed_tail
            if unpacker.eof and unpacker.unused_data:
                members += 1
                if members >= MAX_MEMBERS:
                    raise Stopped(f"gzip: it has more than {MAX_MEMBERS} members; send the lines after these in one")
                waiting, unpacker = unpacker.unused_data, zlib.decompressobj(_GZIP)
    yield unpacker.flush()
    if not unpacker.eof:
        raise zlib.error("the stream ends early")


async def without_mark(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The body without the byte order mark that it may begin with, in however many blocks that comes."""
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
    """The body's lines that are not empty, some at once. Of a line that is too long, what is kept is just too long as well.

    Raises what the body and `pause` raise, which is awaited between blocks, and Stopped: once the lines before are told.
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
            await pause()  # blocks that are unpacked wait for nobody, and so others would
    except (Stopped, TokenEnded, zlib.error) as error:
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
        raise Stopped(f"A request has at most {MAX_LINES} lines; send those after these in another one")
