"""`router_ab_groups`: the sums from which inference on A/B tests is computed, per variant and group of units.

`domain.inference` explains why units are divided into groups.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from sqlalchemy import BigInteger, Double, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from domain.ab_test import Variant
from models.base import Base, Owned
from models.types import enum_type


class ABGroup(Owned, Base):
    """Sums over the calls of one variant and one group of units. The columns are the fields of `domain.inference.Group`.

    Latency and cost sums contain successful calls only. Log-latencies (of ms) and capped costs (USD) are statistics and
    not money, so they are floats.
    """

    __tablename__ = "router_ab_groups"

    ab_test_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    ab_variant: Mapped[Variant] = mapped_column(enum_type(Variant), primary_key=True)
    unit_group: Mapped[int] = mapped_column(primary_key=True)
    assigned: Mapped[int] = mapped_column(BigInteger)
    calls: Mapped[int] = mapped_column(BigInteger)
    successes: Mapped[int] = mapped_column(BigInteger)
    timed: Mapped[int] = mapped_column(BigInteger)
    log_latency_sum: Mapped[float] = mapped_column(Double)
    log_latency_squares: Mapped[float] = mapped_column(Double)
    priced: Mapped[int] = mapped_column(BigInteger)
    capped_cost_sum: Mapped[float] = mapped_column(Double)
    capped_cost_squares: Mapped[float] = mapped_column(Double)

    __table_args__ = ({"sqlite_with_rowid": False},)


GROUP_KEY: Final = ("user_id", "ab_test_id", "ab_variant", "unit_group")
