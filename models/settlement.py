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
from sqlalchemy import Integer, Uuid
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.money import ZERO
from models.bulk import Bulk, Rows, Together, columns_of, find
from models.types import Money, UTCDateTime

OVERSHOOT: Final = Counter(
    "router_budget_overshoot_usd",
    "Charged beyond what was held, in USD: above_hold for outcomes that cost more than their decision held, late for "
    "those whose hold had expired or was settled before",
    ["cause"],
)

_KEY: Final = ("user_id", "decision_id")
_rows = Rows(columns_of("router_holds", _KEY))
_find = Together(
    Bulk(
        _rows,
        "SELECT t.user_id, t.decision_id, t.amount, t.attempts_left, t.expires_at FROM {rows} JOIN router_holds t "
        "ON t.user_id = r.user_id AND t.decision_id = r.decision_id ORDER BY t.user_id, t.decision_id {locked}",
        [Uuid(), Uuid(), Money(), Integer(), UTCDateTime()],
    ),
    find("router_decisions", ("user_id", "id"), ("user_id", "id", "held_amount")),
)
_free = Bulk(
    _rows,
    "DELETE FROM router_holds WHERE EXISTS (SELECT 1 FROM {rows} "
    "WHERE r.user_id = router_holds.user_id AND r.decision_id = router_holds.decision_id)",
)
_lower = Bulk(
    Rows(columns_of("router_holds", (*_KEY, "amount", "attempts_left"))),
    "UPDATE router_holds SET amount = r.amount, attempts_left = r.attempts_left FROM {rows} "
    "WHERE router_holds.user_id = r.user_id AND router_holds.decision_id = r.decision_id",
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
    held, decided = await _find.execute(
        connection,
        [{"user_id": user_id, "decision_id": id_} for user_id, id_ in keys],
        [{"user_id": user_id, "id": id_} for user_id, id_ in keys],
    )
    holds = {(user_id, id_): rest for user_id, id_, *rest in held}
    freed, lowered = [], []
    for user_id, id_, held_amount in decided:
        records = attempts[user_id, id_]
        cost = sum((record["cost"] or ZERO for record in records), ZERO)
        key = {"user_id": user_id, "decision_id": id_}
        amount, attempts_left, expires_at = holds.get((user_id, id_), (ZERO, 0, now))
        if held_amount and expires_at <= now:
            overshoot.late += cost
        elif held_amount:
            overshoot.above_hold += max(cost - amount, ZERO)
        attempts_left -= len(records)
        if any(record["success"] for record in records) or attempts_left < 0:
            freed.append(key)
        else:
            lowered.append(key | {"amount": max(amount - cost, ZERO), "attempts_left": attempts_left})
    await _free.execute(connection, freed)
    await _lower.execute(connection, lowered)
    return overshoot
