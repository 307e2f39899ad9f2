from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from genai_prices import data_snapshot
from genai_prices.types import ClauseEquals, ModelInfo, ModelPrice, Provider, Tier, TieredPrices
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.catalog import CatalogModel, OwnPrices, PriceTier, RegisterModel, UpdateModel, all_listed, listed
from domain.error import InvalidInput
from domain.price import Prices, ServiceTier, TokenCounts
from domain.price_list import PRICE_VERSION, price
from domain.provider import provider_id

MARCH = datetime(2026, 3, 10, 12, tzinfo=UTC)
COUNTS = [
    (0, 0),
    (1, 0),
    (0, 1),
    (7, 3),
    (1_234, 567),
    (128_000, 1),
    (128_001, 1),
    (200_000, 999),
    (200_001, 999),
    (1_000_000, 65_537),
    (1_000_000_000, 1_000_000_000),
]


def own(input_price: str | None, output_price: str | None) -> CatalogModel:
    return CatalogModel(
        id="1",
        provider="home",
        model="llama",
        name="llama",
        own=True,
        local=True,
        context_window=None,
        prices=Prices(*(None if price is None else Decimal(price) for price in (input_price, output_price))),
        quality_rating=None,
        deprecated=False,
    )


@pytest.fixture
def new_list() -> Iterator[Any]:
    """Replaces the price list with one of these providers."""

    def put(*providers: Provider, fetched: bool = True) -> None:
        data_snapshot.set_custom_snapshot(data_snapshot.DataSnapshot(list(providers), from_auto_update=fetched))

    yield put
    data_snapshot.set_custom_snapshot(None)


def provider_of(**prices: Any) -> Provider:
    """A provider whose model `m` has these prices."""
    model = ModelInfo(id="m", match=ClauseEquals("m"), name="M", prices=ModelPrice(**prices))
    return Provider(id="new", name="New", api_pattern="", models=[model])


# Estimated costs


@pytest.mark.parametrize("at", [MARCH, datetime(2025, 2, 1, 17, tzinfo=UTC), datetime(2026, 11, 25, 0, 15, tzinfo=UTC)])
def test_an_estimate_is_the_price_for_every_model_of_the_list(at: datetime) -> None:
    known = 0
    for provider in data_snapshot.get_snapshot().providers:
        for info in provider.models:
            model = listed(provider.id, info.id, at)
            for input_tokens, output_tokens in COUNTS:
                counts = TokenCounts(input_tokens, output_tokens)
                found = price(provider.id, info.id, counts, ServiceTier.STANDARD, at)
                estimated = model and model.estimate(input_tokens, output_tokens)
                if found is not None:
                    assert estimated == found.amount, (provider.id, info.id, counts)
                    known += 1
    assert known > 15_000


@given(st.integers(0, 1_000_000_000), st.integers(0, 1_000_000_000))
@settings(max_examples=100)
def test_an_estimate_is_rounded_half_even_to_the_nano_dollar(input_tokens: int, output_tokens: int) -> None:
    # 0.0375 and 0.000125 USD per million tokens are 37.5 and 0.125 nano-USD per token
    nano_dollars = round(Fraction(75, 2) * input_tokens + Fraction(1, 8) * output_tokens)

    estimated = own("0.0375", "0.000125").estimate(input_tokens, output_tokens)

    assert estimated == Decimal(nano_dollars).scaleb(-9)


def test_a_free_model_costs_0_and_an_unknown_price_is_not_0() -> None:
    assert own("0", "0").estimate(1_000_000, 1_000_000) == 0
    assert own(None, None).estimate(0, 0) is None
    assert own(None, None).estimate(1_000, 1_000) is None


def test_an_estimate_above_the_maximum_cost_is_unknown() -> None:
    assert own("1000000", "0").estimate(100_000, 0) == 100_000
    assert own("1000000", "0").estimate(100_001, 0) is None
    assert own("0.0001", "1000000").estimate(1, 100_000) is None


def test_a_tier_prices_all_tokens_of_a_request_whose_input_is_larger_than_its_start() -> None:
    model = listed("google", "gemini-2.5-pro", MARCH)
    assert model is not None
    # 1.25 and 10 USD up to 200,000 input tokens; 2.50 and 15 USD above
    assert (model.prices.input_price, model.prices.output_price) == (Decimal("1.25"), Decimal(10))
    assert model.estimate(200_000, 1_000) == Decimal("0.26")
    assert model.estimate(200_001, 1_000) == Decimal("0.5150025")


