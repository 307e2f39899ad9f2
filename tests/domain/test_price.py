from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from importlib.metadata import version
from typing import Any

import pytest
from genai_prices import data_snapshot
from genai_prices.types import (
    ClauseAnd,
    ClauseEquals,
    ClauseOr,
    ClauseRegex,
    ClauseStartsWith,
    ModelInfo,
    ModelPrice,
    Provider,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.pricing import Call, counts_of, genai_cost, priced_models
from domain.catalog import OwnPrices, PriceTier, listed, own_price
from domain.money import MAX_COST, ZERO
from domain.price import CostSource, Price, Prices, ServiceTier, TokenCounts, cost_source
from domain.price_list import PRICE_VERSION, PriceList, price
from domain.provider import price_list_id, provider_id

JUNE = datetime(2025, 6, 15, 12, tzinfo=UTC)
NOVEMBER = datetime(2026, 11, 20, 12, tzinfo=UTC)
SEPTEMBER = datetime(2026, 9, 1, tzinfo=UTC)
MILLION = 1_000_000
tokens = st.integers(min_value=0, max_value=1_000_000_000)


def amount(
    provider: str,
    model: str,
    input_tokens: int | None = None,
    output_tokens: int | None = None,
    tier: ServiceTier = ServiceTier.STANDARD,
    at: datetime = NOVEMBER,
    **kinds: Any,
) -> str | None:
    """The cost of a call in USD without trailing zeros, or None if it is unknown."""
    counts = TokenCounts(input_tokens, output_tokens, **{f"{kind}_tokens": count for kind, count in kinds.items()})
    found = price(provider, model, counts, tier, at)
    return None if found is None else _text(found.amount)


def _text(value: Decimal) -> str:
    return format(value.normalize(), "f")


def nano_dollars(count: int) -> str:
    return _text(Decimal(count).scaleb(-9))


# The price list


def test_a_cost_is_tokens_times_the_list_price() -> None:
    # 2.50 USD per million input tokens, 10 USD per million output tokens.
    found = price("openai", "gpt-4o", TokenCounts(1_000, 200), ServiceTier.STANDARD, JUNE)

    assert found == Price(Decimal("0.0045"), f"genai-prices {version('genai-prices')}")


def test_the_version_names_the_price_list() -> None:
    assert f"genai-prices {version('genai-prices')}" == PRICE_VERSION


def test_cached_tokens_are_part_of_the_input_and_cheaper() -> None:
    assert amount("openai", "gpt-4o", 1_000, 200, cached=0) == "0.0045"
    assert amount("openai", "gpt-4o", 1_000, 200, cached=400) == "0.004"
    assert amount("openai", "gpt-4o", 1_000, 200, cached=1_000) == "0.00325"


@given(tokens, tokens, tokens)
@settings(max_examples=100)
def test_no_token_is_lost_or_counted_twice(fresh: int, cached: int, output: int) -> None:
    expected = 2500 * fresh + 1250 * cached + 10_000 * output

    assert amount("openai", "gpt-4o", fresh + cached, output, cached=cached) == nano_dollars(expected)


@given(st.integers(min_value=0, max_value=100_000_000))
@settings(max_examples=100)
def test_a_price_is_rounded_half_even_to_the_nano_dollar(input_tokens: int) -> None:
    # At 0.0375 USD per million tokens, every odd count ends in half a nano-USD.
    expected = round(Fraction(75, 2) * input_tokens)

    assert amount("cohere", "command-r7b", input_tokens, 0) == nano_dollars(expected)


@pytest.mark.parametrize(("input_tokens", "expected"), [(1, 38), (3, 112), (5, 188), (7, 262)])
def test_half_a_nano_dollar_goes_to_the_even_neighbour(input_tokens: int, expected: int) -> None:
    assert amount("cohere", "command-r7b", input_tokens, 0) == nano_dollars(expected)


def test_0_tokens_cost_0() -> None:
    assert amount("openai", "gpt-4o", 0, 0, cached=0) == "0"


_PRICED = list(priced_models(NOVEMBER))


@given(st.lists(st.integers(0, 1_000_000), min_size=15, max_size=15))
@settings(max_examples=10)
def test_every_listed_price_equals_that_of_genai_prices(drawn: list[int]) -> None:
    # for all models, with tokens of every kind that has a price, at each service tier
    assert len(_PRICED) > 2_200
    for model in _PRICED:
        call = Call(model.provider, model.model, model.tier, counts_of(model.kinds, drawn))
        found = price(call.provider, call.model, call.counts, call.tier, NOVEMBER)
        assert found is not None, call
        assert found.amount == genai_cost(call, NOVEMBER), call


def test_a_name_finds_the_same_model_as_in_genai_prices() -> None:
    prices = PriceList.current()
    found = Counter[bool]()
    for provider in prices.snapshot.providers:
        for model in provider.models:
            for name in (model.id, f"{model.id}-latest", model.id.upper(), f"{provider.id}/{model.id}"):
                theirs = provider.find_model(name, all_providers=prices.snapshot.providers)
                assert prices._matches(provider, name) is theirs, (provider.id, name)
                found[theirs is not None] += 1
    # names of one model, and names of none
    assert min(found.values()) > 1_000


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a", 0), ("b", 2), ("c-1", 1), ("c-2", 1), ("c-9", 1), ("d", 3), ("D", 3), ("e", 4), ("f", 4), ("b-c", None)],
)
def test_the_first_of_several_matching_models_is_found(name: str, expected: int | None) -> None:
    matches: list[Any] = [
        ClauseEquals("a"),
        ClauseStartsWith("c-"),
        ClauseOr([ClauseEquals("b"), ClauseOr([ClauseEquals("c-1"), ClauseEquals("a")])]),
        ClauseEquals("D"),
        ClauseOr([ClauseEquals("e"), ClauseRegex("^[ef]$"), ClauseAnd([ClauseStartsWith("b"), ClauseEquals("a")])]),
        ClauseEquals("e"),
        ClauseEquals("c-2"),
    ]
    models = [ModelInfo(str(number), match) for number, match in enumerate(matches)]
    provider = Provider("p", "P", "", models=models)
    prices = PriceList(data_snapshot.DataSnapshot([provider], from_auto_update=False))
    found = prices._matches(provider, name)
    assert found is (None if expected is None else models[expected])
    assert found is provider.find_model(name)


