"""Lets made-up time pass: jobs arrive, start where the scheduler says, and end."""

import heapq
import math
from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from mayfly.domain.scheduling import QueuedJob, Quota, RunningJob, Scheduler
from mayfly.server.simulator.gauges import Gauges
from mayfly.server.simulator.history import History
from mayfly.server.simulator.policy import Policy
from mayfly.server.simulator.trace import Trace

NEVER = -1.0
_REVIEW_S = 30.0
_KEPT_AT_ONCE = 240  # as many as a server makes in that time, 8 a second
_TELL_EACH = 2000

Observer = Callable[[float], None]
"""Told now and then which part of the jobs has ended, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`waits` has for each job of the trace the seconds it waited, NEVER if it never started."""

    waits: "array[float]"
    gauges: Gauges
    kept: int
    """How often a host was kept for a job."""
    overstayed: int
    """Jobs that took longer than was expected of them."""


def simulate(trace: Trace, policy: Policy, observe: Observer) -> Outcome:
    """Until every job has ended that can start at all."""
    return _Run(trace, policy, observe).to_the_end()


class _Run:
    def __init__(self, trace: Trace, policy: Policy, observe: Observer):
        self._jobs = trace.jobs
        self._queued = policy.queued
        self._history = History(trace.before) if policy.learns else None
        self._observe = observe
        self._scheduler = Scheduler(policy.bound_s)
        self._limited = {project.id for project in policy.projects if project.quota != Quota()}
        self._pools = {host.id: host.architectures[0] for host in policy.hosts}
        self._gauges = Gauges(trace)
        self._waits = array("d", [NEVER]) * len(trace.jobs)
        self._ends: list[tuple[float, int, str]] = []
        self._arrived = self._ended = self._kept = self._overstayed = 0
        self._review_at = 0.0
        for project in policy.projects:
            self._scheduler.put_project(project)
        for host in policy.hosts:
            self._scheduler.put_host(host)

    def to_the_end(self) -> Outcome:
        while self._ends or self._arrived < len(self._jobs):
            if self._next_arrival() < self._next_end():
                self._review(self._next_arrival())
                self._arrive(self._arrived)
            else:
                self._review(self._next_end())
                self._end(*heapq.heappop(self._ends))
        self._observe(1.0)
        return Outcome(self._waits, self._gauges, self._kept, self._overstayed)

    def _next_arrival(self) -> float:
        return self._jobs[self._arrived].at if self._arrived < len(self._jobs) else math.inf

    def _next_end(self) -> float:
        return self._ends[0][0] if self._ends else math.inf

    def _arrive(self, number: int) -> None:
        self._arrived += 1
        job = self._expected(number, self._queued(number))
        self._gauges.arrived(self._jobs[number])
        self._scheduler.put_job(job)
        host = self._scheduler.host_for(job.id)
        if host is not None:
            self._fill([host], job.queued_at)

    def _expected(self, number: int, job: QueuedJob) -> QueuedJob:
        if self._history is None or self._jobs[number].expected_s is not None:
            return job
        return replace(job, expected_s=self._history.expected_s(self._jobs[number]))

    def _end(self, now: float, number: int, host: str) -> None:
        self._ended += 1
        if self._ended % _TELL_EACH == 0:
            self._observe(self._ended / len(self._jobs))
        job = self._queued(number)
        self._gauges.ended(self._jobs[number], self._pools[host], now)
        self._scheduler.end(job.id)
        if self._history is not None:
            self._history.ended(self._jobs[number], self._pools[host])
        self._fill([host], now)
        if job.project in self._limited:
            self._fill(self._scheduler.hosts_for(job.project), now)

    def _fill(self, hosts: Iterable[str], now: float) -> None:
        """Those hosts ask until they get nothing, and those for which a start makes way."""
        asking = list(hosts)
        while asking:
            host = asking.pop()
            while (choice := self._scheduler.choose(host, now)) is not None:
                job = self._scheduler.start(choice.job, host, now)
                self._start(int(job.id), job, now)
                if job.project in self._limited:
                    asking.extend(self._scheduler.hosts_for(job.project))

    def _start(self, number: int, running: RunningJob, now: float) -> None:
        job = self._jobs[number]
        self._waits[number] = now - job.at
        self._overstayed += job.seconds > running.expected_s
        self._gauges.started(job, self._pools[running.host], now)
        heapq.heappush(self._ends, (now + job.seconds, number, running.host))

    def _review(self, now: float) -> None:
        if now < self._review_at:
            return
        self._review_at = now + _REVIEW_S
        review = self._scheduler.review(now, limit=_KEPT_AT_ONCE)
        self._kept += len(review.make)
        for reservation in review.drop:
            self._scheduler.drop_reservation(reservation.job)
        for reservation in review.make:
            self._scheduler.put_reservation(reservation)
        self._fill((reservation.host for reservation in review.drop), now)
