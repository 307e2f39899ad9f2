"""GraphiQL at GET /graphql. It loads nothing from other origins."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import httpx2
import pytest
from playwright.async_api import expect

from tests.support.api import Api
from tests.web.conftest import Open
from tests.web.test_dashboard import SET_ALERT, log, spent


async def test_queries_and_subscriptions_run_with_the_token_of_the_tab(open_page: Open, live_api: Api) -> None:
    page = await open_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await expect(page.get_by_role("heading", name="Routing preferences")).to_be_visible()
    assert not [url for url in asked if "graphiql" in url.lower() or "monaco" in url.lower()]
    # when opened from the dashboard
    await page.get_by_role("link", name="GraphiQL").click()
    await expect(page.get_by_label("Operation Editor")).to_contain_text("simulateRouting")
    await page.get_by_role("tab", name="Spend").click()
    await expect(page.get_by_role("tab", name="Spend")).to_have_attribute("aria-selected", "true")
    await expect(page.get_by_label("Operation Editor")).to_contain_text("analyticsSummary")
    await page.get_by_role("button", name="Execute query").click()
    await expect(page.locator(".result-window")).to_contain_text("analyticsSummary")
    # and a subscription
    await page.get_by_role("tab", name="Alerts").click()
    await expect(page.get_by_label("Operation Editor")).to_contain_text("alertTriggered")
    await page.get_by_role("button", name="Execute query").click()
    await expect(page.get_by_role("button", name="Stop query")).to_be_visible()
    for number in range(10):
        # the page does not show when the subscription begins, and earlier alert events are not received
        await live_api.ask(SET_ALERT)
        await log(live_api, spent("10", number))
        with suppress(AssertionError):
            await expect(page.locator(".result-window")).to_contain_text("TRIGGERED", timeout=2_000)
            return
    pytest.fail("no firing was shown")


async def test_missing_pages_say_how_to_build_them(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.web.BUILT", tmp_path)
    async with httpx2.AsyncClient(base_url=url, headers={"Accept": "text/html"}) as client:
        for path in ("/enterprise-router", "/graphql"):
            page = await client.get(path)
            assert (page.status_code, "<code>make web</code>" in page.text) == (503, True)
        # and the API works
        assert (await client.get("/readyz")).status_code == 200


async def test_the_bare_address_leads_to_the_dashboard(url: str) -> None:
    async with httpx2.AsyncClient(base_url=url) as client:
        answer = await client.get("/")
    assert (answer.status_code, answer.headers["location"]) == (307, "/enterprise-router")


async def test_pages_may_load_nothing_from_other_origins(url: str) -> None:
    async with httpx2.AsyncClient(base_url=url, headers={"Accept": "text/html"}) as client:
        policies = [
            (await client.get(path)).headers["content-security-policy"].split("; ")
            for path in ("/enterprise-router", "/graphql")
        ]
    for policy in policies:
        assert {"default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"} <= {*policy}
        assert not any("http" in directive or "*" in directive for directive in policy)


async def test_clients_receive_answers_and_not_the_page(url: str, token: str) -> None:
    async with httpx2.AsyncClient(base_url=url) as client:
        page = await client.get("/graphql", headers={"Accept": "text/html,*/*"})
        query = {"query": "{ __typename }"}
        answer = await client.get("/graphql", params=query, headers={"Accept": "text/html,*/*"})
        signed = {"Authorization": f"Bearer {token}", "Accept": "text/html, */*", "Sec-Fetch-Site": "same-origin"}
        good = await client.get("/graphql", params=query, headers=signed)
    assert (page.headers["content-type"], answer.status_code) == ("text/html; charset=utf-8", 401)
    assert good.json() == {"data": {"__typename": "Query"}}
