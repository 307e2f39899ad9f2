"""The limits of documents: each is served at the limit and rejected just above it, over every transport."""

from __future__ import annotations

import asyncio
import gc
import threading
from contextlib import suppress
from typing import Any, Final
from uuid import UUID

import graphql
import httpx2
import pytest

from server.graphql.limits import (
    MAX_ALIASES,
    MAX_DEFINITIONS,
    MAX_DEPTH,
    MAX_DIRECTIVES,
    MAX_ROOT_FIELDS,
    MAX_SELECTIONS,
    MAX_TOKENS,
    MAX_VALUES,
    MAX_VARIABLES,
    Limits,
    Size,
)
from server.graphql.operation import EVERY_KIND, Operation, RequestError
from server.graphql.plan import Plan
from tests.support.operations import operations
from tests.support.socket import signed_in

ALICE: Final = UUID(int=1)


def error_for(query: str, *, introspection: bool = True) -> str | None:
    """The error message of the document, or None if it is accepted."""
    checking = operations(introspection=introspection)
    try:
        asyncio.run(checking.checked(Operation(query, None, None), EVERY_KIND, ALICE))
    except RequestError as rejected:
        return rejected.errors[0].message
    return None


def deep(levels: int) -> str:
    # The only recursive type is in introspection.
    return '{ __type(name: "Query") ' + "{ ofType " * (levels - 2) + "{ name" + " }" * (levels - 1) + " }"


def in_fragments(levels: int) -> str:
    spread = " ".join(f"fragment f{n} on __Type {{ ofType {{ ...f{n + 1} }} }}" for n in range(levels - 3))
    return f'{{ __type(name: "Query") {{ ofType {{ ...f0 }} }} }} {spread} fragment f{levels - 3} on __Type {{ name }}'


FIELDS = [
    "id",
    "eventId",
    "provider",
    "taskType",
    "modelUsed",
    "priority",
    "success",
    "latencyMs",
    "cost",
    "priceVersion",
    "fallbackUsed",
    "abTestId",
    "abVariant",
    "abCounted",
    "decisionId",
    "inputTokens",
    "outputTokens",
    "cachedTokens",
    "qualityScore",
    "serviceTier",
    "occurredAt",
    "createdAt",
]


def page(fields: int, first: str = "500") -> str:
    """A selection of one page. It counts as the connection, its nodes, and 500 times the values below them."""
    return f"analytics(first: {first}) {{ nodes {{ {' '.join(FIELDS[:fields])} }} }}"


def pages(values: int) -> str:
    """Selections of pages that count as this many values, or up to 500 fewer."""
    whole, rest = divmod(values, 2 + 500 * 22)
    return " ".join(f"p{n}: {page(22)}" for n in range(whole)) + f" rest: {page((rest - 2) // 500)}"


