"""Which hosts to keep for jobs past their bound, and which to give back."""

import heapq
import itertools
from collections.abc import Iterator

from mayfly.domain.scheduling.choosing import may_use
from mayfly.domain.scheduling.fleet import Allowed
from mayfly.domain.scheduling.hosts import Host, Size
from mayfly.domain.scheduling.model import QueuedJob, Reservation, Review
from mayfly.domain.scheduling.projects import Project
from mayfly.domain.scheduling.queues import AgeKey
from mayfly.domain.scheduling.quotas import within
from mayfly.domain.scheduling.shapes import Shape, bits
from mayfly.domain.scheduling.state import State

# The best of so many is nearly as good as the best of all, and found in a few milliseconds.
_HOSTS_COMPARED = 256

_Stream = tuple[AgeKey, int, Iterator[QueuedJob]]


def review(state: State, now: float, limit: int) -> Review:
    """At most `limit` reservations to make, for the oldest jobs; all that serve no longer."""
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
    """One look at all jobs past their bound, from the oldest on."""

    def __init__(self, state: State, now: float):
        self._state = state
        self._now = now
        self._overdue_at = now - state.bound_s
        self._full: dict[Allowed, int] = {}
        self._taken: set[str] = set()
        self._promised: dict[str, list[Size]] = {}
        self._hosts: dict[tuple[Allowed, int], list[Host]] = {}

    def reservations(self) -> Iterator[Reservation]:
        streams: list[_Stream] = [
            (age, bit, itertools.islice(project.queues[bit].by_age(), 1, None))
            for project in self._state.waiting.values()
            for age, bit in self._starving(project)
        ]
        heapq.heapify(streams)
        while streams:
            (_, job_id), bit, jobs = heapq.heappop(streams)
            if job_id not in self._state.reservations:
                made = self._reserve(self._state.jobs[job_id], bit)
                if made is None:
                    continue  # nor for the younger ones like it, this time
                yield made
            following = next(jobs, None)
            if following is not None and following.queued_at <= self._overdue_at:
                heapq.heappush(streams, (following.age_key, bit, jobs))

    def _starving(self, project: Project) -> Iterator[tuple[AgeKey, int]]:
        """The shapes of its jobs past their bound that find no room, as smaller ones take it."""
        allowed, quota = project.share.hosts, project.share.quota
        full = self._full.get(allowed)
        if full is None:
            full = self._full[allowed] = self._find_full(allowed)
        if not full & project.mask:
            return
        for age, bit in project.by_age():
            if age[0] > self._overdue_at:
                return
            if full & bit and within(quota, self._state.shapes[bit]):
                yield age, bit

    def _find_full(self, allowed: Allowed) -> int:
        """The shapes, but for the smallest, for which no host has room now that could run them."""
        shapes, fleet = self._state.shapes, self._state.fleet
        millicpu, memory_mib = shapes.smallest_queued()
        return sum(
            bit
            for bit in bits(shapes.queued)
            if (shapes[bit].millicpu > millicpu or shapes[bit].memory_mib > memory_mib)
            and fleet.reach(allowed).placeable(bit)
            and fleet.with_room(bit, allowed) is None
        )

    def _reserve(self, job: QueuedJob, bit: int) -> Reservation | None:
        """Keep the host where the job starts first, unless its project has had its part."""
        project = self._state.projects[job.project]
        need = (job.millicpu, job.memory_mib)
        promised = self._promised_to(project)
        total = (
            need[0] + sum(size[0] for size in promised),
            need[1] + sum(size[1] for size in promised),
        )
        if not project.admits(*total, jobs=1 + len(promised)):
            return None
        host = self._earliest(project.share.hosts, bit, need)
        if host is None:
            return None
        assert host.pool is not None
        share = project.share_with(total, host.pool, self._state.fleet.offered)
        if promised and share * self._state.weights > 1:
            return None
        self._taken.add(host.id)
        promised.append(need)
        return Reservation(job.id, host.id, self._now)

    def _promised_to(self, project: Project) -> list[Size]:
        """What hosts are kept for, or will be."""
        found = self._promised.get(project.id)
        if found is None:
            jobs = [self._state.jobs[job_id] for job_id in project.reserved]
            found = self._promised[project.id] = [(job.millicpu, job.memory_mib) for job in jobs]
        return found

    def _earliest(self, allowed: Allowed, bit: int, need: Size) -> Host | None:
        """Of the hosts that are kept for nobody, the one that has room first."""
        hosts = self._hosts.get((allowed, bit))
        if hosts is None:
            hosts = self._hosts[allowed, bit] = self._by_start(allowed, bit, need)
        while hosts:
            host = hosts.pop()
            if host.id not in self._taken:
                return host
        return None

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
