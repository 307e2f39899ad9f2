"""`router_ab_tests`: A/B tests with two variants, and the ledger's sums per variant. Rates and averages are derived."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, Double, Index, String, UniqueConstraint, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from domain.ab_test import RunningTest, Variant, VariantConfig, VariantMetrics
from domain.bounds import MAX_NAME_LENGTH
from domain.inference import Conclusion, Metric
from domain.money import ZERO
from models.base import Base, Owned
from models.types import enum_type, new_id


class ABTest(Owned, Base):
    """One A/B test: its configuration, its sums per variant and, once it has ended, its frozen evidence."""

    __tablename__ = "router_ab_tests"
    __allow_unmapped__ = True  # `inference` is no column: `load_inference` sets it

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    test_name: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH))
    task_type: Mapped[str | None] = mapped_column(String(MAX_NAME_LENGTH))
    variant_a_config: Mapped[dict[str, Any]]
    variant_b_config: Mapped[dict[str, Any]]
    active: Mapped[bool] = mapped_column(default=True)
    # The task type while the test runs ("" for any task type), NULL once it has ended. With the unique constraint below,
    # at most one test runs per task type.
    running_for: Mapped[str | None] = mapped_column(String(MAX_NAME_LENGTH))
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    variant_a_calls: Mapped[int] = mapped_column(BigInteger, default=0)
    variant_a_success: Mapped[int] = mapped_column(BigInteger, default=0)
    variant_a_latency_count: Mapped[int] = mapped_column(BigInteger, default=0)
    variant_a_latency_sum_ms: Mapped[int] = mapped_column(BigInteger, default=0)
    variant_a_total_cost: Mapped[Decimal] = mapped_column(default=ZERO)
    variant_b_calls: Mapped[int] = mapped_column(BigInteger, default=0)
    variant_b_success: Mapped[int] = mapped_column(BigInteger, default=0)
    variant_b_latency_count: Mapped[int] = mapped_column(BigInteger, default=0)
    variant_b_latency_sum_ms: Mapped[int] = mapped_column(BigInteger, default=0)
    variant_b_total_cost: Mapped[Decimal] = mapped_column(default=ZERO)
    winner: Mapped[Variant | None] = mapped_column(enum_type(Variant))
    created_at: Mapped[datetime]
    primary_metric: Mapped[Metric] = mapped_column(enum_type(Metric))
    # Metrics in which a winner must not be worse.
    guardrails: Mapped[list[str]]
    # The share of requests assigned to A, between 0 and 1.
    split: Mapped[float] = mapped_column(Double)
    minimum_run_hours: Mapped[int]
    # The cap, in USD, on the cost of one call when mean costs are compared; None when costs are not compared.
    cost_cap: Mapped[Decimal | None]
    # The conclusion of inference, frozen when the test ended.
    evidence: Mapped[dict[str, Any] | None]
    # Calls of unknown cost. They add nothing to the total cost.
    variant_a_unpriced: Mapped[int] = mapped_column(BigInteger, default=0, server_default=text("0"))
    variant_b_unpriced: Mapped[int] = mapped_column(BigInteger, default=0, server_default=text("0"))

    inference: Conclusion

    __table_args__ = (
        Index("ix_router_ab_tests_user_id_active", "user_id", "active", "id"),
        UniqueConstraint("user_id", "running_for"),
    )

    @property
    def variant_a(self) -> VariantMetrics:
        return self._metrics(Variant.A)

    @property
    def variant_b(self) -> VariantMetrics:
        return self._metrics(Variant.B)

    def config(self, variant: Variant) -> dict[str, Any]:
        """The configuration of this variant: provider, model and parameters."""
        return self.variant_a_config if variant is Variant.A else self.variant_b_config

    @property
    def running(self) -> RunningTest:
        """The test as routing reads it."""
        variants = {variant: VariantConfig.model_validate(self.config(variant)) for variant in Variant}
        return RunningTest(self.id, self.test_name, self.task_type, self.split, variants)

    def _metrics(self, variant: Variant) -> VariantMetrics:
        def column(name: str) -> Any:
            return getattr(self, f"variant_{variant.lower()}_{name}")

        return VariantMetrics(
            config=self.config(variant),
            calls=column("calls"),
            successes=column("success"),
            latency_count=column("latency_count"),
            latency_sum_ms=column("latency_sum_ms"),
            total_cost=column("total_cost"),
            unpriced_calls=column("unpriced"),
            test_calls=self.variant_a_calls + self.variant_b_calls,
        )


SUMS: Final = tuple(
    f"variant_{variant}_{name}"
    for variant in ("a", "b")
    for name in ("calls", "success", "latency_count", "latency_sum_ms", "total_cost", "unpriced")
)
"""The columns with sums of calls."""
