"""Health checks, response headers, metrics, and the origins that may call the API."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from starlette.applications import Starlette

from domain.error import Conflict, Overloaded
from migrations import upgrade
from models.ledger import Ledger
from server.app import create_app
from server.export import Export
from server.settings import Settings, StartupError
from tests.conftest import SECRET
from tests.support.api import Api
from tests.support.socket import signed_in

APP = "https://app.example.com"
CHECKS = {
    "sqlite": ["database", "migrations", "ledger", "file", "disk", "writes"],
    "postgres": ["database", "migrations", "ledger", "listener", "writes"],
}


def client_of(app: Starlette) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://router")


async def test_liveness_and_readiness(client: httpx2.AsyncClient, backend: str) -> None:
    alive, ready = await client.get("/healthz"), await client.get("/readyz")
    assert (alive.status_code, alive.json()) == (200, {"status": "ok"})
    assert (ready.status_code, ready.json()) == (
        200,
        {"status": "ready", "checks": dict.fromkeys(CHECKS[backend], True)},
    )


async def test_a_full_ledger_is_not_ready(
    client: httpx2.AsyncClient, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_ledger: Ledger) -> None:
        raise Overloaded("full", retry_after_ms=1)

    monkeypatch.setattr(Ledger, "check_room", full)
    ready = await client.get("/readyz")
    assert (ready.status_code, ready.json()["checks"]) == (
        503,
        dict.fromkeys(CHECKS[backend], True) | {"ledger": False},
    )


async def test_a_database_that_is_old_or_gone_is_not_ready(tmp_path: Path) -> None:
    file = tmp_path / "router.db"
    url = f"sqlite+aiosqlite:///{file}"
    settings = Settings(data_dir=tmp_path, database_url=url, jwt_secret=SecretStr(SECRET))
    # given a database with another newest migration
    upgrade_in_thread(url)
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '20261123_first_tables'")
    app = create_app(settings)
    async with app.router.lifespan_context(app), client_of(app) as client:
        old = await client.get("/readyz")
        assert (old.status_code, old.json()["checks"]["migrations"]) == (503, False)


def upgrade_in_thread(url: str) -> None:
    # migrations start an event loop
    with ThreadPoolExecutor(1) as pool:
        pool.submit(upgrade, url).result()


@pytest.mark.parametrize("path", ["/healthz", "/graphql", "/metrics/", "/export/analytics", "/nothing"])
async def test_every_answer_has_security_headers(client: httpx2.AsyncClient, path: str) -> None:
    headers = (await client.get(path)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers


@pytest.mark.parametrize(
    ("cause", "status", "code"),
    [
        (OSError("/secret"), 503, "SERVICE_UNAVAILABLE"),
        (KeyError("/secret"), 500, "INTERNAL_SERVER_ERROR"),
        (Overloaded("full", retry_after_ms=1), 503, "OVERLOADED"),
        (Conflict("so it is not"), 400, "CONFLICT"),
    ],
)
async def test_an_unexpected_failure_is_answered_with_the_usual_headers(
    settings: Settings,
    token: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    cause: Exception,
    status: int,
    code: str,
) -> None:
    def failing(_export: Export, *_: object) -> None:
        raise cause

    monkeypatch.setattr(Export, "blocks", failing)
    app = create_app(settings.model_copy(update={"cors_origins": APP}))
    async with app.router.lifespan_context(app), client_of(app) as client:
        answer = await client.get("/export/analytics", headers={"Authorization": f"Bearer {token}", "Origin": APP})
    [error] = answer.json()["errors"]
    assert (answer.status_code, error["extensions"]["code"]) == (status, code)
    assert "secret" not in answer.text
    assert answer.headers.get("retry-after") == ("5" if status == 503 else None)
    if "errorId" in error["extensions"]:
        assert f"unexpected error {error['extensions']['errorId']}" in caplog.text
    assert answer.headers["x-request-id"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["access-control-allow-origin"] == APP


async def test_metrics_count_requests_operations_errors_and_sockets(
    client: httpx2.AsyncClient, url: str, token: str
) -> None:
    async def figure(sampled: str, /, **labels: str) -> float:
        text = (await client.get("/metrics/")).text
        found = [
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == sampled and sample.labels == labels
        ]
        return found[0] if found else 0

    async def figures() -> list[float]:
        return [
            await figure("router_http_request_seconds_count", route="/graphql", method="POST", status="200"),
            await figure("router_http_request_seconds_count", route="other", method="other", status="404"),
            await figure("router_operations_total", kind="query", name="WhoAmI"),
            await figure("router_errors_total", code="GRAPHQL_VALIDATION_FAILED"),
            await figure("router_open", what="sockets"),
        ]

    before = await figures()
    signed = {"Authorization": f"Bearer {token}"}
    # when an operation is executed, another is rejected, an unknown path and method are requested, and a socket is open
    for query in ("query WhoAmI { viewer { id } }", "query Nothing { nothing }"):
        assert (await client.post("/graphql", json={"query": query}, headers=signed)).status_code == 200
    assert (await client.request("PROPFIND", "/coffee")).status_code == 404
    async with signed_in(url, token):
        # then each is counted
        assert [now - then for now, then in zip(await figures(), before, strict=True)] == [2, 1, 1, 1, 1]
    # and there are no series for names that were not executed
    assert await figure("router_operations_total", kind="query", name="Nothing") == 0


async def test_the_number_of_operation_names_in_metrics_is_limited(api: Api) -> None:
    for number in range(250):
        await api.ask(f"query Made{number}Up {{ viewer {{ id }} }}")
    metrics = [
        sample.labels["name"]
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name == "router_operations_total" and sample.labels["name"].endswith(("Up", "(others)"))
    ]
    assert "Made0Up" in metrics
    assert "Made249Up" not in metrics
    assert "(others)" in metrics


async def test_no_origin_is_allowed_by_default(client: httpx2.AsyncClient) -> None:
    asks = {"Origin": APP, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    preflight = await client.options("/graphql", headers=asks)
    assert preflight.status_code == 400
    assert "access-control-allow-origin" not in preflight.headers


async def test_allowed_origins_may_call_the_api(settings: Settings) -> None:
    app = create_app(settings.model_copy(update={"cors_origins": f"{APP}, http://localhost:5173"}))
    async with app.router.lifespan_context(app), client_of(app) as client:
        asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
        for origin, allowed in ((APP, APP), ("http://localhost:5173", "http://localhost:5173"), ("https://evil", None)):
            preflight = await client.options("/graphql", headers=asks | {"Origin": origin})
            assert preflight.headers.get("access-control-allow-origin") == allowed
            answer = await client.post("/graphql", json={"query": "{ viewer { id } }"}, headers={"Origin": origin})
            assert answer.status_code == 401
            assert answer.headers.get("access-control-allow-origin") == allowed
            assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("origins", ["*", "app.example.com", "https://app.example.com/", "https://*.example.com"])
def test_an_invalid_origin_is_rejected_at_the_start(origins: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROUTER_CORS_ORIGINS", origins)
    with pytest.raises(StartupError, match="ROUTER_CORS_ORIGINS: must be origins such as"):
        Settings.from_environment()
