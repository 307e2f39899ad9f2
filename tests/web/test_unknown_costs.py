"""Unknown costs and provider aliases on the dashboard."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from playwright.async_api import Page, Route, expect

from tests.support.api import Api
from tests.web.conftest import Open, violations
from tests.web.test_dashboard import PREFERENCES, SAVE, START_TEST, log, spent, tab

SET_BUDGET = """
mutation($enforced: Boolean!) {
  createCostAlert(input: {alertType: "budget", thresholdAmount: "1", period: CUSTOM, enforced: $enforced,
    custom: {every: 1000, unit: WEEK, anchor: "2020-01-01T00:00:00Z"}}) { ... on CostAlert { id unknownCost } }
}
"""
ROUTE = """
mutation($tokens: Int!) {
  routeRequest(input: {taskType: "chat", inputTokens: $tokens, maxOutputTokens: 0,
    candidates: [{provider: "openai", model: "gpt-4o"}]}) { ... on RoutingDecision { id heldAmount } }
}
"""
ALERT = "{ costAlerts { nodes { currentAmount assumedAmount heldAmount availableAmount unpricedCalls unknownCost } } }"
CALLS = "{ analytics { nodes { cost inputTokens success qualityScore } } }"
ALIASES = "{ providerAliases { alias provider } }"


def of_unknown_cost(number: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "provider": "my-proxy",
        "modelUsed": "mine",
        "taskType": "chat",
        "success": True,
        "eventId": f"u{number}",
    } | more


async def analytics(page: Page) -> None:
    """Open the analytics tab with a time range that includes the calls, which have the time of the test's clock."""
    await tab(page, "Analytics")
    await page.get_by_label("Range").select_option("year")


async def test_an_unknown_cost_is_never_shown_as_0(open_page: Open, live_api: Api) -> None:
    # given calls of unknown cost, of a cost of 0, and of less than a cent
    await live_api.ask(SET_BUDGET, enforced=False)
    await log(
        live_api,
        *(of_unknown_cost(n) for n in range(3)),
        spent("0", modelUsed="free"),
        spent("0.00075", modelUsed="cheap"),
        spent("0.00075", 1, modelUsed="half"),
        of_unknown_cost(3, provider="openai", modelUsed="half"),
    )
    page = await open_page()
    await analytics(page)
    # then each sum is shown with its number of unpriced calls
    await expect(page.get_by_text("Total cost: at least $0.0015 · 4 calls of unknown cost")).to_be_visible()
    await expect(page.get_by_text("4 calls of unknown cost are not included in the chart.")).to_be_visible()
    advice = page.get_by_text("Log token counts or a cost, register a price, or correct the calls.")
    await expect(advice).to_be_visible()
    models = page.get_by_role("region", name="Models compared")
    await expect(models.get_by_role("row", name="my-proxy mine")).to_contain_text("unknown · 3 calls of unknown cost")
    await expect(models.get_by_role("row", name="my-proxy mine")).not_to_contain_text("$")
    await expect(models.get_by_role("row", name="openai half")).to_contain_text(
        "at least $0.00075 · 1 call of unknown cost"
    )
    await expect(models.get_by_role("row", name="openai half")).to_contain_text("$0.00075 · over 1 call")
    await expect(models.get_by_role("row", name="openai free")).to_contain_text("$0.00")
    await expect(models.get_by_text("$0.00", exact=True)).to_have_count(2)  # in total and per call, for the free model
    # also for a call
    await page.get_by_role("button", name="Show").click()
    calls = page.get_by_role("region", name="Logged calls", exact=True)
    await expect(calls.get_by_role("row", name="mine")).to_have_count(3)
    for row in await calls.get_by_role("row", name="mine").all():
        await expect(row.get_by_role("cell").nth(7)).to_have_text("unknown")
    await expect(calls.get_by_role("row", name="free").get_by_role("cell").nth(7)).to_have_text("$0.00recorded")
    await expect(calls.get_by_role("row", name="cheap").get_by_role("cell").nth(7)).to_have_text("$0.00075recorded")
    # also for an alert
    await tab(page, "Cost Alerts")
    card = page.get_by_role("listitem", name="budget")
    await expect(card.get_by_role("meter")).to_have_accessible_name(re.compile(r"^at least \$0.0015 spent of \$1.00"))
    await expect(card.get_by_role("meter")).to_have_accessible_description(
        "4 calls of unknown cost are not included in the spend"
    )
    await expect(card).not_to_contain_text(re.compile(r"\$0\.00(?!\d)"))


