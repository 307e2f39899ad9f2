"""`python -m benchmarks.load`: a load generator that is cheap enough not to limit the measurement.

Reads the requests from standard input as JSON (`Load`), sends them over keep-alive connections, one at a
time on each, and writes its results to standard output as JSON (`Seen`).
"""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import json
import re
import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, cast

import httptools
import uvloop

UNIQUE: Final = "@" * 12
"""A placeholder in requests. It is replaced by a different text each time, so that event ids are unique."""

_OK: Final = 200
_PATIENCE_S: Final = 60


@dataclass(frozen=True, slots=True)
class Load:
    ports: list[int]
    """The ports of servers on 127.0.0.1. The connections are distributed among them."""
    connections: int
    requests: list[str]
    """Complete HTTP requests, in which `UNIQUE` is replaced each time."""
    expected: str
    """A regular expression that the body of each answer must match."""
    run: str
    """Four hexadecimal digits that no other load on the same database uses."""
    seconds: float
    """The seconds in which new requests are sent, after the warm-up."""
    warm_up_s: float
    """The seconds of the warm-up. Use 0 for slow requests: the time from the first request to the last answer is then measured."""
    limit: int | None = None
    """The most requests to send."""


@dataclass(slots=True)
class Seen:
    requests: int = 0
    """The requests answered within the measured time."""
    seconds: float = 0.0
    acknowledged: int = 0
    """The requests answered as expected, including the warm-up."""
    failed: int = 0
    first_failure: str = ""
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    cpu_share: float = 0.0
    """The processor time of this process, as a share of one core."""


class Run:
    """The clock and the counts, shared by all connections."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.seen = Seen()
        self.finished = asyncio.Event()
        self._expected = re.compile(load.expected.encode())
        self._requests: Iterator[bytes] = itertools.cycle([request.encode() for request in load.requests])
        self._numbers: Iterator[int] = itertools.count()
        self._latencies_s: list[float] = []
        self._open = 0
        self._measured_from = time.perf_counter() + load.warm_up_s
        self._last_sent_before = self._ends = self._measured_from + load.seconds
        self._cpu_s = 0.0

    def opened(self) -> None:
        self._open += 1

    def closed(self) -> None:
        self._open -= 1
        if self._open == 0:
            self.finished.set()

    def next(self) -> bytes | None:
        """The next request to send, or None at the end."""
        number = next(self._numbers)
        if time.perf_counter() >= self._last_sent_before or (self.load.limit and number >= self.load.limit):
            return None
        unique = f"{self.load.run}{number:08x}"
        return next(self._requests).replace(UNIQUE.encode(), unique.encode())

    def answered(self, status: int, body: bytes, sent: float) -> None:
        now = time.perf_counter()
        if status != _OK or self._expected.search(body) is None:
            self.failed(f"{status} {body[:300].decode(errors='replace')}")
            return
        self.seen.acknowledged += 1
        if not self.load.warm_up_s:
            self._ends = now
        if self._measured_from <= now <= self._ends:
            if not self._latencies_s:
                self._cpu_s = -_cpu_s()
            self._latencies_s.append(now - sent)

    def failed(self, why: str) -> None:
        self.seen.failed += 1
        self.seen.first_failure = self.seen.first_failure or why

    def result(self) -> Seen:
        seen, latencies = self.seen, sorted(self._latencies_s)
        seen.seconds = self._ends - self._measured_from
        seen.requests = len(latencies)
        if latencies:
            seen.p50_ms = latencies[len(latencies) // 2] * 1000
            seen.p99_ms = latencies[len(latencies) * 99 // 100] * 1000
            seen.cpu_share = (self._cpu_s + _cpu_s()) / seen.seconds
        return seen


class Connection(asyncio.Protocol):
    """One client: sends a request, waits for the complete answer, and sends the next."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._parser = httptools.HttpResponseParser(self)
        self._body: list[bytes] = []
        self._waiting = False
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._run.opened()
        self._send()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, part: bytes) -> None:
        self._body.append(part)

    def on_message_complete(self) -> None:
        self._waiting = False
        self._run.answered(self._parser.get_status_code(), b"".join(self._body), self._sent)
        self._body.clear()
        self._send()

    def connection_lost(self, error: Exception | None) -> None:
        if self._waiting:
            self._run.failed(f"the connection was lost: {error}")
        self._run.closed()

    def _send(self) -> None:
        request = self._run.next()
        if request is None:
            self._transport.close()
            return
        self._waiting = True
        self._sent = time.perf_counter()
        self._transport.write(request)


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def drive(load: Load) -> Seen:
    run = Run(load)
    loop = asyncio.get_running_loop()
    ports = itertools.islice(itertools.cycle(load.ports), load.connections)
    await asyncio.gather(*(loop.create_connection(lambda: Connection(run), "127.0.0.1", port) for port in ports))
    wanted = load.warm_up_s + load.seconds
    await asyncio.wait_for(run.finished.wait(), wanted + _PATIENCE_S)
    return run.result()


def main() -> None:
    load = Load(**json.load(sys.stdin))
    print(json.dumps(dataclasses.asdict(uvloop.run(drive(load)))))


if __name__ == "__main__":
    main()
