from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.conftest import Clock
from tests.support.api import Api

FIELDS = """
  id alertType period mode timeZone thresholdAmount currentAmount percentUsed remaining nearLimitPercent state
  windowStart resetsAt triggeredAt acknowledgedAt active enforced createdAt updatedAt
"""
CREATE = f"""
mutation($input: CreateCostAlertInput!) {{
  createCostAlert(input: $input) {{ __typename ... on CostAlert {{ {FIELDS} }} ... on Error {{ code message path }} }}
}}
"""
UPDATE = f"""
mutation($id: ID!, $input: UpdateCostAlertInput!) {{
  updateCostAlert(id: $id, input: $input) {{
    __typename ... on CostAlert {{ {FIELDS} }} ... on Error {{ code message path }}
  }}
}}
"""
ACKNOWLEDGE = f"""
mutation($id: ID!) {{
  acknowledgeCostAlert(id: $id) {{ __typename ... on CostAlert {{ {FIELDS} }} ... on Error {{ code message path }} }}
}}
"""
DELETE = """
mutation($id: ID!) { deleteCostAlert(id: $id) { __typename ... on Deleted { id } ... on Error { code message path } } }
"""
READ = f"query($id: ID!) {{ costAlert(id: $id) {{ {FIELDS} }} }}"
LIST = """
query($active: Boolean, $state: AlertState, $first: Int, $after: String) {
  costAlerts(active: $active, state: $state, first: $first, after: $after) {
    nodes { id } pageInfo { hasNextPage endCursor }
  }
}
"""
EVENTS = """
query($alert: ID, $acknowledged: Boolean, $first: Int, $after: String) {
  alertEvents(alertId: $alert, acknowledged: $acknowledged, first: $first, after: $after) {
    edges { cursor node { cursor level amount threshold windowStart firedAt acknowledgedAt alert { id } } }
    pageInfo { hasNextPage endCursor }
  }
}
"""
LOG = """
mutation($cost: Decimal, $at: DateTime) {
  logAnalytics(input: {
    provider: "openai", modelUsed: "gpt-4o", taskType: "chat", success: true, cost: $cost, occurredAt: $at
  }) { __typename ... on LoggedAnalytics { alertEvents { level amount } } ... on Error { message path } }
}
"""


async def new_alert(api: Api, **fields: Any) -> Any:
    return await api.ask(CREATE, input={"thresholdAmount": "10", "period": "DAILY"} | fields)


async def levels(api: Api, **variables: Any) -> list[tuple[str, str]]:
    events = (await api.ask(EVENTS, **variables))["edges"]
    return [(edge["node"]["level"], edge["node"]["amount"]) for edge in reversed(events)]


async def test_an_alert_begins_with_its_window_and_nothing_spent(api: Api) -> None:
    alert = await new_alert(api, timeZone="Asia/Kolkata")
    assert {key: alert[key] for key in alert if key not in {"__typename", "id"}} == {
        "alertType": "daily_spend",
        "period": "DAILY",
        "mode": "CALENDAR",
        "timeZone": "Asia/Kolkata",
        "thresholdAmount": "10",
        "currentAmount": "0",
        "percentUsed": 0.0,
        "remaining": "10",
        "nearLimitPercent": 80.0,
        "state": "ACTIVE",
        "windowStart": "2026-03-09T18:30:00Z",
        "resetsAt": "2026-03-10T18:30:00Z",
        "triggeredAt": None,
        "acknowledgedAt": None,
        "active": True,
        "enforced": False,
        "createdAt": "2026-03-10T12:00:00Z",
        "updatedAt": "2026-03-10T12:00:00Z",
    }


