"""The ledger: the one writer of decisions, and of what is held for them.

What concurrent callers record shares a commit (`models.entry`), and so does what they decide (`models.routing`) and amend
(`models.amendment`). Callers hear of it, and events are published, only after the commit.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, ClassVar, Final

from prometheus_client import Counter

from domain.error import InvalidInput, Overloaded
from domain.routing import RouteRefused
from models.amendment import Amending, AmendmentDraft, AmendmentOutcome
from models.database import Database
from models.decision import RoutingDecision
from models.entry import Draft, Entry, Outcome, Prepared, prepared
from models.group_commit import GroupCommit
from models.routing import Decided, Deciding, Proposal, Stale

_MOST_DECISIONS: Final = 200
"""In one commit, and ten times as many in the queue: a decision is a hundred times the size of a record."""


_MOST_AMENDMENTS: Final = 1_000

UNPRICED: Final = Counter("router_unpriced_calls", "Calls that were logged and have no known cost")


def now_utc() -> datetime:
    """The time now, in UTC."""
    return datetime.now(UTC)


class Ledger:
    """Records and decides. Use inside `running()`; whatever was acknowledged is on disk."""

    def __init__(self, database: Database, clock: Callable[[], datetime] = now_utc) -> None:
        self._database = database
        self._clock = clock
        backend, limited = database.backend, database.is_limited
        self._records = GroupCommit[Prepared, Outcome](
            "records", backend, self._store, InvalidInput, commits_at_once=backend.commits_at_once, limited=limited
        )
        # Decisions over one budget are made one after the other: a second commit of them would only wait.
        self._proposals = GroupCommit[Proposal, Decided](
            "decisions", backend, self._decide, InvalidInput, commits_at_once=1, limited=limited, most=_MOST_DECISIONS
        )

        # What amends one call twice has an order.
        self._amendments = GroupCommit[AmendmentDraft, AmendmentOutcome](
            "amendments", backend, self._amend, InvalidInput, commits_at_once=1, limited=limited, most=_MOST_AMENDMENTS
        )

        self._queues: list[GroupCommit[Any, Any]] = [self._records, self._proposals, self._amendments]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Ledger]:
        """Commit what is submitted while the block runs; when it ends, drain the queues first."""
        async with self._records.running(), self._proposals.running(), self._amendments.running():
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
        """Raises Overloaded when a record would not be taken now."""
        self._records.check_room(1)

    async def record(self, drafts: Sequence[Draft]) -> list[Outcome]:
        """One outcome for each draft, in order, after they are on disk; a draft that is refused fails alone.

        Raises Overloaded when too much waits already, or the ledger is shutting down: nothing was stored.
        """
        self._records.check_room(len(drafts))
        now = self._clock()
        return await self._records.submit([prepared(draft, now) for draft in drafts])

    async def amend(self, drafts: Sequence[AmendmentDraft]) -> list[AmendmentOutcome]:
        """One outcome for each amendment, in order, after they are on disk; one that is refused fails alone.

        Raises Overloaded, as `record` does.
        """
        return await self._amendments.submit(drafts)

    async def decide(self, proposal: Proposal) -> RoutingDecision | RouteRefused | Stale:
        """What was decided, after it is on disk and its hold with it; or why nothing was, and then nothing is stored.

        Raises Overloaded, as `record` does, and InvalidInput for what the database cannot hold.
        """
        [outcome] = await self._proposals.submit([proposal])
        if isinstance(outcome, InvalidInput):
            raise outcome
        return outcome

    async def _store(self, entries: Sequence[Prepared]) -> list[Outcome]:
        await self._database.backend.prepare({e.row["occurred_at"] for e in entries if e.refusal is None})
        async with self._database.system(beside={entry.row["user_id"] for entry in entries}) as transaction:
            entry = Entry(transaction, self._clock())
            outcomes = await entry.write(entries)
        entry.settlement.observe()
        UNPRICED.inc(entry.unpriced)
        return outcomes

    async def _amend(self, drafts: Sequence[AmendmentDraft]) -> list[AmendmentOutcome]:
        async with self._database.system(alone={draft.user_id for draft in drafts}) as transaction:
            amending = Amending(transaction, self._clock())
            outcomes = await amending.write(drafts)
        amending.settlement.observe()
        return outcomes

    async def _decide(self, proposals: Sequence[Proposal]) -> list[Decided]:
        await self._database.backend.prepare([self._clock()])
        users = {proposal.user_id for proposal in proposals}
        budgeted = {proposal.user_id for proposal in proposals if proposal.knowledge.budgeted}
        async with self._database.system(beside=users, deciding=budgeted) as transaction:
            # The time now, not when the wait for the locks began: windows and holds may have ended meanwhile.
            return await Deciding(transaction.connection, self._clock()).write(proposals)
