"""`python -m benchmarks.abuse_ledger`: how long a quiet user's call takes to be logged while another user is abusive.

One server process over a new database for each scenario. The quiet user logs one call after the other; beside it `/healthz`
is asked, which says how long the event loop is blocked. The other user, in a process of its own, does what the scenario
says. A scenario needs a client that can `ask`, and `repeat` requests over so many connections: `Abuser`.
"""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing.synchronize import Event
from typing import Annotated, Any, Final, Protocol

import httpx2
import typer

from benchmarks import stage
from benchmarks.report import print_machine
from benchmarks.stage import OURS, Databases, serving
from benchmarks.workload import User, users

P99_AIM_MS: Final = 250
LONGEST_AIM_MS: Final = 1_000
_PATIENCE_S: Final = 60
_PREPARED_WITHIN_S: Final = 120
_ALERTS: Final = 200
_SPAWNING: Final = multiprocessing.get_context("spawn")

_LOG: Final = """mutation { logAnalytics(input: {
  provider: "openai", modelUsed: "gpt-4o", taskType: "chat", success: true, cost: "0.01"
}) { __typename } }"""
_LOG_MANY: Final = "mutation($input: [LogAnalyticsInput!]!) { logAnalyticsBatch(input: $input) { accepted } }"
_ALERT: Final = """mutation($input: CreateCostAlertInput!) { createCostAlert(input: $input) { __typename } }"""
_AMEND: Final = """mutation($id: String!, $input: AmendAnalyticsInput!) {
  amendAnalytics(eventId: $id, input: $input) { __typename } }"""
_ROUTE: Final = """mutation { routeRequest(input: {taskType: "chat", inputTokens: 1000, maxOutputTokens: 1000}) {
  __typename } }"""
_SAVE: Final = "mutation($ms: Int!) { savePreferences(input: {maxLatencyMs: $ms}) { __typename } }"


class Abuser(Protocol):
    """One user's client."""

    async def ask(self, query: str, **variables: Any) -> Any:
        """The data of an operation, as far as there is any."""

    async def repeat(self, connections: int, request: Callable[[int], Awaitable[object]]) -> None:
        """Send requests without an end, so many at a time; each is given a number that no other has."""


async def batches(abuser: Abuser) -> None:
    """Ten batches of 1,000 calls wait at any time."""
    await abuser.repeat(10, lambda number: abuser.ask(_LOG_MANY, input=_calls(number)))


async def batches_and_alerts(abuser: Abuser) -> None:
    """The same, of a user with 200 alerts of all calendars, each of which every call counts in."""
    await _set_alerts(abuser)
    await abuser.repeat(10, lambda number: abuser.ask(_LOG_MANY, input=_calls(number)))


async def calls_and_alerts(abuser: Abuser) -> None:
    """Calls of such a user that are logged one by one, by 50 clients."""
    await _set_alerts(abuser)
    await abuser.repeat(50, lambda number: abuser.ask(_LOG_MANY, input=_calls(number, 1)))


async def batches_of_many_hours(abuser: Abuser) -> None:
    """Batches whose calls are of hundreds of hours and models: a row of sums for each."""
    now = datetime.now(UTC)

    def calls(number: int) -> list[dict[str, Any]]:
        return [
            call | {"occurredAt": (now - timedelta(hours=place % 500)).isoformat(), "modelUsed": f"m{place}"}
            for place, call in enumerate(_calls(number))
        ]

    await abuser.repeat(10, lambda number: abuser.ask(_LOG_MANY, input=calls(number)))


async def batches_beyond_the_limit(abuser: Abuser) -> None:
    """Calls that cost more in all than a user's may: each is refused."""
    dear = {"cost": "100000"}
    await abuser.repeat(10, lambda number: abuser.ask(_LOG_MANY, input=[call | dear for call in _calls(number)]))


async def amendments(abuser: Abuser) -> None:
    """One call is amended again and again, and others, by 50 clients of a user with 200 alerts."""
    await _set_alerts(abuser)
    await abuser.ask(_LOG_MANY, input=_calls(0))

    def amend(number: int) -> Awaitable[object]:
        return abuser.ask(_AMEND, id=f"abuse-0-{number % 1000}", input={"cost": f"0.{number % 1000:03}"})

    await abuser.repeat(50, amend)


async def decisions(abuser: Abuser) -> None:
    """Requests are routed under 200 budgets, by 50 clients."""
    await _set_alerts(abuser, enforced=True)
    await abuser.repeat(50, lambda _: abuser.ask(_ROUTE))


async def preferences_and_batches(abuser: Abuser) -> None:
    """Preferences are saved, under the user's lock, while batches are logged that wait for it."""

    def request(number: int) -> Awaitable[object]:
        return abuser.ask(_SAVE, ms=number) if number % 2 else abuser.ask(_LOG_MANY, input=_calls(number))

    await abuser.repeat(20, request)


SCENARIOS: Final[Mapping[str, Callable[[Abuser], Awaitable[None]]]] = {
    scenario.__name__: scenario
    for scenario in (
        batches,
        batches_and_alerts,
        calls_and_alerts,
        batches_of_many_hours,
        batches_beyond_the_limit,
        amendments,
        decisions,
        preferences_and_batches,
    )
}


