"""Runs and jobs as they are shown."""

from typing import Self

from mayfly.domain.architecture import Architecture
from mayfly.domain.job import Conclusion, JobState
from mayfly.server.api.said import Said
from mayfly.server.waiting import WhyWaits
from mayfly.store.rows import JobRow, RunKind, RunRow


class Run(Said):
    """One workflow on one leg. `cancelled` says why, once it is; `conclusion` is null till it ends.

    `leg` is null where the labels of its jobs choose the architecture. `submission` joins the runs
    that were asked for at once. `proven_ref` is the branch or tag that a server itself fetched from
    the forge; where it is empty, `branch` and `sha` of a native run are their sender's word.
    `log_gone` is when its log was deleted, if it was.
    """

    id: str
    project: str
    workflow: str
    leg: Architecture | None
    name: str
    kind: RunKind
    number: int
    attempt: int
    submission: str
    event: str
    branch: str
    proven_ref: str
    sha: str
    actor: str
    created: float
    finished: float | None
    conclusion: Conclusion | None
    cancelled: str | None
    log_gone: float | None

    @classmethod
    def of(cls, row: RunRow) -> Self:
        fields = {name: getattr(row, name) for name in cls.model_fields if hasattr(row, name)}
        return cls(workflow=row.ref.workflow, leg=row.ref.leg, **fields)


class Size(Said):
    """What a job's machine has; `label` asks for it in `runs-on`."""

    millicpu: int
    memory_mib: int
    image: str
    label: str


class Job(Said):
    """A job as it stands. `why` says why it waits, or ended as it did; times are null until then.

    `attempt` counts how often it was given to a host; `losses` the hosts lost under it.
    """

    id: str
    run: str
    project: str
    key: str
    name: str
    state: JobState
    why: str | None
    architecture: Architecture | None
    size: Size | None
    runs_on: tuple[str, ...]
    needs: tuple[str, ...]
    environment: str | None
    attempt: int
    losses: int
    host: str | None
    priority: int
    created: float
    queued_at: float | None
    claimed_at: float | None
    started_at: float | None
    finished_at: float | None

    @classmethod
    def of_job(cls, row: JobRow, why_waits: WhyWaits) -> Self:
        """`why_waits` is asked why the job is still in the queue, if it is."""
        wanted, planned = row.requirement, row.planned
        fields = {name: getattr(row, name) for name in cls.model_fields if hasattr(row, name)}
        return cls(
            key=planned.key,
            name=planned.name,
            why=why_waits(row.id) if row.state is JobState.QUEUED else row.reason,
            architecture=row.placed or (wanted.architecture if wanted else None),
            size=_size(row),
            runs_on=planned.runs_on,
            needs=planned.needs,
            environment=planned.environment,
            **fields,
        )


class RunWithJobs(Run):
    jobs: list[Job]

    @classmethod
    def of_all(cls, row: RunRow, jobs: list[JobRow], why_waits: WhyWaits) -> Self:
        shown = [Job.of_job(job, why_waits) for job in jobs]
        return cls(**Run.of(row).model_dump(), jobs=shown)


def _size(row: JobRow) -> Size | None:
    wanted = row.requirement
    if wanted is None:
        return None
    millicpu = int(wanted.cpu * 1000)
    return Size(
        millicpu=millicpu, memory_mib=wanted.memory_mib, image=wanted.image, label=str(wanted)
    )
