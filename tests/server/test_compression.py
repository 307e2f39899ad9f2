"""Compression of responses: which, by what, for whom, and that nothing waits for it."""

from __future__ import annotations

import gzip
import json
import threading
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from graphql import get_introspection_query
from starlette.middleware.gzip import GZipResponder
from starlette.types import Message, Receive, Scope, Send

import server.web
from server.app import create_app
from server.compression import MIN_BYTES, Compression, accepted_encoding
from server.settings import Settings
from tests.support.api import Api

LOG = "mutation($input: [LogAnalyticsInput!]!) { logAnalyticsBatch(input: $input) { accepted } }"
CALL = {"provider": "openai", "modelUsed": "m", "taskType": "chat", "success": True, "metadata": {"a": "b" * 100}}
LONG = get_introspection_query()
SHORT = "{ viewer { __typename } }"
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("header", "gzip_alone", "both"),
    [
        (None, None, None),
        ("", None, None),
        ("gzip", "gzip", "gzip"),
        ("GZip", "gzip", "gzip"),
        ("x-gzip", "gzip", "gzip"),
        ("gzip, deflate, br, zstd", "gzip", "br"),
        ("br", None, "br"),
        ("deflate, zstd", None, None),
        ("gzip;q=0", None, None),
        ("gzip;q=0.0, br;q=0.000", None, None),
        ("gzip ; q=0.001", "gzip", "gzip"),
        ("gzip;q=1.0, br;q=0.5", "gzip", "gzip"),
        ("gzip;q=0.5, br;q=0.5", "gzip", "br"),
        ("*", "gzip", "br"),
        ("*;q=0", None, None),
        ("gzip;q=0, *", None, "br"),
        ("*;q=0, gzip", "gzip", "gzip"),
        ("identity", None, None),
        ("identity, gzip;q=0.5", None, None),
        ("identity;q=0.5, gzip;q=1", "gzip", "gzip"),
        ("identity, gzip", "gzip", "gzip"),
        ("identity;q=0", None, None),
        ("identity;q=0, *", "gzip", "br"),
        ("gzip;q=x", None, None),
        ("gzip;q=nan", None, None),
        ("gzip;q=inf", None, None),
        ("gzip;q=-1", None, None),
        ("gzip;q=", None, None),
        ("not-gzip", None, None),
        (",,gzip,;q=1,", "gzip", "gzip"),
    ],
)
def test_the_encoding_that_a_client_prefers(header: str | None, gzip_alone: str | None, both: str | None) -> None:
    scope: Scope = {"headers": [] if header is None else [(b"accept-encoding", header.encode())]}
    assert accepted_encoding(scope, ("gzip",)) == gzip_alone
    assert accepted_encoding(scope, ("br", "gzip")) == both


def test_a_header_that_is_repeated_is_one_list() -> None:
    scope: Scope = {"headers": [(b"accept-encoding", b"br"), (b"accept-encoding", b"gzip;q=0.5")]}
    assert accepted_encoding(scope, ("gzip",)) == "gzip"


async def raw(client: httpx2.AsyncClient, method: str, path: str, **more: Any) -> tuple[httpx2.Response, bytes]:
    """The response, and its body as it was sent."""
    async with client.stream(method, path, **more) as response:
        return response, b"".join([part async for part in response.aiter_raw()])


def vary(response: httpx2.Response) -> set[str]:
    return {each.strip().lower() for each in response.headers.get("vary", "").split(",")}


@pytest.fixture
def http(client: httpx2.AsyncClient, token: str) -> httpx2.AsyncClient:
    client.headers["Authorization"] = f"Bearer {token}"
    client.headers["Accept-Encoding"] = "gzip"
    return client


async def test_a_long_answer_is_compressed_and_is_the_same(http: httpx2.AsyncClient) -> None:
    plain, text = await raw(http, "POST", "/graphql", json={"query": LONG}, headers={"Accept-Encoding": "identity"})
    packed, data = await raw(http, "POST", "/graphql", json={"query": LONG})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) == len(data)
    assert len(data) < len(text) / 4
    assert gzip.decompress(data) == text
    for response in (plain, packed):
        assert {"accept", "accept-encoding", "origin"} == vary(response)


