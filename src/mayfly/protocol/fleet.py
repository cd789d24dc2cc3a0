"""What a host and the control plane say to each other: function calls on a laptop, else HTTP.

A host's agent opens a session and keeps it alive; everything else happens in a session. The order
for one job: `claim` gives an Assignment under a lease; when its machine waits, `hand_over` gives
the job itself; the host reports `JobPhase`, then what the runner says and prints, and last one
`JobEnded`. A report under a lease that is not held any more is refused with `StaleLease`: the host
must destroy the machine. All calls may be made concurrently; reports of one lease come in order.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Protocol

from mayfly.domain.architecture import Architecture
from mayfly.domain.job import JobState
from mayfly.domain.placement import Capacity
from mayfly.protocol.messages import FromRunner
from mayfly.workflow.spec import JobSpec


class StaleLease(Exception):
    """The job was taken away from this host."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to run one attempt of a job; `attempt` is the fencing token."""

    job: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Assignment:
    """A job to run and the machine it wants. What it is to do comes later, by `hand_over`."""

    lease: Lease
    image: str
    architecture: Architecture
    vcpus: int
    cpu: float
    memory_mib: int
    timeout_minutes: float


@dataclass(frozen=True, slots=True)
class Given:
    """`spec` is what the job is to do, if that is known before its machine waits."""

    assignment: Assignment
    spec: JobSpec | None = None


@dataclass(frozen=True, slots=True)
class JobPhase:
    """The job is STARTING (its machine is being made) or RUNNING."""

    state: JobState


@dataclass(frozen=True, slots=True)
class RunnerSaid:
    message: FromRunner


@dataclass(frozen=True, slots=True)
class Printed:
    """Whole lines a step printed, in order, without their ends."""

    step: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Preparation:
    """What the job waits for on this host; `fraction` 0…1 when known; `done` ends the subject."""

    subject: str
    stage: str
    fraction: float | None = None
    done: bool = False


@dataclass(frozen=True, slots=True)
class Measured:
    """What the machine took. `more` has what this host can tell besides, by name, in SI units."""

    accelerator: str
    start_seconds: float | None
    cpu_seconds: float
    peak_memory: int
    more: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Kept:
    """The machine was left for a person to look into."""

    machine: str


@dataclass(frozen=True, slots=True)
class JobEnded:
    """`state` is final. `reason` is set unless the job's own steps say it all."""

    state: JobState
    outputs: dict[str, str] = field(default_factory=dict)
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Numbered:
    """A report on its way; those of a lease are numbered from 1, so that each counts once."""

    lease: Lease
    number: int
    report: "Report"


@dataclass(frozen=True, slots=True)
class Hello:
    """What an agent says of its host when it opens a session.

    `capacity` is what it has; its vCPU are given out `cpu_factor` times, its memory once.
    `native` is the architecture it does not have to emulate.
    """

    capacity: Capacity
    native: Architecture
    cpu_factor: float = 1.0
    agent_version: str = ""
    accelerators: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Opened:
    """A session ends when it was not renewed for `ttl_s` seconds."""

    session: str
    ttl_s: float


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a session is told: leases to be cancelled, with the reason, and such as are over."""

    cancel: tuple[tuple[Lease, str], ...] = ()
    gone: tuple[Lease, ...] = ()


Report = JobPhase | RunnerSaid | Printed | Preparation | Measured | Kept | JobEnded


class ControlPlane(Protocol):
    """The server as a host sees it, in one session."""

    async def claim(self, free: Capacity) -> Assignment:
        """Waits until a job fits the free capacity, and gives it to this host alone."""

    async def hand_over(self, lease: Lease) -> JobSpec:
        """The job, asked for once its machine waits; safe to ask again. Raises StaleLease.

        For a forge's job this is when its runner is registered.
        """

    async def report(self, lease: Lease, report: Report) -> None:
        """Taken in once, and in order. Raises StaleLease."""

    async def cancellation(self, lease: Lease) -> str:
        """Waits until the job is to be cancelled; gives the reason. Raises StaleLease."""

    def source(self, lease: Lease, action: str | None) -> AsyncIterator[bytes]:
        """A tar stream: None is the run's repository, else the key of an action.

        Raises MayflyError when there is none.
        """
