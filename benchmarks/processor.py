"""`python -m benchmarks.processor`: the processor time that one request costs the server's process.

The application runs inside this process, without sockets. Processor time of all threads is counted, so other work on the
machine hardly changes it; on PostgreSQL, the time of the database is not part of it, on SQLite it is. Next to each request
stands its floor: the database driver alone, in the same scope, with the same rows read or written, and JSON made from them.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Protocol
from uuid import UUID

import aiosqlite
import asyncpg
import typer
import uvloop
from pydantic import SecretStr
from pydantic_core import to_json
from starlette.types import Message, Scope

from benchmarks import stage
from benchmarks.report import Backend, print_machine
from benchmarks.stage import Databases, dsn_of
from benchmarks.workload import SECRET, CallMaker, User, users
from models.base import Base
from models.database.postgresql import SYSTEM_ROLE, VIEWER_ROLE
from models.types import new_id, sqlite_text
from server.app import create_app
from server.settings import Settings

_PAGE: Final = 100
_HISTORY: Final = 2_000
_AT_ONCE: Final = 64
_SQLITE_PREFIX: Final = "sqlite+aiosqlite:///"
_COLUMNS: Final = ("id", "provider", "model_used", "task_type", "success", "latency_ms", "cost", "occurred_at")
_SUMS: Final = ("calls", "successes", "cost", "input_tokens", "output_tokens", "latency_sum_ms")

_PAGE_QUERY: Final = f"""{{ analytics(first: {_PAGE}) {{
  nodes {{ id provider modelUsed taskType success latencyMs cost occurredAt }}
}} }}"""
_SUMMARY_QUERY: Final = """query($filter: AnalyticsFilter) {
  analyticsSummary(filter: $filter, groupBy: [PROVIDER], grain: DAY) {
    start provider calls successes totalCost inputTokens outputTokens
  }
}"""
_ROUTE: Final = """mutation($input: RouteRequestInput!) {
  routeRequest(input: $input) { __typename ... on RoutingDecision { id provider model } ... on Error { message } }
}"""
_LOG: Final = """mutation($input: LogAnalyticsInput!) {
  logAnalytics(input: $input) { __typename ... on LoggedAnalytics { record { id } } ... on Error { message } }
}"""
_LOG_MANY: Final = """mutation($input: [LogAnalyticsInput!]!) {
  logAnalyticsBatch(input: $input) { accepted rejected { index error { message } } }
}"""

Work = Callable[[], Awaitable[object]]


class Client:
    """Sends GraphQL requests to an application in this process."""

    def __init__(self, app: Any, token: str) -> None:
        self._app = app
        self._authorization = b"Bearer " + token.encode()

    async def ask(self, query: str, **variables: Any) -> Any:
        """Send an operation and return its data. Raises RuntimeError on any error."""
        return json.loads(await self.send(query, variables))["data"]

    async def send(self, query: str, variables: dict[str, Any]) -> bytes:
        """Send an operation and return its response, not decoded. Raises RuntimeError on any error."""
        answer = await self._post(to_json({"query": query, "variables": variables}))
        if b'"errors":' in answer:
            raise RuntimeError(answer)
        return answer

    async def _post(self, body: bytes) -> bytes:
        scope: Scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": "/graphql",
            "raw_path": b"/graphql",
            "root_path": "",
            "query_string": b"",
            "headers": [
                (b"host", b"127.0.0.1"),
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
                (b"authorization", self._authorization),
            ],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "state": {},
        }
        request: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
        hung_up = asyncio.get_running_loop().create_future()
        sent: list[bytes] = []

        async def receive() -> Message:
            if request:
                return request.pop()
            await hung_up
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            sent.append(message.get("body", b""))

        await self._app(scope, receive, send)
        hung_up.cancel()
        return b"".join(sent)


class Driver(Protocol):
    """The floor: the driver of a database, used as directly as possible."""

    async def read(self, sql: str, *values: Any) -> None:
        """Read rows in a transaction with the scope of the user, and make JSON from them."""
        ...

    async def copy(self, table: str, row: Any, count: int) -> None:
        """Insert so many copies of a row in one transaction."""
        ...


def _copying(table: str, placeholder: str) -> str:
    names = [column.name for column in Base.metadata.tables[table].columns]
    selected = ", ".join(f"{placeholder}1" if name == "id" else name for name in names)
    return f"INSERT INTO {table} ({', '.join(names)}) SELECT {selected} FROM {table} WHERE id = {placeholder}2"


class AsyncpgDriver:
    """asyncpg, with the role and the user of row-level security."""

    def __init__(self, connection: asyncpg.Connection, user_id: UUID) -> None:
        self._connection = connection
        self._scope = f"BEGIN READ ONLY; SET LOCAL ROLE {VIEWER_ROLE}; SET LOCAL app.user_id = '{user_id}'"

    async def read(self, sql: str, *values: Any) -> None:
        """Read rows as the viewer, and make JSON from them."""
        await self._connection.execute(self._scope)
        rows = await self._connection.fetch(sql.replace("?", "$1", 1).replace("?", "$2", 1), *values)
        await self._connection.execute("COMMIT")
        to_json([dict(row) for row in rows])

    async def copy(self, table: str, row: Any, count: int) -> None:
        """Insert copies of a row as the server does."""
        await self._connection.execute(f"BEGIN; SET LOCAL ROLE {SYSTEM_ROLE}")
        await self._connection.executemany(
            _copying(table, "$"), [(new_id(datetime.now(UTC)), row) for _ in range(count)]
        )
        await self._connection.execute("COMMIT")


class AiosqliteDriver:
    """aiosqlite, with the user as a condition."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection

    async def read(self, sql: str, *values: Any) -> None:
        """Read rows, and make JSON from them."""
        await self._connection.execute("BEGIN DEFERRED")
        async with self._connection.execute(sql, [_on_sqlite(each) for each in values]) as cursor:
            names = [each[0] for each in cursor.description]
            rows = await cursor.fetchall()
        await self._connection.execute("COMMIT")
        to_json([dict(zip(names, row, strict=True)) for row in rows])

    async def copy(self, table: str, row: Any, count: int) -> None:
        """Insert copies of a row."""
        await self._connection.execute("BEGIN IMMEDIATE")
        await self._connection.executemany(
            _copying(table, "?"), [(new_id(datetime.now(UTC)).hex, _on_sqlite(row)) for _ in range(count)]
        )
        await self._connection.execute("COMMIT")


