from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.support.api import Api

RECORD = """
  id eventId provider taskType modelUsed priority success latencyMs cost priceVersion fallbackUsed abTestId abVariant
  decisionId inputTokens outputTokens cachedTokens qualityScore metadata metadataTruncated occurredAt createdAt
"""
LOG = f"""
mutation($input: LogAnalyticsInput!) {{
  logAnalytics(input: $input) {{
    __typename ... on LoggedAnalytics {{ deduplicated record {{ {RECORD} }} }} ... on Error {{ code message path }}
  }}
}}
"""
BATCH = """
mutation($input: [LogAnalyticsInput!]!) {
  logAnalyticsBatch(input: $input) {
    accepted deduplicated rejected { index error { __typename code message path } }
  }
}
"""
LIST = """
query($filter: AnalyticsFilter, $first: Int, $after: String) {
  analytics(filter: $filter, first: $first, after: $after) {
    edges { cursor node { id eventId cost occurredAt } } nodes { eventId } pageInfo {
      hasNextPage hasPreviousPage startCursor endCursor
    }
  }
}
"""


def call(**fields: Any) -> dict[str, Any]:
    return {"provider": "openai", "modelUsed": "gpt-4o", "taskType": "chat", "success": True} | fields


async def listed(api: Api, **variables: Any) -> list[str]:
    return [node["eventId"] for node in (await api.ask(LIST, **variables))["nodes"]]


async def test_a_call_is_read_back_as_it_was_logged(api: Api) -> None:
    logged = await api.ask(
        LOG,
        input=call(
            eventId="e1",
            priority="COST",
            latencyMs=1234,
            cost="0.0001107",
            inputTokens=638,
            outputTokens=25,
            cachedTokens=600,
            fallbackUsed=True,
            decisionId="01941931-60b0-7000-9e50-21ab326a8ef5",
            qualityScore=0.75,
            metadata={"team": "search", "nested": {"list": [1, 2.5, None, True]}},
            occurredAt="2026-03-10T13:00:00+02:00",
        ),
    )
    record = logged["record"]
    assert {key: record[key] for key in record if key != "id"} == {
        "eventId": "e1",
        "provider": "openai",
        "taskType": "chat",
        "modelUsed": "gpt-4o",
        "priority": "COST",
        "success": True,
        "latencyMs": 1234,
        "cost": "0.0001107",
        "priceVersion": None,
        "fallbackUsed": True,
        "abTestId": None,
        "abVariant": None,
        "decisionId": "01941931-60b0-7000-9e50-21ab326a8ef5",
        "inputTokens": 638,
        "outputTokens": 25,
        "cachedTokens": 600,
        "qualityScore": 0.75,
        "metadata": {"team": "search", "nested": {"list": [1, 2.5, None, True]}},
        "metadataTruncated": False,
        "occurredAt": "2026-03-10T11:00:00Z",
        "createdAt": "2026-03-10T12:00:00Z",
    }
    stored = await api.ask(f"{{ analytics {{ nodes {{ {RECORD} }} }} }}")
    assert stored["nodes"] == [record]


async def test_each_field_can_be_selected_alone(api: Api) -> None:
    # given a call with a value in each field
    record = (await api.ask(LOG, input=call(eventId="e1", metadata={"team": "search"}, latencyMs=5, cost="1")))[
        "record"
    ]
    for name, value in record.items():
        # when one field is selected: plainly, with an alias, in a fragment, and through its edge
        page = await api.ask(
            f"{{ analytics {{ nodes {{ it: {name} }} edges {{ cursor node {{ ...One }} }} }} }} "
            f"fragment One on RouterAnalytics {{ {name} }}"
        )
        # then its value is returned
        assert page["nodes"] == [{"it": value}]
        assert [edge["node"] for edge in page["edges"]] == [{name: value}]
    # and when no field of the call is selected
    page = await api.ask("{ analytics { nodes { __typename } pageInfo { hasNextPage } } }")
    assert page == {"nodes": [{"__typename": "RouterAnalytics"}], "pageInfo": {"hasNextPage": False}}


@pytest.mark.parametrize(
    ("cost", "stored"),
    [
        (0.031131000000000002, "0.031131"),
        ("0.0000000005", "0"),
        ("0.0000000015", "0.000000002"),
        ("0.0000000025", "0.000000002"),
        (0, "0"),
        (100000, "100000"),
    ],
)
async def test_a_cost_is_rounded_half_even_to_the_nano_dollar(api: Api, cost: Any, stored: str) -> None:
    assert (await api.ask(LOG, input=call(cost=cost)))["record"]["cost"] == stored


