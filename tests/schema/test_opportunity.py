"""`opportunities`: advice from the user's calls, and the A/B test that an opportunity starts."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.opportunity import MAX_DECISIONS, RuleUses
from domain.viewer import Viewer
from domain.window import Window
from models.database import Database
from models.queries.opportunity import rule_uses
from models.queries.preference import preferences_of
from tests.conftest import Clock
from tests.support.api import Api
from tests.support.load import ROUTE

LOG = """
mutation($input: [LogAnalyticsInput!]!) { logAnalyticsBatch(input: $input) { accepted rejected { error { message } } } }
"""
OPPORTUNITIES = """
query($filter: AnalyticsFilter, $timeZone: String) {
  opportunities(filter: $filter, timeZone: $timeZone) {
    id kind title explanation evidence { name value } calls monthlySaving savingLow savingHigh
    filter { from to providers models taskTypes abTestId }
    suggestedTest { testName taskType primaryMetric guardrails variantA { provider model } variantB { provider model } }
  }
}
"""
START = """
mutation($id: ID!, $filter: AnalyticsFilter) {
  startSuggestedTest(opportunityId: $id, filter: $filter) {
    __typename ... on ABTest { id taskType active primaryMetric variantA { config { model } } } ... on Error { code path }
  }
}
"""
SAVE = "mutation($input: SavePreferencesInput!) { savePreferences(input: $input) { __typename } }"
SET_ALERT = """
mutation { createCostAlert(input: {thresholdAmount: "1000", period: DAILY}) { ... on CostAlert { id } } }
"""


def calls(
    provider: str, model: str, count: int, cost: float, at: str = "2026-03-08T10:15:00Z", **more: Any
) -> list[Any]:
    return [
        {
            "provider": provider,
            "modelUsed": model,
            "taskType": "chat",
            "success": number % 50 > 0,
            "cost": f"{cost * (1 + number % 3 / 10):.6f}",
            "inputTokens": 1000,
            "outputTokens": 100,
            "latencyMs": 500 + number % 100,
            "occurredAt": at,
        }
        | more
        for number in range(count)
    ]


async def logged(api: Api, records: list[Any]) -> None:
    for start in range(0, len(records), 1000):
        some = records[start : start + 1000]
        assert await api.ask(LOG, input=some) == {"accepted": len(some), "rejected": []}


async def of_kind(api: Api, kind: str, **variables: Any) -> list[Any]:
    return [found for found in await api.ask(OPPORTUNITIES, **variables) if found["kind"] == kind]


async def test_a_cheaper_model_comes_with_its_saving_its_evidence_and_an_ab_test(api: Api, other_api: Api) -> None:
    # given one model that costs five times as much as another at the same task, and succeeds no more often
    await logged(api, calls("openai", "dear", 3_000, 0.05) + calls("groq", "cheap", 2_000, 0.01))
    # when
    [found] = await of_kind(api, "CHEAPER_MODEL")
    # then
    assert Decimal(found["savingLow"]) <= Decimal(found["monthlySaving"]) <= Decimal(found["savingHigh"])
    assert Decimal(found["monthlySaving"]) == pytest.approx(Decimal(3_000 * 0.044), rel=Decimal("0.01"))
    assert found["calls"] == 3_000
    assert found["filter"] == {
        "from": "2026-02-08T13:00:00Z",
        "to": "2026-03-10T13:00:00Z",
        "providers": ["openai", "groq"],
        "models": ["dear", "cheap"],
        "taskTypes": ["chat"],
        "abTestId": None,
    }
    assert found["evidence"]
    assert "not assigned at random" in found["explanation"]
    assert found["suggestedTest"] | {"testName": ""} == {
        "testName": "",
        "taskType": "chat",
        "primaryMetric": "SUCCESS_RATE",
        "guardrails": ["LATENCY"],
        "variantA": {"provider": "openai", "model": "dear"},
        "variantB": {"provider": "groq", "model": "cheap"},
    }
    # and the filter selects these calls, and finds the same opportunity
    shown = {key: value for key, value in found["filter"].items() if value is not None}
    [total] = await api.ask("query($f: AnalyticsFilter) { analyticsSummary(filter: $f) { calls } }", f=shown)
    assert total["calls"] == 5_000
    assert found["id"] in [each["id"] for each in await of_kind(api, "CHEAPER_MODEL", filter=shown)]
    # and one mutation starts its test, once, and not for another user
    assert await other_api.ask(START, id=found["id"]) == {
        "__typename": "NotFound",
        "code": "NOT_FOUND",
        "path": ["opportunityId"],
    }
    test = await api.ask(START, id=found["id"])
    assert test | {"id": ""} == {
        "__typename": "ABTest",
        "id": "",
        "taskType": "chat",
        "active": True,
        "primaryMetric": "SUCCESS_RATE",
        "variantA": {"config": {"model": "dear"}},
    }
    assert await api.ask(START, id=found["id"]) == {"__typename": "Conflict", "code": "CONFLICT", "path": ["taskType"]}


async def test_hours_at_which_a_provider_fails_are_local_hours(api: Api) -> None:
    # given a provider that fails at 8 UTC, nine o'clock in Berlin, on one day
    failing = {"taskType": "code", "success": False}
    await logged(api, calls("openai", "a", 400, 0.01, "2026-03-02T08:30:00Z", **failing))
    await logged(api, calls("openai", "a", 900, 0.01, "2026-03-05T14:30:00Z", success=True))
    assert await of_kind(api, "FAILING_HOURS", timeZone="Europe/Berlin") == []
    # when on two more
    for day in (3, 4):
        await logged(api, calls("openai", "a", 400, 0.01, f"2026-03-0{day}T08:30:00Z", **failing))
    # then
    [found] = await of_kind(api, "FAILING_HOURS", timeZone="Europe/Berlin")
    assert "between 09:00 and 10:00" in found["title"]
    assert (found["calls"], found["monthlySaving"], found["suggestedTest"]) == (1_200, None, None)
    assert found["filter"]["providers"] == ["openai"]
    # and there is no opportunity in other calls alone; the filter selects them
    assert await of_kind(api, "FAILING_HOURS", filter={"taskTypes": ["chat"]}) == []
    [filtered] = await of_kind(api, "FAILING_HOURS", filter={"taskTypes": ["chat", "code"]})
    assert filtered["filter"]["taskTypes"] == ["chat", "code"]


async def test_rules_that_never_applied_and_alerts_that_were_never_near_their_limit(api: Api, clock: Clock) -> None:
    # given a rule that applies and one that does not, an alert far above the spend, and 999 routing decisions in nine days
    rules = [
        {"name": "used", "when": {"taskType": "chat"}, "then": {"priority": "COST"}},
        {"name": "unused", "when": {"taskType": "nothing"}, "then": {"priority": "COST"}},
    ]
    await api.ask(SAVE, input={"customRules": rules})
    alert = await api.ask(SET_ALERT)
    asked = {"taskType": "chat", "candidates": [{"provider": "openai", "model": "gpt-4o-mini"}]}
    for number in range(999):
        if number in (0, 400, 800):
            await logged(api, calls("openai", "a", 1, 100, clock().isoformat()))
            clock.advance(days=4)
        assert (await api.ask(ROUTE, input=asked))["__typename"] == "RoutingDecision"
    clock.advance(days=1)
    assert await of_kind(api, "UNUSED_RULE") == []
    # when there is one more, then the rule is reported, with the time since the first routing decision
    assert (await api.ask(ROUTE, input=asked))["__typename"] == "RoutingDecision"
    clock.advance(minutes=1)
    [rule] = await of_kind(api, "UNUSED_RULE")
    assert ("unused" in rule["title"], rule["calls"]) == (True, 1_000)
    assert (rule["filter"]["from"], rule["filter"]["providers"]) == ("2026-03-14T12:00:00Z", None)
    assert "from 2026-03-14 12:00 to 2026-03-23 12:01 UTC" in rule["explanation"]
    [idle] = await of_kind(api, "IDLE_ALERT")
    assert idle["calls"] == 0
    # and neither is reported where other kinds are requested
    for filter_ in ({"providers": ["openai"]}, {"models": ["a"]}, {"taskTypes": ["chat"]}):
        found = await api.ask(OPPORTUNITIES, filter=filter_)
        assert {each["kind"] for each in found}.isdisjoint({"UNUSED_RULE", "IDLE_ALERT"})
    # and not for rules that were just saved again
    await api.ask(SAVE, input={"customRules": rules})
    clock.advance(days=1)
    assert await of_kind(api, "UNUSED_RULE") == []
    # and an alert that was near its limit on a day is not reported once that day has ended
    assert alert["id"]
    await logged(api, calls("openai", "a", 1, 900, clock().isoformat()))
    clock.advance(days=1)
    assert await of_kind(api, "IDLE_ALERT") == []


async def test_open_windows_are_no_evidence_about_an_alert(api: Api, clock: Clock) -> None:
    # given
    await api.ask(SET_ALERT)
    # when the time range ends in ten days
    to = (clock() + timedelta(days=10)).isoformat()
    assert await of_kind(api, "IDLE_ALERT", filter={"to": to}) == []
    # then the alert is reported once three windows have ended
    clock.advance(days=4)
    [found] = await of_kind(api, "IDLE_ALERT", filter={"to": to})
    assert (found["filter"]["from"], found["filter"]["to"]) == ("2026-03-10T00:00:00Z", "2026-03-14T00:00:00Z")


async def test_uses_of_rules_are_counted_since_the_preferences_changed(
    api: Api, other_api: Api, database: Database, viewer: Viewer, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given rules that applied together, alone, and not since they were saved again; routing decisions one minute apart
    rules = [
        {"name": name, "when": {"taskType": task_type}, "then": then}
        for name, task_type, then in (
            ("chat", "chat", {"priority": "COST"}),
            ("chat too", "chat", {"prefer": ["openai"]}),
            ("code", "code", {"priority": "COST"}),
            ("before", "other", {"priority": "COST"}),
        )
    ]
    candidates = [{"provider": "openai", "model": "gpt-4o-mini"}]

    async def decide(api: Api, *task_types: str) -> None:
        for task_type in task_types:
            clock.advance(minutes=1)
            decision = await api.ask(ROUTE, input={"taskType": task_type, "candidates": candidates})
            assert decision["__typename"] == "RoutingDecision"

    async def uses(most: int = MAX_DECISIONS) -> RuleUses | None:
        monkeypatch.setattr("models.queries.opportunity.MAX_DECISIONS", most)
        async with database.viewer(viewer) as session:
            preferences = await preferences_of(session, viewer.id)
            assert preferences is not None
            return await rule_uses(session, preferences, window)

    window = Window(clock() - timedelta(days=30), clock() + timedelta(days=1))
    await api.ask(SAVE, input={"customRules": rules})
    await decide(api, "other", "other")
    clock.advance(minutes=1)
    await api.ask(SAVE, input={"customRules": rules})
    assert await uses() is None
    await decide(api, "code", "chat", "chat", "unknown", "chat")
    await decide(other_api, "other")
    # when, then
    first, last = clock() - timedelta(minutes=5), clock() - timedelta(minutes=1)
    applied = {"chat": 3, "chat too": 3, "code": 1, "before": 0}
    assert await uses() == RuleUses(Window(first, window.end), last, 5, applied)
    # and where the latest routing decisions do not show a use, the earlier ones do
    monkeypatch.setattr("models.queries.opportunity._FEW", 2)
    assert await uses() == RuleUses(Window(first, window.end), last, 5, applied)
    # and where there are too many, the time range says which were read
    assert await uses(most=3) == RuleUses(
        Window(last - timedelta(minutes=2), window.end), last, 3, {"chat": 2, "chat too": 2, "code": 0, "before": 0}
    )
    # and where lists of rules hardly repeat, nothing is reported
    monkeypatch.setattr("models.queries.opportunity._MOST_LISTS", 2)
    assert await uses() is None


async def test_a_preferred_provider_that_costs_more_without_being_better_is_reported(api: Api) -> None:
    await api.ask(SAVE, input={"preferredProviders": ["openai"]})
    await logged(api, calls("openai", "dear", 3_000, 0.05) + calls("groq", "cheap", 3_000, 0.01))
    [found] = await of_kind(api, "UNPROVEN_PREFERENCE")
    assert Decimal(found["savingLow"]) > 100
    assert found["suggestedTest"]["primaryMetric"] == "COST"


async def test_there_is_no_advice_from_few_calls_or_from_calls_of_another_user(api: Api, other_api: Api) -> None:
    await logged(api, calls("openai", "dear", 99, 0.05) + calls("groq", "cheap", 99, 0.01))
    assert await api.ask(OPPORTUNITIES) == []
    await logged(api, calls("openai", "dear", 3_000, 0.05) + calls("groq", "cheap", 3_000, 0.01))
    assert await other_api.ask(OPPORTUNITIES) == []


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"filter": {"success": True}}, "filter.success: must be left out"),
        ({"filter": {"from": "2024-01-01T00:00:00Z"}}, "filter.from: the time range must be at most 400 days"),
        ({"timeZone": "Mars/Olympus"}, "timeZone: must be an IANA time zone"),
    ],
)
async def test_a_filter_out_of_bounds_is_rejected(api: Api, variables: dict[str, Any], message: str) -> None:
    [error] = await api.errors(OPPORTUNITIES, **variables)
    assert error["message"].startswith(message)
