"""What the control plane remembers of a run's jobs. Writes are guarded, so that repeated and late
ones change nothing.

Calls are short and never wait; one process uses a store from one thread.
"""

from dataclasses import dataclass, field
from typing import Protocol

from mayfly.domain.job import JobState
from mayfly.domain.labels import Requirement
from mayfly.workflow.planned import PlannedJob


@dataclass(slots=True)
class JobRow:
    """A job as it stands. `attempt` counts its assignments; `outputs` are set when it ended.

    `requirement` is what it will be given (after `--fit`), `reason` why it stands where it does.
    """

    id: str
    run: str
    planned: PlannedJob
    state: JobState
    reason: str | None = None
    requirement: Requirement | None = None
    attempt: int = 0
    outputs: dict[str, str] = field(default_factory=dict)
    cancel_reason: str | None = None


class JobStore(Protocol):
    """All jobs of all runs, in the order they were added."""

    def add(self, row: JobRow) -> None:
        """A new job; its id must be new."""

    def remove(self, job: str) -> None:
        """Forget a blocked job, whose place others take."""

    def get(self, job: str) -> JobRow | None: ...

    def of_run(self, run: str) -> list[JobRow]: ...

    def queued(self) -> list[JobRow]:
        """Oldest first."""

    def claim(self, job: str) -> int | None:
        """Queued to assigned; the new attempt, or None when somebody else was quicker."""

    def move(
        self, job: str, state: JobState, *, attempt: int | None = None, reason: str | None = None
    ) -> bool:
        """Forward to another state; with an attempt, only while it is the job's current one.

        Says whether anything changed. A reason alone may change while the state stays.
        """
