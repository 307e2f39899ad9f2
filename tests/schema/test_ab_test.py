from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Clock
from tests.support.api import Api

METRICS = "config { provider model parameters } calls successes successRate avgLatencyMs totalCost trafficShare"
FIELDS = f"""
  id testName taskType active startedAt endedAt winner createdAt
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
    __typename ... on LoggedAnalytics { record { id abTestId abVariant } } ... on Error { code message path }
  }
}
"""
A = {"provider": "openai", "model": "gpt-4o-mini"}
B = {"provider": "anthropic", "model": "claude-3-5-haiku"}


def new_test(**fields: Any) -> dict[str, Any]:
    return {"testName": "cheap or good", "variantA": A, "variantB": B} | fields


def decision(**fields: Any) -> dict[str, Any]:
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


async def test_decisions_move_the_sums_of_their_variant(api: Api) -> None:
    # given a running test
    test_id = (await api.ask(CREATE, input=new_test()))["id"]
    # when decisions are logged: by variant, by provider and model, with unknown latency and cost
    for fields in (
        {"abVariant": "A", "latencyMs": 100, "cost": "0.1"},
        {"latencyMs": 300, "cost": "0.2", "success": False},
        {"abVariant": "A"},
        {"provider": "anthropic", "modelUsed": "claude-3-5-haiku", "latencyMs": 50, "cost": "0.000000001"},
    ):
        assert (await api.ask(LOG, input=decision(abTestId=test_id, **fields)))["__typename"] == "LoggedAnalytics"
    # then the figures are exact, and a variant that was given wins over provider and model
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
        LOG, input=decision(abTestId=test_id, abVariant="B", provider="groq", modelUsed="llama", fallbackUsed=True)
    )
    assert logged["record"]["abVariant"] == "B"
    assert (await api.ask(READ, id=test_id))["variantB"]["calls"] == 1


async def test_a_variant_that_cannot_be_told_is_asked_for(api: Api) -> None:
    test_id = (await api.ask(CREATE, input=new_test()))["id"]
    refused = await api.ask(LOG, input=decision(abTestId=test_id, provider="groq"))
    assert (refused["__typename"], refused["path"]) == ("InvalidInput", ["input", "abVariant"])
    assert (await api.ask("{ analytics { nodes { id } } }"))["nodes"] == []


@pytest.mark.parametrize("winner", ["A", "B", None])
async def test_a_test_ends_with_a_winner_or_none(api: Api, clock: Clock, winner: str | None) -> None:
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


async def test_a_decision_after_the_end_is_kept_and_not_counted(api: Api) -> None:
    test_id = (await api.ask(CREATE, input=new_test()))["id"]
    await api.ask(LOG, input=decision(abTestId=test_id))
    await api.ask(END, id=test_id)
    late = await api.ask(LOG, input=decision(abTestId=test_id))
    assert late["record"] == {"id": late["record"]["id"], "abTestId": test_id, "abVariant": "A"}
    assert (await api.ask(READ, id=test_id))["variantA"]["calls"] == 1


async def test_one_test_runs_for_each_task_type(api: Api, other_api: Api) -> None:
    for task_type in ("chat", None):
        first = await api.ask(CREATE, input=new_test(taskType=task_type))
        second = await api.ask(CREATE, input=new_test(taskType=task_type))
        assert (second["__typename"], second["path"]) == ("Conflict", ["input", "taskType"])
        assert (await other_api.ask(CREATE, input=new_test(taskType=task_type)))["__typename"] == "ABTest"
        await api.ask(END, id=first["id"])
        assert (await api.ask(CREATE, input=new_test(taskType=task_type)))["__typename"] == "ABTest"


async def test_a_running_test_is_not_deleted_an_ended_one_is(api: Api) -> None:
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
    ],
)
async def test_a_test_out_of_bounds_is_refused_and_not_stored(api: Api, fields: Any, path: list[str]) -> None:
    refused = await api.ask(CREATE, input=new_test(**fields))
    assert (refused["__typename"], refused["path"]) == ("InvalidInput", path)
    assert (await api.ask(LIST))["nodes"] == []


async def test_variants_may_differ_in_parameters_alone(api: Api) -> None:
    test = await api.ask(CREATE, input=new_test(variantB=A | {"parameters": {"temperature": 0}}))
    assert test["__typename"] == "ABTest"
    # and then provider and model do not tell them apart
    refused = await api.ask(LOG, input=decision(abTestId=test["id"]))
    assert (refused["__typename"], refused["path"]) == ("InvalidInput", ["input", "abVariant"])


async def test_an_id_that_is_none_answers_as_a_missing_one(api: Api) -> None:
    assert await api.ask(READ, id="no id") is None
    assert (await api.ask(END, id="no id"))["__typename"] == "NotFound"


async def test_a_retry_after_its_test_was_deleted_is_the_same_answer(api: Api) -> None:
    # given a decision that was counted for a test which is deleted since
    test_id = (await api.ask(CREATE, input=new_test()))["id"]
    first = await api.ask(LOG, input=decision(abTestId=test_id, eventId="e"))
    await api.ask(END, id=test_id)
    await api.ask(DELETE, id=test_id)
    # when it is sent again, then it is the same record; a new one has no such test
    assert (await api.ask(LOG, input=decision(abTestId=test_id, eventId="e"))) == first
    refused = await api.ask(LOG, input=decision(abTestId=test_id, eventId="new"))
    assert (refused["__typename"], refused["path"]) == ("InvalidInput", ["input", "abTestId"])
