from __future__ import annotations

import asyncio
from collections import Counter
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx2
import pytest
from sqlalchemy import delete, update

import models.queries.routing_context
from models.database import Database
from models.hold import Hold
from models.ledger.group_commit import BATCH_SIZE
from models.ledger.repair import repair
from models.ledger.retention import drop_before
from models.ledger.routing_decision import HOLD_FOR
from models.ledger.settlement import OVERSHOOT
from models.queries.verification import verify
from tests.conftest import Clock
from tests.support.api import Api
from tests.support.load import LOG_ONE, ROUTE, SET_BUDGET, until

MINI = {"provider": "openai", "model": "gpt-4o-mini"}
LARGE = {"provider": "openai", "model": "gpt-4o"}
SONNET = {"provider": "anthropic", "model": "claude-sonnet-4-5"}
LOCAL = {"provider": "ollama", "model": "llama3"}
UNKNOWN = {"provider": "somebody", "model": "something"}
# 1,000 input and 1,000 output tokens, at 0.15 and 0.60 USD per million for MINI, 2.50 and 10 for LARGE, 3 and 15 for SONNET.
MINI_COSTS, LARGE_COSTS, SONNET_COSTS = "0.00075", "0.0125", "0.018"

DECISION = """
query($id: ID!) {
  decision(id: $id) {
    provider model state heldAmount expiresAt releasedAt propensity rules notes request priority taskType createdAt
    fallbacks { provider model parameters } records { eventId success cost }
    candidates { provider model eligible reason score estimatedCost }
  }
}
"""
SIMULATE = """
query($input: RouteRequestInput!) {
  simulateRouting(input: $input) {
    provider model priority rules notes estimatedCost fallbacks { provider model }
    refusal { constraint limit spent held resetsAt retryable } candidates { provider model eligible reason }
  }
}
"""
RELEASE = """
mutation($id: ID!) {
  releaseDecision(id: $id) { __typename ... on RoutingDecision { id state releasedAt } ... on Error { code message path } }
}
"""
SAVE = "mutation($input: SavePreferencesInput!) { savePreferences(input: $input) { __typename } }"
REGISTER = """
mutation($input: RegisterModelInput!) {
  registerModel(input: $input) { __typename ... on Model { id } ... on Error { message } }
}
"""
UPDATE_ALERT = """
mutation($id: ID!, $input: UpdateCostAlertInput!) { updateCostAlert(id: $id, input: $input) { __typename } }
"""
DECIDED = "{ decisions(first: 500) { nodes { id state provider } } }"


def request(*candidates: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"taskType": "chat", "inputTokens": 1000, "maxOutputTokens": 1000, "candidates": list(candidates)} | more


def report(decision: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "provider": decision["provider"],
        "modelUsed": decision["model"],
        "taskType": "chat",
        "success": True,
        "decisionId": decision["id"],
    } | more


def chosen(decision: dict[str, Any]) -> tuple[str, str]:
    assert decision["__typename"] == "RoutingDecision", decision
    return decision["provider"], decision["model"]


async def held(api: Api) -> str | None:
    """The amount held by the budget, in USD, as the error of a request that no budget can pay for states it."""
    outcome = await api.ask(SIMULATE, input=request(SONNET, maxOutputTokens=900_000_000))
    assert outcome["refusal"]["constraint"] == "budget"
    amount: str = outcome["refusal"]["held"]
    return amount


