from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import count, pairwise, permutations, product
from typing import Any
from uuid import UUID

import pytest
from genai_prices import data_snapshot
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.ab_test import RunningTest, Variant, VariantConfig
from domain.catalog import CatalogModel
from domain.preference import RoutingPriority, RoutingRule, RuleCondition
from domain.price import Prices, ServiceTier
from domain.provider import provider_id
from domain.routing import (
    KNOWN_FROM,
    MAX_CANDIDATES,
    MAX_FALLBACKS,
    Budget,
    Candidate,
    Choice,
    Constraint,
    Observed,
    Ranking,
    Recent,
    RouteRefused,
    RouteRequest,
    RoutingContext,
    RoutingPreferences,
    Statistics,
    choose,
    decisive,
    rank,
)

NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
# Two of them name one provider.
PROVIDERS = ["fireworks", "Fireworks_AI", "ollama", "somebody", "OLLAMA", "other"]
NAMES = ["small", "large"]
PRICES = [None, Decimal(0), Decimal("0.5"), Decimal(20)]


def model(
    provider: str = "ollama", name: str = "small", price: Decimal | None = Decimal(1), **more: Any
) -> CatalogModel:
    values: dict[str, Any] = {
        "id": f"{provider}:{name}",
        "provider": provider,
        "model": name,
        "name": name,
        "own": True,
        "local": False,
        "context_window": None,
        "prices": Prices(price, price),
        "quality_rating": None,
        "deprecated": False,
    }
    return CatalogModel(**values | more)


def rule(then: dict[str, Any], when: dict[str, Any] | None = None, name: str = "r") -> RoutingRule:
    return RoutingRule.model_validate({"name": name, "when": when or {}, "then": then})


providers = st.sampled_from(PROVIDERS)
keys = st.tuples(st.sampled_from(sorted({provider_id(name) for name in PROVIDERS})), st.sampled_from(NAMES))
models = st.builds(
    model,
    providers,
    st.sampled_from(NAMES),
    st.sampled_from(PRICES),
    local=st.booleans(),
    context_window=st.sampled_from([None, 500, 100_000]),
    quality_rating=st.sampled_from([None, 0.0, 0.4, 1.0]),
)
limits = st.sampled_from([None, Decimal(0), Decimal("0.0005"), Decimal("0.01"), Decimal(1)])
actions = st.fixed_dictionaries(
    {},
    optional={
        "block": st.lists(providers, min_size=1, max_size=2),
        "maxCost": limits.filter(lambda limit: limit is not None),
        "priority": st.sampled_from(RoutingPriority),
        "prefer": st.lists(providers, min_size=1, max_size=2),
        "use": st.fixed_dictionaries({"provider": providers, "model": st.sampled_from(NAMES)}),
    },
).filter(bool)
conditions = st.sampled_from(
    [
        {},
        {"taskType": "chat"},
        {"taskType": "other"},
        {"inputTokensAbove": 100},
        {"metadata": [{"key": "a", "oneOf": ["1"]}]},
    ]
)


def _possible(then: dict[str, Any]) -> bool:
    wanted = [*then.get("prefer", ()), *([then["use"]["provider"]] if "use" in then else [])]
    return not {provider_id(name) for name in wanted} & {provider_id(name) for name in then.get("block", ())}


rules = st.lists(st.builds(rule, actions.filter(_possible), conditions), max_size=4)


def observed(calls: int, share: float, latency_ms: int, p95: float) -> Observed:
    return Observed(calls, int(calls * share), calls, calls * latency_ms, p95 if calls >= KNOWN_FROM else None)


observations = st.builds(
    observed,
    st.sampled_from([0, 1, 19, 20, 500]),
    st.sampled_from([0.0, 0.5, 1.0]),
    st.sampled_from([0, 100, 5_000]),
    st.sampled_from([90.0, 1_000.0, 9_000.0]),
)
recents = st.builds(
    Recent,
    st.sampled_from([None, 10, 2_000]),
    st.sampled_from([None, 10, 2_000]),
    st.just(4),
    st.sampled_from([0.0, 2.0, 4.0]),
)


configs = st.fixed_dictionaries({"provider": providers, "model": st.sampled_from(NAMES)})
VARIANTS = [
    VariantConfig(provider=provider, model=name, parameters=parameters)
    for provider, name, parameters in product(PROVIDERS, NAMES, [None, {"temperature": 0}])
]
TESTS = [
    RunningTest(UUID(int=number), "t", "chat", 0.5 if number % 3 else 0.9, {Variant.A: a, Variant.B: b})
    for number, (a, b) in enumerate(permutations(VARIANTS, 2))
]
tests: st.SearchStrategy[dict[str | None, RunningTest]] = st.builds(
    dict.fromkeys, st.sampled_from([(), (None,), ("chat",), ("chat", "ask")]), st.sampled_from(TESTS)
)


@st.composite
def routing_context(draw: st.DrawFn) -> RoutingContext:
    by_model = draw(st.dictionaries(keys, observations, max_size=4))
    return RoutingContext(
        preferences=RoutingPreferences(
            priority=draw(st.sampled_from(RoutingPriority)),
            max_cost=draw(limits),
            max_latency_ms=draw(st.sampled_from([None, 100, 5_000])),
            preferred=draw(st.lists(providers, max_size=3)),
            blocked=draw(st.lists(providers, max_size=2)),
            rules=draw(rules),
        ),
        own=draw(st.lists(models, min_size=1, max_size=6)),
        statistics=Statistics(
            by_model=by_model,
            by_task={(key, "chat"): draw(observations) for key in by_model},
            recent=draw(st.dictionaries(keys, recents, max_size=3)),
            overall=draw(observations),
        ),
        tests=draw(tests),
    )


requests = st.fixed_dictionaries(
    {
        "taskType": st.sampled_from(["chat", "ask"]),
        "priority": st.sampled_from([None, *RoutingPriority]),
        "inputTokens": st.sampled_from([None, 0, 500, 1_000]),
        "maxOutputTokens": st.sampled_from([None, 0, 1_000]),
        "candidates": st.none() | st.lists(configs, min_size=1, max_size=5),
        "metadata": st.sampled_from([None, {"a": 1}]),
    }
).map(RouteRequest.model_validate)
amounts = st.sampled_from([Decimal(0), Decimal("0.0004"), Decimal("0.002"), Decimal("0.5")])
budgets = st.lists(
    st.builds(
        lambda limit, spent, held: Budget(UUID(int=1), "b", limit + Decimal("1E-9"), spent, held, NOON),
        amounts,
        amounts,
        amounts,
    ),
    max_size=3,
).map(
    lambda standing: [
        replace(budget, alert_id=UUID(int=number), resets_at=NOON + timedelta(days=number) if number else None)
        for number, budget in enumerate(standing)
    ]
)
inputs = st.tuples(requests, routing_context(), budgets)
lenient_inputs = st.builds(
    lambda asked, known, standing: (
        asked,
        replace(known, preferences=RoutingPreferences(priority=known.preferences.priority)),
        standing[:1],
    ),
    requests,
    routing_context(),
    budgets,
)


