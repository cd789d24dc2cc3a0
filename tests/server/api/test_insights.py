"""What jobs took, over HTTP."""

from tests.server.api.fleet_of_one import TWO_JOBS, Host, submitted
from tests.server.api.site import OPEN, PROJECT, Site, made

from mayfly.server.api import insights
from mayfly.store.rows import MeteringRow


async def finished() -> Site:
    site = await made()
    await submitted(site, TWO_JOBS)
    await submitted(site, TWO_JOBS, project=OPEN, actor="root")
    await (await Host(site).open()).run_all()
    return site


async def test_one_sees_the_projects_one_is_a_member_of() -> None:
    site = await finished()
    for person, seen in (("root", {PROJECT, OPEN}), ("viewer", {PROJECT}), ("stranger", set())):
        async with site.client(person) as client:
            answer = (await client.get("/api/v1/insights?days=1")).json()
        assert {line["name"] for line in answer["projects"]} == seen
        assert answer["total"]["now"]["attempts"] == 2 * len(seen)
    async with site.client() as client:
        assert (await client.get("/api/v1/insights")).status_code == 401


async def test_a_projects_own_are_of_it_alone() -> None:
    site = await finished()
    async with site.client("viewer") as client:
        answer = (await client.get(f"/api/v1/projects/{PROJECT}/insights")).json()
        assert (await client.get("/api/v1/insights?days=2")).status_code == 422
    assert [line["name"] for line in answer["people"]] == ["maintainer"]
    assert answer["until"] - answer["since"] == 7 * 86400


async def test_many_attempts_are_read_in_parts_and_each_counts_once() -> None:
    site = await made()
    number = 2 * insights._AT_ONCE + 7
    at = site.clock
    rows = [
        MeteringRow(id=f"{n}:1", project=PROJECT, job=str(n), finished=at - n % 3)
        for n in range(number)
    ]
    await site.add(*rows)
    found = await insights.collect(site.store, at, 7, (PROJECT,))
    assert found.total.now.attempts == number
