"""Invitations to a project: made by its administrators, taken up by who signs in for them."""

import json
from typing import Any

import httpx
import pytest
from tests.server.api.company import opened, sent_away, sent_back, signed_in
from tests.server.api.site import OPEN, PROJECT, Site, made

from mayfly.server.people.sign_in import forget_old
from mayfly.store.people import AuditRow, InvitationRow, MemberRow, Role, SignInRow, UserRow

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the provider's

HERE = f"/api/v1/projects/{PROJECT}/invitations"
DAY_S = 86400.0


async def invited(site: Site, by: str = "admin", path: str = HERE, **body: Any) -> dict[str, Any]:
    async with site.client(by) as client:
        answer = await client.post(path, json={"role": "maintainer"} | body)
    assert answer.status_code == 201, answer.text
    said: dict[str, Any] = answer.json()
    return said


def token_of(said: dict[str, Any]) -> str:
    address, _, token = said["link"].partition("#")
    assert address == "http://mayfly.test/join"
    return str(token)


async def come_with(browser: httpx.AsyncClient, token: str, subject: str = "1") -> httpx.Response:
    """Sign in by the page that an invitation's link leads to."""
    address = await sent_away(browser, invitation=token)
    return await browser.get(await sent_back(address, subject))


async def roles_of(site: Site, user: str) -> dict[str, Role]:
    return {row.project: row.role for row in await site.rows(MemberRow, user=user)}


async def test_who_has_the_link_becomes_a_member_once(issuer: str) -> None:
    async with opened(issuer) as site, site.client() as browser, site.client() as other:
        said = await invited(site)
        answer = await come_with(browser, token_of(said))
        assert (answer.status_code, answer.headers["location"]) == (303, f"/projects/{PROJECT}")
        assert await roles_of(site, "ann-b") == {PROJECT: Role.MAINTAINER}
        again = await other.post("/api/v1/sign-in/company", data={"invitation": token_of(said)})
        assert again.status_code == 403
        assert "taken up" in again.text
        assert (await signed_in(other, "2")).status_code == 403
        [noted] = await site.rows(AuditRow, action="invitation.accept")
        assert (noted.actor, noted.project, noted.details["by"]) == ("ann-b", PROJECT, "admin")


async def test_of_two_who_show_it_at_once_one_gets_in(issuer: str) -> None:
    async with opened(issuer) as site, site.client() as one, site.client() as two:
        token = token_of(await invited(site))
        first = await sent_back(await sent_away(one, invitation=token), "1")
        second = await sent_back(await sent_away(two, invitation=token), "2")
        assert (await one.get(first)).status_code == 303
        assert (await two.get(second)).status_code == 403
        assert len(await site.rows(UserRow)) == 6


async def test_an_address_is_enough_and_must_be_verified(issuer: str) -> None:
    async with opened(issuer) as site, site.client() as browser, site.client() as other:
        said = await invited(site, email="Ann@Example.org")
        token = token_of(said)
        assert (await signed_in(other, "2")).status_code == 403
        assert (await come_with(other, token, "2")).status_code == 403
        assert (await signed_in(browser, "1")).status_code == 303
        assert await roles_of(site, "ann-b") == {PROJECT: Role.MAINTAINER}
        assert await site.rows(InvitationRow) == []


async def test_one_for_another_address_is_refused_with_its_link(issuer: str) -> None:
    async with opened(issuer, sign_up=True) as site, site.client() as browser:
        token = token_of(await invited(site, email="bob@example.org"))
        answer = await come_with(browser, token)
        assert answer.status_code == 403
        assert "another address" in answer.text
        assert await site.rows(UserRow, id="ann-b") == []
        [left] = await site.rows(InvitationRow)
        assert left.email == "bob@example.org"


async def test_who_is_known_already_keeps_what_is_more(issuer: str) -> None:
    async with opened(issuer, sign_up=True) as site, site.client() as browser:
        assert (await signed_in(browser)).status_code == 303
        key = f"{OPEN}/ann-b"
        await site.add(MemberRow(id=key, project=OPEN, user="ann-b", role=Role.ADMIN, created=0.0))
        elsewhere = f"/api/v1/projects/{OPEN}/invitations"
        await invited(site, "root", elsewhere, email="ann@example.org", role="viewer")
        await invited(site, email="ann@example.org")
        assert (await signed_in(browser)).status_code == 303
        assert await roles_of(site, "ann-b") == {OPEN: Role.ADMIN, PROJECT: Role.MAINTAINER}