def test_every_listed_provider_is_found_by_its_id() -> None:
    ids = [provider.id for provider in PriceList.current().snapshot.providers]

    assert [id_ for id_ in ids if price_list_id(provider_id(id_)) != id_] == []


# The time


@pytest.mark.parametrize(
    ("moment", "usd_per_million"),
    [
        (datetime(2025, 6, 9, 23, 59, 59, 999_999, tzinfo=UTC), "10"),
        (datetime(2025, 6, 10, tzinfo=UTC), "2"),
        (datetime(2025, 6, 9, 19, tzinfo=timezone(timedelta(hours=-5))), "2"),
        (datetime(2025, 6, 10, 1, tzinfo=timezone(timedelta(hours=2))), "10"),
    ],
)
def test_a_price_depends_on_the_day_of_the_call(moment: datetime, usd_per_million: str) -> None:
    assert amount("openai", "o3", MILLION, 0, at=moment) == usd_per_million


def test_prices_change_only_at_midnight_and_at_listed_times_of_day() -> None:
    prices = PriceList(data_snapshot.get_snapshot())
    midnight = datetime(2025, 6, 15, tzinfo=UTC)
    moment = timedelta(microseconds=1)
    half_past, next_day = midnight + timedelta(minutes=30), midnight + timedelta(days=1)

    for at, since in (
        (midnight, midnight),
        (half_past - moment, midnight),
        (half_past, half_past),
        (next_day, next_day),
        (half_past.astimezone(timezone(timedelta(hours=9))), half_past),
        (midnight, midnight),
    ):
        assert prices.unchanged_since(at) == since
    assert half_past < prices.unchanged_since(next_day - moment) < next_day


