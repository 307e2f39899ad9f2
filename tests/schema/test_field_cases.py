"""Inputs as clients really send them over the API, with the figures that must result."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest

from domain.analytics import LogAnalytics
from domain.price_list import PRICE_VERSION
from models.database import Database
from models.ledger import Ledger
from models.ledger.call import CallDraft
from models.queries.verification import verify
from tests.conftest import ApiOf, Clock
from tests.support.api import Api
from tests.support.load import ROUTE

LOG = """
mutation($input: LogAnalyticsInput!) {
  logAnalytics(input: $input) {
    __typename
    ... on LoggedAnalytics {
      deduplicated alertEvents { level amount }
      record {
        id provider modelUsed reportedProvider reportedModel cost costSource priceVersion abVariant abCounted
      }
    }
    ... on Error { code message path }
  }
}
"""
LOG_MANY = """
mutation($input: [LogAnalyticsInput!]!) {
  logAnalyticsBatch(input: $input) { accepted deduplicated rejected { index error { message path } } }
}
"""
AMEND = """
mutation($id: ID, $eventId: String, $input: AmendAnalyticsInput!) {
  amendAnalytics(id: $id, eventId: $eventId, input: $input) {
    __typename
    ... on AmendedAnalytics { deduplicated record { id cost costSource } alertEvents { level amount } }
    ... on Error { code message path }
  }
}
"""
AMENDMENTS = "query($id: ID!) { amendments(analyticsId: $id) { amendmentId before after } }"
CREATE_ALERT = """
mutation($input: CreateCostAlertInput!) {
  createCostAlert(input: $input) { ... on CostAlert { id } ... on Error { message path } }
}
"""
UPDATE_ALERT = """
mutation($id: ID!, $input: UpdateCostAlertInput!) {
  updateCostAlert(id: $id, input: $input) { ... on CostAlert { id unknownCost } ... on Error { message path } }
}
"""
ALERTS = """
{ costAlerts { nodes { thresholdAmount currentAmount assumedAmount heldAmount availableAmount unpricedCalls state } } }
"""
RELEASE = "mutation($id: ID!) { releaseDecision(id: $id) { __typename } }"
SAVE = """
mutation($input: SavePreferencesInput!) {
  savePreferences(input: $input) { __typename ... on Error { message path } }
}
"""
REGISTER = """
mutation($input: RegisterModelInput!) {
  registerModel(input: $input) { __typename ... on Model { id provider model } ... on Error { message path } }
}
"""
ALIAS = """
mutation($alias: String!, $provider: String!) {
  registerProviderAlias(alias: $alias, provider: $provider) {
    __typename ... on ProviderAlias { provider } ... on Error { message path }
  }
}
"""
CREATE_TEST = """
mutation($a: VariantConfigInput!, $b: VariantConfigInput!) {
  createABTest(input: {testName: "t", variantA: $a, variantB: $b}) { ... on ABTest { id } ... on Error { message } }
}
"""
TEST = """
query($id: ID!) {
  abTest(id: $id) {
    variantA { calls successes totalCost unpricedCalls } variantB { calls successes totalCost unpricedCalls }
  }
}
"""
SUMMARY = """
query($filter: AnalyticsFilter, $groupBy: [AnalyticsDimension!], $grain: TimeGrain) {
  analyticsSummary(filter: $filter, groupBy: $groupBy, grain: $grain) {
    provider model taskType abVariant calls totalCost unpricedCalls avgCost
  }
}
"""
TREND = """
query($filter: AnalyticsFilter) {
  costTrend(filter: $filter) { totalCost unpricedCalls providers { provider totalCost unpricedCalls share } }
}
"""
LEADERBOARD = """
query($by: LeaderboardDimension!, $filter: AnalyticsFilter) {
  leaderboard(by: $by, filter: $filter) { provider model current { calls totalCost unpricedCalls avgCost } }
}
"""
HEAT_MAP = "query($filter: AnalyticsFilter) { heatMap(filter: $filter) { calls unpricedCalls } }"
CALLS = """
query($filter: AnalyticsFilter) {
  analytics(filter: $filter, first: 100) {
    nodes { id eventId provider modelUsed reportedProvider reportedModel cost costSource }
  }
}
"""

M = 1_000_000
WHOLE: dict[str, Any] = {"inputTokens": M, "outputTokens": M}
MINI = {"provider": "openai", "model": "gpt-4o-mini"}
LARGE = {"provider": "openai", "model": "gpt-4o"}
SONNET = {"provider": "anthropic", "modelUsed": "claude-sonnet-4-5"}
# 1,000 input and 1,000 output tokens of MINI, at 0.15 and 0.60 USD per million.
HELD = "0.00075"

Checked = Callable[[], Awaitable[None]]


@pytest.fixture
async def checked(database: Database, user_id: UUID, clock: Clock, other_api: Api) -> AsyncIterator[None]:
    """After the test, check that all sums equal those of the calls, and that another user has no calls."""
    yield
    assert await verify(database, user_id, clock.now) == []
    assert [bucket["calls"] for bucket in await other_api.ask(SUMMARY)] == [0]


pytestmark = pytest.mark.usefixtures("checked")


def call(provider: str = "openai", model: str = "gpt-4o-mini", **fields: Any) -> dict[str, Any]:
    return {"provider": provider, "modelUsed": model, "taskType": "chat", "success": True} | fields


def outcome(decision: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return call(decision["provider"], decision["model"], decisionId=decision["id"]) | fields


async def logged(api: Api, report: dict[str, Any]) -> dict[str, Any]:
    answer = await api.ask(LOG, input=report)
    assert answer["__typename"] == "LoggedAnalytics", answer
    record: dict[str, Any] = answer["record"]
    return record


async def cost(api: Api, provider: str, model: str, **fields: Any) -> str | None:
    found: str | None = (await logged(api, call(provider, model, **fields)))["cost"]
    return found


async def budget(api: Api, threshold: str, **fields: Any) -> str:
    alert = await api.ask(
        CREATE_ALERT, input={"thresholdAmount": threshold, "period": "DAILY", "enforced": True} | fields
    )
    assert "id" in alert, alert
    id_: str = alert["id"]
    return id_


async def route(api: Api, *candidates: dict[str, Any], **asked: Any) -> dict[str, Any]:
    asked = {
        "taskType": "chat",
        "inputTokens": 1000,
        "maxOutputTokens": 1000,
        "candidates": candidates or [MINI],
    } | asked
    answer: dict[str, Any] = await api.ask(ROUTE, input=asked)
    return answer


async def is_served(api: Api, *candidates: dict[str, Any]) -> bool:
    answer = await route(api, *candidates)
    if answer["__typename"] == "RoutingDecision":
        await api.ask(RELEASE, id=answer["id"])
        return True
    assert answer["__typename"] == "RouteRefused", answer
    return False


async def spent(api: Api) -> tuple[str, str, str, int]:
    """The known, assumed and held spend of the only alert in USD, and its number of unpriced calls."""
    [alert] = (await api.ask(ALERTS))["nodes"]
    return alert["currentAmount"], alert["assumedAmount"], alert["heldAmount"], alert["unpricedCalls"]


# 1. Unknown costs never free up a budget


@pytest.mark.parametrize(
    "window",
    [
        {"period": "DAILY"},
        {"period": "HOURLY"},
        {"period": "DAILY", "mode": "ROLLING"},
        {"period": "MONTHLY", "mode": "ROLLING"},
        {"period": "WEEKLY", "timeZone": "Asia/Kolkata"},
        {"period": "CUSTOM", "custom": {"every": 6, "unit": "HOUR", "anchor": "2026-03-01T02:00:00Z"}},
    ],
    ids=str,
)
async def test_the_second_request_of_a_spent_budget_is_rejected(api: Api, window: dict[str, Any]) -> None:
    await budget(api, "0.001", **window)
    first = await route(api)
    await logged(api, outcome(first))
    assert await spent(api) == ("0", HELD, "0", 1)
    second = await route(api)
    assert (second["__typename"], second["constraint"]) == ("RouteRefused", "budget")
    assert not await is_served(api)


@pytest.mark.parametrize(
    "fields",
    [
        {"success": False},
        {"inputTokens": 1000},
        {"outputTokens": 1000},
        {"latencyMs": 10, "cachedTokens": 5},
        {"provider": " OpenAI ", "modelUsed": "openai/GPT-4o-Mini"},
        {"provider": "acme", "modelUsed": "secret", "inputTokens": 1, "outputTokens": 1},
        {"modelUsed": "gpt-4o:nitro", "inputTokens": 1, "outputTokens": 1},
        {"inputTokens": 1, "outputTokens": 1, "serviceTier": "FLEX"},
        {"inputTokens": 1, "outputTokens": 1, "inputImageTokens": 1},
        {"occurredAt": "2026-03-10T11:59:00Z"},
    ],
    ids=str,
)
async def test_every_outcome_without_a_cost_is_charged_its_hold(api: Api, fields: dict[str, Any]) -> None:
    await budget(api, "0.001")
    assert (await logged(api, outcome(await route(api), **fields)))["cost"] is None
    assert await spent(api) == ("0", HELD, "0", 1)
    assert not await is_served(api)


async def test_every_budget_is_charged_and_the_smallest_rejects(api: Api) -> None:
    ids = [
        await budget(api, limit, **more)
        for limit, more in [("1", {}), ("0.001", {"mode": "ROLLING"}), ("5", {"period": "MONTHLY"})]
    ]
    await logged(api, outcome(await route(api)))
    alerts = (await api.ask(ALERTS))["nodes"]
    assert [alert["assumedAmount"] for alert in alerts] == [HELD] * 3
    assert (await route(api))["alertId"] == ids[1]


async def test_a_failure_and_a_fallback_without_counts_are_charged_once(api: Api) -> None:
    await budget(api, "0.02")
    decision = await route(api, MINI, LARGE)
    first, [second] = {"provider": decision["provider"], "model": decision["model"]}, decision["fallbacks"]
    await logged(api, outcome(decision | first, success=False))
    await logged(api, outcome(decision | second, success=False, fallbackUsed=True))
    assert await spent(api) == ("0", decision["heldAmount"], "0", 2)


async def test_an_outcome_after_the_expiry_of_the_hold_is_charged(api: Api, clock: Clock) -> None:
    await budget(api, "0.001")
    decision = await route(api)
    clock.advance(minutes=11)
    assert await is_served(api)
    await logged(api, outcome(decision))
    assert await spent(api) == ("0", HELD, "0", 1)
    assert not await is_served(api)


async def test_an_outcome_after_the_end_of_the_window_is_charged_to_that_window(api: Api, clock: Clock) -> None:
    await budget(api, "0.001")
    decision = await route(api)
    clock.advance(days=1)
    await logged(api, outcome(decision))
    assert (await spent(api))[:3] == ("0", "0", "0")
    assert await is_served(api)


async def test_an_outcome_of_a_released_routing_decision_is_charged(api: Api) -> None:
    await budget(api, "0.001")
    decision = await route(api)
    await api.ask(RELEASE, id=decision["id"])
    await logged(api, outcome(decision))
    assert await spent(api) == ("0", HELD, "0", 1)
    assert not await is_served(api)


@pytest.mark.parametrize("costs", list(permutations([None, "0.0001", "0.0002"])), ids=str)
async def test_calls_of_one_routing_decision_add_up_in_any_order(api: Api, costs: tuple[str | None, ...]) -> None:
    await budget(api, "0.001")
    decision = await route(api)
    for each in costs:
        await logged(api, outcome(decision, cost=each))
    assert await spent(api) == ("0.0003", "0.00045", "0", 1)
    assert not await is_served(api)


async def test_nothing_is_assumed_once_the_known_cost_exceeds_the_hold(api: Api) -> None:
    await budget(api, "0.002")
    decision = await route(api)
    await logged(api, outcome(decision, cost="0.0009"))
    await logged(api, outcome(decision))
    assert await spent(api) == ("0.0009", "0", "0", 1)


async def test_a_cost_of_0_is_known(api: Api) -> None:
    await budget(api, "0.001")
    for _ in range(3):
        await logged(api, outcome(await route(api), cost="0"))
    assert await spent(api) == ("0", "0", "0", 0)


@pytest.mark.parametrize("free", ["deepseek/deepseek-r1:free", "acme/unheard:FREE"])
async def test_free_models_are_served_when_the_budget_is_spent(api: Api, free: str) -> None:
    await budget(api, "0.000000001")
    await logged(api, call(cost="1"))
    for _ in range(3):
        decision = await route(api, {"provider": "OpenRouter", "model": free})
        assert (decision["__typename"], decision["heldAmount"]) == ("RoutingDecision", "0")
        assert (await logged(api, outcome(decision)))["cost"] == "0"
    assert await spent(api) == ("1", "0", "0", 0)


async def test_a_registered_model_is_served_under_a_budget_only_with_both_prices(api: Api) -> None:
    await budget(api, "1")
    for model, prices in {
        "none": {},
        "half": {"inputPrice": "1"},
        "free": {"inputPrice": "0", "outputPrice": "0"},
    }.items():
        await api.ask(REGISTER, input={"provider": "Home", "model": model} | prices)
    served = [model for model in ("none", "half", "free") if await is_served(api, {"provider": "HOME", "model": model})]
    assert served == ["free"]
    assert (await logged(api, call("home", "FREE")))["cost"] == "0"
    assert (await logged(api, call("home", "none", inputTokens=1, outputTokens=1)))["cost"] is None


@pytest.mark.parametrize(("became", "served"), [("0.0001", True), ("0.0009", False), ("0", True)])
async def test_a_cost_that_becomes_known_replaces_the_assumed_spend(api: Api, became: str, served: bool) -> None:
    await budget(api, "0.001")
    await logged(api, outcome(await route(api), eventId="e"))
    await api.ask(AMEND, eventId="e", input={"cost": became})
    assert await spent(api) == (became, "0", "0", 0)
    assert await is_served(api) is served


@pytest.mark.parametrize("decided", [False, True], ids=["no decision", "a decision before"])
async def test_a_new_budget_counts_earlier_unpriced_calls(api: Api, decided: bool) -> None:
    report = outcome(await route(api)) if decided else call()
    await logged(api, report | {"provider": "OPENAI"})
    await budget(api, "1")
    assert await spent(api) == ("0", "0", "0", 1)
    assert "price unknown" in (await route(api))["candidates"][0]["reason"]
    assert await is_served(api, LARGE)


async def test_the_outcome_of_a_routing_decision_from_before_the_budget_is_counted(api: Api) -> None:
    decision = await route(api)
    await budget(api, "1")
    await logged(api, outcome(decision))
    assert await spent(api) == ("0", "0", "0", 1)
    assert not await is_served(api)


@pytest.mark.parametrize("mode", ["CALENDAR", "ROLLING"])
async def test_unknown_costs_can_be_allowed_and_rejected_again(api: Api, mode: str) -> None:
    id_ = await budget(api, "1", mode=mode)
    await logged(api, call())
    found = []
    for unknown in ("REFUSE", "ALLOW", "REFUSE"):
        assert (await api.ask(UPDATE_ALERT, id=id_, input={"unknownCost": unknown}))["unknownCost"] == unknown
        found.append(await is_served(api))
    assert found == [False, True, False]
    await api.ask(UPDATE_ALERT, id=id_, input={"enforced": False})
    assert await is_served(api)


async def test_a_model_is_served_again_once_its_unpriced_call_leaves_a_rolling_window(api: Api, clock: Clock) -> None:
    await budget(api, "1", period="HOURLY", mode="ROLLING")
    await logged(api, call(occurredAt="2026-03-10T11:30:00Z"))
    assert not await is_served(api)
    clock.advance(minutes=31)
    assert (await is_served(api), await spent(api)) == (True, ("0", "0", "0", 0))


async def test_only_the_model_of_an_unpriced_call_is_rejected_in_any_spelling(api: Api) -> None:
    await budget(api, "1")
    await logged(api, call("Azure-OpenAI", "azure/GPT-4o-mini"))
    assert not await is_served(api, {"provider": "azure.ai.openai", "model": "gpt-4o-mini"})
    assert await is_served(api, MINI)
    assert await is_served(api, {"provider": "azure", "model": "gpt-4o"})


@pytest.mark.parametrize("imported_first", [False, True])
async def test_a_model_with_an_imported_unpriced_call_is_rejected(
    api: Api, database: Database, user_id: UUID, clock: Clock, imported_first: bool
) -> None:
    past = LogAnalytics.model_validate(call("OpenAI") | {"occurredAt": clock.now - timedelta(hours=1)})
    ledger = Ledger(database, clock)
    for imports in (imported_first, not imported_first):
        if imports:
            async with ledger.running():
                await ledger.record([CallDraft(user_id, past, imported=True)])
        else:
            await budget(api, "1")
    assert await spent(api) == ("0", "0", "0", 1)
    assert not await is_served(api)


async def test_unpriced_calls_of_one_user_do_not_affect_another(api: Api, api_of: ApiOf) -> None:
    third = api_of(UUID(int=3))
    await budget(third, "0.001")
    await budget(api, "0.001")
    await logged(api, outcome(await route(api)))
    assert await is_served(third)
    assert await spent(third) == ("0", "0", "0", 0)


async def test_a_batch_of_outcomes_is_charged_like_single_outcomes(api: Api) -> None:
    await budget(api, "0.0075")
    decisions = [await route(api) for _ in range(10)]
    answer = await api.ask(LOG_MANY, input=[outcome(each, eventId=each["id"]) for each in decisions] * 2)
    assert (answer["accepted"], answer["deduplicated"]) == (10, 10)
    assert await spent(api) == ("0", "0.0075", "0", 10)
    assert not await is_served(api)


# 2. Sums count the unpriced calls that they leave out


async def test_a_summary_counts_30_of_31_calls_as_unpriced(api: Api) -> None:
    report = call("acme", "secret", inputTokens=500_000, outputTokens=100_000)
    assert (await api.ask(LOG_MANY, input=[report] * 30 + [report | {"cost": "0.10"}]))["accepted"] == 31
    [bucket] = await api.ask(SUMMARY)
    assert (bucket["calls"], bucket["unpricedCalls"], bucket["totalCost"], bucket["avgCost"]) == (31, 30, "0.1", "0.1")


FREE_CALL = call("openrouter", "acme/x:free")
MIXED = [
    *[call("acme", "secret", taskType="code")] * 3,
    call("ACME", "Secret", cost="0.5"),
    call("openai", "gpt-4o", inputTokens=1000),
    call("OpenAI", "gpt-4o", inputTokens=1000, outputTokens=1000),
    FREE_CALL,
    call("acme", "free", cost="0"),
    call("acme", "old", occurredAt="2026-03-08T13:30:00Z"),
    call("acme", "old", occurredAt="2026-03-08T13:10:00Z", cost="2"),
]


EXPECTED: list[tuple[dict[str, Any] | None, int, int, str]] = [
    (None, 10, 5, "2.5125"),
    ({"from": "2026-03-08T13:15:00Z", "to": "2026-03-10T12:00:01Z"}, 9, 5, "0.5125"),
    ({"providers": ["Acme"]}, 7, 4, "2.5"),
    ({"models": ["SECRET", "openai/gpt-4o"]}, 6, 4, "0.5125"),
    ({"taskTypes": ["code"]}, 3, 3, "0"),
    ({"success": True, "providers": ["open-ai"]}, 2, 1, "0.0125"),
    ({"success": False}, 0, 0, "0"),
]


def added(rows: list[dict[str, Any]]) -> tuple[int, int, str]:
    """The sums of calls, unpriced calls and cost in USD over the rows that have them."""
    usd = sum((Decimal(row.get("totalCost", 0)) for row in rows), Decimal(0))
    return sum(row.get("calls", 0) for row in rows), sum(row["unpricedCalls"] for row in rows), f"{usd.normalize():f}"


async def test_unpriced_calls_add_up_in_every_sum(api: Api) -> None:
    assert (await api.ask(LOG_MANY, input=MIXED))["accepted"] == len(MIXED)
    for filter_, *expected in EXPECTED:
        calls, unpriced, usd = expected
        for by, grain in (([], None), (["PROVIDER"], "MONTH"), (["TASK_TYPE", "PROVIDER", "MODEL"], "DAY")):
            rows = await api.ask(SUMMARY, filter=filter_, groupBy=by, grain=grain)
            assert added(rows) == (calls, unpriced, usd), (filter_, by, grain)
        points = await api.ask(TREND, filter=filter_)
        assert added(points) == (0, unpriced, usd), filter_
        assert added([share for point in points for share in point["providers"]]) == (0, unpriced, usd), filter_
        assert added(await api.ask(HEAT_MAP, filter=filter_)) == (calls, unpriced, "0"), filter_
        for dimension in ("PROVIDER", "MODEL"):
            rows = [row["current"] for row in await api.ask(LEADERBOARD, by=dimension, filter=filter_)]
            assert added(rows) == (calls, unpriced, usd), (filter_, dimension)


async def test_a_cost_of_0_is_not_an_unknown_cost(api: Api) -> None:
    for report in (call("acme", "unknown"), call("acme", "free", cost="0")):
        await logged(api, report)
    rows = await api.ask(SUMMARY, groupBy=["MODEL"])
    assert {row["model"]: (row["totalCost"], row["avgCost"], row["unpricedCalls"]) for row in rows} == {
        "unknown": ("0", None, 1),
        "free": ("0", "0", 0),
    }


async def test_variants_and_alerts_count_their_unpriced_calls(api: Api) -> None:
    test = await api.ask(CREATE_TEST, a=LARGE, b={"provider": "acme", "model": "secret"})
    await api.ask(CREATE_ALERT, input={"thresholdAmount": "10", "period": "DAILY"})
    of_test = {"abTestId": test["id"]}
    await logged(api, call("openai", "gpt-4o", inputTokens=1000, outputTokens=1000, **of_test))
    await logged(api, call("acme", "secret", cost="0.1", **of_test))
    for _ in range(2):
        await logged(api, call("acme", "secret", **of_test))
    arms = await api.ask(TEST, id=test["id"])
    assert [
        (arms[arm]["calls"], arms[arm]["totalCost"], arms[arm]["unpricedCalls"]) for arm in ("variantA", "variantB")
    ] == [
        (1, "0.0125", 0),
        (3, "0.1", 2),
    ]
    assert await spent(api) == ("0.1125", "0", "0", 2)


# 3. Embeddings have no output tokens


EMBEDDINGS = [
    ("openai", "text-embedding-3-small", "0.02"),
    ("openai", "text-embedding-3-large", "0.13"),
    ("OpenAI", "openai/Text-Embedding-Ada-002", "0.1"),
    ("azure_openai", "text-embedding-3-small", "0.02"),
    ("google_genai", "models/gemini-embedding-001", "0.15"),
    ("voyageai", "voyage-3-large", "0.18"),
    ("cohere", "embed-v4.0", "0.12"),
    ("aws.bedrock", "amazon.titan-embed-text-v2:0", "0.02"),
    ("mistralai", "mistral-embed", "0.1"),
]


async def test_embeddings_are_priced_without_output_tokens(api: Api) -> None:
    cases: list[dict[str, Any]] = [{}, {"outputTokens": 0}]
    for counts in cases:
        found = [(*each[:2], await cost(api, *each[:2], inputTokens=M, **counts)) for each in EMBEDDINGS]
        assert found == EMBEDDINGS


@pytest.mark.parametrize(
    ("model", "counts"),
    [("gpt-4o", {"inputTokens": M}), ("text-embedding-3-small", {}), ("text-embedding-3-small", {"outputTokens": 0})],
    ids=str,
)
async def test_missing_token_counts_that_affect_the_price_are_never_taken_as_0(
    api: Api, model: str, counts: dict[str, int]
) -> None:
    assert await cost(api, "openai", model, **counts) is None


# 4. Every spelling of a provider is one provider


NAMES = [
    ("azure_openai", "gpt-4o", "azure", "12.5"),
    ("Azure OpenAI", "gpt-4o", "azure", "12.5"),
    ("azure.ai.openai", "gpt-4o", "azure", "12.5"),
    ("AZURE-OPENAI", "azure/gpt-4o", "azure", "12.5"),
    ("gcp.vertex_ai", "gemini-2.0-flash", "google-vertex", "0.5"),
    ("Vertex AI", "publishers/google/models/gemini-2.0-flash", "google-vertex", "0.5"),
    ("google_genai", "gemini-2.0-flash", "google", "0.5"),
    ("gcp.gemini", "gemini-2.0-flash", "google", "0.5"),
    ("google.generative-ai", "gemini-2.0-flash", "google", "0.5"),
    ("aws.bedrock", "claude-3-5-sonnet", "aws", "18"),
    ("AWS Bedrock", "claude-3-5-sonnet", "aws", "18"),
    ("bedrock_converse", "claude-3-5-sonnet", "aws", "18"),
    ("x_ai", "grok-3", "x-ai", "18"),
    ("X.AI", "grok-3", "x-ai", "18"),
    ("openai.chat", "gpt-4o", "openai", "12.5"),
    ("openai.responses", "gpt-4o", "openai", "12.5"),
    ("  OPENAI\t", " gpt-4o ", "openai", "12.5"),
    ("\uff2f\uff50\uff45\uff4e\uff21\uff29", "\uff47\uff50\uff54-4o", "openai", "12.5"),
    ("anthropic.messages", "claude-3-5-sonnet-20240620", "anthropic", "18"),
    ("groq.chat", "llama-3.3-70b-versatile", "groq", "1.38"),
    ("together_ai", "meta-llama/Llama-3.3-70B-Instruct-Turbo", "together", "1.76"),
    ("cohere_chat", "command-r-plus", "cohere", "12.5"),
]


async def test_all_names_of_a_provider_are_one_provider(api: Api) -> None:
    found = []
    for provider, model, *_ in NAMES:
        record = await logged(api, call(provider, model, **WHOLE))
        found.append((provider, model, record["provider"], record["cost"]))
        assert (record["reportedProvider"], record["reportedModel"]) == (provider.strip(), model.strip())
    assert found == NAMES


RESEMBLING = ["my-openai-proxy", "openai-compatible", "custom_openai", "open", "azurite"]


async def test_a_name_that_resembles_a_provider_is_a_different_one(api: Api) -> None:
    for name in RESEMBLING:
        record = await logged(api, call(name, "gpt-4o", **WHOLE))
        assert record["provider"] not in {"openai", "azure"}
        assert record["cost"] is None


BLOCKS = [
    ("azure", "azure_openai", "gpt-4o", False),
    ("azure", "Azure OpenAI", "gpt-4o", False),
    ("Azure-OpenAI", "azure", "gpt-4o", False),
    ("azure", "openai", "gpt-4o", True),
    ("openai", "azure_openai", "gpt-4o", True),
    ("bedrock", "aws.bedrock", "claude-3-5-sonnet", False),
    ("AWS Bedrock", "amazon-bedrock", "claude-3-5-sonnet", False),
    ("aws", "bedrock_converse", "claude-3-5-sonnet", False),
    ("anthropic", "aws.bedrock", "claude-3-5-sonnet", True),
    ("vertex", "gcp.vertex_ai", "gemini-2.0-flash", False),
    ("gemini", "gcp.vertex_ai", "gemini-2.0-flash", True),
    ("\uff2f\uff50\uff45\uff4e\uff21\uff29 ", "openai.chat", "gpt-4o", False),
    ("vendor:anthropic", "aws.bedrock", "us.anthropic.claude-3-5-sonnet-20241022-v2:0", False),
    ("Vendor: Anthropic", "openrouter", "anthropic/claude-3.5-sonnet", False),
    ("vendor:openai", "azure_openai", "gpt-4o", False),
    ("vendor:anthropic", "openai", "gpt-4o", True),
    ("vendor:google", "gcp.vertex_ai", "claude-3-5-sonnet@20240620", True),
]


async def test_a_block_applies_to_every_name_of_the_provider(api: Api) -> None:
    found = []
    for block, provider, model, _ in BLOCKS:
        saved = await api.ask(SAVE, input={"blockedProviders": [block]})
        assert saved["__typename"] == "RouterPreferences", saved
        answer = await route(api, {"provider": provider, "model": model})
        assert answer.get("constraint", "blockedProviders") == "blockedProviders"
        found.append((block, provider, model, answer["__typename"] == "RoutingDecision"))
    assert found == BLOCKS


PREFERRED_AND_BLOCKED = [
    ("azure", "azure_openai", False),
    ("OpenAI", "openai.chat", False),
    ("Bedrock", "aws.bedrock", False),
    ("vertex", "google", False),
    ("azure", "openai", True),
    ("bedrock", "anthropic", True),
    ("vertex", "gemini", True),
]


async def test_a_provider_cannot_be_preferred_and_blocked_under_two_names(api: Api) -> None:
    found = []
    for preferred, blocked, _ in PREFERRED_AND_BLOCKED:
        saved = await api.ask(SAVE, input={"preferredProviders": [preferred], "blockedProviders": [blocked]})
        found.append((preferred, blocked, saved["__typename"] == "RouterPreferences"))
    assert found == PREFERRED_AND_BLOCKED


@pytest.mark.parametrize("name", ["azure_openai", "Azure OpenAI", "AZURE"])
async def test_rules_apply_to_every_name_of_a_provider(api: Api, name: str) -> None:
    azure, plain = (
        {"provider": "azure-openai", "model": "GPT-4o"},
        {"provider": "groq", "model": "llama-3.3-70b-versatile"},
    )
    chosen = []
    for then in ({"prefer": [name]}, {"block": [name]}, {"use": {"provider": name, "model": "azure/gpt-4o"}}):
        rule = {"name": "r", "when": {}, "then": then}
        assert (await api.ask(SAVE, input={"customRules": [rule]}))["__typename"] == "RouterPreferences"
        chosen.append((await route(api, plain, azure))["provider"])
    assert chosen == ["azure-openai", "groq", "azure-openai"]


# 5. Charts have one row per provider


SPELT = ["openai", "OpenAI", "openai", "OPENAI", "openai"]


async def test_calls_in_several_spellings_are_one_row_in_every_chart(api: Api) -> None:
    reports = [
        call(name, model, cost="1")
        for name, model in zip(SPELT, ["gpt-4o", "GPT-4o", "openai/gpt-4o"] * 2, strict=False)
    ]
    assert (await api.ask(LOG_MANY, input=reports))["accepted"] == 5
    rows = await api.ask(SUMMARY, groupBy=["PROVIDER", "MODEL"])
    assert [(row["provider"], row["model"], row["calls"], row["totalCost"]) for row in rows] == [
        ("openai", "gpt-4o", 5, "5")
    ]
    for filter_ in (
        {"providers": ["openai"]},
        {"providers": ["OpenAI", "open_ai"]},
        {"models": ["openai/gpt-4o"]},
        {"models": ["GPT-4O"]},
        {"models": ["OpenAI/GPT-4o"], "providers": ["openai.chat"]},
    ):
        assert [row["calls"] for row in await api.ask(SUMMARY, filter=filter_)] == [5], filter_
        assert len((await api.ask(CALLS, filter=filter_))["nodes"]) == 5, filter_
    for by in ("PROVIDER", "MODEL"):
        [row] = await api.ask(LEADERBOARD, by=by)
        assert (row["current"]["calls"], row["current"]["totalCost"]) == (5, "5")
    *_, today = await api.ask(TREND)
    assert [(share["provider"], share["totalCost"], share["share"]) for share in today["providers"]] == [
        ("openai", "5", 1.0)
    ]
    assert sorted(node["reportedProvider"] for node in (await api.ask(CALLS))["nodes"]) == sorted(SPELT)
    providers = await api.ask("{ providers { id calls } }")
    assert {each["id"]: each["calls"] for each in providers if each["calls"]} == {"openai": 5}


@pytest.mark.parametrize(
    "names",
    [["My-Proxy", "my-proxy", " MY-PROXY "], ["azure_openai", "Azure OpenAI", "azure"], ["Bedrock", "aws.bedrock"]],
)
async def test_unlisted_providers_have_one_row_each_too(api: Api, names: list[str]) -> None:
    for name in names:
        await logged(api, call(name, "M-1", cost="0.1"))
    [row] = await api.ask(SUMMARY, groupBy=["PROVIDER", "MODEL"])
    assert (row["calls"], row["model"]) == (len(names), "m-1")
    for name in names:
        assert [each["calls"] for each in await api.ask(SUMMARY, filter={"providers": [name]})] == [len(names)]


async def test_an_alias_merges_earlier_and_later_calls(api: Api) -> None:
    # given calls under unlisted names, and a model that is registered under one of them
    await budget(api, "1")
    await api.ask(REGISTER, input={"provider": "vllm", "model": "llama", "inputPrice": "1", "outputPrice": "1"})
    for name in ("gpu-box", "GPU_Box", "gpu box"):
        assert (await logged(api, call(name, "Llama", inputTokens=M, outputTokens=0)))["cost"] is None
    assert await cost(api, "vLLM", "LLAMA", inputTokens=M, outputTokens=0) == "1"
    # when the alias is registered
    assert (await api.ask(ALIAS, alias="Gpu Box", provider="VLLM"))["provider"] == "vllm"
    # then all calls belong to one provider
    assert await cost(api, "gpu.box", "gpu-box/llama", inputTokens=M, outputTokens=0) == "1"
    [row] = await api.ask(SUMMARY, groupBy=["PROVIDER", "MODEL"])
    assert (row["provider"], row["model"], row["calls"], row["unpricedCalls"], row["totalCost"]) == (
        "vllm",
        "llama",
        5,
        3,
        "2",
    )
    for name in ("gpu-box", "GPU BOX", "vllm"):
        assert [each["calls"] for each in await api.ask(SUMMARY, filter={"providers": [name]})] == [5]
    assert [each["calls"] for each in await api.ask(SUMMARY, filter={"models": ["gpu-box/llama"]})] == [5]
    assert {node["reportedProvider"] for node in (await api.ask(CALLS))["nodes"]} == {
        "gpu-box",
        "GPU_Box",
        "gpu box",
        "vLLM",
        "gpu.box",
    }
    # and the budget rejects the model under each name
    for name in ("gpu-box", "vllm"):
        assert not await is_served(api, {"provider": name, "model": "llama"})


async def test_an_alias_applies_to_blocks_tests_and_registered_models(api: Api) -> None:
    await api.ask(REGISTER, input={"provider": "gpu-box", "model": "llama", "inputPrice": "2", "outputPrice": "2"})
    test = await api.ask(CREATE_TEST, a={"provider": "gpu-box", "model": "llama"}, b=LARGE)
    await api.ask(ALIAS, alias="gpu-box", provider="vllm")
    for name in ("gpu-box", "vllm"):
        record = await logged(api, call(name, "Llama", inputTokens=M, outputTokens=0, abTestId=test["id"]))
        assert (record["cost"], record["abVariant"]) == ("2", "A")
    await api.ask(SAVE, input={"blockedProviders": ["GPU_BOX"]})
    assert not await is_served(api, {"provider": "vllm", "model": "llama"})
    assert not await is_served(api, {"provider": "gpu-box", "model": "llama"})


async def test_an_alias_of_a_listed_provider_is_priced_routed_and_amended(api: Api) -> None:
    await api.ask(ALIAS, alias="Corp OpenAI", provider="openai")
    for number, model in enumerate(["gpt-4o", "corp-openai/GPT-4o", "openai/gpt-4o", "corp_openai/openai/gpt-4o"]):
        record = await logged(api, call("corp.openai", model, inputTokens=M, eventId=str(number)))
        assert (record["provider"], record["modelUsed"], record["cost"]) == ("openai", "gpt-4o", None)
        assert record["reportedModel"] == model
        amended = await api.ask(AMEND, eventId=str(number), input={"outputTokens": M})
        assert amended["record"]["cost"] == "12.5"
        assert await cost(api, "CORP-OPENAI", model, **WHOLE) == "12.5"
        decision = await route(api, {"provider": "corp-openai", "model": model})
        assert (decision["model"], decision["estimatedCost"]) == (model, "0.0125")
    rows = await api.ask(SUMMARY, filter={"models": ["corp-openai/gpt-4o"]}, groupBy=["MODEL"])
    assert [(row["model"], row["calls"], row["totalCost"]) for row in rows] == [("gpt-4o", 8, "100")]


async def test_an_alias_does_not_affect_another_user(api: Api, api_of: ApiOf) -> None:
    await api.ask(ALIAS, alias="corp", provider="openai")
    assert await cost(api, "corp", "gpt-4o", **WHOLE) == "12.5"
    record = await logged(api_of(UUID(int=3)), call("corp", "gpt-4o", **WHOLE))
    assert (record["provider"], record["cost"]) == ("corp", None)


# 6. A/B tests in any spelling


@pytest.mark.parametrize(
    ("a", "provider", "model"),
    [
        (LARGE, "OpenAI", "gpt-4o"),
        (LARGE, "openai.chat", "openai/GPT-4o"),
        ({"provider": "OpenAI", "model": "openai/gpt-4o"}, "openai", "gpt-4o"),
        ({"provider": "azure_openai", "model": "GPT-4o"}, "Azure OpenAI", "azure/gpt-4o"),
        ({"provider": "bedrock", "model": "Claude-3-5-Sonnet"}, "aws.bedrock", "bedrock/claude-3-5-sonnet"),
        ({"provider": "My Proxy", "model": "M"}, "my proxy", "m"),
    ],
)
async def test_a_call_is_counted_for_its_variant_in_any_spelling(
    api: Api, a: dict[str, str], provider: str, model: str
) -> None:
    test = await api.ask(CREATE_TEST, a=a, b={"provider": "anthropic", "model": "claude-sonnet-4-5"})
    record = await logged(api, call(provider, model, abTestId=test["id"], cost="0.25"))
    assert (record["abVariant"], record["abCounted"]) == ("A", True)
    await logged(api, call("Anthropic", "anthropic/Claude-Sonnet-4-5", abTestId=test["id"], success=False))
    arms = await api.ask(TEST, id=test["id"])
    assert arms["variantA"] == {"calls": 1, "successes": 1, "totalCost": "0.25", "unpricedCalls": 0}
    assert arms["variantB"] == {"calls": 1, "successes": 0, "totalCost": "0", "unpricedCalls": 1}


@pytest.mark.parametrize("provider", ["azure_openai", "openrouter", "my-openai-proxy"])
async def test_a_call_of_neither_variant_must_name_one(api: Api, provider: str) -> None:
    test = await api.ask(CREATE_TEST, a=LARGE, b=MINI)
    refused = await api.ask(LOG, input=call(provider, "gpt-4o", abTestId=test["id"]))
    assert (refused["__typename"], refused["path"][-1]) == ("InvalidInput", "abVariant")
    assert [bucket["calls"] for bucket in await api.ask(SUMMARY)] == [0]


# 7. Every spelling of a model is one model


MODELS = [
    ("openai", "openai/gpt-4o", "12.5"),
    ("openai", "openai/openai/gpt-4o", "12.5"),
    ("openai", "openai:gpt-4o", "12.5"),
    ("google_genai", "google-gla:gemini-2.0-flash", "0.5"),
    ("ollama", "mistral:7b", None),
    ("openai", "GPT-4O", "12.5"),
    ("openai", "gpt-4o-2024-08-06", "12.5"),
    ("openai", "ft:gpt-4o-2024-08-06:org::id", "18.75"),
    ("azure", "azure/gpt-4o", "12.5"),
    ("anthropic", "Anthropic/Claude-3-5-Sonnet-20240620", "18"),
    ("google", "models/gemini-2.0-flash", "0.5"),
    ("vertex_ai", "vertex_ai/gemini-2.0-flash", "0.5"),
    ("vertex_ai", "claude-3-5-sonnet@20240620", "18"),
    ("bedrock", "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-5-sonnet-20240620-v1:0", "18"),
    ("bedrock", "bedrock/us.anthropic.claude-3-5-sonnet-20241022-v2:0", "18"),
    ("openrouter", "OpenAI/GPT-4o", "12.5"),
    ("openrouter", "openrouter/openai/gpt-4o", "12.5"),
    ("groq", "groq/llama-3.3-70b-versatile", "1.38"),
    ("openai", "acme/gpt-4o", None),
    ("openai", "gpt-4o-turbo-ultra", None),
]


async def test_all_spellings_of_a_model_have_one_price(api: Api) -> None:
    assert [(*each[:2], await cost(api, *each[:2], **WHOLE)) for each in MODELS] == MODELS


REGISTERED = [
    (("vLLM", "Llama-3.3-70B"), ("vllm", "llama-3.3-70b")),
    (("vllm", "vllm/llama-3.1-8b"), ("VLLM", "LLAMA-3.1-8B")),
    (("Ollama", "Qwen3:8B"), ("ollama_chat", "ollama/qwen3:8b")),
    (("My Gateway", "Team/Model"), ("my gateway", "team/model")),
    (("home", "\uff2c\uff4c\uff41\uff4d\uff41"), ("HOME", "llama")),
]


async def test_a_registered_model_prices_every_spelling(api: Api) -> None:
    prices = {"inputPrice": "0.5", "outputPrice": "0.5"}
    for registered, sent in REGISTERED:
        for (provider, model), expected in ((registered, "Model"), (sent, "Conflict")):
            answer = await api.ask(REGISTER, input={"provider": provider, "model": model} | prices)
            assert answer["__typename"] == expected
        record = await logged(api, call(*sent, inputTokens=M, outputTokens=0))
        assert (record["cost"], record["costSource"], record["priceVersion"]) == (
            "0.5",
            "REGISTERED_PRICE",
            "registered",
        )


# 8. Registered prices


CACHED: dict[str, Any] = {"inputTokens": 100_000, "outputTokens": 1_000, "cachedTokens": 90_000}


OWN_PRICES: list[tuple[dict[str, str], str]] = [
    ({"inputPrice": "3", "outputPrice": "15"}, "0.072"),
    ({"inputPrice": "3", "outputPrice": "15", "cachedPrice": "0.3"}, "0.072"),
    ({"inputPrice": "3", "outputPrice": "15", "cachedPrice": "0"}, "0.045"),
    ({"inputPrice": "6"}, "0.102"),
    ({"outputPrice": "0"}, "0.057"),
    ({}, "0.072"),
]


async def test_the_list_fills_in_prices_that_are_not_registered(api_of: ApiOf) -> None:
    for number, (prices, usd) in enumerate(OWN_PRICES):
        one = api_of(UUID(int=number))
        assert await cost(one, "anthropic", "claude-sonnet-4-5", **CACHED) == "0.072"
        name = ("anthropic", "Anthropic.messages")[number % 2]
        answer = await one.ask(REGISTER, input={"provider": name, "model": "Claude-Sonnet-4-5"} | prices)
        assert answer["__typename"] == "Model"
        assert await cost(one, "anthropic.messages", "anthropic/claude-sonnet-4-5", **CACHED) == usd, prices


async def test_estimates_and_holds_use_registered_prices(api: Api) -> None:
    await api.ask(REGISTER, input=MINI | {"provider": "OpenAI", "inputPrice": "1", "outputPrice": "2"})
    await budget(api, "0.005")
    decision = await route(api)
    assert decision["heldAmount"] == "0.003"
    await logged(api, outcome(decision))
    assert await spent(api) == ("0", "0.003", "0", 1)
    assert not await is_served(api)


# 9. Each kind of token has its price


OCTOBER = "2026-11-20T00:00:00Z"


KINDS = [
    ("anthropic", "claude-sonnet-4-5", {"cacheWriteTokens": 9_000}, "0.03975"),
    ("anthropic", "claude-sonnet-4-5", {"cacheWriteTokens": 9_000, "cacheWrite1hTokens": 9_000}, "0.06"),
    ("anthropic", "claude-sonnet-4-5", {"cacheWriteTokens": 9_000, "cacheWrite1hTokens": 4_000}, "0.04875"),
    ("anthropic", "claude-sonnet-4-5", {"cacheWriteTokens": 4_000, "cachedTokens": 5_000}, "0.0225"),
    ("anthropic", "claude-sonnet-4-5", {}, "0.033"),
    ("google", "gemini-2.5-flash-image", {"inputTokens": 10, "outputTokens": 1_290}, None),
    (
        "google",
        "gemini-2.5-flash-image",
        {"inputTokens": 10, "outputTokens": 1_290, "outputImageTokens": 1_290},
        "0.038703",
    ),
    ("google", "gemini-2.5-flash", {"outputTokens": 1000, "inputTokens": 1000, "inputAudioTokens": 800}, "0.00336"),
    ("google", "gemini-2.5-flash", {"inputImageTokens": 1}, None),
    ("google", "gemini-2.5-flash", {"inputVideoTokens": 1}, None),
    ("google", "gemini-2.5-pro", {"inputTokens": 200_000, "outputTokens": 1000}, "0.26"),
    ("google", "gemini-2.5-pro", {"inputTokens": 200_001, "outputTokens": 1000}, "0.5150025"),
    (
        "openai",
        "gpt-audio",
        {"inputTokens": 1000, "outputTokens": 1000, "inputAudioTokens": 800, "outputAudioTokens": 900},
        "0.0847",
    ),
    ("openai", "gpt-audio", {}, None),
    ("openai", "gpt-4o", {"inputTokens": 20_000, "outputTokens": 100, "cachedTokens": 19_000}, "0.02725"),
    ("openai", "gpt-4o", {"inputImageTokens": 5}, None),
    ("openai", "o3", {"inputTokens": 1000, "outputTokens": 1000, "reasoningTokens": 800}, "0.01"),
    ("openai", "whisper-1", {}, None),
    ("openai", "tts-1", {}, None),
    (
        "perplexity",
        "sonar-deep-research",
        {"inputTokens": 1000, "outputTokens": 1000, "reasoningTokens": 500, "citationTokens": 200},
        "0.0063",
    ),
]


async def test_each_kind_of_token_has_its_price_or_an_unknown_one(api: Api) -> None:
    found = []
    for provider, model, counts, _ in KINDS:
        record = await logged(api, call(provider, model, **{"inputTokens": 10_000, "outputTokens": 200} | counts))
        found.append((provider, model, counts, record["cost"]))
        known = record["cost"] is not None
        assert (record["costSource"], record["priceVersion"]) == (
            ("LIST_PRICE", PRICE_VERSION) if known else ("UNKNOWN", None)
        )
    assert found == KINDS


TIERS = [
    ("openai", "gpt-5-nano", "FLEX", "0.0045"),
    ("openai", "gpt-5-nano", "BATCH", "0.0045"),
    ("openai", "gpt-5-nano", "PRIORITY", None),
    ("openai", "gpt-5-nano", "STANDARD", "0.009"),
    ("OpenAI", "openai/GPT-5-nano", "FLEX", "0.0045"),
    ("openai", "gpt-4o", "PRIORITY", "0.595"),
    ("openai", "gpt-4o", "BATCH", "0.175"),
    ("openai", "gpt-4o", "FLEX", None),
    ("anthropic", "claude-sonnet-4-5", "BATCH", "0.225"),
    ("anthropic", "claude-sonnet-4-5", "FLEX", None),
    ("google", "gemini-2.5-pro", "BATCH", "0.1125"),
    ("azure", "gpt-5-nano", "FLEX", None),
]


async def test_a_service_tier_has_its_own_price_or_an_unknown_one(api: Api, clock: Clock) -> None:
    clock.now = datetime(2026, 11, 21, tzinfo=UTC)
    found = []
    for provider, model, tier, _ in TIERS:
        counts = {"inputTokens": 100_000, "outputTokens": 10_000, "serviceTier": tier}
        found.append((provider, model, tier, await cost(api, provider, model, **counts, occurredAt=OCTOBER)))
    assert found == TIERS


CONTRADICTIONS: list[dict[str, Any]] = [
    {"cachedTokens": 11},
    {"cacheWriteTokens": 11},
    {"cachedTokens": 6, "cacheWriteTokens": 5},
    {"cacheWriteTokens": 5, "cacheWrite1hTokens": 6},
    {"reasoningTokens": 11},
    {"inputAudioTokens": 6, "inputImageTokens": 5},
    {"outputImageTokens": 11},
    {"cachedTokens": 5, "cachedAudioTokens": 6},
]


async def test_token_counts_whose_parts_exceed_the_total_are_rejected(api: Api) -> None:
    for counts in CONTRADICTIONS:
        refused = await api.ask(LOG, input=call(inputTokens=10, outputTokens=10, **counts))
        assert refused["__typename"] == "InvalidInput", counts
    assert [bucket["calls"] for bucket in await api.ask(SUMMARY)] == [0]


# 10. Free models


@pytest.mark.parametrize(
    "model", ["deepseek/deepseek-r1:free", "DeepSeek/DeepSeek-R1:FREE", "acme/unlisted:free", "openrouter/acme/x:free"]
)
@pytest.mark.parametrize("provider", ["openrouter", "OpenRouter"])
async def test_free_models_of_openrouter_cost_0_and_meet_every_limit(api: Api, provider: str, model: str) -> None:
    await api.ask(SAVE, input={"maxCostPerRequest": "1"})
    await budget(api, "0.000000001")
    decision = await route(api, {"provider": provider, "model": model}, inputTokens=100_000, maxOutputTokens=100_000)
    assert (decision["__typename"], decision["estimatedCost"]) == ("RoutingDecision", "0")
    assert await cost(api, provider, model, **WHOLE) == "0"
    assert await cost(api, provider, model) == "0"


ENDINGS = [
    ("openrouter", "openai/gpt-4o:nitro", None),
    ("openrouter", "openai/gpt-4o:floor", None),
    ("openrouter", "openai/gpt-4o:online", None),
    ("openrouter", "openai/gpt-4o:batch", "6.25"),
    ("openrouter", "openai/gpt-4o", "12.5"),
    ("openrouter", "acme/x:free:nitro", None),
    ("openai", "gpt-4o:free", None),
    ("groq", "llama-3.3-70b-versatile:free", None),
]


async def test_other_suffixes_are_not_free(api: Api) -> None:
    await api.ask(SAVE, input={"maxCostPerRequest": "1"})
    found = []
    for provider, model, _ in ENDINGS:
        usd = await cost(api, provider, model, **WHOLE)
        assert await is_served(api, {"provider": provider, "model": model}) is (usd is not None)
        found.append((provider, model, usd))
    assert found == ENDINGS


# Amendments


@pytest.mark.parametrize("by", ["id", "eventId"])
async def test_a_large_cost_is_corrected_to_a_tiny_one(api: Api, by: str) -> None:
    await api.ask(CREATE_ALERT, input={"thresholdAmount": "500", "period": "DAILY"})
    record = await logged(api, call("acme", "secret", cost="1000", eventId="e"))
    await logged(api, call("acme", "secret", cost="0.000000001"))
    amended = await api.ask(AMEND, **{by: record["id"] if by == "id" else "e"}, input={"cost": "0.000000001"})
    assert (amended["record"]["cost"], amended["alertEvents"]) == ("0.000000001", [])
    [bucket] = await api.ask(SUMMARY)
    assert (bucket["totalCost"], bucket["avgCost"]) == ("0.000000002", "0.000000001")
    assert await spent(api) == ("0.000000002", "0", "0", 0)


async def test_an_amendment_is_deduplicated_however_its_call_is_named(api: Api) -> None:
    record = await logged(api, call("acme", "secret", eventId="e"))
    named = [{"eventId": "e"}, {"id": record["id"]}, {"eventId": "e"}]
    found = [await api.ask(AMEND, **each, input={"cost": "2", "amendmentId": "a"}) for each in named]
    assert [each.get("deduplicated") for each in found] == [False, True, True], found
    assert len(await api.ask(AMENDMENTS, id=record["id"])) == 1
    other = await logged(api, call("acme", "secret", eventId="f"))
    refused = await api.ask(AMEND, id=other["id"], input={"cost": "2", "amendmentId": "a"})
    assert (refused["__typename"], refused["path"]) == ("Conflict", ["amendmentId"])


@pytest.mark.parametrize(
    "order", list(permutations([{"cost": "3"}, {"qualityScore": 0.5}, {"success": False}])), ids=str
)
async def test_amendments_of_different_fields_can_come_in_any_order(
    api: Api, order: tuple[dict[str, Any], ...]
) -> None:
    await logged(api, call("acme", "secret", eventId="e"))
    for fields in order:
        amended = await api.ask(AMEND, eventId="e", input=fields)
        assert amended["__typename"] == "AmendedAnalytics"
    assert amended["record"]["cost"] == "3"
    [bucket] = await api.ask("{ analyticsSummary { calls successes totalCost unpricedCalls } }")
    assert bucket == {"calls": 1, "successes": 0, "totalCost": "3", "unpricedCalls": 0}


async def test_an_amendment_can_be_reverted_by_another(api: Api) -> None:
    await budget(api, "10")
    record = await logged(api, call("openai", "gpt-4o", cost="1", inputTokens=10, outputTokens=10, eventId="e"))
    before = (await spent(api), await api.ask(SUMMARY))
    for fields in ({"cost": "2"}, {"cost": "1"}, {"success": False}, {"success": True}, {"cost": "1"}):
        await api.ask(AMEND, eventId="e", input=fields)
    assert (await spent(api), await api.ask(SUMMARY)) == before
    assert len(await api.ask(AMENDMENTS, id=record["id"])) == 5


async def test_quality_alone_changes_no_sum_and_no_price(api: Api) -> None:
    await budget(api, "10")
    await logged(api, call("openai", "gpt-4o", **WHOLE, eventId="known"))
    await logged(api, call("openai", "gpt-4o", eventId="unknown"))
    before = (await spent(api), await api.ask(SUMMARY))
    for id_, usd, source in (("known", "12.5", "LIST_PRICE"), ("unknown", None, "UNKNOWN")):
        amended = await api.ask(AMEND, eventId=id_, input={"qualityScore": 1.0})
        assert (amended["record"]["cost"], amended["record"]["costSource"]) == (usd, source)
    assert (await spent(api), await api.ask(SUMMARY)) == before
    assert not await is_served(api, LARGE)


@pytest.mark.parametrize("mode", ["CALENDAR", "ROLLING"])
async def test_an_amendment_in_an_ended_window_does_not_fire(api: Api, clock: Clock, mode: str) -> None:
    await budget(api, "1", mode=mode)
    await logged(api, call("acme", "secret", eventId="e"))
    clock.advance(days=2)
    amended = await api.ask(AMEND, eventId="e", input={"cost": "5"})
    assert amended["alertEvents"] == []
    assert await spent(api) == ("0", "0", "0", 0)
    assert await api.ask("{ alertEvents { nodes { id } } }") == {"nodes": []}
    assert await is_served(api)


async def test_a_call_of_a_routing_decision_is_amended_after_its_hold_and_window_have_ended(
    api: Api, clock: Clock
) -> None:
    await budget(api, "0.001", period="MONTHLY")
    decision = await route(api)
    await logged(api, outcome(decision, eventId="e"))
    clock.advance(days=3)
    assert await spent(api) == ("0", HELD, "0", 1)
    for fields, expected in (
        ({"inputTokens": 1000}, ("0", HELD, "0", 1)),
        ({"outputTokens": 100}, ("0.00021", "0", "0", 0)),
        ({"cost": "0.0005"}, ("0.0005", "0", "0", 0)),
    ):
        await api.ask(AMEND, eventId="e", input=fields)
        assert await spent(api) == expected


async def test_an_amendment_changes_the_figures_of_an_ended_test(api: Api) -> None:
    test = await api.ask(CREATE_TEST, a=LARGE, b=MINI)
    await logged(api, call("OpenAI", "gpt-4o", abTestId=test["id"], eventId="e"))
    await logged(api, call("openai", "gpt-4o", abTestId=test["id"], cost="1"))
    await api.ask("mutation($id: ID!) { endABTest(id: $id) { __typename } }", id=test["id"])
    await logged(api, call("openai", "gpt-4o", abTestId=test["id"], eventId="after"))
    await api.ask(AMEND, eventId="e", input={"cost": "2.5", "success": False})
    await api.ask(AMEND, eventId="after", input={"cost": "100"})
    arms = await api.ask(TEST, id=test["id"])
    assert arms["variantA"] == {"calls": 2, "successes": 1, "totalCost": "3.5", "unpricedCalls": 0}


@pytest.mark.parametrize("first", [True, False])
async def test_a_settled_routing_decision_stays_settled_when_its_success_is_amended_to_a_failure(
    api: Api, first: bool
) -> None:
    await budget(api, "0.02")
    decision = await route(api, MINI, LARGE)
    await logged(api, outcome(decision, eventId="e", success=first, cost="0.0001"))
    assert await spent(api) == ("0.0001", "0", "0" if first else "0.00065", 0)
    for success in (True, False):
        amended = await api.ask(AMEND, eventId="e", input={"success": success})
        assert amended["__typename"] == "AmendedAnalytics"
        assert await spent(api) == ("0.0001", "0", "0", 0)


async def test_a_known_cost_can_become_unknown(api: Api) -> None:
    await budget(api, "0.001")
    await logged(api, outcome(await route(api), eventId="e", inputTokens=1000, outputTokens=100))
    for fields, expected in (
        ({"inputImageTokens": 1}, ("0", HELD, "0", 1)),
        ({"inputImageTokens": 0}, ("0.00021", "0", "0", 0)),
        ({"serviceTier": "PRIORITY"}, ("0", HELD, "0", 1)),
        ({"cost": "0.0002"}, ("0.0002", "0", "0", 0)),
    ):
        await api.ask(AMEND, eventId="e", input=fields)
        assert await spent(api) == expected, fields


async def test_an_imported_call_is_amended_like_any_other(
    api: Api, database: Database, user_id: UUID, clock: Clock
) -> None:
    await budget(api, "1")
    past = LogAnalytics.model_validate(
        call("OpenAI", eventId="e", inputTokens=M) | {"occurredAt": clock.now - timedelta(hours=1)}
    )
    ledger = Ledger(database, clock)
    async with ledger.running():
        await ledger.record([CallDraft(user_id, past, imported=True)])
    assert not await is_served(api)
    amended = await api.ask(AMEND, eventId="e", input={"cost": "0.25"})
    assert (amended["record"]["cost"], amended["alertEvents"]) == ("0.25", [])
    assert await spent(api) == ("0.25", "0", "0", 0)
    assert await is_served(api)


async def test_an_amendment_is_priced_with_the_spelling_and_tier_that_were_sent(api: Api, clock: Clock) -> None:
    clock.now = datetime(2026, 11, 21, tzinfo=UTC)
    await logged(api, call("OpenAI.chat", "openai/GPT-5-nano", eventId="e", occurredAt=OCTOBER, inputTokens=100_000))
    for fields, usd in (
        ({"outputTokens": 10_000}, "0.009"),
        ({"serviceTier": "FLEX"}, "0.0045"),
        ({"serviceTier": "PRIORITY"}, None),
        ({"serviceTier": "STANDARD"}, "0.009"),
    ):
        assert (await api.ask(AMEND, eventId="e", input=fields))["record"]["cost"] == usd
