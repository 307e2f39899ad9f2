"""Arbitrary values from clients do not fill metrics, logs or traces."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import httpx2
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import REGISTRY
from starlette.datastructures import Headers

from models.types import new_id
from server.graphql.operation import EVERY_KIND, CheckedOperation, Operation
from server.tracing import Tracing
from tests.support.api import Api
from tests.support.operations import operations

LABELS = {
    "router_budget_overshoot_usd_total": {"cause", "spend"},
    "router_connections_cut_total": {"why"},
    "router_errors_total": {"code"},
    "router_http_request_seconds_bucket": {"route", "method", "status"},
    "router_ledger_batch_bucket": {"of"},
    "router_ledger_commit_seconds_bucket": {"of"},
    "router_ledger_queued": {"of"},
    "router_open": {"what"},
    "router_operations_total": {"kind", "name"},
    "router_unpriced_calls_total": set(),
    "router_waiting": {"what"},
}
"""The labels of every metric. Clients influence name, code, route, method and status; each is bounded where it is counted."""
LONG = "a" * 200_000


def series(*names: str) -> set[tuple[str, ...]]:
    """The label values of these metrics, or of all metrics of the router."""
    return {
        (sample.name, *sample.labels.values())
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name.startswith("router_") and (not names or sample.name in names)
    }


def test_every_metric_and_its_labels_are_known() -> None:
    # A label that clients influence must be bounded before it is added here.
    known = {
        sample.name: set(sample.labels) - {"le"}
        for family in REGISTRY.collect()
        for sample in family.samples
        if family.name.startswith("router_") and not sample.name.endswith(("_created", "_sum", "_count"))
    }
    assert known.items() <= LABELS.items()
    assert {family.name for family in REGISTRY.collect() if family.name.startswith("router_")} == {
        name.removesuffix("_total").removesuffix("_bucket") for name in LABELS
    }


async def test_names_of_any_length_and_number_make_few_series(api: Api, other_api: Api) -> None:
    # Given names that no other test in this process has sent
    mine, theirs = f"Mine{new_id().hex}x", f"Theirs{new_id().hex}"
    before = series()
    # When a user sends operations with 20 names of 200,000 characters and 100 short ones, as queries and as mutations
    for number in range(20):
        await api.ask(f"query {LONG}{number} {{ viewer {{ id }} }}")
    for number in range(100):
        await api.ask(f"query {mine}{number} {{ viewer {{ id }} }}")
        await api.ask(f"mutation {mine}{number} {{ releaseDecision(id: 1) {{ __typename }} }}")
    # Then 40 of them have their own series, and all others share one
    names = {labels[-1] for labels in series("router_operations_total") - before}
    assert {name for name in names if name.startswith(mine)} == {f"{mine}{number}" for number in range(40)}
    assert ("router_operations_total", "query", "(others)") in series()
    assert max(map(len, names)) <= 64
    # And names of another user have their own series
    await other_api.ask(f"query {theirs} {{ viewer {{ id }} }}")
    assert ("router_operations_total", "query", theirs) in series()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PROPFIND", "/graphql"),
        ("X" * 10_000, "/graphql"),
        ("get", "/healthz"),
        ("GET", "/" + "a" * 10_000),
        ("GET", "/healthz/../%2e%2e/graphql"),
        ("POST", "/graphql/" + "b" * 1_000),
        ("DELETE", "/ingest/decisions"),
    ],
)
async def test_unknown_methods_and_paths_are_counted_as_other(
    client: httpx2.AsyncClient, method: str, path: str
) -> None:
    before = series()
    with suppress(httpx2.TransportError):
        await client.request(method, path)
    values = {value for labels in series() - before for value in labels[1:]}
    assert values <= {"other", "/graphql", "/healthz", "/ingest/decisions", "GET", "POST"} | {
        *map(str, range(200, 600)),
        *{value for value in values if value.replace(".", "").isdecimal() or value == "+Inf"},
    }


async def test_codes_of_errors_are_those_of_the_api(api: Api) -> None:
    for query in (
        "{",
        "{ nothing }",
        "query A { viewer { id } } query B { viewer { id } }",
        "{ analytics(first: 0) { totalCount } }",
    ):
        await api.post(query)
    assert {labels[1] for labels in series("router_errors_total")} <= {
        "BAD_REQUEST", "GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED", "OPERATION_RESOLUTION_FAILURE", "BAD_USER_INPUT",
        "TIMEOUT", "SERVICE_UNAVAILABLE", "INTERNAL_SERVER_ERROR", "INVALID_INPUT", "NOT_FOUND", "CONFLICT", "LIMIT_EXCEEDED",
        "OVERLOADED", "(others)",
    }  # fmt: skip


async def checked(query: str) -> CheckedOperation:
    checking = operations()
    return await checking.checked(Operation(query, None, None), EVERY_KIND, new_id())


async def test_names_are_shortened_in_logs_and_traces() -> None:
    exporter = InMemorySpanExporter()
    tracing = Tracing(exporter)
    operation = await checked(f"query {LONG} {{ viewer {{ id }} }}")
    # Lines of the log
    assert operation.title == f"query {'a' * 64}…"
    # Spans of traces
    with tracing.operation(operation):
        pass
    tracing.shut_down()
    [span] = exporter.get_finished_spans()
    assert span.name == f"query {'a' * 64}…"
    assert dict(span.attributes or {}) == {"graphql.operation.type": "query", "graphql.operation.name": f"{'a' * 64}…"}
    assert (await checked("query Short { viewer { id } }")).title == "query Short"


@pytest.mark.parametrize(
    ("state", "expected"),
    [("vendor=1", "vendor=1"), ("v=" + "1" * 600, ""), (",".join(f"v{n}=1" for n in range(200)), "")],
)
def test_spans_have_the_trace_state_of_the_caller_unless_it_is_too_long(state: str, expected: str) -> None:
    exporter = InMemorySpanExporter()
    tracing = Tracing(exporter)
    headers: dict[str, Any] = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01", "tracestate": state}
    with tracing.request("POST", "/graphql", Headers(headers)):
        pass
    tracing.shut_down()
    span: ReadableSpan
    [span] = exporter.get_finished_spans()
    assert span.context is not None
    assert f"{span.context.trace_id:032x}" == "a" * 32
    assert span.context.trace_state.to_header() == expected
