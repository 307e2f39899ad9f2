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


async def test_a_new_alert_has_its_window_and_no_spend(api: Api) -> None:
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
async def test_each_period_has_its_window(api: Api, fields: Any, start: str, end: str) -> None:
    # given an alert of this period
    alert_id = (await new_alert(api, **fields))["id"]
    # when calls are logged just before its window, at its start, and now
    before = start.replace("00:00Z", "00:00.000000Z")
    await api.ask(LOG, cost="4", at=_just_before(before))
    await api.ask(LOG, cost="1.5", at=start)
    await api.ask(LOG, cost="0.25")
    # then the calls in the window count
    alert = await api.ask(READ, id=alert_id)
    assert (alert["windowStart"], alert["resetsAt"]) == (start, end)
    assert (alert["currentAmount"], alert["remaining"], alert["percentUsed"]) == ("1.75", "8.25", 17.5)


def _just_before(moment: str) -> str:

    return (datetime.fromisoformat(moment) - timedelta(microseconds=1)).isoformat()


async def test_near_limit_and_triggered_fire_once_each(api: Api) -> None:
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


async def test_a_call_that_reaches_both_levels_fires_triggered_only(api: Api) -> None:
    await new_alert(api)
    assert (await api.ask(LOG, cost="50"))["alertEvents"] == [{"level": "TRIGGERED", "amount": "50"}]
    assert await levels(api) == [("TRIGGERED", "50")]


async def test_the_next_window_starts_from_0_and_fires_again(api: Api, clock: Clock) -> None:
    alert_id = (await new_alert(api))["id"]
    await api.ask(LOG, cost="10")
    clock.advance(days=1)
    alert = await api.ask(READ, id=alert_id)
    assert (alert["state"], alert["currentAmount"], alert["windowStart"]) == ("ACTIVE", "0", "2026-03-11T00:00:00Z")
    assert (await api.ask(LOG, cost="11"))["alertEvents"] == [{"level": "TRIGGERED", "amount": "11"}]


async def test_late_spend_counts_in_its_window_and_does_not_fire(api: Api, clock: Clock) -> None:
    alert_id = (await new_alert(api))["id"]
    clock.advance(days=1)
    assert (await api.ask(LOG, cost="99", at="2026-03-10T13:00:00Z"))["alertEvents"] == []
    assert (await api.ask(READ, id=alert_id))["currentAmount"] == "0"
    assert await levels(api) == []


async def test_spend_far_ahead_of_the_clock_is_rejected(api: Api) -> None:
    await new_alert(api)
    assert (await api.ask(LOG, cost="1", at="2026-03-10T12:05:00Z"))["__typename"] == "LoggedAnalytics"
    rejected = await api.ask(LOG, cost="1", at="2026-03-10T12:05:00.000001Z")
    assert (rejected["__typename"], rejected["path"]) == ("InvalidInput", ["input", "occurredAt"])


async def test_spend_a_little_ahead_counts_in_the_next_window_without_ending_this_one(api: Api, clock: Clock) -> None:
    # given two minutes to midnight
    clock.advance(hours=11, minutes=58)
    alert_id = (await new_alert(api))["id"]
    # when one call is dated after midnight, and another before
    await api.ask(LOG, cost="3", at="2026-03-11T00:00:30Z")
    await api.ask(LOG, cost="9")
    # then each counts on its day
    assert (await api.ask(READ, id=alert_id))["currentAmount"] == "9"
    clock.advance(minutes=3)
    assert (await api.ask(READ, id=alert_id))["currentAmount"] == "3"


async def test_an_alert_counts_the_spend_of_its_window_from_before_its_creation(api: Api) -> None:
    await api.ask(LOG, cost="6")
    await api.ask(LOG, cost="5", at="2026-03-09T23:59:59Z")
    alert = await new_alert(api, thresholdAmount="5")
    assert (alert["currentAmount"], alert["state"]) == ("6", "TRIGGERED")
    assert await levels(api) == [("TRIGGERED", "6")]
    assert (await api.ask(LOG, cost="1"))["alertEvents"] == []


async def test_calls_of_unknown_cost_add_nothing(api: Api) -> None:
    alert_id = (await new_alert(api))["id"]
    assert (await api.ask(LOG))["alertEvents"] == []
    assert (await api.ask(READ, id=alert_id))["currentAmount"] == "0"


