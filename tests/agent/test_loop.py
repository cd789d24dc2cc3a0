"""The agent's loop: what it asks for, what it runs at once, how it ends."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.agent.control import FakeControl, job
from tests.virtual_time import run_virtual, virtual_time

from mayfly.agent.job import JobSettings
from mayfly.agent.loop import Agent
from mayfly.agent.session import SessionSettings
from mayfly.domain.architecture import Architecture
from mayfly.domain.job import JobState
from mayfly.domain.placement import Capacity
from mayfly.machines.base import Machine
from mayfly.machines.dummy.driver import DummyDriver
from mayfly.machines.network.base import NetworkPolicy
from mayfly.protocol.fleet import Assignment, JobEnded, Report

ROOM = Capacity(Decimal(2), 4096, frozenset(Architecture))


def agent_of(control: FakeControl, driver: DummyDriver, room: Capacity = ROOM) -> Agent:
    settings = JobSettings(NetworkPolicy(), SessionSettings())
    return Agent(room, control, driver, settings)


async def run_all(control: FakeControl, driver: DummyDriver, room: Capacity = ROOM) -> None:
    """Until every job has ended."""
    wanted = {given.name for given in control.queue}
    running = asyncio.create_task(agent_of(control, driver, room).run())
    while control.ended != wanted:
        assert not running.done(), running
        await asyncio.sleep(1)
    running.cancel()
    await asyncio.wait([running])
    assert not driver.alive


JOBS: st.SearchStrategy[dict[str, Any]] = st.builds(
    dict,
    cpu=st.sampled_from([0.1, 0.25, 0.5, 1.0, 2.0]),
    memory_mib=st.sampled_from([512, 1024, 4096]),
    seconds=st.integers(0, 5),
    conduct=st.sampled_from(["succeeds", "fails", "dies", "crashes"]),
)


@settings(max_examples=50, deadline=None)
@given(wanted=st.lists(JOBS, min_size=1, max_size=12))
def test_capacity_is_never_exceeded(wanted: list[dict[str, Any]]) -> None:
    driver = DummyDriver()
    jobs = [job(name=f"j{number}", **one) for number, one in enumerate(wanted)]
    by_id = {given.name: given.assignment for given in jobs}
    started: set[str] = set()

    async def work() -> None:
        control = FakeControl(list(jobs))
        claim = control.claim

        async def claimed(free: Capacity) -> Assignment:
            given = await claim(free)
            started.add(given.lease.job)
            running = [by_id[name] for name in started - control.ended]
            assert sum(Decimal(str(one.cpu)) for one in running) <= ROOM.cpu
            assert sum(one.memory_mib for one in running) <= ROOM.memory_mib
            return given

        control.claim = claimed  # type: ignore[method-assign]
        await run_all(control, driver)

    run_virtual(work)
    assert started == set(by_id)


@virtual_time
async def test_shares_of_a_cpu_add_up_exactly() -> None:
    control = FakeControl([job(name=f"j{n}", cpu=0.1, seconds=5) for n in range(10)])
    room = Capacity(Decimal(1), 1 << 20, frozenset(Architecture))
    most = 0

    def look(report: Report) -> None:
        nonlocal most
        most = max(most, len(driver.alive))

    driver = DummyDriver()
    control.on_report = look
    await run_all(control, driver, room)
    assert most == 10


@virtual_time
async def test_a_job_that_waits_for_room_gets_it_when_another_ends() -> None:
    control = FakeControl(
        [
            job(name="first", memory_mib=4096, seconds=100),
            job(name="second", memory_mib=4096),
        ]
    )
    await run_all(control, DummyDriver())
    assert asyncio.get_running_loop().time() == pytest.approx(101, abs=1.5)


@virtual_time
async def test_a_control_plane_that_fails_ends_the_agent_with_its_error() -> None:
    control = FakeControl([job(name="a"), job(name="b", seconds=1000)])

    def fail(report: Report) -> None:
        if isinstance(report, JobEnded) and report.state is JobState.SUCCEEDED:
            raise ConnectionError

    control.on_report = fail
    driver = DummyDriver()
    with pytest.raises(ConnectionError):
        await agent_of(control, driver).run()
    assert not driver.alive
    assert control.end("b") == JobEnded(JobState.CANCELLED, reason="interrupted")


@virtual_time
async def test_a_claim_that_fails_ends_the_agent_with_its_error() -> None:
    control = FakeControl()

    async def fail(free: Capacity) -> Assignment:
        raise ConnectionError(free)

    control.claim = fail  # type: ignore[method-assign]
    with pytest.raises(ConnectionError):
        await agent_of(control, DummyDriver()).run()


@virtual_time
async def test_a_kept_machine_takes_its_room_until_it_is_left() -> None:
    left = asyncio.Event()

    async def keep(_machine: Machine) -> None:
        await left.wait()

    control = FakeControl([job("fails", name="bad", memory_mib=4096)])
    driver = DummyDriver()
    settings = JobSettings(NetworkPolicy(), SessionSettings(), keep=keep)
    agent = Agent(ROOM, control, driver, settings)
    running = asyncio.create_task(agent.run())
    await asyncio.sleep(10)
    assert control.ended == {"bad"}
    assert control.asked[-1].memory_mib == 0
    assert len(driver.alive) == 1
    left.set()
    await agent.idle()
    await asyncio.sleep(1)
    assert control.asked[-1] == ROOM
    assert not driver.alive
    running.cancel()
    await asyncio.wait([running])
