"""A/B tests: start, watch, end, delete. A running test is never edited: its figures would mean two things."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from domain.ab_test import CreateABTest, Variant
from domain.bounds import identifier
from domain.error import Conflict, NotFound
from domain.event import ABTestUpdated
from domain.page import Page
from models.ab_test import ABTest, ab_test_of, running_test_for
from models.database import raise_event
from models.page import newest_first
from models.types import new_id
from resolvers.context import Context, Info
from resolvers.input import After, First, given, known
from resolvers.uninterrupted import uninterrupted

if TYPE_CHECKING:
    from schema.ab_test import CreateABTestInput

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
    async with context.database.viewer(context.viewer) as session:
        return await newest_first(session, ABTest, context.viewer.id, conditions, first=first, after=known(after))


async def ab_test(info: Info, id: ABTestID) -> ABTest | None:
    ab_test_id = identifier(id)
    return None if ab_test_id is None else await _current(info.context, ab_test_id)


async def create_ab_test(
    info: Info,
    input: Annotated[
        "CreateABTestInput",
        strawberry.lazy("schema.ab_test"),
        strawberry.argument(description="The test to start."),
    ],
) -> ABTest:
    context = info.context
    asked = CreateABTest.checked(given(input))
    now = context.clock()
    async with context.database.viewer(context.viewer, write=True) as session:
        running = await running_test_for(session, context.viewer.id, asked.task_type)
        if running is not None:
            raise Conflict(
                f'taskType: the test "{running.test_name}" runs for this task type already; end it first',
                ["input", "taskType"],
            )
        test = ABTest(
            user_id=context.viewer.id,
            id=new_id(),
            test_name=asked.test_name,
            task_type=asked.task_type,
            variant_a_config=asked.variant_a.model_dump(mode="json"),
            variant_b_config=asked.variant_b.model_dump(mode="json"),
            running_for=asked.task_type or "",
            started_at=now,
            created_at=now,
        )
        session.add(test)
        await session.flush()
        raise_event(session, ABTestUpdated(test.user_id, test.id))
    return test


async def end_ab_test(
    info: Info,
    id: ABTestID,
    winner: Annotated[
        Variant | None, strawberry.argument(description="The variant that won; none when left out.")
    ] = strawberry.UNSET,
) -> ABTest:
    context = info.context
    winner = known(winner)
    async with context.database.viewer(context.viewer, write=True) as session:
        test = await _locked(session, context, id)
        if not test.active:
            if test.winner is not winner:
                ended_with = f"winner {test.winner}" if test.winner else "no winner"
                raise Conflict(f"winner: this test ended with {ended_with} already", ["winner"])
            return test
        test.active = False
        test.running_for = None
        test.ended_at = context.clock()
        test.winner = winner
        await session.flush()
        raise_event(session, ABTestUpdated(test.user_id, test.id))
    return test


async def delete_ab_test(info: Info, id: ABTestID) -> UUID:
    context = info.context
    async with context.database.viewer(context.viewer, write=True) as session:
        test = await _locked(session, context, id)
        if test.active:
            raise Conflict("id: this test is running and decisions are counted for it; end it first", ["id"])
        await session.delete(test)
        await session.flush()
        raise_event(session, ABTestUpdated(test.user_id, test.id))
    return test.id


async def ab_test_updated(info: Info, id: ABTestID) -> AsyncIterator[ABTest]:
    context = info.context
    ab_test_id = identifier(id)
    if ab_test_id is None or await uninterrupted(_current(context, ab_test_id)) is None:
        raise NotFound("id: must be the id of one of your tests", ["id"])
    with context.events.changes(context.viewer.id, ABTestUpdated, of=ab_test_id) as changes:
        async for _ in changes:
            test = await uninterrupted(_current(context, ab_test_id))
            if test is None:
                return
            yield test


async def _current(context: Context, ab_test_id: UUID) -> ABTest | None:
    async with context.database.viewer(context.viewer) as session:
        return await ab_test_of(session, context.viewer.id, ab_test_id)


async def _locked(session: AsyncSession, context: Context, id: str) -> ABTest:
    ab_test_id = identifier(id)
    test = None if ab_test_id is None else await ab_test_of(session, context.viewer.id, ab_test_id, for_update=True)
    if test is None:
        raise NotFound("id: must be the id of one of your tests", ["id"])
    return test
