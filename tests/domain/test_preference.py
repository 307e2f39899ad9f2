from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic_core import to_json

from domain.error import Conflict, InvalidInput
from domain.preference import (
    MAX_RULES,
    HourRange,
    RoutingPriority,
    RoutingRule,
    RuleAction,
    RuleCondition,
    RuleTarget,
    SavePreferences,
    as_stored,
    check_providers,
    in_both,
    too_long,
    with_winner,
)
from domain.provider import KNOWN_NAMES


def rule(name: str = "r", when: dict[str, Any] | None = None, then: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"name": name, "when": when or {}, "then": then or {"priority": "COST"}}


def error_of(values: dict[str, Any]) -> InvalidInput:
    with pytest.raises(InvalidInput) as raised:
        SavePreferences.checked(values)
    return raised.value


def action_error(values: dict[str, Any]) -> str:
    with pytest.raises(InvalidInput) as raised:
        RuleAction.checked(values, ())
    return raised.value.message


# Setting and clearing fields


def test_an_omitted_field_is_unchanged() -> None:
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


def test_rules_are_stored_without_omitted_fields() -> None:
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


def test_a_stored_condition_reads_back_with_all_its_fields() -> None:
    when = {
        "taskType": "chat",
        "priority": "COST",
        "inputTokensAbove": 1,
        "inputTokensBelow": 9,
        "maxOutputTokensAbove": 2,
        "maxOutputTokensBelow": 8,
        "metadata": [{"key": "team", "oneOf": ["search"]}],
        "hours": {"from": 22, "to": 6},
        "weekdays": ["SATURDAY", "SUNDAY"],
        "timeZone": "Europe/Berlin",
    }
    save = SavePreferences.checked({"customRules": [rule("night", when=when)]})

    [stored] = save.changes()["custom_rules"]

    assert stored["when"].keys() == RuleCondition.model_fields.keys()
    assert [RoutingRule.checked(stored)] == save.custom_rules


def test_a_stored_condition_without_hours_applies_at_any_time() -> None:
    condition = RoutingRule.checked({"name": "r", "when": {"task_type": "chat"}, "then": {"priority": "COST"}}).when

    assert (condition.hours, condition.weekdays, condition.time_zone) == (None, [], "UTC")
    assert all(condition.matches(**ASKED | {"at": NOON + hour * HOUR}) for hour in range(24 * 7))


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
def test_a_value_out_of_bounds_is_rejected(field: str, value: Any, why: str) -> None:
    raised = error_of({field: value})

    assert raised.message == f"{field}: {why}"
    assert raised.path == ["input", field]


def test_the_smallest_latency_limit_is_a_millisecond() -> None:
    assert SavePreferences.checked({"maxLatencyMs": 1}).changes() == {"max_latency_ms": 1}


def test_there_are_at_most_50_rules() -> None:
    fifty = [rule(f"r{n}") for n in range(50)]

    assert [each["name"] for each in SavePreferences.checked({"customRules": fifty}).changes()["custom_rules"]] == [
        f"r{n}" for n in range(50)
    ]
    assert error_of({"customRules": [*fifty, rule("r50")]}).message == (
        "customRules: List should have at most 50 items after validation, not 51"
    )


def test_two_rules_of_one_name_are_rejected() -> None:
    raised = error_of({"customRules": [rule("big"), rule("small"), rule(" big ")]})

    assert raised.message == "customRules must have distinct names"
    assert raised.path == ["input"]


def test_names_of_rules_differ_by_case() -> None:
    save = SavePreferences.checked({"customRules": [rule("big"), rule("Big")]})

    assert [each.name for each in save.custom_rules or []] == ["big", "Big"]


def test_an_error_in_a_rule_names_its_index() -> None:
    raised = error_of({"customRules": [rule("a"), rule("b", then={"maxCost": -1})]})

    assert raised.message == "customRules.1.then.maxCost: must be from 0 to 100000 USD"
    assert raised.path == ["input", "customRules", "1", "then", "maxCost"]


# Conditions


