"""`router_analytics_hourly` and `router_latency_hourly`: what charts read, kept by the ledger as decisions come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, Double, Integer, String, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from domain.bounds import MAX_NAME_LENGTH
from domain.latency import bucket_of
from domain.money import ZERO
from models.base import Base, Owned

# What is not given is part of the key all the same, and a key holds no NULL.
NO_TEXT: Final = ""
NO_ID: Final = UUID(int=0)


class _HourlyKey(Owned):
    hour: Mapped[datetime] = mapped_column(primary_key=True, sort_order=-1)
    provider: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH), primary_key=True, sort_order=-1)
    model_used: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH), primary_key=True, sort_order=-1)
    task_type: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH), primary_key=True, sort_order=-1)
    priority: Mapped[str] = mapped_column(String(32), primary_key=True, sort_order=-1)
    ab_test_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, sort_order=-1)
    ab_variant: Mapped[str] = mapped_column(String(32), primary_key=True, sort_order=-1)


class AnalyticsHourly(_HourlyKey, Base):
    """Sums of one UTC hour's decisions that are alike in all that charts group by."""

    __tablename__ = "router_analytics_hourly"

    calls: Mapped[int] = mapped_column(BigInteger)
    successes: Mapped[int] = mapped_column(BigInteger)
    fallbacks: Mapped[int] = mapped_column(BigInteger)
    # Calls of known cost; the others add nothing to `cost`.
    priced: Mapped[int] = mapped_column(BigInteger)
    cost: Mapped[Decimal]
    input_tokens: Mapped[int] = mapped_column(BigInteger)
    output_tokens: Mapped[int] = mapped_column(BigInteger)
    # Calls of known latency, and over them:
    timed: Mapped[int] = mapped_column(BigInteger)
    latency_sum_ms: Mapped[int] = mapped_column(BigInteger)
    latency_sum_squares: Mapped[float] = mapped_column(Double)

    __table_args__ = ({"sqlite_with_rowid": False},)


class LatencyHourly(_HourlyKey, Base):
    """How many of those calls took how long: see `domain.latency` for the buckets."""

    __tablename__ = "router_latency_hourly"

    bucket: Mapped[int] = mapped_column(Integer, primary_key=True)
    calls: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = ({"sqlite_with_rowid": False},)


class Retention(Base):
    """How far back decisions are kept: older ones were dropped, and their rollups stay. The last row holds."""

    __tablename__ = "router_retention"

    kept_from: Mapped[datetime] = mapped_column(primary_key=True)


_KEY_OF_A_DECISION: Final = (
    "r.user_id, {hour_of_occurred_at}, r.provider, r.model_used, r.task_type, coalesce(r.priority, ''), "
    "coalesce(r.ab_test_id, '00000000000000000000000000000000'), coalesce(r.ab_variant, '')"
)
HOURLY_SUMS: Final = (
    f"SELECT {_KEY_OF_A_DECISION}, count(*), count(*) FILTER (WHERE r.success), "
    "count(*) FILTER (WHERE r.fallback_used), count(r.cost), coalesce(sum(r.cost), 0), "
    "coalesce(sum(r.input_tokens), 0), coalesce(sum(r.output_tokens), 0), count(r.latency_ms), "
    "coalesce(sum(r.latency_ms), 0), coalesce(sum(CAST(r.latency_ms AS DOUBLE PRECISION) * r.latency_ms), 0) "
    "FROM {rows} WHERE true GROUP BY 1, 2, 3, 4, 5, 6, 7, 8"
)
"""What new decisions add to `router_analytics_hourly`: the statement says in SQL what `RollupSums` does in Python."""
LATENCY_COUNTS: Final = (
    f"SELECT {_KEY_OF_A_DECISION}, r.latency_bucket, count(*) "
    "FROM {rows} WHERE r.latency_bucket IS NOT NULL GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9"
)
"""What new decisions add to `router_latency_hourly`."""

KEY: Final = tuple(column.key for column in AnalyticsHourly.__table__.primary_key)
SUMS: Final = tuple(column.key for column in AnalyticsHourly.__table__.columns if not column.primary_key)


Key = tuple[Any, ...]


class RollupSums:
    """What some decisions add up to: the hourly sums and the latency histograms."""

    def __init__(self) -> None:
        self._hours: dict[Key, dict[str, Any]] = {}
        self._latencies: Counter[Key] = Counter()

    def add(self, row: Mapping[str, Any]) -> None:
        """Count one decision, a row of `router_analytics`."""
        key = (
            row["user_id"],
            row["occurred_at"].replace(minute=0, second=0, microsecond=0),
            row["provider"],
            row["model_used"],
            row["task_type"],
            row["priority"] or NO_TEXT,
            row["ab_test_id"] or NO_ID,
            row["ab_variant"] or NO_TEXT,
        )
        sums = self._hours.get(key)
        if sums is None:
            sums = self._hours[key] = dict.fromkeys(SUMS, 0) | {"cost": ZERO}
        sums["calls"] += 1
        sums["successes"] += row["success"]
        sums["fallbacks"] += row["fallback_used"]
        if row["cost"] is not None:
            sums["priced"] += 1
            sums["cost"] += row["cost"]
        sums["input_tokens"] += row["input_tokens"] or 0
        sums["output_tokens"] += row["output_tokens"] or 0
        if row["latency_ms"] is not None:
            sums["timed"] += 1
            sums["latency_sum_ms"] += row["latency_ms"]
            sums["latency_sum_squares"] += row["latency_ms"] ** 2
            self._latencies[*key, bucket_of(row["latency_ms"])] += 1

    def hours(self) -> list[dict[str, Any]]:
        """Rows of `router_analytics_hourly`, in key order."""
        return [dict(zip(KEY, key, strict=True)) | self._hours[key] for key in sorted(self._hours)]

    def latencies(self) -> list[dict[str, Any]]:
        """Rows of `router_latency_hourly`, in key order."""
        names = (*KEY, "bucket")
        return [dict(zip(names, key, strict=True)) | {"calls": calls} for key, calls in sorted(self._latencies.items())]
