"""The control plane of a laptop: the agent's interface, by function calls to the same service."""

import asyncio

import pytest
from tests.server.service import LARGE, SMALL, Service, jobs
from tests.virtual_time import virtual_time

from mayfly.domain.events import LogLines
from mayfly.domain.job import Conclusion, JobState
from mayfly.protocol.fleet import Assignment, JobEnded, JobPhase, Lease, Printed, StaleLease
from mayfly.server.control import LocalControlPlane
from mayfly.system.tasks import stop


@pytest.fixture
def service() -> Service:
    return Service()


async def control_of(service: Service) -> LocalControlPlane:
    return LocalControlPlane(service.hosts, await service.host())


@virtual_time
async def test_a_job_from_the_claim_to_its_end(service: Service) -> None:
    control = await control_of(service)
    claim = asyncio.create_task(control.claim(SMALL))
    await asyncio.sleep(5)
    assert not claim.done()
    [run] = await service.submit(jobs("a"))
    lease = (await claim).lease
    assert (await control.hand_over(lease)).key == "a"
    assert (
        b"".join([piece async for piece in control.source(lease, None)]) == f"{run}:None".encode()
    )
    for report in (JobPhase(JobState.STARTING), JobPhase(JobState.RUNNING)):
        await control.report(lease, report)
    for line in "abc":
        await control.report(lease, Printed(1, (line,)))
    await control.report(lease, JobEnded(JobState.SUCCEEDED))
    lines = [event.lines for event in await service.events(run) if isinstance(event, LogLines)]
    assert lines == [("a",), ("b",), ("c",)]
    assert (await service.run(run)).conclusion is Conclusion.SUCCESS


@virtual_time
async def test_a_claim_that_is_given_up_loses_no_job(service: Service) -> None:
    """The agent asks anew whenever it has more room."""
    control = await control_of(service)
    for _ in range(3):
        claim = asyncio.create_task(control.claim(LARGE))
        await asyncio.sleep(1)
        await stop(claim)
    await service.submit(jobs("a", "b"))
    found: list[Assignment] = []
    for turns in range(20):  # given up after so many turns of the loop
        claim = asyncio.create_task(control.claim(LARGE))
        for _ in range(turns):
            await asyncio.sleep(0)
        await stop(claim)
        found += [] if claim.cancelled() else [claim.result()]
        if len(found) == 2:
            break
    assert {one.lease.attempt for one in found} == {1}
    assert len({one.lease.job for one in found}) == 2


@virtual_time
async def test_reports_of_a_job_that_has_ended_are_refused(service: Service) -> None:
    control = await control_of(service)
    await service.submit(jobs("a"))
    lease = (await control.claim(LARGE)).lease
    await control.report(lease, JobEnded(JobState.SUCCEEDED))
    for report in (Printed(1, ("x",)), JobEnded(JobState.FAILED)):
        with pytest.raises(StaleLease):
            await control.report(lease, report)
    with pytest.raises(StaleLease):
        await control.hand_over(lease)
    with pytest.raises(StaleLease):
        await control.report(Lease("nobody's", 1), JobPhase(JobState.RUNNING))


@virtual_time
async def test_a_cancellation_is_heard_once_it_is_wished(service: Service) -> None:
    control = await control_of(service)
    first, second = await service.submit(jobs("a"), jobs("b"))
    leases = [(await control.claim(LARGE)).lease for _ in range(2)]
    by_run = {(await service.row(lease)).run: lease for lease in leases}
    waiting = asyncio.create_task(control.cancellation(by_run[second]))
    await asyncio.sleep(5)
    await service.cancel(first)
    await asyncio.sleep(5)
    assert not waiting.done()  # it was the other's
    assert await control.cancellation(by_run[first]) == "mona cancelled it"
    await service.cancel(second, "enough")
    assert await waiting == "enough"
    assert await control.cancellation(by_run[second]) == "enough"


@virtual_time
async def test_nobody_waits_for_the_cancellation_of_what_is_over(service: Service) -> None:
    control = await control_of(service)
    await service.submit(jobs("a"))
    lease = (await control.claim(LARGE)).lease
    await control.report(lease, JobEnded(JobState.SUCCEEDED))
    with pytest.raises(StaleLease):
        await control.cancellation(lease)