async def test_a_raised_threshold_rearms_and_a_lowered_one_fires_at_once_and_only_once(api: Api) -> None:
    # given an alert that fired
    alert_id = (await new_alert(api))["id"]
    await api.ask(LOG, cost="10")
    # when the threshold is lowered, the alert does not fire again
    lowered = await api.ask(UPDATE, id=alert_id, input={"thresholdAmount": "5"})
    assert (lowered["state"], await levels(api)) == ("TRIGGERED", [("TRIGGERED", "10")])
    # when the threshold is raised, the alert is armed and fires again
    raised = await api.ask(UPDATE, id=alert_id, input={"thresholdAmount": "20"})
    assert raised["state"] == "ACTIVE"
    await api.ask(LOG, cost="10")
    assert await levels(api) == [("TRIGGERED", "10"), ("TRIGGERED", "20")]
    # and an alert that has not fired does so when its threshold is lowered below the spend
    other = (await new_alert(api, thresholdAmount="100"))["id"]
    assert (await api.ask(UPDATE, id=other, input={"thresholdAmount": "15"}))["state"] == "TRIGGERED"
    assert await levels(api, alert=other) == [("TRIGGERED", "20")]


async def test_an_inactive_alert_counts_and_does_not_fire_until_it_is_active_again(api: Api) -> None:
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


async def test_an_alert_can_have_its_own_near_limit_percentage(api: Api) -> None:
    await new_alert(api, nearLimitPercent=33.3)
    assert (await api.ask(LOG, cost="3.329999999"))["alertEvents"] == []
    assert (await api.ask(LOG, cost="0.000000001"))["alertEvents"] == [{"level": "NEAR_LIMIT", "amount": "3.33"}]


async def test_a_raised_near_limit_percentage_neither_fires_twice_nor_deletes_an_alert_event(api: Api) -> None:
    # given an alert that was near its limit at 80 %
    alert_id = (await new_alert(api, thresholdAmount="100"))["id"]
    await api.ask(LOG, cost="85")
    # when the percentage is 90 %, and spend reaches that
    await api.ask(UPDATE, id=alert_id, input={"nearLimitPercent": 90})
    logged = await api.ask(LOG, cost="6")
    # then the alert event stays, and the level does not fire again in this window
    assert logged == {"__typename": "LoggedAnalytics", "alertEvents": []}
    assert (await api.ask(LOG, cost="9"))["alertEvents"] == [{"level": "TRIGGERED", "amount": "100"}]
    assert await levels(api) == [("NEAR_LIMIT", "85"), ("TRIGGERED", "100")]


async def test_acknowledging_marks_alert_events_and_does_not_rearm(api: Api, clock: Clock) -> None:
    # given an alert that fired twice
    alert_id = (await new_alert(api))["id"]
    nothing = await api.ask(ACKNOWLEDGE, id=alert_id)
    assert (nothing["__typename"], nothing["code"]) == ("Conflict", "CONFLICT")
    await api.ask(LOG, cost="8")
    await api.ask(LOG, cost="2")
    assert len((await api.ask(EVENTS, acknowledged=False))["edges"]) == 2
    # when the alert is acknowledged
    clock.advance(minutes=10)
    alert = await api.ask(ACKNOWLEDGE, id=alert_id)
    # then both alert events are acknowledged, once
    assert (alert["acknowledgedAt"], alert["state"]) == ("2026-03-10T12:10:00Z", "TRIGGERED")
    assert len((await api.ask(EVENTS, acknowledged=True))["edges"]) == 2
    assert (await api.ask(ACKNOWLEDGE, id=alert_id))["__typename"] == "Conflict"
    assert (await api.ask(LOG, cost="5"))["alertEvents"] == []


async def test_of_two_concurrent_acknowledgements_one_counts(api: Api) -> None:
    alert_id = (await new_alert(api))["id"]
    await api.ask(LOG, cost="10")
    answers = await asyncio.gather(*(api.ask(ACKNOWLEDGE, id=alert_id) for _ in range(8)))
    assert sorted(answer["__typename"] for answer in answers) == ["Conflict"] * 7 + ["CostAlert"]


