"""Opportunities: what a user may do better, told from sums over their own calls, with the evidence for it.

Nothing is said from few calls, and nothing that chance alone explains: what is compared, is compared by the intervals of
`domain.inference`, which hold however often one looks, at an alpha divided by the number of comparisons of that kind
(Bonferroni), so that the best of many pairs is as sure as the only one. What chance does not explain may still not be the
doing of a model: calls were sent where they were sent for a reason. So each opportunity says what it does not tell, and
those that would move traffic come with the A/B test that would tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final

from domain.analytics import AnalyticsFilter
from domain.cost_alert import Window
from domain.money import ZERO
from domain.opportunity.advice import Evidence, Opportunity, OpportunityKind
from domain.opportunity.hours import HourOfDay, bad_hours
from domain.opportunity.idle import MAX_DECISIONS, AlertUse, RuleUses, ended_windows, idle_alerts, unused_rules
from domain.opportunity.saving import Usage, cheaper_models, unproven_preferences

__all__ = [
    "MAX_DECISIONS",
    "MAX_OPPORTUNITIES",
    "AlertUse",
    "Evidence",
    "HourOfDay",
    "Opportunity",
    "OpportunityKind",
    "RuleUses",
    "Usage",
    "ended_windows",
    "find",
]

MAX_OPPORTUNITIES: Final = 50


def find(
    usage: Sequence[Usage],
    hours: Sequence[HourOfDay],
    rules: RuleUses | None,
    alerts: Sequence[AlertUse],
    preferred: Sequence[str],
    asked: AnalyticsFilter,
    window: Window,
) -> list[Opportunity]:
    """What the calls in `window` that pass `asked` advise: what saves most for sure first, then what is about most calls.

    At most 50. `preferred` are the preferred providers, the most preferred one first.
    """
    if window.start >= window.end:
        return []
    found = [
        *cheaper_models(usage, window),
        *unproven_preferences(usage, preferred, window),
        *bad_hours(OpportunityKind.FAILING_HOURS, hours, window),
        *bad_hours(OpportunityKind.SLOW_HOURS, hours, window),
        *(unused_rules(rules) if rules else ()),
        *idle_alerts(alerts),
    ]
    return [_within(asked, each) for each in sorted(found, key=_rank)[:MAX_OPPORTUNITIES]]


def _within(asked: AnalyticsFilter, found: Opportunity) -> Opportunity:
    """The same, whose filter also says what was asked for beside what it says itself."""
    own = {name: value for name, value in found.filter if value is not None}
    return replace(found, filter=asked.model_copy(update=own))


def _rank(found: Opportunity) -> tuple[bool, Decimal, Decimal, int, str]:
    return (
        found.saving_low is None,
        -(found.saving_low or ZERO),
        -(found.monthly_saving or ZERO),
        -found.calls,
        found.id,
    )
