"""Opportunities from the hour of the day: hours at which a provider regularly fails more or is slower.

Calls of one day are correlated: an outage affects all of them. So days are the groups of `domain.inference`, and the variance
between days widens the intervals. With few days this estimate is weak. Therefore the hours must be worse on a minimum number
of days, and also without their worst day.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple, TypeVar

from domain import summary
from domain.inference import MINIMUM_CALLS, Arm, Comparison, Group, Metric, SampleSums, Verdict
from domain.opportunity.advice import (
    ROUNDING,
    ComparisonScope,
    Evidence,
    Opportunity,
    OpportunityKind,
    compared_means,
    counted,
    filter_of,
    grouped,
    id_of,
    level,
    milliseconds,
    percent,
    points,
    range_of,
    short,
    spellings,
)
from domain.provider import provider_id
from domain.window import Window

MINIMUM_DAYS: Final = 3
"""The fewest days on which a provider must be worse at an hour: a single outage is not a pattern."""

_MORE_FAILURES: Final = 0.05
_SLOWER: Final = 1.5
_HOURS: Final = 24

_Key = TypeVar("_Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class HourOfDay:
    """Sums over the calls of one provider in one hour of one day."""

    provider: str
    day: date
    hour: int
    """0 to 23, in the requested time zone."""
    sums: summary.Sums


class _Cell(NamedTuple):
    hour: int
    day: date
    values: SampleSums
    """Sums over the calls: of failures (1 or 0), or of latencies in ms."""


class _Grid:
    """The values of one provider's calls, by hour of the day and day."""

    def __init__(self, cells: Sequence[_Cell]) -> None:
        self._cells = cells
        self._hours = _added((cell.hour, cell.values) for cell in cells)

    def comparable_hours(self) -> list[int]:
        """The hours with at least `MINIMUM_CALLS` calls, and as many calls at all other hours."""
        every = sum(values.count for values in self._hours.values())
        counts = ((hour, values.count) for hour, values in sorted(self._hours.items()))
        return [hour for hour, count in counts if min(count, every - count) >= MINIMUM_CALLS]

    def totals(self, hours: Collection[int]) -> tuple[SampleSums, SampleSums]:
        """The sums of the values at these hours, and at all other hours."""
        here, elsewhere = (
            sum((values for hour, values in self._hours.items() if (hour in hours) == wanted), SampleSums())
            for wanted in (True, False)
        )
        return here, elsewhere

    def arms(self, hours: Collection[int]) -> tuple[Arm, Arm]:
        """The values at these hours, and at all other hours, with the days as groups."""
        here, elsewhere = (
            _added((cell.day, cell.values) for cell in self._cells if (cell.hour in hours) == wanted)
            for wanted in (True, False)
        )
        totals = self.totals(hours)
        return _arm(totals[0], here), _arm(totals[1], elsewhere)

    def without(self, day: date) -> _Grid:
        return _Grid([cell for cell in self._cells if cell.day != day])


def _added(values: Iterable[tuple[_Key, SampleSums]]) -> dict[_Key, SampleSums]:
    """The sums by key. Lists are updated in place: a new `SampleSums` per addition would take most of the time."""
    added: defaultdict[_Key, list[float]] = defaultdict(lambda: [0.0, 0.0])
    counts: Counter[_Key] = Counter()
    for key, each in values:
        counts[key] += each.count
        total_and_squares = added[key]
        total_and_squares[0] += each.total
        total_and_squares[1] += each.squares
    return {key: SampleSums(counts[key], total, squares) for key, (total, squares) in added.items()}


def _arm(values: SampleSums, days: Mapping[date, SampleSums]) -> Arm:
    """An arm with one group per day. The groups have no calls, so that the minimum number of units does not apply to days."""
    groups = {day.toordinal(): Group(priced=of.count, capped_cost_sum=of.total) for day, of in days.items() if of.count}
    return Arm(values.count, values.count, cost=values, groups=groups)


class _Pattern(NamedTuple):
    """Hours that are worse than the others on several days."""

    compared: Comparison
    """The comparison of these hours with all other hours."""
    worse_days: int
    days: int


def bad_hours(kind: OpportunityKind, hours: Iterable[HourOfDay], window: Window) -> Iterator[Opportunity]:
    """The runs of consecutive hours at which a provider regularly fails more, or is slower."""
    providers = grouped(hours, lambda row: provider_id(row.provider))
    grids = {provider: _grid(kind, rows) for provider, rows in providers.items()}
    scope = ComparisonScope(window, sum(len(grid.comparable_hours()) for grid in grids.values()))
    for provider, grid in grids.items():
        bad = {hour for hour in grid.comparable_hours() if _pattern(kind, grid, [hour], scope.alpha)}
        for block in _neighbours(bad):
            if pattern := _pattern(kind, grid, block, scope.alpha):
                yield _opportunity(kind, providers[provider], block, pattern, scope)


def _grid(kind: OpportunityKind, rows: Iterable[HourOfDay]) -> _Grid:
    return _Grid([_Cell(row.hour, row.day, _values(kind, row.sums)) for row in rows])


def _values(kind: OpportunityKind, sums: summary.Sums) -> SampleSums:
    if kind is OpportunityKind.SLOW_HOURS:
        return SampleSums(sums.timed, sums.latency_sum_ms, sums.latency_sum_squares)
    failures = sums.calls - sums.successes
    return SampleSums(sums.calls, failures, failures)


