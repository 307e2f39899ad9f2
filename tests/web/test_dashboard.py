"""The dashboard in a real browser."""

from __future__ import annotations

import asyncio
import gzip
import re
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.async_api import Page, expect

from server.web import BUILT
from tests.support.api import Api
from tests.support.load import LOG_MANY
from tests.support.process import run, running, token_of
from tests.web.conftest import Open, violations

SAVE = "mutation($input: SavePreferencesInput!) { savePreferences(input: $input) { __typename } }"
PREFERENCES = (
    "{ preferences { defaultPriority maxCostPerRequest maxLatencyMs preferredProviders customRules { name } } }"
)
SET_ALERT = """
mutation { createCostAlert(input: {alertType: "daily", thresholdAmount: "10", period: DAILY}) { ... on CostAlert { id } } }
"""
START_TEST = """
mutation { createABTest(input: {
  testName: "a or b", variantA: {provider: "openai", model: "a"}, variantB: {provider: "openai", model: "b"}
}) { ... on ABTest { id } } }
"""
NOTE_LABELS = """
window.leftEdges = {};
const draw = CanvasRenderingContext2D.prototype.fillText;
CanvasRenderingContext2D.prototype.fillText = function (text, x, ...more) {
  leftEdges[text] = x - this.measureText(text).actualBoundingBoxLeft;
  draw.call(this, text, x, ...more);
};
"""
TABS = ["Preferences", "A/B Testing", "Cost Alerts", "Analytics"]


def spent(cost: str, number: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "provider": "openai",
        "modelUsed": "gpt-4o",
        "taskType": "chat",
        "success": True,
        "cost": cost,
        "latencyMs": 400,
        "eventId": f"e{number}{cost}",
    } | more


async def log(api: Api, *records: dict[str, Any]) -> None:
    assert (await api.ask(LOG_MANY, input=list(records)))["accepted"] == len(records)


async def tab(page: Page, name: str) -> None:
    """Select the tab, once the page receives events."""
    await expect(page.get_by_role("banner").get_by_text("Live")).to_be_visible()
    await page.get_by_role("tab", name=name).click()


async def test_the_link_signs_in_and_leaves_no_token_in_the_address(open_page: Open, url: str) -> None:
    page = await open_page()
    await expect(page.get_by_role("heading", name="Routing preferences")).to_be_visible()
    assert page.url == f"{url}/enterprise-router"
    await expect(page.get_by_role("banner").get_by_text("Live")).to_be_visible()
    # and after signing out, the page asks for a token, which is stored for this tab only
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_label("Token")).to_be_visible()
    assert await page.evaluate("[sessionStorage.length, localStorage.length, document.cookie]") == [0, 0, ""]


async def test_an_invalid_token_is_reported(open_page: Open, token: str) -> None:
    page = await open_page(
        signed_in="nonsense",  # the socket library reports the close although the page asked it not to retry
        allowed=("401", "WebSocket", "CloseEvent"),
    )
    await expect(page.get_by_role("alert")).to_have_text("The token is invalid or has expired.")
    await page.get_by_label("Token").fill(token)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("heading", name="Routing preferences")).to_be_visible()


async def test_preferences_are_saved_on_change_can_be_undone_and_follow_other_clients(
    open_page: Open, live_api: Api
) -> None:
    page = await open_page()
    # when changed
    await page.get_by_text("quality", exact=True).click()
    await expect(page.get_by_text("Saved")).to_be_visible()
    await page.get_by_label("Max cost per request, USD").fill("0.05")
    await page.get_by_label("Max cost per request, USD").press("Enter")
    await page.get_by_label("Add to preferred providers").fill("openai")
    await page.get_by_label("Add to preferred providers").press("Enter")
    await expect(page.get_by_role("grid", name="Preferred providers").get_by_role("row", name="openai")).to_be_visible()
    await page.get_by_label("Add to preferred providers").fill("anthropic")
    await page.get_by_label("Add to preferred providers").press("Enter")
    await expect(
        page.get_by_role("grid", name="Preferred providers").get_by_role("row", name="anthropic")
    ).to_be_visible()
    # then
    assert await live_api.ask(PREFERENCES) == {
        "defaultPriority": "QUALITY",
        "maxCostPerRequest": "0.05",
        "maxLatencyMs": None,
        "preferredProviders": ["openai", "anthropic"],
        "customRules": [],
    }
    # and an invalid value is reported and not stored
    await page.get_by_label("Max latency, ms").fill("-1")
    await page.get_by_label("Max latency, ms").press("Enter")
    await expect(page.get_by_text(re.compile("Not saved. .*maxLatencyMs"))).to_be_visible()
    # and undone
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_role("row", name="anthropic")).to_be_hidden()
    assert (await live_api.ask(PREFERENCES))["preferredProviders"] == ["openai"]
    # and a limit that is not a number does not clear the stored one
    await page.get_by_label("Max latency, ms").fill("2,000")
    await page.get_by_label("Max latency, ms").press("Enter")
    await expect(page.get_by_text("must be a whole number")).to_be_visible()
    # and changes of another client appear on every tab
    await tab(page, "Analytics")
    await live_api.ask(SAVE, input={"defaultPriority": "PRIVACY", "maxLatencyMs": 900})
    await tab(page, "Preferences")
    await expect(page.get_by_role("radio", name="privacy")).to_be_checked()
    await expect(page.get_by_label("Max latency, ms")).to_have_value("900")


