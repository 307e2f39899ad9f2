"""Slow, silent and too many clients, over real sockets and with short timeouts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

import httpx2
import pytest
from prometheus_client import REGISTRY
from starlette.applications import Starlette

from server.connection import MAX_HEAD_BYTES, HTTPConnection, _CutWhenUnread
from tests.conftest import serving
from tests.support.api import Api
from tests.support.socket import PATIENCE_S, signed_in

SHORT_S = 0.2
NEVER_S = 600.0
GET = b"GET /healthz HTTP/1.1\r\nHost: router\r\n"


@pytest.fixture(autouse=True)
def _long_timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the timeouts to 600 s, so that none expires. Each test shortens the one that it is about."""
    for name in ("head_timeout_s", "body_timeout_s"):
        monkeypatch.setattr(HTTPConnection, name, NEVER_S)


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def rest(reader: asyncio.StreamReader) -> bytes:
    """All bytes until the server closes the connection."""
    async with asyncio.timeout(PATIENCE_S):
        return await reader.read()


async def answer(reader: asyncio.StreamReader) -> bytes:
    """The status line and headers of the next answer. Its body is read too."""
    async with asyncio.timeout(PATIENCE_S):
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
        await reader.readexactly(int(length.partition(b":")[2]))
        return head


def cut(why: str) -> float:
    return REGISTRY.get_sample_value("router_connections_cut_total", {"why": why}) or 0


@pytest.mark.parametrize("begun", [b"GET /healthz HTTP/1.1\r\nHost: rou", b"GET", b"\r\n"])
async def test_an_incomplete_head_times_out(url: str, monkeypatch: pytest.MonkeyPatch, begun: bytes) -> None:
    monkeypatch.setattr(HTTPConnection, "head_timeout_s", SHORT_S)
    before = cut("slow head")
    async with connected(url) as (reader, writer):
        writer.write(begun)
        assert (await rest(reader)).startswith(b"HTTP/1.1 408 ")
    assert cut("slow head") == before + 1


async def test_a_head_that_comes_byte_by_byte_times_out(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HTTPConnection, "head_timeout_s", SHORT_S)

    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(GET)
        while True:
            writer.write(b"X-More: x\r\n")
            await asyncio.sleep(SHORT_S / 20)

    async with connected(url) as (reader, writer):
        dripping = asyncio.create_task(drip(writer))
        assert (await rest(reader)).startswith(b"HTTP/1.1 408 ")
        dripping.cancel()


async def test_a_silent_connection_times_out(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HTTPConnection, "head_timeout_s", SHORT_S)
    async with connected(url) as (reader, _):
        assert await rest(reader) == b""


