"""`python -m benchmarks.subscribers`: measures the memory per subscriber, and the delay of alert events.

One server process has one user, whose dashboards each subscribe to `alertTriggered` over a socket. Then calls make
alerts fire one after another, and each subscriber records the time of arrival. An alert event is dated while its transaction is
still open, so the delay includes the commit. The baseline is the same with one subscriber.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Final

import httpx2
import typer
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from benchmarks import stage
from benchmarks.report import Backend
from benchmarks.stage import OURS, Databases, ServerProcess, serving
from benchmarks.workload import User, users

COUNTS: Final = (1, 100, 5_000)
_OPENED_AT_ONCE: Final = 50
_PATIENCE_S: Final = 120

_SUBSCRIBE: Final = "subscription { alertTriggered { cursor level amount threshold firedAt alert { id state } } }"
_SET: Final = """mutation($threshold: Decimal!) {
  createCostAlert(input: {thresholdAmount: $threshold, period: MONTHLY, nearLimitPercent: 100}) { __typename }
}"""
_SPEND: Final = """mutation {
  logAnalytics(input: {provider: "openai", modelUsed: "gpt-4o", taskType: "chat", success: true, cost: "1"}) {
    ... on LoggedAnalytics { alertEvents { level } }
  }
}"""


class Subscriber:
    """One dashboard: records the delay of each alert event."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self.delays_s: list[float] = []

    async def start(self, token: str) -> None:
        await self._connection.send(json.dumps({"type": "connection_init", "payload": {"token": token}}))
        await self._connection.recv()
        await self._connection.send(json.dumps({"type": "subscribe", "id": "1", "payload": {"query": _SUBSCRIBE}}))
        # The server starts operations in order: once this one is answered, the subscription receives events.
        for _ in range(2):
            payload = {"query": "{ preferences { id } }"}
            await self._connection.send(json.dumps({"type": "subscribe", "id": "2", "payload": payload}))
            while json.loads(await self._connection.recv())["type"] != "complete":
                pass

    async def receive(self, alert_events: int) -> None:
        for _ in range(alert_events):
            message = json.loads(await self._connection.recv())
            fired_at = datetime.fromisoformat(message["payload"]["data"]["alertTriggered"]["firedAt"])
            self.delays_s.append((datetime.now(UTC) - fired_at).total_seconds())


async def _ask(client: httpx2.AsyncClient, query: str, **variables: object) -> None:
    response = await client.post("/graphql", json={"query": query, "variables": variables})
    if response.status_code != 200 or "errors" in response.json():
        raise RuntimeError(response.text)


async def _measure(server: ServerProcess, user: User, count: int, alert_events: int) -> list[float]:
    """The delays in seconds of all subscribers and alert events. Raises if a subscriber missed one."""
    address = f"127.0.0.1:{server.port}"
    subscribers: list[Subscriber] = []
    connections: list[ClientConnection] = []

    async def open_one() -> None:
        connection = await connect(
            f"ws://{address}/graphql",
            subprotocols=[Subprotocol("graphql-transport-ws")],
            compression=None,
            ping_interval=None,
            open_timeout=_PATIENCE_S,
        )
        subscriber = Subscriber(connection)
        connections.append(connection)
        await subscriber.start(user.token)
        subscribers.append(subscriber)

    before = server.resident_mib()
    started = time.perf_counter()
    for start in range(0, count, _OPENED_AT_ONCE):
        await asyncio.gather(*(open_one() for _ in range(min(_OPENED_AT_ONCE, count - start))))
    opened_s = time.perf_counter() - started
    held = server.resident_mib() - before
    headers = {"Authorization": f"Bearer {user.token}"}
    async with httpx2.AsyncClient(base_url=f"http://{address}", headers=headers, timeout=_PATIENCE_S) as client:
        for number in range(alert_events):
            await _ask(client, _SET, threshold=str(number + 1))
        for number in range(alert_events):
            # The next alert fires when all have received the last event: a delay is that of one event, not of a queue.
            receiving = asyncio.gather(*(subscriber.receive(1) for subscriber in subscribers))
            await _ask(client, _SPEND)
            await asyncio.wait_for(receiving, _PATIENCE_S)
            if any(len(subscriber.delays_s) != number + 1 for subscriber in subscribers):
                raise RuntimeError("a alert event was not heard by all")
    await asyncio.gather(*(connection.close() for connection in connections))
    print(
        f"  {count:>6,} subscribers, opened in {opened_s:.1f} s: {held / count * 1024:,.0f} KiB each"
        if count > 1
        else f"  {count:>6,} subscriber",
        flush=True,
    )
    return [delay for subscriber in subscribers for delay in subscriber.delays_s]


def _run(databases: Databases, everyone: Sequence[User], counts: Sequence[int], alert_events: int) -> None:
    baseline = 0.0
    for count, user in zip(counts, everyone, strict=False):
        with serving(OURS, databases.new()) as server:
            delays = sorted(asyncio.run(_measure(server, user, count, alert_events)))
        p50, p99 = statistics.median(delays) * 1000, delays[len(delays) * 99 // 100] * 1000
        baseline = baseline or p50
        print(
            f"{'':9}{len(delays):,} pushes: p50 {p50:,.0f} ms ({p50 / baseline:,.1f} x that of one), p99 {p99:,.0f} ms",
            flush=True,
        )


def main(
    db: Annotated[Backend, typer.Option(help="The databases to measure on.")] = Backend.ALL,
    alert_events: Annotated[int, typer.Option(min=1, help="Alerts that fire, one after the other.")] = 20,
) -> None:
    """Measure the memory per subscriber of alerts, and the time from an alert event to its arrival."""
    everyone = users()
    if db is not Backend.SQLITE:
        with stage.postgresql(everyone) as databases:
            print(f"\n== {databases.version}")
            _run(databases, everyone, COUNTS, alert_events)
    if db is not Backend.POSTGRES:
        with stage.sqlite(everyone) as files:
            print(f"\n== {files.version}")
            _run(files, everyone, COUNTS, alert_events)


if __name__ == "__main__":
    typer.run(main)
