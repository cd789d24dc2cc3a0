"""Which hosts to keep for jobs past their bound, and which to give back."""

import heapq
import itertools
from collections.abc import Iterator

from mayfly.domain.architecture import Architecture
from mayfly.domain.scheduling.choosing import may_use
from mayfly.domain.scheduling.fleet import Allowed
from mayfly.domain.scheduling.hosts import Host, Size
from mayfly.domain.scheduling.model import QueuedJob, Reservation, Review
from mayfly.domain.scheduling.projects import Project
from mayfly.domain.scheduling.queues import AgeKey
from mayfly.domain.scheduling.quotas import within
from mayfly.domain.scheduling.shapes import Shape, bits
from mayfly.domain.scheduling.state import State

_KEPT_AT_MOST = 0.1
"""Which part of a pool is kept at once: what drains for one job is of little use to others."""

# The best of so many is nearly as good as the best of all, and found in a few milliseconds.
_HOSTS_COMPARED = 256

_Stream = tuple[AgeKey, int, Iterator[QueuedJob]]
"""The oldest job of one shape, and those that follow it."""


def review(state: State, now: float, limit: int) -> Review:
    """At most `limit` reservations to make; all that serve no longer."""
    state.refresh()
    drop = tuple(kept for _, kept in sorted(state.reservations.items()) if not serves(state, kept))
    return Review(tuple(itertools.islice(_Search(state, now).reservations(), limit)), drop)


def serves(state: State, kept: Reservation) -> bool:
    """Whether the job still waits and may still run there."""
    job, host = state.jobs.get(kept.job), state.fleet.hosts[kept.host]
    if job is None or not host.is_open:
        return False
    return may_use(state, state.projects[job.project], host, state.shapes.bit(Shape.of(job)))


class _Search:
    """One look at all jobs past their bound that find no room."""

    def __init__(self, state: State, now: float):
        self._state = state
        self._now = now
        self._overdue_at = now - state.bound_s
        self._full: dict[Allowed, int] = {}
        self._hosts: dict[tuple[Allowed, int], list[Host]] = {}
        self._taken: set[str] = set()
        self._new: dict[str, list[Size]] = {}
        self._kept_in: dict[Architecture, Size] = {}
        for reservation in state.reservations.values():
            host, job = state.fleet.hosts[reservation.host], state.jobs.get(reservation.job)
            if host.pool is not None and job is not None:
                self._count(host.pool, job.size)
        self._levels = {pool: state.fair_level(pool) for pool in state.fleet.offered}

    def reservations(self) -> Iterator[Reservation]:
        """In the order in which `choose` serves projects; of each its oldest jobs."""
        entrants = [
            (self._order(project, streams), project.id, streams)
            for project in self._state.waiting.values()
            if (streams := self._streams(project))
        ]
        heapq.heapify(entrants)
        while entrants:
            _, project_id, streams = heapq.heappop(entrants)
            project = self._state.projects[project_id]
            (_, job_id), bit, following = heapq.heappop(streams)
            served = job_id in project.kept
            if not served and (made := self._reserve(project, self._state.jobs[job_id], bit)):
                yield made
                served = True
            # If not, the younger jobs of that shape get nothing either, this time.
            if served and (job := next(following, None)) and job.queued_at <= self._overdue_at:
                heapq.heappush(streams, (job.age_key, bit, following))
            if streams:
                heapq.heappush(entrants, (self._order(project, streams), project_id, streams))

    def _streams(self, project: Project) -> list[_Stream]:
        """Its jobs past their bound that find no room, as smaller ones take it."""
        allowed, quota = project.share.hosts, project.share.quota
        full = self._full.get(allowed)
        if full is None:
            full = self._full[allowed] = self._find_full(allowed)
        if not full & project.mask:
            return []
        return [  # sorted, so it is a heap
            (age, bit, itertools.islice(project.queues[bit].by_age(), 1, None))
            for age, bit in project.by_age()
            if full & bit and age[0] <= self._overdue_at
            if within(quota, self._state.shapes[bit])
        ]

    def _find_full(self, allowed: Allowed) -> int:
        """The shapes for which no host has room now that could run them.

        But for the smallest: no smaller jobs take their room before it is enough.
        """
        shapes, fleet = self._state.shapes, self._state.fleet
        millicpu, memory_mib = self._state.smallest()
        return sum(
            bit
            for bit in bits(shapes.queued)
            if (shapes[bit].millicpu > millicpu or shapes[bit].memory_mib > memory_mib)
            and fleet.reach(allowed).placeable(bit)
            and fleet.with_room(bit, allowed) is None
        )

    def _order(self, project: Project, streams: list[_Stream]) -> tuple[int, float, AgeKey]:
        """By age while it has no more than its fair share somewhere, else by its share."""
        age, bit, _ = streams[0]
        own = self._state.shapes[bit].architecture
        new = _sum(self._new.get(project.id, []))
        offered = self._state.fleet.offered
        pools = offered if own is None else [own]
        shares = [(project.share_with(new, pool, offered), pool) for pool in pools]
        if any(share <= self._levels.get(pool, 0.0) for share, pool in shares):
            return (0, 0.0, age)
        return (1, min(shares)[0], age)

    def _reserve(self, project: Project, job: QueuedJob, bit: int) -> Reservation | None:
        """Keep the host where the job starts first, if quota and what is kept already allow it."""
        kept = [size for size, _ in project.kept.values()]
        new = self._new.setdefault(project.id, [])
        total = _sum([job.size, *kept, *new])
        if not project.admits(*total, jobs=1 + len(kept) + len(new)):
            return None
        host = self._earliest(project.share.hosts, bit, job.size)
        if host is None or host.pool is None or not self._may_keep(host.pool, job.size):
            return None
        self._count(host.pool, job.size)
        self._taken.add(host.id)
        new.append(job.size)
        return Reservation(job.id, host.id, self._now)

    def _may_keep(self, pool: Architecture, size: Size) -> bool:
        """One host in each pool always."""
        kept, offered = self._kept_in.get(pool), self._state.fleet.offered[pool]
        return kept is None or all(
            before + more <= _KEPT_AT_MOST * most
            for before, more, most in zip(kept, size, offered, strict=True)
        )

    def _count(self, pool: Architecture, size: Size) -> None:
        self._kept_in[pool] = _sum([self._kept_in.get(pool, (0, 0)), size])

    def _earliest(self, allowed: Allowed, bit: int, need: Size) -> Host | None:
        """Of the hosts that are kept for nobody, the one that has room first."""
        hosts = self._hosts.get((allowed, bit))
        if hosts is None:
            hosts = self._hosts[allowed, bit] = self._by_start(allowed, bit, need)
        while hosts and hosts[-1].id in self._taken:
            hosts.pop()
        return hosts[-1] if hosts else None

    def _by_start(self, allowed: Allowed, bit: int, need: Size) -> list[Host]:
        """The last one has room first."""
        reach = self._state.fleet.reach(allowed)
        free = (
            host
            for host in self._state.fleet.among(allowed)
            if host.is_open and host.reservation is None and reach.mask(host.kind) & bit
        )
        starts = [
            (host.starts_at(need, self._now), host.id, host)
            for host in itertools.islice(free, _HOSTS_COMPARED)
        ]
        return [host for _, _, host in sorted(starts, reverse=True)]


def _sum(sizes: list[Size]) -> Size:
    return sum(size[0] for size in sizes), sum(size[1] for size in sizes)
