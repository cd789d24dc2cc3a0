"""Pages of a running server as a person sees them, and whatever the browser has to complain of."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, Response, async_playwright
from tests.server.api.site import Site

from mayfly.server.api.state import begin_closing
from mayfly.server.listening import listening
from mayfly.server.people import logins
from mayfly.server.people.audit import Author

CHROMIUM_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 860}
PATIENCE_MS = 10_000


@dataclass
class Stage:
    """`complaints` are errors of scripts, of the console and of the policy of contents."""

    site: Site
    url: str
    browser: Browser
    complaints: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)

    async def page(self, user: str | None = None, **options: Any) -> Page:
        """A fresh browser window of somebody who is signed in already, or of nobody."""
        options = {"viewport": DESKTOP, "base_url": self.url} | options
        context = await self.browser.new_context(**options)
        context.set_default_timeout(PATIENCE_MS)
        self.contexts.append(context)
        if user is not None:
            cookie = await self._cookie(user)
            await context.add_cookies([{"name": "mayfly", "value": cookie, "url": self.url}])
        page = await context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error}"))
        page.on("console", lambda said: self._heard(page, said.type, said.text))
        page.on("response", lambda response: self._answered(page, response))
        return page

    async def _cookie(self, user: str) -> str:
        author = Author(user, self.site.clock, "web")
        until = self.site.clock + 86400
        return await self.site.store.serial(lambda tx: logins.open_login(tx, author, user, until))

    def _heard(self, page: Page, kind: str, text: str) -> None:
        # A failed request is judged by its status, below, and a cut stream is no defect.
        if kind in {"error", "warning"} and not text.startswith("Failed to load resource"):
            self.complaints.append(f"{page.url}: {text}")

    def _answered(self, page: Page, response: Response) -> None:
        if response.status >= 500:
            self.complaints.append(f"{page.url}: {response.url} answered {response.status}")


@contextlib.asynccontextmanager
async def staged(browser: Browser, site: Site) -> AsyncIterator[Stage]:
    assert site.app is not None
    async with listening(site.app, "127.0.0.1", 0) as port:
        stage = Stage(site, f"http://127.0.0.1:{port}", browser)
        try:
            yield stage
        finally:
            for context in stage.contexts:
                await context.close()
            begin_closing(site.app)
    assert not stage.complaints, "\n".join(stage.complaints)


@contextlib.asynccontextmanager
async def chromium(program: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=CHROMIUM_FLAGS)
        try:
            yield browser
        finally:
            await browser.close()
