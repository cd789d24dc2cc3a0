"""A host at work: jobs run to their end, and no machine outlives the session it belongs to."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.agent.control import Given, job
from tests.agent.served import HELLO, TTL_S, Served, served
from tests.virtual_time import cancelled_at_every_turn, run_virtual, virtual_time

from mayfly.agent.connection import NotWelcome
from mayfly.agent.job import JobSettings
from mayfly.agent.serve import Serving
from mayfly.agent.session import SessionSettings
from mayfly.domain.job import JobState
from mayfly.machines.dummy.driver import DummyDriver
from mayfly.machines.network.base import NetworkPolicy
from mayfly.protocol.fleet import JobEnded, Lease, Printed, Report
from mayfly.system.home import Home
from mayfly.system.owned import owned_folder
from mayfly.system.switch import Switch
from mayfly.system.tasks import stop


@dataclass
class Host:
    """One agent of the host, running."""

    server: Served
    home: Home
    driver: DummyDriver = field(default_factory=DummyDriver)
    drain: Switch = field(default_factory=Switch)

    def __post_init__(self) -> None:
        settings = JobSettings(NetworkPolicy(), SessionSettings())
        self.serving = Serving(self.home, self.server.connection, HELLO, settings, drain=self.drain)
        self.running = asyncio.create_task(self.serving.run(self.driver))

    def put(self, *jobs: Given) -> None:
        hosts = self.server.hosts
        hosts.specs |= {given.name: given.spec for given in jobs}
        hosts.put(*(given.assignment for given in jobs))

    def reports(self, given: Given) -> list[Report]:
        return self.server.hosts.reports.get(given.assignment.lease, [])

    def ended(self, given: Given) -> JobEnded | None:
        ends = [report for report in self.reports(given) if isinstance(report, JobEnded)]
        assert len(ends) <= 1
        return ends[0] if ends else None

    async def until_ended(self, *jobs: Given) -> None:
        while not all(self.ended(given) for given in jobs):
            assert not self.running.done(), self.running
            await asyncio.sleep(0.5)

    async def until_alive(self, machines: int) -> None:
        for _ in range(6000):
            if len(self.driver.alive) == machines:
                return
            await asyncio.sleep(0.1)
        pytest.fail(f"{len(self.driver.alive)} machines are alive")


@contextlib.asynccontextmanager
async def working(folder: Path, **faults: object) -> AsyncIterator[Host]:
    async with served(**faults) as server:
        host = Host(server, Home(folder))
        try:
            yield host
        finally:
            await stop(host.running)
            assert not host.driver.alive


@pytest.mark.parametrize("faults", [{}, {"lose_request": 0.2, "lose_answer": 0.2, "late_s": 0.3}])
def test_jobs_run_to_their_end(tmp_path: Path, faults: dict[str, float]) -> None:
    jobs = [job(name=f"j{number}", seconds=number) for number in range(20)]

    async def work() -> None:
        async with working(tmp_path, **faults) as host:
            host.put(*jobs)
            await host.until_ended(*jobs)
            for given in jobs:
                assert host.ended(given) == JobEnded(JobState.SUCCEEDED)
                assert Printed(1, ("make",)) in host.reports(given)

    run_virtual(work)


@pytest.mark.parametrize("silent", [False, True])
def test_machines_end_before_the_server_gives_their_jobs_away(tmp_path: Path, silent: bool) -> None:
    long, short = job(name="long", seconds=300), job(name="short", seconds=20)

    async def work() -> None:
        loop = asyncio.get_running_loop()
        async with working(tmp_path) as host:
            host.put(long, short)
            await host.until_alive(2)
            host.server.network.silent = silent
            host.server.network.cut = True
            [session] = host.server.hosts.sessions.values()
            await host.until_alive(0)
            assert loop.time() < session.until
            assert host.reports(short)[-1] != JobEnded(JobState.SUCCEEDED)
            await asyncio.sleep(100)
            host.server.network.cut = False  # waiting requests are forgotten, as TCP would
            again = job(name="again")
            host.put(again)
            await host.until_ended(again)
            await host.server.hosts.renew("session-1")  # which is over there too
            assert set(host.server.hosts.lost) == {Lease("long", 1), Lease("short", 1)}
            assert host.ended(long) is host.ended(short) is None

    run_virtual(work)


@virtual_time
async def test_a_short_loss_of_the_server_interrupts_no_job(tmp_path: Path) -> None:
    given = job(seconds=TTL_S)
    async with working(tmp_path) as host:
        host.put(given)
        await host.until_alive(1)
        host.server.network.cut = True
        await asyncio.sleep(TTL_S / 2)
        host.server.network.cut = False
        await host.until_ended(given)
        assert host.ended(given) == JobEnded(JobState.SUCCEEDED)
        assert not host.server.hosts.lost


@virtual_time
async def test_the_machine_of_a_silent_job_that_was_taken_away_is_destroyed(
    tmp_path: Path,
) -> None:
    given, other = job("deaf", timeout_minutes=600.0), job(name="other", seconds=100)
    async with working(tmp_path) as host:
        host.put(given, other)
        await host.until_alive(2)
        await asyncio.sleep(10)
        began = asyncio.get_running_loop().time()
        host.server.hosts.take_away(given.assignment.lease)
        await host.until_alive(1)
        assert asyncio.get_running_loop().time() - began < 2
        await host.until_ended(other)


@virtual_time
async def test_a_host_that_drains_ends_what_it_runs_and_leaves(tmp_path: Path) -> None:
    running, later = job(name="running", seconds=100), job(name="later")
    async with working(tmp_path) as host:
        host.put(running)
        await host.until_alive(1)
        host.drain.turn(on=True)
        await asyncio.sleep(1)
        host.put(later)
        await host.running
        assert host.ended(running) == JobEnded(JobState.SUCCEEDED)
        assert host.ended(later) is None
        assert not host.server.hosts.lost
        assert host.server.hosts.sessions["session-1"].ended


@virtual_time
async def test_what_a_draining_host_gives_back_is_not_lost(tmp_path: Path) -> None:
    given = job()
    async with working(tmp_path) as host:
        await asyncio.sleep(1)
        host.server.network.lose_answer = 1.0
        host.put(given)
        await asyncio.sleep(0.01)
        host.server.network.lose_answer = 0.0
        host.server.network.answer_s = 1.0
        host.drain.turn(on=True)
        await host.running
        ended = host.ended(given)
        assert ended is not None
        assert ended.state is JobState.LOST
        assert not host.server.hosts.lost


@virtual_time
async def test_draining_can_be_taken_back(tmp_path: Path) -> None:
    running, later = job(name="running", seconds=100), job(name="later")
    async with working(tmp_path) as host:
        host.put(running)
        await host.until_alive(1)
        host.drain.turn(on=True)
        await asyncio.sleep(1)
        host.put(later)
        await asyncio.sleep(50)
        assert host.serving.spare().cpu == 0
        host.drain.turn(on=False)
        await host.until_ended(later)
        assert host.serving.spare().cpu > 0
        await host.until_ended(running)
        assert host.ended(running) == host.ended(later) == JobEnded(JobState.SUCCEEDED)


@virtual_time
async def test_a_host_that_drains_does_not_wait_for_its_server(tmp_path: Path) -> None:
    async with working(tmp_path, cut=True, silent=True) as host:
        await asyncio.sleep(100)
        host.drain.turn(on=True)
        await host.running


@virtual_time
async def test_jobs_of_a_host_that_is_stopped_at_once_go_to_others(tmp_path: Path) -> None:
    given = job(seconds=100)
    async with working(tmp_path) as host:
        host.put(given)
        await host.until_alive(1)
        alive_when_closed: list[int] = []
        close = host.server.hosts.close_session

        async def closed(name: str) -> None:
            alive_when_closed.append(len(host.driver.alive))
            await close(name)

        host.server.hosts.close_session = closed  # type: ignore[method-assign]
        await stop(host.running)
        assert alive_when_closed == [0]
        assert host.server.hosts.lost == [given.assignment.lease]
        assert host.ended(given) is None


@virtual_time
async def test_the_session_of_a_killed_agent_is_closed_by_the_next(tmp_path: Path) -> None:
    async with served() as server:
        await server.hosts.open_session("host", HELLO)
        folder = tmp_path / "sessions"
        folder.mkdir()
        (folder / "session-1").mkdir()  # as a killed process leaves it
        with owned_folder(folder, "session-9"):  # of another that lives
            host = Host(server, Home(tmp_path))
            given = job()
            host.put(given)
            await host.until_ended(given)
            assert server.hosts.sessions["session-1"].ended
            left = {path.name for path in folder.glob("session-*")}
            assert "session-1" not in left
            assert "session-9" in left
            await stop(host.running)
        assert not list(folder.glob("session-*"))


@virtual_time
async def test_a_host_that_was_removed_ends(tmp_path: Path) -> None:
    async with served() as server:
        server.connection._key = lambda: "unknown"
        host = Host(server, Home(tmp_path))
        with pytest.raises(NotWelcome):
            await host.running


def test_no_machine_is_left_at_whatever_moment_an_agent_is_stopped(tmp_path: Path) -> None:
    drivers: list[DummyDriver] = []
    names = iter(range(100_000))

    async def work() -> None:
        async with served() as server:
            host = Host(server, Home(tmp_path / str(next(names))))
            drivers.append(host.driver)
            given = job()
            host.put(given)
            try:
                await host.until_ended(given)
            finally:
                await stop(host.running)

    def check() -> None:
        assert not any(driver.alive for driver in drivers)

    assert cancelled_at_every_turn(work, check) > 20
