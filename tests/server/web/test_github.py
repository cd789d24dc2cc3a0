"""Connecting GitHub in a real browser, with the stand-in on a port of its own."""

import contextlib
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect
from tests.server.api.site import Site, made
from tests.server.web.stage import Stage, staged
from tests.standins.github.serving import bound, serving
from tests.standins.github.stand_in import StandInGitHub

from mayfly.forges.github.connector import Connector
from mayfly.server.api.state import keep_services
from mayfly.server.app import make_app
from mayfly.server.github.connecting import Place
from mayfly.server.github.inbox import INBOX
from mayfly.server.github.service import GitHub
from mayfly.store.forge_rows import AppRow

pytestmark = pytest.mark.asyncio(loop_scope="session")


@dataclass
class Both:
    stage: Stage
    service: GitHub
    standin: StandInGitHub


@contextlib.asynccontextmanager
async def standing_in(site: Site) -> AsyncIterator[tuple[StandInGitHub, httpx.AsyncClient]]:
    socket = bound()
    url = f"http://127.0.0.1:{socket.getsockname()[1]}"
    async with (
        httpx.AsyncClient() as http,
        StandInGitHub(url=url, http_client=http, clock=site.now, rng=random.Random(1)) as standin,
        serving(standin.asgi, socket),
    ):
        yield standin, http


@pytest_asyncio.fixture(loop_scope="session")
async def both(browser: Browser) -> AsyncIterator[Both]:
    site = await made()
    async with standing_in(site) as (standin, http):
        parts = site.services
        service = GitHub(
            site.store,
            parts.orchestrator,
            Connector(http, site.now),
            now=site.now,
            new_id=parts.new_id,
            place=Place(standin.api_url, standin.web_url),
        )
        parts = replace(parts, github=service)
        site.app = make_app(parts)
        async with staged(browser, site) as stage:
            here = replace(parts.settings, base_url=stage.url)
            keep_services(site.app, replace(parts, settings=here))
            yield Both(stage, service, standin)


async def test_an_app_is_made_kept_and_installed(both: Both) -> None:
    both.standin.create_account("octo-org")
    page = await both.stage.page("root")
    await page.goto("/github")
    await page.get_by_label("Organisation").fill("octo-org")
    await page.get_by_label("Name of the app").fill("Mayfly here")
    await page.get_by_role("button", name="Show the manifest").click()
    await expect(page.locator("pre")).to_contain_text('"workflow_job"')
    await page.get_by_role("button", name="Continue on GitHub").click()
    await page.wait_for_url("**/github/created?**")
    assert await both.stage.site.rows(AppRow) == []
    await page.get_by_role("button", name="Fetch and keep them").click()
    await expect(page.locator("#apps + .rows")).to_contain_text("not installed anywhere yet")
    [app] = await both.stage.site.rows(AppRow)
    assert (app.name, app.owner) == ("Mayfly here", "octo-org")
    assert (await both.stage.site.audited())[-1] == "github.connect"
    assert app.private_key not in await page.content()

    news = both.stage.site.store.watch(INBOX)
    await page.get_by_role("link", name="Install it").click()
    await page.wait_for_url("**/github?installation_id=**")
    await news.wait()
    news.close()
    await both.service.inbox.read_some()
    await page.reload()
    await expect(page.locator("#apps + .rows")).to_contain_text("octo-org")
    await expect(page.get_by_role("link", name="Install it on more")).to_be_visible()


async def test_a_code_of_another_session_is_refused(both: Both) -> None:
    both.standin.create_account("octo-org")
    manifest = {
        "name": "Evil",
        "hook_attributes": {"url": "https://evil.test"},
        "default_permissions": {},
        "default_events": [],
        "setup_url": "https://evil.test",
    }
    code = both.standin.create_from_manifest("octo-org", manifest)
    page = await both.stage.page("root")
    for state in ("", "0" * 64):
        await page.goto(f"/github/created?code={code}&state={state}")
        await expect(page.get_by_text("did not begin to make that app")).to_be_visible()
    assert await both.stage.site.rows(AppRow) == []
