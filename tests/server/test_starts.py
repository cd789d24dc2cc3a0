"""Runs that a server starts by itself: read from real repositories, begun once."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from tests.blobs import MemoryBlobs
from tests.services.gitting import commit, new_repository

from mayfly.domain.errors import InvalidInput
from mayfly.domain.job import Conclusion, JobState
from mayfly.server.assembly import make_services
from mayfly.server.services import Services
from mayfly.server.settings import Settings
from mayfly.server.starts import Starts
from mayfly.server.uploads import of_project
from mayfly.services.mirror import PROTOCOLS
from mayfly.store.base import Tx
from mayfly.store.memory import MemoryStore
from mayfly.store.people import SecretRow, VariableRow
from mayfly.store.rows import (
    JobRow,
    ProjectRow,
    RequestRow,
    RunRow,
    ScheduleRow,
    StartRow,
    UploaderRow,
)
from mayfly.system.home import Home

PROJECT = "acme/site"
PUSHED = """\
on:
  push: {paths: ['src/**']}
jobs:
  test: {runs-on: mayfly, steps: [{uses: actions/checkout@v4}, {run: make}]}
"""
NIGHTLY = """\
on: {schedule: [{cron: '0 5 * * *'}]}
jobs:
  long: {runs-on: mayfly-arm64, steps: [{run: make long}]}
