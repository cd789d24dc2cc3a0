"""A control plane that gives out what the test says, and remembers what it was told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeVar

from mayfly.domain.architecture import Architecture
from mayfly.domain.errors import Location
from mayfly.domain.placement import Capacity
from mayfly.protocol.fleet import Assignment, JobEnded, Lease, Printed, Report, StaleLease
from mayfly.workflow.model import Step
from mayfly.workflow.spec import JobSpec

HERE = Location("ci.yml", 1, 1)

_R = TypeVar("_R")


@dataclass(frozen=True, slots=True)
class Given:
    """A job and what it is to do."""

    assignment: Assignment
    spec: JobSpec

    @property
    def name(self) -> str:
        return self.assignment.lease.job


async def a_source(_action: str | None) -> AsyncIterator[bytes]:
    yield b"x" * 700_000


async def as_a_network_would() -> None:
    """It takes a moment."""
    await asyncio.sleep(0)


def job(
    conduct: str = "succeeds",
    *,
    name: str = "job",
    seconds: float = 0,
    steps: tuple[Step, ...] = (Step(HERE, run="make"),),
    **more: Any,
) -> Given:
    env = {"DUMMY": conduct, "DUMMY_SECONDS": str(seconds)}
    wanted: dict[str, Any] = {"vcpus": 1, "cpu": 1.0, "memory_mib": 1024, "timeout_minutes": 5.0}
    spec = JobSpec(name, name, steps, {}, env, outputs=more.pop("outputs", {}))
    assignment = Assignment(
        lease=Lease(name, 1),
        image="default",
        architecture=Architecture.AMD64,
        **{**wanted, **more},
    )
    return Given(assignment, spec)


@dataclass
class FakeControl:
    """See `protocol.fleet.ControlPlane`. `on_report` is called with each report, and may raise.

    `sources` opens what machines ask for; `on_hand_over` may raise.
    """

    queue: list[Given] = field(default_factory=list)
    sources: Callable[[str | None], AsyncIterator[bytes]] = a_source
    on_hand_over: Callable[[], Awaitable[object]] = as_a_network_would
    specs: dict[Lease, JobSpec] = field(default_factory=dict)
    reports: list[tuple[Lease, Report]] = field(default_factory=list)
    cancels: dict[str, "asyncio.Future[str]"] = field(default_factory=dict)
    asked: list[Capacity] = field(default_factory=list)
    on_report: Callable[[Report], None] = lambda report: None
    more: asyncio.Event = field(default_factory=asyncio.Event)
    ended: set[str] = field(default_factory=set)

    async def claim(self, free: Capacity) -> Assignment:
        self.asked.append(free)
        while True:
            for given in self.queue:
                if fits(given.assignment, free):
                    self.queue.remove(given)
                    return self.give(given)
            self.more.clear()
            await self.more.wait()

    def give(self, given: Given) -> Assignment:
        self.specs[given.assignment.lease] = given.spec
        return given.assignment

    async def hand_over(self, lease: Lease) -> JobSpec:
        await self.on_hand_over()
        return self.specs[lease]

    async def report(self, lease: Lease, report: Report) -> None:
        if lease.job in self.ended:
            raise StaleLease(lease.job)
        await as_a_network_would()
        self.reports.append((lease, report))
        if isinstance(report, JobEnded):
            self.ended.add(lease.job)
        self.on_report(report)

    async def cancellation(self, lease: Lease) -> str:
        return await asyncio.shield(self._wish(lease.job))

    def source(self, lease: Lease, action: str | None) -> AsyncIterator[bytes]:
        assert lease in self.specs
        return self.sources(action)

    def cancel(self, job: str = "job", reason: str = "a test says so") -> None:
        self._wish(job).set_result(reason)

    def take_away(self, job: str = "job") -> None:
        """Its lease is not held any more, and `cancellation` says so."""
        self._wish(job).set_exception(StaleLease(job))

    def of(self, kind: type[_R], job: str = "job") -> list[_R]:
        return [
            report
            for lease, report in self.reports
            if lease.job == job and isinstance(report, kind)
        ]

    def end(self, job: str = "job") -> JobEnded:
        [ended] = self.of(JobEnded, job)
        return ended

    def printed(self, job: str = "job") -> list[str]:
        return [line for printed in self.of(Printed, job) for line in printed.lines]

    def _wish(self, job: str) -> "asyncio.Future[str]":
        loop = asyncio.get_running_loop()
        return self.cancels.setdefault(job, loop.create_future())


def fits(assignment: Assignment, free: Capacity) -> bool:
    return Decimal(str(assignment.cpu)) <= free.cpu and assignment.memory_mib <= free.memory_mib