async def test_a_call_without_a_cost_is_priced_from_its_tokens(api: Api) -> None:
    logged = await api.ask(LOG, input=call(modelUsed="gpt-4o-mini", inputTokens=638, outputTokens=25))
    # 0.15 USD per million input tokens and 0.60 USD per million output tokens
    assert logged["record"]["cost"] == "0.0001107"
    assert logged["record"]["priceVersion"].startswith("genai-prices ")


@pytest.mark.parametrize(
    "fields",
    [
        {"modelUsed": "nobody-knows-me", "inputTokens": 10, "outputTokens": 10},
        {"provider": "my-own-server", "inputTokens": 10, "outputTokens": 10},
        {"inputTokens": 10},
        {},
    ],
)
async def test_an_unknown_price_stays_null_and_never_becomes_zero(api: Api, fields: Any) -> None:
    record = (await api.ask(LOG, input=call(**fields)))["record"]
    assert (record["cost"], record["priceVersion"]) == (None, None)


async def test_the_same_event_is_recorded_once(api: Api) -> None:
    first = await api.ask(LOG, input=call(eventId="e1", cost="1", metadata={"a": 1, "b": 2}))
    again = await api.ask(LOG, input=call(eventId="e1", cost="1.0", metadata={"b": 2, "a": 1}))
    assert (first["deduplicated"], again["deduplicated"]) == (False, True)
    bare = await api.ask(LOG, input=call(eventId="e0", metadata={}))
    assert (await api.ask(LOG, input=call(eventId="e0")))["record"] == bare["record"]
    assert again["record"] == first["record"]
    assert await listed(api) == ["e0", "e1"]


async def test_an_event_id_of_a_different_call_is_a_conflict(api: Api, other_api: Api) -> None:
    await api.ask(LOG, input=call(eventId="e1", cost="1"))
    conflict = await api.ask(LOG, input=call(eventId="e1", cost="2"))
    assert (conflict["__typename"], conflict["code"], conflict["path"]) == (
        "Conflict",
        "CONFLICT",
        ["input", "eventId"],
    )
    assert await listed(api) == ["e1"]
    # another user may use the same event id
    assert (await other_api.ask(LOG, input=call(eventId="e1", cost="2")))["deduplicated"] is False


async def test_a_batch_stores_valid_calls_and_names_the_rejected_ones(api: Api) -> None:
    await api.ask(LOG, input=call(eventId="old"))
    result = await api.ask(
        BATCH,
        input=[
            call(eventId="a"),
            call(eventId="b", latencyMs=-1),
            call(eventId="old"),
            call(eventId="a"),
            call(eventId="old", success=False),
            call(eventId="c", occurredAt="2027-01-01T00:00:00Z"),
            call(eventId="d", abTestId="0194193160b070009e5021ab326a8ef5"),
            call(eventId="e"),
        ],
    )
    assert (result["accepted"], result["deduplicated"]) == (2, 2)
    assert [(r["index"], r["error"]["__typename"], r["error"]["path"]) for r in result["rejected"]] == [
        (1, "InvalidInput", ["input", "1", "latencyMs"]),
        (4, "Conflict", ["input", "4", "eventId"]),
        (5, "InvalidInput", ["input", "5", "occurredAt"]),
        (6, "InvalidInput", ["input", "6", "abTestId"]),
    ]
    assert sorted(await listed(api)) == ["a", "e", "old"]


@pytest.mark.parametrize("size", [0, 1001])
async def test_a_batch_holds_1_to_1000(api: Api, size: int) -> None:
    [error] = await api.errors(BATCH, input=[call()] * size)
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": ["input"]}
    assert await listed(api) == []


async def test_a_batch_of_1000_is_stored_in_the_order_given(api: Api) -> None:
    result = await api.ask(BATCH, input=[call(eventId=str(n)) for n in range(1000)])
    assert (result["accepted"], result["rejected"]) == (1000, [])
    assert await listed(api, first=500) == [str(n) for n in range(999, 499, -1)]


