"""Rollups computed in Python: sums and latency histograms of given calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from domain.latency import bucket_of
from domain.money import ZERO
from models.rollup import MEASURES, NO_ID, NO_TEXT, TOKENS, AnalyticsDaily, AnalyticsHourly

_HOURLY_KEY: Final = tuple(column.key for column in AnalyticsHourly.__table__.primary_key)
_DAILY_KEY: Final = tuple(column.key for column in AnalyticsDaily.__table__.primary_key)

RollupKey = tuple[Any, ...]
"""The values of the key columns of a rollup."""


def hour_key(row: Mapping[str, Any]) -> RollupKey:
    """The key of the hourly rollup that contains a call, a row of `router_analytics`."""
    return (
        row["user_id"],
        row["occurred_at"].replace(minute=0, second=0, microsecond=0),
        row["provider"],
        row["model_used"],
        row["task_type"],
        row["priority"] or NO_TEXT,
        row["ab_test_id"] or NO_ID,
        row["ab_variant"] or NO_TEXT,
    )


class RollupSums:
    """The rollups of given calls: sums and latency histograms, by hour and by day."""

    def __init__(self) -> None:
        self._hours: dict[RollupKey, dict[str, Any]] = {}
        self._latencies: Counter[RollupKey] = Counter()

    def add(self, row: Mapping[str, Any], sign: int = 1) -> None:
        """Add one call, a row of `router_analytics`; with the sign -1, remove it again."""
        key = hour_key(row)
        sums = self._hours.get(key)
        if sums is None:
            sums = self._hours[key] = dict.fromkeys(MEASURES, 0) | {"cost": ZERO}
        sums["calls"] += sign
        sums["successes"] += sign * row["success"]
        sums["fallbacks"] += sign * row["fallback_used"]
        if row["cost"] is not None:
            sums["priced"] += sign
            sums["cost"] += sign * row["cost"]
            sums["cost_sum_squares"] += sign * float(row["cost"]) ** 2
        for name in TOKENS:
            sums[name] += sign * (row[name] or 0)
        if row["latency_ms"] is not None:
            sums["timed"] += sign
            sums["latency_sum_ms"] += sign * row["latency_ms"]
            sums["latency_sum_squares"] += sign * row["latency_ms"] ** 2
            self._latencies[*key, bucket_of(row["latency_ms"])] += sign

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """The rows of each table of rollups, in key order."""
        days: dict[RollupKey, dict[str, Any]] = {}
        for key, sums in self._hours.items():
            day = days.setdefault(_of_day(key), dict.fromkeys(MEASURES, 0) | {"cost": ZERO})
            for name in MEASURES:
                day[name] += sums[name]
        latencies_of_days: Counter[RollupKey] = Counter()
        for key, calls in self._latencies.items():
            latencies_of_days[_of_day(key)] += calls
        return {
            "router_analytics_hourly": _rows(_HOURLY_KEY, self._hours),
            "router_analytics_daily": _rows(_DAILY_KEY, days),
            "router_latency_hourly": _counts(_HOURLY_KEY, self._latencies),
            "router_latency_daily": _counts(_DAILY_KEY, latencies_of_days),
        }


def _of_day(key: RollupKey) -> RollupKey:
    user_id, hour, *group = key
    return user_id, hour.replace(hour=0), *group


def _rows(names: RollupKey, sums: Mapping[RollupKey, dict[str, Any]]) -> list[dict[str, Any]]:
    return [dict(zip(names, key, strict=True)) | sums[key] for key in sorted(sums)]


def _counts(names: RollupKey, latencies: Mapping[RollupKey, int]) -> list[dict[str, Any]]:
    return [
        dict(zip((*names, "bucket"), key, strict=True)) | {"calls": calls} for key, calls in sorted(latencies.items())
    ]
