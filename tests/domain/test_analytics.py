from __future__ import annotations

import json
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
from domain.price import ServiceTier

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
    "cacheWriteTokens": 300,
    "cacheWrite1hTokens": 200,
    "inputAudioTokens": 150,
    "cachedAudioTokens": 110,
    "inputImageTokens": 140,
    "cachedImageTokens": 120,
    "inputVideoTokens": 130,
    "reasoningTokens": 50,
    "citationTokens": 20,
    "outputAudioTokens": 40,
    "outputImageTokens": 30,
    "outputVideoTokens": 10,
    "serviceTier": "FLEX",
    "timeToFirstTokenMs": 60,
    "fallbackUsed": True,
    "decisionId": str(UUID(int=3)),
    "abTestId": str(TEST),
    "abVariant": "B",
    "unitKey": "user-7",
    "qualityScore": 0.5,
    "metadata": {"team": "search", "n": 1},
    "occurredAt": "2026-05-04T14:00:00+02:00",
}


def error_of(values: dict[str, Any]) -> InvalidInput:
    with pytest.raises(InvalidInput) as raised:
        LogAnalytics.checked(REQUIRED | values)
    return raised.value


# A call


def test_a_call_needs_few_fields() -> None:
    call = LogAnalytics.checked(REQUIRED)

    assert call.model_dump() == {
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
        "cache_write_tokens": None,
        "cache_write_1h_tokens": None,
        "input_audio_tokens": None,
        "cached_audio_tokens": None,
        "input_image_tokens": None,
        "cached_image_tokens": None,
        "input_video_tokens": None,
        "reasoning_tokens": None,
        "citation_tokens": None,
        "output_audio_tokens": None,
        "output_image_tokens": None,
        "output_video_tokens": None,
        "service_tier": ServiceTier.STANDARD,
        "time_to_first_token_ms": None,
        "fallback_used": False,
        "decision_id": None,
        "ab_test_id": None,
        "ab_variant": None,
        "unit_key": None,
        "quality_score": None,
        "metadata": None,
        "occurred_at": None,
    }


