"""A job: where it stands and why, what it needs, what it took."""

from collections.abc import Sequence
from dataclasses import dataclass

from mayfly.domain.job import JobState
from mayfly.server.web.views import metering
from mayfly.server.web.views.looks import Look, of_state
from mayfly.server.web.views.now import machine_of
from mayfly.store.base import View
from mayfly.store.rows import JobRow, MeteringRow, ReviewRow, RunRow

_MOST_ATTEMPTS = 50


@dataclass(frozen=True, slots=True)
class Found:
    job: JobRow
    run: RunRow
    siblings: Sequence[JobRow]
    metering: Sequence[MeteringRow]
    reviews: Sequence[ReviewRow]


@dataclass(frozen=True, slots=True)
class JobLink:
    id: str
    name: str
    look: Look


@dataclass(frozen=True, slots=True)
class JobPage:
    """`why` is why it waits, or ended as it did. `since` is when it began to run, else to wait.

    `elapsed` is set once it is over.
    """

    id: str
    name: str
    run: RunRow
    look: Look
    why: str | None
    waits: bool
    is_final: bool
    may_be_cancelled: bool
    cancelling: str | None
    machine: str
    labels: tuple[str, ...]
    architecture: str
    environment: str | None
    host: str | None
    attempt: int
    losses: int
    queued_at: float | None
    since: float | None
    elapsed: float | None
    waited: float | None
    needs: tuple[JobLink, ...]
    siblings: tuple[JobLink, ...]
    attempts: tuple[metering.AttemptLine, ...]
    advice: metering.Advice | None
    asks: tuple[str, ...]


def find(view: View, job: JobRow, run: RunRow) -> Found:
    return Found(
        job=job,
        run=run,
        siblings=view.find(JobRow, order="created", run=run.id),
        metering=view.find(MeteringRow, job=job.id, limit=_MOST_ATTEMPTS),
        reviews=view.find(ReviewRow, run=run.id, approved=None),
    )


def job_page(found: Found, why_waits: str) -> JobPage:
    """`why_waits` is the scheduler's word on it, if it is queued."""
    row, run = found.job, found.run
    by_key = {one.planned.key: one for one in found.siblings}
    began = row.started_at or row.claimed_at
    return JobPage(
        id=row.id,
        name=row.planned.name,
        run=run,
        look=of_state(row.state),
        why=why_waits if row.state is JobState.QUEUED else row.reason,
        waits=row.state in {JobState.QUEUED, JobState.BLOCKED},
        is_final=row.state.is_final,
        may_be_cancelled=not row.state.is_final and row.cancel_reason is None,
        cancelling=row.cancel_reason if not row.state.is_final else None,
        machine=machine_of(row),
        labels=row.planned.runs_on,
        architecture=_architecture(row),
        environment=row.planned.environment,
        host=row.host,
        attempt=row.attempt,
        losses=row.losses,
        queued_at=row.queued_at,
        since=began or row.queued_at,
        elapsed=row.finished_at - began if row.finished_at and began else None,
        waited=row.claimed_at - row.queued_at if row.claimed_at and row.queued_at else None,
        needs=tuple(_link(by_key[key]) for key in row.planned.needs if key in by_key),
        siblings=tuple(_link(one) for one in found.siblings),
        attempts=metering.attempts(found.metering),
        advice=metering.advice(found.metering),
        asks=_asks(row, found.reviews),
    )


def _architecture(row: JobRow) -> str:
    if row.placed:
        return row.placed.value
    wanted = row.requirement
    return wanted.architecture.value if wanted and wanted.architecture else ""


def _link(row: JobRow) -> JobLink:
    return JobLink(row.id, row.planned.name, of_state(row.state))


def _asks(row: JobRow, reviews: Sequence[ReviewRow]) -> tuple[str, ...]:
    """Environments that it waits for a person for."""
    wanted = (row.planned.environment or "").lower()
    if row.state is not JobState.BLOCKED or not wanted:
        return ()
    return tuple(one.environment for one in reviews if one.environment.lower() == wanted)
