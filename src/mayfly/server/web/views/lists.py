"""Runs and jobs as rows of long lists, and the addresses of their other parts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from mayfly.domain.job import JobState
from mayfly.server.web.views.looks import Look, of_conclusion
from mayfly.server.web.views.now import JobLine, job_line
from mayfly.store.rows import JobRow, RunRow


@dataclass(frozen=True, slots=True)
class RunLine:
    """`seconds` is how long it took, None while it goes on."""

    id: str
    name: str
    number: int
    project: str
    workflow: str
    leg: str
    branch: str
    sha: str
    event: str
    actor: str
    attempt: int
    look: Look
    created: float
    seconds: float | None


def run_line(row: RunRow) -> RunLine:
    return RunLine(
        id=row.id,
        name=row.name,
        number=row.number,
        project=row.project,
        workflow=row.ref.workflow.rpartition("/")[2],
        leg=row.ref.leg.value if row.ref.leg else "",
        branch=row.branch,
        sha=row.sha,
        event=row.event,
        actor=row.actor,
        attempt=row.attempt,
        look=of_conclusion(row.conclusion),
        created=row.created,
        seconds=row.finished - row.created if row.finished is not None else None,
    )


@dataclass(frozen=True, slots=True)
class ListedJob:
    """`ended` is None while it goes on."""

    line: JobLine
    project: str
    ended: float | None
    seconds: float | None


def listed_jobs(
    rows: Sequence[JobRow], runs: Mapping[str, RunRow], why_waits: Callable[[str], str]
) -> tuple[ListedJob, ...]:
    return tuple(_listed(row, runs.get(row.run), why_waits) for row in rows)


def _listed(row: JobRow, run: RunRow | None, why_waits: Callable[[str], str]) -> ListedJob:
    why = why_waits(row.id) if row.state is JobState.QUEUED else row.reason or ""
    began, ended = row.started_at or row.claimed_at, row.finished_at
    return ListedJob(
        line=job_line(row, run, why),
        project=row.project,
        ended=ended,
        seconds=ended - began if began and ended else None,
    )


def address(path: str, **query: str | None) -> str:
    """With what is given of the query."""
    given = {name: value for name, value in query.items() if value}
    return f"{path}?{urlencode(given)}" if given else path
