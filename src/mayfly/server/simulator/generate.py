"""Makes traces as busy fleets see them: two architectures, long tails, a day's rhythm, a flood."""

import math
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mayfly.domain.architecture import Architecture
from mayfly.domain.scheduling import MILLI, Quota
from mayfly.server.simulator.trace import HostGroup, Trace, TraceJob, TraceProject

_GIB = 1024
_HOUR_S = 3600.0
_DAY_S = 24 * _HOUR_S

# vCPU, GiB of memory, how many of a thousand jobs.
_SIZES = (
    (0.5, 1, 80),
    (1, 2, 250),
    (2, 4, 380),
    (2, 8, 90),
    (4, 8, 120),
    (4, 16, 50),
    (8, 32, 22),
    (16, 64, 8),
)
_ARCHITECTURES = (Architecture.AMD64, Architecture.ARM64, None)
_ARCHITECTURE_WEIGHTS = (52, 40, 8)
# The name, the architecture, vCPU, GiB, how many of a hundred hosts.
_HOSTS = (
    ("amd64-small", Architecture.AMD64, 4, 16, 45),
    ("amd64-large", Architecture.AMD64, 16, 64, 10),
    ("arm64-small", Architecture.ARM64, 4, 16, 37),
    ("arm64-large", Architecture.ARM64, 16, 64, 8),
)
# Of the logarithm of durations: one in a hundred takes 26 times the median. Most of it is between
# jobs; one that runs again takes about as long, a third more or less.
_SIGMA = 1.4
_AGAIN_SIGMA = 0.3
_KNOWN = 0.9  # which part of them has run before the trace begins
_RAN_BEFORE = 3
_ALIKE = 12  # so many jobs has each project of each size and architecture
_SHORTEST_S, _LONGEST_S = 5.0, 6 * _HOUR_S
_FIRST_HOUR, _BUSIEST_HOUR = 9, 15  # a trace begins in the morning
_FLOOD = "flooding"
_FLOOD_PART = 0.15
_FLOOD_S = 900.0
_URGENT = 0.1
_STRETCH_SAMPLE = 20_000
_STRETCH_ROUNDS = 20


@dataclass(frozen=True, slots=True)
class Load:
    """`busy` is which part of the fleet's vCPU the jobs need on average; 1 is all of it.

    The same values give the same trace.
    """

    jobs_per_day: int
    hosts: int
    projects: int
    hours: float
    busy: float
    seed: int


class _Kind(NamedTuple):
    """What one job of a project is each time it runs."""

    project: str
    size: tuple[float, int, int]
    architecture: Architecture | None
    number: int


def generate(load: Load) -> Trace:
    """Durations are stretched so that the fleet is as busy as asked for.

    One project floods: it sends a part of all jobs within a few short bursts.
    """
    chance = random.Random(load.seed)  # noqa: S311 (must be repeatable, guards nothing)
    hosts = _hosts(load.hosts)
    projects = _projects(load.projects, sum(group.count * group.millicpu for group in hosts))
    names = [project.id for project in projects[1:]] or [_FLOOD]
    arrivals = _arrivals(chance, load, names)
    sizes = chance.choices(_SIZES, [size[2] for size in _SIZES], k=len(arrivals))
    pools = chance.choices(_ARCHITECTURES, _ARCHITECTURE_WEIGHTS, k=len(arrivals))
    kinds = [
        _Kind(project, size, pool, chance.randrange(_ALIKE))
        for (_, project), size, pool in zip(arrivals, sizes, pools, strict=True)
    ]
    usual = _usual(chance, kinds)
    seconds = [_again(chance, usual[kind]) for kind in kinds]
    stretch = _stretch(load, hosts, [size[0] for size in sizes], seconds)
    jobs = (
        _job(chance, at, kind, _bounded(raw * stretch))
        for (at, _), kind, raw in zip(arrivals, kinds, seconds, strict=True)
    )
    before = (
        _job(chance, -_DAY_S, kind, _bounded(_again(chance, median) * stretch))
        for kind, median in usual.items()
        if chance.random() < _KNOWN
        for _ in range(_RAN_BEFORE)
    )
    return Trace(hosts, projects, tuple(jobs), tuple(before))


