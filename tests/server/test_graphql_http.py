"""GraphQL over HTTP: what is read, and with which status and body it is answered."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

NEWER = "application/graphql-response+json"
VIEWER = "{ viewer { id } }"
SAVE = "mutation { savePreferences(input: {maxLatencyMs: 5}) { __typename } }"


@pytest.fixture
def http(client: httpx2.AsyncClient, token: str) -> httpx2.AsyncClient:
    """A signed-in client of the server."""
    client.headers["Authorization"] = f"Bearer {token}"
    return client


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "The body must be JSON."),
        (b"{", "The body must be JSON."),
        (b'{"query": "\xff"}', "The body must be UTF-8."),
        (b'{"query": ' + b"1" * 5_000 + b"}", "The body must be JSON."),
        (b"[" * 100_000, "The body must be JSON."),
        (b"[]", 'The body must be a JSON object: {"query": "\u2026"}.'),
        (b'"{ viewer { id } }"', 'The body must be a JSON object: {"query": "\u2026"}.'),
        (b"{}", "query must be there, as a string."),
        (b'{"query": 1}', "query must be there, as a string."),
        (b'{"query": "{ viewer { id } }", "variables": []}', "variables must be a JSON object."),
        (b'{"query": "{ viewer { id } }", "operationName": 1}', "operationName must be a string."),
        (b'{"query": "{ viewer { id } }", "extensions": "x"}', "extensions must be a JSON object."),
    ],
)
async def test_a_body_that_is_no_request_is_refused(http: httpx2.AsyncClient, content: bytes, message: str) -> None:
    response = await http.post("/graphql", content=content, headers={"Content-Type": "application/json"})
    assert (response.status_code, response.json()) == (
        400,
        {"errors": [{"message": message, "extensions": {"code": "BAD_REQUEST"}}]},
    )


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
async def test_only_json_is_read(http: httpx2.AsyncClient, content_type: str) -> None:
    response = await http.post(
        "/graphql", content=b'{"query": "{ viewer { id } }"}', headers={"Content-Type": content_type}
    )
    assert response.status_code == 415
    assert response.json() == {
        "errors": [{"message": "Content-Type must be application/json.", "extensions": {"code": "BAD_REQUEST"}}]
    }


async def test_a_body_that_is_too_large_is_refused(http: httpx2.AsyncClient) -> None:
    content = b'{"query": "{ viewer { id } }", "variables": {"x": "' + b"x" * 32 * 1024 * 1024 + b'"}}'
    response = await http.post("/graphql", content=content, headers={"Content-Type": "application/json"})
    assert response.status_code == 413


# The newer media type says by the status that nothing was executed; the older one says 200, as its clients expect.
@pytest.mark.parametrize(("accept", "status", "answered_as"), [(NEWER, 400, NEWER), ("*/*", 200, "application/json")])
@pytest.mark.parametrize(
    "request_",
    [
        {"query": "{"},
        {"query": ""},
        {"query": "{ nothing }"},
        {"query": "query A { viewer { id } } query B { viewer { id } }"},
        {"query": "query A { viewer { id } }", "operationName": "B"},
        {"query": "query($first: Int!) { abTests(first: $first) { nodes { id } } }", "variables": {"first": "many"}},
        {"query": "{" + "viewer {" * 5_000},
        {"query": "{ viewer { id } }".ljust(256 * 1024 + 1)},
        {"query": "{" + "viewer {" * 200 + "id" + "}" * 201},
    ],
)
async def test_an_operation_that_cannot_be_executed(
    http: httpx2.AsyncClient, request_: dict[str, Any], accept: str, status: int, answered_as: str
) -> None:
    response = await http.post("/graphql", json=request_, headers={"Accept": accept})
    assert response.status_code == status
    assert response.headers["content-type"] == f"{answered_as}; charset=utf-8"
    body = response.json()
    assert "data" not in body
    assert body["errors"]
    assert all(error["message"] for error in body["errors"])


@pytest.mark.parametrize("accept", [NEWER, "application/json"])
async def test_an_error_while_executing_comes_with_the_data(http: httpx2.AsyncClient, accept: str) -> None:
    query = '{ viewer { __typename } abTest(id: "01a205ed-58ec-736e-b0e8-d0bf38a48361") { id } abTests(first: 0) { nodes { id } } }'
    response = await http.post("/graphql", json={"query": query}, headers={"Accept": accept})
    body = response.json()
    assert response.status_code == 200
    assert body["data"] is None
    assert [error["path"] for error in body["errors"]] == [["abTests"]]


async def test_the_operation_that_is_named_is_executed(http: httpx2.AsyncClient) -> None:
    query = "query A { viewer { id } } query B { a: viewer { __typename } }"
    response = await http.post("/graphql", json={"query": query, "operationName": "B"})
    assert response.json() == {"data": {"a": {"__typename": "Viewer"}}}


async def test_a_query_comes_by_get_with_its_variables(http: httpx2.AsyncClient) -> None:
    query = "query($first: Int) { abTests(first: $first) { nodes { id } } }"
    response = await http.get("/graphql", params={"query": query, "variables": '{"first": 1}'})
    assert (response.status_code, response.json()) == (200, {"data": {"abTests": {"nodes": []}}})
    broken = await http.get("/graphql", params={"query": query, "variables": "{"})
    assert (broken.status_code, broken.json()) == (
        400,
        {"errors": [{"message": "variables must be JSON.", "extensions": {"code": "BAD_REQUEST"}}]},
    )


async def test_a_mutation_by_get_is_refused_and_changes_nothing(http: httpx2.AsyncClient) -> None:
    response = await http.get("/graphql", params={"query": SAVE})
    assert (response.status_code, response.headers["allow"]) == (405, "GET, POST")
    [error] = response.json()["errors"]
    assert error["message"] == "A mutation is sent by POST."
    read = await http.post("/graphql", json={"query": "{ preferences { maxLatencyMs } }"})
    assert read.json() == {"data": {"preferences": {"maxLatencyMs": None}}}


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
async def test_other_methods_are_refused(http: httpx2.AsyncClient, method: str) -> None:
    response = await http.request(method, "/graphql", json={"query": VIEWER})
    assert (response.status_code, response.headers["allow"]) == (405, "GET, POST")


async def test_a_subscription_over_http_is_told_where_to_go(http: httpx2.AsyncClient) -> None:
    response = await http.post("/graphql", json={"query": "subscription { preferencesChanged { id } }"})
    assert response.status_code == 400
    [error] = response.json()["errors"]
    assert error["message"] == "A subscription is opened over WebSocket, by the graphql-transport-ws protocol."


async def test_text_that_is_no_unicode_is_repeated_escaped(http: httpx2.AsyncClient) -> None:
    content = b'{"query": "query($first: Int) { abTests(first: $first) { nodes { id } } }", "variables": {"first": "\\ud800"}}'
    response = await http.post("/graphql", content=content, headers={"Content-Type": "application/json"})
    assert response.status_code == 200
    assert "\\ud800" in response.text
