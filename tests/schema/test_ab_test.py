from __future__ import annotations

import math
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete

from domain.inference import Arm, Metric, SampleSums, compare
from domain.viewer import Viewer
from models.ab_group import ABGroup
from models.database import Database
from models.ledger.repair import repair
from models.queries.ab_group import groups_of
from models.queries.verification import verify
from tests.conftest import Clock
from tests.support.api import Api
from tests.support.load import SET_BUDGET

METRICS = "config { provider model parameters } calls successes successRate avgLatencyMs totalCost trafficShare"
FIELDS = f"""
  id testName taskType active startedAt endedAt winner createdAt primaryMetric guardrails split minimumRunHours costCap
  variantA {{ {METRICS} }} variantB {{ {METRICS} }}
"""
CREATE = f"""
mutation($input: CreateABTestInput!) {{
  createABTest(input: $input) {{ __typename ... on ABTest {{ {FIELDS} }} ... on Error {{ code message path }} }}
}}
"""
END = f"""
mutation($id: ID!, $winner: Variant) {{
  endABTest(id: $id, winner: $winner) {{ __typename ... on ABTest {{ {FIELDS} }} ... on Error {{ code message path }} }}
}}
"""
DELETE = """
mutation($id: ID!) { deleteABTest(id: $id) { __typename ... on Deleted { id } ... on Error { code message path } } }
"""
READ = f"query($id: ID!) {{ abTest(id: $id) {{ {FIELDS} }} }}"
LIST = """
query($active: Boolean, $first: Int, $after: String) {
  abTests(active: $active, first: $first, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } }
}
"""
LOG = """
mutation($input: LogAnalyticsInput!) {
  logAnalytics(input: $input) {
    __typename ... on LoggedAnalytics { record { id abTestId abVariant abCounted } } ... on Error { code message path }
  }
}
"""
LOG_MANY = """
mutation($input: [LogAnalyticsInput!]!) {
  logAnalyticsBatch(input: $input) { accepted rejected { index error { message } } }
}
"""
WATCH = """
query($id: ID!) {
  abTest(id: $id) {
    active winner endedAt variantA { calls } variantB { calls }
    inference {
      verdict sentence sampleRatioPValue
      comparisons {
        metric verdict sentence countA countB valueA valueB effect low high pValue probabilityABetter
        designEffect detectableEffect callsNeeded
      }
    }
  }
}
"""
HISTORY = "query($active: Boolean) { abTests(active: $active) { nodes { id winner inference { verdict } } } }"
ROUTE = """
mutation($input: RouteRequestInput!) {
  routeRequest(input: $input) {
    __typename
    ... on RoutingDecision { id provider model parameters abTestId abVariant propensity notes rules }
    ... on Error { code message path }
  }
}
"""
ASSIGN = """
query($test: ID!, $unit: String!) {
  assignVariant(testId: $test, unitKey: $unit) { variant config { provider model parameters } }
}
"""
SAVE = """
mutation($input: SavePreferencesInput!) { savePreferences(input: $input) { __typename ... on Error { message } } }
"""
RULES = """
{ preferences {
  customRules { name abTestId when { taskType } then { use { provider model parameters } } }
} }
"""
A = {"provider": "openai", "model": "gpt-4o-mini"}
B = {"provider": "anthropic", "model": "claude-3-5-haiku"}


def new_test(**fields: Any) -> dict[str, Any]:
    return {"testName": "cheap or good", "variantA": A, "variantB": B} | fields


def call(**fields: Any) -> dict[str, Any]:
    return {"provider": "openai", "modelUsed": "gpt-4o-mini", "taskType": "chat", "success": True} | fields


async def test_a_test_starts_with_nothing_counted(api: Api) -> None:
    test = await api.ask(CREATE, input=new_test(taskType="chat", variantB=B | {"parameters": {"temperature": 0.5}}))
    assert await api.ask(READ, id=test["id"]) == {key: test[key] for key in test if key != "__typename"}
    assert (test["testName"], test["taskType"], test["active"]) == ("cheap or good", "chat", True)
    assert (test["startedAt"], test["endedAt"], test["winner"]) == ("2026-03-10T12:00:00Z", None, None)
    assert test["variantA"] == {
        "config": {"provider": "openai", "model": "gpt-4o-mini", "parameters": None},
        "calls": 0,
        "successes": 0,
        "successRate": None,
        "avgLatencyMs": None,
        "totalCost": "0",
        "trafficShare": None,
    }
    assert test["variantB"]["config"]["parameters"] == {"temperature": 0.5}


