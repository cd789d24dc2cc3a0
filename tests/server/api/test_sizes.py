"""Which size a job should ask for, over HTTP."""

from dataclasses import replace
from typing import Any

from tests.server.api.fleet_of_one import Host, submitted
from tests.server.api.site import PROJECT, Site, made

from mayfly.domain.job import JobState
from mayfly.store.rows import JobRow, MeteringRow

LARGE = """\
on: push
jobs:
  build:
    runs-on: mayfly-4cpu-8gb
    steps: [{run: make}]
"""


async def run_often(**changes: Any) -> tuple[Site, str]:
    """A job that used half a core of four; `changes` are to what is known of its runs."""
    site = await made()
    await submitted(site, *[LARGE] * 6)
    await (await Host(site).open()).run_all()
    usage = {"cpu_seconds": 60.0, "peak_memory": 7 << 30, "more": {"cpu_wait_seconds": 0.0}}
    rows = await site.rows(MeteringRow)

    def work(tx: Any) -> None:
        for row in rows:
            tx.put(replace(row, ran_s=120.0, usage=usage, **changes))

    await site.store.serial(work)
    return site, (await site.rows(JobRow))[0].id


async def suggestion(site: Site, job: str) -> Any:
    async with site.client("viewer") as client:
        return (await client.get(f"/api/v1/jobs/{job}/size")).json()


async def test_a_job_that_uses_little_should_ask_for_less() -> None:
    said = await suggestion(*await run_often())
    assert said["label"] == "mayfly-amd64-1cpu-8gb"
    assert "0.5 of 4 vCPU" in said["reason"]


async def test_what_hosts_ended_and_what_other_jobs_took_says_nothing() -> None:
    for changes in (
        {"state": JobState.LOST},
        {"name": "another"},
        {"project": f"{PROJECT}2"},
        {"millicpu": 2000},
    ):
        said = await suggestion(*await run_often(**changes))
        assert said == {"label": None, "reason": None}


async def test_a_job_that_never_ran_is_left_alone() -> None:
    site = await made()
    await submitted(site, LARGE)
    assert (await suggestion(site, (await site.rows(JobRow))[0].id))["label"] is None
