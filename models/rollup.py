"""Sums and latency histograms of every UTC hour and day: what charts read, kept by the ledger as decisions come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, Double, Integer, String, Uuid, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from domain.bounds import MAX_NAME_LENGTH
from domain.latency import bucket_of
from domain.money import ZERO
from models.base import Base, Owned
from models.types import first_id_at

# What is not given is part of the key all the same, and a key holds no NULL.
NO_TEXT: Final = ""
NO_ID: Final = UUID(int=0)
_VERSION: Final = 7
"""Of the ids made here, which tell the time."""


class _Group(Owned):
    """What charts group by, after the time in the key."""

    provider: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH), primary_key=True)
    model_used: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH), primary_key=True)
    task_type: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH), primary_key=True)
    priority: Mapped[str] = mapped_column(String(32), primary_key=True)
    ab_test_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    ab_variant: Mapped[str] = mapped_column(String(32), primary_key=True)


class _Hour(_Group):
    hour: Mapped[datetime] = mapped_column(primary_key=True, sort_order=-1)


class _Day(_Group):
    day: Mapped[datetime] = mapped_column(primary_key=True, sort_order=-1)


class _Sums:
    """Sums of decisions that are alike in their key."""

    calls: Mapped[int] = mapped_column(BigInteger, sort_order=1)
    successes: Mapped[int] = mapped_column(BigInteger, sort_order=1)
    fallbacks: Mapped[int] = mapped_column(BigInteger, sort_order=1)
    # Calls of known cost; the others add nothing to `cost`.
    priced: Mapped[int] = mapped_column(BigInteger, sort_order=1)
    cost: Mapped[Decimal] = mapped_column(sort_order=1)
    input_tokens: Mapped[int] = mapped_column(BigInteger, sort_order=1)
    output_tokens: Mapped[int] = mapped_column(BigInteger, sort_order=1)
    # Calls of known latency, and over them:
    timed: Mapped[int] = mapped_column(BigInteger, sort_order=1)
    latency_sum_ms: Mapped[int] = mapped_column(BigInteger, sort_order=1)
    latency_sum_squares: Mapped[float] = mapped_column(Double, sort_order=1)
    # Of costs in USD: a statistic, no money.
    cost_sum_squares: Mapped[float] = mapped_column(Double, sort_order=1)
    # Of the input tokens, and of the output tokens.
    cached_tokens: Mapped[int] = mapped_column(BigInteger, sort_order=1, server_default=text("0"))
    cache_write_tokens: Mapped[int] = mapped_column(BigInteger, sort_order=1, server_default=text("0"))
    reasoning_tokens: Mapped[int] = mapped_column(BigInteger, sort_order=1, server_default=text("0"))


class _Histogram:
    """How many of those calls took how long: see `domain.latency` for the buckets."""

    bucket: Mapped[int] = mapped_column(Integer, primary_key=True, sort_order=1)
    calls: Mapped[int] = mapped_column(BigInteger, sort_order=1)


class AnalyticsHourly(_Hour, _Sums, Base):
    """Sums of a UTC hour."""

    __tablename__ = "router_analytics_hourly"
    __table_args__ = ({"sqlite_with_rowid": False},)


class AnalyticsDaily(_Day, _Sums, Base):
    """Sums of a UTC day: what its hours add up to, for ranges of many."""

    __tablename__ = "router_analytics_daily"
    __table_args__ = ({"sqlite_with_rowid": False},)


class LatencyHourly(_Hour, _Histogram, Base):
    """Latencies of a UTC hour."""

    __tablename__ = "router_latency_hourly"
    __table_args__ = ({"sqlite_with_rowid": False},)


class LatencyDaily(_Day, _Histogram, Base):
    """Latencies of a UTC day."""

    __tablename__ = "router_latency_daily"
    __table_args__ = ({"sqlite_with_rowid": False},)


class Retention(Base):
    """How far back decisions are kept: older ones were dropped, and their rollups stay. The last row holds."""

    __tablename__ = "router_retention"

    kept_from: Mapped[datetime] = mapped_column(primary_key=True)


async def dropped_of(connection: AsyncConnection, missing: Collection[tuple[UUID, UUID]]) -> set[tuple[UUID, UUID]]:
    """Those of these rows, none of which is there, that are older than what is kept: (user_id, id)."""
    if not missing:
        return set()
    kept_from = await connection.scalar(select(func.max(Retention.kept_from)))
    if kept_from is None:
        return set()
    first_kept = first_id_at(kept_from)
    return {key for key in missing if key[1].version == _VERSION and key[1] < first_kept}


GROUP: Final = ("provider", "model_used", "task_type", "priority", "ab_test_id", "ab_variant")
"""What sums are told apart by, beside user and time."""
_GROUP_OF_A_DECISION: Final = (
    "r.provider, r.model_used, r.task_type, coalesce(r.priority, ''), "
    "coalesce(r.ab_test_id, '00000000000000000000000000000000'), coalesce(r.ab_variant, '')"
)


def sums_of(time: str) -> str:
    """What new decisions add to the sums of each hour or day: says in SQL what `RollupSums` does in Python."""
    usd = "CAST(r.cost AS DOUBLE PRECISION) / 1000000000"
    return (
        f"SELECT r.user_id, {time}, {_GROUP_OF_A_DECISION}, count(*), count(*) FILTER (WHERE r.success), "
        "count(*) FILTER (WHERE r.fallback_used), count(r.cost), coalesce(sum(r.cost), 0), "
        "coalesce(sum(r.input_tokens), 0), coalesce(sum(r.output_tokens), 0), count(r.latency_ms), "
        "coalesce(sum(r.latency_ms), 0), coalesce(sum(CAST(r.latency_ms AS DOUBLE PRECISION) * r.latency_ms), 0), "
        f"coalesce(sum({usd} * {usd}), 0), coalesce(sum(r.cached_tokens), 0), coalesce(sum(r.cache_write_tokens), 0), "
        "coalesce(sum(r.reasoning_tokens), 0) "
        "FROM {rows} WHERE true GROUP BY 1, 2, 3, 4, 5, 6, 7, 8"
    )


def latencies_of(time: str) -> str:
    """What new decisions add to the histograms of each hour or day."""
    return (
        f"SELECT r.user_id, {time}, {_GROUP_OF_A_DECISION}, r.latency_bucket, count(*) "
        "FROM {rows} WHERE r.latency_bucket IS NOT NULL GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9"
    )


TOKENS: Final = ("input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens")
HOUR: Final = "{hour_of_occurred_at}"
DAY: Final = "{day_of_occurred_at}"
_HOURLY_KEY: Final = tuple(column.key for column in AnalyticsHourly.__table__.primary_key)
_DAILY_KEY: Final = tuple(column.key for column in AnalyticsDaily.__table__.primary_key)
SUMS: Final = tuple(column.key for column in AnalyticsHourly.__table__.columns if not column.primary_key)

Key = tuple[Any, ...]


def hour_key(row: Mapping[str, Any]) -> Key:
    """The key of the sums of an hour that a call, a row of `router_analytics`, counts in."""
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
    """What some decisions add up to: sums and latency histograms, by hour and by day."""

    def __init__(self) -> None:
        self._hours: dict[Key, dict[str, Any]] = {}
        self._latencies: Counter[Key] = Counter()

    def add(self, row: Mapping[str, Any], sign: int = 1) -> None:
        """Count one call, a row of `router_analytics`; with -1, take it out again."""
        key = hour_key(row)
        sums = self._hours.get(key)
        if sums is None:
            sums = self._hours[key] = dict.fromkeys(SUMS, 0) | {"cost": ZERO}
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
        """The rows of each table of sums, in key order."""
        days: dict[Key, dict[str, Any]] = {}
        for key, sums in self._hours.items():
            day = days.setdefault(_of_day(key), dict.fromkeys(SUMS, 0) | {"cost": ZERO})
            for name in SUMS:
                day[name] += sums[name]
        latencies_of_days: Counter[Key] = Counter()
        for key, calls in self._latencies.items():
            latencies_of_days[_of_day(key)] += calls
        return {
            "router_analytics_hourly": _rows(_HOURLY_KEY, self._hours),
            "router_analytics_daily": _rows(_DAILY_KEY, days),
            "router_latency_hourly": _counts(_HOURLY_KEY, self._latencies),
            "router_latency_daily": _counts(_DAILY_KEY, latencies_of_days),
        }


def _of_day(key: Key) -> Key:
    user_id, hour, *group = key
    return user_id, hour.replace(hour=0), *group


def _rows(names: Key, sums: Mapping[Key, dict[str, Any]]) -> list[dict[str, Any]]:
    return [dict(zip(names, key, strict=True)) | sums[key] for key in sorted(sums)]


def _counts(names: Key, latencies: Mapping[Key, int]) -> list[dict[str, Any]]:
    return [
        dict(zip((*names, "bucket"), key, strict=True)) | {"calls": calls} for key, calls in sorted(latencies.items())
    ]
