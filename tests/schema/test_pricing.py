"""Prices of calls over the API: each kind of token, service tiers, and prices that users register."""

from __future__ import annotations

from typing import Any

import pytest

from domain.price_list import PRICE_VERSION
from tests.conftest import Clock
from tests.support.api import Api

LOG = """
mutation($input: LogAnalyticsInput!) {
  logAnalytics(input: $input) {
    __typename ... on LoggedAnalytics { record { cost costSource priceVersion } } ... on Error { message path }
  }
}
"""
KINDS = """
  inputTokens outputTokens cachedTokens cacheWriteTokens cacheWrite1hTokens inputAudioTokens cachedAudioTokens
  inputImageTokens cachedImageTokens inputVideoTokens reasoningTokens citationTokens outputAudioTokens outputImageTokens
  outputVideoTokens serviceTier timeToFirstTokenMs
"""
PRICES = """
  inputPrice outputPrice cachedPrice cacheWritePrice cacheWrite1hPrice inputAudioPrice cachedAudioPrice inputImagePrice
  cachedImagePrice inputVideoPrice reasoningPrice citationPrice outputAudioPrice outputImagePrice outputVideoPrice requestPrice
"""
MODEL = f"id {PRICES} tiers {{ serviceTier aboveInputTokens {PRICES} }}"
REGISTER = f"""
mutation($input: RegisterModelInput!) {{
  registerModel(input: $input) {{ __typename ... on Model {{ {MODEL} }} ... on Error {{ message path }} }}
}}
"""
UPDATE = f"""
mutation($id: ID!, $input: UpdateModelInput!) {{
  updateModel(id: $id, input: $input) {{ __typename ... on Model {{ {MODEL} }} ... on Error {{ message path }} }}
}}
"""
CATALOG = f"query($search: String) {{ modelCatalog(search: $search, first: 500) {{ nodes {{ {MODEL} }} }} }}"
ROUTE = """
query($input: RouteRequestInput!) {
  simulateRouting(input: $input) { provider model estimatedCost refusal { constraint } candidates { reason } }
}
"""
SONNET = {"provider": "anthropic", "modelUsed": "claude-sonnet-4-5"}


async def cost(api: Api, **fields: Any) -> tuple[str | None, str, str | None]:
    """Log the call. Returns its cost in USD and the source of the cost."""
    logged = await api.ask(LOG, input={"taskType": "chat", "success": True} | fields)
    record = logged["record"]
    return record["cost"], record["costSource"], record["priceVersion"]


def given_prices(model: dict[str, Any]) -> dict[str, Any]:
    return {name: price for name, price in model.items() if name.endswith("Price") and price is not None}


@pytest.mark.parametrize(
    ("fields", "usd"),
    [
        (SONNET | {"inputTokens": 10_000, "outputTokens": 200, "cacheWriteTokens": 9_000}, "0.03975"),
        (SONNET | {"inputTokens": 9, "outputTokens": 0, "cacheWriteTokens": 9, "cacheWrite1hTokens": 9}, "0.000054"),
        (SONNET | {"inputTokens": 100_000, "outputTokens": 1_000, "cachedTokens": 90_000}, "0.072"),
        (
            {"provider": "google", "modelUsed": "gemini-2.5-flash-image", "inputTokens": 10, "outputTokens": 1_290}
            | {"outputImageTokens": 1_290},
            "0.038703",
        ),
        ({"provider": "openai", "modelUsed": "text-embedding-3-small", "inputTokens": 1_000_000}, "0.02"),
        ({"provider": "openai", "modelUsed": "openai/gpt-4o", "inputTokens": 10**6, "outputTokens": 10**6}, "12.5"),
        ({"provider": "azure_openai", "modelUsed": "GPT-4o", "inputTokens": 10**6, "outputTokens": 10**6}, "12.5"),
        ({"provider": "aws.bedrock", "modelUsed": "claude-3-5-sonnet", "inputTokens": 10**6, "outputTokens": 0}, "3"),
        ({"provider": "openrouter", "modelUsed": "deepseek/deepseek-r1:free"}, "0"),
    ],
)
async def test_a_call_is_priced_by_the_list_for_each_kind_of_token(api: Api, fields: Any, usd: str) -> None:
    assert await cost(api, **fields) == (usd, "LIST_PRICE", PRICE_VERSION)


