"""A control plane that gives out what the test says, and remembers what it was told."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeVar

from mayfly.domain.architecture import Architecture
from mayfly.domain.errors import Location
from mayfly.domain.placement import Capacity
from mayfly.protocol.fleet import Assignment, JobEnded, Lease, Output, Report, StaleLease
from mayfly.workflow.model import Step
from mayfly.workflow.spec import JobSpec

HERE = Location("ci.yml", 1, 1)

_R = TypeVar("_R")


def assignment(
    conduct: str = "succeeds",
    *,
    name: str = "job",
    seconds: float = 0,
    steps: tuple[Step, ...] = (Step(HERE, run="make"),),
    **more: Any,
) -> Assignment:
    env = {"DUMMY": conduct, "DUMMY_SECONDS": str(seconds)}
    wanted: dict[str, Any] = {"vcpus": 1, "cpu": 1.0, "memory_mib": 1024, "timeout_minutes": 5.0}
    return Assignment(
        lease=Lease(name, 1),
        spec=JobSpec(name, name, steps, {}, env, outputs=more.pop("outputs", {})),
        image="default",
        architecture=Architecture.AMD64,
        **{**wanted, **more},
    )


@dataclass
class FakeControl:
    """`on_report` is called with each report, and may raise."""

    queue: list[Assignment] = field(default_factory=list)
    reports: list[tuple[Lease, Report]] = field(default_factory=list)
    cancels: dict[str, "asyncio.Future[str]"] = field(default_factory=dict)
    asked: list[Capacity] = field(default_factory=list)
    on_report: Callable[[Report], None] = lambda report: None
    more: asyncio.Event = field(default_factory=asyncio.Event)
    ended: set[str] = field(default_factory=set)

    async def claim(self, host: str, free: Capacity) -> Assignment:
        self.asked.append(free)
        while True:
            for job in self.queue:
                if Decimal(str(job.cpu)) <= free.cpu and job.memory_mib <= free.memory_mib:
                    self.queue.remove(job)
                    return job
            self.more.clear()
            await self.more.wait()

    async def report(self, lease: Lease, report: Report) -> None:
        if lease.job in self.ended:
            raise StaleLease(lease.job)
        await asyncio.sleep(0)  # as a network would
        self.reports.append((lease, report))
        if isinstance(report, JobEnded):
            self.ended.add(lease.job)
        self.on_report(report)

    async def cancellation(self, lease: Lease) -> str:
        return await asyncio.shield(self._wish(lease.job))

    def cancel(self, job: str = "job", reason: str = "a test says so") -> None:
        self._wish(job).set_result(reason)

    def of(self, kind: type[_R], job: str = "job") -> list[_R]:
        return [
            report
            for lease, report in self.reports
            if lease.job == job and isinstance(report, kind)
        ]

    def end(self, job: str = "job") -> JobEnded:
        [ended] = self.of(JobEnded, job)
        return ended

    def printed(self, job: str = "job") -> bytes:
        return b"".join(output.data for output in self.of(Output, job))

    def _wish(self, job: str) -> "asyncio.Future[str]":
        loop = asyncio.get_running_loop()
        return self.cancels.setdefault(job, loop.create_future())
