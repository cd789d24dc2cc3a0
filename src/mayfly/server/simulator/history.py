"""What ended in a simulation tells how long later jobs are expected to take, as on a server."""

import math

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

    def __init__(self) -> None:
        self._known: dict[Level, Seconds] = {}

    def expected_s(self, job: TraceJob) -> float:
        wanted = job.architecture
        architectures = tuple(Architecture) if wanted is None else (wanted,)
        works = [_work(job, one) for one in architectures]
        return expect(self._known, works, guess_s=DEFAULT_EXPECTED_S, at_most_s=math.inf)

    def ended(self, job: TraceJob, placed: Architecture) -> None:
        self._known |= learn(self._known, _work(job, placed), job.seconds)


def _work(job: TraceJob, architecture: Architecture) -> Work:
    return Work(job.project, job.workflow, job.name, architecture)