async def test_a_routing_decision_has_the_choice_the_reasons_and_the_fallbacks(api: Api) -> None:
    decision = await api.ask(
        ROUTE,
        input=request(SONNET, LARGE | {"parameters": {"temperature": 0}}, MINI, priority="COST", requestId="r1"),
    )
    assert chosen(decision) == ("openai", "gpt-4o-mini")
    assert (decision["estimatedCost"], decision["heldAmount"], decision["expiresAt"]) == (MINI_COSTS, "0", None)
    stored = await api.ask(DECISION, id=decision["id"])
    assert stored == {
        "provider": "openai",
        "model": "gpt-4o-mini",
        "state": "OPEN",
        "heldAmount": "0",
        "expiresAt": None,
        "releasedAt": None,
        "propensity": 1.0,
        "rules": [],
        "notes": [],
        "request": {"inputTokens": 1000, "maxOutputTokens": 1000, "requestId": "r1"},
        "priority": "COST",
        "taskType": "chat",
        "createdAt": "2026-03-10T12:00:00Z",
        "fallbacks": [LARGE | {"parameters": {"temperature": 0}}, SONNET | {"parameters": None}],
        "records": [],
        "candidates": [
            MINI
            | {
                "eligible": True,
                "reason": "chosen: ranked first by COST (eligible candidates: 3)",
                "score": 1.0,
                "estimatedCost": MINI_COSTS,
            },
            LARGE
            | {
                "eligible": True,
                "reason": "fallback 1",
                "score": pytest.approx(0.06),
                "estimatedCost": LARGE_COSTS,
            },
            SONNET
            | {
                "eligible": True,
                "reason": "fallback 2",
                "score": pytest.approx(0.75 / 18),
                "estimatedCost": SONNET_COSTS,
            },
        ],
    }


@pytest.mark.parametrize(
    ("preferences", "constraint", "limit", "message"),
    [
        ({"blockedProviders": ["OpenAI"]}, "blockedProviders", None, "openai gpt-4o-mini: its provider is blocked"),
        (
            {"maxCostPerRequest": "0.0007"},
            "maxCostPerRequest",
            "0.0007",
            "openai gpt-4o-mini: its estimated cost is 0.00075 USD, above the limit of 0.0007 USD",
        ),
        (
            {"customRules": [{"name": "no chats", "when": {"taskType": "chat"}, "then": {"block": ["openai"]}}]},
            "customRules",
            None,
            'openai gpt-4o-mini: the rule "no chats" blocks its provider',
        ),
    ],
)
async def test_a_request_beyond_a_limit_is_rejected_and_nothing_is_stored(
    api: Api, preferences: dict[str, Any], constraint: str, limit: str | None, message: str
) -> None:
    await api.ask(SAVE, input=preferences)
    refused = await api.ask(ROUTE, input=request(MINI))
    assert refused.pop("candidates") == [MINI | {"reason": message.partition(": ")[2]}]
    assert refused == {
        "__typename": "RouteRefused",
        "code": "LIMIT_EXCEEDED",
        "path": None,
        "message": f"No candidate can serve this request. The closest is {message}",
        "constraint": constraint,
        "limit": limit,
        "spent": None,
        "held": None,
        "resetsAt": None,
        "alertId": None,
        "retryable": False,
    }
    assert await api.ask(DECIDED) == {"nodes": []}


async def test_an_unknown_price_rejects_a_candidate_only_under_a_cost_limit(api: Api) -> None:
    assert chosen(await api.ask(ROUTE, input=request(UNKNOWN))) == ("somebody", "something")
    await api.ask(SAVE, input={"maxCostPerRequest": "100"})
    refused = await api.ask(ROUTE, input=request(UNKNOWN))
    assert (refused["constraint"], refused["limit"]) == ("maxCostPerRequest", "100")
    # a registered price is known, even if it is zero
    await api.ask(REGISTER, input=UNKNOWN | {"inputPrice": "0", "outputPrice": "0"})
    assert chosen(await api.ask(ROUTE, input=request(UNKNOWN))) == ("somebody", "something")


async def test_a_model_with_a_known_p95_above_the_limit_is_rejected(api: Api, clock: Clock) -> None:
    await api.ask(SAVE, input={"maxLatencyMs": 1000})
    # given 20 calls of a model, one in ten too slow
    for number in range(20):
        latency = 1500 if number % 10 == 0 else 100
        await api.ask(LOG_ONE, input=report(MINI | {"id": None}, latencyMs=latency, cost="0"))
    clock.advance(seconds=60)
    # then another model is chosen, and a request for this one alone is rejected with the reason
    assert chosen(await api.ask(ROUTE, input=request(MINI, LARGE))) == ("openai", "gpt-4o")
    refused = await api.ask(ROUTE, input=request(MINI))
    assert refused["constraint"] == "maxLatencyMs"
    assert refused["candidates"][0]["reason"].endswith("ms, above the limit of 1000 ms")


