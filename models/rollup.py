"""Rollups: sums and latency histograms of calls per UTC hour and per UTC day. The ledger writes them; charts read them.

Each column is declared once, together with the SQL that computes it from calls.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, Double, Integer, String, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from domain.bounds import MAX_NAME_LENGTH
from models.base import Base, Owned
from models.types import Money

# Stand for a missing value in a key, because a key column cannot be NULL.
NO_TEXT: Final = ""
NO_ID: Final = UUID(int=0)

# The key in a column's `info` under which its SQL is found.
_OF_CALLS: Final = "of_calls"


def _dimension(type_: Any, of_call: str, **more: Any) -> Any:
    """A key column. `of_call` is the SQL of its value for one call; `{call}` stands for a row of `router_analytics`."""
    return mapped_column(type_, primary_key=True, info={_OF_CALLS: of_call}, **more)


def _measure(type_: Any, of_calls: str, **more: Any) -> Any:
    """A sum column. `of_calls` is the SQL aggregate over calls; `{call}` stands for a row of `router_analytics`."""
    return mapped_column(type_, sort_order=1, info={_OF_CALLS: of_calls}, **more)


def _total(column: str) -> str:
    return f"coalesce(sum({{call}}.{column}), 0)"


_USD: Final = "(CAST({call}.cost AS DOUBLE PRECISION) / 1000000000)"


class _Dimensions(Owned):
    """The dimensions: key columns in addition to user and time.

    Primary keys, statements and `verify` are derived from this class.
    """

    provider: Mapped[str] = _dimension(String(MAX_NAME_LENGTH), "{call}.provider")
    model_used: Mapped[str] = _dimension(String(MAX_NAME_LENGTH), "{call}.model_used")
    task_type: Mapped[str] = _dimension(String(MAX_NAME_LENGTH), "{call}.task_type")
    priority: Mapped[str] = _dimension(String(32), "coalesce({call}.priority, '')")
    ab_test_id: Mapped[UUID] = _dimension(Uuid, f"coalesce({{call}}.ab_test_id, '{NO_ID.hex}')")
    ab_variant: Mapped[str] = _dimension(String(32), "coalesce({call}.ab_variant, '')")


class _Hour(_Dimensions):
    hour: Mapped[datetime] = _dimension(None, "{{hour_of_occurred_at}}", sort_order=-1)


class _Day(_Dimensions):
    day: Mapped[datetime] = _dimension(None, "{{day_of_occurred_at}}", sort_order=-1)


class _Measures:
    """The sums over the calls with the same key. Statements, summaries and `verify` are derived from this class."""

    calls: Mapped[int] = _measure(BigInteger, "count(*)")
    successes: Mapped[int] = _measure(BigInteger, "count(*) FILTER (WHERE {call}.success)")
    fallbacks: Mapped[int] = _measure(BigInteger, "count(*) FILTER (WHERE {call}.fallback_used)")
    # The number of calls of known cost. Calls of unknown cost add nothing to `cost`.
    priced: Mapped[int] = _measure(BigInteger, "count({call}.cost)")
    cost: Mapped[Decimal] = _measure(Money, _total("cost"))
    input_tokens: Mapped[int] = _measure(BigInteger, _total("input_tokens"))
    output_tokens: Mapped[int] = _measure(BigInteger, _total("output_tokens"))
    # The number of calls of known latency. The next two columns are sums over these calls.
    timed: Mapped[int] = _measure(BigInteger, "count({call}.latency_ms)")
    latency_sum_ms: Mapped[int] = _measure(BigInteger, _total("latency_ms"))
    latency_sum_squares: Mapped[float] = _measure(
        Double, "coalesce(sum(CAST({call}.latency_ms AS DOUBLE PRECISION) * {call}.latency_ms), 0)"
    )
    # The sum of squared costs in USD. It is a statistic and not an amount of money, so it is a float.
    cost_sum_squares: Mapped[float] = _measure(Double, f"coalesce(sum({_USD} * {_USD}), 0)")
    # Cached and cache-write tokens are part of `input_tokens`; reasoning tokens are part of `output_tokens`.
    cached_tokens: Mapped[int] = _measure(BigInteger, _total("cached_tokens"), server_default=text("0"))
    cache_write_tokens: Mapped[int] = _measure(BigInteger, _total("cache_write_tokens"), server_default=text("0"))
    reasoning_tokens: Mapped[int] = _measure(BigInteger, _total("reasoning_tokens"), server_default=text("0"))


class _Histogram:
    """The number of calls of known latency per bucket. `domain.latency` defines the buckets."""

    bucket: Mapped[int] = _dimension(Integer, "{call}.latency_bucket", sort_order=1)
    calls: Mapped[int] = _measure(BigInteger, "count(*)")


class AnalyticsHourly(_Hour, _Measures, Base):
    """Sums of the calls of a UTC hour."""

    __tablename__ = "router_analytics_hourly"
    __table_args__ = ({"sqlite_with_rowid": False},)


class AnalyticsDaily(_Day, _Measures, Base):
    """Sums of the calls of a UTC day. They equal the sums of its hours, and make long time ranges cheap to read."""

    __tablename__ = "router_analytics_daily"
    __table_args__ = ({"sqlite_with_rowid": False},)


class LatencyHourly(_Hour, _Histogram, Base):
    """Latency histograms of a UTC hour."""

    __tablename__ = "router_latency_hourly"
    __table_args__ = ({"sqlite_with_rowid": False},)


class LatencyDaily(_Day, _Histogram, Base):
    """Latency histograms of a UTC day."""

    __tablename__ = "router_latency_daily"
    __table_args__ = ({"sqlite_with_rowid": False},)


ROLLUPS: Final = (AnalyticsHourly, AnalyticsDaily, LatencyHourly, LatencyDaily)


class Retention(Base):
    """The time from which on calls are kept. Older calls were dropped; their rollups stay. The greatest value applies."""

    __tablename__ = "router_retention"

    kept_from: Mapped[datetime] = mapped_column(primary_key=True)


def of_calls(table: type[Any], call: str, *, key: bool) -> dict[str, str]:
    """The SQL of a rollup's key columns (with `key`) or of its sums, by column name.

    `call` is the SQL name of the table of calls. The SQL of the hour or day is a placeholder that
    `models.database.bulk.Bulk` replaces.
    """
    return {
        column.name: column.info[_OF_CALLS].format(call=call)
        for column in table.__table__.columns
        if _OF_CALLS in column.info and column.primary_key is key
    }


DIMENSIONS: Final = tuple(name for name in of_calls(AnalyticsHourly, "r", key=True) if name != "hour")
MEASURES: Final = tuple(of_calls(AnalyticsHourly, "r", key=False))
TOKENS: Final = tuple(name for name in MEASURES if name.endswith("_tokens"))