# Kinds of tokens


def test_cache_writes_cost_more_than_input_and_most_for_an_hour() -> None:
    # 3 and 15 USD per million; 0.30 for cached tokens, 3.75 for writes for 5 minutes, 6 for writes for an hour
    sonnet = ("anthropic", "claude-sonnet-4-5")
    assert amount(*sonnet, 10_000, 200, cache_write=9_000) == "0.03975"
    assert amount(*sonnet, 10_000, 200, cache_write=9_000, cache_write_1h=9_000) == "0.06"
    assert amount(*sonnet, 10_000, 200, cache_write=9_000, cache_write_1h=4_000) == "0.04875"
    assert amount(*sonnet, 10_000, 200, cached=1_000, cache_write=8_000) == "0.0363"
    assert amount(*sonnet, 100_000, 1_000, cached=90_000) == "0.072"


def test_reasoning_costs_the_price_of_output_unless_it_has_its_own() -> None:
    assert amount("openai", "o3", 0, MILLION, reasoning=900_000) == amount("openai", "o3", 0, MILLION) == "8"
    # 8 USD for output, 3 for reasoning, 2 for citations
    research = ("perplexity", "sonar-deep-research")
    assert amount(*research, 0, MILLION, reasoning=500_000, citation=250_000) == "4"
    assert amount(*research, 0, MILLION, reasoning=500_000) is None
    assert amount(*research, 0, MILLION) is None


def test_audio_and_images_have_separate_prices() -> None:
    # 0.30 for input and 2.50 for output; 30 for images
    image = ("google", "gemini-2.5-flash-image")
    assert amount(*image, 10, 1_290, output_image=1_290) == "0.038703"
    assert amount(*image, 10, 1_390, output_image=1_290) == "0.038953"
    assert amount(*image, 10, 1_290, output_image=0) == "0.003228"
    # 0.10 for input, 0.70 for audio; 0.025 for cached tokens, 0.175 for cached audio
    flash = ("google", "gemini-2.0-flash")
    assert amount(*flash, MILLION, 0, input_audio=400_000) == "0.34"
    assert amount(*flash, MILLION, 0, input_audio=400_000, cached=300_000, cached_audio=100_000) == "0.2725"


@pytest.mark.parametrize(
    ("model", "kinds"),
    [
        ("gpt-4o", {"input_audio": 1}),
        ("gpt-4o", {"input_image": 1}),
        ("gpt-4o", {"input_video": 1}),
        ("gpt-4o", {"output_image": 1}),
        ("gpt-4o", {"output_audio": 1}),
        ("gpt-4o", {"cache_write": 1}),
        ("gpt-4-turbo", {"cached": 1}),
        ("gpt-5.6-luna", {"cache_write": 1, "cache_write_1h": 1}),
        ("gpt-image-1", {"input_image": 0, "output_image": 1}),
    ],
)
def test_a_kind_without_a_price_makes_the_cost_unknown(model: str, kinds: dict[str, Any]) -> None:
    none_of_it: dict[str, Any] = dict.fromkeys(kinds, 0)
    assert amount("openai", model, 1_000, 200, **none_of_it) is not None
    assert amount("openai", model, 1_000, 200, **kinds) is None


# Counts


@pytest.mark.parametrize(("input_tokens", "output_tokens"), [(None, 200), (1_000, None), (None, None)])
def test_a_cost_needs_both_token_counts(input_tokens: int | None, output_tokens: int | None) -> None:
    assert amount("openai", "gpt-4o", input_tokens, output_tokens) is None


@pytest.mark.parametrize(
    ("provider", "model", "usd"),
    [
        ("openai", "text-embedding-3-small", "0.02"),
        ("openai", "text-embedding-3-large", "0.13"),
        ("aws", "amazon.titan-embed-text-v1", "0.1"),
        ("voyageai", "voyage-3.5", "0.06"),
    ],
)
def test_a_model_without_output_needs_no_output_tokens(provider: str, model: str, usd: str) -> None:
    assert amount(provider, model, MILLION) == amount(provider, model, MILLION, 0) == usd
    assert amount(provider, model, MILLION, 1) is None
    assert amount(provider, model) is None


