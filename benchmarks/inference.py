"""Measures how often an A/B test of equal variants names a winner, and how soon one of unequal variants does.

    python -m benchmarks.inference [--runs 2000] [--decisions 400] [--data ../shared/data]

Calls are drawn with replacement from real ones. Every test is analyzed 200 times on its way to 10,000 calls, and counts
as decided if ANY analysis decided it. It is compared with the two-sided z-test at 5 %, which is valid for one analysis.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import math
import random
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from operator import mul
from pathlib import Path
from typing import Final

from domain.inference import (
    ALPHA,
    CAP_FACTOR,
    GROUPS,
    MINIMUM_CALLS,
    SAMPLE_RATIO_ALPHA,
    Arm,
    Group,
    Metric,
    SampleSums,
    Verdict,
    capped_cost,
    compare,
    conclude,
    cost_cap,
    log_latency,
    split_p_value,
)

CALLS: Final = 10_000
STEP: Final = 50
NAIVE_Z: Final = statistics.NormalDist().inv_cdf(1 - ALPHA / 2)
WORKERS: Final = 2
AIDER: Final = "aider_dev_usage_2024-08_2025-03.csv.gz"
ROUTELLM: Final = "routellm_gpt4_vs_mixtral_outcomes.csv.gz"
EXTREME: Final = Decimal(9_990)


@dataclass(frozen=True, slots=True)
class Population:
    """The population from which calls are drawn, as the values that are summed."""

    name: str
    metric: Metric
    values: Sequence[float]


@dataclass(frozen=True, slots=True)
class Case:
    title: str
    a: Population
    b: Population
    split: float = 0.5
    calls: int = CALLS
    step: int = STEP
    seed: int = 0
    naive: bool = False
    outlier: float | None = None
    """The value of the first call of A."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The number of calls after which one run was first decided, by the product's inference and by the z-test. None: never."""

    decided: int | None
    naive: int | None
    verdict: Verdict


def arm(metric: Metric, sums: SampleSums) -> Arm:
    if metric is Metric.SUCCESS_RATE:
        return Arm(sums.count, round(sums.total))
    return Arm(sums.count, 0, latency=sums) if metric is Metric.LATENCY else Arm(sums.count, 0, cost=sums)


def summed(values: Sequence[float]) -> SampleSums:
    return SampleSums(len(values), sum(values), sum(map(mul, values, values)))


def naive_decides(a: SampleSums, b: SampleSums) -> bool:
    if min(a.count, b.count) < MINIMUM_CALLS:
        return False
    spread = sum((each.squares - each.total**2 / each.count) / (each.count - 1) / each.count for each in (a, b))
    difference = abs(a.total / a.count - b.total / b.count)
    return difference > NAIVE_Z * math.sqrt(max(spread, 0.0))


def drawn(case: Case, chance: random.Random) -> tuple[SampleSums, SampleSums]:
    """Draw the next calls of both variants."""
    to_a = sum(chance.random() < case.split for _ in range(case.step))
    return summed(chance.choices(case.a.values, k=to_a)), summed(chance.choices(case.b.values, k=case.step - to_a))


def run(case: Case, number: int) -> Outcome:
    chance = random.Random(f"{case.title} {case.seed} {number}")
    a = SampleSums() if case.outlier is None else summed([case.outlier])
    b = SampleSums()
    metric = case.a.metric
    naive: int | None = None
    for calls in range(case.step, case.calls + 1, case.step):
        to_a, to_b = drawn(case, chance)
        a += to_a
        b += to_b
        if case.naive and naive is None and naive_decides(a, b):
            naive = calls
        verdict = compare(metric, arm(metric, a), arm(metric, b)).verdict
        if verdict in {Verdict.A_BETTER, Verdict.B_BETTER}:
            if case.naive and naive is None:
                naive = calls
            return Outcome(calls, naive, verdict)
    return Outcome(None, naive, Verdict.NO_DIFFERENCE_YET)


def intervals_missed(case: Case, numbers: range) -> int:
    """The number of runs in which the interval of any analysis missed the true difference."""
    metric = case.a.metric
    truth = statistics.fmean(case.a.values) - statistics.fmean(case.b.values)
    truth = math.exp(truth) if metric is Metric.LATENCY else truth
    missed = 0
    for number in numbers:
        chance = random.Random(f"missed {case.title} {case.split} {number}")
        a, b = SampleSums(), SampleSums()
        for _ in range(case.step, case.calls + 1, case.step):
            to_a, to_b = drawn(case, chance)
            a += to_a
            b += to_b
            analysis = compare(metric, arm(metric, a), arm(metric, b))
            if analysis.low is not None and analysis.high is not None and not analysis.low <= truth <= analysis.high:
                missed += 1
                break
    return missed