async def test_it_stands_a_while_and_as_long_as_its_maker_may_make_members(issuer: str) -> None:
    async with opened(issuer) as site, site.client() as browser:
        late = token_of(await invited(site, expires_in_s=DAY_S))
        orphan = token_of(await invited(site))
        site.clock += DAY_S
        assert (await shows(browser, late)).status_code == 403
        assert (await shows(browser, orphan)).status_code == 200
        async with site.client("root") as root:
            await root.put(f"/api/v1/projects/{PROJECT}/members/admin", json={"role": "viewer"})
        assert (await shows(browser, orphan)).status_code == 403


async def shows(browser: httpx.AsyncClient, token: str) -> httpx.Response:
    return await browser.post("/api/v1/sign-in/company", data={"invitation": token})


async def test_its_maker_may_lose_the_right_on_the_way(issuer: str) -> None:
    async with opened(issuer, sign_up=True) as site, site.client() as browser:
        token = token_of(await invited(site))
        back = await sent_back(await sent_away(browser, invitation=token), "1")
        async with site.client("root") as root:
            await root.patch("/api/v1/users/admin", json={"disabled": True})
        assert (await browser.get(back)).status_code == 403
        assert await site.rows(UserRow, id="ann-b") == []


async def test_what_is_kept_opens_nothing_and_lists_tell_no_token(issuer: str) -> None:
    async with opened(issuer) as site, site.client("admin") as client:
        token = token_of(await invited(site, email="bob@example.org"))
        await sent_away(client, invitation=token)
        kept = [await site.rows(kind) for kind in (InvitationRow, SignInRow, AuditRow)]
        assert token not in repr(kept)
        answer = await client.get(HERE)
        assert token not in answer.text
        [one] = answer.json()
        assert (one["email"], one["role"], one["by"]) == ("bob@example.org", "maintainer", "admin")
        assert (await client.delete(f"{HERE}/{one['id']}")).status_code == 204
        assert (await client.delete(f"{HERE}/{one['id']}")).status_code == 404
        assert (await shows(client, token)).status_code == 403
    assert (await site.audited())[-1] == "invitation.withdraw"


async def test_the_same_address_has_one_invitation(issuer: str) -> None:
    async with opened(issuer) as site, site.client("admin") as client:
        before = token_of(await invited(site, email="bob@example.org"))
        await invited(site, email="bob@example.org", role="viewer")
        [row] = await site.rows(InvitationRow)
        assert row.role is Role.VIEWER
        assert (await shows(client, before)).status_code == 403


async def test_who_has_an_account_is_added_instead(issuer: str) -> None:
    async with opened(issuer) as site, site.client("admin") as client:
        await site.add(UserRow(id="annie", created=0, email="ann@example.org"))
        answer = await client.post(HERE, json={"role": "viewer", "email": "ann@example.org"})
        assert answer.status_code == 409
        assert "add annie as a member" in answer.json()["remedy"]


async def test_without_a_provider_nobody_could_take_one_up() -> None:
    site = await made()
    async with site.client("admin") as client:
        answer = await client.post(HERE, json={"role": "viewer"})
    assert answer.status_code == 409
    assert "provider" in answer.json()["error"]


async def test_nobody_sends_very_many_at_once(issuer: str) -> None:
    async with opened(issuer) as site, site.client("admin") as client:
        answers = [await client.post(HERE, json={"role": "viewer"}) for _ in range(31)]
        assert [answer.status_code for answer in answers[-2:]] == [201, 429]
        assert "Retry-After" in answers[-1].headers
        details = [row.details for row in await site.rows(AuditRow, action="invitation.create")]
        assert len(details) == 30
        assert "mayfly_invite_" not in json.dumps(details)


async def test_another_projects_is_not_to_be_withdrawn(issuer: str) -> None:
    async with opened(issuer) as site, site.client("root") as client:
        said = await invited(site)
        path = f"/api/v1/projects/{OPEN}/invitations/{said['id']}"
        assert (await client.delete(path)).status_code == 404
        assert len(await site.rows(InvitationRow)) == 1


async def test_old_ones_are_forgotten(issuer: str) -> None:
    async with opened(issuer) as site:
        await invited(site, expires_in_s=DAY_S)
        await invited(site)
        site.clock += 2 * DAY_S
        await site.store.serial(lambda tx: forget_old(tx, site.clock))
        assert len(await site.rows(InvitationRow)) == 1
