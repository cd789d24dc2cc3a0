"""Signing in by a real provider on a loopback port, as a browser does."""

import re
from urllib.parse import urlsplit

import httpx
import pytest
from tests.server.api.company import opened, sent_away, sent_back, signed_in

from mayfly.store.people import IdentityRow, LoginRow, SignInRow, UserRow

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the provider's


async def test_there_and_back_opens_a_session_as_somebody_new(issuer: str) -> None:
    async with opened(issuer, sign_up=True) as site, site.client() as browser:
        answer = await signed_in(browser, to="/runs?state=active")
        assert (answer.status_code, answer.headers["location"]) == (303, "/runs?state=active")
        me = (await browser.get("/api/v1/session")).json()
        assert (me["user"], me["site_admin"], me["roles"]) == ("ann-b", False, {})
        again = await signed_in(browser)
        assert again.status_code == 303
        assert len(await site.rows(LoginRow)) == 2
        assert [row.id for row in await site.rows(IdentityRow)] == ["company:1"]
        assert await site.rows(SignInRow) == []
        assert (await site.audited())[-4:] == ["user.create", "identity.link", "sign-in", "sign-in"]


async def test_who_was_invited_becomes_that_user(issuer: str) -> None:
    async with opened(issuer) as site, site.client() as browser:
        await site.add(UserRow(id="annie", created=0, email="ann@example.org", site_admin=True))
        assert (await signed_in(browser)).status_code == 303
        me = (await browser.get("/api/v1/session")).json()
    assert (me["user"], me["site_admin"]) == ("annie", True)


async def test_an_address_that_was_not_verified_is_no_invitation(issuer: str) -> None:
    async with opened(issuer) as site, site.client() as browser:
        await site.add(UserRow(id="annie", created=0, email="ann@example.org", site_admin=True))
        assert (await signed_in(browser, "2")).status_code == 403
        assert await site.rows(LoginRow) == []


async def test_strangers_stay_outside_unless_they_may_sign_up(issuer: str) -> None:
    for options in ({}, {"sign_up": True, "domains": ("acme.org",)}):
        async with opened(issuer, **options) as site, site.client() as browser:
            answer = await signed_in(browser)
            assert answer.status_code == 403
            assert "invitation" in answer.text
            assert len(await site.rows(UserRow)) == 5
    options = {"sign_up": True, "domains": ("example.org",)}
    async with opened(issuer, **options) as site, site.client() as browser:
        assert (await signed_in(browser)).status_code == 303


async def test_who_is_disabled_stays_outside(issuer: str) -> None:
    async with opened(issuer) as site, site.client() as browser:
        await site.add(UserRow(id="annie", created=0, email="ann@example.org", disabled=True))
        assert (await signed_in(browser)).status_code == 403


async def test_a_return_is_good_once_soon_and_in_the_same_browser(issuer: str) -> None:
    async with opened(issuer, sign_up=True) as site:
        async with site.client() as browser, site.client() as other:
            back = await sent_back(await sent_away(browser), "1")
            assert (await other.get(back)).status_code == 403
            assert (await browser.get(back.replace("state=", "state=x"))).status_code == 403
            assert (await browser.get(back)).status_code == 303
            assert (await browser.get(back)).status_code == 403
        async with site.client() as browser:
            back = await sent_back(await sent_away(browser), "1")
            site.clock += 601
            assert (await browser.get(back)).status_code == 403


async def test_a_code_of_another_sign_in_is_of_no_use(issuer: str) -> None:
    async with opened(issuer, sign_up=True) as site, site.client() as browser:
        stolen = re.search(r"code=([^&]+)", await sent_back(await sent_away(site.client()), "1"))
        assert stolen is not None
        mine = await sent_back(await sent_away(browser), "1")
        answer = await browser.get(re.sub(r"code=[^&]+", f"code={stolen[1]}", mine))
        assert answer.status_code == 400
        assert "another sign-in" in answer.text


async def test_what_the_provider_refused_is_said(issuer: str) -> None:
    async with opened(issuer) as site, site.client() as browser:
        path = "/api/v1/sign-in/company/callback?error=access_denied&error_description=not+you"
        answer = await browser.get(path)
        assert answer.status_code == 403
        assert "not you" in answer.text
        assert (await browser.post("/api/v1/sign-in/other")).status_code == 404


@pytest.mark.parametrize("to", ["https://evil.example/", "//evil.example", "/\\evil.example", ""])
async def test_one_comes_back_to_this_server_only(issuer: str, to: str) -> None:
    async with opened(issuer, sign_up=True) as site, site.client() as browser:
        location = (await signed_in(browser, to=to)).headers["location"]
    assert urlsplit(location).netloc == ""
    assert location == "/"


async def test_tries_are_counted_by_account_too(issuer: str) -> None:
    async with opened(issuer, sign_up=True) as site, site.client() as browser:
        refused: list[httpx.Response] = []
        for _ in range(20):
            site.clock += 13  # slow enough for the address
            answer = await signed_in(browser)
            refused += [answer] if answer.status_code == 429 else []
    assert "sign-in as company:1" in refused[0].json()["error"]
