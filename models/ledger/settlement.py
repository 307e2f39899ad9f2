"""Settling: what decisions held is freed or charged as their calls are recorded, in the same transaction.

A success settles its decision. A failed attempt uses up what it cost, and leaves the rest to the fallbacks, while there
are any. A call of unknown cost is charged what its decision still held, as assumed spend. What costs more than was held,
or comes after the hold has ended, is charged all the same: by so much a budget can be overspent, and it is counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple
from uuid import UUID

from prometheus_client import Counter
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ab_test import Variant
from domain.hold import Account, Overshoot
from domain.provider import KNOWN_NAMES, ProviderNames
from models.database.bulk import Bulk, Rows, StatementBatch, columns_of, lock, whole

OVERSHOOT: Final = Counter(
    "router_budget_overshoot_usd",
    "Charged beyond what was held, in USD. cause: above_hold for outcomes that cost more than their decision still held, "
    "late for those that came after their hold had expired. spend: known, or assumed for calls of unknown cost",
    ["cause", "spend"],
)
DecisionKey = tuple[UUID, UUID]
"""(user_id, id) of a decision."""


class LockedDecision(NamedTuple):
    """What is stored of a decision that records are of, and stays so until the transaction ends."""

    attempts_left: int
    settled_at: datetime | None
    released_at: datetime | None
    created_at: datetime
    expires_at: datetime | None
    fallbacks: list[dict[str, Any]]
    held_amount: Decimal
    known_cost: Decimal
    unknown_calls: int
    assumed_amount: Decimal | None
    ab_test_id: UUID | None
    ab_variant: Variant | None
    unit_group: int | None
    provider: str
    model: str

    @property
    def is_unreported(self) -> bool:
        """Whether no record of it is stored yet."""
        return self.attempts_left > len(self.fallbacks)

    @property
    def account(self) -> Account:
        return Account(
            held_amount=self.held_amount,
            known_cost=self.known_cost,
            unknown_calls=self.unknown_calls,
            open=self.settled_at is None and self.released_at is None,
            assumes=self.assumed_amount is not None,
        )


class Assumed(NamedTuple):
    """By how much the assumed spend of a decision changes, USD, in the windows in which it was made."""

    user_id: UUID
    at: datetime
    change: Decimal


@dataclass(slots=True)
class Settlement:
    """What becomes of the decisions of some calls."""

    assumed: list[Assumed] = field(default_factory=list)
    in_time: Overshoot = field(default_factory=Overshoot)
    late: Overshoot = field(default_factory=Overshoot)
    _decisions: list[dict[str, Any]] = field(default_factory=list)
    _freed: list[dict[str, Any]] = field(default_factory=list)
    _held: list[dict[str, Any]] = field(default_factory=list)

    def add(
        self,
        key: DecisionKey,
        decision: LockedDecision,
        after: Account,
        now: datetime,
        *,
        attempts_left: int,
        settles: bool,
    ) -> None:
        """Change one decision: its account is this from now on."""
        user_id, id_ = key
        before = decision.account
        expired = decision.expires_at is not None and decision.expires_at <= now
        if decision.expires_at is not None:
            (self.late if expired else self.in_time).add(before, after, expired=expired)
        self._decisions.append(
            {
                "user_id": user_id,
                "id": id_,
                "attempts_left": attempts_left,
                "settled_at": decision.settled_at or (now if settles else None),
                "known_cost": after.known_cost,
                "unknown_calls": after.unknown_calls,
                "assumed_amount": after.assumed if after.assumes else None,
            }
        )
        hold = {"user_id": user_id, "decision_id": id_}
        if after.held and decision.expires_at is not None:
            self._held.append(hold | {"amount": after.held, "expires_at": decision.expires_at})
        else:
            self._freed.append(hold)
        if after.assumed != before.assumed:
            self.assumed.append(Assumed(user_id, decision.created_at, after.assumed - before.assumed))

    async def store(self, connection: AsyncConnection) -> None:
        """Write it; the windows of alerts and the minutes of spend are the caller's."""
        await _write.execute(connection, self._decisions, self._freed, self._held)

    def observe(self) -> None:
        """Count what went beyond the holds, once it is committed."""
        for cause, overshoot in (("above_hold", self.in_time), ("late", self.late)):
            OVERSHOOT.labels(cause, "known").inc(float(overshoot.known))
            OVERSHOOT.labels(cause, "assumed").inc(float(overshoot.assumed))


