"""How long jobs took is remembered, and the next are expected to take as long."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import Any

from tests.server.service import BOTH, PROJECT, Service, jobs
from tests.virtual_time import virtual_time

from mayfly.domain.architecture import Architecture
from mayfly.domain.job import JobState
from mayfly.domain.placement import Capacity
from mayfly.protocol.fleet import Lease
from mayfly.server import durations
from mayfly.store.rows import DurationRow, JobRow

OTHER = "octo/other"
AMD64, ARM64 = Architecture.AMD64, Architecture.ARM64


async def ran(
    service: Service,
    session: str,
    seconds: float,
    *,
    state: JobState = JobState.SUCCEEDED,
    name: str = "build",
    project: str = PROJECT,
    **more: Any,
) -> JobRow:
    """A job that took so long."""
    await service.submit(jobs(name, **more), id=project)
    lease = await service.given(session)
    await asyncio.sleep(seconds)
    await service.finish(session, lease, state)
    return await service.row(lease)


async def expected(service: Service, *names: str, **more: Any) -> list[float | None]:
    """Of new jobs with those names, which then go away."""
    [run] = await service.submit(jobs(*names, **more))
    found = [(await service.job(run, name)).expected_s for name in names]
    await service.cancel(run)
    return found


@virtual_time
async def test_a_job_is_expected_to_take_what_it_took() -> None:
    service = Service()
    session = await service.host()
    first = await ran(service, session, 240)
    assert first.expected_s == 600
    assert await expected(service, "build", "other") == [240, 240]
    await ran(service, session, 20, name="other")
    assert await expected(service, "build", "other") == [240, 20]


@virtual_time
async def test_only_success_tells() -> None:
    service = Service()
    session = await service.host()
    for state in (JobState.FAILED, JobState.TIMED_OUT, JobState.LOST):
        await ran(service, session, 5, state=state)
    assert await expected(service, "build") == [600]


@virtual_time
async def test_the_time_in_the_queue_does_not_count() -> None:
    service = Service()
    [run] = await service.submit(jobs("build"))
    await asyncio.sleep(1000)
    session = await service.host()
    lease = await service.given(session)
    await asyncio.sleep(50)
    await service.finish(session, lease)
    assert await expected(service, "build") == [50]
    assert lease.job == (await service.job(run, "build")).id


@virtual_time
async def test_its_own_bound_is_the_guess_and_never_exceeded() -> None:
    service = Service()
    session = await service.host()
    assert await expected(service, "build", timeout_minutes=30) == [1800]
    assert await expected(service, "build", timeout_minutes=700) == [600]
    await ran(service, session, 900)
    assert await expected(service, "build", timeout_minutes=30) == [900]
    assert await expected(service, "build", timeout_minutes=10) == [600]


@virtual_time
async def test_what_is_known_of_each_architecture_is_kept_apart() -> None:
    service = Service()
    for architecture, seconds in ((AMD64, 60), (ARM64, 300)):
        capacity = Capacity(Decimal(8), 65536, frozenset({architecture}))
        session = await service.host(f"h-{architecture}", capacity)
        await ran(service, session, seconds, size=f"mayfly-{architecture}-1cpu-1gb")
    sizes = ("mayfly-amd64-1cpu-1gb", "mayfly-arm64-1cpu-1gb", "mayfly-any-1cpu-1gb")
    found = [await expected(service, "build", size=size) for size in sizes]
    assert found == [[60], [300], [300]]


@virtual_time
async def test_a_job_for_any_architecture_waits_for_the_host_that_history_says_is_free_first() -> (
    None
):
    for quick, slow in ((AMD64, ARM64), (ARM64, AMD64)):
        service = Service(bound_s=100.0)
        sessions = {}
        for architecture, seconds in ((quick, 700), (slow, 5000)):
            room = Capacity(Decimal(2), 4096, frozenset({architecture}))
            session = sessions[architecture] = await service.host(f"h-{architecture}", room)
            await ran(service, session, seconds, size=f"mayfly-{architecture}-2cpu-1gb")
        for architecture, session in sessions.items():
            await service.submit(jobs("build", size=f"mayfly-{architecture}-2cpu-1gb"))
            assert await service.given(session)
        [run] = await service.submit(jobs("large", size="mayfly-any-2cpu-4gb"))
        await asyncio.sleep(200)
        job = await service.job(run, "large")
        kept = await service.serial(service.scheduler.review)
        assert kept == [(job.id, f"h-{quick}", service.now())]
        assert service.scheduler.why_waits(job.id).startswith("all hosts that could run it are")


@virtual_time
async def test_a_gap_beside_what_is_kept_is_for_jobs_that_history_knows_to_be_brief() -> None:
    service = Service(bound_s=100.0)
    room = Capacity(Decimal(6), 65536, BOTH)
    session = await service.host("h1", room)
    for name, seconds in (("brief", 60), ("long", 3000)):
        await ran(service, session, seconds, name=name, project=OTHER)
    held: list[Lease] = []
    for name, seconds in (("first", 400), ("second", 6000), ("third", 100)):
        await ran(service, session, seconds, name=name)
    for name in ("first", "second", "third"):
        await service.submit(jobs(name, size="mayfly-2cpu-1gb"))
        held.append(await service.given(session, *held))
    [large] = await service.submit(jobs("large", size="mayfly-4cpu-1gb"))
    await service.submit(jobs("small", size="mayfly-1cpu-1gb", timeout_minutes=300))
    await asyncio.sleep(150)
    row = await service.job(large, "large")
    assert await service.serial(service.scheduler.review) == [(row.id, "h1", service.now())]
    await service.put(replace(row, reserved_on="h1", reserved_at=service.now()))
    await service.finish(session, held.pop())  # the third; the first has 250 s left
    [long] = await service.submit(jobs("long", size="mayfly-2cpu-1gb"), id=OTHER)
    assert await service.claim(session, room, *held) is None
    await service.cancel(long)
    [brief] = await service.submit(jobs("brief", size="mayfly-2cpu-1gb"), id=OTHER)
    assert (await service.given(session, *held)).job == (await service.job(brief, "brief")).id


@virtual_time
async def test_as_a_rule_one_row_is_written_and_none_for_ever() -> None:
    service = Service()
    session = await service.host()
    for _ in range(12):
        await ran(service, session, 10)
    rows = await service.read(lambda view: view.find(DurationRow, project=PROJECT, order="at"))
    assert [len(row.seconds) for row in rows] == [10, 10, 10]
    *old, latest = [row.at for row in rows]
    assert all(at < latest for at in old)
    await service.serial(lambda tx: durations.forget_old(tx, latest + 90 * 24 * 3600 - 1))
    assert await service.read(lambda view: view.find(DurationRow)) == rows[-1:]