def test_tiers_of_input_and_output_may_start_at_different_counts_and_requests_may_cost(new_list: Any) -> None:
    new_list(
        provider_of(
            input_mtok=TieredPrices(base=Decimal(1), tiers=[Tier(100, Decimal(2))]),
            output_mtok=TieredPrices(base=Decimal(3), tiers=[Tier(50, Decimal(4)), Tier(200, Decimal(5))]),
            requests_kcount=Decimal(6),
        )
    )
    model = listed("new", "m", MARCH)
    assert model is not None
    assert [(tier.above_input_tokens, *map(str, tier.prices[:2])) for tier in model.tiers] == [
        (50, "1", "4"),
        (100, "2", "4"),
        (200, "2", "5"),
    ]
    assert model.prices == Prices(Decimal(1), Decimal(3), request_price=Decimal("0.006"))
    nano_dollars = [6_000_000 + 50_000 + 3_000, 6_000_000 + 51_000 + 4_000, 6_000_000 + 202_000 + 4_000]
    assert [model.estimate(tokens, 1) for tokens in (50, 51, 101)] == [
        Decimal(each).scaleb(-9) for each in nano_dollars
    ]
    assert model.estimate(201, 1) == Decimal("0.006407")


def test_a_model_that_prices_input_alone_is_estimated_for_input_alone() -> None:
    model = listed("openai", "text-embedding-3-small", MARCH)
    assert model is not None
    assert (model.prices.input_price, model.prices.output_price) == (Decimal("0.02"), None)
    assert (model.estimate(1_000_000, 0), model.estimate(1_000_000, 1)) == (Decimal("0.02"), None)


# The price list


@pytest.mark.parametrize(
    ("name", "known_as"),
    [
        ("OpenAI", "openai"),
        ("fireworks_ai", "fireworks"),
        ("Gemini", "google"),
        ("vertex_ai", "google-vertex"),
        ("bedrock", "aws"),
        ("My-Own", "my-own"),
        ("STRASSE", "strasse"),
        ("straße", "strasse"),
    ],
)
def test_providers_are_recognized_by_other_names_in_any_case(name: str, known_as: str) -> None:
    assert provider_id(name) == known_as


def test_a_listed_model_has_the_names_of_the_lookup() -> None:
    assert listed("Vertex_AI", "gemini-2.5-pro-latest", MARCH) == CatalogModel(
        id="Vertex_AI:gemini-2.5-pro-latest",
        provider="Vertex_AI",
        model="gemini-2.5-pro-latest",
        name="Gemini 2.5 Pro",
        own=False,
        local=False,
        context_window=None,
        prices=Prices(Decimal("1.25"), Decimal(10), Decimal("0.125")),
        quality_rating=None,
        deprecated=False,
        tiers=(PriceTier(ServiceTier.STANDARD, 200_000, Prices(Decimal("2.5"), Decimal(15), Decimal("0.25"))),),
    )


@pytest.mark.parametrize(("provider", "model"), [("openai", "no such model"), ("my-openai-proxy", "gpt-4o")])
def test_an_unlisted_model_is_not_found(provider: str, model: str) -> None:
    assert listed(provider, model, MARCH) is None


def test_every_listed_model_has_both_prices_and_is_found_by_its_name() -> None:
    models = all_listed(MARCH)
    assert len(models) > 1_500
    assert [(model.provider, model.model) for model in models] == sorted({(m.provider, m.model) for m in models})
    assert [model for model in models if model.prices.input_price is None or model.prices.output_price is None] == []
    for model in models:
        found = listed(model.provider, model.model, MARCH)
        assert found == model
    assert {"openai:gpt-4o", "fireworks:accounts/fireworks/models/kimi-k3"} <= {model.id for model in models}
    assert "openai:text-embedding-3-small" not in {model.id for model in models}