async def test_the_head_of_a_second_request_times_out(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with connected(url) as (reader, writer):
        writer.write(GET + b"\r\n")
        assert (await answer(reader)).startswith(b"HTTP/1.1 200 ")
        monkeypatch.setattr(HTTPConnection, "head_timeout_s", SHORT_S)
        writer.write(GET)
        assert (await rest(reader)).startswith(b"HTTP/1.1 408 ")


async def test_a_head_that_is_too_long_is_rejected(url: str) -> None:
    before = cut("long head")
    async with connected(url) as (reader, writer):
        writer.write(GET + b"X-Long: " + b"x" * MAX_HEAD_BYTES)
        with suppress(ConnectionError):  # the connection may be closed before the whole head was read
            assert (await rest(reader)).startswith(b"HTTP/1.1 431 ")
    assert cut("long head") == before + 1
    async with connected(url) as (reader, writer):
        writer.write(GET + b"X-Long: " + b"x" * (MAX_HEAD_BYTES // 2) + b"\r\n\r\n")
        assert (await answer(reader)).startswith(b"HTTP/1.1 200 ")


def posted(path: str, token: str, length: int) -> bytes:
    return (
        f"POST {path} HTTP/1.1\r\nHost: router\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


async def drips(writer: asyncio.StreamWriter, body: bytes, every_s: float) -> None:
    for byte in body:
        writer.write(bytes([byte]))
        await asyncio.sleep(every_s)


async def test_a_body_has_a_total_timeout(url: str, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HTTPConnection, "body_timeout_s", SHORT_S)
    before = cut("slow body")
    async with connected(url) as (reader, writer):
        writer.write(posted("/graphql", token, 1000))
        dripping = asyncio.create_task(drips(writer, b" " * 1000, SHORT_S / 20))
        assert (await rest(reader)).startswith(b"HTTP/1.1 408 ")
        dripping.cancel()
    assert cut("slow body") == before + 1


@pytest.mark.parametrize("path", ["/graphql", "/ingest/decisions"])
async def test_a_client_that_continues_to_send_can_read_its_error(
    url: str, token: str, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(HTTPConnection, "body_timeout_s", SHORT_S)
    async with connected(url) as (reader, writer):
        # given a client that was rejected because its body did not come
        writer.write(posted(path, token, 1_000_000))
        async with asyncio.timeout(PATIENCE_S):
            head = await reader.readuntil(b"\r\n\r\n")
        # when it sends more
        for _ in range(20):
            writer.write(b" " * 1000)
            await writer.drain()
        # then the connection is ended, not reset
        assert head.startswith(b"HTTP/1.1 408 ")
        assert await rest(reader) == b""


async def test_a_stream_of_calls_may_last_long_but_not_be_silent(
    url: str, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HTTPConnection, "body_timeout_s", SHORT_S)
    line = json.dumps({"provider": "openai", "modelUsed": "gpt-4o-mini", "success": True}).encode()
    async with connected(url) as (reader, writer):
        # given a body that takes several times the timeout of other bodies
        writer.write(posted("/ingest/decisions", token, len(line) + 1))
        await drips(writer, line, every_s=5 * SHORT_S / len(line))
        assert not reader.at_eof()
        # when nothing more comes
        assert (await rest(reader)).startswith(b"HTTP/1.1 408 ")


async def test_a_stream_that_the_server_does_not_read_has_a_total_timeout(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HTTPConnection, "body_timeout_s", SHORT_S)
    async with connected(url) as (reader, writer):
        writer.write(posted("/ingest/decisions", "wrong", 1_000_000))
        dripping = asyncio.create_task(drips(writer, b"x" * 1000, SHORT_S / 20))
        assert (await rest(reader)).startswith(b"HTTP/1.1 401 ")
        dripping.cancel()


async def test_an_idle_connection_is_closed(app: Starlette) -> None:
    async with serving(app, keep_alive_s=0) as url, connected(url) as (reader, writer):
        writer.write(GET + b"\r\n")
        assert (await rest(reader)).startswith(b"HTTP/1.1 200 ")


async def test_a_line_break_does_not_keep_a_connection_open(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with connected(url) as (reader, writer):
        writer.write(GET + b"\r\n")
        await answer(reader)
        monkeypatch.setattr(HTTPConnection, "head_timeout_s", SHORT_S)
        writer.write(b"\r\n")
        assert (await rest(reader)).startswith(b"HTTP/1.1 408 ")


async def test_no_timeout_applies_while_an_answer_takes_long(
    url: str, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a stream of events, which is one long answer
    monkeypatch.setattr(HTTPConnection, "head_timeout_s", SHORT_S)
    monkeypatch.setattr(HTTPConnection, "body_timeout_s", SHORT_S)
    headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
    query = {"query": "subscription { analyticsLogged { eventId } }"}
    async with (
        httpx2.AsyncClient(base_url=url, timeout=PATIENCE_S) as client,
        client.stream("POST", "/graphql", json=query, headers=headers) as response,
    ):
        lines = response.aiter_lines()
        await asyncio.sleep(5 * SHORT_S)  # longer than each timeout
        log = 'mutation { logAnalytics(input: {provider: "a", modelUsed: "b", taskType: "c", success: true}) { __typename } }'
        await client.post("/graphql", json={"query": log}, headers=headers | {"Accept": "application/json"})
        assert await anext(lines) == "event: next"


async def test_the_number_of_connections_is_limited(app: Starlette, token: str) -> None:
    before = cut("no room")
    async with serving(app, max_connections=2) as url:
        async with signed_in(url, token), connected(url) as (idle, writer):
            writer.write(GET + b"\r\n")
            assert (await answer(idle)).startswith(b"HTTP/1.1 200 ")
            # the third, while a socket and an idle connection are open
            async with connected(url) as (reader, _):
                assert (await rest(reader)).startswith(b"HTTP/1.1 503 ")
            assert cut("no room") == before + 1
            # and the open ones are still served
            writer.write(GET + b"Connection: close\r\n\r\n")
            assert (await rest(idle)).startswith(b"HTTP/1.1 200 ")
        async with connected(url) as (reader, writer):
            writer.write(GET + b"\r\n")
            assert (await answer(reader)).startswith(b"HTTP/1.1 200 ")


async def test_a_client_that_reads_nothing_is_disconnected(
    app: Starlette, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_CutWhenUnread, "patience_s", SHORT_S)
    before = cut("unread")
    # given calls with 15 KB of metadata, so that an answer of 0.7 MB is fast to compute
    call = {"provider": "p", "modelUsed": "m", "taskType": "t", "success": True, "metadata": {"a": "x" * 15_000}}
    log = "mutation($input: [LogAnalyticsInput!]!) { logAnalyticsBatch(input: $input) { accepted } }"
    body = json.dumps({"query": "{ analytics(first: 100) { nodes { metadata } } }"}).encode()
    async with serving(app) as url, connected(url) as (_, writer):
        async with httpx2.AsyncClient(base_url=url) as client:
            assert await Api(client, token).ask(log, input=[call] * 50) == {"accepted": 50}
        # when they are requested repeatedly, and no answer is read
        with pytest.raises(ConnectionError):
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    writer.write(posted("/graphql", token, len(body)) + body)
                    await writer.drain()
    assert cut("unread") == before + 1


async def test_pipelined_requests_are_not_read_ahead(url: str, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting: list[int] = []
    completed = HTTPConnection.on_response_complete

    def noted(connection: HTTPConnection) -> None:
        waiting.append(len(connection.pipeline))
        completed(connection)

    monkeypatch.setattr(HTTPConnection, "on_response_complete", noted)
    body = json.dumps({"query": "{ viewer { id } }"}).encode()
    async with connected(url) as (reader, writer):
        # when many requests are sent at once
        writer.write((posted("/graphql", token, len(body)) + body) * 2_000)
        heads = [await answer(reader) for _ in range(2_000)]
    # then all are answered, and at most one block was read ahead
    assert {head.split(b"\r\n")[0] for head in heads} == {b"HTTP/1.1 200 OK"}
    assert 0 < max(waiting) < 1_000


async def test_a_websocket_has_no_timeout_for_heads(url: str, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HTTPConnection, "head_timeout_s", 0.05)
    async with signed_in(url, token) as socket:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await socket.connection.wait_closed()
        await socket.send(type="ping")
        assert await socket.receive() == {"type": "pong"}