async def test_quick_changes_do_not_undo_each_other(open_page: Open, live_api: Api) -> None:
    await live_api.ask(SAVE, input={"preferredProviders": ["openai", "anthropic", "groq"]})
    page = await open_page()
    await page.get_by_role("button", name="Remove openai").wait_for()
    # both changes before the first is answered
    await page.evaluate(
        "for (const name of ['openai', 'groq']) document.querySelector(`[aria-label='Remove ${name}']`).click()"
    )
    await expect(page.get_by_role("grid", name="Preferred providers").get_by_role("row")).to_have_count(1)
    assert (await live_api.ask(PREFERENCES))["preferredProviders"] == ["anthropic"]


async def test_a_link_that_is_opened_in_an_open_page_signs_in(open_page: Open, url: str, token: str) -> None:
    page = await open_page()
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_label("Token")).to_be_visible()
    await page.goto(f"{url}/enterprise-router#token={token}")
    await expect(page.get_by_role("heading", name="Routing preferences")).to_be_visible()
    assert page.url == f"{url}/enterprise-router"


async def test_providers_are_ordered_by_keyboard(open_page: Open, live_api: Api) -> None:
    await live_api.ask(SAVE, input={"preferredProviders": ["openai", "anthropic", "groq"]})
    page = await open_page()
    focused = page.locator(":focus")
    # with Tab into the list, to the handle of its last row
    await page.get_by_label("Daily cost alert threshold, USD").focus()
    await page.keyboard.press("Tab")
    await expect(focused).to_have_attribute("aria-label", "openai")
    await page.keyboard.press("End")
    await expect(focused).to_have_attribute("aria-label", "groq")
    await page.keyboard.press("ArrowRight")
    await expect(focused).to_have_attribute("aria-label", "Move groq")
    await page.keyboard.press("Enter")
    await expect(focused).to_have_attribute("aria-label", re.compile("Insert"))
    while await focused.get_attribute("aria-label") != "Insert between openai and anthropic":
        await page.keyboard.press("ArrowUp")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Saved")).to_be_visible()
    assert (await live_api.ask(PREFERENCES))["preferredProviders"] == ["openai", "groq", "anthropic"]


async def test_providers_are_ordered_by_dragging(open_page: Open, live_api: Api) -> None:
    await live_api.ask(SAVE, input={"preferredProviders": ["openai", "anthropic", "groq"]})
    page = await open_page()
    first = page.get_by_role("row", name="openai")
    await page.get_by_role("row", name="groq").drag_to(first, target_position={"x": 3, "y": 3})
    await expect(page.get_by_text("Saved")).to_be_visible()
    assert (await live_api.ask(PREFERENCES))["preferredProviders"] == ["groq", "openai", "anthropic"]


async def test_a_rule_is_added_and_simulated(open_page: Open, live_api: Api) -> None:
    page = await open_page()
    await page.get_by_role("button", name="New Rule").click()
    dialog = page.get_by_role("dialog", name="New rule")
    await dialog.get_by_label("Name").fill("no openai for code")
    await dialog.get_by_label("Task type").fill("code")
    await dialog.get_by_label("Block providers").fill("openai, groq")
    await dialog.get_by_role("button", name="Add rule").click()
    await expect(page.get_by_text("When task is code: block openai, groq.")).to_be_visible()
    assert (await live_api.ask(PREFERENCES))["customRules"] == [{"name": "no openai for code"}]
    # and changed
    await page.get_by_role("button", name="Edit no openai for code").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Block providers").fill("openai")
    await dialog.get_by_role("button", name="Save rule").click()
    await expect(page.get_by_text("When task is code: block openai.")).to_be_visible()
    # and again after a reload
    await page.reload()
    await page.get_by_role("button", name="Edit no openai for code").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("From hour").fill("9")
    await dialog.get_by_role("button", name="Save rule").click()
    await expect(dialog.get_by_text("Hours: fill in both From hour and To hour, or neither.")).to_be_visible()
    await dialog.get_by_label("To hour").fill("17")
    await dialog.get_by_role("button", name="Save rule").click()
    await expect(page.get_by_text("between 9:00 and 17:00 UTC: block openai.")).to_be_visible()
    # when simulated
    simulation = page.locator("form").filter(has_text="Simulate")
    await simulation.get_by_label("Task type").fill("code")
    await simulation.get_by_role("button", name="Simulate").click()
    await expect(page.get_by_text(re.compile(r"^To .* Rules: no openai for code\.$"))).to_be_visible()


