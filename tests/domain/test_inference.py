"""A/B inference: figures computed by hand, properties of all sums, and the rate of false winners."""

from __future__ import annotations

import math
import random
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.inference import (
    GROUPS,
    Arm,
    Group,
    Metric,
    SampleSums,
    Verdict,
    calls_needed,
    capped_cost,
    compare,
    conclude,
    cost_cap,
    detectable_effect,
    log_latency,
    probability_better,
    sample_ratio_p_value,
)

SWAPPED = {Verdict.A_BETTER: Verdict.B_BETTER, Verdict.B_BETTER: Verdict.A_BETTER}
WINNERS = set(SWAPPED)


def sums_of(count: int, mean: float, deviation: float) -> SampleSums:
    return SampleSums(count, count * mean, count * (mean * mean + deviation * deviation))


nano_dollars = st.integers(0, 10**10)


@st.composite
def arms(draw: st.DrawFn, least: int = 0, most: int = 1_000_000) -> Arm:
    n = draw(st.integers(least, most))
    latency = sums_of(draw(st.integers(0, n)), draw(nano_dollars) * 1.5e-9, draw(nano_dollars) * 5e-10)
    cost = sums_of(draw(st.integers(0, n)), draw(nano_dollars) / 1e9, draw(nano_dollars) / 1e9)
    return Arm(n, draw(st.integers(0, n)), latency, cost)


metrics = st.sampled_from(Metric)


def success(n: int, successes: int) -> Arm:
    return Arm(n, successes)


