from __future__ import annotations

import csv
import gzip
import io
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain.preference import RoutingPriority
from server.usage_file import BadRow, UnreadableFile, UsageFile, UsageRow

HEADER = "created_at,provider,model,task_type,success,latency_ms,cost\n"
ROW = "2026-05-04T12:00:00Z,openai,gpt-4o,chat,1,120,0.0045\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "usage.csv"


def written(path: Path, content: str | bytes) -> UsageFile:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return UsageFile(path)


def calls(file: UsageFile) -> list[dict[str, Any]]:
    """The fields of every row, without its event id."""
    return [
        row.call.model_dump(exclude={"event_id"}, exclude_defaults=True) for row in file if isinstance(row, UsageRow)
    ]


def only_call(file: UsageFile) -> dict[str, Any]:
    (call,) = calls(file)
    return call


def bad_rows(file: UsageFile) -> list[BadRow]:
    return [row for row in file if isinstance(row, BadRow)]


def event_ids(file: UsageFile) -> list[str | None]:
    return [row.call.event_id for row in file if isinstance(row, UsageRow)]


# Columns


def test_columns_are_read_by_name(path: Path) -> None:
    file = written(path, HEADER + ROW)

    assert only_call(file) == {
        "provider": "openai",
        "task_type": "chat",
        "model_used": "gpt-4o",
        "success": True,
        "latency_ms": 120,
        "cost": Decimal("0.0045"),
        "occurred_at": datetime(2026, 5, 4, 12, tzinfo=UTC),
    }


def test_every_field_of_a_call_can_be_a_column(path: Path) -> None:
    header = (
        "provider,task_type,model_used,priority,success,latency_ms,cost,input_tokens,output_tokens,cached_tokens,"
        "fallback_used,ab_test_id,ab_variant,quality_score,occurred_at\n"
    )
    row = (
        "openai,chat,gpt-4o,COST,false,120,0.0045,1000,200,400,true,"
        "00000000-0000-0000-0000-000000000001,B,0.5,2026-05-04T14:00:00+02:00\n"
    )

    call = only_call(written(path, header + row))

    assert call | {"ab_test_id": str(call["ab_test_id"])} == {
        "provider": "openai",
        "task_type": "chat",
        "model_used": "gpt-4o",
        "priority": RoutingPriority.COST,
        "success": False,
        "latency_ms": 120,
        "cost": Decimal("0.0045"),
        "input_tokens": 1000,
        "output_tokens": 200,
        "cached_tokens": 400,
        "fallback_used": True,
        "ab_test_id": "00000000-0000-0000-0000-000000000001",
        "ab_variant": "B",
        "quality_score": 0.5,
        "occurred_at": datetime(2026, 5, 4, 12, tzinfo=UTC),
    }


@pytest.mark.parametrize(
    ("column", "text", "field", "value"),
    [
        ("created_at", "2026-05-04T12:00:00Z", "occurred_at", datetime(2026, 5, 4, 12, tzinfo=UTC)),
        ("prompt_tokens", "1000", "input_tokens", 1000),
        ("completion_tokens", "200", "output_tokens", 200),
    ],
)
def test_column_names_of_other_tools_are_recognized(path: Path, column: str, text: str, field: str, value: Any) -> None:
    file = written(path, f"provider,model,success,{column}\nopenai,gpt-4o,1,{text}\n")

    assert only_call(file) == {
        "provider": "openai",
        "model_used": "gpt-4o",
        "task_type": "unknown",
        "success": True,
        field: value,
    }


def test_occurred_at_takes_precedence_over_created_at(path: Path) -> None:
    rows = "a,m,1,2026-05-04T12:00:00Z,2026-05-04T11:00:00Z\nb,m,1,2026-05-04T12:00:00Z,\n"

    for header, cells in [
        ("provider,model,success,created_at,occurred_at\n", rows),
        (
            "provider,model,success,occurred_at,created_at\n",
            "a,m,1,2026-05-04T11:00:00Z,2026-05-04T12:00:00Z\nb,m,1,,2026-05-04T12:00:00Z\n",
        ),
    ]:
        assert [call["occurred_at"].hour for call in calls(written(path, header + cells))] == [11, 12]