async def test_paging_reaches_every_row_once_while_new_ones_come(api: Api) -> None:
    for n in range(7):
        await api.ask(LOG, input=call(eventId=str(n), occurredAt=f"2026-03-10T10:0{n}:00Z"))
    first = await api.ask(LIST, first=3)
    await api.ask(LOG, input=call(eventId="new"))
    second = await api.ask(LIST, first=3, after=first["pageInfo"]["endCursor"])
    third = await api.ask(LIST, first=3, after=second["pageInfo"]["endCursor"])
    seen = [node["eventId"] for page in (first, second, third) for node in page["nodes"]]
    assert seen == ["6", "5", "4", "3", "2", "1", "0"]
    assert [page["pageInfo"]["hasNextPage"] for page in (first, second, third)] == [True, True, False]
    assert [page["pageInfo"]["hasPreviousPage"] for page in (first, second, third)] == [False, True, True]
    assert first["pageInfo"]["startCursor"] == first["edges"][0]["cursor"]
    assert first["pageInfo"]["endCursor"] == first["edges"][2]["cursor"]


async def test_an_empty_list_has_no_cursors(api: Api) -> None:
    assert (await api.ask(LIST))["pageInfo"] == {
        "hasNextPage": False,
        "hasPreviousPage": False,
        "startCursor": None,
        "endCursor": None,
    }


async def test_filters_are_combined_with_and(api: Api) -> None:
    rows: list[tuple[str, dict[str, Any]]] = [
        ("a", {"provider": "openai", "occurredAt": "2026-03-10T10:00:00Z"}),
        ("b", {"provider": "groq", "occurredAt": "2026-03-10T10:00:00.001Z", "modelUsed": "llama"}),
        ("c", {"provider": "groq", "occurredAt": "2026-03-10T10:00:00.001500Z", "success": False}),
        ("d", {"provider": "groq", "occurredAt": "2026-03-10T11:00:00Z", "taskType": "code"}),
    ]
    for event_id, fields in rows:
        await api.ask(LOG, input=call(eventId=event_id, **fields))
    for wanted, found in [
        ({"providers": ["groq"]}, ["d", "c", "b"]),
        ({"providers": []}, []),
        ({"providers": ["groq", "openai"], "success": True}, ["d", "b", "a"]),
        ({"models": ["llama"]}, ["b"]),
        ({"taskTypes": ["code"]}, ["d"]),
        ({"from": "2026-03-10T10:00:00.001Z"}, ["d", "c", "b"]),
        ({"from": "2026-03-10T10:00:00.001001Z"}, ["d", "c"]),
        ({"to": "2026-03-10T10:00:00.0015Z"}, ["b", "a"]),
        ({"from": "2026-03-10T12:00:00+02:00", "to": "2026-03-10T12:00:00.001+02:00"}, ["a"]),
        ({"abTestId": "01941931-60b0-7000-9e50-21ab326a8ef5"}, []),
    ]:
        assert await listed(api, filter=wanted) == found, wanted


@pytest.mark.parametrize(
    ("variables", "path"),
    [
        ({"first": 0}, ["first"]),
        ({"first": -1}, ["first"]),
        ({"first": 501}, ["first"]),
        ({"after": "nonsense"}, ["after"]),
        ({"after": ""}, ["after"]),
        ({"after": "cm91dGVyX2Nvc3RfYWxlcnRzOjE"}, ["after"]),
        ({"filter": {"from": "2026-03-10T12:00:00Z", "to": "2026-03-10T12:00:00Z"}}, ["filter"]),
        ({"filter": {"from": "2026-03-11T00:00:00Z", "to": "2026-03-10T00:00:00Z"}}, ["filter"]),
        ({"filter": {"providers": ["p"] * 101}}, ["filter", "providers"]),
        ({"filter": {"abTestId": "no id"}}, ["filter", "abTestId"]),
        ({"filter": {"from": "1969-12-31T23:59:59Z"}}, ["filter", "from"]),
    ],
)
async def test_a_wrong_argument_of_a_list_is_rejected_by_name(api: Api, variables: Any, path: list[str]) -> None:
    [error] = await api.errors(LIST, **variables)
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": path}


async def test_a_cursor_of_another_list_is_rejected(api: Api) -> None:
    await api.ask(
        """mutation { createABTest(input: {
             testName: "t", variantA: {provider: "openai", model: "a"}, variantB: {provider: "openai", model: "b"}
           }) { __typename } }"""
    )
    cursor = (await api.ask("{ abTests { pageInfo { endCursor } } }"))["pageInfo"]["endCursor"]
    [error] = await api.errors(LIST, after=cursor)
    assert error["extensions"]["argument"] == ["after"]


