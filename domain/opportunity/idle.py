"""What does nothing: rules that never apply, and alerts that are never near."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from domain.cost_alert import Window
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

MINIMUM_DECISIONS: Final = 1_000
"""Before a rule that applied to none of them is called unused."""
MAX_DECISIONS: Final = 500_000
"""The latest ones are looked at: what bounds the work."""
MINIMUM_WINDOWS: Final = 3
"""Of an alert, ended in the range, before it is called idle."""

_IDLE_BELOW: Final = Decimal("0.2")
_THRESHOLD_FACTOR: Final = 2


@dataclass(frozen=True, slots=True)
class RuleUses:
    """To how many decisions each rule of the preferences applied, by its name."""

    window: Window
    """From the first of these decisions; all of them were made by the preferences as they are now."""
    last: datetime
    """When the last one was made."""
    decided: int
    applied: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class AlertUse:
    """How near an alert came to its threshold."""

    alert_id: UUID
    name: str
    threshold: Decimal
    ended: Window
    """From the first of its windows that lie in the range as a whole, and have ended, to the last."""
    highest: Decimal
    """The highest amount of any of them, USD."""


def unused_rules(uses: RuleUses) -> Iterator[Opportunity]:
    """The rules that applied to none of enough decisions, made over a week or more."""
    decided, window = uses.decided, uses.window
    if decided < MINIMUM_DECISIONS or uses.last - window.start < WEEK:
        return
    for name in (name for name, decisions in uses.applied.items() if not decisions):
        yield Opportunity(
            id=id_of(OpportunityKind.UNUSED_RULE, name),
            kind=OpportunityKind.UNUSED_RULE,
            title=f'The rule "{name}" applied to none of {counted(decided, "decision")}: correct its condition, or delete '
            "it.",
            explanation="Every routing decision keeps the rules that applied to it, and this rule is in none of those "
            f"{range_of(window)}. All of them were made since the preferences were last changed; of more than "
            f"{MAX_DECISIONS:,}, the latest were looked at. A rule for rare requests may still be wanted.",
            evidence=[
                Evidence("Decisions that were looked at", f"{decided:,}"),
                Evidence("Decisions that the rule applied to", "0"),
            ],
            calls=decided,
            filter=filter_of(window),
        )


def ended_windows(window_at: Callable[[datetime], Window], within: Window) -> Window | None:
    """From the first whole window within a time range to the last, where there are enough to call an alert idle."""
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
    advice = f"lower its threshold to {usd(better)}" if better else "nothing was spent that it counts"
    return Opportunity(
        id=id_of(OpportunityKind.IDLE_ALERT, str(alert.alert_id)),
        kind=OpportunityKind.IDLE_ALERT,
        title=f'The alert "{alert.name}" never came near its threshold and will hardly warn in time: {advice}.',
        explanation=f"Of the alert's windows {range_of(alert.ended)}, all of which have ended, the one with the highest "
        f"amount stayed below {100 * _IDLE_BELOW:.0f} % of the threshold. Spend would have to multiply before it warns. "
        "Twice the highest amount leaves room for growth; what spend will be is not forecast.",
        evidence=[
            Evidence("Threshold", usd(alert.threshold)),
            Evidence("Highest amount of a window", f"{usd(alert.highest)}, {percent:.1f} % of the threshold"),
        ],
        calls=0,
        filter=filter_of(alert.ended),
    )
