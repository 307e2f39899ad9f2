"""Fields of calls: log one or many, list them, and follow new ones."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Final
from uuid import UUID

import strawberry

from domain.analytics import AnalyticsFilter, LogAnalytics
from domain.bounds import MAX_BATCH
from domain.error import ExpectedError, InvalidInput
from domain.event import AnalyticsLogged
from domain.page import Page
from models.analytics import RouterAnalytics
from models.ledger.call import CallDraft, Dropped, Logged
from models.queries.analytics import analytics_by_id, analytics_page
from models.queries.provider_alias import resolved
from resolvers.context import Context, Info
from resolvers.filter import Filter, checked_filter
from resolvers.input import After, First, InputObject, input_type, known, present
from resolvers.selection import raw_fields, selected_columns

_CHECKED_AT_ONCE: Final = 20
"""How many calls of a batch are checked before other users get the event loop: about a millisecond of work."""


@dataclass(frozen=True, slots=True)
class RejectedRecord:
    """A call of a batch that was not stored: its index in the input, and why."""

    index: int
    error: ExpectedError


@dataclass(frozen=True, slots=True)
class BatchResult:
    """How many calls of a batch were stored or were stored before, and those that were rejected."""

    accepted: int
    deduplicated: int
    rejected: list[RejectedRecord]


async def analytics(
    info: Info, filter: Filter = strawberry.UNSET, first: First = 20, after: After = strawberry.UNSET
) -> Page[RouterAnalytics]:
    context = info.context
    wanted = checked_filter(filter)
    await context.turn_for_rows(first)
    async with context.database.viewer(context.viewer) as session:
        return await analytics_page(
            session,
            context.viewer.id,
            wanted,
            first=first,
            after=known(after),
            only=selected_columns(info, RouterAnalytics),
            fields=raw_fields(info, RouterAnalytics),
        )


async def log_analytics(
    info: Info,
    input: Annotated[
        InputObject,
        strawberry.argument(
            graphql_type=input_type("schema.analytics", "LogAnalyticsInput"), description="The call to record."
        ),
    ],
) -> Logged | Dropped:
    context = info.context
    draft = CallDraft(context.viewer.id, LogAnalytics.checked(present(input)))
    [outcome] = await context.ledger.record([draft])
    if isinstance(outcome, ExpectedError):
        raise outcome.under("input")
    if isinstance(outcome, Logged) and outcome.alert_events:
        # The call is committed already: an error of this read does not undo it.
        outcome.alert_events = await context.alert_feed.with_alerts(context.viewer, outcome.alert_events)
    return outcome


async def log_analytics_batch(
    info: Info,
    input: Annotated[
        list[InputObject],
        strawberry.argument(
            graphql_type=list[input_type("schema.analytics", "LogAnalyticsInput")],
            description=f"The calls to record: 1 to {MAX_BATCH}. Each is stored or rejected independently.",
        ),
    ],
) -> BatchResult:
    context = info.context
    if not 1 <= len(input) <= MAX_BATCH:
        raise InvalidInput(f"input: must hold 1 to {MAX_BATCH} records, not {len(input)}", ["input"])
    drafts: dict[int, CallDraft] = {}
    rejected: list[RejectedRecord] = []
    for index, record in enumerate(input):
        if index % _CHECKED_AT_ONCE == 0:
            await context.turn(large=True)
        try:
            drafts[index] = CallDraft(context.viewer.id, LogAnalytics.checked(present(record), ("input", index)))
        except InvalidInput as error:
            rejected.append(RejectedRecord(index, error.without_traceback()))
    outcomes = await context.ledger.record(list(drafts.values())) if drafts else []
    logged = [outcome for outcome in outcomes if isinstance(outcome, Logged | Dropped)]
    rejected += [
        RejectedRecord(index, outcome.under("input", index))
        for index, outcome in zip(drafts, outcomes, strict=True)
        if isinstance(outcome, ExpectedError)
    ]
    return BatchResult(
        accepted=sum(not outcome.deduplicated for outcome in logged),
        deduplicated=sum(outcome.deduplicated for outcome in logged),
        rejected=sorted(rejected, key=lambda record: record.index),
    )


async def analytics_logged(info: Info, filter: Filter = strawberry.UNSET) -> AsyncIterator[RouterAnalytics]:
    context = info.context
    checked = checked_filter(filter)
    # Events are collected before the names in the filter are read, so that no call in between is missed.
    with context.events.each(context.viewer.id, AnalyticsLogged) as events:
        async with context.database.viewer(context.viewer) as session:
            wanted = await resolved(session, context.viewer.id, checked)
        async for event in events:
            rows = await context.readings.of(
                (AnalyticsLogged, context.viewer.id, _ByIdentity(event)),
                None,
                partial(_rows, context, event.analytics_ids),
            )
            await context.turn()
            for row in map(rows.get, event.analytics_ids):
                if row is not None and _matches(row, wanted):
                    yield row
                    await context.turn()


class _ByIdentity:
    """An event as a key that is compared by identity: an event has too many ids to compare them for each subscriber."""

    def __init__(self, event: AnalyticsLogged) -> None:
        self._event = event

    def __hash__(self) -> int:
        return id(self._event)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ByIdentity) and other._event is self._event


async def _rows(context: Context, ids: Sequence[UUID]) -> dict[UUID, RouterAnalytics]:
    async with context.database.viewer(context.viewer) as session:
        return await analytics_by_id(session, context.viewer.id, ids)


def _matches(row: RouterAnalytics, wanted: AnalyticsFilter) -> bool:
    return wanted.matches(
        provider=row.provider,
        model=row.model_used,
        task_type=row.task_type,
        ab_test_id=row.ab_test_id,
        success=row.success,
        fallback_used=row.fallback_used,
        at=row.occurred_at,
    )