def _pattern(kind: OpportunityKind, grid: _Grid, hours: Collection[int], alpha: float) -> _Pattern | None:
    """The pattern of these hours; None unless they are worse on enough days, and also without their worst day."""
    compared = _worse(kind, grid, hours, alpha)
    if compared is None:
        return None
    here, elsewhere = grid.arms(hours)
    usual = elsewhere.cost.mean or 0.0
    days = {day: group.sums(Metric.COST) for day, group in here.groups.items()}
    worse_days = [day for day, values in days.items() if _matters(kind, values.mean or 0.0, usual)]
    if len(worse_days) < MINIMUM_DAYS:
        return None
    worst = max(days, key=lambda day: (days[day].total - days[day].count * usual, day))
    if _worse(kind, grid.without(date.fromordinal(worst)), hours, alpha) is None:
        return None
    return _Pattern(compared, len(worse_days), len(days))


def _worse(kind: OpportunityKind, grid: _Grid, hours: Collection[int], alpha: float) -> Comparison | None:
    """The comparison of these hours with the others; None unless they are significantly and relevantly worse."""
    here, elsewhere = grid.totals(hours)
    if not _matters(kind, here.mean or 0.0, elsewhere.mean or 0.0):
        return None
    compared = compared_means(*grid.arms(hours), alpha)
    return compared if compared.verdict is Verdict.B_BETTER else None


def _matters(kind: OpportunityKind, here: float, elsewhere: float) -> bool:
    if kind is OpportunityKind.SLOW_HOURS:
        return here >= _SLOWER * elsewhere
    return here - elsewhere >= _MORE_FAILURES - ROUNDING


def _neighbours(hours: set[int]) -> list[list[int]]:
    """The hours as runs of consecutive hours. The hour after 23 is 0."""
    runs = []
    for first in sorted(hour for hour in hours if (hour - 1) % _HOURS not in hours):
        run = [first]
        while (following := (run[-1] + 1) % _HOURS) in hours:
            run.append(following)
        runs.append(run)
    return runs


def _opportunity(
    kind: OpportunityKind, rows: Sequence[HourOfDay], hours: list[int], pattern: _Pattern, scope: ComparisonScope
) -> Opportunity:
    failing = kind is OpportunityKind.FAILING_HOURS
    calls = _calls_by_spelling(rows)
    names = spellings(sorted(calls, key=lambda name: (-calls[name], name)))
    # A range as in `domain.preference.HourRange`.
    first, last = hours[0], hours[-1] + 1
    between = f"between {first:02}:00 and {last:02}:00"
    method = (
        f"Success rates are compared with always-valid intervals and differ by {100 * _MORE_FAILURES:.0f} points or more"
        if failing
        else f"Mean latencies are compared with always-valid intervals and differ by a factor of {_SLOWER} or more"
    )
    return Opportunity(
        id=id_of(kind, provider_id(names[0]), str(first), str(last)),
        kind=kind,
        title=f"{names[0]} {'fails more' if failing else 'is slower'} {between} than at other hours: add a rule that "
        "uses another provider at these hours.",
        explanation=f"Calls of {names[0]} {range_of(scope.window)}, by hour of the day in the requested time zone, compared "
        f"with its calls at all other hours. {method}: at each of these hours, on {MINIMUM_DAYS} days or more, and also "
        "without the worst day. The intervals include the variance between days, so that an outage of a few days does not "
        f"count as a pattern. They are valid under repeated analysis, {level(scope, 'hours of a provider')} (Bonferroni)."
        f"{short(scope.window)} The calls were not assigned at random: other requests or other models at these hours may be "
        f"the cause. A custom rule with hours from {first} to {last} in that time zone, which prefers another provider or "
        "blocks this one, moves these calls. The filter selects the provider's calls of all hours.",
        evidence=[
            *(_failing_evidence(pattern.compared, between) if failing else _slow_evidence(pattern.compared, between)),
            Evidence(
                "Days on which it was worse", f"{pattern.worse_days:,} of {pattern.days:,} with calls at these hours"
            ),
        ],
        calls=sum(row.sums.calls for row in rows if row.hour in hours),
        filter=filter_of(scope.window, providers=names),
    )


def _calls_by_spelling(rows: Iterable[HourOfDay]) -> dict[str, int]:
    calls: defaultdict[str, int] = defaultdict(int)
    for row in rows:
        calls[row.provider] += row.sums.calls
    return calls


def _failing_evidence(compared: Comparison, between: str) -> Iterator[Evidence]:
    for when, rate, calls in _both(compared, between):
        yield Evidence(f"Failures {when}", f"{percent(rate)} of {counted(calls, 'call')}")
    yield Evidence("Difference in the failure rate", points(compared.low, compared.high))


def _slow_evidence(compared: Comparison, between: str) -> Iterator[Evidence]:
    for when, mean_ms, calls in _both(compared, between):
        yield Evidence(f"Mean latency {when}", f"{mean_ms:,.0f} ms, over {counted(calls, 'call')}")
    yield Evidence("Difference in mean latency", milliseconds(compared.low, compared.high))


def _both(compared: Comparison, between: str) -> Iterator[tuple[str, float, int]]:
    yield between, compared.value_a or 0.0, compared.count_a
    yield "at other hours", compared.value_b or 0.0, compared.count_b