@pytest.mark.parametrize(
    "header", ["occurred_at,provider,model,success,Cost", "Timestamp,Provider,MODEL,Success,cost_usd"]
)
def test_a_cost_is_read_under_its_usual_names(path: Path, header: str) -> None:
    call = only_call(written(path, f"{header}\n2026-05-04T12:00:00Z,openai,gpt-4o,1,12.5\n"))

    assert (call["cost"], call["occurred_at"]) == (Decimal("12.5"), datetime(2026, 5, 4, 12, tzinfo=UTC))
    assert "metadata" not in call


@pytest.mark.parametrize(
    ("header", "cells"),
    [("provider,success,model,model_used", "openai,1,gpt-4o,gpt-4o-mini"),
     ("model_used,model,success,provider", "gpt-4o-mini,gpt-4o,1,openai")],
)  # fmt: skip
def test_the_name_of_a_field_takes_precedence_over_an_alias_in_any_order(path: Path, header: str, cells: str) -> None:
    call = only_call(written(path, f"{header}\n{cells}\n"))

    assert (call["model_used"], call["metadata"]) == ("gpt-4o-mini", {"model": "gpt-4o"})


@pytest.mark.parametrize("text", ["830.5", "830", "830.0", "8.305e2"])
def test_a_file_may_have_fractions_of_milliseconds(path: Path, text: str) -> None:
    call = only_call(written(path, f"provider,model,success,duration_ms,ttftMs\nopenai,gpt-4o,1,{text},12.5\n"))

    assert (call["latency_ms"], call["time_to_first_token_ms"]) == (830, 12)


def test_a_metadata_column_takes_precedence_over_a_column_of_the_same_name(path: Path) -> None:
    row = 'openai,gpt-4o,1,"{""team"": 1}",search\n'

    assert only_call(written(path, "provider,model,success,metadata,team\n" + row))["metadata"] == {"team": 1}


def test_a_metadata_cell_of_null_is_empty(path: Path) -> None:
    row = "openai,gpt-4o,1,null,search\n"

    assert only_call(written(path, "provider,model,success,metadata,team\n" + row))["metadata"] == {"team": "search"}


def test_a_byte_order_mark_does_not_count_for_the_length_of_a_line(path: Path) -> None:
    line = b'{"provider": "openai", "modelUsed": "gpt-4o", "taskType": "chat", "success": true}'.ljust(65_536)

    [read] = written(path, b"\xef\xbb\xbf" + line + b"\n")

    assert isinstance(read, UsageRow), read


@pytest.mark.parametrize(
    ("row", "field"),
    [
        (",gpt-4o,chat,1\n", "provider"),
        ("openai,,chat,1\n", "model_used"),
        ("openai,gpt-4o,,1\n", "task_type"),
    ],
)
def test_an_empty_name_is_unknown(path: Path, row: str, field: str) -> None:
    named = {"provider": "openai", "model_used": "gpt-4o", "task_type": "chat", "success": True}

    assert only_call(written(path, "provider,model,task_type,success\n" + row)) == named | {field: "unknown"}


def test_calls_without_a_task_type_have_an_unknown_one(path: Path) -> None:
    assert only_call(written(path, "provider,model,success\nopenai,gpt-4o,1\n"))["task_type"] == "unknown"


@pytest.mark.parametrize("column", ["latency_ms", "cost", "priority", "quality_score", "prompt_tokens", "created_at"])
def test_an_empty_cell_is_unknown(path: Path, column: str) -> None:
    file = written(path, f"provider,model,success,{column}\nopenai,gpt-4o,1,\n")

    assert only_call(file) == {
        "provider": "openai",
        "model_used": "gpt-4o",
        "task_type": "unknown",
        "success": True,
    }


def test_zero_is_not_empty(path: Path) -> None:
    call = only_call(written(path, "provider,model,success,latency_ms,cost\nopenai,gpt-4o,0,0,0\n"))

    assert (call["success"], call["latency_ms"], call["cost"]) == (False, 0, Decimal(0))