def _on_sqlite(value: Any) -> Any:
    if isinstance(value, datetime):
        return sqlite_text(value)
    return value.hex if isinstance(value, UUID) else value


@asynccontextmanager
async def _driver(url: str, user_id: UUID) -> AsyncIterator[Driver]:
    if url.startswith(_SQLITE_PREFIX):
        async with aiosqlite.connect(url.removeprefix(_SQLITE_PREFIX), isolation_level=None) as connection:
            await connection.execute("PRAGMA synchronous = FULL")
            yield AiosqliteDriver(connection)
        return
    postgresql = await asyncpg.connect(dsn_of(url))
    try:
        yield AsyncpgDriver(postgresql, user_id)
    finally:
        await postgresql.close()


@dataclass(frozen=True, slots=True)
class Request:
    """What is measured: a request to the server, its floor, and how many of them one piece of work holds."""

    name: str
    ours: Work
    floor: Work | None
    at_once: int = 1
    at_most_us: float | None = None
    at_most_times: float | None = None


async def _requests(client: Client, driver: Driver, user: User) -> Sequence[Request]:
    maker = CallMaker()
    until = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    since = until - timedelta(days=30)
    numbers = iter(range(10**9))
    for _ in range(_HISTORY // 1000):
        calls = [
            maker.next(user, f"history-{number}")
            | {"occurredAt": (datetime.now(UTC) - timedelta(minutes=20 * (number % 1000))).isoformat()}
            for number in (next(numbers) for _ in range(1000))
        ]
        await client.ask(_LOG_MANY, input=calls)
    candidates = [{"provider": "openai", "model": f"benchmark-{number}"} for number in range(20)]
    asked = {"taskType": "chat", "inputTokens": 1000, "maxOutputTokens": 500, "candidates": candidates}
    routed = (await client.ask(_ROUTE, input=asked))["routeRequest"]
    logged = (await client.ask(_LOG, input=maker.next(user, "floor")))["logAnalytics"]
    if "id" not in routed:
        # Candidates without a price are refused by some preferences: the benchmark must not measure a refusal.
        raise RuntimeError(routed)
    decision_id, call_id = UUID(routed["id"]), UUID(logged["record"]["id"])
    page = f"SELECT {', '.join(_COLUMNS)} FROM router_analytics WHERE user_id = ? ORDER BY id DESC LIMIT {_PAGE}"
    summary = (
        f"SELECT day, provider, {', '.join(f'sum({name}) AS {name}' for name in _SUMS)} FROM router_analytics_daily "
        "WHERE user_id = ? AND day >= ? GROUP BY day, provider"
    )

    async def log_many() -> None:
        inputs = [maker.next(user, f"one-{next(numbers)}") for _ in range(_AT_ONCE)]
        await asyncio.gather(*(client.send(_LOG, {"input": each}) for each in inputs))

    return (
        Request("{ __typename }", lambda: client.send("{ __typename }", {}), None, at_most_us=100),
        Request(
            f"page of {_PAGE} calls, 8 fields",
            lambda: client.send(_PAGE_QUERY, {}),
            lambda: driver.read(page, user.id),
            at_most_times=1.5,
        ),
        Request(
            "summary of 30 days by day and provider",
            lambda: client.send(_SUMMARY_QUERY, {"filter": {"from": since.isoformat(), "to": until.isoformat()}}),
            lambda: driver.read(summary, user.id, since),
        ),
        Request(
            "routeRequest, 20 candidates, no budget",
            lambda: client.send(_ROUTE, {"input": asked}),
            lambda: driver.copy("router_decisions", decision_id, 1),
            at_most_us=1000,
        ),
        Request(
            f"logAnalytics, {_AT_ONCE} at once",
            log_many,
            lambda: driver.copy("router_analytics", call_id, _AT_ONCE),
            at_once=_AT_ONCE,
            at_most_us=400,
        ),
    )


async def _time_us(work: Work, seconds: float) -> float:
    """The processor time of one piece of work in microseconds, repeated for so many seconds of processor time."""
    repeated, started = 0, time.process_time()
    while (used := time.process_time() - started) < seconds:
        await work()
        repeated += 1
    return used / repeated * 1e6


async def _measure(url: str, user: User, seconds: float, rounds: int) -> None:
    app = create_app(Settings(database_url=url, jwt_secret=SecretStr(SECRET)))
    async with app.router.lifespan_context(app), _driver(url, user.id) as driver:
        client = Client(app, user.token)
        for request in await _requests(client, driver, user):
            ours: list[float] = []
            floors: list[float] = []
            for _ in range(3):
                await request.ours()
            for _ in range(rounds):
                ours.append(await _time_us(request.ours, seconds) / request.at_once)
                if request.floor is not None:
                    floors.append(await _time_us(request.floor, seconds) / request.at_once)
            _print(request, ours, floors)


def _print(request: Request, ours: Sequence[float], floors: Sequence[float]) -> None:
    took_us = statistics.median(ours)
    line = f"  {request.name:<40}{took_us:>9,.0f} us"
    if floors:
        floor_us = statistics.median(floors)
        line += f"; floor {floor_us:>7,.0f} us; {took_us / floor_us:>5.1f} times"
        if request.at_most_times is not None:
            line += f", aim at most {request.at_most_times:g}: {_verdict(took_us <= request.at_most_times * floor_us)}"
    if request.at_most_us is not None:
        line += f"; aim at most {request.at_most_us:,.0f} us: {_verdict(took_us <= request.at_most_us)}"
    print(line, flush=True)


def _verdict(is_reached: bool) -> str:
    return "reached" if is_reached else "MISSED"


def _run(databases: Databases, everyone: Sequence[User], seconds: float, rounds: int) -> None:
    print(f"\n== {databases.version}")
    uvloop.run(_measure(databases.new(), everyone[0], seconds, rounds))


def main(
    db: Annotated[Backend, typer.Option("--db", "--backend", help="The databases to measure on.")] = Backend.ALL,
    seconds: Annotated[float, typer.Option(min=0.1, help="Processor time of each measurement, in seconds.")] = 1.0,
    rounds: Annotated[int, typer.Option(min=1, help="How many times each is measured.")] = 3,
) -> None:
    """Measure the processor time of requests, and print it next to its floor."""
    everyone = users()
    print_machine()
    if db is not Backend.SQLITE:
        with stage.postgresql(everyone) as databases:
            _run(databases, everyone, seconds, rounds)
    if db is not Backend.POSTGRES:
        with stage.sqlite(everyone) as files:
            _run(files, everyone, seconds, rounds)


if __name__ == "__main__":
    typer.run(main)
