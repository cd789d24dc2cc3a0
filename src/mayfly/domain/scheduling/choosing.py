"""Which waiting job a host gets: the decision, read from top to bottom in `choose`."""

import itertools
import math
from collections.abc import Iterator

from mayfly.domain.scheduling.hosts import Host, Left, Size, least
from mayfly.domain.scheduling.model import Choice, QueuedJob
from mayfly.domain.scheduling.projects import Project
from mayfly.domain.scheduling.queues import AgeKey
from mayfly.domain.scheduling.quotas import allows, held_for
from mayfly.domain.scheduling.shapes import Shape
from mayfly.domain.scheduling.state import State

_LAST = "\U0010ffff"  # sorts behind every id


def choose(state: State, host_id: str, now: float, free: Size | None) -> Choice | None:
    """What the host should start now; None if no waiting job may use what it has left.

    `free` is what the host itself says it has left, if that may be less than is known here.
    """
    host = state.fleet.hosts.get(host_id)
    if host is None or host.offer is None or host.offer.draining:
        return None
    state.refresh()
    left, own = host.left_at(now), host.free
    if free is not None:
        left, own = left.bounded(free), least(own, free)
    job = _kept(state, host, own, now)
    if job is None:
        contest = _Contest(state, host, left, now)
        job = contest.oldest_overdue() or contest.first_by_share()
    if job is None:
        return None
    placed = job.architecture or host.offer.architectures[0]
    return Choice(job.id, host_id, placed, job.size)


def _kept(state: State, host: Host, free: Size, now: float) -> QueuedJob | None:
    """The job for which the host is kept, if it can start now."""
    reservation, need = host.reservation, host.need
    if reservation is None or need is None or need[0] > free[0] or need[1] > free[1]:
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

    def __init__(self, state: State, host: Host, left: Left, now: float):
        self._state = state
        self._now = now
        self._overdue_at = now - state.bound_s
        self._left = left
        self._sure = state.shapes.fitting(*left.sure)
        assert host.pool is not None
        self._pool = host.pool
        self._entrants = list(self._enter(host))

    def _enter(self, host: Host) -> Iterator[tuple[Project, int, float]]:
        """Projects, each with the shapes of its waiting jobs that fit, and its share.

        What counts is the dominant share of the host's pool: each architecture is shared by
        itself, for what a project has on one is of no use to those who wait for the other.
        """
        state = self._state
        fits = state.shapes.queued & (
            state.shapes.fitting(*self._left.brief) if self._left.until > self._now else self._sure
        )
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
                yield project, mask, project.shares.get(self._pool, 0.0)

    def oldest_overdue(self) -> QueuedJob | None:
        """The oldest job past its bound of a project that has no more than its fair share."""
        found: QueuedJob | None = None
        before: AgeKey = (self._overdue_at, _LAST)
        level: float | None = None
        for project, mask, share in self._entrants:
            if project.by_age()[0][0] > before:
                continue
            if level is None:
                level = self._state.fair_level(self._pool)
            if share <= level:
                job = self._oldest_of(project, mask, before)
                if job is not None:
                    found, before = job, job.age_key
        return found

    def first_by_share(self) -> QueuedJob | None:
        """The first job of the project with the least share; of equal ones, the oldest."""
        found: QueuedJob | None = None
        smallest = math.inf
        for project, mask, share in self._entrants:
            if share > smallest or (
                share == smallest and found and project.by_age()[0][0] > found.age_key
            ):
                continue
            job = self._oldest_of(project, mask, (self._overdue_at, _LAST))
            if job is None:
                job = self._first_of(project, mask)
            if job is not None and (
                found is None or share < smallest or job.age_key < found.age_key
            ):
                found, smallest = job, share
        return found

    def _oldest_of(self, project: Project, mask: int, before: AgeKey) -> QueuedJob | None:
        """The project's oldest job that may start, if it is older than that."""
        ages = itertools.takewhile(lambda age: age[0] <= before, project.by_age())
        return self._first_to_start(project, mask, ((age[1], bit) for age, bit in ages))

    def _first_of(self, project: Project, mask: int) -> QueuedJob | None:
        """The project's oldest job of the highest priority that may start."""
        ranks = project.by_rank()
        return self._first_to_start(project, mask, ((rank[2], bit) for rank, bit in ranks))

    def _first_to_start(
        self, project: Project, mask: int, jobs: Iterator[tuple[str, int]]
    ) -> QueuedJob | None:
        held = held_for(self._state, project, self._now)
        for job_id, bit in jobs:
            if bit & mask:
                job = self._state.jobs[job_id]
                if bit & self._sure or self._now + job.expected_s <= self._left.until:
                    if allows(project, job, held):
                        return job
                else:
                    # Only the first is tried for its brevity: on a kept host few of many are
                    # brief enough, and each would be looked at in vain.
                    mask &= self._sure
            if not mask:
                break
        return None