async def test_registered_models_are_routed_to_and_privacy_prefers_local_ones(api: Api) -> None:
    await api.ask(REGISTER, input=MINI)
    await api.ask(REGISTER, input=LOCAL | {"local": True, "inputPrice": "0", "outputPrice": "0"})
    await api.ask(SAVE, input={"preferredProviders": ["openai"]})
    asked = {"taskType": "chat", "inputTokens": 1000, "maxOutputTokens": 1000}
    assert chosen(await api.ask(ROUTE, input=asked | {"priority": "PRIVACY"})) == ("ollama", "llama3")
    assert chosen(await api.ask(ROUTE, input=asked | {"priority": "SPEED"})) == ("openai", "gpt-4o-mini")
    # when the local model cannot serve, the routing decision says so
    await api.ask(SAVE, input={"blockedProviders": ["ollama"]})
    decision = await api.ask(ROUTE, input=asked | {"priority": "PRIVACY"})
    assert chosen(decision) == ("openai", "gpt-4o-mini")
    assert decision["notes"] == [
        "No local model can serve this request: every candidate sends it to an external provider."
    ]


async def test_feedback_and_ratings_make_quality(api: Api, clock: Clock) -> None:
    await api.ask(REGISTER, input=LOCAL | {"qualityRating": 0.9})
    assert chosen(await api.ask(ROUTE, input=request(MINI, LOCAL, priority="QUALITY"))) == ("ollama", "llama3")
    for _ in range(40):
        await api.ask(LOG_ONE, input=report(MINI | {"id": None}, qualityScore=1.0, cost="0"))
    clock.advance(seconds=60)
    await api.ask(SAVE, input={})
    assert chosen(await api.ask(ROUTE, input=request(MINI, LOCAL, priority="QUALITY"))) == ("openai", "gpt-4o-mini")


async def test_a_simulation_returns_the_same_choice_and_stores_nothing(api: Api) -> None:
    rule = {"name": "big ones", "when": {"inputTokensAbove": 500}, "then": {"use": SONNET, "priority": "COST"}}
    await api.ask(SAVE, input={"customRules": [rule]})
    await api.ask(SET_BUDGET, threshold="0.02")
    simulated = await api.ask(SIMULATE, input=request(MINI, SONNET))
    assert simulated == {
        "provider": "anthropic",
        "model": "claude-sonnet-4-5",
        "priority": "COST",
        "rules": ["big ones"],
        "notes": [],
        "estimatedCost": SONNET_COSTS,
        "fallbacks": [MINI],
        "refusal": None,
        "candidates": [
            SONNET | {"eligible": True, "reason": "chosen: ranked first by COST (eligible candidates: 2)"},
            MINI | {"eligible": True, "reason": "fallback 1"},
        ],
    }
    assert await api.ask(DECIDED) == {"nodes": []}
    assert await held(api) == "0"
    decided = await api.ask(ROUTE, input=request(MINI, SONNET))
    assert (chosen(decided), decided["heldAmount"]) == (("anthropic", "claude-sonnet-4-5"), SONNET_COSTS)
    assert await held(api) == SONNET_COSTS


async def test_input_out_of_bounds_is_rejected_by_name(api: Api) -> None:
    refused = await api.ask(ROUTE, input=request(MINI, inputTokens=-1))
    assert (refused["__typename"], refused["path"]) == ("InvalidInput", ["input", "inputTokens"])
    refused = await api.ask(ROUTE, input=request())
    assert (refused["__typename"], refused["path"]) == ("InvalidInput", ["input", "candidates"])
    refused = await api.ask(ROUTE, input=request(*[MINI] * 101))
    assert (refused["__typename"], refused["path"]) == ("InvalidInput", ["input", "candidates"])
    assert await api.ask(DECIDED) == {"nodes": []}


