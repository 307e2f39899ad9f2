"""What a document may ask for: served at the limit, refused just above it, however it is sent."""

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
)
from server.graphql.operation import EVERY_KIND, Operation, RequestError
from server.graphql.plan import Plan
from tests.support.operations import operations
from tests.support.socket import signed_in

ALICE: Final = UUID(int=1)


def refusal(query: str, *, introspection: bool = True) -> str | None:
    """Why the document is rejected; None when it is not."""
    checking = operations(introspection=introspection)
    try:
        asyncio.run(checking.checked(Operation(query, None, None), EVERY_KIND, ALICE))
    except RequestError as rejected:
        return rejected.errors[0].message
    return None


def deep(levels: int) -> str:
    # Introspection has the only type that holds itself.
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
    """Values: the connection, its nodes, and 500 times all that is below them."""
    return f"analytics(first: {first}) {{ nodes {{ {' '.join(FIELDS[:fields])} }} }}"


def pages(values: int) -> str:
    """As many pages as make so many values, or up to 500 fewer."""
    whole, rest = divmod(values, 2 + 500 * 22)
    return " ".join(f"p{n}: {page(22)}" for n in range(whole)) + f" rest: {page((rest - 2) // 500)}"


def selecting(selections: int) -> str:
    """20 places of one fragment, which is 250 selections each with the field and the spread."""
    names = "kind name description specifiedByURL isOneOf "
    chain = f"{names * 3} ofType {{ " * 15 + f"{names} kind name description" + " }" * 15
    more = "name" if selections > MAX_SELECTIONS else ""
    places = " ".join(f'p{n}: __type(name: "Query") {{ ...f {more if n == 0 else ""} }}' for n in range(20))
    return f"{{ {places} }} fragment f on __Type {{ {chain} }}"


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
            # 141 of one name make 9,870 pairs, 142 make 10,011
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
    served = refusal(document(limit))
    # what is no limit of ours may still be wrong with it: unused fragments and variables are
    assert served is None or served.startswith(("Fragment", "Variable"))
    assert refusal(document(limit + 1)) == message


def test_a_document_has_so_many_tokens() -> None:
    query = "{ viewer { " + "id " * MAX_TOKENS + "} }"
    assert (refusal(query) or "").startswith("Syntax Error: Document contains more than 10000 tokens.")
    assert refusal("{ viewer { id } }" + "\n# a comment is none" * 5_000) is None


@pytest.mark.parametrize("levels", [10, 49])
def test_fragments_that_double_with_each_level_are_rejected_before_they_are_many(levels: int) -> None:
    doubling = " ".join(
        f"fragment f{n} on __Type {{ a: ofType {{ ...f{n + 1} }} b: ofType {{ ...f{n + 1} }} }}"
        for n in range(levels - 1)
    )
    query = f'{{ __type(name: "Query") {{ ...f0 }} }} {doubling} fragment f{levels - 1} on __Type {{ name }}'
    assert (refusal(query) or "").startswith("An operation ")


def test_fragments_that_nobody_spreads_are_counted_too() -> None:
    unused = f"{{ viewer {{ id }} }} fragment f on Viewer {{ {'id ' * 142} }}"
    assert (refusal(unused) or "").startswith("A document repeats fields too often")


def test_what_is_long_is_checked_beside_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[bool] = []

    def noted(_limits: Limits, _document: Any) -> int:
        threads.append(threading.current_thread() is threading.main_thread())
        return 1

    monkeypatch.setattr(Limits, "check", noted)
    assert refusal("{ viewer { id } }") is None
    assert refusal("{ viewer { id } }".ljust(3_000)) is None
    assert threads == [True, False]


