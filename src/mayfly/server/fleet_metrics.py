"""How the fleet stands, for Prometheus: jobs, how long they waited, how they ended, hosts.

A mirror of what is going on is brought up to date at each look by the rows that changed since, so
that a look costs the same however many jobs there are.
"""

import asyncio
from collections import Counter as Count
from dataclasses import dataclass
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from mayfly.domain.job import JobState
from mayfly.store.base import Store, View
from mayfly.store.forge_rows import AlarmRow
from mayfly.store.rows import HostRow, JobRow, SessionRow

_GOING_ON = (JobState.QUEUED, JobState.ASSIGNED, JobState.STARTING, JobState.RUNNING)
_WAITED_S = (0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 24 * 3600)


@dataclass(frozen=True, slots=True)
class _Going:
    """A job that goes on."""

    project: str
    architecture: str
    state: JobState
    millicpu: int
    memory_mib: int


@dataclass(frozen=True, slots=True)
class _Look:
    """Jobs that changed since the last look, of which `version` is the newest."""

    jobs: list[JobRow]
    version: int
    hosts: list[HostRow]
    sessions: int
    stopped: list[str]


class FleetMetrics:
    """`refresh` before each time the registry is read."""

    def __init__(self, registry: CollectorRegistry):
        self._since: int | None = None
        self._going: dict[str, _Going] = {}
        self._claimed: dict[str, int] = {}
        self._one_at_a_time = asyncio.Lock()
        self._jobs = Gauge(
            "mayfly_jobs",
            "Jobs in the queue and on hosts.",
            ["project", "architecture", "state"],
            registry=registry,
        )
        self._waited = Histogram(
            "mayfly_job_waiting_seconds",
            "Time from being ready to being given to a host.",
            ["architecture"],
            buckets=_WAITED_S,
            registry=registry,
        )
        self._ended = Counter(
            "mayfly_jobs_ended",
            "Jobs that ended, since this server started.",
            ["project", "state", "conclusion"],
            registry=registry,
        )
        self._hosts = Gauge("mayfly_hosts", "Hosts, by how they are.", ["state"], registry=registry)
        self._millicpu = Gauge(
            "mayfly_millicpu", "Thousandths of a vCPU of hosts that are online.", ["what"],
            registry=registry,
        )  # fmt: skip
        self._memory = Gauge(
            "mayfly_memory_mib", "Memory of hosts that are online.", ["what"], registry=registry
        )
        self._stopped = Gauge(
            "mayfly_images_stopped",
            "Images whose machines are given no jobs of a forge: their runner is too old.",
            ["image"],
            registry=registry,
        )
        self._sessions = Gauge("mayfly_sessions", "Agents that are connected.", registry=registry)

    async def refresh(self, store: Store) -> None:
        async with self._one_at_a_time:
            look = await store.read(partial(_look, since=self._since))
            for job in look.jobs:
                # What was given out or ended before this server started is not its to count.
                if self._since is not None:
                    self._count(job)
                self._remember(job)
            self._since = look.version
            self._tell_jobs()
            self._tell_hosts(look)

    def _count(self, job: JobRow) -> None:
        claimed, queued = job.claimed_at, job.queued_at
        if claimed is not None and queued is not None and not self._is_counted(job):
            self._waited.labels(_architecture(job)).observe(claimed - queued)
        if job.state.is_final:
            conclusion = job.state.conclusion or ""
            self._ended.labels(job.project, job.state.value, conclusion).inc()

    def _is_counted(self, job: JobRow) -> bool:
        return self._claimed.get(job.id) == job.attempt

    def _remember(self, job: JobRow) -> None:
        if job.state not in _GOING_ON:
            self._going.pop(job.id, None)
            self._claimed.pop(job.id, None)
            return
        wanted = job.requirement
        self._going[job.id] = _Going(
            job.project,
            _architecture(job),
            job.state,
            int(wanted.cpu * 1000) if wanted else 0,
            wanted.memory_mib if wanted else 0,
        )
        if job.claimed_at is not None:
            self._claimed[job.id] = job.attempt

    def _tell_jobs(self) -> None:
        self._jobs.clear()
        going = list(self._going.values())
        kinds = Count((job.project, job.architecture, job.state.value) for job in going)
        for kind, number in kinds.items():
            self._jobs.labels(*kind).set(number)
        running = [job for job in going if job.state is not JobState.QUEUED]
        self._millicpu.labels("used").set(sum(job.millicpu for job in running))
        self._memory.labels("used").set(sum(job.memory_mib for job in running))

    def _tell_hosts(self, look: _Look) -> None:
        states = Count(_state(host) for host in look.hosts)
        for state in ("online", "offline", "draining", "quarantined"):
            self._hosts.labels(state).set(states[state])
        online = [host for host in look.hosts if host.online]
        given_out = sum(int(host.millicpu * host.cpu_factor) for host in online)
        self._millicpu.labels("offered").set(given_out)
        self._memory.labels("offered").set(sum(host.memory_mib for host in online))
        self._sessions.set(look.sessions)
        self._stopped.clear()
        for image in look.stopped:
            self._stopped.labels(image).set(1)


def _look(view: View, since: int | None) -> _Look:
    changed = {"state": _GOING_ON} if since is None else {"version__gt": since}
    newest = view.find(JobRow, order="-version", limit=1)
    return _Look(
        jobs=view.find(JobRow, order="version", **changed),
        version=newest[0].version if newest else 0,
        hosts=view.find(HostRow, removed=False),
        sessions=view.count(SessionRow, ended=False),
        stopped=[alarm.id for alarm in view.find(AlarmRow)],
    )


def _architecture(job: JobRow) -> str:
    wanted = job.requirement.architecture if job.requirement else None
    return str(job.placed or wanted or "any")


def _state(host: HostRow) -> str:
    if not host.online:
        return "offline"
    if host.quarantined is not None:
        return "quarantined"
    return "draining" if host.draining else "online"