@pytest.mark.parametrize(
    ("text", "success"), [("1", True), ("0", False), ("true", True), ("False", False), ("yes", True), ("no", False)]
)
def test_success_is_read_from_common_words_for_yes_and_no(path: Path, text: str, success: bool) -> None:
    assert only_call(written(path, f"provider,model,success\nopenai,gpt-4o,{text}\n"))["success"] is success


def test_other_columns_go_into_the_metadata(path: Path) -> None:
    file = written(path, "provider,model,success,team,region\nopenai,gpt-4o,1,search,\n")

    assert only_call(file)["metadata"] == {"team": "search"}


def test_a_metadata_column_is_json(path: Path) -> None:
    file = written(
        path, 'provider,model,success,metadata,team\nopenai,gpt-4o,1,"{""n"": 1, ""deep"": [true]}",search\n'
    )

    assert only_call(file)["metadata"] == {"n": 1, "deep": [True], "team": "search"}


def test_space_around_a_column_name_is_ignored(path: Path) -> None:
    file = written(path, " provider , model,success\nopenai,gpt-4o,1\n")

    assert only_call(file) == {
        "provider": "openai",
        "model_used": "gpt-4o",
        "task_type": "unknown",
        "success": True,
    }


def test_a_byte_order_mark_before_the_first_column_is_ignored(path: Path) -> None:
    file = written(path, "\ufeffprovider,model,success\nopenai,gpt-4o,1\n")

    assert only_call(file)["provider"] == "openai"


# Costs


@pytest.mark.parametrize(
    ("text", "cost"),
    [
        ("0.031131000000000002", "0.031131"),
        ("0.0000000005", "0"),
        ("0.0000000015", "0.000000002"),
        ("0.0000000025", "0.000000002"),
        ("1.107e-4", "0.0001107"),
        ("100000", "100000"),
    ],
)
def test_a_cost_is_rounded_half_even_to_the_nano_dollar(path: Path, text: str, cost: str) -> None:
    assert only_call(written(path, f"provider,model,success,cost\nopenai,gpt-4o,1,{text}\n"))["cost"] == Decimal(cost)


@given(st.lists(st.decimals(min_value=0, max_value=100_000, allow_nan=False), min_size=1, max_size=20))
@settings(max_examples=40)
def test_costs_are_rounded_like_exact_fractions(tmp_path_factory: pytest.TempPathFactory, costs: list[Decimal]) -> None:
    lines = "".join(f"openai,gpt-4o,1,{cost}\n" for cost in costs)

    file = written(tmp_path_factory.mktemp("costs") / "usage.csv", "provider,model,success,cost\n" + lines)

    assert [Fraction(call["cost"]) for call in calls(file)] == [
        Fraction(round(Fraction(cost) * 10**9), 10**9) for cost in costs
    ]


