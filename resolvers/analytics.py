"""Logging decisions, and reading them back."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Final
from uuid import UUID

import strawberry

from domain.analytics import AnalyticsFilter, LogAnalytics
from domain.bounds import MAX_BATCH
from domain.error import ExpectedError, InvalidInput
from domain.event import AnalyticsLogged
from domain.page import Page
from models.analytics import RouterAnalytics
from models.cost_alert import AlertEvent
from models.database.page import newest_first
from models.ledger.call import CallDraft, Dropped, Logged
from models.queries.analytics import analytics_by_id, matching
from models.queries.cost_alert import load_alerts
from models.queries.provider_alias import resolved
from resolvers.context import Context, Info
from resolvers.input import After, First, known, present
from resolvers.selection import selected_columns

if TYPE_CHECKING:
    from schema.analytics import AnalyticsFilterInput, LogAnalyticsInput

Filter = Annotated[
    Annotated["AnalyticsFilterInput", strawberry.lazy("schema.analytics")] | None,
    strawberry.argument(description="Which decisions; all of them when left out."),
]


_CHECKED_AT_ONCE: Final = 20
"""Records of a batch, before others have a turn: a millisecond of the event loop."""


@dataclass(frozen=True, slots=True)
class RejectedRecord:
    index: int
    error: ExpectedError


@dataclass(frozen=True, slots=True)
class BatchResult:
    accepted: int
    deduplicated: int
    rejected: list[RejectedRecord]


async def analytics(
    info: Info, filter: Filter = strawberry.UNSET, first: First = 20, after: After = strawberry.UNSET
) -> Page[RouterAnalytics]:
    context = info.context
    wanted = _checked_filter(filter)
    await context.turn_for_rows(first)
    async with context.database.viewer(context.viewer) as session:
        conditions = matching(await resolved(session, context.viewer.id, wanted))
        return await newest_first(
            session,
            RouterAnalytics,
            context.viewer.id,
            conditions,
            first=first,
            after=known(after),
            only=selected_columns(info, RouterAnalytics),
        )


async def log_analytics(
    info: Info,
    input: Annotated[
        "LogAnalyticsInput",
        strawberry.lazy("schema.analytics"),
        strawberry.argument(description="The decision to record."),
    ],
) -> Logged | Dropped:
    context = info.context
    draft = CallDraft(context.viewer.id, LogAnalytics.checked(present(input)))
    [outcome] = await context.ledger.record([draft])
    if isinstance(outcome, ExpectedError):
        raise outcome.under("input")
    if isinstance(outcome, Logged) and outcome.alert_events:
        # The record itself is the ledger's by now, whoever waits for it.
        outcome.alert_events = await _with_alerts(context, outcome.alert_events)
    return outcome


async def _with_alerts(context: Context, alert_events: Sequence[AlertEvent]) -> list[AlertEvent]:
    async with context.database.viewer(context.viewer) as session:
        return await load_alerts(session, alert_events, context.clock())


async def log_analytics_batch(
    info: Info,
    input: Annotated[
        list[Annotated["LogAnalyticsInput", strawberry.lazy("schema.analytics")]],
        strawberry.argument(description=f"The decisions to record: 1 to {MAX_BATCH}. Each is stored or refused alone."),
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
        except InvalidInput as refusal:
            rejected.append(RejectedRecord(index, refusal.kept()))
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
    checked = _checked_filter(filter)
    async with context.database.viewer(context.viewer) as session:
        wanted = await resolved(session, context.viewer.id, checked)
    with context.events.each(context.viewer.id, AnalyticsLogged) as events:
        async for event in events:
            rows = await context.readings.of(
                (AnalyticsLogged, context.viewer.id, _Itself(event)), None, partial(_rows, context, event.analytics_ids)
            )
            await context.turn()
            for row in map(rows.get, event.analytics_ids):
                if row is not None and _passes(row, wanted):
                    yield row
                    await context.turn()


class _Itself:
    """An event as a key: this one, of all that say the same. Its ids are too many to be compared for each subscriber."""

    def __init__(self, event: AnalyticsLogged) -> None:
        self._event = event

    def __hash__(self) -> int:
        return id(self._event)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Itself) and other._event is self._event


async def _rows(context: Context, ids: Sequence[UUID]) -> dict[UUID, RouterAnalytics]:
    async with context.database.viewer(context.viewer) as session:
        return await analytics_by_id(session, context.viewer.id, ids)


def _passes(row: RouterAnalytics, wanted: AnalyticsFilter) -> bool:
    return wanted.matches(
        provider=row.provider,
        model=row.model_used,
        task_type=row.task_type,
        ab_test_id=row.ab_test_id,
        success=row.success,
        fallback_used=row.fallback_used,
        at=row.occurred_at,
    )


def _checked_filter(filter: "AnalyticsFilterInput | None") -> AnalyticsFilter:
    return AnalyticsFilter.checked(present(filter) if filter else {}, ("filter",))
