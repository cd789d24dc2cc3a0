"""Projects, their members, environments, secrets and variables, over HTTP."""

import json

from tests.server.api.site import made

from mayfly.store.people import AuditRow, MemberRow, SecretRow, VariableRow
from mayfly.store.rows import HostRow, ProjectRow

HERE = "/api/v1/projects/acme/site"


async def test_a_site_administrator_makes_a_project_and_is_its_first_administrator() -> None:
    site = await made()
    async with site.client("root") as client:
        answer = await client.post("/api/v1/projects", json={"id": "acme/new", "public": True})
        assert answer.status_code == 201
        assert answer.json()["public"] is True
        again = await client.post("/api/v1/projects", json={"id": "Acme/New"})
    assert again.status_code == 409
    [member] = await site.rows(MemberRow, project="acme/new")
    assert (member.user, member.role) == ("root", "admin")


async def test_a_body_is_taken_at_its_word() -> None:
    site = await made()
    async with site.client("root") as client:
        for body in ({"public": 1}, {"losses_allowed": "3"}, {"losses_alowed": 3}):
            assert (await client.patch(HERE, json=body)).status_code == 422


async def test_only_what_was_given_is_changed_and_only_changes_are_audited() -> None:
    site = await made()
    async with site.client("admin") as client:
        await client.patch(HERE, json={"losses_allowed": 3})
        await client.patch(HERE, json={"losses_allowed": 3})
        answer = await client.patch(HERE, json={"native_on_push": True})
    assert answer.json()["losses_allowed"] == 3
    first, second = await site.rows(AuditRow, action="project.change")
    assert first.details == {"before": {"losses_allowed": 1}, "after": {"losses_allowed": 3}}
    assert second.details["after"] == {"native_on_push": True}
    assert (first.actor, first.project, first.address) == ("admin", "acme/site", "127.0.0.1")


async def test_a_projects_own_administrators_cannot_enlarge_its_part_of_the_fleet() -> None:
    site = await made()
    await site.add(HostRow(id="h1"))
    async with site.client("admin") as client:
        assert (await client.patch(HERE, json={"weight": 100})).status_code == 422
        assert (await client.patch(f"{HERE}/allotment", json={"weight": 9})).status_code == 403
    async with site.client("root") as client:
        body = {"weight": 9, "quota_jobs": 4, "hosts": ["h1"]}
        answer = await client.patch(f"{HERE}/allotment", json=body)
        unknown = await client.patch(f"{HERE}/allotment", json={"hosts": ["h2"]})
    assert answer.status_code == 200
    [row] = await site.rows(ProjectRow, id="acme/site")
    assert (row.weight, row.quota_jobs, row.hosts) == (9, 4, ("h1",))
    assert unknown.status_code == 400
    assert "h2" in unknown.json()["error"]


async def test_strangers_see_public_projects_only() -> None:
    site = await made()
    for person, seen in ((None, ["acme/open"]), ("viewer", ["acme/open", "acme/site"])):
        async with site.client(person) as client:
            found = (await client.get("/api/v1/projects")).json()
        assert [project["id"] for project in found] == seen


async def test_members_come_change_and_go() -> None:
    site = await made()
    async with site.client("admin") as client:
        put = await client.put(f"{HERE}/members/stranger", json={"role": "maintainer"})
        assert put.json()["role"] == "maintainer"
        unknown = await client.put(f"{HERE}/members/nobody", json={"role": "viewer"})
        assert unknown.status_code == 404
        assert (await client.delete(f"{HERE}/members/viewer")).status_code == 204
        assert (await client.delete(f"{HERE}/members/viewer")).status_code == 404
        members = (await client.get(f"{HERE}/members")).json()
    assert {m["user"]: m["role"] for m in members} == {
        "admin": "admin",
        "maintainer": "maintainer",
        "stranger": "maintainer",
    }
    async with site.client("viewer") as client:
        assert (await client.get(HERE)).status_code == 404


async def test_secrets_go_in_and_never_out() -> None:
    site = await made()
    said = []
    async with site.client("maintainer") as client:
        said.append(await client.put(f"{HERE}/secrets/Deploy_Key", json={"value": "s3cr3t"}))
        said.append(await client.get(f"{HERE}/secrets"))
        said.append(await client.put(f"{HERE}/secrets/X", json={"value": {"s3cr3t": 1}}))
        assert said[1].json()[0]["name"] == "DEPLOY_KEY"
        assert said[2].status_code == 422
    async with site.client("admin") as client:
        said.append(await client.get(f"{HERE}/audit"))
    assert not any("s3cr3t" in answer.text for answer in said)
    [row] = await site.rows(SecretRow)
    assert row.value == "s3cr3t"
    assert "s3cr3t" not in json.dumps([row.details for row in await site.rows(AuditRow)])
    async with site.client("maintainer") as client:
        assert (await client.delete(f"{HERE}/secrets/deploy_key")).status_code == 204
    assert await site.rows(SecretRow) == []


