from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Clock
from tests.support.api import Api

FIELDS = """
  id defaultPriority maxCostPerRequest maxLatencyMs preferredProviders blockedProviders costAlertThreshold
  customRules { name when { taskType priority inputTokensAbove inputTokensBelow maxOutputTokensAbove maxOutputTokensBelow
                       metadata { key oneOf } hours { from to } weekdays timeZone }
                then { use { provider model } prefer block maxCost priority } }
  createdAt updatedAt
"""
READ = f"{{ preferences {{ {FIELDS} }} }}"
SAVE = f"""
mutation($input: SavePreferencesInput!) {{
  savePreferences(input: $input) {{
    __typename ... on RouterPreferences {{ {FIELDS} }} ... on Error {{ code message path }}
  }}
}}
"""
DAILY = "{ costAlerts { nodes { alertType period timeZone thresholdAmount active state } } }"


async def test_defaults_apply_before_the_first_save(api: Api, user_id: Any) -> None:
    assert await api.ask(READ) == {
        "id": str(user_id),
        "defaultPriority": "SPEED",
        "maxCostPerRequest": None,
        "maxLatencyMs": None,
        "preferredProviders": [],
        "blockedProviders": [],
        "costAlertThreshold": None,
        "customRules": [],
        "createdAt": None,
        "updatedAt": None,
    }


async def test_saved_preferences_are_read_back(api: Api) -> None:
    rule = {
        "name": "small questions go local",
        "when": {
            "taskType": "ask",
            "inputTokensBelow": 500,
            "metadata": [{"key": "team", "oneOf": ["a", "b"]}],
            "maxOutputTokensAbove": 10,
            "hours": {"from": 22, "to": 6},
            "weekdays": ["MONDAY"],
            "timeZone": "Europe/Berlin",
        },
        "then": {"use": {"provider": "ollama", "model": "llama3"}, "maxCost": "0.000000001", "prefer": ["ollama"]},
    }
    saved = await api.ask(
        SAVE,
        input={
            "defaultPriority": "QUALITY",
            "maxCostPerRequest": "0.0001107",
            "maxLatencyMs": 2500,
            "preferredProviders": ["anthropic", "openai"],
            "blockedProviders": ["deepseek"],
            "customRules": [rule],
            "costAlertThreshold": "12.5",
        },
    )
    assert saved.pop("__typename") == "RouterPreferences"
    assert saved == await api.ask(READ)
    assert saved["maxCostPerRequest"] == "0.0001107"
    assert saved["preferredProviders"] == ["anthropic", "openai"]
    assert saved["customRules"] == [
        {
            "name": "small questions go local",
            "when": {
                "taskType": "ask",
                "priority": None,
                "inputTokensAbove": None,
                "inputTokensBelow": 500,
                "maxOutputTokensAbove": 10,
                "maxOutputTokensBelow": None,
                "metadata": [{"key": "team", "oneOf": ["a", "b"]}],
                "hours": {"from": 22, "to": 6},
                "weekdays": ["MONDAY"],
                "timeZone": "Europe/Berlin",
            },
            "then": {
                "use": {"provider": "ollama", "model": "llama3"},
                "prefer": ["ollama"],
                "block": [],
                "maxCost": "0.000000001",
                "priority": None,
            },
        }
    ]
    assert (saved["createdAt"], saved["updatedAt"]) == ("2026-03-10T12:00:00Z", "2026-03-10T12:00:00Z")


async def test_every_condition_of_a_rule_is_read_back(api: Api) -> None:
    when = {
        "taskType": "ask",
        "priority": "COST",
        "inputTokensAbove": 1,
        "inputTokensBelow": 500,
        "maxOutputTokensAbove": 10,
        "maxOutputTokensBelow": 20,
        "metadata": [{"key": "team", "oneOf": ["a", "b"]}],
        "hours": {"from": 22, "to": 6},
        "weekdays": ["SATURDAY", "SUNDAY"],
        "timeZone": "Europe/Berlin",
    }
    await api.ask(SAVE, input={"customRules": [{"name": "nights", "when": when, "then": {"priority": "SPEED"}}]})
    assert [rule["when"] for rule in (await api.ask(READ))["customRules"]] == [when]


async def test_a_rule_without_a_time_applies_at_all_times_and_has_the_zone_utc(api: Api) -> None:
    saved = await api.ask(SAVE, input={"customRules": [{"name": "r", "when": {}, "then": {"priority": "COST"}}]})
    [rule] = saved["customRules"]
    assert (rule["when"]["hours"], rule["when"]["weekdays"], rule["when"]["timeZone"]) == (None, [], "UTC")


@pytest.mark.parametrize(
    ("when", "at", "message"),
    [
        (
            {"hours": {"from": 24, "to": 6}},
            ["hours", "from"],
            "customRules.0.when.hours.from: Input should be less than or equal to 23",
        ),
        (
            {"hours": {"from": 22, "to": 25}},
            ["hours", "to"],
            "customRules.0.when.hours.to: Input should be less than or equal to 24",
        ),
        (
            {"hours": {"from": 6, "to": 6}},
            ["hours"],
            "customRules.0.when.hours: from must differ from to; use 0 to 24 for the whole day",
        ),
        (
            {"weekdays": ["MONDAY"] * 8},
            ["weekdays"],
            "customRules.0.when.weekdays: List should have at most 7 items after validation, not 8",
        ),
        (
            {"timeZone": "Mars/Olympus"},
            ["timeZone"],
            "customRules.0.when.timeZone: must be an IANA time zone, such as Europe/Berlin",
        ),
        (
            {"maxOutputTokensAbove": -1},
            ["maxOutputTokensAbove"],
            "customRules.0.when.maxOutputTokensAbove: Input should be greater than or equal to 0",
        ),
        (
            {"maxOutputTokensAbove": 5, "maxOutputTokensBelow": 6},
            [],
            "customRules.0.when: maxOutputTokensBelow must be at least maxOutputTokensAbove + 2: no count matches otherwise",
        ),
    ],
)
async def test_a_condition_out_of_bounds_is_rejected_by_name_and_not_stored(
    api: Api, when: dict[str, Any], at: list[str], message: str
) -> None:
    rejected = await api.ask(SAVE, input={"customRules": [{"name": "r", "when": when, "then": {"priority": "COST"}}]})
    assert rejected["__typename"] == "InvalidInput"
    assert (rejected["path"], rejected["message"]) == (["input", "customRules", "0", "when", *at], message)
    assert (await api.ask(READ))["createdAt"] is None


