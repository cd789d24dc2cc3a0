"""What runs and what waits, by project, with the reason; and the hosts at a glance."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mayfly.domain.job import JobState
from mayfly.server.web.views.load import HostCounts, HostLine, count_hosts, host_lines
from mayfly.server.web.views.looks import Look, of_state
from mayfly.store.base import View
from mayfly.store.rows import (
    EnvironmentRow,
    HostRow,
    JobRow,
    ProjectRow,
    ReviewRow,
    RunRow,
)

ON_HOSTS = (JobState.ASSIGNED, JobState.STARTING, JobState.RUNNING)

FIRST_JOBS = 5
"""Of each project and kind; the rest is a number that links to all."""

_JOBS_IN_ALL = 60
"""Of each kind: with many projects each shows fewer."""

_MOST_PROJECTS = 100
_MOST_HOSTS = 24
_MOST_REVIEWS = 20


@dataclass(frozen=True, slots=True)
class Found:
    """Rows of one moment. `queued` and `running` are the first of each project, with their runs."""

    projects: Sequence["ProjectFound"]
    projects_left_out: int
    runs: Mapping[str, RunRow]
    reviews: Sequence[tuple[ReviewRow, RunRow]]
    hosts: Sequence[HostRow]
    host_jobs: Sequence[JobRow]
    counts: HostCounts

    @property
    def queued(self) -> list[JobRow]:
        return [job for one in self.projects for job in one.queued]


@dataclass(frozen=True, slots=True)
class ProjectFound:
    project: str
    running_count: int
    queued_count: int
    running: Sequence[JobRow]
    queued: Sequence[JobRow]


@dataclass(frozen=True, slots=True)
class JobLine:
    """`since` is when it began to be in this state; `why` only of jobs that wait."""

    id: str
    name: str
    run: str
    run_name: str
    branch: str
    look: Look
    machine: str
    since: float
    why: str
    host: str | None = None


@dataclass(frozen=True, slots=True)
class ProjectLine:
    """A project's part of the fleet now; `more_…` are how many jobs are not shown."""

    id: str
    running_count: int
    queued_count: int
    running: tuple[JobLine, ...]
    queued: tuple[JobLine, ...]

    @property
    def more_running(self) -> int:
        return self.running_count - len(self.running)

    @property
    def more_queued(self) -> int:
        return self.queued_count - len(self.queued)


@dataclass(frozen=True, slots=True)
class ReviewLine:
    run: str
    run_name: str
    project: str
    environment: str
    asked: float


@dataclass(frozen=True, slots=True)
class Now:
    running: int
    queued: int
    projects: tuple[ProjectLine, ...]
    projects_left_out: int
    reviews: tuple[ReviewLine, ...]
    hosts: tuple[HostLine, ...]
    counts: HostCounts

    @property
    def idle(self) -> bool:
        return not self.projects and not self.reviews


def find(view: View, projects: Sequence[ProjectRow], *, with_hosts: bool) -> Found:
    """A bounded number of rows, however long the queue is."""
    counted = [(row.id, *count_jobs(view, row.id)) for row in projects[:_MOST_PROJECTS]]
    busy = [one for one in counted if one[1] or one[2]]
    first = max(1, min(FIRST_JOBS, _JOBS_IN_ALL // max(1, len(busy))))
    active = [_find_project(view, *one, first=first) for one in busy]
    reviews = _find_reviews(view, {row.id for row in projects})
    jobs = [job for one in active for job in (*one.running, *one.queued)]
    wanted = tuple(dict.fromkeys(job.run for job in jobs))
    runs = {run.id: run for run in view.find(RunRow, id=wanted)} if wanted else {}
    hosts = view.find(HostRow, removed=False, limit=_MOST_HOSTS) if with_hosts else []
    names = tuple(host.id for host in hosts)
    return Found(
        projects=active,
        projects_left_out=max(0, len(projects) - _MOST_PROJECTS),
        runs=runs,
        reviews=reviews,
        hosts=hosts,
        host_jobs=view.find(JobRow, host=names, state=ON_HOSTS) if names else [],
        counts=count_hosts(view) if with_hosts else HostCounts(),
    )


def count_jobs(view: View, project: str) -> tuple[int, int]:
    """Those on hosts, and those in the queue."""
    return (
        view.count(JobRow, project=project, state=ON_HOSTS),
        view.count(JobRow, project=project, state=JobState.QUEUED),
    )


def _find_project(
    view: View, project: str, running: int, queued: int, *, first: int
) -> ProjectFound:
    def jobs(count: int, state: JobState | tuple[JobState, ...]) -> list[JobRow]:
        if not count:
            return []
        return view.find(JobRow, order="queued_at", limit=first, project=project, state=state)

    return ProjectFound(
        project=project,
        running_count=running,
        queued_count=queued,
        running=jobs(running, ON_HOSTS),
        queued=jobs(queued, JobState.QUEUED),
    )


def _find_reviews(view: View, projects: set[str]) -> list[tuple[ReviewRow, RunRow]]:
    """Those that wait for a person."""
    found: list[tuple[ReviewRow, RunRow]] = []
    for review in view.find(ReviewRow, approved=None, order="asked", limit=200):
        if review.project not in projects or len(found) == _MOST_REVIEWS:
            continue
        rules = view.get(EnvironmentRow, f"{review.project}/{review.environment}".lower())
        run = view.get(RunRow, review.run)
        if rules and rules.reviewers and run and run.conclusion is None:
            found.append((review, run))
    return found


def now_of(found: Found, why_waits: Callable[[str], str]) -> Now:
    """`why_waits` gives a sentence for a queued job's id."""
    projects = tuple(_project_line(one, found.runs, why_waits) for one in found.projects)
    return Now(
        running=sum(one.running_count for one in projects),
        queued=sum(one.queued_count for one in projects),
        projects=tuple(sorted(projects, key=_business, reverse=True)),
        projects_left_out=found.projects_left_out,
        reviews=tuple(
            ReviewLine(run.id, run.name, review.project, review.environment, review.asked)
            for review, run in found.reviews
        ),
        hosts=host_lines(found.hosts, found.host_jobs),
        counts=found.counts,
    )


def _business(line: ProjectLine) -> tuple[int, int]:
    return line.running_count, line.queued_count


def _project_line(
    found: ProjectFound, runs: Mapping[str, RunRow], why_waits: Callable[[str], str]
) -> ProjectLine:
    return ProjectLine(
        id=found.project,
        running_count=found.running_count,
        queued_count=found.queued_count,
        running=tuple(job_line(row, runs.get(row.run), "") for row in found.running),
        queued=tuple(job_line(row, runs.get(row.run), why_waits(row.id)) for row in found.queued),
    )


def job_line(row: JobRow, run: RunRow | None, why: str) -> JobLine:
    began = row.queued_at if row.state is JobState.QUEUED else row.started_at or row.claimed_at
    return JobLine(
        id=row.id,
        name=row.planned.name,
        run=row.run,
        run_name=run.name if run else row.run,
        branch=run.branch if run else "",
        look=of_state(row.state),
        machine=machine_of(row),
        since=began or row.created,
        why=why,
        host=row.host,
    )


def machine_of(row: JobRow) -> str:
    """The label that asks for its machine; nothing while that is not known."""
    return str(row.requirement).removeprefix("mayfly-") if row.requirement else ""
