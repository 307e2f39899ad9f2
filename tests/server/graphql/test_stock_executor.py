"""The stock executor gives the same answers over HTTP as plans do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import graphql
import httpx2
import pytest

from server.app import create_app
from server.graphql.executor import PlanExecutor
from server.settings import Settings
from tests.conftest import Clock
from tests.support.api import Api

LOG = """mutation($input: LogAnalyticsInput!) {
    logAnalytics(input: $input) { __typename ... on Error { message path } ... on LoggedAnalytics { deduplicated } }
}"""
CALL = {
    "provider": "openai",
    "modelUsed": "gpt-4o",
    "taskType": "chat",
    "success": True,
    "eventId": "one",
    "cost": "0.25",
}
OPERATIONS: list[tuple[str, dict[str, Any]]] = [
    (LOG, {"input": CALL}),
    (LOG, {"input": {**CALL, "cost": "-1"}}),
    (LOG, {"input": {**CALL, "cost": "no number"}}),
    (LOG, {"input": {"provider": "openai"}}),
    (LOG, {}),
    ("{ analytics(first: 5) { nodes { eventId provider modelUsed cost metadata } edges { node { success } } } }", {}),
    (
        """query($more: Boolean! = true) { analytics { nodes { eventId ...M @include(if: $more) } } }
        fragment M on RouterAnalytics { taskType }""",
        {"more": False},
    ),
    ("{ preferences { preferredProviders customRules { name } } again: viewer { id __typename } }", {}),
    ("query($id: ID!) { abTest(id: $id) { id } }", {"id": "no id"}),
    ("query($id: ID!) { abTest(id: $id) { id } }", {"id": None}),
    ("{ analyticsSummary(grain: DAY) { start calls totalCost } leaderboard(by: PROVIDER) { provider } }", {}),
    (graphql.get_introspection_query(), {}),
    ("{ nothing }", {}),
    ("{", {}),
]


@pytest.fixture
async def stock_api(settings: Settings, clock: Clock, token: str) -> AsyncIterator[Api]:
    """The API of a server with the stock executor, over the same database."""
    app = create_app(settings.model_copy(update={"stock_executor": True}), clock)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://router") as client,
    ):
        yield Api(client, token)


async def test_both_executors_answer_the_same(
    api: Api, stock_api: Api, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a logged call
    api.token = token
    await api.ask(LOG, input=CALL)
    # when the same operations are sent to a server with plans, then to one with the stock executor
    ours = [await api.post(query, **variables) for query, variables in OPERATIONS]
    monkeypatch.setattr(PlanExecutor, "__init__", None)
    theirs = [await stock_api.post(query, **variables) for query, variables in OPERATIONS]
    # then the answers are the same byte for byte, and the second server executed no plan
    for (query, _), our, their in zip(OPERATIONS, ours, theirs, strict=True):
        assert (our.status_code, our.content) == (their.status_code, their.content), query
    assert ours[0].json()["data"]["logAnalytics"]["__typename"] != "InvalidInput"
    assert ours[1].json()["data"]["logAnalytics"]["__typename"] == "InvalidInput"


def test_plans_are_the_default_and_the_environment_switches_them_off(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings.from_environment().stock_executor is False
    monkeypatch.setenv("ROUTER_STOCK_EXECUTOR", "true")
    assert Settings.from_environment().stock_executor is True
