"""`python -m benchmarks.abuse`: measures how long other users wait while one user sends the worst load that is admitted.

Each scenario of `benchmarks.abuses` has one server process on a new database. A quiet user does one operation after the
other: reads preferences and a page of calls, logs a call, sends a long document, asks for a summary, saves preferences and
receives the change. Meanwhile another user, in a separate process, runs the scenario. The baseline is the quiet user
alone (`nobody_else`).

Waits also get longer when other work takes the cores. They are therefore also reported without the time that the server's
event loop and the quiet user were ready to run but had no core.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import multiprocessing
import os
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Annotated, Any, Final

import httpx2
import typer
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from benchmarks import stage
from benchmarks.abuser import Abuser
from benchmarks.abuses import SCENARIOS
from benchmarks.report import Backend, print_machine
from benchmarks.stage import OURS, Databases, ServerProcess, serving
from benchmarks.workload import User, users

_P99_AIM_MS: Final = 250
_LONGEST_AIM_MS: Final = 1_000
_PREPARED_WITHIN_S: Final = 300
_PATIENCE_S: Final = 120
_PAUSE_S: Final = 0.005
_SPAWNING: Final = multiprocessing.get_context("spawn")

_LOG: Final = """mutation { logAnalytics(input: {
  provider: "openai", modelUsed: "gpt-4o", taskType: "chat", success: true, cost: "0.01"
}) { __typename } }"""
_PAGE: Final = "{ analytics(first: 20) { nodes { id cost } } }"
_SUMMARY: Final = "{ analyticsSummary(grain: DAY) { calls } }"
_SAVE: Final = "mutation($ms: Int!) { savePreferences(input: {maxLatencyMs: $ms}) { __typename } }"

Waits = dict[str, list[float]]


class QuietUser:
    """The quiet user: does one operation after another, and measures how long each takes."""

    def __init__(self, client: httpx2.AsyncClient, subscription: ClientConnection, server_pid: int) -> None:
        self._client = client
        self._subscription = subscription
        self._pids = (server_pid, os.getpid())
        self._numbers = itertools.count(1)
        self.waits_ms: defaultdict[str, list[float]] = defaultdict(list)
        self.with_a_core_ms: list[float] = []
        self.failures: list[str] = []

    async def act(self) -> None:
        """Do one operation of each kind."""
        number = next(self._numbers)
        actions: dict[str, Callable[[], Awaitable[object]]] = {
            "read": lambda: self._ask("{ preferences { id } }"),
            "page": lambda: self._ask(_PAGE),
            "log": lambda: self._ask(_LOG),
            "long document": lambda: self._ask(f"{{ preferences {{ id }} }} # {number}".ljust(3_000, ".")),
            "summary": lambda: self._ask(_SUMMARY),
            "save and receive": lambda: self._save_and_receive(number),
        }
        for kind, action in actions.items():
            started, coreless_ms = time.perf_counter(), self._coreless_ms()
            try:
                async with asyncio.timeout(_PATIENCE_S):
                    await action()
            except (RuntimeError, httpx2.TransportError, TimeoutError) as error:
                self.failures.append(f"{kind}: {type(error).__name__} {error}")
            waited_ms = 1000 * (time.perf_counter() - started)
            self.waits_ms[kind].append(waited_ms)
            self.with_a_core_ms.append(max(0.0, waited_ms - self._coreless_ms() + coreless_ms))
            await asyncio.sleep(_PAUSE_S)

    def _coreless_ms(self) -> float:
        """The time in ms since their start in which the main threads were ready to run but had no core."""
        stats = [Path(f"/proc/{pid}/task/{pid}/schedstat").read_text() for pid in self._pids]
        return sum(int(each.split()[1]) for each in stats) / 1e6

    async def _ask(self, query: str, **variables: Any) -> None:
        response = await self._client.post("/graphql", json={"query": query, "variables": variables})
        if response.status_code != 200 or "errors" in response.json():
            raise RuntimeError(f"{response.status_code} {response.text[:200]}")

    async def _save_and_receive(self, number: int) -> None:
        await self._ask(_SAVE, ms=number)
        await self._subscription.recv()


@asynccontextmanager
async def _quiet_user(server: ServerProcess, user: User) -> AsyncIterator[QuietUser]:
    async with (
        httpx2.AsyncClient(
            base_url=f"http://127.0.0.1:{server.port}",
            headers={"Authorization": f"Bearer {user.token}"},
            timeout=_PATIENCE_S,
        ) as client,
        connect(
            f"ws://127.0.0.1:{server.port}/graphql",
            subprotocols=[Subprotocol("graphql-transport-ws")],
            ping_interval=None,
        ) as subscription,
    ):
        await subscription.send(json.dumps({"type": "connection_init", "payload": {"token": user.token}}))
        await subscription.recv()
        asked = {"query": "subscription { preferencesChanged { maxLatencyMs } }"}
        await subscription.send(json.dumps({"type": "subscribe", "id": "1", "payload": asked}))
        # The server starts operations in order: once this one is answered, the subscription receives events.
        for _ in range(2):
            await subscription.send(
                json.dumps({"type": "subscribe", "id": "2", "payload": {"query": "{ viewer { id } }"}})
            )
            while json.loads(await subscription.recv())["type"] != "complete":
                pass
        yield QuietUser(client, subscription, server.pid)


async def _measured(server: ServerProcess, user: User, seconds: float) -> QuietUser:
    async with _quiet_user(server, user) as quiet:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            await quiet.act()
    return quiet


@contextmanager
def _abusing(name: str, port: int, user: User) -> Iterator[None]:
    """Run the scenario of this name in another process while the block runs. The block starts once it is prepared."""
    begun = _SPAWNING.Event()
    process = _SPAWNING.Process(target=_abuse, args=(name, port, user, begun), daemon=True)
    process.start()
    try:
        if not begun.wait(_PREPARED_WITHIN_S):
            raise RuntimeError(f"{name} was not prepared within {_PREPARED_WITHIN_S} s")
        yield
        if not process.is_alive():
            raise RuntimeError(f"{name} ended by itself")
    finally:
        process.terminate()
        process.join()


def _abuse(name: str, port: int, user: User, begun: Event) -> None:
    async def abusing() -> None:
        await SCENARIOS[name](Abuser(port, user, begun.set))

    asyncio.run(abusing())


def _measure(databases: Databases, name: str, seconds: float) -> None:
    quiet_user, abuser = users()[:2]
    with serving(OURS, databases.new()) as server:
        # Work that a process does once, on the first request of a kind, is not measured.
        asyncio.run(_measured(server, quiet_user, 0.5))
        with _abusing(name, server.port, abuser):
            quiet = asyncio.run(_measured(server, quiet_user, seconds))
    waits = sorted(itertools.chain.from_iterable(quiet.waits_ms.values()))
    p50, p99, longest = waits[len(waits) // 2], waits[len(waits) * 99 // 100], waits[-1]
    with_a_core = sorted(quiet.with_a_core_ms)
    slowest = max(quiet.waits_ms, key=lambda kind: max(quiet.waits_ms[kind]))
    reached = p99 <= _P99_AIM_MS and longest <= _LONGEST_AIM_MS and not quiet.failures
    print(
        f"  {name:<28}{len(waits):>6,} waits: p50 {p50:,.0f} ms, p99 {p99:,.0f} ms, longest {longest:,.0f} ms ({slowest})"
        f"; with a core p99 {with_a_core[len(waits) * 99 // 100]:,.0f} ms, longest {with_a_core[-1]:,.0f} ms"
        f"{f', {len(quiet.failures)} FAILED: {quiet.failures[0]}' if quiet.failures else ''}"
        f"; aims {_P99_AIM_MS} and {_LONGEST_AIM_MS}: {'reached' if reached else 'MISSED'}",
        flush=True,
    )


def _run(databases: Databases, scenarios: list[str], seconds: float) -> None:
    print(f"\n== {databases.version}", flush=True)
    for name in scenarios:
        _measure(databases, name, seconds)


def main(
    db: Annotated[Backend, typer.Option(help="The databases to measure on.")] = Backend.ALL,
    scenario: Annotated[
        list[str] | None, typer.Option(help=f"Only these: {', '.join(SCENARIOS)}. All when left out.")
    ] = None,
    seconds: Annotated[float, typer.Option(help="For each scenario.")] = 10.0,
) -> None:
    """Measure how long other users wait while one user is abusive."""
    if unknown := set(scenario or ()) - set(SCENARIOS):
        raise typer.BadParameter(f"--scenario: {', '.join(sorted(unknown))} is none of {', '.join(SCENARIOS)}")
    print_machine()
    chosen = scenario or list(SCENARIOS)
    if db is not Backend.SQLITE:
        with stage.postgresql(users()[:2]) as databases:
            _run(databases, chosen, seconds)
    if db is not Backend.POSTGRES:
        with stage.sqlite(users()[:2]) as files:
            _run(files, chosen, seconds)


if __name__ == "__main__":
    typer.run(main)