# Rows that cannot be read


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("openai,gpt-4o,1,120\n", "has 4 fields, the header has 5"),
        ("openai\n", "has 1 fields, the header has 5"),
        ("openai,gpt-4o,1,120,0.5,\n", "has 6 fields, the header has 5"),
        ("openai,gpt-4o,1,120,0,5\n", "has 6 fields, the header has 5"),
        ("openai,gpt-4o,,120,0.5\n", "success: Field required"),
        ("openai,gpt-4o,2,120,0.5\n", "success: Input should be a valid boolean, unable to interpret input"),
        (
            "openai,gpt-4o,1,fast,0.5\n",
            "latencyMs: must be a number of milliseconds, from 0 to 86400000",
        ),
        ("openai,gpt-4o,1,-1,0.5\n", "latencyMs: Input should be greater than or equal to 0"),
        ("openai,gpt-4o,1,86400001,0.5\n", "latencyMs: Input should be less than or equal to 86400000"),
        ("openai,gpt-4o,1,120,$5\n", "cost: Input should be a valid decimal"),
        ("openai,gpt-4o,1,120,NaN\n", "cost: Input should be a finite number"),
        ("openai,gpt-4o,1,120,inf\n", "cost: Input should be a finite number"),
        ("openai,gpt-4o,1,120,-0.5\n", "cost: must be from 0 to 100000 USD"),
        ("openai,gpt-4o,1,120,100000.01\n", "cost: must be from 0 to 100000 USD"),
        ("open\x00ai,gpt-4o,1,120,0.5\n", "provider: must not contain the NUL character"),
        ("openai,gpt\x00,1,120,0.5\n", "modelUsed: must not contain the NUL character"),
        (" ,gpt-4o,1,120,0.5\n", "provider: String should have at least 1 character"),
        (f"{'x' * 201},gpt-4o,1,120,0.5\n", "provider: String should have at most 200 characters"),
        ('"openai"x,gpt-4o,1,120,0.5\n', "',' expected after '\"'"),
    ],
)
def test_a_bad_row_is_reported_with_line_and_reason_and_others_are_read(path: Path, row: str, reason: str) -> None:
    good = "openai,gpt-4o,1,120,0.5\n"

    file = written(path, "provider,model,success,latency_ms,cost\n" + good + row + good)

    assert [read if isinstance(read, BadRow) else read.line for read in file] == [2, BadRow(3, reason), 4]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("yesterday,,,", "occurredAt: Input should be a valid datetime or date, input is too short"),
        ("2026-05-04T12:00:00,,,", "occurredAt: Input should have timezone info"),
        ("1969-12-31T23:59:59Z,,,", "occurredAt: must not be before 1970-01-01T00:00:00Z"),
        (",speed,,", "priority: Input should be 'SPEED', 'COST', 'QUALITY' or 'PRIVACY'"),
        (",,[1],", 'metadata: must be a JSON object, such as {"team": "search"}'),
        (",,{,", 'metadata: must be a JSON object, such as {"team": "search"}'),
        (f",,{'[' * 100_000},", 'metadata: must be a JSON object, such as {"team": "search"}'),
        (f",,{'[' * 50_000}{']' * 50_000},", 'metadata: must be a JSON object, such as {"team": "search"}'),
    ],
)
def test_a_bad_value_is_reported_with_its_field(path: Path, row: str, reason: str) -> None:
    file = written(path, f"provider,model,success,created_at,priority,metadata,team\nopenai,gpt-4o,1,{row}\n")

    assert list(file) == [BadRow(2, reason)]


def test_a_time_after_the_year_9999_is_a_bad_value(path: Path) -> None:
    file = written(path, HEADER + "9999-12-31T23:59:59-05:00,openai,gpt-4o,chat,1,120,0.0045\n" + ROW)

    assert bad_rows(file) == [BadRow(2, "occurredAt: must not be after 9999-12-31T23:59:59Z")]
    assert [row.line for row in file] == [2, 3]


@pytest.mark.parametrize("cell", [b"open\xffai", b"\xc3", b"\xed\xa0\x80"])
def test_a_name_that_is_not_utf8_is_a_bad_row(path: Path, cell: bytes) -> None:
    file = written(path, HEADER.encode() + b"2026-05-04T12:00:00Z," + cell + b",gpt-4o,chat,1,120,0.5\n" + ROW.encode())

    assert bad_rows(file) == [
        BadRow(2, "provider: Input should be a valid string, unable to parse raw data as a unicode string")
    ]
    assert [call["provider"] for call in calls(file)] == ["openai"]


@pytest.mark.parametrize(
    "row",
    [
        b'"{""n"": NaN, ""m"": [-Infinity]}",search,',
        b",search,\xff",
        b",search,a\x00b",
        b",search," + b"x" * 16_384,
        b'"{""n"": NaN}",search,',
        b'"{""n"": ""\\ud83d""}",search,',
        b'"{""n"": ""\xff""}",search,',
        b'"{""n"": 1' + b"0" * 5_000 + b'}",search,',
        b'"{""n"": ' + b"[" * 40_000 + b"]" * 40_000 + b'}",search,',
        b'"{""n"": ""' + b"x" * 17_000 + b'""}",search,',
    ],
)
def test_a_row_is_read_without_metadata_that_cannot_be_stored(path: Path, row: bytes) -> None:
    file = written(path, b"provider,model,success,cost,metadata,team,note\nopenai,gpt-4o,1,3," + row + b"\n")

    [read] = file
    assert isinstance(read, UsageRow), read
    assert (read.call.cost, read.call.metadata) == (Decimal(3), {"team": "search"})
    assert read.call.metadata_truncated is True


