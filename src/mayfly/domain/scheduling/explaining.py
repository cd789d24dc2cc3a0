"""Why a job waits, as a sentence for people."""

import math

from mayfly.domain.scheduling.model import MILLI, QueuedJob, Quota
from mayfly.domain.scheduling.projects import Project
from mayfly.domain.scheduling.quotas import allows, held_for, within
from mayfly.domain.scheduling.reviewing import serves
from mayfly.domain.scheduling.shapes import Kind, Shape
from mayfly.domain.scheduling.state import State

_MINUTE_S = 60
_HOUR_S = 3600


def why_waits(state: State, job_id: str, now: float) -> str:
    """One sentence without a full stop; says so if the job does not wait."""
    job = state.jobs.get(job_id)
    if job is None:
        return "it is running" if job_id in state.running else "it is not in the queue"
    state.refresh()
    project = state.projects[job.project]
    return (
        _unservable(state, project, job)
        or _quota(state, project, job, now)
        or _reserved(state, job, now)
        or _turn(state, project, job, now)
    )


def _unservable(state: State, project: Project, job: QueuedJob) -> str | None:
    """No host could run it even if it were empty."""
    shape, allowed = Shape.of(job), project.share.hosts
    if state.fleet.reach(allowed).placeable(state.shapes.bit(shape)):
        return None
    whose = "no host" if allowed is None else "none of the hosts its project may use"
    hosts = state.fleet.among(allowed)
    if not any(host.offer for host in hosts):
        return "there is no host yet" if allowed is None else f"{whose} is there"
    kinds = [host.kind for host in hosts if host.offer]
    if any(kind.runs(shape) for kind in kinds):
        return "every host that could run it is draining"
    return f"{whose} {_lack(shape, kinds)}"


def _lack(shape: Shape, kinds: list[Kind]) -> str:
    """What all of them lack: an architecture, a label, or the size."""
    if shape.architecture is not None:
        kinds = [kind for kind in kinds if shape.architecture in kind.architectures]
        if not kinds:
            return f"runs {shape.architecture}"
    for label in sorted(shape.labels):
        if not any(label in kind.labels for kind in kinds):
            return f"has the label {label}"
    size = f"{_vcpu(shape.millicpu)} and {shape.memory_mib} MiB of memory"
    labels = f" and the labels {', '.join(sorted(shape.labels))}" if shape.labels else ""
    most = max(kinds, key=lambda kind: (kind.millicpu, kind.memory_mib))
    largest = f"{_vcpu(most.millicpu)} and {most.memory_mib} MiB"
    return f"is as large as it needs: {size}{labels} (the largest has {largest})"


def _quota(state: State, project: Project, job: QueuedJob, now: float) -> str | None:
    quota = project.share.quota
    if not within(quota, Shape.of(job)):
        return f"it can never start: its project's quota is {_limits(quota)}"
    if not project.admits(job.millicpu, job.memory_mib):
        return f"its project's quota of {_limits(quota)} is used up by what runs"
    held = held_for(state, project, now)
    if held is not None and not allows(project, job, held):
        return f"what is left of its project's quota is kept for job {held.id}, which waits longer"
    return None


def _reserved(state: State, job: QueuedJob, now: float) -> str | None:
    kept = state.reservations.get(job.id)
    if kept is None or not serves(state, kept):
        return None
    need = (job.millicpu, job.memory_mib)
    host = state.fleet.hosts[kept.host]
    left = host.starts_at(need, now) - now
    if left <= 0:
        return f"host {host.id} is kept for it, has room and gets it when it asks next"
    late = ", though something there takes longer than usual" if host.is_late(now) else ""
    about = _duration(left)
    return f"host {host.id} is kept for it and is expected to have room in about {about}{late}"


def _turn(state: State, project: Project, job: QueuedJob, now: float) -> str:
    """It could start if there were room, and it were its turn."""
    host = state.fleet.with_room(state.shapes.bit(Shape.of(job)), project.share.hosts)
    if host is not None:
        return f"host {host} has room for it and gets it when it asks next"
    full = f"all hosts that could run it are full{_before(state, project, job)}"
    if job.queued_at <= now - state.bound_s:
        waited = _duration(now - job.queued_at)
        return f"{full}; it has waited {waited} and comes before its project's younger jobs"
    return full


def _before(state: State, project: Project, job: QueuedJob) -> str:
    own = sum(queue.before(job) for queue in project.queues.values())
    share = _share(state, project, job)
    others = sum(_share(state, other, job) < share for other in state.waiting.values())
    parts = []
    if own:
        parts.append(_plural(own, "job") + " of its project")
    if others:
        parts.append(_plural(others, "project") + " with less of their share in use")
    return f"; before it: {', '.join(parts)}" if parts else ""


def _share(state: State, project: Project, job: QueuedJob) -> float:
    """Where the job may run, what its project uses of it for its weight."""
    pools = state.fleet.offered if job.architecture is None else [job.architecture]
    return min((project.shares.get(pool, 0.0) for pool in pools), default=0.0)


def _limits(quota: Quota) -> str:
    parts = []
    if quota.millicpu is not None:
        parts.append(_vcpu(quota.millicpu))
    if quota.memory_mib is not None:
        parts.append(f"{quota.memory_mib} MiB of memory")
    if quota.jobs is not None:
        parts.append(_plural(quota.jobs, "job"))
    return ", ".join(parts)


def _vcpu(millicpu: int) -> str:
    return f"{millicpu / MILLI:g} vCPU"


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _duration(seconds: float) -> str:
    if seconds < _MINUTE_S:
        return f"{math.ceil(seconds)} s"
    if seconds < _HOUR_S:
        return f"{round(seconds / _MINUTE_S)} min"
    return f"{seconds / _HOUR_S:.1f} h"
