"""How long one decision takes with a long queue and many hosts."""

import random
import time
from dataclasses import dataclass, field

from mayfly.domain.architecture import Architecture
from mayfly.domain.scheduling import (
    HostRoom,
    ProjectShare,
    QueuedJob,
    Quota,
    RunningJob,
    Scheduler,
)

_PROJECTS = 500
_BOUND_S = 600.0
_HOST = (64_000, 256 * 1024)
_SIZES = ((500, 1), (1000, 2), (2000, 4), (4000, 8), (4000, 16), (8000, 16), (16000, 64))
_WEIGHTS = (20, 25, 25, 12, 10, 6, 2)
_REVIEW_EACH = 20


@dataclass
class Timed:
    """Processor seconds of each call: it waits for nothing, and others shall not count."""

    claims: list[float] = field(default_factory=list)
    reviews: list[float] = field(default_factory=list)


class Crowd:
    """A full fleet and a long queue, half of it past its bound; 500 projects, 56 shapes."""

    def __init__(self, jobs: int, hosts: int, seed: int = 1):
        self.now = 100_000.0
        self.timed = Timed()
        self._random = random.Random(seed)  # noqa: S311 (a repeatable load)
        self._scheduler = Scheduler(_BOUND_S)
        self._count = 0
        self._running: list[RunningJob] = []
        for number in range(_PROJECTS):
            quota = Quota(millicpu=4_000_000) if number % 4 == 0 else Quota()
            self._scheduler.put_project(ProjectShare(f"p{number}", 1 + number % 3, quota))
        for number in range(hosts):
            self._fill(f"h{number}", number)
        for _ in range(jobs):
            self._arrive(self._random.uniform(0, 2 * _BOUND_S))

    def claim(self) -> None:
        """A job ends, and its host asks until there is nothing more for it."""
        at = self._random.randrange(len(self._running))
        self._running[at], self._running[-1] = self._running[-1], self._running[at]
        ended = self._running.pop()
        self._scheduler.end(ended.id)
        self.now += 0.01
        while True:
            began = time.thread_time()
            choice = self._scheduler.choose(ended.host, self.now)
            if choice is not None:
                self._running.append(self._scheduler.start(choice.job, choice.host, self.now))
            self.timed.claims.append(time.thread_time() - began)
            if choice is None:
                return
            self._arrive(0.0)

    def review(self) -> None:
        began = time.thread_time()
        review = self._scheduler.review(self.now)
        self.timed.reviews.append(time.thread_time() - began)
        for reservation in review.drop:
            self._scheduler.drop_reservation(reservation.job)
        for reservation in review.make:
            self._scheduler.put_reservation(reservation)

    def _fill(self, host: str, number: int) -> None:
        own = Architecture.ARM64 if number % 3 == 0 else Architecture.AMD64
        labels = frozenset({"ssd"}) if number % 10 == 0 else frozenset[str]()
        self._scheduler.put_host(HostRoom(host, *_HOST, (own,), labels))
        millicpu, memory_mib = _HOST
        while True:
            job = self._job(0.0)
            millicpu, memory_mib = millicpu - job.millicpu, memory_mib - job.memory_mib
            if millicpu < 0 or memory_mib < 0:
                return
            started = self.now - self._random.uniform(0, 2 * job.expected_s)
            running = RunningJob(
                job.id, job.project, host, job.millicpu, job.memory_mib, started, job.expected_s
            )
            self._scheduler.put_running(running)
            self._running.append(running)

    def _arrive(self, waited_s: float) -> None:
        self._scheduler.put_job(self._job(waited_s))

    def _job(self, waited_s: float) -> QueuedJob:
        chance = self._random
        self._count += 1
        millicpu, gib = chance.choices(_SIZES, _WEIGHTS)[0]
        return QueuedJob(
            id=f"j{self._count}",
            project=f"p{int(_PROJECTS * chance.random() ** 2)}",
            architecture=chance.choice((Architecture.AMD64, Architecture.ARM64, None)),
            millicpu=millicpu,
            memory_mib=gib * 1024,
            queued_at=self.now - waited_s,
            labels=frozenset({"ssd"}) if chance.random() < 1 / 20 else frozenset(),
            priority=int(chance.random() < 1 / 4),
            expected_s=chance.lognormvariate(5, 1),
        )


def time_claims(jobs: int, hosts: int, claims: int) -> Timed:
    """So many jobs end, one after the other; now and then hosts are kept for large jobs."""
    crowd = Crowd(jobs, hosts)
    for number in range(claims):
        crowd.claim()
        if number % _REVIEW_EACH == 0:
            crowd.review()
    return crowd.timed