async def test_a_budget_reserves_the_estimated_cost_and_settles_it_with_the_outcome(
    api: Api, database: Database, user_id: UUID, clock: Clock
) -> None:
    alert = await api.ask(SET_BUDGET, threshold="0.0016")
    first, second = [await api.ask(ROUTE, input=request(MINI)) for _ in range(2)]
    assert [first["heldAmount"], second["heldAmount"]] == [MINI_COSTS] * 2
    assert first["expiresAt"] == (clock.now + HOLD_FOR).isoformat().replace("+00:00", "Z")
    # when the budget is used up, the error names the budget
    refused = await api.ask(ROUTE, input=request(MINI))
    assert refused.pop("candidates") == [
        MINI | {"reason": f"its estimated cost is {MINI_COSTS} USD, and the budget custom_spend has 0.0001 USD left"}
    ]
    assert refused.pop("resetsAt").startswith("20")
    assert refused == {
        "__typename": "RouteRefused",
        "code": "LIMIT_EXCEEDED",
        "path": None,
        "message": "The budget custom_spend cannot cover this request: of 0.0016 USD, 0 are spent and 0.0015 are held",
        "constraint": "budget",
        "limit": "0.0016",
        "spent": "0",
        "held": "0.0015",
        "alertId": alert["id"],
        "retryable": True,
    }
    # when one call is reported to cost less, the rest admits another
    await api.ask(LOG_ONE, input=report(first, cost="0.0000001"))
    assert await held(api) == MINI_COSTS
    third = await api.ask(ROUTE, input=request(MINI))
    assert third["heldAmount"] == MINI_COSTS
    assert [(await api.ask(DECISION, id=d["id"]))["state"] for d in (first, second, third)] == [
        "SETTLED",
        "OPEN",
        "OPEN",
    ]
    assert await verify(database, user_id, clock.now) == []


async def test_a_request_above_the_whole_budget_is_not_retryable(api: Api) -> None:
    await api.ask(SET_BUDGET, threshold="0.0007")
    refused = await api.ask(ROUTE, input=request(MINI))
    assert (refused["constraint"], refused["retryable"]) == ("budget", False)


async def test_candidates_above_the_budget_are_skipped_in_order(api: Api) -> None:
    await api.ask(SET_BUDGET, threshold="0.001")
    await api.ask(SAVE, input={"preferredProviders": ["anthropic"]})
    decision = await api.ask(ROUTE, input=request(SONNET, MINI))
    assert (chosen(decision), decision["fallbacks"]) == (("openai", "gpt-4o-mini"), [])
    assert decision["candidates"][1] == SONNET | {
        "reason": f"its estimated cost is {SONNET_COSTS} USD, and the budget custom_spend has 0.001 USD left"
    }


async def test_the_hold_stays_for_the_fallbacks_after_a_failed_attempt(
    api: Api, database: Database, user_id: UUID, clock: Clock
) -> None:
    await api.ask(SET_BUDGET, threshold="1")
    decision = await api.ask(ROUTE, input=request(SONNET, LARGE, MINI, priority="QUALITY"))
    amount = Decimal(decision["heldAmount"])
    await api.ask(LOG_ONE, input=report(decision, success=False, cost="0.0001"))
    assert Decimal(await held(api) or 0) == amount - Decimal("0.0001")
    assert await verify(database, user_id, clock.now) == []
    await api.ask(LOG_ONE, input=report(decision, success=False, cost="0"))
    assert (await api.ask(DECISION, id=decision["id"]))["state"] == "OPEN"
    # the last attempt settles it, even if it fails
    await api.ask(LOG_ONE, input=report(decision, success=False, cost="0"))
    assert await held(api) == "0"
    assert (await api.ask(DECISION, id=decision["id"]))["state"] == "SETTLED"
    assert await verify(database, user_id, clock.now) == []


async def test_a_hold_expires_and_a_late_outcome_is_charged(
    api: Api, database: Database, user_id: UUID, clock: Clock
) -> None:
    await api.ask(SET_BUDGET, threshold="0.001")
    decision = await api.ask(ROUTE, input=request(MINI))
    clock.advance(seconds=HOLD_FOR.total_seconds() - 0.001)
    assert (await api.ask(ROUTE, input=request(MINI)))["held"] == MINI_COSTS
    clock.advance(seconds=0.001)
    assert (await api.ask(DECISION, id=decision["id"]))["state"] == "EXPIRED"
    assert chosen(await api.ask(ROUTE, input=request(MINI))) == ("openai", "gpt-4o-mini")
    # when the outcome is reported after that
    await api.ask(LOG_ONE, input=report(decision, cost="0.0009"))
    refused = await api.ask(ROUTE, input=request(MINI))
    assert (refused["spent"], refused["held"]) == ("0.0009", MINI_COSTS)
    assert (await api.ask(DECISION, id=decision["id"]))["state"] == "SETTLED"
    assert await verify(database, user_id, clock.now) == []


