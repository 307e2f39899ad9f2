"""Logs and traces describe requests, and contain neither secrets nor request data."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx2
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.conftest import SECRET
from tests.support.process import USER, ServerProcess, run, running
from tests.support.socket import signed_in

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
CONFIDENTIAL = "dQw4w9WgXcQ"
LOG = """
mutation Record($input: LogAnalyticsInput!) {
  logAnalytics(input: $input) { ... on LoggedAnalytics { deduplicated } ... on Error { message } }
}
"""
FIND = f'query Find {{ analytics(filter: {{models: ["{CONFIDENTIAL}"]}}) {{ pageInfo {{ hasNextPage }} }} }}'
CALL = {
    "provider": "openai",
    "modelUsed": CONFIDENTIAL,
    "taskType": CONFIDENTIAL,
    "cost": "0.01",
    "success": True,
    "latencyMs": 5,
    "eventId": CONFIDENTIAL,
    "metadata": {CONFIDENTIAL: CONFIDENTIAL},
}


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    assert run("migrate", data_dir=tmp_path / "data").returncode == 0
    return tmp_path / "data"


@pytest.fixture
def token(data_dir: Path) -> str:
    return run("token", "--user", USER, data_dir=data_dir, ROUTER_JWT_SECRET=SECRET).stdout.strip()


async def use(server: ServerProcess, token: str, **headers: str) -> list[httpx2.Response]:
    """Send one valid and one invalid request of each kind."""
    signed = {"Authorization": f"Bearer {token}"}
    body = {"query": LOG, "variables": {"input": CALL}, "operationName": "Record"}
    wrong = {"query": LOG, "variables": {"input": CALL | {"cost": CONFIDENTIAL}}}
    async with httpx2.AsyncClient(base_url=server.address, timeout=30) as client:
        answers = [
            await client.post("/graphql", json=body, headers=signed | headers),
            await client.post("/graphql", json=wrong, headers=signed),
            await client.post("/graphql", json=body, headers={"Authorization": f"Bearer {token}x"}),
            await client.get("/graphql", params={"query": FIND}, headers=signed | {"Sec-Fetch-Site": "same-origin"}),
            await client.post(
                "/ingest/decisions",
                content=f"{json.dumps(CALL)}\n{{{CONFIDENTIAL}\n",
                headers=signed | {"Content-Type": "application/x-ndjson"},
            ),
            await client.get("/export/analytics", params={"format": "csv"}, headers=signed),
            await client.get(f"/{CONFIDENTIAL}", params={"token": token}),
        ]
    async with signed_in(server.address, token) as socket:
        await socket.start(FIND)
        assert [(await socket.receive())["type"] for _ in range(2)] == ["next", "complete"]
    return answers


async def test_log_lines_are_json_with_the_request_id_and_without_secrets(
    data_dir: Path, token: str, tmp_path: Path
) -> None:
    # given
    with (
        (tmp_path / "log").open("w") as log,
        running(data_dir, log, ROUTER_JWT_SECRET=SECRET, ROUTER_LOG_LEVEL="info") as server,
    ):
        # when
        answers = await use(server, token, traceparent=f"00-{TRACE}-{SPAN}-01", **{"X-Request-Id": "mine.1"})
    # then each answer has a request id, the caller's where it sent one
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert (ids[0], len(set(ids))) == ("mine.1", 7)
    # and a log line with this id
    written = (tmp_path / "log").read_text()
    lines = [json.loads(line) for line in written.splitlines()]
    requests = {line["request_id"]: line for line in lines if line["message"] == "request"}
    assert [
        (requests[id_]["method"], requests[id_]["route"], requests[id_]["status"], requests[id_].get("operation"))
        for id_ in ids
    ] == [
        ("POST", "/graphql", 200, "mutation Record"),
        ("POST", "/graphql", 200, "mutation Record"),
        ("POST", "/graphql", 401, None),
        ("GET", "/graphql", 200, "query Find"),
        ("POST", "/ingest/decisions", 200, None),
        ("GET", "/export/analytics", 200, None),
        ("GET", "other", 404, None),
    ]
    assert [requests[id_].get("user_id") for id_ in ids] == [USER, USER, None, USER, USER, USER, None]
    assert [requests[id_].get("trace_id") for id_ in ids] == [TRACE] + 6 * [None]
    assert all(line["duration_ms"] > 0 and line["timestamp"].endswith("+00:00") for line in requests.values())
    # and one for the operation over the socket, and for the socket
    [operation] = [line for line in lines if line["message"] == "operation"]
    [socket] = [line for line in lines if line["message"] == "socket"]
    assert (operation["operation"], operation["user_id"]) == ("query Find", USER)
    assert operation["request_id"] == socket["request_id"]
    # and no line contains request data
    assert len(lines) == 9
    assert not [secret for secret in (token, token.split(".")[2], SECRET, CONFIDENTIAL) if secret in written]


async def test_failures_are_logged_with_the_request_id_and_without_request_data(
    data_dir: Path, token: str, tmp_path: Path
) -> None:
    # given a missing table
    with (
        (tmp_path / "log").open("w") as log,
        running(data_dir, log, ROUTER_JWT_SECRET=SECRET) as server,
        httpx2.Client(base_url=server.address, headers={"Authorization": f"Bearer {token}"}) as client,
    ):
        with sqlite3.connect(data_dir / "router.db") as database:
            database.execute("DROP TABLE router_analytics")
        # when
        answer = client.post("/graphql", json={"query": FIND})
        client.post("/graphql", json={"query": LOG, "variables": {"input": CALL}})
    # then
    written = (tmp_path / "log").read_text()
    lines = [json.loads(line) for line in written.splitlines()]
    [of_query] = [line for line in lines if line.get("request_id") == answer.headers["x-request-id"]]
    assert of_query["message"] == f"unexpected error {answer.json()['errors'][0]['extensions']['errorId']}"
    assert (of_query["level"], of_query["user_id"], of_query["operation"]) == ("ERROR", USER, "query Find")
    assert "no such table" in of_query["exc_info"]
    assert not [secret for secret in (token, SECRET, CONFIDENTIAL) if secret in written]


@contextmanager
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """The address of an OpenTelemetry collector, and the request bodies that it received."""
    taken: list[bytes] = []

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Taker) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", taken
        finally:
            server.shutdown()
            thread.join()


async def test_traces_continue_those_of_the_caller_and_contain_no_secret(
    data_dir: Path, token: str, tmp_path: Path
) -> None:
    # given
    with collector() as (address, taken):
        settings = {"ROUTER_TRACING": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": address, "ROUTER_LOG_LEVEL": "info"}
        with (
            (tmp_path / "log").open("w") as log,
            running(data_dir, log, ROUTER_JWT_SECRET=SECRET, **settings) as server,
        ):
            # when the server is used and stopped
            await use(server, token, traceparent=f"00-{TRACE}-{SPAN}-01")
    # then
    exported = [ExportTraceServiceRequest.FromString(body).resource_spans for body in taken]
    resources = [each for some in exported for each in some]
    spans = [span for each in resources for scope in each.scope_spans for span in scope.spans]
    assert sorted(span.name for span in spans) == [
        "GET /export/analytics",
        "GET /graphql",
        "GET other",
        "POST /graphql",
        "POST /graphql",
        "POST /graphql",
        "POST /ingest/decisions",
        "mutation Record",
        "mutation Record",
        "query Find",
        "query Find",
    ]
    [request] = [span for span in spans if span.trace_id.hex() == TRACE and span.name == "POST /graphql"]
    [operation] = [span for span in spans if span.trace_id.hex() == TRACE and span.name == "mutation Record"]
    assert (request.parent_span_id.hex(), operation.parent_span_id) == (SPAN, request.span_id)
    statuses = {
        attribute.value.int_value
        for span in spans
        for attribute in span.attributes
        if attribute.key == "http.response.status_code"
    }
    assert statuses == {200, 401, 404}
    names = {
        attribute.value.string_value
        for each in resources
        for attribute in each.resource.attributes
        if attribute.key == "service.name"
    }
    assert names == {"enterprise-router"}
    # and log lines name the traces
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    [line] = [line for line in lines if line["message"] == "request" and line["trace_id"] == TRACE]
    assert line["span_id"] == request.span_id.hex()
    # and no trace contains request data
    exported_text = b"".join(taken)
    assert not [secret for secret in (token, SECRET, CONFIDENTIAL) if secret.encode() in exported_text]
