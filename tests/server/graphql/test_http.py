"""GraphQL over HTTP: accepted requests, and the status and body of each answer."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from starlette.applications import Starlette

from server.app import create_app
from server.settings import Settings
from tests.support.socket import signed_in

NEWER = "application/graphql-response+json"
MAX_BODY = 1024 * 1024
NO_JSON = "The body must be JSON: Unicode, with finite numbers, at most 200 levels deep, of 100000 values at most."
JSON_BODY = {"Content-Type": "application/json"}
VIEWER = "{ viewer { id } }"
SAVE = "mutation { savePreferences(input: {maxLatencyMs: 5}) { __typename } }"


def client_of(app: Starlette) -> httpx2.AsyncClient:
    """A client of an application without a server."""
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://router")


@pytest.fixture
def http(client: httpx2.AsyncClient, token: str) -> httpx2.AsyncClient:
    """A signed-in client of the server."""
    client.headers["Authorization"] = f"Bearer {token}"
    return client


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", NO_JSON),
        (b"{", NO_JSON),
        (b'{"query": "\xff"}', NO_JSON),
        (b'{"query": ' + b"1" * 5_000 + b"}", NO_JSON),
        (b'{"query": "{ viewer { id } }", "variables": {"x": NaN}}', NO_JSON),
        (b'{"query": "{ viewer { id } }", "variables": {"x": -Infinity}}', NO_JSON),
        (b"[" * 100_000, NO_JSON),
        (b"[" * 202 + b"]" * 202, NO_JSON),
        (b"[0" + b",0" * 100_000 + b"]", NO_JSON),
        (b"[0" + b",0" * 99_999 + b"]", 'The body must be a JSON object: {"query": "\u2026"}.'),
        (b"[" * 200 + b"]" * 200, 'The body must be a JSON object: {"query": "\u2026"}.'),
        (b'{"query": "\\ud83d"}', NO_JSON),
        (b'{"query": "{ viewer { id } }", "variables": {"\\uDC00": 1}}', NO_JSON),
        (b"[]", 'The body must be a JSON object: {"query": "\u2026"}.'),
        (b'"{ viewer { id } }"', 'The body must be a JSON object: {"query": "\u2026"}.'),
        (b"{}", "query is required and must be a string."),
        (b'{"query": 1}', "query is required and must be a string."),
        (b'{"query": "{ viewer { id } }", "variables": []}', "variables must be a JSON object."),
        (b'{"query": "{ viewer { id } }", "operationName": 1}', "operationName must be a string."),
        (b'{"query": "{ viewer { id } }", "extensions": "x"}', "extensions must be a JSON object."),
    ],
)
async def test_a_body_that_is_not_a_graphql_request_is_rejected(
    http: httpx2.AsyncClient, content: bytes, message: str
) -> None:
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


def of_size(size: int) -> bytes:
    content = b'{"query": "{ viewer { __typename } }", "extensions": {"x": "%s"}}'
    return content % (b"x" * (size - len(content) + 2))


async def in_chunks(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 64 * 1024):
        yield content[start : start + 64 * 1024]


@pytest.mark.parametrize(("size", "status"), [(MAX_BODY, 200), (MAX_BODY + 1, 413)])
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_is_served_at_the_limit_and_rejected_above_it(
    http: httpx2.AsyncClient, size: int, status: int, chunked: bool
) -> None:
    content = of_size(size)
    response = await http.post(
        "/graphql",
        content=in_chunks(content) if chunked else content,
        headers={"Content-Type": "application/json"},
    )
    assert response.status_code == status
    if status == 413:
        assert response.json()["errors"][0]["message"] == f"The body must be at most {MAX_BODY} bytes."


async def test_a_body_whose_content_length_is_too_large_is_rejected_unread(url: str, token: str) -> None:
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    head = f"POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
    writer.write(f"{head}Content-Length: {MAX_BODY + 1}\r\n\r\n".encode())
    assert (await reader.readline()).startswith(b"HTTP/1.1 413")
    writer.close()


async def test_a_compressed_body_is_rejected(http: httpx2.AsyncClient) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    response = await http.post("/graphql", content=gzip.compress(of_size(1_000)), headers=headers)
    assert response.status_code == 415


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ('application/json; charset="UTF-8"', 200),
        ("application/json; charset=latin-1", 415),
        ("application/jsonp", 415),
    ],
)
async def test_a_body_is_utf_8(http: httpx2.AsyncClient, content_type: str, status: int) -> None:
    response = await http.post("/graphql", content=of_size(100), headers={"Content-Type": content_type})
    assert response.status_code == status


@pytest.mark.parametrize(
    ("accept", "answered_as"),
    [
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("application/json", "application/json"),
        (NEWER, NEWER),
        (f"{NEWER}, application/json;q=0.9", NEWER),
        (f"{NEWER};q=0.5, application/json", "application/json"),
        (f"application/json;q=0, {NEWER}", NEWER),
        # as urql sends it: a query is answered at once
        (f"{NEWER}, application/graphql+json, application/json, text/event-stream, multipart/mixed", NEWER),
        ("text/html", None),
        ("application/json;q=0", None),
        ("application/json;q=x", None),
    ],
)
async def test_an_answer_has_a_media_type_that_the_client_accepts(
    http: httpx2.AsyncClient, accept: str, answered_as: str | None
) -> None:
    response = await http.post("/graphql", json={"query": VIEWER}, headers={"Accept": accept})
    if answered_as is None:
        assert response.status_code == 406
    else:
        assert (response.status_code, response.headers["content-type"]) == (200, f"{answered_as}; charset=utf-8")


async def test_a_repeated_parameter_is_rejected(http: httpx2.AsyncClient) -> None:
    response = await http.get("/graphql", params=[("query", VIEWER), ("query", VIEWER)])
    assert (response.status_code, response.json()["errors"][0]["message"]) == (
        400,
        "A query parameter must not be repeated.",
    )


# With the newer media type, the status says that nothing was executed; with the older one it is 200, as clients expect.
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
async def test_the_status_of_an_operation_that_cannot_be_executed_depends_on_the_media_type(
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
async def test_an_error_during_execution_comes_with_the_data(http: httpx2.AsyncClient, accept: str) -> None:
    query = '{ viewer { __typename } abTest(id: "01a205ed-58ec-736e-b0e8-d0bf38a48361") { id } abTests(first: 0) { nodes { id } } }'
    response = await http.post("/graphql", json={"query": query}, headers={"Accept": accept})
    body = response.json()
    assert response.status_code == 200
    assert body["data"] is None
    assert [error["path"] for error in body["errors"]] == [["abTests"]]


async def test_the_named_operation_is_executed(http: httpx2.AsyncClient) -> None:
    query = "query A { viewer { id } } query B { a: viewer { __typename } }"
    response = await http.post("/graphql", json={"query": query, "operationName": "B"})
    assert response.json() == {"data": {"a": {"__typename": "Viewer"}}}


async def test_a_query_can_be_sent_by_get_with_variables(http: httpx2.AsyncClient) -> None:
    query = "query($first: Int) { abTests(first: $first) { nodes { id } } }"
    response = await http.get("/graphql", params={"query": query, "variables": '{"first": 1}'})
    assert (response.status_code, response.json()) == (200, {"data": {"abTests": {"nodes": []}}})
    broken = await http.get("/graphql", params={"query": query, "variables": "{"})
    assert (broken.status_code, broken.json()) == (
        400,
        {"errors": [{"message": NO_JSON.replace("The body", "variables"), "extensions": {"code": "BAD_REQUEST"}}]},
    )


async def test_a_mutation_by_get_is_rejected_and_changes_nothing(http: httpx2.AsyncClient) -> None:
    response = await http.get("/graphql", params={"query": SAVE})
    assert (response.status_code, response.headers["allow"]) == (405, "GET, POST")
    [error] = response.json()["errors"]
    assert error["message"] == "A mutation must be sent by POST."
    read = await http.post("/graphql", json={"query": "{ preferences { maxLatencyMs } }"})
    assert read.json() == {"data": {"preferences": {"maxLatencyMs": None}}}


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
async def test_other_methods_are_rejected(http: httpx2.AsyncClient, method: str) -> None:
    response = await http.request(method, "/graphql", json={"query": VIEWER})
    assert (response.status_code, response.headers["allow"]) == (405, "GET, POST")


async def test_a_subscription_over_http_is_answered_with_how_to_subscribe(http: httpx2.AsyncClient) -> None:
    response = await http.post("/graphql", json={"query": "subscription { preferencesChanged { id } }"})
    assert response.status_code == 400
    [error] = response.json()["errors"]
    assert error["message"] == (
        "A subscription must be sent over WebSocket, by the graphql-transport-ws protocol, or by POST with the header "
        "Accept: text/event-stream."
    )


async def test_a_whole_surrogate_pair_is_one_character(http: httpx2.AsyncClient) -> None:
    content = b'{"query": "mutation($p: [String!]!) { savePreferences(input: {preferredProviders: $p}) { ... on RouterPreferences { preferredProviders } } }", "variables": {"p": ["\\ud83d\\ude00"]}}'
    response = await http.post("/graphql", content=content, headers={"Content-Type": "application/json"})
    assert response.json() == {"data": {"savePreferences": {"preferredProviders": ["\U0001f600"]}}}


# GraphQL over HTTP: an empty operationName equals none; so do the other two, which browsers' forms and some clients send.
@pytest.mark.parametrize(
    "empty",
    [
        {"operationName": ""},
        {"variables": ""},
        {"extensions": ""},
        {"variables": "null", "extensions": "null"},
        {"operationName": "", "variables": "", "extensions": ""},
    ],
)
async def test_an_empty_parameter_equals_none(http: httpx2.AsyncClient, empty: dict[str, str]) -> None:
    for accept in (NEWER, "application/json"):
        response = await http.get(
            "/graphql", params={"query": "query A { viewer { __typename } }"} | empty, headers={"Accept": accept}
        )
        assert (response.status_code, response.json()) == (200, {"data": {"viewer": {"__typename": "Viewer"}}})
    two = await http.get("/graphql", params={"query": "query A { viewer { id } } query B { viewer { id } }"} | empty)
    assert two.json()["errors"][0]["extensions"] == {"code": "OPERATION_RESOLUTION_FAILURE"}


async def test_an_empty_operation_name_equals_none_by_post_and_over_a_socket(
    http: httpx2.AsyncClient, url: str, token: str
) -> None:
    request = {"query": "query A { viewer { __typename } }", "operationName": ""}
    response = await http.post("/graphql", json=request)
    assert response.json() == {"data": {"viewer": {"__typename": "Viewer"}}}
    async with signed_in(url, token) as socket:
        await socket.send(id="1", type="subscribe", payload=request)
        assert (await socket.receive())["payload"] == {"data": {"viewer": {"__typename": "Viewer"}}}


@pytest.mark.parametrize("parameter", ["variables", "extensions"])
async def test_a_parameter_that_is_no_object_is_refused(http: httpx2.AsyncClient, parameter: str) -> None:
    for value in (" ", "x", "[]", '"{}"', "1", "{", "undefined"):
        response = await http.get("/graphql", params={"query": VIEWER, parameter: value})
        assert (response.status_code, response.json()["errors"][0]["extensions"]) == (400, {"code": "BAD_REQUEST"})


@pytest.mark.parametrize("origin", [None, "https://app.example.com", "https://evil.example"])
async def test_every_answer_says_that_it_varies_by_what_is_accepted(
    settings: Settings, token: str, origin: str | None
) -> None:
    app = create_app(settings.model_copy(update={"cors_origins": "https://app.example.com"}))
    signed = {"Authorization": f"Bearer {token}"} | ({"Origin": origin} if origin else {})
    json_body = {"query": VIEWER}
    async with app.router.lifespan_context(app), client_of(app) as client:
        answers = {
            200: await client.post("/graphql", json=json_body, headers=signed),
            400: await client.post("/graphql", json={"query": "{"}, headers=signed | {"Accept": NEWER}),
            401: await client.post("/graphql", json=json_body, headers={"Origin": origin or "http://router"}),
            403: await client.get("/graphql", headers=signed | {"Origin": "x", "Sec-Fetch-Site": "cross-site"}),
            405: await client.put("/graphql", json=json_body, headers=signed),
            406: await client.post("/graphql", json=json_body, headers=signed | {"Accept": "text/html"}),
            413: await client.post("/graphql", content=of_size(MAX_BODY + 1), headers=signed | JSON_BODY),
            415: await client.post("/graphql", content=b"{}", headers=signed),
            "page": await client.get("/graphql", headers={"Accept": "text/html"}),
        }
    for status, answer in answers.items():
        assert status in {answer.status_code, "page"}
        vary = [each.strip().lower() for each in answer.headers.get("vary", "").split(",")]
        assert sorted(vary) == ["accept", "accept-encoding", "origin"], status


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"/graphql?query={VIEWER}"),
        ("POST", "/graphql"),
        ("GET", "/export/analytics"),
        ("POST", "/ingest/decisions"),
        ("POST", "/ingest/amendments"),
    ],
)
async def test_a_request_that_a_foreign_page_sends_is_refused(http: httpx2.AsyncClient, method: str, path: str) -> None:
    # as a page on another origin makes a browser send it, through a proxy that adds the token by a cookie
    for site in ("cross-site", "same-site", "Cross-Site", "", "unknown"):
        for more in ({}, {"Origin": "null"}, {"Origin": "https://evil.example"}):
            response = await http.request(method, path, headers={"Sec-Fetch-Site": site} | more)
            [error] = response.json()["errors"]
            assert (response.status_code, error["extensions"]) == (403, {"code": "FORBIDDEN"})


@pytest.mark.parametrize("site", [None, "same-origin", "none"])
async def test_a_query_by_get_is_served_to_programs_own_pages_and_the_user(
    http: httpx2.AsyncClient, site: str | None
) -> None:
    headers = {} if site is None else {"Sec-Fetch-Site": site}
    response = await http.get("/graphql", params={"query": "{ viewer { __typename } }"}, headers=headers)
    assert (response.status_code, response.json()) == (200, {"data": {"viewer": {"__typename": "Viewer"}}})
    # without the header that makes a browser ask first, nothing is executed
    del http.headers["Authorization"]
    response = await http.get("/graphql", params={"query": "{ viewer { __typename } }"}, headers=headers)
    assert response.status_code == 401


async def test_a_query_by_get_of_an_allowed_page_is_served(settings: Settings, token: str) -> None:
    app = create_app(settings.model_copy(update={"cors_origins": "https://app.example.com"}))
    headers = {"Authorization": f"Bearer {token}", "Sec-Fetch-Site": "cross-site"}
    async with app.router.lifespan_context(app), client_of(app) as client:
        for origin, status in (("https://app.example.com", 200), ("https://app.example.com.evil", 403)):
            response = await client.get("/graphql", params={"query": VIEWER}, headers=headers | {"Origin": origin})
            assert response.status_code == status
