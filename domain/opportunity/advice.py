"""What an opportunity is, and how what it rests on is compared and said."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final, NamedTuple, TypeVar

from domain.ab_test import CreateABTest
from domain.analytics import AnalyticsFilter
from domain.bounds import MAX_LIST_LENGTH
from domain.cost_alert import Window
from domain.inference import ALPHA, Arm, Comparison, Metric, SampleSums, compare
from domain.money import plain

WEEK: Final = timedelta(days=7)
ROUNDING: Final = 1e-9

_ID_DIGITS: Final = 32

_Row = TypeVar("_Row")
_Key = TypeVar("_Key", bound=Hashable)


class OpportunityKind(StrEnum):
    CHEAPER_MODEL = "CHEAPER_MODEL"
    FAILING_HOURS = "FAILING_HOURS"
    SLOW_HOURS = "SLOW_HOURS"
    UNUSED_RULE = "UNUSED_RULE"
    IDLE_ALERT = "IDLE_ALERT"
    UNPROVEN_PREFERENCE = "UNPROVEN_PREFERENCE"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One figure that an opportunity rests on, to be read."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Opportunity:
    """One piece of advice. Amounts are USD for 30 days; None where none can be told."""

    id: str
    """Of the kind and of what it is about: the same whenever it is found again."""
    kind: OpportunityKind
    title: str
    explanation: str
    """Which calls, which method, and what it does not tell."""
    evidence: list[Evidence]
    calls: int
    """How many of the range's calls, or decisions, it is about; 0 for an alert, which is about amounts."""
    filter: AnalyticsFilter
    """Shows those calls, and no fewer."""
    monthly_saving: Decimal | None = None
    saving_low: Decimal | None = None
    saving_high: Decimal | None = None
    suggested_test: CreateABTest | None = None


class ComparisonScope(NamedTuple):
    """Over what is compared, and how surely."""

    window: Window
    comparisons: int

    @property
    def alpha(self) -> float:
        return ALPHA / self.comparisons


def compared_means(a: Arm, b: Arm, alpha: float) -> Comparison:
    """The means of `Arm.cost`, of whatever is better when it is less. Says nothing where squares are not of all values."""
    known_a, known_b = (each if _squares_are_kept(each.cost) else Arm(0, 0) for each in (a, b))
    return compare(Metric.COST, known_a, known_b, alpha=alpha)


def _squares_are_kept(sums: SampleSums) -> bool:
    """Whether the sum of squares is as large as it must be: by Cauchy and Schwarz, n times the mean's square."""
    return sums.squares * sums.count >= sums.total * sums.total * (1 - ROUNDING)


def id_of(kind: OpportunityKind, *subject: str) -> str:
    # No name holds the NUL character.
    return hashlib.sha256("\0".join([kind, *subject]).encode()).hexdigest()[:_ID_DIGITS]


def filter_of(
    window: Window,
    *,
    providers: Iterable[str] = (),
    models: Iterable[str] = (),
    task_types: Iterable[str] = (),
) -> AnalyticsFilter:
    return AnalyticsFilter(
        from_=window.start,
        to=window.end,
        providers=spellings(providers) or None,
        models=spellings(models) or None,
        task_types=spellings(task_types) or None,
    )


def spellings(names: Iterable[str]) -> list[str]:
    """Each once, in order, and no more than a filter takes."""
    return list(dict.fromkeys(names))[:MAX_LIST_LENGTH]


def grouped(rows: Iterable[_Row], key: Callable[[_Row], _Key]) -> dict[_Key, list[_Row]]:
    groups: dict[_Key, list[_Row]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups


def range_of(window: Window) -> str:
    return f"from {window.start:%Y-%m-%d %H:%M} to {window.end:%Y-%m-%d %H:%M} UTC"


def short(window: Window) -> str:
    return " The range is shorter than a week: other days may be different." if window.end - window.start < WEEK else ""


def level(scope: ComparisonScope, what: str) -> str:
    sure = f"at {100 * (1 - ALPHA):.0f} %"
    if scope.comparisons == 1:
        return sure
    return f"{sure} for all {scope.comparisons:,} {what} that were compared at once"


def counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def points(low: float | None, high: float | None) -> str:
    return f"between {100 * (low or 0.0):+.1f} and {100 * (high or 0.0):+.1f} points"


def milliseconds(low: float | None, high: float | None) -> str:
    return f"between {low or 0.0:+,.0f} and {high or 0.0:+,.0f} ms"


def usd(amount: Decimal) -> str:
    """To the cent; below a dollar, to three digits."""
    return f"${amount:,.2f}" if abs(amount) >= 1 else f"${plain(Decimal(f'{amount:.3g}'))}"