async def test_an_alert_is_created_fires_is_shown_and_acknowledged(open_page: Open, live_api: Api) -> None:
    page = await open_page()
    await tab(page, "Cost Alerts")
    await page.get_by_role("button", name="New Alert").click()
    dialog = page.get_by_role("dialog", name="New cost alert")
    await dialog.get_by_label("Name").fill("daily")
    await dialog.get_by_label("Threshold, USD").fill("10")
    await dialog.get_by_role("button", name="Create alert").click()
    card = page.get_by_role("listitem", name="daily")
    await expect(card.get_by_text("Active")).to_be_visible()
    await expect(card.get_by_role("meter")).to_have_attribute("aria-valuetext", "0.0 %")
    # when another client spends
    await log(live_api, spent("8.5"))
    # then the toast and the bar show that it is near its limit
    toasts = page.get_by_label("Notifications")
    await expect(toasts.get_by_text("daily: near its limit")).to_be_visible()
    await expect(card.get_by_text("Near limit")).to_be_visible()
    await expect(card.get_by_role("meter")).to_have_attribute("aria-valuetext", "85.0 %")
    # and when it is over the limit
    await log(live_api, spent("3"))
    await expect(toasts.get_by_text("daily: threshold reached")).to_be_visible()
    await expect(toasts.get_by_text("daily: near its limit")).to_be_hidden()
    await expect(toasts.get_by_text("$11.50 of $10.00")).to_be_visible()
    await expect(card.get_by_text("Triggered").first).to_be_visible()
    await expect(card.get_by_role("meter")).to_have_attribute("aria-valuetext", "115.0 %")
    # and when it is acknowledged
    await card.get_by_role("button", name="Acknowledge").click()
    await expect(card.get_by_text("Acknowledged")).to_be_visible()
    await expect(card.get_by_role("button", name="Acknowledge")).to_be_hidden()
    await page.get_by_role("button", name="Dismiss: daily: threshold reached").click()
    await expect(toasts.get_by_text("daily: threshold reached")).to_be_hidden()
    # and when it is deleted
    await card.get_by_role("button", name="Delete").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete alert").click()
    await expect(card).to_be_hidden()
    # and the alert of the preferences appears with them
    await tab(page, "Preferences")
    await page.get_by_label("Daily cost alert threshold, USD").fill("50")
    await page.get_by_label("Daily cost alert threshold, USD").press("Enter")
    await expect(page.get_by_text("Saved")).to_be_visible()
    await tab(page, "Cost Alerts")
    await expect(page.get_by_text("$11.50 spent of $50.00")).to_be_visible()


