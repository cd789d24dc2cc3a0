"""Which jobs the live view shows when there are more than lines: rows, in order, that fit."""

from collections.abc import Sequence
from dataclasses import dataclass

from mayfly.domain.architecture import Architecture
from mayfly.domain.job import JobState
from mayfly.domain.record import JobRecord, Record

ACTIVE = frozenset({JobState.ASSIGNED, JobState.STARTING, JobState.RUNNING})
WAITING = frozenset({JobState.BLOCKED, JobState.QUEUED})
_BAD = frozenset({JobState.FAILED, JobState.TIMED_OUT, JobState.LOST, JobState.REJECTED})

Leg = Architecture | None


@dataclass(frozen=True, slots=True)
class Row:
    """One job of one workflow, on all legs."""

    workflow: str
    key: str
    cells: dict[Leg, JobRecord]

    @property
    def states(self) -> set[JobState]:
        return {job.state for job in self.cells.values()}

    @property
    def priority(self) -> tuple[int, float]:
        """Lower stays longer on a small screen: what runs, what failed, what ended last."""
        if self.states & ACTIVE:
            return 0, 0.0
        if self.states & _BAD:
            return 1, 0.0
        if self.states & WAITING:
            return 3, 0.0
        return 2, -max((job.finished or 0.0) for job in self.cells.values())


@dataclass(frozen=True, slots=True)
class Choice:
    """`details`: there is room for a second line of each active row."""

    shown: list[Row]
    hidden: list[Row]
    details: bool


def rows(record: Record) -> list[Row]:
    """All of them; runs of one workflow stand together, where the first of them began."""
    found: dict[str, dict[str, Row]] = {}
    for ref, run in record.runs.items():
        of_workflow = found.setdefault(ref.workflow, {})
        for key, job in run.jobs.items():
            row = of_workflow.setdefault(key, Row(ref.workflow, key, {}))
            row.cells[ref.leg] = job
    return [row for of_workflow in found.values() for row in of_workflow.values()]


def choose(everything: Sequence[Row], room: int) -> Choice:
    """Those that fit in so many lines, with a header for each workflow, in their order."""
    headers = len({row.workflow for row in everything})
    active = sum(1 for row in everything if row.states & ACTIVE)
    if len(everything) + headers <= room:
        details = len(everything) + headers + active <= room
        return Choice(list(everything), [], details)
    left = room - 1  # one line counts what is hidden
    kept: set[int] = set()
    headed: set[str] = set()
    for at in sorted(range(len(everything)), key=lambda at: everything[at].priority):
        cost = 1 if everything[at].workflow in headed else 2
        if cost <= left:
            left -= cost
            kept.add(at)
            headed.add(everything[at].workflow)
    shown = [row for at, row in enumerate(everything) if at in kept]
    hidden = [row for at, row in enumerate(everything) if at not in kept]
    return Choice(shown, hidden, details=False)