async def test_an_alert_and_a_variant_with_only_unpriced_calls_show_no_amount(open_page: Open, live_api: Api) -> None:
    await live_api.ask(SET_BUDGET, enforced=False)
    test = await live_api.ask(START_TEST)
    await log(
        live_api,
        of_unknown_cost(0, provider="openai", modelUsed="a", abTestId=test["id"], abVariant="A"),
        of_unknown_cost(1, provider="openai", modelUsed="b", abTestId=test["id"], abVariant="B"),
        of_unknown_cost(2, provider="openai", modelUsed="b", abTestId=test["id"], abVariant="B", cost="0"),
    )
    page = await open_page()
    await tab(page, "Cost Alerts")
    card = page.get_by_role("listitem", name="budget")
    await expect(card.get_by_text("an unknown amount spent of $1.00")).to_be_visible()
    await expect(card.get_by_role("meter")).to_have_attribute("aria-valuetext", "unknown")
    await expect(card.get_by_text("2 calls of unknown cost are not included in the spend")).to_be_visible()
    await expect(card.get_by_text("at most $1.00")).to_be_visible()
    await expect(card).not_to_contain_text("$0.00")
    await tab(page, "A/B Testing")
    test_card = page.get_by_role("listitem", name="a or b")
    await expect(test_card.get_by_role("row", name="A: openai a")).to_contain_text("unknown · 1 call of unknown cost")
    await expect(test_card.get_by_role("row", name="B: openai b")).to_contain_text("unknown · 1 call of unknown cost")
    await expect(test_card.get_by_role("table")).not_to_contain_text("$")


async def test_an_alert_shows_known_assumed_and_held_spend(open_page: Open, live_api: Api) -> None:
    # given
    await live_api.ask(SET_BUDGET, enforced=True)
    await log(live_api, spent("0.4"))
    assumed = await live_api.ask(ROUTE, tokens=40_000)
    await log(live_api, of_unknown_cost(0, provider="openai", modelUsed="gpt-4o", decisionId=assumed["id"]))
    held = await live_api.ask(ROUTE, tokens=20_000)
    [alert] = (await live_api.ask(ALERT))["nodes"]
    assert alert == {
        "currentAmount": "0.4",
        "assumedAmount": "0.1",
        "heldAmount": "0.05",
        "availableAmount": "0.45",
        "unpricedCalls": 1,
        "unknownCost": "REFUSE",
    }, (assumed, held)
    page = await open_page()
    await tab(page, "Cost Alerts")
    card = page.get_by_role("listitem", name="budget")
    # then
    await expect(card.get_by_text("at least $0.40 spent, $0.10 assumed, $0.05 held of $1.00")).to_be_visible()
    meter = card.get_by_role("meter")
    await expect(meter).to_have_accessible_name("at least $0.40 spent, $0.10 assumed, $0.05 held of $1.00")
    await expect(meter).to_have_attribute("aria-valuetext", "at least 40.0 %")
    await expect(card.get_by_text("$0.45 available to routing")).to_be_visible()
    await expect(card.get_by_text("1 call of unknown cost is not included in the spend")).to_be_visible()
    widths = [await card.locator(f".track .{part}").get_attribute("style") for part in ("spent", "assumed", "held")]
    assert widths == ["width: 40%;", "width: 10%;", "width: 5%;"]
    # and its handling of unknown costs can be changed
    await expect(card.get_by_text("rejected")).to_be_visible()
    await card.get_by_role("button", name="Unknown costs of budget").click()
    await page.get_by_role("dialog").get_by_label("Allow:").check()
    await page.get_by_role("dialog").get_by_role("button", name="Save").click()
    await expect(card.get_by_text("allowed")).to_be_visible()
    await expect(page.locator(":focus")).to_have_attribute("aria-label", "Unknown costs of budget")
    [alert] = (await live_api.ask(ALERT))["nodes"]
    assert alert["unknownCost"] == "ALLOW"