def selecting(selections: int) -> str:
    """20 spreads of one fragment. Each counts as 250 selections, including the field and the spread."""
    names = "kind name description specifiedByURL isOneOf "
    chain = f"{names * 3} ofType {{ " * 15 + f"{names} kind name description" + " }" * 15
    more = "name" if selections > MAX_SELECTIONS else ""
    fields = " ".join(f'p{n}: __type(name: "Query") {{ ...f {more if n == 0 else ""} }}' for n in range(20))
    return f"{{ {fields} }} fragment f on __Type {{ {chain} }}"


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
        pytest.param(
            selecting,
            MAX_SELECTIONS,
            "A document selects at most 5000 fields, with fragments counted at every spread.",
            id="selections",
        ),
        pytest.param(
            # 141 fields of one name are 9,870 pairs, 142 are 10,011
            lambda n: "{ viewer { " + "id " * n + "} }",
            141,
            "A document repeats fields too often: select each field of an object once.",
            id="repeated fields",
        ),
        pytest.param(deep, MAX_DEPTH, "An operation is at most 20 fields deep.", id="depth"),
        pytest.param(in_fragments, MAX_DEPTH, "An operation is at most 20 fields deep.", id="depth in fragments"),
        pytest.param(
            lambda n: "{ viewer { " + " ".join(f"a{k}: id" for k in range(n)) + " } }",
            MAX_ALIASES,
            "An operation has at most 200 aliases, with fragments counted at every spread.",
            id="aliases",
        ),
        pytest.param(
            lambda n: (
                f"{{ {' '.join(f'v{k}: viewer {{ ...a }}' for k in range(n // 11))} "
                f"viewer {{ {' '.join(f'b{k}: id' for k in range(n % 11))} id }} }} "
                f"fragment a on Viewer {{ {' '.join(f'a{k}: id' for k in range(10))} }}"
            ),
            MAX_ALIASES,
            "An operation has at most 200 aliases, with fragments counted at every spread.",
            id="aliases in fragments",
        ),
        pytest.param(
            lambda n: "{ viewer { " + "id @skip(if: false) " * n + "} }",
            MAX_DIRECTIVES,
            "An operation has at most 100 directives, with fragments counted at every spread.",
            id="directives",
        ),
        pytest.param(
            lambda n: f"query({', '.join(f'$v{k}: Int' for k in range(n))}) {{ viewer {{ id @skip(if: false) }} }}",
            MAX_VARIABLES,
            "An operation has at most 100 variables.",
            id="variables",
        ),
        pytest.param(
            lambda n: "{ " + pages(n if n <= MAX_VALUES else n + 499) + " }",
            MAX_VALUES,
            "An operation selects at most 200000 values, if every list has its greatest length; query shorter pages.",
            id="values",
        ),
    ],
)
def test_a_document_is_served_at_the_limit_and_rejected_above_it(document: Any, limit: int, message: str) -> None:
    served = error_for(document(limit))
    # GraphQL validation may still reject it, for unused fragments and variables
    assert served is None or served.startswith(("Fragment", "Variable"))
    assert error_for(document(limit + 1)) == message


def test_the_number_of_tokens_of_a_document_is_limited() -> None:
    query = "{ viewer { " + "id " * MAX_TOKENS + "} }"
    assert (error_for(query) or "").startswith("Syntax Error: Document contains more than 10000 tokens.")
    assert error_for("{ viewer { id } }" + "\n# a comment is none" * 5_000) is None


@pytest.mark.parametrize("levels", [10, 49])
def test_fragments_that_double_with_each_level_are_rejected_before_they_are_expanded(levels: int) -> None:
    doubling = " ".join(
        f"fragment f{n} on __Type {{ a: ofType {{ ...f{n + 1} }} b: ofType {{ ...f{n + 1} }} }}"
        for n in range(levels - 1)
    )
    query = f'{{ __type(name: "Query") {{ ...f0 }} }} {doubling} fragment f{levels - 1} on __Type {{ name }}'
    assert (error_for(query) or "").startswith("An operation ")


def test_fragments_that_nobody_spreads_are_counted_too() -> None:
    unused = f"{{ viewer {{ id }} }} fragment f on Viewer {{ {'id ' * 142} }}"
    assert (error_for(unused) or "").startswith("A document repeats fields too often")


def test_a_long_document_is_checked_off_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[bool] = []

    def noted(_limits: Limits, _document: Any) -> Size:
        threads.append(threading.current_thread() is threading.main_thread())
        return Size(selections=1, root_fields=1)

    monkeypatch.setattr(Limits, "check", noted)
    assert error_for("{ viewer { id } }") is None
    assert error_for("{ viewer { id } }".ljust(3_000)) is None
    assert threads == [True, False]


async def test_plans_are_cached_by_their_size_and_not_by_the_length_of_their_document() -> None:
    checking = operations()

    async def plan_of(query: str, name: str | None = None) -> Plan:
        return (await checking.checked(Operation(query, name, None), EVERY_KIND, ALICE)).plan

    # given an operation that is sent repeatedly, with its name or without
    usual = "query Usual { viewer { id } }"
    plan = await plan_of(usual)
    assert await plan_of(usual) is await plan_of(usual, "Usual") is plan
    # when others are sent, of less than 1,000 characters and 600 fields each
    fields = "id eventId provider taskType modelUsed success latencyMs cost occurredAt inputTokens outputTokens"
    page = "fragment A on RouterAnalyticsConnection { nodes { ...B } edges { node { ...B } cursor } } fragment B "
    for number in range(11):
        error_of_pages = " ".join(f"a{number}{n}: analytics(first: 1) {{ ...A }}" for n in range(20))
        query = f"{{ {error_of_pages} }} {page} on RouterAnalytics {{ {fields} }}"
        assert len(query) < 1_000
        await plan_of(query)
    # then the cache has no room for all of them
    assert await plan_of(usual) is not plan


