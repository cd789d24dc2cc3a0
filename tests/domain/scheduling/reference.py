"""The rules of docs/scheduling.md written down a second time, looking at everything, slowly."""

import math
from dataclasses import dataclass, field

from mayfly.domain.scheduling import (
    Choice,
    HostRoom,
    ProjectShare,
    QueuedJob,
    Quota,
    Reservation,
    RunningJob,
    Scheduler,
)

Size = tuple[int, int]
MILLI_CPU, MEMORY = 0, 1


def size_of(thing: HostRoom | QueuedJob | RunningJob) -> Size:
    return (thing.millicpu, thing.memory_mib)


def total(jobs: list[RunningJob]) -> Size:
    return (sum(job.millicpu for job in jobs), sum(job.memory_mib for job in jobs))


def fits(need: Size, room: Size) -> bool:
    return need[0] <= room[0] and need[1] <= room[1]


@dataclass
class Reference:
    bound_s: float
    projects: dict[str, ProjectShare] = field(default_factory=dict)
    hosts: dict[str, HostRoom] = field(default_factory=dict)
    jobs: dict[str, QueuedJob] = field(default_factory=dict)
    running: dict[str, RunningJob] = field(default_factory=dict)
    reservations: dict[str, Reservation] = field(default_factory=dict)

    def scheduler(self) -> Scheduler:
        """One that is told all of this anew, in another order than it came about."""
        scheduler = Scheduler(self.bound_s)
        for reservation in self.reservations.values():
            scheduler.put_reservation(reservation)
        for job in sorted(self.jobs.values(), key=lambda job: job.id, reverse=True):
            scheduler.put_job(job)
        for running in sorted(self.running.values(), key=lambda job: job.id):
            scheduler.put_running(running)
        for host in sorted(self.hosts.values(), key=lambda host: host.id, reverse=True):
            scheduler.put_host(host)
        for project in self.projects.values():
            scheduler.put_project(project)
        return scheduler

    # The fleet

    def on(self, host: str) -> list[RunningJob]:
        return [job for job in self.running.values() if job.host == host]

    def of(self, project: str) -> list[RunningJob]:
        return [job for job in self.running.values() if job.project == project]

    def share(self, project: str) -> ProjectShare:
        return self.projects.get(project, ProjectShare(project))

    def free(self, host: HostRoom) -> Size:
        used = total(self.on(host.id))
        return (host.millicpu - used[0], host.memory_mib - used[1])

    def may_ever_run(self, job: QueuedJob, host: HostRoom) -> bool:
        allowed = self.share(job.project).hosts
        return (
            not host.draining
            and (allowed is None or host.id in allowed)
            and job.labels <= host.labels
            and (job.architecture is None or job.architecture in host.architectures)
            and fits(size_of(job), size_of(host))
        )

    def may_run(self, job: QueuedJob, host: HostRoom) -> bool:
        """Emulated only if no host runs it natively."""
        if not self.may_ever_run(job, host):
            return False
        if job.architecture in (None, host.architectures[0]):
            return True
        return not any(
            self.may_ever_run(job, other) and other.architectures[0] == job.architecture
            for other in self.hosts.values()
        )

    # Projects

    def dominant(self, project: str, host: HostRoom) -> float:
        """Its weighted share of the hosts that run the same architecture natively.

        What is kept for its jobs counts as if they ran.
        """
        pool = [h for h in self.hosts.values() if h.architectures[0] == host.architectures[0]]
        names = {other.id for other in pool}
        mine = [size_of(job) for job in self.of(project) if job.host in names]
        mine += [
            size_of(self.jobs[kept.job])
            for kept in self.reservations.values()
            if kept.host in names and kept.job in self.jobs
            if self.jobs[kept.job].project == project
        ]
        parts = [
            sum(size[i] for size in mine) / offered
            for i in (MILLI_CPU, MEMORY)
            if (offered := sum(size_of(h)[i] for h in pool))
        ]
        return max(parts, default=0.0) / self.share(project).weight

    def is_at_most_fair(self, project: str, host: HostRoom) -> bool:
        """Compared to the average of those that wait for the architecture."""
        own = host.architectures[0]
        waiting = {job.project for job in self.jobs.values() if job.architecture in (None, own)}
        weights = sum(self.share(name).weight for name in waiting)
        shares = [self.dominant(name, host) * self.share(name).weight for name in waiting]
        average = math.fsum(shares) / weights if weights else 0.0  # none if all run emulated
        return self.dominant(project, host) <= average * (1 + 1e-9)

    def quota_admits(self, job: QueuedJob, now: float) -> bool:
        """Beside what is held for the project's oldest job past its bound."""
        held = self.held(job.project, now)
        return self.within_quota([job] if held is None or held is job else [job, held])

    def within_quota(self, more: list[QueuedJob]) -> bool:
        job = more[0]
        mine = self.of(job.project)
        used = total(mine)
        quota = self.share(job.project).quota
        after = (
            used[0] + sum(one.millicpu for one in more),
            used[1] + sum(one.memory_mib for one in more),
            len(mine) + len(more),
        )
        limits = (quota.millicpu, quota.memory_mib, quota.jobs)
        return all(
            limit is None or amount <= limit for amount, limit in zip(after, limits, strict=True)
        )

    def held(self, project: str, now: float) -> QueuedJob | None:
        quota = self.share(project).quota
        candidates = [
            job
            for job in self.jobs.values()
            if job.project == project
            and self.is_overdue(job, now)
            and any(self.may_ever_run(job, host) for host in self.hosts.values())
            and (quota.millicpu is None or job.millicpu <= quota.millicpu)
            and (quota.memory_mib is None or job.memory_mib <= quota.memory_mib)
            and quota.jobs != 0
        ]
        limited = quota != Quota()
        return min(candidates, key=lambda job: job.age_key, default=None) if limited else None

    def is_overdue(self, job: QueuedJob, now: float) -> bool:
        return job.queued_at <= now - self.bound_s

    # What is kept

    def kept_on(self, host: HostRoom) -> tuple[Reservation, QueuedJob] | None:
        for kept in self.reservations.values():
            if kept.host == host.id and kept.job in self.jobs:
                return kept, self.jobs[kept.job]
        return None

    def fits_beside(self, job: QueuedJob, host: HostRoom) -> bool:
        """Whether the job for which the host is kept fits too, once the earlier ones are gone."""
        found = self.kept_on(host)
        if found is None or found[1].id == job.id:
            return fits(size_of(job), self.free(host))
        kept, other = found
        later = total([one for one in self.on(host.id) if one.started_at >= kept.made_at])
        guard = (
            host.millicpu - other.millicpu - later[0],
            host.memory_mib - other.memory_mib - later[1],
        )
        return fits(size_of(job), self.free(host)) and fits(size_of(job), guard)

    def spares_what_is_kept(self, job: QueuedJob, host: HostRoom) -> bool:
        """Whether the job for which the host is kept can start as early as without this one."""
        found = self.kept_on(host)
        if found is None or found[1].id == job.id:
            return True
        other = found[1]
        _, room = self.expected_start(other, host, -math.inf)
        return fits(size_of(job), (room[0] - other.millicpu, room[1] - other.memory_mib))

    def ends_before_what_is_kept(self, job: QueuedJob, host: HostRoom, now: float) -> bool:
        found = self.kept_on(host)
        return found is None or now + job.expected_s <= self.expected_start(found[1], host, now)[0]

    def expected_start(self, job: QueuedJob, host: HostRoom, now: float) -> tuple[float, Size]:
        free, at = self.free(host), -math.inf
        ending = sorted((expected_end(one, now), one.id) for one in self.on(host.id))
        while not fits(size_of(job), free):
            if not ending:
                return math.inf, free
            at, name = ending.pop(0)
            one = self.running[name]
            free = (free[0] + one.millicpu, free[1] + one.memory_mib)
        return at, free

    # The decision

    def choose(self, host_id: str, now: float) -> Choice | None:
        host = self.hosts.get(host_id)
        if host is None or host.draining:
            return None
        job = self.first(host, now)
        if job is None:
            return None
        placed = job.architecture or host.architectures[0]
        return Choice(job.id, host_id, placed, job.size)

    def first(self, host: HostRoom, now: float) -> QueuedJob | None:
        found = self.kept_on(host)
        if found is not None and self.may_run(found[1], host):
            kept = found[1]
            if fits(size_of(kept), self.free(host)) and self.quota_admits(kept, now):
                return kept
        overdue = self.able([job for job in self.oldest() if self.is_overdue(job, now)], host, now)
        lagging = [job for job in overdue if self.is_at_most_fair(job.project, host)]
        if lagging:
            return min(lagging, key=lambda job: job.age_key)
        firsts = {job.project: job for job in sorted(overdue, key=old, reverse=True)}
        for job in sorted(self.able(self.foremost(), host, now), key=priority):
            firsts.setdefault(job.project, job)
        return min(
            firsts.values(),
            key=lambda job: (self.dominant(job.project, host), job.age_key),
            default=None,
        )

    def able(self, jobs: list[QueuedJob], host: HostRoom, now: float) -> list[QueuedJob]:
        """Those that may start now; `jobs` in the order in which their project wants them.

        Where a host is kept, only the first one of a project is tried for its brevity.
        """
        found, tried = [], set()
        for job in jobs:
            if not self.may_run(job, host) or not self.fits_beside(job, host):
                continue
            if not self.spares_what_is_kept(job, host):
                if job.project in tried:
                    continue
                if not self.ends_before_what_is_kept(job, host, now):
                    tried.add(job.project)
                    continue
            if self.quota_admits(job, now):
                found.append(job)
        return found

    def oldest(self) -> list[QueuedJob]:
        """Of the jobs of a project that ask for the same, the oldest stands for all."""
        jobs = sorted(self.jobs.values(), key=old, reverse=True)
        return sorted({shape(job): job for job in jobs}.values(), key=old)

    def foremost(self) -> list[QueuedJob]:
        """The same for the one of highest priority."""
        jobs = sorted(self.jobs.values(), key=priority, reverse=True)
        return sorted({shape(job): job for job in jobs}.values(), key=priority)


def expected_end(job: RunningJob, now: float) -> float:
    """Of one that overstays: as long again as it has, a quarter at least, but for its bound."""
    expected, bound = job.started_at + job.expected_s, job.started_at + job.at_most_s
    if expected > now:
        return expected
    later = now + max(now - expected, job.expected_s / 4)
    return later if bound <= now else min(bound, later)


def shape(job: QueuedJob) -> tuple[object, ...]:
    return (job.project, job.architecture, job.millicpu, job.memory_mib, job.labels)


def old(job: QueuedJob) -> tuple[float, str]:
    return job.age_key


def priority(job: QueuedJob) -> tuple[int, float, str]:
    return (-job.priority, *job.age_key)
