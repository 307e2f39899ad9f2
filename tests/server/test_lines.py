"""The lines of a request body: compressed bodies are read in bounded memory, and up to a limit."""

from __future__ import annotations

import asyncio
import gc
import gzip
import random
import zlib
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.responses import StreamingResponse

import server.lines
from domain.error import ExpectedError, InvalidInput
from domain.viewer import Viewer
from models.database.fair_queue import FairQueue, event_loop_queue
from models.ledger.call import Logged
from models.types import new_id
from server.auth import Authenticator
from server.ingest import Ingest, Intake
from server.lines import FREE_BYTES, MAX_RATIO, Line, Stopped, chunks, decompressed, without_mark
from server.usage_file import MAX_LINE_BYTES

BLOCK = 64 * 1024
PATIENCE_S = 20


async def blocks(body: bytes, size: int = BLOCK) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


async def read(body: bytes, *, packed: bool = True, size: int = BLOCK) -> tuple[list[Line], Exception | None, int]:
    """The lines of the body, the error that ended them, and the number of bytes read."""
    bytes_read = 0

    async def counted(some: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        nonlocal bytes_read
        async for block in some:
            bytes_read += len(block)
            assert len(block) <= BLOCK
            yield block

    lines: list[Line] = []
    try:
        source = counted(decompressed(blocks(body, size)) if packed else blocks(body, size))
        async for chunk in chunks(without_mark(source), partial(asyncio.sleep, 0)):
            assert len(chunk) <= 250
            assert sum(len(line) for _, line in chunk) <= 128 * 1024 + 2 * BLOCK
            lines += chunk
    except (Stopped, zlib.error) as error:
        return lines, error, bytes_read
    return lines, None, bytes_read


def noise(size: int) -> bytes:
    return random.Random(1).randbytes(size).replace(b"\n", b" ")


MOST = FREE_BYTES + 2 * BLOCK


@pytest.mark.parametrize(
    ("packed", "lines"),
    [
        pytest.param(gzip.compress(b"\n" * 10_000_000), 0, id="empty lines"),
        pytest.param(gzip.compress(b" \t\r\n" * 3_000_000), 0, id="blank lines"),
        pytest.param(gzip.compress(b"\0" * 20_000_000), 0, id="a line without end"),
        pytest.param(gzip.compress(b"{}\n" * 4_000_000), FREE_BYTES // 3, id="short lines"),
        pytest.param(b"".join(gzip.compress(b"a\n" * 500_000) for _ in range(20)), FREE_BYTES // 2, id="members"),
        pytest.param(gzip.compress(b"a\n" * 3) + gzip.compress(b"\n" * 9_000_000), 3, id="one small member and a bomb"),
    ],
)
@pytest.mark.parametrize("size", [BLOCK, 1_000])
async def test_decompression_stops_at_the_limit(packed: bytes, lines: int, size: int) -> None:
    found, why, bytes_read = await read(packed, size=size)
    assert isinstance(why, Stopped), why
    assert "the compression ratio exceeds 100" in why.message or "has at most 1000000 lines" in why.message
    assert bytes_read <= MOST
    # the lines before the limit are returned, except for those of the last block
    assert len(found) <= lines
    assert len(found) >= min(lines, 3)


async def test_a_body_may_decompress_to_100_times_its_size_and_to_a_few_mebibytes_always() -> None:
    small = (b"x" * 999 + b"\n") * (FREE_BYTES // 1_000)
    assert MAX_RATIO * len(gzip.compress(small)) < len(small)
    assert (await read(gzip.compress(small)))[1] is None
    body = noise(200_000) + b"\n" + (b"y" * 1_000 + b"\n") * (90 * 200)
    packed = gzip.compress(body)
    assert FREE_BYTES < len(body) < MAX_RATIO * len(packed)
    found, why, bytes_read = await read(packed)
    assert (why, bytes_read, len(found)) == (None, len(body), 1 + 90 * 200)


async def test_a_compressed_body_inside_of_another_is_not_decompressed() -> None:
    inner = gzip.compress(gzip.compress(b"\n" * 9_000_000))
    _, why, bytes_read = await read(gzip.compress(inner))
    assert (why, bytes_read) == (None, len(inner))


@pytest.mark.parametrize("packed", [True, False])
async def test_the_number_of_lines_is_limited_and_earlier_lines_are_returned(
    packed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server.lines, "MAX_LINES", 1_000)
    for body, line_count, stopped in [
        (b"a\n" * 1_000, 1_000, False),
        (b"a\n" * 1_001, 1_000, True),
        (b"\n" * 999 + b"a\n" + b"\n" * 10, 1, True),
        (b"a\n" * 300_000, 1_000, True),
    ]:
        found, why, _ = await read(gzip.compress(body) if packed else body, packed=packed)
        assert ([number for number, _ in found][-1], len(found)) == (1_000, line_count)
        assert isinstance(why, Stopped) is stopped
        if stopped:
            assert str(why) == "A request has at most 1000 lines; send the lines after these in another request"


async def test_the_number_of_empty_gzip_members_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server.lines, "MAX_MEMBERS", 100)
    empty = gzip.compress(b"")
    assert (await read(empty * 100 + gzip.compress(b"a")))[1] is not None
    found, why, _ = await read(empty * 98 + gzip.compress(b"a"))
    assert (found, why) == ([(1, b"a")], None)


async def test_only_the_start_of_a_line_that_is_too_long_is_buffered() -> None:
    for packed in (True, False):
        body = noise(10 * MAX_LINE_BYTES) + b"\nshort\n" + noise(3 * MAX_LINE_BYTES)
        found, why, _ = await read(gzip.compress(body) if packed else body, packed=packed)
        assert why is None
        assert [number for number, _ in found] == [1, 2, 3]
        assert found[1][1] == b"short"
        assert all(MAX_LINE_BYTES < len(line) <= MAX_LINE_BYTES + 1 + BLOCK for _, line in (found[0], found[2]))


@pytest.mark.parametrize(
    "body",
    [gzip.compress(b"a\nb\n") + b"garbage", gzip.compress(b"a\nb\n" * 9)[:-9], gzip.compress(b"a\nb\n") + b"\x1f\x8b"],
    ids=["garbage behind it", "cut off", "another that is cut off"],
)
async def test_lines_before_invalid_gzip_data_are_returned(body: bytes) -> None:
    found, why, _ = await read(body)
    assert isinstance(why, zlib.error)
    assert found[:2] == [(1, b"a"), (2, b"b")]


# Clients that disconnect


class _Anybody(Authenticator):
    """Accepts every token, as one user or as a new user each time."""

    def __init__(self, viewer: Viewer | None = None) -> None:
        self._viewer = viewer

    async def viewer(self, _token: Any) -> Viewer:
        return self._viewer or Viewer(new_id())


class _Client:
    """Sends a body at once, and disconnects when `gone` is set."""

    def __init__(self, body: bytes, **headers: str) -> None:
        self._messages = [{"type": "http.request", "body": body, "more_body": False}]
        self.gone = asyncio.Event()
        self.request = Request(
            {
                "type": "http",
                "method": "POST",
                "headers": [(b"authorization", b"Bearer x")]
                + [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
            },
            self._receive,
        )

    async def _receive(self) -> Any:
        if self._messages:
            return self._messages.pop(0)
        await self.gone.wait()
        return {"type": "http.disconnect"}


@pytest.mark.parametrize("in_order", [False, True], ids=["calls", "amendments"])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
async def test_when_the_client_has_gone_no_more_lines_are_recorded(in_order: bool, packed: bool) -> None:
    body = b"".join(b"%d\n" % number for number in range(300_000))
    client = _Client(gzip.compress(body) if packed else body, **({"content_encoding": "gzip"} if packed else {}))
    recorded: list[int] = []

    async def record(items: Sequence[int]) -> Sequence[Logged]:
        recorded.extend(items)
        if len(recorded) >= 1_000:
            # when the client disconnects while the first lines are being recorded
            client.gone.set()
        await asyncio.sleep(0)
        return [Logged({"id": number}, deduplicated=False) for number in items]

    ingest = Ingest(_Anybody(), Intake(lambda _viewer, line: int(line), record, in_order=in_order), event_loop_queue())
    with pytest.raises(ClientDisconnect):
        await ingest(client.request)
    # then the lines that were handed over are recorded, and few more
    assert 1_000 <= len(recorded) <= 30_000
    assert sorted(recorded) == list(range(len(recorded)))


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize(("is_turn_taken", "handed_over"), [(True, 0), (False, 8)], ids=["turn", "room"])
async def test_a_request_stops_waiting_when_its_client_has_gone(
    is_turn_taken: bool, handed_over: int, packed: bool
) -> None:
    may_end = asyncio.Event()
    recorded: list[int] = []

    async def record(items: Sequence[int]) -> Sequence[Logged]:
        await may_end.wait()
        recorded.extend(items)
        return [Logged({"id": number}, deduplicated=False) for number in items]

    # given 20 requests of one user, which wait for their turn, or for room while other lines are being recorded
    turns, viewer = event_loop_queue(), Viewer(new_id())
    if is_turn_taken:
        await turns.acquire(viewer.id)
    body = b"".join(b"%d\n" % number for number in range(10))
    headers = {"content_encoding": "gzip"} if packed else {}
    clients = [_Client(gzip.compress(body) if packed else body, **headers) for _ in range(20)]
    ingest = Ingest(_Anybody(viewer), Intake(lambda _viewer, line: int(line), record), turns)
    asking = [asyncio.create_task(ingest(client.request)) for client in clients]
    for _ in range(2_000):
        await asyncio.sleep(0)
    assert not any(each.done() for each in asking)
    # when all clients disconnect
    for client in clients:
        client.gone.set()
    # then the requests end, except for those whose lines were handed over: these are recorded
    async with asyncio.timeout(PATIENCE_S):
        while sum(each.done() for each in asking) < 20 - handed_over:  # noqa: ASYNC110 - it waits for a count
            await asyncio.sleep(0)
        assert recorded == []
        may_end.set()
        outcomes = await asyncio.gather(*asking, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ClientDisconnect] * 20
    assert sorted(recorded) == sorted([*range(10)] * handed_over)


@pytest.mark.parametrize(
    ("line", "lines", "turns"),
    [(b"1", 250, 7), (b"x" * 500, 60, 3), (b"wrong", 24, 3), (b"wrong", 250, 35)],
    ids=["short", "long", "a few wrong", "wrong"],
)
async def test_a_turn_reads_a_few_lines_and_fewer_invalid_ones(
    line: bytes, lines: int, turns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = 0
    take = FairQueue.turn

    async def counted(queue: FairQueue, user_id: Any, *, iterations: int = 1) -> None:
        nonlocal taken
        taken += 1
        await take(queue, user_id, iterations=iterations)

    def read(_viewer: Viewer, text: bytes) -> int:
        if text == b"wrong":
            raise InvalidInput("no")
        return 1

    async def record(items: Sequence[int]) -> Sequence[Logged]:
        return [Logged({"id": 1}, deduplicated=False) for _ in items]

    monkeypatch.setattr(FairQueue, "turn", counted)
    client = _Client((line + b"\n") * lines)
    ingest = Ingest(_Anybody(), Intake(read, record), event_loop_queue())
    answer = await ingest(client.request)
    assert isinstance(answer, StreamingResponse)
    assert b"".join([each async for each in answer.body_iterator]).count(b"\n") == lines  # type: ignore[misc]
    # then there is one turn per block, and one per part of the lines
    blocks = -(-(len(line) + 1) * lines // (16 * 1024))
    assert taken - blocks == turns


async def test_rejected_lines_are_freed_without_the_collector() -> None:
    async def record(items: Sequence[int]) -> Sequence[Logged]:
        return [Logged({"id": 1}, deduplicated=False) for _ in items]

    def read(_viewer: Viewer, text: bytes) -> int:
        try:
            return int(text)
        except ValueError:
            raise InvalidInput("no") from None

    ingest = Ingest(_Anybody(), Intake(read, record), event_loop_queue())
    # given that the collector finds no garbage
    gc.collect()
    gc.disable()
    try:
        # when 1,000 lines are rejected and answered
        answer = await ingest(_Client(b"wrong\n" * 1_000).request)
        assert isinstance(answer, StreamingResponse)
        assert b"".join([each async for each in answer.body_iterator]).count(b"\n") == 1_000  # type: ignore[misc]
        # then none of the expected errors is left in memory
        assert not [each for each in gc.get_objects() if isinstance(each, InvalidInput) and each.message == "no"]
    finally:
        gc.enable()


@pytest.mark.parametrize("in_order", [False, True], ids=["calls", "amendments"])
async def test_the_bytes_in_processing_are_limited_over_all_requests(in_order: bool) -> None:
    underway = most = 0

    async def record(items: Sequence[bytes]) -> Sequence[ExpectedError]:
        nonlocal underway, most
        underway += sum(map(len, items))
        most = max(most, underway)
        await asyncio.sleep(0.001)
        underway -= sum(map(len, items))
        return [InvalidInput("no")] * len(items)

    # given 12 requests with lines of the greatest length
    body = (b"x" * (MAX_LINE_BYTES - 10) + b"\n") * 40
    clients = [_Client(body) for _ in range(12)]
    ingest = Ingest(_Anybody(), Intake(lambda _viewer, line: line, record, in_order=in_order), event_loop_queue())
    # when all are sent at once
    answers = await asyncio.gather(*(ingest(client.request) for client in clients))
    # then all are answered, and at most a few mebibytes were processed at a time
    assert all(isinstance(answer, StreamingResponse) for answer in answers)
    assert most <= 16 * (128 + 64) * 1024
    for answer in answers:
        assert isinstance(answer, StreamingResponse)
        assert b"".join([each async for each in answer.body_iterator]).count(b"\n") == 40  # type: ignore[misc]