async def test_a_released_routing_decision_holds_nothing_and_releasing_is_idempotent(
    api: Api, other_api: Api, database: Database, user_id: UUID, clock: Clock
) -> None:
    await api.ask(SET_BUDGET, threshold="0.001")
    decision = await api.ask(ROUTE, input=request(MINI))
    # a routing decision of another user is answered like an unknown one
    missing = {
        "__typename": "NotFound",
        "code": "NOT_FOUND",
        "message": "id: must be the id of one of your decisions",
        "path": ["id"],
    }
    assert await other_api.ask(RELEASE, id=decision["id"]) == missing
    assert await other_api.ask(DECISION, id=decision["id"]) is None
    assert await other_api.ask(DECIDED) == {"nodes": []}
    assert await api.ask(RELEASE, id="nonsense") == missing
    assert await held(api) == MINI_COSTS
    # when its user releases it twice
    released = await api.ask(RELEASE, id=decision["id"])
    clock.advance(seconds=1)
    assert await api.ask(RELEASE, id=decision["id"]) == released
    assert released == {
        "__typename": "RoutingDecision",
        "id": decision["id"],
        "state": "RELEASED",
        "releasedAt": "2026-03-10T12:00:00Z",
    }
    assert await held(api) == "0"
    assert await verify(database, user_id, clock.now) == []
    # a later outcome is charged, and then releasing is a conflict
    await api.ask(LOG_ONE, input=report(decision, cost="0.0005"))
    assert (await api.ask(RELEASE, id=decision["id"]))["code"] == "CONFLICT"
    assert (await api.ask(SIMULATE, input=request(MINI)))["refusal"]["spent"] == "0.0005"
    assert await verify(database, user_id, clock.now) == []


async def test_another_users_report_settles_nothing(api: Api, other_api: Api) -> None:
    await api.ask(SET_BUDGET, threshold="0.001")
    decision = await api.ask(ROUTE, input=request(MINI))
    await other_api.ask(LOG_ONE, input=report(decision, cost="0.0005"))
    assert await held(api) == MINI_COSTS
    assert (await api.ask(DECISION, id=decision["id"]))["records"] == []


async def test_a_changed_or_lifted_budget_applies_to_the_next_request(api: Api) -> None:
    alert = await api.ask(SET_BUDGET, threshold="0.001")
    await api.ask(ROUTE, input=request(MINI))
    assert (await api.ask(ROUTE, input=request(MINI)))["constraint"] == "budget"
    await api.ask(UPDATE_ALERT, id=alert["id"], input={"thresholdAmount": "0.002"})
    assert (await api.ask(ROUTE, input=request(MINI)))["heldAmount"] == MINI_COSTS
    await api.ask(UPDATE_ALERT, id=alert["id"], input={"enforced": False})
    assert (await api.ask(ROUTE, input=request(MINI)))["heldAmount"] == "0"


async def test_a_rolling_budget_counts_the_spend_of_its_window(api: Api, clock: Clock) -> None:
    await api.ask(
        'mutation { createCostAlert(input: {thresholdAmount: "0.001", period: HOURLY, mode: ROLLING, enforced: true}) '
        "{ __typename } }"
    )
    decision = await api.ask(ROUTE, input=request(MINI))
    await api.ask(LOG_ONE, input=report(decision, cost="0.0006"))
    refused = await api.ask(ROUTE, input=request(MINI))
    assert (refused["spent"], refused["held"], refused["resetsAt"]) == ("0.0006", "0", None)
    clock.advance(hours=1, minutes=1)
    assert chosen(await api.ask(ROUTE, input=request(MINI))) == ("openai", "gpt-4o-mini")


