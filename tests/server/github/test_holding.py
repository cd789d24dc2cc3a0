"""GitHub's jobs beyond what a project may have unfinished: they wait there, and nothing is lost."""

import asyncio
from dataclasses import replace
from pathlib import Path

from tests.server.github.fleet import Fleet, fleet
from tests.virtual_time import virtual_time

from mayfly.forges.github.demand import Plan, Waiting, pool
from mayfly.forges.github.model import Scope
from mayfly.server.github.holding import with_room
from mayfly.store.base import Tx
from mayfly.store.forge_rows import ForgeJobRow
from mayfly.store.memory import MemoryStore
from mayfly.store.rows import ProjectRow


async def quota(here: Fleet, jobs: int) -> None:
    [project] = here.rows(ProjectRow)
    await here.put(replace(project, quota_unfinished=jobs))


@virtual_time
async def test_they_get_a_place_when_others_have_ended(tmp_path: Path) -> None:
    async with fleet(tmp_path, hosts=0) as here:
        await quota(here, 2)
        runs = [here.queue(f"job {number}") for number in range(5)]
        await here.until(lambda: len(here.rows(ForgeJobRow)) == 5)
        await asyncio.sleep(60)
        assert len(here.jobs()) == 2
        await here.host("h1")
        await here.done(*runs)
        assert [run.conclusion for run in runs] == ["success"] * 5
        assert [row.problem for row in here.rows(ForgeJobRow)] == [None] * 5


async def test_each_project_has_room_of_its_own() -> None:
    def work(tx: Tx) -> Plan:
        tx.add(ProjectRow(id="o/small", quota_unfinished=1))
        tx.add(ProjectRow(id="o/none", quota_unfinished=0))
        tx.add(ProjectRow(id="o/free", quota_unfinished=None))
        return with_room(tx, queued, Plan(wanted, ("p",)))

    names = ["small", "none", "free", "small", "free", "gone"]
    queued = [
        ForgeJobRow(
            id=f"{number}-1",
            project=f"o/{name}",
            installation=1,
            job=number,
            attempt=1,
            run=1,
            status="queued",
            changed=0.0,
        )
        for number, name in enumerate(names)
    ]
    kind = pool(Scope("o", None), ["mayfly"])
    wanted = tuple(Waiting((row.job, row.attempt), kind, 0.0) for row in queued)
    plan = await MemoryStore().serial(work)
    assert [one.key[0] for one in plan.make] == [0, 2, 4, 5]
    assert plan.give_up == ("p",)