def test_an_unclosed_quote_is_a_bad_row(path: Path) -> None:
    file = written(path, HEADER + ROW + '"2026-05-04T12:00:00Z,openai\n' + ROW)

    assert bad_rows(file) == [BadRow(3, "unexpected end of data; lines 3 to 4 are lost")]
    assert [call["cost"] for call in calls(file)] == [Decimal("0.0045")]


def test_an_endless_field_is_a_bad_row(path: Path) -> None:
    file = written(path, f"provider,model,success,team\nopenai,gpt-4o,1,{'x' * 200_000}\nopenai,gpt-4o,1,search\n")

    assert bad_rows(file) == [BadRow(2, "field larger than field limit (131072)")]
    assert [call["metadata"] for call in calls(file)] == [{"team": "search"}]


# Lines


def test_a_quoted_field_may_span_several_lines(path: Path) -> None:
    multi_line = 'openai,gpt-4o,1,"first\nsecond, ""third""\r\n\nlast"\n'

    file = written(path, "provider,model,success,note\n" + multi_line + "openai,gpt-4o\n" + multi_line)

    rows = list(file)
    assert [row.line for row in rows] == [2, 6, 7]
    assert bad_rows(file) == [BadRow(6, "has 2 fields, the header has 4")]
    assert [call["metadata"]["note"] for call in calls(file)] == ['first\nsecond, "third"\r\n\nlast'] * 2


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_lines_may_end_in_any_way(path: Path, ending: str) -> None:
    file = written(path, (HEADER + ROW + ROW).replace("\n", ending))

    assert [row.line for row in file] == [2, 3]
    assert [call["cost"] for call in calls(file)] == [Decimal("0.0045")] * 2


def test_the_last_line_may_end_without_a_line_end(path: Path) -> None:
    assert [row.line for row in written(path, HEADER + ROW + ROW.rstrip())] == [2, 3]


def test_empty_lines_are_counted_and_skipped(path: Path) -> None:
    file = written(path, HEADER + "\n\n" + ROW + "\r\n" + ROW)

    assert [row.line for row in file] == [4, 6]
    assert bad_rows(file) == []


def test_a_file_of_a_header_alone_has_no_rows(path: Path) -> None:
    assert list(written(path, HEADER)) == []


def test_a_file_has_its_number_of_lines(path: Path) -> None:
    assert written(path, HEADER + ROW * 9).lines == 10
    assert written(path, gzip.compress((HEADER + ROW * 9).encode())).lines == 10


cells = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=30)


@given(st.lists(cells, min_size=1, max_size=8))
@example(['"', "\n", "\r", "\r\n", ",", ' "a", ', "\u2028", "\x85"])
@settings(max_examples=100)
def test_any_text_is_read_as_it_was_written(tmp_path_factory: pytest.TempPathFactory, notes: list[str]) -> None:
    content = io.StringIO(newline="")
    writer = csv.writer(content)
    writer.writerow(["provider", "model", "success", "note"])
    writer.writerows(["openai", "gpt-4o", "1", note] for note in notes)

    rows = list(written(tmp_path_factory.mktemp("cells") / "usage.csv", content.getvalue()))

    # A record begins on the line after the previous one; "\r\n" is one line end.
    breaks = [note.replace("\r\n", "\n").replace("\r", "\n").count("\n") for note in notes]
    assert [row.line for row in rows] == [2 + index + sum(breaks[:index]) for index in range(len(notes))]
    assert [row.call.metadata for row in rows if isinstance(row, UsageRow)] == [{"note": note} for note in notes]


# Event ids


def test_identical_rows_have_different_event_ids(path: Path) -> None:
    ids = event_ids(written(path, HEADER + ROW * 3))

    assert len(set(ids)) == 3