"""
FILES = {
    ".github/workflows/ci.yml": PUSHED,
    ".github/workflows/nightly.yml": NIGHTLY,
    "src/a.c": "",
}


class Lab:
    """A server over memory, and a project whose repository is a folder."""

    def __init__(self, folder: Path):
        self.time = 1_000_000.0
        self.repository = folder / "repository"
        self.store = MemoryStore()
        self.blobs = MemoryBlobs()
        self.services: Services = make_services(
            self.store, self.blobs, Settings(), lambda: self.time
        )
        self.starts = self.replica(folder / "one")
        self.folder = folder

    def replica(self, home: Path, protocols: frozenset[str] = frozenset({"file"})) -> Starts:
        home.mkdir(exist_ok=True)
        return Starts(
            self.store,
            self.services.uploads,
            self.services.submissions,
            home=Home(home),
            credentials=self._credentials,
            now=lambda: self.time,
            protocols=protocols,
        )

    async def begin(self, files: dict[str, str]) -> str:
        await new_repository(self.repository)
        url = self.repository.as_uri()
        row = ProjectRow(id=PROJECT, clone_url=url, native_on_push=True)
        await self.store.serial(lambda tx: tx.add(row))
        return await commit(self.repository, files)

    async def push(self, sha: str | None, *changed: str, name: str = "push 1") -> None:
        payload = {"commits": [{"modified": list(changed)}], "before": "b" * 40}
        row = StartRow(
            id=name,
            project=PROJECT,
            event="push",
            ref="refs/heads/main",
            sha=sha,
            actor="ann",
            payload=payload,
        )
        await self.store.serial(lambda tx: tx.add(row))

    async def quota(self, jobs: int) -> None:
        """Of unfinished jobs."""

        def work(tx: Tx) -> None:
            row = tx.get(ProjectRow, PROJECT)
            assert row is not None
            tx.put(replace(row, quota_unfinished=jobs))

        await self.store.serial(work)

    def runs(self) -> list[RunRow]:
        return self.store.view().find(RunRow)

    async def _credentials(self, _project: ProjectRow) -> str | None:
        return None


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


async def test_a_push_starts_the_workflows_it_concerns(lab: Lab) -> None:
    sha = await lab.begin(FILES)
    await lab.push(sha, "src/a.c")
    assert await lab.starts.step()
    [run] = lab.runs()
    assert (run.ref.workflow, run.event, run.branch, run.sha, run.actor) == (
        ".github/workflows/ci.yml",
        "push",
        "main",
        sha,
        "ann",
    )
    [job] = lab.store.view().find(JobRow)
    assert job.state is JobState.QUEUED
    [kept] = lab.blobs.kept
    assert kept.startswith(f"uploads/{run.source}.")
    assert not await lab.starts.step()


async def test_a_push_that_concerns_none_starts_nothing(lab: Lab) -> None:
    sha = await lab.begin(FILES)
    await lab.push(sha, "README.md")
    assert await lab.starts.step()
    assert lab.runs() == []
    assert lab.store.view().find(StartRow) == []


async def test_a_push_to_the_default_branch_sets_the_schedules(lab: Lab) -> None:
    await lab.push(await lab.begin(FILES), "README.md")
    await lab.starts.step()
    [schedule] = lab.store.view().find(ScheduleRow)
    assert (schedule.workflow, schedule.cron) == (".github/workflows/nightly.yml", "0 5 * * *")


async def test_a_schedule_starts_its_workflow_alone(lab: Lab) -> None:
    sha = await lab.begin(FILES)
    row = StartRow(
        id="s",
        project=PROJECT,
        event="schedule",
        ref="refs/heads/main",
        workflow=".github/workflows/nightly.yml",
        cron="0 5 * * *",
    )
    await lab.store.serial(lambda tx: tx.add(row))
    await lab.starts.step()
    [run] = lab.runs()
    assert (run.ref.workflow, run.event, run.sha) == (row.workflow, "schedule", sha)


async def test_two_replicas_start_it_once(lab: Lab) -> None:
    await lab.push(await lab.begin(FILES), "src/a.c")
    other = lab.replica(lab.folder / "two")
    assert sorted(await asyncio.gather(lab.starts.step(), other.step())) == [False, True]
    assert len(lab.runs()) == 1


async def test_one_that_was_killed_is_taken_over(lab: Lab) -> None:
    """Whoever comes back late begins nothing any more."""
    await lab.push(await lab.begin(FILES), "src/a.c")
    [start] = lab.store.view().find(StartRow)
    dead = replace(start, taken_until=lab.time + 900)
    await lab.store.serial(lambda tx: tx.put(dead))
    assert not await lab.starts.step()
    lab.time += 901
    assert await lab.starts.step()
    assert len(lab.runs()) == 1


async def test_secrets_and_variables_of_the_project_go_along_sealed(lab: Lab) -> None:
    await lab.push(await lab.begin(FILES), "src/a.c")
    secret = SecretRow(id=f"{PROJECT}/KEY", project=PROJECT, name="KEY", value="s3cr3t", updated=0)
    variable = VariableRow(id=f"{PROJECT}/V", project=PROJECT, name="V", value="1", updated=0)
    for row in (secret, variable):
        await lab.store.serial(lambda tx, row=row: tx.add(row))  # type: ignore[misc]
    await lab.starts.step()
    [request] = lab.store.view().find(RequestRow)
    assert "s3cr3t" in request.text  # a sealed field
    [run] = lab.runs()
    assert "s3cr3t" not in repr(run)


async def test_an_unreachable_repository_is_tried_again_and_then_shown(lab: Lab) -> None:
    await lab.push(await lab.begin(FILES), "src/a.c")
    lab.repository.rename(lab.repository.with_name("moved"))
    for _ in range(5):
        assert lab.runs() == []
        assert await lab.starts.step()
        assert not await lab.starts.step()
        lab.time += 3600
    [run] = lab.runs()
    assert run.conclusion is Conclusion.FAILURE
    assert "cannot be fetched" in (run.problem or "")
    assert lab.store.view().find(StartRow) == []


async def test_workflows_that_cannot_run_are_shown_at_once(lab: Lab) -> None:
    wrong = {".github/workflows/ci.yml": "on: push\njobs: {a: {steps: []}}\n"}
    await lab.push(await lab.begin(wrong), "src/a.c")
    await lab.starts.step()
    [run] = lab.runs()
    assert run.conclusion is Conclusion.FAILURE
    assert "ci.yml:2" in (run.problem or "")


async def test_a_commit_that_is_gone_is_no_reason_to_stop(lab: Lab) -> None:
    await lab.begin(FILES)
    await lab.push("c" * 40, "src/a.c")
    await lab.starts.step()
    [start] = lab.store.view().find(StartRow)
    assert (start.tries, start.taken_until) == (1, 0.0)


@pytest.mark.parametrize("url", ["file:///etc", "/etc", "http://a.test/x", "ext::sh -c id", "-x"])
async def test_an_address_that_leads_into_the_server_is_refused(lab: Lab, url: str) -> None:
    await lab.begin(FILES)
    row = ProjectRow(id=PROJECT, clone_url=url, native_on_push=True)
    await lab.store.serial(lambda tx: tx.put(row))
    await lab.push(None)
    starts = lab.replica(lab.folder / "strict", PROTOCOLS)
    for _ in range(5):
        await starts.step()
        lab.time += 3600
    [run] = lab.runs()
    assert run.conclusion is Conclusion.FAILURE
    assert not list((lab.folder / "strict").rglob("objects/pack/*"))


async def test_a_push_waits_for_room_and_fetches_nothing_meanwhile(lab: Lab) -> None:
    await lab.push(await lab.begin(FILES), "src/a.c")
    await lab.quota(0)
    assert await lab.starts.step()
    assert (lab.runs(), lab.blobs.kept) == ([], {})
    assert not (lab.folder / "one" / "mirrors").exists()
    lab.time += 31
    await lab.quota(1)
    assert await lab.starts.step()
    [run] = lab.runs()
    assert run.conclusion is None


async def test_a_push_for_which_there_is_never_room_is_shown(lab: Lab) -> None:
    await lab.push(await lab.begin(FILES), "src/a.c")
    await lab.quota(0)
    for _ in range(5):
        assert await lab.starts.step()
        lab.time += 3600
    [run] = lab.runs()
    assert (run.conclusion, run.finished is not None) == (Conclusion.FAILURE, True)
    assert "may have 0 jobs that wait or run" in (run.problem or "")
    with pytest.raises(InvalidInput, match="could not even begin"):
        await lab.store.serial(lambda tx: lab.services.submissions.again(tx, run, "ann"))


async def test_what_pushes_need_is_bounded_by_project(lab: Lab) -> None:
    await lab.push(await lab.begin(FILES), "src/a.c")
    full = UploaderRow(id=of_project(PROJECT), stored=Settings().uploads_limit)
    await lab.store.serial(lambda tx: tx.put(full))
    for _ in range(5):
        assert await lab.starts.step()
        lab.time += 3600
    [run] = lab.runs()
    assert "the uploads of project acme/site fill the 50 GiB" in (run.problem or "")
    assert lab.blobs.kept == {}