@pytest.mark.parametrize(
    "fields",
    [
        {"provider": "google", "modelUsed": "gemini-2.5-flash-image", "inputTokens": 10, "outputTokens": 1_290},
        {"provider": "openai", "modelUsed": "gpt-4o", "inputTokens": 10, "outputTokens": 1, "inputImageTokens": 5},
        {"provider": "openai", "modelUsed": "gpt-4-turbo", "inputTokens": 10, "outputTokens": 1, "serviceTier": "FLEX"},
        {"provider": "openrouter", "modelUsed": "openai/gpt-4o:nitro", "inputTokens": 10, "outputTokens": 1},
        {"provider": "openai", "modelUsed": "whisper-1", "inputTokens": 10, "outputTokens": 1},
    ],
)
async def test_a_cost_that_cannot_be_computed_is_unknown(api: Api, fields: Any) -> None:
    assert await cost(api, **fields) == (None, "UNKNOWN", None)


async def test_a_service_tier_has_its_own_price_once_it_is_listed(api: Api, clock: Clock) -> None:
    call = {"provider": "openai", "modelUsed": "gpt-5-nano", "inputTokens": 100_000, "outputTokens": 10_000}
    clock.advance(days=230)
    assert (await cost(api, **call, serviceTier="FLEX", occurredAt="2026-09-01T00:00:00Z"))[0] is None
    clock.advance(days=70)
    assert (await cost(api, **call))[0] == "0.009"
    assert (await cost(api, **call, serviceTier="FLEX", occurredAt="2026-11-20T00:00:00Z"))[0] == "0.0045"


async def test_a_cost_that_was_reported_is_recorded(api: Api) -> None:
    assert await cost(api, **SONNET, cost="0.5", inputTokens=1, outputTokens=1) == ("0.5", "RECORDED", None)


async def test_the_source_of_a_cost_can_be_selected_alone(api: Api) -> None:
    await cost(api, **SONNET, cost="0.5")
    await cost(api, **SONNET, inputTokens=1, outputTokens=1)
    found = await api.ask("{ analytics { nodes { costSource } } }")
    assert [node["costSource"] for node in found["nodes"]] == ["LIST_PRICE", "RECORDED"]


async def test_every_token_count_is_read_back(api: Api) -> None:
    counts = {
        "inputTokens": 1_000,
        "outputTokens": 900,
        "cachedTokens": 30,
        "cacheWriteTokens": 20,
        "cacheWrite1hTokens": 10,
        "inputAudioTokens": 50,
        "cachedAudioTokens": 5,
        "inputImageTokens": 60,
        "cachedImageTokens": 6,
        "inputVideoTokens": 70,
        "reasoningTokens": 80,
        "citationTokens": 8,
        "outputAudioTokens": 90,
        "outputImageTokens": 91,
        "outputVideoTokens": 92,
        "serviceTier": "PRIORITY",
        "timeToFirstTokenMs": 123,
    }
    await cost(api, **SONNET, **counts)
    await cost(api, **SONNET, serviceTier=None)
    plain, counted = (await api.ask(f"{{ analytics {{ nodes {{ {KINDS} }} }} }}"))["nodes"]
    assert counted == counts
    assert plain == dict.fromkeys(counts) | {"serviceTier": "STANDARD"}


async def test_a_registered_price_is_used_and_the_list_fills_in_missing_ones(api: Api) -> None:
    call = SONNET | {"inputTokens": 100_000, "outputTokens": 1_000, "cachedTokens": 90_000}
    registered = {"provider": "Anthropic", "model": "anthropic/Claude-Sonnet-4-5", "inputPrice": "3"}
    model = await api.ask(REGISTER, input=registered | {"outputPrice": "15"})
    mixed = ("REGISTERED_PRICE", f"registered, {PRICE_VERSION}")
    assert await cost(api, **call) == ("0.072", *mixed)
    # and with all prices registered, only the user's are used
    await api.ask(UPDATE, id=model["id"], input={"cachedPrice": "1"})
    assert await cost(api, **call) == ("0.135", "REGISTERED_PRICE", "registered")
    # and without any, only the list's are
    await api.ask(UPDATE, id=model["id"], input={"cachedPrice": None, "inputPrice": None, "outputPrice": None})
    assert await cost(api, **call) == ("0.072", "LIST_PRICE", PRICE_VERSION)


async def test_a_registered_model_is_known_in_any_spelling(api: Api) -> None:
    prices = {"inputPrice": "0.5", "outputPrice": "0.5"}
    await api.ask(REGISTER, input={"provider": "vLLM", "model": "Llama-3.3-70B"} | prices)
    again = await api.ask(REGISTER, input={"provider": "vllm", "model": "llama-3.3-70b"} | prices)
    assert again["__typename"] == "Conflict"
    for model in ("llama-3.3-70b", "LLAMA-3.3-70B", "vllm/llama-3.3-70b"):
        own = await cost(api, provider="vllm", modelUsed=model, inputTokens=1_000_000, outputTokens=0)
        assert own == ("0.5", "REGISTERED_PRICE", "registered")
    # and the price of a kind that was left out is unknown, as is that of another service tier
    call = {"provider": "vllm", "modelUsed": "llama-3.3-70b", "inputTokens": 1_000, "outputTokens": 0}
    assert (await cost(api, **call, cachedTokens=1))[:2] == (None, "UNKNOWN")
    assert (await cost(api, **call, serviceTier="BATCH"))[:2] == (None, "UNKNOWN")