@pytest.mark.parametrize(
    ("fields", "start", "end"),
    [
        ({"period": "HOURLY"}, "2026-03-10T12:00:00Z", "2026-03-10T13:00:00Z"),
        ({"period": "DAILY"}, "2026-03-10T00:00:00Z", "2026-03-11T00:00:00Z"),
        ({"period": "WEEKLY"}, "2026-03-09T00:00:00Z", "2026-03-16T00:00:00Z"),
        ({"period": "MONTHLY"}, "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z"),
        ({"period": "WEEKLY", "weekStart": "SUNDAY"}, "2026-03-08T00:00:00Z", "2026-03-15T00:00:00Z"),
        ({"period": "WEEKLY", "weekStart": "TUESDAY"}, "2026-03-10T00:00:00Z", "2026-03-17T00:00:00Z"),
        ({"period": "MONTHLY", "monthAnchor": 15}, "2026-02-15T00:00:00Z", "2026-03-15T00:00:00Z"),
        ({"period": "MONTHLY", "monthAnchor": 10}, "2026-03-10T00:00:00Z", "2026-04-10T00:00:00Z"),
        (
            {"period": "CUSTOM", "custom": {"every": 6, "unit": "HOUR", "anchor": "2026-03-01T02:00:00Z"}},
            "2026-03-10T08:00:00Z",
            "2026-03-10T14:00:00Z",
        ),
    ],
)
async def test_each_period_counts_its_own_window(api: Api, fields: Any, start: str, end: str) -> None:
    # given an alert of this period
    alert_id = (await new_alert(api, **fields))["id"]
    # when spend falls just before its window, at its start, and now
    before = start.replace("00:00Z", "00:00.000000Z")
    await api.ask(LOG, cost="4", at=_just_before(before))
    await api.ask(LOG, cost="1.5", at=start)
    await api.ask(LOG, cost="0.25")
    # then what is in the window counts
    alert = await api.ask(READ, id=alert_id)
    assert (alert["windowStart"], alert["resetsAt"]) == (start, end)
    assert (alert["currentAmount"], alert["remaining"], alert["percentUsed"]) == ("1.75", "8.25", 17.5)


def _just_before(moment: str) -> str:

    return (datetime.fromisoformat(moment) - timedelta(microseconds=1)).isoformat()


async def test_it_is_near_its_limit_then_triggered_once_each(api: Api) -> None:
    alert_id = (await new_alert(api))["id"]
    fired = [(await api.ask(LOG, cost=cost))["alertEvents"] for cost in ("7.999999999", "0.000000001", "1", "1", "5")]
    assert fired == [
        [],
        [{"level": "NEAR_LIMIT", "amount": "8"}],
        [],
        [{"level": "TRIGGERED", "amount": "10"}],
        [],
    ]
    alert = await api.ask(READ, id=alert_id)
    assert (alert["state"], alert["currentAmount"], alert["remaining"], alert["percentUsed"]) == (
        "TRIGGERED",
        "15",
        "0",
        150.0,
    )
    assert alert["triggeredAt"] == "2026-03-10T12:00:00Z"


async def test_a_jump_past_both_fires_triggered_only(api: Api) -> None:
    await new_alert(api)
    assert (await api.ask(LOG, cost="50"))["alertEvents"] == [{"level": "TRIGGERED", "amount": "50"}]
    assert await levels(api) == [("TRIGGERED", "50")]


async def test_the_next_window_starts_from_nothing_and_fires_again(api: Api, clock: Clock) -> None:
    alert_id = (await new_alert(api))["id"]
    await api.ask(LOG, cost="10")
    clock.advance(days=1)
    alert = await api.ask(READ, id=alert_id)
    assert (alert["state"], alert["currentAmount"], alert["windowStart"]) == ("ACTIVE", "0", "2026-03-11T00:00:00Z")
    assert (await api.ask(LOG, cost="11"))["alertEvents"] == [{"level": "TRIGGERED", "amount": "11"}]


async def test_late_spend_belongs_to_its_own_window_and_never_notifies(api: Api, clock: Clock) -> None:
    alert_id = (await new_alert(api))["id"]
    clock.advance(days=1)
    assert (await api.ask(LOG, cost="99", at="2026-03-10T13:00:00Z"))["alertEvents"] == []
    assert (await api.ask(READ, id=alert_id))["currentAmount"] == "0"
    assert await levels(api) == []


async def test_spend_far_ahead_of_the_clock_is_refused(api: Api) -> None:
    await new_alert(api)
    assert (await api.ask(LOG, cost="1", at="2026-03-10T12:05:00Z"))["__typename"] == "LoggedAnalytics"
    refused = await api.ask(LOG, cost="1", at="2026-03-10T12:05:00.000001Z")
    assert (refused["__typename"], refused["path"]) == ("InvalidInput", ["input", "occurredAt"])