@pytest.mark.parametrize(
    ("provider", "model", "needed"),
    [
        ("google", "gemini-2.5-flash-image", {"output_image"}),
        ("google", "gemini-omni-1.1-flash", {"output_video"}),
        ("openai", "gpt-audio", {"input_audio", "output_audio"}),
        ("openai", "gpt-realtime", {"input_audio", "input_image", "output_audio"}),
        ("openai", "gpt-image-1", {"input_image"}),
        ("openai", "chatgpt-image-latest", {"input_image", "output_image"}),
        ("openai", "gpt-4o-transcribe", {"input_audio"}),
        ("openai", "gpt-4o-audio-preview", {"input_audio", "output_audio"}),
        ("openrouter", "openai/gpt-5-image", {"input_image", "output_image"}),
        ("google", "gemini-live-2.5-flash", {"input_audio", "input_image", "input_video", "output_audio"}),
        ("aws", "amazon.nova-sonic-v1:0", {"input_audio", "output_audio"}),
        ("mistral", "voxtral-small-24b-2507", {"input_audio"}),
    ],
)
def test_a_model_with_audio_or_images_needs_their_counts(provider: str, model: str, needed: set[str]) -> None:
    counts: dict[str, Any] = dict.fromkeys(needed, 0)
    assert amount(provider, model, 1_000, 1_000, **counts) is not None
    for left_out in needed:
        others: dict[str, Any] = dict.fromkeys(needed - {left_out}, 0)
        assert amount(provider, model, 1_000, 1_000, **others) is None


@pytest.mark.parametrize(("model", "usd"), [("gemini-2.0-flash", "0.1"), ("gemini-2.5-flash", "0.3")])
def test_a_chat_model_with_audio_input_is_assumed_to_receive_text(model: str, usd: str) -> None:
    assert amount("google", model, MILLION, 0) == usd


@pytest.mark.parametrize(
    "kinds",
    [
        {"cached": 1_001},
        {"cached": 600, "cache_write": 401},
        {"cache_write": 100, "cache_write_1h": 101},
        {"cache_write_1h": 1},
        {"reasoning": 201},
        {"reasoning": 101, "citation": 100},
    ],
)
def test_parts_that_exceed_their_total_make_the_cost_unknown(kinds: dict[str, Any]) -> None:
    assert amount("anthropic", "claude-sonnet-4-5", 1_000, 200, **kinds) is None


@pytest.mark.parametrize(
    ("kinds", "usd"),
    [
        ({"input_audio": 1_000, "cached": 100, "cached_audio": 100}, "0.0006475"),
        ({"input_audio": 1_001}, None),
        ({"input_audio": 100, "cached": 100}, None),  # the number of tokens that are both is unknown
        ({"input_audio": 100, "cached": 100, "cached_audio": 101}, None),
        ({"input_audio": 0, "cached": 100}, "0.0000925"),
        ({"cached_audio": 1}, None),
        ({"input_audio": 600, "cached": 500, "cached_audio": 0}, None),
    ],
)
def test_tokens_that_are_both_cached_and_audio_need_a_count(kinds: dict[str, Any], usd: str | None) -> None:
    assert amount("google", "gemini-2.0-flash", 1_000, 0, **kinds) == usd


def test_a_cost_above_the_limit_of_a_request_is_unknown() -> None:
    # 150 USD per million input tokens, 600 USD per million output tokens; the limit is 100,000 USD.
    assert amount("openai", "o1-pro", 666_666_666, 0) == "99999.9999"
    assert amount("openai", "o1-pro", 666_666_667, 0) is None
    assert amount("openai", "o1-pro", 0, 1_000_000_000) is None


# Free models and unknown prices


