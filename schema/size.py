"""The maximum size of each field: items of a list, bytes of a value as JSON.

Every list, text and JSON value of the schema must be listed here; otherwise the schema's tests fail. Limits of GraphQL
documents are computed from these sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from graphql import GraphQLEnumType, GraphQLNamedType

from domain.amendment import MAX_AMENDMENTS
from domain.bounds import MAX_BATCH, MAX_JSON_BYTES, MAX_LIST_LENGTH, MAX_NAME_LENGTH, MAX_PAGE
from domain.catalog import MAX_TIERS
from domain.cost_alert import MAX_ALERTS
from domain.inference import Metric
from domain.opportunity import MAX_OPPORTUNITIES
from domain.preference import MAX_RULES, MAX_RULES_BYTES
from domain.provider import MAX_ALIASES, MAX_PROVIDERS, PROVIDERS
from domain.routing import MAX_CANDIDATES, MAX_FALLBACKS
from domain.summary import MAX_BUCKETS
from domain.window import WeekDay
from models.queries.ab_snapshot import SNAPSHOTS
from models.queries.decision import MAX_RECORDS


@dataclass(frozen=True, slots=True)
class Items:
    """The maximum number of items of each list, and of all such lists below one object of the type `of`."""

    each: int
    in_all: int | None = None
    of: str = "Query"
    bytes_in_all: int | None = None
    """The maximum bytes of all items together, for texts that are stored in one column."""


PAGE: Final = "a page"
"""The list has as many items as the argument `first` of its connection."""

_AS_LONG_AS_CHARTS: Final = 1_000
"""A typical summary. Summaries may have up to `MAX_BUCKETS` rows; execution counts the actual rows."""
_RULE_TEXTS: Final = MAX_RULES_BYTES // len('"",')

LISTS: Final[Mapping[str, Items | str]] = {
    # Pages
    "ABTestConnection.edges": PAGE,
    "ABTestConnection.nodes": PAGE,
    "AlertEventConnection.edges": PAGE,
    "AlertEventConnection.nodes": PAGE,
    "CostAlertConnection.edges": PAGE,
    "CostAlertConnection.nodes": PAGE,
    "ModelConnection.edges": PAGE,
    "ModelConnection.nodes": PAGE,
    "RouterAnalyticsConnection.edges": PAGE,
    "RouterAnalyticsConnection.nodes": PAGE,
    "RoutingDecisionConnection.edges": PAGE,
    "RoutingDecisionConnection.nodes": PAGE,
    # Root fields
    "Query.abTestLooks": Items(SNAPSHOTS),
    "Query.amendments": Items(MAX_AMENDMENTS),
    "Query.analyticsSummary": Items(_AS_LONG_AS_CHARTS),
    "Query.costTrend": Items(_AS_LONG_AS_CHARTS),
    "Query.heatMap": Items(7 * 24),
    "Query.leaderboard": Items(MAX_PAGE),
    "Query.opportunities": Items(MAX_OPPORTUNITIES),
    "Query.providerAliases": Items(MAX_ALIASES),
    "Query.providers": Items(MAX_PROVIDERS),
    # Lists of other types
    "ABTest.guardrails": Items(len(Metric)),
    "ABTestInference.comparisons": Items(len(Metric)),
    "AmendedAnalytics.alertEvents": Items(2 * MAX_ALERTS),
    "AppliedFilter.models": Items(MAX_LIST_LENGTH),
    "AppliedFilter.providers": Items(MAX_LIST_LENGTH),
    "AppliedFilter.taskTypes": Items(MAX_LIST_LENGTH),
    "CostTrendPoint.providers": Items(MAX_BUCKETS, in_all=MAX_BUCKETS),
    "LogAnalyticsBatchResult.rejected": Items(MAX_BATCH),
    "LoggedAnalytics.alertEvents": Items(2 * MAX_ALERTS),
    "MetadataCondition.oneOf": Items(100, in_all=_RULE_TEXTS, of="RouterPreferences", bytes_in_all=MAX_RULES_BYTES),
    "Model.tiers": Items(MAX_TIERS),
    "Opportunity.evidence": Items(10),
    "Provider.aliases": Items(
        MAX_ALIASES + 20, in_all=MAX_ALIASES + sum(len(each.aliases) for each in PROVIDERS.values())
    ),
    "RouteRefused.candidates": Items(MAX_CANDIDATES),
    "RouterPreferences.blockedProviders": Items(MAX_LIST_LENGTH),
    "RouterPreferences.customRules": Items(MAX_RULES),
    "RouterPreferences.preferredProviders": Items(MAX_LIST_LENGTH),
    "RoutingDecision.candidates": Items(MAX_CANDIDATES),
    "RoutingDecision.fallbacks": Items(MAX_FALLBACKS),
    "RoutingDecision.notes": Items(10),
    "RoutingDecision.records": Items(MAX_RECORDS),
    "RoutingDecision.rules": Items(MAX_RULES),
    "RoutingSimulation.candidates": Items(MAX_CANDIDATES),
    "RoutingSimulation.fallbacks": Items(MAX_FALLBACKS),
    "RoutingSimulation.notes": Items(10),
    "RoutingSimulation.rules": Items(MAX_RULES),
    "RuleAction.block": Items(100, in_all=_RULE_TEXTS, of="RouterPreferences", bytes_in_all=MAX_RULES_BYTES),
    "RuleAction.prefer": Items(100, in_all=_RULE_TEXTS, of="RouterPreferences", bytes_in_all=MAX_RULES_BYTES),
    "RuleCondition.metadata": Items(20),
    "RuleCondition.weekdays": Items(len(WeekDay)),
    "SuggestedTest.guardrails": Items(len(Metric)),
    # Paths of errors
    "Conflict.path": Items(10),
    "Error.path": Items(10),
    "InvalidInput.path": Items(10),
    "NotFound.path": Items(10),
    "Overloaded.path": Items(10),
    "RouteRefused.path": Items(10),
}

_BYTES_OF_A_CHARACTER: Final = 4


def _text(characters: int) -> int:
    return len('""') + _BYTES_OF_A_CHARACTER * characters


_NAME: Final = _text(MAX_NAME_LENGTH)
_UUID: Final = len('"00000000-0000-0000-0000-000000000000"')
_CURSOR: Final = 100
_SENTENCE: Final = _text(1_000)
"""The maximum bytes of a message of the server, including the names in it."""

SCALARS: Final[Mapping[str, int]] = {
    "BigInt": 22,
    "Boolean": 5,
    "DateTime": 34,
    "Decimal": 34,
    "Float": 25,
    "ID": _UUID,
    "Int": 11,
}
"""The maximum bytes of scalar values, by scalar."""

LEAVES: Final[Mapping[str, int]] = {
    "ABTest.taskType": _NAME,
    "ABTest.testName": _NAME,
    "ABTestEdge.cursor": _CURSOR,
    "ABTestInference.sentence": _SENTENCE,
    "AlertEvent.cursor": _CURSOR,
    "AlertEventEdge.cursor": _CURSOR,
    "Amendment.after": MAX_JSON_BYTES,
    "Amendment.amendmentId": _NAME,
    "Amendment.before": MAX_JSON_BYTES,
    "AnalyticsBucket.model": _NAME,
    "AnalyticsBucket.provider": _NAME,
    "AnalyticsBucket.taskType": _NAME,
    "AppliedFilter.models": _NAME,
    "AppliedFilter.providers": _NAME,
    "AppliedFilter.taskTypes": _NAME,
    "CandidateVerdict.model": _NAME,
    "CandidateVerdict.provider": _NAME,
    "CandidateVerdict.reason": _text(400),
    "Conflict.message": _SENTENCE,
    "Conflict.path": _NAME,
    "CostAlert.alertType": _NAME,
    "CostAlert.timeZone": _text(64),
    "CostAlertEdge.cursor": _CURSOR,
    "CostShare.provider": _NAME,
    "Error.message": _SENTENCE,
    "Error.path": _NAME,
    "Evidence.name": _NAME,
    "Evidence.value": _NAME,
    "InvalidInput.message": _SENTENCE,
    "InvalidInput.path": _NAME,
    "LeaderboardRow.model": _NAME,
    "LeaderboardRow.provider": _NAME,
    "MetadataCondition.key": _NAME,
    "MetadataCondition.oneOf": _NAME,
    "MetricComparison.sentence": _SENTENCE,
    "Model.id": 2 * _NAME,
    "Model.model": _NAME,
    "Model.name": _NAME,
    "Model.provider": _NAME,
    "ModelEdge.cursor": 3 * _NAME,
    "NotFound.message": _SENTENCE,
    "NotFound.path": _NAME,
    "Opportunity.explanation": _SENTENCE,
    "Opportunity.id": _NAME,
    "Opportunity.title": _SENTENCE,
    "Overloaded.message": _SENTENCE,
    "Overloaded.path": _NAME,
    "PageInfo.endCursor": 3 * _NAME,
    "PageInfo.startCursor": 3 * _NAME,
    "Provider.aliases": _NAME,
    "Provider.id": _NAME,
    "Provider.name": _NAME,
    "ProviderAlias.alias": _NAME,
    "ProviderAlias.provider": _NAME,
    "RouteRefused.constraint": _text(50),
    "RouteRefused.message": _SENTENCE,
    "RouteRefused.path": _NAME,
    "DroppedAnalytics.eventId": _NAME,
    "RouterAnalytics.eventId": _NAME,
    "RouterAnalytics.metadata": MAX_JSON_BYTES,
    "RouterAnalytics.modelUsed": _NAME,
    "RouterAnalytics.priceVersion": _text(64),
    "RouterAnalytics.provider": _NAME,
    "RouterAnalytics.reportedModel": _NAME,
    "RouterAnalytics.reportedProvider": _NAME,
    "RouterAnalytics.taskType": _NAME,
    "RouterAnalyticsEdge.cursor": _CURSOR,
    "RouterPreferences.blockedProviders": _NAME,
    "RouterPreferences.preferredProviders": _NAME,
    "RoutingDecision.model": _NAME,
    "RoutingDecision.notes": _SENTENCE,
    "RoutingDecision.parameters": MAX_JSON_BYTES,
    "RoutingDecision.provider": _NAME,
    # The request's metadata, and its numbers and names.
    "RoutingDecision.request": MAX_JSON_BYTES + 4 * _NAME,
    "RoutingDecision.rules": _NAME,
    "RoutingDecision.taskType": _NAME,
    "RoutingDecisionEdge.cursor": _CURSOR,
    "RoutingRule.name": _NAME,
    "RoutingSimulation.model": _NAME,
    "RoutingSimulation.notes": _SENTENCE,
    "RoutingSimulation.provider": _NAME,
    "RoutingSimulation.rules": _NAME,
    "RuleAction.block": _NAME,
    "RuleAction.prefer": _NAME,
    "RuleCondition.taskType": _NAME,
    "RuleCondition.timeZone": _text(64),
    "RuleTarget.model": _NAME,
    "RuleTarget.parameters": MAX_JSON_BYTES,
    "RuleTarget.provider": _NAME,
    "SuggestedTest.taskType": _NAME,
    "SuggestedTest.testName": _NAME,
    "VariantConfig.model": _NAME,
    "VariantConfig.parameters": MAX_JSON_BYTES,
    "VariantConfig.provider": _NAME,
}
"""The maximum bytes of texts and JSON values, by field; of one item when the field is a list."""


def bytes_of(field: str, type_: GraphQLNamedType) -> int | None:
    """The maximum bytes of a value of `field`, written `Type.field`; None when it is not listed."""
    if (declared := LEAVES.get(field)) is not None:
        return declared
    if isinstance(type_, GraphQLEnumType):
        return len('""') + max(map(len, type_.values))
    return SCALARS.get(type_.name)


@dataclass(frozen=True, slots=True)
class Sizes:
    """The sizes of a schema that document limits are computed from."""

    lists: Mapping[str, Items | str]
    """The maximum number of items of each list, by `Type.field`; `PAGE` for a page."""
    bytes_of: Callable[[str, GraphQLNamedType], int | None]
    """The maximum bytes of a value, by `Type.field` and the value's type."""
    longest_page: int
    longest_value: int
    """The bytes of a value for which `bytes_of` returns None."""


SIZES: Final = Sizes(LISTS, bytes_of, MAX_PAGE, MAX_JSON_BYTES)