async def test_spend_a_little_ahead_counts_in_the_next_window_without_ending_this_one(api: Api, clock: Clock) -> None:
    # given two minutes to midnight
    clock.advance(hours=11, minutes=58)
    alert_id = (await new_alert(api))["id"]
    # when an event is dated after midnight, and another before
    await api.ask(LOG, cost="3", at="2026-03-11T00:00:30Z")
    await api.ask(LOG, cost="9")
    # then each counts in its own day
    assert (await api.ask(READ, id=alert_id))["currentAmount"] == "9"
    clock.advance(minutes=3)
    assert (await api.ask(READ, id=alert_id))["currentAmount"] == "3"


async def test_an_alert_set_in_mid_window_counts_what_was_spent_before(api: Api) -> None:
    await api.ask(LOG, cost="6")
    await api.ask(LOG, cost="5", at="2026-03-09T23:59:59Z")
    alert = await new_alert(api, thresholdAmount="5")
    assert (alert["currentAmount"], alert["state"]) == ("6", "TRIGGERED")
    assert await levels(api) == [("TRIGGERED", "6")]
    assert (await api.ask(LOG, cost="1"))["alertEvents"] == []


async def test_spend_of_unknown_cost_counts_nothing(api: Api) -> None:
    alert_id = (await new_alert(api))["id"]
    assert (await api.ask(LOG))["alertEvents"] == []
    assert (await api.ask(READ, id=alert_id))["currentAmount"] == "0"


async def test_raising_the_threshold_re_arms_lowering_it_fires_at_once_and_never_twice(api: Api) -> None:
    # given an alert that fired
    alert_id = (await new_alert(api))["id"]
    await api.ask(LOG, cost="10")
    # when it is lowered, it has fired already
    lowered = await api.ask(UPDATE, id=alert_id, input={"thresholdAmount": "5"})
    assert (lowered["state"], await levels(api)) == ("TRIGGERED", [("TRIGGERED", "10")])
    # when it is raised, it is armed again, and fires again
    raised = await api.ask(UPDATE, id=alert_id, input={"thresholdAmount": "20"})
    assert raised["state"] == "ACTIVE"
    await api.ask(LOG, cost="10")
    assert await levels(api) == [("TRIGGERED", "10"), ("TRIGGERED", "20")]
    # and one that has not fired does so the moment it is lowered below what was spent
    other = (await new_alert(api, thresholdAmount="100"))["id"]
    assert (await api.ask(UPDATE, id=other, input={"thresholdAmount": "15"}))["state"] == "TRIGGERED"
    assert await levels(api, alert=other) == [("TRIGGERED", "20")]


async def test_an_alert_that_is_off_counts_and_does_not_fire_until_it_is_on_again(api: Api) -> None:
    alert_id = (await new_alert(api))["id"]
    await api.ask(UPDATE, id=alert_id, input={"active": False})
    assert (await api.ask(LOG, cost="12"))["alertEvents"] == []
    assert (await api.ask(READ, id=alert_id))["currentAmount"] == "12"
    assert (await api.ask(UPDATE, id=alert_id, input={"active": True}))["state"] == "TRIGGERED"
    assert await levels(api) == [("TRIGGERED", "12")]


async def test_a_new_time_zone_counts_the_window_of_that_zone(api: Api) -> None:
    alert_id = (await new_alert(api))["id"]
    await api.ask(LOG, cost="2", at="2026-03-10T01:00:00Z")
    await api.ask(LOG, cost="3", at="2026-03-10T05:00:00Z")
    moved = await api.ask(UPDATE, id=alert_id, input={"timeZone": "America/New_York"})
    assert (moved["windowStart"], moved["resetsAt"]) == ("2026-03-10T04:00:00Z", "2026-03-11T04:00:00Z")
    assert moved["currentAmount"] == "3"


async def test_a_near_limit_percentage_of_its_own(api: Api) -> None:
    await new_alert(api, nearLimitPercent=33.3)
    assert (await api.ask(LOG, cost="3.329999999"))["alertEvents"] == []
    assert (await api.ask(LOG, cost="0.000000001"))["alertEvents"] == [{"level": "NEAR_LIMIT", "amount": "3.33"}]


