"""Through a whole fleet, with server, agent and machines as processes: how soon, from whom to whom.

Queued → a step's first byte is by the server's clock: when it wrote down that the job is queued,
and when it took in the line that the step's own program printed. Printed → told is from the guest's
clock, which is set by the host's when the machine gets its job, to the client's.
"""

import asyncio
import contextlib
import re
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
from tests.replicas.site import PROGRAM, Program, free_port, until_said
from tests.replicas.work import prepare, submission, submit

from mayfly.cli.client import Client
from mayfly.cli.servers import Account
from mayfly.domain.architecture import Architecture
from mayfly.domain.events import JobChanged, LogLines
from mayfly.domain.job import JobState
from mayfly.protocol.reports import untag_event
from mayfly.system.home import Home

_JOB = """\
on: push
jobs:
  job:
    runs-on: mayfly-{architecture}-1cpu-1gb
    steps: [{{run: echo $((6 * 7))}}]
"""
_PRINTED = "42"
_CLOCK = """\
on: push
jobs:
  job:
    runs-on: mayfly-{architecture}-1cpu-1gb
    steps: [{{run: "for _ in $(seq {count}); do date +%s.%N; sleep 0.3; done"}}]
"""
_STAMP = re.compile(r"[0-9]{10}\.[0-9]{9}")
_UNMEASURED = 2  # until all that is made once has been, and the pool knows what is wanted
_LOOK_S = 0.2
_TOKEN = re.compile(r"signs in with: (\S+)")
_WAITING = re.compile(r"^mayfly_agent_pool_machines (\S+)", re.MULTILINE)
_HITS = re.compile(r"^mayfly_agent_pool_hits_total (\S+)", re.MULTILINE)


@dataclass
class Fleet:
    client: Client
    metrics: str

    async def pool(self, what: re.Pattern[str]) -> int:
        async with httpx.AsyncClient() as http:
            found = what.search((await http.get(self.metrics)).text)
        return int(float(found[1])) if found else 0

    async def all_wait(self) -> None:
        """Until as many machines wait as the pool keeps of one kind."""
        while await self.pool(_WAITING) < _UNMEASURED:  # noqa: ASYNC110 (another process)
            await asyncio.sleep(_LOOK_S)

    async def time(self, architecture: Architecture) -> float:
        """Seconds of one job; returns once it has ended."""
        identity = await submit(self.client, submission(_JOB.format(architecture=architecture)))
        queued = printed = 0.0
        async for told in self.client.events(f"/submissions/{identity}/events"):
            event = untag_event(told.event)
            if isinstance(event, JobChanged) and event.state is JobState.QUEUED:
                queued = event.at
            if isinstance(event, LogLines) and event.step > 0 and _PRINTED in event.lines:
                printed = event.at
        return printed - queued


async def measure(architecture: Architecture, count: int, *, warm: bool) -> list[float]:
    """Seconds of jobs, one after the other; all found a warm machine, or none was there."""
    async with _fleet(warm=warm) as fleet:
        for _ in range(_UNMEASURED):
            await fleet.time(architecture)
        found = []
        for _ in range(count):
            if warm:
                await fleet.all_wait()
                hits = await fleet.pool(_HITS)
            found.append(await fleet.time(architecture))
            if warm and await fleet.pool(_HITS) != hits + 1:
                raise RuntimeError("a warm machine waited, and the job did not get it")
        return found


async def lines(architecture: Architecture, count: int) -> list[float]:
    """Seconds from when a program in the guest prints a line until a client is told."""
    async with _fleet(warm=True) as fleet:  # others are slow when their clock is set
        for _ in range(_UNMEASURED):
            await fleet.time(architecture)
        await fleet.all_wait()
        wanted = submission(_CLOCK.format(architecture=architecture, count=count))
        identity = await submit(fleet.client, wanted)
        found = []
        async for told in fleet.client.events(f"/submissions/{identity}/events"):
            event, now = untag_event(told.event), time.time()
            if isinstance(event, LogLines):
                found += [now - float(line) for line in event.lines if _STAMP.fullmatch(line)]
        return found


@contextlib.asynccontextmanager
async def _fleet(*, warm: bool) -> AsyncIterator[Fleet]:
    """SQLite, one host: this one, with the images and templates that it has."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _share(Home.default(), folder)
        environment = {"MAYFLY_HOME": name}

        def program(*arguments: str) -> Program:
            log = folder / f"{'-'.join(arguments[:2])}.log"
            return Program([sys.executable, "-c", PROGRAM, *arguments], environment, log)

        address, metrics = (f"127.0.0.1:{free_port()}" for _ in range(2))
        server = program("serve", "--listen", address)
        pool = "--pool" if warm else "--no-pool"
        agent = program("agent", "run", "--metrics", metrics, pool, "--json-logs")
        try:
            await server.start()
            await until_said(server, "signs in with")
            token = _TOKEN.search(server.said())
            assert token is not None
            async with Client(Account(f"http://{address}", token[1])) as client:
                await prepare(client)
                enrolment = await client.post("/enrolments")
                options = ["--server", f"http://{address}", "--token", enrolment["token"]]
                enrol = program("agent", "enroll", *options)
                await enrol.start()
                assert enrol.process is not None
                await enrol.process.wait()
                await agent.start()
                await until_said(agent, "in session")
                yield Fleet(client, f"http://{metrics}/metrics")
        finally:
            for one in (agent, server):
                if one.process is not None:
                    await one.kill()


def _share(home: Home, folder: Path) -> None:
    for shared in (home.images, home.templates):
        (folder / shared.name).symlink_to(shared)
    with contextlib.suppress(FileNotFoundError):  # there was nothing to probe
        shutil.copy(home.root / "accelerator.json", folder)
