"""Takes in what hosts report of a job: its state, what it took, and the events of its journal."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace

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
from mayfly.domain.job import JobState
from mayfly.protocol import fleet, messages
from mayfly.server.durations import note_success
from mayfly.server.orchestrator import Orchestrator
from mayfly.server.report_size import size_of
from mayfly.server.sessions import give_back
from mayfly.store.base import Tx, View
from mayfly.store.rows import JobRow, LeaseRow, MeteringRow, ProjectRow, RunRow

_FAILED_STARTS = 2

Endings = Callable[[Tx, RunRow, JobRow, fleet.JobEnded], fleet.JobEnded]
"""What the end that a host reports comes to, where somebody else has the last word."""


Due = dict[str, None]
"""Runs to be advanced, in order."""


def as_reported(_tx: Tx, _run: RunRow, _row: JobRow, ended: fleet.JobEnded) -> fleet.JobEnded:
    return ended


class ReportsMissing(Exception):
    """Reports between those taken in and these never came."""


class NeedsSerial(Exception):
    """What the reports come to takes a serial transaction."""


class Taking:
    """Reports of one lease at a time; `now` gives seconds since 1970.

    A job of which more is reported than `limit` (see `report_size`; None: no limit) has failed.
    """

    def __init__(
        self,
        orchestrator: Orchestrator,
        now: Callable[[], float],
        endings: Endings = as_reported,
        limit: int | None = None,
    ):
        self._orchestrator = orchestrator
        self._now = now
        self._endings = endings
        self._limit = limit

    def take(
        self, tx: Tx, session: str, batches: Sequence[tuple[fleet.Lease, Sequence[fleet.Numbered]]]
    ) -> tuple[fleet.Lease, ...]:
        """Gives the leases that are not held; reports taken in before are passed over.

        Phases, measures and the end need a serial transaction. Raises ReportsMissing, and
        NeedsSerial in any other if a job must end.
        """
        _read_together(tx, [lease.job for lease, _ in batches])
        due: Due = {}
        held = [self._take(tx, session, lease, reports, due) for lease, reports in batches]
        if due:  # once for all jobs of a run that have ended
            self._orchestrator.advance(tx, *due)
        leases = (lease for (lease, _), still in zip(batches, held, strict=True) if not still)
        return tuple(dict.fromkeys(leases))

    def _take(
        self,
        tx: Tx,
        session: str,
        lease: fleet.Lease,
        reports: Sequence[fleet.Numbered],
        due: Due,
    ) -> bool:
        """Whether the lease is held; runs to be advanced because of it are added to `due`."""
        held = tx.get(LeaseRow, lease.job)
        if held is None or (held.attempt, held.session) != (lease.attempt, session):
            return False
        fresh = list(_fresh(lease, reports, held.reports))
        if not fresh:
            return True
        row = tx.get(JobRow, lease.job)
        run = tx.get(RunRow, row.run) if row else None
        assert row is not None  # a lease has a job
        assert run is not None
        told = held.told + sum(map(size_of, fresh))
        if self._limit is not None and row.told + told > self._limit:
            due.update(self._end_overfull(tx, run, row, self._limit))
            return False
        fence = {"attempt": lease.attempt, "session": session, "reports": held.reports}
        if not tx.update(LeaseRow, lease.job, fence, reports=held.reports + len(fresh), told=told):
            return False
        due.update(self._apply(tx, run, row, fresh))
        return True

    def _apply(self, tx: Tx, run: RunRow, row: JobRow, reports: Sequence[fleet.Report]) -> Due:
        """Events are written where they came between changes of state, in order.

        What follows the end of the job is passed over, as it would be in a later batch.
        """
        events: list[Event] = []
        for report in reports:
            match report:
                case fleet.JobPhase(state=state):
                    tx.emit(run.id, row.id, events)
                    events = []
                    self._orchestrator.jobs.move(tx, run, row, state, None)
                    row = tx.get(JobRow, row.id) or row
                case fleet.JobEnded():
                    tx.emit(run.id, row.id, events)
                    return self._end(tx, run, row, report)
                case fleet.Measured():
                    _measure(tx, run, row, report)
                    events += _events(self._now(), JobRef(run.ref, row.planned.key), report)
                case _:
                    events += _events(self._now(), JobRef(run.ref, row.planned.key), report)
        tx.emit(run.id, row.id, events)
        return {}

    def _end_overfull(self, tx: Tx, run: RunRow, row: JobRow, limit: int) -> Due:
        """Whatever its host allows: nothing of what is too much is kept, and its lease is over."""
        if tx.number == 0:
            raise NeedsSerial
        reason = f"its host reported more than the {limit >> 20} MiB that are kept of a job"
        return self._end(tx, run, row, fleet.JobEnded(JobState.FAILED, reason=reason))

    def _end(self, tx: Tx, run: RunRow, row: JobRow, ended: fleet.JobEnded) -> Due:
        if row.state is JobState.ASSIGNED and ended.state is JobState.LOST:
            give_back(tx, self._orchestrator, run, row, ended.reason)
            return {}
        if row.state is JobState.STARTING and ended.state is JobState.LOST:
            failed = replace(row, failed_starts=row.failed_starts + 1)
            if failed.failed_starts <= _starts_allowed(tx, run):
                give_back(tx, self._orchestrator, run, failed, ended.reason)
                return {}
        ended = self._endings(tx, run, row, ended)
        metering = tx.get(MeteringRow, f"{row.id}:{row.attempt}")
        if metering is not None:
            tx.put(_finished(metering, row, ended.state, self._now()))
        if ended.state is JobState.SUCCEEDED:
            note_success(tx, run, row, self._now())
        outputs = dict(ended.outputs)
        due = self._orchestrator.note_end(tx, row.id, ended.state, ended.reason, outputs=outputs)
        return dict.fromkeys(due)


def _read_together(view: View, jobs: Sequence[str]) -> None:
    """What all of them need, which the transaction remembers: three questions instead of many."""
    if len(jobs) > 1:
        view.find(LeaseRow, id=tuple(jobs))
        runs = {row.run for row in view.find(JobRow, id=tuple(jobs))}
        view.find(RunRow, id=tuple(runs))


def _starts_allowed(tx: Tx, run: RunRow) -> int:
    """How often a machine of a job may fail to start, which is never the job's own doing.

    Where there is one host only, as on a laptop, it would fail again.
    """
    return _FAILED_STARTS if tx.get(ProjectRow, run.project) else 0


def _fresh(
    lease: fleet.Lease, reports: Sequence[fleet.Numbered], taken: int
) -> Iterator[fleet.Report]:
    """Those not taken in before. Raises ReportsMissing."""
    for numbered in reports:
        if numbered.number > taken + 1:
            raise ReportsMissing(f"report {taken + 1} of {lease}")
        if numbered.number == taken + 1:
            taken += 1
            yield numbered.report


def _measure(tx: Tx, run: RunRow, row: JobRow, measured: fleet.Measured) -> None:
    """The last time counts."""
    tx.put(_metering(run, row, measured))


def _metering(run: RunRow, row: JobRow, measured: fleet.Measured) -> MeteringRow:
    wanted, placed = row.requirement, row.placed
    assert wanted is not None  # it was given out
    assert placed is not None
    return MeteringRow(
        id=f"{row.id}:{row.attempt}",
        project=row.project,
        job=row.id,
        run=run.id,
        name=row.planned.name,
        actor=run.actor,
        host=row.host or "",
        state=JobState.RUNNING,
        architecture=placed,
        millicpu=int(wanted.cpu * 1000),
        memory_mib=wanted.memory_mib,
        usage=asdict(measured),
    )


def _finished(metering: MeteringRow, row: JobRow, state: JobState, now: float) -> MeteringRow:
    claimed = row.claimed_at or now
    queued = claimed - (row.queued_at or claimed)
    return replace(metering, state=state, finished=now, queued_s=queued, ran_s=now - claimed)


def _events(at: float, job: JobRef, report: fleet.Report) -> Iterator[Event]:
    """What a report tells who watches the run."""
    match report:
        case fleet.Printed(step=step, lines=lines):
            yield LogLines(at, job, step, lines)
        case fleet.Preparation(subject, stage, fraction, done):
            yield Preparing(at, subject, stage, fraction, done)
        case fleet.Measured(accelerator, start_seconds, cpu_seconds, peak_memory):
            yield JobMeasured(at, job, accelerator, start_seconds, cpu_seconds, peak_memory)
        case fleet.Kept(machine=machine):
            yield MachineKept(at, job, machine)
        case fleet.RunnerSaid(message=message):
            yield from _said(at, job, message)


def _said(at: float, job: JobRef, message: messages.FromRunner) -> Iterator[Event]:
    match message:
        case messages.StepStarted(step=step, name=name):
            yield StepStarted(at, job, step, name)
        case messages.StepFinished(step, outcome, conclusion, exit_code, reason):
            yield StepFinished(at, job, step, outcome, conclusion, exit_code, reason)
        case messages.Annotation(step, level, text, title, file, line, _, column):
            yield Annotated(at, job, step, level.value, text, title, file, line, column)
        case messages.Summary(step=step, markdown=markdown):
            yield Summarised(at, job, step, markdown)
