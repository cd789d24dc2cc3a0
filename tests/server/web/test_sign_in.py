"""Signing in through a provider, in a real browser: there, back, and on to where one wanted."""

from dataclasses import dataclass

import pytest
from playwright.async_api import Browser, expect
from tests.server.api.site import made
from tests.server.web.stage import staged

from mayfly.services.sign_in import Identity, Journey, ProviderFailed, ProviderSettings

pytestmark = pytest.mark.asyncio(loop_scope="session")


@dataclass
class Acquaintance:
    """A provider that sends everybody straight back."""

    url: str = ""
    settings: ProviderSettings = ProviderSettings(  # noqa: RUF009 (it is frozen)
        id="corp", title="Acme & Co", client_id="c", client_secret="s", sign_up=True
    )

    async def address(self, journey: Journey) -> str:
        return f"{self.url}/api/v1/sign-in/corp/callback?code=one&state={journey.state}"

    async def identify(self, journey: Journey, code: str) -> Identity:
        if code != "one":
            raise ProviderFailed("no such code")
        return Identity("42", "grace", "Grace")


async def test_a_provider_leads_back_to_where_one_wanted(browser: Browser) -> None:
    provider = Acquaintance()
    site = await made(providers={"corp": provider})
    async with staged(browser, site) as stage:
        provider.url = stage.url
        page = await stage.page()
        await page.goto("/insights?days=28")
        await page.get_by_role("button", name="Continue with Acme & Co").click()
        await page.wait_for_url("**/insights?days=28")
        await expect(page.locator(".me")).to_have_text("grace")
        await expect(page.locator("main")).to_contain_text("You are a member of no project yet")


async def test_who_comes_back_with_nonsense_hears_what_to_do(browser: Browser) -> None:
    site = await made(providers={"corp": Acquaintance()})
    async with staged(browser, site) as stage:
        page = await stage.page()
        await page.goto("/api/v1/sign-in/corp/callback?error=access_denied&state=x")
        await expect(page.locator("h1")).to_have_text("Not yours to do")
        await expect(page.locator("main")).to_contain_text("corp did not let you in")
