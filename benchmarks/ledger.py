"""`python -m benchmarks.ledger`: measures how fast calls are logged, compared with one transaction per call.

Both sides are measured alternately in one run, several times; a ratio is the median of the rounds' ratios. After each
measurement the benchmark fails unless the database has as many rows as were acknowledged.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Annotated, Final

import typer

from benchmarks import stage
from benchmarks.bulk import copied_per_s, fill, transacted_per_s
from benchmarks.report import Backend, heading, print_load, print_machine, print_rate, print_ratio
from benchmarks.stage import BASELINE, INSTANT, OURS, Databases, Measured, ServerProcess, put_load, rows_in, serving
from benchmarks.workload import User, batch_requests, ingest_requests, single_requests, users

CONNECTIONS: Final = 64
"""Keep-alive connections that log single calls."""
BATCH: Final = 1_000
"""Calls in a `logAnalyticsBatch`."""
GATEWAYS: Final = 4
"""Users whose calls are sent in bulk, each over a separate connection."""
FEW_ROWS: Final = 10_000

_ONE_LOGGED: Final = '"LoggedAnalytics"'
_BATCH_LOGGED: Final = rf'"accepted": ?{BATCH}\b'
_LINE_LOGGED: Final = '"deduplicated": ?false'
_MEMORY_STEPS: Final = 5
_WARM_UP_S: Final = 1.0
_PATIENCE_S: Final = 300.0
"""The longest time that a fixed number of requests may take."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The duration and size of the measurements."""

    seconds: float
    """The duration of each measurement, after its warm-up."""
    rounds: int
    bulk: int
    """Calls that each gateway sends in one request."""
    rows: int
    """Stored rows, for the comparison with the rate over few rows."""
    calls: int
    """Calls that are logged while the memory of the server is measured."""


@dataclass(slots=True)
class Side:
    """One side of a comparison: server processes on one database, and their measurements."""

    name: str
    databases: Databases
    url: str
    servers: Sequence[ServerProcess]
    stores: bool = True
    rates: list[float] = field(default_factory=list)
    measured: list[Measured] = field(default_factory=list)

    def load(
        self,
        requests: list[str],
        expected: str,
        *,
        connections: int,
        seconds: float,
        warm_up_s: float = 0.0,
        calls: int = 1,
        limit: int | None = None,
    ) -> None:
        """Send a load of requests with this many calls each.

        Raises RuntimeError if a request failed, or if the number of stored rows differs from the acknowledged calls.
        """
        before = asyncio.run(rows_in(self.url))
        measured = put_load(
            self.databases,
            self.servers,
            requests,
            expected,
            connections=connections,
            seconds=seconds,
            warm_up_s=warm_up_s,
            limit=limit,
        )
        stored = asyncio.run(rows_in(self.url)) - before
        acknowledged = measured.seen.acknowledged * calls if self.stores else 0
        if stored != acknowledged:
            raise RuntimeError(f"{self.name}: {acknowledged} calls were acknowledged, {stored} are stored")
        self.rates.append(measured.per_s * calls)
        self.measured.append(measured)

    def print(self, unit: str) -> None:
        print_rate(self.name, self.rates, unit)
        print_load(self.measured)


