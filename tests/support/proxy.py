"""A proxy before a database, as a failover leaves it: what was open stays open and says nothing, what is new works."""

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
        self._takes_new = asyncio.Event()
        self._takes_new.set()
        self._closed = False

    def freeze(self, *, new: bool = False) -> None:
        """Carry nothing more in either direction, and close nothing, on what is open; with `new`, on what is to come too."""
        if new:
            self._takes_new.clear()
        for carrying in self._open:
            carrying.cancel()
        self._open.clear()

    def thaw(self) -> None:
        """Serve new connections again. Those that are frozen stay so."""
        self._takes_new.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        await self._takes_new.wait()
        if self._closed:
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._server)
        except OSError:
            writer.close()
            return
        carrying = asyncio.create_task(_carry_both(reader, writer, far_reader, far_writer))
        self._open.add(carrying)
        self._writers.add(far_writer)
        carrying.add_done_callback(self._open.discard)

    async def close(self) -> None:
        self._closed = True
        self.freeze()
        self.thaw()
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.gather(*(writer.wait_closed() for writer in self._writers), return_exceptions=True)


async def _carry_both(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    far_reader: asyncio.StreamReader,
    far_writer: asyncio.StreamWriter,
) -> None:
    ways = [asyncio.create_task(_carry(reader, far_writer)), asyncio.create_task(_carry(far_reader, writer))]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError:
        for way in ways:
            way.cancel()
        raise
    for each in (writer, far_writer):
        each.close()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while block := await reader.read(64 * 1024):
            writer.write(block)
            await writer.drain()
    except OSError:
        return


@asynccontextmanager
async def before(url: str) -> AsyncIterator[tuple[Proxy, str]]:
    """A proxy before the database at this URL, and the URL to reach it through the proxy."""
    there = make_url(url)
    proxy = Proxy(there.host or "", there.port or 0)
    listening = await asyncio.start_server(proxy.serve, "127.0.0.1")
    port = listening.sockets[0].getsockname()[1]
    try:
        yield proxy, there.set(port=port).render_as_string(hide_password=False)
    finally:
        listening.close()
        await proxy.close()
