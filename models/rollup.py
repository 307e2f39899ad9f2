"""Sums and latency histograms of every UTC hour and day: what charts read, kept by the ledger as decisions come."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from sqlalchemy import BigInteger, Double, Integer, String, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from domain.bounds import MAX_NAME_LENGTH
from models.base import Base, Owned

# What is not given is part of the key all the same, and a key holds no NULL.
NO_TEXT: Final = ""
NO_ID: Final = UUID(int=0)


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


GROUP: Final = ("provider", "model_used", "task_type", "priority", "ab_test_id", "ab_variant")
"""What sums are told apart by, beside user and time."""
TOKENS: Final = ("input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens")
SUMS: Final = tuple(column.key for column in AnalyticsHourly.__table__.columns if not column.primary_key)