async def test_a_new_alert_shows_its_handling_of_unknown_costs(open_page: Open, live_api: Api) -> None:
    page = await open_page()
    await tab(page, "Cost Alerts")
    await page.get_by_role("button", name="New Alert").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Threshold, USD").fill("5")
    await expect(dialog.get_by_role("group", name="Models of unknown cost")).to_be_hidden()
    await dialog.get_by_label("Reject requests that would exceed the threshold").check()
    await expect(dialog.get_by_label("Reject: no request is routed to")).to_be_checked()
    await dialog.get_by_label("Allow: requests are routed to").check()
    await dialog.get_by_role("button", name="Create alert").click()
    await expect(page.get_by_text("daily, enforced")).to_be_visible()
    [alert] = (await live_api.ask(ALERT))["nodes"]
    assert alert["unknownCost"] == "ALLOW"


async def test_an_alias_is_added_and_deleted(open_page: Open, live_api: Api) -> None:
    await log(live_api, of_unknown_cost(0, provider="GPU box"))
    page = await open_page()
    names = page.get_by_role("list", name="Provider aliases")
    # when the name belongs to a provider already
    await page.get_by_label("Alias", exact=True).fill("Azure OpenAI")
    await page.get_by_label("Provider of the alias").fill("vllm")
    await page.get_by_role("button", name="Add alias").click()
    name = page.get_by_label("Alias", exact=True)
    await expect(name).to_have_accessible_description("alias: already a name of the provider azure")
    await expect(name).to_be_focused()
    # and a provider group cannot be the target
    await name.fill("gpu-box")
    await page.get_by_label("Provider of the alias").fill("vendor:openai")
    await page.get_by_role("button", name="Add alias").click()
    provider = page.get_by_label("Provider of the alias")
    await expect(provider).to_have_accessible_description("provider: must be a provider, not a vendor group")
    # and a valid alias is accepted
    await provider.fill("VLLM")
    await page.get_by_role("button", name="Add alias").click()
    await expect(names.get_by_role("listitem")).to_have_text("gpu-box is vLLM (vllm)Delete")
    assert await live_api.ask(ALIASES) == [{"alias": "gpu-box", "provider": "vllm"}]
    # then every field recognizes it
    await page.get_by_label("Add to preferred providers").fill("GPU_Box")
    await expect(page.get_by_text("GPU_Box is vLLM (vllm)")).to_be_visible()
    await analytics(page)
    await expect(page.get_by_role("row", name="vllm mine")).to_be_visible()
    # and when it is deleted
    await tab(page, "Preferences")
    await page.get_by_role("button", name="Delete gpu-box").click()
    await expect(names.get_by_role("listitem")).to_have_count(0)
    await expect(name).to_be_focused()
    assert await live_api.ask(ALIASES) == []