async def test_alert_events_are_listed_newest_first_in_pages(api: Api) -> None:
    alerts = [(await new_alert(api, thresholdAmount=str(n)))["id"] for n in (10, 20, 30)]
    for _ in range(3):
        await api.ask(LOG, cost="10")
    first = await api.ask(EVENTS, first=2)
    second = await api.ask(EVENTS, first=2, after=first["pageInfo"]["endCursor"])
    third = await api.ask(EVENTS, first=2, after=second["pageInfo"]["endCursor"])
    seen = [edge["node"] for page in (first, second, third) for edge in page["edges"]]
    # 20 of 30 is below the near limit, and each call reaches 80 % and 100 % at once
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


async def test_deleting_an_alert_deletes_its_alert_events(api: Api) -> None:
    alert_id = (await new_alert(api))["id"]
    await api.ask(LOG, cost="10")
    assert await api.ask(DELETE, id=alert_id) == {"__typename": "Deleted", "id": alert_id}
    assert await api.ask(READ, id=alert_id) is None
    assert await levels(api) == []
    assert (await api.ask(DELETE, id=alert_id))["__typename"] == "NotFound"
    assert (await api.ask(LOG, cost="10"))["alertEvents"] == []


async def test_the_alert_of_the_preferences_can_be_deleted_only_there(api: Api) -> None:
    await api.ask('mutation { savePreferences(input: {costAlertThreshold: "5"}) { __typename } }')
    [alert] = (await api.ask(LIST))["nodes"]
    assert (await api.ask(DELETE, id=alert["id"]))["__typename"] == "Conflict"
    assert (await api.ask(LIST))["nodes"] == [alert]


@pytest.mark.parametrize("fields", [{"thresholdAmount": "7"}, {"active": False}, {"timeZone": "Asia/Kolkata"}])
async def test_the_alert_of_the_preferences_can_be_changed_only_there(api: Api, fields: Any) -> None:
    await api.ask('mutation { savePreferences(input: {costAlertThreshold: "5"}) { __typename } }')
    [alert] = (await api.ask(LIST))["nodes"]
    before = await api.ask(READ, id=alert["id"])
    rejected = await api.ask(UPDATE, id=alert["id"], input=fields)
    assert (rejected["__typename"], rejected["path"]) == ("InvalidInput", ["input", *fields])
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
async def test_an_alert_out_of_bounds_is_rejected_and_not_stored(api: Api, fields: Any, path: list[str]) -> None:
    rejected = await new_alert(api, **fields)
    assert (rejected["__typename"], rejected["path"]) == ("InvalidInput", path)
    assert (await api.ask(LIST))["nodes"] == []


@pytest.mark.parametrize("fields", [{"thresholdAmount": None}, {"active": None}, {"nearLimitPercent": -1}])
async def test_a_change_out_of_bounds_is_rejected_and_changes_nothing(api: Api, fields: Any) -> None:
    alert = await new_alert(api)
    rejected = await api.ask(UPDATE, id=alert["id"], input=fields)
    assert (rejected["__typename"], rejected["path"]) == ("InvalidInput", ["input", *fields])
    assert await api.ask(READ, id=alert["id"]) == {key: alert[key] for key in alert if key != "__typename"}


async def test_the_number_of_alerts_is_limited(api: Api) -> None:
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
async def test_a_rolling_alert_counts_the_spend_of_its_window(api: Api, period: str, start: str) -> None:
    # given calls just before the window, at its start and now
    await api.ask(LOG, cost="4", at=_just_before(start))
    await api.ask(LOG, cost="1.5", at=start)
    # when an alert is created, and another call is logged
    alert_id = (await new_alert(api, period=period, mode="ROLLING"))["id"]
    await api.ask(LOG, cost="0.25")
    # then the calls in the window count
    alert = await api.ask(READ, id=alert_id)
    assert (alert["windowStart"], alert["resetsAt"]) == (start, None)
    assert (alert["currentAmount"], alert["remaining"], alert["state"]) == ("1.75", "8.25", "ACTIVE")


async def test_spend_leaves_a_rolling_window_over_time(api: Api, clock: Clock) -> None:
    alert_id = (await new_alert(api, mode="ROLLING"))["id"]
    await api.ask(LOG, cost="5")
    clock.advance(hours=12)
    await api.ask(LOG, cost="2")
    amounts = [(await api.ask(READ, id=alert_id))["currentAmount"]]
    for hours in (11, 1, 11, 1):
        clock.advance(hours=hours)
        amounts.append((await api.ask(READ, id=alert_id))["currentAmount"])
    assert amounts == ["7", "7", "2", "2", "0"]


