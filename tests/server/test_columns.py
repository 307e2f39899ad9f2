"""The names of columns: one table for all formats, in which each name means one field."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.analytics import LogAnalytics
from domain.bounds import to_camel
from domain.error import InvalidInput
from server.columns import _ALIASES, Columns
from server.usage_file import UsageFile, UsageRow, call_of

FIELDS = list(LogAnalytics.model_fields)
NEEDED: dict[str, Any] = {"provider": "openai", "model_used": "gpt-4o", "task_type": "chat", "success": True}


def line(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def error_of(text: bytes) -> InvalidInput:
    with pytest.raises(InvalidInput) as raised:
        call_of(text)
    return raised.value


def test_each_name_means_one_field() -> None:
    names = [name.replace("_", "") for name in itertools.chain(FIELDS, *_ALIASES.values())]

    assert len(names) == len(set(names))
    assert set(_ALIASES) <= set(FIELDS)


@given(st.sampled_from(FIELDS), st.data())
@settings(max_examples=200)
def test_a_field_is_recognized_in_any_spelling_of_its_name(field: str, data: st.DataObject) -> None:
    parts = data.draw(st.sampled_from(["_", "-", " ", ""])).join(field.split("_"))
    spelt = "".join(data.draw(st.sampled_from([char, char.upper()])) for char in parts)

    assert Columns.of([spelt, to_camel("something_else")]).field_of == {spelt: field}


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [
        ("model", "m", "model_used"),
        ("Model Name", "m", "model_used"),
        ("createdAt", "2026-05-04T12:00:00Z", "occurred_at"),
        ("timestamp", "2026-05-04T12:00:00Z", "occurred_at"),
        ("prompt_tokens", 7, "input_tokens"),
        ("promptTokens", 7, "input_tokens"),
        ("completion_tokens", 7, "output_tokens"),
        ("cached_input_tokens", 7, "cached_tokens"),
        ("cache_read_tokens", 7, "cached_tokens"),
        ("cacheWriteInputTokens", 7, "cache_write_tokens"),
        ("cost_usd", "12.5", "cost"),
        ("Cost", "12.5", "cost"),
        ("COST_USD", "12.5", "cost"),
        ("duration_ms", 7, "latency_ms"),
        ("DurationMs", 7, "latency_ms"),
        ("ttft_ms", 7, "time_to_first_token_ms"),
        ("LATENCY_MS", 7, "latency_ms"),
    ],
)
def test_lines_and_files_accept_the_same_names(tmp_path: Path, name: str, value: Any, field: str) -> None:
    fields = {key: each for key, each in NEEDED.items() if key != field}
    expected = LogAnalytics.checked(fields | {field: value})

    (tmp_path / "a.csv").write_text(f"{','.join([*fields, name])}\n{','.join(map(str, [*fields.values(), value]))}\n")
    [row] = UsageFile(tmp_path / "a.csv")

    assert call_of(line(**fields, **{name: value})) == expected
    assert isinstance(row, UsageRow), row
    assert row.call.model_copy(update={"event_id": None}) == expected


@pytest.mark.parametrize("name", ["latency", "duration", "user_id", "id", "price", "status", "tokens", "total_tokens"])
def test_an_ambiguous_name_is_not_recognized(name: str) -> None:
    rejected = error_of(line(**NEEDED, **{name: 1}))

    assert rejected.message == f"{to_camel(name)}: Extra inputs are not permitted"
    assert rejected.path == [to_camel(name)]


@pytest.mark.parametrize("order", [("model", "model_used"), ("model_used", "model")])
def test_in_a_line_too_the_name_of_a_field_takes_precedence_over_an_alias(order: tuple[str, str]) -> None:
    values = {"model": "gpt-4o", "model_used": "gpt-4o-mini"}
    needed = {key: value for key, value in NEEDED.items() if key != "model_used"}

    call = call_of(line(**needed, **{name: values[name] for name in order}, metadata={"team": "search"}))

    assert (call.model_used, call.metadata) == ("gpt-4o-mini", {"team": "search", "model": "gpt-4o"})


def test_an_alias_is_used_where_the_field_itself_is_empty() -> None:
    call = call_of(line(**NEEDED | {"model_used": None}, model="gpt-4o", Model_Name="other"))

    assert (call.model_used, call.metadata) == ("gpt-4o", {"Model_Name": "other"})


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("latencyMs", "latency_ms"), "latencyMs and latency_ms both mean latency_ms: remove or rename one of them"),
        (("latency_ms", "latencyMs"), "latencyMs and latency_ms both mean latency_ms: remove or rename one of them"),
        (("timestamp", "created_at"), "created_at and timestamp both mean occurred_at: remove or rename one of them"),
    ],
)
def test_two_names_of_one_field_are_rejected(names: tuple[str, str], message: str) -> None:
    rejected = error_of(line(**NEEDED, **dict.fromkeys(names, 1)))

    assert rejected.message == message
    assert rejected.path == [message.split()[2]]


@pytest.mark.parametrize(
    ("metadata", "metadata_left"),
    [
        ('"x": "' + "x" * 17_000 + '"', {"team": "search"}),
        ('"x": "\\ud83d"', {"team": "search"}),
        ('"x": 1e400', {"team": "search"}),
        ('"x": NaN', {"team": "search"}),
        ('"x": ' + "7" * 5_000, {"team": "search"}),
        ('"x": ' + "[" * 20_000 + "]" * 20_000, {"team": "search"}),
        ('"x": ' + '{"a\\"[": ' * 3_000 + "1" + "}" * 3_000, {"team": "search"}),
        ('"x": ' + "7" * 300, {"team": "search", "x": int("7" * 300)}),
    ],
)
def test_a_line_is_read_without_metadata_that_cannot_be_stored(metadata: str, metadata_left: dict[str, Any]) -> None:
    text = line(**NEEDED, cost=3)[:-1] + b', "metadata": {"team": "search", ' + metadata.encode() + b"}}"

    call = call_of(text)

    assert (str(call.cost), call.metadata) == ("3.000000000", metadata_left)
    assert call.metadata_truncated is ("x" not in metadata_left)


def test_metadata_of_a_line_may_contain_bytes_that_are_not_utf8() -> None:
    call = call_of(line(**NEEDED, metadata={"x": "BYTE", "team": "search"}).replace(b"BYTE", b"\xff"))

    assert (call.metadata, call.metadata_truncated) == ({"team": "search"}, True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"{", "Invalid JSON: EOF while parsing an object at line 1 column 1"),
        (b"[1]", "Input should be an object"),
        (b"[" * 60_000, "Invalid JSON: recursion limit exceeded at line 1 column 202"),
        (b'{"provider": "\xff"', "Invalid JSON: invalid unicode code point at line 1 column 15"),
        (line(**NEEDED | {"provider": "BYTE"}).replace(b"BYTE", b"\xff"), None),
        (line(**NEEDED)[:-1] + b', "\xff": 1}', "?: Extra inputs are not permitted"),
        (line(**NEEDED)[:-1] + b', "\\ud800": 1}', "?: Extra inputs are not permitted"),
        (line(**NEEDED, metadata=[1]), 'metadata: must be a JSON object, such as {"team": "search"}'),
        (line(**NEEDED, inputTokens=1.5), "inputTokens: must be a whole number, from 0 to 1000000000"),
        (line(**NEEDED, prompt_tokens=-1), "inputTokens: Input should be greater than or equal to 0"),
    ],
)
def test_a_line_that_is_not_a_call_is_rejected_with_the_reason(text: bytes, message: str | None) -> None:
    rejected = error_of(text)

    assert rejected.message == message or message is None
    assert rejected.message.encode()