async def test_a_raised_near_limit_percentage_does_not_fire_twice_nor_lose_a_record(api: Api) -> None:
    # given an alert that was near its limit at 80 %
    alert_id = (await new_alert(api, thresholdAmount="100"))["id"]
    await api.ask(LOG, cost="85")
    # when near means 90 %, and spend passes that
    await api.ask(UPDATE, id=alert_id, input={"nearLimitPercent": 90})
    logged = await api.ask(LOG, cost="6")
    # then the record is kept, and the level does not fire again in this window
    assert logged == {"__typename": "LoggedAnalytics", "alertEvents": []}
    assert (await api.ask(LOG, cost="9"))["alertEvents"] == [{"level": "TRIGGERED", "amount": "100"}]
    assert await levels(api) == [("NEAR_LIMIT", "85"), ("TRIGGERED", "100")]


async def test_acknowledging_stamps_what_fired_and_does_not_re_arm(api: Api, clock: Clock) -> None:
    # given an alert that fired twice
    alert_id = (await new_alert(api))["id"]
    nothing = await api.ask(ACKNOWLEDGE, id=alert_id)
    assert (nothing["__typename"], nothing["code"]) == ("Conflict", "CONFLICT")
    await api.ask(LOG, cost="8")
    await api.ask(LOG, cost="2")
    assert len((await api.ask(EVENTS, acknowledged=False))["edges"]) == 2
    # when it is acknowledged
    clock.advance(minutes=10)
    alert = await api.ask(ACKNOWLEDGE, id=alert_id)
    # then both alert events are, once
    assert (alert["acknowledgedAt"], alert["state"]) == ("2026-03-10T12:10:00Z", "TRIGGERED")
    assert len((await api.ask(EVENTS, acknowledged=True))["edges"]) == 2
    assert (await api.ask(ACKNOWLEDGE, id=alert_id))["__typename"] == "Conflict"
    assert (await api.ask(LOG, cost="5"))["alertEvents"] == []


async def test_of_two_who_acknowledge_at_once_one_does(api: Api) -> None:
    alert_id = (await new_alert(api))["id"]
    await api.ask(LOG, cost="10")
    answers = await asyncio.gather(*(api.ask(ACKNOWLEDGE, id=alert_id) for _ in range(8)))
    assert sorted(answer["__typename"] for answer in answers) == ["Conflict"] * 7 + ["CostAlert"]


async def test_firings_are_listed_newest_first_a_page_at_a_time(api: Api) -> None:
    alerts = [(await new_alert(api, thresholdAmount=str(n)))["id"] for n in (10, 20, 30)]
    for _ in range(3):
        await api.ask(LOG, cost="10")
    first = await api.ask(EVENTS, first=2)
    second = await api.ask(EVENTS, first=2, after=first["pageInfo"]["endCursor"])
    third = await api.ask(EVENTS, first=2, after=second["pageInfo"]["endCursor"])
    seen = [edge["node"] for page in (first, second, third) for edge in page["edges"]]
    # 20 of 30 is no near limit, and each jump passes 80 % and 100 % together
    assert [(node["alert"]["id"], node["level"], node["amount"]) for node in seen] == [
        (alerts[2], "TRIGGERED", "30"),
        (alerts[1], "TRIGGERED", "20"),
        (alerts[0], "TRIGGERED", "10"),
    ]
    assert [page["pageInfo"]["hasNextPage"] for page in (first, second)] == [True, False]
    assert all(edge["cursor"] == edge["node"]["cursor"] for edge in first["edges"])


async def test_alerts_are_listed_by_state_and_activity(api: Api) -> None:
    ids = [(await new_alert(api, thresholdAmount=str(n)))["id"] for n in (10, 12, 100, 200)]
    await api.ask(LOG, cost="10")
    await api.ask(UPDATE, id=ids[3], input={"active": False})

    async def listed(**variables: Any) -> list[str]:
        return [node["id"] for node in (await api.ask(LIST, **variables))["nodes"]]

    assert await listed(state="TRIGGERED") == [ids[0]]
    assert await listed(state="NEAR_LIMIT") == [ids[1]]
    assert await listed(state="ACTIVE") == [ids[3], ids[2]]
    assert await listed(state="ACTIVE", active=True) == [ids[2]]
    page = await api.ask(LIST, first=3)
    assert [node["id"] for node in page["nodes"]] == ids[:0:-1]
    assert await listed(first=3, after=page["pageInfo"]["endCursor"]) == [ids[0]]