async def test_a_rolling_alert_fires_again_only_after_it_has_cleared(api: Api, clock: Clock) -> None:
    # given an alert at 10 USD that fired both levels
    alert_id = (await new_alert(api, mode="ROLLING", period="HOURLY"))["id"]
    await api.ask(LOG, cost="8")
    clock.advance(minutes=30)
    await api.ask(LOG, cost="2")
    assert await levels(api) == [("NEAR_LIMIT", "8"), ("TRIGGERED", "10")]

    # when all but 2 USD leaves the window, and as much is spent again
    clock.advance(minutes=30)
    assert (await api.ask(READ, id=alert_id))["state"] == "ACTIVE"
    await api.ask(LOG, cost="5.4")
    await api.ask(LOG, cost="0.7")
    # then the near limit fires once more
    assert await levels(api) == [("NEAR_LIMIT", "8"), ("TRIGGERED", "10"), ("NEAR_LIMIT", "8.1")]

    # when spend falls to 76 %, which does not clear the alert, and rises above 80 % again
    await api.ask(LOG, cost="1.5")
    clock.advance(minutes=30)
    alert = await api.ask(READ, id=alert_id)
    assert (alert["currentAmount"], alert["state"]) == ("7.6", "NEAR_LIMIT")
    await api.ask(LOG, cost="1")
    # then the near limit does not fire again
    assert len(await levels(api)) == 3
    # but the threshold does
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


async def test_a_rolling_alert_counts_earlier_spend_and_is_rearmed_by_a_raised_threshold(api: Api) -> None:
    await api.ask(LOG, cost="9")
    alert_id = (await new_alert(api, mode="ROLLING"))["id"]
    assert await levels(api) == [("NEAR_LIMIT", "9")]
    await api.ask(UPDATE, id=alert_id, input={"thresholdAmount": "9"})
    assert (await levels(api))[1:] == [("TRIGGERED", "9")]
    await api.ask(UPDATE, id=alert_id, input={"thresholdAmount": "11"})
    assert (await levels(api))[2:] == [("NEAR_LIMIT", "9")]
    # and a time zone does not affect it
    await api.ask(UPDATE, id=alert_id, input={"timeZone": "Asia/Kolkata"})
    assert len(await levels(api)) == 3


async def test_a_rolling_alert_with_a_custom_period_is_rejected(api: Api) -> None:
    custom = {"every": 6, "unit": "HOUR", "anchor": "2026-03-01T02:00:00Z"}
    error = await new_alert(api, mode="ROLLING", period="CUSTOM", custom=custom)
    assert error["__typename"] == "InvalidInput"
    assert error["message"].startswith("mode: must be CALENDAR when period is CUSTOM")
    assert (await api.ask("{ costAlerts { nodes { id } } }"))["nodes"] == []


async def test_other_starts_of_weeks_and_months_move_the_window(api: Api) -> None:
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


async def test_a_cleared_rolling_alert_fires_again_under_a_lower_threshold(api: Api, clock: Clock) -> None:
    # given an alert at 10 USD that fired, and whose spend has fallen to 5 USD
    alert_id = (await new_alert(api, mode="ROLLING", period="HOURLY"))["id"]
    await api.ask(LOG, cost="7")
    clock.advance(minutes=30)
    await api.ask(LOG, cost="5")
    assert await levels(api) == [("TRIGGERED", "12")]
    clock.advance(minutes=30)
    # when the threshold is lowered to 6 USD, so that 5 USD are near the limit
    await api.ask(UPDATE, id=alert_id, input={"thresholdAmount": "6"})
    # then the near limit fires, and later the threshold
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


async def test_alert_events_of_one_alert_come_in_the_order_of_its_levels(api: Api) -> None:
    await new_alert(api)
    log = "mutation($input: [LogAnalyticsInput!]!) { logAnalyticsBatch(input: $input) { accepted } }"
    record = {"provider": "openai", "modelUsed": "a", "taskType": "chat", "success": True}
    later, earlier = (
        {"cost": "3", "occurredAt": "2026-03-10T11:05:00Z"},
        {"cost": "8", "occurredAt": "2026-03-10T11:00:00Z"},
    )
    await api.ask(log, input=[record | later, record | earlier])
    assert await levels(api) == [("NEAR_LIMIT", "8"), ("TRIGGERED", "11")]
