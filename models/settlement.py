"""Settling: what decisions held is freed as their outcome is recorded, in the transaction that charges it.

A success settles its decision. A failed attempt uses up what it cost, and leaves the rest to the fallbacks, while there
are any. What costs more than was held, or comes after the hold has gone, is charged all the same: that is by how much a
budget can be overspent, and it is counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple
from uuid import UUID

from prometheus_client import Counter
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ab_test import Variant
from domain.money import ZERO
from models.bulk import Bulk, Rows, Together, columns_of, lock

OVERSHOOT: Final = Counter(
    "router_budget_overshoot_usd",
    "Charged beyond what was held, in USD: above_hold for outcomes that cost more than their decision still held, late for "
    "those that came after their hold had expired",
    ["cause"],
)

Key = tuple[UUID, UUID]
"""(user_id, id) of a decision."""


class LockedDecision(NamedTuple):
    """What is stored of a decision that records are of, and stays so until the transaction ends."""

    attempts_left: int
    settled_at: datetime | None
    expires_at: datetime | None
    fallbacks: list[dict[str, Any]]
    ab_test_id: UUID | None
    ab_variant: Variant | None
    unit_group: int | None

    @property
    def is_unreported(self) -> bool:
        """Whether no record of it is stored yet."""
        return self.attempts_left > len(self.fallbacks)


_KEY: Final = ("user_id", "decision_id")
_DECISION: Final = ("user_id", "id")
_lock_decisions = lock("router_decisions", _DECISION, (*_DECISION, *LockedDecision._fields))
_lock_holds = lock("router_holds", _KEY, (*_KEY, "amount"))
_freed = Rows(columns_of("router_holds", _KEY))
_decided = Rows(columns_of("router_decisions", ("user_id", "id", "attempts_left", "settled_at")))
_lowered = Rows(columns_of("router_holds", (*_KEY, "amount")))
_write = Together(
    Bulk(
        _decided,
        "UPDATE router_decisions SET attempts_left = r.attempts_left, settled_at = r.settled_at FROM {rows} "
        "WHERE router_decisions.user_id = r.user_id AND router_decisions.id = r.id",
    ),
    Bulk(
        _freed,
        "DELETE FROM router_holds WHERE EXISTS (SELECT 1 FROM {rows} "
        "WHERE r.user_id = router_holds.user_id AND r.decision_id = router_holds.decision_id)",
    ),
    Bulk(
        _lowered,
        "UPDATE router_holds SET amount = r.amount FROM {rows} "
        "WHERE router_holds.user_id = r.user_id AND router_holds.decision_id = r.decision_id",
    ),
)


@dataclass(slots=True)
class Overshoot:
    """USD that were charged beyond what was held."""

    above_hold: Decimal = ZERO
    late: Decimal = ZERO

    def observe(self) -> None:
        """Count it, once it is committed."""
        OVERSHOOT.labels("above_hold").inc(float(self.above_hold))
        OVERSHOOT.labels("late").inc(float(self.late))


async def lock_decisions(connection: AsyncConnection, keys: Iterable[Key]) -> dict[Key, LockedDecision]:
    """Those of these decisions that there are. Before any other row is locked: whoever changes a hold has its decision."""
    found = await _lock_decisions.execute(connection, [{"user_id": user_id, "id": id_} for user_id, id_ in keys])
    return {(user_id, id_): LockedDecision(*values) for user_id, id_, *values in found}


async def settle(
    connection: AsyncConnection,
    rows: Iterable[Mapping[str, Any]],
    decisions: Mapping[Key, LockedDecision],
    now: datetime,
) -> Overshoot:
    """Free what was held for the decisions of these records, which are locked."""
    overshoot = Overshoot()
    attempts: defaultdict[Key, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        key = (row["user_id"], row["decision_id"])
        if key in decisions:
            attempts[key].append(row)
    keys = sorted(attempts)
    held = await _lock_holds.execute(connection, [{"user_id": user_id, "decision_id": id_} for user_id, id_ in keys])
    amounts = {(user_id, id_): amount for user_id, id_, amount in held}
    settled, freed, lowered = [], [], []
    for user_id, id_ in keys:
        decision, records = decisions[user_id, id_], attempts[user_id, id_]
        hold = {"user_id": user_id, "decision_id": id_}
        cost = sum((record["cost"] or ZERO for record in records), ZERO)
        amount = amounts.get((user_id, id_), ZERO)
        if decision.expires_at is not None and decision.expires_at <= now:
            overshoot.late += cost
        elif decision.expires_at is not None:
            overshoot.above_hold += max(cost - amount, ZERO)
        attempts_left = max(decision.attempts_left - len(records), 0)
        is_over = not attempts_left or any(record["success"] for record in records)
        settled_at = decision.settled_at or (now if is_over else None)
        settled.append({"user_id": user_id, "id": id_, "attempts_left": attempts_left, "settled_at": settled_at})
        if settled_at is None:
            lowered.append(hold | {"amount": max(amount - cost, ZERO)})
        else:
            freed.append(hold)
    await _write.execute(connection, settled, freed, lowered)
    return overshoot
