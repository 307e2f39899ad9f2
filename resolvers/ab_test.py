"""Fields of A/B tests: start, read, follow, end and delete a test, and assign a variant.

A running test cannot be edited: the figures from before and after a change would not be comparable.
"""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated, Any, Final
from uuid import UUID

import strawberry

from domain.ab_test import AssignedVariant, AssignVariant, CreateABTest, Variant
from domain.bounds import identifier
from domain.error import NotFound
from domain.event import ABTestUpdated
from domain.page import Page
from models.ab_test import ABTest
from models.ledger.ab_test import delete_test, end_test, start_test
from models.queries.ab_snapshot import Snapshot, snapshots_of
from models.queries.ab_test import ab_test_with_inference, ab_tests_page, assigned_variant, load_inference
from resolvers.context import Context, Info
from resolvers.input import After, First, Initial, InputObject, input_type, known, present, row_id
from resolvers.selection import selected

UPDATE_INTERVAL_S: Final = 1.0
"""The least time in seconds between two updates of a test to one subscriber. The last state is always sent."""

ABTestID = Annotated[strawberry.ID, strawberry.argument(description="The id of the test.")]


async def ab_tests(
    info: Info,
    active: Annotated[
        bool | None, strawberry.argument(description="Only tests that run (true) or have ended (false).")
    ] = strawberry.UNSET,
    first: First = 20,
    after: After = strawberry.UNSET,
) -> Page[ABTest]:
    context = info.context
    await context.turn_for_rows(first)
    async with context.database.viewer(context.viewer) as session:
        page = await ab_tests_page(session, context.viewer.id, active=known(active), first=first, after=known(after))
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
        return await snapshots_of(session, context.compute, context.viewer.id, ab_test_id, context.clock())


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
    test_id: Annotated[strawberry.ID, strawberry.argument(description="The id of one of your running tests.")],
    unit_key: Annotated[
        str,
        strawberry.argument(
            description="Who or what the variant is assigned to, such as a user id: 1 to 200 characters."
        ),
    ],
) -> AssignedVariant | None:
    context = info.context
    unit = AssignVariant.checked({"unit_key": unit_key}, ()).unit_key
    ab_test_id = identifier(test_id)
    if ab_test_id is None:
        return None
    async with context.database.viewer(context.viewer) as session:
        return await assigned_variant(session, context.viewer.id, ab_test_id, unit)


async def end_ab_test(
    info: Info,
    id: ABTestID,
    winner: Annotated[
        Variant | None,
        strawberry.argument(
            description="The winner. A rule in your preferences then makes it the default for the requests of this test. "
            "Omitted or null: no winner, and routing does not change."
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
        sent: list[Any] | None = None
        if initial:
            sent = _state(test)
            yield test
        async for _ in changes:
            test = await _latest(context, ab_test_id)
            if test is None:
                return
            # An event can arrive after its change was read. The same state is not sent twice.
            if sent == (state := _state(test)):
                continue
            sent = state
            yield test
            # All events of this interval wake the loop once.
            await asyncio.sleep(UPDATE_INTERVAL_S)


def _not_found() -> NotFound:
    return NotFound("id: must be the id of one of your tests", ["id"])


def _state(test: ABTest) -> list[Any]:
    """The values of all columns. Two states are equal when a subscriber would see no difference."""
    return [getattr(test, column.key) for column in ABTest.__table__.columns]


async def _latest(context: Context, ab_test_id: UUID) -> ABTest | None:
    """The test after its last event, or None when it is deleted. Subscribers of one user share the read."""
    version = context.events.version(context.viewer.id, ABTestUpdated)
    key = (ABTestUpdated, context.viewer.id, ab_test_id)
    test = await context.readings.of(key, version, partial(_current, context, ab_test_id))
    await context.turn()
    return test


async def _current(context: Context, ab_test_id: UUID) -> ABTest | None:
    async with context.database.viewer(context.viewer) as session:
        return await ab_test_with_inference(session, context.viewer.id, ab_test_id, context.clock(), context.compute)
