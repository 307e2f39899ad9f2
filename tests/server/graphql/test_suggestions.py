"""With introspection off, no error suggests a name of the schema: over HTTP, WebSocket and server-sent events."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from server.app import create_app
from server.settings import Settings
from tests.conftest import Clock, serving
from tests.support.socket import signed_in

ALERT = "createCostAlert(input: $i) { __typename }"
NEAR_MISSES: list[tuple[str, dict[str, Any]]] = [
    # fields, of each kind of root and of nested types
    ("{ viewr { id } }", {}),
    ("{ viewer { idd } }", {}),
    ("{ abTests { node { id } } }", {}),
    ("mutation { savePreference(input: {}) { __typename } }", {}),
    ("subscription { preferenceChanged { id } }", {}),
    ("subscription { preferencesChanged { idd } }", {}),
    ("mutation { savePreferences(input: {}) { preferredProviders } }", {}),
    # leaves and objects that are confused
    ("{ viewer }", {}),
    ("{ abTests }", {}),
    ("{ viewer { id { x } } }", {}),
    # arguments of fields and of directives
    ('{ abTest(idd: "x") { id } }', {}),
    ("{ abTests(frst: 1) { nodes { id } } }", {}),
    ("{ abTest { id } }", {}),
    ("{ viewer { id @skip(iff: true) } }", {}),
    ("{ viewer { id @skipp(if: true) } }", {}),
    ("{ viewer { id @skip } }", {}),
    # types, in variables and fragments
    ("query($f: AnalyticsFiltr) { analytics(filter: $f) { nodes { id } } }", {}),
    ("query($f: Strng) { analytics(after: $f) { nodes { id } } }", {}),
    ("{ viewer { ... on Viewr { id } } }", {}),
    ("{ viewer { ...F } } fragment F on Viewerr { id }", {}),
    ("{ viewer { ...Ff } } fragment F on Viewer { id }", {}),
    # fields of inputs and values of enums: in literals, in variables, in defaults
    ("mutation { savePreferences(input: {maxLatencyM: 5}) { __typename } }", {}),
    ("{ analytics(filter: {provider: []}) { nodes { id } } }", {}),
    ('mutation { createCostAlert(input: {thresholdAmount: "1", period: DAYLY}) { __typename } }', {}),
    ('mutation { createCostAlert(input: {thresholdAmount: "1", period: "DAILY"}) { __typename } }', {}),
    ('mutation { createCostAlert(input: {thresholdAmount: "1"}) { __typename } }', {}),
    (f"mutation($i: CreateCostAlertInput!) {{ {ALERT} }}", {"i": {"thresholdAmount": "1", "period": "DAYLY"}}),
    (f"mutation($i: CreateCostAlertInput!) {{ {ALERT} }}", {"i": {"thresholdAmount": "1", "period": 5}}),
    (f"mutation($i: CreateCostAlertInput!) {{ {ALERT} }}", {"i": {"thresholdAmont": "1", "period": "DAILY"}}),
    (f"mutation($i: CreateCostAlertInput!) {{ {ALERT} }}", {"i": {"custom": {"dayz": 1}}}),
    ("mutation($i: CreateCostAlertInput = {perid: DAILY}) { " + ALERT + " }", {}),
    ("query($f: AnalyticsFilter) { analytics(filter: $f) { nodes { id } } }", {"f": {"provider": []}}),
    ("query($p: AlertPeriod = DAYLY) { viewer { id } }", {}),
    # subscriptions coerce their variables on a path of their own
    ("subscription($f: AnalyticsFilter) { analyticsLogged(filter: $f) { id } }", {"f": {"provider": []}}),
    # the schema itself
    ("{ __schema { types { name } } }", {}),
    ('{ __type(name: "Viewr") { name } }', {}),
    ("{ __typname }", {}),
    # operations
    ("query Alert { viewer { id } } query Alerts { viewer { id } }", {}),
]


@pytest.fixture(params=[False, True], ids=["plans", "graphql-core"])
async def hidden(settings: Settings, clock: Clock, request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """The address of a server without introspection."""
    update = {"introspection": False, "stock_executor": request.param}
    async with serving(create_app(settings.model_copy(update=update), clock)) as url:
        yield url


async def test_no_error_suggests_a_name(hidden: str, token: str) -> None:
    suggesting: list[str] = []
    headers = {"Authorization": f"Bearer {token}"}
    events = {"Accept": "application/json, text/event-stream"}
    async with httpx2.AsyncClient(base_url=hidden, headers=headers) as client, signed_in(hidden, token) as socket:
        for query, variables in NEAR_MISSES:
            body = {"query": query, "variables": variables}
            answers = [(await client.post("/graphql", json=body)).text]
            answers.append((await client.post("/graphql", json=body, headers=events)).text)
            answers.append(
                (await client.get("/graphql", params={"query": query, "variables": json.dumps(variables)})).text
            )
            await socket.start(query, **variables)
            message = await socket.receive()
            if message["type"] == "next":
                assert (await socket.receive())["type"] == "complete"
            answers.append(json.dumps(message))
            for answer in answers:
                assert '"errors"' in answer or '"error"' in answer, (query, answer)
                if "Did you mean" in answer:
                    suggesting.append(f"{query}: {answer}")
    assert suggesting == []