@given(st.integers(min_value=0, max_value=40), st.integers(min_value=0, max_value=40))
@settings(max_examples=200)
def test_a_token_range_contains_at_least_one_count(above: int, below: int) -> None:
    values = {"inputTokensAbove": above, "inputTokensBelow": below}

    if any(above < count < below for count in range(41)):
        condition = RuleCondition.checked(values)
        assert (condition.input_tokens_above, condition.input_tokens_below) == (above, below)
    else:
        with pytest.raises(InvalidInput) as raised:
            RuleCondition.checked(values)
        assert (
            raised.value.message == "inputTokensBelow must be at least inputTokensAbove + 2: no count matches otherwise"
        )


@pytest.mark.parametrize("count", [0, 101])
def test_a_metadata_condition_has_1_to_100_values(count: int) -> None:
    with pytest.raises(InvalidInput) as raised:
        RuleCondition.checked({"metadata": [{"key": "team", "oneOf": ["search"] * count}]})

    assert raised.value.path == ["input", "metadata", "0", "oneOf"]


def test_a_condition_has_at_most_20_keys_of_100_values() -> None:
    key = {"key": "team", "oneOf": ["search"] * 100}

    assert len(RuleCondition.checked({"metadata": [key] * 20}).metadata) == 20
    with pytest.raises(InvalidInput) as raised:
        RuleCondition.checked({"metadata": [key] * 21})
    assert raised.value.path == ["input", "metadata"]


# Actions


@pytest.mark.parametrize("nothing", [{}, {"use": None, "prefer": [], "block": [], "maxCost": None, "priority": None}])
def test_a_rule_without_an_action_is_rejected(nothing: dict[str, Any]) -> None:
    assert action_error(nothing) == "must have at least one of use, prefer, block, maxCost, priority"


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
def test_a_rule_may_have_a_single_action(action: dict[str, Any], taken: dict[str, Any]) -> None:
    assert RuleAction.checked(action).model_dump(exclude_defaults=True) == taken


def test_a_rule_cannot_prefer_and_block_one_provider() -> None:
    assert action_error({"prefer": ["a", "OpenAI"], "block": ["openai"]}) == "must not both prefer and block OpenAI"


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
    assert in_both(preferred, blocked, KNOWN_NAMES) == overlap


def test_a_provider_both_preferred_and_blocked_is_rejected() -> None:
    with pytest.raises(InvalidInput) as raised:
        check_providers(["mistral", "OpenAI"], ["openai"], KNOWN_NAMES)

    assert raised.value.message == (
        "blockedProviders: OpenAI is also in preferredProviders; remove it from one of the two"
    )
    assert raised.value.path == ["input", "blockedProviders"]


def test_providers_that_are_either_preferred_or_blocked_are_accepted() -> None:
    check_providers(["mistral"], ["openai"], KNOWN_NAMES)


# Evaluation of conditions


NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
"""A request on a Tuesday."""
HOUR = timedelta(hours=1)
ASKED: dict[str, Any] = {
    "task_type": "chat",
    "priority": RoutingPriority.COST,
    "input_tokens": 1000,
    "max_output_tokens": 500,
    "metadata": {"team": "search", "tier": 1, "beta": True, "share": 0.5, "deep": {"a": "search"}},
    "at": NOON,
}


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({}, True),
        ({"taskType": "chat"}, True),
        ({"taskType": "ask"}, False),
        ({"priority": "COST"}, True),
        ({"priority": "SPEED"}, False),
        ({"inputTokensAbove": 999}, True),
        ({"inputTokensAbove": 1000}, False),
        ({"inputTokensBelow": 1001}, True),
        ({"inputTokensBelow": 1000}, False),
        ({"maxOutputTokensAbove": 499, "maxOutputTokensBelow": 501}, True),
        ({"maxOutputTokensAbove": 500}, False),
        ({"maxOutputTokensBelow": 500}, False),
        ({"metadata": [{"key": "team", "oneOf": ["ads", "search"]}]}, True),
        ({"metadata": [{"key": "team", "oneOf": ["ads"]}]}, False),
        ({"metadata": [{"key": "tier", "oneOf": ["1"]}, {"key": "beta", "oneOf": ["true"]}]}, True),
        ({"metadata": [{"key": "tier", "oneOf": ["1"]}, {"key": "beta", "oneOf": ["false"]}]}, False),
        ({"metadata": [{"key": "share", "oneOf": ["0.5"]}]}, True),
        ({"metadata": [{"key": "deep", "oneOf": ["search"]}]}, False),
        ({"metadata": [{"key": "absent", "oneOf": ["null", "None"]}]}, False),
        ({"weekdays": ["MONDAY", "TUESDAY"]}, True),
        ({"weekdays": ["MONDAY"]}, False),
        ({"hours": {"from": 12, "to": 13}}, True),
        ({"hours": {"from": 11, "to": 12}}, False),
        ({"hours": {"from": 0, "to": 24}}, True),
        ({"hours": {"from": 22, "to": 6}}, False),
        ({"hours": {"from": 12, "to": 6}}, True),
        # Wednesday, 01:00, in Auckland
        ({"hours": {"from": 0, "to": 2}, "weekdays": ["WEDNESDAY"], "timeZone": "Pacific/Auckland"}, True),
        ({"weekdays": ["TUESDAY"], "timeZone": "Pacific/Auckland"}, False),
        ({"taskType": "chat", "inputTokensBelow": 10}, False),
    ],
)
def test_a_condition_applies_when_all_its_parts_do(condition: dict[str, Any], holds: bool) -> None:
    assert RuleCondition.checked(condition).matches(**ASKED) is holds


@pytest.mark.parametrize(
    "field", ["inputTokensAbove", "inputTokensBelow", "maxOutputTokensAbove", "maxOutputTokensBelow"]
)
def test_unknown_token_counts_are_neither_above_nor_below(field: str) -> None:
    unknown = ASKED | {"input_tokens": None, "max_output_tokens": None}
    assert not RuleCondition.checked({field: 1}).matches(**unknown)


@pytest.mark.parametrize(
    ("at", "holds"),
    [
        # on 29 March 2026, clocks in Berlin jump from 02:00 to 03:00: 00:59Z is 01:59, 01:00Z is 03:00
        (datetime(2026, 3, 29, 0, 59, tzinfo=UTC), False),
        (datetime(2026, 3, 29, 1, 0, tzinfo=UTC), True),
        (datetime(2026, 3, 29, 1, 59, tzinfo=UTC), True),
        (datetime(2026, 3, 29, 2, 0, tzinfo=UTC), False),
        # and on 25 October 02:00 occurs twice
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), False),
        (datetime(2026, 10, 25, 2, 30, tzinfo=UTC), True),
    ],
)
def test_hours_are_local_hours(at: datetime, holds: bool) -> None:
    condition = RuleCondition.checked({"hours": {"from": 3, "to": 4}, "timeZone": "Europe/Berlin"})
    assert condition.matches(**ASKED | {"at": at}) is holds


@given(hours=st.tuples(st.integers(0, 23), st.integers(1, 24)).filter(lambda both: both[0] != both[1]))
def test_a_range_of_hours_contains_the_hours_between_its_ends(hours: tuple[int, int]) -> None:
    start, end = hours
    range_ = HourRange.checked({"from": start, "to": end})
    assert sum(hour in range_ for hour in range(24)) == ((end - start) % 24 or 24)