async def test_an_omitted_field_stays_and_null_clears(api: Api, clock: Clock) -> None:
    # given saved preferences
    await api.ask(SAVE, input={"defaultPriority": "COST", "maxLatencyMs": 100, "blockedProviders": ["x"]})
    clock.advance(hours=1)
    # when one field changes and two are cleared
    saved = await api.ask(SAVE, input={"maxCostPerRequest": "1", "maxLatencyMs": None, "defaultPriority": None})
    # then the rest is as it was
    assert saved["maxCostPerRequest"] == "1"
    assert saved["maxLatencyMs"] is None
    assert saved["defaultPriority"] == "SPEED"
    assert saved["blockedProviders"] == ["x"]
    assert (saved["createdAt"], saved["updatedAt"]) == ("2026-03-10T12:00:00Z", "2026-03-10T13:00:00Z")


async def test_providers_saved_in_two_calls_may_not_overlap(api: Api) -> None:
    # given a preferred provider
    before = await api.ask(SAVE, input={"preferredProviders": ["OpenAI"]})
    # when it is blocked later
    rejected = await api.ask(SAVE, input={"blockedProviders": ["openai"], "maxLatencyMs": 5})
    # then the save is rejected, and nothing is stored
    assert (rejected["__typename"], rejected["path"]) == ("InvalidInput", ["input", "blockedProviders"])
    assert await api.ask(READ) == {key: value for key, value in before.items() if key != "__typename"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("maxCostPerRequest", "-0.01"),
        ("maxCostPerRequest", "NaN"),
        ("maxCostPerRequest", "Infinity"),
        ("maxCostPerRequest", "1e30"),
        ("maxCostPerRequest", "100000.000000001"),
        ("maxLatencyMs", 0),
        ("maxLatencyMs", -1),
        ("maxLatencyMs", 86_400_001),
        ("costAlertThreshold", "0"),
        ("costAlertThreshold", "-5"),
        ("preferredProviders", [""]),
        ("preferredProviders", ["a" * 201]),
        ("preferredProviders", ["a\x00"]),
        ("preferredProviders", [f"p{n}" for n in range(101)]),
        ("customRules", [{"name": "r", "when": {}, "then": {}}]),
        ("customRules", [{"name": "r", "when": {}, "then": {"priority": "COST"}}] * 2),
        ("customRules", [{"name": f"r{n}", "when": {}, "then": {"priority": "COST"}} for n in range(51)]),
    ],
)
async def test_input_out_of_bounds_is_rejected_by_name_and_not_stored(api: Api, field: str, value: Any) -> None:
    rejected = await api.ask(SAVE, input={field: value, "defaultPriority": "COST"})
    assert (rejected["__typename"], rejected["code"]) == ("InvalidInput", "INVALID_INPUT")
    assert rejected["path"][0] == "input"
    assert field in rejected["path"] or field in rejected["message"]
    assert (await api.ask(READ))["createdAt"] is None


async def test_an_unknown_priority_is_rejected_by_name(api: Api) -> None:
    [error] = await api.errors(SAVE, input={"defaultPriority": "CHEAPEST"})
    assert "defaultPriority" in error["message"]
    assert "CHEAPEST" in error["message"]


async def test_the_threshold_is_mirrored_by_one_daily_alert(api: Api) -> None:
    # given a saved threshold
    await api.ask(SAVE, input={"costAlertThreshold": "5"})
    [alert] = (await api.ask(DAILY))["nodes"]
    assert alert == {
        "alertType": "daily_spend",
        "period": "DAILY",
        "timeZone": "UTC",
        "thresholdAmount": "5",
        "active": True,
        "state": "ACTIVE",
    }
    # when it is changed, cleared and set again
    await api.ask(SAVE, input={"costAlertThreshold": "7.25"})
    assert [a["thresholdAmount"] for a in (await api.ask(DAILY))["nodes"]] == ["7.25"]
    await api.ask(SAVE, input={"costAlertThreshold": None})
    assert [a["active"] for a in (await api.ask(DAILY))["nodes"]] == [False]
    await api.ask(SAVE, input={"costAlertThreshold": "8"})
    # then it is the same alert
    assert [(a["thresholdAmount"], a["active"]) for a in (await api.ask(DAILY))["nodes"]] == [("8", True)]


async def test_each_user_has_separate_preferences(api: Api, other_api: Api) -> None:
    await api.ask(SAVE, input={"defaultPriority": "PRIVACY"})
    await other_api.ask(SAVE, input={"defaultPriority": "COST"})
    assert (await api.ask(READ))["defaultPriority"] == "PRIVACY"
    assert (await other_api.ask(READ))["defaultPriority"] == "COST"
