"""Compresses responses of 1 KiB and more with gzip, for clients that accept it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from starlette.datastructures import MutableHeaders
from starlette.middleware.gzip import GZipResponder
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MIN_BYTES: Final = 1024
"""The shortest body that is compressed. A shorter one fits into one packet either way."""
_LEVEL: Final = 5
"""The level of gzip. Higher ones take more time for little: JSON shrinks to about a fifth."""
_THREAD_BYTES: Final = 32 * 1024
"""A longer part is compressed in a thread: on the event loop it would block other requests for more than about a millisecond."""
_COMPRESSED: Final = frozenset(
    {
        b"application/graphql-response+json",
        b"application/javascript",
        b"application/json",
        b"application/x-ndjson",
        b"font/ttf",
        b"image/svg+xml",
        b"text/css",
        b"text/csv",
        b"text/html",
        b"text/javascript",
        b"text/plain",
    }
)
"""The media types that are compressed. Event streams are not: an event must not wait in a compressor."""
_BODILESS: Final = frozenset({204, 206, 304})
"""The statuses of responses without a body, or with a part of one."""
_IDENTITY: Final = "identity"
_CACHED_HEADERS: Final = 64


class Compression:
    """ASGI middleware that compresses, part by part: a streamed response is never held as a whole."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        forward = send

        async def compressed(message: Message) -> None:
            nonlocal forward
            if message["type"] == "http.response.start" and (found := _of(message)).varies:
                if found.is_long and accepted_encoding(scope, ("gzip",)):
                    forward = self._gzip(message, send)
                elif found.vary is None:
                    message["headers"].append((b"vary", b"Accept-Encoding"))
                elif b"accept-encoding" not in message["headers"][found.vary][1].lower():
                    message["headers"][found.vary] = (b"vary", message["headers"][found.vary][1] + b", Accept-Encoding")
            await forward(message)

        await self._app(scope, receive, compressed)

    def _gzip(self, start: Message, send: Send) -> Send:
        """Send the messages of a response that starts with this one, compressed."""
        headers = MutableHeaders(raw=start["headers"])
        # The bytes differ from those without compression, and so does what a range of them means.
        if (tag := headers.get("etag", "")).startswith('"'):
            headers["etag"] = f"W/{tag}"
        del headers["accept-ranges"]
        gzip = GZipResponder(self._app, MIN_BYTES, _LEVEL, thread_minimum_size=_THREAD_BYTES)
        gzip.send = send
        return gzip.send_with_compression  # adds Vary


class _Found(NamedTuple):
    """What the start of a response says of its compression."""

    varies: bool
    """Whether the response is compressed, if it is long enough and the client accepts it."""
    is_long: bool
    """Whether the body may have `MIN_BYTES`: it states no length, or one that is long enough."""
    vary: int | None
    """The index of the Vary header."""


def _of(start: Message) -> _Found:
    # One pass over the headers as they are: the classes for headers take as long as all else that a short response needs.
    varies, is_long, vary = False, True, None
    for index, (name, value) in enumerate(start.get("headers", ())):
        match name.lower():  # not every application writes names in lower case
            case b"content-type":
                varies = _is_compressed(value)
            case b"content-length":
                is_long = int(value) >= MIN_BYTES
            case b"vary":
                vary = index
            case b"content-encoding":
                return _Found(False, is_long, vary)
    return _Found(varies and start["status"] not in _BODILESS, is_long, vary)


@lru_cache(_CACHED_HEADERS)
def _is_compressed(content_type: bytes) -> bool:
    return content_type.partition(b";")[0].strip().lower() in _COMPRESSED


def accepted_encoding(scope: Scope, offered: Sequence[str]) -> str | None:
    """The encoding of the response that the client prefers among these and none; None for none.

    The first of `offered` wins among those that the client likes equally.
    """
    given = b",".join(value for name, value in scope["headers"] if name == b"accept-encoding")
    return _preferred(given.decode("latin-1"), tuple(offered)) if given else None


@lru_cache(_CACHED_HEADERS)
def _preferred(header: str, offered: Sequence[str]) -> str | None:
    weights: dict[str, float] = {}
    for each in header.lower().split(","):
        name, *parameters = (part.strip() for part in each.split(";"))
        weight = next((part.removeprefix("q=") for part in parameters if part.startswith("q=")), "1")
        weights["gzip" if name == "x-gzip" else name] = _weight(weight)
    wild = weights.get("*", 0.0)
    best = max(offered, key=lambda each: weights.get(each, wild))
    liked = weights.get(best, wild)
    # Without a weight of its own, no encoding is the last resort.
    return best if liked > 0 and liked >= weights.get(_IDENTITY, 0.0) else None


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0
