"""A/B tests: start, end and delete them, and the statements that add calls to their sums."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from domain.ab_test import MAX_RUNNING_TESTS, CreateABTest, Variant, VariantConfig, likely_costs
from domain.catalog import completed, listed
from domain.error import Conflict, InvalidInput
from domain.event import ABTestUpdated, PreferencesChanged
from domain.inference import Metric, cost_cap
from domain.preference import RoutingRule, RuleTarget, as_stored, with_winner
from domain.price import Rates, ServiceTier
from models.ab_group import GROUP_KEY, ABGroup
from models.ab_test import SUMS, ABTest
from models.database import raise_event
from models.database.bulk import Grouped, additions
from models.database.row import locked_row
from models.ledger.preference import preferences_to_change
from models.ledger.routing_version import bump_version
from models.queries.ab_test import freeze, load_inference, running_tests_of
from models.queries.analytics import past_calls
from models.queries.catalog import models_of
from models.queries.provider_alias import names_of
from models.types import new_id

_CALLS_FOR_CAP: Final = 1_000
"""The most calls of the past that a default cost cap is estimated from."""


async def start_test(
    session: AsyncSession, user_id: UUID, input: CreateABTest, now: datetime, path: Sequence[str] = ("input",)
) -> ABTest:
    """Start a test. Returns it with what inference says of it.

    Raises Conflict when a test of this task type or MAX_RUNNING_TESTS tests run, and InvalidInput when the test is decided
    by cost and no cost cap can be estimated. The path of an error begins with `path`.
    """
    running = {test.task_type: test for test in await running_tests_of(session, user_id)}
    if input.task_type in running:
        raise Conflict(
            f'taskType: the test "{running[input.task_type].test_name}" runs for this task type already; end it first',
            [*path, "taskType"],
        )
    if len(running) >= MAX_RUNNING_TESTS:
        raise Conflict(f"taskType: {MAX_RUNNING_TESTS} tests run already; end one first", [*path, "taskType"])
    cap = input.cost_cap or await _likely_cap(session, user_id, input, now)
    if cap is None and input.primary_metric is Metric.COST:
        raise InvalidInput(
            "costCap: is required to decide by COST, because neither your calls nor known prices give the likely cost of a call",
            [*path, "costCap"],
        )
    test = ABTest(
        user_id=user_id,
        id=new_id(),
        test_name=input.test_name,
        task_type=input.task_type,
        variant_a_config=input.variant_a.model_dump(mode="json"),
        variant_b_config=input.variant_b.model_dump(mode="json"),
        running_for=input.task_type or "",
        started_at=now,
        created_at=now,
        primary_metric=input.primary_metric,
        guardrails=list(input.guarded),
        split=input.split,
        minimum_run_hours=input.minimum_run_hours,
        cost_cap=cap,
    )
    session.add(test)
    await session.flush()
    await load_inference(session, [test], now)
    await bump_version(session, user_id)
    raise_event(session, ABTestUpdated(user_id, test.id))
    return test


async def end_test(
    session: AsyncSession, user_id: UUID, ab_test_id: UUID, winner: Variant | None, now: datetime
) -> ABTest:
    """End a test and freeze its inference. A winner becomes the default for the requests of the test.

    Ending a test again with the same winner changes nothing. Raises NotFound, and Conflict when the test ended with another
    winner or the preferences have no room for another rule.
    """
    test = await locked_row(session, ABTest, user_id, ab_test_id, "tests")
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
    await bump_version(session, user_id)
    raise_event(session, ABTestUpdated(user_id, test.id))
    return test


async def delete_test(session: AsyncSession, user_id: UUID, ab_test_id: UUID) -> None:
    """Delete a test that has ended, with the sums of its groups. Its calls stay.

    Raises NotFound, and Conflict while the test runs.
    """
    test = await locked_row(session, ABTest, user_id, ab_test_id, "tests")
    if test.active:
        raise Conflict("id: this test is running and counts calls; end it first", ["id"])
    await session.execute(delete(ABGroup).where(ABGroup.user_id == user_id, ABGroup.ab_test_id == ab_test_id))
    await session.delete(test)
    await session.flush()
    raise_event(session, ABTestUpdated(user_id, ab_test_id))


async def _likely_cap(session: AsyncSession, user_id: UUID, input: CreateABTest, now: datetime) -> Decimal | None:
    """The default cost cap of a call in USD, from the user's latest calls and the variants' prices. None without either."""
    names = await names_of(session, user_id)
    own = {(model.provider_key, model.model_key): model.listing for model in await models_of(session, user_id)}

    def rates(config: VariantConfig) -> Rates | None:
        key = names.key(config.provider, config.model)
        registered = own.get(key)
        model = completed(registered, now) if registered else listed(key[0], config.model, now)
        return None if model is None else model.rates.get(ServiceTier.STANDARD)

    past = await past_calls(session, user_id, input.task_type, _CALLS_FOR_CAP)
    return cost_cap(likely_costs(past, [rates(input.variant_a), rates(input.variant_b)]))


async def _make_default(session: AsyncSession, test: ABTest, winner: Variant, now: datetime) -> None:
    """Add a rule to the preferences that routes the test's requests to its winner. The user may delete the rule."""
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