async def test_tiers_are_registered_shown_and_priced(api: Api) -> None:
    model = await api.ask(
        REGISTER,
        input={
            "provider": "home",
            "model": "llama",
            "inputPrice": "1",
            "outputPrice": "2",
            "requestPrice": "0.000000001",
            "tiers": [
                {"serviceTier": "BATCH", "inputPrice": "0.5", "outputPrice": 1},
                {"aboveInputTokens": 1_000, "inputPrice": "3.000000001"},
            ],
        },
    )
    assert given_prices(model) == {"inputPrice": "1", "outputPrice": "2", "requestPrice": "0.000000001"}
    shown = [(tier["serviceTier"], tier["aboveInputTokens"], given_prices(tier)) for tier in model["tiers"]]
    assert shown == [
        ("BATCH", 0, {"inputPrice": "0.5", "outputPrice": "1"}),
        ("STANDARD", 1_000, {"inputPrice": "3.000000001"}),
    ]
    assert model | {"__typename": "Model"} in [
        each | {"__typename": "Model"} for each in (await api.ask(CATALOG, search="llama"))["nodes"]
    ]
    call = {"provider": "home", "modelUsed": "llama", "outputTokens": 0}
    assert (await cost(api, **call, inputTokens=1_000))[0] == "0.001000001"
    assert (await cost(api, **call, inputTokens=1_000_000))[0] == "3.000000002"
    assert (await cost(api, **call, inputTokens=1_000, serviceTier="BATCH"))[0] == "0.0005"
    # and an update replaces them
    model = await api.ask(UPDATE, id=model["id"], input={"tiers": None, "requestPrice": None})
    assert (model["tiers"], given_prices(model)) == ([], {"inputPrice": "1", "outputPrice": "2"})


async def test_the_catalogue_shows_every_price_of_the_list(api: Api) -> None:
    found = {model["id"]: model for model in (await api.ask(CATALOG, search="gemini-2.5"))["nodes"]}
    assert given_prices(found["google:gemini-2.5-flash-image"]) == {
        "inputPrice": "0.3",
        "outputPrice": "2.5",
        "outputImagePrice": "30",
    }
    [large] = found["google:gemini-2.5-pro"]["tiers"]
    assert (large["serviceTier"], large["aboveInputTokens"]) == ("STANDARD", 200_000)
    assert given_prices(large) == {"inputPrice": "2.5", "outputPrice": "15", "cachedPrice": "0.25"}


async def test_a_request_is_estimated_at_its_service_tier(api: Api, clock: Clock) -> None:
    clock.advance(days=255)
    asked = {
        "taskType": "chat",
        "inputTokens": 100_000,
        "maxOutputTokens": 10_000,
        "candidates": [{"provider": "openai", "model": "gpt-5-nano"}],
    }
    assert (await api.ask(ROUTE, input=asked))["estimatedCost"] == "0.009"
    assert (await api.ask(ROUTE, input=asked | {"serviceTier": "FLEX"}))["estimatedCost"] == "0.0045"
    free = asked | {"candidates": [{"provider": "openrouter", "model": "deepseek/deepseek-r1:free"}]}
    assert (await api.ask(ROUTE, input=free))["estimatedCost"] == "0"


@pytest.mark.parametrize(
    ("prices", "counts", "usd"),
    [
        ({"inputPrice": "0"}, {}, None),
        ({"inputPrice": "0"}, {"inputTokens": 10}, None),
        ({"inputPrice": "0"}, {"inputTokens": 10, "outputTokens": 0}, "0"),
        ({"outputPrice": "0"}, {}, None),
        ({"cachedPrice": "0"}, {}, None),
        ({"outputPrice": "2"}, {"outputTokens": 10}, None),
        ({"outputPrice": "2"}, {"inputTokens": 0, "outputTokens": 10}, "0.00002"),
        ({"inputPrice": "2"}, {"inputTokens": 10}, None),
        ({"inputPrice": "2", "outputPrice": "0"}, {"inputTokens": 10}, "0.00002"),
        ({"inputPrice": "0", "outputPrice": "0"}, {}, "0"),
    ],
)
async def test_a_registered_price_for_one_direction_alone_is_no_price(
    api: Api, prices: dict[str, str], counts: dict[str, int], usd: str | None
) -> None:
    await api.ask(REGISTER, input={"provider": "vllm", "model": "mine"} | prices)
    assert (await cost(api, provider="vllm", modelUsed="mine", **counts))[0] == usd
