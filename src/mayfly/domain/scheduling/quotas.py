"""Whether a project's quota lets a job start now."""

from mayfly.domain.scheduling.model import QueuedJob, Quota
from mayfly.domain.scheduling.projects import Project
from mayfly.domain.scheduling.shapes import Shape
from mayfly.domain.scheduling.state import State

_NO_QUOTA = Quota()


def within(quota: Quota, shape: Shape) -> bool:
    """Whether the quota allows such a job at all."""
    return (
        (quota.millicpu is None or shape.millicpu <= quota.millicpu)
        and (quota.memory_mib is None or shape.memory_mib <= quota.memory_mib)
        and (quota.jobs is None or quota.jobs >= 1)
    )


def held_for(state: State, project: Project, now: float) -> QueuedJob | None:
    """The project's oldest job past its bound; the others leave it its part of the quota.

    Else small jobs would use up for ever what a large one of the same project waits for. A job
    that no host or no quota can ever serve holds nothing.
    """
    quota = project.share.quota
    if quota == _NO_QUOTA:
        return None
    reach = state.fleet.reach(project.share.hosts)
    for (queued_at, job_id), bit in project.by_age():
        if queued_at > now - state.bound_s:
            return None
        if reach.placeable(bit) and within(quota, state.shapes[bit]):
            return state.jobs[job_id]
    return None


def allows(project: Project, job: QueuedJob, held: QueuedJob | None) -> bool:
    """Whether the job may start beside all that runs, and beside what is held for another."""
    if held is None or held.id == job.id:
        return project.admits(job.millicpu, job.memory_mib)
    return project.admits(job.millicpu + held.millicpu, job.memory_mib + held.memory_mib, jobs=2)