def test_a_call_can_have_every_field() -> None:
    call = LogAnalytics.checked(EVERYTHING)

    assert call.model_dump() == {
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
        "cache_write_tokens": 300,
        "cache_write_1h_tokens": 200,
        "input_audio_tokens": 150,
        "cached_audio_tokens": 110,
        "input_image_tokens": 140,
        "cached_image_tokens": 120,
        "input_video_tokens": 130,
        "reasoning_tokens": 50,
        "citation_tokens": 20,
        "output_audio_tokens": 40,
        "output_image_tokens": 30,
        "output_video_tokens": 10,
        "service_tier": ServiceTier.FLEX,
        "time_to_first_token_ms": 60,
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
def test_a_missing_required_field_is_named(field: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        LogAnalytics.checked({name: value for name, value in REQUIRED.items() if name != field})

    assert raised.value.message == f"{field}: Field required"
    assert raised.value.path == ["input", field]


def test_a_variant_needs_its_test() -> None:
    raised = error_of({"abVariant": "A"})

    assert raised.message == "abVariant requires abTestId"
    assert raised.path == ["input"]


def test_a_test_does_not_need_a_variant() -> None:
    assert LogAnalytics.checked(REQUIRED | {"abTestId": str(TEST)}).ab_variant is None


def test_cached_tokens_cannot_exceed_input_tokens() -> None:
    assert LogAnalytics.checked(REQUIRED | {"inputTokens": 10, "cachedTokens": 10}).cached_tokens == 10
    assert LogAnalytics.checked(REQUIRED | {"cachedTokens": 10}).cached_tokens == 10
    assert LogAnalytics.checked(REQUIRED | {"inputTokens": 0, "cachedTokens": 0}).cached_tokens == 0
    for fields in ({"inputTokens": 10, "cachedTokens": 11}, {"inputTokens": 0, "cachedTokens": 1}):
        assert error_of(fields).message == (
            "cachedTokens, cacheWriteTokens are parts of inputTokens: their sum must not exceed it"
        )


WHOLES: list[tuple[str, list[str]]] = [
    ("inputTokens", ["cachedTokens", "cacheWriteTokens"]),
    ("inputTokens", ["inputAudioTokens", "inputImageTokens", "inputVideoTokens"]),
    ("cacheWriteTokens", ["cacheWrite1hTokens"]),
    ("cachedTokens", ["cachedAudioTokens", "cachedImageTokens"]),
    ("inputAudioTokens", ["cachedAudioTokens"]),
    ("inputImageTokens", ["cachedImageTokens"]),
    ("outputTokens", ["reasoningTokens", "citationTokens"]),
    ("outputTokens", ["outputAudioTokens", "outputImageTokens", "outputVideoTokens"]),
]
COUNTS = sorted({name for whole, parts in WHOLES for name in (whole, *parts)})


@pytest.mark.parametrize(("whole", "parts"), WHOLES)
def test_parts_cannot_exceed_their_total(whole: str, parts: list[str]) -> None:
    each = dict.fromkeys(parts, 5)

    assert LogAnalytics.checked(REQUIRED | each | {whole: 5 * len(parts)})
    assert LogAnalytics.checked(REQUIRED | each)
    rejected = error_of(each | {whole: 5 * len(parts) - 1})
    assert rejected.message == f"{', '.join(parts)} are parts of {whole}: their sum must not exceed it"


@given(st.dictionaries(st.sampled_from(COUNTS), st.integers(0, 8)))
@settings(max_examples=500)
def test_counts_are_rejected_exactly_when_parts_exceed_their_total(counts: dict[str, int]) -> None:
    agree = all(
        whole not in counts or sum(counts.get(part, 0) for part in parts) <= counts[whole] for whole, parts in WHOLES
    )
    if agree:
        accepted = LogAnalytics.checked(REQUIRED | counts).model_dump(by_alias=True, exclude_none=True)
        assert {name: accepted[name] for name in COUNTS if name in accepted} == counts
    else:
        assert error_of(counts).path == ["input"]


@given(st.sampled_from(WHOLES), st.data())
@settings(max_examples=200)
def test_parts_that_equal_their_total_are_accepted_and_one_token_more_is_not(
    whole: tuple[str, list[str]], data: st.DataObject
) -> None:
    name, parts = whole
    counts = {part: data.draw(st.integers(0, 300_000_000)) for part in parts}
    total = sum(counts.values())

    assert LogAnalytics.checked(REQUIRED | counts | {name: total})
    more = data.draw(st.sampled_from(parts))
    assert name in error_of(counts | {name: total, more: counts[more] + 1}).message


@pytest.mark.parametrize("field", ["eventId", "provider", "taskType", "modelUsed"])
def test_a_number_may_be_a_name(field: str) -> None:
    line = json.dumps(REQUIRED | {field: 12345678901234567890}).encode()

    assert LogAnalytics.checked_json(line).model_dump(by_alias=True)[field] == "12345678901234567890"
    assert error_of({field: 0.5}).path == ["input", field]


@pytest.mark.parametrize("field", ["latencyMs", "timeToFirstTokenMs"])
def test_fractions_of_milliseconds_are_rounded(field: str) -> None:
    line = json.dumps(REQUIRED | {field: 830.5}).encode()

    assert LogAnalytics.checked_json(line).model_dump(by_alias=True)[field] == 830
    assert error_of({field: -3}).message == f"{field}: Input should be greater than or equal to 0"


def test_a_call_has_a_flag_for_truncated_metadata() -> None:
    whole = LogAnalytics.checked(REQUIRED | {"metadata": {"team": "search"}})
    cut = LogAnalytics.checked(REQUIRED | {"metadata": {"team": "search", "log": "x" * 17_000}})

    assert (whole.metadata, whole.metadata_truncated) == ({"team": "search"}, False)
    assert (cut.metadata, cut.metadata_truncated) == ({"team": "search"}, True)
    # Truncated keys are not part of the fingerprint.
    assert (cut, cut.fingerprint()) == (whole, whole.fingerprint())
    assert cut.model_dump_json() == whole.model_dump_json()
    assert "metadata_truncated" not in LogAnalytics.model_fields


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
    "cacheWriteTokens": 301,
    "cacheWrite1hTokens": 201,
    "inputAudioTokens": 151,
    "cachedAudioTokens": 111,
    "inputImageTokens": 141,
    "cachedImageTokens": 121,
    "inputVideoTokens": 131,
    "reasoningTokens": 51,
    "citationTokens": 21,
    "outputAudioTokens": 41,
    "outputImageTokens": 31,
    "outputVideoTokens": 11,
    "serviceTier": "BATCH",
    "timeToFirstTokenMs": 61,
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
def test_a_different_value_gives_a_different_fingerprint(field: str) -> None:
    assert fingerprint(EVERYTHING | {field: OTHERWISE[field]}) != fingerprint(EVERYTHING)


@pytest.mark.parametrize(
    ("field", "value"),
    [("cost", 0), ("latencyMs", 0), ("inputTokens", 0), ("qualityScore", 0), ("metadata", {"a": None})],
)
def test_zero_and_a_missing_value_have_different_fingerprints(field: str, value: Any) -> None:
    assert fingerprint(REQUIRED | {field: value}) != fingerprint(REQUIRED)


def test_values_do_not_run_into_each_other() -> None:
    one = REQUIRED | {"provider": "ab", "taskType": "c"}
    other = REQUIRED | {"provider": "a", "taskType": "bc"}

    assert fingerprint(one) != fingerprint(other)


@pytest.mark.parametrize(
    "equivalent",
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
def test_equal_reports_in_different_notation_have_the_same_fingerprint(equivalent: dict[str, Any]) -> None:
    assert fingerprint(EVERYTHING | equivalent) == fingerprint(EVERYTHING)


def test_a_default_value_does_not_change_the_fingerprint() -> None:
    assert fingerprint(REQUIRED | {"fallbackUsed": False, "cost": None}) == fingerprint(REQUIRED)
    assert fingerprint(REQUIRED | {"serviceTier": "STANDARD"}) == fingerprint(REQUIRED)


def test_a_fingerprint_stays_the_same_from_one_process_to_the_next() -> None:
    assert fingerprint(REQUIRED) == "64eb291244ae7b9ca369942b7cd98962"


# A filter


def matches(filter_: dict[str, Any], **call: Any) -> bool:
    values: dict[str, Any] = {
        "provider": "openai",
        "model": "gpt-4o",
        "task_type": "chat",
        "ab_test_id": TEST,
        "success": True,
        "fallback_used": False,
        "at": NOON,
    }
    return AnalyticsFilter.checked(filter_, ("filter",)).matches(**values | call)


def test_an_empty_filter_matches_all_calls() -> None:
    assert matches({}) is True
    assert matches({}, success=False, ab_test_id=None) is True


@pytest.mark.parametrize(
    ("condition", "call", "held"),
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
def test_a_condition_matches_or_not(condition: dict[str, Any], call: dict[str, Any], held: bool) -> None:
    assert matches(condition, **call) is held


def test_from_is_included_and_to_is_not() -> None:
    hour = {"from": NOON, "to": NOON + timedelta(hours=1)}

    assert matches(hour, at=NOON - MICROSECOND) is False
    assert matches(hour, at=NOON) is True
    assert matches(hour, at=NOON + timedelta(hours=1) - MICROSECOND) is True
    assert matches(hour, at=NOON + timedelta(hours=1)) is False


def test_a_time_range_may_be_open() -> None:
    assert matches({"from": NOON}, at=NOON + timedelta(days=9999)) is True
    assert matches({"to": NOON}, at=NOON - timedelta(days=9999)) is True


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
@settings(max_examples=100)
def test_all_given_conditions_must_match(fields: set[str]) -> None:
    assert matches({field: HELD[field] for field in fields}) is True


@pytest.mark.parametrize("broken", conditions, ids=lambda condition: next(iter(condition)))
def test_one_condition_that_does_not_match_is_enough(broken: dict[str, Any]) -> None:
    without_range = {field: value for field, value in HELD.items() if field not in {"from", "to"}}

    assert matches(without_range | broken) is False


@pytest.mark.parametrize("to", [NOON, NOON - MICROSECOND])
def test_a_time_range_ends_after_its_start(to: datetime) -> None:
    with pytest.raises(InvalidInput) as raised:
        AnalyticsFilter.checked({"from": NOON, "to": to}, ("filter",))

    assert raised.value.message == "filter: from must be before to"
    assert raised.value.path == ["filter"]


def test_the_shortest_time_range_is_a_microsecond() -> None:
    wanted = AnalyticsFilter.checked({"from": NOON, "to": NOON + MICROSECOND})

    assert (wanted.from_, wanted.to) == (NOON, NOON + MICROSECOND)


@pytest.mark.parametrize("field", ["providers", "models", "taskTypes"])
def test_a_filter_has_at_most_100_names(field: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        AnalyticsFilter.checked({field: [f"n{i}" for i in range(101)]}, ("filter",))

    assert raised.value.path == ["filter", field]


@pytest.mark.parametrize("name", ["from", "from_"])
def test_an_error_in_from_names_from(name: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        AnalyticsFilter.checked({name: "yesterday"}, ("filter",))

    assert raised.value.path == ["filter", "from"]
