"""Fixtures that run a real browser on the pages of a test server."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Error, Page, Request, async_playwright, expect

from server.web import BUILT
from tests.support.install import make
from tests.support.process import ROOT

AXE: Final = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
_ARGUMENTS: Final = [
    # The tests may run as root, where Chromium's sandbox does not work. All pages are served by the test.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
_PATIENCE_MS: Final = 20_000
expect.set_options(timeout=_PATIENCE_MS)

Open = Callable[..., Awaitable[Page]]


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """A migrated SQLite file: the pages do not depend on the database."""
    return sqlite_url


@pytest.fixture(scope="session")
def chromium(pytestconfig: pytest.Config) -> str:
    """The path of Chromium. Under `make test`, the pages are built if needed. In CI both must exist."""
    make("web", pytestconfig)
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    missing = [
        what
        for what, there in (
            ("Chromium (Debian: apt install chromium)", found is not None),
            ("the pages (run `make web`)", (BUILT / "index.html").exists()),
        )
        if not there
    ]
    if missing and not os.environ.get("CI"):
        pytest.skip(f"missing: {', '.join(missing)}")
    assert missing == []
    assert found is not None
    return found


@pytest.fixture
async def browser(chromium: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=_ARGUMENTS)
        yield browser
        await browser.close()


@asynccontextmanager
async def watched(context: BrowserContext, origin: str, allowed: tuple[str, ...]) -> AsyncIterator[Page]:
    """A page that must send no request to other origins and log no error."""
    problems: list[str] = []
    page = await context.new_page()
    page.set_default_timeout(_PATIENCE_MS)

    def on_console(message: ConsoleMessage) -> None:
        if message.type == "error" and not any(text in message.text for text in allowed):
            problems.append(message.text[:500])

    def asked(request: Request) -> None:
        if not request.url.startswith((origin, origin.replace("http", "ws", 1), "data:", "blob:")):
            problems.append(f"asked for {request.url}")

    page.on("console", on_console)
    page.on("request", asked)

    def failed(error: Error) -> None:
        if error.message not in allowed:
            problems.append(error.message[:500])

    page.on("pageerror", failed)
    yield page
    assert problems == []


@pytest.fixture
async def open_page(browser: Browser, url: str, token: str) -> AsyncIterator[Open]:
    """Opens a page through the printed link."""
    async with AsyncExitStack() as stack:

        async def opened(
            path: str = "/enterprise-router",
            *,
            origin: str = url,
            signed_in: str = token,
            allowed: tuple[str, ...] = (),
            **options: Any,
        ) -> Page:
            context = await browser.new_context(timezone_id="UTC", locale="en-US", **options)
            stack.push_async_callback(context.close)
            page = await stack.enter_async_context(watched(context, origin, allowed))
            await page.goto(f"{origin}{path}#token={signed_in}")
            return page

        yield opened


async def violations(page: Page) -> list[str]:
    """The serious accessibility violations that axe finds."""
    await page.evaluate(AXE.read_text())
    found = await page.evaluate("async () => (await axe.run()).violations")
    return [
        f"{each['id']}: {node['html'][:200]}"
        for each in found
        if each["impact"] in {"serious", "critical"}
        for node in each["nodes"]
    ]
