"""Groups of units of A/B tests: computing their sums from calls, and reading them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.ab_test import Variant
from domain.inference import Group, capped_cost, log_latency
from models.ab_group import GROUP_KEY, ABGroup

_TESTS_AT_ONCE: Final = 10
"""How many tests' groups are read at once. A test has 512 groups, and reading them blocks the event loop."""


class GroupSums:
    """Sums of calls per test, variant and group. `caps` are the cost caps of the tests, in USD; other tests are ignored."""

    def __init__(self, caps: Mapping[UUID, Decimal | None]) -> None:
        self._caps = caps
        self._groups: defaultdict[tuple[Any, ...], Group] = defaultdict(Group)

    def add(self, row: Mapping[str, Any], sign: int = 1) -> None:
        """Add one call, a row of `router_analytics`, unless its test is ignored or did not count it.

        With the sign -1, remove the call again.
        """
        if not row["ab_counted"] or row["unit_group"] is None or row["ab_test_id"] not in self._caps:
            return
        served, cap = row["success"], self._caps[row["ab_test_id"]]
        logarithm = log_latency(row["latency_ms"]) if served and row["latency_ms"] is not None else None
        cost = capped_cost(row["cost"], cap) if served and row["cost"] is not None and cap is not None else None
        key = tuple(row[name] for name in GROUP_KEY)
        added = (row["ab_assigned"], 1, row["success"], *_moments(logarithm), *_moments(cost))
        self._groups[key] = Group(*(one + sign * other for one, other in zip(self._groups[key], added, strict=True)))

    def of(self, ab_test_id: UUID, variant: Variant) -> dict[int, Group]:
        """The groups of one variant, by number."""
        return {key[-1]: group for key, group in self._groups.items() if key[1:3] == (ab_test_id, variant)}

    def rows(self) -> list[dict[str, Any]]:
        """Rows of `router_ab_groups`, in key order."""
        return [dict(zip(GROUP_KEY, key, strict=True)) | self._groups[key]._asdict() for key in sorted(self._groups)]


def _moments(value: float | None) -> tuple[int, float, float]:
    return (0, 0.0, 0.0) if value is None else (1, value, value * value)


async def groups_of(
    session: AsyncSession, user_id: UUID, ab_test_ids: Sequence[UUID]
) -> Mapping[tuple[UUID, Variant], Mapping[int, Group]]:
    """The groups of each variant of these tests. A variant without counted calls is missing."""
    sums = [getattr(ABGroup, name) for name in Group._fields]
    groups: defaultdict[tuple[UUID, Variant], dict[int, Group]] = defaultdict(dict)
    for start in range(0, len(ab_test_ids), _TESTS_AT_ONCE):
        rows = await session.execute(
            select(ABGroup.ab_test_id, ABGroup.ab_variant, ABGroup.unit_group, *sums).where(
                ABGroup.user_id == user_id, ABGroup.ab_test_id.in_(ab_test_ids[start : start + _TESTS_AT_ONCE])
            )
        )
        for ab_test_id, variant, unit_group, *values in rows:
            groups[ab_test_id, variant][unit_group] = Group(*values)
    return groups
