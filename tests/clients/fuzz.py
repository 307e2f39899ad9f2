"""Sends valid and invalid operations, which Schemathesis generates from the schema, to the server at ROUTER_URL.

The operations are the same in each run. It runs in the environment that `make clients` creates.
"""

from __future__ import annotations

import os
from collections import Counter
from datetime import datetime
from typing import Any, Final

import schemathesis  # type: ignore[import-not-found]
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.graphql import nodes  # type: ignore[import-not-found]

MAX_EXAMPLES: Final = int(os.environ.get("ROUTER_TEST_ROUNDS", "18"))
"""The largest number of examples of each operation and mode."""
CLIENTS_FAULT: Final = {
    "BAD_REQUEST",
    "BAD_USER_INPUT",
    "GRAPHQL_PARSE_FAILED",
    "GRAPHQL_VALIDATION_FAILED",
    "NOT_FOUND",
}
AUTHORIZATION: Final = {"Authorization": f"Bearer {os.environ['ROUTER_TOKEN']}"}


def mostly(usual: Any, unusual: Any) -> Any:
    """Draw a usual value nine times in ten: otherwise few inputs with many fields would be accepted."""
    return st.sampled_from([usual] * 9 + [unusual]).flatmap(lambda each: each)


FUZZY_TEXT: Final = st.text(max_size=8)
NAMES: Final = st.sampled_from(
    ["openai", "anthropic", "gpt-4o", "chat", "UTC", "Europe/Berlin", "2026-03-01T00:00:00Z"]
)
TIMES: Final = st.datetimes(datetime(2026, 2, 1), datetime(2026, 3, 10)).map(lambda it: f"{it.isoformat()}Z")  # noqa: DTZ001
ANY_TIME: Final = st.datetimes().map(lambda it: f"{it.isoformat()}Z")
for name, strategy in {
    "ID": mostly(st.sampled_from(os.environ["ROUTER_IDS"].split(",")), FUZZY_TEXT).map(nodes.String),
    "String": mostly(NAMES, FUZZY_TEXT).map(nodes.String),
    "Int": mostly(st.integers(1, 100), st.integers(-(2**31), 2**31 - 1)).map(nodes.Int),
    "Float": mostly(st.floats(0, 1), st.floats(allow_nan=False, allow_infinity=False)).map(nodes.Float),
    "Decimal": mostly(st.decimals("0.01", 10, places=4).map(str), st.decimals(-1, 10**6).map(str) | FUZZY_TEXT).map(
        nodes.String
    ),
    "DateTime": mostly(TIMES, ANY_TIME | FUZZY_TEXT).map(nodes.String),
    "BigInt": mostly(st.integers(0, 10**6), st.integers(-(2**64), 2**64)).map(nodes.Int),
    "JSON": st.integers().map(nodes.Int) | FUZZY_TEXT.map(nodes.String) | st.just(nodes.Null),
}.items():
    schemathesis.graphql.scalar(name, strategy)

executed: Counter[str] = Counter()
asked: Counter[str] = Counter()
answered: Counter[str] = Counter()


def check(label: str, case: Any) -> None:
    """Check that the answer is a GraphQL response without an internal error."""
    response = case.call(headers=AUTHORIZATION)
    details = f"{label}: {response.status_code} {response.text[:2_000]}\n{case.body}"
    assert response.status_code < 500, details
    body = response.json()
    codes = {error["extensions"]["code"] for error in body.get("errors", [])}
    assert codes <= CLIENTS_FAULT, details
    assert codes or "data" in body, details
    asked[label] += 1
    executed[label] += not codes
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
    print(dict(executed))
    print(dict(answered))


main()
