from __future__ import annotations

import hashlib
import math
from collections import Counter
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.ab_test import (
    Assignment,
    CreateABTest,
    PastCall,
    RunningTest,
    Variant,
    VariantConfig,
    VariantMetrics,
    assignment_of,
    likely_costs,
    unit_group,
    variant_of,
)
from domain.error import InvalidInput
from domain.inference import GROUPS
from domain.price import Prices, Rates, Step
from domain.provider import KNOWN_NAMES

GPT = {"provider": "openai", "model": "gpt-4o"}
CLAUDE = {"provider": "anthropic", "model": "claude-3-5-sonnet"}


def error_of(values: dict[str, Any]) -> InvalidInput:
    with pytest.raises(InvalidInput) as raised:
        CreateABTest.checked(values)
    return raised.value


def metrics(
    calls: int = 0, successes: int = 0, latency_count: int = 0, latency_sum_ms: int = 0, test_calls: int = 0
) -> VariantMetrics:
    return VariantMetrics(
        config=GPT,
        calls=calls,
        successes=successes,
        latency_count=latency_count,
        latency_sum_ms=latency_sum_ms,
        total_cost=Decimal("0.25"),
        test_calls=test_calls,
    )


# A new test


def test_a_test_compares_two_variants() -> None:
    test = CreateABTest.checked({"testName": " gpt or claude ", "variantA": GPT, "variantB": CLAUDE})

    assert test == CreateABTest(
        test_name="gpt or claude",
        task_type=None,
        variant_a=VariantConfig(provider="openai", model="gpt-4o", parameters=None),
        variant_b=VariantConfig(provider="anthropic", model="claude-3-5-sonnet", parameters=None),
    )


@pytest.mark.parametrize(
    "variant_b",
    [
        GPT | {"provider": "azure"},
        GPT | {"model": "gpt-4o-mini"},
        GPT | {"parameters": {"temperature": 0}},
        {"provider": "OpenAI", "model": "gpt-4o"},
    ],
)
def test_variants_may_differ_in_one_field(variant_b: dict[str, Any]) -> None:
    test = CreateABTest.checked({"testName": "t", "variantA": GPT, "variantB": variant_b})

    assert test.variant_b.model_dump(exclude_defaults=True) == variant_b


@pytest.mark.parametrize(
    ("variant_a", "variant_b"),
    [
        (GPT, GPT),
        (GPT, {"provider": " openai", "model": "gpt-4o "}),
        (GPT | {"parameters": {"a": 1, "b": 2}}, GPT | {"parameters": {"b": 2, "a": 1}}),
    ],
)
def test_a_variant_is_not_compared_with_itself(variant_a: dict[str, Any], variant_b: dict[str, Any]) -> None:
    raised = error_of({"testName": "t", "variantA": variant_a, "variantB": variant_b})

    assert raised.message == "variantB must differ from variantA in provider, model or parameters"
    assert raised.path == ["input"]


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({"testName": ""}, ["input", "testName"]),
        ({"taskType": "x" * 201}, ["input", "taskType"]),
        ({"variantA": {"provider": "openai"}}, ["input", "variantA", "model"]),
        ({"variantB": GPT | {"parameters": [1]}}, ["input", "variantB", "parameters"]),
        ({"variantB": GPT | {"weight": 1}}, ["input", "variantB", "weight"]),
    ],
)
def test_an_error_names_its_field(values: dict[str, Any], path: list[str]) -> None:
    good = {"testName": "t", "variantA": GPT, "variantB": CLAUDE}

    assert error_of(good | values).path == path


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("split", 0.0099, "Input should be greater than or equal to 0.01"),
        ("split", 0.9901, "Input should be less than or equal to 0.99"),
        ("split", float("nan"), "Input should be a finite number"),
        ("minimumRunHours", -1, "Input should be greater than or equal to 0"),
        ("minimumRunHours", 2161, "Input should be less than or equal to 2160"),
        ("costCap", 0, "must be more than 0 and at most 1000000000 USD"),
        ("costCap", "-0.01", "must be more than 0 and at most 1000000000 USD"),
    ],
)
def test_a_value_out_of_bounds_is_rejected(field: str, value: Any, why: str) -> None:
    raised = error_of({"testName": "t", "variantA": GPT, "variantB": CLAUDE, field: value})

    assert raised.message == f"{field}: {why}"
    assert raised.path == ["input", field]


@pytest.mark.parametrize(
    ("split", "hours", "cap"), [(0.01, 0, "0.000000001"), (0.99, 2160, "1000000000"), (0.5, 24, None)]
)
def test_the_bounds_themselves_are_accepted(split: float, hours: int, cap: str | None) -> None:
    given_values = {"split": split, "minimumRunHours": hours, "costCap": cap}

    test = CreateABTest.checked({"testName": "t", "variantA": GPT, "variantB": CLAUDE} | given_values)

    assert (test.split, test.minimum_run_hours, test.cost_cap) == (split, hours, cap and Decimal(cap))