async def test_a_free_model_is_served_when_the_budget_is_used_up(api: Api) -> None:
    await api.ask(SET_BUDGET, threshold="0.001")
    await api.ask(LOG_ONE, input=report(MINI | {"id": None}, cost="5"))
    await api.ask(REGISTER, input=LOCAL | {"local": True, "inputPrice": "0", "outputPrice": "0"})
    decision = await api.ask(ROUTE, input=request(MINI, LOCAL))
    assert (chosen(decision), decision["heldAmount"], decision["fallbacks"]) == (("ollama", "llama3"), "0", [])


async def test_a_request_of_0_tokens_to_a_priced_model_is_rejected_by_an_overspent_budget(api: Api) -> None:
    await api.ask(SET_BUDGET, threshold="0.001")
    await api.ask(LOG_ONE, input=report(MINI | {"id": None}, cost="5"))
    refused = await api.ask(ROUTE, input=request(MINI, inputTokens=0, maxOutputTokens=0))
    assert (refused["constraint"], refused["spent"]) == ("budget", "5")


async def test_spend_beyond_holds_is_in_the_metrics(api: Api, clock: Clock) -> None:
    def counted() -> dict[str, float]:
        return {cause: OVERSHOOT.labels(cause, "known")._value.get() for cause in ("above_hold", "late")}

    await api.ask(SET_BUDGET, threshold="1")
    await api.ask(REGISTER, input=LOCAL | {"local": True, "inputPrice": "0", "outputPrice": "0"})
    before = counted()
    # given outcomes above their hold, without a hold, and after its expiry
    dearer, free, late = [
        await api.ask(ROUTE, input=request(model, SONNET, priority="COST")) for model in (MINI, LOCAL, MINI)
    ]
    await api.ask(LOG_ONE, input=report(dearer, cost="0.001"))
    await api.ask(LOG_ONE, input=report(free | SONNET, cost="0.5", fallbackUsed=True))
    clock.advance(seconds=HOLD_FOR.total_seconds())
    await api.ask(LOG_ONE, input=report(late, cost="0.25"))
    # and one that costs exactly the hold, and one that is repeated
    exact = await api.ask(ROUTE, input=request(MINI))
    for _ in range(2):
        await api.ask(LOG_ONE, input=report(exact, cost=MINI_COSTS, eventId="once"))
    after = counted()
    assert after["above_hold"] - before["above_hold"] == pytest.approx(0.001 - 0.00075 + 0.5)
    assert after["late"] - before["late"] == pytest.approx(0.25)


async def test_a_hold_of_a_routing_decision_that_waited_starts_when_it_is_stored(
    api: Api, database: Database, user_id: UUID, clock: Clock
) -> None:
    await api.ask(SET_BUDGET, threshold="1")
    await api.ask(ROUTE, input=request(MINI))
    begun = BATCH_SIZE.labels("decisions")._sum
    before = begun.get()
    # given a transaction that locks the user's rows for longer than a hold lasts
    async with database.system() as transaction:
        await database.backend.hold_user(transaction.connection, user_id)
        waiting = asyncio.create_task(api.ask(ROUTE, input=request(MINI)))
        await until(lambda: begun.get() > before)
        clock.advance(minutes=11)
    decision = await waiting
    assert decision["expiresAt"] == "2026-03-10T12:21:00Z"


async def test_the_most_called_models_are_the_default_candidates(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models.queries.routing_context, "MAX_MODELS", 2)
    for count, model in enumerate((SONNET, MINI, LARGE), start=1):
        for _ in range(count):
            await api.ask(LOG_ONE, input=report(model | {"id": None}))
    decision = await api.ask(ROUTE, input={"taskType": "chat"})
    assert {each["model"] for each in decision["candidates"]} == {"gpt-4o", "gpt-4o-mini"}


async def test_a_call_of_a_registered_model_costs_its_registered_price(api: Api) -> None:
    await api.ask(REGISTER, input=LOCAL | {"inputPrice": "0.123456789", "outputPrice": "2"})
    tokens = {"inputTokens": 1001, "outputTokens": 77}
    decision = await api.ask(ROUTE, input=request(LOCAL, inputTokens=1001, maxOutputTokens=77))
    await api.ask(LOG_ONE, input=report(decision, **tokens))
    [record] = (await api.ask("{ analytics { nodes { cost priceVersion } } }"))["nodes"]
    # 1001 x 0.123456789 / 1e6 + 77 x 2 / 1e6 = 0.000277580245789
    assert record == {"cost": "0.00027758", "priceVersion": "registered"}
    assert decision["estimatedCost"] == record["cost"]


