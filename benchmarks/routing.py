"""`python -m benchmarks.routing`: measures how fast requests are routed.

A routing decision is compared with a trivial mutation on the same server; routing decisions under a budget are compared with
one transaction each; and the rules are measured alone. Both sides are measured alternately in one run, several times
over; a ratio is the median of the rounds' ratios. After each measurement the benchmark fails unless the database has as many
routing decisions and holds as were acknowledged.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Annotated, Final

import typer

from benchmarks import stage
from benchmarks.report import Backend, heading, print_load, print_machine, print_rate, print_ratio, print_times
from benchmarks.routing_workload import (
    LOGGED,
    MODELS,
    acknowledge_requests,
    furnish,
    large_case,
    route_requests,
    save_requests,
    settle,
)
from benchmarks.stage import BASELINE, OURS, Databases, Measured, ServerProcess, put_load, rows_in, serving
from benchmarks.workload import User, users
from domain.routing import Choice, choose, rank

FEW_CONNECTIONS: Final = 16
"""Keep-alive connections in comparisons of times."""
CONNECTIONS: Final = 64
"""Keep-alive connections in comparisons of rates."""
ROUTING: Final = 8
"""Users who route without a budget. The same number of users have one budget each."""
SAVING: Final = 16
"""Users who save preferences."""
CANDIDATES: Final = 100
RULES: Final = 50

_RUNS: Final = 2_000
_DECIDED: Final = '"RoutingDecision"'
_NOT_FOUND: Final = '"NOT_FOUND"'
_SAVED: Final = '"RouterPreferences"'
_WARM_UP_S: Final = 1.5


@dataclass(slots=True)
class Side:
    """One side of a comparison: requests to one server, and their measurements."""

    name: str
    databases: Databases
    url: str
    server: ServerProcess
    requests: list[str]
    expected: str
    connections: int
    decides: bool = True
    holds: bool = False
    measured: list[Measured] = field(default_factory=list)

    @property
    def rates(self) -> list[float]:
        return [measured.per_s for measured in self.measured]

    @property
    def p50_ms(self) -> list[float]:
        return [measured.seen.p50_ms for measured in self.measured]

    @property
    def p99_ms(self) -> list[float]:
        return [measured.seen.p99_ms for measured in self.measured]

    def load(self, seconds: float) -> None:
        """Send the load to the server.

        Raises RuntimeError if a request failed, or if stored routing decisions or holds differ from the acknowledged ones.
        """
        asyncio.run(settle(self.url))
        before = asyncio.run(rows_in(self.url, "router_decisions"))
        measured = put_load(
            self.databases,
            [self.server],
            self.requests,
            self.expected,
            connections=self.connections,
            seconds=seconds,
            warm_up_s=_WARM_UP_S,
        )
        acknowledged = measured.seen.acknowledged if self.decides else 0
        decisions = asyncio.run(rows_in(self.url, "router_decisions")) - before
        holds = asyncio.run(rows_in(self.url, "router_holds"))
        if decisions != acknowledged or holds != (acknowledged if self.holds else 0):
            raise RuntimeError(
                f"{self.name}: {acknowledged} decisions were acknowledged, {decisions} and {holds} holds are stored"
            )
        self.measured.append(measured)

    def print(self, unit: str) -> None:
        print_rate(self.name, self.rates, unit)
        print_load(self.measured)


@dataclass(frozen=True, slots=True)
class Benchmark:
    """The measurements on one kind of database."""

    seconds: float
    rounds: int
    databases: Databases
    routing: Sequence[User]
    budgeted: Sequence[User]
    saving: Sequence[User]

    def run(self) -> None:
        """Both measurements, with one database per server."""
        with ExitStack() as stack:
            url, baseline_url = self.databases.new(), self.databases.new()
            for each in (url, baseline_url):
                asyncio.run(furnish(each, self.routing, self.budgeted, self.saving))
            ours = stack.enter_context(serving(OURS, url))
            self._against_trivial(url, ours)
            ordinary = stack.enter_context(serving(BASELINE, baseline_url))
            self._within_budget("one user's budget", self.budgeted[:1], (url, ours), (baseline_url, ordinary), 3)
            self._within_budget(
                f"the budgets of {len(self.budgeted)} users", self.budgeted, (url, ours), (baseline_url, ordinary), None
            )

    def _against_trivial(self, url: str, server: ServerProcess) -> None:
        heading(
            f"routeRequest without a budget, {len(self.routing)} users with {LOGGED:,} calls of {MODELS} models"
            f" and 5 rules, {FEW_CONNECTIONS} keep-alive connections"
        )

        def side(name: str, requests: list[str], expected: str, *, decides: bool = True) -> Side:
            return Side(name, self.databases, url, server, requests, expected, FEW_CONNECTIONS, decides=decides)

        saves = side("savePreferences with one field", save_requests(self.saving), _SAVED, decides=False)
        nothing = side("acknowledgeCostAlert, not found", acknowledge_requests(self.saving), _NOT_FOUND, decides=False)
        routes = side("routeRequest", route_requests(self.routing), _DECIDED)
        one = side("routeRequest, one user", route_requests(self.routing[:1]), _DECIDED)
        sides = [saves, nothing, routes, one]
        self._alternately(sides)
        for each in sides:
            each.print("mutations/s")
        for each in sides:
            print_times(f"p50: {each.name}", each.p50_ms)
            print_times(f"p99: {each.name}", each.p99_ms)
        print_ratio("p50: routeRequest : savePreferences", routes.p50_ms, saves.p50_ms, None)
        print_ratio("p99: routeRequest : savePreferences", routes.p99_ms, saves.p99_ms, 3, at_most=True)
        print_ratio("p99: the same, one user", one.p99_ms, saves.p99_ms, None)
        print_ratio("p50: routeRequest : acknowledgeCostAlert", routes.p50_ms, nothing.p50_ms, None)
        print_ratio("p99: routeRequest : acknowledgeCostAlert", routes.p99_ms, nothing.p99_ms, None)

    def _within_budget(
        self,
        what: str,
        whose: Sequence[User],
        ours: tuple[str, ServerProcess],
        ordinary: tuple[str, ServerProcess],
        target: float | None,
    ) -> None:
        heading(f"routeRequest within {what}, {CONNECTIONS} keep-alive connections")
        sides = [
            Side(name, self.databases, url, server, route_requests(whose), _DECIDED, CONNECTIONS, holds=True)
            for name, (url, server) in (("a transaction for each request", ordinary), ("the ledger", ours))
        ]
        self._alternately(sides)
        for side in sides:
            side.print("decisions/s")
        print_ratio("ledger : transaction each", sides[1].rates, sides[0].rates, target)

    def _alternately(self, sides: Sequence[Side]) -> None:
        for _ in range(self.rounds):
            for side in sides:
                side.load(self.seconds)


def _rules_alone(rounds: int) -> None:
    """Measure `rank` and `choose` with the most candidates and rules."""
    case = large_case(CANDIDATES, RULES)
    p50_ms: list[float] = []
    p99_ms: list[float] = []
    p99_cpu_ms: list[float] = []
    for _ in range(rounds):
        times_s, cpu_times_s = list[float](), list[float]()
        for _ in range(_RUNS):
            started, cpu_started = time.perf_counter(), time.thread_time()
            ranking = rank(case.asked, case.routing_context, case.at)
            choice = choose(ranking, case.budgets)
            cpu_times_s.append(time.thread_time() - cpu_started)
            times_s.append(time.perf_counter() - started)
        if not isinstance(choice, Choice) or len(choice.candidates) != CANDIDATES or len(ranking.rules) != RULES // 2:
            raise RuntimeError(f"decided otherwise than meant: {choice}")
        p50_ms.append(sorted(times_s)[_RUNS // 2] * 1000)
        p99_ms.append(sorted(times_s)[_RUNS * 99 // 100] * 1000)
        p99_cpu_ms.append(sorted(cpu_times_s)[_RUNS * 99 // 100] * 1000)
    heading(
        f"The rules alone: {CANDIDATES} candidates ({len(ranking.eligible)} eligible), {RULES} rules"
        f" ({len(ranking.rules)} apply), {_RUNS:,} decisions a round"
    )
    print_times("p50: rank and choose", p50_ms)
    print_times("p99: rank and choose", p99_ms, target=1)
    # Processor time, which does not include other load of the machine.
    print_times("p99: the same, processor time", p99_cpu_ms)


def main(
    db: Annotated[Backend, typer.Option("--db", "--backend", help="The databases to measure on.")] = Backend.ALL,
    seconds: Annotated[float, typer.Option(min=1, help="How long each measurement takes, in seconds.")] = 2.5,
    rounds: Annotated[int, typer.Option(min=1, help="How many times each side is measured.")] = 3,
) -> None:
    """Measure routing, a trivial mutation and one transaction per routing decision alternately, and print the ratios."""
    started = time.perf_counter()
    everyone = users()
    routing, budgeted, saving = everyone[:ROUTING], everyone[ROUTING : 2 * ROUTING], everyone[-SAVING:]
    print_machine()
    _rules_alone(rounds)
    if db is not Backend.SQLITE:
        with stage.postgresql(everyone) as databases:
            print(f"\n== {databases.version}, fsync on, row-level security")
            Benchmark(seconds, rounds, databases, routing, budgeted, saving).run()
    if db is not Backend.POSTGRES:
        with stage.sqlite(everyone) as files:
            print(f"\n== {files.version}, WAL, synchronous=FULL")
            Benchmark(seconds, rounds, files, routing, budgeted, saving).run()
    print(f"\n{time.perf_counter() - started:.0f} s in all")


if __name__ == "__main__":
    typer.run(main)