_DECISION: Final = ("user_id", "id")
_CHANGED: Final = ("attempts_left", "settled_at", "known_cost", "unknown_calls", "assumed_amount")
_lock_decisions = lock("router_decisions", _DECISION, (*_DECISION, *LockedDecision._fields))
_write = StatementBatch(
    Bulk(
        Rows(columns_of("router_decisions", (*_DECISION, *_CHANGED))),
        f"UPDATE router_decisions SET {', '.join(f'{name} = r.{name}' for name in _CHANGED)} FROM {{rows}} "
        "WHERE router_decisions.user_id = r.user_id AND router_decisions.id = r.id",
    ),
    Bulk(
        Rows(columns_of("router_holds", ("user_id", "decision_id"))),
        "DELETE FROM router_holds WHERE EXISTS (SELECT 1 FROM {rows} "
        "WHERE r.user_id = router_holds.user_id AND r.decision_id = router_holds.decision_id)",
    ),
    # What was used up by a call that is amended is held again.
    Bulk(
        whole("router_holds"),
        "INSERT INTO router_holds (user_id, decision_id, amount, expires_at) "
        "SELECT user_id, decision_id, amount, expires_at FROM {rows} WHERE true ORDER BY 1, 2 "
        "ON CONFLICT (user_id, decision_id) DO UPDATE SET amount = excluded.amount",
    ),
)


async def lock_decisions(connection: AsyncConnection, keys: Iterable[DecisionKey]) -> dict[DecisionKey, LockedDecision]:
    """Those of these decisions that there are. Before any other row is locked: whoever changes a hold has its decision."""
    found = await _lock_decisions.execute(connection, [{"user_id": user_id, "id": id_} for user_id, id_ in keys])
    return {(user_id, id_): LockedDecision(*values) for user_id, id_, *values in found}


def settled(
    rows: Iterable[dict[str, Any]],
    decisions: Mapping[DecisionKey, LockedDecision],
    names: Mapping[UUID, ProviderNames],
    now: datetime,
) -> Settlement:
    """What these new calls settle of the decisions that they are of, which are locked.

    Says of each call of unknown cost whether its decision is charged for it: as `assumed`.
    """
    settlement = Settlement()
    attempts: defaultdict[DecisionKey, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        key = (row["user_id"], row["decision_id"])
        if key in decisions:
            attempts[key].append(row)
    for key in sorted(attempts):
        decision, calls = decisions[key], attempts[key]
        _assume(calls, decision, names.get(key[0], KNOWN_NAMES))
        attempts_left = max(decision.attempts_left - len(calls), 0)
        settles = not attempts_left or any(call["success"] for call in calls)
        after = decision.account.with_calls([call["cost"] for call in calls], closes=settles)
        settlement.add(key, decision, after, now, attempts_left=attempts_left, settles=settles)
    return settlement


def _assume(calls: Iterable[dict[str, Any]], decision: LockedDecision, names: ProviderNames) -> None:
    """Mark the calls of unknown cost that the hold was for: attempts that it has left, of the models that it named.

    Whatever else is logged with a decision's id is charged nothing, and so is as unknown as a call without a decision.
    """
    if decision.assumed_amount is None:
        return
    places = [{"provider": decision.provider, "model": decision.model}, *decision.fallbacks]
    models = {names.key(place["provider"], place["model"]) for place in places}
    known = decision.known_cost
    for number, call in enumerate(calls):
        if call["cost"] is None:
            model = (call["provider"], call["model_used"])
            call["assumed"] = known < decision.held_amount and number < decision.attempts_left and model in models
        else:
            known += call["cost"]