def test_prices_by_time_of_day_change_at_their_minute() -> None:
    # deepseek-chat was cheaper from 16:30 to 00:30 UTC
    def price_at(hour: int, minute: int) -> Decimal | None:
        at = datetime(2025, 6, 15, hour, minute, tzinfo=UTC)
        model = listed("deepseek", "deepseek-chat", at)
        [same] = [model for model in all_listed(at) if model.id == "deepseek:deepseek-chat"]
        assert model == same
        return same.prices.input_price

    cheap, dear = price_at(0, 29), price_at(0, 30)
    assert (cheap, dear) == (Decimal("0.135"), Decimal("0.27"))
    assert [price_at(16, 29), price_at(16, 30), price_at(23, 59), price_at(0, 0)] == [dear, cheap, cheap, cheap]


def test_lookups_are_cached_until_a_price_can_change() -> None:
    assert all_listed(MARCH) is all_listed(MARCH + timedelta(minutes=59))
    in_kolkata = MARCH.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert all_listed(MARCH) is all_listed(in_kolkata)
    assert listed("openai", "gpt-4o", MARCH) is listed("openai", "gpt-4o", in_kolkata)


def test_a_new_list_is_noticed_at_once(new_list: Any) -> None:
    # given a lookup in the bundled list
    assert listed("new", "m", MARCH) is None
    assert listed("openai", "gpt-4o", MARCH) is not None

    # when the list is replaced
    new_list(provider_of(input_mtok=Decimal(1), output_mtok=Decimal(2)))

    # then only the new list is used, and prices name its version
    [model] = all_listed(MARCH)
    assert (model.id, model.estimate(1_000, 1_000)) == ("new:m", Decimal("0.003"))
    assert listed("openai", "gpt-4o", MARCH) is None
    found = price("new", "m", TokenCounts(1_000, 1_000), ServiceTier.STANDARD, MARCH)
    assert found is not None
    assert found.amount == Decimal("0.003")
    assert found.version.startswith(f"{PRICE_VERSION} of 20")
    assert len(found.version) <= 64

    # and when the new list changes, so does the price
    new_list(provider_of(input_mtok=Decimal(1), output_mtok=Decimal(4)))
    assert [model.estimate(1_000, 1_000) for model in all_listed(MARCH)] == [Decimal("0.005")]


def test_prices_that_the_list_rejects_are_unknown(new_list: Any) -> None:
    new_list(provider_of(input_mtok=Decimal(-1), output_mtok=Decimal(1)))
    model = listed("new", "m", MARCH)
    assert model is not None
    assert (model.prices.input_price, model.prices.output_price, model.estimate(1, 1)) == (None, None, None)
    assert price("new", "m", TokenCounts(1, 1), ServiceTier.STANDARD, MARCH) is None
    assert all_listed(MARCH) == ()


# Registered models

MODEL = {"provider": "home", "model": "llama"}


@pytest.mark.parametrize(
    ("fields", "path", "message"),
    [
        ({"provider": " "}, ["provider"], "provider: String should have at least 1 character"),
        ({"model": "x" * 201}, ["model"], "model: String should have at most 200 characters"),
        (
            {"inputPrice": "-0.1", "outputPrice": "1"},
            ["inputPrice"],
            "inputPrice: must be from 0 to 1000000 USD per million tokens",
        ),
        (
            {"inputPrice": "1", "outputPrice": "1000000.000000001"},
            ["outputPrice"],
            "outputPrice: must be from 0 to 1000000 USD per million tokens",
        ),
        ({"contextWindow": 0}, ["contextWindow"], "contextWindow: Input should be greater than or equal to 1"),
        ({"qualityRating": 1.01}, ["qualityRating"], "qualityRating: Input should be less than or equal to 1"),
    ],
)
def test_a_value_out_of_bounds_is_rejected_by_name(fields: Any, path: list[str], message: str) -> None:
    with pytest.raises(InvalidInput) as rejected:
        RegisterModel.checked(MODEL | fields)
    assert (rejected.value.message, rejected.value.path) == (message, ["input", *path])


def test_an_update_distinguishes_omitted_from_null_fields() -> None:
    own = OwnPrices(Prices(Decimal(1), Decimal(2)))
    asked = UpdateModel.checked({"inputPrice": None, "local": True})
    assert (asked.changes(), asked.repriced(own)) == ({"local": True}, OwnPrices(Prices(None, Decimal(2))))
    assert UpdateModel.checked({"outputPrice": 0.1}).repriced(own) == OwnPrices(Prices(Decimal(1), Decimal("0.1")))
    with pytest.raises(InvalidInput, match="local: "):
        UpdateModel.checked({"local": None})
