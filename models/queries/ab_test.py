"""Reading A/B tests, and computing inference on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.ab_test import AssignedVariant, Variant
from domain.inference import Arm, Conclusion, Group, Metric, conclude
from domain.money import ZERO
from domain.page import Page
from models.ab_test import SUMS, ABTest
from models.database.compute import Compute
from models.database.page import newest_first
from models.database.row import row_of
from models.queries.ab_group import groups_of


async def ab_test_with_inference(
    session: AsyncSession, user_id: UUID, ab_test_id: UUID, now: datetime, compute: Compute
) -> ABTest | None:
    """The user's test with this id and its inference; None if the user has no such test."""
    test = await row_of(session, ABTest, user_id, ab_test_id)
    if test is not None:
        await load_inference(session, [test], now, compute)
    return test


async def ab_tests_page(
    session: AsyncSession, user_id: UUID, *, active: bool | None, first: int | None, after: str | None
) -> Page[ABTest]:
    """A page of the user's tests, newest first: those that run, those that have ended, or all for None."""
    conditions = [] if active is None else [ABTest.active.is_(active)]
    return await newest_first(session, ABTest, user_id, conditions, first=first, after=after)


async def assigned_variant(session: AsyncSession, user_id: UUID, ab_test_id: UUID, unit: str) -> AssignedVariant | None:
    """The variant that the user's running test assigns to the unit; None if the user has no such test or it has ended."""
    test = await row_of(session, ABTest, user_id, ab_test_id)
    if test is None or not test.active:
        return None
    variant = test.running.assign(unit).variant
    return AssignedVariant(variant, test.config(variant))


async def running_tests_of(session: AsyncSession, user_id: UUID) -> list[ABTest]:
    """The user's running tests; at most one per task type."""
    statement = select(ABTest).where(ABTest.user_id == user_id, ABTest.active.is_(True))
    return list(await session.scalars(statement.order_by(ABTest.running_for)))


async def load_inference(
    session: AsyncSession, tests: Sequence[ABTest], now: datetime, compute: Compute | None = None
) -> None:
    """Set `inference` on each of these tests of one user: the frozen evidence of ended tests, else the current conclusion.

    This takes about 20 ms per running test. With `compute` it is offloaded from the event loop. Leave `compute` out in a
    transaction that writes, so that the transaction does not wait for a slot of the compute pool.
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
    """Store the `inference` of a test that ends as its evidence."""
    test.evidence = _conclusions.dump_python(test.inference, mode="json")


_conclusions: Final = TypeAdapter(Conclusion)
_NO_COST: Final = {"variant_a_total_cost": ZERO, "variant_b_total_cost": ZERO}


def sums_of_tests(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The sums that these calls add to the tests that count them, in key order."""
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
