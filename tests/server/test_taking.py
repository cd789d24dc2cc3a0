"""Reports: each counts once, in order, and only while its lease is held."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.server.service import LARGE, Service, jobs, numbered
from tests.virtual_time import run_virtual, virtual_time

from mayfly.domain import events
from mayfly.domain.events import JobRef, RunRef
from mayfly.domain.job import Conclusion, JobState
from mayfly.protocol import messages
from mayfly.protocol.fleet import (
    JobEnded,
    JobPhase,
    Kept,
    Lease,
    Measured,
    Preparation,
    Printed,
    Report,
    RunnerSaid,
)
from mayfly.server.dispatch import SessionOver
from mayfly.server.report_size import size_of
from mayfly.server.taking import ReportsMissing
from mayfly.store.rows import MeteringRow

STARTING, RUNNING = JobPhase(JobState.STARTING), JobPhase(JobState.RUNNING)
SUCCESS = Conclusion.SUCCESS
STEP = RunnerSaid(messages.StepStarted(1, "make"))
STEP_END = RunnerSaid(messages.StepFinished(1, SUCCESS, SUCCESS, 0))


@pytest.fixture
def service() -> Service:
    return Service()


async def a_job(service: Service) -> tuple[str, str, Lease]:
    """A session, a run, and the lease of its only job."""
    session = await service.host()
    [run] = await service.submit(jobs("a"))
    return session, run, await service.given(session)


async def log(service: Service, run: str) -> list[str]:
    found = await service.events(run)
    return [line for event in found if isinstance(event, events.LogLines) for line in event.lines]


@virtual_time
async def test_a_job_goes_through_its_life(service: Service) -> None:
    session, run, lease = await a_job(service)
    await service.report(session, lease, STARTING, RUNNING, STEP, Printed(1, ("a", "b")), STEP_END)
    assert (await service.row(lease)).state is JobState.RUNNING
    ended = JobEnded(JobState.SUCCEEDED, {"out": "x"})
    assert await service.report(session, lease, ended, first=6) == ()
    row = await service.row(lease)
    assert (row.state, row.outputs) == (JobState.SUCCEEDED, {"out": "x"})
    assert (await service.run(run)).conclusion is SUCCESS
    assert await service.leases() == []


@virtual_time
async def test_everything_reported_is_in_the_journal_in_order(service: Service) -> None:
    session, run, lease = await a_job(service)
    at, job = service.now(), JobRef(RunRef(".github/workflows/ci.yml"), "a")
    before = len(await service.events(run))
    level = messages.Level.WARNING
    reports: list[Report] = [
        Preparation("image", "booting", 0.5, done=True),
        STEP,
        Printed(1, ("a",)),
        RunnerSaid(messages.Annotation(1, level, "text", "title", "f.py", 3, 4, 5, 6)),
        RunnerSaid(messages.Summary(1, "# all")),
        STEP_END,
        Measured("kvm", 1.5, 2.5, 1024),
        Kept("m1"),
    ]
    assert await service.report(session, lease, *reports) == ()
    assert (await service.events(run, before)) == [
        events.Preparing(at, "image", "booting", 0.5, done=True),
        events.StepStarted(at, job, 1, "make"),
        events.LogLines(at, job, 1, ("a",)),
        events.Annotated(at, job, 1, "warning", "text", "title", "f.py", 3, 5),
        events.Summarised(at, job, 1, "# all"),
        events.StepFinished(at, job, 1, SUCCESS, SUCCESS, 0, None),
        events.JobMeasured(at, job, "kvm", 1.5, 2.5, 1024),
        events.MachineKept(at, job, "m1"),
    ]


@virtual_time
async def test_changes_of_state_come_where_they_were_reported(service: Service) -> None:
    session, run, lease = await a_job(service)
    before = len(await service.events(run))
    ended = JobEnded(JobState.FAILED, reason="dead")
    words = Printed(1, ("about to di",))
    await service.report(session, lease, STARTING, Preparation("x", "y"), RUNNING, words, ended)
    told = [
        event.state if isinstance(event, events.JobChanged) else type(event)
        for event in await service.events(run, before)
    ]
    states = [JobState.STARTING, events.Preparing, JobState.RUNNING, events.LogLines]
    assert told == [*states, JobState.FAILED, events.RunFinished]
    assert (await service.row(lease)).reason == "dead"


@virtual_time
async def test_phases_go_forward_only(service: Service) -> None:
    session, run, lease = await a_job(service)
    await service.report(session, lease, RUNNING)
    before = await service.events(run)
    assert await service.report(session, lease, STARTING, RUNNING, first=2) == ()
    assert await service.events(run) == before


# --- once ----------------------------------------------------------------------------------------


@virtual_time
async def test_what_was_taken_in_is_passed_over(service: Service) -> None:
    session, run, lease = await a_job(service)
    lines = [Printed(1, (str(number),)) for number in range(1, 6)]
    await service.report(session, lease, *lines[:3])
    assert await service.report(session, lease, *lines[:3]) == ()
    assert await service.report(session, lease, *lines[1:], first=2) == ()
    assert await service.report(session, lease, lines[0]) == ()
    assert await log(service, run) == ["1", "2", "3", "4", "5"]


@virtual_time
async def test_the_same_twice_in_one_batch_counts_once(service: Service) -> None:
    session, run, lease = await a_job(service)
    batch = [*numbered(lease, Printed(1, ("a",))), *numbered(lease, Printed(1, ("a",)))]
    assert await service.hosts.report(session, batch) == ()
    assert await service.report(session, lease, Printed(1, ("b",)), first=2) == ()
    assert await log(service, run) == ["a", "b"]


@pytest.mark.parametrize("numbers", [[2], [1, 3], [1, 2, 4], [2, 1]])
def test_a_gap_is_refused_and_nothing_taken_in(numbers: list[int]) -> None:
    @virtual_time
    async def check() -> None:
        service = Service()
        session, run, lease = await a_job(service)
        batch = [
            one for number in numbers for one in numbered(lease, Printed(1, ("x",)), first=number)
        ]
        with pytest.raises(ReportsMissing):
            await service.hosts.report(session, batch)
        assert await log(service, run) == []
        assert await service.report(session, lease, Printed(1, ("first",))) == ()
        assert await log(service, run) == ["first"]

    check()


@virtual_time
async def test_what_follows_the_end_is_passed_over(service: Service) -> None:
    session, run, lease = await a_job(service)
    await service.report(session, lease, STARTING)
    ended = JobEnded(JobState.SUCCEEDED)
    late = (RUNNING, Printed(1, ("late",)), JobEnded(JobState.FAILED))
    assert await service.report(session, lease, ended, *late, first=2) == ()
    assert (await service.row(lease)).state is JobState.SUCCEEDED
    assert await log(service, run) == []
    assert (await service.run(run)).conclusion is SUCCESS


@virtual_time
async def test_what_a_machine_took_is_metered_once(service: Service) -> None:
    session, _run, lease = await a_job(service)
    assert await service.claim(session, LARGE, lease, patience_s=20) is None
    measured = Measured("kvm", 1.5, 2.5, 1024, {"read_bytes": 3.0})
    await service.report(session, lease, STARTING, RUNNING, Measured("tcg", 9, 9, 9), measured)
    assert await service.claim(session, LARGE, lease, patience_s=80) is None
    await service.report(session, lease, JobEnded(JobState.FAILED), first=5)
    [row] = await service.read(lambda view: view.find(MeteringRow))
    assert (row.id, row.job, row.host) == (f"{lease.job}:1", lease.job, "h1")
    assert (row.actor, row.state) == ("mona", JobState.FAILED)
    assert (row.millicpu, row.memory_mib) == (1000, 1024)
    assert row.ran_s == pytest.approx(100)
    assert (row.usage["accelerator"], row.usage["more"]) == ("kvm", {"read_bytes": 3.0})


# --- leases --------------------------------------------------------------------------------------


@virtual_time
async def test_only_the_word_of_the_current_attempt_counts(service: Service) -> None:
    session, run, lease = await a_job(service)
    before = await service.events(run)
    for other in (Lease(lease.job, 0), Lease(lease.job, 2), Lease("nobody's", 1)):
        assert await service.report(session, other, RUNNING, Printed(1, ("x",))) == (other,)
    assert await service.events(run) == before
    await service.report(session, lease, JobEnded(JobState.SUCCEEDED))
    for report in (RUNNING, Printed(1, ("x",)), JobEnded(JobState.FAILED)):
        assert await service.report(session, lease, report, first=2) == (lease,)


@virtual_time
async def test_another_session_has_no_say(service: Service) -> None:
    _session, run, lease = await a_job(service)
    other = await service.host("h2")
    assert await service.report(other, lease, JobEnded(JobState.SUCCEEDED)) == (lease,)
    assert (await service.run(run)).conclusion is None


@pytest.mark.parametrize("reports", [[Printed(1, ("x",))], [RUNNING]])
def test_who_reports_in_a_session_that_is_over_is_told_so(reports: list[Report]) -> None:
    @virtual_time
    async def check() -> None:
        service = Service()
        session, _run, lease = await a_job(service)
        await service.hosts.close_session(session)
        for one in (session, "nobody's"):
            with pytest.raises(SessionOver):
                await service.report(one, lease, *reports)

    check()


@virtual_time
async def test_a_batch_of_several_leases_names_the_stale_ones_and_takes_the_rest(
    service: Service,
) -> None:
    session = await service.host()
    [run] = await service.submit(jobs("a", "b"))
    a = await service.given(session)
    b = await service.given(session, a)
    gone = Lease(a.job, 7)
    batch = [
        *numbered(a, STARTING),
        *numbered(gone, RUNNING),
        *numbered(b, Printed(1, ("b",))),
        *numbered(a, Printed(1, ("a",)), first=2),
        *numbered(gone, RUNNING, first=2),
    ]
    assert await service.hosts.report(session, batch) == (gone,)
    assert (await service.row(a)).state is JobState.STARTING
    assert await log(service, run) == ["b", "a"]


@virtual_time
async def test_a_batch_of_several_leases_is_taken_whole_or_not_at_all(service: Service) -> None:
    session = await service.host()
    [run] = await service.submit(jobs("a", "b"))
    a = await service.given(session)
    b = await service.given(session, a)
    before = await service.events(run)
    with pytest.raises(ReportsMissing):
        await service.hosts.report(session, [*numbered(a, RUNNING), *numbered(b, STEP, first=2)])
    assert await service.events(run) == before
    assert {row.reports for row in await service.leases()} == {0}


# --- jobs that hosts give back -------------------------------------------------------------------


@virtual_time
async def test_a_job_that_was_not_begun_goes_to_another_host_without_a_loss(
    service: Service,
) -> None:
    first = await service.host("h1")
    second = await service.host("h2")
    [run] = await service.submit(jobs("a"), losses_allowed=0)
    for attempt in (1, 2, 3):
        lease = await service.given(first)
        assert lease.attempt == attempt
        end = JobEnded(JobState.LOST, reason="its host takes no more jobs")
        assert await service.report(first, lease, end) == ()
        row = await service.row(lease)
        assert (row.state, row.losses, row.host) == (JobState.QUEUED, 0, None)
        assert row.reason == "its host takes no more jobs"
    lease = await service.given(second)
    await service.finish(second, lease)
    assert (await service.run(run)).conclusion is SUCCESS


@virtual_time
async def test_a_job_that_was_not_begun_and_is_unwanted_by_now_is_cancelled(
    service: Service,
) -> None:
    session, run, lease = await a_job(service)
    await service.cancel(run)
    await service.report(session, lease, JobEnded(JobState.LOST))
    row = await service.row(lease)
    assert (row.state, row.reason) == (JobState.CANCELLED, "mona cancelled it")
    assert (await service.run(run)).conclusion is Conclusion.CANCELLED


@virtual_time
async def test_a_machine_that_does_not_start_is_tried_again_and_then_lost(
    service: Service,
) -> None:
    """Which is never the job's doing, and does not count as a host that was lost under it."""
    session, run, lease = await a_job(service)
    for attempt in (1, 2):
        await service.report(session, lease, STARTING, JobEnded(JobState.LOST, reason="no QEMU"))
        row = await service.row(lease)
        assert (row.state, row.losses, row.failed_starts) == (JobState.QUEUED, 0, attempt)
        lease = await service.given(session)
    await service.report(session, lease, STARTING, JobEnded(JobState.LOST, reason="no QEMU"))
    row = await service.row(lease)
    assert (row.state, row.reason) == (JobState.LOST, "no QEMU")
    assert (await service.run(run)).conclusion is Conclusion.FAILURE


