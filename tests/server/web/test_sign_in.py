"""Signing in through a provider, in a real browser: there, back, and on to where one wanted."""

from dataclasses import dataclass, replace

import pytest
from playwright.async_api import Browser, expect
from tests.server.api.site import PROJECT, made
from tests.server.web.stage import staged

from mayfly.services.sign_in import Identity, Journey, ProviderFailed, ProviderSettings
from mayfly.store.people import MemberRow, Role

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


async def test_a_link_leads_to_membership(browser: Browser) -> None:
    """The address shows its token to no server, and the page none of it once it is filled in."""
    provider = Acquaintance()
    provider.settings = replace(provider.settings, sign_up=False)
    async with staged(browser, await made(providers={"corp": provider})) as stage:
        provider.url = stage.url
        page = await stage.page("admin")
        await page.goto(f"/projects/{PROJECT}/members")
        form = page.locator("form", has=page.get_by_role("button", name="Make a link"))
        await form.get_by_label("Role").select_option("maintainer")
        await page.get_by_role("button", name="Make a link").click()
        link = await page.locator("#link").inner_text()
        await expect(page.locator("#invitations")).to_contain_text("by a link")
        guest = await stage.page()
        await guest.goto(link.replace(stage.site.settings.base_url, stage.url))
        await expect(guest.get_by_label("Invitation")).to_have_value(link.partition("#")[2])
        assert "#" not in guest.url
        await guest.get_by_role("button", name="Continue with Acme & Co").click()
        await guest.wait_for_url(f"**/projects/{PROJECT}")
        await expect(guest.locator(".me")).to_have_text("grace")
        [member] = await stage.site.rows(MemberRow, user="grace")
        assert member.role is Role.MAINTAINER
        await page.goto(f"/projects/{PROJECT}/members")
        await expect(page.locator("#invitations")).to_have_count(0)


async def test_an_address_is_invited_and_the_invitation_withdrawn(browser: Browser) -> None:
    async with staged(browser, await made(providers={"corp": Acquaintance()})) as stage:
        page = await stage.page("admin")
        page.on("dialog", lambda dialog: dialog.accept())
        await page.goto(f"/projects/{PROJECT}/members")
        await page.get_by_label("User name or mail address").fill("bob@example.org")
        await page.get_by_role("button", name="Add", exact=True).click()
        await expect(page.get_by_role("status")).to_contain_text("bob@example.org")
        link = await page.locator("#link").inner_text()
        await page.goto(f"/projects/{PROJECT}/members")
        assert link not in await page.content()
        await page.get_by_role("button", name="Withdraw bob@example.org").click()
        await expect(page.locator("#invitations")).to_have_count(0)