# The capped cost of a call in USD; the database stores nano-dollars. NULL if the test has no cap, and so compares no costs.
_CAPPED: Final = (
    "(CAST(CASE WHEN r.cost > t.cost_cap THEN t.cost_cap WHEN t.cost_cap IS NOT NULL THEN r.cost END "
    "AS DOUBLE PRECISION) / 1000000000)"
)
_SERVED: Final = "FILTER (WHERE r.success)"

GROUP_SUMS: Final = Grouped(
    {name: f"r.{name}" for name in GROUP_KEY},
    {
        "assigned": "count(*) FILTER (WHERE r.ab_assigned)",
        "calls": "count(*)",
        "successes": f"count(*) {_SERVED}",
        "timed": f"count(r.log_latency) {_SERVED}",
        "log_latency_sum": f"coalesce(sum(r.log_latency) {_SERVED}, 0)",
        "log_latency_squares": f"coalesce(sum(r.log_latency * r.log_latency) {_SERVED}, 0)",
        "priced": f"count({_CAPPED}) {_SERVED}",
        "capped_cost_sum": f"coalesce(sum({_CAPPED}) {_SERVED}, 0)",
        "capped_cost_squares": f"coalesce(sum({_CAPPED} * {_CAPPED}) {_SERVED}, 0)",
    },
    join="JOIN router_ab_tests t ON t.user_id = r.user_id AND t.id = r.ab_test_id",
    where="r.ab_counted",
)
"""The sums that calls add to `router_ab_groups`. `GroupSums` computes the same in Python."""


def _sums_of(variant: str) -> str:
    of = f"WHERE r.ab_variant = '{variant.upper()}'"
    return (
        f"count(*) FILTER ({of}) AS variant_{variant}_calls, "
        f"count(*) FILTER ({of} AND r.success) AS variant_{variant}_success, "
        f"count(r.latency_ms) FILTER ({of}) AS variant_{variant}_latency_count, "
        f"coalesce(sum(r.latency_ms) FILTER ({of}), 0) AS variant_{variant}_latency_sum_ms, "
        f"coalesce(sum(r.cost) FILTER ({of}), 0) AS variant_{variant}_total_cost, "
        f"count(*) FILTER ({of} AND r.cost IS NULL) AS variant_{variant}_unpriced"
    )


ADD_TO_TESTS: Final = (
    f"UPDATE router_ab_tests SET {additions('router_ab_tests', SUMS, 'held')} FROM ("
    f"SELECT s.* FROM (SELECT r.user_id, r.ab_test_id, {_sums_of('a')}, {_sums_of('b')} "
    "FROM {rows} WHERE r.ab_counted GROUP BY r.user_id, r.ab_test_id) s "
    # Locks the rows in key order first; an UPDATE alone would lock them in any order.
    "JOIN router_ab_tests t ON t.user_id = s.user_id AND t.id = s.ab_test_id ORDER BY t.user_id, t.id {locked}"
    ") AS held WHERE router_ab_tests.user_id = held.user_id AND router_ab_tests.id = held.ab_test_id"
)
"""Adds calls to the sums of the tests that count them. `sums_of_tests` computes the same in Python."""
