"""Prints the results of benchmarks: rates, times, ratios with a verdict, and the machine."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final

from benchmarks.stage import Measured

_ROUNDS_TO_JUDGE: Final = 3


class Backend(StrEnum):
    SQLITE = "sqlite"
    POSTGRES = "postgres"
    ALL = "all"


def print_machine() -> None:
    load = " ".join(f"{each:.2f}" for each in os.getloadavg())
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load average before the run {load}")


def heading(title: str) -> None:
    print(f"\n{title}", flush=True)


def print_rate(name: str, rates: Sequence[float], unit: str) -> None:
    rounds = " ".join(f"{rate:,.0f}" for rate in rates)
    print(f"  {name:<44}{statistics.median(rates):>9,.0f} {unit:<12} rounds {rounds}", flush=True)


def print_times(name: str, times_ms: Sequence[float], target: float | None = None) -> None:
    """Print times in milliseconds. The target is the longest allowed time."""
    rounds = " ".join(f"{each:.2f}" for each in times_ms)
    line = f"  {name:<44}{statistics.median(times_ms):>9.2f} ms           rounds {rounds}"
    if target is not None:
        line += f"; target at most {target:g}: {_verdict([each <= target for each in times_ms])}"
    print(line, flush=True)


def print_load(measured: Sequence[Measured]) -> None:
    """Print how long requests took, and their use of the machine."""
    print(
        f"{'':46}p50 {median(m.seen.p50_ms for m in measured):,.0f} ms"
        f", p99 {median(m.seen.p99_ms for m in measured):,.0f} ms"
        f"; cores used: server {median(m.servers_cpu for m in measured):.2f}"
        f", database {median(m.database_cpu for m in measured):.2f}"
        f", load generator {median(m.seen.cpu_share for m in measured):.2f}"
        f", the whole machine {median(m.machine_cpu for m in measured):.2f}",
        flush=True,
    )


def print_ratio(
    name: str, ours: Sequence[float], theirs: Sequence[float], target: float | None, *, at_most: bool = False
) -> None:
    """Print the median of the rounds' ratios. The target is the smallest allowed ratio, or with `at_most` the greatest."""
    ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
    ratio = statistics.median(ratios)
    line = f"  {name:<44}{ratio:>9.2f} x            rounds {' '.join(f'{each:.2f}' for each in ratios)}"
    if target is not None:
        reached = [each <= target if at_most else each >= target for each in ratios]
        line += f"; target {'at most ' if at_most else ''}{target:g}: {_verdict(reached)}"
    print(line, flush=True)


def median(values: Iterable[float]) -> float:
    return statistics.median(list(values))


def _verdict(reached: Sequence[bool]) -> str:
    """A target is reached only if every round reached it, because other load of the machine affects the sides differently."""
    if len(reached) < _ROUNDS_TO_JUDGE:
        return "too few rounds to judge"
    if all(reached):
        return "reached"
    return f"NOT REACHED, but in {sum(reached)} of {len(reached)} rounds" if any(reached) else "NOT REACHED"
