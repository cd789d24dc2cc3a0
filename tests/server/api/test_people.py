"""Users, tokens and the audit, over HTTP."""

import pytest
from tests.server.api.site import made

from mayfly.server.people.tokens import first_admin_token
from mayfly.store.memory import MemoryStore
from mayfly.store.people import LoginRow, Scope, TokenRow, UserRow


async def test_a_token_is_shown_once_and_kept_as_a_hash() -> None:
    site = await made()
    async with site.client("viewer") as client:
        body = {"name": "ci", "scopes": ["read"], "expires_in_s": 60}
        issued = (await client.post("/api/v1/tokens", json=body)).json()
        listed = (await client.get("/api/v1/tokens")).json()
    text = issued["token"]
    assert text.startswith("mayfly_")
    assert [token["name"] for token in listed] == ["test", "ci"]
    assert all("token" not in token and "hash" not in token for token in listed)
    assert text not in str(await site.rows(TokenRow))
    site.tokens["new"] = text
    async with site.client("new") as client:
        assert (await client.get("/api/v1/session")).json()["scopes"] == ["read"]
        site.clock += 60
        assert (await client.get("/api/v1/session")).status_code == 401


async def test_nobody_makes_a_token_that_may_more_than_theirs() -> None:
    site = await made()
    site.tokens["narrow"] = await site.token("admin", [Scope.ADMIN], project="acme/site")
    site.tokens["weak"] = await site.token("admin", [Scope.MANAGE])
    body = {"name": "x", "scopes": ["read"]}
    async with site.client("weak") as client:
        assert (await client.post("/api/v1/tokens", json=body)).status_code == 403
    async with site.client("narrow") as client:
        assert (await client.post("/api/v1/tokens", json=body)).status_code == 403
        here = body | {"project": "acme/site"}
        assert (await client.post("/api/v1/tokens", json=here)).status_code == 201


async def test_one_revokes_ones_own_tokens_and_administrators_anybodys() -> None:
    site = await made()
    [row] = await site.rows(TokenRow, user="viewer")
    async with site.client("maintainer") as client:
        assert (await client.delete(f"/api/v1/tokens/{row.id}")).status_code == 404
    async with site.client("root") as client:
        assert (await client.delete(f"/api/v1/tokens/{row.id}")).status_code == 204
    async with site.client("viewer") as client:
        assert (await client.get("/api/v1/session")).status_code == 401


async def test_who_is_disabled_is_out_at_once_and_for_good() -> None:
    site = await made()
    async with site.client() as browser, site.client("root") as client:
        await browser.post("/api/v1/session", json={"token": site.tokens["viewer"]})
        answer = await client.patch("/api/v1/users/viewer", json={"disabled": True})
        assert answer.json()["disabled"] is True
        assert (await browser.get("/api/v1/session")).status_code == 401
        await client.patch("/api/v1/users/viewer", json={"disabled": False})
        assert (await browser.get("/api/v1/session")).status_code == 401
    assert await site.rows(TokenRow, user="viewer") == []
    assert await site.rows(LoginRow) == []


@pytest.mark.parametrize("change", [{"disabled": True}, {"site_admin": False}])
async def test_the_last_site_administrator_stays(change: dict[str, bool]) -> None:
    site = await made()
    async with site.client("root") as client:
        assert (await client.patch("/api/v1/users/root", json=change)).status_code == 409
        await client.post("/api/v1/users", json={"id": "second", "site_admin": True})
        assert (await client.patch("/api/v1/users/root", json=change)).status_code == 200


async def test_an_address_belongs_to_one_user() -> None:
    site = await made()
    async with site.client("root") as client:
        first = {"id": "ann", "email": "Ann@Example.org"}
        assert (await client.post("/api/v1/users", json=first)).json()["email"] == "ann@example.org"
        second = {"id": "ann2", "email": "ann@example.org"}
        assert (await client.post("/api/v1/users", json=second)).status_code == 409


async def test_the_audit_comes_page_by_page_the_latest_first() -> None:
    site = await made()
    async with site.client("root") as client:
        for number in range(7):
            await client.post("/api/v1/users", json={"id": f"user{number}"})
        seen, after = [], None
        while True:
            query = {"action": "user.create", "limit": "3", **({"after": after} if after else {})}
            page = (await client.get("/api/v1/audit", params=query)).json()
            seen += [entry["target"] for entry in page["items"]]
            if (after := page["next"]) is None:
                break
    assert seen == [f"user{number}" for number in reversed(range(7))]


async def test_the_first_start_gives_an_administrators_token_and_no_other_does() -> None:
    store = MemoryStore()
    text = await first_admin_token(store, 5.0)
    assert text is not None
    assert await first_admin_token(store, 6.0) is None
    [user] = await store.read(lambda view: view.find(UserRow))
    assert user.site_admin


async def test_that_a_token_is_used_is_remembered_now_and_then() -> None:
    site = await made()
    async with site.client("viewer") as client:
        used = []
        for later in (0, 10, 400):
            site.clock += later
            await client.get("/api/v1/session")
            [row] = await site.rows(TokenRow, user="viewer")
            used.append(row.used)
    assert used[0] == used[1] < used[2]


async def test_an_administrator_makes_tokens_for_robots() -> None:
    site = await made()
    async with site.client("root") as client:
        await client.post("/api/v1/users", json={"id": "robot", "name": "Nightly"})
        body = {"name": "nightly", "scopes": ["run"]}
        issued = (await client.post("/api/v1/users/robot/tokens", json=body)).json()
        assert (await client.post("/api/v1/users/ghost/tokens", json=body)).status_code == 404
        [listed] = (await client.get("/api/v1/users/robot/tokens")).json()
    assert listed["id"] == issued["id"]
    site.tokens["robot"] = issued["token"]
    async with site.client("robot") as client:
        me = (await client.get("/api/v1/session")).json()
    assert (me["user"], me["scopes"]) == ("robot", ["run"])