async def test_a_deleted_alert_is_gone_with_its_firings(api: Api) -> None:
    alert_id = (await new_alert(api))["id"]
    await api.ask(LOG, cost="10")
    assert await api.ask(DELETE, id=alert_id) == {"__typename": "Deleted", "id": alert_id}
    assert await api.ask(READ, id=alert_id) is None
    assert await levels(api) == []
    assert (await api.ask(DELETE, id=alert_id))["__typename"] == "NotFound"
    assert (await api.ask(LOG, cost="10"))["alertEvents"] == []


async def test_the_alert_of_the_preferences_is_deleted_there(api: Api) -> None:
    await api.ask('mutation { savePreferences(input: {costAlertThreshold: "5"}) { __typename } }')
    [alert] = (await api.ask(LIST))["nodes"]
    assert (await api.ask(DELETE, id=alert["id"]))["__typename"] == "Conflict"
    assert (await api.ask(LIST))["nodes"] == [alert]


@pytest.mark.parametrize("fields", [{"thresholdAmount": "7"}, {"active": False}, {"timeZone": "Asia/Kolkata"}])
async def test_the_alert_of_the_preferences_is_changed_there(api: Api, fields: Any) -> None:
    await api.ask('mutation { savePreferences(input: {costAlertThreshold: "5"}) { __typename } }')
    [alert] = (await api.ask(LIST))["nodes"]
    before = await api.ask(READ, id=alert["id"])
    refused = await api.ask(UPDATE, id=alert["id"], input=fields)
    assert (refused["__typename"], refused["path"]) == ("InvalidInput", ["input", *fields])
    assert await api.ask(READ, id=alert["id"]) == before
    assert (await api.ask(UPDATE, id=alert["id"], input={"nearLimitPercent": 50}))["nearLimitPercent"] == 50.0


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"thresholdAmount": "0"}, ["input", "thresholdAmount"]),
        ({"thresholdAmount": "-1"}, ["input", "thresholdAmount"]),
        ({"thresholdAmount": "NaN"}, ["input", "thresholdAmount"]),
        ({"thresholdAmount": "1000000000.1"}, ["input", "thresholdAmount"]),
        ({"timeZone": "Mars/Olympus"}, ["input", "timeZone"]),
        ({"timeZone": "../../etc/passwd"}, ["input", "timeZone"]),
        ({"nearLimitPercent": 0}, ["input", "nearLimitPercent"]),
        ({"nearLimitPercent": 100.1}, ["input", "nearLimitPercent"]),
        ({"alertType": ""}, ["input", "alertType"]),
        ({"period": "CUSTOM"}, ["input"]),
        ({"custom": {"every": 1, "unit": "DAY", "anchor": "2026-01-01T00:00:00Z"}}, ["input"]),
        (
            {"period": "CUSTOM", "custom": {"every": 0, "unit": "DAY", "anchor": "2026-01-01T00:00:00Z"}},
            ["input", "custom", "every"],
        ),
    ],
)
async def test_an_alert_out_of_bounds_is_refused_and_not_stored(api: Api, fields: Any, path: list[str]) -> None:
    refused = await new_alert(api, **fields)
    assert (refused["__typename"], refused["path"]) == ("InvalidInput", path)
    assert (await api.ask(LIST))["nodes"] == []


@pytest.mark.parametrize("fields", [{"thresholdAmount": None}, {"active": None}, {"nearLimitPercent": -1}])
async def test_a_change_out_of_bounds_is_refused_and_changes_nothing(api: Api, fields: Any) -> None:
    alert = await new_alert(api)
    refused = await api.ask(UPDATE, id=alert["id"], input=fields)
    assert (refused["__typename"], refused["path"]) == ("InvalidInput", ["input", *fields])
    assert await api.ask(READ, id=alert["id"]) == {key: alert[key] for key in alert if key != "__typename"}


async def test_there_is_a_most_to_the_number_of_alerts(api: Api) -> None:
    for _ in range(200):
        assert (await new_alert(api))["__typename"] == "CostAlert"
    assert (await new_alert(api))["__typename"] == "InvalidInput"


