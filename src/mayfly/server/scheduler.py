"""The scheduler's view of the store: a mirror in memory, brought up to date in each transaction.

What changed since is read by the rows' version, so the decision itself needs no query, and every
replica decides alike. Used in serial transactions only, any of which may be undone afterwards.
"""

import operator
import weakref
from collections import Counter
from collections.abc import Callable
from decimal import Decimal

from mayfly.domain.job import JobState
from mayfly.domain.labels import Requirement
from mayfly.domain.placement import Capacity, misfit, nearest_fit
from mayfly.domain.scheduling.durations import DEFAULT_EXPECTED_S
from mayfly.domain.scheduling.model import (
    DEFAULT_BOUND_S,
    MILLI,
    Choice,
    HostRoom,
    ProjectShare,
    QueuedJob,
    Quota,
    Reservation,
    RunningJob,
    as_labels,
    millicpu,
)
from mayfly.domain.scheduling.scheduler import Scheduler as Decider
from mayfly.server.changed import Changed
from mayfly.store.base import Tx
from mayfly.store.rows import HostRow, JobRow, ProjectRow, RunRow

_ACTIVE = (JobState.QUEUED, JobState.ASSIGNED, JobState.STARTING, JobState.RUNNING)


class Scheduler:
    """See `server.dispatch` and `server.rounds.Places`.

    `bound_s`: a job that waited longer gets a host kept for it. `now`: seconds since 1970.
    """

    def __init__(self, now: Callable[[], float], bound_s: float = DEFAULT_BOUND_S):
        self._now = now
        self._decider = Decider(bound_s=bound_s)
        self._changed_projects = Changed(ProjectRow)
        self._changed_hosts = Changed(HostRow)
        self._changed_jobs = Changed(JobRow, state=_ACTIVE)
        self._hosts: dict[str, HostRow] = {}
        self._kinds: Counter[tuple[Capacity, frozenset[str]]] = Counter()
        self._queued: set[str] = set()
        self._looked_in: Callable[[], Tx | None] = lambda: None

    def choose(self, host: str, left: tuple[int, int]) -> Choice | None:
        """A queued job for the host; nothing is changed by asking.

        `left` is what it says that it has left, in millicpu and MiB: never more than we know.
        """
        row = self._hosts.get(host)
        if row is None or not row.online or not self._queued:
            return None
        return self._decider.choose(host, self._now(), left)

    def started(self, job: str, host: str) -> None:
        """It was written down that the job was given to the host."""
        self._queued.discard(job)
        self._decider.start(job, host, self._now())
        self._changed_jobs.doubt(job)

    def placed(self, tx: Tx, run: RunRow, wanted: Requirement) -> tuple[Requirement, str | None]:
        """What a job gets, or why no host there is can ever serve it."""
        if self._looked_in() is not tx:
            self._catch_up_hosts(tx)
        if not self._kinds:
            return wanted, None  # the first host may come any moment
        sizes = self._sizes_for(tx.get(ProjectRow, run.project), wanted.host_labels)
        if not sizes:
            which = f" with label {', '.join(sorted(wanted.host_labels))}"
            what = which if wanted.host_labels else ""
            return wanted, f"no host can serve it: {run.project} has no host{what}"
        refusals = [misfit(wanted, size) for size in sizes]
        if None in refusals:
            return wanted, None
        fits = [fit for size in sizes if (fit := nearest_fit(wanted, size))]
        nearest = max(fits, key=lambda fit: (fit.cpu, fit.memory_mib), default=None)
        if nearest is not None and run.fit:
            return nearest, None
        hint = f"; the nearest that fits is {nearest} (--fit takes it)" if nearest else ""
        return wanted, f"no host can serve it: {refusals[0]}{hint}"

    def why_waits(self, job: str) -> str:
        """A sentence for people, as of the last transaction that this process saw."""
        return self._decider.why_waits(job, self._now())

    def review(self, tx: Tx) -> list[tuple[str, str | None, float]]:
        """Reservations to be written down: (job, host or None, made at)."""
        self.catch_up(tx)
        review = self._decider.review(self._now())
        dropped: list[tuple[str, str | None, float]] = [(one.job, None, 0.0) for one in review.drop]
        return [*dropped, *((one.job, one.host, one.made_at) for one in review.make)]

    def catch_up(self, tx: Tx) -> None:
        """Take in what changed since; before anything is chosen in a transaction."""
        self._catch_up_hosts(tx)
        for job, row in self._changed_jobs.since_last(tx):
            self._take_job(job, row)

    def _catch_up_hosts(self, tx: Tx) -> None:
        self._looked_in = weakref.ref(tx)
        for project, share in self._changed_projects.since_last(tx):
            self._take_project(project, share)
        for host, row in self._changed_hosts.since_last(tx):
            self._take_host(host, row)

    def _take_project(self, project: str, row: ProjectRow | None) -> None:
        if row is None:
            self._decider.remove_project(project)
        else:
            self._decider.put_project(_share(row))

    def _take_host(self, host: str, row: HostRow | None) -> None:
        before = self._hosts.pop(host, None)
        if before is not None:
            self._kinds -= Counter([_kind(before)])
        if row is not None and not row.removed and row.architectures:
            self._hosts[host] = row
            self._kinds[_kind(row)] += 1
            if row.online:
                self._decider.put_host(_room(row))
                return
        self._decider.remove_host(host)

    def _take_job(self, job: str, row: JobRow | None) -> None:
        self._queued.discard(job)
        if row is None or row.state not in _ACTIVE:
            self._decider.remove_job(job)
            self._decider.end(job)
            return
        if row.state is not JobState.QUEUED:
            self._decider.put_running(_running(row))
            return
        self._queued.add(job)
        self._decider.put_job(_queued(row))
        if row.reserved_on:
            self._decider.put_reservation(Reservation(row.id, row.reserved_on, row.reserved_at))
        else:
            self._decider.drop_reservation(row.id)

    def _sizes_for(self, project: ProjectRow | None, labels: frozenset[str]) -> list[Capacity]:
        """Of hosts with those labels; the largest first, whatever order the hosts came in."""
        if project is None or not project.hosts:
            kinds = set(self._kinds)
        else:
            kinds = {_kind(self._hosts[host]) for host in project.hosts if host in self._hosts}
        sizes = {size for size, of_host in kinds if labels <= of_host}
        key = operator.attrgetter("cpu", "memory_mib")
        return sorted(sizes, key=lambda one: (key(one), sorted(one.architectures)), reverse=True)


