from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from importlib.metadata import version

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import domain.price
from domain.price import PRICE_VERSION, Price, price

JUNE = datetime(2025, 6, 15, 12, tzinfo=UTC)
tokens = st.integers(min_value=0, max_value=1_000_000_000)


def amount(
    provider: str, model: str, input_tokens: int | None, output_tokens: int | None, cached_tokens: int | None = None
) -> Decimal | None:
    found = price(
        provider,
        model,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cached_tokens=cached_tokens,
        at=JUNE,
    )
    return found.amount if found else None


def o3_at(moment: datetime) -> Decimal | None:
    found = price("openai", "o3", input_tokens=1_000_000, output_tokens=0, cached_tokens=None, at=moment)
    return found.amount if found else None


def test_a_price_is_tokens_times_the_list_price() -> None:
    # 2.50 USD for a million tokens in, 10 USD for a million out.
    found = price("openai", "gpt-4o", input_tokens=1_000, output_tokens=200, cached_tokens=None, at=JUNE)

    assert found == Price(Decimal("0.0045"), f"genai-prices {version('genai-prices')}")


def test_the_version_names_the_price_list() -> None:
    assert f"genai-prices {version('genai-prices')}" == PRICE_VERSION


def test_cached_tokens_are_part_of_the_input_and_cheaper() -> None:
    assert amount("openai", "gpt-4o", 1_000, 200, 0) == Decimal("0.0045")
    assert amount("openai", "gpt-4o", 1_000, 200, 400) == Decimal("0.0040")
    assert amount("openai", "gpt-4o", 1_000, 200, 1_000) == Decimal("0.00325")


@given(tokens, tokens, tokens)
@settings(max_examples=100, deadline=None)
def test_no_token_is_lost_or_counted_twice(fresh: int, cached: int, output: int) -> None:
    nano_dollars = 2500 * fresh + 1250 * cached + 10_000 * output

    assert amount("openai", "gpt-4o", fresh + cached, output, cached) == Decimal(nano_dollars).scaleb(-9)


@given(st.integers(min_value=0, max_value=100_000_000))
@settings(max_examples=100, deadline=None)
def test_a_price_is_rounded_half_even_to_the_nano_dollar(input_tokens: int) -> None:
    # 0.0375 USD for a million tokens: every odd count ends in half a nano-dollar.
    nano_dollars = round(Fraction(75, 2) * input_tokens)

    assert amount("cohere", "command-r7b", input_tokens, 0) == Decimal(nano_dollars).scaleb(-9)


@pytest.mark.parametrize(("input_tokens", "nano_dollars"), [(1, 38), (3, 112), (5, 188), (7, 262)])
def test_half_a_nano_dollar_goes_to_the_even_neighbour(input_tokens: int, nano_dollars: int) -> None:
    assert amount("cohere", "command-r7b", input_tokens, 0) == Decimal(nano_dollars).scaleb(-9)


def test_no_tokens_cost_nothing() -> None:
    assert amount("openai", "gpt-4o", 0, 0, 0) == Decimal(0)


@pytest.mark.parametrize(
    ("moment", "usd_per_million"),
    [
        (datetime(2025, 6, 9, 23, 59, 59, 999_999, tzinfo=UTC), 10),
        (datetime(2025, 6, 10, tzinfo=UTC), 2),
        (datetime(2025, 6, 9, 19, tzinfo=timezone(timedelta(hours=-5))), 2),
        (datetime(2025, 6, 10, 1, tzinfo=timezone(timedelta(hours=2))), 10),
    ],
)
def test_a_price_is_that_of_its_day(moment: datetime, usd_per_million: int) -> None:
    assert o3_at(moment) == Decimal(usd_per_million)


@pytest.mark.parametrize(
    ("alias", "provider", "model", "usd"),
    [
        ("bedrock", "aws", "anthropic.claude-3-5-sonnet-20240620-v1:0", "4.5"),
        ("cohere_chat", "cohere", "command-r-plus", "3.5"),
        ("fireworks_ai", "fireworks", "accounts/fireworks/models/llama-v3p1-8b-instruct", "0.22"),
        ("gemini", "google", "gemini-2.0-flash", "0.14"),
        ("together_ai", "together", "meta-llama/Llama-3.3-70B-Instruct-Turbo", "0.968"),
        ("vertex_ai", "google", "gemini-2.0-flash", "0.14"),
        ("xai", "x-ai", "grok-3", "4.5"),
    ],
)
def test_the_names_other_tools_give_to_a_provider_are_known(alias: str, provider: str, model: str, usd: str) -> None:
    assert amount(alias, model, 1_000_000, 100_000) == Decimal(usd)
    assert amount(provider, model, 1_000_000, 100_000) == Decimal(usd)


@pytest.mark.parametrize("provider", ["openai", "OpenAI", "OPENAI"])
def test_the_case_of_a_provider_does_not_matter(provider: str) -> None:
    assert amount(provider, "gpt-4o", 1_000, 200) == Decimal("0.0045")


def test_the_case_of_an_alias_does_not_matter() -> None:
    assert amount("Vertex_AI", "gemini-2.0-flash", 1_000_000, 100_000) == Decimal("0.14")


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "no-such-model"),
        ("no-such-provider", "gpt-4o"),
        ("", "gpt-4o"),
        ("openai", ""),
        ("unknown", "unknown"),
    ],
)
def test_a_model_that_is_not_listed_has_no_price(provider: str, model: str) -> None:
    assert amount(provider, model, 1_000, 200) is None


@pytest.mark.parametrize(("input_tokens", "output_tokens"), [(None, 200), (1_000, None), (None, None)])
def test_half_the_tokens_make_no_price(input_tokens: int | None, output_tokens: int | None) -> None:
    assert amount("openai", "gpt-4o", input_tokens, output_tokens) is None


def test_more_cached_tokens_than_input_tokens_make_no_price() -> None:
    assert amount("openai", "gpt-4o", 10, 1, 11) is None


def test_a_price_above_what_one_request_may_cost_is_none() -> None:
    # 150 USD for a million tokens in, 600 USD for a million out; the bound is 100,000 USD.
    assert amount("openai", "o1-pro", 666_666_666, 0) == Decimal("99999.9999")
    assert amount("openai", "o1-pro", 666_666_667, 0) is None
    assert amount("openai", "o1-pro", 0, 1_000_000_000) is None


def test_a_price_of_just_what_one_request_may_cost_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(domain.price, "MAX_COST", Decimal("0.0045"))

    assert amount("openai", "gpt-4o", 1_000, 200) == Decimal("0.0045")
    assert amount("openai", "gpt-4o", 1_001, 200) is None


def test_a_model_without_output_is_priced_by_its_input() -> None:
    assert amount("openai", "text-embedding-3-small", 1_000_000, 0) == Decimal("0.02")
    assert amount("openai", "text-embedding-3-small", 1_000_000, 1) is None


@pytest.mark.parametrize(("input_tokens", "output_tokens"), [(1_000, 200), (1_000, 0), (0, 200), (0, 0)])
@pytest.mark.parametrize(
    ("provider", "model"), [("openai", "whisper-1"), ("openai", "tts-1"), ("mistral", "mistral-ocr-2503")]
)
def test_a_model_that_is_not_priced_by_the_token_has_no_price(
    provider: str, model: str, input_tokens: int, output_tokens: int
) -> None:
    # By the hour of audio, the character, the page: what tokens cost there is not known, and so not 0.
    assert amount(provider, model, input_tokens, output_tokens) is None