# Rolling alerts


@pytest.mark.parametrize(
    ("period", "start"),
    [
        ("HOURLY", "2026-03-10T11:01:00Z"),
        ("DAILY", "2026-03-09T12:01:00Z"),
        ("WEEKLY", "2026-03-03T12:01:00Z"),
        ("MONTHLY", "2026-02-08T12:01:00Z"),
    ],
)
async def test_a_rolling_alert_counts_what_its_length_of_time_holds(api: Api, period: str, start: str) -> None:
    # given spend just before the window, at its start and now
    await api.ask(LOG, cost="4", at=_just_before(start))
    await api.ask(LOG, cost="1.5", at=start)
    # when an alert is set over it, and more is spent
    alert_id = (await new_alert(api, period=period, mode="ROLLING"))["id"]
    await api.ask(LOG, cost="0.25")
    # then what is in the window counts
    alert = await api.ask(READ, id=alert_id)
    assert (alert["windowStart"], alert["resetsAt"]) == (start, None)
    assert (alert["currentAmount"], alert["remaining"], alert["state"]) == ("1.75", "8.25", "ACTIVE")


async def test_spend_leaves_a_rolling_window_as_time_goes_by(api: Api, clock: Clock) -> None:
    alert_id = (await new_alert(api, mode="ROLLING"))["id"]
    await api.ask(LOG, cost="5")
    clock.advance(hours=12)
    await api.ask(LOG, cost="2")
    amounts = [(await api.ask(READ, id=alert_id))["currentAmount"]]
    for hours in (11, 1, 11, 1):
        clock.advance(hours=hours)
        amounts.append((await api.ask(READ, id=alert_id))["currentAmount"])
    assert amounts == ["7", "7", "2", "2", "0"]


async def test_a_rolling_alert_fires_again_only_after_it_was_clear(api: Api, clock: Clock) -> None:
    # given an alert at $10 that fired both levels
    alert_id = (await new_alert(api, mode="ROLLING", period="HOURLY"))["id"]
    await api.ask(LOG, cost="8")
    clock.advance(minutes=30)
    await api.ask(LOG, cost="2")
    assert await levels(api) == [("NEAR_LIMIT", "8"), ("TRIGGERED", "10")]

    # when the first spend leaves the window, at $2, and as much comes again
    clock.advance(minutes=30)
    assert (await api.ask(READ, id=alert_id))["state"] == "ACTIVE"
    await api.ask(LOG, cost="5.4")
    await api.ask(LOG, cost="0.7")
    # then it fires once more, from its new arming on
    assert await levels(api) == [("NEAR_LIMIT", "8"), ("TRIGGERED", "10"), ("NEAR_LIMIT", "8.1")]

    # when spend falls to 76 %, which is not below 75 %, and rises above the line again
    await api.ask(LOG, cost="1.5")
    clock.advance(minutes=30)
    alert = await api.ask(READ, id=alert_id)
    assert (alert["currentAmount"], alert["state"]) == ("7.6", "NEAR_LIMIT")
    await api.ask(LOG, cost="1")
    # then it does not repeat itself
    assert len(await levels(api)) == 3
    # but goes on to the threshold
    await api.ask(LOG, cost="1.4")
    assert (await levels(api))[3:] == [("TRIGGERED", "10")]


async def test_falling_to_exactly_75_percent_does_not_clear_a_rolling_alert(api: Api, clock: Clock) -> None:
    alert_id = (await new_alert(api, mode="ROLLING", period="HOURLY"))["id"]
    await api.ask(LOG, cost="0.5")
    clock.advance(minutes=1)
    await api.ask(LOG, cost="7.5")
    clock.advance(minutes=59)
    assert (await api.ask(READ, id=alert_id))["currentAmount"] == "7.5"
    await api.ask(LOG, cost="0.6")
    assert await levels(api) == [("NEAR_LIMIT", "8")]


