"""Opportunities: possible improvements, derived from sums over the user's own calls, with their evidence.

Comparisons need a minimum number of calls and a significant difference. They use the always-valid intervals of
`domain.inference`, at an alpha divided by the number of comparisons of that kind (Bonferroni), so that the best of many pairs
is as reliable as a single pair. A significant difference need not be caused by the model: calls were not assigned at
random. So each opportunity states its limitations, and one that would move traffic suggests an A/B test.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final

from domain.ab_test import CreateABTest
from domain.analytics import AnalyticsFilter
from domain.error import NotFound
from domain.money import ZERO
from domain.opportunity.advice import Evidence, Opportunity, OpportunityKind
from domain.opportunity.hours import HourOfDay, bad_hours
from domain.opportunity.idle import MAX_DECISIONS, AlertUse, RuleUses, ended_windows, idle_alerts, unused_rules
from domain.opportunity.saving import Usage, cheaper_models, unproven_preferences
from domain.window import Window

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
    "suggested_test",
]

MAX_OPPORTUNITIES: Final = 50
"""The most opportunities that are returned."""


def find(
    usage: Sequence[Usage],
    hours: Sequence[HourOfDay],
    rules: RuleUses | None,
    alerts: Sequence[AlertUse],
    preferred: Sequence[str],
    asked: AnalyticsFilter,
    window: Window,
) -> list[Opportunity]:
    """The opportunities in the time range `window`, at most 50: the highest lower bound of savings first, then most calls.

    `asked` is the filter of the calls. `preferred` are the preferred providers, the most preferred one first.
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


def suggested_test(found: Iterable[Opportunity], opportunity_id: str) -> CreateABTest:
    """The A/B test that the opportunity with this id suggests. Raises NotFound."""
    for opportunity in found:
        if opportunity.id == opportunity_id and opportunity.suggested_test is not None:
            return opportunity.suggested_test
    raise NotFound(
        "opportunityId: must be the id of an opportunity of this filter that suggests a test", ["opportunityId"]
    )


def _within(asked: AnalyticsFilter, found: Opportunity) -> Opportunity:
    """The opportunity with the conditions of the requested filter added to its own filter."""
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