def _calls(number: int, count: int = 1_000) -> list[dict[str, Any]]:
    known = {"provider": "openai", "modelUsed": "gpt-4o", "taskType": "chat", "success": True, "cost": "0.01"}
    return [known | {"eventId": f"abuse-{number}-{place}", "latencyMs": place} for place in range(count)]


async def _set_alerts(abuser: Abuser, *, enforced: bool = False) -> None:
    zones = ("UTC", "Europe/Berlin", "Asia/Kolkata", "America/New_York")
    for number in range(_ALERTS):
        alert: dict[str, Any] = {
            "thresholdAmount": str(1_000_000 + number),
            "period": ("HOURLY", "DAILY", "WEEKLY", "MONTHLY")[number % 4],
            "enforced": enforced,
        }
        alert |= {"mode": "ROLLING"} if number % 3 == 2 else {"timeZone": zones[number // 4 % 4]}
        await abuser.ask(_ALERT, input=alert)


class _Client:
    """An `Abuser` of this module's own."""

    def __init__(self, port: int, user: User, begun: Callable[[], None]) -> None:
        self._begun = begun
        self._numbers = itertools.count(1)
        self._client = httpx2.AsyncClient(
            base_url=f"http://127.0.0.1:{port}",
            headers={"Authorization": f"Bearer {user.token}"},
            timeout=_PATIENCE_S,
            limits=httpx2.Limits(max_connections=None),
        )

    async def ask(self, query: str, **variables: Any) -> Any:
        answer = await self._client.post("/graphql", json={"query": query, "variables": variables})
        return answer.json().get("data")

    async def repeat(self, connections: int, request: Callable[[int], Awaitable[object]]) -> None:
        async def on_and_on() -> None:
            while True:
                await request(next(self._numbers))

        self._begun()
        await asyncio.gather(*(on_and_on() for _ in range(connections)))


def _abuse(name: str, port: int, user: User, begun: Event) -> None:
    async def abusing() -> None:
        await SCENARIOS[name](_Client(port, user, begun.set))

    asyncio.run(abusing())


@contextmanager
def _abusing(name: str, port: int, user: User) -> Iterator[None]:
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


async def _measured(port: int, user: User, seconds: float) -> tuple[list[float], list[float]]:
    """How long each call took to be logged, and each time the event loop took to turn, in ms."""
    end = time.perf_counter() + seconds
    headers = {"Authorization": f"Bearer {user.token}"}

    async def again_and_again(ask: Callable[[], Awaitable[httpx2.Response]]) -> list[float]:
        waits: list[float] = []
        while time.perf_counter() < end:
            started = time.perf_counter()
            (await ask()).raise_for_status()
            waits.append(1000 * (time.perf_counter() - started))
            await asyncio.sleep(0.005)
        return sorted(waits)

    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=_PATIENCE_S) as client:
        logged, turned = await asyncio.gather(
            again_and_again(lambda: client.post("/graphql", json={"query": _LOG}, headers=headers)),
            again_and_again(lambda: client.get("/healthz")),
        )
    return logged, turned


def _print(name: str, logged: list[float], turned: list[float]) -> None:
    def quantiles(waits: list[float]) -> str:
        return (
            f"p50 {waits[len(waits) // 2]:,.0f}, p99 {waits[len(waits) * 99 // 100]:,.0f}, longest {waits[-1]:,.0f} ms"
        )

    kept = logged[len(logged) * 99 // 100] <= P99_AIM_MS and logged[-1] <= LONGEST_AIM_MS
    aim = "reached" if kept else "missed"
    print(f"  {name:<26}{len(logged):>6,} calls: {quantiles(logged)}; loop: {quantiles(turned)}; aim {aim}", flush=True)


def main(
    seconds: Annotated[float, typer.Option(help="For each scenario.")] = 10.0,
    scenario: Annotated[list[str] | None, typer.Option(help="Which; all of them when left out.")] = None,
    postgresql: Annotated[bool, typer.Option(help="On PostgreSQL instead of SQLite.")] = False,
) -> None:
    """Measure how long a quiet user's calls take to be logged while another user is abusive."""
    print_machine()
    everyone = users()
    quiet, abuser = everyone[:2]
    open_stage: Callable[[Any], Any] = stage.postgresql if postgresql else stage.sqlite
    with open_stage([]) as databases:
        _measure_all(databases, scenario or list(SCENARIOS), seconds, quiet, abuser)


def _measure_all(databases: Databases, names: list[str], seconds: float, quiet: User, abuser: User) -> None:
    with serving(OURS, databases.new()) as server:
        _print("nobody_else", *asyncio.run(_measured(server.port, quiet, seconds)))
    for name in names:
        with serving(OURS, databases.new()) as server, _abusing(name, server.port, abuser):
            _print(name, *asyncio.run(_measured(server.port, quiet, seconds)))


if __name__ == "__main__":
    typer.run(main)
