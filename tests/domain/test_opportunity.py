"""Opportunities: figures by hand for each kind, silence on thin data, and what holds for all sums."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.ab_test import CreateABTest, VariantConfig
from domain.analytics import AnalyticsFilter
from domain.cost_alert import Window
from domain.inference import MINIMUM_CALLS, Metric
from domain.money import to_nano_dollars
from domain.opportunity import (
    MAX_OPPORTUNITIES,
    MINIMUM_DECISIONS,
    AlertUse,
    HourOfDay,
    Opportunity,
    OpportunityKind,
    RuleUse,
    Usage,
    find,
)

MARCH = Window(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 31, tzinfo=UTC))
ALERT = UUID("11111111-1111-4111-8111-111111111111")
MIXTURE = (-2 * math.log(0.05) + math.log(1 - 2 * math.log(0.05))) / 1_000


def usage(
    provider: str = "openai",
    model: str = "large",
    calls: int = 10_000,
    cost: str = "0.01",
    *,
    rate: float = 0.95,
    deviation: float = 0.5,
    tokens: int = 1_000,
    latency_ms: int = 500,
    task_type: str = "chat",
    **more: Any,
) -> Usage:
    """Calls that cost `cost` on average, and as often `deviation` of it more as less; latency likewise."""
    spread = 1 + deviation * deviation
    row = Usage(
        provider=provider,
        model=model,
        task_type=task_type,
        calls=calls,
        successes=round(calls * rate),
        priced=calls,
        cost=Decimal(cost) * calls,
        cost_sum_squares=calls * float(cost) ** 2 * spread,
        timed=calls,
        latency_sum_ms=calls * latency_ms,
        latency_sum_squares=calls * latency_ms**2 * spread,
        input_tokens=calls * tokens * 3 // 4,
        output_tokens=calls * tokens // 4,
    )
    return replace(row, **more)


def hour_of_day(
    hour: int, calls: int = 1_000, *, rate: float = 0.99, latency_ms: int = 500, provider: str = "openai"
) -> HourOfDay:
    return HourOfDay(
        provider, hour, calls, round(calls * rate), calls, calls * latency_ms, 1.25 * calls * latency_ms**2
    )


def look(
    rows: Sequence[Usage] = (),
    *,
    hours: Sequence[HourOfDay] = (),
    rules: Sequence[RuleUse] = (),
    decided: int = 0,
    alerts: Sequence[AlertUse] = (),
    preferred: Sequence[str] = (),
    window: Window = MARCH,
) -> list[Opportunity]:
    return find(rows, hours, rules, decided, alerts, preferred, window)


def the(found: Sequence[Opportunity], kind: OpportunityKind) -> Opportunity:
    [only] = [each for each in found if each.kind is kind]
    return only


def kinds(found: Sequence[Opportunity]) -> list[OpportunityKind]:
    return [each.kind for each in found]


def told(found: Opportunity) -> dict[str, str]:
    return {each.name: each.value for each in found.evidence}


def radius(variance: float, each: float, alpha: float = 0.05) -> float:
    """By the formula of `domain.inference.compare`, where an even split would need `each` calls of both."""
    x = MIXTURE * each
    return math.sqrt(variance * (1 + x) / x * (math.log(1 + x) - 2 * math.log(alpha)))


LARGE = usage()
SMALL = usage("mistral", "small", 5_000, "0.005")
# Two models that so few calls tell apart: the cheaper one never fails.
FEW_LARGE = usage(calls=100, rate=0.5)
FEW_SMALL = usage("mistral", "small", 100, "0.001", rate=1)


# CHEAPER_MODEL


def test_a_cheaper_model_by_hand() -> None:
    # Given: 10,000 calls at $0.005 or $0.015, and 5,000 at $0.0025 or $0.0075; 95 % of either succeed.
    # When
    found = the(look([LARGE, SMALL]), OpportunityKind.CHEAPER_MODEL)
    # Then: half a cent less, 10,000 times, in 30 days.
    own = 0.005**2 / 9_999 + 0.0025**2 / 4_999
    squares, total = 1.25 * (10_000 * 0.01**2 + 5_000 * 0.005**2), 125.0
    pooled = (squares - total**2 / 15_000) / 14_999 * (1 / 10_000 + 1 / 5_000)
    half = 10_000 * radius(max(own, pooled), 2 / (1 / 10_000 + 1 / 5_000))
    assert found.monthly_saving == Decimal(50)
    assert found.saving_low is not None
    assert found.saving_high is not None
    assert float(found.saving_low) == pytest.approx(50 - half)
    assert float(found.saving_high) == pytest.approx(50 + half)
    assert found.saving_low == to_nano_dollars(found.saving_low)
    assert found.calls == 10_000
    assert found.title == (
        "mistral small does chat for about $50.00 a month less than openai large, and succeeds about as often."
    )
    assert found.filter == AnalyticsFilter(
        from_=MARCH.start,
        to=MARCH.end,
        providers=["openai", "mistral"],
        models=["large", "small"],
        task_types=["chat"],
    )
    assert found.suggested_test == CreateABTest(
        test_name="chat: mistral small instead of openai large",
        task_type="chat",
        variant_a=VariantConfig(provider="openai", model="large"),
        variant_b=VariantConfig(provider="mistral", model="small"),
        primary_metric=Metric.SUCCESS_RATE,
        guardrails=[Metric.LATENCY],
    )
    evidence = told(found)
    assert evidence["Calls of openai large"] == "10,000, of which 95.0 % succeeded"
    assert evidence["Mean cost of a call of mistral small"] == "$0.005, over 5,000 calls"
    assert evidence["Mean tokens of a call of openai large"] == "1,000"
    assert evidence["Cost of a million tokens of openai large"] == "$10.00"
    assert evidence["Mean latency of openai large"] == "500 ms, over 10,000 calls"
    assert "from 2026-03-01 00:00 to 2026-03-31 00:00 UTC" in found.explanation
    assert "requests of different size may have gone to each" in found.explanation
    assert "not assigned by chance" in found.explanation
    assert "shorter than a week" not in found.explanation


def test_savings_are_scaled_to_30_days() -> None:
    # Given: the same calls in six days.
    window = Window(MARCH.start, MARCH.start + timedelta(days=6))
    # When
    found = the(look([LARGE, SMALL], window=window), OpportunityKind.CHEAPER_MODEL)
    # Then
    assert found.monthly_saving == Decimal(250)
    assert "shorter than a week" in found.explanation


def test_an_empty_range_says_nothing() -> None:
    assert look([LARGE, SMALL], window=Window(MARCH.start, MARCH.start)) == []


def test_100_calls_of_each_can_be_enough_and_99_never_are() -> None:
    assert kinds(look([FEW_LARGE, FEW_SMALL])) == [OpportunityKind.CHEAPER_MODEL]
    assert look([FEW_LARGE, replace(FEW_SMALL, calls=99, successes=99, priced=99)]) == []
    assert look([FEW_LARGE, replace(FEW_SMALL, priced=99)]) == []
    assert look([replace(FEW_LARGE, priced=99), FEW_SMALL]) == []


@pytest.mark.parametrize(("rate", "says"), [(0.96, True), (0.95, True), (0.92, False)])
def test_it_must_be_shown_to_succeed_as_often(rate: float, says: bool) -> None:
    assert bool(look([LARGE, usage("mistral", "small", 5_000, "0.005", rate=rate)])) is says


def test_the_margin_is_two_points() -> None:
    # Given: of both 4,950 in 5,000; the interval's lower end is the radius below 0.
    rate = 4_950.5 / 5_001
    variance = 2 * rate * (1 - rate) / 5_000
    assert radius(variance, 5_000) < 0.02
    # When, then
    assert look([usage(calls=5_000, rate=0.99), usage("mistral", "small", 5_000, "0.005", rate=0.99)])
    # Given: of 500 only, it is more than two points below.
    rate = 495.5 / 501
    assert radius(2 * rate * (1 - rate) / 500, 500) > 0.02
    # When, then
    assert not look([usage(calls=500, rate=0.99), usage("mistral", "small", 500, "0.005", rate=0.99)])


def test_it_must_be_shown_to_cost_less() -> None:
    assert look([LARGE, usage("mistral", "small", 5_000, "0.0098")]) == []
    assert look([LARGE, usage("mistral", "small", 5_000, "0.01")]) == []
    assert look([LARGE, usage("mistral", "small", 5_000, "0.02")]) == []


def test_only_what_is_called_less_is_recommended() -> None:
    assert look([usage(calls=5_000), usage("mistral", "small", 10_000, "0.005")]) == []
    # As often called: the dearer one is left.
    found = the(look([usage("mistral", "small", cost="0.005"), LARGE]), OpportunityKind.CHEAPER_MODEL)
    assert found.title.startswith("mistral small does chat")


def test_models_of_different_tasks_are_not_compared() -> None:
    assert look([LARGE, replace(SMALL, task_type="summary")]) == []


def test_only_the_best_of_several_is_named() -> None:
    # When
    found = look([LARGE, SMALL, usage("groq", "tiny", 4_000, "0.002")])
    # Then: one for what is called most, one for what is called second most.
    assert [each.title.split(" for ")[0] for each in found] == ["groq tiny does chat", "groq tiny does chat"]
    assert [each.calls for each in found] == [10_000, 5_000]
    assert [each.monthly_saving for each in found] == [Decimal(80), Decimal(15)]
    assert "at 95 % for all 3 pairs that were compared at once" in found[0].explanation


def test_many_pairs_ask_for_more() -> None:
    # Given: two models of which 2,500 calls just suffice.
    pair = [usage(calls=2_500), usage("mistral", "small", 2_500, "0.005")]
    rate = 2_375.5 / 2_501
    variance = 2 * rate * (1 - rate) / 2_500
    assert radius(variance, 2_500) < 0.02 < radius(variance, 2_500, 0.05 / 11)
    assert look(pair)
    # When: ten pairs of other tasks are looked at beside.
    others = [usage(provider, task_type=f"task {n}") for n in range(10) for provider in ("openai", "mistral")]
    # Then
    assert look([*pair, *others]) == []


def test_what_is_too_thin_to_compare_does_not_ask_for_more() -> None:
    # Given
    thin = [usage("groq", f"model {n}", 99) for n in range(50)]
    # When
    found = the(look([LARGE, SMALL, *thin]), OpportunityKind.CHEAPER_MODEL)
    # Then
    assert found == the(look([LARGE, SMALL]), OpportunityKind.CHEAPER_MODEL)
    assert "for all" not in found.explanation


def test_spellings_of_one_provider_are_one() -> None:
    # Given
    halves = [usage("OpenAI", calls=4_000), usage("openai", calls=6_000)]
    # When
    found = the(look([*halves, SMALL]), OpportunityKind.CHEAPER_MODEL)
    # Then
    assert found.monthly_saving == Decimal(50)
    assert found.filter.providers == ["openai", "OpenAI", "mistral"]
    assert found.id == the(look([LARGE, SMALL]), OpportunityKind.CHEAPER_MODEL).id


# CHEAPER_MODEL: requests of different size


def test_small_calls_count_as_if_they_were_as_large() -> None:
    # Given: three times fewer tokens, and $0.002 a call: $0.006 for calls as large as the others.
    other = usage("mistral", "small", 5_000, "0.002", tokens=400)
    now = usage(tokens=1_200)
    # When
    found = the(look([now, other]), OpportunityKind.CHEAPER_MODEL)
    # Then
    assert found.monthly_saving == Decimal(40)
    assert "Calls of openai large have 3.0 times the tokens of those of mistral small" in found.explanation
    assert "Cost of a call of openai large less that of mistral small, counted as equally large" in told(found)


def test_small_calls_that_cost_as_much_by_the_token_are_not_cheaper() -> None:
    # $10 a million tokens, either.
    assert look([LARGE, usage("mistral", "small", 5_000, "0.0025", tokens=250)]) == []
    assert look([LARGE, usage("mistral", "small", 5_000, "0.0024", tokens=240)]) == []
    # Twice the tokens are still compared by the call.
    assert look([LARGE, usage("mistral", "small", 5_000, "0.005", tokens=500)])


def test_calls_with_more_tokens_must_be_cheaper_as_they_are() -> None:
    # A model that answers at greater length costs what it costs, however cheap its tokens are.
    assert look([LARGE, usage("mistral", "wordy", 5_000, "0.02", tokens=8_000)]) == []
    found = the(look([LARGE, usage("mistral", "wordy", 5_000, "0.005", tokens=8_000)]), OpportunityKind.CHEAPER_MODEL)
    assert found.monthly_saving == Decimal(50)


def test_unknown_tokens() -> None:
    # Of both: said. Of one: the sizes may be anything.
    found = the(look([usage(tokens=0), replace(SMALL, input_tokens=0, output_tokens=0)]), OpportunityKind.CHEAPER_MODEL)
    assert "no tokens were reported" in found.explanation
    assert told(found)["Mean tokens of a call of openai large"] == "not reported"
    assert look([LARGE, replace(SMALL, input_tokens=0, output_tokens=0)]) == []
    assert look([usage(tokens=0), SMALL]) == []


def test_sums_of_squares_that_were_not_kept_tell_no_variance() -> None:
    assert look([replace(LARGE, cost_sum_squares=0.0), SMALL]) == []


def test_a_free_model_is_cheaper() -> None:
    found = the(look([LARGE, usage("ollama", "own", 5_000, "0")]), OpportunityKind.CHEAPER_MODEL)
    assert found.monthly_saving == Decimal(100)
    assert told(found)["Mean cost of a call of ollama own"] == "$0, over 5,000 calls"


def test_equal_models_hardly_ever_differ() -> None:
    # Given: five models that are one, looked at 200 times.
    chance = random.Random(7)
    deviation = 0.01

    def model(name: str) -> Usage:
        calls = chance.randint(5_000, 20_000)
        costs = chance.gauss(0.02, deviation / math.sqrt(calls))
        row = usage("openai", name, calls, f"{costs:.9f}")
        return replace(
            row,
            successes=round(chance.gauss(0.97 * calls, math.sqrt(0.97 * 0.03 * calls))),
            cost_sum_squares=calls * (costs**2 + deviation**2),
        )

    # When
    found = sum(bool(look([model(name) for name in "abcde"])) for _ in range(200))
    # Then: in at most 5 % of looks, were they the only ones; the intervals hold for many.
    assert found <= 2


# UNPROVEN_PREFERENCE


def test_an_unproven_preference_by_hand() -> None:
    # Given: the preferred provider is called less, costs twice as much, and is no better.
    rows = [usage(calls=5_000), usage("mistral", "small", cost="0.005"), usage("mistral", "tiny", 200, "0.005")]
    # When
    found = the(look(rows, preferred=["OpenAI"]), OpportunityKind.UNPROVEN_PREFERENCE)
    # Then
    assert found.monthly_saving == Decimal(25)
    assert found.saving_low is not None
    assert found.saving_high is not None
    own = 0.005**2 / 4_999 + 0.0025**2 / 10_199
    squares, total = 1.25 * (5_000 * 0.01**2 + 10_200 * 0.005**2), 101.0
    pooled = (squares - total**2 / 15_200) / 15_199 * (1 / 5_000 + 1 / 10_200)
    half = 5_000 * radius(max(own, pooled), 2 / (1 / 5_000 + 1 / 10_200))
    assert float(found.saving_low) == pytest.approx(25 - half)
    assert float(found.saving_high) == pytest.approx(25 + half)
    assert found.calls == 5_000
    assert found.title == (
        "You prefer openai and pay about $25.00 a month for it at chat, without a measured advantage over mistral."
    )
    assert found.filter == AnalyticsFilter(
        from_=MARCH.start, to=MARCH.end, providers=["openai", "mistral"], task_types=["chat"]
    )
    assert found.suggested_test == CreateABTest(
        test_name="chat: mistral instead of openai",
        task_type="chat",
        variant_a=VariantConfig(provider="openai", model="large"),
        variant_b=VariantConfig(provider="mistral", model="small"),
        primary_metric=Metric.COST,
        guardrails=[Metric.SUCCESS_RATE, Metric.LATENCY],
    )
    evidence = told(found)
    assert evidence["Mean latency of openai"] == "500 ms, over 5,000 calls"
    assert evidence["Mean latency of openai less that of mistral"].startswith("between -")


def test_a_preference_is_measured_by_100_calls_of_each() -> None:
    def unproven(*rows: Usage) -> bool:
        return OpportunityKind.UNPROVEN_PREFERENCE in kinds(look(rows, preferred=["openai"]))

    # Given: slower, less reliable and dearer, by little variance.
    now = replace(usage(calls=100, rate=0.5, latency_ms=1_000), latency_sum_squares=1.01 * 100 * 1_000**2)
    other = replace(FEW_SMALL, latency_sum_squares=1.01 * 100 * 500**2)
    assert unproven(now, other)
    assert not unproven(replace(now, calls=99, priced=99), other)
    assert not unproven(now, replace(other, calls=99, successes=99, priced=99))
    for thin_now, thin_other in ((replace(now, priced=99), other), (now, replace(other, priced=99))):
        assert not unproven(thin_now, thin_other)
    for thin_now, thin_other in ((replace(now, timed=99), other), (now, replace(other, timed=99))):
        assert not unproven(thin_now, thin_other)


@pytest.mark.parametrize(
    "better",
    [{"rate": 0.99}, {"latency_ms": 400}, {"latency_ms": 480, "deviation": 0.1}, {"cost": "0.005"}],
    ids=["success", "latency", "latency by little", "cost"],
)
def test_a_preference_with_an_advantage_is_left_alone(better: dict[str, Any]) -> None:
    assert look([usage(calls=5_000, **better), usage("mistral", "small", cost="0.005")], preferred=["openai"]) == []


def test_latency_must_be_known_well_enough() -> None:
    # Given: so varied that openai may well be a tenth quicker.
    rows = [usage(calls=5_000), usage("mistral", "small", cost="0.005")]
    varied = [replace(row, latency_sum_squares=50 * row.latency_sum_squares) for row in rows]
    # When, then
    assert look(rows, preferred=["openai"])
    assert look(varied, preferred=["openai"]) == []


def test_only_less_preferred_providers_are_compared() -> None:
    rows = [usage(calls=5_000), usage("mistral", "small", cost="0.005")]
    assert look(rows, preferred=["mistral", "openai"]) == []
    assert look(rows, preferred=["groq"]) == []
    assert kinds(look(rows, preferred=["openai", "mistral", "OPENAI"])) == [OpportunityKind.UNPROVEN_PREFERENCE]


# FAILING_HOURS and SLOW_HOURS


def test_failing_hours_by_hand() -> None:
    # Given: 20 % failures from 8 to 10, 1 % in the 22 other hours.
    rows = [hour_of_day(hour, rate=0.8 if hour in {8, 9} else 0.99) for hour in range(24)]
    # When
    [found] = look(hours=rows)
    # Then
    rest = (21_780.5 * 220.5) / 22_001**2
    bad = (1_600.5 * 400.5) / 2_001**2
    both = (23_380.5 * 620.5) / 24_001**2
    variance = max(rest / 22_000 + bad / 2_000, both * (1 / 22_000 + 1 / 2_000))
    half = radius(variance, 2 / (1 / 22_000 + 1 / 2_000), 0.05 / 24)
    assert found.kind is OpportunityKind.FAILING_HOURS
    assert found.title == (
        "openai fails more between 08:00 and 10:00 than at other hours: let a rule for these hours send calls elsewhere."
    )
    assert told(found) == {
        "Failures between 08:00 and 10:00": "20.0 % of 2,000 calls",
        "Failures at other hours": "1.0 % of 22,000 calls",
        "More failures": f"between {100 * (0.19 - half):+.1f} and {100 * (0.19 + half):+.1f} points",
    }
    assert "for all 24 hours of a provider that were compared at once (Bonferroni)" in found.explanation
    assert "hours from 8 to 10" in found.explanation
    assert found.calls == 2_000
    assert found.filter == AnalyticsFilter(from_=MARCH.start, to=MARCH.end, providers=["openai"])
    assert (found.monthly_saving, found.saving_low, found.saving_high, found.suggested_test) == (None, None, None, None)


def test_slow_hours_by_hand() -> None:
    # Given: 2 s around midnight, half a second in the 20 other hours; deviations are half of it.
    rows = [hour_of_day(hour, latency_ms=2_000 if hour in {22, 23, 0, 1} else 500) for hour in range(24)]
    # When
    [found] = look(hours=rows)
    # Then
    own = 1_000**2 / 3_999 + 250**2 / 19_999
    mean_square = 1.25 * (4_000 * 2_000**2 + 20_000 * 500**2)
    pooled = (mean_square - 18_000_000**2 / 24_000) / 23_999 * (1 / 4_000 + 1 / 20_000)
    half = radius(max(own, pooled), 2 / (1 / 4_000 + 1 / 20_000), 0.05 / 24)
    assert found.kind is OpportunityKind.SLOW_HOURS
    assert found.title.startswith("openai is slower between 22:00 and 02:00 than at other hours")
    assert told(found) == {
        "Mean latency between 22:00 and 02:00": "2,000 ms, over 4,000 calls",
        "Mean latency at other hours": "500 ms, over 20,000 calls",
        "Slower by": f"between {1_500 - half:+,.0f} and {1_500 + half:+,.0f} ms",
    }
    assert "hours from 22 to 2" in found.explanation


def test_the_last_hour_of_the_day_ends_at_24() -> None:
    rows = [hour_of_day(hour, rate=0.8 if hour == 23 else 0.99) for hour in range(24)]
    assert "hours from 23 to 24" in look(hours=rows)[0].explanation


def test_runs_of_hours_are_told_apart_and_providers_too() -> None:
    # Given
    rows = [hour_of_day(hour, rate=0.7 if hour in {3, 9} else 0.99) for hour in range(24)]
    rows += [hour_of_day(hour, rate=0.7 if hour == 3 else 0.99, provider="mistral") for hour in range(24)]
    # When
    found = look(hours=rows)
    # Then
    assert sorted(each.title.split(":")[0] for each in found) == [
        "mistral fails more between 03",
        "openai fails more between 03",
        "openai fails more between 09",
    ]
    assert len({each.id for each in found}) == 3


@pytest.mark.parametrize("calls_here", [100, 99])
@pytest.mark.parametrize("calls_elsewhere", [100, 99])
def test_hours_need_100_calls_and_100_others(calls_here: int, calls_elsewhere: int) -> None:
    # Given
    enough = min(calls_here, calls_elsewhere) == 100
    failing = [hour_of_day(8, calls_here, rate=0.5), hour_of_day(9, calls_elsewhere, rate=1)]
    slow = [hour_of_day(8, calls_here, latency_ms=3_000), hour_of_day(9, calls_elsewhere)]
    # When, then
    assert kinds(look(hours=failing)) == [OpportunityKind.FAILING_HOURS] * enough
    assert kinds(look(hours=slow)) == [OpportunityKind.SLOW_HOURS] * enough


def test_effects_that_do_not_matter_are_not_told() -> None:
    # Given: a million calls an hour, 4.9 or 5 points more failures; 1.4 or 1.5 times the latency.
    def with_first(**first: Any) -> list[HourOfDay]:
        return [hour_of_day(0, 1_000_000, **first), *(hour_of_day(hour, 1_000_000) for hour in range(1, 24))]

    # When, then
    assert look(hours=with_first(rate=0.941)) == []
    assert kinds(look(hours=with_first(rate=0.94))) == [OpportunityKind.FAILING_HOURS]
    assert look(hours=with_first(latency_ms=749)) == []
    assert kinds(look(hours=with_first(latency_ms=750))) == [OpportunityKind.SLOW_HOURS]
    # Better hours are no trouble.
    assert look(hours=with_first(rate=1, latency_ms=100)) == []


def test_many_hours_ask_for_more() -> None:
    # Given: 200 calls an hour, 5.5 points more failures than at the other hour.
    pair = [hour_of_day(8, 200, rate=0.88), hour_of_day(9, 200, rate=1)]
    assert kinds(look(hours=pair)) == [OpportunityKind.FAILING_HOURS]
    # When: a hundred other providers are looked at beside.
    others = [hour_of_day(hour, 200, rate=1, provider=f"p{n}") for n in range(100) for hour in (8, 9)]
    # Then
    assert look(hours=[*pair, *others]) == []


def test_hours_of_few_calls_do_not_ask_for_more() -> None:
    # Given
    pair = [hour_of_day(8, rate=0.5), hour_of_day(9)]
    thin = [hour_of_day(hour, 99, provider=f"p{n}") for n in range(50) for hour in (8, 9)]
    # When, then
    assert look(hours=[*pair, *thin]) == look(hours=pair) != []


# UNUSED_RULE and IDLE_ALERT


def test_an_unused_rule() -> None:
    # When
    [found] = look(rules=[RuleUse("nights", 0), RuleUse("days", 1)], decided=1_000)
    # Then
    assert found.kind is OpportunityKind.UNUSED_RULE
    assert found.title == ('The rule "nights" applied to none of 1,000 decisions: correct its condition, or delete it.')
    assert told(found) == {"Decisions": "1,000", "Decisions that the rule applied to": "0"}
    assert found.calls == 1_000
    assert found.filter == AnalyticsFilter(from_=MARCH.start, to=MARCH.end)
    assert found.monthly_saving is None


def test_999_decisions_say_nothing_of_a_rule() -> None:
    assert look(rules=[RuleUse("nights", 0)], decided=999) == []


def test_an_idle_alert() -> None:
    # When
    [found] = look(alerts=[AlertUse(ALERT, "Monthly", Decimal(100), 3, Decimal("19.99"))])
    # Then
    assert found.kind is OpportunityKind.IDLE_ALERT
    assert found.title == (
        'The alert "Monthly" never came near its threshold and will hardly warn in time: lower its threshold to $39.98.'
    )
    assert told(found) == {
        "Threshold": "$100.00",
        "Highest amount of a window": "$19.99, 20.0 % of the threshold",
        "Windows that ended": "3",
    }
    assert found.calls == 0
    assert found.monthly_saving is None


@pytest.mark.parametrize(("windows", "highest"), [(2, "1"), (3, "20"), (3, "100")])
def test_an_alert_of_few_windows_or_one_that_is_used_is_not_idle(windows: int, highest: str) -> None:
    assert look(alerts=[AlertUse(ALERT, "Monthly", Decimal(100), windows, Decimal(highest))]) == []


def test_an_alert_that_counted_nothing_has_no_better_threshold() -> None:
    [found] = look(alerts=[AlertUse(ALERT, "Monthly", Decimal(100), 3, Decimal(0))])
    assert found.title.endswith("nothing was spent that it counts.")


# The order, and the whole


def test_savings_come_first_and_then_what_is_about_more() -> None:
    # Given: one of each kind, and a greater saving at another task.
    rows = [
        LARGE,
        SMALL,
        usage(task_type="code", cost="0.1"),
        usage("mistral", "small", 5_000, "0.05", task_type="code"),
    ]
    hours = [hour_of_day(hour, rate=0.7 if hour == 3 else 0.99) for hour in range(24)]
    hours[9] = hour_of_day(9, 800, latency_ms=5_000)
    alerts = [AlertUse(ALERT, "Monthly", Decimal(100), 3, Decimal(1))]
    # When
    found = look(rows, hours=hours, rules=[RuleUse("nights", 0)], decided=5_000, alerts=alerts, preferred=["openai"])
    # Then
    assert [each.monthly_saving for each in found[:4]] == [Decimal(500), Decimal(500), Decimal(50), Decimal(50)]
    assert kinds(found)[4:] == [
        OpportunityKind.UNUSED_RULE,
        OpportunityKind.FAILING_HOURS,
        OpportunityKind.SLOW_HOURS,
        OpportunityKind.IDLE_ALERT,
    ]
    assert set(kinds(found[:4])) == {OpportunityKind.CHEAPER_MODEL, OpportunityKind.UNPROVEN_PREFERENCE}


def test_long_names_make_a_test_all_the_same() -> None:
    # Given
    rows = [
        replace(LARGE, provider="p" * 200, model="m" * 200, task_type="t" * 200),
        replace(SMALL, provider="q" * 200, model="n" * 200, task_type="t" * 200),
    ]
    # When, then
    [found] = look(rows)
    assert found.suggested_test is not None
    assert len(found.suggested_test.test_name) == 200


def test_at_most_50_are_told() -> None:
    rules = [RuleUse(f"rule {n}", 0) for n in range(60)]
    assert len(look(rules=rules, decided=1_000)) == MAX_OPPORTUNITIES == 50


# For all sums

# "openai" and "OpenAI" are one.
providers = st.sampled_from(["openai", "OpenAI", "mistral", "groq"])
COSTS = ["0", "0.001", "0.004", "0.01", "0.02"]


@st.composite
def usages(draw: st.DrawFn, least: int = 1, most: int = 20_000) -> Usage:
    return usage(
        draw(providers),
        draw(st.sampled_from(["large", "small"])),
        draw(st.integers(least, most)),
        draw(st.sampled_from(COSTS)),
        rate=draw(st.sampled_from([0.5, 0.95, 0.97, 1])),
        deviation=draw(st.sampled_from([0.0, 0.2, 1.0])),
        tokens=draw(st.sampled_from([0, 400, 1_000, 4_000])),
        latency_ms=draw(st.sampled_from([0, 500, 2_000])),
        task_type=draw(st.sampled_from(["chat", "code"])),
    )


@st.composite
def hours_of_day(draw: st.DrawFn, most: int = 20_000) -> HourOfDay:
    return hour_of_day(
        draw(st.integers(0, 23)),
        draw(st.integers(1, most)),
        rate=draw(st.sampled_from([0.5, 0.9, 1])),
        latency_ms=draw(st.sampled_from([0, 500, 2_000])),
        provider=draw(providers),
    )


alert_uses = st.builds(
    AlertUse,
    st.uuids(),
    st.just("Monthly"),
    st.integers(1, 10**6).map(Decimal),
    st.integers(0, 5),
    st.integers(0, 10**6).map(Decimal),
)
rule_uses = st.builds(RuleUse, st.sampled_from(["nights", "days"]), st.integers(0, 2))
windows = st.timedeltas(timedelta(hours=1), timedelta(days=400)).map(
    lambda length: Window(MARCH.start, MARCH.start + length)
)


@settings(deadline=None)
@given(
    st.lists(usages(), max_size=8),
    st.lists(hours_of_day(), max_size=8),
    st.lists(rule_uses, max_size=2),
    st.integers(0, 2_000),
    st.lists(alert_uses, max_size=3),
    st.lists(providers, max_size=2),
    windows,
    st.randoms(use_true_random=False),
)
def test_whatever_is_found(
    rows: list[Usage],
    hours: list[HourOfDay],
    rules: list[RuleUse],
    decided: int,
    alerts: list[AlertUse],
    preferred: list[str],
    window: Window,
    chance: random.Random,
) -> None:
    found = find(rows, hours, rules, decided, alerts, preferred, window)
    for each in found:
        if each.kind is OpportunityKind.UNUSED_RULE:
            assert each.calls == decided >= MINIMUM_DECISIONS
        elif each.kind is not OpportunityKind.IDLE_ALERT:
            assert each.calls >= MINIMUM_CALLS
        assert each.title.endswith(".")
        assert each.evidence
        assert (each.filter.from_, each.filter.to) == (window.start, window.end)
        amounts = (each.saving_low, each.monthly_saving, each.saving_high)
        if each.kind in {OpportunityKind.CHEAPER_MODEL, OpportunityKind.UNPROVEN_PREFERENCE}:
            low, saving, high = (amount or Decimal(0) for amount in amounts)
            assert 0 <= low <= saving <= high
            assert saving > 0
            assert each.suggested_test is not None
        else:
            assert amounts == (None, None, None)
            assert each.suggested_test is None
    # Sorted: by what is saved for sure, then by calls.
    savings = [each.saving_low for each in found if each.saving_low is not None]
    assert savings == sorted(savings, reverse=True)
    others = [each.calls for each in found if each.saving_low is None]
    assert others == sorted(others, reverse=True)
    assert all(each.saving_low is not None for each in found[: len(savings)])
    # Equal input, in whatever order, gives equal output.
    for listed in (rows, hours, alerts):
        chance.shuffle(listed)
    assert find(rows, hours, rules, decided, alerts, preferred, window) == found


@settings(deadline=None)
@given(
    st.lists(usages(most=30), max_size=3), st.lists(hours_of_day(most=30), max_size=3), st.lists(providers, max_size=2)
)
def test_thin_data_says_nothing(rows: list[Usage], hours: list[HourOfDay], preferred: list[str]) -> None:
    assert look(rows, hours=hours, rules=[RuleUse("nights", 0)], decided=999, preferred=preferred) == []


def scaled(row: Usage, times: int) -> Usage:
    return Usage(
        row.provider,
        row.model,
        row.task_type,
        row.calls * times,
        row.successes * times,
        row.priced * times,
        row.cost * times,
        row.cost_sum_squares * times,
        row.timed * times,
        row.latency_sum_ms * times,
        row.latency_sum_squares * times,
        row.input_tokens * times,
        row.output_tokens * times,
    )


def left(found: Sequence[Opportunity]) -> set[tuple[str | None, VariantConfig]]:
    """Which models there is a cheaper one for, at which tasks."""
    return {
        (each.suggested_test.task_type, each.suggested_test.variant_a)
        for each in found
        if each.kind is OpportunityKind.CHEAPER_MODEL and each.suggested_test
    }


@settings(deadline=None)
@given(st.lists(usages(least=100), min_size=2, max_size=6), st.integers(1, 50))
def test_more_of_the_same_calls_say_no_less(rows: list[Usage], times: int) -> None:
    assert left(look(rows)) <= left(look([scaled(row, times) for row in rows]))
