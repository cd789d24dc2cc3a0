"""Every page in a real browser: it opens without a complaint, for each kind of person, names what
can be used, and fits on a phone.
"""

import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from tests.server.web.scene import story
from tests.server.web.stage import PHONE, Stage, staged

from mayfly.domain.job import JobState
from mayfly.store.rows import JobRow

pytestmark = pytest.mark.asyncio(loop_scope="session")

# Interactive elements without a name that a screen reader could say, and repeated ids.
NAMELESS = """() => {
  const said = (one) => one.getAttribute("aria-label") || one.innerText || one.textContent || "";
  const named = (one) => said(one).trim() || one.getAttribute("aria-labelledby")
    || one.labels?.length || one.title || one.querySelector("title");
  const all = [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, "
    + "textarea, summary, [role=img], [tabindex='0']")];
  const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
  return [...all.filter((one) => !named(one)).map((one) => one.outerHTML),
    ...ids.filter((id, index) => ids.indexOf(id) !== index).map((id) => `repeated id ${id}`)];
}"""
FOCUSED = """() => {
  const one = document.activeElement;
  return [one.tagName, getComputedStyle(one).outlineStyle];
}"""
WIDER = """() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]"""
# What reaches beyond the window without a box of its own that scrolls.
OUTSIDE = """() => [...document.querySelectorAll("main *")].filter((one) => {
  if (one.closest(".table, .graph, pre, .hidden, svg, datalist")) return false;
  return one.getBoundingClientRect().right > window.innerWidth + 1;
}).slice(0, 5).map((one) => one.outerHTML.slice(0, 200))"""


async def addresses(stage: Stage) -> list[str]:
    failed, *_ = await stage.site.rows(JobRow, state=JobState.FAILED)
    queued, *_ = await stage.site.rows(JobRow, state=JobState.QUEUED)
    return [
        "/",
        "/runs",
        "/runs?project=acme/site&state=running",
        "/runs?branch=nothing-like-that",
        f"/runs/{failed.run}",
        "/jobs",
        "/jobs?state=queued",
        f"/jobs/{failed.id}",
        f"/jobs/{queued.id}",
        "/hosts",
        "/hosts/epyc-01",
        "/hosts/nuc-lab",
        "/insights",
        "/insights?days=1&project=acme/site",
        "/projects",
        "/projects/acme/site",
        "/projects/acme/site/audit",
        "/projects/acme/site/members",
        "/projects/acme/site/environments/production",
        "/people",
        "/tokens",
        "/audit",
        "/github",
        "/no-such-page",
        "/sign-in",
        "/join",
    ]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def fleet(browser: Browser) -> AsyncIterator[Stage]:
    """Shared, as these tests only look."""
    async with staged(browser, await story(time.time())) as stage:
        yield stage


@pytest.mark.parametrize("person", ["viewer", None])
async def test_pages_open_for_those_who_may(fleet: Stage, person: str | None) -> None:
    page = await fleet.page(person)
    for address in await addresses(fleet):
        answer = await page.goto(address, wait_until="load")
        assert answer is not None
        assert answer.status in {200, 403, 404}, f"{address} answered {answer.status}"
        await expect(page.locator("h1")).to_have_count(1)


async def test_every_page_fits_on_a_phone_and_names_what_it_has(fleet: Stage) -> None:
    page = await fleet.page("root", viewport=PHONE, is_mobile=True, device_scale_factor=2)
    for address in await addresses(fleet):
        answer = await page.goto(address, wait_until="load")
        assert answer is not None
        assert answer.status == (404 if "no-such" in address else 200), address
        await settled(page)
        assert (await page.title()).endswith("Mayfly")
        assert await page.evaluate(NAMELESS) == [], address
        inner, outer = await page.evaluate(WIDER)
        outside = await page.evaluate(OUTSIDE)
        assert inner <= outer, f"{address} is {inner} px wide: {outside}"
        assert outside == [], address


async def settled(page: Page) -> None:
    """A log, if there is one, has been told."""
    status = page.locator("[data-status]")
    if await status.count():
        await expect(status).not_to_have_text("loading")


async def test_one_can_do_without_a_mouse(fleet: Stage) -> None:
    page = await fleet.page("root")
    await page.goto("/")
    await page.keyboard.press("Tab")
    await expect(page.get_by_text("Skip to content")).to_be_focused()
    await page.keyboard.press("Enter")
    assert page.url.endswith("#main")
    await page.keyboard.press("j")
    rows = page.locator("[data-row] .title")
    await expect(rows.nth(0)).to_be_focused()
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    await page.keyboard.press("k")
    await expect(rows.nth(1)).to_be_focused()
    address = await rows.nth(1).get_attribute("href")
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**{address}")
    await page.goto("/runs")
    await page.keyboard.press("/")
    await expect(page.get_by_label("Branch")).to_be_focused()
    await page.keyboard.type("jk/")
    await expect(page.get_by_label("Branch")).to_have_value("jk/")


async def test_what_has_the_focus_can_be_seen(fleet: Stage) -> None:
    page = await fleet.page("root")
    await page.goto("/hosts/epyc-01")
    seen: list[str] = []
    for _ in range(60):
        await page.keyboard.press("Tab")
        name, outline = await page.evaluate(FOCUSED)
        if name == "BODY":  # once around
            break
        assert outline != "none", f"{name} after {seen[-1:]}"
        seen.append(name)
    assert {"A", "SUMMARY", "BUTTON", "INPUT"} <= set(seen)