async def test_answers_from_1_kib_on_are_compressed(http: httpx2.AsyncClient) -> None:
    def of_size(size: int) -> dict[str, str]:
        alias = "a" * (size - len('{"data":{"":{"__typename":"Viewer"}}}'))
        return {"query": f"{{ {alias}: viewer {{ __typename }} }}"}

    for size, encoding in ((50, None), (MIN_BYTES - 1, None), (MIN_BYTES, "gzip")):
        response, data = await raw(http, "POST", "/graphql", json=of_size(size))
        assert response.headers.get("content-encoding") == encoding
        assert len(gzip.decompress(data) if encoding else data) == size
        assert "accept-encoding" in vary(response)


async def test_errors_are_compressed_too(http: httpx2.AsyncClient) -> None:
    wrong = "{ " + " ".join("x" * 200 + str(number) for number in range(8)) + " }"
    accept = {"Accept": "application/graphql-response+json"}
    response, data = await raw(http, "POST", "/graphql", json={"query": wrong}, headers=accept)
    assert (response.status_code, response.headers["content-encoding"]) == (400, "gzip")
    assert len(json.loads(gzip.decompress(data))["errors"]) == 8
    assert vary(response) == {"accept", "accept-encoding", "origin"}


@pytest.mark.parametrize("accepted", ["gzip;q=0", "identity", "br", "*;q=0", "identity;q=0"])
async def test_who_does_not_accept_it_gets_it_as_it_is(http: httpx2.AsyncClient, accepted: str) -> None:
    for method, path, more in (
        ("POST", "/graphql", {"json": {"query": LONG}}),
        ("GET", "/metrics/", {}),
        ("GET", "/export/analytics", {}),
    ):
        response, _ = await raw(http, method, path, headers={"Accept-Encoding": accepted}, **more)
        assert response.status_code == 200
        assert "content-encoding" not in response.headers


async def test_exports_and_lines_are_compressed_as_they_stream(http: httpx2.AsyncClient, live_api: Api) -> None:
    assert await live_api.ask(LOG, input=[CALL] * 600) == {"accepted": 600}
    for path in ("/export/analytics", "/export/analytics?format=csv"):
        _, text = await raw(http, "GET", path, headers={"Accept-Encoding": "identity"})
        packed, data = await raw(http, "GET", path)
        assert (packed.headers["content-encoding"], packed.headers.get("content-length")) == ("gzip", None)
        assert gzip.decompress(data) == text
        assert len(data) < len(text) / 4
    lines = b"\n".join([json.dumps(CALL).encode()] * 600)
    response, data = await raw(http, "POST", "/ingest/decisions", content=lines)
    assert response.headers["content-encoding"] == "gzip"
    assert len(gzip.decompress(data).splitlines()) == 600


async def test_metrics_are_compressed_once(http: httpx2.AsyncClient) -> None:
    response, data = await raw(http, "GET", "/metrics/")
    assert response.headers["content-encoding"] == "gzip"
    assert b"router_http_request_seconds" in gzip.decompress(data)


async def test_event_streams_are_never_compressed(http: httpx2.AsyncClient) -> None:
    response, data = await raw(http, "POST", "/graphql", json={"query": LONG}, headers={"Accept": "text/event-stream"})
    assert "content-encoding" not in response.headers
    assert data.startswith(b"event: next\ndata: {")


