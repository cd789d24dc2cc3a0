"""An agent is replaced by another process while its jobs run; real processes, a real server."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from tests.agent.control import Given, job
from tests.agent.served import KEY, RememberingHosts

from mayfly.agent.membership import Membership, MembershipFile
from mayfly.domain.job import JobState
from mayfly.protocol.fleet import JobEnded, JobPhase, Lease, Report
from mayfly.protocol.wire import hash_key
from mayfly.server.api import agents
from mayfly.server.enrolment import HostKeys
from mayfly.server.listening import listening
from mayfly.store.memory import MemoryStore
from mayfly.store.rows import HostRow
from mayfly.system.home import Home

PROGRAM = Path(__file__).with_name("agent_program.py")
PATIENCE_S = 60
RUNNING = JobPhase(JobState.RUNNING)


@dataclass
class Site:
    """A server, and the agents of one host with what they tell systemd."""

    hosts: RememberingHosts
    home: Home
    told: socket.socket
    metrics: str
    processes: list[asyncio.subprocess.Process] = field(default_factory=list)
    successors: list[int] = field(default_factory=list)

    async def start(self, *successor: str) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(PROGRAM),
            str(self.home.root),
            self.metrics,
            *successor,
            env={**os.environ, "NOTIFY_SOCKET": self.told.getsockname()},
        )
        self.processes.append(process)
        await self.hear("READY=1")
        return process

    async def hear(self, wanted: str) -> str:
        """The rest of what is told with it."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for state in (await loop.sock_recv(self.told, 4096)).decode().split("\n"):
                    if state.startswith(wanted):
                        return state[len(wanted) :]

    async def until_shown(self, line: str) -> None:
        """Among the metrics at the host's address, whoever serves them."""
        async with asyncio.timeout(PATIENCE_S), httpx.AsyncClient() as http:
            while True:
                with contextlib.suppress(httpx.TransportError):
                    answer = await http.get(f"http://{self.metrics}/metrics")
                    if line in answer.text.splitlines():
                        return
                await asyncio.sleep(0.05)

    def put(self, given: Given) -> Lease:
        self.hosts.specs[given.name] = given.spec
        self.hosts.put(given.assignment)
        return given.assignment.lease

    async def until(self, lease: Lease, report: Report) -> None:
        """It was taken in."""
        async with asyncio.timeout(PATIENCE_S):
            while report not in self.hosts.reports.get(lease, []):
                await self.hosts.changes.wait()

    async def finish(self, lease: Lease) -> None:
        """End a job that would run for ever."""
        self.hosts.cancel(lease)
        await self.until(lease, JobEnded(JobState.CANCELLED, reason="a test says so"))

    async def hand_over(self, process: asyncio.subprocess.Process) -> int:
        """From the first agent; the process that has taken over."""
        process.send_signal(signal.SIGHUP)
        await self.hear("RELOADING=1")
        self.successors.append(int(await self.hear("MAINPID=")))
        async with asyncio.timeout(PATIENCE_S):
            while self.hosts.asked["session-1"].cpu:
                await self.hosts.changes.wait()
        return self.successors[-1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    store = MemoryStore()
    await store.serial(lambda tx: tx.put(HostRow(id="host", key_hash=hash_key(KEY))))
    hosts = RememberingHosts(store)
    hosts.on_report = lambda lease, report: hosts.changes.announce()
    app = FastAPI()
    keys = HostKeys(store, time.time)
    app.include_router(agents.router(hosts, keys, store, time.time))  # type: ignore[arg-type]
    home = Home(tmp_path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(str(tmp_path / "notify"))
        told.setblocking(False)
        async with listening(app, "127.0.0.1", 0) as port:
            server = f"http://127.0.0.1:{port}"
            MembershipFile(home).save(Membership(server, "host", KEY, time.time()))
            site = Site(hosts, home, told, f"127.0.0.1:{free_port()}")
            yield site
            for pid in (*site.successors, *(process.pid for process in site.processes)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            for process in site.processes:
                await process.wait()


async def ended(process: asyncio.subprocess.Process) -> int:
    return await asyncio.wait_for(process.wait(), PATIENCE_S)


async def gone(pid: int) -> None:
    """A process that is not our child has ended."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, over.set)
    try:
        await asyncio.wait_for(over.wait(), PATIENCE_S)
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


async def test_a_job_does_not_notice_that_its_agent_is_replaced(site: Site) -> None:
    old = await site.start()
    long = site.put(job(name="long", seconds=3600))
    await site.until(long, RUNNING)
    new = await site.hand_over(old)
    await site.until_shown("mayfly_agent_jobs 0.0")
    short = site.put(job(name="short"))
    await site.until(short, JobEnded(JobState.SUCCEEDED))
    assert list(site.hosts.sessions) == ["session-1", "session-2"]
    assert list(site.hosts.sessions["session-1"].leases) == [long]
    assert old.returncode is None
    await site.finish(long)
    assert await ended(old) == 0
    third = site.put(job(name="third"))
    await site.until(third, JobEnded(JobState.SUCCEEDED))
    os.kill(new, signal.SIGTERM)
    await gone(new)
    assert not site.hosts.lost
    assert all(session.ended for session in site.hosts.sessions.values())


async def test_an_agent_whose_successor_is_killed_takes_over_again(site: Site) -> None:
    old = await site.start()
    long = site.put(job(name="long", seconds=3600))
    await site.until(long, RUNNING)
    new = await site.hand_over(old)
    os.kill(new, signal.SIGKILL)
    assert int(await site.hear("MAINPID=")) == old.pid
    await site.until_shown("mayfly_agent_jobs 1.0")
    short = site.put(job(name="short"))
    await site.until(short, JobEnded(JobState.SUCCEEDED))
    site.hosts.end("session-2")  # as the server would, after a while
    newest = await site.hand_over(old)
    await site.finish(long)
    assert await ended(old) == 0
    os.kill(newest, signal.SIGTERM)
    await gone(newest)
    assert not site.hosts.lost


@pytest.mark.parametrize("command", [["false"], ["/no/such/program"]])
async def test_an_agent_whose_successor_cannot_start_goes_on(
    site: Site, command: list[str]
) -> None:
    process = await site.start(*command)
    process.send_signal(signal.SIGHUP)
    await site.hear("RELOADING=1")
    await site.hear("READY=1")
    lease = site.put(job())
    await site.until(lease, JobEnded(JobState.SUCCEEDED))
    process.terminate()
    assert await ended(process) == 0


async def test_both_agents_end_in_order_when_the_service_is_stopped(site: Site) -> None:
    old = await site.start()
    long, other = site.put(job(name="long", seconds=3600)), job(name="other", seconds=3600)
    await site.until(long, RUNNING)
    new = await site.hand_over(old)
    late = site.put(other)
    await site.until(late, RUNNING)
    os.kill(new, signal.SIGTERM)
    await site.finish(late)
    await site.finish(long)
    assert await ended(old) == 0
    await gone(new)
    assert not site.hosts.lost


async def test_both_agents_end_at_once_when_told_twice(site: Site) -> None:
    old = await site.start()
    long, other = site.put(job(name="long", seconds=3600)), job(name="other", seconds=3600)
    await site.until(long, RUNNING)
    new = await site.hand_over(old)
    late = site.put(other)
    await site.until(late, RUNNING)
    os.kill(new, signal.SIGTERM)
    await asyncio.sleep(0.2)  # else the two are one
    os.kill(new, signal.SIGTERM)
    await ended(old)
    await gone(new)
    assert set(site.hosts.lost) == {long, late}
