"""A/B tests: start, watch, end, delete. A running test is never edited: its figures would mean two things."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final
from uuid import UUID

import strawberry
from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from domain.ab_test import MAX_RUNNING_TESTS, AssignVariant, CreateABTest, Variant, VariantConfig, likely_costs
from domain.bounds import identifier
from domain.catalog import completed, listed
from domain.error import Conflict, InvalidInput, NotFound
from domain.event import ABTestUpdated, PreferencesChanged
from domain.inference import Metric, cost_cap
from domain.page import Page
from domain.preference import RoutingRule, RuleTarget, as_stored, with_winner
from domain.price import Rates, ServiceTier
from models.ab_group import ABGroup
from models.ab_test import ABTest
from models.database import raise_event
from models.database.page import newest_first
from models.ledger.routing_version import bump_version
from models.queries.ab_snapshot import Snapshot, snapshots_of
from models.queries.ab_test import ab_test_of, freeze, load_inference, running_tests_of
from models.queries.analytics import past_calls
from models.queries.catalog import models_of
from models.queries.preference import preferences_to_change
from models.queries.provider_alias import names_of
from models.types import new_id
from resolvers.context import Context, Info
from resolvers.input import After, First, Initial, known, present
from resolvers.selection import selected

if TYPE_CHECKING:
    from schema.ab_test import CreateABTestInput

UPDATES_APART_S: Final = 1.0
"""Between two updates of a test to one subscriber, at least; the last state is always told."""
_CALLS_FOR_CAP: Final = 1_000

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
        "CreateABTestInput",
        strawberry.lazy("schema.ab_test"),
        strawberry.argument(description="The test to start."),
    ],
) -> ABTest:
    return await start(info.context, CreateABTest.checked(present(input)), ["input"])


async def start(context: Context, asked: CreateABTest, path: Sequence[str]) -> ABTest:
    """The test, which runs now. Raises an expected error whose path begins with `path` when it cannot."""
    now = context.clock()
    async with context.database.viewer(context.viewer, write=True) as session:
        running = {test.task_type: test for test in await running_tests_of(session, context.viewer.id)}
        if asked.task_type in running:
            raise Conflict(
                f'taskType: the test "{running[asked.task_type].test_name}" runs for this task type already; end it first',
                [*path, "taskType"],
            )
        if len(running) >= MAX_RUNNING_TESTS:
            raise Conflict(f"taskType: {MAX_RUNNING_TESTS} tests run already; end one first", [*path, "taskType"])
        cap = asked.cost_cap or await _likely_cap(session, context.viewer.id, asked, now)
        if cap is None and asked.primary_metric is Metric.COST:
            raise InvalidInput(
                "costCap: must be given to decide by COST, as neither your calls nor known prices tell what a call may cost",
                [*path, "costCap"],
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
            primary_metric=asked.primary_metric,
            guardrails=list(asked.guarded),
            split=asked.split,
            minimum_run_hours=asked.minimum_run_hours,
            cost_cap=cap,
        )
        session.add(test)
        await session.flush()
        await load_inference(session, [test], now)
        await bump_version(session, context.viewer.id)
        raise_event(session, ABTestUpdated(test.user_id, test.id))
    return test


async def _likely_cap(session: AsyncSession, user_id: UUID, asked: CreateABTest, now: datetime) -> Decimal | None:
    """A cap for what one call counts for, from the user's latest calls and the variants' prices; None if nothing tells it."""
    names = await names_of(session, user_id)
    own = {(model.provider_key, model.model_key): model.listing for model in await models_of(session, user_id)}

    def rates(config: VariantConfig) -> Rates | None:
        key = names.key(config.provider, config.model)
        registered = own.get(key)
        model = completed(registered, now) if registered else listed(key[0], config.model, now)
        return None if model is None else model.rates.get(ServiceTier.STANDARD)

    past = await past_calls(session, user_id, asked.task_type, _CALLS_FOR_CAP)
    return cost_cap(likely_costs(past, [rates(asked.variant_a), rates(asked.variant_b)]))


async def assign_variant(
    info: Info,
    test_id: Annotated[strawberry.ID, strawberry.argument(description="The id of one of your running tests.")],
    unit_key: Annotated[
        str,
        strawberry.argument(
            description="Who or what the variant is assigned to, such as a user id: 1 to 200 characters."
        ),
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
            description="The winner. A rule in your preferences then makes it the default for the requests of this test. "
            "Omitted or null: no winner, and routing does not change."
        ),
    ] = strawberry.UNSET,
) -> ABTest:
    context = info.context
    winner = known(winner)
    now = context.clock()
    async with context.database.viewer(context.viewer, write=True) as session:
        test = await _locked(session, context, id)
        await load_inference(session, [test], now)
        if not test.active:
            if test.winner is not winner:
                ended_with = f"winner {test.winner}" if test.winner else "no winner"
                raise Conflict(f"winner: this test ended with {ended_with} already", ["winner"])
            return test
        test.active = False
        test.running_for = None
        test.ended_at = now
        test.winner = winner
        freeze(test)
        if winner is not None:
            await _make_default(session, test, winner, now)
        await session.flush()
        await bump_version(session, context.viewer.id)
        raise_event(session, ABTestUpdated(test.user_id, test.id))
    return test


async def _make_default(session: AsyncSession, test: ABTest, winner: Variant, now: datetime) -> None:
    """A rule that sends the test's requests to its winner. The user may delete it like any other."""
    preferences = await preferences_to_change(session, test.user_id, now)
    rules = with_winner(
        [RoutingRule.model_validate(rule) for rule in preferences.custom_rules],
        ab_test_id=test.id,
        test_name=test.test_name,
        task_type=test.task_type,
        winner=RuleTarget.model_validate(test.config(winner)),
    )
    preferences.custom_rules = as_stored(rules)
    raise_event(session, PreferencesChanged(test.user_id))


async def delete_ab_test(info: Info, id: ABTestID) -> UUID:
    context = info.context
    async with context.database.viewer(context.viewer, write=True) as session:
        test = await _locked(session, context, id)
        if test.active:
            raise Conflict("id: this test is running and decisions are counted for it; end it first", ["id"])
        await session.execute(delete(ABGroup).where(ABGroup.user_id == test.user_id, ABGroup.ab_test_id == test.id))
        await session.delete(test)
        await session.flush()
        raise_event(session, ABTestUpdated(test.user_id, test.id))
    return test.id


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


async def _locked(session: AsyncSession, context: Context, id: str) -> ABTest:
    ab_test_id = identifier(id)
    test = None if ab_test_id is None else await ab_test_of(session, context.viewer.id, ab_test_id, for_update=True)
    if test is None:
        raise _not_found()
    return test
