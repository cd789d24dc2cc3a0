"""Pages without a browser: errors, forms from elsewhere, files; and looking changes nothing."""

import re
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute, iter_route_contexts
from tests.server.api.site import PROJECT, Site, made
from tests.server.web.scene import AMD64, CI, DEPLOY, Worker, environment, size, submit

from mayfly.server.app import make_app
from mayfly.server.people import logins
from mayfly.server.people.audit import Author
from mayfly.server.web import assets
from mayfly.server.web.router import router
from mayfly.store.base import StoreUnavailable
from mayfly.store.rows import JobRow
from mayfly.store.schema import ALL_ROWS

HTML = {"Accept": "text/html"}
APP = make_app(Site().services)


def routes(method: str) -> list[str]:
    return [
        str(route.path)
        for route in iter_route_contexts(router.routes)
        if isinstance(route.original_route, APIRoute) and method in (route.methods or ())
    ]


async def world() -> tuple[Site, dict[str, str]]:
    site = await made(app=APP)
    await environment(site)
    run = await submit(site, CI)
    await submit(site, DEPLOY)
    await Worker(site, "h1", size(8, 16, AMD64)).open()
    job = (await site.rows(JobRow, run=run))[0].id
    names = {"owner": "acme", "name": "site", "run": run, "job": job, "host": "h1"}
    names |= {"user": "viewer", "variable": "NAME", "environment": "production", "token": "none"}
    return site, names | {"invitation": "none", "digest": "0" * 16}


async def signed_in(site: Site, user: str) -> tuple[httpx.AsyncClient, str]:
    """A browser with a web session, and the token that its forms must carry."""
    author = Author(user, site.clock, "web")
    cookie = await site.store.serial(
        lambda tx: logins.open_login(tx, author, user, site.clock + 3600)
    )
    client = site.client(cookies={"mayfly": cookie})
    return client, logins.csrf_token(cookie)


@pytest.mark.parametrize("path", routes("POST"))
async def test_no_form_is_taken_without_the_sessions_token(path: str) -> None:
    site, names = await world()
    if path == "/sign-in":
        return  # there is no session yet: another site is refused by its origin
    client, csrf = await signed_in(site, "root")
    async with client:
        before = await contents(site)
        for body in ({}, {"csrf": "0" * 64}):
            answer = await client.post(path.format(**names), data=body, headers=HTML)
            assert answer.status_code == 403
            assert "does not come from a page of this server" in answer.text
        assert await contents(site) == before
        answer = await client.post(path.format(**names), data={"csrf": csrf}, headers=HTML)
        assert answer.status_code in {200, 303, 400, 404, 409, 422}


@pytest.mark.parametrize("path", [path for path in routes("GET") if "/live/" not in path])
async def test_looking_changes_nothing(path: str) -> None:
    site, names = await world()
    client, _ = await signed_in(site, "root")
    async with client:
        before = await contents(site)
        await client.get(path.format(**names), headers=HTML)
        assert await contents(site) == before


async def contents(site: Site) -> dict[str, list[Any]]:
    """All rows there are, by kind."""
    return {kind.__name__: await site.rows(kind) for kind in ALL_ROWS}


async def test_another_site_cannot_sign_a_browser_in() -> None:
    site, _ = await world()
    async with site.client() as client:
        headers = HTML | {"Origin": "https://evil.test"}
        body = {"token": site.tokens["viewer"]}
        assert (await client.post("/sign-in", data=body, headers=headers)).status_code == 403


@pytest.mark.parametrize("to", ["https://evil.test/", "//evil.test", "/\\evil.test", "evil"])
async def test_nobody_is_led_elsewhere_after_signing_in(to: str) -> None:
    site, _ = await world()
    async with site.client() as client:
        body = {"token": site.tokens["viewer"]}
        answer = await client.post("/sign-in", params={"to": to}, data=body, headers=HTML)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


async def test_who_is_not_signed_in_comes_back_to_what_they_wanted() -> None:
    site, _ = await world()
    async with site.client() as client:
        answer = await client.get("/audit?actor=a%26b", headers=HTML)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?to=%2Faudit%3Factor%3Da%2526b"


async def test_errors_are_pages_for_browsers_and_json_for_the_rest() -> None:
    site, _ = await world()
    async with site.client("viewer") as client:
        page = await client.get("/runs/none", headers=HTML)
        assert page.status_code == 404
        assert "<h1>Not there</h1>" in page.text
        assert "there is no run none" in page.text
        assert (await client.get("/runs/none")).json()["error"] == "there is no run none"
        api = await client.get("/api/v1/runs/none", headers=HTML)
        assert api.headers["content-type"] == "application/json"
        forbidden = await client.get("/audit", headers=HTML)
        assert forbidden.status_code == 403
        assert "site admin rights" in forbidden.text


