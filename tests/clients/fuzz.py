"""Asks the server at ROUTER_URL for whatever its schema allows, and for what it does not, as Schemathesis makes it up.

The same each time, in the environment that `make clients` makes.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import Any, Final

import schemathesis  # type: ignore[import-not-found]
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.graphql import nodes  # type: ignore[import-not-found]

MAX_EXAMPLES: Final = int(os.environ.get("ROUTER_FUZZ_EXAMPLES", "30"))
"""Of each operation and mode."""
CLIENTS_FAULT: Final = {
    "BAD_REQUEST",
    "BAD_USER_INPUT",
    "GRAPHQL_PARSE_FAILED",
    "GRAPHQL_VALIDATION_FAILED",
    "NOT_FOUND",
}
AUTHORIZATION: Final = {"Authorization": f"Bearer {os.environ['ROUTER_TOKEN']}"}

# What a custom scalar may look like, and now and then a text that it is not.
schemathesis.graphql.scalar(
    "Decimal", (st.decimals(-1, 10**6, places=4).map(str) | st.text(max_size=8)).map(nodes.String)
)
schemathesis.graphql.scalar(
    "DateTime", (st.datetimes().map(lambda it: f"{it.isoformat()}Z") | st.text(max_size=8)).map(nodes.String)
)
schemathesis.graphql.scalar("BigInt", st.integers(-(2**64), 2**64).map(nodes.Int))
schemathesis.graphql.scalar("JSON", st.integers().map(nodes.Int) | st.text().map(nodes.String) | st.just(nodes.Null))

asked: Counter[str] = Counter()
answered: Counter[str] = Counter()


def check(label: str, case: Any) -> None:
    """Each answer is one of GraphQL, and no fault of the server's."""
    response = case.call(headers=AUTHORIZATION)
    said = f"{label}: {response.status_code} {response.text[:2_000]}\n{case.body}"
    assert response.status_code < 500, said
    body = response.json()
    codes = {error["extensions"]["code"] for error in body.get("errors", [])}
    assert codes <= CLIENTS_FAULT, said
    assert codes or "data" in body, said
    asked[label] += 1
    answered.update(codes or {"data"})


def fuzz(operation: Any, mode: GenerationMode) -> None:
    @settings(
        max_examples=MAX_EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def run(case: Any) -> None:
        check(operation.label, case)

    run()


def main() -> None:
    schema = schemathesis.graphql.from_url(f"{os.environ['ROUTER_URL']}/graphql", headers=AUTHORIZATION)
    for found in schema.get_all_operations():
        for mode in GenerationMode.POSITIVE, GenerationMode.NEGATIVE:
            fuzz(found.ok(), mode)
    print(dict(asked))
    print(dict(answered))


main()
