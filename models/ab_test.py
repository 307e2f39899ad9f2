"""`router_ab_tests`: two variants, and the sums the ledger keeps of each. Rates and averages are derived from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import BigInteger, Double, Index, String, UniqueConstraint, Uuid, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from domain.ab_test import RunningTest, Variant, VariantConfig, VariantMetrics
from domain.bounds import MAX_NAME_LENGTH
from domain.inference import Arm, Conclusion, Group, Metric, conclude
from domain.money import ZERO
from models.ab_group import groups_of
from models.base import Base, Owned
from models.bulk import additions
from models.compute import Compute
from models.types import enum_type, new_id


class ABTest(Owned, Base):
    __tablename__ = "router_ab_tests"
    __allow_unmapped__ = True  # `inference` is no column: `load_inference` sets it

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    test_name: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH))
    task_type: Mapped[str | None] = mapped_column(String(MAX_NAME_LENGTH))
    variant_a_config: Mapped[dict[str, Any]]
    variant_b_config: Mapped[dict[str, Any]]
    active: Mapped[bool] = mapped_column(default=True)
    # The task type while the test runs ("" for a test of any), NULL once it ended: at most one runs for each.
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
    # The metrics in which a winner must not be worse.
    guardrails: Mapped[list[str]]
    # The share of traffic that A is to get.
    split: Mapped[float] = mapped_column(Double)
    minimum_run_hours: Mapped[int]
    # What one call counts for at most where mean costs are compared; None where they are not.
    cost_cap: Mapped[Decimal | None]
    # What inference said when the test ended.
    evidence: Mapped[dict[str, Any] | None]
    # Calls of unknown cost, which add nothing to the total.
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
        """What serves the requests of this variant."""
        return self.variant_a_config if variant is Variant.A else self.variant_b_config

    @property
    def running(self) -> RunningTest:
        """What routing needs to know of it."""
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


async def ab_test_of(
    session: AsyncSession, user_id: UUID, ab_test_id: UUID, *, for_update: bool = False
) -> ABTest | None:
    """The user's test with this id; None when the user has none such."""
    statement = select(ABTest).where(ABTest.user_id == user_id, ABTest.id == ab_test_id)
    return await session.scalar(statement.with_for_update() if for_update else statement)


async def running_tests_of(session: AsyncSession, user_id: UUID) -> list[ABTest]:
    """The user's tests that run, one for each task type."""
    statement = select(ABTest).where(ABTest.user_id == user_id, ABTest.active.is_(True))
    return list(await session.scalars(statement.order_by(ABTest.running_for)))


async def load_inference(
    session: AsyncSession, tests: Sequence[ABTest], now: datetime, compute: Compute | None = None
) -> None:
    """Set `inference` on each of these tests of one user: what is kept of those that ended, else what their sums say now.

    That takes some 20 ms for a test that runs: with `compute`, beside the event loop. Without it, no transaction that
    writes waits for a slot of the compute pool.
    """
    running = [test for test in tests if test.evidence is None]
    for test in tests:
        if test.evidence is not None:
            test.inference = _conclusions.validate_python(test.evidence)
    if not running:
        return
    user_id = running[0].user_id
    groups = await groups_of(session, user_id, [test.id for test in running])
    if compute is None:
        _conclude(running, groups, now)
    else:
        await compute.offload(user_id, _conclude, running, groups, now)


def _conclude(
    tests: Sequence[ABTest], groups: Mapping[tuple[UUID, Variant], Mapping[int, Group]], now: datetime
) -> None:
    for test in tests:
        a, b = (Arm.of(groups.get((test.id, variant), {})) for variant in Variant)
        left = test.started_at + timedelta(hours=test.minimum_run_hours) - now
        test.inference = conclude(
            a,
            b,
            split=test.split,
            primary=test.primary_metric,
            guardrails=[Metric(name) for name in test.guardrails],
            hours_left=left / timedelta(hours=1),
        )


def freeze(test: ABTest) -> None:
    """Keep what `inference` says of the test that ends."""
    test.evidence = _conclusions.dump_python(test.inference, mode="json")


_conclusions: Final = TypeAdapter(Conclusion)

SUMS: Final = tuple(
    f"variant_{variant}_{name}"
    for variant in ("a", "b")
    for name in ("calls", "success", "latency_count", "latency_sum_ms", "total_cost", "unpriced")
)


def _sums_of(variant: str) -> str:
    of = f"WHERE r.ab_variant = '{variant.upper()}'"
    return (
        f"count(*) FILTER ({of}) AS variant_{variant}_calls, "
        f"count(*) FILTER ({of} AND r.success) AS variant_{variant}_success, "
        f"count(r.latency_ms) FILTER ({of}) AS variant_{variant}_latency_count, "
        f"coalesce(sum(r.latency_ms) FILTER ({of}), 0) AS variant_{variant}_latency_sum_ms, "
        f"coalesce(sum(r.cost) FILTER ({of}), 0) AS variant_{variant}_total_cost, "
        f"count(*) FILTER ({of} AND r.cost IS NULL) AS variant_{variant}_unpriced"
    )


ADD_TO_TESTS: Final = (
    f"UPDATE router_ab_tests SET {additions('router_ab_tests', SUMS, 'held')} FROM ("
    f"SELECT s.* FROM (SELECT r.user_id, r.ab_test_id, {_sums_of('a')}, {_sums_of('b')} "
    "FROM {rows} WHERE r.ab_counted GROUP BY r.user_id, r.ab_test_id) s "
    # Locked in key order first: an UPDATE alone takes them as they come.
    "JOIN router_ab_tests t ON t.user_id = s.user_id AND t.id = s.ab_test_id ORDER BY t.user_id, t.id {locked}"
    ") AS held WHERE router_ab_tests.user_id = held.user_id AND router_ab_tests.id = held.ab_test_id"
)
"""Adds new decisions to the sums of the tests they count for: the statement says in SQL what `sums_of_tests` does."""

_NO_COST: Final = {"variant_a_total_cost": ZERO, "variant_b_total_cost": ZERO}


def sums_of_tests(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What these decisions add to the sums of the tests they count for, in key order."""
    tests: dict[tuple[UUID, UUID], dict[str, Any]] = {}
    for row in rows:
        if not row["ab_counted"]:
            continue
        sums = tests.setdefault((row["user_id"], row["ab_test_id"]), dict.fromkeys(SUMS, 0) | _NO_COST)
        variant = f"variant_{row['ab_variant'].lower()}"
        sums[f"{variant}_calls"] += 1
        sums[f"{variant}_success"] += row["success"]
        if row["latency_ms"] is not None:
            sums[f"{variant}_latency_count"] += 1
            sums[f"{variant}_latency_sum_ms"] += row["latency_ms"]
        sums[f"{variant}_total_cost"] += row["cost"] or ZERO
        sums[f"{variant}_unpriced"] += row["cost"] is None
    return [{"user_id": user_id, "id": id_} | sums for (user_id, id_), sums in sorted(tests.items())]