async def test_secrets_of_an_environment_are_kept_by_who_keeps_its_rules() -> None:
    site = await made()
    place, said = f"{HERE}/environments/Production", []
    async with site.client("admin") as client:
        assert (await client.put(f"{place}/secrets/K", json={"value": "x"})).status_code == 404
        await client.put(place, json={})
        said.append(await client.put(f"{place}/secrets/key", json={"value": "s3cr3t"}))
        said.append(await client.put(f"{place}/variables/region", json={"value": "eu"}))
        said.append(await client.put(f"{HERE}/secrets/key", json={"value": "for all"}))
        said.append(await client.get(f"{HERE}/audit"))
    async with site.client("maintainer") as client:
        assert (await client.put(f"{place}/secrets/K", json={"value": "x"})).status_code == 403
        assert (await client.delete(f"{place}/variables/REGION")).status_code == 403
        for path in (place, f"{HERE}/environments/production", HERE):
            said.append(await client.get(f"{path}/secrets"))
            assert [one["name"] for one in said[-1].json()] == ["KEY"]
    assert not any("s3cr3t" in answer.text for answer in said)
    async with site.client("viewer") as client:
        assert (await client.get(f"{place}/secrets")).status_code == 403
        [variable] = (await client.get(f"{place}/variables")).json()
        assert (variable["name"], variable["value"]) == ("REGION", "eu")
        assert (await client.get(f"{HERE}/variables")).json() == []
    rows = await site.rows(SecretRow)
    assert [(row.id, row.environment, row.value) for row in rows] == [
        ("acme/site/KEY", "", "for all"),
        ("acme/site/production/KEY", "production", "s3cr3t"),
    ]
    [noted, _] = await site.rows(AuditRow, action="secret.set")
    assert (noted.target, noted.details) == ("KEY", {"environment": "production"})


async def test_what_an_environment_has_goes_with_it() -> None:
    """So that another of its name, without its reviewers, comes by nothing."""
    site = await made()
    async with site.client("admin") as client:
        for name in ("Production", "staging"):
            place = f"{HERE}/environments/{name}"
            await client.put(place, json={})
            await client.put(f"{place}/secrets/KEY", json={"value": name})
            await client.put(f"{place}/variables/REGION", json={"value": "eu"})
        await client.put(f"{HERE}/secrets/KEY", json={"value": "for all"})
        assert (await client.delete(f"{HERE}/environments/PRODUCTION")).status_code == 204
    assert [row.environment for row in await site.rows(SecretRow)] == ["", "staging"]
    assert [row.environment for row in await site.rows(VariableRow)] == ["staging"]


async def test_secrets_of_an_environment_can_be_removed() -> None:
    site = await made()
    place = f"{HERE}/environments/production"
    async with site.client("admin") as client:
        await client.put(place, json={})
        for path in (f"{place}/secrets/KEY", f"{place}/variables/KEY"):
            await client.put(path, json={"value": "x"})
            assert (await client.delete(path)).status_code == 204
            assert (await client.delete(path)).status_code == 404
    assert await site.rows(SecretRow) == await site.rows(VariableRow) == []


async def test_names_of_the_forge_are_not_to_be_set() -> None:
    site = await made()
    async with site.client("maintainer") as client:
        answer = await client.put(f"{HERE}/secrets/GITHUB_TOKEN", json={"value": "x"})
    assert answer.status_code == 400


async def test_variables_can_be_read() -> None:
    site = await made()
    async with site.client("maintainer") as client:
        await client.put(f"{HERE}/variables/region", json={"value": "eu"})
        await client.put(f"{HERE}/variables/REGION", json={"value": "us"})
    async with site.client("viewer") as client:
        [variable] = (await client.get(f"{HERE}/variables")).json()
    assert (variable["name"], variable["value"], variable["by"]) == ("REGION", "us", "maintainer")


async def test_an_environments_reviewers_must_be_users() -> None:
    site = await made()
    place = f"{HERE}/environments/Production"
    async with site.client("admin") as client:
        assert (await client.put(place, json={"reviewers": ["ghost"]})).status_code == 400
        rules = {"reviewers": ["viewer"], "wait_minutes": 5, "branches": ["release/*"]}
        assert (await client.put(place, json=rules)).status_code == 200
        [shown] = (await client.get(f"{HERE}/environments")).json()
        assert shown["name"] == "Production"
        assert shown["reviewers"] == ["viewer"]
        assert (await client.delete(f"{HERE}/environments/production")).status_code == 204
    assert "environment.set" in await site.audited()


async def test_a_clone_address_is_shown_to_all_and_so_holds_no_password() -> None:
    site = await made()
    async with site.client("admin") as client:
        for url, status in {
            "https://git.example.org:8443/acme/site.git": 200,
            "ssh://git@git.example.org:2222/acme/site.git": 200,
            "https://person:token@git.example.org/acme/site.git": 422,
            "https://token@git.example.org/acme/site.git": 422,
            "ssh://git:word@git.example.org/acme/site.git": 422,
        }.items():
            answer = await client.patch(HERE, json={"clone_url": url})
            assert answer.status_code == status, url
            assert "token" not in answer.text
