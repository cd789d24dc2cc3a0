"""What a simulation tells: waiting times by size and kind, how busy, how even."""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from mayfly.domain.architecture import Architecture
from mayfly.domain.scheduling import MILLI
from mayfly.server.simulator.engine import NEVER, Outcome
from mayfly.server.simulator.gauges import jain
from mayfly.server.simulator.trace import Trace

_CLASSES = ((1, "up to 1 vCPU"), (2, "up to 2 vCPU"), (4, "up to 4 vCPU"), (8, "up to 8 vCPU"))
_LARGEST = "above 8 vCPU"
_SHORT_S = 10.0
"""Shorter jobs count as of this length, else a second's wait would be a great slowdown."""


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds that `jobs` jobs waited."""

    jobs: int
    p50: float
    p95: float
    p99: float
    longest: float


@dataclass(frozen=True, slots=True)
class Summary:
    """Of one policy. Indexes are Jain's: 1 is even, 1/n if one of n has everything.

    `even_shares` compares what waiting projects have at one time (None: never did two wait),
    `even_slowdowns` by how much longer than needed their jobs took. `overstayed` is the part of
    the jobs that took longer than expected.
    """

    every: Waits
    by_size: dict[str, Waits]
    by_kind: dict[str, Waits]
    busy: dict[Architecture, float]
    even_shares: float | None
    even_slowdowns: float
    hosts_kept: int
    overstayed: float
    never_started: int


def summarise(trace: Trace, outcome: Outcome) -> Summary:
    kinds = {project.id: project.kind for project in trace.projects}
    by_size: defaultdict[str, list[float]] = defaultdict(list)
    by_kind: defaultdict[str, list[float]] = defaultdict(list)
    slowdowns: defaultdict[str, list[float]] = defaultdict(list)
    for job, wait in zip(trace.jobs, outcome.waits, strict=True):
        if wait != NEVER:
            by_size[_size_class(job.millicpu)].append(wait)
            by_kind[kinds[job.project]].append(wait)
            seconds = max(job.seconds, _SHORT_S)
            slowdowns[job.project].append((wait + seconds) / seconds)
    started = [wait for waits in by_kind.values() for wait in waits]
    means = [sum(values) / len(values) for values in slowdowns.values()]
    return Summary(
        every=_waits(started),
        by_size={name: _waits(by_size[name]) for name in _size_classes() if name in by_size},
        by_kind={name: _waits(waits) for name, waits in sorted(by_kind.items())},
        busy=outcome.gauges.busy(),
        even_shares=outcome.gauges.evenness(),
        even_slowdowns=jain(means) if means else 1.0,
        hosts_kept=outcome.kept,
        overstayed=outcome.overstayed / max(1, len(started)),
        never_started=len(trace.jobs) - len(started),
    )


def _size_class(millicpu: int) -> str:
    return next((name for most, name in _CLASSES if millicpu <= most * MILLI), _LARGEST)


def _size_classes() -> list[str]:
    return [*(name for _, name in _CLASSES), _LARGEST]


def _waits(values: Iterable[float]) -> Waits:
    ordered = sorted(values)
    if not ordered:
        return Waits(0, 0.0, 0.0, 0.0, 0.0)
    p50, p95, p99 = (ordered[_rank(len(ordered), part)] for part in (0.5, 0.95, 0.99))
    return Waits(len(ordered), p50, p95, p99, ordered[-1])


def _rank(count: int, part: float) -> int:
    """The index of the least value that is not below `part` of all."""
    return max(0, math.ceil(count * part) - 1)
