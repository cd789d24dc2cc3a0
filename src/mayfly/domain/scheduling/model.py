"""What the scheduler is told, and what it answers: plain values, all frozen.

vCPU are counted in thousandths (millicpu), memory in MiB, times in seconds since 1970.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from mayfly.domain.architecture import Architecture
from mayfly.domain.scheduling.durations import DEFAULT_EXPECTED_S

MILLI = 1000
DEFAULT_BOUND_S = 600.0

_OVERSTAY = 0.25
"""Which part of what was expected a job is given more, at least, when it takes longer."""


@dataclass(frozen=True, slots=True)
class Quota:
    """What a project may use at once, never exceeded; None is no limit."""

    millicpu: int | None = None
    memory_mib: int | None = None
    jobs: int | None = None


@dataclass(frozen=True, slots=True)
class ProjectShare:
    """How much of the fleet a project may have.

    Under contention a project of weight 2 gets twice what one of weight 1 gets. `hosts` names the
    only hosts its jobs may run on; None is all.
    """

    id: str
    weight: int = 1
    quota: Quota = Quota()
    hosts: frozenset[str] | None = None

    def __post_init__(self) -> None:
        if self.weight < 1:
            raise ValueError(f"the weight of project {self.id} is {self.weight}; at least 1")


@dataclass(frozen=True, slots=True)
class HostRoom:
    """What a host offers in all, not what is left of it.

    `millicpu` is after over-commit (see `offered_millicpu`). `architectures` has the host's own
    first; what follows it runs emulated.
    """

    id: str
    millicpu: int
    memory_mib: int
    architectures: tuple[Architecture, ...]
    labels: frozenset[str] = frozenset()
    draining: bool = False

    def __post_init__(self) -> None:
        if not self.architectures:
            raise ValueError(f"host {self.id} runs no architecture")


@dataclass(frozen=True, slots=True)
class QueuedJob:
    """A job that waits for a host. `architecture` is None for any.

    `priority` orders the jobs of one project, larger first. `expected_s` is how long such jobs
    took before, or a guess (see `durations`): a wrong one costs time, never correctness. After
    `at_most_s` it is ended.
    """

    id: str
    project: str
    architecture: Architecture | None
    millicpu: int
    memory_mib: int
    queued_at: float
    labels: frozenset[str] = frozenset()
    priority: int = 0
    expected_s: float = DEFAULT_EXPECTED_S
    at_most_s: float = math.inf

    @property
    def size(self) -> tuple[int, int]:
        """Millicpu and MiB."""
        return (self.millicpu, self.memory_mib)

    @property
    def age_key(self) -> tuple[float, str]:
        """Orders jobs by age, the oldest first; no two are equal."""
        return (self.queued_at, self.id)

    @property
    def rank_key(self) -> tuple[int, float, str]:
        """Orders the jobs of a project by priority, then by age."""
        return (-self.priority, self.queued_at, self.id)


@dataclass(frozen=True, slots=True)
class RunningJob:
    """A job that has room on a host: from the claim until its machine is gone."""

    id: str
    project: str
    host: str
    millicpu: int
    memory_mib: int
    started_at: float
    expected_s: float = DEFAULT_EXPECTED_S
    at_most_s: float = math.inf

    @property
    def size(self) -> tuple[int, int]:
        """Millicpu and MiB."""
        return (self.millicpu, self.memory_mib)

    def expected_end(self, now: float) -> float:
        """Never past while it runs; as it was expected at the start for a `now` of -inf.

        One that overstays is taken to run on as long as it has overstayed, and a part of what was
        expected at least: the longer it has taken already, the less is its end near. Its bound
        ends it, though.
        """
        end = self.started_at + self.expected_s
        if now < end:
            return end
        later = now + max(now - end, _OVERSTAY * self.expected_s)
        latest = self.started_at + self.at_most_s
        return min(later, latest) if now < latest else later


@dataclass(frozen=True, slots=True)
class Reservation:
    """`host` is kept for `job`; jobs started from `made_at` on must leave room for it there."""

    job: str
    host: str
    made_at: float


@dataclass(frozen=True, slots=True)
class Choice:
    """The job that a host should start now, as which architecture; `size` in millicpu and MiB."""

    job: str
    host: str
    architecture: Architecture
    size: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Review:
    """Reservations to make and to give up."""

    make: tuple[Reservation, ...] = ()
    drop: tuple[Reservation, ...] = ()


def millicpu(cpu: Decimal) -> int:
    """Thousandths of a vCPU, rounded up."""
    return math.ceil(cpu * MILLI)


def offered_millicpu(cores: int, overcommit: Decimal = Decimal(1)) -> int:
    """What a host offers when each of its cores is given out `overcommit` times."""
    return int(cores * overcommit * MILLI)


def as_labels(labels: Iterable[str]) -> frozenset[str]:
    """Labels are compared without regard to case."""
    return frozenset(label.strip().lower() for label in labels)
