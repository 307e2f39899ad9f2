from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.error import InvalidInput
from domain.preference import (
    RoutingPriority,
    RoutingRule,
    RuleAction,
    RuleCondition,
    SavePreferences,
    check_providers,
    in_both,
)


def rule(name: str = "r", when: dict[str, Any] | None = None, then: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"name": name, "when": when or {}, "then": then or {"priority": "COST"}}


def refusal_of(values: dict[str, Any]) -> InvalidInput:
    with pytest.raises(InvalidInput) as refusal:
        SavePreferences.checked(values)
    return refusal.value


def action_refused(values: dict[str, Any]) -> str:
    with pytest.raises(InvalidInput) as refusal:
        RuleAction.checked(values, ())
    return refusal.value.message


# What is set and what is cleared


def test_a_field_that_was_not_given_stays_as_it_is() -> None:
    assert SavePreferences.checked({}).changes() == {}


def test_every_field_given_is_set() -> None:
    changes = SavePreferences.checked(
        {
            "defaultPriority": "QUALITY",
            "maxCostPerRequest": "0.0500000004",
            "maxLatencyMs": 3000,
            "preferredProviders": ["OpenAI", "openai", "mistral"],
            "blockedProviders": ["groq"],
            "customRules": [],
            "costAlertThreshold": 5,
        }
    ).changes()

    assert changes == {
        "default_priority": RoutingPriority.QUALITY,
        "max_cost_per_request": Decimal("0.05"),
        "max_latency_ms": 3000,
        "preferred_providers": ["OpenAI", "mistral"],
        "blocked_providers": ["groq"],
        "custom_rules": [],
        "cost_alert_threshold": Decimal(5),
    }


def test_null_clears_a_field_to_its_default() -> None:
    fields = [
        "defaultPriority",
        "maxCostPerRequest",
        "maxLatencyMs",
        "preferredProviders",
        "blockedProviders",
        "customRules",
        "costAlertThreshold",
    ]

    changes = SavePreferences.checked(dict.fromkeys(fields)).changes()

    assert changes == {
        "default_priority": RoutingPriority.SPEED,
        "max_cost_per_request": None,
        "max_latency_ms": None,
        "preferred_providers": [],
        "blocked_providers": [],
        "custom_rules": [],
        "cost_alert_threshold": None,
    }


def test_a_cost_of_zero_is_a_limit_and_not_cleared() -> None:
    assert SavePreferences.checked({"maxCostPerRequest": 0}).changes() == {"max_cost_per_request": Decimal(0)}


def test_cleared_lists_are_not_shared() -> None:
    first = SavePreferences.checked({"preferredProviders": None}).changes()
    first["preferred_providers"].append("openai")

    assert SavePreferences.checked({"preferredProviders": None}).changes() == {"preferred_providers": []}


def test_rules_are_stored_without_what_was_not_said() -> None:
    given_rules = [
        rule(
            "big",
            when={"taskType": "chat", "inputTokensAbove": 5, "metadata": [{"key": "team", "oneOf": ["search"]}]},
            then={"use": {"provider": "openai", "model": "gpt-4o"}, "maxCost": "0.5", "block": ["groq", "GROQ"]},
        ),
        rule("cheap"),
    ]

    changes = SavePreferences.checked({"customRules": given_rules}).changes()

    assert changes == {
        "custom_rules": [
            {
                "name": "big",
                "when": {
                    "task_type": "chat",
                    "input_tokens_above": 5,
                    "metadata": [{"key": "team", "one_of": ["search"]}],
                },
                "then": {
                    "use": {"provider": "openai", "model": "gpt-4o"},
                    "block": ["groq"],
                    "max_cost": "0.500000000",
                },
            },
            {"name": "cheap", "when": {}, "then": {"priority": "COST"}},
        ]
    }


def test_stored_rules_read_back_as_they_were_given() -> None:
    given_rules = [
        rule("a", when={"inputTokensBelow": 9, "priority": "SPEED"}, then={"prefer": ["x"], "maxCost": 0}),
        rule("b", then={"use": {"provider": "p", "model": "m"}}),
    ]
    save = SavePreferences.checked({"customRules": given_rules})

    stored = save.changes()["custom_rules"]

    assert [RoutingRule.checked(each) for each in stored] == save.custom_rules


# Bounds


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("maxLatencyMs", 0, "Input should be greater than or equal to 1"),
        ("maxLatencyMs", 86_400_001, "Input should be less than or equal to 86400000"),
        ("maxCostPerRequest", "-0.01", "must be from 0 to 100000 USD"),
        ("costAlertThreshold", 0, "must be more than 0 and at most 1000000000 USD"),
        ("defaultPriority", "speed", "Input should be 'SPEED', 'COST', 'QUALITY' or 'PRIVACY'"),
        (
            "preferredProviders",
            [str(n) for n in range(101)],
            "List should have at most 100 items after validation, not 101",
        ),
    ],
)
def test_a_value_out_of_bounds_is_refused(field: str, value: Any, why: str) -> None:
    refusal = refusal_of({field: value})

    assert refusal.message == f"{field}: {why}"
    assert refusal.path == ["input", field]