def applying(asked: RouteRequest, known: RoutingContext) -> list[RoutingRule]:
    return [
        each
        for each in known.preferences.rules
        if each.when.matches(
            task_type=asked.task_type,
            priority=asked.priority or known.preferences.priority,
            input_tokens=asked.input_tokens,
            max_output_tokens=asked.max_output_tokens,
            metadata=asked.metadata or {},
            at=NOON,
        )
    ]


def sent_to(outcome: Choice | RouteRefused) -> list[Candidate]:
    return [outcome.chosen, *outcome.fallbacks] if isinstance(outcome, Choice) else []


@settings(max_examples=100)
@given(inputs, st.lists(st.frozensets(keys), min_size=3, max_size=3), amounts)
def test_the_decisive_budgets_give_the_same_choice_as_all_budgets(
    case: tuple[RouteRequest, RoutingContext, list[Budget]], unpriced: list[frozenset[tuple[str, str]]], held: Decimal
) -> None:
    asked, known, standing = case
    refused: set[tuple[str, str]] = set()
    all_, first = [], []
    for budget, refuses in zip(standing, unpriced, strict=False):
        all_.append(replace(budget, held=Decimal(0), unpriced=refuses))
        # only the first budget that rejects a model has to list it
        first.append(replace(budget, held=Decimal(0), unpriced=refuses - refused))
        refused |= refuses
    ranking = rank(asked, known, NOON, "u")
    few = [replace(budget, held=held) for budget in decisive(first)]
    assert choose(ranking, few) == choose(ranking, [replace(budget, held=held) for budget in all_])


@settings(max_examples=300)
@given(inputs)
def test_a_candidate_that_is_blocked_or_above_a_known_limit_is_never_chosen_or_a_fallback(
    case: tuple[RouteRequest, RoutingContext, list[Budget]],
) -> None:
    asked, known, standing = case
    rules_ = applying(asked, known)
    blocked = {provider_id(name) for name in known.preferences.blocked}
    blocked |= {provider_id(name) for each in rules_ for name in each.then.block}
    costs = [known.preferences.max_cost, *(each.then.max_cost for each in rules_)]
    least = min((cost for cost in costs if cost is not None), default=None)
    available = min((budget.available for budget in standing), default=None)
    longest = known.preferences.max_latency_ms
    for verdict in sent_to(choose(rank(asked, known, NOON, "u"), standing)):
        assert provider_id(verdict.model.provider) not in blocked
        assert least is None or (verdict.estimate is not None and verdict.estimate <= least)
        if available is not None:
            assert verdict.estimate is not None
            assert verdict.model.is_free() or verdict.estimate <= available
        p95 = known.statistics.timed(verdict.key, asked.task_type).p95_latency_ms
        assert longest is None or p95 is None or p95 <= longest
        window = verdict.model.context_window
        assert window is None or asked.input_tokens is None or asked.input_tokens <= window


def objections(
    verdict: Candidate, asked: RouteRequest, known: RoutingContext, standing: Sequence[Budget]
) -> dict[Constraint, bool]:
    """For each constraint, whether it rejects this candidate."""
    rules_ = applying(asked, known)
    provider, window, cost = verdict.key[0], verdict.model.context_window, verdict.estimate
    free = verdict.model.own and verdict.model.prices.input_price == 0
    limits_ = [
        limit for limit in (known.preferences.max_cost, *(each.then.max_cost for each in rules_)) if limit is not None
    ]
    p95 = known.statistics.timed(verdict.key, asked.task_type).p95_latency_ms
    longest = known.preferences.max_latency_ms
    return {
        Constraint.BLOCKED_PROVIDERS: provider in map(provider_id, known.preferences.blocked),
        Constraint.CUSTOM_RULES: any(provider in map(provider_id, each.then.block) for each in rules_),
        Constraint.CONTEXT_WINDOW: window is not None and (asked.input_tokens or 0) > window,
        Constraint.MAX_COST_PER_REQUEST: not free and any(cost is None or cost > limit for limit in limits_),
        Constraint.MAX_LATENCY_MS: longest is not None and p95 is not None and p95 > longest,
        Constraint.BUDGET: not free
        and any(cost is None or budget.spent + budget.held + cost > budget.limit for budget in standing),
    }


@settings(max_examples=300)
@given(inputs)
def test_a_candidate_is_rejected_by_the_first_constraint_that_it_fails_and_by_no_other(
    case: tuple[RouteRequest, RoutingContext, list[Budget]],
) -> None:
    asked, known, standing = case
    for verdict in choose(rank(asked, known, NOON, "u"), standing).candidates:
        failed = (constraint for constraint, fails in objections(verdict, asked, known, standing).items() if fails)
        assert verdict.constraint == next(failed, None)


@settings(max_examples=300)
@given(inputs)
def test_used_then_local_then_preferred_models_come_first_among_the_eligible(
    case: tuple[RouteRequest, RoutingContext, list[Budget]],
) -> None:
    asked, known, _ = case
    rules_ = applying(asked, known)
    use = next((each.then.use for each in rules_ if each.then.use), None)
    preferred = [provider_id(name) for each in rules_ for name in each.then.prefer]
    preferred += [provider_id(name) for name in known.preferences.preferred]
    ranking = rank(asked, known, NOON, "u")

    def group(verdict: Candidate) -> tuple[bool, bool, int]:
        provider = verdict.key[0]
        return (
            use is None or verdict.key != (provider_id(use.provider), use.model),
            ranking.priority is RoutingPriority.PRIVACY and not verdict.model.local,
            preferred.index(provider) if provider in preferred else len(preferred),
        )

    groups = [group(verdict) for verdict in ranking.eligible]
    assert groups == sorted(groups)
    # and within each group, by the score of the priority
    for first, second in pairwise(ranking.eligible):
        if group(first) == group(second):
            assert first.score is not None
            assert second.score is not None
            assert first.score >= second.score
            worse = badness(second, ranking.priority, asked, known.statistics)
            # up to rounding
            assert badness(first, ranking.priority, asked, known.statistics) <= worse + Fraction(1, 10**9)


def badness(
    verdict: Candidate, priority: RoutingPriority, asked: RouteRequest, statistics: Statistics
) -> Fraction | float:
    """The exact value that the priority minimizes."""
    key, overall = verdict.key, statistics.overall
    seen = statistics.by_task.get((key, asked.task_type), Observed())
    if seen.calls < KNOWN_FROM:
        seen = statistics.by_model.get(key, Observed())
    late = statistics.recent.get(key, Recent())
    usual = Fraction(overall.successes + 19, overall.calls + 20)
    success = (seen.successes + 20 * usual) / (seen.calls + 20)
    if priority is RoutingPriority.QUALITY:
        rating = verdict.model.quality_rating
        declared = Fraction(1, 2) if rating is None else Fraction(rating)
        return -success * (Fraction(late.score_sum) + 10 * declared) / (late.scores + 10)
    if priority is RoutingPriority.COST:
        if not verdict.model.own:
            return math.inf if verdict.estimate is None else Fraction(verdict.estimate) / success
        if verdict.model.prices.input_price is None:
            return math.inf
        stated, assumed = (asked.input_tokens, asked.max_output_tokens), (late.p95_input_tokens, late.p95_output_tokens)
        known = (
            next(count for count in (*each, 1_000) if count is not None) for each in zip(stated, assumed, strict=True)
        )
        return Fraction(verdict.model.prices.input_price) * sum(known) / 10**6 / success
    if not overall.timed:
        return 1_000 / success
    mean = Fraction(overall.latency_sum_ms, overall.timed)
    return (seen.latency_sum_ms + 20 * mean) / (seen.timed + 20) / success