def _hosts(count: int) -> tuple[HostGroup, ...]:
    """At least one of each group, so that every job finds a host."""
    return tuple(
        HostGroup(name, max(1, count * part // 100), (own,), cpu * MILLI, gib * _GIB)
        for name, own, cpu, gib, part in _HOSTS
    )


def _projects(count: int, millicpu: int) -> tuple[TraceProject, ...]:
    """The one that floods first; some of the others weigh twice, some have a quota."""
    quota = Quota(millicpu=max(16 * MILLI, millicpu // 10))
    others = (
        TraceProject(
            f"project-{number}",
            weight=2 if number % 5 == 0 else 1,
            quota=quota if number % 10 == 0 else Quota(),
            kind="others",
        )
        for number in range(1, count)
    )
    return (TraceProject(_FLOOD, kind=_FLOOD), *others)


def _arrivals(chance: random.Random, load: Load, names: Sequence[str]) -> list[tuple[float, str]]:
    """When a job of which project arrives: most follow the day, some come in floods."""
    span_s = load.hours * _HOUR_S
    count = max(1, round(load.jobs_per_day * load.hours / 24))
    flood = round(count * _FLOOD_PART) if load.projects > 1 else 0
    minutes = range(math.ceil(span_s / 60))
    busy = [_rhythm(minute / 60) for minute in minutes]
    popular = [1 / rank for rank in range(1, len(names) + 1)]
    found = [
        (min(span_s, 60 * (minute + chance.random())), name)
        for minute, name in zip(
            chance.choices(minutes, busy, k=count - flood),
            chance.choices(names, popular, k=count - flood),
            strict=True,
        )
    ]
    begins = [chance.uniform(0, span_s) for _ in range(max(1, round(span_s / _DAY_S * 3)))]
    for _ in range(flood):
        at = chance.choice(begins) + chance.uniform(0, _FLOOD_S)
        found.append((min(at, span_s), _FLOOD))
    return sorted(found)


def _rhythm(hour: float) -> float:
    angle = 2 * math.pi * (_FIRST_HOUR + hour - _BUSIEST_HOUR) / 24
    return 0.55 + 0.45 * math.cos(angle)


def _usual(chance: random.Random, kinds: Sequence[_Kind]) -> dict[_Kind, float]:
    """How long each kind takes at the median."""
    between = math.sqrt(_SIGMA**2 - _AGAIN_SIGMA**2)
    return {kind: chance.lognormvariate(0, between) for kind in dict.fromkeys(kinds)}


def _again(chance: random.Random, median: float) -> float:
    return median * chance.lognormvariate(0, _AGAIN_SIGMA)


def _stretch(
    load: Load, hosts: Sequence[HostGroup], cpus: Sequence[float], seconds: Sequence[float]
) -> float:
    """By what durations must be multiplied for the fleet to be as busy as asked for."""
    part = min(len(cpus), _STRETCH_SAMPLE) / len(cpus)
    cores = sum(group.count * group.millicpu for group in hosts) / MILLI
    wanted = load.busy * cores * load.hours * _HOUR_S * part
    sample = list(zip(cpus, seconds, strict=True))[:_STRETCH_SAMPLE]
    stretch = 1.0
    for _ in range(_STRETCH_ROUNDS):
        stretch *= wanted / sum(cpu * _bounded(raw * stretch) for cpu, raw in sample)
    return stretch


def _bounded(seconds: float) -> float:
    return min(max(seconds, _SHORTEST_S), _LONGEST_S)


def _job(chance: random.Random, at: float, kind: _Kind, seconds: float) -> TraceJob:
    cpu, gib, _ = kind.size
    return TraceJob(
        at=round(at, 3),
        project=kind.project,
        architecture=kind.architecture,
        millicpu=round(cpu * MILLI),
        memory_mib=gib * _GIB,
        seconds=round(seconds, 1),
        priority=int(chance.random() < _URGENT),
        workflow=sys.intern(f"workflow-{kind.number}"),
        name=sys.intern(f"{kind.architecture or 'any'}-{cpu:g}cpu-{gib}gb"),
    )
