"""What is stored. Importing this package registers every table."""

from models.ab_test import ABTest
from models.analytics import EventKey, RouterAnalytics
from models.base import Base, Owned
from models.cost_alert import AlertEvent, AlertSequence, AlertWindow, CostAlert
from models.preference import RouterPreferences

__all__ = [
    "ABTest",
    "AlertEvent",
    "AlertSequence",
    "AlertWindow",
    "Base",
    "CostAlert",
    "EventKey",
    "Owned",
    "RouterAnalytics",
    "RouterPreferences",
]