@pytest.mark.parametrize(
    "model", ["deepseek/deepseek-r1:free", "DeepSeek/DeepSeek-R1:FREE", "nobody/knows-this:free", "deepseek-r1:free"]
)
@pytest.mark.parametrize("tier", ServiceTier)
def test_free_models_of_openrouter_cost_0(model: str, tier: ServiceTier) -> None:
    assert amount("openrouter", model, MILLION, MILLION, tier) == "0"
    assert amount("OpenRouter", model, tier=tier) == "0"
    found = listed("openrouter", model, NOVEMBER)
    assert found is not None
    assert (found.is_free(tier), found.estimate(MILLION, MILLION, tier)) == (True, ZERO)


def test_only_listed_names_with_the_suffix_free_are_free() -> None:
    assert amount("azure", "mai-ds-r1:free") == "0"
    assert amount("azure", "gpt-4o:free", 1, 1) is None
    assert amount("openai", "gpt-4o:free", 1, 1) is None
    assert amount("nobody", "m:free", 1, 1) is None


def test_a_model_variant_has_its_own_price_or_an_unknown_one() -> None:
    assert amount("openrouter", "openai/gpt-4o", MILLION, 0) == "2.5"
    assert amount("openrouter", "openai/gpt-4o:extended", MILLION, 0) == "6"
    assert amount("openrouter", "openai/gpt-4o:batch", MILLION, 0) == "1.25"
    for suffix in ("nitro", "floor", "online", "anything"):
        assert amount("openrouter", f"openai/gpt-4o:{suffix}", MILLION, 0) is None
    assert amount("openai", "gpt-4o:nitro", MILLION, 0) is None


@pytest.mark.parametrize(("input_tokens", "output_tokens"), [(1_000, 200), (1_000, 0), (0, 200), (0, 0), (None, None)])
@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "whisper-1"),
        ("openai", "tts-1"),
        ("mistral", "mistral-ocr-2503"),
        ("x-ai", "grok-voice-latest"),
    ],
)
def test_a_model_that_is_not_priced_by_the_token_has_an_unknown_price(
    provider: str, model: str, input_tokens: int | None, output_tokens: int | None
) -> None:
    # Priced by the hour of audio, the character, the page or the message: the price of tokens is unknown, and so not 0.
    assert amount(provider, model, input_tokens, output_tokens) is None


@pytest.fixture
def new_list() -> Iterator[Any]:
    """Replaces the price list with one whose provider `new` has a model with these prices."""

    def put(name: str = "m", **prices: Any) -> None:
        model = ModelInfo(id=name, match=ClauseEquals(name), prices=ModelPrice(**prices))
        provider = Provider(id="new", name="New", api_pattern="", models=[model])
        data_snapshot.set_custom_snapshot(data_snapshot.DataSnapshot([provider], from_auto_update=False))

    yield put
    data_snapshot.set_custom_snapshot(None)


def test_counts_do_not_matter_if_every_rate_is_0(new_list: Any) -> None:
    new_list(input_mtok=Decimal(0), output_mtok=Decimal(0), output_image_mtok=Decimal(0))
    assert amount("new", "m") == amount("new", "m", MILLION) == amount("new", "m", None, 1, input_audio=7) == "0"
    new_list(input_mtok=Decimal(0), output_mtok=Decimal(0), output_image_mtok=Decimal(1))
    assert (amount("new", "m"), amount("new", "m", output_image=MILLION)) == (None, "1")
    new_list(input_mtok=Decimal(1), output_mtok=Decimal(0))
    assert (amount("new", "m", None, 1), amount("new", "m", MILLION)) == (None, "1")


def test_a_price_per_request_is_charged_once(new_list: Any) -> None:
    # 5 USD per thousand requests
    new_list(input_mtok=Decimal(1), output_mtok=Decimal(1), requests_kcount=Decimal(5))
    assert (amount("new", "m", 0, 0), amount("new", "m", 1_000, 1_000)) == ("0.005", "0.007")
    new_list(requests_kcount=Decimal(5))
    assert amount("new", "m", 0, 0) is None