names_of = st.sampled_from(["a", "b", "c"])
close = st.builds(
    RoutingContext,
    own=st.tuples(
        *(
            st.builds(
                model,
                name=st.just(name),
                price=st.sampled_from([Decimal("0.8"), Decimal("0.9"), Decimal(1)]),
                quality_rating=st.sampled_from([None, 0.4, 0.6]),
            )
            for name in "abc"
        )
    ),
    statistics=st.builds(
        Statistics,
        by_model=st.dictionaries(
            st.tuples(st.just("ollama"), names_of),
            st.builds(
                observed, st.integers(0, 60), st.sampled_from([0.5, 0.8, 1.0]), st.integers(800, 1_200), st.just(1.0)
            ),
        ),
        recent=st.dictionaries(
            st.tuples(st.just("ollama"), names_of),
            st.builds(
                lambda scores, share: Recent(900, 900, scores, scores * share),
                st.integers(0, 30),
                st.sampled_from([0.25, 0.5, 0.75]),
            ),
        ),
        overall=st.builds(observed, st.integers(0, 60), st.sampled_from([0.5, 1.0]), st.just(1_000), st.just(1.0)),
    ),
)


@settings(max_examples=250)
@given(close, st.sampled_from(RoutingPriority), st.sampled_from([None, 1_000]))
def test_the_better_of_two_similar_models_comes_first(
    known: RoutingContext, priority: RoutingPriority, tokens: int | None
) -> None:
    asked = RouteRequest(task_type="chat", priority=priority, input_tokens=tokens, max_output_tokens=tokens)
    ranking = rank(asked, known, NOON)
    measures = [badness(verdict, priority, asked, known.statistics) for verdict in ranking.eligible]
    assert len(measures) == 3
    for better, worse in pairwise(measures):
        # up to rounding
        assert better <= worse + Fraction(1, 10**9)


@settings(max_examples=300)
@given(inputs, st.randoms())
def test_the_choice_does_not_depend_on_the_order_of_models(
    case: tuple[RouteRequest, RoutingContext, list[Budget]], chance: Any
) -> None:
    asked, known, standing = case
    outcome = choose(rank(asked, known, NOON, "u"), standing)
    assert outcome == choose(rank(asked, known, NOON, "u"), standing)
    # of several models with one name, the last registered one counts: leave one of each
    own = list({(provider_id(each.provider), each.model): each for each in known.own}.values())
    # and of several candidates with one name, the first counts
    named = list({(provider_id(each.provider), each.model): each for each in asked.candidates or ()}.values())
    by_model = list(known.statistics.by_model.items())
    outcomes = []
    for _ in range(2):
        statistics = replace(known.statistics, by_model=dict(by_model))
        ranking = rank(
            asked.model_copy(update={"candidates": list(named) or None}),
            replace(known, own=list(own), statistics=statistics),
            NOON,
            "u",
        )
        outcomes.append(choose(ranking, standing))
        for values in (own, named, by_model):
            chance.shuffle(values)
    first, second = outcomes
    assert sent_to(first) == sent_to(second)
    assert first.candidates == second.candidates
    if isinstance(first, RouteRefused):
        assert first == second


@settings(max_examples=300)
@given(inputs)
def test_each_candidate_has_one_verdict_and_no_budget_is_held_twice(
    case: tuple[RouteRequest, RoutingContext, list[Budget]],
) -> None:
    asked, known, standing = case
    ranking = rank(asked, known, NOON, "u")
    outcome = choose(ranking, standing)
    keys_of = [verdict.key for verdict in outcome.candidates]
    joined = ranking.trial.joined if ranking.trial else ()
    left_out = len(joined) if isinstance(outcome, RouteRefused) or outcome.trial is None else 0
    assert len(keys_of) == len(set(keys_of)) == len(ranking.eligible) + len(ranking.others) - left_out
    for verdict in outcome.candidates:
        assert verdict.reason
        assert verdict.eligible == (verdict.constraint is None)
        if verdict.eligible:
            assert verdict.score is not None
            assert 0 <= verdict.score <= 1
            assert not math.isnan(verdict.score)
        else:
            assert verdict.constraint in set(Constraint)
    if isinstance(outcome, RouteRefused):
        assert not any(verdict.eligible for verdict in outcome.candidates)
        _assert_consistent_error(outcome, ranking, standing)
        return
    assert len(outcome.fallbacks) <= MAX_FALLBACKS
    assert outcome.candidates[: 1 + len(outcome.fallbacks)] != []
    assert [verdict.key for verdict in sent_to(outcome)] == keys_of[: 1 + len(outcome.fallbacks)]
    assert outcome.held == ((outcome.chosen.estimate or 0) if standing else 0)
    for budget in standing:
        assert outcome.held == 0 or budget.spent + budget.held + outcome.held <= budget.limit


def _assert_consistent_error(refused: RouteRefused, ranking: Ranking, standing: Sequence[Budget]) -> None:
    reached = [verdict.constraint for verdict in refused.candidates]
    order = list(Constraint)
    assert refused.constraint == max((each for each in reached if each), key=order.index, default=Constraint.CANDIDATES)
    if refused.constraint is Constraint.BUDGET:
        tightest = min(standing, key=lambda budget: budget.available)
        assert (refused.limit, refused.spent, refused.held) == (tightest.limit, tightest.spent, tightest.held)
        assert (refused.alert_id, refused.resets_at) == (tightest.alert_id, tightest.resets_at)
        least = min(budget.limit for budget in standing)
        assert refused.retryable == any(
            verdict.estimate is not None and verdict.estimate <= least for verdict in ranking.eligible
        )
    else:
        assert not refused.retryable


@settings(max_examples=300)
@given(st.lists(requests, min_size=2, max_size=4), routing_context(), budgets.filter(bool))
def test_consecutive_requests_never_exceed_a_budget(
    asked: list[RouteRequest], known: RoutingContext, standing: list[Budget]
) -> None:
    for each in asked:
        ranking = rank(each, known, NOON, "u")
        outcome = choose(ranking, standing)
        if isinstance(outcome, RouteRefused):
            # no request was rejected that a budget could pay for
            assert not any(
                all(
                    verdict.estimate is not None and budget.spent + budget.held + verdict.estimate <= budget.limit
                    for budget in standing
                )
                for verdict in ranking.eligible
            )
            continue
        assert outcome.held == outcome.chosen.estimate
        if outcome.chosen.model.is_free():
            assert outcome.held == 0
            continue
        standing = [replace(budget, held=budget.held + outcome.held) for budget in standing]
        assert all(budget.spent + budget.held <= budget.limit for budget in standing)