async def test_one_provider_is_not_preferred_and_blocked_under_two_names(open_page: Open, live_api: Api) -> None:
    await live_api.ask(SAVE, input={"preferredProviders": ["azure"]})
    page = await open_page()
    field = page.get_by_label("Add to blocked providers")
    await field.fill("azure_openai")
    await expect(page.get_by_text("azure_openai is Azure OpenAI (azure)")).to_be_visible()
    await field.press("Enter")
    await expect(field).to_have_accessible_description(
        re.compile("blockedProviders: azure is also in preferredProviders")
    )
    await expect(field).to_have_value("azure_openai")
    await expect(field).to_be_focused()
    assert (await live_api.ask(PREFERENCES))["preferredProviders"] == ["azure"]
    # and an unknown group is rejected there too
    await field.fill("vendor:nobody")
    await field.press("Enter")
    await expect(field).to_have_accessible_description(re.compile("vendor:nobody is not a known group"))
    # and a known group is suggested and accepted
    assert await page.locator("option[value='vendor:anthropic']").count() == 1
    await field.fill("vendor:anthropic")
    await field.press("Enter")
    await expect(page.get_by_role("grid", name="Blocked providers").get_by_role("row")).to_have_count(1)
    await expect(field).to_have_accessible_description("")


async def test_the_most_called_provider_is_suggested_first(open_page: Open, live_api: Api) -> None:
    await log(live_api, *(of_unknown_cost(n, provider="Vertex AI") for n in range(2)), of_unknown_cost(2))
    page = await open_page()
    await page.get_by_label("Add to preferred providers").focus()
    options = page.locator("datalist option")
    await expect(options.first).to_have_attribute("value", "google-vertex")
    await expect(options.first).to_have_attribute("label", re.compile("Vertex AI, 2 calls$"))
    await expect(options.nth(1)).to_have_attribute("value", "my-proxy")


async def test_a_call_is_amended_and_the_totals_follow(open_page: Open, live_api: Api) -> None:
    await log(
        live_api,
        of_unknown_cost(
            0,
            provider="OpenRouter.ai",
            modelUsed="Mine-1",
            inputTokens=1_000,
            outputTokens=200,
            cachedTokens=300,
            reasoningTokens=50,
            metadata={"long": "x" * 20_000},
        ),
        spent("0.25"),
    )
    page = await open_page()
    await analytics(page)
    await expect(page.get_by_text("Total cost: at least $0.25 · 1 call of unknown cost")).to_be_visible()
    await page.get_by_role("button", name="Show").click()
    row = page.get_by_role("region", name="Logged calls", exact=True).get_by_role("row", name="mine-1")
    for shown in (
        "sent as OpenRouter.ai",
        "sent as Mine-1",
        "1,000 in, 200 out",
        "300 cached, 50 reasoning",
        "metadata truncated",
    ):
        await expect(row).to_contain_text(shown)
    # when it is amended, first with invalid values
    await row.get_by_role("button", name="Correct").click()
    dialog = page.get_by_role("dialog")
    for label, wrong, message in (
        ("Cost, USD", "-1", "cost: must be from 0 to 100000 USD"),
        ("Input tokens", "100", "inputTokens"),
        ("Output tokens", "1.5", "outputTokens: must be a whole number"),
        ("Quality, 0 to 1", "2", "qualityScore"),
    ):
        await dialog.get_by_label(label).fill(wrong)
        await dialog.get_by_role("button", name="Correct").click()
        if label != "Input tokens":  # fewer than the cached tokens: the message is the server's
            await expect(dialog.get_by_label(label)).to_have_accessible_description(re.compile(re.escape(message)))
            await expect(dialog.get_by_label(label)).to_be_focused()
        else:
            await expect(dialog.get_by_role("alert").filter(has_text=re.compile("cached"))).to_be_visible()
        await dialog.get_by_label(label).fill("")
    await dialog.get_by_label("Cost, USD").fill("0.5")
    await dialog.get_by_label("Input tokens").fill("2000")
    await dialog.get_by_label("Result").select_option("false")
    await dialog.get_by_label("Quality, 0 to 1").fill("0.25")
    await dialog.get_by_role("button", name="Correct").click()
    # then
    await expect(dialog).to_be_hidden()
    await expect(page.get_by_text("Total cost: $0.75")).to_be_visible()
    await expect(page.get_by_text("of unknown cost")).to_have_count(0)
    for shown in ("$0.50", "recorded", "2,000 in, 200 out", "failure", "amended"):
        await expect(row).to_contain_text(shown)
    await expect(row.get_by_role("button", name="Correct")).to_be_focused()
    calls = (await live_api.ask(CALLS))["nodes"]
    assert {"cost": "0.5", "inputTokens": 2_000, "success": False, "qualityScore": 0.25} in calls


