"""Opportunities: figures computed by hand for each kind, none on thin data, and properties of all sums."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ab_test import CreateABTest, VariantConfig
from domain.analytics import AnalyticsFilter
from domain.inference import MINIMUM_CALLS, Metric
from domain.money import to_nano_dollars
from domain.opportunity import (
    MAX_OPPORTUNITIES,
    AlertUse,
    HourOfDay,
    Opportunity,
    OpportunityKind,
    RuleUses,
    Usage,
    ended_windows,
    find,
)
from domain.opportunity.idle import MINIMUM_DECISIONS
from domain.summary import Sums
from domain.window import AlertPeriod, Window, window_at

MARCH = Window(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 31, tzinfo=UTC))
DAY = timedelta(days=1)
EVERYTHING = AnalyticsFilter()
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
    """The usage of calls with a mean cost of `cost`, half of them `deviation` above and half below; latency likewise."""
    spread = 1 + deviation * deviation
    sums = Sums(
        calls=calls,
        successes=round(calls * rate),
        priced=calls,
        total_cost=Decimal(cost) * calls,
        cost_sum_squares=calls * float(cost) ** 2 * spread,
        timed=calls,
        latency_sum_ms=calls * latency_ms,
        latency_sum_squares=calls * latency_ms**2 * spread,
        input_tokens=calls * tokens * 3 // 4,
        output_tokens=calls * tokens // 4,
    )
    return Usage(provider, model, task_type, replace(sums, **more))


def with_sums(row: Usage, **sums: Any) -> Usage:
    return replace(row, sums=replace(row.sums, **sums))


def hour_of_day(
    hour: int,
    calls: int = 1_000,
    *,
    rate: float = 0.99,
    latency_ms: int = 500,
    provider: str = "openai",
    days: int = 10,
    first_day: int = 1,
) -> list[HourOfDay]:
    """The calls at one hour of the day, spread evenly over the days."""

    def up_to(day: int, whole: int) -> int:
        return whole * day // days

    rows = []
    for day in range(days):
        of_day, failed = (up_to(day + 1, n) - up_to(day, n) for n in (calls, calls - round(calls * rate)))
        sums = Sums(
            calls=of_day,
            successes=of_day - failed,
            timed=of_day,
            latency_sum_ms=of_day * latency_ms,
            latency_sum_squares=1.25 * of_day * latency_ms**2,
        )
        rows.append(HourOfDay(provider, date(2026, 3, first_day + day), hour, sums))
    return rows


def day_of(hours: Iterable[tuple[int, dict[str, Any]]]) -> list[HourOfDay]:
    """The calls at these hours of the day."""
    return [row for hour, more in hours for row in hour_of_day(hour, **more)]


def used(decided: int = 1_000, *, window: Window = MARCH, last: datetime = MARCH.end - DAY, **applied: int) -> RuleUses:
    return RuleUses(window, last, decided, applied)


def find_in(
    rows: Sequence[Usage] = (),
    *,
    hours: Sequence[HourOfDay] = (),
    rules: RuleUses | None = None,
    alerts: Sequence[AlertUse] = (),
    preferred: Sequence[str] = (),
    asked: AnalyticsFilter = EVERYTHING,
    window: Window = MARCH,
) -> list[Opportunity]:
    return find(rows, hours, rules, alerts, preferred, asked, window)


def the(found: Sequence[Opportunity], kind: OpportunityKind) -> Opportunity:
    [only] = [each for each in found if each.kind is kind]
    return only


def kinds(found: Sequence[Opportunity]) -> list[OpportunityKind]:
    return [each.kind for each in found]


def evidence_of(found: Opportunity) -> dict[str, str]:
    return {each.name: each.value for each in found.evidence}


def radius(variance: float, each: float, alpha: float = 0.05) -> float:
    """The radius of the interval, by the formula of `domain.inference.compare` for an even split of `each` calls."""
    x = MIXTURE * each
    return math.sqrt(variance * (1 + x) / x * (math.log(1 + x) - 2 * math.log(alpha)))


LARGE = usage()
SMALL = usage("mistral", "small", 5_000, "0.005")
# Two models that few calls suffice to compare: the cheaper one never fails.
FEW_LARGE = usage(calls=100, rate=0.5)
FEW_SMALL = usage("mistral", "small", 100, "0.001", rate=1)


# CHEAPER_MODEL


def test_a_cheaper_model_by_hand() -> None:
    # Given: 10,000 calls at 0.005 or 0.015 USD, and 5,000 at 0.0025 or 0.0075 USD; 95 % of both succeed.
    # When
    found = the(find_in([LARGE, SMALL]), OpportunityKind.CHEAPER_MODEL)
    # Then: a saving of 0.005 USD for 10,000 calls in 30 days.
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
        "mistral small costs about $50.00 a month less than openai large at chat, with a similar success rate."
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
    evidence = evidence_of(found)
    assert evidence["Calls of openai large"] == "10,000, of which 95.0 % succeeded"
    assert evidence["Mean cost per call of mistral small"] == "$0.005, over 5,000 calls"
    assert evidence["Reported tokens per call of openai large"] == "1,000"
    assert evidence["Cost per million reported tokens of openai large"] == "$10.00"
    assert evidence["Mean latency of openai large"] == "500 ms, over 10,000 calls"
    assert "from 2026-03-01 00:00 to 2026-03-31 00:00 UTC" in found.explanation
    assert "calls of mistral small have at least as many reported tokens" in found.explanation
    assert "not assigned at random" in found.explanation
    assert "shorter than a week" not in found.explanation


def test_savings_are_scaled_to_30_days() -> None:
    # Given: the same calls in six days.
    window = Window(MARCH.start, MARCH.start + timedelta(days=6))
    # When
    found = the(find_in([LARGE, SMALL], window=window), OpportunityKind.CHEAPER_MODEL)
    # Then
    assert found.monthly_saving == Decimal(250)
    assert "shorter than a week" in found.explanation


def test_an_empty_time_range_has_no_opportunities() -> None:
    assert find_in([LARGE, SMALL], window=Window(MARCH.start, MARCH.start)) == []


def test_100_calls_of_each_can_be_enough_and_99_never_are() -> None:
    assert kinds(find_in([FEW_LARGE, FEW_SMALL])) == [OpportunityKind.CHEAPER_MODEL]
    assert find_in([FEW_LARGE, with_sums(FEW_SMALL, calls=99, successes=99, priced=99)]) == []
    assert find_in([FEW_LARGE, with_sums(FEW_SMALL, priced=99)]) == []
    assert find_in([with_sums(FEW_LARGE, priced=99), FEW_SMALL]) == []


@pytest.mark.parametrize(("rate", "says"), [(0.96, True), (0.95, True), (0.92, False)])
def test_a_cheaper_model_must_be_shown_to_succeed_as_often(rate: float, says: bool) -> None:
    assert bool(find_in([LARGE, usage("mistral", "small", 5_000, "0.005", rate=rate)])) is says


def test_the_margin_of_success_is_two_points() -> None:
    # Given: 4,950 successes in 5,000 calls of both; the lower end of the interval is the radius below 0.
    rate = 4_950.5 / 5_001
    variance = 2 * rate * (1 - rate) / 5_000
    assert radius(variance, 5_000) < 0.02
    # When, then
    assert find_in([usage(calls=5_000, rate=0.99), usage("mistral", "small", 5_000, "0.005", rate=0.99)])
    # Given: with only 500 calls, it is more than two points below.
    rate = 495.5 / 501
    assert radius(2 * rate * (1 - rate) / 500, 500) > 0.02
    # When, then
    assert not find_in([usage(calls=500, rate=0.99), usage("mistral", "small", 500, "0.005", rate=0.99)])


def test_a_cheaper_model_must_be_shown_to_cost_less() -> None:
    assert find_in([LARGE, usage("mistral", "small", 5_000, "0.0098")]) == []
    assert find_in([LARGE, usage("mistral", "small", 5_000, "0.01")]) == []


@pytest.mark.parametrize("calls", [2_500, 5_000, 10_000])
def test_a_model_that_is_called_more_is_recommended_too(calls: int) -> None:
    found = the(
        find_in([usage("mistral", "small", 10_000, "0.005"), usage(calls=calls)]), OpportunityKind.CHEAPER_MODEL
    )
    assert found.title.startswith("mistral small costs about ")
    assert " at chat, " in found.title
    assert (found.calls, found.monthly_saving) == (calls, Decimal("0.005") * calls)


def test_models_of_different_tasks_are_not_compared() -> None:
    assert find_in([LARGE, replace(SMALL, task_type="summary")]) == []


def test_only_the_best_of_several_is_named() -> None:
    # When
    found = find_in([LARGE, SMALL, usage("groq", "tiny", 4_000, "0.002")])
    # Then: one for the most called model, one for the second most called.
    assert [each.title.split(" about ")[0] for each in found] == ["groq tiny costs", "groq tiny costs"]
    assert all(" at chat, " in each.title for each in found)
    assert [each.calls for each in found] == [10_000, 5_000]
    assert [each.monthly_saving for each in found] == [Decimal(80), Decimal(15)]
    assert "at 95 % confidence for all 3 compared pairs together" in found[0].explanation


def test_more_pairs_require_more_evidence() -> None:
    # Given: two models for which 2,500 calls just suffice.
    pair = [usage(calls=2_500), usage("mistral", "small", 2_500, "0.005")]
    rate = 2_375.5 / 2_501
    variance = 2 * rate * (1 - rate) / 2_500
    assert radius(variance, 2_500) < 0.02 < radius(variance, 2_500, 0.05 / 11)
    assert find_in(pair)
    # When: ten pairs of other tasks are compared as well.
    others = [usage(provider, task_type=f"task {n}") for n in range(10) for provider in ("openai", "mistral")]
    # Then
    assert find_in([*pair, *others]) == []


def test_pairs_with_too_few_calls_do_not_raise_the_required_evidence() -> None:
    # Given
    thin = [usage("groq", f"model {n}", 99) for n in range(50)]
    # When
    found = the(find_in([LARGE, SMALL, *thin]), OpportunityKind.CHEAPER_MODEL)
    # Then
    assert found == the(find_in([LARGE, SMALL]), OpportunityKind.CHEAPER_MODEL)
    assert "for all" not in found.explanation


def test_spellings_of_one_provider_are_one() -> None:
    # Given
    halves = [usage("OpenAI", calls=4_000), usage("openai", calls=6_000)]
    # When
    found = the(find_in([*halves, SMALL]), OpportunityKind.CHEAPER_MODEL)
    # Then
    assert found.monthly_saving == Decimal(50)
    assert found.filter.providers == ["openai", "OpenAI", "mistral"]
    assert found.id == the(find_in([LARGE, SMALL]), OpportunityKind.CHEAPER_MODEL).id


# CHEAPER_MODEL: requests of different size


def test_costs_of_small_calls_are_scaled_to_the_size_of_large_ones() -> None:
    # Given: a third of the tokens at 0.002 USD a call: 0.006 USD for calls as large as the others.
    other = usage("mistral", "small", 5_000, "0.002", tokens=400)
    now = usage(tokens=1_200)
    # When
    found = the(find_in([now, other]), OpportunityKind.CHEAPER_MODEL)
    # Then
    assert found.monthly_saving == Decimal(40)
    assert "Calls of openai large have 3.00 times the tokens of calls of mistral small" in found.explanation
    assert "Cost per call of openai large minus that of mistral small, at equal tokens" in evidence_of(found)


def test_small_calls_at_the_same_price_per_token_are_not_cheaper() -> None:
    # 10 USD per million tokens for both.
    assert find_in([LARGE, usage("mistral", "small", 5_000, "0.0025", tokens=250)]) == []
    assert find_in([LARGE, usage("mistral", "small", 5_000, "0.0024", tokens=240)]) == []
    assert find_in([LARGE, usage("mistral", "small", 5_000, "0.005", tokens=500)]) == []
    assert find_in([LARGE, usage("mistral", "small", 5_000, "0.008", tokens=800)]) == []


def test_calls_with_more_tokens_are_compared_by_their_cost_per_call() -> None:
    # A model with longer answers is compared by its cost per call, even if its tokens are cheaper.
    assert find_in([LARGE, usage("mistral", "wordy", 5_000, "0.02", tokens=8_000)]) == []
    found = the(
        find_in([LARGE, usage("mistral", "wordy", 5_000, "0.005", tokens=8_000)]), OpportunityKind.CHEAPER_MODEL
    )
    assert found.monthly_saving == Decimal(50)


def test_unknown_token_counts() -> None:
    # Unknown for both: reported. Unknown for one: the sizes cannot be compared.
    found = the(
        find_in([usage(tokens=0), with_sums(SMALL, input_tokens=0, output_tokens=0)]), OpportunityKind.CHEAPER_MODEL
    )
    assert "no tokens were reported" in found.explanation
    assert evidence_of(found)["Reported tokens per call of openai large"] == "not reported"
    assert find_in([LARGE, with_sums(SMALL, input_tokens=0, output_tokens=0)]) == []
    assert find_in([usage(tokens=0), SMALL]) == []


def test_missing_sums_of_squares_give_no_variance() -> None:
    assert find_in([with_sums(LARGE, cost_sum_squares=0.0), SMALL]) == []


def test_a_free_model_is_cheaper() -> None:
    found = the(find_in([LARGE, usage("ollama", "own", 5_000, "0")]), OpportunityKind.CHEAPER_MODEL)
    assert found.monthly_saving == Decimal(100)
    assert evidence_of(found)["Mean cost per call of ollama own"] == "$0, over 5,000 calls"


def test_equal_models_rarely_differ() -> None:
    # Given: five equal models, compared 200 times.
    chance = random.Random(7)
    deviation = 0.01

    def model(name: str) -> Usage:
        calls = chance.randint(5_000, 20_000)
        costs = chance.gauss(0.02, deviation / math.sqrt(calls))
        row = usage("openai", name, calls, f"{costs:.9f}")
        return with_sums(
            row,
            successes=round(chance.gauss(0.97 * calls, math.sqrt(0.97 * 0.03 * calls))),
            cost_sum_squares=calls * (costs**2 + deviation**2),
        )

    # When
    found = sum(bool(find_in([model(name) for name in "abcde"])) for _ in range(200))
    # Then: at most 5 % of the comparisons find a difference; the intervals account for all of them.
    assert found <= 2


# UNPROVEN_PREFERENCE


def unproven(*rows: Usage, preferred: Sequence[str] = ("openai",)) -> bool:
    return OpportunityKind.UNPROVEN_PREFERENCE in kinds(find_in(rows, preferred=preferred))


def test_an_unproven_preference_by_hand() -> None:
    # Given: the preferred provider is called less, costs twice as much, and is no better.
    rows = [usage(calls=5_000), usage("mistral", "small", cost="0.005"), usage("mistral", "tiny", 200, "0.005")]
    # When
    found = the(find_in(rows, preferred=["OpenAI"]), OpportunityKind.UNPROVEN_PREFERENCE)
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
    evidence = evidence_of(found)
    assert evidence["Mean latency of openai"] == "500 ms, over 5,000 calls"
    assert evidence["Mean latency of openai minus that of mistral"].startswith("between -")


def test_a_preference_needs_100_calls_of_each() -> None:
    # Given: slower, less reliable and more expensive, with little variance.
    now = with_sums(usage(calls=100, rate=0.5, latency_ms=1_000), latency_sum_squares=1.01 * 100 * 1_000**2)
    other = with_sums(FEW_SMALL, latency_sum_squares=1.01 * 100 * 500**2)
    assert unproven(now, other)
    assert not unproven(with_sums(now, calls=99, priced=99), other)
    assert not unproven(now, with_sums(other, calls=99, successes=99, priced=99))
    for thin_now, thin_other in ((with_sums(now, priced=99), other), (now, with_sums(other, priced=99))):
        assert not unproven(thin_now, thin_other)
    for thin_now, thin_other in ((with_sums(now, timed=99), other), (now, with_sums(other, timed=99))):
        assert not unproven(thin_now, thin_other)


@pytest.mark.parametrize(
    "better",
    [{"rate": 0.99}, {"latency_ms": 400}, {"latency_ms": 480, "deviation": 0.1}, {"cost": "0.005"}],
    ids=["success", "latency", "latency by little", "cost"],
)
def test_a_preference_with_an_advantage_is_not_reported(better: dict[str, Any]) -> None:
    assert not unproven(usage(calls=5_000, **better), usage("mistral", "small", cost="0.005"))


def test_latency_must_be_known_well_enough() -> None:
    # Given: a variance so large that openai may be 10 % faster.
    rows = [usage(calls=5_000), usage("mistral", "small", cost="0.005")]
    varied = [with_sums(row, latency_sum_squares=50 * row.sums.latency_sum_squares) for row in rows]
    # When, then
    assert unproven(*rows)
    assert not unproven(*varied)


def test_only_less_preferred_providers_are_compared() -> None:
    rows = [usage(calls=5_000), usage("mistral", "small", cost="0.005")]
    assert not unproven(*rows, preferred=["mistral", "openai"])
    assert not unproven(*rows, preferred=["groq"])
    assert unproven(*rows, preferred=["openai", "mistral", "OPENAI"])


# FAILING_HOURS and SLOW_HOURS


def test_failing_hours_by_hand() -> None:
    # Given: 20 % failures from 8 to 10, 1 % in the 22 other hours.
    rows = day_of((hour, {"rate": 0.8 if hour in {8, 9} else 0.99}) for hour in range(24))
    # When
    [found] = find_in(hours=rows)
    # Then
    rest = (21_780.5 * 220.5) / 22_001**2
    bad = (1_600.5 * 400.5) / 2_001**2
    both = (23_380.5 * 620.5) / 24_001**2
    variance = max(rest / 22_000 + bad / 2_000, both * (1 / 22_000 + 1 / 2_000))
    half = radius(variance, 2 / (1 / 22_000 + 1 / 2_000), 0.05 / 24)
    assert found.kind is OpportunityKind.FAILING_HOURS
    assert found.title == (
        "openai fails more between 08:00 and 10:00 than at other hours: add a rule that uses another provider at these hours."
    )
    assert evidence_of(found) == {
        "Failures between 08:00 and 10:00": "20.0 % of 2,000 calls",
        "Failures at other hours": "1.0 % of 22,000 calls",
        "Difference in the failure rate": f"between {100 * (0.19 - half):+.1f} and {100 * (0.19 + half):+.1f} points",
        "Days on which it was worse": "10 of 10 with calls at these hours",
    }
    assert "for all 24 compared hours of a provider together (Bonferroni)" in found.explanation
    assert "hours from 8 to 10" in found.explanation
    assert found.calls == 2_000
    assert found.filter == AnalyticsFilter(from_=MARCH.start, to=MARCH.end, providers=["openai"])
    assert (found.monthly_saving, found.saving_low, found.saving_high, found.suggested_test) == (None, None, None, None)


def test_slow_hours_by_hand() -> None:
    # Given: 2 s around midnight and 0.5 s in the 20 other hours, with deviations of half the value.
    rows = day_of((hour, {"latency_ms": 2_000 if hour in {22, 23, 0, 1} else 500}) for hour in range(24))
    # When
    [found] = find_in(hours=rows)
    # Then
    own = 1_000**2 / 3_999 + 250**2 / 19_999
    mean_square = 1.25 * (4_000 * 2_000**2 + 20_000 * 500**2)
    pooled = (mean_square - 18_000_000**2 / 24_000) / 23_999 * (1 / 4_000 + 1 / 20_000)
    half = radius(max(own, pooled), 2 / (1 / 4_000 + 1 / 20_000), 0.05 / 24)
    assert found.kind is OpportunityKind.SLOW_HOURS
    assert found.title.startswith("openai is slower between 22:00 and 02:00 than at other hours")
    assert evidence_of(found) == {
        "Mean latency between 22:00 and 02:00": "2,000 ms, over 4,000 calls",
        "Mean latency at other hours": "500 ms, over 20,000 calls",
        "Difference in mean latency": f"between {1_500 - half:+,.0f} and {1_500 + half:+,.0f} ms",
        "Days on which it was worse": "10 of 10 with calls at these hours",
    }
    assert "hours from 22 to 2" in found.explanation


def test_the_last_hour_of_the_day_ends_at_24() -> None:
    rows = day_of((hour, {"rate": 0.8 if hour == 23 else 0.99}) for hour in range(24))
    assert "hours from 23 to 24" in find_in(hours=rows)[0].explanation


def test_runs_of_hours_and_providers_are_reported_separately() -> None:
    # Given
    rows = day_of((hour, {"rate": 0.7 if hour in {3, 9} else 0.99}) for hour in range(24))
    rows += day_of((hour, {"rate": 0.7 if hour == 3 else 0.99, "provider": "mistral"}) for hour in range(24))
    # When
    found = find_in(hours=rows)
    # Then
    assert sorted(each.title.split(":")[0] for each in found) == [
        "mistral fails more between 03",
        "openai fails more between 03",
        "openai fails more between 09",
    ]
    assert len({each.id for each in found}) == 3


@pytest.mark.parametrize("calls_here", [112, 99])
@pytest.mark.parametrize("calls_elsewhere", [112, 99])
def test_hours_need_100_calls_and_100_others(calls_here: int, calls_elsewhere: int) -> None:
    # Given: 112 calls, of which 100 are left without the worst day
    enough = min(calls_here, calls_elsewhere) >= 100
    failing = day_of([(8, {"calls": calls_here, "rate": 0.4}), (9, {"calls": calls_elsewhere, "rate": 1})])
    slow = day_of([(8, {"calls": calls_here, "latency_ms": 4_000}), (9, {"calls": calls_elsewhere})])
    # When, then
    assert kinds(find_in(hours=failing)) == [OpportunityKind.FAILING_HOURS] * enough
    assert kinds(find_in(hours=slow)) == [OpportunityKind.SLOW_HOURS] * enough


@pytest.mark.parametrize(
    ("worse", "days", "reported"),
    [(1, 1, None), (2, 2, None), (3, 3, "3 of 3"), (3, 20, None), (5, 20, None), (12, 20, "12 of 20")],
)
@pytest.mark.parametrize(
    ("how", "kind"),
    [({"rate": 0.2}, OpportunityKind.FAILING_HOURS), ({"latency_ms": 5_000}, OpportunityKind.SLOW_HOURS)],
)
def test_single_outages_are_not_failing_hours(
    how: dict[str, Any], kind: OpportunityKind, worse: int, days: int, reported: str | None
) -> None:
    # Given: an hour at which a provider was much worse on some days, and good on the others
    hours = day_of((hour, {"days": 20, "calls": 2_000}) for hour in range(24) if hour != 8)
    hours += hour_of_day(8, 300 * worse, days=worse, **how)
    if well := days - worse:
        hours += hour_of_day(8, 100 * well, days=well, first_day=1 + worse)
    # When
    found = find_in(hours=hours)
    # Then
    assert kinds(found) == [kind] * (reported is not None)
    assert [evidence_of(each)["Days on which it was worse"] for each in found] == [
        f"{reported} with calls at these hours"
    ] * len(found)


def test_outages_of_a_neighbouring_hour_do_not_extend_failing_hours() -> None:
    # Given: an hour that is bad every day, followed by one with calls on two days only, which all failed
    hours = day_of((hour, {"rate": 0.7 if hour == 8 else 1}) for hour in range(24) if hour != 9)
    hours += hour_of_day(9, 300, rate=0, days=2)
    # When
    [found] = find_in(hours=hours)
    # Then
    assert found.title.startswith("openai fails more between 08:00 and 09:00 than")


def test_random_outages_are_rarely_reported() -> None:
    # Given: 50 months of a provider with 20 outages of an hour each, at random hours
    chance = random.Random(7)

    def month() -> list[HourOfDay]:
        out = {(chance.randrange(24), chance.randrange(30)) for _ in range(20)}
        return [
            row
            for hour in range(24)
            for day in range(30)
            for row in hour_of_day(hour, 50, rate=0.2 if (hour, day) in out else 0.98, days=1, first_day=1 + day)
        ]

    # When, then
    assert sum(bool(find_in(hours=month())) for _ in range(50)) == 0


def test_hours_that_are_bad_only_with_their_worst_day_are_not_reported() -> None:
    # Given: three days with one failure too many in 20 calls, and one day on which all of 1,000 calls failed
    hours = day_of((hour, {"calls": 4_000, "rate": 1}) for hour in range(24) if hour != 8)
    hours += hour_of_day(8, 60, days=3, rate=0.95) + hour_of_day(8, 1_000, days=1, first_day=4, rate=0)
    # When, then
    assert find_in(hours=hours) == []


def test_irrelevant_effects_are_not_reported() -> None:
    # Given: a million calls an hour, 4.9 or 5 points more failures; 1.4 or 1.5 times the latency.
    def with_first(**first: Any) -> list[HourOfDay]:
        return day_of([(0, {"calls": 1_000_000} | first), *((hour, {"calls": 1_000_000}) for hour in range(1, 24))])

    # When, then
    assert find_in(hours=with_first(rate=0.941)) == []
    assert kinds(find_in(hours=with_first(rate=0.94))) == [OpportunityKind.FAILING_HOURS]
    assert find_in(hours=with_first(latency_ms=749)) == []
    assert kinds(find_in(hours=with_first(latency_ms=750))) == [OpportunityKind.SLOW_HOURS]
    # Better hours are not reported.
    assert find_in(hours=with_first(rate=1, latency_ms=100)) == []


def test_more_hours_require_more_evidence() -> None:
    # Given: 200 calls per hour, with 14 points more failures than at the other hour.
    pair = day_of([(8, {"calls": 200, "rate": 0.86}), (9, {"calls": 200, "rate": 1})])
    assert kinds(find_in(hours=pair)) == [OpportunityKind.FAILING_HOURS]
    # When: 100 other providers are analyzed as well.
    others = day_of((hour, {"calls": 200, "rate": 1, "provider": f"p{n}"}) for n in range(100) for hour in (8, 9))
    # Then
    assert find_in(hours=[*pair, *others]) == []


def test_hours_with_few_calls_do_not_raise_the_required_evidence() -> None:
    # Given
    pair = day_of([(8, {"rate": 0.5}), (9, {})])
    thin = day_of((hour, {"calls": 99, "provider": f"p{n}"}) for n in range(50) for hour in (8, 9))
    # When, then
    assert find_in(hours=[*pair, *thin]) == find_in(hours=pair) != []


# UNUSED_RULE and IDLE_ALERT


def test_an_unused_rule() -> None:
    # Given: routing decisions since the 20th
    since = Window(MARCH.start + 19 * DAY, MARCH.end)
    # When
    [found] = find_in(rules=used(nights=0, days=1, window=since))
    # Then
    assert found.kind is OpportunityKind.UNUSED_RULE
    assert found.title == (
        'The rule "nights" applied to none of 1,000 routing decisions: correct its condition or delete it.'
    )
    assert evidence_of(found) == {"Routing decisions": "1,000", "Routing decisions that the rule applied to": "0"}
    assert found.calls == 1_000
    assert found.filter == AnalyticsFilter(from_=since.start, to=since.end)
    assert "from 2026-03-20 00:00 to 2026-03-31 00:00 UTC" in found.explanation
    assert found.monthly_saving is None


def test_few_routing_decisions_or_days_are_no_evidence_about_a_rule() -> None:
    assert find_in(rules=used(999, nights=0)) == []
    week = MARCH.start + 7 * DAY
    assert find_in(rules=used(nights=0, last=week))
    assert find_in(rules=used(nights=0, last=week - timedelta(seconds=1))) == []


def test_an_idle_alert() -> None:
    # Given
    ended = Window(MARCH.start, MARCH.end - timedelta(days=3))
    # When
    [found] = find_in(alerts=[AlertUse(ALERT, "Monthly", Decimal(100), ended, Decimal("19.99"))])
    # Then
    assert found.kind is OpportunityKind.IDLE_ALERT
    assert found.title == (
        'The alert "Monthly" never came near its threshold and may not warn in time: lower its threshold to $39.98.'
    )
    assert evidence_of(found) == {
        "Threshold": "$100.00",
        "Highest spend of a window": "$19.99, 20.0 % of the threshold",
    }
    assert found.filter == AnalyticsFilter(from_=ended.start, to=ended.end)
    assert found.calls == 0
    assert found.monthly_saving is None


@pytest.mark.parametrize("highest", ["20", "100"])
def test_an_alert_that_is_used_is_not_idle(highest: str) -> None:
    assert find_in(alerts=[AlertUse(ALERT, "Monthly", Decimal(100), MARCH, Decimal(highest))]) == []


def test_no_threshold_is_suggested_for_an_alert_without_spend() -> None:
    [found] = find_in(alerts=[AlertUse(ALERT, "Monthly", Decimal(100), MARCH, Decimal(0))])
    assert found.title.endswith("it counted no spend.")


@pytest.mark.parametrize(
    ("hours", "ended"),
    [
        ((0.0, 72.0), (0, 72)),
        ((0.0, 71.9), None),
        # a window that is cut off at either end is not complete
        ((0.5, 96.0), (24, 96)),
        ((0.5, 95.9), None),
        ((0.0, 100.0), (0, 96)),
        ((24.0, 24 * 400.0), (24, 24 * 400)),
    ],
)
def test_an_idle_alert_needs_three_complete_ended_windows(
    hours: tuple[float, float], ended: tuple[int, int] | None
) -> None:
    within = Window(*(MARCH.start + timedelta(hours=each) for each in hours))
    found = ended_windows(lambda moment: window_at(AlertPeriod.DAILY, ZoneInfo("UTC"), moment), within)
    assert found == (ended and Window(*(MARCH.start + timedelta(hours=each) for each in ended)))


def test_the_filter_includes_the_requested_conditions() -> None:
    # Given
    test_id = UUID("22222222-2222-4222-8222-222222222222")
    asked = AnalyticsFilter(
        from_=MARCH.start, models=["large", "small"], task_types=["chat", "code"], ab_test_id=test_id
    )
    hours = day_of((hour, {"rate": 0.8 if hour == 8 else 0.99}) for hour in range(24))
    # When
    cheaper, failing = find_in([LARGE, SMALL], hours=hours, asked=asked)
    # Then
    assert failing.filter == AnalyticsFilter(
        from_=MARCH.start,
        to=MARCH.end,
        providers=["openai"],
        models=["large", "small"],
        task_types=["chat", "code"],
        ab_test_id=test_id,
    )
    assert (cheaper.filter.task_types, cheaper.filter.ab_test_id) == (["chat"], test_id)
    # And it is the same opportunity as without a filter
    assert [each.id for each in find_in([LARGE, SMALL], hours=hours)] == [cheaper.id, failing.id]


# The order, and the whole


def test_savings_come_first_then_opportunities_with_more_calls() -> None:
    # Given: one opportunity of each kind, and a greater saving at another task.
    rows = [
        LARGE,
        SMALL,
        usage(task_type="code", cost="0.1"),
        usage("mistral", "small", 5_000, "0.05", task_type="code"),
    ]
    hours = day_of(
        (hour, {"calls": 800, "latency_ms": 5_000} if hour == 9 else {"rate": 0.7 if hour == 3 else 0.99})
        for hour in range(24)
    )
    alerts = [AlertUse(ALERT, "Monthly", Decimal(100), MARCH, Decimal(1))]
    # When
    found = find_in(rows, hours=hours, rules=used(5_000, nights=0), alerts=alerts, preferred=["openai"])
    # Then
    assert [each.monthly_saving for each in found[:4]] == [Decimal(500), Decimal(500), Decimal(50), Decimal(50)]
    assert kinds(found)[4:] == [
        OpportunityKind.UNUSED_RULE,
        OpportunityKind.FAILING_HOURS,
        OpportunityKind.SLOW_HOURS,
        OpportunityKind.IDLE_ALERT,
    ]
    assert set(kinds(found[:4])) == {OpportunityKind.CHEAPER_MODEL, OpportunityKind.UNPROVEN_PREFERENCE}


def test_long_names_are_shortened_in_the_ab_test() -> None:
    # Given
    rows = [
        replace(LARGE, provider="p" * 200, model="m" * 200, task_type="t" * 200),
        replace(SMALL, provider="q" * 200, model="n" * 200, task_type="t" * 200),
    ]
    # When, then
    [found] = find_in(rows)
    assert found.suggested_test is not None
    assert len(found.suggested_test.test_name) == 200


def test_at_most_50_are_reported() -> None:
    rules = replace(used(), applied={f"rule {n}": 0 for n in range(60)})
    assert len(find_in(rules=rules)) == MAX_OPPORTUNITIES == 50


# For all sums

# "openai" and "OpenAI" are one provider.
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
def hours_of_day(draw: st.DrawFn, most: int = 20_000) -> list[HourOfDay]:
    return hour_of_day(
        draw(st.integers(0, 23)),
        draw(st.integers(1, most)),
        rate=draw(st.sampled_from([0.5, 0.9, 1])),
        latency_ms=draw(st.sampled_from([0, 500, 2_000])),
        provider=draw(providers),
        days=draw(st.integers(1, 5)),
    )


alert_uses = st.builds(
    AlertUse,
    st.uuids(),
    st.just("Monthly"),
    st.integers(1, 10**6).map(Decimal),
    st.just(MARCH),
    st.integers(0, 10**6).map(Decimal),
)
rule_uses = st.builds(
    RuleUses,
    st.just(MARCH),
    st.sampled_from([MARCH.start + 6 * DAY, MARCH.start + 8 * DAY]),
    st.integers(0, 2_000),
    st.dictionaries(st.sampled_from(["nights", "days"]), st.integers(0, 2)),
)
windows = st.timedeltas(timedelta(hours=1), timedelta(days=400)).map(
    lambda length: Window(MARCH.start, MARCH.start + length)
)


@given(
    st.lists(usages(), max_size=8, unique_by=lambda row: (row.provider, row.model, row.task_type)),
    st.lists(hours_of_day(), max_size=8).map(lambda each: [row for rows in each for row in rows]),
    st.none() | rule_uses,
    st.lists(alert_uses, max_size=3),
    st.lists(providers, max_size=2),
    windows,
    st.randoms(use_true_random=False),
)
def test_properties_of_all_opportunities(
    rows: list[Usage],
    hours: list[HourOfDay],
    rules: RuleUses | None,
    alerts: list[AlertUse],
    preferred: list[str],
    window: Window,
    chance: random.Random,
) -> None:
    found = find(rows, hours, rules, alerts, preferred, EVERYTHING, window)
    for each in found:
        if each.kind is OpportunityKind.UNUSED_RULE:
            assert rules is not None
            assert each.calls == rules.decided >= MINIMUM_DECISIONS
        elif each.kind is not OpportunityKind.IDLE_ALERT:
            assert each.calls >= MINIMUM_CALLS
        assert each.title.endswith(".")
        assert each.evidence
        own = {OpportunityKind.UNUSED_RULE, OpportunityKind.IDLE_ALERT}
        of = MARCH if each.kind in own else window
        assert (each.filter.from_, each.filter.to) == (of.start, of.end)
        amounts = (each.saving_low, each.monthly_saving, each.saving_high)
        if each.kind in {OpportunityKind.CHEAPER_MODEL, OpportunityKind.UNPROVEN_PREFERENCE}:
            low, saving, high = (amount or Decimal(0) for amount in amounts)
            assert 0 <= low <= saving <= high
            assert saving > 0
            assert each.suggested_test is not None
        else:
            assert amounts == (None, None, None)
            assert each.suggested_test is None
    # Sorted by the saving, then by calls.
    savings = [each.saving_low for each in found if each.saving_low is not None]
    assert savings == sorted(savings, reverse=True)
    others = [each.calls for each in found if each.saving_low is None]
    assert others == sorted(others, reverse=True)
    assert all(each.saving_low is not None for each in found[: len(savings)])
    # Equal input in any order gives equal output.
    for listed in (rows, hours, alerts):
        chance.shuffle(listed)
    assert find(rows, hours, rules, alerts, preferred, EVERYTHING, window) == found


@given(
    st.lists(usages(most=30), max_size=3),
    st.lists(hours_of_day(most=30), max_size=3).map(lambda each: [row for rows in each for row in rows]),
    st.lists(providers, max_size=2),
)
def test_thin_data_has_no_opportunities(rows: list[Usage], hours: list[HourOfDay], preferred: list[str]) -> None:
    assert find_in(rows, hours=hours, rules=used(999, nights=0), preferred=preferred) == []


def scaled(row: Usage, times: int) -> Usage:
    sums = Sums()
    for _ in range(times):
        sums.add(row.sums)
    return replace(row, sums=sums)


def left(found: Sequence[Opportunity]) -> set[tuple[str | None, VariantConfig]]:
    """The tasks and models for which a cheaper model is reported."""
    return {
        (each.suggested_test.task_type, each.suggested_test.variant_a)
        for each in found
        if each.kind is OpportunityKind.CHEAPER_MODEL and each.suggested_test
    }


@given(st.lists(usages(least=100), min_size=2, max_size=6), st.integers(1, 50))
def test_more_of_the_same_calls_report_at_least_as_much(rows: list[Usage], times: int) -> None:
    assert left(find_in(rows)) <= left(find_in([scaled(row, times) for row in rows]))
