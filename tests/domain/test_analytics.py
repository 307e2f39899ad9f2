from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.ab_test import Variant
from domain.analytics import AnalyticsFilter, LogAnalytics
from domain.error import InvalidInput
from domain.preference import RoutingPriority

TEST = UUID(int=1)
OTHER_TEST = UUID(int=2)
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

REQUIRED: dict[str, Any] = {"provider": "openai", "taskType": "chat", "modelUsed": "gpt-4o", "success": True}
EVERYTHING: dict[str, Any] = REQUIRED | {
    "eventId": "e-1",
    "priority": "COST",
    "latencyMs": 120,
    "cost": "0.0045",
    "inputTokens": 1000,
    "outputTokens": 200,
    "cachedTokens": 400,
    "fallbackUsed": True,
    "decisionId": str(UUID(int=3)),
    "abTestId": str(TEST),
    "abVariant": "B",
    "unitKey": "user-7",
    "qualityScore": 0.5,
    "metadata": {"team": "search", "n": 1},
    "occurredAt": "2026-05-04T14:00:00+02:00",
}


def refusal_of(values: dict[str, Any]) -> InvalidInput:
    with pytest.raises(InvalidInput) as refusal:
        LogAnalytics.checked(REQUIRED | values)
    return refusal.value


# A decision


def test_a_decision_needs_little() -> None:
    decision = LogAnalytics.checked(REQUIRED)

    assert decision.model_dump() == {
        "event_id": None,
        "provider": "openai",
        "task_type": "chat",
        "model_used": "gpt-4o",
        "priority": None,
        "success": True,
        "latency_ms": None,
        "cost": None,
        "input_tokens": None,
        "output_tokens": None,
        "cached_tokens": None,
        "fallback_used": False,
        "decision_id": None,
        "ab_test_id": None,
        "ab_variant": None,
        "unit_key": None,
        "quality_score": None,
        "metadata": None,
        "occurred_at": None,
    }


def test_a_decision_may_say_everything() -> None:
    decision = LogAnalytics.checked(EVERYTHING)

    assert decision.model_dump() == {
        "event_id": "e-1",
        "provider": "openai",
        "task_type": "chat",
        "model_used": "gpt-4o",
        "priority": RoutingPriority.COST,
        "success": True,
        "latency_ms": 120,
        "cost": Decimal("0.0045"),
        "input_tokens": 1000,
        "output_tokens": 200,
        "cached_tokens": 400,
        "fallback_used": True,
        "decision_id": UUID(int=3),
        "ab_test_id": TEST,
        "ab_variant": Variant.B,
        "unit_key": "user-7",
        "quality_score": 0.5,
        "metadata": {"team": "search", "n": 1},
        "occurred_at": NOON,
    }