def _room(row: HostRow) -> HostRoom:
    """What a host offers in all."""
    return HostRoom(
        id=row.id,
        millicpu=int(row.millicpu * row.cpu_factor),
        memory_mib=row.memory_mib,
        architectures=row.architectures,
        labels=as_labels(row.labels),
        draining=row.draining or row.quarantined is not None,
    )


def _kind(row: HostRow) -> tuple[Capacity, frozenset[str]]:
    return _size(row), as_labels(row.labels)


def _size(row: HostRow) -> Capacity:
    """The largest machine it can run."""
    cpu = Decimal(row.millicpu) / MILLI
    return Capacity(cpu.normalize(), row.memory_mib, frozenset(row.architectures))


def _share(row: ProjectRow) -> ProjectShare:
    quota = Quota(row.quota_millicpu, row.quota_memory_mib, row.quota_jobs)
    return ProjectShare(row.id, max(1, row.weight), quota, frozenset(row.hosts) or None)


def _queued(row: JobRow) -> QueuedJob:
    wanted = row.requirement
    assert wanted is not None  # queued jobs have one
    return QueuedJob(
        id=row.id,
        project=row.project,
        architecture=wanted.architecture,
        millicpu=millicpu(wanted.cpu),
        memory_mib=wanted.memory_mib,
        labels=wanted.host_labels,
        queued_at=row.queued_at or row.created,
        priority=row.priority,
        expected_s=_expected_s(row),
        at_most_s=row.planned.timeout_minutes * 60,
    )


def _running(row: JobRow) -> RunningJob:
    wanted = row.requirement
    assert wanted is not None  # it was queued
    return RunningJob(
        id=row.id,
        project=row.project,
        host=row.host or "",
        millicpu=millicpu(wanted.cpu),
        memory_mib=wanted.memory_mib,
        started_at=row.claimed_at or row.created,
        expected_s=_expected_s(row),
        at_most_s=row.planned.timeout_minutes * 60,
    )


def _expected_s(row: JobRow) -> float:
    return DEFAULT_EXPECTED_S if row.expected_s is None else row.expected_s