def test_a_price_of_a_kind_that_calls_cannot_report_makes_the_cost_unknown(new_list: Any) -> None:
    new_list(input_mtok=Decimal(1), input_text_mtok=Decimal(2), output_mtok=Decimal(1))
    assert amount("new", "m", 1, 1) is None


# Service tiers


def test_a_service_tier_is_priced_if_the_list_has_it_at_that_time() -> None:
    nano = ("openai", "gpt-5-nano", 100_000, 10_000)
    # 0.05 and 0.40 USD, and half for FLEX and BATCH
    assert amount(*nano) == "0.009"
    assert amount(*nano, ServiceTier.FLEX) == "0.0045"
    assert amount(*nano, ServiceTier.FLEX, SEPTEMBER) is None
    assert amount(*nano, at=SEPTEMBER) == "0.009"
    # models of Azure fall back to OpenAI's, whose tiers do not apply to Azure
    assert amount("azure", *nano[1:]) == "0.009"
    assert amount("azure", *nano[1:], ServiceTier.FLEX) is None
    assert amount("openai", "gpt-4-turbo", 1_000, 0, ServiceTier.PRIORITY) is None


# Names


@pytest.mark.parametrize(
    ("alias", "provider", "model", "usd"),
    [
        ("bedrock", "aws", "anthropic.claude-3-5-sonnet-20240620-v1:0", "4.5"),
        ("cohere_chat", "cohere", "command-r-plus", "3.5"),
        ("fireworks_ai", "fireworks", "accounts/fireworks/models/llama-v3p1-8b-instruct", "0.22"),
        ("gemini", "google", "gemini-2.0-flash", "0.14"),
        ("together_ai", "together", "meta-llama/Llama-3.3-70B-Instruct-Turbo", "0.968"),
        ("vertex_ai", "google", "gemini-2.0-flash", "0.14"),
        ("gcp.vertex_ai", "google", "gemini-2.0-flash", "0.14"),
        ("google_genai", "google", "gemini-2.0-flash", "0.14"),
        ("xai", "x-ai", "grok-3", "4.5"),
        ("x_ai", "x-ai", "grok-3", "4.5"),
        ("azure_openai", "azure", "gpt-4o", "3.5"),
        ("openai.chat", "openai", "gpt-4o", "3.5"),
        ("aws.bedrock", "aws", "claude-3-5-sonnet", "4.5"),
    ],
)
def test_provider_names_of_other_tools_are_recognized(alias: str, provider: str, model: str, usd: str) -> None:
    assert amount(alias, model, MILLION, 100_000) == usd
    assert amount(provider, model, MILLION, 100_000) == usd


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-4o"),
        ("OpenAI", "GPT-4o"),
        ("OPENAI", " gpt-4o "),
        ("openai", "openai/gpt-4o"),
        ("openai", "OpenAI/gpt-4o"),
        ("openai", "gpt-4o-2024-08-06"),
        ("azure", "azure/gpt-4o"),
    ],
)
def test_a_model_is_recognized_in_any_case_and_with_its_provider_as_prefix(provider: str, model: str) -> None:
    assert amount(provider, model, MILLION, MILLION) == "12.5"


@pytest.mark.parametrize(
    ("model", "usd"),
    [
        ("claude-3-5-sonnet", "3"),
        ("anthropic.claude-3-5-sonnet", "3"),
        ("claude-3-haiku", "0.25"),
        ("claude-sonnet-4-5", "3.3"),  # served in a region; the global one is cheaper, and has another name
        ("global.anthropic.claude-sonnet-4-5-20250929-v1:0", "3"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "3.3"),
        ("nova-pro", "0.8"),
        ("arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-5-sonnet-20240620-v1:0", "3"),
        ("claude-3-5", None),
        ("claude", None),
        ("sonnet", None),
    ],
)
def test_on_bedrock_a_name_without_a_date_is_known_if_all_dates_cost_the_same(model: str, usd: str | None) -> None:
    assert amount("bedrock", model, MILLION, 0) == usd