# Assignment of units

ID = UUID("0198c0de-0000-7000-8000-000000000001")
OTHER_ID = UUID("0198c0de-0000-7000-8000-000000000002")
CRITICAL = 347.6
"""The quantile of chi-square with 255 degrees of freedom that one value in 10,000 exceeds."""

ids = st.uuids()
units = st.text(max_size=20)
splits = st.floats(0.01, 0.99)


@pytest.mark.parametrize(
    ("unit", "variant", "group"),
    [
        ("user-0", Variant.B, 109),
        ("user-1", Variant.B, 176),
        ("user-2", Variant.B, 7),
        ("user-3", Variant.A, 233),
        ("ü", Variant.A, 216),
        ("a b", Variant.A, 12),
        ("日本", Variant.B, 5),
        ("x" * 200, Variant.A, 69),
    ],
)
def test_a_unit_is_assigned_the_same_variant_in_every_process_and_version(
    unit: str, variant: Variant, group: int
) -> None:
    assert assignment_of(ID, unit, 0.5) == Assignment(variant, group)
    assert unit_group(ID, unit) == group


@given(ids, units, splits)
@settings(max_examples=300)
def test_64_bits_of_the_hash_give_the_variant_and_the_next_8_the_group(
    ab_test_id: UUID, unit: str, split: float
) -> None:
    digits = hashlib.sha256(b"\0".join([str(ab_test_id).encode(), unit.encode()])).hexdigest()
    share, group = Fraction(int(digits[:16], 16), 2**64), int(digits[16:18], 16)

    expected = Assignment(Variant.A if share < Fraction(split) else Variant.B, group)

    assert assignment_of(ab_test_id, unit, split) == expected
    assert unit_group(ab_test_id, unit) == group


@given(ids, units, splits, st.text(), st.permutations([GPT, CLAUDE]))
@settings(max_examples=200)
def test_the_variant_depends_only_on_the_test_id_the_unit_and_the_split(
    ab_test_id: UUID, unit: str, split: float, name: str, variants: list[dict[str, Any]]
) -> None:
    configs_ = dict(zip(Variant, map(VariantConfig.checked, variants), strict=True))
    running = RunningTest(ab_test_id, name, "chat", split, configs_)

    # independent of assignments in other tests before
    assignment_of(OTHER_ID, unit, 0.5)

    assert running.assign(unit) == assignment_of(ab_test_id, unit, split)


@given(ids, units, splits, splits)
@settings(max_examples=300)
def test_a_greater_split_only_moves_units_from_b_to_a(ab_test_id: UUID, unit: str, one: float, other: float) -> None:
    less, more = sorted((one, other))

    before, after = assignment_of(ab_test_id, unit, less), assignment_of(ab_test_id, unit, more)

    assert (before.variant, after.variant) != (Variant.A, Variant.B)
    assert before.unit_group == after.unit_group


def share_is_near(count: int, of: int, share: float) -> bool:
    """Whether the count is within four standard errors of its expected share."""
    return abs(count - of * share) < 4 * math.sqrt(of * share * (1 - share))


@pytest.mark.parametrize(("count", "split"), [(1_000_000, 0.5), (100_000, 0.9)])
def test_variants_and_groups_get_their_shares_independently(count: int, split: float) -> None:
    table = Counter(assignment_of(ID, f"user-{number}", split) for number in range(count))

    variants: Counter[Variant] = Counter()
    groups: Counter[int] = Counter()
    for (variant, group), cell in table.items():
        variants[variant] += cell
        groups[group] += cell
    assert share_is_near(variants[Variant.A], count, split)
    assert groups.keys() == set(range(GROUPS))
    usual = count / GROUPS
    assert sum((cell - usual) ** 2 / usual for cell in groups.values()) < CRITICAL
    expected = {Assignment(v, group): variants[v] * groups[group] / count for v in Variant for group in groups}
    assert sum((table[each] - usual) ** 2 / usual for each, usual in expected.items()) < CRITICAL


def test_two_tests_assign_independently() -> None:
    count = 100_000

    both = Counter(
        (assignment_of(ID, unit, 0.5).variant, assignment_of(OTHER_ID, unit, 0.5).variant)
        for unit in (f"user-{number}" for number in range(count))
    )

    assert len(both) == 4
    assert all(share_is_near(cell, count, 1 / 4) for cell in both.values())


# Likely costs of calls

IN_A_MILLION = PastCall(1_000_000, 0, None)
OUT_A_MILLION = PastCall(0, 1_000_000, None)


def rates(in_: int, out: int | None) -> Rates | None:
    return Rates.of([Step(-1, Prices(Decimal(in_), None if out is None else Decimal(out)))])


def test_a_past_call_costs_as_much_as_with_the_more_expensive_variant() -> None:
    assert likely_costs([IN_A_MILLION, OUT_A_MILLION], [rates(1, 4), rates(3, 2)]) == [Decimal(3), Decimal(4)]