@settings(max_examples=250)
@given(
    limit=st.integers(1, 10**7),
    spent=st.integers(0, 10**7),
    tokens=st.integers(1, 5_000),
    price=st.sampled_from([Decimal("0.1"), Decimal(1), Decimal("33.333333333")]),
)
def test_a_budget_admits_as_many_equal_requests_as_it_can_pay_for(
    limit: int, spent: int, tokens: int, price: Decimal
) -> None:
    known = RoutingContext(own=[model(price=price)])
    ranking = rank(RouteRequest(task_type="chat", input_tokens=tokens, max_output_tokens=tokens), known, NOON)
    estimate = ranking.eligible[0].estimate
    assert estimate
    budget = Budget(UUID(int=1), "b", Decimal(limit).scaleb(-6), Decimal(spent).scaleb(-6), Decimal(0), None)
    fitting = max(int((budget.limit - budget.spent) // estimate), 0)
    if fitting > 50:
        budget = replace(budget, held=(fitting - 50) * estimate)
    admitted = 0
    while isinstance(choice := choose(ranking, [budget]), Choice):
        admitted += 1
        budget = replace(budget, held=budget.held + choice.held)
        assert budget.spent + budget.held <= budget.limit
    assert admitted == min(fitting, 50)


def _key(config: VariantConfig) -> tuple[str, str]:
    return provider_id(config.provider), config.model


@settings(max_examples=250)
@given(lenient_inputs | inputs)
def test_a_variant_is_assigned_if_both_may_serve_and_is_always_the_same(
    case: tuple[RouteRequest, RoutingContext, list[Budget]],
) -> None:
    asked, known, standing = case
    ranking = rank(asked, known, NOON, "u")
    outcome = choose(ranking, standing)
    assert outcome == choose(rank(asked, known, NOON, "u"), standing)
    if isinstance(outcome, RouteRefused):
        return
    test = known.test_of(asked.task_type)
    outside = [note for note in outcome.notes if note.startswith("Served outside the A/B test ")]
    assert len(outside) == (test is not None and outcome.trial is None)
    if test is None or outcome.trial is None:
        assert (outcome.trial, outcome.propensity) == (None, 1.0)
        return
    assert (outcome.trial.test, outcome.trial.assignment) == (test, test.assign("u"))
    eligible = {verdict.key: verdict for verdict in ranking.eligible}
    for config in test.variants.values():
        verdict = eligible[_key(config)]
        assert verdict.model.is_free() or all(
            verdict.estimate is not None and verdict.estimate <= budget.available for budget in standing
        )
    assigned = test.variants[outcome.trial.assignment.variant]
    assert (outcome.chosen.key, outcome.chosen.parameters) == (_key(assigned), assigned.parameters)


CHAT = RouteRequest(task_type="chat", input_tokens=1_000, max_output_tokens=1_000)


def chosen(known: RoutingContext, asked: RouteRequest = CHAT) -> str:
    outcome = choose(rank(asked, known, NOON), [])
    assert isinstance(outcome, Choice), outcome
    return outcome.chosen.model.model


def test_figures_of_few_calls_are_shrunk_towards_the_mean() -> None:
    # given a mean of 1,000 ms over all calls, and a model that was called twice, in 100 ms
    figures = Statistics(
        by_model={("ollama", "small"): Observed(2, 2, 2, 200), ("ollama", "large"): Observed(500, 500, 500, 400_000)},
        overall=Observed(1_000, 1_000, 1_000, 1_000_000),
    )
    known = RoutingContext(own=[model(name="small"), model(name="large")], statistics=figures)
    ranking = rank(CHAT, known, NOON)
    latencies = {verdict.key[1]: verdict.expected_latency_ms for verdict in ranking.eligible}
    # then its latency is (200 + 20 x 1,000) / 22 ms, which is slower than that of the known model
    assert latencies == {"small": pytest.approx(918.1818), "large": pytest.approx((400_000 + 20_000) / 520)}
    assert chosen(known) == "large"


def test_failures_count_against_a_fast_model() -> None:
    figures = Statistics(
        by_model={
            ("ollama", "small"): Observed(500, 100, 500, 250_000),
            ("ollama", "large"): Observed(500, 500, 500, 500_000),
        },
        overall=Observed(1_000, 600, 1_000, 750_000),
    )
    assert chosen(RoutingContext(own=[model(name="small"), model(name="large")], statistics=figures)) == "large"


def test_latency_is_the_mean_of_calls_with_a_known_latency() -> None:
    # given 20 calls of a task without latencies, of a model that is known to be slow
    figures = Statistics(
        by_model={("ollama", "small"): Observed(1_000, 1_000, 980, 980 * 9_000, 9_000.0)},
        by_task={(("ollama", "small"), "chat"): Observed(20, 20, 0, 0, None)},
    )
    known = RoutingContext(
        own=[model(name="small")], statistics=figures, preferences=RoutingPreferences(max_latency_ms=100)
    )
    refused = choose(rank(CHAT, known, NOON), [])
    assert isinstance(refused, RouteRefused)
    assert refused.constraint is Constraint.MAX_LATENCY_MS


def test_quality_is_feedback_and_the_registered_rating_without_it() -> None:
    asked = CHAT.model_copy(update={"priority": RoutingPriority.QUALITY})
    own = [model(name="small", quality_rating=0.9), model(name="large", quality_rating=0.2)]
    assert chosen(RoutingContext(own=own), asked) == "small"
    # (40 x 1.0 + 10 x 0.2) / 50 = 0.84, and (20 x 0.5 + 10 x 0.9) / 30 = 0.63
    recent = {("ollama", "large"): Recent(None, None, 40, 40.0), ("ollama", "small"): Recent(None, None, 20, 10.0)}
    assert chosen(RoutingContext(own=own, statistics=Statistics(recent=recent)), asked) == "large"


def test_missing_token_counts_are_estimated_from_recent_large_calls_or_assumed() -> None:
    recent = {("ollama", "large"): Recent(200, 3_000, 0, 0.0)}
    known = RoutingContext(own=[model(name="small"), model(name="large")], statistics=Statistics(recent=recent))
    ranking = rank(RouteRequest(task_type="chat"), known, NOON)
    assert {verdict.key[1]: verdict.estimate for verdict in ranking.eligible} == {
        "small": Decimal(2_000).scaleb(-6),
        "large": Decimal(3_200).scaleb(-6),
    }
    assert [note.partition(" ")[0] for note in ranking.notes] == ["inputTokens", "maxOutputTokens"]


def test_a_rule_can_only_use_a_candidate_of_the_request() -> None:
    preferences = RoutingPreferences(rules=[rule({"use": {"provider": "somebody", "model": "else"}})])
    named = CHAT.model_validate(CHAT.model_dump() | {"candidates": [{"provider": "ollama", "model": "small"}]})
    ranking = rank(named, RoutingContext(preferences=preferences), NOON)
    assert [verdict.key for verdict in ranking.eligible] == [("ollama", "small")]
    assert ranking.notes == ["A rule requires somebody else, which cannot serve this request."]
    # and without candidates in the request, it is a candidate
    assert chosen(RoutingContext(preferences=preferences, own=[model()])) == "else"


def test_all_listed_models_of_a_preferred_provider_are_candidates_if_the_user_has_none_of_it() -> None:
    known = RoutingContext(own=[model()], preferences=RoutingPreferences(preferred=["gemini"]))
    ranking = rank(CHAT, known, NOON)
    assert {verdict.key[0] for verdict in ranking.eligible} == {"google", "ollama"}
    assert ranking.eligible[0].key[0] == "google"
    assert ranking.eligible[-1].key[0] == "ollama"


def test_all_listed_models_are_candidates_for_a_user_without_models() -> None:
    outcome = choose(rank(CHAT, RoutingContext(), NOON), [])
    assert isinstance(outcome, Choice)
    assert len(outcome.ranking.eligible) > 1_000
    assert len(outcome.candidates) == 100


def test_all_rules_that_apply_are_combined() -> None:
    own = [model("ollama", price=Decimal(1)), model("somebody", price=Decimal(2)), model("other", price=Decimal(3))]
    preferences = RoutingPreferences(
        priority=RoutingPriority.COST,
        max_cost=Decimal(1),
        preferred=["ollama"],
        rules=[
            rule({"prefer": ["other"], "maxCost": "0.5"}, name="first"),
            rule({"block": ["ollama"]}, {"taskType": "ask"}, name="does not apply"),
            rule({"prefer": ["somebody"], "maxCost": "0.7", "priority": "SPEED"}, name="second"),
        ],
    )
    ranking = rank(CHAT, RoutingContext(own=own, preferences=preferences), NOON)
    assert [verdict.key[0] for verdict in ranking.eligible] == ["other", "somebody", "ollama"]
    assert (ranking.rules, ranking.max_cost, ranking.priority) == (["first", "second"], Decimal("0.5"), "SPEED")


@pytest.mark.parametrize(
    ("blocked", "provider"),
    [
        ("Fireworks_AI", "fireworks"),
        ("fireworks", "FIREWORKS_ai"),
        ("gemini", "Google"),
        ("VERTEX_AI", "Google Vertex"),
        ("OLLAMA", "ollama"),
    ],
)
def test_a_provider_is_blocked_under_all_its_names(blocked: str, provider: str) -> None:
    known = RoutingContext(own=[model(provider)])
    by_rule = RoutingPreferences(rules=[rule({"block": [blocked]}, name="no")])
    for preferences, constraint, reason in (
        (RoutingPreferences(blocked=[blocked]), Constraint.BLOCKED_PROVIDERS, "its provider is blocked"),
        (by_rule, Constraint.CUSTOM_RULES, 'the rule "no" blocks its provider'),
    ):
        refused = choose(rank(CHAT, replace(known, preferences=preferences), NOON), [])
        assert isinstance(refused, RouteRefused)
        assert (refused.constraint, refused.retryable, refused.limit) == (constraint, False, None)
        assert [(verdict.reason, verdict.score) for verdict in refused.candidates] == [(reason, None)]


def test_an_error_of_a_budget_has_its_amounts() -> None:
    # given two budgets, and a request of 0.002 USD
    ranking = rank(CHAT, RoutingContext(own=[model()]), NOON)
    wide = Budget(UUID(int=1), "wide", Decimal(5), Decimal(1), Decimal(0), None)
    tight = Budget(UUID(int=2), "tight", Decimal("0.01"), Decimal("0.005"), Decimal("0.003"), NOON)
    # when the rest of the tight budget is reserved
    choice = choose(ranking, [wide, tight])
    assert isinstance(choice, Choice)
    assert (choice.held, choice.budgeted) == (Decimal("0.002"), True)
    # then it rejects the next request, which an empty window would admit
    refused = choose(ranking, [wide, replace(tight, held=tight.held + choice.held)])
    assert isinstance(refused, RouteRefused)
    assert refused.message == (
        "The budget tight cannot cover this request: of 0.01 USD, 0.005 are spent and 0.005 are held"
    )
    assert (refused.constraint, refused.retryable, refused.alert_id) == (Constraint.BUDGET, True, UUID(int=2))
    assert (refused.limit, refused.spent, refused.held, refused.resets_at) == (
        Decimal("0.01"),
        Decimal("0.005"),
        Decimal("0.005"),
        NOON,
    )
    assert [verdict.reason for verdict in refused.candidates] == [
        "its estimated cost is 0.002 USD, and the budget tight has 0 USD left"
    ]
    # and a request above the whole budget is not retryable
    refused = choose(ranking, [wide, replace(tight, limit=Decimal("0.001"))])
    assert isinstance(refused, RouteRefused)
    assert not refused.retryable


def test_an_overspent_budget_admits_free_models_and_no_budget_admits_unpriced_ones() -> None:
    overspent = Budget(UUID(int=1), "b", Decimal(1), Decimal(3), Decimal(0), NOON)
    plenty = replace(overspent, spent=Decimal(0))
    free = rank(CHAT, RoutingContext(own=[model(price=Decimal(0))]), NOON)
    choice = choose(free, [overspent])
    assert isinstance(choice, Choice)
    assert (choice.held, choice.budgeted) == (Decimal(0), True)
    unpriced = rank(CHAT, RoutingContext(own=[model(price=None)]), NOON)
    refused = choose(unpriced, [plenty])
    assert isinstance(refused, RouteRefused)
    assert (refused.constraint, refused.retryable) == (Constraint.BUDGET, False)
    assert isinstance(choose(unpriced, []), Choice)


def test_privacy_prefers_local_models_and_notes_when_there_is_none() -> None:
    asked = CHAT.model_copy(update={"priority": RoutingPriority.PRIVACY})
    own = [model("other", "far"), model(name="near", local=True)]
    preferences = RoutingPreferences(preferred=["other"])
    ranking = rank(asked, RoutingContext(own=own, preferences=preferences), NOON)
    assert [verdict.key[1] for verdict in ranking.eligible] == ["near", "far"]
    assert ranking.notes == []
    # when the local model may not serve
    ranking = rank(asked, RoutingContext(own=own, preferences=replace(preferences, blocked=["Ollama"])), NOON)
    assert [verdict.key[1] for verdict in ranking.eligible] == ["far"]
    assert ranking.notes == ["No local model can serve this request: every candidate sends it to an external provider."]


def test_candidates_are_registered_models_observed_models_and_those_of_rules() -> None:
    known = RoutingContext(
        own=[model(name="registered")],
        statistics=Statistics(
            by_model={("somebody", "observed"): Observed(1, 1)},
            names={("somebody", "observed"): ("SomeBody", "observed")},
        ),
        preferences=RoutingPreferences(rules=[rule({"use": {"provider": "Other", "model": "used"}})]),
    )
    ranking = rank(CHAT, known, NOON)
    assert sorted((verdict.model.provider, verdict.model.model) for verdict in ranking.eligible) == [
        ("Other", "used"),
        ("SomeBody", "observed"),
        ("ollama", "registered"),
    ]
    assert ranking.eligible[0].key == ("other", "used")
    # and candidates in the request replace all of them
    named = CHAT.model_validate(CHAT.model_dump() | {"candidates": [{"provider": "OLLAMA", "model": "registered"}]})
    ranking = rank(named, known, NOON)
    assert [(verdict.key, verdict.model.own) for verdict in ranking.eligible] == [(("ollama", "registered"), True)]


def test_preferring_a_blocked_provider_does_not_remove_candidates() -> None:
    # given a user without models, and a rule that prefers a provider that the preferences block
    preferences = RoutingPreferences(blocked=["google"], rules=[rule({"prefer": ["gemini"]})])
    outcome = choose(rank(CHAT, RoutingContext(preferences=preferences), NOON), [])
    # then all other providers are candidates
    assert isinstance(outcome, Choice)
    assert outcome.chosen.key[0] != "google"
    # and for a user with models, hundreds of blocked ones are not listed
    ranking = rank(CHAT, RoutingContext(own=[model()], preferences=preferences), NOON)
    assert [*ranking.eligible, *ranking.others] == [*ranking.eligible] != []


def test_an_error_lists_the_closest_candidates_first() -> None:
    # given more candidates than an error lists, the last of which is rejected by its cost only
    own = [model("other", f"{number:03}") for number in range(MAX_CANDIDATES)]
    own += [model(name="b", price=Decimal(9)), model(name="a", price=Decimal(9))]
    preferences = RoutingPreferences(blocked=["other"], max_cost=Decimal("0.01"))
    refused = choose(rank(CHAT, RoutingContext(own=own, preferences=preferences), NOON), [])
    assert isinstance(refused, RouteRefused)
    assert refused.message == (
        "No candidate can serve this request. The closest is ollama a: its estimated cost is 0.018 USD, above the limit of 0.01 USD"
    )
    assert (refused.constraint, refused.limit) == (Constraint.MAX_COST_PER_REQUEST, Decimal("0.01"))
    assert [verdict.key[1] for verdict in refused.candidates[:3]] == ["a", "b", "000"]
    assert len(refused.candidates) == MAX_CANDIDATES


def test_without_candidates_the_request_is_rejected() -> None:
    refused = choose(replace(rank(CHAT, RoutingContext(own=[model()]), NOON), eligible=[]), [])
    assert isinstance(refused, RouteRefused)
    assert (refused.constraint, refused.retryable, refused.candidates) == (Constraint.CANDIDATES, False, [])


# A/B tests

A = VariantConfig(provider="somebody", model="a", parameters={"temperature": 0})
B = VariantConfig(provider="other", model="b", parameters={"temperature": 1})
# A request CHAT costs 0.002, 0.004, 0.006 and 0.008 USD with them.
FIRST, OF_A = model("ollama", "first", local=True), model("somebody", "a", Decimal(2))
THIRD, OF_B = model("ollama", "third", Decimal(3)), model("other", "b", Decimal(4))
WINNER = rule({"use": {"provider": "ollama", "model": "third"}}).model_copy(update={"ab_test_id": UUID(int=1)})


def running(a: VariantConfig = A, b: VariantConfig = B, name: str = "t", number: int = 7) -> RunningTest:
    return RunningTest(UUID(int=number), name, "chat", 0.25, {Variant.A: a, Variant.B: b})


def knowing(own: Sequence[CatalogModel] = (FIRST, OF_A, THIRD, OF_B), **preferences: Any) -> RoutingContext:
    asks = RoutingPreferences(**{"priority": RoutingPriority.COST} | preferences)
    return RoutingContext(own=own, preferences=asks, tests={"chat": running()})


def unit_of(test: RunningTest, variant: Variant) -> str:
    return next(unit for unit in map(str, count()) if test.assign(unit).variant is variant)


def choice_of(
    known: RoutingContext, unit: str | None, asked: RouteRequest = CHAT, standing: Sequence[Budget] = ()
) -> Choice:
    outcome = choose(rank(asked, known, NOON, unit), standing)
    assert isinstance(outcome, Choice), outcome
    return outcome


def assert_assigned(known: RoutingContext, asked: RouteRequest = CHAT) -> None:
    """Assert that each variant of the test is chosen for units assigned to it."""
    test = known.tests["chat"]
    for variant in Variant:
        unit = unit_of(test, variant)
        choice = choice_of(known, unit, asked)
        assert choice.trial is not None
        assert (choice.trial.test, choice.trial.assignment) == (test, test.assign(unit))
        assert choice.chosen.key == _key(test.variants[variant])


def assert_outside(
    known: RoutingContext, why: str, asked: RouteRequest = CHAT, standing: Sequence[Budget] = ()
) -> Choice:
    """Assert that units of both variants are served outside of the test, with this note."""
    for variant in Variant:
        unit = unit_of(known.tests["chat"], variant)
        choice = choice_of(known, unit, asked, standing)
        without = choice_of(replace(known, tests={}), unit, asked, standing)
        assert (choice.trial, choice.propensity) == (None, 1.0)
        assert choice.notes == [*without.notes, f'Served outside the A/B test "t": {why}.']
        assert sent_to(choice) == sent_to(without)
        assert choice.candidates == without.candidates
    return choice


@pytest.mark.parametrize(
    ("variant", "config", "propensity", "fallbacks"),
    [(Variant.A, A, 0.25, ["first", "third", "b"]), (Variant.B, B, 0.75, ["first", "a", "third"])],
)
def test_the_assigned_variant_is_chosen_and_others_follow_in_order(
    variant: Variant, config: VariantConfig, propensity: float, fallbacks: list[str]
) -> None:
    choice = choice_of(knowing(), unit_of(running(), variant))
    assert (choice.chosen.key, choice.chosen.parameters) == (_key(config), config.parameters)
    assert choice.trial is not None
    assert (choice.trial.assignment.variant, choice.propensity) == (variant, propensity)
    assert [verdict.model.model for verdict in choice.fallbacks] == fallbacks
    assert [verdict.reason for verdict in choice.candidates] == [
        f'chosen: variant {variant} of the A/B test "t" was assigned',
        "fallback 1",
        "fallback 2",
        "fallback 3",
    ]
    assert choice.notes == []


def test_a_unit_keeps_its_variant_when_everything_else_changes() -> None:
    known = knowing()
    # given other figures, preferences, models and tests, a month later
    other = RoutingContext(
        own=[OF_B, OF_A],
        statistics=Statistics(by_model={("other", "b"): Observed(500, 1)}, overall=Observed(500, 1)),
        preferences=RoutingPreferences(preferred=["other"]),
        tests={**known.tests, None: running(number=8), "ask": running(number=9)},
    )
    asked = CHAT.model_copy(update={"priority": RoutingPriority.QUALITY, "input_tokens": 1})
    variants = set()
    for unit in map(str, range(100)):
        trial = choice_of(known, unit).trial
        assert trial is not None
        assert trial == choice_of(known, unit).trial
        later = choose(rank(asked, other, NOON + timedelta(days=30), unit), [])
        assert isinstance(later, Choice)
        assert later.trial == trial
        variants.add(trial.assignment.variant)
    assert variants == set(Variant)


def test_a_request_without_a_unit_is_in_no_test() -> None:
    known = knowing([FIRST])
    assert rank(CHAT, known, NOON) == rank(CHAT, replace(known, tests={}), NOON)
    choice = choice_of(known, None)
    assert (choice.trial, choice.propensity, choice.notes) == (None, 1.0, [])
    assert [verdict.key for verdict in choice.candidates] == [("ollama", "first")]


def test_variants_are_candidates_of_requests_in_the_test() -> None:
    known = knowing([FIRST])
    assert_assigned(known)
    ranking = rank(CHAT, known, NOON, "u")
    assert {verdict.key for verdict in ranking.eligible} == {("ollama", "first"), _key(A), _key(B)}


@pytest.mark.parametrize(
    ("preferences", "why"),
    [
        ({"blocked": ["Somebody"]}, "variant A cannot serve the request: its provider is blocked"),
        (
            {"rules": [rule({"block": ["other"]}, name="no")]},
            'variant B cannot serve the request: the rule "no" blocks its provider',
        ),
        (
            {"max_cost": Decimal("0.0079")},
            "variant B cannot serve the request: its estimated cost is 0.008 USD, above the limit of 0.0079 USD",
        ),
        ({"rules": [rule({"use": {"provider": "ollama", "model": "third"}})]}, "a rule names the model to use"),
        ({"rules": [rule({"use": {"provider": "somebody", "model": "a"}})]}, "a rule names the model to use"),
        (
            {"rules": [rule({"use": {"provider": "ollama", "model": "first"}}), WINNER]},
            "a rule names the model to use",
        ),
        ({"priority": RoutingPriority.PRIVACY}, "the priority is PRIVACY, and a local model can serve the request"),
    ],
)
def test_a_request_that_a_variant_may_not_serve_is_served_outside_the_test(
    preferences: dict[str, Any], why: str
) -> None:
    assert_outside(knowing(**preferences), why)


@pytest.mark.parametrize(("named", "missing"), [([A], "B"), ([B], "A"), ([], "A")])
def test_a_request_without_both_variants_as_candidates_is_served_outside_the_test(
    named: list[VariantConfig], missing: str
) -> None:
    first = VariantConfig(provider="ollama", model="first")
    asked = CHAT.model_copy(update={"candidates": [first, *named]})
    assert_outside(knowing(), f"variant {missing} is not a candidate of the request", asked)
    # and one that names both is not
    assert_assigned(knowing(), CHAT.model_copy(update={"candidates": [first, A, B]}))


def test_under_privacy_a_remote_variant_is_tested_only_if_no_local_model_can_serve() -> None:
    private = RoutingPriority.PRIVACY
    why = "the priority is PRIVACY, and a local model can serve the request"
    near_a, near_b = replace(OF_A, local=True), replace(OF_B, local=True)
    # given one local variant, it is the local model
    assert_outside(knowing([near_a, OF_B], priority=private), why)
    # given two local variants, either is as private as other local models
    assert_assigned(knowing([FIRST, near_a, near_b, THIRD], priority=private))
    # and if the local model is blocked or missing, neither variant is less private than the rest
    assert_assigned(knowing(blocked=["ollama"], priority=private))
    assert_assigned(knowing([OF_A, THIRD, OF_B], priority=private))


def test_the_winner_of_an_earlier_test_is_tested_again() -> None:
    known = knowing(rules=[WINNER])
    assert_assigned(known)
    # and it is the fallback of the assigned variant, and the choice outside of the test
    choice = choice_of(known, "u")
    assert choice.fallbacks[0].key == choice_of(known, None).chosen.key == ("ollama", "third")


def test_private_requests_go_to_a_local_model_before_a_winner() -> None:
    # given a winner that is not local, and a local model
    remote = [model("ollama", "cheap", Decimal("0.1")), THIRD]
    known = RoutingContext(own=[*remote, FIRST], preferences=RoutingPreferences(rules=[WINNER]))
    private = CHAT.model_copy(update={"priority": RoutingPriority.PRIVACY})
    # when, then
    assert choice_of(known, None, private).chosen.key == ("ollama", "first")
    # and without a local model, the winner serves before others
    assert choice_of(replace(known, own=remote), None, private).chosen.key == ("ollama", "third")
    # while a rule of the user takes precedence over all
    own_rule = rule({"use": {"provider": "ollama", "model": "third"}})
    known = replace(known, preferences=RoutingPreferences(rules=[own_rule]))
    assert choice_of(known, None, private).chosen.key == ("ollama", "third")


@pytest.mark.parametrize(
    ("won_for", "tested", "takes_part"),
    [("chat", "chat", True), (None, "chat", True), (None, None, True), ("chat", None, False)],
)
def test_a_winner_is_tested_again_by_tests_of_the_same_or_fewer_requests(
    won_for: str | None, tested: str | None, takes_part: bool
) -> None:
    won = WINNER.model_copy(update={"when": RuleCondition(task_type=won_for)})
    test = replace(running(), task_type=tested)
    known = replace(knowing(rules=[won]), tests={tested: test})
    choice = choice_of(known, "u")
    assert (choice.trial is not None) == takes_part
    if not takes_part:
        assert choice.chosen.key == ("ollama", "third")


def test_a_candidate_with_parameters_is_not_the_variant_without_them() -> None:
    test = running(
        VariantConfig(provider="ollama", model="first", parameters={"temperature": 1}),
        VariantConfig(provider="ollama", model="second"),
    )
    known = replace(knowing([FIRST, model("ollama", "second")]), tests={"chat": test})

    def asked(parameters: dict[str, Any] | None) -> RouteRequest:
        first = VariantConfig(provider="ollama", model="first", parameters=parameters)
        named = [first, VariantConfig(provider="ollama", model="second")]
        return CHAT.model_copy(update={"candidates": named})

    assert choice_of(known, "u", asked({"temperature": 0})).trial is None
    assert choice_of(known, "u", asked({"temperature": 1})).trial is not None
    assert choice_of(known, "u", asked(None)).trial is not None


@pytest.mark.parametrize("parameters", [None, {"temperature": 0.5}])
def test_a_winner_can_be_tested_again_with_other_parameters(parameters: dict[str, Any] | None) -> None:
    # given a winner whose rule sets parameters, which a later test varies
    won = rule({"use": {"provider": "somebody", "model": "a", "parameters": {"temperature": 0}}})
    known = replace(
        knowing(rules=[won.model_copy(update={"ab_test_id": UUID(int=1)})]),
        tests={"chat": running(A.model_copy(update={"parameters": parameters}))},
    )
    without, other = (A.model_copy(update={"parameters": given}) for given in (None, {"temperature": 2}))
    # when a request names the model without parameters, then it takes part in the test
    named = CHAT.model_copy(update={"candidates": [without, B]})
    assert_assigned(known, named)
    assert choice_of(known, unit_of(known.tests["chat"], Variant.A), named).chosen.parameters == parameters
    # and with parameters in the request it is not the variant, even with those of the winner
    for own in (A, other):
        named = CHAT.model_copy(update={"candidates": [own, without, B]})
        assert_outside(known, "variant A is not a candidate of the request", named)


def test_parameters_of_a_rule_apply_to_a_candidate_without_any() -> None:
    use = rule({"use": {"provider": "ollama", "model": "first", "parameters": {"temperature": 0}}})
    known = knowing([FIRST], rules=[use])
    for parameters, expected in ((None, {"temperature": 0}), ({"temperature": 1}, {"temperature": 1})):
        named = [VariantConfig(provider="ollama", model="first", parameters=parameters)]
        choice = choice_of(known, None, CHAT.model_copy(update={"candidates": named}))
        assert choice.chosen.parameters == expected


def test_a_request_is_in_no_test_if_the_budget_pays_for_one_variant_only() -> None:
    budget = Budget(UUID(int=1), "b", Decimal(1), Decimal("0.9"), Decimal("0.0921"), None)
    # when the remaining 0.0079 USD pay for A, but not for B
    choice = assert_outside(knowing([OF_B, OF_A]), "a budget cannot cover variant B", standing=[budget])
    assert (choice.chosen.key, choice.held) == (_key(A), Decimal("0.004"))
    # and when they pay for neither
    tight = replace(budget, limit=budget.limit - Decimal("0.004"))
    choice = assert_outside(knowing(), "a budget cannot cover variant A", standing=[tight])
    assert (choice.chosen.key, choice.held) == (("ollama", "first"), Decimal("0.002"))
    # and when they pay for both
    wide = replace(budget, limit=budget.limit + Decimal("0.0001"))
    choice = choice_of(knowing(), unit_of(running(), Variant.B), standing=[wide])
    assert (choice.chosen.key, choice.held, choice.propensity) == (_key(B), Decimal("0.008"), 0.75)


@pytest.mark.parametrize(
    ("preferences", "why"),
    [
        ({"blocked": ["other"]}, "variant B cannot serve the request: its provider is blocked"),
        (
            {"max_cost": Decimal(1)},
            "variant A cannot serve the request: its price is unknown, and the cost limit is 1 USD",
        ),
        ({"rules": [rule({"use": {"provider": "ollama", "model": "first"}})]}, "a rule names the model to use"),
        ({"priority": RoutingPriority.PRIVACY}, "the priority is PRIVACY, and a local model can serve the request"),
    ],
)
def test_outside_a_test_its_variants_are_not_additional_candidates(preferences: dict[str, Any], why: str) -> None:
    choice = assert_outside(knowing([FIRST], **preferences), why)
    assert [verdict.key for verdict in choice.candidates] == [("ollama", "first")]


def test_additional_variants_serve_nothing_if_a_budget_cannot_pay_for_both() -> None:
    # given 0.001 USD, which pay for gpt-4o-mini, but neither for gpt-4o nor for the registered model
    mini, large = (VariantConfig(provider="openai", model=name) for name in ("gpt-4o-mini", "gpt-4o"))
    known = replace(knowing([model("ollama", "first", Decimal(1_000))]), tests={"chat": running(mini, large)})
    asked = RouteRequest(task_type="chat", input_tokens=1_000, max_output_tokens=1_000)
    budget = Budget(UUID(int=1), "b", Decimal("0.001"), Decimal(0), Decimal(0), None)
    # when, then
    refused = choose(rank(asked, known, NOON, "u"), [budget])
    assert isinstance(refused, RouteRefused)
    assert [verdict.key for verdict in refused.candidates] == [("ollama", "first")]
    # while a budget for both admits either
    wide = replace(budget, limit=Decimal("0.02"))
    assert choice_of(known, "u", asked, [wide]).trial is not None


@pytest.mark.parametrize(
    ("task_types", "name"),
    [(["chat", None], "chat"), ([None, "chat"], "chat"), ([None, "ask"], "None"), (["ask"], None), ([], None)],
)
def test_a_test_of_a_task_type_takes_precedence_over_one_of_all(task_types: list[str | None], name: str | None) -> None:
    tests_ = {each: running(name=str(each), number=number) for number, each in enumerate(task_types)}
    choice = choice_of(replace(knowing(), tests=tests_), "u")
    assert (choice.trial and choice.trial.test.name) == name
    assert choice.notes == []


@pytest.mark.parametrize(("variant", "parameters"), [(Variant.A, {"temperature": 0}), (Variant.B, None)])
@pytest.mark.parametrize("own", [[FIRST, OF_A], [FIRST]])
def test_variants_that_differ_in_parameters_only_are_not_fallbacks_of_each_other(
    variant: Variant, parameters: dict[str, Any] | None, own: list[CatalogModel]
) -> None:
    test = running(A, VariantConfig(provider="Somebody", model="a"))
    choice = choice_of(replace(knowing(own), tests={"chat": test}), unit_of(test, variant))
    assert (choice.chosen.key, choice.chosen.parameters) == (_key(A), parameters)
    assert [verdict.key for verdict in choice.fallbacks] == [("ollama", "first")]
    assert [verdict.key for verdict in choice.candidates] == [_key(A), ("ollama", "first")]


def test_registered_models_have_the_listed_price_of_the_day_in_the_newest_list() -> None:
    # given a registered model without a price, whose listed price fell on 10 June 2025
    known = RoutingContext(own=[model("openai", "o3", None)])

    def price_at(moment: datetime) -> Decimal | None:
        [found] = known.own_at(moment).values()
        return found.prices.input_price

    june = datetime(2025, 6, 10, tzinfo=UTC)
    assert [price_at(june), price_at(june - timedelta(seconds=1)), price_at(june)] == [2, 10, 2]
    assert known.own_at(june) is known.own_at(june + timedelta(seconds=1))
    # when a new list lacks the model, then its price is unknown
    try:
        data_snapshot.set_custom_snapshot(data_snapshot.DataSnapshot([], from_auto_update=False))
        assert price_at(june) is None
    finally:
        data_snapshot.set_custom_snapshot(None)
    assert price_at(june) == 2


def test_an_estimate_uses_the_service_tier_and_is_unknown_without_a_price_for_it() -> None:
    candidates = [VariantConfig(provider="openai", model=name) for name in ("gpt-5-nano", "gpt-4-turbo")]
    asked = RouteRequest(
        task_type="chat",
        input_tokens=100_000,
        max_output_tokens=10_000,
        candidates=candidates,
        service_tier=ServiceTier.FLEX,
    )
    in_november = datetime(2026, 11, 20, tzinfo=UTC)

    ranking = rank(asked, RoutingContext(preferences=RoutingPreferences(max_cost=Decimal(1))), in_november)

    assert [(each.key[1], each.estimate) for each in ranking.eligible] == [("gpt-5-nano", Decimal("0.0045"))]
    assert [each.reason for each in ranking.others] == ["its price is unknown, and the cost limit is 1 USD"]
