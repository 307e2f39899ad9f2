"""A client of a running server, for the command line."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Any, Final, Self

import httpx2
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

_TIMEOUT_S: Final = 30
_PROTOCOL: Final = Subprotocol("graphql-transport-ws")
_ALERTS: Final = """
subscription Watch($after: String) {
  alertTriggered(after: $after) { cursor level amount threshold windowStart firedAt alert { alertType } }
}
"""


class ServerError(Exception):
    """The server did not answer, or answered with an error. The message says which."""


class Client:
    """A client of the API for one user."""

    def __init__(self, url: str, token: str) -> None:
        """Raises ServerError when the URL is invalid."""
        self._url = url
        self._token = token
        try:
            self._http = httpx2.AsyncClient(
                base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=_TIMEOUT_S
            )
        except httpx2.InvalidURL as error:
            raise ServerError(f"{url} is not a valid URL: {error}") from None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def answer(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        """Execute an operation and return the response with its errors. Raises ServerError when the server does not answer."""
        try:
            response = await self._http.post("/graphql", json={"query": query, "variables": variables})
            answer: dict[str, Any] = response.json()
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
            raise self._no_answer(error) from None
        return answer

    async def ask(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        """Execute an operation and return its data. Raises ServerError when the response has errors."""
        answer = await self.answer(query, variables)
        if errors := answer.get("errors"):
            raise ServerError(errors[0]["message"])
        data: dict[str, Any] = answer["data"]
        return data

    async def alerts(self, after: str | None) -> AsyncIterator[dict[str, Any]]:
        """Yield the alert events after the cursor, then each new one. Raises ServerError when the server ends the stream."""
        operation = {"query": _ALERTS, "variables": {} if after is None else {"after": after}}
        sign_in = {"type": "connection_init", "payload": {"Authorization": f"Bearer {self._token}"}}
        try:
            async with connect(f"{self._url.replace('http', 'ws', 1)}/graphql", subprotocols=[_PROTOCOL]) as socket:
                await socket.send(json.dumps(sign_in))
                async for text in socket:
                    message = json.loads(text)
                    if message["type"] == "connection_ack":
                        await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": operation}))
                    elif message["type"] in {"next", "error"}:
                        yield _event(message)
                raise ServerError(f"the server closed the stream: {socket.close_code} {socket.close_reason}")
        except (OSError, InvalidHandshake, ConnectionClosed) as error:
            raise self._no_answer(error) from None

    async def export(self, parameters: Mapping[str, str]) -> AsyncIterator[bytes]:
        """Yield the export of the user's calls in blocks. Raises ServerError when it fails or is incomplete."""
        try:
            async with self._http.stream("GET", "/export/analytics", params=dict(parameters)) as response:
                if response.is_error:
                    raise _error_of(await response.aread())
                async for block in response.aiter_bytes():
                    yield block
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise self._no_answer(error) from None

    def _no_answer(self, error: Exception) -> ServerError:
        return ServerError(f"the server at {self._url} did not answer: {error}")


def _error_of(body: bytes) -> ServerError:
    try:
        message: str = json.loads(body)["errors"][0]["message"]
    except (ValueError, LookupError, TypeError):
        message = "the server answered with an error"
    return ServerError(message)


def _event(message: dict[str, Any]) -> dict[str, Any]:
    payload = message["payload"]
    if errors := payload if message["type"] == "error" else payload.get("errors"):
        raise ServerError(errors[0]["message"])
    event: dict[str, Any] = payload["data"]["alertTriggered"]
    return event
