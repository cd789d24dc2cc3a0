"""What is known of all runs so far, made from their events and nothing else.

Views and reports read a `Record`; only `Record.apply` changes it. It keeps the end of each step's
output, never all of it, so that its size does not depend on how much a job prints.
"""

from collections import deque
from dataclasses import dataclass, field

from mayfly.domain.architecture import Architecture
from mayfly.domain.events import (
    Annotated,
    Event,
    JobChanged,
    JobMeasured,
    JobRef,
    JobRemoved,
    LogLines,
    MachineKept,
    Preparing,
    RunFinished,
    RunRef,
    RunStarted,
    StepFinished,
    StepStarted,
    Summarised,
)
from mayfly.domain.job import Conclusion, JobState

TAIL_LINES = 100
_LINE_LIMIT = 2000  # characters
_ANNOTATIONS_LIMIT = 200  # of one job
_SUMMARY_LIMIT = 64 * 1024  # characters, of one job


def _tail() -> deque[str]:
    return deque(maxlen=TAIL_LINES)


@dataclass(slots=True)
class StepRecord:
    """`conclusion` is None while it runs; `tail` is the end of its output."""

    number: int
    name: str
    started: float
    finished: float | None = None
    outcome: Conclusion | None = None
    conclusion: Conclusion | None = None
    exit_code: int | None = None
    reason: str | None = None
    tail: deque[str] = field(default_factory=_tail)


@dataclass(slots=True)
class JobRecord:
    """`started` is when it began to run (before that, to wait for its machine).

    `finished` is when its state became final.
    """

    ref: JobRef
    name: str
    state: JobState
    reason: str | None = None
    architecture: Architecture | None = None
    started: float | None = None
    finished: float | None = None
    steps: dict[int, StepRecord] = field(default_factory=dict)
    annotations: list[Annotated] = field(default_factory=list)
    summary: str = ""
    measured: JobMeasured | None = None
    machine: str | None = None

    @property
    def current_step(self) -> StepRecord | None:
        """The step that runs, or ran last."""
        return self.steps[max(self.steps)] if self.steps else None

    @property
    def failed_steps(self) -> list[StepRecord]:
        """Those that made the job fail."""
        return [step for step in self.steps.values() if step.conclusion is Conclusion.FAILURE]

    def elapsed(self, now: float) -> float | None:
        """Seconds it has run, or waited for its machine; None if it never got that far."""
        if self.started is None:
            return None
        return max(0.0, (now if self.finished is None else self.finished) - self.started)


@dataclass(slots=True)
class RunRecord:
    """Jobs by key, in the order in which they appeared."""

    ref: RunRef
    name: str
    started: float
    finished: float | None = None
    conclusion: Conclusion | None = None
    jobs: dict[str, JobRecord] = field(default_factory=dict)


class Record:
    """All runs, and what is being prepared for them, in the order in which they appeared."""

    def __init__(self) -> None:
        self.runs: dict[RunRef, RunRecord] = {}
        self.preparing: dict[str, Preparing] = {}

    @property
    def jobs(self) -> list[JobRecord]:
        return [job for run in self.runs.values() for job in run.jobs.values()]

    def job(self, ref: JobRef) -> JobRecord | None:
        run = self.runs.get(ref.run)
        return run.jobs.get(ref.key) if run else None

    def apply(self, event: Event) -> None:
        """Take in the next event; one about a job that never appeared changes nothing."""
        match event:
            case RunStarted():
                self._run(event.run, event.at).name = event.name
            case RunFinished():
                run = self._run(event.run, event.at)
                run.finished, run.conclusion = event.at, event.conclusion
            case Preparing(done=True):
                self.preparing.pop(event.subject, None)
            case Preparing():
                self.preparing[event.subject] = event
            case JobChanged():
                self._change(event)
            case JobRemoved():
                self._run(event.job.run, event.at).jobs.pop(event.job.key, None)
            case _ if job := self.job(event.job):
                _apply_to_job(job, event)

    def _run(self, ref: RunRef, at: float) -> RunRecord:
        return self.runs.setdefault(ref, RunRecord(ref, ref.workflow, at))

    def _change(self, event: JobChanged) -> None:
        jobs = self._run(event.job.run, event.at).jobs
        job = jobs.setdefault(event.job.key, JobRecord(event.job, event.name, event.state))
        job.name, job.state = event.name, event.state
        job.reason = event.reason
        job.architecture = event.architecture or job.architecture
        if event.state in {JobState.STARTING, JobState.RUNNING}:
            job.started = event.at
        if event.state.is_final:
            job.finished = event.at


def _apply_to_job(
    job: JobRecord,
    event: StepStarted
    | StepFinished
    | LogLines
    | Annotated
    | Summarised
    | JobMeasured
    | MachineKept,
) -> None:
    match event:
        case StepStarted():
            job.steps[event.step] = StepRecord(event.step, event.name, event.at)
        case StepFinished():
            step = _step(job, event.step, event.at)
            step.finished, step.outcome = event.at, event.outcome
            step.conclusion, step.exit_code = event.conclusion, event.exit_code
            step.reason = event.reason
        case LogLines():
            tail = _step(job, event.step, event.at).tail
            tail.extend(line[:_LINE_LIMIT] for line in event.lines[-TAIL_LINES:])
        case Annotated() if len(job.annotations) < _ANNOTATIONS_LIMIT:
            job.annotations.append(event)
        case Summarised():
            job.summary = (job.summary + event.markdown)[:_SUMMARY_LIMIT]
        case JobMeasured():
            job.measured = event
        case MachineKept():
            job.machine = event.machine


def _step(job: JobRecord, number: int, at: float) -> StepRecord:
    return job.steps.setdefault(number, StepRecord(number, f"step {number + 1}", at))
