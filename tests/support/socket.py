"""A client of the graphql-transport-ws protocol over a real socket."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

PATIENCE_S = 10


class Socket:
    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def send(self, **message: Any) -> None:
        await self.connection.send(json.dumps(message))

    async def receive(self) -> dict[str, Any]:
        """The next message of any type. Fails after PATIENCE_S seconds."""
        async with asyncio.timeout(PATIENCE_S):
            message: dict[str, Any] = json.loads(await self.connection.recv())
        return message

    async def start(self, query: str, *, operation: str = "1", **variables: Any) -> None:
        """Start an operation."""
        await self.send(id=operation, type="subscribe", payload={"query": query, "variables": variables})

    async def subscribe(self, query: str, *, operation: str = "1", **variables: Any) -> None:
        """Start a subscription and wait until it receives events.

        The server starts operations in order: once a later one is answered, the subscription receives events.
        """
        await self.start(query, operation=operation, **variables)
        for _ in range(2):
            await self.start("{ preferences { id } }", operation="after")
            message = await self.receive()
            assert (message["id"], message["type"]) == ("after", "next"), message
            assert (await self.receive())["type"] == "complete"

    async def next(self) -> Any:
        """The value of the one root field of the next event."""
        message = await self.receive()
        assert message["type"] == "next", message
        assert "errors" not in message["payload"], message
        return next(iter(message["payload"]["data"].values()))

    async def close_code(self) -> int | None:
        """Wait until the server closes the connection. Returns the close code."""
        async with asyncio.timeout(PATIENCE_S):
            await self.connection.wait_closed()
        return self.connection.close_code


@asynccontextmanager
async def opened(url: str, *, small: bool = False, **init: Any) -> AsyncIterator[Socket]:
    """A socket that has sent connection_init. A `small` one has a receive buffer of 64 KiB."""
    address = urlsplit(url)
    # Named, so that asyncio turns off the delay of small packets (TCP_NODELAY).
    plain = socket.socket(proto=socket.IPPROTO_TCP)
    if small:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    plain.connect((address.hostname, address.port))
    async with connect(
        f"{url.replace('http', 'ws', 1)}/graphql", sock=plain, subprotocols=[Subprotocol("graphql-transport-ws")]
    ) as connection:
        opened = Socket(connection)
        await opened.send(type="connection_init", payload=init)
        yield opened


@asynccontextmanager
async def signed_in(url: str, token: str, *, small: bool = False) -> AsyncIterator[Socket]:
    """A socket whose connection_init the server has acknowledged."""
    async with opened(url, small=small, Authorization=f"Bearer {token}") as acknowledged:
        assert (await acknowledged.receive())["type"] == "connection_ack"
        yield acknowledged