def deep(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels - 1):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"provider": ""}, "provider"),
        ({"provider": " "}, "provider"),
        ({"provider": "p" * 201}, "provider"),
        ({"modelUsed": "a\x00b"}, "modelUsed"),
        ({"eventId": ""}, "eventId"),
        ({"cost": "-0.000000001"}, "cost"),
        ({"cost": "NaN"}, "cost"),
        ({"cost": "-Infinity"}, "cost"),
        ({"cost": "100000.000000001"}, "cost"),
        ({"cost": "1e400000"}, "cost"),
        ({"latencyMs": -1}, "latencyMs"),
        ({"latencyMs": 86_400_001}, "latencyMs"),
        ({"inputTokens": -1}, "inputTokens"),
        ({"outputTokens": 1_000_000_001}, "outputTokens"),
        ({"qualityScore": 1.01}, "qualityScore"),
        ({"abTestId": "no id"}, "abTestId"),
        ({"abTestId": "01941931-60b0-7000-9e50-21ab326a8ef5"}, "abTestId"),
        ({"abVariant": "A"}, "abVariant"),
        ({"inputTokens": 1, "cachedTokens": 2}, "cachedTokens"),
        ({"decisionId": "no id"}, "decisionId"),
        ({"metadata": []}, "metadata"),
        ({"metadata": "text"}, "metadata"),
        ({"occurredAt": "1969-12-31T23:59:59Z"}, "occurredAt"),
        ({"occurredAt": "9999-12-31T23:59:59Z"}, "occurredAt"),
    ],
)
async def test_a_call_out_of_bounds_is_rejected_by_name_and_not_stored(api: Api, fields: Any, field: str) -> None:
    rejected = await api.ask(LOG, input=call(**fields))
    assert (rejected["__typename"], rejected["code"]) == ("InvalidInput", "INVALID_INPUT")
    assert field in rejected["message"]
    assert await listed(api) == []


@pytest.mark.parametrize(
    "fields", [{"metadata": {"a": "x" * 16_376}}, {"metadata": deep(20)}, {"latencyMs": 86_400_000}, {"latencyMs": 0}]
)
async def test_a_call_just_within_bounds_is_stored(api: Api, fields: Any) -> None:
    [field] = fields
    assert (await api.ask(LOG, input=call(**fields)))["record"][field] == fields[field]


@pytest.mark.parametrize(
    "dropped",
    [
        {"log": "x" * 17_000},
        {f"log{n}": "x" * 9_000 for n in range(100)},
        {"a": "\x00"},
        {"a\x00": 1},
        {"a": deep(20)},
        deep(21),
        {"a": [[[deep(40)]]]},
    ],
    ids=["large", "many", "nul", "nul in a key", "deep", "just too deep", "deeper"],
)
async def test_a_cost_is_stored_whatever_its_metadata(api: Api, dropped: Any) -> None:
    sent = call(eventId="e1", cost=3, metadata={"team": "search"} | dropped)

    logged = await api.ask(LOG, input=sent)
    again = await api.ask(LOG, input=sent)

    stored_metadata = {"team": "search"} | ({"log9": "x" * 9_000} if "log9" in dropped else {})
    record = logged["record"]
    assert (record["cost"], record["metadata"], record["metadataTruncated"]) == ("3", stored_metadata, True)
    assert (again["deduplicated"], again["record"]) == (True, record)
    assert (await api.ask(f"{{ analytics {{ nodes {{ {RECORD} }} }} }}"))["nodes"] == [record]


@pytest.mark.parametrize(
    "moment",
    [
        "2026-03-10T12:00:00",
        "2026-03-10",
        "yesterday",
        5,
        "2026-W01-1T00:00:00Z",
        "20260310T120000Z",
        "2026-02-30T00:00:00Z",
    ],
)
async def test_a_time_without_an_offset_is_rejected_by_name(api: Api, moment: Any) -> None:
    [error] = await api.errors(LOG, input=call(occurredAt=moment))
    assert "occurredAt" in error["message"]


@pytest.mark.parametrize("cost", ["1_000", " 5 ", "\u0661", "0x10", "1,5", "", True, [1]])
async def test_a_cost_that_is_not_a_decimal_number_is_rejected_by_name(api: Api, cost: Any) -> None:
    [error] = await api.errors(LOG, input=call(cost=cost))
    assert "cost" in error["message"]


async def test_money_adds_up_to_the_nano_dollar(api: Api) -> None:
    costs = [Decimal(n) / Decimal(10**9) + Decimal("0.1") for n in range(0, 9_999, 11)]
    await api.ask(BATCH, input=[call(cost=str(cost)) for cost in costs])
    edges: list[Any] = []
    after = None
    while True:
        page = await api.ask(LIST, first=500, after=after)
        edges += page["edges"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert sum(Decimal(edge["node"]["cost"]) for edge in edges) == sum(costs)