async def test_a_long_answer_is_compressed_off_the_event_loop(
    http: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_loop: list[bool] = []
    compress = GZipResponder._compress_body

    def noted(responder: GZipResponder, body: bytes, more_body: bool) -> bytes:
        on_loop.append(threading.current_thread() is threading.main_thread())
        return compress(responder, body, more_body)

    monkeypatch.setattr(GZipResponder, "_compress_body", noted)
    await raw(http, "POST", "/graphql", json={"query": LONG})
    assert on_loop == [False]


async def test_a_stream_is_forwarded_part_by_part() -> None:
    sent: list[bytes] = []
    seen: list[bytes] = []

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/csv")]})
        for number in range(3):
            await send({"type": "http.response.body", "body": b"%d" % number * 2_000, "more_body": True})
            seen.append(zlib.decompressobj(31).decompress(b"".join(sent)))
        await send({"type": "http.response.body"})

    async def send(message: Message) -> None:
        sent.append(message.get("body", b""))

    async def receive() -> Message:
        raise AssertionError

    await Compression(app)({"type": "http", "headers": [(b"accept-encoding", b"gzip")]}, receive, send)
    # each part could be read before the next one was made
    assert [len(each) for each in seen] == [2_000, 4_000, 6_000]
    assert gzip.decompress(b"".join(sent)) == seen[-1]


SCRIPT = b"let a = 1;\n" * 1_000
PAGE = b"<!doctype html><title>Router</title>" * 100


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Pages and assets as `make web` makes them."""
    (tmp_path / "dist" / "assets").mkdir(parents=True)
    for name, content in (("index.html", PAGE), ("graphiql.html", PAGE), ("assets/a-1b2c.js", SCRIPT)):
        file = tmp_path / "dist" / name
        file.write_bytes(content)
        file.with_name(file.name + ".gz").write_bytes(gzip.compress(content))
        file.with_name(file.name + ".br").write_bytes(b"as brotli would have it: " + content[:50])
    (tmp_path / "dist" / "assets" / "b-3d4e.js").write_bytes(SCRIPT)
    monkeypatch.setattr(server.web, "BUILT", tmp_path / "dist")
    monkeypatch.setattr(server.web._FILES, "all_directories", [tmp_path / "dist" / "assets"])
    return tmp_path / "dist"


@asynccontextmanager
async def files(settings: Settings) -> AsyncIterator[httpx2.AsyncClient]:
    app = create_app(settings)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://router") as client:
        yield client


ASSET = "/enterprise-router/assets/a-1b2c.js"
PAGES = ["/enterprise-router", "/enterprise-router/", "/graphql"]


@pytest.mark.parametrize("path", [ASSET, *PAGES])
async def test_files_are_sent_as_they_were_compressed_at_build_time(settings: Settings, built: Path, path: str) -> None:
    file = built / ("assets/a-1b2c.js" if path == ASSET else "index.html")
    async with files(settings) as client:
        etags: set[str] = set()
        for accepted, encoding, suffix in (
            ("gzip, deflate, br", "br", ".br"),
            ("gzip", "gzip", ".gz"),
            ("br;q=0, gzip;q=0.1", "gzip", ".gz"),
            ("gzip;q=0", None, ""),
            ("identity", None, ""),
        ):
            asked = {"Accept-Encoding": accepted, "Accept": "text/html"}
            response, data = await raw(client, "GET", path, headers=asked)
            assert response.status_code == 200
            assert response.headers.get("content-encoding") == encoding
            assert data == file.with_name(file.name + suffix).read_bytes()
            assert int(response.headers["content-length"]) == len(data)
            assert response.headers["content-type"].startswith("text/")
            assert "accept-encoding" in vary(response)
            caching = "public, max-age=31536000, immutable" if path == ASSET else "no-cache"
            assert response.headers["cache-control"] == caching
            etags.add(response.headers["etag"])

            # HEAD tells the same without the body
            head, nothing = await raw(client, "HEAD", path, headers=asked)
            same = {"content-encoding", "content-length", "etag", "cache-control", "content-type"}
            assert {name: head.headers.get(name) for name in same} == {
                name: response.headers.get(name) for name in same
            }
            assert nothing == b""

            # who has it already gets 304, with the headers that a browser keeps it with
            again, nothing = await raw(client, "GET", path, headers=asked | {"If-None-Match": response.headers["etag"]})
            assert (again.status_code, nothing) == (304, b"")
            assert "content-encoding" not in again.headers
            kept = {"etag", "cache-control", "content-security-policy"}
            assert {name: again.headers.get(name) for name in kept} == {
                name: response.headers.get(name) for name in kept
            }
            assert vary(again) == vary(response)
        # each representation has its own tag
        assert len(etags) == 3


@pytest.mark.usefixtures("built")
async def test_a_file_that_was_not_compressed_at_build_time_is_compressed(settings: Settings) -> None:
    path = "/enterprise-router/assets/b-3d4e.js"
    async with files(settings) as client:
        response, data = await raw(client, "GET", path, headers={"Accept-Encoding": "gzip"})
        assert (response.headers["content-encoding"], gzip.decompress(data)) == ("gzip", SCRIPT)
        assert response.headers["etag"].startswith('W/"')
        again, _ = await raw(client, "GET", path, headers={"If-None-Match": response.headers["etag"]})
        assert again.status_code == 304
        # a part of a file is sent as it is
        part, data = await raw(client, "GET", path, headers={"Accept-Encoding": "gzip", "Range": "bytes=0-1999"})
        assert (part.status_code, data, "content-encoding" in part.headers) == (206, SCRIPT[:2_000], False)


@pytest.mark.parametrize("path", ["/enterprise-router/assets/none.js", "/enterprise-router/assets/..%2findex.html"])
@pytest.mark.usefixtures("built")
async def test_no_other_file_is_sent(settings: Settings, path: str) -> None:
    async with files(settings) as client:
        for accepted in ("br", "gzip", "identity"):
            assert (await client.get(path, headers={"Accept-Encoding": accepted})).status_code == 404
