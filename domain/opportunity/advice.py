"""The type of an opportunity, and what all kinds share: comparisons, filters and texts."""

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
from domain.inference import ALPHA, Arm, Comparison, Metric, SampleSums, compare
from domain.money import plain
from domain.window import Window

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
    """One figure that supports an opportunity, as text."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Opportunity:
    """One suggested improvement. Amounts are USD per 30 days; None when no amount is known."""

    id: str
    """A hash of the kind and the subject. It stays the same when the opportunity is found again."""
    kind: OpportunityKind
    title: str
    explanation: str
    """The calls, the method and its limitations."""
    evidence: list[Evidence]
    calls: int
    """The number of calls, or of routing decisions, that the opportunity concerns; 0 for an alert."""
    filter: AnalyticsFilter
    """A filter that selects at least these calls."""
    monthly_saving: Decimal | None = None
    saving_low: Decimal | None = None
    saving_high: Decimal | None = None
    suggested_test: CreateABTest | None = None


class ComparisonScope(NamedTuple):
    """The time range of comparisons, and their number, which determines the alpha of each."""

    window: Window
    comparisons: int

    @property
    def alpha(self) -> float:
        return ALPHA / self.comparisons


def compared_means(a: Arm, b: Arm, alpha: float) -> Comparison:
    """Compare the means of `Arm.cost`, of any value where less is better. NOT_ENOUGH_DATA if squares are incomplete."""
    known_a, known_b = (each if _squares_are_complete(each.cost) else Arm(0, 0) for each in (a, b))
    return compare(Metric.COST, known_a, known_b, alpha=alpha)


def _squares_are_complete(sums: SampleSums) -> bool:
    """Whether the sum of squares covers all values: by Cauchy-Schwarz it is at least n times the squared mean."""
    return sums.squares * sums.count >= sums.total * sums.total * (1 - ROUNDING)


def id_of(kind: OpportunityKind, *subject: str) -> str:
    # No name contains the NUL character.
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
    """The names without duplicates, in order, at most as many as a filter may have."""
    return list(dict.fromkeys(names))[:MAX_LIST_LENGTH]


def grouped(rows: Iterable[_Row], key: Callable[[_Row], _Key]) -> dict[_Key, list[_Row]]:
    groups: dict[_Key, list[_Row]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups


def range_of(window: Window) -> str:
    return f"from {window.start:%Y-%m-%d %H:%M} to {window.end:%Y-%m-%d %H:%M} UTC"


def short(window: Window) -> str:
    return " The time range is shorter than a week: other days may differ." if window.end - window.start < WEEK else ""


def level(scope: ComparisonScope, what: str) -> str:
    confidence = f"at {100 * (1 - ALPHA):.0f} % confidence"
    if scope.comparisons == 1:
        return confidence
    return f"{confidence} for all {scope.comparisons:,} compared {what} together"


def counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def points(low: float | None, high: float | None) -> str:
    return f"between {100 * (low or 0.0):+.1f} and {100 * (high or 0.0):+.1f} points"


def milliseconds(low: float | None, high: float | None) -> str:
    return f"between {low or 0.0:+,.0f} and {high or 0.0:+,.0f} ms"


def usd(amount: Decimal) -> str:
    """The amount in dollars, to the cent; below one dollar, to three significant digits."""
    return f"${amount:,.2f}" if abs(amount) >= 1 else f"${plain(Decimal(f'{amount:.3g}'))}"
