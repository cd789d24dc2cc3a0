"""What has ended tells how long later jobs of a simulation are expected to take, as on a server."""

import math
from collections.abc import Iterable

from mayfly.domain.architecture import Architecture
from mayfly.domain.scheduling.durations import (
    DEFAULT_EXPECTED_S,
    Level,
    Seconds,
    Work,
    expect,
    learn,
)
from mayfly.server.simulator.trace import TraceJob


class History:
    """Fed with every end, in order of time; asked when a job arrives."""

    def __init__(self, before: Iterable[TraceJob]) -> None:
        self._known: dict[Level, Seconds] = {}
        for job in before:
            for architecture in _architectures(job):
                self.ended(job, architecture)

    def expected_s(self, job: TraceJob) -> float:
        works = [_work(job, one) for one in _architectures(job)]
        return expect(self._known, works, guess_s=DEFAULT_EXPECTED_S, at_most_s=math.inf)

    def ended(self, job: TraceJob, placed: Architecture) -> None:
        self._known |= learn(self._known, _work(job, placed), job.seconds)


def _architectures(job: TraceJob) -> tuple[Architecture, ...]:
    return tuple(Architecture) if job.architecture is None else (job.architecture,)


def _work(job: TraceJob, architecture: Architecture) -> Work:
    return Work(job.project, job.workflow, job.name, architecture)