def test_a_name_without_a_date_is_unknown_if_the_dates_cost_differently() -> None:
    models = [
        ModelInfo(id=f"who.m-2026010{day}-v1:0", match=ClauseEquals(f"who.m-2026010{day}-v1:0"), prices=prices)
        for day, prices in ((1, ModelPrice(input_mtok=Decimal(1))), (2, ModelPrice(input_mtok=Decimal(2))))
    ]
    provider = Provider(id="aws", name="AWS", api_pattern="", models=models)
    try:
        data_snapshot.set_custom_snapshot(data_snapshot.DataSnapshot([provider], from_auto_update=False))
        assert amount("aws", "m", MILLION) is None
        assert amount("aws", "who.m-20260102-v1:0", MILLION) == amount("aws", "m-20260102", MILLION) == "2"
    finally:
        data_snapshot.set_custom_snapshot(None)


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "no-such-model"),
        ("no-such-provider", "gpt-4o"),
        ("my-openai-proxy", "gpt-4o"),
        ("", "gpt-4o"),
        ("openai", ""),
        ("unknown", "unknown"),
    ],
)
def test_an_unlisted_model_has_an_unknown_price(provider: str, model: str) -> None:
    assert amount(provider, model, 1_000, 200) is None


# Estimates


def test_an_estimate_uses_the_highest_rate_of_unreported_kinds() -> None:
    def estimate(provider: str, model: str, tier: ServiceTier = ServiceTier.STANDARD) -> str | None:
        found = listed(provider, model, NOVEMBER)
        assert found is not None
        cost = found.estimate(MILLION, MILLION, tier)
        return None if cost is None else _text(cost)

    assert estimate("openai", "gpt-4o") == "12.5"
    # 0.30 for input; 30 for images, 2.50 for text
    assert estimate("google", "gemini-2.5-flash-image") == "30.3"
    # 10 for input images, 5 for input text; 40 for output
    assert estimate("openai", "gpt-image-1") == "50"
    assert estimate("openai", "gpt-audio") == "96"
    assert estimate("openai", "gpt-4o-audio-preview") is None
    assert estimate("openai", "gpt-5-nano", ServiceTier.FLEX) == "0.225"
    assert estimate("openai", "gpt-4-turbo", ServiceTier.FLEX) is None


# Registered prices


def own(
    provider: str, model: str, registered: OwnPrices, counts: TokenCounts, tier: ServiceTier = ServiceTier.STANDARD
) -> tuple[str, str] | None:
    found = own_price(provider, model, registered, counts, tier, NOVEMBER)
    return None if found is None else (_text(found.amount), found.version)


def usd(**prices: str) -> Prices:
    return Prices(**{f"{kind}_price": Decimal(each) for kind, each in prices.items()})


def test_kinds_without_a_registered_price_have_the_listed_one() -> None:
    registered = OwnPrices(usd(input="3", output="15"))
    sonnet = ("anthropic", "claude-sonnet-4-5")
    assert own(*sonnet, registered, TokenCounts(100_000, 1_000)) == ("0.315", "registered")
    mixed = f"registered, {PRICE_VERSION}"
    assert own(*sonnet, registered, TokenCounts(100_000, 1_000, 90_000)) == ("0.072", mixed)
    # also with a single registered price
    assert own(*sonnet, OwnPrices(usd(input="1")), TokenCounts(MILLION, 0)) == ("1", "registered")
    assert own(*sonnet, OwnPrices(usd(input="1")), TokenCounts(100_000, 100_000)) == ("1.6", mixed)
    assert own(*sonnet, OwnPrices(usd(cached="1")), TokenCounts(100_000, 0, 100_000)) == ("0.1", mixed)
    # and a call that needs no registered price has the list's
    assert own(*sonnet, OwnPrices(usd(cached="1")), TokenCounts(100_000, 1_000)) == ("0.315", PRICE_VERSION)


