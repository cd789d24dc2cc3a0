"""The commands that talk to a server, as people type them; a host of dummy machines."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import pytest_asyncio
from tests.machines.images.images import publish
from tests.replicas.site import PROGRAM, Site, site
from tests.services.gitting import commit, new_repository

from mayfly.machines.images.store import ImageStore
from mayfly.system.home import Home

pytestmark = pytest.mark.asyncio(loop_scope="module")

WORKFLOW = """\
on: push
jobs:
  build:
    runs-on: mayfly-1cpu-1gb
    env: {DUMMY: '%s', DUMMY_SECONDS: '%s'}
    steps: [{run: echo hello}, {uses: actions/checkout@v4}]
"""


@dataclass
class Said:
    status: int
    out: str
    errors: str


@dataclass
class Person:
    """Somebody with a home and a clone."""

    site: Site
    home: Path
    clone: Path

    async def types(self, *arguments: str, **environment: str) -> Said:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            PROGRAM,
            *arguments,
            env={**os.environ, "MAYFLY_HOME": str(self.home), "CI": "1", **environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=self.clone,
        )
        out, errors = await process.communicate()
        assert process.returncode is not None
        return Said(process.returncode, out.decode(), errors.decode())

    async def runs(self, conduct: str = "succeeds", seconds: float = 0, *options: str) -> Said:
        text = dedent(WORKFLOW) % (conduct, seconds)
        await commit(self.clone, {".github/workflows/ci.yml": text})
        return await self.types("run", "--server", self.site.url, *options)

    async def listed(self, what: str, *options: str) -> list[dict[str, Any]]:
        said = await self.types(what, "--json", *options)
        assert said.status == 0, said.errors
        found: list[dict[str, Any]] = json.loads(said.out)
        return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def person(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Person]:
    folder = tmp_path_factory.mktemp("site")
    clone = await new_repository(folder / "clone")
    database = f"sqlite:///{folder}/mayfly.db"
    async with site(folder, database, servers=1, hosts=1) as made:
        one = Person(made, folder / "home", clone)
        said = await one.types("login", "--server", made.url, "--token", made.token)
        assert said.status == 0, said.errors
        yield one


async def test_a_wrong_token_is_refused(person: Person) -> None:
    said = await person.types("login", "--server", person.site.url, "--token", "mayfly_wrong")
    assert said.status == 2
    assert "error:" in said.errors


async def test_a_server_that_is_not_there_is_named(person: Person) -> None:
    said = await person.types("jobs", "--server", "http://127.0.0.1:9", MAYFLY_TOKEN="x")
    assert said.status == 3
    assert "http://127.0.0.1:9 cannot be reached" in said.errors


async def test_who_is_not_signed_in_is_told_how(person: Person) -> None:
    said = await person.types("jobs", "--server", "http://elsewhere.test")
    assert said.status == 2
    assert "mayfly login --server http://elsewhere.test" in said.errors


async def test_a_token_for_another_host_is_made(person: Person) -> None:
    said = await person.types("agent", "token", "--label", "ssd")
    assert said.status == 0, said.errors
    assert "mayfly agent enroll --server" in said.errors
    enrolling = ["agent", "enroll", "--server", person.site.url, "--name", "other"]
    there = {"MAYFLY_HOME": str(person.home / "other")}
    assert (await person.types(*enrolling, "--token", said.out.strip(), **there)).status == 0
    [host] = [host for host in await person.listed("hosts") if host["id"] == "other"]
    assert host["labels"] == ["ssd"]


async def test_what_is_not_there_is_said_with_where_to_look(person: Person) -> None:
    said = await person.types("drain", "nobody")
    assert (said.status, "there is no host nobody" in said.errors) == (2, True)
    assert "mayfly hosts" in said.errors


async def test_a_name_that_no_project_can_have_is_refused(person: Person) -> None:
    said = await person.types("runs", "--project", "nonsense")
    assert (said.status, "'nonsense' is no name of a project" in said.errors) == (2, True)


async def test_a_clone_runs_there_and_is_shown_as_here(person: Person) -> None:
    said = await person.runs()
    assert said.status == 0, said.errors
    assert "made project local/clone" in said.errors
    assert "echo hello" in said.out
    assert "1 job: 1 succeeded" in said.out
    [run, *_] = await person.listed("runs")
    assert (run["project"], run["conclusion"]) == ("local/clone", "success")


async def test_a_job_that_fails_fails_the_command(person: Person) -> None:
    assert (await person.runs("fails")).status == 1


async def test_a_label_that_nobody_serves_names_the_nearest(person: Person) -> None:
    text = dedent(WORKFLOW).replace("mayfly-1cpu-1gb", "mayfly-64cpu-1gb") % ("succeeds", 0)
    await commit(person.clone, {".github/workflows/ci.yml": text})
    said = await person.types("run", "--server", person.site.url)
    assert said.status == 2
    assert "the nearest that fits is mayfly-amd64-8cpu-1gb" in said.out


async def test_logs_are_printed_and_followed_to_the_end(person: Person) -> None:
    await person.runs("fails")
    [job, *_] = await person.listed("jobs", "--all")
    assert "echo hello" in (await person.types("logs", job["id"])).out
    followed = await person.types("logs", "-f", job["id"])
    assert followed.status == 1
    assert followed.out.split("\n")[:2] == ["▸ echo hello", "echo hello"]
    assert "failed" in followed.errors


async def test_a_run_is_seen_cancelled_and_run_again(person: Person) -> None:
    running = asyncio.create_task(person.runs("succeeds", 3600))
    while not (jobs := [j for j in await person.listed("jobs") if j["state"] == "running"]):
        assert not running.done(), running.result()
    [job] = jobs
    assert "running" in (await person.types("jobs")).out
    [host] = [host for host in await person.listed("hosts") if host["id"] == "host0"]
    assert host["running"] == 1
    assert (await person.types("cancel", job["run"])).status == 0
    said = await running
    assert said.status == 1
    assert "cancelled by admin" in said.out
    again = await person.types("retry", job["run"])
    assert "attempt 2" in again.out
    [newest, *_] = await person.listed("runs")
    assert (await person.types("cancel", newest["id"], "--force")).status == 0


async def test_a_drained_host_gets_nothing_until_it_is_undrained(person: Person) -> None:
    assert (await person.types("drain", "host0")).status == 0
    assert "draining" in (await person.types("hosts")).out
    running = asyncio.create_task(person.runs())
    while not (waiting := await person.listed("jobs")):
        assert not running.done(), running.result()
    assert waiting[0]["state"] == "queued"
    assert waiting[0]["why"]
    assert (await person.types("undrain", "host0")).status == 0
    assert (await running).status == 0


async def test_an_environment_waits_for_its_reviewer(person: Person) -> None:
    async with person.site.client() as client:
        rules = {"reviewers": ["admin"], "wait_minutes": 0, "branches": []}
        await client.put("/projects/local/clone/environments/production", rules)
    text = dedent(WORKFLOW) % ("succeeds", 0)
    text = text.replace("    steps:", "    environment: production\n    steps:")
    await commit(person.clone, {".github/workflows/ci.yml": text})
    running = asyncio.create_task(person.types("run", "--server", person.site.url))
    while not (waiting := await person.listed("jobs")):
        assert not running.done(), running.result()
    assert "waits for admin to approve environment 'production'" in waiting[0]["why"]
    said = await person.types("approve", waiting[0]["run"], "-m", "looks good")
    assert (said.status, said.out) == (0, "approved: production\n")
    assert (await running).status == 0


async def test_a_secret_is_nowhere_on_the_server(person: Person) -> None:
    value = "hunter2-hunter2-hunter2"
    said = await person.runs("succeeds", 0, "--secret", f"KEY={value}")
    assert said.status == 0, said.errors
    files = [path for path in person.site.folder.rglob("*") if path.is_file()]
    assert any(b"ci.yml" in path.read_bytes() for path in files if "db" in path.name)
    found = [path for path in files if value.encode() in path.read_bytes()]
    assert found == []


async def test_an_image_of_this_host_is_pushed_under_its_name(person: Person) -> None:
    image = publish(ImageStore(Home(person.home)), recipe="tiny")
    said = await person.types("image", "push", "tiny", "--arch", "amd64")
    assert said.status == 0, said.errors
    assert f"tiny amd64 is {image.digest[:12]} on {person.site.url}" in said.errors
    async with person.site.client() as client:
        [listed] = await client.get("/images")
    assert (listed["name"], listed["digest"]) == ("tiny", image.digest)
    unknown = await person.types("image", "push", "missing")
    assert unknown.status == 2
    assert "missing" in unknown.errors