class Benchmark:
    """The measurements on one kind of database."""

    def __init__(self, plan: Plan, databases: Databases, everyone: Sequence[User]) -> None:
        self._plan = plan
        self._databases = databases
        self._users = everyone
        self._single = single_requests(everyone)
        self._batches = batch_requests(everyone[:GATEWAYS], BATCH)

    def single(self, target: float, two_workers_target: float | None) -> None:
        """Mutations with one call: one transaction each, the ledger, and two processes with a ledger each.

        A server that stores nothing shows the highest rate that HTTP and GraphQL permit.
        """
        heading(f"Single logAnalytics mutations, {CONNECTIONS} keep-alive connections")
        with ExitStack() as stack:
            ordinary = self._side(stack, "a transaction for each request", BASELINE)
            ours = self._side(stack, "the ledger")
            instant = self._side(stack, "no ledger: nothing is stored", INSTANT)
            instant.stores = False
            sides = [ordinary, ours, instant]
            if two_workers_target is not None:
                second = stack.enter_context(serving(OURS, ours.url))
                both = Side("the ledger, two processes", self._databases, ours.url, [*ours.servers, second])
                sides.append(both)
            self._alternately([self._singly(side) for side in sides])
            for side in sides:
                side.print("mutations/s")
            print_ratio("ledger : transaction each", ours.rates, ordinary.rates, target)
            print_ratio("the same, for its processor time", _per_cpu(ours), _per_cpu(ordinary), None)
            print_ratio("no ledger : transaction each (the ceiling)", instant.rates, ordinary.rates, None)
            if two_workers_target is not None:
                print_ratio("two processes : one", both.rates, ours.rates, two_workers_target)

    def batches(self) -> None:
        """`logAnalyticsBatch` of the largest size."""
        heading(f"logAnalyticsBatch of {BATCH:,}, {GATEWAYS} connections")
        with ExitStack() as stack:
            ours = self._side(stack, "the ledger")
            self._alternately([self._in_batches(ours)])
            ours.print("rows/s")

    def bulk_against_copy(self, target: float) -> None:
        """Bulk ingest, compared with a bare COPY of the same rows into the same table."""
        copied: list[float] = []
        url = self._databases.new()
        self._bulk(
            "COPY of the rows alone",
            copied,
            lambda: asyncio.run(copied_per_s(url, self._users[:GATEWAYS], self._plan.bulk)),
            target,
        )

    def bulk_against_transactions(self, target: float) -> None:
        """Bulk ingest, compared with the same lines in one transaction each, without HTTP."""
        transacted: list[float] = []
        url = self._databases.new()
        self._bulk(
            "a transaction for each line",
            transacted,
            lambda: asyncio.run(transacted_per_s(url, self._users[0], BATCH)),
            target,
        )

    def _bulk(self, name: str, theirs: list[float], measure: Callable[[], float], target: float) -> None:
        heading(f"Bulk ingest, {GATEWAYS} requests of {self._plan.bulk:,} lines at once")
        with ExitStack() as stack:
            ours = self._side(stack, "POST /ingest/decisions")

            def ingest() -> None:
                # Created anew each time, because they contain the time of the calls.
                requests = ingest_requests(self._users[:GATEWAYS], self._plan.bulk)
                ours.load(
                    requests,
                    _LINE_LOGGED,
                    connections=GATEWAYS,
                    calls=self._plan.bulk,
                    seconds=_PATIENCE_S,
                    limit=len(requests),
                )

            self._alternately([lambda: theirs.append(measure()), ingest])
            print_rate(name, theirs, "rows/s")
            ours.print("rows/s")
            print_ratio(f"ingest : {name}", ours.rates, theirs, target)

    def growth(self, target: float) -> None:
        """The rate with many stored rows, compared with few."""
        heading(f"Growth: {self._plan.rows:,} stored rows compared with {FEW_ROWS:,}")
        with ExitStack() as stack:
            sides: list[list[Side]] = []
            for rows in (FEW_ROWS, self._plan.rows):
                url = self._databases.new()
                started = time.perf_counter()
                asyncio.run(fill(url, self._users, rows))
                stored = asyncio.run(rows_in(url))
                print(f"  {stored:,} rows filled in within {time.perf_counter() - started:.0f} s", flush=True)
                server = stack.enter_context(serving(OURS, url))
                sides.append(
                    [
                        Side(f"{what} over {stored:,} rows", self._databases, url, [server])
                        for what in ("single mutations", "batches")
                    ]
                )
            (few_single, few_batches), (many_single, many_batches) = sides
            self._alternately(
                [
                    self._singly(few_single),
                    self._singly(many_single),
                    self._in_batches(few_batches),
                    self._in_batches(many_batches),
                ]
            )
            for few, many, unit in ((few_single, many_single, "mutations/s"), (few_batches, many_batches, "rows/s")):
                few.print(unit)
                many.print(unit)
                print_ratio("many rows : few", many.rates, few.rates, target)

    def memory(self) -> None:
        """The memory of the server process while it logs many calls."""
        heading(f"Memory of the server while it logs {self._plan.calls:,} calls in batches")
        with ExitStack() as stack:
            ours = self._side(stack, "the ledger")
            [server] = ours.servers
            print(f"  before the first request {server.resident_mib():,.0f} MiB", flush=True)
            held: list[float] = []
            for step in range(1, _MEMORY_STEPS + 1):
                batches = max(self._plan.calls // BATCH // _MEMORY_STEPS, 1)
                ours.load(
                    self._batches,
                    _BATCH_LOGGED,
                    connections=GATEWAYS,
                    calls=BATCH,
                    seconds=_PATIENCE_S,
                    limit=batches,
                )
                held.append(server.resident_mib())
                print(f"  after {step * batches * BATCH:>11,} calls {held[-1]:,.0f} MiB", flush=True)
            print(f"  grown by {held[-1] - held[0]:,.0f} MiB since the first step", flush=True)

    def _side(self, stack: ExitStack, name: str, command: tuple[str, str] = OURS) -> Side:
        url = self._databases.new()
        return Side(name, self._databases, url, [stack.enter_context(serving(command, url))])

    def _alternately(self, measurements: Sequence[Callable[[], None]]) -> None:
        for _ in range(self._plan.rounds):
            for measure in measurements:
                measure()

    def _singly(self, side: Side) -> Callable[[], None]:
        return lambda: side.load(
            self._single, _ONE_LOGGED, connections=CONNECTIONS, seconds=self._plan.seconds, warm_up_s=_WARM_UP_S
        )

    def _in_batches(self, side: Side) -> Callable[[], None]:
        return lambda: side.load(
            self._batches, _BATCH_LOGGED, connections=GATEWAYS, calls=BATCH, seconds=self._plan.seconds
        )


def _per_cpu(side: Side) -> list[float]:
    """Calls per second of processor time of the server, which does not depend on other load of the machine."""
    return [rate / measured.servers_cpu for rate, measured in zip(side.rates, side.measured, strict=True)]


def _on_postgresql(plan: Plan, everyone: Sequence[User]) -> None:
    with stage.postgresql(everyone) as databases:
        print(f"\n== {databases.version}, fsync on, row-level security")
        benchmark = Benchmark(plan, databases, everyone)
        benchmark.single(target=6, two_workers_target=1.7)
        benchmark.batches()
        benchmark.bulk_against_copy(target=0.5)
        benchmark.growth(target=0.8)
        benchmark.memory()


def _on_sqlite(plan: Plan, everyone: Sequence[User]) -> None:
    with stage.sqlite(everyone) as databases:
        print(f"\n== {databases.version}, WAL, synchronous=FULL")
        benchmark = Benchmark(plan, databases, everyone)
        benchmark.single(target=4, two_workers_target=None)
        benchmark.batches()
        benchmark.bulk_against_transactions(target=4)
        benchmark.growth(target=0.8)
        benchmark.memory()


def main(
    db: Annotated[Backend, typer.Option(help="The databases to measure on.")] = Backend.ALL,
    seconds: Annotated[float, typer.Option(min=1, help="How long each measurement takes, in seconds.")] = 2.5,
    rounds: Annotated[int, typer.Option(min=1, help="How many times each side is measured.")] = 3,
    rows: Annotated[int, typer.Option(min=20_000, help="Stored rows for the measurement of growth.")] = 1_000_000,
    calls: Annotated[int, typer.Option("--records", min=5_000, help="Calls logged while memory is watched.")] = 50_000,
    quick: Annotated[bool, typer.Option("--quick", help="One short round of each: to see that it runs.")] = False,
) -> None:
    """Measure the ledger and one transaction per call alternately, and print the ratios."""
    plan = Plan(seconds, rounds, bulk=10_000, rows=rows, calls=calls)
    if quick:
        plan = Plan(seconds=1, rounds=1, bulk=1_000, rows=20_000, calls=5_000)
    started = time.perf_counter()
    everyone = users()
    print_machine()
    if db is not Backend.SQLITE:
        _on_postgresql(plan, everyone)
    if db is not Backend.POSTGRES:
        _on_sqlite(plan, everyone)
    print(f"\n{time.perf_counter() - started:.0f} s in all")


if __name__ == "__main__":
    typer.run(main)