@pytest.mark.parametrize(("recorded", "likely"), [("3.000000001", "3.000000001"), ("2.999999999", "3"), ("0", "3")])
def test_a_past_call_costs_its_recorded_cost_if_that_is_higher(recorded: str, likely: str) -> None:
    past = IN_A_MILLION._replace(cost=Decimal(recorded))

    assert likely_costs([past], [rates(1, 4), rates(3, 2)]) == [Decimal(likely)]


@pytest.mark.parametrize("tokens", [(None, None), (1_000_000, None), (None, 1_000_000)])
def test_a_past_call_without_tokens_or_cost_is_left_out(tokens: tuple[int | None, int | None]) -> None:
    unknown, recorded = PastCall(*tokens, cost=None), PastCall(*tokens, cost=Decimal("0.5"))

    assert likely_costs([unknown, IN_A_MILLION, recorded], [rates(1, 4)]) == [Decimal(1), Decimal("0.5")]


@pytest.mark.parametrize("past", [[], [PastCall(None, None, None)]])
def test_without_past_calls_large_calls_are_assumed(past: list[PastCall]) -> None:
    # 100,000 input tokens and 10,000 output tokens
    assert likely_costs(past, [rates(1, 4), rates(3, 15)]) == [Decimal("0.45")]


def test_a_variant_without_known_prices_is_ignored() -> None:
    recorded = IN_A_MILLION._replace(cost=Decimal("0.5"))

    assert likely_costs([recorded, OUT_A_MILLION], [None, None]) == [Decimal("0.5")]
    assert likely_costs([recorded, OUT_A_MILLION], [None, rates(1, 4)]) == [Decimal(1), Decimal(4)]
    # also for calls with output, if only the price of input is known
    assert likely_costs([recorded, OUT_A_MILLION], [rates(1, None)]) == [Decimal(1)]


@pytest.mark.parametrize("past", [[], [IN_A_MILLION]])
def test_without_known_prices_there_are_no_likely_costs(past: list[PastCall]) -> None:
    assert likely_costs(past, [None, None]) == []


# Figures of a variant


def test_before_the_first_call_all_rates_are_unknown() -> None:
    none_yet = metrics()

    assert none_yet.success_rate is None
    assert none_yet.avg_latency_ms is None
    assert none_yet.traffic_share is None


def test_rates_are_computed_from_the_sums() -> None:
    some = metrics(calls=8, successes=6, latency_count=4, latency_sum_ms=1001, test_calls=20)

    assert some.success_rate == 0.75
    assert some.avg_latency_ms == 250.25
    assert some.traffic_share == 0.4


def test_an_unknown_latency_does_not_count() -> None:
    assert metrics(calls=8, successes=8, latency_count=0).avg_latency_ms is None
    assert metrics(calls=8, successes=8, latency_count=1, latency_sum_ms=900).avg_latency_ms == 900.0


def test_only_failures_are_a_success_rate_of_0() -> None:
    assert metrics(calls=3, successes=0, test_calls=9).success_rate == 0.0


def test_sums_of_one_variant_do_not_affect_the_other() -> None:
    assert metrics(calls=0, test_calls=9).traffic_share == 0.0


# Attribution of calls

providers = st.sampled_from(["openai", "azure", "OpenAI"])
models = st.sampled_from(["gpt-4o", "gpt-4o-mini"])
configs = st.fixed_dictionaries({"provider": providers, "model": models, "parameters": st.none()})


@given(configs, configs, providers, models)
@settings(max_examples=300)
def test_a_call_counts_for_the_variant_with_its_provider_and_model(
    config_a: dict[str, Any], config_b: dict[str, Any], provider: str, model: str
) -> None:
    served_by = KNOWN_NAMES.key(provider, model)
    is_a = KNOWN_NAMES.key(config_a["provider"], config_a["model"]) == served_by
    is_b = KNOWN_NAMES.key(config_b["provider"], config_b["model"]) == served_by
    expected = {(True, False): Variant.A, (False, True): Variant.B}.get((is_a, is_b))

    assert variant_of(config_a, config_b, KNOWN_NAMES.key(provider, model), KNOWN_NAMES) is expected


@pytest.mark.parametrize(
    ("provider", "model", "variant"),
    [
        ("openai", "gpt-4o", Variant.A),
        ("anthropic", "claude-3-5-sonnet", Variant.B),
        ("openai", "claude-3-5-sonnet", None),
        ("anthropic", "gpt-4o", None),
        ("groq", "llama", None),
    ],
)
def test_a_call_of_neither_variant_counts_for_none(provider: str, model: str, variant: Variant | None) -> None:
    assert variant_of(GPT, CLAUDE, (provider, model), KNOWN_NAMES) is variant


def test_variants_that_differ_in_parameters_only_cannot_be_distinguished() -> None:
    assert variant_of(GPT | {"parameters": {"temperature": 0}}, GPT, ("openai", "gpt-4o"), KNOWN_NAMES) is None