@pytest.mark.parametrize("field", sorted(REQUIRED))
def test_what_a_decision_needs_is_named(field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        LogAnalytics.checked({name: value for name, value in REQUIRED.items() if name != field})

    assert refusal.value.message == f"{field}: Field required"
    assert refusal.value.path == ["input", field]


def test_a_variant_goes_with_its_test() -> None:
    refusal = refusal_of({"abVariant": "A"})

    assert refusal.message == "abVariant goes with abTestId"
    assert refusal.path == ["input"]


def test_a_test_may_go_without_a_variant() -> None:
    assert LogAnalytics.checked(REQUIRED | {"abTestId": str(TEST)}).ab_variant is None


def test_cached_tokens_are_not_more_than_input_tokens() -> None:
    assert LogAnalytics.checked(REQUIRED | {"inputTokens": 10, "cachedTokens": 10}).cached_tokens == 10
    assert LogAnalytics.checked(REQUIRED | {"cachedTokens": 10}).cached_tokens == 10
    assert LogAnalytics.checked(REQUIRED | {"inputTokens": 0, "cachedTokens": 0}).cached_tokens == 0
    assert refusal_of({"inputTokens": 10, "cachedTokens": 11}).message == (
        "cachedTokens are part of inputTokens and cannot be more"
    )
    assert refusal_of({"inputTokens": 0, "cachedTokens": 1}).message == (
        "cachedTokens are part of inputTokens and cannot be more"
    )


# Its fingerprint

OTHERWISE: dict[str, Any] = {
    "provider": "azure",
    "taskType": "summary",
    "modelUsed": "gpt-4o-mini",
    "priority": "SPEED",
    "success": False,
    "latencyMs": 121,
    "cost": "0.004500001",
    "inputTokens": 1001,
    "outputTokens": 201,
    "cachedTokens": 401,
    "fallbackUsed": False,
    "decisionId": str(UUID(int=4)),
    "abTestId": str(OTHER_TEST),
    "unitKey": "user-8",
    "abVariant": "A",
    "qualityScore": 0.51,
    "metadata": {"team": "search", "n": 2},
    "occurredAt": "2026-05-04T14:00:00.000001+02:00",
}


def fingerprint(values: dict[str, Any]) -> str:
    return LogAnalytics.checked(values).fingerprint()


def test_a_fingerprint_is_32_hexadecimal_digits() -> None:
    assert re.fullmatch("[0-9a-f]{32}", fingerprint(REQUIRED))


def test_every_field_but_the_event_id_is_tried() -> None:
    assert set(OTHERWISE) | {"eventId"} == set(EVERYTHING)


@pytest.mark.parametrize("field", sorted(OTHERWISE))
def test_another_value_makes_another_fingerprint(field: str) -> None:
    assert fingerprint(EVERYTHING | {field: OTHERWISE[field]}) != fingerprint(EVERYTHING)


@pytest.mark.parametrize(
    ("field", "value"),
    [("cost", 0), ("latencyMs", 0), ("inputTokens", 0), ("qualityScore", 0), ("metadata", {"a": None})],
)
def test_zero_is_another_report_than_nothing(field: str, value: Any) -> None:
    assert fingerprint(REQUIRED | {field: value}) != fingerprint(REQUIRED)


def test_values_do_not_run_into_each_other() -> None:
    one = REQUIRED | {"provider": "ab", "taskType": "c"}
    other = REQUIRED | {"provider": "a", "taskType": "bc"}

    assert fingerprint(one) != fingerprint(other)


@pytest.mark.parametrize(
    "retold",
    [
        {"eventId": "e-2"},
        {"cost": "0.00450"},
        {"cost": 0.0045},
        {"cost": "0.0045000000000001"},
        {"occurredAt": "2026-05-04T12:00:00Z"},
        {"metadata": {"n": 1, "team": "search"}},
        {"provider": " openai "},
    ],
)
def test_the_same_report_in_other_words_has_the_same_fingerprint(retold: dict[str, Any]) -> None:
    assert fingerprint(EVERYTHING | retold) == fingerprint(EVERYTHING)


def test_saying_the_default_is_saying_nothing() -> None:
    assert fingerprint(REQUIRED | {"fallbackUsed": False, "cost": None}) == fingerprint(REQUIRED)


def test_a_fingerprint_stays_the_same_from_one_process_to_the_next() -> None:
    assert fingerprint(REQUIRED) == "64eb291244ae7b9ca369942b7cd98962"


# A filter


def passes(filter_: dict[str, Any], **decision: Any) -> bool:
    values: dict[str, Any] = {
        "provider": "openai",
        "model": "gpt-4o",
        "task_type": "chat",
        "ab_test_id": TEST,
        "success": True,
        "at": NOON,
    }
    return AnalyticsFilter.checked(filter_, ("filter",)).holds(**values | decision)


def test_no_condition_holds_for_all() -> None:
    assert passes({}) is True
    assert passes({}, success=False, ab_test_id=None) is True


@pytest.mark.parametrize(
    ("condition", "decision", "held"),
    [
        ({"providers": ["azure", "openai"]}, {}, True),
        ({"providers": ["azure"]}, {}, False),
        ({"providers": ["OpenAI"]}, {}, False),
        ({"models": ["gpt-4o"]}, {}, True),
        ({"models": ["gpt-4"]}, {}, False),
        ({"taskTypes": ["chat"]}, {}, True),
        ({"taskTypes": ["openai"]}, {}, False),
        ({"abTestId": str(TEST)}, {}, True),
        ({"abTestId": str(OTHER_TEST)}, {}, False),
        ({"abTestId": str(TEST)}, {"ab_test_id": None}, False),
        ({"success": True}, {}, True),
        ({"success": False}, {}, False),
        ({"success": True}, {"success": False}, False),
        ({"success": False}, {"success": False}, True),
        ({"providers": []}, {}, False),
    ],
)
def test_a_condition_holds_or_not(condition: dict[str, Any], decision: dict[str, Any], held: bool) -> None:
    assert passes(condition, **decision) is held


def test_from_is_included_and_to_is_not() -> None:
    hour = {"from": NOON, "to": NOON + timedelta(hours=1)}

    assert passes(hour, at=NOON - MICROSECOND) is False
    assert passes(hour, at=NOON) is True
    assert passes(hour, at=NOON + timedelta(hours=1) - MICROSECOND) is True
    assert passes(hour, at=NOON + timedelta(hours=1)) is False


def test_a_range_may_be_open() -> None:
    assert passes({"from": NOON}, at=NOON + timedelta(days=9999)) is True
    assert passes({"to": NOON}, at=NOON - timedelta(days=9999)) is True


conditions: list[dict[str, Any]] = [
    {"from": NOON + MICROSECOND},
    {"to": NOON},
    {"providers": ["azure"]},
    {"models": ["gpt-4"]},
    {"taskTypes": ["summary"]},
    {"abTestId": str(OTHER_TEST)},
    {"success": False},
]
HELD: dict[str, Any] = {
    "from": NOON,
    "to": NOON + MICROSECOND,
    "providers": ["openai"],
    "models": ["gpt-4o"],
    "taskTypes": ["chat"],
    "abTestId": str(TEST),
    "success": True,
}


@given(st.sets(st.sampled_from(sorted(HELD))))
@settings(max_examples=100, deadline=None)
def test_every_condition_that_is_given_must_hold(fields: set[str]) -> None:
    assert passes({field: HELD[field] for field in fields}) is True


@pytest.mark.parametrize("broken", conditions, ids=lambda condition: next(iter(condition)))
def test_one_condition_that_does_not_hold_is_enough(broken: dict[str, Any]) -> None:
    without_range = {field: value for field, value in HELD.items() if field not in {"from", "to"}}

    assert passes(without_range | broken) is False


@pytest.mark.parametrize("to", [NOON, NOON - MICROSECOND])
def test_a_range_runs_forward(to: datetime) -> None:
    with pytest.raises(InvalidInput) as refusal:
        AnalyticsFilter.checked({"from": NOON, "to": to}, ("filter",))

    assert refusal.value.message == "filter: from must be before to"
    assert refusal.value.path == ["filter"]


def test_the_shortest_range_is_a_microsecond() -> None:
    wanted = AnalyticsFilter.checked({"from": NOON, "to": NOON + MICROSECOND})

    assert (wanted.from_, wanted.to) == (NOON, NOON + MICROSECOND)


@pytest.mark.parametrize("field", ["providers", "models", "taskTypes"])
def test_a_filter_names_at_most_100(field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        AnalyticsFilter.checked({field: [f"n{i}" for i in range(101)]}, ("filter",))

    assert refusal.value.path == ["filter", field]


@pytest.mark.parametrize("name", ["from", "from_"])
def test_a_fault_in_from_is_named_from(name: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        AnalyticsFilter.checked({name: "yesterday"}, ("filter",))

    assert refusal.value.path == ["filter", "from"]
