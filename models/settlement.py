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
from typing import Any, Final
from uuid import UUID

from prometheus_client import Counter
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.money import ZERO
from models.bulk import Bulk, Rows, Together, columns_of, lock

OVERSHOOT: Final = Counter(
    "router_budget_overshoot_usd",
    "Charged beyond what was held, in USD: above_hold for outcomes that cost more than their decision still held, late for "
    "those that came after their hold had expired",
    ["cause"],
)

_KEY: Final = ("user_id", "decision_id")
_DECISION: Final = ("user_id", "id")
# Decisions first: whoever changes a hold has locked its decision.
_lock = Together(
    lock("router_decisions", _DECISION, (*_DECISION, "attempts_left", "settled_at", "expires_at")),
    lock("router_holds", _KEY, (*_KEY, "amount")),
)
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


async def settle(connection: AsyncConnection, rows: Iterable[Mapping[str, Any]], now: datetime) -> Overshoot:
    """Free what was held for the decisions of these records."""
    overshoot = Overshoot()
    attempts: defaultdict[tuple[UUID, UUID], list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        if row["decision_id"] is not None:
            attempts[row["user_id"], row["decision_id"]].append(row)
    if not attempts:
        return overshoot
    keys = sorted(attempts)
    decisions, held = await _lock.execute(
        connection,
        [{"user_id": user_id, "id": id_} for user_id, id_ in keys],
        [{"user_id": user_id, "decision_id": id_} for user_id, id_ in keys],
    )
    amounts = {(user_id, id_): amount for user_id, id_, amount in held}
    settled, freed, lowered = [], [], []
    for user_id, id_, still_left, settled_before, expires_at in decisions:
        records = attempts[user_id, id_]
        key = {"user_id": user_id, "decision_id": id_}
        cost = sum((record["cost"] or ZERO for record in records), ZERO)
        amount = amounts.get((user_id, id_), ZERO)
        if expires_at is not None and expires_at <= now:
            overshoot.late += cost
        elif expires_at is not None:
            overshoot.above_hold += max(cost - amount, ZERO)
        attempts_left = max(still_left - len(records), 0)
        is_over = not attempts_left or any(record["success"] for record in records)
        settled_at = settled_before or (now if is_over else None)
        settled.append({"user_id": user_id, "id": id_, "attempts_left": attempts_left, "settled_at": settled_at})
        if settled_at is None:
            lowered.append(key | {"amount": max(amount - cost, ZERO)})
        else:
            freed.append(key)
    await _write.execute(connection, settled, freed, lowered)
    return overshoot