async def test_calls_change_the_sums_of_their_variant(api: Api) -> None:
    # given a running test
    test_id = (await api.ask(CREATE, input=new_test()))["id"]
    # when calls are logged: by variant, by provider and model, with unknown latency and cost
    for fields in (
        {"abVariant": "A", "latencyMs": 100, "cost": "0.1"},
        {"latencyMs": 300, "cost": "0.2", "success": False},
        {"abVariant": "A"},
        {"provider": "anthropic", "modelUsed": "claude-3-5-haiku", "latencyMs": 50, "cost": "0.000000001"},
    ):
        assert (await api.ask(LOG, input=call(abTestId=test_id, **fields)))["__typename"] == "LoggedAnalytics"
    # then the figures are exact, and an explicit variant takes precedence over provider and model
    test = await api.ask(READ, id=test_id)
    assert {
        key: test["variantA"][key] for key in ("calls", "successes", "avgLatencyMs", "totalCost", "trafficShare")
    } == {
        "calls": 3,
        "successes": 2,
        "avgLatencyMs": 200.0,
        "totalCost": "0.3",
        "trafficShare": 0.75,
    }
    assert test["variantA"]["successRate"] == 2 / 3
    assert (test["variantB"]["calls"], test["variantB"]["totalCost"]) == (1, "0.000000001")


async def test_a_fallback_counts_for_the_variant_that_was_assigned(api: Api) -> None:
    test_id = (await api.ask(CREATE, input=new_test()))["id"]
    logged = await api.ask(
        LOG, input=call(abTestId=test_id, abVariant="B", provider="groq", modelUsed="llama", fallbackUsed=True)
    )
    assert logged["record"]["abVariant"] == "B"
    assert (await api.ask(READ, id=test_id))["variantB"]["calls"] == 1


async def test_an_ambiguous_variant_must_be_given(api: Api) -> None:
    test_id = (await api.ask(CREATE, input=new_test()))["id"]
    rejected = await api.ask(LOG, input=call(abTestId=test_id, provider="groq"))
    assert (rejected["__typename"], rejected["path"]) == ("InvalidInput", ["input", "abVariant"])
    assert (await api.ask("{ analytics { nodes { id } } }"))["nodes"] == []


@pytest.mark.parametrize("winner", ["A", "B", None])
async def test_a_test_ends_with_or_without_a_winner(api: Api, clock: Clock, winner: str | None) -> None:
    test_id = (await api.ask(CREATE, input=new_test()))["id"]
    clock.advance(days=3)
    ended = await api.ask(END, id=test_id, winner=winner)
    assert (ended["active"], ended["winner"], ended["endedAt"]) == (False, winner, "2026-03-13T12:00:00Z")

    # ending it the same way again is the same answer, another way is a conflict
    clock.advance(days=1)
    assert await api.ask(END, id=test_id, winner=winner) == ended
    other = "A" if winner != "A" else None
    conflict = await api.ask(END, id=test_id, winner=other)
    assert (conflict["__typename"], conflict["code"]) == ("Conflict", "CONFLICT")
    assert (await api.ask(READ, id=test_id))["winner"] == winner


async def test_a_call_after_the_end_is_stored_and_not_counted(api: Api) -> None:
    test_id = (await api.ask(CREATE, input=new_test()))["id"]
    await api.ask(LOG, input=call(abTestId=test_id))
    await api.ask(END, id=test_id)
    late = await api.ask(LOG, input=call(abTestId=test_id))
    assert late["record"] == {"id": late["record"]["id"], "abTestId": test_id, "abVariant": "A", "abCounted": False}
    assert (await api.ask(READ, id=test_id))["variantA"]["calls"] == 1


async def test_one_test_runs_for_each_task_type(api: Api, other_api: Api) -> None:
    for task_type in ("chat", None):
        first = await api.ask(CREATE, input=new_test(taskType=task_type))
        second = await api.ask(CREATE, input=new_test(taskType=task_type))
        assert (second["__typename"], second["path"]) == ("Conflict", ["input", "taskType"])
        assert (await other_api.ask(CREATE, input=new_test(taskType=task_type)))["__typename"] == "ABTest"
        await api.ask(END, id=first["id"])
        assert (await api.ask(CREATE, input=new_test(taskType=task_type)))["__typename"] == "ABTest"


async def test_only_an_ended_test_can_be_deleted(api: Api) -> None:
    test_id = (await api.ask(CREATE, input=new_test()))["id"]
    assert (await api.ask(DELETE, id=test_id))["__typename"] == "Conflict"
    assert await api.ask(READ, id=test_id) is not None
    await api.ask(END, id=test_id)
    assert await api.ask(DELETE, id=test_id) == {"__typename": "Deleted", "id": test_id}
    assert await api.ask(READ, id=test_id) is None
    assert (await api.ask(DELETE, id=test_id))["__typename"] == "NotFound"