@dataclass(frozen=True, slots=True)
class Users:
    """Equal variants, where each user keeps one variant and all calls of a user have the same value: the worst case."""

    population: Population
    count: int
    uneven: bool = False
    """Whether the activity of users varies: it is then log-normal with a sigma of 1."""
    split: float = 0.5


@dataclass(frozen=True, slots=True)
class Repeated:
    """Whether any analysis of one run named a winner, by the product and by the z-test, or a sample ratio mismatch."""

    ours: bool
    naive: bool
    mismatch: bool


class Tally:
    """The sums of one variant."""

    def __init__(self) -> None:
        self.n = 0
        self.total = self.squares = 0.0
        self.counts = [0] * GROUPS
        self.totals = [0.0] * GROUPS

    def add(self, group: int, value: float) -> None:
        self.n += 1
        self.total += value
        self.squares += value * value
        self.counts[group] += 1
        self.totals[group] += value

    def arm(self, metric: Metric) -> Arm:
        groups = [(group, n, self.totals[group]) for group, n in enumerate(self.counts) if n]
        if metric is Metric.SUCCESS_RATE:
            return Arm(
                self.n, round(self.total), groups={group: Group(n, n, round(total)) for group, n, total in groups}
            )
        latency = SampleSums(self.n, self.total, self.squares)
        return Arm(
            self.n,
            0,
            latency,
            groups={group: Group(n, n, timed=n, log_latency_sum=total) for group, n, total in groups},
        )


def run_users(case: Users, number: int) -> Repeated:
    chance = random.Random(f"users {case} {number}")
    metric = case.population.metric
    variants = [Tally(), Tally()]
    values = chance.choices(case.population.values, k=case.count)
    users = [(variants[chance.random() >= case.split], chance.randrange(GROUPS), value) for value in values]
    activity = [chance.lognormvariate(0, 1) if case.uneven else 1.0 for _ in users]
    ours = naive = mismatch = False
    for _ in range(2 * STEP, CALLS + 1, 2 * STEP):
        for variant, group, value in chance.choices(users, activity, k=2 * STEP):
            variant.add(group, value)
        a, b = variants
        conclusion = conclude(a.arm(metric), b.arm(metric), split=case.split, primary=metric)
        ours |= conclusion.verdict in {Verdict.A_BETTER, Verdict.B_BETTER}
        mismatch |= conclusion.verdict is Verdict.SAMPLE_RATIO_MISMATCH
        naive |= naive_decides(*(SampleSums(each.n, each.total, each.squares) for each in variants))
    return Repeated(ours, naive, mismatch)


def run_users_some(case: Users, numbers: range) -> list[Repeated]:
    return [run_users(case, number) for number in numbers]


def repeated(pool: ProcessPoolExecutor, cases: Sequence[Users], runs: int) -> None:
    analyses = CALLS // STEP // 2
    print(
        f"\nEquals whose users repeat: runs of {CALLS:,} calls in which any of {analyses} analyses ...; targets 5 % and 1 %"
    )
    print(f"  {'':<20}{'users':<18}{'split':<8}{'named a winner':<20}{'z-test':<20}false alarm about the split")
    for case in cases:
        parts = [pool.submit(run_users_some, case, range(first, runs, 4 * WORKERS)) for first in range(4 * WORKERS)]
        found = [run for part in parts for run in part.result()]
        ours, naive, mismatch = (
            shares(sum(getattr(run, name) for run in found), runs) for name in ("ours", "naive", "mismatch")
        )
        users = f"{case.count:,}{' uneven' * case.uneven}"
        print(f"  {case.population.name:<20}{users:<18}{case.split:<8}{ours:<20}{naive:<20}{mismatch}", flush=True)


def run_some(case: Case, numbers: range) -> list[Outcome]:
    return [run(case, number) for number in numbers]


def run_all(pool: ProcessPoolExecutor, case: Case, runs: int) -> list[Outcome]:
    parts = [pool.submit(run_some, case, range(first, runs, 4 * WORKERS)) for first in range(4 * WORKERS)]
    return [outcome for part in parts for outcome in part.result()]


