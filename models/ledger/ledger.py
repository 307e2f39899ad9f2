"""The ledger: the one writer of decisions, and of what is held for them.

What concurrent callers record shares a commit (`models.call`), and so does what they decide (`models.routing`) and amend
(`models.amendment`). Callers hear of it, and events are published, only after the commit.
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
_MOST_DECISIONS: Final = 200
"""In one commit, and ten times as many in the queue: a decision is a hundred times the size of a record."""
_MOST_AMENDMENTS: Final = 1_000
_PREPARED_AT_ONCE: Final = 20
"""Records: a millisecond of the event loop. A commit needs it dozens of times."""
_ITERATIONS: Final = 16
"""Of the event loop, between two portions of one user's."""
_NOBODY: Final = UUID(int=0)
UNPRICED: Final = Counter("router_unpriced_calls", "Calls that were logged and have no known cost")


def now_utc() -> datetime:
    """The time now, in UTC."""
    return datetime.now(UTC)


class Ledger:
    """Records and decides. Use inside `running()`; whatever was acknowledged is on disk."""

    def __init__(self, database: Database, clock: Callable[[], datetime] = now_utc) -> None:
        self._database = database
        self._clock = clock
        self._turns = event_loop_queue()
        backend, limited = database.backend, database.is_limited
        self._calls = GroupCommit[PreparedCall, Outcome](
            "records", backend, self._store, _owner_of_call, commits_at_once=backend.commits_at_once, limited=limited
        )
        # Decisions over one budget are made one after the other: a second commit of them would only wait.
        self._pending_decisions = GroupCommit[PendingDecision, Decided](
            "decisions", backend, self._decide, _owner, commits_at_once=1, limited=limited, most=_MOST_DECISIONS
        )

        # What amends one call twice has an order.
        self._amendments = GroupCommit[AmendmentDraft, AmendmentOutcome](
            "amendments", backend, self._amend, _owner, commits_at_once=1, limited=limited, most=_MOST_AMENDMENTS
        )

        self._queues: list[GroupCommit[Any, Any]] = [self._calls, self._pending_decisions, self._amendments]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Ledger]:
        """Commit what is submitted while the block runs; when it ends, drain the queues first."""
        async with self._calls.running(), self._pending_decisions.running(), self._amendments.running():
            try:
                yield self
            finally:
                # All at once: they have the same time to drain.
                for queue in self._queues:
                    queue.close()

    old_after_s: ClassVar = 10.0
    """A submission that has waited for so long is old: the database does not keep up, or does not answer."""
    failing_for_s: ClassVar = 10.0
    """After a commit that failed, where none has succeeded since."""

    @property
    def keeps_up(self) -> bool:
        """Whether what is submitted now is likely to be committed soon."""
        try:
            self.check_room()
        except Overloaded:
            return False
        return not any(
            queue.waits_s >= self.old_after_s or queue.failed_within(self.failing_for_s) for queue in self._queues
        )

    def committed_within(self, seconds: float) -> bool:
        """Whether something was committed so lately."""
        return any(queue.committed_within(seconds) for queue in self._queues)

    def check_room(self) -> None:
        """Raises Overloaded when a record of somebody of whom nothing waits would not be taken now."""
        self._calls.check_room({_NOBODY: 1})

    async def record(self, drafts: Sequence[CallDraft]) -> list[Outcome]:
        """One outcome for each draft, in order, after they are on disk; a draft that is refused fails alone.

        Raises Overloaded when too much waits already, or the ledger is shutting down: nothing was stored.
        """
        self._calls.check_room(Tally(draft.user_id for draft in drafts))
        now = self._clock()
        calls: list[PreparedCall] = []
        for some in batched(drafts, _PREPARED_AT_ONCE):
            if len(drafts) > _PREPARED_AT_ONCE:
                # Of many large batches one portion is prepared at a time, and others go on in between.
                await self._turns.turn(drafts[0].user_id, iterations=_ITERATIONS)
            calls += [prepare(draft, now) for draft in some]
        return await self._calls.submit(calls)

    async def amend(self, drafts: Sequence[AmendmentDraft]) -> list[AmendmentOutcome]:
        """One outcome for each amendment, in order, after they are on disk; one that is refused fails alone.

        Raises Overloaded, as `record` does.
        """
        return await self._amendments.submit(drafts)

    async def decide(self, pending: PendingDecision) -> RoutingDecision | RouteRefused | Stale:
        """What was decided, after it is on disk and its hold with it; or why nothing was, and then nothing is stored.

        Raises Overloaded, as `record` does, and InvalidInput for what the database cannot hold.
        """
        [outcome] = await self._pending_decisions.submit([pending])
        if isinstance(outcome, ExpectedError):
            raise outcome
        return outcome

    async def _store(self, calls: Sequence[PreparedCall], wait: bool) -> Sequence[Outcome | Locked]:
        users = set(map(_owner_of_call, calls))
        # Two commits that both record a user's calls add to the same sums: the later one would wait for the other.
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
            # The time now, not when the wait for the locks began: windows and holds may have ended meanwhile.
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
    """What becomes of these items: those of users whose locks the transaction has are written."""
    if not transaction.locked:
        return await write(items)
    free = [item for item in items if owner(item) not in transaction.locked]
    outcomes = iter(await write(free) if free else ())
    return [LOCKED if owner(item) in transaction.locked else next(outcomes) for item in items]
