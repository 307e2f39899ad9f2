"""The ledger: the only writer of calls, amendments, routing decisions and holds.

Concurrent callers share commits. There is one group commit for calls (`models.ledger.call`), one for routing decisions
(`models.ledger.routing_decision`) and one for amendments (`models.ledger.amendment`). A caller gets its result, and events
are published, only after the commit.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, ClassVar, Final, TypeVar
from uuid import UUID

from prometheus_client import Counter

from domain.error import ExpectedError, Overloaded
from domain.routing import RouteRefused
from models.database import Database
from models.database.bulk import batched
from models.database.fair_queue import event_loop_queue
from models.database.transaction import Transaction
from models.decision import RoutingDecision
from models.ledger.amendment import AmendmentBatch, AmendmentDraft, AmendmentOutcome
from models.ledger.call import CallBatch, CallDraft, Outcome, PreparedCall, prepare
from models.ledger.group_commit import LOCKED, GroupCommit, Locked
from models.ledger.routing_decision import Decided, DecisionBatch, PendingDecision, Stale

Item = TypeVar("Item")
Result = TypeVar("Result")

# Limits of one commit; ten times as many may wait in the queue. A routing decision is a hundred times the size of a call.
_MOST_DECISIONS: Final = 200
_MOST_AMENDMENTS: Final = 1_000

_PREPARED_AT_ONCE: Final = 20
"""How many calls are prepared without yielding to the event loop; this takes about 1 ms."""
_ITERATIONS: Final = 16
"""Iterations of the event loop between two such portions of one user."""

_NOBODY: Final = UUID(int=0)
"""Stands for a user with nothing in the queue."""

UNPRICED: Final = Counter("router_unpriced_calls", "Logged calls whose cost is unknown")


def now_utc() -> datetime:
    """The time now, in UTC."""
    return datetime.now(UTC)


class Ledger:
    """Records calls, amends them and makes routing decisions. Use it inside `running()`.

    `record`, `amend` and `decide` return only after their results are on disk.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime] = now_utc) -> None:
        self._database = database
        self._clock = clock
        self._turns = event_loop_queue()
        backend, limited = database.backend, database.is_limited
        self._calls = GroupCommit[PreparedCall, Outcome](
            "records", backend, self._store, _owner_of_call, commits_at_once=backend.commits_at_once, limited=limited
        )
        # Routing decisions over one budget run one after the other, so a second concurrent commit would only wait.
        self._pending_decisions = GroupCommit[PendingDecision, Decided](
            "decisions", backend, self._decide, _owner, commits_at_once=1, limited=limited, most=_MOST_DECISIONS
        )
        # One commit at a time keeps the order of two amendments of one call.
        self._amendments = GroupCommit[AmendmentDraft, AmendmentOutcome](
            "amendments", backend, self._amend, _owner, commits_at_once=1, limited=limited, most=_MOST_AMENDMENTS
        )
        self._queues: list[GroupCommit[Any, Any]] = [self._calls, self._pending_decisions, self._amendments]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Ledger]:
        """Commit what is submitted while the block runs. At its end, drain the queues."""
        async with self._calls.running(), self._pending_decisions.running(), self._amendments.running():
            try:
                yield self
            finally:
                # Close all queues before the first one drains, so that they share one deadline.
                for queue in self._queues:
                    queue.close()

    old_after_s: ClassVar = 10.0
    """The ledger does not keep up when a submission has waited this long."""
    failing_for_s: ClassVar = 10.0
    """The ledger does not keep up for this long after a failed commit, unless a later commit succeeds."""

    @property
    def keeps_up(self) -> bool:
        """Whether a submission made now is likely to be committed soon."""
        try:
            self.check_room()
        except Overloaded:
            return False
        return not any(
            queue.waits_s >= self.old_after_s or queue.failed_within(self.failing_for_s) for queue in self._queues
        )

    def committed_within(self, seconds: float) -> bool:
        """Whether any commit succeeded within the last `seconds`."""
        return any(queue.committed_within(seconds) for queue in self._queues)

    def check_room(self) -> None:
        """Raise Overloaded if the ledger would now reject a call of a user with nothing in the queue."""
        self._calls.check_room({_NOBODY: 1})

    async def record(self, drafts: Sequence[CallDraft]) -> list[Outcome]:
        """Record calls. Returns one outcome per draft, in order; a draft that cannot be stored fails alone.

        Raises Overloaded, with nothing stored, when the queue is full or the ledger shuts down.
        """
        self._calls.check_room(Tally(draft.user_id for draft in drafts))
        now = self._clock()
        calls: list[PreparedCall] = []
        for some in batched(drafts, _PREPARED_AT_ONCE):
            if len(drafts) > _PREPARED_AT_ONCE:
                # Large batches are prepared in portions, so that other requests run in between.
                await self._turns.turn(drafts[0].user_id, iterations=_ITERATIONS)
            calls += [prepare(draft, now) for draft in some]
        return await self._calls.submit(calls)

    async def amend(self, drafts: Sequence[AmendmentDraft]) -> list[AmendmentOutcome]:
        """Amend calls. Returns one outcome per draft, in order; an amendment that cannot be stored fails alone.

        Raises Overloaded as `record` does.
        """
        return await self._amendments.submit(drafts)

    async def decide(self, pending: PendingDecision) -> RoutingDecision | RouteRefused | Stale:
        """Make a routing decision and reserve its hold.

        Returns the stored routing decision. Returns RouteRefused when no candidate is admitted, and Stale when the routing
        context is no longer current; nothing is stored then. Raises Overloaded as `record` does, and InvalidInput for
        values that the database cannot store.
        """
        [outcome] = await self._pending_decisions.submit([pending])
        if isinstance(outcome, ExpectedError):
            raise outcome
        return outcome

    async def _store(self, calls: Sequence[PreparedCall], wait: bool) -> Sequence[Outcome | Locked]:
        users = set(map(_owner_of_call, calls))
        # Two commits that record calls of one user add to the same sums, so the later one would wait for row locks.
        async with self._database.system(shared=users, recording=users, wait=wait) as transaction:
            batch = CallBatch(transaction, self._clock())
            outcomes = await _unless_locked(transaction, calls, _owner_of_call, batch.write)
        batch.settlement.observe()
        UNPRICED.inc(batch.unpriced)
        return outcomes

    async def _amend(self, drafts: Sequence[AmendmentDraft], wait: bool) -> Sequence[AmendmentOutcome | Locked]:
        async with self._database.system(exclusive=set(map(_owner, drafts)), wait=wait) as transaction:
            batch = AmendmentBatch(transaction, self._clock())
            outcomes = await _unless_locked(transaction, drafts, _owner, batch.write)
        batch.settlement.observe()
        return outcomes

    async def _decide(self, pending_decisions: Sequence[PendingDecision], wait: bool) -> Sequence[Decided | Locked]:
        users = set(map(_owner, pending_decisions))
        budgeted = {pending.user_id for pending in pending_decisions if pending.routing_context.budgeted}
        async with self._database.system(shared=users, deciding=budgeted, wait=wait) as transaction:
            # The time is read after the wait for locks, because windows and holds may have ended meanwhile.
            batch = DecisionBatch(transaction.connection, self._clock())
            return await _unless_locked(transaction, pending_decisions, _owner, batch.write)


def _owner(item: PendingDecision | AmendmentDraft) -> UUID:
    return item.user_id


def _owner_of_call(call: PreparedCall) -> UUID:
    return call.draft.user_id


async def _unless_locked(
    transaction: Transaction,
    items: Sequence[Item],
    owner: Callable[[Item], UUID],
    write: Callable[[Sequence[Item]], Awaitable[list[Result]]],
) -> Sequence[Result | Locked]:
    """Write the items of users whose locks the transaction has. Returns one outcome per item: LOCKED for the others."""
    if not transaction.locked:
        return await write(items)
    free = [item for item in items if owner(item) not in transaction.locked]
    outcomes = iter(await write(free) if free else ())
    return [LOCKED if owner(item) in transaction.locked else next(outcomes) for item in items]