async def test_tests_are_listed_newest_first_a_page_at_a_time(api: Api) -> None:
    ids = [(await api.ask(CREATE, input=new_test(taskType=f"t{n}")))["id"] for n in range(5)]
    await api.ask(END, id=ids[1])
    first = await api.ask(LIST, first=2)
    second = await api.ask(LIST, first=2, after=first["pageInfo"]["endCursor"])
    third = await api.ask(LIST, first=2, after=second["pageInfo"]["endCursor"])
    assert [node["id"] for page in (first, second, third) for node in page["nodes"]] == ids[::-1]
    assert [page["pageInfo"]["hasNextPage"] for page in (first, second, third)] == [True, True, False]
    assert [node["id"] for node in (await api.ask(LIST, active=False))["nodes"]] == [ids[1]]
    assert [node["id"] for node in (await api.ask(LIST, active=True))["nodes"]] == [ids[n] for n in (4, 3, 2, 0)]


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"testName": ""}, ["input", "testName"]),
        ({"testName": "x" * 201}, ["input", "testName"]),
        ({"testName": "a\x00b"}, ["input", "testName"]),
        ({"taskType": " "}, ["input", "taskType"]),
        ({"variantA": {"provider": "", "model": "m"}}, ["input", "variantA", "provider"]),
        ({"variantA": A | {"parameters": [1]}}, ["input", "variantA", "parameters"]),
        ({"variantB": A}, ["input"]),
        ({"guardrails": ["SUCCESS_RATE"]}, ["input"]),
        ({"split": 0.001}, ["input", "split"]),
        ({"minimumRunHours": 2161}, ["input", "minimumRunHours"]),
        ({"costCap": 0}, ["input", "costCap"]),
    ],
)
async def test_a_test_out_of_bounds_is_rejected_and_not_stored(api: Api, fields: Any, path: list[str]) -> None:
    rejected = await api.ask(CREATE, input=new_test(**fields))
    assert (rejected["__typename"], rejected["path"]) == ("InvalidInput", path)
    assert (await api.ask(LIST))["nodes"] == []


async def test_variants_may_differ_in_parameters_alone(api: Api) -> None:
    test = await api.ask(CREATE, input=new_test(variantB=A | {"parameters": {"temperature": 0}}))
    assert test["__typename"] == "ABTest"
    # and then provider and model do not identify the variant
    rejected = await api.ask(LOG, input=call(abTestId=test["id"]))
    assert (rejected["__typename"], rejected["path"]) == ("InvalidInput", ["input", "abVariant"])


async def test_a_malformed_id_is_answered_like_an_unknown_one(api: Api) -> None:
    assert await api.ask(READ, id="no id") is None
    assert (await api.ask(END, id="no id"))["__typename"] == "NotFound"


async def test_a_retry_after_its_test_was_deleted_is_the_same_answer(api: Api) -> None:
    # given a call that was counted for a test, which was deleted later
    test_id = (await api.ask(CREATE, input=new_test()))["id"]
    first = await api.ask(LOG, input=call(abTestId=test_id, eventId="e"))
    await api.ask(END, id=test_id)
    await api.ask(DELETE, id=test_id)
    # when it is sent again, then it is deduplicated; a new call cannot name the test
    assert (await api.ask(LOG, input=call(abTestId=test_id, eventId="e"))) == first
    rejected = await api.ask(LOG, input=call(abTestId=test_id, eventId="new"))
    assert (rejected["__typename"], rejected["path"]) == ("InvalidInput", ["input", "abTestId"])


# Assignment


def request(**more: Any) -> dict[str, Any]:
    return {"taskType": "chat", "inputTokens": 1000, "maxOutputTokens": 1000} | more


def report(decision: dict[str, Any], **more: Any) -> dict[str, Any]:
    model = {"provider": decision["provider"], "modelUsed": decision["model"]}
    return {"taskType": "chat", "success": True, "decisionId": decision["id"]} | model | more


async def routed(api: Api, **more: Any) -> dict[str, Any]:
    decision: dict[str, Any] = await api.ask(ROUTE, input=request(**more))
    assert decision["__typename"] == "RoutingDecision", decision
    return decision


async def of_variant(api: Api, variant: str) -> dict[str, Any]:
    """A routing decision with this variant assigned."""
    for number in range(64):
        decision = await routed(api, unitKey=f"{variant} {number}")
        if decision["abVariant"] == variant:
            return decision
    raise AssertionError("64 times the other variant")


