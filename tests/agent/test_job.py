"""One job: every way it can end, each reported once, and no machine left after any."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.agent.control import HERE, FakeControl, Given, job
from tests.virtual_time import cancelled_at_every_turn, run_virtual, virtual_time

from mayfly.agent.job import JobSettings, run_job
from mayfly.agent.session import SessionSettings
from mayfly.domain.errors import HostCannot
from mayfly.domain.job import Conclusion, JobState
from mayfly.machines.base import Machine, MachineFailed
from mayfly.machines.dummy.driver import DummyDriver
from mayfly.machines.dummy.pipe import CAPACITY, Port
from mayfly.machines.network.base import NetworkPolicy
from mayfly.protocol.fleet import (
    JobEnded,
    JobPhase,
    Kept,
    Measured,
    Preparation,
    Printed,
    Report,
    RunnerSaid,
    StaleLease,
)
from mayfly.protocol.frames import encode_log
from mayfly.protocol.messages import (
    JobFinished,
    JobStarted,
    StepFinished,
    StepStarted,
    encode_message,
)
from mayfly.workflow.model import Step

_MIB = 1024 * 1024
SUCCESS = Conclusion.SUCCESS
ALLOWED = "at most 262148 are allowed"
CHECKOUT = (Step(HERE, uses="actions/checkout@v4"),)


@dataclass
class Host:
    """Runs one assignment."""

    control: FakeControl = field(default_factory=FakeControl)
    driver: DummyDriver = field(default_factory=DummyDriver)
    log_limit: int = 64 * _MIB
    keep: Callable[[Machine], Any] | None = None

    async def run(self, given: Given) -> None:
        session = SessionSettings(self.log_limit, cancel_grace_s=30.0)
        settings = JobSettings(NetworkPolicy(), session, keep=self.keep)
        await run_job(self.control.give(given), self.control, self.driver, settings)

    async def outcome(self, given: Given) -> tuple[JobState, str | None]:
        """How it ended; no machine may be left."""
        await self.run(given)
        assert not self.driver.alive
        ended = self.control.end()
        return ended.state, ended.reason


@pytest.fixture
def host() -> Host:
    return Host()


def size(lines: Iterable[str]) -> int:
    """In bytes, with the ends of the lines."""
    return sum(len(line) + 1 for line in lines)


@virtual_time
async def test_a_job_is_reported_in_order(host: Host) -> None:
    host.driver.faults.start_s = 0.25
    await host.run(job(outputs={"a": "b"}))
    kinds = [type(report).__name__ for _, report in host.control.reports]
    step = ["RunnerSaid", "Printed", "RunnerSaid"]
    made = ["JobPhase", "Preparation", "JobPhase"]
    assert kinds == [*made, *step, "Measured", "JobEnded"]
    assert host.control.end() == JobEnded(JobState.SUCCEEDED, {"a": "b"})
    assert host.control.of(Measured)[0].start_seconds == pytest.approx(0.25)
    assert host.control.of(Measured)[0].more == {"net_received": 0, "net_sent": 0}
    assert not host.driver.alive


@virtual_time
async def test_a_machine_is_gone_before_its_job_is_reported_to_be(host: Host) -> None:
    alive: list[int] = []

    def look(report: Report) -> None:
        if isinstance(report, JobEnded):
            alive.append(len(host.driver.alive))

    host.control.on_report = look
    await host.run(job("fails"))
    assert alive == [0]


@virtual_time
async def test_a_start_lasts_to_the_first_output_of_the_jobs_own_steps(host: Host) -> None:
    async def guest(port: Port) -> None:
        await asyncio.sleep(1)
        await port.write(encode_message(JobStarted()))
        for step in (0, 1):
            await port.write(encode_message(StepStarted(step, "a step")))
            await asyncio.sleep(1)
            await port.write(encode_log(step, b"x"))
            await port.write(encode_message(StepFinished(step, SUCCESS, SUCCESS)))
        await port.write(encode_message(JobFinished(SUCCESS, {})))
        await asyncio.Event().wait()

    host.driver = DummyDriver(guest)
    await host.run(job())
    assert host.control.of(Measured)[0].start_seconds == pytest.approx(3)


@virtual_time
async def test_progress_ends_with_done(host: Host) -> None:
    host.driver.faults.prepare_s = 1.0
    await host.run(job())
    news = host.control.of(Preparation)
    assert [one.stage for one in news] == ["booting", "ready"]
    assert [one.done for one in news] == [False, True]


@virtual_time
async def test_progress_of_what_fails_ends_too(host: Host) -> None:
    host.driver.faults.prepare = MachineFailed("no QEMU")
    await host.run(job())
    last = host.control.of(Preparation)[-1]
    assert (last.stage, last.done) == ("given up", True)


@pytest.mark.parametrize(
    ("conduct", "state", "reason"),
    [
        ("succeeds", JobState.SUCCEEDED, None),
        ("fails", JobState.FAILED, None),
        ("times_out", JobState.TIMED_OUT, None),
        ("dies", JobState.FAILED, "the job ended its machine or its runner\npower off"),
        ("crashes", JobState.LOST, "the machine failed\nthe dummy crashed"),
        ("garbage", JobState.FAILED, "the runner broke the protocol: unknown frame kind 255"),
        (
            "oversized",
            JobState.FAILED,
            f"the runner broke the protocol: LOG frame of {0xFFFFFFFF} bytes; {ALLOWED}",
        ),
        (
            "disorder",
            JobState.FAILED,
            "the runner broke the protocol: step 0 is not running",
        ),
        ("again", JobState.FAILED, "the runner broke the protocol: Ready out of order"),
        (
            "pretends",
            JobState.FAILED,
            "the runner broke the protocol: JobFinished while step 1 is running",
        ),
        (
            "silent",
            JobState.LOST,
            "its machine did not answer within 180 s",
        ),
        (
            "deaf",
            JobState.TIMED_OUT,
            "still running after its timeout of 5 minutes; its machine was stopped",
        ),
    ],
)
def test_endings(host: Host, conduct: str, state: JobState, reason: str | None) -> None:
    given = job(conduct)
    assert run_virtual(lambda: host.outcome(given)) == (state, reason)


@virtual_time
async def test_a_job_that_prints_for_ever_is_stopped_at_the_limit(host: Host) -> None:
    host.log_limit = 3 * _MIB
    ended = await host.outcome(job("endless"))
    assert ended == (JobState.FAILED, "the job printed more than 3 MiB: the limit of a job's log")
    assert size(host.control.printed()) <= 3 * _MIB


@virtual_time
async def test_a_slow_host_holds_back_what_a_job_prints(host: Host) -> None:
    given = job("endless")
    largest = 0

    def look(report: Report) -> None:
        nonlocal largest
        if isinstance(report, Printed):
            largest = max(largest, size(report.lines))
            if len(host.control.reports) > 40:
                raise StaleLease("enough")

    host.control.on_report = look
    await host.run(given)
    # Nothing was taken from the machine but what has been reported, and one frame.
    assert largest <= 256 * 1024
    assert size(host.control.printed()) <= 40 * 256 * 1024
    assert CAPACITY < 256 * 1024
    assert not host.driver.alive


@virtual_time
async def test_a_job_too_large_to_hand_over(host: Host) -> None:
    state, reason = await host.outcome(job(steps=(Step(HERE, run="x" * 9 * _MIB),)))
    assert state is JobState.FAILED
    assert reason is not None
    assert reason.startswith("the job is too large to hand over: CONTROL frame of")


# --- machines that cannot be made ----------------------------------------------------------------


@pytest.mark.parametrize("phase", ["prepare", "start"])
def test_a_machine_that_cannot_be_made_is_our_fault(host: Host, phase: str) -> None:
    error = MachineFailed("no QEMU", details="exec failed", remedy="install it")
    setattr(host.driver.faults, phase, error)
    ended = run_virtual(lambda: host.outcome(job()))
    started = "no machine of image default for amd64 started"
    assert ended == (JobState.LOST, f"{started}: no QEMU\nexec failed\ninstall it")


@virtual_time
async def test_a_defect_of_a_driver_costs_the_job_only(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host.driver, "start", None)
    ended = await host.outcome(job())
    assert ended == (JobState.LOST, "a defect of Mayfly ended it; see its log")


# --- cancellation --------------------------------------------------------------------------------


@pytest.mark.parametrize(("phase", "at"), [("prepare_s", 10), ("start_s", 10)])
def test_cancelled_while_its_machine_is_made(host: Host, phase: str, at: int) -> None:
    async def run() -> tuple[JobState, str | None]:
        setattr(host.driver.faults, phase, 1e6)
        asyncio.get_running_loop().call_later(at, host.control.cancel)
        ended = await host.outcome(job())
        assert asyncio.get_running_loop().time() == pytest.approx(at)
        return ended

    assert run_virtual(run) == (JobState.CANCELLED, "a test says so")


@virtual_time
async def test_cancelled_while_it_runs_it_may_clean_up(host: Host) -> None:
    steps = (Step(HERE, run="make"), Step(HERE, run="never"))
    tidy = Step(HERE, run="tidy", condition="always()")
    asyncio.get_running_loop().call_later(4, host.control.cancel)
    ended = await host.outcome(job(seconds=10, steps=(*steps, tidy)))
    assert ended == (JobState.CANCELLED, "a test says so")
    assert host.control.printed() == ["make", "tidy"]
    assert asyncio.get_running_loop().time() == pytest.approx(14)


@pytest.mark.parametrize("conduct", ["deaf", "silent"])
def test_cancelled_and_deaf_it_is_ended_after_its_grace(host: Host, conduct: str) -> None:
    async def run() -> tuple[JobState, str | None]:
        asyncio.get_running_loop().call_later(4, host.control.cancel)
        ended = await host.outcome(job(conduct))
        assert asyncio.get_running_loop().time() == pytest.approx(4 + 30 + 15)
        return ended

    assert run_virtual(run) == (
        JobState.CANCELLED,
        "cancelled; the job did not end within its grace",
    )


@virtual_time
async def test_cancelled_while_the_guest_reads_nothing(host: Host) -> None:
    """Then the Cancel cannot be written, and the job is cancelled all the same."""
    host.driver = DummyDriver(lambda _port: asyncio.Event().wait())  # type: ignore[arg-type,return-value]
    asyncio.get_running_loop().call_later(4, host.control.cancel)
    ended = await host.outcome(job(steps=(Step(HERE, run="x" * _MIB),)))
    assert ended == (JobState.CANCELLED, "cancelled; the job did not end within its grace")


@virtual_time
async def test_a_job_that_ends_before_it_hears_of_its_cancellation_has_succeeded(
    host: Host,
) -> None:
    asyncio.get_running_loop().call_later(5, host.control.cancel)
    assert await host.outcome(job(seconds=5, conduct="goes_on")) in {
        (JobState.SUCCEEDED, None),
        (JobState.CANCELLED, "a test says so"),
        (JobState.FAILED, "the runner broke the protocol: the runner went on after JobFinished"),
    }


def test_cancelled_at_every_await_it_leaves_nothing_and_is_reported_once() -> None:
    hosts: list[Host] = []

    async def work() -> None:
        host = Host(keep=lambda _machine: asyncio.sleep(1))
        host.driver.faults.prepare_s = host.driver.faults.start_s = 1
        hosts.append(host)
        await host.run(job("fails", seconds=1, steps=CHECKOUT))

    def check() -> None:
        assert not hosts[-1].driver.alive
        reports = [report for _, report in hosts[-1].control.reports]
        ends = [report for report in reports if isinstance(report, JobEnded)]
        assert len(ends) <= 1
        assert isinstance(reports[-1], JobEnded) if ends else True

    assert cancelled_at_every_turn(work, check) > 20
    assert cancelled_at_every_turn(work, check, times=4) > 20


# --- leases --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [JobPhase, Preparation, Printed, Measured, Kept, JobEnded])
def test_a_lease_that_is_over_ends_the_machine(host: Host, kind: type[Report]) -> None:
    host.keep = lambda _machine: asyncio.sleep(0)

    def refuse(report: Report) -> None:
        if isinstance(report, kind):
            raise StaleLease

    async def run() -> None:
        host.control.on_report = refuse
        await host.run(job("fails"))
        assert not host.driver.alive

    run_virtual(run)


@virtual_time
async def test_a_control_plane_that_fails_at_the_end_is_not_kept_secret(host: Host) -> None:
    def fail(report: Report) -> None:
        if isinstance(report, JobEnded):
            raise ConnectionError

    host.control.on_report = fail
    with pytest.raises(ConnectionError):
        await host.run(job())
    assert not host.driver.alive


@pytest.mark.parametrize("at", [2, 10])
def test_a_lease_that_is_gone_ends_a_machine_that_says_nothing(host: Host, at: int) -> None:
    """While it is made, and while it runs."""

    async def run() -> None:
        host.driver.faults.start_s = 5
        asyncio.get_running_loop().call_later(at, host.control.take_away)
        await host.run(job("deaf"))
        assert asyncio.get_running_loop().time() == pytest.approx(at)
        assert not host.driver.alive
        assert host.control.of(JobEnded) == []

    run_virtual(run)


@virtual_time
async def test_a_lease_that_is_gone_when_the_job_is_handed_over(host: Host) -> None:
    async def refuse() -> None:
        assert host.driver.alive  # it is asked for late, when a forge's runner has a machine
        raise StaleLease

    host.control.on_hand_over = refuse
    await host.run(job())
    assert not host.driver.alive
    assert host.control.of(JobEnded) == []


@virtual_time
async def test_a_job_that_cannot_be_handed_over_is_our_fault(host: Host) -> None:
    async def fail() -> None:
        raise HostCannot("the forge gives no runner", remedy="look at its app")

    host.control.on_hand_over = fail
    ended = await host.outcome(job())
    assert ended == (JobState.LOST, "the forge gives no runner\nlook at its app")


@virtual_time
async def test_cancelled_while_the_job_is_handed_over(host: Host) -> None:
    host.control.on_hand_over = asyncio.Event().wait
    asyncio.get_running_loop().call_later(10, host.control.cancel)
    assert await host.outcome(job()) == (JobState.CANCELLED, "a test says so")
    assert asyncio.get_running_loop().time() == pytest.approx(10)


# --- lines ---------------------------------------------------------------------------------------


def speaking(*words: bytes, then: Callable[[Port], Any] | None = None) -> DummyDriver:
    """Machines whose first step has just printed this; `then` says how they go on."""

    async def guest(port: Port) -> None:
        await port.write(encode_message(JobStarted()) + encode_message(StepStarted(1, "a step")))
        for piece in words:
            await port.write(encode_log(1, piece))
        if then is not None:
            await then(port)

    return DummyDriver(guest)


@virtual_time
async def test_a_steps_last_line_comes_before_its_end(host: Host) -> None:
    async def end(port: Port) -> None:
        await port.write(encode_message(StepFinished(1, SUCCESS, SUCCESS)))
        await port.write(encode_message(JobFinished(SUCCESS, {})))
        await asyncio.Event().wait()

    host.driver = speaking(b"a\nb", b"c", then=end)
    assert await host.outcome(job()) == (JobState.SUCCEEDED, None)
    first, last, said = [report for _, report in host.control.reports][-5:-2]
    assert [first, last] == [Printed(1, ("a",)), Printed(1, ("bc",))]
    assert said == RunnerSaid(StepFinished(1, SUCCESS, SUCCESS))


@virtual_time
async def test_the_last_words_of_a_machine_that_died_are_not_lost(host: Host) -> None:
    host.driver = speaking(b"about to di")
    state, _ = await host.outcome(job())
    assert state is JobState.FAILED
    reports = [report for _, report in host.control.reports]
    assert reports[-3] == Printed(1, ("about to di",))
    assert isinstance(reports[-1], JobEnded)


@virtual_time
async def test_lines_of_several_steps_do_not_mix(host: Host) -> None:
    async def more(port: Port) -> None:
        await port.write(encode_message(StepFinished(1, SUCCESS, SUCCESS)))
        await port.write(encode_message(StepStarted(2, "another")) + encode_log(2, b"two"))

    host.driver = speaking(b"one", then=more)
    await host.run(job())
    assert host.control.of(Printed) == [Printed(1, ("one",)), Printed(2, ("two",))]


# --- sources -------------------------------------------------------------------------------------


@virtual_time
async def test_a_source_is_streamed(host: Host) -> None:
    await host.run(job(steps=CHECKOUT))
    assert "source of 700000 bytes" in host.control.printed()
    assert host.control.end().state is JobState.SUCCEEDED


@virtual_time
async def test_a_source_that_cannot_be_had_is_refused_with_the_reason(host: Host) -> None:
    async def refuse(_action: str | None) -> AsyncIterator[bytes]:
        raise HostCannot("the disk is full")
        yield b""

    host.control.sources = refuse
    await host.run(job(steps=CHECKOUT))
    assert host.control.printed() == ["no source: the disk is full"]
    assert host.control.end().state is JobState.FAILED


@virtual_time
async def test_a_cancellation_goes_between_the_frames_of_a_source(host: Host) -> None:
    async def large(_action: str | None) -> AsyncIterator[bytes]:
        host.control.cancel()
        for _ in range(5):
            yield b"x" * _MIB

    host.control.sources = large
    ended = await host.outcome(job(steps=CHECKOUT, seconds=10))
    assert ended == (JobState.CANCELLED, "a test says so")
    assert host.control.printed() == ["source of 5242880 bytes", "actions/checkout@v4"]


@virtual_time
async def test_a_source_that_breaks_off_does_not_leave_the_guest_waiting(host: Host) -> None:
    async def broken(_action: str | None) -> AsyncIterator[bytes]:
        yield b"x" * 1000
        raise OSError("I/O error")

    host.control.sources = broken
    await host.run(job(steps=CHECKOUT))
    [refusal, *_] = host.control.printed()
    assert refusal.startswith("no source: a defect of Mayfly broke the source off")
    assert asyncio.get_running_loop().time() < 1


@virtual_time
async def test_a_source_that_is_still_sent_when_the_job_ends_is_closed(host: Host) -> None:
    closed = []

    async def slow(_action: str | None) -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * 1000
                await asyncio.sleep(1)
        finally:
            closed.append(True)

    host.control.sources = slow
    asyncio.get_running_loop().call_later(100, host.control.cancel)
    await host.run(job(steps=CHECKOUT))
    assert closed == [True]


# --- kept machines -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("conduct", "kept"),
    [
        ("fails", True),
        ("times_out", True),
        ("deaf", True),
        ("endless", True),
        ("succeeds", False),
        ("dies", False),
        ("crashes", False),
        ("garbage", False),
    ],
)
def test_the_machine_of_a_failed_job_is_kept_while_it_is_wanted(
    host: Host, conduct: str, kept: bool
) -> None:
    seen: list[str] = []

    async def keep(machine: Machine) -> None:
        assert host.control.end().state in {JobState.FAILED, JobState.TIMED_OUT}
        seen.append(machine.id)
        await asyncio.sleep(1000)
        assert list(host.driver.alive) == [machine.id]

    async def run() -> None:
        host.keep = keep
        host.log_limit = _MIB
        await host.run(job(conduct))
        assert not host.driver.alive

    run_virtual(run)
    assert [one.machine for one in host.control.of(Kept)] == seen
    assert len(seen) == int(kept)
