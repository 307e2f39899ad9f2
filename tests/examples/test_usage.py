"""The fields that are logged from an answer: exact for each format of usage, and always accepted by the router."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.analytics import LogAnalytics
from examples.usage import reported

# 12 characters are 3 tokens, and 18 are 5.
REQUEST: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "How are you?"}], "max_tokens": 200}
CHOICES = [{"index": 0, "message": {"role": "assistant", "content": "Thanks, I am fine."}}]
ESTIMATED = {"metadata": {"tokensEstimated": True}}


def fields(usage: Any, request: dict[str, Any] = REQUEST, **more: Any) -> dict[str, Any]:
    return reported(json.dumps({"choices": CHOICES, "usage": usage} | more).encode(), request)


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        pytest.param(
            {"prompt_tokens": 20000, "completion_tokens": 100, "prompt_tokens_details": {"cached_tokens": 19000}},
            {"inputTokens": 20000, "outputTokens": 100, "cachedTokens": 19000},
            id="OpenAI",
        ),
        pytest.param(
            {
                "prompt_tokens": 500,
                "completion_tokens": 300,
                "total_tokens": 800,
                "prompt_tokens_details": {"cached_tokens": 100, "audio_tokens": 200, "image_tokens": 50},
                "completion_tokens_details": {
                    "reasoning_tokens": 64,
                    "audio_tokens": 120,
                    "image_tokens": 10,
                    "accepted_prediction_tokens": 0,
                },
            },
            {
                "inputTokens": 500,
                "outputTokens": 300,
                "cachedTokens": 100,
                "inputAudioTokens": 200,
                "inputImageTokens": 50,
                "reasoningTokens": 64,
                "outputAudioTokens": 120,
                "outputImageTokens": 10,
            },
            id="OpenAI with sound and pictures",
        ),
        pytest.param(
            {
                "input_tokens": 500,
                "input_tokens_details": {"cached_tokens": 100, "cache_write_tokens": 30},
                "output_tokens": 300,
                "output_tokens_details": {"reasoning_tokens": 64},
                "total_tokens": 800,
            },
            {
                "inputTokens": 500,
                "outputTokens": 300,
                "cachedTokens": 100,
                "cacheWriteTokens": 30,
                "reasoningTokens": 64,
            },
            id="Responses",
        ),
        pytest.param(
            {
                "prompt_tokens": 1000,
                "completion_tokens": 20,
                "total_tokens": 1020,
                "prompt_cache_hit_tokens": 896,
                "prompt_cache_miss_tokens": 104,
            },
            {"inputTokens": 1000, "outputTokens": 20, "cachedTokens": 896},
            id="DeepSeek",
        ),
        pytest.param(
            {"prompt_tokens": 1000, "completion_tokens": 20, "total_tokens": 1020, "cached_tokens": 700},
            {"inputTokens": 1000, "outputTokens": 20, "cachedTokens": 700},
            id="Moonshot",
        ),
        pytest.param(
            {
                "prompt_tokens": 194,
                "completion_tokens": 2,
                "total_tokens": 196,
                "cost": 0.95,
                "is_byok": False,
                "cost_details": {"upstream_inference_cost": 0.95},
                "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 100, "audio_tokens": 0},
                "completion_tokens_details": {"reasoning_tokens": 0},
            },
            {
                "inputTokens": 194,
                "outputTokens": 2,
                "cachedTokens": 0,
                "cacheWriteTokens": 100,
                "inputAudioTokens": 0,
                "reasoningTokens": 0,
                "cost": "0.950000000",
            },
            id="OpenRouter",
        ),
        pytest.param(
            {
                "prompt_tokens": 194,
                "completion_tokens": 2,
                "cost": 0.05,
                "is_byok": True,
                "cost_details": {"upstream_inference_cost": 1.0},
            },
            {"inputTokens": 194, "outputTokens": 2, "cost": "1.050000000"},
            id="OpenRouter with a key of the user's own",
        ),
        pytest.param(
            {
                "input_tokens": 10,
                "cache_read_input_tokens": 1000,
                "cache_creation_input_tokens": 500,
                "cache_creation": {"ephemeral_5m_input_tokens": 300, "ephemeral_1h_input_tokens": 200},
                "output_tokens": 40,
                "service_tier": "standard",
            },
            {
                "inputTokens": 1510,
                "outputTokens": 40,
                "cachedTokens": 1000,
                "cacheWriteTokens": 500,
                "cacheWrite1hTokens": 200,
                "serviceTier": "STANDARD",
            },
            id="Anthropic",
        ),
        pytest.param(
            {"prompt_tokens": 10, "completion_tokens": 40, "total_tokens": 50, "prompt_tokens_details": None},
            {"inputTokens": 10, "outputTokens": 40},
            id="Anthropic's compatible endpoint",
        ),
        pytest.param(
            {
                "prompt_tokens": 10,
                "completion_tokens": 40,
                "cache_read_input_tokens": 1000,
                "cache_creation_input_tokens": 0,
            },
            {"inputTokens": 1010, "outputTokens": 40, "cachedTokens": 1000, "cacheWriteTokens": 0},
            id="a gateway to Anthropic that counts the cache beside the prompt",
        ),
        pytest.param(
            {
                "prompt_tokens": 2006,
                "completion_tokens": 300,
                "total_tokens": 2306,
                "prompt_tokens_details": {"cached_tokens": 1500, "cache_creation_tokens": 400},
                "cache_creation_input_tokens": 400,
                "cache_read_input_tokens": 1500,
            },
            {"inputTokens": 2006, "outputTokens": 300, "cachedTokens": 1500, "cacheWriteTokens": 400},
            id="LiteLLM",
        ),
        pytest.param(
            {
                "prompt_tokens": 10,
                "completion_tokens": 40,
                "total_tokens": 1550,
                "prompt_tokens_details": {"cached_tokens": 1500},
            },
            {"inputTokens": 1510, "outputTokens": 40, "cachedTokens": 1500},
            id="the cache in the total alone",
        ),
        pytest.param(
            {
                "prompt_tokens": 2006,
                "completion_tokens": 300,
                "prompt_tokens_details": {"cached_tokens": 0, "cache_creation_input_tokens": 1200},
            },
            {"inputTokens": 2006, "outputTokens": 300, "cachedTokens": 0, "cacheWriteTokens": 1200},
            id="Alibaba",
        ),
        pytest.param(
            {
                "prompt_tokens": 10120,
                "completion_tokens": 1499,
                "total_tokens": 14428,
                "prompt_tokens_details": {"cached_tokens": 128},
                "completion_tokens_details": {"reasoning_tokens": 2809},
            },
            {"inputTokens": 10120, "outputTokens": 4308, "cachedTokens": 128, "reasoningTokens": 2809},
            id="xAI",
        ),
        pytest.param(
            {"prompt_tokens": 20, "completion_tokens": 198, "total_tokens": 623},
            {"inputTokens": 20, "outputTokens": 603},
            id="Gemini",
        ),
        pytest.param(
            {
                "prompt_tokens": 30,
                "completion_tokens": 400,
                "total_tokens": 430,
                "reasoning_tokens": 90,
                "cost": {"input_tokens_cost": 0.001, "request_cost": 0.005, "total_cost": 0.0064},
            },
            {"inputTokens": 30, "outputTokens": 400, "reasoningTokens": 90, "cost": "0.006400000"},
            id="Perplexity",
        ),
        pytest.param(
            {
                "prompt_tokens": 7,
                "completion_tokens": 9,
                "total_tokens": 16,
                "input_tokens": 0,
                "output_tokens": 0,
                "input_tokens_details": None,
                "prompt_tokens_details": {"cached_tokens": 0},
                "prompt_cache_hit_tokens": 4,
            },
            {"inputTokens": 7, "outputTokens": 9, "cachedTokens": 4},
            id="a gateway with zeros under the names that it does not use",
        ),
    ],
)
def test_each_format_of_usage_is_read(usage: dict[str, Any], expected: dict[str, Any]) -> None:
    assert fields(usage) == expected


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {},
        [],
        "many",
        7,
        {"prompt_tokens": None, "completion_tokens": None, "total_tokens": None},
        {"prompt_tokens": "20", "completion_tokens": "10"},
        {"prompt_tokens": -1, "completion_tokens": -1},
        {"prompt_tokens": 1.5, "completion_tokens": True},
        {"prompt_tokens": float("nan"), "completion_tokens": float("inf")},
        {"prompt_tokens": 10**4000, "completion_tokens": 100_000_001},
        {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        {"prompt_tokens": {"count": 3}, "completion_tokens": [5]},
    ],
)
def test_without_possible_counts_they_are_estimated_from_the_text(usage: Any) -> None:
    assert fields(usage) == {"inputTokens": 3, "outputTokens": 5} | ESTIMATED


def test_missing_usage_and_a_single_count_are_completed_by_estimates() -> None:
    assert reported(json.dumps({"choices": CHOICES}).encode(), REQUEST) == {
        "inputTokens": 3,
        "outputTokens": 5,
        **ESTIMATED,
    }
    assert fields({"prompt_tokens": 8, "completion_tokens": None}) == {"inputTokens": 8, "outputTokens": 5} | ESTIMATED
    assert fields({"completion_tokens": 8, "cost": 0.1}) == {
        "inputTokens": 3,
        "outputTokens": 8,
        "cost": "0.100000000",
        **ESTIMATED,
    }


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        ({"prompt_tokens_details": {"cached_tokens": 101, "audio_tokens": 40}}, {"inputAudioTokens": 40}),
        ({"prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 41}}, {"cachedTokens": 60}),
        ({"prompt_tokens_details": {"cached_tokens": "60", "cache_write_tokens": 40}}, {"cacheWriteTokens": 40}),
        ({"prompt_tokens_details": {"audio_tokens": -1, "image_tokens": 100}}, {"inputImageTokens": 100}),
        ({"completion_tokens_details": {"reasoning_tokens": 51, "audio_tokens": 50}}, {"outputAudioTokens": 50}),
        ({"completion_tokens_details": {"audio_tokens": 30, "image_tokens": 21}}, {"outputAudioTokens": 30}),
        ({"prompt_tokens_details": "many", "completion_tokens_details": 7}, {}),
        ({"cache_creation": {"ephemeral_1h_input_tokens": 5}}, {}),
    ],
)
def test_only_an_impossible_part_is_left_out(details: dict[str, Any], expected: dict[str, int]) -> None:
    whole = {"inputTokens": 100, "outputTokens": 50}
    assert fields({"prompt_tokens": 100, "completion_tokens": 50} | details) == whole | expected | ESTIMATED


def test_a_total_that_fits_no_count_is_ignored() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": 2}}
    expected = {"inputTokens": 10, "outputTokens": 5, "reasoningTokens": 2}
    for total in (3, 16, 10**9, "17", None):
        assert fields(usage | {"total_tokens": total}) == expected


@pytest.mark.parametrize("cost", [None, "0.1", -0.1, float("nan"), float("inf"), 100_001, True, {}, [0.1]])
def test_an_impossible_cost_is_left_out_and_priced_by_the_router(cost: Any) -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "cost": cost}
    assert fields(usage) == {"inputTokens": 10, "outputTokens": 5}


def test_costs_are_rounded_half_even_to_the_nano_dollar() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 5}
    for cost, expected in [(0.031131000000000002, "0.031131000"), (2.5e-9, "0.000000002"), (1e-30, "0.000000000")]:
        assert fields(usage | {"cost": cost})["cost"] == expected


@pytest.mark.parametrize(
    ("tier", "expected"),
    [
        ("default", "STANDARD"),
        ("standard", "STANDARD"),
        ("flex", "FLEX"),
        ("priority", "PRIORITY"),
        ("Batch", "BATCH"),
        ("auto", None),
        ("on_demand", None),
        ("", None),
        (None, None),
        (["flex"], None),
        (1, None),
    ],
)
def test_the_service_tier_is_read(tier: Any, expected: str | None) -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 5}
    assert fields(usage, service_tier=tier).get("serviceTier") == expected
    assert fields(usage | {"service_tier": tier}).get("serviceTier") == expected


def test_all_text_is_counted() -> None:
    call = {"id": "call-1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}
    message = {"content": None, "reasoning": "Search now.", "reasoning_content": "Search now.", "tool_calls": [call]}
    request = {"messages": [{"role": "user", "content": [{"type": "text", "text": "Oslo?"}]}], "tools": [{"a": 1}]}
    # 5 characters, and 10 of the tools; 11 of the reasoning, and 7 and 16 of the tool call.
    assert fields(None, request, choices=[{"message": message}]) == {"inputTokens": 4, "outputTokens": 9} | ESTIMATED
    # The Responses API.
    output = [{"type": "message", "content": [{"type": "output_text", "text": "It snows."}]}]
    assert fields(None, choices=None, output=output) == {"inputTokens": 3, "outputTokens": 3} | ESTIMATED
    # Characters, not bytes.
    assert fields(None, choices=[{"message": {"content": "雪" * 8}}])["outputTokens"] == 2
    empty: list[Any] = [None, "", {}, [None, 3, {"message": None}]]
    for nothing in empty:
        assert fields(None, choices=nothing) == {"inputTokens": 3, "outputTokens": 0} | ESTIMATED


def test_images_and_audio_are_not_counted_as_text() -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    request = {"messages": [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, picture]}]}
    assert fields(None, request) == {"outputTokens": 5} | ESTIMATED
    spoken = [{"message": {"content": None, "audio": {"data": "AAAA", "transcript": "Hello."}}}]
    assert fields(None, choices=spoken) == {"inputTokens": 3} | ESTIMATED


@pytest.mark.parametrize("answer", [b"", b"not JSON", b"[]", b'"text"', b"\xff\xff", b"null"])
def test_a_body_that_is_not_a_json_object_is_not_an_answer(answer: bytes) -> None:
    with pytest.raises(ValueError, match=r"Expecting value|can't decode|not a JSON object"):
        reported(answer, REQUEST)


COUNTS = st.none() | st.integers(-2, 40) | st.integers() | st.floats() | st.text(max_size=3) | st.booleans()
PARTS = (
    "cached_tokens cache_write_tokens audio_tokens image_tokens reasoning_tokens ephemeral_1h_input_tokens total_cost"
)
WHOLES = """
prompt_tokens input_tokens completion_tokens output_tokens total_tokens cached_tokens prompt_cache_hit_tokens
cache_read_input_tokens cache_creation_input_tokens cache_creation reasoning_tokens prompt_tokens_details
input_tokens_details completion_tokens_details output_tokens_details cost cost_details is_byok service_tier
"""
DETAILS = COUNTS | st.dictionaries(st.sampled_from(PARTS.split()), COUNTS)
USAGES = st.dictionaries(st.sampled_from(WHOLES.split()), DETAILS)
FIXED = {"provider": "p", "taskType": "chat", "modelUsed": "m", "success": True}


@given(usage=USAGES | DETAILS, choices=st.just(CHOICES) | DETAILS | st.lists(DETAILS))
def test_the_router_accepts_the_fields_of_every_answer(usage: Any, choices: Any) -> None:
    logged = fields(usage, choices=choices)
    recorded = LogAnalytics.checked(FIXED | logged)
    assert recorded.input_tokens is not None
    assert recorded.cost is None or 0 <= recorded.cost <= Decimal(100_000)