@pytest.mark.parametrize(
    ("at", "holds"),
    [
        # 28 March 2026, an hour east of UTC
        (datetime(2026, 3, 28, 20, 59, 59, tzinfo=UTC), False),
        (datetime(2026, 3, 28, 21, 0, tzinfo=UTC), True),
        (datetime(2026, 3, 28, 23, 30, tzinfo=UTC), True),
        # 06:00 comes one hour earlier in UTC: the night is seven hours long
        (datetime(2026, 3, 29, 3, 59, 59, tzinfo=UTC), True),
        (datetime(2026, 3, 29, 4, 0, tzinfo=UTC), False),
        # 24 October, two hours east of UTC: the night is nine hours long
        (datetime(2026, 10, 24, 19, 59, 59, tzinfo=UTC), False),
        (datetime(2026, 10, 24, 20, 0, tzinfo=UTC), True),
        (datetime(2026, 10, 25, 4, 59, 59, tzinfo=UTC), True),
        (datetime(2026, 10, 25, 5, 0, tzinfo=UTC), False),
    ],
)
def test_a_night_ends_at_its_local_hour_when_clocks_change(at: datetime, holds: bool) -> None:
    condition = RuleCondition.checked({"hours": {"from": 22, "to": 6}, "timeZone": "Europe/Berlin"})
    assert condition.matches(**ASKED | {"at": at}) is holds


def test_the_day_of_the_week_is_that_of_the_hour_and_not_of_the_start_of_the_night() -> None:
    condition = RuleCondition.checked({"hours": {"from": 22, "to": 6}, "weekdays": ["TUESDAY"]})

    hours = [
        hour
        for hour in range(48)
        if condition.matches(**ASKED | {"at": datetime(2026, 3, 10, tzinfo=UTC) + hour * HOUR})
    ]

    assert hours == [0, 1, 2, 3, 4, 5, 22, 23]


_BOUNDS = st.none() | st.integers(0, 12)
_COUNTS = st.none() | st.integers(0, 12)


@given(above=_BOUNDS, below=_BOUNDS, count=_COUNTS, tokens=st.sampled_from(["input_tokens", "max_output_tokens"]))
@settings(max_examples=200)
def test_a_range_of_tokens_excludes_its_ends(
    above: int | None, below: int | None, count: int | None, tokens: str
) -> None:
    assume(above is None or below is None or above + 1 < below)
    condition = RuleCondition.checked({f"{tokens}_above": above, f"{tokens}_below": below})

    within = count is not None and count in range(0 if above is None else above + 1, 13 if below is None else below)

    assert condition.matches(**ASKED | {tokens: count}) is (within or above is below is None)


@given(value=st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False))
@settings(max_examples=200)
def test_numbers_and_booleans_are_compared_in_json_notation(value: bool | float) -> None:
    written = to_json(value).decode()
    asked = ASKED | {"metadata": {"key": value}}

    assert RuleCondition.checked({"metadata": [{"key": "key", "oneOf": ["other", written]}]}).matches(**asked)
    assert not RuleCondition.checked({"metadata": [{"key": "key", "oneOf": ["other", f"+{written}"]}]}).matches(**asked)


@pytest.mark.parametrize("value", [None, ["search"], {"a": "search"}, "Search", " search"])
def test_other_values_of_metadata_never_match(value: Any) -> None:
    condition = RuleCondition.checked({"metadata": [{"key": "team", "oneOf": ["search", "null", '["search"]']}]})
    assert not condition.matches(**ASKED | {"metadata": {"team": value}})


@pytest.mark.parametrize(
    ("condition", "path"),
    [
        ({"hours": {"from": 24, "to": 3}}, ["hours", "from"]),
        ({"hours": {"from": 3, "to": 0}}, ["hours", "to"]),
        ({"hours": {"from": 3, "to": 3}}, ["hours"]),
        ({"timeZone": "Mars/Olympus"}, ["timeZone"]),
        ({"weekdays": ["SOMEDAY"]}, ["weekdays", "0"]),
        ({"weekdays": ["MONDAY"] * 8}, ["weekdays"]),
        ({"maxOutputTokensAbove": -1}, ["maxOutputTokensAbove"]),
        ({"maxOutputTokensBelow": 1_000_000_001}, ["maxOutputTokensBelow"]),
        ({"maxOutputTokensAbove": 5, "maxOutputTokensBelow": 6}, None),
    ],
)
def test_a_condition_out_of_bounds_is_rejected_by_name(condition: dict[str, Any], path: list[str] | None) -> None:
    with pytest.raises(InvalidInput) as raised:
        RuleCondition.checked(condition, ())
    assert raised.value.path == path


# The winner of a test