# --- a network that repeats and reorders ---------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    count=st.integers(1, 12),
    windows=st.lists(st.tuples(st.integers(1, 12), st.integers(1, 12)), max_size=25),
)
def test_whatever_is_repeated_every_report_counts_once(
    count: int, windows: list[tuple[int, int]]
) -> None:
    """An agent sends again and again from what it believes was not taken in."""

    async def check() -> Any:
        service = Service()
        session, run, lease = await a_job(service)
        reports = [Printed(1, (str(number),)) for number in range(1, count + 1)]
        taken = 0
        for first, last in [*windows, (1, count)]:
            batch = numbered(lease, *reports[first - 1 : last], first=first)
            if batch and first > taken + 1:
                with pytest.raises(ReportsMissing):
                    await service.hosts.report(session, batch)
            elif batch:
                await service.hosts.report(session, batch)
                taken = max(taken, batch[-1].number)
            assert await log(service, run) == [str(number) for number in range(1, taken + 1)]

    run_virtual(check)


# --- how much ------------------------------------------------------------------------------------

MUCH = Printed(1, ("x" * 899,))  # 1,000 with what each takes
FULL = "its host reported more than the 0 MiB that are kept of a job"


@virtual_time
async def test_a_job_of_which_too_much_is_reported_has_failed_and_others_go_on() -> None:
    service = Service(journal_limit=5_000)
    session = await service.host()
    [run, other] = await service.submit(jobs("a"), jobs("b"))
    lease = await service.given(session)
    beside = await service.given(session, lease)
    await service.report(session, beside, STARTING, RUNNING, STEP)
    await service.report(session, lease, STARTING, RUNNING, STEP, MUCH, MUCH, MUCH, MUCH)
    reports = [*numbered(beside, Printed(1, ("b",)), first=4), *numbered(lease, MUCH, first=8)]
    assert await service.hosts.report(session, reports) == (lease,)
    row = await service.row(lease)
    assert (row.state, row.reason) == (JobState.FAILED, FULL)
    assert (await service.run(run)).conclusion is Conclusion.FAILURE
    assert len(await log(service, run)) == 4
    assert await service.report(session, lease, MUCH, first=8) == (lease,)
    assert len(await log(service, run)) == 4
    await service.report(session, beside, JobEnded(JobState.SUCCEEDED), first=5)
    assert (await service.run(other)).conclusion is SUCCESS
    assert await log(service, other) == ["b"]


