"""Opportunities without effect on calls: rules that never apply, and alerts that never come near their threshold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from domain.money import EXACT
from domain.opportunity.advice import (
    WEEK,
    Evidence,
    Opportunity,
    OpportunityKind,
    counted,
    filter_of,
    id_of,
    range_of,
    usd,
)
from domain.window import Window

MINIMUM_DECISIONS: Final = 1_000
"""The fewest routing decisions for a rule to be reported as unused."""
MAX_DECISIONS: Final = 500_000
"""The most routing decisions that are read: the latest ones."""
MINIMUM_WINDOWS: Final = 3
"""The fewest windows that ended in the time range for an alert to be reported as idle."""

_IDLE_BELOW: Final = Decimal("0.2")
_THRESHOLD_FACTOR: Final = 2


@dataclass(frozen=True, slots=True)
class RuleUses:
    """The number of routing decisions that each rule applied to, by the name of the rule."""

    window: Window
    """Starts with the first of these decisions. All of them used the current preferences."""
    last: datetime
    """The time of the last routing decision."""
    decided: int
    applied: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class AlertUse:
    """The highest spend of an alert in the windows of a time range."""

    alert_id: UUID
    name: str
    threshold: Decimal
    ended: Window
    """From the start of the first to the end of the last window that lies completely in the time range and has ended."""
    highest: Decimal
    """The highest spend in one of these windows, USD."""


def unused_rules(uses: RuleUses) -> Iterator[Opportunity]:
    """The rules that applied to none of at least `MINIMUM_DECISIONS` routing decisions over a week or more."""
    decided, window = uses.decided, uses.window
    if decided < MINIMUM_DECISIONS or uses.last - window.start < WEEK:
        return
    for name in (name for name, count in uses.applied.items() if not count):
        yield Opportunity(
            id=id_of(OpportunityKind.UNUSED_RULE, name),
            kind=OpportunityKind.UNUSED_RULE,
            title=f'The rule "{name}" applied to none of {counted(decided, "routing decision")}: correct its condition or '
            "delete it.",
            explanation="Every routing decision stores the rules that applied to it. This rule is in no routing decision "
            f"{range_of(window)}. Only decisions since the last change of the preferences count, and at most the latest "
            f"{MAX_DECISIONS:,}. The rule may still be useful for rare requests.",
            evidence=[
                Evidence("Routing decisions", f"{decided:,}"),
                Evidence("Routing decisions that the rule applied to", "0"),
            ],
            calls=decided,
            filter=filter_of(window),
        )


def ended_windows(window_at: Callable[[datetime], Window], within: Window) -> Window | None:
    """From the start of the first to the end of the last whole window in a time range; None if there are too few windows."""
    first = window_at(within.start)
    if first.start < within.start:
        first = window_at(first.end)
    following = first
    for _ in range(MINIMUM_WINDOWS):
        if following.end > within.end:
            return None
        following = window_at(following.end)
    return Window(first.start, window_at(within.end).start)


def idle_alerts(alerts: Iterable[AlertUse]) -> Iterator[Opportunity]:
    for alert in alerts:
        if alert.highest < EXACT.multiply(alert.threshold, _IDLE_BELOW):
            yield _idle_alert(alert)


def _idle_alert(alert: AlertUse) -> Opportunity:
    percent = EXACT.multiply(EXACT.divide(alert.highest, alert.threshold), Decimal(100))
    better = EXACT.multiply(alert.highest, Decimal(_THRESHOLD_FACTOR))
    advice = f"lower its threshold to {usd(better)}" if better else "it counted no spend"
    return Opportunity(
        id=id_of(OpportunityKind.IDLE_ALERT, str(alert.alert_id)),
        kind=OpportunityKind.IDLE_ALERT,
        title=f'The alert "{alert.name}" never came near its threshold and may not warn in time: {advice}.',
        explanation=f"In every window of the alert {range_of(alert.ended)}, spend stayed below {100 * _IDLE_BELOW:.0f} % of "
        "the threshold. Spend would have to multiply before the alert fires. A threshold of twice the highest spend of a "
        "window leaves room for growth. Future spend is not forecast.",
        evidence=[
            Evidence("Threshold", usd(alert.threshold)),
            Evidence("Highest spend of a window", f"{usd(alert.highest)}, {percent:.1f} % of the threshold"),
        ],
        calls=0,
        filter=filter_of(alert.ended),
    )
