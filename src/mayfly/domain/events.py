"""What happens in a run, as observers are told it: in order, each event once.

The live view, the plain log and the JSON output are all made from these and nothing else.
"""

from collections.abc import Callable
from dataclasses import dataclass

from mayfly.domain.architecture import Architecture
from mayfly.domain.job import Conclusion, JobState


@dataclass(frozen=True, slots=True)
class RunRef:
    """One workflow on one leg; `leg` is None when the labels alone choose the architecture."""

    workflow: str
    leg: Architecture | None = None


@dataclass(frozen=True, slots=True)
class JobRef:
    run: RunRef
    key: str


@dataclass(frozen=True, slots=True)
class RunStarted:
    """`name` is the run's own name; times of all events are seconds since 1970, UTC."""

    at: float
    run: RunRef
    name: str


@dataclass(frozen=True, slots=True)
class JobChanged:
    """A job appeared (first event of its kind) or moved to another state.

    `architecture` is set once the job has been placed, `reason` says why it waits, was skipped,
    rejected, cancelled or failed outside its steps.
    """

    at: float
    job: JobRef
    name: str
    state: JobState
    reason: str | None = None
    architecture: Architecture | None = None


@dataclass(frozen=True, slots=True)
class JobRemoved:
    """A placeholder was replaced by the jobs of its matrix."""

    at: float
    job: JobRef


@dataclass(frozen=True, slots=True)
class StepStarted:
    at: float
    job: JobRef
    step: int
    name: str


@dataclass(frozen=True, slots=True)
class StepFinished:
    at: float
    job: JobRef
    step: int
    outcome: Conclusion
    conclusion: Conclusion
    exit_code: int | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class LogLines:
    """Whole lines without their line ends; bytes that are not UTF-8 are replaced."""

    at: float
    job: JobRef
    step: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Annotated:
    """`level` is notice, warning or error."""

    at: float
    job: JobRef
    step: int
    level: str
    message: str
    title: str | None
    file: str | None
    line: int | None
    column: int | None


@dataclass(frozen=True, slots=True)
class Summarised:
    """Markdown for the job's summary."""

    at: float
    job: JobRef
    step: int
    markdown: str


@dataclass(frozen=True, slots=True)
class JobMeasured:
    """What the job's machine took: seconds from claim to its first byte, CPU, peak memory."""

    at: float
    job: JobRef
    accelerator: str
    start_seconds: float | None
    cpu_seconds: float
    peak_memory: int


@dataclass(frozen=True, slots=True)
class MachineKept:
    """A failed job's machine stays; `mayfly shell MACHINE` opens it."""

    at: float
    job: JobRef
    machine: str


@dataclass(frozen=True, slots=True)
class Preparing:
    """Something that jobs wait for is being made (an image, a template, an action).

    `fraction` is 0…1 when known. The last one of a subject has `done` set, and its stage says how
    that ended: `ready` or `given up`.
    """

    at: float
    subject: str
    stage: str
    fraction: float | None
    done: bool = False


@dataclass(frozen=True, slots=True)
class RunFinished:
    at: float
    run: RunRef
    conclusion: Conclusion


Event = (
    RunStarted
    | JobChanged
    | JobRemoved
    | StepStarted
    | StepFinished
    | LogLines
    | Annotated
    | Summarised
    | JobMeasured
    | MachineKept
    | Preparing
    | RunFinished
)

Observer = Callable[[Event], None]
"""Called in the event loop's thread; must not block and must not raise."""