WON = UUID("0198c0de-0000-7000-8000-000000000001")
EARLIER = UUID("0198c0de-0000-7000-8000-000000000002")
TARGET = RuleTarget(provider="openai", model="gpt-4o", parameters={"temperature": 0})


def rules_of(*given_rules: dict[str, Any]) -> list[RoutingRule]:
    return [RoutingRule.checked(each) for each in given_rules]


def winner_of(test_name: str, task_type: str | None, ab_test_id: UUID = EARLIER) -> dict[str, Any]:
    use = {"provider": "groq", "model": "llama"}
    return rule(f"Winner of {test_name}", {"taskType": task_type}, {"use": use}) | {"abTestId": str(ab_test_id)}


def won(rules: list[RoutingRule], task_type: str | None = "chat", test_name: str = "t") -> list[RoutingRule]:
    return with_winner(rules, ab_test_id=WON, test_name=test_name, task_type=task_type, winner=TARGET)


def names(rules: list[RoutingRule]) -> list[str]:
    return [each.name for each in rules]


@pytest.mark.parametrize("task_type", ["chat", None])
def test_a_winner_is_used_with_its_parameters_for_the_requests_of_its_test(task_type: str | None) -> None:
    [rules_after] = won([], task_type)

    assert rules_after == RoutingRule(
        name="Winner of t", when=RuleCondition(task_type=task_type), then=RuleAction(use=TARGET), ab_test_id=WON
    )
    assert rules_after.then.use is not None
    assert rules_after.then.use.parameters == {"temperature": 0}


@pytest.mark.parametrize("task_type", ["chat", None])
def test_rules_of_the_user_take_precedence_over_a_winner(task_type: str | None) -> None:
    # given rules for the same requests and for others, one of them with a model to use
    own = rules_of(
        rule("a", when={"taskType": "chat"}, then={"use": {"provider": "p", "model": "m"}}),
        rule("b"),
        rule("c", when={"taskType": "ask"}),
    )

    rules_after = won(own, task_type)

    assert rules_after[:3] == own
    assert names(rules_after) == ["a", "b", "c", "Winner of t"]


@pytest.mark.parametrize(
    ("task_type", "left"),
    [
        ("chat", ["own", "Winner of asking", "Winner of t", "Winner of all"]),
        ("ask", ["own", "Winner of chatting", "Winner of t", "Winner of all"]),
        ("sum", ["own", "Winner of chatting", "Winner of asking", "Winner of t", "Winner of all"]),
        (None, ["own", "Winner of chatting", "Winner of asking", "Winner of t"]),
    ],
)
def test_a_winner_replaces_only_the_earlier_winner_of_its_requests(task_type: str | None, left: list[str]) -> None:
    earlier = rules_of(
        rule("own", when={"taskType": "chat"}),
        winner_of("chatting", "chat"),
        winner_of("asking", "ask"),
        winner_of("all", None),
    )

    assert names(won(earlier, task_type)) == left


def test_a_rule_with_more_conditions_than_a_task_type_is_not_an_earlier_winner() -> None:
    [changed] = rules_of(winner_of("chatting", "chat") | {"when": {"taskType": "chat", "priority": "COST"}})

    assert names(won([changed])) == ["Winner of chatting", "Winner of t"]


def test_a_winner_of_one_task_type_takes_precedence_over_one_of_all_in_any_order() -> None:
    own = rules_of(rule("own"), rule("all of mine", then={"use": {"provider": "p", "model": "m"}}))

    one_first = with_winner(won(own), ab_test_id=EARLIER, test_name="all", task_type=None, winner=TARGET)
    all_first = won(with_winner(own, ab_test_id=EARLIER, test_name="all", task_type=None, winner=TARGET))

    assert names(one_first) == ["own", "all of mine", "Winner of t", "Winner of all"]
    assert all_first == one_first


