"""What goes into the planner and what comes out: one workflow, one leg, absolute state."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mayfly.domain.architecture import Architecture
from mayfly.domain.errors import Location
from mayfly.domain.job import Conclusion
from mayfly.domain.labels import Requirement
from mayfly.workflow.contexts import RunIdentity
from mayfly.workflow.events import Event, RepositoryState
from mayfly.workflow.model import Workflow
from mayfly.workflow.spec import JobSpec

DEFAULT_TIMEOUT_MINUTES = 360.0


@dataclass(frozen=True, slots=True)
class EnvironmentValues:
    """What a deployment environment gives to jobs that name it, over what all jobs have."""

    secrets: Mapping[str, str] = field(default_factory=dict)
    vars: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunPlan:
    """One run of one workflow for one event.

    `called` holds the reusable workflows: local ones by path (`.github/workflows/x.yml`), remote
    ones by their whole `uses`. `actions` maps the `uses` of fetched actions to the keys they are
    served under. `inputs` are those of a manual start, as given. `env` wins over the environment
    of workflow and jobs. GITHUB_TOKEN is empty unless it is among the `secrets`. `environments`,
    by name in lower case, are only those that the run has leave to use: `env` and the steps of jobs
    that name them see what they give, and nothing that decides whether and where those run.
    `architecture` puts every job on it, whatever its labels say. `jobs` (ids; empty: all) and
    `matrix` (key to wanted values) narrow what runs; `labels` adds to the known labels; `image`
    replaces every job's.
    """

    workflow: Workflow
    event: Event
    repository: RepositoryState
    called: Mapping[str, Workflow] = field(default_factory=dict)
    actions: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    vars: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    environments: Mapping[str, EnvironmentValues] = field(default_factory=dict)
    architecture: Architecture | None = None
    jobs: frozenset[str] = frozenset()
    matrix: Mapping[str, frozenset[str]] = field(default_factory=dict)
    labels: Mapping[str, Requirement] = field(default_factory=dict)
    image: str | None = None
    run: RunIdentity = field(default_factory=RunIdentity)


@dataclass(frozen=True, slots=True)
class JobResult:
    """How a job ended: one that ran, or that the planner said was skipped or cancelled."""

    conclusion: Conclusion
    outputs: Mapping[str, str] = field(default_factory=dict)


class PlannedState(enum.StrEnum):
    """`ready` is to be queued, or was already; the rest but `blocked` will not run (again)."""

    BLOCKED = "blocked"
    READY = "ready"
    SKIPPED = "skipped"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True)
class ConcurrencyGroup:
    """A group of which one holder runs at a time.

    `holder` is the key of the job, or of the call with all its jobs, or empty for the run. With
    `patient` it takes nobody's place but waits its turn (`queue: max`).
    """

    group: str
    cancel_in_progress: bool
    holder: str
    patient: bool = False


@dataclass(frozen=True, slots=True)
class PlannedJob:
    """A job as it stands.

    `needs` are keys of jobs. `reason` says why it is not running. `conclusion` is what it counts
    as for the jobs that need it, once that is known: a failure that may be is a success, and a
    job for another operating system counts as skipped. `requirement` is None where it depends on
    outputs of other jobs or is not known at all. `spec` is set for jobs to be queued now.
    """

    key: str
    name: str
    job_id: str
    location: Location
    state: PlannedState
    needs: tuple[str, ...] = ()
    reason: str | None = None
    conclusion: Conclusion | None = None
    requirement: Requirement | None = None
    runs_on: tuple[str, ...] = ()
    timeout_minutes: float = DEFAULT_TIMEOUT_MINUTES
    continue_on_error: bool = False
    environment: str | None = None
    concurrency: tuple[ConcurrencyGroup, ...] = ()
    spec: JobSpec | None = None


@dataclass(frozen=True, slots=True)
class Advance:
    """All jobs known now, in a stable order, and what to do.

    `cancel` are keys of started jobs that must be cancelled. `finished` is the run's conclusion
    once nothing is left to do.
    """

    name: str
    jobs: tuple[PlannedJob, ...]
    cancel: tuple[str, ...] = ()
    finished: Conclusion | None = None
    concurrency: ConcurrencyGroup | None = None