CLIENTS, FITTING = 500, 50


async def test_of_500_concurrent_clients_a_budget_for_50_requests_admits_exactly_50(
    url: str, token: str, database: Database, user_id: UUID, clock: Clock
) -> None:
    limits = httpx2.Limits(max_connections=CLIENTS)
    async with httpx2.AsyncClient(base_url=url, timeout=60, limits=limits) as client:
        api = Api(client, token)
        await api.ask(SET_BUDGET, threshold=str(FITTING * Decimal(MINI_COSTS)))
        outcomes = await asyncio.gather(*(api.ask(ROUTE, input=request(MINI)) for _ in range(CLIENTS)))
        assert Counter(outcome["__typename"] for outcome in outcomes) == {
            "RoutingDecision": FITTING,
            "RouteRefused": CLIENTS - FITTING,
        }
        assert {outcome["constraint"] for outcome in outcomes if "constraint" in outcome} == {"budget"}
        assert len((await api.ask(DECIDED))["nodes"]) == FITTING
        # and when all of them report at once while others ask, the budget is never overspent
        admitted = [outcome for outcome in outcomes if outcome["__typename"] == "RoutingDecision"]
        await asyncio.gather(
            *(api.ask(LOG_ONE, input=report(decision, cost=MINI_COSTS)) for decision in admitted),
            *(api.ask(ROUTE, input=request(MINI)) for _ in range(FITTING)),
        )
        alert = (await api.ask("{ costAlerts { nodes { currentAmount thresholdAmount } } }"))["nodes"][0]
        assert alert["currentAmount"] == alert["thresholdAmount"]
        assert len((await api.ask(DECIDED))["nodes"]) == FITTING
    assert await verify(database, user_id, clock.now) == []


async def test_retention_drops_old_routing_decisions_and_their_holds(
    api: Api, database: Database, user_id: UUID, clock: Clock
) -> None:
    # given a routing decision of March without an outcome, and one of April
    await api.ask(SET_BUDGET, threshold="1")
    old = await api.ask(ROUTE, input=request(MINI))
    clock.advance(days=30)
    new = await api.ask(ROUTE, input=request(MINI))
    # when rows older than April are dropped
    await drop_before(database, clock.now)
    # then the old one is gone, and so is its hold
    assert [node["id"] for node in (await api.ask(DECIDED))["nodes"]] == [new["id"]]
    assert await api.ask(DECISION, id=old["id"]) is None
    assert await held(api) == MINI_COSTS
    assert await verify(database, user_id, clock.now) == []


async def test_a_hold_that_differs_from_its_routing_decision_is_found_and_repaired(
    api: Api, database: Database, user_id: UUID, clock: Clock
) -> None:
    await api.ask(SET_BUDGET, threshold="1")
    decisions = [await api.ask(ROUTE, input=request(MINI, LARGE, priority="COST")) for _ in range(3)]
    await api.ask(LOG_ONE, input=report(decisions[0], success=False, cost="0.0001"))
    await api.ask(LOG_ONE, input=report(decisions[1], cost="0.0001"))
    # given a hold that was deleted, and one that belongs to a settled routing decision
    async with database.system() as transaction:
        await transaction.connection.execute(delete(Hold).where(Hold.decision_id == UUID(decisions[0]["id"])))
        await transaction.connection.execute(
            update(Hold)
            .where(Hold.decision_id == UUID(decisions[2]["id"]))
            .values(decision_id=UUID(decisions[1]["id"]))
        )
    found = await repair(database, user_id, clock.now)
    assert {(each.table, each.key[1], each.column, each.expected) for each in found} == {
        ("router_holds", UUID(decisions[0]["id"]), "amount", Decimal("0.00065")),
        ("router_holds", UUID(decisions[1]["id"]), "amount", None),
        ("router_holds", UUID(decisions[2]["id"]), "amount", Decimal(MINI_COSTS)),
    }
    assert await verify(database, user_id, clock.now) == []
    assert await held(api) == "0.0014"
