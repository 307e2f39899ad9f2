"""A/B tests: start, watch, end, delete. A running test is never edited: its figures would mean two things."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated, Any, Final
from uuid import UUID

import strawberry

from domain.ab_test import AssignVariant, CreateABTest, Variant
from domain.bounds import identifier
from domain.error import NotFound
from domain.event import ABTestUpdated
from domain.page import Page
from models.ab_test import ABTest
from models.database.page import newest_first
from models.ledger.ab_test import delete_test, end_test, start_test
from models.queries.ab_snapshot import Snapshot, snapshots_of
from models.queries.ab_test import ab_test_of, load_inference
from resolvers.context import Context, Info
from resolvers.input import After, First, Initial, InputObject, input_type, known, present, row_id
from resolvers.selection import selected

UPDATES_APART_S: Final = 1.0
"""Between two updates of a test to one subscriber, at least; the last state is always told."""

ABTestID = Annotated[strawberry.ID, strawberry.argument(description="The test's id.")]


async def ab_tests(
    info: Info,
    active: Annotated[
        bool | None, strawberry.argument(description="Only tests that run (true) or have ended (false).")
    ] = strawberry.UNSET,
    first: First = 20,
    after: After = strawberry.UNSET,
) -> Page[ABTest]:
    context = info.context
    wanted = known(active)
    conditions = [] if wanted is None else [ABTest.active.is_(wanted)]
    await context.turn_for_rows(first)
    async with context.database.viewer(context.viewer) as session:
        page = await newest_first(session, ABTest, context.viewer.id, conditions, first=first, after=known(after))
        if "inference" in selected(info):
            await load_inference(session, page.nodes, context.clock(), context.compute)
    return page


async def ab_test(info: Info, id: ABTestID) -> ABTest | None:
    ab_test_id = identifier(id)
    return None if ab_test_id is None else await _current(info.context, ab_test_id)


async def ab_test_looks(info: Info, id: ABTestID) -> list[Snapshot] | None:
    context = info.context
    ab_test_id = identifier(id)
    if ab_test_id is None:
        return None
    async with context.summaries.slot(context.viewer.id), context.database.viewer(context.viewer) as session:
        test = await ab_test_of(session, context.viewer.id, ab_test_id)
        return None if test is None else await snapshots_of(session, context.compute, test, context.clock())


async def create_ab_test(
    info: Info,
    input: Annotated[
        InputObject,
        strawberry.argument(
            graphql_type=input_type("schema.ab_test", "CreateABTestInput"), description="The test to start."
        ),
    ],
) -> ABTest:
    context = info.context
    checked = CreateABTest.checked(present(input))
    now = context.clock()
    async with context.database.viewer(context.viewer, write=True) as session:
        return await start_test(session, context.viewer.id, checked, now)


async def assign_variant(
    info: Info,
    test_id: Annotated[strawberry.ID, strawberry.argument(description="One of your tests that runs.")],
    unit_key: Annotated[
        str,
        strawberry.argument(description="Who or what gets the variant, such as a user's id: 1 to 200 characters."),
    ],
) -> dict[str, Any] | None:
    context = info.context
    unit = AssignVariant.checked({"unit_key": unit_key}, ()).unit_key
    ab_test_id = identifier(test_id)
    if ab_test_id is None:
        return None
    async with context.database.viewer(context.viewer) as session:
        test = await ab_test_of(session, context.viewer.id, ab_test_id)
    if test is None or not test.active:
        return None
    variant = test.running.assign(unit).variant
    return {"variant": variant, "config": test.config(variant)}


async def end_ab_test(
    info: Info,
    id: ABTestID,
    winner: Annotated[
        Variant | None,
        strawberry.argument(
            description="The variant that won: a rule of your preferences then makes it the default for the requests of "
            "this test. None when left out: everything stays as it was."
        ),
    ] = strawberry.UNSET,
) -> ABTest:
    context = info.context
    now = context.clock()
    async with context.database.viewer(context.viewer, write=True) as session:
        return await end_test(session, context.viewer.id, row_id(id), known(winner), now)


async def delete_ab_test(info: Info, id: ABTestID) -> UUID:
    context = info.context
    ab_test_id = row_id(id)
    async with context.database.viewer(context.viewer, write=True) as session:
        await delete_test(session, context.viewer.id, ab_test_id)
    return ab_test_id


async def ab_test_updated(info: Info, id: ABTestID, initial: Initial = False) -> AsyncIterator[ABTest]:
    context = info.context
    ab_test_id = identifier(id)
    if ab_test_id is None:
        raise _not_found()
    with context.events.changes(context.viewer.id, ABTestUpdated, of=ab_test_id) as changes:
        test = await _latest(context, ab_test_id)
        if test is None:
            raise _not_found()
        told: list[Any] | None = None
        if initial:
            told = _state(test)
            yield test
        async for _ in changes:
            test = await _latest(context, ab_test_id)
            if test is None:
                return
            # What was read already may be heard of only then: nothing is told twice.
            if told == (state := _state(test)):
                continue
            told = state
            yield test
            # What happens meanwhile is one wake-up.
            await asyncio.sleep(UPDATES_APART_S)


def _not_found() -> NotFound:
    return NotFound("id: must be the id of one of your tests", ["id"])


def _state(test: ABTest) -> list[Any]:
    return [getattr(test, column.key) for column in ABTest.__table__.columns]


async def _latest(context: Context, ab_test_id: UUID) -> ABTest | None:
    """What a subscriber is told: read once for all of them."""
    version = context.events.version(context.viewer.id, ABTestUpdated)
    what = (ABTestUpdated, context.viewer.id, ab_test_id)
    test = await context.readings.of(what, version, partial(_current, context, ab_test_id))
    await context.turn()
    return test


async def _current(context: Context, ab_test_id: UUID) -> ABTest | None:
    async with context.database.viewer(context.viewer) as session:
        test = await ab_test_of(session, context.viewer.id, ab_test_id)
        if test is not None:
            await load_inference(session, [test], context.clock(), context.compute)
    return test