async def test_a_large_document_leaves_no_cycles_for_the_garbage_collector() -> None:
    def fields() -> int:
        return sum(type(each) is graphql.FieldNode for each in gc.get_objects())

    checking = operations()
    unknown = " ".join(f"x{n}" for n in range(2_000))
    known = " ".join(f"a{n}: analytics(first: 1) {{ nodes {{ ...A }} }}" for n in range(20))
    all_of_it = "fragment A on RouterAnalytics { id cost success } ".replace("id", "id " * 30)
    gc.collect()
    before = fields()
    gc.disable()
    try:
        for number in range(3):
            # when one is rejected, and when one may be executed
            with suppress(RequestError):
                await checking.checked(
                    Operation(f"{{ viewer {{ {unknown} }} }} # {number}", None, None), EVERY_KIND, ALICE
                )
            text = f"{{ {known} }} {all_of_it} # {number}".ljust(9_000)  # too long to be cached
            await checking.checked(Operation(text, None, None), EVERY_KIND, ALICE)
        # then everything is freed without the garbage collector
        assert fields() - before < 2_000
    finally:
        gc.enable()


def test_without_introspection_there_is_no_schema_and_no_hint_of_it() -> None:
    assert error_for("{ __schema { types { name } } }") is None
    assert "has been disabled" in (error_for("{ __schema { types { name } } }", introspection=False) or "")
    assert error_for("{ viewer { __typename } }", introspection=False) is None
    for query in ("{ viewr { id } }", '{ abTest(idd: "x") { id } }', "{ viewer { ix } }"):
        assert "Did you mean" in (error_for(query) or "")
        assert "Did you mean" not in (error_for(query, introspection=False) or "Did you mean")


def test_a_very_long_name_is_shortened_in_errors() -> None:
    message = error_for("{ " + "x" * 100_000 + " }") or ""
    assert message.startswith("Cannot query field 'xxx")
    assert len(message) == 501


def test_fragments_that_spread_themselves_are_rejected_by_validation() -> None:
    around = "{ viewer { ...a } } fragment a on Viewer { ...b } fragment b on Viewer { ...a }"
    assert error_for(around) == "Cannot spread fragment 'a' within itself via 'b'."


def test_a_page_length_in_a_variable_counts_as_the_longest_page() -> None:
    def error_of_pages(first: str) -> str | None:
        pages = " ".join(f"p{n}: {page(22, first)}" for n in range(19))
        return error_for(f"query($n: Int) {{ {pages} abTests(first: $n) {{ nodes {{ id }} }} }}")

    assert (error_of_pages("$n") or "").startswith("An operation selects at most 200000 values")
    assert error_of_pages("100") is None


def test_lists_that_are_not_pages_count_with_the_length_of_their_chart() -> None:
    def error_of_pages(summaries: int) -> str | None:
        # each counts as 1 + 1,000 * 11 values; the heat map counts as 1 + 168 * 3
        of_one = """analyticsSummary(grain: DAY) {
            start end calls successes fallbacks errorRate totalCost avgCost avgLatencyMs inputTokens outputTokens
        }"""
        whole = " ".join(f"s{n}: {of_one}" for n in range(summaries))
        return error_for(f"{{ {whole} heatMap {{ weekday hour calls }} }}")

    assert error_of_pages(18) is None
    assert (error_of_pages(19) or "").startswith("An operation selects at most 200000 values")


async def test_limits_apply_by_post_by_get_and_over_a_socket_which_stays_open(url: str, token: str) -> None:
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
            rejected = await socket.receive()
            assert (rejected["type"], rejected["id"]) == ("error", "1")
            assert [each["extensions"]["code"] for each in rejected["payload"]] == [code]
        # and the next operation is served
        await socket.start("{ viewer { __typename } }")
        assert (await socket.receive())["payload"] == {"data": {"viewer": {"__typename": "Viewer"}}}