async def test_a_test_is_started_followed_and_ended_with_a_winner(open_page: Open, live_api: Api) -> None:
    page = await open_page()
    await tab(page, "A/B Testing")
    await page.get_by_role("button", name="New Test").click()
    dialog = page.get_by_role("dialog", name="New A/B test")
    await dialog.get_by_label("Name").fill("mini or haiku")
    for variant, model in (("A", "gpt-4o-mini"), ("B", "claude-3-haiku")):
        group = dialog.get_by_role("group", name=f"Variant {variant}")
        await group.get_by_label("Provider").fill("openai")
        await group.get_by_label("Model").fill(model)
    await dialog.get_by_role("button", name="Start test").click()
    card = page.get_by_role("listitem", name="mini or haiku")
    await expect(card.get_by_text("Active")).to_be_visible()
    # when calls are counted for it
    [test] = (await live_api.ask("{ abTests { nodes { id } } }"))["nodes"]
    models = {"A": "gpt-4o-mini", "B": "claude-3-haiku"}
    await log(
        live_api,
        *(
            spent(
                "0.01", n, abTestId=test["id"], abVariant="AB"[n % 2], modelUsed=models["AB"[n % 2]], success=n % 4 > 0
            )
            for n in range(40)
        ),
    )
    # then they are shown
    await expect(card.get_by_role("row", name="A: openai gpt-4o-mini")).to_contain_text("20")
    await expect(card.get_by_role("row", name="A: openai gpt-4o-mini")).to_contain_text("50.0 %")
    # with their certainty
    await card.get_by_text("Confidence interval over time").click()
    await expect(card.get_by_text("Not enough calls for an interval yet.")).to_be_visible()
    await log(
        live_api,
        *(
            spent(
                "0.01", n, abTestId=test["id"], abVariant="AB"[n % 2], modelUsed=models["AB"[n % 2]], success=n % 4 > 0
            )
            for n in range(40, 640)
        ),
    )
    await expect(card.get_by_role("img", name=re.compile("Difference in success rate, A minus B"))).to_be_visible()
    # and it is ended with the shown evidence
    await card.get_by_role("button", name="Choose B").click()
    confirm = page.get_by_role("dialog")
    await expect(confirm.get_by_text("A: 320 calls, B: 320 calls.")).to_be_visible()
    await confirm.get_by_role("button", name="Choose B").click()
    await expect(card.get_by_text("Winner: B")).to_be_visible()
    # and its rule exists
    await tab(page, "Preferences")
    await expect(page.locator(".rules li")).to_have_count(1)
    [ended] = (await live_api.ask("{ abTests { nodes { active winner } } }"))["nodes"]
    assert ended == {"active": False, "winner": "B"}


async def test_analytics_show_logged_and_live_calls(open_page: Open, live_api: Api, tmp_path: Path) -> None:
    at = "2026-03-09T10:15:00Z"
    await log(live_api, *(spent("0.02", n, occurredAt=at, success=n % 10 > 0) for n in range(250)))
    page = await open_page()
    await tab(page, "Analytics")
    await page.get_by_label("Range").select_option("year")
    await expect(page.get_by_role("heading", name="Calls: 250")).to_be_visible()
    # by days too, including both ends
    await page.get_by_label("Range").select_option("days")
    await page.get_by_label("From").fill("2026-03-10")
    await page.get_by_label("To").fill("2026-03-10")
    await expect(page.get_by_role("heading", name="Calls: 0")).to_be_visible()
    await page.get_by_label("From").fill("2026-03-09")
    await expect(page.get_by_role("heading", name="Calls: 250")).to_be_visible()
    await expect(page.get_by_role("row", name=re.compile("openai gpt-4o 250"))).to_contain_text("$5.00")
    await expect(page.get_by_title(re.compile(r"^monday 10:00: (39|40)\d ms, 250 calls$"))).to_be_attached()
    await page.get_by_label("Shows").select_option("errorRate")
    await expect(page.get_by_title("monday 10:00: 10.0 %, 250 calls")).to_be_attached()
    # page by page
    await page.get_by_role("button", name="Show").click()
    rows = page.get_by_role("region", name="Logged calls", exact=True).get_by_role("row")
    await expect(rows).to_have_count(101)
    for number in (2, 3):
        await page.get_by_role("button", name="Next page").click()
        await expect(page.get_by_role("heading", name=f"Logged calls, page {number}")).to_be_visible()
    await expect(rows).to_have_count(51)
    await expect(page.get_by_role("button", name="Next page")).to_be_disabled()
    # live calls
    await log(live_api, spent("0.5", 999, modelUsed="new-model"))
    await expect(
        page.get_by_role("region", name="Live calls").get_by_role("row", name=re.compile("new-model"))
    ).to_be_visible()
    # and the export
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Export CSV").click()
    path = tmp_path / "export.csv"
    await (await download.value).save_as(path)
    assert len(path.read_text().splitlines()) == 252


async def test_the_labels_of_a_chart_are_whole(open_page: Open, live_api: Api) -> None:
    # Given latencies whose labels are long
    await log(live_api, *(spent("0.02", n, latencyMs=latency) for n, latency in enumerate([9_000, 14_000_000])))
    page = await open_page()
    await page.add_init_script(NOTE_LABELS)
    await page.reload()
    # When the chart is drawn
    await tab(page, "Analytics")
    await page.get_by_label("Range").select_option("year")
    edges: dict[str, float] = {}
    async with asyncio.timeout(20):
        while "10,000,000 ms" not in edges:
            await page.evaluate("new Promise(requestAnimationFrame)")
            edges = await page.evaluate("leftEdges")
    # Then each label starts within it
    assert {label: edge for label, edge in edges.items() if label.endswith(" ms") and edge < 0} == {}


