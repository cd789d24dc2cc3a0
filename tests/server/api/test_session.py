"""Signing in with a token, what a web session may, and how it ends."""

from tests.server.api.site import made

from mayfly.server.people import tokens
from mayfly.server.people.audit import Author
from mayfly.server.settings import Settings
from mayfly.store.people import LoginRow, Scope, TokenRow, UserRow


async def test_a_token_tells_who_one_is() -> None:
    site = await made()
    async with site.client("maintainer") as client:
        me = (await client.get("/api/v1/session")).json()
    assert me["user"] == "maintainer"
    assert me["roles"] == {"acme/site": "maintainer"}
    assert me["csrf"] is None


async def test_nobody_is_told_what_it_takes() -> None:
    site = await made()
    async with site.client() as client:
        answer = await client.get("/api/v1/session")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert "Authorization: Bearer" in answer.json()["remedy"]


async def test_a_token_opens_a_session_that_needs_its_csrf_token_for_changes() -> None:
    site = await made()
    async with site.client() as client:
        answer = await client.post("/api/v1/session", json={"token": site.tokens["viewer"]})
        assert answer.status_code == 204
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        me = (await client.get("/api/v1/session")).json()
        assert me["user"] == "viewer"

        assert (await client.delete("/api/v1/session")).status_code == 403
        wrong = {"X-CSRF-Token": "0" * 64}
        assert (await client.delete("/api/v1/session", headers=wrong)).status_code == 403
        right = {"X-CSRF-Token": me["csrf"]}
        assert (await client.delete("/api/v1/session", headers=right)).status_code == 204
        assert (await client.get("/api/v1/session")).status_code == 401
    assert await site.rows(LoginRow) == []
    assert (await site.audited())[-2:] == ["sign-in", "sign-out"]


async def test_over_https_the_cookie_never_goes_without_it() -> None:
    site = await made(settings=Settings(base_url="https://mayfly.test"))
    async with site.client() as client:
        answer = await client.post("/api/v1/session", json={"token": site.tokens["viewer"]})
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-mayfly=")
    assert "Secure" in cookie
    assert answer.headers["strict-transport-security"].startswith("max-age=")


async def test_a_session_ends_with_the_token_that_opened_it() -> None:
    site = await made()
    author = Author("root", site.clock)
    [row] = await site.rows(TokenRow, user="viewer")
    async with site.client() as client:
        await client.post("/api/v1/session", json={"token": site.tokens["viewer"]})
        await site.store.serial(lambda tx: tokens.revoke(tx, author, row.id, None))
        assert (await client.get("/api/v1/session")).status_code == 401
    assert await site.rows(LoginRow) == []


async def test_who_is_disabled_shows_tokens_and_cookies_in_vain() -> None:
    site = await made()
    async with site.client() as client:
        await client.post("/api/v1/session", json={"token": site.tokens["viewer"]})
        disabled = UserRow(id="viewer", created=0, disabled=True)
        await site.store.serial(lambda tx: tx.put(disabled))
        assert (await client.get("/api/v1/session")).status_code == 401
        assert (
            await client.post("/api/v1/session", json={"token": site.tokens["viewer"]})
        ).is_error
    async with site.client("viewer") as client:
        assert (await client.get("/api/v1/session")).status_code == 401


async def test_a_session_ends_with_its_time() -> None:
    site = await made()
    async with site.client() as client:
        await client.post("/api/v1/session", json={"token": site.tokens["viewer"]})
        site.clock += site.settings.session_s - 1
        assert (await client.get("/api/v1/session")).status_code == 200
        site.clock += 1
        assert (await client.get("/api/v1/session")).status_code == 401


async def test_a_session_may_no_more_than_its_token() -> None:
    site = await made()
    text = await site.token("admin", [Scope.READ])
    async with site.client() as client:
        await client.post("/api/v1/session", json={"token": text})
        assert (await client.get("/api/v1/session")).json()["scopes"] == ["read"]


async def test_expired_and_made_up_tokens_are_refused() -> None:
    site = await made()
    text = await site.token("viewer", [Scope.READ], expires=site.clock + 60)
    async with site.client() as client:
        headers = {"Authorization": f"Bearer {text}"}
        assert (await client.get("/api/v1/session", headers=headers)).status_code == 200
        site.clock += 60
        assert (await client.get("/api/v1/session", headers=headers)).status_code == 401
        headers = {"Authorization": "Bearer mayfly_no"}
        assert (await client.get("/api/v1/session", headers=headers)).status_code == 401


async def test_sign_in_is_limited_by_address() -> None:
    site = await made()
    async with site.client() as client:
        for _ in range(20):
            answer = await client.post("/api/v1/session", json={"token": "mayfly_guess"})
            assert answer.status_code == 401
        answer = await client.post("/api/v1/session", json={"token": site.tokens["viewer"]})
        assert answer.status_code == 429
        site.clock += int(answer.headers["retry-after"])
        answer = await client.post("/api/v1/session", json={"token": site.tokens["viewer"]})
        assert answer.status_code == 204


async def test_another_site_cannot_sign_a_browser_in() -> None:
    site = await made()
    body = {"token": site.tokens["viewer"]}
    async with site.client() as client:
        for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.test"}):
            answer = await client.post("/api/v1/session", json=body, headers=headers)
            assert answer.status_code == 403
        headers = {"Origin": "http://mayfly.test"}
        answer = await client.post("/api/v1/session", json=body, headers=headers)
        assert answer.status_code == 204