@pytest.mark.parametrize(
    ("test_name", "name"),
    [
        ("x" * 190, "Winner of " + "x" * 190),
        ("x" * 191, f"Winner of {'x' * 100} ({WON})"),
        ("x" * 200, f"Winner of {'x' * 100} ({WON})"),
        ("taken", f"Winner of taken ({WON})"),
        ("Taken", "Winner of Taken"),
    ],
)
def test_a_duplicate_or_long_rule_name_includes_the_id_of_the_test(test_name: str, name: str) -> None:
    own = rules_of(rule("Winner of taken"))

    rules_after = won(own, test_name=test_name)

    assert names(rules_after) == ["Winner of taken", name]
    assert len(name) <= 200


def test_the_name_of_a_replaced_winner_can_be_used_again() -> None:
    assert names(won(rules_of(winner_of("t", "chat")))) == ["Winner of t"]


@pytest.mark.parametrize(
    "full",
    [
        [rule(f"r{number}") for number in range(MAX_RULES)],
        # few rules, but of 64 KB
        [
            rule(f"r{number}", then={"use": {"provider": "p", "model": "m", "parameters": {"text": "x" * 16_000}}})
            for number in range(4)
        ],
    ],
    ids=["of 50 rules", "of 64 KB"],
)
def test_full_preferences_have_no_room_for_a_winner(full: list[dict[str, Any]]) -> None:
    rules = rules_of(*full)
    winner = TARGET.model_copy(update={"parameters": {"text": "x" * 2_000}})

    with pytest.raises(Conflict) as raised:
        with_winner(rules, ab_test_id=WON, test_name="t", task_type=None, winner=winner)

    assert raised.value.path == ["winner"]
    assert raised.value.message == (
        "winner: your preferences cannot store the rule that makes the winner the default: the limit is 50 rules and 65536 bytes; "
        "delete a rule, or end the test without a winner"
    )
    assert not too_long(rules)
    assert rules == rules_of(*full)


@pytest.mark.parametrize("task_type", ["chat", None])
def test_a_winner_can_replace_another_in_full_preferences(task_type: str | None) -> None:
    full = rules_of(*(rule(f"r{number}") for number in range(MAX_RULES - 1)), winner_of("s", task_type))

    rules_after = won(full, task_type)

    assert rules_after[:-1] == full[:-1]
    assert rules_after[-1].ab_test_id == WON


task_types = st.sampled_from([None, "chat", "ask"])
test_names = st.sampled_from(["t", "x" * 190, "x" * 191, "x" * 200, "ü" * 200, '"' * 200])
stored_rule_lists = st.lists(
    st.builds(rule, test_names.map(lambda name: f"Winner of {name}"[:200]), st.just({"hours": {"from": 22, "to": 6}}))
    | st.builds(winner_of, st.sampled_from(["t", "s", "x" * 190]), task_types, st.uuids()),
    max_size=5,
    unique_by=lambda each: each["name"],
)
targets = st.builds(
    RuleTarget,
    provider=st.just("p"),
    model=st.just("m"),
    parameters=st.sampled_from([None, {}, {"temperature": 0.5, "stop": ["ü", None]}]),
)
ended_tests = st.lists(
    st.tuples(st.uuids(), test_names, task_types, targets), min_size=1, max_size=4, unique_by=lambda each: each[0]
)


@given(stored_rule_lists, ended_tests)
@settings(max_examples=200)
def test_rules_with_winners_can_be_saved_again_as_they_are_read(
    saved_rules: list[dict[str, Any]], ended: list[tuple[UUID, str, str | None, RuleTarget]]
) -> None:
    rules = rules_of(*saved_rules)
    for ab_test_id, test_name, task_type, winner in ended:
        rules = with_winner(rules, ab_test_id=ab_test_id, test_name=test_name, task_type=task_type, winner=winner)

    read = rules_of(*as_stored(rules))
    sent = [each.model_dump(mode="json", by_alias=True) for each in read]

    assert SavePreferences.checked({"customRules": sent}).custom_rules == rules
    # and for each kind of request the winner of the last test is used
    used = {each.when.task_type: (each.ab_test_id, each.then.use) for each in rules if each.ab_test_id}
    for ab_test_id, _, task_type, winner in {each[2]: each for each in ended}.values():
        assert used[task_type] == (ab_test_id, winner)