async def test_a_defect_tells_its_number_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    site, _ = await world()

    def broken(_job: object) -> str:
        raise RuntimeError("secret details")

    monkeypatch.setattr(type(site.services.scheduler), "catch_up", broken)
    async with site.client("viewer") as client:
        answer = await client.get("/", headers=HTML)
    assert answer.status_code == 500
    assert answer.headers["x-request-id"] in answer.text
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    ("user", "method", "path", "status"),
    [
        ("root", "GET", "/no-such-page", 404),
        ("root", "POST", "/runs", 405),
        ("root", "GET", "/runs/none", 404),
        ("root", "GET", "/runs?page=%00&state=x", 422),
        ("viewer", "GET", "/audit", 403),
        ("viewer", "POST", f"/projects/{PROJECT}/secrets", 403),
    ],
)
async def test_errors_know_who_is_signed_in(user: str, method: str, path: str, status: int) -> None:
    site = await made(app=APP)
    client, csrf = await signed_in(site, user)
    async with client:
        answer = await client.request(method, path, headers=HTML, data={"csrf": csrf})
    assert answer.status_code == status, answer.text
    assert f"Signed in as <b>{user}</b>" in answer.text
    assert f'name="csrf" value="{csrf}"' in answer.text
    assert ("/audit" in answer.text) is (user == "root")
    async with site.client(cookies={"mayfly": "worthless"}) as stranger:
        answer = await stranger.get("/no-such-page", headers=HTML)
    assert "Signed in" not in answer.text
    assert 'href="/sign-in"' in answer.text


@pytest.mark.parametrize(
    ("error", "pages"),
    [
        (StoreUnavailable("the database is away"), {"/no-such-page": 404, "/runs": 503}),
        (RuntimeError("a defect"), {"/runs": 500}),
    ],
)
async def test_errors_need_no_store(
    monkeypatch: pytest.MonkeyPatch, error: Exception, pages: dict[str, int]
) -> None:
    site = await made(app=APP)
    client, _ = await signed_in(site, "root")

    async def away(work: object) -> None:
        raise error

    monkeypatch.setattr(site.services.store, "read", away)
    async with client:
        for path, status in pages.items():
            answer = await client.get(path, headers=HTML)
            assert answer.status_code == status
            assert "Signed in" not in answer.text
            assert "<h1>" in answer.text


async def test_errors_do_not_show_markup() -> None:
    site, _ = await world()
    async with site.client("viewer") as client:
        answer = await client.get("/jobs/<img src=x onerror=alert(1)>", headers=HTML)
    assert answer.status_code == 404
    assert "<img" not in answer.text


async def test_files_are_kept_for_ever_under_their_digest_only() -> None:
    site, _ = await world()
    address = assets.address("style.css")
    async with site.client() as client:
        answer = await client.get(address)
        assert answer.headers["content-type"] == "text/css; charset=utf-8"
        assert "immutable" in answer.headers["cache-control"]
        other = await client.get("/static/0000000000000000/style.css")
        assert (other.status_code, other.headers["cache-control"]) == (200, "no-store")
        assert (await client.get("/static/0/..%2f..%2frouter.py")).status_code == 404
        assert (await client.get("/static/0/none.css")).status_code == 404


async def test_a_live_part_comes_without_its_frame() -> None:
    site, _ = await world()
    async with site.client("viewer") as client:
        part = await client.get("/", headers=HTML | {"X-Part": "live"})
    assert 'id="live"' in part.text
    assert "<html" not in part.text
    assert "/static/" not in part.text


async def test_streams_are_for_browsers_that_want_them() -> None:
    site, _ = await world()
    async with site.client("viewer") as client:
        assert (await client.get("/live/fleet")).status_code == 406


async def test_lists_go_on_where_they_ended() -> None:
    site = await made()
    for number in range(45):
        site.clock += 1
        await submit(site, DEPLOY, branch=f"b{number:02}")
    async with site.client("viewer") as client:
        first = (await client.get(f"/runs?project={PROJECT}", headers=HTML)).text
        [address] = re.findall(r'href="([^"]+)" rel="next"', first)
        second = (await client.get(address.replace("&amp;", "&"), headers=HTML)).text
    shown = [re.findall(r"</svg>(b\d\d)</span>", text) for text in (first, second)]
    assert shown[0] + shown[1] == [f"b{number:02}" for number in reversed(range(45))]
    assert 'rel="next"' not in second


async def test_filters_choose() -> None:
    site, _ = await world()
    await submit(site, DEPLOY, branch="other", actor="ada")
    async with site.client("viewer") as client:
        for query, count in [
            ("branch=other", 1),
            ("actor=ada", 1),
            ("state=running", 3),
            ("state=failure", 0),
            ("event=push&branch=main", 2),
        ]:
            text = (await client.get(f"/runs?{query}", headers=HTML)).text
            assert text.count("data-row") == count, query
        assert (await client.get("/runs?state=nonsense", headers=HTML)).status_code == 422
        assert (await client.get("/runs?project=no/body", headers=HTML)).status_code == 404
