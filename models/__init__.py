"""The data layer: tables, database access, the ledger and queries. Importing this package registers every table."""

from models.ab_group import ABGroup
from models.ab_test import ABTest
from models.amendment import Amendment
from models.analytics import EventKey, RouterAnalytics
from models.base import Base, Owned
from models.catalog import RegisteredModel
from models.cost_alert import AlertEvent, AlertSequence, AlertWindow, CostAlert, RollingAlert
from models.decision import RoutingDecision
from models.earlier_user import EarlierUser
from models.hold import Hold
from models.incomplete import Incomplete
from models.preference import RouterPreferences
from models.provider_alias import ProviderAlias
from models.rollup import AnalyticsDaily, AnalyticsHourly, LatencyDaily, LatencyHourly, Retention
from models.routing_version import RoutingVersion
from models.spend import SpendMinute, SpendTotal
from models.unpriced_model import UnpricedModel

__all__ = [
    "ABGroup",
    "ABTest",
    "AlertEvent",
    "AlertSequence",
    "AlertWindow",
    "Amendment",
    "AnalyticsDaily",
    "AnalyticsHourly",
    "Base",
    "CostAlert",
    "EarlierUser",
    "EventKey",
    "Hold",
    "Incomplete",
    "LatencyDaily",
    "LatencyHourly",
    "Owned",
    "ProviderAlias",
    "RegisteredModel",
    "Retention",
    "RollingAlert",
    "RouterAnalytics",
    "RouterPreferences",
    "RoutingDecision",
    "RoutingVersion",
    "SpendMinute",
    "SpendTotal",
    "UnpricedModel",
]
