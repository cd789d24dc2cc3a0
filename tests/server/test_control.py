"""The control plane as a host sees it: who gets which job, and whose word counts."""

import asyncio
from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from tests.fleet import BOTH, plan
from tests.virtual_time import virtual_time

from mayfly.domain.architecture import Architecture
from mayfly.domain.events import Event, JobChanged, LogLines, StepFinished
from mayfly.domain.job import Conclusion, JobState
from mayfly.domain.placement import Capacity
from mayfly.protocol import messages
from mayfly.protocol.fleet import (
    JobEnded,
    JobPhase,
    Lease,
    Output,
    Report,
    RunnerSaid,
    StaleLease,
)
from mayfly.server.control import LocalControlPlane
from mayfly.server.orchestrator import Orchestrator
from mayfly.store.memory import MemoryStore
from mayfly.system.tasks import stop

LARGE = Capacity(Decimal(8), 65536, BOTH)
SMALL = Capacity(Decimal(1), 1024, BOTH)

TEXT = """\
on: push
jobs:
  big:
    runs-on: mayfly-4cpu-16gb
    steps: [{run: make}]
  small:
    runs-on: mayfly-1cpu-1gb
    timeout-minutes: 7
    steps: [{run: make}]
"""

SUCCESS = messages.Conclusion.SUCCESS
STEP = messages.StepStarted(1, "make")
STEP_END = messages.StepFinished(1, SUCCESS, SUCCESS, 0)


@dataclass
class Server:
    """A control plane that carries out one workflow; hosts are the test."""

    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        store = MemoryStore()
        self.orchestrator = Orchestrator(store, LARGE, self._now, self.events.append)
        self.control = LocalControlPlane(store, self.orchestrator, self._now, self.events.append)

    def begin(self, text: str = TEXT) -> "asyncio.Task[object]":
        return asyncio.create_task(self._run(text))

    async def say(self, lease: Lease, *reports: Report) -> None:
        for report in reports:
            await self.control.report(lease, report)

    def since(self, count: int) -> list[Event]:
        return self.events[count:]

    async def _run(self, text: str) -> object:
        return await self.orchestrator.run([plan(text)])

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


@pytest.fixture
def server() -> Server:
    return Server()


@virtual_time
async def test_a_host_gets_what_fits_it_even_behind_what_does_not(server: Server) -> None:
    run = server.begin()
    assignment = await server.control.claim("host", SMALL)
    assert assignment.lease == Lease(".github/workflows/ci.yml@#small", 1)
    assert (assignment.vcpus, assignment.cpu, assignment.memory_mib) == (1, 1.0, 1024)
    assert assignment.timeout_minutes == 7
    assert assignment.architecture is Architecture.AMD64
    await stop(run)


@virtual_time
async def test_a_job_goes_to_one_host(server: Server) -> None:
    run = server.begin()
    claims = [asyncio.create_task(server.control.claim(f"h{n}", LARGE)) for n in range(3)]
    await asyncio.sleep(1)
    assert [claim.done() for claim in claims] == [True, True, False]
    names = {claim.result().spec.name for claim in claims[:2]}
    assert names == {"big", "small"}
    await stop(run, *claims)


@virtual_time
async def test_a_claim_waits_for_a_job(server: Server) -> None:
    claim = asyncio.create_task(server.control.claim("host", LARGE))
    await asyncio.sleep(5)
    assert not claim.done()
    run = server.begin()
    assert (await claim).spec.name == "big"
    await stop(run)


@virtual_time
async def test_only_the_word_of_the_current_attempt_counts(server: Server) -> None:
    run = server.begin()
    lease = (await server.control.claim("host", SMALL)).lease
    for attempt in (0, 2):
        with pytest.raises(StaleLease):
            await server.say(Lease(lease.job, attempt), JobPhase(JobState.RUNNING))
    await server.say(lease, JobEnded(JobState.SUCCEEDED, {"a": "b"}))
    for report in (JobPhase(JobState.RUNNING), Output(1, b"x"), JobEnded(JobState.FAILED)):
        with pytest.raises(StaleLease):
            await server.say(lease, report)
    await stop(run)


@virtual_time
async def test_phases_go_forward_only(server: Server) -> None:
    run = server.begin()
    lease = (await server.control.claim("host", SMALL)).lease
    await server.say(lease, JobPhase(JobState.RUNNING))
    count = len(server.events)
    await server.say(lease, JobPhase(JobState.STARTING), JobPhase(JobState.RUNNING))
    assert server.since(count) == []
    await stop(run)


@virtual_time
async def test_a_steps_last_line_comes_before_its_end(server: Server) -> None:
    run = server.begin()
    lease = (await server.control.claim("host", SMALL)).lease
    await server.say(lease, JobPhase(JobState.RUNNING), RunnerSaid(STEP))
    count = len(server.events)
    await server.say(lease, Output(1, b"a\nb"), Output(1, b"c"), RunnerSaid(STEP_END))
    first, last, end = server.since(count)
    assert isinstance(first, LogLines)
    assert isinstance(last, LogLines)
    assert (first.lines, last.lines) == (("a",), ("bc",))
    assert isinstance(end, StepFinished)
    assert end.outcome is Conclusion.SUCCESS
    await stop(run)


@virtual_time
async def test_the_last_words_of_a_job_that_died_are_not_lost(server: Server) -> None:
    run = server.begin()
    lease = (await server.control.claim("host", SMALL)).lease
    await server.say(lease, JobPhase(JobState.RUNNING), RunnerSaid(STEP))
    count = len(server.events)
    await server.say(lease, Output(1, b"about to di"), JobEnded(JobState.FAILED, reason="dead"))
    words, end, *_ = server.since(count)
    assert isinstance(words, LogLines)
    assert words.lines == ("about to di",)
    assert isinstance(end, JobChanged)
    assert (end.state, end.reason) == (JobState.FAILED, "dead")
    await stop(run)


@virtual_time
async def test_a_host_learns_of_a_cancellation_once_it_is_wished(server: Server) -> None:
    run = server.begin()
    lease = (await server.control.claim("host", SMALL)).lease
    wish = asyncio.create_task(server.control.cancellation(lease))
    await asyncio.sleep(5)
    assert not wish.done()
    server.orchestrator.interrupt()
    assert await wish == "interrupted"
    assert await server.control.cancellation(lease) == "interrupted"
    await server.say(lease, JobEnded(JobState.CANCELLED))
    await run
