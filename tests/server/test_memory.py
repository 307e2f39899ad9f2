"""The memory of a server process stays small while clients send much more data."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
from pathlib import Path

import httpx2

from tests.support.process import run, running, token_of

REQUESTS = 3
LINES = 1_000
GROWTH_MIB = 120


def most_mib(pid: int) -> float:
    """The peak memory of the process, in MiB."""
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) / 1024


async def test_memory_does_not_grow_with_the_decompressed_size_of_requests(tmp_path: Path) -> None:
    # given requests that decompress to 60 MB each, within every limit
    noise = random.Random(1)
    lines = (json.dumps({"x": noise.randbytes(700).hex() + "a" * 60_000}).encode() for _ in range(LINES))
    packed = gzip.compress(b"\n".join(lines))
    assert len(packed) < 2_000_000
    assert run("migrate", data_dir=tmp_path).returncode == 0
    headers = {"Content-Encoding": "gzip"}
    with running(tmp_path) as server:
        headers["Authorization"] = f"Bearer {token_of(tmp_path)}"
        before = most_mib(server.process.pid)
        # when they are sent at once
        async with httpx2.AsyncClient(base_url=server.address, headers=headers, timeout=120) as client:
            answers = await asyncio.gather(*(client.post("/ingest/decisions", content=packed) for _ in range(REQUESTS)))
        grown = most_mib(server.process.pid) - before
    # then each line is answered, and memory stays small
    assert [answer.text.count("\n") for answer in answers] == [LINES] * REQUESTS
    assert grown < GROWTH_MIB, grown
