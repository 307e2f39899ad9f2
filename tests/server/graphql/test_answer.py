"""The limits of answers: values are counted during execution, and bytes during encoding."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import server.graphql.answer
import server.graphql.limits
from domain.bounds import MAX_JSON_BYTES
from domain.viewer import Viewer
from models.types import RawJSON
from schema import schema as strawberry_schema
from server.graphql.answer import AnswerTooLarge, encoded, encoded_in_turns
from server.graphql.limits import MAX_BYTES
from server.graphql.operation import EVERY_KIND, Operation, RequestError
from tests.support.api import Api
from tests.support.operations import operations
from tests.support.socket import signed_in

ALICE = UUID(int=1)
SCHEMA = strawberry_schema._schema
DATE_TIME: Any = SCHEMA.get_type("DateTime")


async def _introspect(query: str, *, stock_executor: bool) -> Any:
    checking = operations(time_limit_s=30, stock_executor=stock_executor)
    context: Any = SimpleNamespace(viewer=Viewer(ALICE), turn=at_once)
    return await checking.execute(await checking.checked(Operation(query, None, None), EVERY_KIND, ALICE), context)


@pytest.mark.parametrize("stock_executor", [False, True])
@pytest.mark.parametrize(
    "query",
    [
        "{ __schema { types { name fields { name args { name } } } } }",
        "{ __schema { types { ...T } } } fragment T on __Type { name fields { ... { name args { name } } } }",
    ],
)
async def test_lists_are_counted_again_during_execution(
    monkeypatch: pytest.MonkeyPatch, query: str, stock_executor: bool
) -> None:
    whole = (await _introspect(query, stock_executor=stock_executor)).data
    assert len(whole["__schema"]["types"]) == len(SCHEMA.type_map)
    monkeypatch.setattr(server.graphql.limits, "MAX_VALUES", 300)
    with pytest.raises(RequestError) as rejected:
        await _introspect(query, stock_executor=stock_executor)
    [error] = rejected.value.errors
    assert error.extensions == {"code": "RESPONSE_TOO_LARGE"}


@pytest.mark.parametrize(
    "value",
    [
        {"data": {"a": {"nodes": [{"n": n, "m": RawJSON('{"x": 1E400}')} for n in range(120)]}, "b": [], "c": None}},
        {"data": {"a": list(range(1_000)), "b": [RawJSON("[]")] * 51, "c": [RawJSON("1")], "d": "x" * 100_000}},
        {"id": "1", "type": "next", "payload": {"data": {"a": {"edges": [{"node": {"m": RawJSON("{}")}}] * 60}}}},
        {"data": None, "errors": [{"message": "\ud83d", "path": ["a", 1]}]},
        {"data": {"a": [[1, 2]] * 60, "\ud83d": [{"b": "\ud83d", "c": RawJSON("7")}] * 60}},
        {},
        {"data": {}},
    ],
)
async def test_an_answer_written_in_parts_is_the_same_as_in_one(value: Any) -> None:
    def plain(each: Any) -> Any:
        if isinstance(each, RawJSON):
            return json.loads(each.text)
        if isinstance(each, dict):
            return {key: plain(of) for key, of in each.items()}
        return [plain(of) for of in each] if isinstance(each, list) else each

    assert json.loads(await encoded_in_turns(value, at_once)) == plain(value)


@pytest.mark.parametrize(
    ("nodes", "characters", "turns"),
    [(1_000, 20_000, 20), (1_000, 1_000, 10), (500, 1_000, 5), (50, 20_000, 1), (20, 1_000, 0), (1, 1_000, 0)],
)
async def test_a_long_answer_is_encoded_one_part_per_turn(nodes: int, characters: int, turns: int) -> None:
    taken = 0

    async def count() -> None:
        nonlocal taken
        taken += 1

    # given an answer whose parts are 50 objects each: a turn is taken for each part of 64 KiB or more, or for several smaller ones
    value = {"data": {"a": {"nodes": [{"m": "x" * characters}] * nodes}}}
    answer = await encoded_in_turns(value, count)
    assert json.loads(answer) == value
    assert taken == turns


async def at_once() -> None:
    """A turn that comes at once."""


async def test_encoding_stops_at_the_limit_of_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server.graphql.answer, "MAX_BYTES", 10_000)
    await encoded_in_turns({"data": ["x" * 90] * 100}, at_once)
    for value in ({"data": ["x" * 110] * 100}, {"data": [RawJSON(f'"{"x" * 10_000}"')]}, {"data": {"a": "x" * 10_000}}):
        with pytest.raises(AnswerTooLarge) as rejected:
            await encoded_in_turns(value, at_once)
        assert rejected.value.errors[0].extensions == {"code": "RESPONSE_TOO_LARGE"}
    assert MAX_BYTES >= 500 * MAX_JSON_BYTES


LOG = """mutation($input: [LogAnalyticsInput!]!) { logAnalyticsBatch(input: $input) { accepted } }"""


async def test_an_answer_that_is_too_large_is_the_same_error_over_every_transport(
    url: str, live_api: Api, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given calls with 16 KiB of metadata each
    record = {"provider": "p", "taskType": "t", "modelUsed": "m", "success": True, "metadata": {"a": "x" * 16_000}}
    await live_api.ask(LOG, input=[record] * 20)
    monkeypatch.setattr(server.graphql.answer, "MAX_BYTES", 200_000)
    query = "{ analytics { nodes { metadata } } }"
    # when they are requested by POST, as an event stream and over a socket, then it is the same error
    [error] = await live_api.errors(query)
    assert error["extensions"] == {"code": "RESPONSE_TOO_LARGE"}
    assert "query fewer rows" in error["message"]
    streamed = await live_api._client.post(
        "/graphql",
        json={"query": query},
        headers={"Authorization": f"Bearer {token}", "Accept": "text/event-stream"},
    )
    assert '"code":"RESPONSE_TOO_LARGE"' in streamed.text
    async with signed_in(url, token) as socket:
        await socket.start(query)
        rejected = await socket.receive()
        assert (rejected["type"], rejected["payload"]) == ("error", [error])
        # and the socket still serves
        await socket.start("{ analytics(first: 5) { nodes { metadata } } }")
        answer = (await socket.receive())["payload"]
        assert answer == {"data": {"analytics": {"nodes": [{"metadata": record["metadata"]}] * 5}}}


@given(st.datetimes(timezones=st.timezones() | st.just(UTC)))
@example(datetime(1, 1, 1, tzinfo=UTC))
@example(datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC))
@example(datetime(1890, 1, 2, tzinfo=ZoneInfo("Europe/Amsterdam")))
def test_a_moment_is_written_in_utc_by_both_encoders(moment: datetime) -> None:
    try:
        written = DATE_TIME.coerce_output_value(moment)
    except OverflowError:
        return  # the moment has no UTC
    text = moment.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"
    # A lone surrogate makes the slower encoder write the response.
    for other in ("", "\ud800"):
        assert json.loads(encoded({"at": written, "other": other})) == {"at": text, "other": other}
