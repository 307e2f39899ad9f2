"""`python -m benchmarks.abuse`: how long others wait while one client sends the worst that is not refused by its length.

One server process on SQLite. A well-behaved client asks for its preferences, again and again; beside it, eight connections of
another user send one kind of abuse without a pause. Each document is a new one, so that nothing is known already. The baseline is
the same client alone.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Callable, Mapping
from typing import Annotated, Final

import httpx2
import typer

from benchmarks import stage
from benchmarks.report import print_machine
from benchmarks.stage import OURS, serving
from benchmarks.workload import User, users

_ABUSERS: Final = 8
_ASKED: Final = {"query": "{ preferences { id } }"}
_AIM_MS: Final = 250


def _chain(number: int) -> str:
    """Fragments of 17 levels, 33 of them in one place: compared each with each, at every level."""
    fragments = " ".join(f"fragment f{n} on __Type {{ {'ofType { ' * 17} name {'} ' * 17} }}" for n in range(33))
    return f'{{ a{number}: __type(name: "Query") {{ {" ".join(f"...f{n}" for n in range(33))} }} }} {fragments}'


def _all_of_all(number: int) -> str:
    """Each of 48 fragments spreads all after it."""
    fragments = " ".join(
        f"fragment f{n} on __Type {{ name name {' '.join(f'...f{later}' for later in range(n + 1, 48))} }}"
        for n in range(47)
    )
    return f'{{ a{number}: __type(name: "Query") {{ ...f0 }} }} {fragments} fragment f47 on __Type {{ name }}'


def _unknown(number: int) -> str:
    """Thousands of names that are none: for each, one is looked for that could be meant."""
    return f"{{ viewer {{ {' '.join(f'abcdefgh{number}x{n}' for n in range(4_900))} }} }}"


def _tokens(number: int) -> str:
    return f"{{ a{number}: viewer {{ {'id ' * 9_000} }} }}"


def _doubling(number: int) -> str:
    """Fragments that spread each other twice at each level."""
    fragments = " ".join(
        f"fragment f{n} on __Type {{ a: ofType {{ ...f{n + 1} }} b: ofType {{ ...f{n + 1} }} }}" for n in range(48)
    )
    return f'{{ a{number}: __type(name: "Query") {{ ...f0 }} }} {fragments} fragment f48 on __Type {{ name }}'


def _document(write: Callable[[int], str]) -> Callable[[int], bytes]:
    return lambda number: json.dumps({"query": write(number)}).encode()


_ABUSE: Final[Mapping[str, Callable[[int], bytes]]] = {
    "fragments, 17 levels deep": _document(_chain),
    "fragments that spread all others": _document(_all_of_all),
    "4,900 unknown names": _document(_unknown),
    "9,000 tokens": _document(_tokens),
    "fragments that double": _document(_doubling),
    "a body of 1 MiB of small values": lambda _: (
        b'{"query": "{ viewer { id } }", "variables": {"a": [' + b"1," * 524_000 + b"1]}}"
    ),
    "a body of 1 MiB of brackets": lambda _: b"[" * 1_048_576,
}


async def _others_wait_ms(
    port: int, everyone: list[User], abuse: Callable[[int], bytes] | None, seconds: float
) -> list[float]:
    """How long each request of the well-behaved client took."""
    user, abuser = everyone[:2]
    address = f"http://127.0.0.1:{port}/graphql"
    numbers = itertools.count()

    async def send(client: httpx2.AsyncClient, content: bytes) -> int:
        headers = {"Authorization": f"Bearer {abuser.token}", "Content-Type": "application/json"}
        return (await client.post(address, content=content, headers=headers)).status_code

    async def abusing(client: httpx2.AsyncClient) -> None:
        while abuse is not None:
            # Made beside this loop, which would else be what the others wait for.
            status = await send(client, await asyncio.to_thread(abuse, next(numbers)))
            if status >= 500:
                raise RuntimeError(f"answered with {status}")

    waits: list[float] = []
    async with httpx2.AsyncClient(timeout=60) as client, httpx2.AsyncClient(timeout=60) as other:
        abusers = [asyncio.create_task(abusing(other)) for _ in range(_ABUSERS)]
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            started = time.perf_counter()
            answer = await client.post(address, json=_ASKED, headers={"Authorization": f"Bearer {user.token}"})
            answer.raise_for_status()
            waits.append(1000 * (time.perf_counter() - started))
            await asyncio.sleep(0.005)
        for task in abusers:
            task.cancel()
        for result in await asyncio.gather(*abusers, return_exceptions=True):
            if isinstance(result, Exception):
                raise result
    return sorted(waits)


def main(seconds: Annotated[float, typer.Option(help="For each kind of abuse.")] = 10.0) -> None:
    """Measure how long others wait while one client is abusive."""
    print_machine()
    everyone = users()
    with stage.sqlite(everyone) as databases, serving(OURS, databases.new()) as server:
        for name, abuse in {"nobody else": None, **_ABUSE}.items():
            waits = asyncio.run(_others_wait_ms(server.port, everyone, abuse, seconds))
            p50, p99, longest = waits[len(waits) // 2], waits[len(waits) * 99 // 100], waits[-1]
            print(
                f"  {name:<36}{len(waits):>6,} requests: p50 {p50:,.0f} ms, p99 {p99:,.0f} ms, longest {longest:,.0f} ms; "
                f"aim {_AIM_MS}: {'reached' if longest <= _AIM_MS else 'missed'}",
                flush=True,
            )


if __name__ == "__main__":
    typer.run(main)
