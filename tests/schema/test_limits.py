"""What a document may ask for: served at the limit, refused just above it, however it is sent."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from schema.limits import (
    MAX_ALIASES,
    MAX_DEFINITIONS,
    MAX_DEPTH,
    MAX_DIRECTIVES,
    MAX_ROOT_FIELDS,
    MAX_TOKENS,
    MAX_VALUES,
    MAX_VARIABLES,
)
from schema.operation import EVERY_KIND, RequestRefused, checked
from tests.support.socket import signed_in


def refusal(query: str) -> str | None:
    """Why the document is refused; None when it is not."""
    try:
        checked(query, None, EVERY_KIND)
    except RequestRefused as refused:
        return refused.errors[0].message
    return None


def deep(levels: int) -> str:
    # Introspection has the only type that holds itself.
    return '{ __type(name: "Query") ' + "{ ofType " * (levels - 2) + "{ name" + " }" * (levels - 1) + " }"


def in_fragments(levels: int) -> str:
    spread = " ".join(f"fragment f{n} on __Type {{ ofType {{ ...f{n + 1} }} }}" for n in range(levels - 3))
    return f'{{ __type(name: "Query") {{ ofType {{ ...f0 }} }} }} {spread} fragment f{levels - 3} on __Type {{ name }}'


def pages(first: int, fields: int) -> str:
    """Values: the connection, and `first` times all that is below it."""
    return f"{{ analytics(first: {first}) {{ nodes {{ {' '.join(f'a{n}: id' for n in range(fields))} }} }} }}"


@pytest.mark.parametrize(
    ("document", "limit", "message"),
    [
        pytest.param(
            lambda n: "{ viewer { id } } " + " ".join(f"fragment f{k} on Viewer {{ id }}" for k in range(n - 1)),
            MAX_DEFINITIONS,
            "A document holds at most 50 operations and fragments.",
            id="definitions",
        ),
        pytest.param(
            lambda n: "{" + " ".join("viewer { id }" for _ in range(n)) + "}",
            MAX_ROOT_FIELDS,
            "An operation has at most 20 root fields.",
            id="root fields",
        ),
        pytest.param(
            lambda n: "{ ...r } fragment r on Query { ... { " + "viewer { id } " * n + "} }",
            MAX_ROOT_FIELDS,
            "An operation has at most 20 root fields.",
            id="root fields in fragments",
        ),
        pytest.param(deep, MAX_DEPTH, "An operation is at most 20 fields deep.", id="depth"),
        pytest.param(in_fragments, MAX_DEPTH, "An operation is at most 20 fields deep.", id="depth in fragments"),
        pytest.param(
            lambda n: "{ viewer { " + " ".join(f"a{k}: id" for k in range(n)) + " } }",
            MAX_ALIASES,
            "An operation has at most 200 aliases, fragments counted wherever they are spread.",
            id="aliases",
        ),
        pytest.param(
            lambda n: (
                f"{{ viewer {{ {'...a ' * (n // 10)} {' '.join(f'b{k}: id' for k in range(n % 10))} }} }} "
                f"fragment a on Viewer {{ {' '.join(f'a{k}: id' for k in range(10))} }}"
            ),
            MAX_ALIASES,
            "An operation has at most 200 aliases, fragments counted wherever they are spread.",
            id="aliases in fragments",
        ),
        pytest.param(
            lambda n: "{ viewer { " + "id @skip(if: false) " * n + "} }",
            MAX_DIRECTIVES,
            "An operation has at most 100 directives.",
            id="directives",
        ),
        pytest.param(
            lambda n: f"query({', '.join(f'$v{k}: Int' for k in range(n))}) {{ viewer {{ id @skip(if: false) }} }}",
            MAX_VARIABLES,
            "An operation has at most 100 variables.",
            id="variables",
        ),
        pytest.param(
            # 1 + first * (1 + fields) values: 500 * 399 + 501, and a few to spare
            lambda n: pages(500, 198).replace(
                "id }", "id " + " ".join(["eventId"] * 200) + (" provider" * (n > MAX_VALUES)) + " }"
            ),
            MAX_VALUES,
            "An operation asks for at most 200000 values, lists as long as they may be; ask for shorter pages.",
            id="values",
        ),
    ],
)
def test_a_document_is_served_at_the_limit_and_refused_above_it(document: Any, limit: int, message: str) -> None:
    served = refusal(document(limit))
    # what is no limit of ours may still be wrong with it: unused fragments and variables are
    assert served is None or served.startswith(("Fragment", "Variable"))
    assert refusal(document(limit + 1)) == message


def test_a_document_has_so_many_tokens() -> None:
    query = "{ viewer { " + "id " * MAX_TOKENS + "} }"
    assert (refusal(query) or "").startswith("Syntax Error: Document contains more than 10000 tokens.")
    assert refusal("{ viewer { id } }" + "\n# a comment is none" * 5_000) is None


def test_fragments_that_double_with_each_level_are_measured_at_once() -> None:
    doubling = " ".join(f"fragment f{n} on Viewer {{ ...f{n + 1} ...f{n + 1} }}" for n in range(48))
    assert (refusal(f"{{ viewer {{ ...f0 }} }} {doubling} fragment f48 on Viewer {{ id }}") or "").startswith(
        "An operation asks for at most 200000 values"
    )


def test_fragments_that_spread_themselves_are_refused_by_validation() -> None:
    around = "{ viewer { ...a } } fragment a on Viewer { ...b } fragment b on Viewer { ...a }"
    assert refusal(around) == "Cannot spread fragment 'a' within itself via 'b'."


def test_pages_of_a_length_that_is_sent_are_taken_to_be_as_long_as_any() -> None:
    fields = " ".join(f"a{n}: id" for n in range(190)) + " " + "eventId " * 220
    assert refusal(f"query($n: Int) {{ analytics(first: $n) {{ nodes {{ {fields} }} }} }}") is not None
    assert refusal(f"{{ analytics(first: 100) {{ nodes {{ {fields} }} }} }}") is None
    assert refusal(f"{{ analytics {{ nodes {{ {fields} }} }} }}") is None


async def test_limits_hold_by_post_by_get_and_over_a_socket_that_stays_open(url: str, token: str) -> None:
    too_much = "{" + " ".join("viewer { id }" for _ in range(MAX_ROOT_FIELDS + 1)) + "}"
    error = {"message": "An operation has at most 20 root fields.", "extensions": {"code": "GRAPHQL_VALIDATION_FAILED"}}
    async with httpx2.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {token}"}) as client:
        posted = await client.post("/graphql", json={"query": too_much})
        got = await client.get("/graphql", params={"query": too_much})
    assert posted.json() == got.json() == {"errors": [error]}
    async with signed_in(url, token) as socket:
        for query, code in (
            (too_much, "GRAPHQL_VALIDATION_FAILED"),
            ("{", "GRAPHQL_PARSE_FAILED"),
            ("query A { viewer { id } } query B { viewer { id } }", "OPERATION_RESOLUTION_FAILURE"),
        ):
            await socket.start(query)
            refused = await socket.receive()
            assert (refused["type"], refused["id"]) == ("error", "1")
            assert [each["extensions"]["code"] for each in refused["payload"]] == [code]
        # and the next operation is served
        await socket.start("{ viewer { __typename } }")
        assert (await socket.receive())["payload"] == {"data": {"viewer": {"__typename": "Viewer"}}}
