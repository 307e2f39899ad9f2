from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.ab_test import CreateABTest, Variant, VariantConfig, VariantMetrics, variant_of
from domain.error import InvalidInput

GPT = {"provider": "openai", "model": "gpt-4o"}
CLAUDE = {"provider": "anthropic", "model": "claude-3-5-sonnet"}


def refusal_of(values: dict[str, Any]) -> InvalidInput:
    with pytest.raises(InvalidInput) as refusal:
        CreateABTest.checked(values)
    return refusal.value


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
def test_variants_may_differ_in_one_thing(variant_b: dict[str, Any]) -> None:
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
    refusal = refusal_of({"testName": "t", "variantA": variant_a, "variantB": variant_b})

    assert refusal.message == "variantB must differ from variantA in provider, model or parameters"
    assert refusal.path == ["input"]


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
def test_a_fault_is_named_by_its_field(values: dict[str, Any], path: list[str]) -> None:
    good = {"testName": "t", "variantA": GPT, "variantB": CLAUDE}

    assert refusal_of(good | values).path == path


# What a variant did


def test_before_the_first_call_nothing_is_known() -> None:
    none_yet = metrics()

    assert none_yet.success_rate is None
    assert none_yet.avg_latency_ms is None
    assert none_yet.traffic_share is None


def test_rates_are_those_of_the_sums() -> None:
    some = metrics(calls=8, successes=6, latency_count=4, latency_sum_ms=1001, test_calls=20)

    assert some.success_rate == 0.75
    assert some.avg_latency_ms == 250.25
    assert some.traffic_share == 0.4


def test_a_latency_that_is_not_known_does_not_count() -> None:
    assert metrics(calls=8, successes=8, latency_count=0).avg_latency_ms is None
    assert metrics(calls=8, successes=8, latency_count=1, latency_sum_ms=900).avg_latency_ms == 900.0


def test_failures_alone_are_a_rate_of_zero() -> None:
    assert metrics(calls=3, successes=0, test_calls=9).success_rate == 0.0


def test_a_variant_without_calls_has_no_share_of_the_others() -> None:
    assert metrics(calls=0, test_calls=9).traffic_share == 0.0


# Whose call it was

providers = st.sampled_from(["openai", "azure", "OpenAI"])
models = st.sampled_from(["gpt-4o", "gpt-4o-mini"])
configs = st.fixed_dictionaries({"provider": providers, "model": models, "parameters": st.none()})


@given(configs, configs, providers, models)
@settings(max_examples=300, deadline=None)
def test_a_call_is_of_the_one_variant_that_has_its_provider_and_model(
    config_a: dict[str, Any], config_b: dict[str, Any], provider: str, model: str
) -> None:
    is_a = config_a["provider"] == provider and config_a["model"] == model
    is_b = config_b["provider"] == provider and config_b["model"] == model
    expected = {(True, False): Variant.A, (False, True): Variant.B}.get((is_a, is_b))

    assert variant_of(config_a, config_b, provider, model) is expected


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
def test_a_call_to_neither_variant_is_of_none(provider: str, model: str, variant: Variant | None) -> None:
    assert variant_of(GPT, CLAUDE, provider, model) is variant


def test_variants_that_differ_in_parameters_alone_cannot_be_told_apart() -> None:
    assert variant_of(GPT | {"parameters": {"temperature": 0}}, GPT, "openai", "gpt-4o") is None
