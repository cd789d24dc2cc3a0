"""A job of GitHub from its webhook to its end, and that nothing is left of it."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.server.github.fleet import LABEL, REPOSITORY, fleet
from tests.standins.github.world import JobSpec
from tests.virtual_time import virtual_time

from mayfly.domain.job import Conclusion, JobState
from mayfly.store.forge_rows import ForgeJobRow
from mayfly.store.rows import JobRow, ProjectRow, RunKind, RunRow, StartRow


@virtual_time
async def test_a_queued_job_runs_on_the_fleet_and_leaves_nothing(tmp_path: Path) -> None:
    async with fleet(tmp_path) as here:
        run = here.queue("build")
        await here.done(run)
        assert run.conclusion == "success"
        [row] = here.rows(RunRow)
        assert (row.kind, row.conclusion) == (RunKind.GITHUB, Conclusion.SUCCESS)
        assert (row.name, row.sha, row.project) == ("CI / build", run.head_sha, "octo-org/site")
        [job] = here.jobs()
        assert job.state is JobState.SUCCEEDED
        assert [row.status for row in here.rows(ForgeJobRow)] == ["completed"]
        assert list(here.guests.ran.values()) == [1]


@virtual_time
async def test_runners_of_an_organisation_serve_all_its_projects(tmp_path: Path) -> None:
    """Where the app may not register at repositories: each run is shown where its job is."""
    async with fleet(tmp_path, hosts=0) as here:
        other = here.github.create_repository("octo-org/other")
        del here.app.permissions["administration"]
        here.github.choose_repositories(here.installation, [REPOSITORY])
        here.github.choose_repositories(here.installation, [REPOSITORY, "octo-org/other"])
        await here.until(lambda: len(here.rows(ProjectRow)) == 2)
        site = here.queue("site")
        await here.until(lambda: len(here.jobs()) == 1)
        theirs = here.github.start_run(other, [JobSpec("other", (LABEL,))])
        await here.until(lambda: len(here.jobs()) == 2)
        here.github.actions.queue.reverse()  # so that the first machine gets the other's job
        await here.host("h1", cpu=1)
        await here.done(site, theirs)
        assert {runner.repository for runner in here.github.runners.all.values()} == {None}
        shown = {(row.project, row.name, row.sha) for row in here.rows(RunRow)}
        assert shown == {
            (REPOSITORY, "CI / site", site.head_sha),
            ("octo-org/other", "CI / other", theirs.head_sha),
        }


@virtual_time
async def test_a_machine_is_expected_to_take_as_long_as_the_job_that_it_took(
    tmp_path: Path,
) -> None:
    async with fleet(tmp_path, hosts=0) as here:
        await here.host("h1", cpu=1)

        async def work(job: dict[str, Any]) -> str:
            await asyncio.sleep({"build": 3000.0, "lint": 20.0}[job["name"]])
            return "success"

        here.guests.work = work
        await here.done(here.queue("build"))
        await here.done(here.queue("lint"))
        await here.lose("h1")
        run = here.queue("build", "lint")
        await here.until(lambda: len(here.jobs()) == 4)
        first = here.jobs()[2]
        queue = here.github.actions.queue  # so that the first machine gets the other's job:
        queue.sort(key=lambda job: job.spec.name == first.planned.name)
        await here.host("h2", cpu=1)
        await here.until(lambda: here.guests.at_work)
        await asyncio.sleep(10)
        [working] = here.rows(JobRow, state=JobState.RUNNING)
        [waiting] = here.rows(JobRow, state=JobState.QUEUED)
        assert (working.id, waiting.planned.name) == (first.id, first.planned.name)
        took = {row.planned.name: row.expected_s for row in (working, waiting)}
        assert 20 <= took["lint"] < 60
        assert 3000 <= took["build"] < 3060
        await here.done(run)


@virtual_time
async def test_a_push_starts_native_runs_where_a_project_chose_so(tmp_path: Path) -> None:
    async with fleet(tmp_path, hosts=0) as here:
        here.github.push(here.repository, ref="refs/heads/main", before="0" * 40, after="1" * 40)
        await here.github.delivered()
        await asyncio.sleep(30)
        assert here.rows(StartRow) == []
        [project] = here.rows(ProjectRow)
        await here.put(replace(project, native_on_push=True))
        here.github.faults.webhook_twice = 1.0
        here.github.push(here.repository, ref="refs/heads/main", before="1" * 40, after="2" * 40)
        await here.until(lambda: here.rows(StartRow))
        await asyncio.sleep(30)
        [start] = here.rows(StartRow)
        assert (start.project, start.ref, start.sha) == (REPOSITORY, "refs/heads/main", "2" * 40)
        token = await here.ours.token(here.rows(ProjectRow)[0])
        assert token


@virtual_time
async def test_a_server_that_dies_in_the_middle_leaves_its_work_to_others(tmp_path: Path) -> None:
    async with fleet(tmp_path, hosts=2) as here:
        runs = []
        for number in range(6):
            here.start_replica()
            runs.append(here.queue(f"job {number}"))
            await asyncio.sleep(number * 7.3)
            await here.crash_replica()
        await here.done(*runs)
        assert {run.conclusion for run in runs} == {"success"}
        assert set(here.guests.ran.values()) == {1}
