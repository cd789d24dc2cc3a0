"""The same over a database: what is typed, bounded and hidden there as it is in memory."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.server.api.fleet_of_one import TWO_JOBS, Host, submitted
from tests.server.api.site import Site

from mayfly.store.people import RateRow, SignInRow
from mayfly.store.sql.migrate import migrate
from mayfly.store.sql.store import open_store
from mayfly.store.vault import Vault

HERE = "/api/v1/projects/acme/site"


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    url = f"sqlite:///{tmp_path}/mayfly.db"
    migrate(url)
    store = await open_store(url, Vault.open(tmp_path / "key"))
    try:
        site = Site(store=store)
        await site.people()
        yield site
    finally:
        await store.close()


def content(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob("mayfly.db*"))


async def test_secrets_lie_encrypted(site: Site, tmp_path: Path) -> None:
    async with site.client("maintainer") as client:
        await client.put(f"{HERE}/secrets/KEY", json={"value": "correct horse battery"})
        await client.put(f"{HERE}/variables/PLAIN", json={"value": "staple staple"})
    await site.add(SignInRow(id="s", provider="p", nonce="n", verifier="the verifier", until=1.0))
    await site.store.close()
    written = content(tmp_path)
    assert b"staple staple" in written
    for hidden in (b"correct horse", b"the verifier", site.tokens["viewer"].encode()):
        assert hidden not in written


async def test_one_signs_in_makes_a_token_and_reads_the_audit(site: Site) -> None:
    async with site.client() as client:
        await client.post("/api/v1/session", json={"token": site.tokens["root"]})
        me = (await client.get("/api/v1/session")).json()
        headers = {"X-CSRF-Token": me["csrf"]}
        body = {"name": "ci", "scopes": ["read", "run"], "project": "acme/site"}
        issued = await client.post("/api/v1/tokens", json=body, headers=headers)
        assert issued.json()["scopes"] == ["read", "run"]
        noted = (await client.get("/api/v1/audit?limit=2")).json()
        assert [entry["action"] for entry in noted["items"]] == ["token.create", "sign-in"]
        after = (await client.get(f"/api/v1/audit?limit=2&after={noted['next']}")).json()
        assert len(after["items"]) == 2


async def test_tries_are_counted(site: Site) -> None:
    async with site.client() as client:
        body = {"token": "mayfly_guess"}
        codes = [(await client.post("/api/v1/session", json=body)).status_code for _ in range(22)]
    assert codes == [401] * 20 + [429] * 2
    [row] = await site.rows(RateRow)
    assert row.left < 1


async def test_runs_are_listed_followed_and_measured(site: Site) -> None:
    submission = await submitted(site, TWO_JOBS, TWO_JOBS)
    await (await Host(site).open()).run_all()
    async with site.client("viewer") as client:
        first = (await client.get("/api/v1/runs?limit=1&state=finished")).json()
        second = (await client.get(f"/api/v1/runs?limit=1&after={first['next']}")).json()
        jobs = (await client.get("/api/v1/jobs?state=succeeded&limit=3")).json()
        rest = (await client.get(f"/api/v1/jobs?after={jobs['next']}")).json()
        events = await client.get(f"/api/v1/submissions/{submission.id}/events")
        insights = (await client.get("/api/v1/insights")).json()
    listed = {page["items"][0]["id"] for page in (first, second)}
    assert listed == set(submission.runs)
    assert len({job["id"] for job in jobs["items"] + rest["items"]}) == 4
    assert events.text.rstrip().endswith("data: {}")
    assert insights["total"]["now"]["attempts"] == 4
    async with site.client("root") as client:
        assert "mayfly_sessions 1.0" in (await client.get("/metrics")).text