async def test_figures_that_an_amendment_overtook_are_read_again(open_page: Open, live_api: Api) -> None:
    # given a page whose figures by model were read before an amendment, and arrive after it
    await log(live_api, of_unknown_cost(0))
    page = await open_page()
    corrected, held = asyncio.Event(), 0

    async def hold(route: Route) -> None:
        nonlocal held
        if "query Leaders" not in (route.request.post_data or ""):
            await route.fallback()
            return
        held += 1
        answer = await route.fetch()
        await corrected.wait()
        await route.fulfill(response=answer)

    await page.route("**/graphql", hold)
    await analytics(page)
    await page.get_by_role("button", name="Show").click()
    await page.get_by_role("button", name="Correct").click()
    await page.get_by_label("Cost, USD").fill("0.5")
    # when
    await page.get_by_role("dialog").get_by_role("button", name="Correct").click()
    await expect(page.get_by_text("Total cost: $0.50")).to_be_visible()
    before = held
    corrected.set()
    # then they are read again
    models = page.get_by_role("region", name="Models compared")
    await expect(models.get_by_role("row", name="my-proxy mine")).to_contain_text("$0.50")
    await expect(page.get_by_text("of unknown cost")).to_have_count(0)
    assert held == before + 1


async def test_an_amended_live_call_is_updated_in_its_row(open_page: Open, live_api: Api) -> None:
    page = await open_page()
    await analytics(page)
    await log(live_api, of_unknown_cost(0), spent("1"))
    live = page.get_by_role("region", name="Live calls")
    await expect(live.get_by_role("row")).to_have_count(3)
    amend = 'mutation { amendAnalytics(eventId: "u0", input: {cost: "0.125"}) { __typename } }'
    await live_api.ask(amend)
    await expect(live.get_by_role("row", name="my-proxy")).to_contain_text("$0.125")
    await expect(live.get_by_role("row")).to_have_count(3)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1440])
async def test_unknown_costs_are_accessible_and_fit_the_screen(
    open_page: Open, live_api: Api, width: int, scheme: Any
) -> None:
    await live_api.ask(SET_BUDGET, enforced=True)
    await log(live_api, of_unknown_cost(0, provider="OpenRouter.ai"), spent("0.4"))
    await live_api.ask(ROUTE, tokens=20_000)
    await live_api.ask('mutation { registerProviderAlias(alias: "box", provider: "vllm") { __typename } }')
    page = await open_page(viewport={"width": width, "height": 900}, color_scheme=scheme)

    async def fits(what: str) -> None:
        await page.wait_for_load_state("networkidle")
        assert await violations(page) == [], what
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, what

    await expect(page.get_by_text("box is vLLM")).to_be_visible()
    await page.get_by_label("Add to blocked providers").fill("vendor:nobody")
    await page.get_by_label("Add to blocked providers").press("Enter")
    await expect(page.get_by_role("alert").filter(has_text="is not a known group")).to_be_visible()
    await fits("names")
    await tab(page, "Cost Alerts")
    await expect(page.get_by_text("$0.05 held of $1.00")).to_be_visible()
    await fits("an alert")
    await page.get_by_role("button", name="Unknown costs of budget").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await fits("its setting")
    await page.keyboard.press("Escape")
    await analytics(page)
    await page.get_by_role("button", name="Show").click()
    await page.get_by_role("button", name=re.compile("^Correct the call")).last.click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await fits("a correction")
