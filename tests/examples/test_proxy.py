"""The proxy with real clients, fake providers and a real router, over real sockets."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from typing import Any

import httpx2
import pytest
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from domain.price import ServiceTier
from domain.viewer import Viewer
from examples.fake_provider import Books, Fakes, Price, Provider
from examples.proxy import Proxy, attempt
from models.analytics import RouterAnalytics
from models.database import Database
from models.queries.verification import verify
from tests.conftest import Clock, serving
from tests.support.api import Api
from tests.support.load import SET_BUDGET

REGISTER = "mutation($input: RegisterModelInput!) { registerModel(input: $input) { __typename } }"
SAVE = "mutation($input: SavePreferencesInput!) { savePreferences(input: $input) { __typename } }"
RECORDS = """
query($after: String) {
  analytics(first: 500, after: $after) {
    nodes {
      eventId provider modelUsed success cost fallbackUsed decisionId inputTokens outputTokens cachedTokens taskType metadata
    }
    pageInfo { hasNextPage endCursor }
  }
}
"""
BY_PROVIDER = """
{ analyticsSummary(groupBy: [PROVIDER]) { provider calls successes fallbacks totalCost outputTokens } }
"""
DECISIONS = """
query($after: String) {
  decisions(first: 500, after: $after) {
    nodes { id state provider request records { eventId success cost } }
    pageInfo { hasNextPage endCursor }
  }
}
"""
FAST_S = 0.002
PRICE = Price(Decimal(3), Decimal(15))

Ask = Callable[..., Awaitable[httpx2.Response]]


def fake(name: str, price: Price = PRICE, *, latency_s: float = FAST_S, **more: Any) -> Provider:
    return Provider(name, {"model": price}, median_latency_s=latency_s, **more)


@asynccontextmanager
async def proxied(
    router: httpx2.AsyncClient, fakes: Fakes, names: Sequence[str], **timeouts_s: float
) -> AsyncIterator[Ask]:
    """Starts a proxy in front of these providers. Returns a function that sends a request to it. The timeout is 30 s by default."""
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(serving(fakes.app))
        providers = {
            name: await stack.enter_async_context(
                httpx2.AsyncClient(base_url=f"{address}/{name}/v1", timeout=timeouts_s.get(name, 30))
            )
            for name in names
        }
        proxy = await stack.enter_async_context(serving(Proxy(router, providers).app))
        client = await stack.enter_async_context(httpx2.AsyncClient(base_url=proxy, timeout=30))

        async def ask(text: str = "How are you?", **more: Any) -> httpx2.Response:
            body = {"model": "auto", "messages": [{"role": "user", "content": text}], "max_tokens": 200} | more
            return await client.post("/v1/chat/completions", json=body)

        yield ask


@pytest.fixture
async def router(url: str, token: str) -> AsyncIterator[httpx2.AsyncClient]:
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx2.AsyncClient(base_url=url, headers=headers, timeout=30) as router:
        yield router


async def register(api: Api, *providers: Provider) -> None:
    for provider in providers:
        for model, price in provider.models.items():
            registered = {
                "provider": provider.name,
                "model": model,
                "inputPrice": str(price.input),
                "outputPrice": str(price.output),
            }
            assert await api.ask(REGISTER, input=registered) == {"__typename": "Model"}


async def all_of(api: Api, query: str) -> list[Any]:
    nodes: list[Any] = []
    after = None
    while True:
        page = await api.ask(query, after=after)
        nodes += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            return nodes
        after = page["pageInfo"]["endCursor"]


def spent_in(records: Sequence[dict[str, Any]]) -> Decimal:
    """The sum of the costs, all of which must be known."""
    return sum((Decimal(record["cost"]) for record in records), Decimal(0))


async def assert_books_agree(api: Api, clock: Clock, books: Books) -> list[Any]:
    """Check that the ledger and the providers have the same calls and costs. Returns the logged calls."""
    clock.advance(seconds=1)  # a summary ends before now
    records = await all_of(api, RECORDS)
    assert spent_in(records) == books.total
    assert Counter((r["provider"], r["modelUsed"]) for r in records if r["success"]) == books.served
    assert Counter(r["provider"] for r in records) == books.asked
    summary = {bucket["provider"]: bucket for bucket in await api.ask(BY_PROVIDER)}
    assert set(summary) == set(books.asked)
    for provider, bucket in summary.items():
        assert Decimal(bucket["totalCost"]) == books.spent_at(provider)
        assert bucket["calls"] == books.asked[provider]
        assert bucket["successes"] == books.served[provider, "model"]
    return records


async def test_the_providers_books_and_the_ledger_agree_to_the_nano_dollar(
    live_api: Api, router: httpx2.AsyncClient, database: Database, viewer: Viewer, clock: Clock
) -> None:
    # given: the cheaper a provider, the less reliable; and the cheapest is blocked
    providers = [
        fake("blocked", Price(Decimal("0.01"), Decimal("0.01"))),
        fake("failing", Price(Decimal("0.037"), Decimal("0.143")), errors=0.4),
        fake("limiting", Price(Decimal("0.171"), Decimal("0.613")), rate_limits=0.4, states_cost=True),
        fake("both", Price(Decimal("0.333"), Decimal("1.777")), errors=0.1, rate_limits=0.1),
        fake("steady", Price(Decimal("2.5"), Decimal(10)), states_cost=True),
    ]
    fakes = Fakes(providers, seed=7)
    await register(live_api, *providers)
    await live_api.ask(SAVE, input={"defaultPriority": "COST", "blockedProviders": ["blocked"]})

    # when: 20 concurrent clients send 10 requests each
    async with proxied(router, fakes, [provider.name for provider in providers]) as ask:

        async def client(number: int) -> list[httpx2.Response]:
            return [
                await ask(f"{'word ' * (17 * number + n)}", user=f"user-{number}", metadata={"task_type": "summary"})
                for n in range(10)
            ]

        answers = list(itertools.chain(*await asyncio.gather(*(client(number) for number in range(20)))))

    # then: all were served, none by the blocked provider, and not all by the first choice
    assert Counter(answer.status_code for answer in answers) == {200: 200}
    books = fakes.books
    assert books.asked["blocked"] == 0
    assert books.served.total() == 200
    assert {provider for provider, _ in books.failed} >= {"failing", "limiting"}

    # every attempt is logged, and the cost is the same on both sides
    records = await assert_books_agree(live_api, clock, books)
    assert len(records) == books.asked.total() == 200 + books.failed.total()
    assert {record["taskType"] for record in records} == {"summary"}
    assert sum(record["fallbackUsed"] for record in records) == books.failed.total()
    assert {record["cost"] for record in records if not record["success"]} == {"0"}

    # every answer has a logged call with the same figures
    served = {record["decisionId"]: record for record in records if record["success"]}
    assert len(served) == 200
    for answer in answers:
        record, usage = served[answer.headers["X-Router-Decision"]], answer.json()["usage"]
        assert record["eventId"].startswith(answer.headers["X-Request-ID"])
        assert (record["inputTokens"], record["outputTokens"]) == (usage["prompt_tokens"], usage["completion_tokens"])

    # and every routing decision is settled by its attempts
    decisions = await all_of(live_api, DECISIONS)
    assert Counter(decision["state"] for decision in decisions) == {"SETTLED": 200}
    assert sum(len(decision["records"]) for decision in decisions) == len(records)
    assert await verify(database, viewer.id, clock()) == []


async def test_a_used_up_budget_is_a_429_and_never_overspent(
    live_api: Api, router: httpx2.AsyncClient, clock: Clock
) -> None:
    # given: equal prices, so that a fallback costs no more than the hold, and a budget for a few dozen requests
    providers = [fake("one", errors=0.2), fake("two", rate_limits=0.2, states_cost=True), fake("three")]
    fakes = Fakes(providers, seed=11)
    await register(live_api, *providers)
    limit = Decimal("0.05")
    await live_api.ask(SET_BUDGET, threshold=str(limit))

    # when: 20 concurrent clients send requests until each is rejected
    async with proxied(router, fakes, ["one", "two", "three"]) as ask:

        async def client() -> tuple[int, httpx2.Response]:
            for served in itertools.count():
                answer = await ask()
                if answer.status_code != 200:
                    return served, answer
            raise AssertionError

        ends = await asyncio.gather(*(client() for _ in range(20)))
        served, last = await client()

    # then: each error says when to retry
    assert fakes.books.served.total() == sum(count for count, _ in ends) + served > 20
    assert fakes.books.failed.total() > 0
    for _, response in [*ends, (served, last)]:
        assert response.status_code == 429, response.text
        assert int(response.headers["Retry-After"]) >= 1
        assert response.json()["error"]["constraint"] == "budget"
        assert response.json()["error"]["code"] == "LIMIT_EXCEEDED"

    # the spend is within the limit, and the rest would not pay for another request
    records = await assert_books_agree(live_api, clock, fakes.books)
    spent = spent_in(records)
    error = last.json()["error"]
    assert [Decimal(error[name]) for name in ("limit", "spent", "held")] == [limit, spent, Decimal(0)]
    [estimate] = {Decimal(candidate["estimatedCost"]) for candidate in error["candidates"]}
    assert limit - estimate < spent <= limit


async def test_a_request_that_preferences_forbid_is_a_403_with_the_reason(
    live_api: Api, router: httpx2.AsyncClient
) -> None:
    provider = fake("only")
    fakes = Fakes([provider])
    await register(live_api, provider)
    await live_api.ask(SAVE, input={"blockedProviders": ["only"]})
    async with proxied(router, fakes, ["only"]) as ask:
        response = await ask()
    assert response.status_code == 403
    assert "Retry-After" not in response.headers
    assert (response.json()["error"]["__typename"], response.json()["error"]["constraint"]) == (
        "RouteRefused",
        "blockedProviders",
    )
    assert fakes.books.asked.total() == 0
    assert await all_of(live_api, DECISIONS) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"user": "u" * 201},  # the router returns the reason
        {"messages": []},
        {"model": "model"},
        {"max_tokens": 0},
        {"stream": True},
        {"n": 2},
    ],
)
async def test_an_invalid_request_is_a_400_and_is_sent_to_no_provider(
    live_api: Api, router: httpx2.AsyncClient, wrong: dict[str, Any]
) -> None:
    provider = fake("only")
    fakes = Fakes([provider])
    await register(live_api, provider)
    async with proxied(router, fakes, ["only"]) as ask:
        response = await ask(**wrong)
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "INVALID_INPUT"
    assert fakes.books.asked.total() == 0


async def test_a_named_model_is_used_and_no_other(live_api: Api, router: httpx2.AsyncClient) -> None:
    providers = [fake("cheap", Price(Decimal(1), Decimal(1))), fake("dear")]
    fakes = Fakes(providers)
    await register(live_api, *providers)
    async with proxied(router, fakes, ["cheap", "dear"]) as ask:
        answer = await ask(model="dear/model")
    assert (answer.status_code, answer.headers["X-Provider"]) == (200, "dear")
    assert fakes.books.asked == {"dear": 1}


async def test_when_no_provider_serves_the_hold_is_released(live_api: Api, router: httpx2.AsyncClient) -> None:
    providers = [fake("one", errors=1), fake("two", rate_limits=1)]
    fakes = Fakes(providers)
    # The proxy cannot connect to the third provider.
    await register(live_api, *providers, fake("unknown"))
    await live_api.ask(SET_BUDGET, threshold="0.005")
    async with proxied(router, fakes, ["one", "two"]) as ask:
        # The budget pays for one of these requests at a time.
        answers = [await ask() for _ in range(3)]
    assert [answer.status_code for answer in answers] == [502, 502, 502]
    assert fakes.books.failed == {("one", 500): 3, ("two", 429): 3}
    records = await all_of(live_api, RECORDS)
    assert [record["cost"] for record in records] == ["0"] * 9
    assert not any(record["success"] for record in records)


async def test_an_error_of_the_request_is_returned_to_the_client_and_holds_nothing(
    live_api: Api, router: httpx2.AsyncClient
) -> None:
    providers = [Provider("one", {}, median_latency_s=FAST_S), fake("two", Price(Decimal(9), Decimal(99)))]
    fakes = Fakes(providers)
    await register(live_api, fake("one"), providers[1])
    await live_api.ask(SAVE, input={"defaultPriority": "COST"})
    await live_api.ask(SET_BUDGET, threshold="1")
    async with proxied(router, fakes, ["one", "two"]) as ask:
        answer = await ask()
    assert answer.status_code == 404
    assert answer.json()["error"]["message"] == "one did not serve this"
    [decision] = await all_of(live_api, DECISIONS)
    assert decision["state"] == "RELEASED"
    assert [(record["success"], record["cost"]) for record in decision["records"]] == [(False, "0")]


CREATE_TEST = "mutation($input: CreateABTestInput!) { createABTest(input: $input) { ... on ABTest { id } } }"
WATCH_TEST = """
query($id: ID!) {
  abTest(id: $id) {
    active winner variantA { calls successes } variantB { calls successes }
    inference { verdict sentence sampleRatioPValue comparisons { metric verdict countA countB valueA valueB designEffect } }
  }
}
"""
END_TEST = """
mutation($id: ID!, $winner: Variant) {
  endABTest(id: $id, winner: $winner) { ... on ABTest { active winner inference { verdict sentence } } }
}
"""


async def test_an_ab_test_finds_the_better_variant_and_makes_it_the_default(
    live_api: Api, router: httpx2.AsyncClient, database: Database, viewer: Viewer, clock: Clock
) -> None:
    # given: B is better in every metric, and requests name their user
    a = fake("shaky", errors=0.3, latency_s=0.02, latency_sigma=0.1)
    b = fake("firm", Price(Decimal(2), Decimal(10)), latency_sigma=0.1)
    fakes = Fakes([a, b], seed=3)
    await register(live_api, a, b)
    variants = {"variantA": {"provider": "shaky", "model": "model"}, "variantB": {"provider": "firm", "model": "model"}}
    test = await live_api.ask(CREATE_TEST, input={"testName": "shaky or firm", "taskType": "chat"} | variants)

    # when: 150 users send two requests each
    async with proxied(router, fakes, ["shaky", "firm"]) as ask:

        async def client(number: int) -> None:
            for n in range(2):
                assert (await ask(f"{'word ' * n}", user=f"user-{number}")).status_code == 200

        for first in range(0, 150, 15):
            await asyncio.gather(*(client(number) for number in range(first, first + 15)))

        # then: each assignment counts once, and a fallback counts for the assigned variant
        watched = await live_api.ask(WATCH_TEST, id=test["id"])
        calls_a, calls_b = watched["variantA"]["calls"], watched["variantB"]["calls"]
        failed = fakes.books.failed["shaky", 500]
        assert failed > 20
        assert calls_a + calls_b == 300 + failed
        assert (watched["variantA"]["successes"], watched["variantB"]["successes"]) == (calls_a - failed, calls_b)
        assert watched["inference"]["sampleRatioPValue"] > 0.01
        assert watched["inference"]["verdict"] == "B_BETTER", watched
        success = watched["inference"]["comparisons"][0]
        assert (success["countA"], success["valueB"], success["verdict"]) == (calls_a, 1.0, "B_BETTER")

        # and when the test ends, its result is stored and B is the default
        ended = await live_api.ask(END_TEST, id=test["id"], winner="B")
        assert (ended["active"], ended["winner"]) == (False, "B")
        assert ended["inference"]["verdict"] == "B_BETTER"
        assert ended["inference"]["sentence"] == watched["inference"]["sentence"]
        asked_before = fakes.books.asked["shaky"]
        for number in range(5):
            assert (await ask(user=f"user-{number}")).headers["X-Provider"] == "firm"
        assert fakes.books.asked["shaky"] == asked_before
    assert await verify(database, viewer.id, clock()) == []


async def test_the_cost_of_a_provider_that_times_out_is_unknown(live_api: Api, router: httpx2.AsyncClient) -> None:
    slow, quick = fake("slow", Price(Decimal(1), Decimal(1)), latency_s=1, latency_sigma=0), fake("quick")
    fakes = Fakes([slow, quick])
    await register(live_api, slow, quick)
    await live_api.ask(SAVE, input={"defaultPriority": "COST"})
    async with proxied(router, fakes, ["slow", "quick"], slow=0.2) as ask:
        answer = await ask()
    assert (answer.status_code, answer.headers["X-Provider"]) == (200, "quick")
    by_provider = {record["provider"]: record for record in await all_of(live_api, RECORDS)}
    assert (by_provider["slow"]["success"], by_provider["slow"]["cost"]) == (False, None)
    assert (by_provider["slow"]["inputTokens"], by_provider["slow"]["outputTokens"]) == (None, None)
    assert by_provider["quick"]["fallbackUsed"]
    assert Decimal(by_provider["quick"]["cost"]) == fakes.books.spent_at("quick")


async def test_cached_tokens_have_their_price(live_api: Api, router: httpx2.AsyncClient) -> None:
    usage = {"prompt_tokens": 20000, "completion_tokens": 100, "prompt_tokens_details": {"cached_tokens": 19000}}
    # At list prices: no model is registered.
    provider = Provider("openai", {"gpt-4o": PRICE}, median_latency_s=FAST_S, says={"usage": usage})
    async with proxied(router, Fakes([provider]), ["openai"]) as ask:
        answer = await ask(model="openai/gpt-4o")
    assert (answer.status_code, answer.json()["usage"]) == (200, usage)
    [record] = await all_of(live_api, RECORDS)
    assert (record["inputTokens"], record["outputTokens"], record["cachedTokens"]) == (20000, 100, 19000)
    # 1,000 tokens at 2.5, 19,000 at 1.25 and 100 at 10 USD per million.
    assert record["cost"] == "0.02725"
    assert record["metadata"] == {}


async def test_every_kind_of_token_and_the_service_tier_are_recorded(
    live_api: Api, router: httpx2.AsyncClient, database: Database, viewer: Viewer
) -> None:
    usage = {
        "prompt_tokens": 1000,
        "completion_tokens": 400,
        "prompt_tokens_details": {
            "cached_tokens": 300,
            "cache_write_tokens": 200,
            "audio_tokens": 150,
            "image_tokens": 120,
        },
        "cache_creation": {"ephemeral_1h_input_tokens": 90},
        "completion_tokens_details": {"reasoning_tokens": 64, "audio_tokens": 50, "image_tokens": 30},
        "cost": 0.0123,
    }
    provider = fake("only", says={"usage": usage, "service_tier": "flex"})
    await register(live_api, provider)
    async with proxied(router, Fakes([provider]), ["only"]) as ask:
        assert (await ask()).status_code == 200
    async with database.viewer(viewer) as session:
        record = (await session.scalars(select(RouterAnalytics))).one()
    assert (record.input_tokens, record.cached_tokens, record.cache_write_tokens) == (1000, 300, 200)
    assert record.cache_write_1h_tokens == 90
    assert (record.input_audio_tokens, record.input_image_tokens) == (150, 120)
    assert (record.output_tokens, record.reasoning_tokens) == (400, 64)
    assert (record.output_audio_tokens, record.output_image_tokens) == (50, 30)
    assert record.service_tier is ServiceTier.FLEX
    assert (record.cost, record.metadata_) == (Decimal("0.0123"), {})


@pytest.mark.parametrize(
    "usage",
    [
        None,
        "many",
        {},
        {"prompt_tokens": "20", "completion_tokens": -5, "prompt_tokens_details": {"cached_tokens": "all"}},
    ],
)
async def test_without_usage_the_tokens_are_estimated_and_the_call_is_marked(
    live_api: Api, router: httpx2.AsyncClient, usage: Any
) -> None:
    choices = [{"index": 0, "message": {"role": "assistant", "content": "Thanks, I am fine."}, "finish_reason": "stop"}]
    provider = fake("only", says={"usage": usage, "choices": choices})
    await register(live_api, provider)
    async with proxied(router, Fakes([provider]), ["only"]) as ask:
        answer = await ask("How are you?")
    assert (answer.status_code, answer.json()["choices"]) == (200, choices)
    [record] = await all_of(live_api, RECORDS)
    # 12 and 18 characters: 3 tokens at 3 and 5 at 15 USD per million.
    assert (record["success"], record["inputTokens"], record["outputTokens"]) == (True, 3, 5)
    assert (record["cost"], record["metadata"]) == ("0.000084", {"tokensEstimated": True})


async def test_with_impossible_token_counts_the_answer_is_returned_and_the_call_logged(
    live_api: Api, router: httpx2.AsyncClient
) -> None:
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "prompt_tokens_details": {"cached_tokens": 101}}
    provider = fake("only", says={"usage": usage})
    await register(live_api, provider)
    async with proxied(router, Fakes([provider]), ["only"]) as ask:
        assert (await ask()).status_code == 200
    [record] = await all_of(live_api, RECORDS)
    assert (record["inputTokens"], record["outputTokens"], record["cachedTokens"]) == (100, 10, None)
    assert (record["cost"], record["metadata"]) == ("0.00045", {"tokensEstimated": True})


async def test_the_cost_of_an_unreadable_answer_is_unknown() -> None:
    async def answer(_request: Request) -> Response:
        return Response(b"[" * 100_000, media_type="application/json")

    app = Starlette(routes=[Route("/chat/completions", answer, methods=["POST"])])
    async with serving(app) as address, httpx2.AsyncClient(base_url=address) as provider:
        assert await attempt(provider, {"model": "model", "messages": []}) == (None, {})


class Forgetful(httpx2.AsyncHTTPTransport):
    """A transport that loses the answers to the first reports after they were recorded."""

    def __init__(self, losses: int) -> None:
        super().__init__()
        self.reports = 0
        self._losses = losses

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await super().handle_async_request(request)
        if b"logAnalytics" in request.content:
            self.reports += 1
            if self.reports <= self._losses:
                await response.aclose()
                raise httpx2.ReadError("the connection was lost")
        return response


async def test_a_report_whose_answer_is_lost_is_repeated_and_counted_once(
    live_api: Api, url: str, token: str, clock: Clock
) -> None:
    provider = fake("only")
    fakes = Fakes([provider])
    await register(live_api, provider)
    transport = Forgetful(losses=2)
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(base_url=url, headers=headers, transport=transport) as router,
        proxied(router, fakes, ["only"]) as ask,
    ):
        answer = await ask()
    assert answer.status_code == 200
    assert transport.reports == 3
    assert len(await assert_books_agree(live_api, clock, fakes.books)) == 1


async def test_an_overloaded_router_is_a_503_with_retry_after() -> None:
    overloaded = {
        "__typename": "Overloaded",
        "message": "Too much at once.",
        "code": "OVERLOADED",
        "path": None,
        "retryAfterMs": 1500,
    }

    async def answer(_request: Request) -> JSONResponse:
        return JSONResponse({"data": {"routeRequest": overloaded}})

    fakes = Fakes([fake("only")])
    async with (
        serving(Starlette(routes=[Route("/graphql", answer, methods=["POST"])])) as address,
        httpx2.AsyncClient(base_url=address) as router,
        proxied(router, fakes, ["only"]) as ask,
    ):
        response = await ask()
    assert (response.status_code, response.headers["Retry-After"]) == (503, "2")
    assert response.json()["error"]["code"] == "OVERLOADED"
    assert fakes.books.asked.total() == 0


async def test_without_a_router_no_request_is_sent() -> None:
    fakes = Fakes([fake("only")])
    async with (
        httpx2.AsyncClient(base_url="http://127.0.0.1:1") as router,
        proxied(router, fakes, ["only"]) as ask,
    ):
        response = await ask()
    assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
    assert fakes.books.asked.total() == 0
