"""Which waiting job a host gets: the decision, read from top to bottom in `choose`."""

import math
from collections.abc import Iterator

from mayfly.domain.scheduling.hosts import Host
from mayfly.domain.scheduling.model import Choice, QueuedJob
from mayfly.domain.scheduling.projects import Project
from mayfly.domain.scheduling.quotas import allows, held_for
from mayfly.domain.scheduling.shapes import Shape, bits
from mayfly.domain.scheduling.state import State


def choose(state: State, host_id: str, now: float) -> Choice | None:
    """What the host should start now; None if no waiting job may use what it has left."""
    host = state.fleet.hosts.get(host_id)
    if host is None or host.offer is None or host.offer.draining:
        return None
    state.refresh()
    job = _kept(state, host, now)
    if job is None:
        contest = _Contest(state, host, now)
        job = contest.oldest_overdue() or contest.first_by_share()
    if job is None:
        return None
    return Choice(job.id, host_id, job.architecture or host.offer.architectures[0])


def _kept(state: State, host: Host, now: float) -> QueuedJob | None:
    """The job for which the host is kept, if it can start now."""
    reservation, need = host.reservation, host.need
    if reservation is None or need is None or need[0] > host.free[0] or need[1] > host.free[1]:
        return None
    job = state.jobs[reservation.job]
    project = state.projects[job.project]
    if not may_use(state, project, host, state.shapes.bit(Shape.of(job))):
        return None
    return job if allows(project, job, held_for(state, project, now)) else None


def may_use(state: State, project: Project, host: Host, bit: int) -> bool:
    """Whether an open host may serve that shape for the project."""
    allowed = project.share.hosts
    if allowed is not None and host.id not in allowed:
        return False
    return bool(state.fleet.reach(allowed).mask(host.kind) & bit)


class _Contest:
    """The projects with waiting jobs that fit into what the host has left.

    Looks at projects and shapes, of which there are few, never at all jobs or hosts.
    """

    def __init__(self, state: State, host: Host, now: float):
        self._state = state
        self._now = now
        self._overdue_at = now - state.bound_s
        self._pool = host.pool
        self._until = host.left.until
        self._sure = state.shapes.fitting(*host.left.sure)
        self._entrants = list(self._enter(host))

    def _enter(self, host: Host) -> Iterator[tuple[Project, int]]:
        """Projects, each with the shapes of its waiting jobs that fit."""
        state = self._state
        fits = state.shapes.fitting(*host.left.brief) & state.shapes.queued
        if not fits:
            return
        everywhere = fits & state.fleet.reach(None).mask(host.kind)
        for project in state.waiting.values():
            allowed = project.share.hosts
            if allowed is None:
                mask = project.mask & everywhere
            elif host.id in allowed:
                mask = project.mask & fits & state.fleet.reach(allowed).mask(host.kind)
            else:
                continue
            if mask:
                yield project, mask

    def oldest_overdue(self) -> QueuedJob | None:
        """The oldest job past its bound of a project that uses less than its fair share."""
        found: QueuedJob | None = None
        for project, mask in self._entrants:
            oldest_at = project.oldest_at
            if (
                oldest_at <= self._overdue_at
                and (found is None or oldest_at <= found.queued_at)
                and self._share(project) * self._state.weights < 1
            ):
                job = self._oldest_of(project, mask)
                if job is not None and (found is None or job.age_key < found.age_key):
                    found = job
        return found

    def first_by_share(self) -> QueuedJob | None:
        """The first job of the project that uses the least for its weight; of several, the oldest.

        What counts is the dominant share of the host's pool: each architecture is shared by
        itself, for what a project has on one is of no use to those who wait for the other.
        """
        found: QueuedJob | None = None
        least = math.inf
        for project, mask in self._entrants:
            share = self._share(project)
            if share > least or (share == least and found and project.oldest_at > found.queued_at):
                continue
            job = self._first_of(project, mask)
            if job is None:
                continue
            if found is None or share < least or job.age_key < found.age_key:
                found, least = job, share
        return found

    def _share(self, project: Project) -> float:
        assert self._pool is not None
        return project.shares.get(self._pool, 0.0)

    def _first_of(self, project: Project, mask: int) -> QueuedJob | None:
        """Past its bound the oldest, else the oldest of the highest priority, if it may start."""
        oldest = self._oldest_of(project, mask)
        if oldest is not None:
            return oldest
        held = held_for(self._state, project, self._now)
        first = (
            job
            for bit in bits(mask)
            if self._may_start(project, bit, job := project.queues[bit].first(), held)
        )
        return min(first, key=lambda job: (-job.priority, job.age_key), default=None)

    def _oldest_of(self, project: Project, mask: int) -> QueuedJob | None:
        """The oldest past its bound, if it may start."""
        if project.oldest_at > self._overdue_at:
            return None
        held = held_for(self._state, project, self._now)
        oldest = (
            job
            for bit in bits(mask)
            if (job := project.queues[bit].oldest()).queued_at <= self._overdue_at
            and self._may_start(project, bit, job, held)
        )
        return min(oldest, key=lambda job: job.age_key, default=None)

    def _may_start(
        self, project: Project, bit: int, job: QueuedJob, held: QueuedJob | None
    ) -> bool:
        in_time = bool(self._sure & bit) or self._now + job.expected_s <= self._until
        return in_time and allows(project, job, held)
