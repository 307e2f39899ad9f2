"""Slow, silent and too many clients, over real sockets and with short timeouts."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

import httpx2
import pytest
from prometheus_client import REGISTRY
from starlette.applications import Starlette

import server.connection
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


LIMIT = 1024 * 1024  # of a body
# The limit, what one read of the socket may return beyond it, what is read while the client learns of it, and that again.
ACCEPTED_AT_MOST = LIMIT + 3 * 256 * 1024
MUCH = 64 * LIMIT


@pytest.fixture
def accepted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The lengths of the parts that the server reads from its connections."""
    lengths: list[int] = []
    received = HTTPConnection.data_received

    def counted(connection: HTTPConnection, data: bytes) -> None:
        lengths.append(len(data))
        received(connection, data)

    monkeypatch.setattr(HTTPConnection, "data_received", counted)
    return lengths


def chunked(path: str, token: str, *, method: str = "POST", type_: str = "application/json") -> bytes:
    return (
        f"{method} {path} HTTP/1.1\r\nHost: router\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: {type_}\r\nTransfer-Encoding: chunked\r\n\r\n"
    ).encode()


async def sends_much(writer: asyncio.StreamWriter, *, in_chunks: bool) -> int:
    """Send a body of 64 MiB, and return how much of it could be sent before the server ended the connection."""
    block = b" " * 65_536
    sent = 0
    with suppress(ConnectionError):
        while sent < MUCH:
            writer.write(b"10000\r\n" + block + b"\r\n" if in_chunks else block)
            await writer.drain()
            sent += len(block)
    return sent


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (lambda token: chunked("/graphql", token), b"413"),
        (lambda token: posted("/graphql", token, MUCH), b"413"),
        (lambda _: chunked("/graphql", "wrong"), b"401"),
        (lambda token: chunked("/graphql", token, type_="text/plain"), b"415"),
        (lambda token: chunked("/graphql", token, method="PUT"), b"405"),
        (lambda token: chunked("/graphql?query={__typename}", token, method="GET"), b"200"),
        (lambda _: chunked("/ingest/decisions", "wrong"), b"401"),
        (lambda _: posted("/ingest/amendments", "wrong", MUCH), b"401"),
        (lambda token: chunked("/nothing", token), b"404"),
        (lambda token: posted("/healthz", token, MUCH), b"405"),
    ],
)
async def test_a_long_body_that_is_refused_is_read_no_further(
    url: str,
    token: str,
    accepted: list[int],
    head: Callable[[str], bytes],
    status: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server.connection, "_LINGER_S", SHORT_S)
    before = cut("long body")
    # given a small request before it on the connection, which is served and leaves it open
    body = b'{"query": "{ viewer { __typename } }"}'
    async with connected(url) as (reader, writer):
        writer.write(posted("/graphql", token, len(body)) + body)
        assert (await answer(reader)).startswith(b"HTTP/1.1 200 ")
        del accepted[:]
        # when a client sends 64 MiB, and another request behind, and reads all the while
        request = head(token)
        writer.write(request)
        sending = asyncio.create_task(sends_much(writer, in_chunks=b"chunked" in request))
        refusal = await rest(reader)
        sent = await sending
    # then it reads one answer, which says that the connection ends, and the server has read little beyond the limit
    assert refusal.startswith(b"HTTP/1.1 " + status + b" ")
    assert refusal.count(b"HTTP/1.1 ") == 1
    assert refusal.lower().count(b"\r\nconnection: close\r\n") == 1
    assert sum(accepted) <= ACCEPTED_AT_MOST
    assert sent < MUCH
    assert cut("long body") == before + 1


async def test_requests_that_were_sent_ahead_of_a_long_body_are_served_and_those_behind_are_not(
    url: str, token: str
) -> None:
    small = b'{"query": "{ viewer { __typename } }"}'
    one = posted("/graphql", token, len(small)) + small
    long = (
        chunked("/graphql", token) + b"".join(b"10000\r\n" + b" " * 65_536 + b"\r\n" for _ in range(20)) + b"0\r\n\r\n"
    )
    async with connected(url) as (reader, writer):
        writer.write(one + one + long + one * 3)
        received = await rest(reader)
    assert re.findall(rb"HTTP/1.1 (\d+)", received) == [b"200", b"200", b"413"]
    assert received.lower().count(b"\r\nconnection: close\r\n") == 1


@pytest.mark.parametrize("in_chunks", [False, True])
async def test_a_body_that_is_read_to_its_end_leaves_the_connection_open(url: str, token: str, in_chunks: bool) -> None:
    # given bodies longer than are read after a refusal, which are served
    body = b'{"query": "{ viewer { __typename } }", "extensions": {"x": "%s"}}' % (b"x" * 500_000)
    framed = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    async with connected(url) as (reader, writer):
        for _ in range(3):
            writer.write(
                chunked("/graphql", token) + framed if in_chunks else posted("/graphql", token, len(body)) + body
            )
            head = await answer(reader)
            assert head.startswith(b"HTTP/1.1 200 ")
            assert b"connection: close" not in head.lower()
        # and a short body that is refused unread
        writer.write(posted("/graphql", "wrong", 1_000))
        assert (await answer(reader)).startswith(b"HTTP/1.1 401 ")
        writer.write(b" " * 1_000 + posted("/graphql", token, len(body)) + body)
        assert (await answer(reader)).startswith(b"HTTP/1.1 200 ")


async def test_a_client_that_only_sends_reads_the_refusal_of_what_was_too_long(url: str, token: str) -> None:
    # given a client that sends all before it reads anything, a little more than it may
    address = urlsplit(url)

    def sends_all_first() -> bytes:
        with socket.create_connection((address.hostname or "", address.port or 0), timeout=PATIENCE_S) as plain:
            plain.sendall(chunked("/graphql", token))
            for _ in range(18):
                plain.sendall(b"10000\r\n" + b" " * 65_536 + b"\r\n")
            plain.sendall(b"0\r\n\r\n")
            return plain.recv(65_536)

    assert (await asyncio.to_thread(sends_all_first)).startswith(b"HTTP/1.1 413 ")