@virtual_time
async def test_what_is_just_not_too_much_is_taken_in() -> None:
    service = Service(journal_limit=5 * 1_000 + 2 * 108)
    session, run, lease = await a_job(service)
    for number in range(5):
        assert await service.report(session, lease, MUCH, first=1 + number) == ()
    assert await service.report(session, lease, STARTING, RUNNING, first=6) == ()
    assert len(await log(service, run)) == 5
    assert await service.report(session, lease, Kept(""), first=8) == (lease,)
    assert (await service.row(lease)).state is JobState.FAILED


@pytest.mark.parametrize("much", [MUCH, JobEnded(JobState.SUCCEEDED, {"out": "x" * 900})])
def test_the_end_of_a_job_is_no_way_around_it(much: Report) -> None:
    @virtual_time
    async def check() -> None:
        service = Service(journal_limit=900)
        session, run, lease = await a_job(service)
        await service.report(session, lease, STARTING, RUNNING)
        reports = (much, JobEnded(JobState.SUCCEEDED))
        assert await service.report(session, lease, *reports, first=3) == (lease,)
        row = await service.row(lease)
        assert (row.state, row.reason, row.outputs) == (JobState.FAILED, FULL, {})
        assert (await service.run(run)).conclusion is Conclusion.FAILURE

    check()