def priced(n: int, mean: float, deviation: float) -> Arm:
    return Arm(n, n * 19 // 20, sums_of(n, math.log(1_000), 0.5), sums_of(n, mean, deviation))


def test_sums_of_values_add_up() -> None:
    both = SampleSums.of([1, 2]) + SampleSums.of([3])
    assert both == SampleSums(3, 6, 14)
    assert both.mean == 2
    assert both.variance == 1
    assert SampleSums().mean is None


def test_zero_ms_counts_as_one_and_costs_are_capped() -> None:
    assert (log_latency(0), log_latency(1), log_latency(1_000)) == (0, 0, math.log(1_000))
    assert capped_cost(Decimal(9_990), Decimal("0.5")) == 0.5
    assert capped_cost(Decimal("0.25"), Decimal("0.5")) == 0.25


def test_a_cap_is_three_times_the_99th_percentile() -> None:
    assert cost_cap([Decimal(cost) for cost in range(100, 0, -1)]) == Decimal(297)
    assert cost_cap([]) is None


def test_success_rates_by_hand() -> None:
    # 980 and 950 of 1,000. Pooled rate 1930.5 / 2001; x = 1000 times the mixture, tuned so that x = 7.936.
    x = -2 * math.log(0.05) + math.log(1 - 2 * math.log(0.05))
    own = (980.5 * 20.5 + 950.5 * 50.5) / 1_001**2 / 1_000
    pooled = 1930.5 * 70.5 / 2_001**2 * 2 / 1_000
    variance = max(own, pooled)
    radius = math.sqrt(variance * (1 + x) / x * (math.log(1 + x) + 2 * math.log(20)))
    comparison = compare(Metric.SUCCESS_RATE, success(1_000, 980), success(1_000, 950))
    assert x == pytest.approx(7.936, abs=1e-3)
    assert (comparison.value_a, comparison.value_b) == (0.98, 0.95)
    assert comparison.effect == pytest.approx(0.03)
    assert comparison.low == pytest.approx(0.03 - radius)
    assert comparison.high == pytest.approx(0.03 + radius)
    assert comparison.p_value == pytest.approx(math.sqrt(1 + x) * math.exp(-(0.03**2) * x / (2 * variance * (1 + x))))
    assert comparison.probability_a_better == pytest.approx(0.5 * math.erfc(-0.03 / math.sqrt(2 * variance)))
    assert comparison.verdict is Verdict.A_BETTER
    assert comparison.sentence.startswith(
        "A is better in success rate: 98.0 % of the calls of A succeed and 95.0 % of the calls of B; the "
    )


def test_latency_is_a_ratio_of_geometric_means_and_less_is_better() -> None:
    a = Arm(200, 200, latency=SampleSums.of([math.log(100), math.log(400)] * 100))
    b = Arm(200, 200, latency=SampleSums.of([math.log(200), math.log(800)] * 100))
    comparison = compare(Metric.LATENCY, a, b)
    assert comparison.value_a == pytest.approx(200)
    assert comparison.value_b == pytest.approx(400)
    assert comparison.effect == pytest.approx(0.5)
    assert comparison.low is not None
    assert comparison.high is not None
    assert comparison.low * comparison.high == pytest.approx(0.25)
    assert comparison.verdict is Verdict.A_BETTER


def test_equal_constants_do_not_differ_and_unequal_ones_do() -> None:
    tenths = SampleSums(1_000, sum([0.1] * 1_000), sum([0.1 * 0.1] * 1_000))
    more = SampleSums(3_000, sum([0.1] * 3_000), sum([0.1 * 0.1] * 3_000))
    assert compare(Metric.COST, Arm(1_000, 0, cost=tenths), Arm(3_000, 0, cost=more)).p_value == 1
    free = Arm(1_000, 0, cost=SampleSums(1_000))
    assert compare(Metric.COST, free, free).low == 0
    assert compare(Metric.COST, free, free).p_value == 1
    assert compare(Metric.COST, free, Arm(1_000, 0, cost=tenths)).verdict is Verdict.A_BETTER


@pytest.mark.parametrize("failures", range(8))
def test_a_few_failures_against_none_decide_nothing(failures: int) -> None:
    for n_a, n_b in ((100, 100), (100, 900), (900, 100), (5_000, 5_000)):
        comparison = compare(Metric.SUCCESS_RATE, success(n_a, n_a), success(n_b, n_b - failures))
        assert comparison.verdict is Verdict.NO_DIFFERENCE_YET


def test_one_extreme_cost_decides_nothing() -> None:
    usual = [0.01, 0.02, 0.03, 0.04] * 250
    odd = [*usual[1:], capped_cost(Decimal(9_990), Decimal("0.12"))]
    comparison = compare(Metric.COST, Arm(1_000, 0, cost=SampleSums.of(odd)), Arm(1_000, 0, cost=SampleSums.of(usual)))
    assert comparison.verdict is Verdict.NO_DIFFERENCE_YET
    # ... and masks nothing
    dearer = Arm(1_000, 0, cost=SampleSums.of([1.2 * cost for cost in usual]))
    assert compare(Metric.COST, Arm(1_000, 0, cost=SampleSums.of(odd)), dearer).verdict is Verdict.A_BETTER


@given(metrics, arms(), arms())
def test_swapping_the_arms_swaps_the_answer(metric: Metric, a: Arm, b: Arm) -> None:
    comparison, back = compare(metric, a, b), compare(metric, b, a)
    assert comparison.p_value == back.p_value
    assert back.verdict is SWAPPED.get(comparison.verdict, comparison.verdict)
    assert detectable_effect(metric, a, b) == detectable_effect(metric, b, a)
    if comparison.effect is not None:
        assert (back.effect, back.low, back.high) == (
            pytest.approx((1 / comparison.effect, 1 / (comparison.high or 1), 1 / (comparison.low or 1)))
            if metric is Metric.LATENCY
            else (-comparison.effect, -(comparison.high or 0), -(comparison.low or 0))
        )
        assert comparison.probability_a_better == pytest.approx(1 - (back.probability_a_better or 0))


@given(metrics, arms(), arms())
def test_the_p_value_is_in_range_and_agrees_with_the_interval(metric: Metric, a: Arm, b: Arm) -> None:
    comparison = compare(metric, a, b)
    assert 0 < comparison.p_value <= 1
    if comparison.low is not None and comparison.high is not None and abs(comparison.p_value - 0.05) > 1e-6:
        none = 1 if metric is Metric.LATENCY else 0
        assert (comparison.low <= none <= comparison.high) == (comparison.verdict is Verdict.NO_DIFFERENCE_YET)


@given(metrics, arms(most=99), arms())
def test_there_is_never_a_winner_below_the_minimum(metric: Metric, few: Arm, many: Arm) -> None:
    for comparison in (compare(metric, few, many), compare(metric, many, few)):
        assert (comparison.verdict, comparison.p_value, comparison.low) == (Verdict.NOT_ENOUGH_DATA, 1, None)
    assert conclude(few, many, primary=metric).verdict not in WINNERS


@given(st.integers(100, 10_000), st.integers(0, 100), st.integers(0, 100), st.integers(2, 50))
def test_intervals_shrink_with_calls(n: int, a: int, b: int, times: int) -> None:
    widths = []
    for calls in (100 * n, 100 * n * times):
        comparison = compare(Metric.SUCCESS_RATE, success(calls, calls * a // 100), success(calls, calls * b // 100))
        widths.append((comparison.high or 0) - (comparison.low or 0))
    assert widths[1] < widths[0]


def test_the_split_by_hand() -> None:
    # One call for A has the same probability under the mixture around one half as under one half.
    assert sample_ratio_p_value(1, 0, 0.5) == pytest.approx(1)
    # Two calls for A: (50 * 51) / (100 * 101), divided by 1/4, is 1.0099.
    assert sample_ratio_p_value(2, 0, 0.5) == pytest.approx(100 * 101 / (4 * 50 * 51))
    assert sample_ratio_p_value(5_000, 5_000, 0.5) == 1
    assert sample_ratio_p_value(5_300, 4_700, 0.5) < 0.0001
    assert sample_ratio_p_value(9_000, 1_000, 0.9) == 1
    assert sample_ratio_p_value(10**9, 0, 0.5) > 0
    with pytest.raises(ValueError, match="between 0 and 1"):
        sample_ratio_p_value(1, 1, 1)


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.floats(0.01, 0.99))
def test_the_split_is_symmetric_and_in_range(a: int, b: int, split: float) -> None:
    assert 0 < sample_ratio_p_value(a, b, split) <= 1
    assert sample_ratio_p_value(a, b, 0.5) == pytest.approx(sample_ratio_p_value(b, a, 0.5))


def test_probability_of_being_better() -> None:
    assert probability_better(0, 1) == 0.5
    assert probability_better(1.959964, 1) == pytest.approx(0.975)
    assert probability_better(0, 0) == 0.5


def test_calls_needed_and_detectable_effect_agree() -> None:
    a, b = priced(500, 0.02, 0.04), priced(500, 0.02, 0.04)
    for metric, effect in ((Metric.SUCCESS_RATE, 0.02), (Metric.LATENCY, 0.05), (Metric.COST, 0.1)):
        more = calls_needed(metric, a, b, effect)
        assert more is not None
        n = 500 + more // 2
        assert detectable_effect(metric, priced(n, 0.02, 0.04), priced(n, 0.02, 0.04)) == pytest.approx(
            effect, rel=0.01
        )
    least = detectable_effect(Metric.COST, a, b)
    assert least is not None
    assert calls_needed(Metric.COST, a, b, least * 1.001) == 0
    assert calls_needed(Metric.COST, success(0, 0), b, 0.1) is None
    assert detectable_effect(Metric.COST, success(0, 0), b) is None
    with pytest.raises(ValueError, match="above 0"):
        calls_needed(Metric.COST, a, b, 0)


def test_a_winner_needs_the_minimum_however_large_the_effect() -> None:
    assert calls_needed(Metric.SUCCESS_RATE, success(10, 10), success(10, 0), 1.0) == 180


def test_a_mismatch_comes_before_everything() -> None:
    conclusion = conclude(success(1_300, 1_300), success(700, 100))
    assert conclusion.verdict is Verdict.SAMPLE_RATIO_MISMATCH
    assert {each.verdict for each in conclusion.comparisons} == {Verdict.SAMPLE_RATIO_MISMATCH}
    assert conclusion.sentence.startswith("A received 65.0 % of the requests, where 50.0 % were configured")


def test_a_guardrail_withholds_the_winner() -> None:
    good_but_dear = Arm(1_000, 990, cost=sums_of(1_000, 0.2, 0.1))
    bad_but_cheap = Arm(1_000, 900, cost=sums_of(1_000, 0.1, 0.1))
    assert conclude(good_but_dear, bad_but_cheap).verdict is Verdict.A_BETTER
    conclusion = conclude(good_but_dear, bad_but_cheap, guardrails=[Metric.COST])
    assert conclusion.verdict is Verdict.NO_DIFFERENCE_YET
    assert conclusion.sentence.endswith("But A is worse in cost, so there is no winner.")
    conclusion = conclude(good_but_dear, bad_but_cheap, guardrails=[Metric.LATENCY, Metric.SUCCESS_RATE])
    assert conclusion.verdict is Verdict.A_BETTER
    assert conclusion.sentence.endswith("There are too few calls to compare latency.")


def alone(n: int, successes: int) -> Arm:
    """Sums of `n` calls, each of a different unit. `n` is a multiple of the number of groups, which are all alike."""
    calls, good = n // GROUPS, successes // GROUPS
    return Arm(n, successes, groups={group: Group(calls, calls, good) for group in range(GROUPS)})


def test_calls_of_different_units_are_compared_as_without_groups() -> None:
    a, b = alone(2_560, 2_560 - 256), alone(2_560, 2_560 - 512)
    comparison = compare(Metric.SUCCESS_RATE, a, b)
    assert a.units == math.inf
    assert comparison.design_effect == 1
    assert comparison == compare(Metric.SUCCESS_RATE, success(2_560, 2_304), success(2_560, 2_048))
    assert conclude(a, b).sample_ratio_p_value == 1


def test_the_design_effect_by_hand() -> None:
    # 100 units of A and of B, each in a separate group, with 10 calls each: 10 units of A and 30 of B always fail.
    def of(failing: int) -> Arm:
        groups = {unit: Group(10, 10, 0 if unit < failing else 10) for unit in range(100)}
        return Arm(1_000, 1_000 - 10 * failing, groups=groups)

    comparison = compare(Metric.SUCCESS_RATE, of(10), of(30))
    independent = (1_000 * 0.9 * 0.1 + 1_000 * 0.7 * 0.3) / 999 / 1_000
    between = 100 / 99 * 100 * (0.9 * 0.1 + 0.7 * 0.3) * 100 / 1_000**2
    assert comparison.design_effect == pytest.approx(between / independent)
    assert comparison.design_effect == pytest.approx(10, rel=0.02)
    assert comparison.verdict is Verdict.NO_DIFFERENCE_YET
    assert comparison.sentence.endswith(
        " Calls of one unit are correlated: 2000 calls are as informative as 198 independent ones."
    )
    # ... where independent calls would have decided
    assert compare(Metric.SUCCESS_RATE, success(1_000, 900), success(1_000, 700)).verdict is Verdict.A_BETTER


def test_units_are_counted_by_how_uneven_groups_are() -> None:
    chance = random.Random(1)
    for units in (20, 49, 60, 200):
        counts = [0] * GROUPS
        for _ in range(units):
            counts[chance.randrange(GROUPS)] += 10
        groups = {group: Group(calls, calls, calls) for group, calls in enumerate(counts) if calls}
        assert Arm(10 * units, 10 * units, groups=groups).units == pytest.approx(units, rel=0.3)


def test_too_few_units_give_no_figures() -> None:
    forty = Arm(10_000, 9_000, groups={unit: Group(250, 250, 225) for unit in range(40)})
    conclusion = conclude(forty, alone(2_560, 0), split=0.5)
    assert conclusion.verdict is Verdict.NOT_ENOUGH_DATA
    assert conclusion.sentence == (
        "Not enough units to compare success rate: the calls of A come from about 47 users or conversations, "
        "and 50 are needed."
    )
    assert conclusion.sample_ratio_p_value == 1


def test_repeated_units_are_not_a_sample_ratio_mismatch() -> None:
    # 120 units of A and 80 of B with 10 calls each: likely for 200 units, impossible for 2,000 independent calls
    a = Arm(1_200, 1_200, groups={unit: Group(10, 10, 10) for unit in range(120)})
    b = Arm(800, 800, groups={unit: Group(10, 10, 10) for unit in range(120, 200)})
    assert sample_ratio_p_value(a.n, b.n, 0.5) < 1e-10
    assert conclude(a, b).verdict is Verdict.NO_DIFFERENCE_YET
    # ... but a broken split is found
    assert conclude(alone(25_600, 25_600), alone(23_040, 23_040)).verdict is Verdict.SAMPLE_RATIO_MISMATCH


def test_a_small_variant_without_units_is_not_a_mismatch() -> None:
    # given 60 units of 30 calls each, of which one in 50 should be A's: none of them is
    b = Arm(1_800, 1_800, groups={unit: Group(30, 30, 30) for unit in range(60)})
    assert sample_ratio_p_value(0, b.n, 0.02) < 0.01
    assert conclude(Arm(0, 0), b, split=0.02).verdict is Verdict.NOT_ENOUGH_DATA
    # ... but that none of them is A's at 50/50 is found
    assert conclude(Arm(0, 0), b).verdict is Verdict.SAMPLE_RATIO_MISMATCH


def test_the_calls_needed_fit_the_api_or_are_unknown() -> None:
    comparison = compare(Metric.SUCCESS_RATE, success(100_000, 95_000), success(100_000, 95_001))
    assert (comparison.verdict, comparison.calls_needed) == (Verdict.NO_DIFFERENCE_YET, None)
    comparison = compare(Metric.SUCCESS_RATE, success(100_000, 95_000), success(100_000, 95_050))
    assert comparison.calls_needed is not None
    assert 10**6 < comparison.calls_needed < 2**31


@pytest.mark.parametrize("split", [0.5, 0.9])
@pytest.mark.parametrize("rate", [0.8, 0.97])
def test_equal_variants_rarely_get_a_winner_at_any_analysis(rate: float, split: float) -> None:
    decided = 0
    for seed in range(150):
        chance = random.Random(seed)
        counts = [0, 0, 0, 0]
        for calls in range(1, 3_001):
            variant = 0 if chance.random() < split else 2
            counts[variant] += 1
            counts[variant + 1] += chance.random() < rate
            if calls % 100 == 0:
                conclusion = conclude(success(counts[0], counts[1]), success(counts[2], counts[3]), split=split)
                if conclusion.verdict in WINNERS or conclusion.verdict is Verdict.SAMPLE_RATIO_MISMATCH:
                    decided += 1
                    break
    assert decided <= 9  # 6 % of 150; at most 5 % of one kind and 1 % of the other are expected
