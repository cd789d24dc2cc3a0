"""The words, marks and colours that all views share for the same thing."""

from collections.abc import Collection
from dataclasses import dataclass

from mayfly.cli.guest_text import shown
from mayfly.domain.events import JobRef, RunRef
from mayfly.domain.job import Conclusion, JobState
from mayfly.domain.record import JobRecord, StepRecord


@dataclass(frozen=True, slots=True)
class Mark:
    """One column wide; `style` is readable on dark and light backgrounds."""

    symbol: str
    style: str


WAITING = Mark("·", "dim")
STATE_MARKS = {
    JobState.BLOCKED: WAITING,
    JobState.QUEUED: WAITING,
    JobState.ASSIGNED: WAITING,
    JobState.STARTING: Mark("◌", "cyan"),
    JobState.RUNNING: Mark("●", "cyan"),
    JobState.SUCCEEDED: Mark("✓", "green"),
    JobState.FAILED: Mark("✗", "red"),
    JobState.TIMED_OUT: Mark("✗", "red"),
    JobState.LOST: Mark("!", "magenta"),
    JobState.REJECTED: Mark("✗", "red"),
    JobState.CANCELLED: Mark("■", "yellow"),
    JobState.SKIPPED: Mark("-", "dim"),
}
CONCLUSION_MARKS = {
    Conclusion.SUCCESS: STATE_MARKS[JobState.SUCCEEDED],
    Conclusion.FAILURE: STATE_MARKS[JobState.FAILED],
    Conclusion.CANCELLED: STATE_MARKS[JobState.CANCELLED],
    Conclusion.SKIPPED: STATE_MARKS[JobState.SKIPPED],
}


def state_words(state: JobState) -> str:
    return state.value.replace("_", " ")


def duration(seconds: float) -> str:
    """0.4s, 12s, 3m05s, 1h02m."""
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02}m"


def size(count: float) -> str:
    """Bytes, for people: 512 B, 3.4 MiB."""
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"


def plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


class Labels:
    """Names jobs as shortly as the set of runs allows: the leg only if there are several."""

    def __init__(self, runs: Collection[RunRef]):
        self._several_legs = len({run.leg for run in runs}) > 1
        self._several_workflows = len({run.workflow for run in runs}) > 1

    def job(self, ref: JobRef) -> str:
        workflow = f"{workflow_name(ref.run.workflow)}: " if self._several_workflows else ""
        leg = f" ({ref.run.leg})" if self._several_legs else ""
        return shown(f"{workflow}{ref.key}{leg}")


def workflow_name(file: str) -> str:
    """`.github/workflows/ci.yml` is known as `ci.yml`."""
    return shown(file.rpartition("/")[2])


def why_failed(step: StepRecord) -> str:
    """The cause of a step's end, in words."""
    if step.reason:
        return shown(step.reason.partition("\n")[0])
    if step.exit_code:
        return f"exit code {step.exit_code}"
    return step.outcome.value if step.outcome else "not finished"


def where(job: JobRecord) -> str:
    """The architecture, and how it was run when that is known."""
    parts = [job.architecture.value] if job.architecture else []
    if job.measured:
        parts.append(job.measured.accelerator)
    return " ".join(parts)