def test_a_file_that_is_read_twice_has_the_same_event_ids(path: Path) -> None:
    file = written(path, HEADER + ROW * 3)

    assert event_ids(file) == event_ids(file) == event_ids(UsageFile(path))


def test_event_ids_depend_on_the_content_and_not_the_name_of_a_file(tmp_path: Path) -> None:
    content = (HEADER + ROW * 3).encode()
    plain = written(tmp_path / "usage.csv", content)
    packed = written(tmp_path / "usage.csv.gz", gzip.compress(content))
    best_packed = written(tmp_path / "best.csv.gz", gzip.compress(content, compresslevel=1, mtime=0))
    misnamed = written(tmp_path / "packed.csv", gzip.compress(content))

    assert event_ids(plain) == event_ids(packed) == event_ids(best_packed) == event_ids(misnamed)
    assert calls(plain) == calls(packed)


def test_another_file_has_other_event_ids(tmp_path: Path) -> None:
    one = event_ids(written(tmp_path / "one.csv", HEADER + ROW))
    other = event_ids(written(tmp_path / "other.csv", HEADER + ROW + ROW))

    assert set(one) & set(other) == set()


def test_an_event_id_in_the_file_is_used(path: Path) -> None:
    file = written(path, "provider,model,success,event_id\nopenai,gpt-4o,1,e-1\nopenai,gpt-4o,1,\n")

    first, second = event_ids(file)
    assert first == "e-1"
    assert second is not None
    assert second.endswith(":3")


# Files that cannot be read


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "the first line must name the columns; it has no provider, no model_used, no success"),
        ("\n" + HEADER, "the first line must name the columns; it has no provider, no model_used, no success"),
        (ROW, "the first line must name the columns; it has no provider, no model_used, no success"),
        ("model,success\n", "the first line must name the columns; it has no provider"),
        ("provider,success\n", "the first line must name the columns; it has no model_used"),
        ("provider,model_used\n", "the first line must name the columns; it has no success"),
        (
            "provider,model,success,team,team, note,note\n",
            "the first line names note, team twice",
        ),
        ("provider,model,success,cost,provider\n", "the first line names provider twice"),
        ("cost,provider,model,success, cost,provider\n", "the first line names cost, provider twice"),
        (
            "provider,model,success,latencyMs,latency_ms\n",
            "the first line must name the columns; latencyMs and latency_ms both mean latency_ms: remove or rename one of them",
        ),
        (
            "provider,model,success,timestamp,created_at\n",
            "the first line must name the columns; created_at and timestamp both mean occurred_at: remove or rename one of them",
        ),
    ],
)
def test_a_file_without_the_columns_it_needs_is_unreadable(path: Path, content: str, reason: str) -> None:
    file = written(path, content)

    with pytest.raises(UnreadableFile) as error:
        list(file)

    assert str(error.value) == reason


@pytest.mark.parametrize("header", ['"provider"x,model,success\n', '"provider,model,success\n' + ROW])
def test_a_first_line_that_is_not_csv_is_unreadable(path: Path, header: str) -> None:
    file = written(path, header)

    with pytest.raises(UnreadableFile):
        list(file)


def test_a_missing_file_is_unreadable(path: Path) -> None:
    with pytest.raises(UnreadableFile) as error:
        UsageFile(path)

    assert str(error.value) == f"{path}: No such file or directory"


def test_a_folder_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile) as error:
        UsageFile(tmp_path)

    assert str(error.value) == f"{tmp_path}: Is a directory"


PACKED = gzip.compress((HEADER + ROW * 500).encode(), mtime=0)


@pytest.mark.parametrize(
    "damaged",
    [
        PACKED[: len(PACKED) // 2],
        PACKED[:-1],
        PACKED[:12],
        PACKED[:-8] + bytes(4) + PACKED[-4:],
        PACKED[:10] + b"\xff" * 20 + PACKED[30:],
        PACKED + b"tail",
    ],
    ids=["half of it", "all but a byte", "its head", "another checksum", "another body", "something after it"],
)
def test_a_damaged_gzip_file_is_unreadable(path: Path, damaged: bytes) -> None:
    with pytest.raises(UnreadableFile):
        written(path, damaged)