async def test_a_routed_request_is_assigned_a_variant_and_keeps_it(api: Api) -> None:
    # given: nobody is routed to a test before it starts
    assert (await routed(api, unitKey="u"))["abTestId"] is None
    cold, warm = A | {"parameters": {"temperature": 0}}, B | {"parameters": {"temperature": 1}}
    test = await api.ask(CREATE, input=new_test(taskType="chat", variantA=cold, variantB=warm, split=0.25))
    # when units are routed, then each goes where its variant says, and the same unit always there
    seen = set()
    for number in range(30):
        unit = f"user-{number}"
        decision = await routed(api, unitKey=unit)
        config = cold if decision["abVariant"] == "A" else warm
        assert {
            "provider": decision["provider"],
            "model": decision["model"],
            "parameters": decision["parameters"],
        } == config
        assert (decision["abTestId"], decision["propensity"]) == (
            test["id"],
            0.25 if decision["abVariant"] == "A" else 0.75,
        )
        assert (await routed(api, unitKey=unit))["abVariant"] == decision["abVariant"]
        # `assignVariant`, for applications that route themselves, returns the same
        assigned = await api.ask(ASSIGN, test=test["id"], unit=unit)
        assert assigned == {"variant": decision["abVariant"], "config": config}
        seen.add(decision["abVariant"])
    assert seen == {"A", "B"}
    # a request of another task type is not in the test, nor is any request after its end
    assert (await routed(api, taskType="summary", unitKey="user-1"))["abTestId"] is None
    await api.ask(END, id=test["id"])
    assert (await routed(api, unitKey="user-1"))["abTestId"] is None
    assert await api.ask(ASSIGN, test=test["id"], unit="user-1") is None


async def test_without_a_unit_each_request_is_assigned_independently(api: Api) -> None:
    await api.ask(CREATE, input=new_test())
    variants = [(await routed(api))["abVariant"] for _ in range(64)]
    assert set(variants) == {"A", "B"}
    first = await routed(api, requestId="r")
    assert (await routed(api, requestId="r"))["abVariant"] == first["abVariant"]


async def test_a_request_that_a_variant_may_not_serve_is_routed_outside_of_the_test_with_a_note(api: Api) -> None:
    await api.ask(CREATE, input=new_test())
    await api.ask(SAVE, input={"blockedProviders": ["anthropic"]})
    decision = await routed(api, unitKey="u", candidates=[A, {"provider": "groq", "model": "llama-3.1-8b-instant"}])
    assert (decision["abTestId"], decision["abVariant"], decision["propensity"]) == (None, None, 1.0)
    assert (
        'Served outside the A/B test "cheap or good": variant B is not a candidate of the request.' in decision["notes"]
    )
    decision = await routed(api, unitKey="u")
    assert decision["notes"][-1].endswith("variant B cannot serve the request: its provider is blocked.")


async def test_all_calls_of_a_routing_decision_count_for_its_variant_including_fallbacks(
    api: Api, database: Database, viewer: Viewer, clock: Clock
) -> None:
    test = await api.ask(CREATE, input=new_test())
    decision = await of_variant(api, "B")
    # when B fails twice, and A serves it: three attempts at one assignment
    for attempt in (
        {"success": False, "latencyMs": 1},
        {"success": False, "latencyMs": 1},
        {"provider": "openai", "modelUsed": "gpt-4o-mini", "fallbackUsed": True, "latencyMs": 100, "cost": "0.5"},
    ):
        logged = await api.ask(LOG, input=report(decision) | attempt)
        assert (logged["record"]["abTestId"], logged["record"]["abVariant"]) == (test["id"], "B")
    # then all three calls count for B, as one assignment
    watched = await api.ask(READ, id=test["id"])
    assert (watched["variantA"]["calls"], watched["variantB"]["calls"], watched["variantB"]["successes"]) == (0, 3, 1)
    async with database.viewer(viewer) as session:
        [(_, groups)] = (await groups_of(session, viewer.id, [UUID(test["id"])])).items()
    [group] = groups.values()
    assert (group.assigned, group.calls, group.successes, group.timed, group.priced) == (1, 3, 1, 1, 1)
    assert group.log_latency_sum == pytest.approx(math.log(100))
    assert await verify(database, viewer.id, clock()) == []


async def test_attempts_after_the_first_do_not_count_as_a_sample_ratio_mismatch(
    api: Api, database: Database, viewer: Viewer, clock: Clock
) -> None:
    test = await api.ask(CREATE, input=new_test())
    # when A needs four attempts each time, in one batch or in several, and B one
    for number in range(120):
        decision = await routed(api, unitKey=f"user-{number}")
        attempts = [report(decision, success=False)] * 3 if decision["abVariant"] == "A" else []
        if number % 2:
            await api.ask(LOG_MANY, input=[*attempts, report(decision)])
        else:
            for attempt in [*attempts, report(decision)]:
                await api.ask(LOG, input=attempt)
    # then
    watched = await api.ask(WATCH, id=test["id"])
    calls_a, calls_b = watched["variantA"]["calls"], watched["variantB"]["calls"]
    assert calls_a / 4 + calls_b == 120
    assert watched["inference"]["sampleRatioPValue"] > 0.05
    assert watched["inference"]["verdict"] != "SAMPLE_RATIO_MISMATCH"
    assert await verify(database, viewer.id, clock()) == []