async def test_advice_becomes_a_test(open_page: Open, live_api: Api) -> None:
    for provider, model, cost in (("openai", "dear", 0.05), ("groq", "cheap", 0.01)):
        for start in range(0, 2_000, 1_000):
            await log(
                live_api,
                *(
                    spent(
                        f"{cost * (1 + n % 3 / 10):.6f}",
                        n,
                        provider=provider,
                        modelUsed=model,
                        success=n % 50 > 0,
                        eventId=f"{model}{n}",
                        inputTokens=1000,
                        outputTokens=100,
                        occurredAt="2026-03-08T10:15:00Z",
                    )
                    for n in range(start, start + 1_000)
                ),
            )
    page = await open_page()
    await tab(page, "Analytics")
    await page.get_by_label("Range").select_option("year")
    advice = page.get_by_role("listitem").filter(has_text="groq cheap costs about")
    await advice.get_by_role("button", name="Start A/B test").click()
    await expect(advice.get_by_text("Started")).to_be_visible()
    await tab(page, "A/B Testing")
    await expect(page.get_by_text("groq cheap").first).to_be_visible()
    assert len((await live_api.ask("{ abTests { nodes { id } } }"))["nodes"]) == 1


async def test_an_alert_that_fires_while_the_server_is_down_is_shown_once(open_page: Open, tmp_path: Path) -> None:
    # given a server process, and a page that is subscribed
    data_dir = tmp_path / "data"
    assert run("migrate", data_dir=data_dir).returncode == 0
    token = token_of(data_dir)
    async with httpx2.AsyncClient(timeout=30) as client:
        with running(data_dir) as server:
            port = server.address.rsplit(":", 1)[1]
            client.base_url = httpx2.URL(server.address)
            api = Api(client, token)
            await api.ask(SET_ALERT)
            page = await open_page(
                origin=server.address,
                signed_in=token,
                allowed=("ERR_CONNECTION_REFUSED", "ERR_INTERNET_DISCONNECTED", "WebSocket"),
            )
            await expect(page.get_by_role("banner").get_by_text("Live")).to_be_visible()
            await log(api, spent("8.5"))
            toasts = page.get_by_label("Notifications")
            await expect(toasts.get_by_text("daily: near its limit")).to_be_visible()
            await page.get_by_role("button", name="Dismiss: daily: near its limit").click()
        await expect(page.get_by_text("Connection lost, trying again…")).to_be_visible()
        # when the server is back, and the alert fires before the page reconnects
        await page.context.set_offline(True)
        with running(data_dir, ROUTER_PORT=port):
            await log(api, spent("3"))
            await page.context.set_offline(False)
            # then
            await expect(toasts.get_by_text("daily: threshold reached")).to_be_visible()
            await expect(page.get_by_role("banner").get_by_text("Live")).to_be_visible()
            assert await toasts.get_by_text("daily:").count() == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1440])
async def test_all_tabs_are_accessible_and_fit_the_screen(
    open_page: Open, live_api: Api, width: int, scheme: Any
) -> None:
    await live_api.ask(SET_ALERT)
    await live_api.ask(START_TEST)
    await live_api.ask(SAVE, input={"preferredProviders": ["openai", "groq"], "blockedProviders": ["deepseek"]})
    await log(live_api, spent("8.5"))
    page = await open_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    for name in TABS:
        await tab(page, name)
        await expect(page.get_by_role("tabpanel").get_by_role("heading", level=2)).to_be_visible()
        await page.wait_for_load_state("networkidle")
        assert await violations(page) == [], name
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, name


async def test_an_alert_can_be_created_by_keyboard_only(open_page: Open) -> None:
    page = await open_page()
    await page.get_by_role("tab", name="Preferences").focus()
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("ArrowRight")
    await expect(page.get_by_role("heading", name="Cost alerts")).to_be_visible()
    for _ in range(10):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.textContent") == "New Alert":
            break
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog")).to_be_visible()
    while await page.evaluate("document.activeElement.name") != "threshold":
        await page.keyboard.press("Tab")
    await page.keyboard.type("25")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("$0.00 spent of $25.00")).to_be_visible()
    await expect(page.get_by_role("dialog")).to_be_hidden()


def test_the_size_of_the_dashboard_is_within_its_limit() -> None:
    html = (BUILT / "index.html").read_text()
    scripts = [BUILT / "assets" / Path(name).name for name in re.findall(r'(?:src|href)="([^"]+\.js)"', html)]
    assert scripts
    assert sum(len(gzip.compress(each.read_bytes())) for each in scripts) <= 250_000