def test_the_least_latency_limit_is_a_millisecond() -> None:
    assert SavePreferences.checked({"maxLatencyMs": 1}).changes() == {"max_latency_ms": 1}


def test_there_are_at_most_50_rules() -> None:
    fifty = [rule(f"r{n}") for n in range(50)]

    assert [each["name"] for each in SavePreferences.checked({"customRules": fifty}).changes()["custom_rules"]] == [
        f"r{n}" for n in range(50)
    ]
    assert refusal_of({"customRules": [*fifty, rule("r50")]}).message == (
        "customRules: List should have at most 50 items after validation, not 51"
    )


def test_two_rules_of_one_name_are_refused() -> None:
    refusal = refusal_of({"customRules": [rule("big"), rule("small"), rule(" big ")]})

    assert refusal.message == "customRules must have distinct names"
    assert refusal.path == ["input"]


def test_names_of_rules_differ_by_case() -> None:
    save = SavePreferences.checked({"customRules": [rule("big"), rule("Big")]})

    assert [each.name for each in save.custom_rules or []] == ["big", "Big"]


def test_a_fault_in_a_rule_is_named_by_its_place() -> None:
    refusal = refusal_of({"customRules": [rule("a"), rule("b", then={"maxCost": -1})]})

    assert refusal.message == "customRules.1.then.maxCost: must be from 0 to 100000 USD"
    assert refusal.path == ["input", "customRules", "1", "then", "maxCost"]


# Conditions


@given(st.integers(min_value=0, max_value=40), st.integers(min_value=0, max_value=40))
@settings(max_examples=200, deadline=None)
def test_a_token_range_holds_at_least_one_count(above: int, below: int) -> None:
    values = {"inputTokensAbove": above, "inputTokensBelow": below}

    if any(above < count < below for count in range(41)):
        condition = RuleCondition.checked(values)
        assert (condition.input_tokens_above, condition.input_tokens_below) == (above, below)
    else:
        with pytest.raises(InvalidInput) as refusal:
            RuleCondition.checked(values)
        assert refusal.value.message == "inputTokensBelow must leave room above inputTokensAbove"


@pytest.mark.parametrize("count", [0, 101])
def test_a_metadata_condition_has_1_to_100_values(count: int) -> None:
    with pytest.raises(InvalidInput) as refusal:
        RuleCondition.checked({"metadata": [{"key": "team", "oneOf": ["search"] * count}]})

    assert refusal.value.path == ["input", "metadata", "0", "oneOf"]


def test_a_condition_asks_for_at_most_20_keys_of_100_values() -> None:
    key = {"key": "team", "oneOf": ["search"] * 100}

    assert len(RuleCondition.checked({"metadata": [key] * 20}).metadata) == 20
    with pytest.raises(InvalidInput) as refusal:
        RuleCondition.checked({"metadata": [key] * 21})
    assert refusal.value.path == ["input", "metadata"]


# Actions


@pytest.mark.parametrize("nothing", [{}, {"use": None, "prefer": [], "block": [], "maxCost": None, "priority": None}])
def test_a_rule_that_does_nothing_is_refused(nothing: dict[str, Any]) -> None:
    assert action_refused(nothing) == "must say at least one of use, prefer, block, maxCost, priority"


@pytest.mark.parametrize(
    ("action", "taken"),
    [
        ({"use": {"provider": "p", "model": "m"}}, {"use": {"provider": "p", "model": "m"}}),
        ({"prefer": ["p"]}, {"prefer": ["p"]}),
        ({"block": ["p"]}, {"block": ["p"]}),
        ({"maxCost": 0}, {"max_cost": Decimal(0)}),
        ({"priority": "COST"}, {"priority": RoutingPriority.COST}),
    ],
)
def test_a_rule_may_do_one_thing_alone(action: dict[str, Any], taken: dict[str, Any]) -> None:
    assert RuleAction.checked(action).model_dump(exclude_defaults=True) == taken


def test_a_rule_does_not_prefer_what_it_blocks() -> None:
    assert action_refused({"prefer": ["a", "OpenAI"], "block": ["openai"]}) == "must not both prefer and block OpenAI"


# Preferred and blocked


@pytest.mark.parametrize(
    ("preferred", "blocked", "overlap"),
    [
        ([], [], None),
        (["a", "b"], ["c"], None),
        (["a"], [], None),
        ([], ["a"], None),
        (["a", "b"], ["b"], "b"),
        (["a", "OpenAI", "Groq"], ["GROQ", "openai"], "OpenAI"),
        (["straße"], ["STRASSE"], "straße"),
    ],
)
def test_the_first_name_in_both_lists_is_found_whatever_its_case(
    preferred: list[str], blocked: list[str], overlap: str | None
) -> None:
    assert in_both(preferred, blocked) == overlap


def test_a_provider_both_preferred_and_blocked_is_refused() -> None:
    with pytest.raises(InvalidInput) as refusal:
        check_providers(["mistral", "OpenAI"], ["openai"])

    assert refusal.value.message == (
        "blockedProviders: OpenAI is preferred too; a provider is either preferred or blocked"
    )
    assert refusal.value.path == ["input", "blockedProviders"]


def test_providers_that_are_one_or_the_other_pass() -> None:
    check_providers(["mistral"], ["openai"])
