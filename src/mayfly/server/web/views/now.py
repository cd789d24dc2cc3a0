"""What runs and what waits, by project, with the reason; and the hosts at a glance."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from mayfly.domain.job import JobState
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
    counts: "HostCounts"

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
class HostCounts:
    known: int = 0
    online: int = 0
    draining: int = 0
    quarantined: int = 0


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
class HostLine:
    """Used and offered in thousandths of a vCPU and MiB; `state` is a word, `tone` its colour."""

    id: str
    state: str
    tone: str
    jobs: int
    millicpu: int
    millicpu_used: int
    memory_mib: int
    memory_used: int

    @property
    def cpu_part(self) -> float:
        return min(1.0, self.millicpu_used / self.millicpu) if self.millicpu else 0.0

    @property
    def memory_part(self) -> float:
        return min(1.0, self.memory_used / self.memory_mib) if self.memory_mib else 0.0


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
    found = [_find_project(view, row.id) for row in projects[:_MOST_PROJECTS]]
    active = [one for one in found if one.running_count or one.queued_count]
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


def _find_project(view: View, project: str) -> ProjectFound:
    running = view.count(JobRow, project=project, state=ON_HOSTS)
    queued = view.count(JobRow, project=project, state=JobState.QUEUED)
    return ProjectFound(
        project=project,
        running_count=running,
        queued_count=queued,
        running=_first(view, running, project=project, state=ON_HOSTS),
        queued=_first(view, queued, project=project, state=JobState.QUEUED),
    )


def _first(view: View, count: int, **conditions: object) -> list[JobRow]:
    if not count:
        return []
    return view.find(JobRow, order="queued_at", limit=FIRST_JOBS, **conditions)


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


def count_hosts(view: View) -> HostCounts:
    return HostCounts(
        known=view.count(HostRow, removed=False),
        online=view.count(HostRow, removed=False, online=True),
        draining=view.count(HostRow, removed=False, draining=True),
        quarantined=view.count(HostRow, removed=False, quarantined__gt=""),
    )


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


def host_lines(hosts: Iterable[HostRow], jobs: Iterable[JobRow]) -> tuple[HostLine, ...]:
    """With what the jobs on them take."""
    by_host: dict[str, list[JobRow]] = {}
    for job in jobs:
        by_host.setdefault(job.host or "", []).append(job)
    return tuple(_host_line(host, by_host.get(host.id, [])) for host in hosts)


def _host_line(row: HostRow, jobs: Sequence[JobRow]) -> HostLine:
    wanted = [job.requirement for job in jobs if job.requirement]
    state, tone = host_state(row)
    return HostLine(
        id=row.id,
        state=state,
        tone=tone,
        jobs=len(jobs),
        millicpu=int(row.millicpu * row.cpu_factor),
        millicpu_used=sum(int(one.cpu * 1000) for one in wanted),
        memory_mib=row.memory_mib,
        memory_used=sum(one.memory_mib for one in wanted),
    )


def host_state(row: HostRow) -> tuple[str, str]:
    """A word, and the tone it is shown in."""
    if row.removed:
        return "removed", "none"
    if row.quarantined is not None:
        return "quarantined", "fail"
    if not row.online:
        return "offline", "lost"
    if row.draining:
        return "draining", "late"
    return "online", "ok"