@virtual_time
async def test_what_earlier_hosts_reported_counts() -> None:
    """Else one that gives a job back again and again could fill the store."""
    service = Service(journal_limit=5_000)
    session, run, lease = await a_job(service)
    for _ in range(2):
        await service.report(session, lease, MUCH, MUCH, JobEnded(JobState.LOST))
        assert (await service.row(lease)).state is JobState.QUEUED
        lease = await service.given(session)
    assert await service.report(session, lease, MUCH) == (lease,)
    assert (await service.row(lease)).state is JobState.FAILED
    assert len(await log(service, run)) == 4


@virtual_time
async def test_what_a_job_took_is_told_even_so() -> None:
    service = Service(journal_limit=900)
    session, _, lease = await a_job(service)
    await service.report(session, lease, STARTING, RUNNING, Measured("kvm", 1.5, 2.5, 1024))
    await service.report(session, lease, MUCH, first=4)
    [metering] = await service.read(lambda view: view.find(MeteringRow))
    assert (metering.state, metering.finished) == (JobState.FAILED, service.now())


@pytest.mark.parametrize(
    ("small", "large", "more"),
    [
        (Printed(1, ()), Printed(1, ("ab", "c")), 5),
        (Kept(""), Kept("abc"), 3),
        (Preparation("", ""), Preparation("a", "bc"), 3),
        (JobEnded(JobState.FAILED), JobEnded(JobState.FAILED, {"a": "bc"}), 3),
        (RunnerSaid(messages.Summary(1, "")), RunnerSaid(messages.Summary(1, "abc")), 3),
        (Measured("", 0.0, 0.0, 0), Measured("k", 0.0, 0.0, 0, {"ab": 1.0}), 11),
    ],
)
def test_a_report_is_as_large_as_what_it_says(small: Report, large: Report, more: int) -> None:
    assert size_of(large) - size_of(small) == more
    assert size_of(small) >= 100