def sample_ratio_alarms(split: float, numbers: range) -> int:
    """The number of runs in which any analysis found a sample ratio mismatch."""
    alarms = 0
    for number in numbers:
        chance = random.Random(f"split {split} {number}")
        a, b = Tally(), Tally()
        for _ in range(2 * STEP, CALLS + 1, 2 * STEP):
            for group in chance.choices(range(GROUPS), k=2 * STEP):
                (a if chance.random() < split else b).add(group, 1.0)
            if split_p_value(a.arm(Metric.SUCCESS_RATE), b.arm(Metric.SUCCESS_RATE), split) <= SAMPLE_RATIO_ALPHA:
                alarms += 1
                break
    return alarms


def shares(count: int, runs: int) -> str:
    """The share in percent as text, with half the width of its 95 % interval."""
    share = count / runs
    return f"{100 * share:5.1f} % (+- {196 * math.sqrt(max(share * (1 - share), 1 / runs) / runs):.1f})"


def read(path: Path, take: Callable[[dict[str, str]], float | None]) -> list[float]:
    with gzip.open(path, "rt", newline="") as file:
        return [value for row in csv.DictReader(file) if (value := take(row)) is not None]


def read_costs(path: Path) -> list[Decimal]:
    with gzip.open(path, "rt", newline="") as file:
        return [Decimal(row["cost"]) for row in csv.DictReader(file) if row["cost"]]


def rate(share: float) -> Population:
    """A population of calls of which exactly this share succeeds."""
    fails = round(1_000 * (1 - share))
    return Population(f"success {share}", Metric.SUCCESS_RATE, [0.0] * fails + [1.0] * (1_000 - fails))


def equals(pool: ProcessPoolExecutor, populations: Sequence[Population], runs: int) -> None:
    print(f"\nA versus A: runs of {CALLS:,} calls in which any of {CALLS // STEP} analyses named a winner; target 5 %")
    print(f"  {'':<38}{'split':<8}{'ours':<20}z-test")
    for split in (0.5, 0.9):
        for population in populations:
            case = Case(f"equal {population.name} {split}", population, population, split, naive=True)
            outcomes = run_all(pool, case, runs)
            ours = sum(outcome.decided is not None for outcome in outcomes)
            naive = sum(outcome.naive is not None for outcome in outcomes)
            print(f"  {population.name:<38}{split:<8}{shares(ours, runs):<20}{shares(naive, runs)}", flush=True)


