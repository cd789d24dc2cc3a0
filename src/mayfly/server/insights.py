"""What jobs took, by project and by person, in a period and in the one before it. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mayfly.domain.job import JobState
from mayfly.store.rows import MeteringRow

DAY_S = 86400.0
PERIODS = (1, 7, 28)
"""In days."""

_GIB_MIB = 1024
_HOURS = 24


@dataclass(slots=True)
class Figures:
    """Sums over the attempts that ended in a period; times in seconds.

    `vcpu_s` and `gib_s` are what was given: size times time, whether it was used or not.
    """

    attempts: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    lost: int = 0
    queued_s: float = 0.0
    longest_queued_s: float = 0.0
    ran_s: float = 0.0
    vcpu_s: float = 0.0
    gib_s: float = 0.0

    def add(self, row: MeteringRow) -> None:
        self.attempts += 1
        name = _COUNTED_AS.get(row.state)
        if name is not None:
            setattr(self, name, getattr(self, name) + 1)
        self.queued_s += row.queued_s
        self.longest_queued_s = max(self.longest_queued_s, row.queued_s)
        self.ran_s += row.ran_s
        self.vcpu_s += row.ran_s * row.millicpu / 1000
        self.gib_s += row.ran_s * row.memory_mib / _GIB_MIB


@dataclass(slots=True)
class Comparison:
    """One project, person, or all; `before` is of the period before, of the same length."""

    now: Figures = field(default_factory=Figures)
    before: Figures = field(default_factory=Figures)


class Insights:
    """Of the `days` that end at `until`, seconds since 1970. Rows may come in any order.

    `slots` are the hours of a single day, else the days, the latest last.
    """

    def __init__(self, until: float, days: int):
        self.until = until
        self.since = until - days * DAY_S
        self.first = until - 2 * days * DAY_S
        self.total = Comparison()
        self.slots = [Figures() for _ in range(_HOURS if days == 1 else days)]
        self._projects: dict[str, Comparison] = {}
        self._people: dict[str, Comparison] = {}

    def add(self, rows: Iterable[MeteringRow]) -> None:
        """Attempts that did not end, or in neither period, do not count."""
        for row in rows:
            if not row.state.is_final or not self.first < row.finished <= self.until:
                continue
            projects = self._projects.setdefault(row.project, Comparison())
            people = self._people.setdefault(row.actor, Comparison())
            recent = row.finished > self.since
            for comparison in (self.total, projects, people):
                (comparison.now if recent else comparison.before).add(row)
            if recent:
                width = (self.until - self.since) / len(self.slots)
                self.slots[-1 - int((self.until - row.finished) / width)].add(row)

    @property
    def projects(self) -> list[tuple[str, Comparison]]:
        """Those who took most first."""
        return _largest_first(self._projects)

    @property
    def people(self) -> list[tuple[str, Comparison]]:
        return _largest_first(self._people)


def _largest_first(lines: Mapping[str, Comparison]) -> list[tuple[str, Comparison]]:
    return sorted(lines.items(), key=lambda line: (-line[1].now.vcpu_s, line[0]))


_COUNTED_AS = {
    JobState.SUCCEEDED: "succeeded",
    JobState.FAILED: "failed",
    JobState.TIMED_OUT: "failed",
    JobState.CANCELLED: "cancelled",
    JobState.LOST: "lost",
}
