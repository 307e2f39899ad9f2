"""A TCP proxy in front of a database that imitates a failover: open connections hang, new ones work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import make_url


class Proxy:
    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._open: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._accepts = asyncio.Event()
        self._accepts.set()
        self._closed = False

    def freeze(self, *, new: bool = False) -> None:
        """Forward nothing more on open connections, and do not close them. With `new`, freeze new connections too."""
        if new:
            self._accepts.clear()
        for forwarding in self._open:
            forwarding.cancel()
        self._open.clear()

    def thaw(self) -> None:
        """Serve new connections again. Frozen connections stay frozen."""
        self._accepts.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        await self._accepts.wait()
        if self._closed:
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._server)
        except OSError:
            writer.close()
            return
        forwarding = asyncio.create_task(_forward_both(reader, writer, far_reader, far_writer))
        self._open.add(forwarding)
        self._writers.add(far_writer)
        forwarding.add_done_callback(self._open.discard)

    async def close(self) -> None:
        self._closed = True
        self.freeze()
        self.thaw()
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.gather(*(writer.wait_closed() for writer in self._writers), return_exceptions=True)


async def _forward_both(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    far_reader: asyncio.StreamReader,
    far_writer: asyncio.StreamWriter,
) -> None:
    directions = [asyncio.create_task(_forward(reader, far_writer)), asyncio.create_task(_forward(far_reader, writer))]
    try:
        await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError:
        for direction in directions:
            direction.cancel()
        raise
    for each in (writer, far_writer):
        each.close()


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while block := await reader.read(64 * 1024):
            writer.write(block)
            await writer.drain()
    except OSError:
        return


@asynccontextmanager
async def before(url: str) -> AsyncIterator[tuple[Proxy, str]]:
    """Start a proxy in front of the database at this URL. Yields it, and the URL that leads through it."""
    there = make_url(url)
    proxy = Proxy(there.host or "", there.port or 0)
    listening = await asyncio.start_server(proxy.serve, "127.0.0.1")
    port = listening.sockets[0].getsockname()[1]
    try:
        yield proxy, there.set(port=port).render_as_string(hide_password=False)
    finally:
        listening.close()
        await proxy.close()