def unequals(pool: ProcessPoolExecutor, cases: Sequence[Case], runs: int, right: Verdict) -> None:
    print("\nUnequal: calls of each variant when decided, analyzed every 100 calls of both")
    print(f"  {'':<44}{'median':<10}{'90th pct':<10}{'undecided':<12}{'at most':<10}wrong")
    for case in cases:
        outcomes = run_all(pool, case, runs)
        never = math.inf
        ended = sorted(never if each.decided is None else each.decided / 2 for each in outcomes)
        median, most = ended[runs // 2], ended[math.ceil(0.9 * runs) - 1]
        wrong = sum(each.decided is not None and each.verdict is not right for each in outcomes)
        undecided = sum(each.decided is None for each in outcomes)
        line = f"  {case.title:<44}{median:<10,.0f}{most:<10,.0f}{100 * undecided / runs:<4.1f} %      "
        print(f"{line}{case.calls // 2:<10,}{wrong}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=2_000, help="tests between equals, for each line")
    parser.add_argument("--decisions", type=int, default=400, help="tests between unequals, for each line")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    options = parser.parse_args()
    started = time.monotonic()

    aider, routellm = options.data / AIDER, options.data / ROUTELLM
    costs = read_costs(aider)
    cap = cost_cap(costs)
    assert cap is not None
    p99 = cap / CAP_FACTOR
    dearer = [Decimal("1.2") * cost for cost in costs]
    success = Population("aider success", Metric.SUCCESS_RATE, read(aider, lambda row: float(row["success"])))
    latencies = read(aider, lambda row: log_latency(int(row["latency_ms"])) if row["latency_ms"] else None)
    latency = Population("aider latency", Metric.LATENCY, latencies)
    cost = Population("aider cost", Metric.COST, [capped_cost(each, cap) for each in costs])
    gpt4, mixtral = (
        Population(f"routellm {name}", Metric.SUCCESS_RATE, read(routellm, lambda row, name=name: float(row[name])))  # type: ignore[misc]
        for name in ("gpt-4-1106-preview_correct", "mixtral-8x7b-instruct_correct")
    )
    print(f"{len(costs):,} costs with mean ${statistics.mean(costs):.4f}, 99th percentile ${p99:.4f}, cap ${cap:.4f}")
    print(f"success: aider {statistics.mean(success.values):.3f}, routellm {statistics.mean(gpt4.values):.3f}")

    slower = Population("10 % slower", Metric.LATENCY, [each + math.log(1.1) for each in latencies])
    dearer_cost = Population("20 % dearer", Metric.COST, [capped_cost(each, cap) for each in dearer])

    def dearer_at(bound: Decimal, title: str, *, outlier: bool) -> Case:
        one, other = (
            Population("", Metric.COST, [capped_cost(each, bound) for each in sample]) for sample in (costs, dearer)
        )
        first = capped_cost(EXTREME, bound) if outlier else None
        return Case(title, one, other, calls=100_000, step=100, outlier=first)

    with ProcessPoolExecutor(WORKERS) as pool:
        equals(pool, [success, gpt4, rate(0.97), rate(0.995), latency, cost], options.runs)
        unequals(
            pool,
            [
                Case("success .97 versus .95", rate(0.97), rate(0.95), calls=20_000, step=100),
                Case("success of GPT-4 versus Mixtral", gpt4, mixtral, calls=20_000, step=100),
                Case("latency 10 % longer", latency, slower, calls=60_000, step=100),
                dearer_at(cap, "cost 20 % higher", outlier=False),
                dearer_at(cap, "  and a $9,990 request in A", outlier=True),
                dearer_at(p99, "  capped at the 99th percentile", outlier=False),
                dearer_at(p99, "    and a $9,990 request in A", outlier=True),
                dearer_at(10 * p99, "  capped at 10 times that", outlier=False),
                dearer_at(10 * p99, "    and a $9,990 request in A", outlier=True),
                dearer_at(2 * EXTREME, "  not capped", outlier=False),
                dearer_at(2 * EXTREME, "    and a $9,990 request in A", outlier=True),
            ],
            options.decisions,
            Verdict.A_BETTER,
        )
        print(
            f"\nEqual cost and a $9,990 request in A: runs in which any analysis named a winner ({options.runs:,} runs)"
        )
        outcomes = run_all(pool, Case("equal outlier", cost, cost, outlier=capped_cost(EXTREME, cap)), options.runs)
        print(f"  ours {shares(sum(each.decided is not None for each in outcomes), options.runs)}")

        repeated(
            pool,
            [
                Users(population, count, uneven, split)
                for population in (rate(0.97), latency)
                for count, uneven, split in (
                    (40, False, 0.5),
                    (200, False, 0.5),
                    (1_000, False, 0.5),
                    (1_000, True, 0.5),
                    (1_000, False, 0.9),
                    (60, False, 0.02),
                )
            ],
            options.decisions,
        )

        print("\nUnequal: runs in which the interval of any analysis missed the true difference; target 5 %")
        for split in (0.5, 0.9, 0.1):
            for title, one, other in (
                ("success .97 versus .95", rate(0.97), rate(0.95)),
                ("success .995 versus .95", rate(0.995), rate(0.95)),
                ("latency 10 % longer", latency, slower),
                ("cost 20 % higher", cost, dearer_cost),
            ):
                case = Case(title, one, other, split)
                counts = [
                    pool.submit(intervals_missed, case, range(first, options.runs, WORKERS)) for first in range(WORKERS)
                ]
                missed = sum(count.result() for count in counts)
                print(f"  {title:<34}{split:<8}{shares(missed, options.runs)}", flush=True)

        print(
            f"\nFalse alarms about the split at {SAMPLE_RATIO_ALPHA:.0%}, {CALLS // STEP // 2} analyses; target 0.6 %"
        )
        for split in (0.5, 0.9):
            runs = 2 * options.runs
            found = [pool.submit(sample_ratio_alarms, split, range(first, runs, WORKERS)) for first in range(WORKERS)]
            alarms = sum(part.result() for part in found)
            print(f"  split {split}: {100 * alarms / runs:.2f} % of {runs:,}", flush=True)
    print(f"\n{time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
