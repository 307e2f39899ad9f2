"""Every operation that Schemathesis generates from the schema is answered without an internal error."""

from __future__ import annotations

import ast
import re

from schema import schema
from tests.clients.conftest import TOOLS, Run
from tests.support.api import Api

ONE_OF_EACH = """
mutation {
  alert: createCostAlert(input: {thresholdAmount: "1", period: DAILY}) { __typename ... on CostAlert { id } }
  test: createABTest(input: {
    testName: "t", variantA: {provider: "openai", model: "a"}, variantB: {provider: "openai", model: "b"}
  }) { __typename ... on ABTest { id } }
  model: registerModel(input: {provider: "own", model: "m", inputPrice: "1", outputPrice: "2"}) { __typename ... on Model { id } }
  decision: routeRequest(input: {
    taskType: "chat", candidates: [{provider: "openai", model: "a"}, {provider: "openai", model: "b"}]
  }) { __typename ... on RoutingDecision { id } }
  record: logAnalytics(input: {
    provider: "openai", modelUsed: "gpt-4o", taskType: "chat", success: true, cost: "2", latencyMs: 700
  }) { __typename ... on LoggedAnalytics { record { id } } }
}
"""


async def test_generated_operations_cause_no_internal_error(url: str, token: str, live_api: Api, run: Run) -> None:
    # given a row of each kind to select
    answer = await live_api.ask(ONE_OF_EACH)
    assert {name: value["__typename"] for name, value in answer.items()} == {
        "alert": "CostAlert",
        "test": "ABTest",
        "model": "Model",
        "decision": "RoutingDecision",
        "record": "LoggedAnalytics",
    }

    ids = ",".join(re.findall(r"'id': '([^']+)'", str(answer)))
    assert ids.count(",") == 4

    # when every operation is sent in many ways, valid and invalid
    printed = await run(TOOLS / "python", "fuzz.py", ROUTER_URL=url, ROUTER_TOKEN=token, ROUTER_IDS=ids)

    # then every operation was sent, and not all were rejected
    asked, executed, answered = map(ast.literal_eval, printed.splitlines())
    roots = (schema._schema.query_type, schema._schema.mutation_type)
    assert set(asked) == {f"{root.name}.{field}" for root in roots if root is not None for field in root.fields}
    assert min(executed[operation] for operation in asked) >= 3
    assert answered["data"] > sum(answered.values()) / 10
    print(answered, executed)  # noqa: T201