@pytest.mark.parametrize(
    ("named", "field"),
    [({"abTestId": "another"}, "abTestId"), ({"abTestId": "its own", "abVariant": "A"}, "abVariant")],
)
async def test_a_call_that_contradicts_its_routing_decision_is_rejected(
    api: Api, named: dict[str, Any], field: str
) -> None:
    ids = {"another": (await api.ask(CREATE, input=new_test(taskType="other")))["id"]}
    ids["its own"] = (await api.ask(CREATE, input=new_test(taskType="chat")))["id"]
    decision = await of_variant(api, "B")
    rejected = await api.ask(LOG, input=report(decision, **named | {"abTestId": ids[named["abTestId"]]}))
    assert (rejected["__typename"], rejected["path"]) == ("InvalidInput", ["input", field])
    assert (await api.ask("{ analytics { nodes { id } } }"))["nodes"] == []
    # while naming the assigned test and variant is accepted
    for named_variant in ({}, {"abVariant": "B"}):
        logged = await api.ask(LOG, input=report(decision, abTestId=ids["its own"], **named_variant))
        assert logged["record"]["abVariant"] == "B"


async def test_a_call_of_a_routing_decision_is_stored_and_charged_after_its_test_was_deleted(
    api: Api, database: Database, viewer: Viewer, clock: Clock
) -> None:
    await api.ask(SET_BUDGET, threshold="1000")
    test = await api.ask(CREATE, input=new_test())
    decision = await of_variant(api, "A")
    await api.ask(END, id=test["id"])
    await api.ask(DELETE, id=test["id"])
    logged = await api.ask(LOG, input=report(decision, cost="0.25"))
    assert logged["record"]["abCounted"] is False
    assert (await api.ask("query($id: ID!) { decision(id: $id) { state } }", id=decision["id"]))["state"] == "SETTLED"
    [total] = await api.ask("{ analyticsSummary { totalCost } }")
    assert total["totalCost"] == "0.25"
    assert await verify(database, viewer.id, clock()) == []


async def test_at_most_100_tests_run_at_once(api: Api) -> None:
    for number in range(100):
        assert (await api.ask(CREATE, input=new_test(taskType=f"t{number}")))["__typename"] == "ABTest"
    rejected = await api.ask(CREATE, input=new_test(taskType="one more"))
    assert (rejected["__typename"], rejected["path"]) == ("Conflict", ["input", "taskType"])


async def test_nobody_is_assigned_a_variant_of_another_users_test(api: Api, other_api: Api) -> None:
    test = await api.ask(CREATE, input=new_test())
    assert await other_api.ask(ASSIGN, test=test["id"], unit="u") is None
    assert (await other_api.ask(ROUTE, input=request(unitKey="u", candidates=[A, B])))["abTestId"] is None
    assert await api.ask(ASSIGN, test="no id", unit="u") is None
    [error] = await api.errors(ASSIGN, test=test["id"], unit=" ")
    assert error["message"].startswith("unitKey: ")


# Inference


def calls(test_id: str, variant: str, count: int, **fields: Any) -> list[dict[str, Any]]:
    config = A if variant == "A" else B
    assigned = {"provider": config["provider"], "modelUsed": config["model"], "abTestId": test_id, "abVariant": variant}
    return [call(**assigned | fields) for _ in range(count)]


async def logged_all(api: Api, records: list[dict[str, Any]]) -> None:
    outcome = await api.ask(LOG_MANY, input=records)
    assert (outcome["accepted"], outcome["rejected"]) == (len(records), [])


