"""Requests that last longer than their token."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx2
import pytest
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

import server.export
from models.queries.analytics import reported
from server.settings import Settings
from server.token import make_token
from tests.support.api import Api
from tests.support.load import until
from tests.support.socket import PATIENCE_S

LEFT = timedelta(seconds=3)
COUNT = "{ analytics(first: 500) { nodes { id } } }"


Ending = Callable[[], str]


@pytest.fixture
def ending(settings: Settings, user_id: UUID) -> Ending:
    """Creates a token that expires soon, including the leeway."""
    return lambda: make_token(settings, user_id, LEFT - timedelta(seconds=settings.jwt_leeway_s))


@asynccontextmanager
async def asked(url: str, head: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port, limit=1024)
    writer.write(head.replace("\n", "\r\n").encode() + b"\r\n\r\n")
    try:
        yield reader, writer
    finally:
        writer.close()


def upload(path: str, token: str, *more: str) -> str:
    return "\n".join(
        [f"POST {path} HTTP/1.1", "Host: router", f"Authorization: Bearer {token}", "Transfer-Encoding: chunked", *more]
    )


def part(content: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(content), content)


async def answered(reader: asyncio.StreamReader) -> list[dict[str, Any]]:
    """The lines of the chunked answer."""
    async with asyncio.timeout(PATIENCE_S):
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 ")
        body = b""
        while size := int(await reader.readline(), 16):
            body += (await reader.readexactly(size + 2))[:-2]
    return [json.loads(line) for line in body.splitlines()]


def call(number: int) -> bytes:
    line = {"eventId": str(number), "provider": "openai", "model": "a", "taskType": "chat", "success": True, "cost": 1}
    return json.dumps(line).encode() + b"\n"


ENDED = {
    "error": {
        "code": "UNAUTHENTICATED",
        "message": "The token expired: the lines after these were not read. Send them again with a new token.",
        "path": None,
    }
}


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
async def test_a_silent_upload_is_answered_when_its_token_expires(
    url: str, ending: Ending, live_api: Api, encoding: str
) -> None:
    # given an upload of which 300 lines and half of another have arrived
    sent = b"".join(map(call, range(300))) + call(300)[:20]
    if encoding == "gzip":
        packer = zlib.compressobj(wbits=31)
        sent = packer.compress(sent) + packer.flush(zlib.Z_SYNC_FLUSH)
    async with asked(url, upload("/ingest/decisions", ending(), f"Content-Encoding: {encoding}")) as (reader, writer):
        writer.write(part(sent))
        # when nothing more arrives, then the answer has a line per complete line, and the error that ended it
        lines = await answered(reader)
    assert [line.get("line") for line in lines] == [*range(1, 301), None]
    assert all("id" in line for line in lines[:-1])
    assert lines[-1] == ENDED | {"lines": 300}
    # and exactly those calls are stored
    assert len((await live_api.ask(COUNT))["nodes"]) == 300


async def test_an_endless_upload_ends_when_its_token_expires(url: str, ending: Ending, live_api: Api) -> None:
    async with asked(url, upload("/ingest/decisions", ending())) as (reader, writer):
        answer = asyncio.create_task(answered(reader))
        number = 0
        while not answer.done():
            writer.write(part(call(number)))
            await writer.drain()
            await asyncio.sleep(0.05)  # between two calls of a client
            number += 1
        lines = await answer
    taken = len(lines) - 1
    assert lines[-1] == ENDED | {"lines": taken}
    assert 0 < taken <= number
    assert len((await live_api.ask(COUNT))["nodes"]) == taken


async def test_an_upload_of_amendments_ends_when_its_token_expires(
    url: str, ending: Ending, live_api: Api, client: httpx2.AsyncClient
) -> None:
    await client.post("/ingest/decisions", content=call(1), headers={"Authorization": f"Bearer {live_api.token}"})
    amendment = json.dumps({"eventId": "1", "amendmentId": "a", "qualityScore": 1}).encode() + b"\n"
    async with asked(url, upload("/ingest/amendments", ending())) as (reader, writer):
        writer.write(part(amendment + amendment[:9]))
        lines = await answered(reader)
    assert [line.get("line") for line in lines] == [1, None]
    assert lines[-1] == ENDED | {"lines": 1}
    assert await live_api.ask("{ analytics { nodes { qualityScore } } }") == {"nodes": [{"qualityScore": 1.0}]}


async def test_an_upload_that_ends_in_time_has_no_such_error(url: str, ending: Ending) -> None:
    async with asked(url, upload("/ingest/decisions", ending())) as (reader, writer):
        writer.write(part(call(1)) + part(b""))
        assert [line["line"] for line in await answered(reader)] == [1]


@pytest.fixture
def _endless_exports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make exports endless: they return the same page again and again."""
    monkeypatch.setattr(server.export, "ROWS_AT_ONCE", 1)

    async def always_the_same(session: AsyncSession, user_id: UUID, *_rest: Any) -> Sequence[Row[Any]]:
        return await reported(session, user_id, [], 1)

    monkeypatch.setattr(server.export, "reported", always_the_same)


@pytest.mark.usefixtures("_endless_exports")
@pytest.mark.parametrize("read", [True, False])
@pytest.mark.parametrize("format_", ["ndjson", "csv"])
async def test_a_download_is_cut_off_when_its_token_expires(
    url: str, ending: Ending, live_api: Api, client: httpx2.AsyncClient, format_: str, read: bool
) -> None:
    await client.post("/ingest/decisions", content=call(1), headers={"Authorization": f"Bearer {live_api.token}"})
    ends = datetime.now(UTC) + LEFT
    head = f"GET /export/analytics?format={format_} HTTP/1.1\nHost: router\nAuthorization: Bearer {ending()}"
    async with asked(url, head) as (reader, _writer):
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        if not read:
            await until(lambda: datetime.now(UTC) > ends)
        # then it ends, and not as a complete answer
        async with asyncio.timeout(PATIENCE_S):
            received = await reader.read(-1)
    assert received.count(b"openai") > 1
    assert not received.endswith(b"0\r\n\r\n")
