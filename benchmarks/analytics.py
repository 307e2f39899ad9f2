"""`python -m benchmarks.analytics`: measures how fast charts and pages of calls are answered as the number of calls grows.

One user of a hundred has 10 thousand, 1 million or 10 million calls of 90 days, copies of real ones. The query of a chart
is compared with the same query in plain SQL over the calls, on the same database; a page is compared with a
bare endpoint that returns the same rows. The benchmark fails if an answer differs from that of plain SQL.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import asyncpg
import httpx2
import typer

from benchmarks import stage
from benchmarks.history import add_up, fill
from benchmarks.report import Backend, heading, print_machine, print_rate, print_ratio, print_times
from benchmarks.stage import OURS, Databases, ServerProcess, dsn_of, put_load, serving
from benchmarks.workload import User, graphql_request, users
from domain.latency import RELATIVE_ERROR
from models.types import first_id_at

OTHERS: Final = 99
ROWS_OF_ANOTHER: Final = 1_000
PAGE: Final = 100
CONNECTIONS: Final = 16
BARE: Final = ("benchmarks.bare_server", "serve")

_SAMPLE: Final = Path(__file__).parent.parent / "tests" / "data" / "aider_usage_sample.csv"
_FIELDS: Final = "id provider modelUsed taskType success latencyMs cost occurredAt"
_SUMMARY: Final = """query($input: AnalyticsFilter) {
  analyticsSummary(filter: $input, groupBy: [PROVIDER], grain: DAY) { start provider calls successes totalCost }
}"""
_P95: Final = """query($input: AnalyticsFilter) {
  analyticsSummary(filter: $input, groupBy: [MODEL]) { model calls latencyP95Ms }
}"""
_PAGE: Final = f"""query($input: String) {{
  analytics(first: {PAGE}, after: $input) {{ nodes {{ {_FIELDS} }} pageInfo {{ endCursor }} }}
}}"""
_PATIENCE_S: Final = 600.0


class Question:
    """The GraphQL query of a chart, and the same query in plain SQL."""

    def __init__(self, name: str, query: str, postgresql: str, sqlite: str) -> None:
        self.name = name
        self.query = query
        self._postgresql = postgresql
        self._sqlite = sqlite

    def in_sql(self, url: str, user: User, start: datetime, end: datetime) -> tuple[list[Any], float]:
        """The answer computed from the calls, and its duration in seconds."""
        if url.startswith("postgresql"):
            return asyncio.run(self._on_postgresql(url, user, start, end))
        connection = sqlite3.connect(url.removeprefix("sqlite+aiosqlite:///"))
        try:
            connection.execute("PRAGMA cache_size = -65536")
            first, last = (first_id_at(moment).hex for moment in (start, end))
            started = time.perf_counter()
            rows = connection.execute(self._sqlite, (user.id.hex, first, last)).fetchall()
            return rows, time.perf_counter() - started
        finally:
            connection.close()

    async def _on_postgresql(self, url: str, user: User, start: datetime, end: datetime) -> tuple[list[Any], float]:
        connection = await asyncpg.connect(dsn_of(url))
        try:
            arguments = (user.id, first_id_at(start), first_id_at(end))
            started = time.perf_counter()
            rows = await connection.fetch(self._postgresql, *arguments, timeout=_PATIENCE_S)
            return [tuple(row) for row in rows], time.perf_counter() - started
        finally:
            await connection.close()


BY_DAY: Final = Question(
    "30 days by day and provider",
    _SUMMARY,
    "SELECT date_trunc('day', occurred_at, 'UTC'), provider, count(*), count(*) FILTER (WHERE success), sum(cost) "
    "FROM router_analytics WHERE user_id = $1 AND id >= $2 AND id < $3 GROUP BY 1, 2",
    "SELECT substr(occurred_at, 1, 10), provider, count(*), count(*) FILTER (WHERE success), sum(cost) "
    "FROM router_analytics WHERE user_id = ? AND id >= ? AND id < ? GROUP BY 1, 2",
)
P95_BY_MODEL: Final = Question(
    "p95 latency by model, 30 days",
    _P95,
    "SELECT model_used, count(*), percentile_disc(0.95) WITHIN GROUP (ORDER BY latency_ms) "
    "FROM router_analytics WHERE user_id = $1 AND id >= $2 AND id < $3 GROUP BY 1",
    "SELECT model_used, max(calls), max(latency_ms) FILTER (WHERE place = (timed * 95 + 99) / 100) FROM ("
    "SELECT model_used, latency_ms, count(*) OVER m AS calls, count(latency_ms) OVER m AS timed, "
    "row_number() OVER (PARTITION BY model_used ORDER BY latency_ms NULLS LAST) AS place "
    "FROM router_analytics WHERE user_id = ? AND id >= ? AND id < ? WINDOW m AS (PARTITION BY model_used)) GROUP BY 1",
)


def check_days(answer: list[dict[str, Any]], rows: Sequence[tuple[Any, ...]]) -> None:
    """Raise RuntimeError unless counts and money equal those of the calls, to the nano-USD."""
    ours = {
        (bucket["start"][:10], bucket["provider"]): (bucket["calls"], bucket["successes"], bucket["totalCost"])
        for bucket in answer
        if bucket["calls"]
    }
    theirs = {
        (str(day)[:10], provider): (calls, successes, f"{int(cost or 0) / 10**9:.9f}".rstrip("0").rstrip("."))
        for day, provider, calls, successes, cost in rows
    }
    if ours.keys() != theirs.keys() or any(
        ours[key][:2] != theirs[key][:2] or abs(float(ours[key][2]) - float(theirs[key][2])) > 1e-6 for key in ours
    ):
        raise RuntimeError(f"the sums differ from the calls: {len(ours)} and {len(theirs)} groups")


def check_percentiles(answer: list[dict[str, Any]], rows: Sequence[tuple[Any, ...]]) -> None:
    """Raise RuntimeError unless each percentile is within the documented error."""
    ours = {bucket["model"]: bucket for bucket in answer}
    for model, calls, latency_ms in rows:
        found = ours[model]
        near = latency_ms is None or abs(found["latencyP95Ms"] - latency_ms) <= RELATIVE_ERROR * latency_ms + 1e-6
        if found["calls"] != calls or not near:
            raise RuntimeError(f"the 95th percentile of {model} is {latency_ms}, not {found['latencyP95Ms']}")


QUESTIONS: Final[Sequence[tuple[Question, Callable[[list[dict[str, Any]], Sequence[tuple[Any, ...]]], None]]]] = (
    (BY_DAY, check_days),
    (P95_BY_MODEL, check_percentiles),
)


class Size:
    """A database with this many calls of the user, a server on it, and its measurements."""

    def __init__(
        self, stack: ExitStack, databases: Databases, everyone: Sequence[User], rows: int, sample: Path
    ) -> None:
        self.rows = rows
        self._sample = sample
        self._databases = databases
        self.user = everyone[0]
        self.url = databases.new()
        self.until = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        started = time.perf_counter()
        asyncio.run(self._fill(everyone))
        print(f"  {rows:,} calls inserted in {time.perf_counter() - started:.0f} s", flush=True)
        self._server = stack.enter_context(serving(OURS, self.url))
        self.times_ms: dict[str, list[float]] = {}
        self.in_sql_ms: dict[str, list[float]] = {}
        self.rates: list[float] = []
        self.bare_rates: list[float] = []

    async def _fill(self, everyone: Sequence[User]) -> None:
        await fill(self.url, self.user.id, self.rows, self._sample, self.until)
        for other in everyone[1 : 1 + OTHERS]:
            await fill(self.url, other.id, ROWS_OF_ANOTHER, self._sample, self.until)
        await add_up(self.url)

    @property
    def range(self) -> tuple[datetime, datetime]:
        return self.until - timedelta(days=30), self.until

    def answer(self, query: str, variable: object) -> Any:
        """The answer of the server to one request."""
        response = httpx2.post(
            f"http://127.0.0.1:{self._server.port}/graphql",
            json={"query": query, "variables": {"input": variable}},
            headers={"Authorization": f"Bearer {self.user.token}"},
            timeout=_PATIENCE_S,
        )
        body = response.json()
        if "errors" in body:
            raise RuntimeError(body["errors"])
        return next(iter(body["data"].values()))

    def ask(self, name: str, query: str, variable: object, seconds: float) -> None:
        """Repeat the request over one connection, and store the median time."""
        measured = self._load(self._server, [graphql_request(self.user, query, variable)], 1, seconds)
        self.times_ms.setdefault(name, []).append(measured.seen.p50_ms)

    def chart(self, question: Question, check: Callable[..., None], seconds: float) -> None:
        """Measure the query on the server, and once in plain SQL."""
        start, end = self.range
        variable = {"from": start.isoformat(), "to": end.isoformat()}
        self.ask(question.name, question.query, variable, seconds)
        rows, took_s = question.in_sql(self.url, self.user, start, end)
        check(self.answer(question.query, variable), rows)
        self.in_sql_ms.setdefault(question.name, []).append(took_s * 1000)

    def pages(self, seconds: float) -> None:
        """Measure the first page, and one in the middle of all calls."""
        deep = self.answer(
            "query($input: AnalyticsFilter) { analytics(filter: $input, first: 1) { pageInfo { endCursor } } }",
            {"to": (self.until - timedelta(days=45)).isoformat()},
        )["pageInfo"]["endCursor"]
        self.ask("first page", _PAGE, None, seconds)
        self.ask("deep page", _PAGE, deep, seconds)

    def page_rate(self, seconds: float) -> None:
        """Measure the pages per second over many connections."""
        request = graphql_request(self.user, _PAGE, None)
        self.rates.append(self._load(self._server, [request], CONNECTIONS, seconds).per_s)

    def bare_page_rate(self, bare: ServerProcess, seconds: float) -> None:
        """Measure the same rows from the bare endpoint."""
        request = f"GET /page?user={self.user.id}&first={PAGE} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        self.bare_rates.append(self._load(bare, [request], CONNECTIONS, seconds, expected='"modelUsed"').per_s)

    def _load(
        self, server: ServerProcess, requests: list[str], connections: int, seconds: float, expected: str = '"data"'
    ) -> stage.Measured:
        return put_load(
            self._databases, [server], requests, expected, connections=connections, seconds=seconds, warm_up_s=0.5
        )


def run(
    databases: Databases, everyone: Sequence[User], sizes: Sequence[int], sample: Path, rounds: int, seconds: float
) -> None:
    """Measure all sizes alternately, several times."""
    with ExitStack() as stack:
        heading(f"One user of {OTHERS + 1}; the others have {ROWS_OF_ANOTHER:,} calls each")
        filled = [Size(stack, databases, everyone, rows, sample) for rows in sizes]
        for _ in range(rounds):
            for size in filled:
                for question, check in QUESTIONS:
                    size.chart(question, check, seconds)
                size.pages(seconds)
        for question, _ in QUESTIONS:
            _print_question(question, filled)
        heading(f"A page of {PAGE} calls")
        for size in filled:
            for name in ("first page", "deep page"):
                print_times(f"{name} of {size.rows:,}", size.times_ms[name])
            print_ratio("deep : first", size.times_ms["deep page"], size.times_ms["first page"], 1.2, at_most=True)
        largest = filled[-1]
        if largest.url.startswith("postgresql"):
            _against_bare(stack, largest, rounds, seconds)


def _print_question(question: Question, filled: Sequence[Size]) -> None:
    heading(question.name)
    for size in filled:
        print_times(f"the server, {size.rows:,}", size.times_ms[question.name])
    for size in filled:
        print_times(f"plain SQL, {size.rows:,}", size.in_sql_ms[question.name])
    if len(filled) > 1:
        ours = [size.times_ms[question.name] for size in filled[-2:]]
        print_ratio(f"{filled[-1].rows:,} : {filled[-2].rows:,}", ours[1], ours[0], 1.5, at_most=True)
    largest = filled[-1]
    print_ratio("plain SQL : the server", largest.in_sql_ms[question.name], largest.times_ms[question.name], 20)


def _against_bare(stack: ExitStack, size: Size, rounds: int, seconds: float) -> None:
    heading(f"Pages of {PAGE} calls with 8 fields, {CONNECTIONS} keep-alive connections")
    bare = stack.enter_context(serving(BARE, size.url))
    for _ in range(rounds):
        size.page_rate(seconds)
        size.bare_page_rate(bare, seconds)
    print_rate("the server", size.rates, "pages/s")
    print_rate("bare Starlette and asyncpg", size.bare_rates, "pages/s")
    print_ratio("server : bare", size.rates, size.bare_rates, 0.25)


def main(
    db: Annotated[Backend, typer.Option("--db", "--backend", help="The databases to measure on.")] = Backend.ALL,
    rows: Annotated[str, typer.Option(help="How many calls the user has; several numbers separated by commas.")] = (
        "10000,1000000,10000000"
    ),
    sample: Annotated[Path, typer.Option(help="The usage file whose calls are copied: CSV, plain or gzip.")] = _SAMPLE,
    seconds: Annotated[float, typer.Option(min=0.5, help="How long each measurement takes, in seconds.")] = 2.0,
    rounds: Annotated[int, typer.Option(min=1, help="How many times each is measured.")] = 3,
) -> None:
    """Measure charts and pages over few and many calls, and print the ratios."""
    started = time.perf_counter()
    everyone = users()
    sizes = [int(each) for each in rows.split(",")]
    print_machine()
    if db is not Backend.SQLITE:
        with stage.postgresql(everyone) as databases:
            print(f"\n== {databases.version}, row-level security")
            run(databases, everyone, sizes, sample, rounds, seconds)
    if db is not Backend.POSTGRES:
        with stage.sqlite(everyone) as files:
            print(f"\n== {files.version}")
            run(files, everyone, sizes, sample, rounds, seconds)
    print(f"\n{time.perf_counter() - started:.0f} s in all")


if __name__ == "__main__":
    typer.run(main)
