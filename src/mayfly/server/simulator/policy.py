"""How the jobs of a trace are put to the scheduler: as it is meant, or as it is compared to.

With a fixed guess it is the same, but every job is expected to take ten minutes.
First come, first served is the same scheduler with all projects made one: then only age counts, and
a host takes the oldest job that fits it. Without quotas, priorities and reservations.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from mayfly.domain.scheduling import DEFAULT_EXPECTED_S, HostRoom, ProjectShare, QueuedJob
from mayfly.server.simulator.trace import Trace, TraceJob, TraceProject

_EVERYONE = "everyone"


@dataclass(frozen=True, slots=True)
class Policy:
    """What the scheduler is told; `queued` gives the job of that number in the trace.

    If it `learns`, jobs are expected to take what they took before, where the trace does not say.
    """

    bound_s: float
    hosts: tuple[HostRoom, ...]
    projects: tuple[ProjectShare, ...]
    queued: Callable[[int], QueuedJob]
    learns: bool = False


def fair(trace: Trace, bound_s: float) -> Policy:
    """The scheduler as it is meant."""
    groups = {group.name: frozenset(group.ids()) for group in trace.hosts}
    projects = tuple(
        ProjectShare(
            project.id,
            project.weight,
            project.quota,
            None
            if project.groups is None
            else frozenset[str]().union(*(groups[name] for name in project.groups)),
        )
        for project in trace.projects
    )
    hosts = tuple(host for group in trace.hosts for host in group.hosts())

    def queued(number: int) -> QueuedJob:
        job = trace.jobs[number]
        return _queued(number, job, job.project, job.labels, job.priority)

    return Policy(bound_s, hosts, projects, queued, learns=True)


def fixed_guess(trace: Trace, bound_s: float) -> Policy:
    """The scheduler when nothing is known of any job."""
    meant = fair(trace, bound_s)

    def queued(number: int) -> QueuedJob:
        return replace(meant.queued(number), expected_s=DEFAULT_EXPECTED_S)

    return replace(meant, queued=queued, learns=False)


def first_come(trace: Trace) -> Policy:
    """First come, first served. A project's own hosts become a label, as the project is gone."""
    own = {project.id: _only(project) for project in trace.projects}
    of_group: dict[str, frozenset[str]] = {group.name: frozenset() for group in trace.hosts}
    for project in trace.projects:
        for name in project.groups or ():
            of_group[name] |= own[project.id]
    hosts = tuple(
        replace(host, labels=host.labels | of_group[group.name])
        for group in trace.hosts
        for host in group.hosts()
    )

    def queued(number: int) -> QueuedJob:
        job = trace.jobs[number]
        return _queued(number, job, _EVERYONE, job.labels | own[job.project], priority=0)

    return Policy(math.inf, hosts, (ProjectShare(_EVERYONE),), queued)


def _only(project: TraceProject) -> frozenset[str]:
    if project.groups is None:
        return frozenset()
    return frozenset({f"only {' '.join(sorted(project.groups))}"})


def _queued(
    number: int, job: TraceJob, project: str, labels: frozenset[str], priority: int
) -> QueuedJob:
    return QueuedJob(
        id=f"{number:08}",
        project=project,
        architecture=job.architecture,
        millicpu=job.millicpu,
        memory_mib=job.memory_mib,
        queued_at=job.at,
        labels=labels,
        priority=priority,
        expected_s=DEFAULT_EXPECTED_S if job.expected_s is None else job.expected_s,
    )