async def test_a_rolling_alert_is_set_over_what_was_spent_and_re_armed_by_a_raised_threshold(api: Api) -> None:
    await api.ask(LOG, cost="9")
    alert_id = (await new_alert(api, mode="ROLLING"))["id"]
    assert await levels(api) == [("NEAR_LIMIT", "9")]
    await api.ask(UPDATE, id=alert_id, input={"thresholdAmount": "9"})
    assert (await levels(api))[1:] == [("TRIGGERED", "9")]
    await api.ask(UPDATE, id=alert_id, input={"thresholdAmount": "11"})
    assert (await levels(api))[2:] == [("NEAR_LIMIT", "9")]
    # and a zone means nothing to it
    await api.ask(UPDATE, id=alert_id, input={"timeZone": "Asia/Kolkata"})
    assert len(await levels(api)) == 3


async def test_a_rolling_alert_of_a_period_of_ones_own_is_refused(api: Api) -> None:
    custom = {"every": 6, "unit": "HOUR", "anchor": "2026-03-01T02:00:00Z"}
    refusal = await new_alert(api, mode="ROLLING", period="CUSTOM", custom=custom)
    assert refusal["__typename"] == "InvalidInput"
    assert refusal["message"].startswith("mode: must be CALENDAR when period is CUSTOM")
    assert (await api.ask("{ costAlerts { nodes { id } } }"))["nodes"] == []


async def test_other_weeks_and_months_count_the_window_they_make(api: Api) -> None:
    await api.ask(LOG, cost="1", at="2026-03-08T12:00:00Z")
    weekly = (await new_alert(api, period="WEEKLY"))["id"]
    assert (await api.ask(READ, id=weekly))["currentAmount"] == "0"
    await api.ask(UPDATE, id=weekly, input={"weekStart": "SUNDAY"})
    alert = await api.ask(READ, id=weekly)
    assert (alert["windowStart"], alert["currentAmount"]) == ("2026-03-08T00:00:00Z", "1")
    monthly = (await new_alert(api, period="MONTHLY", monthAnchor=9))["id"]
    assert (await api.ask(READ, id=monthly))["currentAmount"] == "0"
    await api.ask(UPDATE, id=monthly, input={"monthAnchor": 8})
    assert (await api.ask(READ, id=monthly))["currentAmount"] == "1"


async def test_a_rolling_alert_that_was_clear_fires_again_under_a_lower_threshold(api: Api, clock: Clock) -> None:
    # given an alert at $10 that fired, and whose spend has fallen to $5 since
    alert_id = (await new_alert(api, mode="ROLLING", period="HOURLY"))["id"]
    await api.ask(LOG, cost="7")
    clock.advance(minutes=30)
    await api.ask(LOG, cost="5")
    assert await levels(api) == [("TRIGGERED", "12")]
    clock.advance(minutes=30)
    # when the threshold is lowered to $6, of which $5 are near
    await api.ask(UPDATE, id=alert_id, input={"thresholdAmount": "6"})
    # then that fires, and the threshold in its turn
    assert (await levels(api))[1:] == [("NEAR_LIMIT", "5")]
    await api.ask(LOG, cost="1.5")
    assert (await levels(api))[2:] == [("TRIGGERED", "6.5")]


async def test_a_calendar_field_that_the_period_does_not_use_changes_nothing(api: Api) -> None:
    alert_id = (await new_alert(api))["id"]
    await api.ask(LOG, cost="10")
    assert await levels(api) == [("TRIGGERED", "10")]
    for change in ({"monthAnchor": 5}, {"weekStart": "FRIDAY"}):
        await api.ask(UPDATE, id=alert_id, input=change)
    assert await levels(api) == [("TRIGGERED", "10")]
    assert (await api.ask(READ, id=alert_id))["currentAmount"] == "10"


async def test_firings_of_one_alert_come_in_the_order_of_spending(api: Api) -> None:
    await new_alert(api)
    log = "mutation($input: [LogAnalyticsInput!]!) { logAnalyticsBatch(input: $input) { accepted } }"
    record = {"provider": "openai", "modelUsed": "a", "taskType": "chat", "success": True}
    later, earlier = (
        {"cost": "3", "occurredAt": "2026-03-10T11:05:00Z"},
        {"cost": "8", "occurredAt": "2026-03-10T11:00:00Z"},
    )
    await api.ask(log, input=[record | later, record | earlier])
    assert await levels(api) == [("NEAR_LIMIT", "8"), ("TRIGGERED", "11")]
