"""Settlement: logging a call charges or releases the hold of its routing decision, in the same transaction.

A successful call settles its routing decision. A failed call uses up its cost and leaves the rest of the hold to the
remaining fallbacks. A call of unknown cost is charged what is still held, as assumed spend. A cost above the hold, or after
the hold has ended, is charged in full: budgets can be overspent by this amount, and OVERSHOOT counts it.
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
    "Spend charged beyond holds, in USD. cause: above_hold for calls that cost more than was still held, "
    "late for calls that were logged after their hold had expired. spend: known, or assumed for calls of unknown cost",
    ["cause", "spend"],
)

DecisionKey = tuple[UUID, UUID]
"""(user_id, id) of a routing decision."""


class LockedDecision(NamedTuple):
    """The columns of a stored routing decision, whose row is locked until the transaction ends."""

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
        """Whether none of its calls is stored yet."""
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
    """A change of the assumed spend of one routing decision, USD. It counts in the windows that contain `at`."""

    user_id: UUID
    at: datetime
    change: Decimal


@dataclass(slots=True)
class Settlement:
    """The changes to the routing decisions of some calls, and to their holds."""

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
        """Add the change of one routing decision to the account `after`."""
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
        """Write the routing decisions and holds. The caller writes alert windows and spend minutes."""
        await _write.execute(connection, self._decisions, self._freed, self._held)

    def observe(self) -> None:
        """Add the spend beyond holds to the metric. Call this after the commit."""
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
    # An upsert: an amendment that lowers a cost restores a hold that was used up.
    Bulk(
        whole("router_holds"),
        "INSERT INTO router_holds (user_id, decision_id, amount, expires_at) "
        "SELECT user_id, decision_id, amount, expires_at FROM {rows} WHERE true ORDER BY 1, 2 "
        "ON CONFLICT (user_id, decision_id) DO UPDATE SET amount = excluded.amount",
    ),
)


async def lock_decisions(connection: AsyncConnection, keys: Iterable[DecisionKey]) -> dict[DecisionKey, LockedDecision]:
    """Lock the routing decisions with these keys. Returns those that exist.

    Call this before any other row is locked: a transaction that changes a hold must hold the lock of its routing decision.
    """
    found = await _lock_decisions.execute(connection, [{"user_id": user_id, "id": id_} for user_id, id_ in keys])
    return {(user_id, id_): LockedDecision(*values) for user_id, id_, *values in found}


def settled(
    rows: Iterable[dict[str, Any]],
    decisions: Mapping[DecisionKey, LockedDecision],
    names: Mapping[UUID, ProviderNames],
    now: datetime,
) -> Settlement:
    """The settlement of these new calls with their routing decisions, which are locked.

    Sets `assumed` on each call of unknown cost for which its routing decision is charged.
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
    """Set `assumed` on the calls of unknown cost that the hold covers.

    The hold covers as many calls as the routing decision has attempts left, for its chosen model and its fallbacks. Other
    calls are charged nothing, like calls without a routing decision.
    """
    if decision.assumed_amount is None:
        return
    choices = [{"provider": decision.provider, "model": decision.model}, *decision.fallbacks]
    models = {names.key(choice["provider"], choice["model"]) for choice in choices}
    known = decision.known_cost
    for number, call in enumerate(calls):
        if call["cost"] is None:
            model = (call["provider"], call["model_used"])
            call["assumed"] = known < decision.held_amount and number < decision.attempts_left and model in models
        else:
            known += call["cost"]