async def test_inference_equals_what_is_computed_from_the_calls(
    api: Api, database: Database, viewer: Viewer, clock: Clock
) -> None:
    # given calls with and without latency and cost, some above the cap, in several commits
    test = await api.ask(CREATE, input=new_test(costCap="0.5", primaryMetric="LATENCY", split=0.4))
    assert (await api.ask(WATCH, id=test["id"]))["inference"]["verdict"] == "NOT_ENOUGH_DATA"
    a = [
        *calls(test["id"], "A", 100, latencyMs=200, cost="0.1"),
        *calls(test["id"], "A", 50, latencyMs=0, cost="9990"),
        *calls(test["id"], "A", 30, success=False, latencyMs=5, cost="0.2"),
    ]
    b = [
        *calls(test["id"], "B", 150, latencyMs=300, cost="0.2"),
        *calls(test["id"], "B", 100, latencyMs=400),
        *calls(test["id"], "B", 5, cost="0.3"),
    ]
    for records in (a[:90], [*a[90:], *b[:100]], b[100:]):
        await logged_all(api, records)

    # when the test is read
    watched = await api.ask(WATCH, id=test["id"])

    # then every figure is computed from these calls
    of_a = Arm(180, 150, SampleSums.of([math.log(200)] * 100 + [0.0] * 50), SampleSums.of([0.1] * 100 + [0.5] * 50))
    of_b = Arm(
        255, 255, SampleSums.of([math.log(300)] * 150 + [math.log(400)] * 100), SampleSums.of([0.2] * 150 + [0.3] * 5)
    )
    for found, metric in zip(watched["inference"]["comparisons"], Metric, strict=True):
        right = compare(metric, of_a, of_b)
        assert right.low is not None
        assert right.high is not None
        assert found["metric"] == metric
        assert (found["countA"], found["countB"]) == (right.count_a, right.count_b)
        assert (found["valueA"], found["valueB"], found["effect"]) == pytest.approx(
            (right.value_a, right.value_b, right.effect)
        )
        # except for random differences between groups
        assert found["designEffect"] == pytest.approx(1, abs=0.5)
        assert found["low"] <= right.low + 1e-9
        assert found["high"] >= right.high - 1e-9
    # and the faster variant does not win, because it fails more often
    assert [each["verdict"] for each in watched["inference"]["comparisons"]] == [
        "B_BETTER",
        "A_BETTER",
        "NO_DIFFERENCE_YET",
    ]
    assert watched["inference"]["verdict"] == "NO_DIFFERENCE_YET"
    assert watched["inference"]["sentence"].endswith(" But A is worse in success rate, so there is no winner.")
    assert await verify(database, viewer.id, clock()) == []

    # and lost sums are found and repaired
    async with database.system() as transaction:
        await transaction.connection.execute(delete(ABGroup).where(ABGroup.ab_variant == "A"))
    assert {difference.table for difference in await repair(database, viewer.id, clock())} == {"router_ab_groups"}
    assert await verify(database, viewer.id, clock()) == []
    assert (await api.ask(WATCH, id=test["id"]))["inference"]["sentence"] == watched["inference"]["sentence"]


async def test_one_extreme_cost_neither_decides_nor_masks_a_cost_comparison(api: Api) -> None:
    # given the costs of calls before the test
    await logged_all(api, [call(cost=f"0.0{n % 9 + 1}") for n in range(200)])
    equal = await api.ask(CREATE, input=new_test(taskType="chat", primaryMetric="COST"))
    assert equal["costCap"] == "0.27"
    # when both variants cost the same except for one request of 9,990 USD
    for variant in "AB":
        await logged_all(api, [*_costs(equal["id"], variant, 1, 400), *_extreme(equal["id"], variant == "A")])
    # then the request does not decide the comparison
    assert (await api.ask(WATCH, id=equal["id"]))["inference"]["verdict"] == "NO_DIFFERENCE_YET"
    # and when B costs twice as much, the request does not mask it
    dear = await api.ask(CREATE, input=new_test(taskType="dear", primaryMetric="COST", costCap="0.27"))
    await logged_all(api, [*_costs(dear["id"], "A", 1, 400), *_extreme(dear["id"], True)])
    await logged_all(api, _costs(dear["id"], "B", 2, 400))
    assert (await api.ask(WATCH, id=dear["id"]))["inference"]["verdict"] == "A_BETTER"
    # while the total includes the request in full
    assert Decimal((await api.ask(READ, id=dear["id"]))["variantA"]["totalCost"]) > 9990


def _costs(test_id: str, variant: str, times: int, count: int) -> list[dict[str, Any]]:
    return [call for n in range(count) for call in calls(test_id, variant, 1, cost=f"{times * (n % 9 + 1) / 100}")]


def _extreme(test_id: str, there: bool) -> list[dict[str, Any]]:
    return calls(test_id, "A", int(there), cost="9990")


async def test_a_cost_cap_is_derived_from_prices_without_calls_and_required_without_prices(api: Api) -> None:
    # 100,000 tokens in and 10,000 out cost 0.021 USD with gpt-4o-mini and 0.12 with claude-3-5-haiku: the cap is three times that
    assert (await api.ask(CREATE, input=new_test(taskType="listed")))["costCap"] == "0.36"
    unknown = {"variantA": {"provider": "x", "model": "a"}, "variantB": {"provider": "x", "model": "b"}}
    assert (await api.ask(CREATE, input=new_test(taskType="unknown", **unknown)))["costCap"] is None
    rejected = await api.ask(CREATE, input=new_test(taskType="cost", primaryMetric="COST", **unknown))
    assert (rejected["__typename"], rejected["path"]) == ("InvalidInput", ["input", "costCap"])
    given = await api.ask(CREATE, input=new_test(taskType="cost", primaryMetric="COST", costCap="0.5", **unknown))
    assert given["costCap"] == "0.5"


