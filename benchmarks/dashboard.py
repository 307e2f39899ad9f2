"""`python -m benchmarks.dashboard`: measures how fast the dashboard loads and responds on a slow machine.

A real browser with its processor throttled to a quarter loads the page from a real server: first contentful paint, the time until the
preferences are shown, and the time from a click on a tab until its content is shown. Each is the median of several fresh loads. The user
has some 200 A/B tests, a third of which run, and 10,000 calls. It also counts the bytes of the first load on the wire.
Needs Chromium, and the pages (`make web`).
"""

from __future__ import annotations

import asyncio
import shutil
import time
from statistics import median
from typing import Annotated, Any, Final, Literal

import httpx2
import typer
from playwright.async_api import Browser, async_playwright

from benchmarks import stage
from benchmarks.report import print_machine
from benchmarks.stage import OURS, serving
from benchmarks.workload import User, users
from server.web import PATH

_SLOWDOWN: Final = 4
_PAINT: Final = """
new Promise(resolve => new PerformanceObserver(list => resolve(list.getEntriesByName('first-contentful-paint')[0].startTime))
  .observe({type: 'paint', buffered: true}))
"""
_TRANSFERRED: Final = "transferred until then, with headers"
_TESTS: Final = 198
_CALLS: Final = 10_000
_CREATE: Final = """
mutation($name: String!) {
  createABTest(input: {
    testName: $name, taskType: $name, variantA: {provider: "openai", model: "a"}, variantB: {provider: "openai", model: "b"}
  }) { __typename ... on Error { message } ... on ABTest { id } }
}
"""
_END: Final = "mutation($id: ID!) { endABTest(id: $id) { __typename } }"
_LOG: Final = "mutation($input: [LogAnalyticsInput!]!) { logAnalyticsBatch(input: $input) { accepted } }"
_TABS: Final[dict[str, tuple[Literal["heading", "listitem"], str]]] = {
    "A/B Testing": ("listitem", "test 195"),
    "Cost Alerts": ("heading", "Cost alerts"),
    "Analytics": ("heading", "Calls: 10,000"),
}


async def _load(browser: Browser, address: str, user: User) -> dict[str, float]:
    """The times of one load in ms, and the bytes that it transferred until the preferences were there, in kB."""
    context = await browser.new_context(viewport={"width": 1440, "height": 900})
    page = await context.new_page()
    session = await context.new_cdp_session(page)
    await session.send("Emulation.setCPUThrottlingRate", {"rate": _SLOWDOWN})
    await session.send("Network.enable")
    transferred: list[float] = []
    session.on("Network.loadingFinished", lambda finished: transferred.append(finished["encodedDataLength"]))
    took: dict[str, float] = {}
    started = time.perf_counter()
    await page.goto(f"{address}{PATH}#token={user.token}", wait_until="commit")
    await page.get_by_role("heading", name="Routing preferences").wait_for()
    took["until the preferences are there"] = 1000 * (time.perf_counter() - started)
    took[_TRANSFERRED] = sum(transferred) / 1000
    took["first contentful paint"] = await page.evaluate(_PAINT)
    for tab, (role, shown) in _TABS.items():
        started = time.perf_counter()
        await page.get_by_role("tab", name=tab).click()
        await page.get_by_role(role, name=shown, exact=True).wait_for()
        took[f"from a click to {tab}"] = 1000 * (time.perf_counter() - started)
    await context.close()
    return took


async def _prepare(address: str, user: User) -> None:
    headers = {"Authorization": f"Bearer {user.token}"}
    async with httpx2.AsyncClient(base_url=address, headers=headers, timeout=60) as client:

        async def ask(query: str, **variables: object) -> Any:
            answer = (await client.post("/graphql", json={"query": query, "variables": variables})).json()
            if "errors" in answer:
                raise RuntimeError(answer)
            return answer["data"]

        for number in range(_TESTS):
            created = await ask(_CREATE, name=f"test {number}")
            if created["createABTest"]["__typename"] != "ABTest":
                raise RuntimeError(created)
            if number % 3:  # at most 100 tests run at once
                await ask(_END, id=created["createABTest"]["id"])
        for start in range(0, _CALLS, 1_000):
            await ask(
                _LOG,
                input=[
                    {
                        "provider": "openai",
                        "modelUsed": f"m{number % 7}",
                        "taskType": "chat",
                        "success": number % 20 > 0,
                        "cost": "0.01",
                        "latencyMs": 300 + number % 500,
                    }
                    for number in range(start, start + 1_000)
                ],
            )


async def _loads(address: str, user: User, times: int) -> list[dict[str, float]]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        loads = [await _load(browser, address, user) for _ in range(times)]
        await browser.close()
    return loads


def main(times: Annotated[int, typer.Option(min=1, help="Loads of the page.")] = 7) -> None:
    """Measure the dashboard with the processor throttled to a quarter."""
    print_machine()
    everyone = users()
    with stage.sqlite(everyone) as databases, serving(OURS, databases.new()) as server:
        address = f"http://127.0.0.1:{server.port}"
        asyncio.run(_prepare(address, everyone[0]))
        loads = asyncio.run(_loads(address, everyone[0], times))
    for what in loads[0]:
        each = sorted(load[what] for load in loads)
        unit = "kB" if what == _TRANSFERRED else "ms"
        print(f"  {what:<36}{median(each):>6,.0f} {unit} ({each[0]:,.0f} to {each[-1]:,.0f})")


if __name__ == "__main__":
    typer.run(main)
