"""`python -m server import`: past usage into the ledger, while a server runs or not."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from domain.error import Refusal
from models.database import Database
from models.entry import Draft
from models.ledger import Ledger
from server.event_bus import EventBus
from server.settings import Settings
from server.usage_file import BadRow, UsageFile, UsageRow

ROWS_AT_ONCE: Final = 1_000


@dataclass(slots=True)
class ImportResult:
    imported: int = 0
    there_already: int = 0
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
    result = ImportResult()
    rows = iter(file)
    try:
        async with ledger.running():
            while chunk := list(itertools.islice(rows, ROWS_AT_ONCE)):
                await _record(ledger, user_id, chunk, result)
                progress(chunk[-1].line)
    finally:
        await database.dispose()
    return result


async def _record(ledger: Ledger, user_id: UUID, chunk: list[UsageRow | BadRow], result: ImportResult) -> None:
    good: list[UsageRow] = []
    bad: list[BadRow] = []
    for row in chunk:
        if isinstance(row, BadRow):
            bad.append(row)
        elif row.decision.occurred_at is None:
            bad.append(BadRow(row.line, "occurred_at: must be given; history without a time is none"))
        else:
            good.append(row)
    outcomes = await ledger.record([Draft(user_id, row.decision, imported=True) for row in good]) if good else []
    for row, outcome in zip(good, outcomes, strict=True):
        if isinstance(outcome, Refusal):
            bad.append(BadRow(row.line, outcome.message))
        elif outcome.deduplicated:
            result.there_already += 1
        else:
            result.imported += 1
    result.bad_rows += sorted(bad, key=lambda row: row.line)
