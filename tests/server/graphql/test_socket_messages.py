"""Messages of graphql-transport-ws: any JSON value at any position is answered by the protocol, never by a broken socket."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Final

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.support.socket import Socket, signed_in

ABSENT: Final = object()
VALUES: Final[list[Any]] = [
    ABSENT,
    None,
    True,
    False,
    0,
    -1.5,
    10**400,
    "",
    "x",
    "\U0001f600\x00\u202e",
    "query",
    "x" * 1_000,
    [],
    ["subscribe"],
    [[]],
    {},
    {"query": "{ viewer { id } }"},
    {"": []},
]
QUERY: Final = "{ viewer { __typename } }"
SUBSCRIBE: Final[dict[str, Any]] = {"type": "subscribe", "id": "1", "payload": {"query": QUERY}}
COMPLETE: Final = {"type": "complete", "id": "1"}


def absent_or_null(value: Any) -> bool:
    return value is ABSENT or value is None


def is_object(value: Any) -> bool:
    return isinstance(value, dict)


def is_optional_object(value: Any) -> bool:
    return absent_or_null(value) or is_object(value)


def is_id(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 64


# A message, the position of a value in it, and whether the protocol allows the value there.
POSITIONS: Final[dict[str, tuple[dict[str, Any], tuple[str, ...], Callable[[Any], bool]]]] = {
    "type": (SUBSCRIBE, ("type",), lambda _: False),
    "subscribe.id": (SUBSCRIBE, ("id",), is_id),
    "subscribe.payload": (SUBSCRIBE, ("payload",), lambda value: is_object(value) and "query" in value),
    "subscribe.payload.query": (SUBSCRIBE, ("payload", "query"), lambda value: isinstance(value, str)),
    "subscribe.payload.operationName": (
        SUBSCRIBE,
        ("payload", "operationName"),
        lambda value: absent_or_null(value) or isinstance(value, str),
    ),
    "subscribe.payload.variables": (SUBSCRIBE, ("payload", "variables"), is_optional_object),
    "subscribe.payload.extensions": (SUBSCRIBE, ("payload", "extensions"), is_optional_object),
    "complete.id": (COMPLETE, ("id",), is_id),
    "complete.payload": (COMPLETE, ("payload",), is_optional_object),
    "ping.payload": ({"type": "ping"}, ("payload",), is_optional_object),
    "pong.payload": ({"type": "pong"}, ("payload",), is_optional_object),
}


def with_value(message: dict[str, Any], position: tuple[str, ...], value: Any) -> dict[str, Any]:
    """The message with this value at the position."""
    first, *rest = position
    if rest:
        return message | {first: with_value(message[first], tuple(rest), value)}
    return {key: each for key, each in (message | {first: value}).items() if each is not ABSENT}


async def outcome(socket: Socket) -> str | int:
    """`served` if the socket answers a ping, whatever came before; otherwise the code that the socket is closed with."""
    with suppress(ConnectionClosed):
        await socket.send(type="ping")
    while socket.connection.close_code is None:
        try:
            message = await socket.receive()
        except ConnectionClosed:
            break
        if message["type"] == "pong":
            return "served"
    return await socket.close_code() or 0


@pytest.fixture(autouse=True)
def _nothing_fails(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No test here may cause an unexpected error in the server."""
    yield
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


async def answered(url: str, token: str, text: str | bytes) -> str | int:
    """What a signed-in socket does after this message."""
    async with signed_in(url, token) as socket:
        await socket.connection.send(text)
        return await outcome(socket)


async def closed(url: str, *texts: str) -> int | None:
    """The code that a new socket is closed with after these messages."""
    address = f"{url.replace('http', 'ws', 1)}/graphql"
    async with connect(address, subprotocols=[Subprotocol("graphql-transport-ws")]) as connection:
        for text in texts:
            await connection.send(text)
        return await Socket(connection).close_code()


async def test_any_value_at_any_position_is_served_or_closed_with_4400(url: str, token: str) -> None:
    for message, path, allowed in POSITIONS.values():
        texts = [json.dumps(with_value(message, path, value)) for value in VALUES]
        outcomes = await asyncio.gather(*(answered(url, token, text) for text in texts))
        expected = ["served" if allowed(value) else 4400 for value in VALUES]
        assert dict(zip(texts, outcomes, strict=True)) == dict(zip(texts, expected, strict=True))


async def test_any_value_as_a_message_is_closed_with_4400(url: str, token: str) -> None:
    texts = [json.dumps(value) for value in VALUES if value is not ABSENT]
    outcomes = await asyncio.gather(*(answered(url, token, text) for text in texts))
    assert dict(zip(texts, outcomes, strict=True)) == dict.fromkeys(texts, 4400)


@pytest.mark.parametrize("path", [("payload",), ("payload", "Authorization"), ("payload", "TOKEN")])
async def test_any_value_in_connection_init_is_closed_with_a_code_of_the_protocol(
    url: str, path: tuple[str, ...]
) -> None:
    init = {"type": "connection_init", "payload": {}}
    texts = [json.dumps(with_value(init, path, value)) for value in VALUES]
    codes = await asyncio.gather(*(closed(url, text) for text in texts))
    expected = [4403 if len(path) > 1 or is_optional_object(value) else 4400 for value in VALUES]
    assert dict(zip(texts, codes, strict=True)) == dict(zip(texts, expected, strict=True))


async def test_any_type_before_connection_init_is_closed_with_4400(url: str) -> None:
    texts = [json.dumps(with_value({}, ("type",), value)) for value in VALUES]
    codes = await asyncio.gather(*(closed(url, text) for text in texts))
    assert dict(zip(texts, codes, strict=True)) == dict.fromkeys(texts, 4400)


async def test_an_id_in_use_is_closed_with_4409_however_many_bytes_it_has(url: str, token: str) -> None:
    async def twice(id_: str) -> int | None:
        async with signed_in(url, token) as socket:
            for _ in range(2):
                await socket.start("subscription { preferencesChanged { id } }", operation=id_)
            return await socket.close_code()

    ids = [character * 64 for character in ("x", "\u00e9", "\u20ac", "\U0001f600", "\x00", '"')]
    assert await asyncio.gather(*map(twice, ids)) == [4409] * len(ids)


async def test_messages_after_one_that_closes_the_socket_change_nothing(url: str, token: str) -> None:
    # given messages that arrive together: all but the first after the close frame was sent
    bad = ['{"type": []}', '{"type": {}}', "no JSON", json.dumps(SUBSCRIBE), '{"type": "ping"}']
    async with signed_in(url, token) as socket:
        for text in bad:
            await socket.connection.send(text)
        assert await socket.close_code() == 4400
    assert await closed(url, *bad) == 4400


async def test_a_message_of_bytes_or_of_broken_text_has_a_code_too(url: str, token: str) -> None:
    assert await answered(url, token, b'{"type": "ping"}') == 4400
    async with signed_in(url, token) as socket:
        await socket.connection.send(b'{"type": "\xff"}', text=True)
        assert await socket.close_code() == 1007  # as RFC 6455 defines it


async def test_a_refused_socket_disturbs_no_other(url: str, token: str) -> None:
    async with signed_in(url, token) as kept:
        assert await answered(url, token, '{"type": []}') == 4400
        await kept.start(QUERY)
        assert (await kept.receive())["payload"] == {"data": {"viewer": {"__typename": "Viewer"}}}
