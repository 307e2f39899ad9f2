"""`python -m server import`: past usage into the ledger, while a server runs or not."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, select

from domain.analytics import LogAnalytics
from domain.error import Conflict, ExpectedError
from domain.viewer import Viewer
from models.analytics import EventKey, RouterAnalytics
from models.database import Database
from models.ledger import Ledger
from models.ledger.call import CallDraft
from models.queries.ab_test import ab_test_of
from models.queries.analytics import reported
from models.types import first_id_at, last_id_at
from server.event_bus import EventBus
from server.export import as_line
from server.settings import Settings
from server.usage_file import BadRow, UsageFile, UsageRow

ROWS_AT_ONCE: Final = 1_000


@dataclass(slots=True)
class ImportResult:
    imported: int = 0
    there_already: int = 0
    without_test: int = 0
    """How many of the imported name an A/B test that this user has not: their rows name none."""
    bad_rows: list[BadRow] = field(default_factory=list)


async def import_usage(
    settings: Settings, file: UsageFile, user_id: UUID, progress: Callable[[int], None]
) -> ImportResult:
    """Record every good row of the file for this user; `progress` hears how many lines are done.

    A row that was imported before is found again by its event id, so an import that broke off is run once more.
    """
    events = EventBus()
    database = Database(settings.database, events.publish)
    ledger = Ledger(database)
    importing = _Import(database, ledger, Viewer(user_id))
    rows = iter(file)
    try:
        async with ledger.running():
            while chunk := list(itertools.islice(rows, ROWS_AT_ONCE)):
                await importing.record(chunk)
                progress(chunk[-1].line)
    finally:
        await database.dispose()
    return importing.result


class _Import:
    def __init__(self, database: Database, ledger: Ledger, viewer: Viewer) -> None:
        self._database = database
        self._ledger = ledger
        self._viewer = viewer
        self._has_test: dict[UUID, bool] = {}
        self.result = ImportResult()

    async def record(self, chunk: Sequence[UsageRow | BadRow]) -> None:
        good: list[UsageRow] = []
        bad: list[BadRow] = []
        for row in chunk:
            if isinstance(row, BadRow):
                bad.append(row)
            elif row.decision.occurred_at is None:
                bad.append(BadRow(row.line, "occurred_at: must be given; history without a time is none"))
            else:
                good.append(row)
        drafts = [CallDraft(self._viewer.id, await self._recordable(row.decision), imported=True) for row in good]
        outcomes = await self._ledger.record(drafts) if drafts else []
        taken = [row for row, outcome in zip(good, outcomes, strict=True) if isinstance(outcome, Conflict)]
        there = await self._there(taken)
        for row, draft, outcome in zip(good, drafts, outcomes, strict=True):
            if isinstance(outcome, ExpectedError):
                if row.line in there:
                    self.result.there_already += 1
                else:
                    bad.append(BadRow(row.line, outcome.message))
            elif outcome.deduplicated:
                self.result.there_already += 1
            else:
                self.result.imported += 1
                self.result.without_test += draft.report is not row.decision
        self.result.bad_rows += sorted(bad, key=lambda row: row.line)

    async def _recordable(self, decision: LogAnalytics) -> LogAnalytics:
        """The decision, naming no A/B test that this user has not: history comes from elsewhere, and outlives tests."""
        test_id = decision.ab_test_id
        if test_id is None:
            return decision
        if test_id not in self._has_test:
            async with self._database.viewer(self._viewer) as session:
                self._has_test[test_id] = await ab_test_of(session, self._viewer.id, test_id) is not None
        return decision if self._has_test[test_id] else decision.model_copy(update=_NO_TEST)

    async def _there(self, taken: Sequence[UsageRow]) -> set[int]:
        """The lines of those of these rows that tell what is recorded under their event ids, as an export has it.

        What a client left out of its report, an export tells: the time, say, or the price. That is the same decision.
        """
        if not taken:
            return set()
        event_ids = [row.decision.event_id for row in taken]
        async with self._database.system() as transaction:
            keys = await transaction.connection.execute(
                select(EventKey.event_id, EventKey.analytics_id, EventKey.fingerprint).where(
                    EventKey.user_id == self._viewer.id, EventKey.event_id.in_(event_ids)
                )
            )
            recorded = {event_id: (id_, fingerprint) for event_id, id_, fingerprint in keys}
        ids = [id_ for id_, _ in recorded.values()]
        async with self._database.viewer(self._viewer) as session:
            found = await reported(session, self._viewer.id, [RouterAnalytics.id.in_(ids)], len(event_ids))
        exported = {decision.event_id: decision.fingerprint() for decision in map(_exported, found)}
        return {
            row.line
            for row in taken
            if (event_id := row.decision.event_id) in recorded
            and (
                row.decision.fingerprint() == exported[event_id]
                if event_id in exported
                else _may_be_of(row.decision, *recorded[event_id])
            )
        }


def _exported(row: Row[Any]) -> LogAnalytics:
    return LogAnalytics.model_validate_json(as_line(row))


def _may_be_of(decision: LogAnalytics, id_: UUID, fingerprint: str) -> bool:
    """Whether an export of the call with this id, whose record was dropped, would tell this decision: the report with this
    fingerprint, and what the server added to it.
    """
    at = decision.occurred_at
    if at is None or not first_id_at(at) <= id_ <= last_id_at(at):
        return False
    reports = (
        decision.model_copy(update={name: None for names in left_out for name in names})
        for count in range(len(_ADDED) + 1)
        for left_out in itertools.combinations(_ADDED, count)
    )
    return any(report.fingerprint() == fingerprint for report in reports)


_ADDED: Final = (("occurred_at",), ("cost",), ("ab_test_id", "ab_variant"))
"""Fields that the server may have filled in, as they go together."""
_NO_TEST: Final = {"ab_test_id": None, "ab_variant": None, "unit_key": None}