async def test_documents_are_kept_by_what_they_come_to_and_not_by_how_short_they_are() -> None:
    checking = operations()

    async def plan_of(query: str, name: str | None = None) -> Plan:
        return (await checking.checked(Operation(query, name, None), EVERY_KIND, ALICE)).plan

    # given an operation that is asked for again and again, by its name or without
    usual = "query Usual { viewer { id } }"
    plan = await plan_of(usual)
    assert await plan_of(usual) is await plan_of(usual, "Usual") is plan
    # when there are others, of less than 1,000 characters and 600 fields each
    fields = "id eventId provider taskType modelUsed success latencyMs cost occurredAt inputTokens outputTokens"
    page = "fragment A on RouterAnalyticsConnection { nodes { ...B } edges { node { ...B } cursor } } fragment B "
    for number in range(11):
        asked = " ".join(f"a{number}{n}: analytics(first: 1) {{ ...A }}" for n in range(20))
        query = f"{{ {asked} }} {page} on RouterAnalytics {{ {fields} }}"
        assert len(query) < 1_000
        await plan_of(query)
    # then there is no room for it beside them
    assert await plan_of(usual) is not plan


async def test_a_large_document_leaves_nothing_to_be_looked_for_among_all_that_is_old() -> None:
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
            text = f"{{ {known} }} {all_of_it} # {number}".ljust(9_000)  # too long to be kept
            await checking.checked(Operation(text, None, None), EVERY_KIND, ALICE)
        # then the collector is not needed for what is done with
        assert fields() - before < 2_000
    finally:
        gc.enable()


def test_without_introspection_there_is_no_schema_and_no_hint_of_it() -> None:
    assert refusal("{ __schema { types { name } } }") is None
    assert "has been disabled" in (refusal("{ __schema { types { name } } }", introspection=False) or "")
    assert refusal("{ viewer { __typename } }", introspection=False) is None
    for query in ("{ viewr { id } }", '{ abTest(idd: "x") { id } }', "{ viewer { ix } }"):
        assert "Did you mean" in (refusal(query) or "")
        assert "Did you mean" not in (refusal(query, introspection=False) or "Did you mean")


def test_a_name_that_is_very_long_is_not_repeated_as_a_whole() -> None:
    message = refusal("{ " + "x" * 100_000 + " }") or ""
    assert message.startswith("Cannot query field 'xxx")
    assert len(message) == 501


def test_fragments_that_spread_themselves_are_rejected_by_validation() -> None:
    around = "{ viewer { ...a } } fragment a on Viewer { ...b } fragment b on Viewer { ...a }"
    assert refusal(around) == "Cannot spread fragment 'a' within itself via 'b'."


def test_pages_of_a_length_that_is_sent_are_taken_to_be_as_long_as_any() -> None:
    def asked(first: str) -> str | None:
        pages = " ".join(f"p{n}: {page(22, first)}" for n in range(19))
        return refusal(f"query($n: Int) {{ {pages} abTests(first: $n) {{ nodes {{ id }} }} }}")

    assert (asked("$n") or "").startswith("An operation selects at most 200000 values")
    assert asked("100") is None


def test_lists_that_are_no_pages_count_as_long_as_charts_are() -> None:
    def asked(summaries: int) -> str | None:
        # each 1 + 1,000 times 11 values; the heat map 1 + 168 times 3
        of_one = """analyticsSummary(grain: DAY) {
            start end calls successes fallbacks errorRate totalCost avgCost avgLatencyMs inputTokens outputTokens
        }"""
        whole = " ".join(f"s{n}: {of_one}" for n in range(summaries))
        return refusal(f"{{ {whole} heatMap {{ weekday hour calls }} }}")

    assert asked(18) is None
    assert (asked(19) or "").startswith("An operation selects at most 200000 values")


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
            rejected = await socket.receive()
            assert (rejected["type"], rejected["id"]) == ("error", "1")
            assert [each["extensions"]["code"] for each in rejected["payload"]] == [code]
        # and the next operation is served
        await socket.start("{ viewer { __typename } }")
        assert (await socket.receive())["payload"] == {"data": {"viewer": {"__typename": "Viewer"}}}
