"""`router_analytics_hourly` and `router_latency_hourly`: what charts read, kept by the ledger as decisions come."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from sqlalchemy import BigInteger, Double, Integer, String, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from domain.bounds import MAX_NAME_LENGTH
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


KEY: Final = tuple(column.key for column in AnalyticsHourly.__table__.primary_key)
SUMS: Final = tuple(column.key for column in AnalyticsHourly.__table__.columns if not column.primary_key)
