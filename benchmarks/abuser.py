"""The abusive client with which the scenarios of `benchmarks.abuses` send their requests."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from benchmarks.workload import User

_PATIENCE_S: Final = 60

Request = Callable[[int], Awaitable[object]]


@dataclass
class Abuser:
    """Sends requests as one user, and accepts every answer: the server should answer most of them with an expected error."""

    port: int
    user: User
    begun: Callable[[], None]
    """A scenario calls this when it is prepared. From then on the waits of others are measured."""
    numbers: Iterator[int] = field(default_factory=itertools.count)
    answers: dict[str, int] = field(default_factory=dict)
    """The number of answers per status."""

    def __post_init__(self) -> None:
        self._client = httpx2.AsyncClient(
            base_url=f"http://127.0.0.1:{self.port}",
            headers={"Authorization": f"Bearer {self.user.token}"},
            timeout=_PATIENCE_S,
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=None),
        )

    async def repeat(self, connections: int, request: Request) -> None:
        """Send requests endlessly, `connections` at a time. Each request gets a different number."""
        self.begun()
        await asyncio.gather(*(self._repeat(request) for _ in range(connections)))

    async def ask(self, query: str, **variables: Any) -> Any:
        """Execute an operation. Returns its data, as far as there is any."""
        response = await self.send("/graphql", {"query": query, "variables": variables})
        with suppress(ValueError, AttributeError):
            return response.json().get("data") if response is not None else None
        return None

    async def send(
        self, path: str, body: object, headers: Mapping[str, str] = {}, *, hang_up_after_s: float | None = None
    ) -> httpx2.Response | None:
        """POST a body: an object as JSON, or bytes unchanged. Returns None if the client hung up or the answer broke off."""
        # Encoded in a thread: otherwise large bodies would be encoded one after another, and fewer would be sent.
        content = body if isinstance(body, bytes) else await asyncio.to_thread(_as_json, body)
        return await self._answer(
            self._client.post(path, content=content, headers={"Content-Type": "application/json", **headers}),
            hang_up_after_s,
        )

    async def get(self, path: str, *, hang_up_after_s: float | None = None) -> httpx2.Response | None:
        """GET this path. Returns None if the client hung up or the answer broke off."""
        return await self._answer(self._client.get(path), hang_up_after_s)

    @asynccontextmanager
    async def socket(self) -> AsyncIterator[ClientConnection]:
        """A WebSocket whose connection_init was acknowledged."""
        address = f"ws://127.0.0.1:{self.port}/graphql"
        async with connect(
            address, subprotocols=[Subprotocol("graphql-transport-ws")], max_size=None, open_timeout=_PATIENCE_S
        ) as socket:
            await socket.send(_as_json({"type": "connection_init", "payload": {"token": self.user.token}}).decode())
            await socket.recv()
            yield socket

    async def subscribe(self, socket: ClientConnection, id_: str, query: str) -> None:
        """Start an operation on a socket."""
        await socket.send(_as_json({"type": "subscribe", "id": id_, "payload": {"query": query}}).decode())

    async def _repeat(self, request: Request) -> None:
        while True:
            await request(next(self.numbers))

    async def _answer(self, asking: Awaitable[httpx2.Response], patience_s: float | None) -> httpx2.Response | None:
        response, said = None, "hung up"
        try:
            async with asyncio.timeout(patience_s):
                response = await asking
                said = str(response.status_code)
        except TimeoutError:
            pass
        except httpx2.TransportError:
            said = "broke off"
        self.answers[said] = self.answers.get(said, 0) + 1
        return response


def _as_json(body: object) -> bytes:
    return json.dumps(body).encode()
