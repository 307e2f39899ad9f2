"""Exports of calls: complete, importable without loss, and never mistaken for complete when they are cut off."""

from __future__ import annotations

import asyncio
import csv
import gzip
import io
import json
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import httpx2
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.applications import Starlette

import server.export
from domain.ab_test import Variant
from domain.analytics import AnalyticsFilter, LogAnalytics
from domain.bounds import MAX_JSON_BYTES
from domain.error import InvalidInput
from domain.preference import RoutingPriority
from domain.price import ServiceTier
from domain.viewer import Viewer
from models.database import Database
from models.database.pool import DatabaseFailure
from models.ledger import Ledger
from models.ledger.call import CallDraft, Logged
from models.queries.analytics import REPORTED, reported
from models.types import RawJSON, json_text, new_id
from server import ingest
from server.export import Export, as_line
from server.importing import ImportResult, import_usage
from server.settings import Settings
from server.token import make_token
from server.usage_file import MAX_LINE_BYTES, BadRow, UsageFile, UsageRow
from server.usage_format import Format, RowCount, format_of
from tests.support.api import Api
from tests.support.process import DATABASE_OF, ROOT, USER, run, served

SAMPLE = ROOT / "tests/data/aider_usage_sample.csv"
FORMATS = pytest.mark.parametrize("format_", list(Format))
START = datetime(2026, 3, 1, tzinfo=UTC)
UP_TO_16_KIB = {"text": "ü" * ((MAX_JSON_BYTES - 11) // 2)}


def call(**fields: Any) -> LogAnalytics:
    known = {"provider": "openai", "model_used": "gpt-4o", "task_type": "chat", "success": True, "occurred_at": START}
    return LogAnalytics.checked(known | fields)


NAMES = [
    '=HYPERLINK("http://x","y")',
    "+1",
    "-1",
    "@SUM(A1)",
    "\uff1d1",
    "'=1+1",
    "''+",
    "'",
    "''",
    "'quoted'",
    'a,"b"\r\n,c\nd\re',
    '"',
    "\x01=1",
    "汉字 🙂 e\u0301",
    "\u2028\x85x",
    "x" * 200,
    "=" * 200,
    "null",
    "true",
    "1e5",
]
HARD = [
    call(event_id="bare"),
    call(
        event_id="all",
        priority=RoutingPriority.QUALITY,
        success=False,
        latency_ms=0,
        cost=Decimal("99999.999999999"),
        input_tokens=1_000_000_000,
        output_tokens=0,
        cached_tokens=999_999_990,
        cache_write_tokens=10,
        cache_write_1h_tokens=0,
        input_audio_tokens=5,
        cached_audio_tokens=4,
        input_image_tokens=3,
        cached_image_tokens=2,
        input_video_tokens=1,
        reasoning_tokens=0,
        citation_tokens=0,
        output_audio_tokens=0,
        output_image_tokens=0,
        output_video_tokens=0,
        service_tier=ServiceTier.PRIORITY,
        time_to_first_token_ms=86_400_000,
        fallback_used=True,
        decision_id=UUID("00000000-0000-0000-0000-00000000001e"),
        quality_score=0.1 + 0.2,
        metadata={"n": None, "deep": [{"": []}], "big": 2**80, "tiny": 5e-324, "text": "=1+1\r\n\"';,\t\u2028"},
        occurred_at=START + timedelta(microseconds=1),
    ),
    call(event_id="nothing", cost=0, input_tokens=1, output_tokens=1, occurred_at=START + timedelta(seconds=1)),
    call(event_id="nano", cost="1e-9", occurred_at=datetime(2026, 3, 1, 23, 59, 59, 999_999, tzinfo=UTC)),
    call(event_id="large", metadata=UP_TO_16_KIB, occurred_at=START + timedelta(days=1)),
    call(event_id="huge", metadata={"n": [1e300] * 2_000, "m": [-1.5e-300, 1e22]}),
    *(
        call(event_id=name, provider=name, model_used=name, task_type=name, occurred_at=START - timedelta(days=day))
        for day, name in enumerate(NAMES)
    ),
]


# Helpers


async def rows_of(database: Database, user_id: UUID) -> list[tuple[Any, ...]]:
    """The fields of the user's calls, in order, without their ids."""
    async with database.viewer(Viewer(user_id)) as session:
        return [tuple(row[1:]) for row in await reported(session, user_id, [], 100_000)]


def in_field(rows: Sequence[tuple[Any, ...]], name: str) -> list[Any]:
    return [row[REPORTED.index(name)] for row in rows]


async def logged(database: Database, user_id: UUID, calls: Sequence[LogAnalytics]) -> None:
    ledger = Ledger(database)
    async with ledger.running():
        for outcome in await ledger.record([CallDraft(user_id, each, imported=True) for each in calls]):
            assert isinstance(outcome, Logged), outcome


async def exported(client: httpx2.AsyncClient, token: str, **parameters: str) -> bytes:
    answer = await client.get(
        "/export/analytics", params=parameters, headers={"Authorization": f"Bearer {token}"}, timeout=60
    )
    assert answer.status_code == 200, answer.text
    return answer.content


async def imported(settings: Settings, file: Path, content: bytes, user_id: UUID) -> ImportResult:
    return await import_usage(settings, written(file, content), user_id, lambda _line: None)


def written(path: Path, content: str | bytes) -> UsageFile:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return UsageFile(path)


def counts(result: ImportResult) -> tuple[int, int, int, list[BadRow]]:
    return result.imported, result.already_present, result.without_test, result.bad_rows


def page_sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of rows of each page that is read from now on."""
    sizes: list[int] = []

    async def counted(*arguments: Any) -> Sequence[Row[Any]]:
        page = await reported(*arguments)
        sizes.append(len(page))
        return page

    monkeypatch.setattr(server.export, "reported", counted)
    return sizes


# Round trips


@FORMATS
async def test_real_usage_is_the_same_after_a_round_trip(
    client: httpx2.AsyncClient, token: str, settings: Settings, database: Database, user_id: UUID, tmp_path: Path,
    format_: Format, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    # given the sample, and a page size that does not divide its 300 rows
    monkeypatch.setattr(server.export, "ROWS_AT_ONCE", 77)
    assert counts(await imported(settings, tmp_path / "in", SAMPLE.read_bytes(), user_id)) == (300, 0, 0, [])
    before = await rows_of(database, user_id)

    # when it is exported, and imported twice for another user
    other = new_id()
    content = await exported(client, token, format=format_)
    first = await imported(settings, tmp_path / "out", content, other)
    second = await imported(settings, tmp_path / "out.gz", gzip.compress(content), other)

    # then every field of every row is the same, and each row is stored once
    assert (counts(first), counts(second)) == ((300, 0, 0, []), (0, 300, 0, []))
    assert await rows_of(database, other) == before
    with SAMPLE.open(newline="") as file:
        cost = sum(round(Decimal(row["cost"]), 9) for row in csv.DictReader(file) if row["cost"])
    assert sum(filter(None, in_field(before, "cost"))) == cost


@FORMATS
async def test_extreme_values_are_the_same_after_a_round_trip(
    client: httpx2.AsyncClient, token: str, settings: Settings, database: Database, user_id: UUID, tmp_path: Path,
    format_: Format,
) -> None:  # fmt: skip
    await logged(database, user_id, HARD)
    before = await rows_of(database, user_id)
    content = await exported(client, token, format=format_)
    assert counts(await imported(settings, tmp_path / "out", content, user_id)) == (0, len(HARD), 0, [])
    other = new_id()
    assert counts(await imported(settings, tmp_path / "out", content, other)) == (len(HARD), 0, 0, [])
    assert await rows_of(database, other) == before
    assert sorted(in_field(before, "event_id")) == sorted(each.event_id or "" for each in HARD)
    count = RowCount(format_)
    for start in range(0, len(content), 7):
        count.add(content[start : start + 7])
    assert count.rows == len(HARD)


async def test_the_ingest_endpoint_accepts_exported_lines(
    client: httpx2.AsyncClient, token: str, settings: Settings, database: Database, user_id: UUID
) -> None:
    await logged(database, user_id, HARD)
    other = new_id()
    answer = await client.post(
        "/ingest/decisions",
        content=await exported(client, token),
        headers={"Authorization": f"Bearer {make_token(settings, other, timedelta(hours=1))}"},
    )
    assert [list(json.loads(line)) for line in answer.text.splitlines()] == [["line", "id", "deduplicated"]] * len(HARD)
    # Ingest prices calls with tokens and without a cost; these have a cost or no tokens.
    assert await rows_of(database, other) == await rows_of(database, user_id)


async def test_fields_that_the_server_filled_in_are_exported_and_deduplicated(
    client: httpx2.AsyncClient, token: str, live_api: Api, settings: Settings, user_id: UUID, tmp_path: Path
) -> None:
    answer = await live_api.ask(
        """mutation { logAnalytics(input: {provider: "openai", taskType: "chat", modelUsed: "gpt-4o", success: true,
             inputTokens: 1000, outputTokens: 100}) { ... on LoggedAnalytics { record { eventId } } } }"""
    )
    line = await exported(client, token)
    assert json.loads(line) == {
        "eventId": answer["record"]["eventId"],
        "provider": "openai",
        "taskType": "chat",
        "modelUsed": "gpt-4o",
        "success": True,
        "cost": "0.0035",
        "inputTokens": 1000,
        "outputTokens": 100,
        "fallbackUsed": False,
        "occurredAt": "2026-03-10T12:00:00Z",
    }
    # The client reported neither cost nor time: the same call is deduplicated all the same, and a different one is not.
    assert counts(await imported(settings, tmp_path / "out", line, user_id)) == (0, 1, 0, [])
    changed = line.replace(b"0.0035", b"0.0036")
    rejected = [BadRow(1, "eventId: was used for another report; use a new one for each call")]
    assert counts(await imported(settings, tmp_path / "out", changed, user_id)) == (0, 0, 0, rejected)


@FORMATS
async def test_rows_of_an_unknown_test_are_stored_without_it(
    client: httpx2.AsyncClient, token: str, live_api: Api, settings: Settings, database: Database, user_id: UUID,
    tmp_path: Path, format_: Format,
) -> None:  # fmt: skip
    # given three rows of a running test, one without a test, and an export of them
    test = await live_api.ask(
        """mutation { createABTest(input: {testName: "t", variantA: {provider: "openai", model: "gpt-4o"},
             variantB: {provider: "anthropic", model: "claude"}}) { ... on ABTest { id } } }"""
    )
    tested = [call(event_id=f"e{n}", ab_test_id=test["id"], ab_variant="B", unit_key="u") for n in range(3)]
    await logged(database, user_id, [*tested, call(event_id="none")])
    content = await exported(client, token, format=format_)

    # when another user imports it twice
    other = new_id()
    first = await imported(settings, tmp_path / "out", content, other)
    second = await imported(settings, tmp_path / "out", content, other)

    # then all rows are stored, three without their test, and the result has their number
    assert (counts(first), counts(second)) == ((4, 0, 3, []), (0, 4, 0, []))
    rows = await rows_of(database, other)
    assert sorted(in_field(rows, "event_id")) == ["e0", "e1", "e2", "none"]
    assert {*in_field(rows, "ab_test_id"), *in_field(rows, "ab_variant")} == {None}

    # and for the user of the test they are duplicates, even after the test was deleted
    assert counts(await imported(settings, tmp_path / "out", content, user_id)) == (0, 4, 0, [])
    await live_api.ask("mutation($id: ID!) { deleteABTest(id: $id) { __typename } }", id=test["id"])
    assert counts(await imported(settings, tmp_path / "out", content, user_id)) == (0, 4, 0, [])
    assert in_field(await rows_of(database, user_id), "ab_variant").count(Variant.B) == 3


texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)
names = st.builds(
    str.__add__, st.sampled_from(["", "", "=", "+", "-", "@", "'", "''", "'=", "\t", "\r", "\uff1d"]), texts
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
any_call = st.fixed_dictionaries(
    {
        "event_id": names,
        "provider": names,
        "task_type": names,
        "model_used": names,
        "success": st.booleans(),
        "occurred_at": st.datetimes(datetime(1970, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - the zone is given
    },
    optional={
        "priority": st.sampled_from(RoutingPriority),
        "latency_ms": st.integers(0, 86_400_000),
        "cost": st.decimals(0, 100_000, places=9),
        "input_tokens": st.integers(0, 1_000_000_000),
        "output_tokens": st.integers(0, 1_000_000_000),
        "reasoning_tokens": st.just(0),
        "service_tier": st.sampled_from(ServiceTier),
        "time_to_first_token_ms": st.integers(0, 86_400_000),
        "fallback_used": st.booleans(),
        "decision_id": st.uuids(),
        "ab_test_id": st.uuids(),
        "quality_score": st.floats(0, 1),
        "metadata": st.dictionaries(texts, json_values, min_size=1, max_size=4),
    },
)


@given(any_call)
@settings(max_examples=200, suppress_health_check=[HealthCheck.filter_too_much])
@example({"event_id": "-", "provider": "'", "task_type": "''=", "model_used": "@\n", "success": False, "cost": "1e-9"})
def test_any_call_is_the_same_after_a_round_trip(
    tmp_path_factory: pytest.TempPathFactory, values: dict[str, Any]
) -> None:
    try:
        recorded = call(**values)
    except InvalidInput:
        assume(False)  # such as a name of spaces only
    values = {name: getattr(recorded, name) for name in REPORTED}
    values["metadata"] = RawJSON(json_text(recorded.metadata or {}))
    row = cast("Row[Any]", (new_id(), *values.values()))
    directory = tmp_path_factory.mktemp("files")

    (directory / "a.ndjson").write_bytes(as_line(row))
    (directory / "a.csv").write_bytes(
        server.export._record(REPORTED).encode() + server.export._ENCODERS[Format.CSV](row)
    )

    for name in ("a.ndjson", "a.csv"):
        [read] = UsageFile(directory / name)
        assert isinstance(read, UsageRow), read
        assert read.call == recorded
    [_, cells] = csv.reader(io.StringIO((directory / "a.csv").read_text("utf-8"), newline=""))
    assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))] == []


# The exported rows


async def test_only_calls_of_the_user_are_exported(
    client: httpx2.AsyncClient, token: str, database: Database, user_id: UUID
) -> None:
    await logged(database, new_id(), [call(event_id="theirs")])
    assert await exported(client, token) == b""
    assert await exported(client, token, format="csv") == (",".join(REPORTED) + "\r\n").encode()
    await logged(database, user_id, [call(event_id="mine")])
    assert [json.loads(line)["eventId"] for line in (await exported(client, token)).splitlines()] == ["mine"]


async def test_a_time_range_includes_its_start_and_excludes_its_end(
    client: httpx2.AsyncClient, token: str, database: Database, user_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given rows around two moments, and pages of two rows
    monkeypatch.setattr(server.export, "ROWS_AT_ONCE", 2)
    tick = timedelta(microseconds=1)
    end = START + timedelta(days=1)
    moments = [START - tick, START, START, START + tick, end - tick, end, end + tick]
    await logged(database, user_id, [call(event_id=str(n), occurred_at=at) for n, at in enumerate(moments)])

    async def found(**parameters: str) -> str:
        return "".join(json.loads(line)["eventId"] for line in (await exported(client, token, **parameters)).split())

    assert await found() == "0123456"
    assert await found(**{"from": START.isoformat()}) == "123456"
    assert await found(to="2026-03-02T02:00:00+02:00") == "01234"
    assert await found(**{"from": "2026-03-01T00:00:00Z", "to": "2026-03-02T00:00:00Z"}) == "1234"
    assert await found(to="2026-03-01T00:00:00.000001Z") == "012"
    assert await found(**{"from": "2026-04-01T00:00:00Z"}) == ""


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"format": "xml"}, "format"),
        ({"format": ""}, "format"),
        ({"from": "yesterday"}, "from"),
        ({"from": "2025"}, "from"),
        ({"from": "2025-01-01T00:00:00"}, "from"),
        ({"to": ""}, "to"),
        ({"to": "2025-01-01T00:00:00 02:00"}, "to"),
        ({"to": "1969-12-31T23:59:59Z"}, "to"),
        ({"from": "2025-01-01T00:00:00Z", "to": "2025-01-01T00:00:00Z"}, "from"),
        ({"form": "csv"}, "form"),
    ],
)
async def test_an_invalid_parameter_is_rejected_by_name(
    client: httpx2.AsyncClient, token: str, parameters: dict[str, str], named: str
) -> None:
    answer = await client.get("/export/analytics", params=parameters, headers={"Authorization": f"Bearer {token}"})
    [error] = answer.json()["errors"]
    assert (answer.status_code, error["extensions"]["code"]) == (400, "INVALID_INPUT")
    assert error["message"].startswith((f"{named}: ", f"{named} must be"))


async def test_nobody_exports_without_a_token(client: httpx2.AsyncClient) -> None:
    for headers in ({}, {"Authorization": "Bearer nonsense"}):
        answer = await client.get("/export/analytics", headers=headers)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


@FORMATS
async def test_the_answer_is_a_download_with_a_file_name(
    client: httpx2.AsyncClient, token: str, format_: Format
) -> None:
    for method in ("GET", "HEAD"):
        answer = await client.request(
            method, "/export/analytics", params={"format": format_}, headers={"Authorization": f"Bearer {token}"}
        )
        assert answer.headers["content-disposition"] == f'attachment; filename="analytics.{format_}"'
        assert answer.headers["content-type"] in {"text/csv; charset=utf-8", "application/x-ndjson"}


# During the download


async def test_a_page_is_read_once_the_previous_one_is_sent_and_no_transaction_stays_open(
    database: Database, user_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given 25 rows, pages of 10, and a count of transactions
    await logged(database, user_id, [call(event_id=str(n)) for n in range(25)])
    monkeypatch.setattr(server.export, "ROWS_AT_ONCE", 10)
    sizes = page_sizes(monkeypatch)
    opened: list[AsyncSession] = []
    viewer_session = database.viewer

    @asynccontextmanager
    async def counted(viewer: Viewer) -> AsyncIterator[AsyncSession]:
        async with viewer_session(viewer) as session:
            opened.append(session)
            yield session
            opened.remove(session)

    monkeypatch.setattr(database, "viewer", counted)
    export = Export(cast("Any", None), database)

    # when they are read block by block
    taken = 0
    async for block in export.blocks(Viewer(user_id), Format.NDJSON, AnalyticsFilter()):
        taken += 1
        # then no more pages were read than needed
        assert (len(sizes), opened) == (taken, [])
        assert block.count(b"\n") == sizes[-1]
    assert sizes == [10, 10, 5]


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Make the database fail from this page on."""

    def from_page(first_broken: int) -> None:
        pages = iter(range(first_broken))

        async def failing(*arguments: Any) -> Sequence[Row[Any]]:
            if next(pages, None) is None:
                raise DatabaseFailure("gone")
            return await reported(*arguments)

        monkeypatch.setattr(server.export, "ROWS_AT_ONCE", 10)
        monkeypatch.setattr(server.export, "reported", failing)

    return from_page


async def test_a_failure_during_the_download_is_not_a_complete_file(
    client: httpx2.AsyncClient, token: str, database: Database, user_id: UUID, broken: Callable[[int], None]
) -> None:
    await logged(database, user_id, [call(event_id=str(n)) for n in range(25)])
    broken(2)
    received = b""
    with pytest.raises(httpx2.RemoteProtocolError):
        async with client.stream("GET", "/export/analytics", headers={"Authorization": f"Bearer {token}"}) as answer:
            assert answer.status_code == 200
            async for block in answer.aiter_bytes():
                received += block
    assert received.count(b"\n") == 20


async def test_a_database_that_does_not_answer_is_an_error(
    client: httpx2.AsyncClient, token: str, broken: Callable[[int], None]
) -> None:
    broken(0)
    answer = await client.get("/export/analytics", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.json()["errors"][0]["extensions"]["code"] == "SERVICE_UNAVAILABLE"


async def test_a_client_that_disconnects_ends_the_export(
    app: Starlette, token: str, database: Database, user_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given an endless export
    await logged(database, user_id, [call()])
    monkeypatch.setattr(server.export, "ROWS_AT_ONCE", 1)

    async def always_the_same(session: AsyncSession, user_id: UUID, *_rest: Any) -> Sequence[Row[Any]]:
        return await reported(session, user_id, [], 1)

    monkeypatch.setattr(server.export, "reported", always_the_same)
    reading = asyncio.Event()
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)
        if len(sent) == 5:
            reading.set()

    async def receive() -> dict[str, Any]:
        await reading.wait()
        return {"type": "http.disconnect"}

    # when the client disconnects during it
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "method": "GET",
        "path": "/export/analytics",
        "query_string": b"",
        "headers": [(b"authorization", f"Bearer {token}".encode())],
    }
    await asyncio.wait_for(app(scope, cast("Any", receive), send), timeout=30)

    # then it ends, and its answer is not marked as complete
    assert len(sent) >= 5
    assert all(message["type"] == "http.response.start" or message["more_body"] for message in sent)


# Files of lines


GOOD = '{"provider": "openai", "modelUsed": "gpt-4o", "taskType": "chat", "success": true, "eventId": "e"}'


def test_a_bad_line_is_reported_with_number_and_reason_and_others_are_read(tmp_path: Path) -> None:
    too_long = GOOD[:-1] + f', "metadata": {{"x": "{"x" * MAX_LINE_BYTES}"}}}}'
    just_fits = GOOD + " " * (MAX_LINE_BYTES - len(GOOD))
    lines = [
        "\ufeff" + GOOD,
        "",
        "not json",
        GOOD.replace("true", "2"),
        GOOD[:-1] + ', "cost": "-1"}',
        GOOD[:-1] + ', "unheardOf": 1}',
        too_long,
        just_fits,
        just_fits + " ",
        GOOD + "\r",
        "[1]",
        GOOD,
    ]
    read = list(written(tmp_path / "usage", "\n".join(lines)))
    assert [row.line for row in read if isinstance(row, UsageRow)] == [1, 8, 10, 12]
    assert {row.line: row.reason for row in read if isinstance(row, BadRow)} == {
        3: "Invalid JSON: expected ident at line 1 column 2",
        4: "success: Input should be a valid boolean, unable to interpret input",
        5: "cost: must be from 0 to 100000 USD",
        6: "unheardOf: Extra inputs are not permitted",
        7: "is longer than 65536 bytes",
        9: "is longer than 65536 bytes",
        11: "Input should be an object",
    }
    assert MAX_LINE_BYTES == ingest.MAX_LINE_BYTES


def test_lines_without_an_event_id_are_distinguished_and_deduplicated(tmp_path: Path) -> None:
    content = GOOD.replace(', "eventId": "e"', "") + "\n"
    plain = written(tmp_path / "plain", content * 3)
    packed = written(tmp_path / "packed", gzip.compress(content.encode() * 3))
    ids = [[row.call.event_id for row in file if isinstance(row, UsageRow)] for file in (plain, packed)]
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 3


def test_the_file_name_decides_a_format_that_the_content_does_not_show(tmp_path: Path) -> None:
    assert list(written(tmp_path / "empty.ndjson", "")) == []
    assert list(written(tmp_path / "empty.jsonl.gz", gzip.compress(b""))) == []
    assert [row.line for row in written(tmp_path / "misnamed.csv", GOOD)] == [1]
    assert [type(row) for row in written(tmp_path / "bad.ndjson", "not json\n" + GOOD)] == [BadRow, UsageRow]
    known = {name: format_of(Path(name)) for name in ("a.csv", "a.CSV", "a.csv.gz", "a.ndjson.gz", "a.gz", "csv", "-")}
    assert [name for name, format_ in known.items() if format_ is None] == ["a.gz", "csv", "-"]


# The command line


@pytest.fixture
def data_dir(tmp_path: Path, database_url: str) -> Path:
    directory = tmp_path / "data"
    DATABASE_OF[directory] = database_url
    return directory


def test_a_file_is_downloaded_and_imported_again(data_dir: Path, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("out.csv", "out.ndjson", "out.jsonl.gz", "out")]
    formats = [[], [], [], ["--format", "csv"]]
    with served(data_dir) as (address, _):
        run("import", str(SAMPLE), "--user", USER, data_dir=data_dir)
        at = ["--user", USER, "--url", address]
        for file, format_ in zip(files, formats, strict=True):
            done = run("export", str(file), *at, *format_, data_dir=data_dir)
            assert (done.returncode, done.stdout) == (0, "300 exported\n"), done.stderr
        some = run(
            "export", "-", *at, "--from", "2024-12-21T00:00:00Z", "--to", "2024-12-22T00:00:00Z", data_dir=data_dir
        )
        none = run("export", str(files[0]), "--user", str(new_id()), "--url", address, data_dir=data_dir)
        rejected = run("export", str(files[1]), *at, "--from", "yesterday", data_dir=data_dir)
        other = str(new_id())
        again = [
            run("import", str(file), "--user", user, data_dir=data_dir) for user in (USER, other) for file in files
        ]

    # then standard output has only rows
    days = {json.loads(line)["occurredAt"][:10] for line in some.stdout.splitlines()}
    assert (some.returncode, days) == (0, {"2024-12-21"})
    assert some.stderr.splitlines()[-1] == f"{len(some.stdout.splitlines())} exported"
    # and the export of an unknown user is a header, and an error does not overwrite the file
    assert (none.stdout, files[0].read_bytes().count(b"\n")) == ("0 exported\n", 1)
    assert (rejected.returncode, rejected.stderr.splitlines()[-1][:12]) == (2, "error: from:")
    assert files[1].read_bytes() == gzip.decompress(files[2].read_bytes())
    # and all imports are deduplicated; the file of the unknown user has no rows
    printed = [done.stdout for done in again]
    there = "0 imported, 300 already present, 0 rejected\n"
    assert printed[1:4] == [there] * 3
    assert printed[5:] == ["300 imported, 0 already present, 0 rejected\n", there, there]
    assert printed[0] == printed[4] == "0 imported, 0 already present, 0 rejected\n"
    assert sorted(path.name for path in tmp_path.iterdir() if "out" in path.name and "router" not in path.name) == [
        "out",
        "out.csv",
        "out.jsonl.gz",
        "out.ndjson",
    ]


@contextmanager
def breaking_off() -> Iterator[str]:
    """Serve one answer that breaks off. Yields the address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        thread.join()


def test_a_download_that_breaks_off_does_not_overwrite_the_file(tmp_path: Path) -> None:
    file = tmp_path / "out.ndjson"
    file.write_text("before")
    with breaking_off() as address:
        broken = run("export", str(file), "--user", USER, "--url", address, data_dir=tmp_path / "data")
    assert (broken.returncode, broken.stdout) == (2, "")
    assert broken.stderr.splitlines()[-1].startswith("error: the server at")
    assert [path.name for path in tmp_path.iterdir() if "out" in path.name and "router" not in path.name] == [
        "out.ndjson"
    ]
    assert file.read_text() == "before"


@pytest.mark.parametrize("file", ["out.xlsx", "no/such/directory/out.csv", "."])
def test_a_file_that_cannot_be_written_is_one_line_and_exit_code_2(tmp_path: Path, file: str) -> None:
    format_ = [] if file == "out.xlsx" else ["--format", "csv"]
    failed = run(
        "export", str(tmp_path / file), "--user", USER, *format_, "--url", "http://127.0.0.1:9", data_dir=tmp_path
    )
    assert (failed.returncode, failed.stdout) == (2, "")
    assert "Traceback" not in failed.stderr
