"""Random small fleets: every event goes to a scheduler and to the reference beside it."""

import math
from collections.abc import Callable
from dataclasses import replace

from hypothesis import strategies as st
from tests.domain.scheduling.reference import Reference

from mayfly.domain.architecture import Architecture
from mayfly.domain.scheduling import (
    Choice,
    HostRoom,
    ProjectShare,
    QueuedJob,
    Quota,
    Scheduler,
)

BOUND_S = 100.0
HOSTS = ("h0", "h1", "h2")
PROJECTS = ("p0", "p1", "p2")
AMD64, ARM64 = Architecture.AMD64, Architecture.ARM64


class World:
    """One scheduler, one reference, one clock."""

    def __init__(self) -> None:
        self.scheduler = Scheduler(BOUND_S)
        self.reference = Reference(BOUND_S)
        self.now = 1000.0
        self._count = 0

    def put_project(self, project: ProjectShare) -> None:
        self.scheduler.put_project(project)
        self.reference.projects[project.id] = project

    def put_host(self, host: HostRoom) -> None:
        self.scheduler.put_host(host)
        self.reference.hosts[host.id] = host

    def remove_host(self, host: str) -> None:
        """As a server does it: what ran there is over."""
        for job in self.reference.on(host):
            self.end(job.id)
        self.scheduler.remove_host(host)
        self.reference.hosts.pop(host, None)
        self.drop_void()

    def put_job(self, job: QueuedJob) -> str:
        """`queued_at` counts back from now."""
        self._count += 1
        job = replace(job, id=f"j{self._count:03}", queued_at=self.now - job.queued_at)
        self.scheduler.put_job(job)
        self.reference.jobs[job.id] = job
        return job.id

    def remove_job(self, job: str) -> None:
        self.scheduler.remove_job(job)
        self.reference.jobs.pop(job, None)
        self.reference.reservations.pop(job, None)

    def choose(self, host: str) -> Choice | None:
        """Both must agree."""
        choice = self.scheduler.choose(host, self.now)
        assert choice == self.reference.choose(host, self.now)
        return choice

    def start(self, choice: Choice) -> None:
        running = self.scheduler.start(choice.job, choice.host, self.now)
        job = self.reference.jobs.pop(choice.job)
        assert (running.project, running.millicpu, running.memory_mib) == (
            job.project,
            job.millicpu,
            job.memory_mib,
        )
        self.reference.running[running.id] = running
        self.reference.reservations.pop(running.id, None)

    def fill(self, host: str) -> list[Choice]:
        """What the host starts until there is nothing more for it."""
        started = []
        while choice := self.choose(host):
            self.start(choice)
            started.append(choice)
        return started

    def settle(self) -> None:
        """Every host asks until none gets anything: a start may free what was held for it."""
        while any(self.fill(host) for host in HOSTS):
            pass

    def end(self, job: str) -> None:
        self.scheduler.end(job)
        self.reference.running.pop(job, None)

    def review(self) -> None:
        review = self.scheduler.review(self.now)
        for reservation in review.drop:
            self.scheduler.drop_reservation(reservation.job)
            del self.reference.reservations[reservation.job]
        for reservation in review.make:
            self.scheduler.put_reservation(reservation)
            self.reference.reservations[reservation.job] = reservation

    def drop_void(self) -> None:
        for reservation in self.scheduler.review(self.now).drop:
            self.scheduler.drop_reservation(reservation.job)
            del self.reference.reservations[reservation.job]


Event = Callable[[World], object]

_seldom = st.sampled_from([False] * 9 + [True])
_ssd = frozenset({"ssd"})

hosts = st.builds(
    HostRoom,
    id=st.sampled_from(HOSTS),
    millicpu=st.sampled_from([4000, 6000, 8000]),
    memory_mib=st.sampled_from([4096, 8192]),
    architectures=st.sampled_from([(AMD64,), (AMD64,), (ARM64,), (AMD64, ARM64)]),
    labels=st.sampled_from([frozenset[str](), _ssd]),
    draining=_seldom,
)
quotas = st.builds(
    Quota,
    millicpu=st.sampled_from([None, None, 4000, 8000]),
    memory_mib=st.sampled_from([None, None, 4096]),
    jobs=st.sampled_from([None, None, None, 0, 1, 3]),
)
projects = st.builds(
    ProjectShare,
    id=st.sampled_from(PROJECTS),
    weight=st.integers(1, 3),
    quota=st.one_of(st.just(Quota()), quotas),
    hosts=st.sampled_from([None, None, None, frozenset({"h0"}), frozenset({"h1", "h2"})]),
)
jobs = st.builds(
    QueuedJob,
    id=st.just(""),
    project=st.sampled_from([*PROJECTS, "unknown"]),
    architecture=st.sampled_from([None, AMD64, AMD64, ARM64]),
    millicpu=st.sampled_from([250, 1000, 1000, 2000, 4000, 6000]),
    memory_mib=st.sampled_from([256, 1024, 1024, 2048, 4096]),
    labels=st.sampled_from([frozenset[str](), frozenset[str](), frozenset[str](), _ssd]),
    priority=st.integers(0, 1),
    queued_at=st.sampled_from([0.0, 0.0, 0.0, 50.0, 200.0]),
    expected_s=st.sampled_from([10.0, 60.0, 600.0]),
    at_most_s=st.sampled_from([math.inf, 80.0, 900.0]),
)


def _end(index: int) -> Event:
    def event(world: World) -> None:
        running = sorted(world.reference.running)
        if running:
            world.end(running[index % len(running)])

    return event


def _cancel(index: int) -> Event:
    def event(world: World) -> None:
        queued = sorted(world.reference.jobs)
        if queued:
            world.remove_job(queued[index % len(queued)])

    return event


def _wait(seconds: float) -> Event:
    def event(world: World) -> None:
        world.now += seconds

    return event


def _put_jobs(batch: list[QueuedJob]) -> Event:
    return lambda world: [world.put_job(job) for job in batch]


def _watch(world: World) -> None:
    """What a server does all the time."""
    world.review()
    world.settle()


_index = st.integers(0, 20)
_batches = st.lists(jobs, min_size=3, max_size=8).map(_put_jobs)
_seconds = st.sampled_from([5.0, 40.0, 120.0]).map(_wait)
_host = st.sampled_from(HOSTS)
_usual = st.one_of(
    _batches, _index.map(_end), _index.map(_end), _seconds, st.just(World.settle), st.just(_watch)
)
_unusual = st.one_of(
    hosts.map(lambda host: lambda world: world.put_host(host)),
    projects.map(lambda project: lambda world: world.put_project(project)),
    _host.map(lambda host: lambda world: world.fill(host)),
    _host.map(lambda host: lambda world: world.remove_host(host)),
    _index.map(_cancel),
    st.just(World.review),
)
events: st.SearchStrategy[Event] = st.one_of(_usual, _usual, _unusual)
"""What may happen, in any order."""


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """A fleet that is busy already."""
    world = World()
    for name in HOSTS:
        world.put_host(replace(draw(hosts), id=name))
    for project in draw(st.lists(projects, max_size=3)):
        world.put_project(project)
    for job in draw(st.lists(jobs, min_size=6, max_size=12)):
        world.put_job(job)
    world.settle()
    return world


histories = st.lists(events, min_size=15, max_size=50)
