"""`python -m server import`: writes past calls to the ledger, whether a server runs or not."""

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
from models.ab_test import ABTest
from models.analytics import EventKey, RouterAnalytics
from models.database import Database
from models.database.row import row_of
from models.ledger import Ledger
from models.ledger.call import CallDraft
from models.queries.analytics import reported
from models.types import first_id_at, last_id_at
from server.event_bus import EventBus
from server.export import as_line
from server.settings import Settings
from server.usage_file import BadRow, UsageFile, UsageRow

ROWS_AT_ONCE: Final = 1_000


@dataclass(slots=True)
class ImportResult:
    """The numbers of imported rows, and the rejected rows."""

    imported: int = 0
    already_present: int = 0
    without_test: int = 0
    """The imported rows whose A/B test this user does not have. They are recorded without a test."""
    bad_rows: list[BadRow] = field(default_factory=list)


async def import_usage(
    settings: Settings, file: UsageFile, user_id: UUID, progress: Callable[[int], None]
) -> ImportResult:
    """Record every valid row of the file for this user. `progress` is called with the number of the last line that is done.

    A row that was imported before is recognised by its event id, so that an interrupted import can be run again.
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
            elif row.call.occurred_at is None:
                bad.append(BadRow(row.line, "occurred_at: is required in an import"))
            else:
                good.append(row)
        drafts = [CallDraft(self._viewer.id, await self._recordable(row.call), imported=True) for row in good]
        outcomes = await self._ledger.record(drafts) if drafts else []
        conflicting = [row for row, outcome in zip(good, outcomes, strict=True) if isinstance(outcome, Conflict)]
        present = await self._already_exported(conflicting)
        for row, draft, outcome in zip(good, drafts, outcomes, strict=True):
            if isinstance(outcome, ExpectedError):
                if row.line in present:
                    self.result.already_present += 1
                else:
                    bad.append(BadRow(row.line, outcome.message))
            elif outcome.deduplicated:
                self.result.already_present += 1
            else:
                self.result.imported += 1
                self.result.without_test += draft.report is not row.call
        self.result.bad_rows += sorted(bad, key=lambda row: row.line)

    async def _recordable(self, call: LogAnalytics) -> LogAnalytics:
        """The call, without its A/B test if this user has no such test: it may be deleted, or of another installation."""
        test_id = call.ab_test_id
        if test_id is None:
            return call
        if test_id not in self._has_test:
            async with self._database.viewer(self._viewer) as session:
                self._has_test[test_id] = await row_of(session, ABTest, self._viewer.id, test_id) is not None
        return call if self._has_test[test_id] else call.model_copy(update=_NO_TEST)

    async def _already_exported(self, rows: Sequence[UsageRow]) -> set[int]:
        """The line numbers of the rows that equal an export of the call that is recorded under their event id.

        An export has fields that the client did not report, such as the time or the cost. Its row is the same call all the
        same, although its fingerprint differs.
        """
        if not rows:
            return set()
        event_ids = [row.call.event_id for row in rows]
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
        exported = {call.event_id: call.fingerprint() for call in map(_exported, found)}
        return {
            row.line
            for row in rows
            if (event_id := row.call.event_id) in recorded
            and (
                row.call.fingerprint() == exported[event_id]
                if event_id in exported
                else _may_be_export_of(row.call, *recorded[event_id])
            )
        }


def _exported(row: Row[Any]) -> LogAnalytics:
    return LogAnalytics.model_validate_json(as_line(row))


def _may_be_export_of(call: LogAnalytics, id_: UUID, fingerprint: str) -> bool:
    """Whether the call may be an export of the dropped record with this id.

    It is if the call without some of the fields that the server fills in has the fingerprint of the report.
    """
    at = call.occurred_at
    if at is None or not first_id_at(at) <= id_ <= last_id_at(at):
        return False
    reports = (
        call.model_copy(update={name: None for names in left_out for name in names})
        for count in range(len(_ADDED) + 1)
        for left_out in itertools.combinations(_ADDED, count)
    )
    return any(report.fingerprint() == fingerprint for report in reports)


_ADDED: Final = (("occurred_at",), ("cost",), ("ab_test_id", "ab_variant"))
"""The groups of fields that the server may have filled in."""
_NO_TEST: Final = {"ab_test_id": None, "ab_variant": None, "unit_key": None}
