"""Invalid values in files, lines, settings, headers and on the command line: an expected error names each."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette

from domain.amendment import AmendmentLine
from domain.analytics import LogAnalytics
from domain.bounds import Input, to_camel
from domain.error import InvalidInput
from server.settings import Settings, StartupError
from server.usage_file import BadRow, UsageFile, amendment_of, call_of
from tests.support.process import USER, run

CALL = {"provider": "openai", "modelUsed": "m", "taskType": "t", "success": True}
AMENDMENT = {"eventId": "e", "qualityScore": 1}
TEXTS = [
    "1E+99999999999999999999",
    "1e-99999999999999999999",
    "-0e99999999999999999999",
    "1e999999999",
    "sNaN",
    "NaN",
    "Infinity",
    "1_000",
    "\uff11\uff12",
    "\u0663",
    "9" * 10_000,
    "0." + "9" * 10_000,
    "0x10",
    "--1",
    "9999-12-31T23:59:59-14:00",
    "0001-01-01T00:00:00+14:00",
    "2026-02-30T00:00:00Z",
    "0x" + "f" * 30,
    "\x00",
]
RAW = [
    *map(json.dumps, TEXTS),
    "1E+99999999999999999999",
    "1e999999999",
    "NaN",
    "-Infinity",
    "9" * 10_000,
    "-0.0",
    "5e-324",
    "1e18",
    "true",
    "{}",
    "[0, [1], 0]",
    '"\\ud800"',
    '{"a": 1e400}',
    '{"a": ' + "9" * 10_000 + "}",
]


def error_for(read: Callable[[bytes], Input], line: bytes) -> str | None:
    """The error message of the line, or None if it is accepted."""
    try:
        read(line)
    except InvalidInput as rejected:
        return rejected.message
    return None


# An amendment whose only field is empty changes nothing and is rejected.
WHOLE = (" requires ", "must have at least one of cost", "must have either id or eventId")


@pytest.mark.parametrize(
    ("model", "others", "read"), [(LogAnalytics, CALL, call_of), (AmendmentLine, AMENDMENT, amendment_of)]
)
def test_a_line_with_an_invalid_value_is_accepted_or_rejected_by_name(
    model: type[Input], others: dict[str, Any], read: Callable[[bytes], Input]
) -> None:
    for field in model.model_fields:
        name = to_camel(field)
        for raw in RAW:
            rest = json.dumps({key: value for key, value in others.items() if key != name})
            line = f'{rest[:-1]}{", " if len(rest) > 2 else ""}"{name}": {raw}}}'.encode()
            error = error_for(read, line)
            assert error is None or any(each in error for each in (name, *WHOLE)), (name, raw[:40], error)


AMOUNTS = ["1E+99999999999999999999", "1e-99999999999999999999", "1e-999999999", "1_000", "\uff11\uff12", "\u0663"]


@pytest.mark.parametrize("amount", [*AMOUNTS, "sNaN", "9" * 10_000, "0." + "9" * 10_000])
def test_a_cost_that_only_python_can_parse_is_invalid_in_every_format(tmp_path: Path, amount: str) -> None:
    for line, read in ((CALL, call_of), (AMENDMENT, amendment_of)):
        with pytest.raises(InvalidInput) as rejected:
            read(json.dumps(line | {"cost": amount}).encode())
        assert rejected.value.path == ["cost"]
    table = tmp_path / "usage.csv"
    with table.open("w", newline="") as file:
        csv.writer(file).writerows([["provider", "model_used", "success", "cost"], ["openai", "m", "1", amount]])
    lines = tmp_path / "usage.ndjson"
    lines.write_text(json.dumps(CALL | {"cost": amount}) + "\n")
    for path in (table, lines):
        [row] = UsageFile(path)
        assert isinstance(row, BadRow)
        assert row.reason.startswith("cost: ")


@given(st.from_regex(r"[+-]?[0-9_.]{0,12}([eE][+-]?[0-9]{0,30})?", fullmatch=True) | st.text(max_size=12), st.data())
@example("1E+99999999999999999999", None)
@settings(max_examples=300)
def test_any_text_is_accepted_or_rejected_by_each_field(text: str, data: st.DataObject | None) -> None:
    field = data.draw(st.sampled_from(sorted(LogAnalytics.model_fields))) if data else "cost"
    assert error_for(call_of, json.dumps(CALL | {to_camel(field): text}).encode()) != ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "\uff18\uff10"),
        ("PORT", "9" * 5_000),
        ("PORT", "1e3"),
        ("OPERATION_TIMEOUT_S", "nan"),
        ("OPERATION_TIMEOUT_S", "1e999999999"),
        ("OPERATION_TIMEOUT_S", "1e-999999999"),
        ("MAX_SOCKETS", "9" * 4_000),
        ("MAX_SOCKETS", "9" * 5_000),
        ("MAX_CONNECTIONS", "1" + "0" * 30),
        ("JWT_LEEWAY_S", "301"),
        ("JWT_LEEWAY_S", "-1"),
        ("JWT_LEEWAY_S", "nan"),
        ("DATABASE_URL", "postgresql+asyncpg://u@h:99999999/db"),
        ("DATABASE_URL", "postgresql+asyncpg://u@h:" + "9" * 5_000 + "/db"),
        ("DATABASE_URL", "postgresql+asyncpg://u@h:x/db"),
        ("DATABASE_URL", "sqlite+aiosqlite:///router\x00.db"),
    ],
)
def test_an_invalid_setting_is_rejected_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    if "\x00" not in value:
        monkeypatch.setenv(f"ROUTER_{name}", value)
        with pytest.raises(StartupError) as rejected:
            Settings.from_environment()
        assert str(rejected.value).startswith(f"ROUTER_{name}: ")
        assert "digits" not in str(rejected.value)
    else:  # an environment variable cannot contain this, but a settings file can
        with pytest.raises(ValueError, match="NUL"):
            Settings(database_url=value)


@pytest.mark.parametrize(
    "arguments",
    [
        ["token", "--user", USER, "--expires", "999999d"],
        ["token", "--user", USER, "--expires", "\uff11d"],
        ["query", "{ viewer { id } }", "--user", USER, "--variables", "{bad"],
        ["query", "{ viewer { id } }", "--user", USER, "--variables", "[1]"],
        ["query", "{ viewer { id } }", "--user", USER, "--url", "http://[::"],
        ["replay", "tests/data/aider_usage_sample.csv", "--user", USER, "--speed", "nan"],
    ],
)
def test_an_invalid_option_is_one_error(tmp_path: Path, arguments: list[str]) -> None:
    failed = run(*arguments, data_dir=tmp_path)
    assert (failed.returncode, failed.stdout) == (2, "")
    assert "Traceback" not in failed.stderr


HEADERS = [
    {"Accept": "application/json;q=1e999999999"},
    {"Accept": "application/json;q=nan"},
    {"Accept": "*/*;q=\uff11".encode().decode("latin-1")},
    {"Content-Length": "9" * 5_000},
    {"Content-Type": "application/json; charset=" + "9" * 5_000},
    {"traceparent": "00-" + "9" * 5_000},
    {"X-Request-Id": "1E+99999999999999999999" * 100},
    {"Authorization": "Bearer " + "9" * 20_000},
    {"Authorization": "Bearer " + "W" * 20_000 + ".e30.e30"},
]


async def test_invalid_headers_and_parameters_are_client_errors(app: Starlette, token: str) -> None:
    usual = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://router") as client:
        for headers in HEADERS:
            sent = [(name.encode(), value.encode("latin-1")) for name, value in (usual | headers).items()]
            for path in ("/graphql", "/ingest/decisions"):
                answer = await client.post(path, content=b'{"query": "{ viewer { id } }"}', headers=sent)
                assert answer.status_code < 500, (path, headers, answer.text)
        for name in ("from", "to", "format", "after"):
            for value in TEXTS:
                answer = await client.get("/export/analytics", params={name: value}, headers=usual)
                if answer.status_code != 200:
                    [error] = answer.json()["errors"]
                    assert (answer.status_code, error["extensions"]["path"]) == (400, [name]), (value, error)