def test_kinds_without_a_registered_price_are_unknown_for_an_unlisted_model() -> None:
    registered = OwnPrices(usd(input="0.5", output="0.5", request="0.01"))
    home = ("vllm", "llama-3.3-70b")
    assert own(*home, registered, TokenCounts(MILLION, 0)) == ("0.51", "registered")
    assert own(*home, registered, TokenCounts(MILLION, 1_000, 1)) is None
    assert own(*home, registered, TokenCounts(MILLION, 1_000, 0, reasoning_tokens=1_000)) == ("0.5105", "registered")
    assert own(*home, registered, TokenCounts(MILLION)) is None
    assert own(*home, registered, TokenCounts(MILLION, 0), ServiceTier.BATCH) is None
    assert own(*home, OwnPrices(usd(input="1")), TokenCounts(MILLION, 1)) is None
    assert own(*home, OwnPrices(usd(input="1")), TokenCounts(MILLION)) is None
    assert own(*home, OwnPrices(usd(input="1")), TokenCounts(MILLION, 0)) == ("1", "registered")


def test_tiers_apply_to_large_requests_and_service_tiers() -> None:
    registered = OwnPrices(
        usd(input="1", output="2", cached="0.1"),
        (
            PriceTier(ServiceTier.STANDARD, 1_000, usd(input="3")),
            PriceTier(ServiceTier.BATCH, 0, usd(input="0.5", output="1")),
            PriceTier(ServiceTier.BATCH, 1_000, usd(output="7")),
        ),
    )
    home = ("vllm", "llama-3.3-70b")
    assert own(*home, registered, TokenCounts(1_000, 0)) == ("0.001", "registered")
    assert own(*home, registered, TokenCounts(1_001, 0)) == ("0.003003", "registered")
    assert own(*home, registered, TokenCounts(1_001, 1_000, 1_001)) == ("0.0021001", "registered")
    assert own(*home, registered, TokenCounts(1_000, 1_000), ServiceTier.BATCH) == ("0.0015", "registered")
    assert own(*home, registered, TokenCounts(2_000, 1_000), ServiceTier.BATCH) == ("0.008", "registered")
    assert own(*home, registered, TokenCounts(1_000, 1_000, 1), ServiceTier.BATCH) is None
    # for a listed model, the list's tier
    nano = ("openai", "gpt-5-nano", OwnPrices(usd(input="1")))
    assert own(*nano, TokenCounts(100_000, 10_000), ServiceTier.FLEX) == ("0.0045", PRICE_VERSION)


def test_parts_of_free_input_and_output_are_free() -> None:
    registered = OwnPrices(usd(input="0", output="0"))
    assert own("anthropic", "claude-sonnet-4-5", registered, TokenCounts(MILLION, None, 900)) == ("0", "registered")
    assert own("home", "llama", registered, TokenCounts()) == ("0", "registered")


def test_a_cost_by_registered_prices_is_capped_at_the_limit_of_a_call() -> None:
    registered = OwnPrices(usd(input="1000000", output="0"))
    assert own("home", "llama", registered, TokenCounts(100_001, 0)) == (_text(MAX_COST), "registered")


def test_a_registered_price_of_input_includes_audio() -> None:
    registered = OwnPrices(usd(input="2.5", output="10"))
    assert own("openai", "gpt-4o-audio-preview", registered, TokenCounts(MILLION, 0)) == ("2.5", "registered")
    # but if the list has a price of audio, the user's price of text does not apply to audio
    assert own("openai", "gpt-4o-transcribe", registered, TokenCounts(MILLION, 0)) is None


@pytest.mark.parametrize(
    ("cost", "price_version", "source"),
    [
        (None, None, CostSource.UNKNOWN),
        (Decimal(0), None, CostSource.RECORDED),
        (Decimal(1), PRICE_VERSION, CostSource.LIST_PRICE),
        (Decimal(1), "registered", CostSource.REGISTERED_PRICE),
        (Decimal(1), f"registered, {PRICE_VERSION}", CostSource.REGISTERED_PRICE),
    ],
)
def test_a_cost_has_its_source(cost: Decimal | None, price_version: str | None, source: CostSource) -> None:
    assert cost_source(cost, price_version) is source
