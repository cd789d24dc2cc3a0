"""The control plane as hosts see it: gives out jobs, takes in what happens to them."""

from collections.abc import Callable
from dataclasses import replace

from mayfly.domain.architecture import Architecture
from mayfly.domain.events import (
    Annotated,
    Event,
    JobMeasured,
    JobRef,
    LogLines,
    MachineKept,
    Preparing,
    StepFinished,
    StepStarted,
    Summarised,
)
from mayfly.domain.placement import Capacity, misfit, vcpus
from mayfly.protocol import fleet, messages
from mayfly.server.lines import LineSplitter
from mayfly.server.orchestrator import Orchestrator
from mayfly.store.base import JobRow, JobStore


class LocalControlPlane:
    """See `protocol.fleet.ControlPlane`; in the same process as its hosts."""

    def __init__(
        self,
        store: JobStore,
        orchestrator: Orchestrator,
        now: Callable[[], float],
        observe: Callable[[Event], None],
    ):
        self._store = store
        self._orchestrator = orchestrator
        self._now = now
        self._observe = observe
        self._lines: dict[fleet.Lease, dict[int, LineSplitter]] = {}

    async def claim(self, host: str, free: Capacity) -> fleet.Assignment:
        while True:
            for row in self._store.queued():
                if assignment := self._assigned(row, free):
                    return assignment
            await self._orchestrator.changed.wait()

    async def report(self, lease: fleet.Lease, report: fleet.Report) -> None:
        run, row = self._orchestrator.find(lease.job)
        if row.attempt != lease.attempt or row.state.is_final:
            raise fleet.StaleLease(f"attempt {lease.attempt} of {lease.job} is over")
        job = JobRef(run.ref, row.planned.key)
        match report:
            case fleet.JobPhase(state=state):
                self._orchestrator.move(row, state, None, attempt=lease.attempt)
            case fleet.JobEnded():
                self._end(job, row, lease, report)
            case fleet.Output(step=step, data=data):
                self._print(job, step, self._splitter(lease, step).feed(data))
            case fleet.RunnerSaid(message=message):
                self._relay(job, lease, message)
            case _:
                self._observe(_event(self._now(), job, report))

    async def cancellation(self, lease: fleet.Lease) -> str:
        await self._orchestrator.cancelling(lease.job).wait()
        _, row = self._orchestrator.find(lease.job)
        return row.cancel_reason or "cancelled"

    def _assigned(self, row: JobRow, free: Capacity) -> fleet.Assignment | None:
        wanted, spec = row.requirement, row.planned.spec
        assert wanted is not None  # queued jobs have both
        assert spec is not None
        if misfit(wanted, free):
            return None
        attempt = self._store.claim(row.id)
        if attempt is None:
            return None
        architecture = wanted.architecture or _preferred(free)
        row.requirement = replace(wanted, architecture=architecture)
        return fleet.Assignment(
            lease=fleet.Lease(row.id, attempt),
            spec=spec,
            image=wanted.image,
            architecture=architecture,
            vcpus=vcpus(wanted),
            cpu=float(wanted.cpu),
            memory_mib=wanted.memory_mib,
            timeout_minutes=row.planned.timeout_minutes,
        )

    def _end(self, job: JobRef, row: JobRow, lease: fleet.Lease, report: fleet.JobEnded) -> None:
        for step, lines in sorted(self._lines.pop(lease, {}).items()):
            self._print(job, step, lines.flush())
        row.outputs = report.outputs
        self._orchestrator.move(row, report.state, report.reason, attempt=lease.attempt)
        self._orchestrator.advance_all()

    def _relay(self, job: JobRef, lease: fleet.Lease, message: messages.FromRunner) -> None:
        at = self._now()
        match message:
            case messages.StepStarted(step=step, name=name):
                self._observe(StepStarted(at, job, step, name))
            case messages.StepFinished(step, outcome, conclusion, exit_code, reason):
                open_steps = self._lines.get(lease, {})
                self._print(job, step, open_steps.pop(step, LineSplitter()).flush())
                self._observe(StepFinished(at, job, step, outcome, conclusion, exit_code, reason))
            case messages.Annotation(step, level, text, title, file, line, _, column):
                self._observe(
                    Annotated(at, job, step, level.value, text, title, file, line, column)
                )
            case messages.Summary(step=step, markdown=markdown):
                self._observe(Summarised(at, job, step, markdown))

    def _print(self, job: JobRef, step: int, lines: tuple[str, ...]) -> None:
        if lines:
            self._observe(LogLines(self._now(), job, step, lines))

    def _splitter(self, lease: fleet.Lease, step: int) -> LineSplitter:
        return self._lines.setdefault(lease, {}).setdefault(step, LineSplitter())


def _preferred(free: Capacity) -> Architecture:
    """For a job that any architecture suits: the host's own, which it runs best."""
    own = Architecture.of_host()
    return own if own in free.architectures else min(free.architectures)


def _event(at: float, job: JobRef, report: fleet.Report) -> Event:
    match report:
        case fleet.Preparation(subject, stage, fraction, done):
            return Preparing(at, subject, stage, fraction, done)
        case fleet.Measured(accelerator, start_seconds, cpu_seconds, peak_memory):
            return JobMeasured(at, job, accelerator, start_seconds, cpu_seconds, peak_memory)
        case fleet.Kept(machine=machine):
            return MachineKept(at, job, machine)
    raise TypeError(f"no event for {report!r}")