async def test_repeated_calls_of_a_unit_add_less_evidence_and_too_few_units_decide_nothing(
    api: Api, database: Database, viewer: Viewer, clock: Clock
) -> None:
    # given 20 users of each variant, who make 20 calls each: those of every fifth fail
    few = await api.ask(CREATE, input=new_test(taskType="few"))
    many = await api.ask(CREATE, input=new_test(taskType="many"))
    for test, users in ((few, 20), (many, 200)):
        for variant, failing in (("A", 5), ("B", 2)):
            for user in range(users):
                unit = {"unitKey": f"{variant}{user}", "success": user % failing > 0}
                await logged_all(api, calls(test["id"], variant, 400 // users, **unit))
    # then
    watched = (await api.ask(WATCH, id=few["id"]))["inference"]
    assert watched["verdict"] == "NOT_ENOUGH_DATA"
    assert watched["sentence"].startswith("Not enough units to compare success rate")
    watched = (await api.ask(WATCH, id=many["id"]))["inference"]
    assert watched["comparisons"][0]["designEffect"] == pytest.approx(2, rel=0.3)
    assert "Calls of one unit are correlated: 800 calls are as informative as" in watched["comparisons"][0]["sentence"]
    assert await verify(database, viewer.id, clock()) == []
    # and a unit needs a test
    rejected = await api.ask(LOG, input=call(unitKey="u"))
    assert (rejected["__typename"], rejected["path"]) == ("InvalidInput", ["input"])


async def test_no_variant_wins_before_the_minimum_duration_of_the_test(api: Api, clock: Clock) -> None:
    test = await api.ask(CREATE, input=new_test(minimumRunHours=24))
    await logged_all(api, [*calls(test["id"], "A", 300), *calls(test["id"], "B", 300, success=False)])
    clock.advance(hours=22.5)
    watched = (await api.ask(WATCH, id=test["id"]))["inference"]
    assert watched["verdict"] == "NOT_ENOUGH_DATA"
    assert watched["sentence"].endswith(" But the minimum run time ends in 2 hours: there is no winner before that.")
    clock.advance(hours=1.5)
    assert (await api.ask(WATCH, id=test["id"]))["inference"]["verdict"] == "A_BETTER"


@pytest.mark.parametrize(
    ("guardrails", "verdict"), [(None, "NO_DIFFERENCE_YET"), (["LATENCY"], "B_BETTER"), ([], "B_BETTER")]
)
async def test_a_winner_must_not_be_worse_in_a_guardrail(api: Api, guardrails: list[str] | None, verdict: str) -> None:
    test = await api.ask(CREATE, input=new_test(guardrails=guardrails, costCap="1"))
    assert test["guardrails"] == (["LATENCY", "COST"] if guardrails is None else guardrails)
    for success in (True, False):
        await logged_all(api, calls(test["id"], "A", 200, cost="0.1", success=success))
    await logged_all(api, calls(test["id"], "B", 400, cost="0.2"))
    watched = (await api.ask(WATCH, id=test["id"]))["inference"]
    assert watched["verdict"] == verdict
    assert ("But B is worse in cost, so there is no winner." in watched["sentence"]) == (guardrails is None)


# The end of a test


async def rules_of(api: Api) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = (await api.ask(RULES))["customRules"]
    return rules


async def test_a_winner_becomes_the_default_by_a_rule_that_can_be_undone(api: Api) -> None:
    # given a test with winner B
    await api.ask(
        SAVE, input={"customRules": [{"name": "mine", "when": {"taskType": "x"}, "then": {"prefer": ["groq"]}}]}
    )
    warm = B | {"parameters": {"temperature": 1}}
    test = await api.ask(CREATE, input=new_test(taskType="chat", variantB=warm))
    # when it ends
    await api.ask(END, id=test["id"], winner="B")
    # then a rule that names the test routes its requests to B
    [mine, rule] = await rules_of(api)
    assert mine["name"] == "mine"
    assert rule == {
        "name": "Winner of cheap or good",
        "abTestId": test["id"],
        "when": {"taskType": "chat"},
        "then": {"use": warm},
    }
    decision = await routed(api, unitKey="u", priority="COST")
    assert {key: decision[key] for key in ("provider", "model", "parameters", "rules")} == warm | {
        "rules": ["Winner of cheap or good"]
    }
    # and a later test of the same requests overrides the rule, and its winner replaces it
    again = await api.ask(CREATE, input=new_test(testName="again", taskType="chat", variantB=warm))
    assert (await routed(api, unitKey="u"))["abTestId"] == again["id"]
    await api.ask(END, id=again["id"], winner="A")
    assert [rule["name"] for rule in await rules_of(api)] == ["mine", "Winner of again"]
    assert (await routed(api, unitKey="u"))["provider"] == "openai"
    # and deleting the rule undoes it; ending the test again in the same way does not restore it
    await api.ask(SAVE, input={"customRules": []})
    assert (await api.ask(END, id=again["id"], winner="A"))["winner"] == "A"
    assert await rules_of(api) == []


async def test_a_winner_that_exceeds_the_limit_of_rules_changes_nothing(api: Api) -> None:
    full = [{"name": f"r{n}", "when": {"taskType": "x"}, "then": {"priority": "COST"}} for n in range(50)]
    await api.ask(SAVE, input={"customRules": full})
    test = await api.ask(CREATE, input=new_test())
    before = await api.ask(WATCH, id=test["id"])
    rejected = await api.ask(END, id=test["id"], winner="A")
    assert (rejected["__typename"], rejected["path"]) == ("Conflict", ["winner"])
    assert await api.ask(WATCH, id=test["id"]) == before
    assert before["active"]
    assert len(await rules_of(api)) == 50
    assert (await api.ask(END, id=test["id"]))["active"] is False


async def test_figures_and_evidence_of_an_ended_test_are_frozen_and_late_calls_are_flagged(
    api: Api, database: Database, viewer: Viewer, clock: Clock
) -> None:
    test = await api.ask(CREATE, input=new_test())
    late = await of_variant(api, "A")
    await logged_all(api, [*calls(test["id"], "A", 300), *calls(test["id"], "B", 300, success=False)])
    await api.ask(END, id=test["id"], winner="A")
    ended = await api.ask(WATCH, id=test["id"])
    assert ended["inference"]["verdict"] == "A_BETTER"
    # when calls come that were sent before the end
    clock.advance(days=1)
    logged = await api.ask(LOG, input=report(late, success=False))
    # then they are stored with the test, and not counted
    record = {"abTestId": test["id"], "abVariant": "A", "abCounted": False}
    assert {key: logged["record"][key] for key in record} == record
    assert await api.ask(WATCH, id=test["id"]) == ended
    [listed] = (await api.ask(HISTORY, active=False))["nodes"]
    assert listed == {"id": test["id"], "winner": "A", "inference": {"verdict": "A_BETTER"}}
    assert await verify(database, viewer.id, clock()) == []
    # and deleting the test deletes its figures
    await api.ask(DELETE, id=test["id"])
    async with database.viewer(viewer) as session:
        assert await groups_of(session, viewer.id, [UUID(test["id"])]) == {}


SNAPSHOTS = """
query($id: ID!) { abTestLooks(id: $id) { at comparison { metric countA countB low high verdict } } }
"""
PRIMARY = """
query($id: ID!) {
  abTest(id: $id) { primaryMetric inference { comparisons { metric countA countB low high verdict } } }
}
"""


@pytest.mark.parametrize("metric", ["SUCCESS_RATE", "LATENCY", "COST"])
async def test_snapshots_have_the_figures_as_they_were_at_the_time(
    api: Api, other_api: Api, clock: Clock, monkeypatch: pytest.MonkeyPatch, metric: str
) -> None:
    # given a test that was read after half of its calls and after all
    test = await api.ask(
        """
        mutation($metric: ABTestMetric!) { createABTest(input: {
          testName: "t", primaryMetric: $metric, costCap: "0.05",
          variantA: {provider: "openai", model: "a"}, variantB: {provider: "openai", model: "b"}
        }) { ... on ABTest { id } } }
        """,
        metric=metric,
    )
    log = "mutation($input: [LogAnalyticsInput!]!) { logAnalyticsBatch(input: $input) { accepted } }"
    seen = []
    for half in range(2):
        clock.advance(hours=29, minutes=30)
        records = [
            {
                "provider": "openai",
                "modelUsed": "ab"[n % 2],
                "taskType": "chat",
                "success": n % 7 > n % 2,
                "latencyMs": 300 + n * (1 + n % 2),
                "cost": f"0.0{1 + n % 3 + 3 * (n % 2)}",
                "abTestId": test["id"],
                "abVariant": "AB"[n % 2],
                "unitKey": f"{n % 500}",
            }
            for n in range(half, 600 + half)
        ]
        assert (await api.ask(log, input=records))["accepted"] == 600
        clock.advance(minutes=30)
        current = await api.ask(PRIMARY, id=test["id"])
        seen += [each for each in current["inference"]["comparisons"] if each["metric"] == metric]
    # when
    snapshots = await api.ask(SNAPSHOTS, id=test["id"])
    # then
    assert [snapshot["at"] for snapshot in snapshots[::29]] == [
        "2026-03-10T13:00:00Z",
        "2026-03-11T18:00:00Z",
        "2026-03-12T23:00:00Z",
    ]
    assert [snapshot["comparison"]["low"] for snapshot in snapshots[:29]] == 29 * [None]
    for snapshot, then in zip((snapshots[29], snapshots[59]), seen, strict=True):
        assert snapshot["comparison"] == then | {"low": pytest.approx(then["low"]), "high": pytest.approx(then["high"])}
    assert seen[0]["low"] is not None
    # and no other user sees them, and a test with too many calls has none
    assert await other_api.ask(SNAPSHOTS, id=test["id"]) is None
    monkeypatch.setattr("models.queries.ab_snapshot.MAX_CALLS", 1_199)
    assert await api.ask(SNAPSHOTS, id=test["id"]) is None
