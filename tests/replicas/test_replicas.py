"""Two servers, two hosts, one PostgreSQL: each is killed in turn under load; nothing is lost."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

from tests.postgres import Postgres, postgres
from tests.replicas.site import Site, site
from tests.replicas.work import TWO_JOBS, prepare, submission, submit

from mayfly.cli.client import Client
from mayfly.domain.errors import HostCannot
from mayfly.domain.events import JobChanged, LogLines, RunFinished
from mayfly.domain.job import Conclusion, JobState
from mayfly.protocol.reports import untag_event

__all__ = ["postgres"]

_SUBMISSIONS = 12


async def test_killing_each_in_turn_loses_nothing(tmp_path: Path, postgres: Postgres) -> None:
    database = postgres.url(postgres.create())
    async with site(tmp_path, database) as made, made.client() as client:
        await prepare(client)
        killing = asyncio.create_task(_kill_in_turn(made))
        submissions = []
        for number in range(_SUBMISSIONS):
            text = TWO_JOBS % {"seconds": number % 3}
            submissions.append(await _submitted(client, text))
            await asyncio.sleep(0.3)
        async with asyncio.timeout(300):
            for one in submissions:
                await _look_at(client, one)
        await killing
        await _nothing_is_left(client)


async def _kill_in_turn(made: Site) -> None:
    """Each twice, while the others go on."""
    for name in ("server0", "host0", "server1", "host1") * 2:
        await asyncio.sleep(1.5)
        await made.restart(name)


async def _submitted(client: Client, text: str) -> str:
    """A client tries again when the server that it asked was killed."""
    while True:
        try:
            return await submit(client, submission(text))
        except HostCannot:
            await asyncio.sleep(0.2)


async def _look_at(client: Client, identity: str) -> None:
    """Follow a submission from its beginning; each run ends once, each line came once."""
    states: dict[str, list[JobState]] = {}
    lines: dict[str, list[str]] = {}
    ends: list[Any] = []
    async for told in client.events(f"/submissions/{identity}/events"):
        match untag_event(told.event):
            case JobChanged(job=job, state=state):
                states.setdefault(job.key, []).append(state)
                if state is JobState.ASSIGNED:
                    lines[job.key] = []  # an attempt begins anew
            case LogLines(job=job, lines=printed):
                lines[job.key] += [line for line in printed if line.startswith("echo")]
            case RunFinished(conclusion=conclusion):
                ends.append(conclusion)
    assert ends == [Conclusion.SUCCESS]
    assert lines == {"build": ["echo one", "echo two"], "test": ["echo three"]}
    for history in states.values():
        final = Counter(state for state in history if state.is_final)
        assert final == {JobState.SUCCEEDED: 1}


async def _nothing_is_left(client: Client) -> None:
    jobs = await client.get("/jobs", state=["queued", "assigned", "starting", "running"])
    assert jobs["items"] == []
    hosts = await client.get("/hosts")
    assert [host["running"] for host in hosts] == [0, 0]
