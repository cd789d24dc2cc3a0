"""How many machines the waiting jobs of GitHub need, and which are too many. Pure.

GitHub gives a runner to any job that asks for no more than its labels, so machines of the same
labels are alike: a *place* is one of them, made for some job and perhaps taken by another. What is
wanted is counted anew from what waits, never by adding and subtracting what happened.
"""

import enum
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mayfly.forges.github.model import Job, Scope

IDLE_PATIENCE = 300.0  # seconds a runner may wait without a job; two minutes were too short
JobKey = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Pool:
    """Runners that are alike; `labels` in lower case, for GitHub compares them so."""

    scope: Scope
    labels: frozenset[str]


def pool(scope: Scope, labels: Iterable[str]) -> Pool:
    return Pool(scope, frozenset(label.lower() for label in labels))


class Stage(enum.IntEnum):
    """How far a place has come."""

    QUEUED = 0
    STARTING = 1
    LISTENING = 2
    WORKING = 3


@dataclass(frozen=True, slots=True)
class Waiting:
    """A job that GitHub has queued; `since` in seconds since 1970."""

    key: JobKey
    pool: Pool
    since: float


@dataclass(frozen=True, slots=True)
class Place:
    """A machine for one job, from its intention to its end. `made_for` is which job's turn it was.

    `since` is when it came to its stage.
    """

    id: str
    pool: Pool
    stage: Stage
    made_for: JobKey
    since: float


@dataclass(frozen=True, slots=True)
class Plan:
    """`make` a place for each of these jobs; `give_up` these places."""

    make: tuple[Waiting, ...]
    give_up: tuple[str, ...]


def balance(waiting: Iterable[Waiting], places: Iterable[Place], now: float) -> Plan:
    """One place for each waiting job; those that work count for nothing that still waits.

    Too many are given up, the least advanced first; a listening one only after IDLE_PATIENCE, for
    a job may just be on its way to it. `places` are all that have not ended.
    """
    wanted: defaultdict[Pool, list[Waiting]] = defaultdict(list)
    for job in waiting:
        wanted[job.pool].append(job)
    free: defaultdict[Pool, list[Place]] = defaultdict(list)
    for place in places:
        if place.stage is not Stage.WORKING:
            free[place.pool].append(place)
    make: list[Waiting] = []
    give_up: list[str] = []
    for each in wanted.keys() | free.keys():
        jobs, there = wanted[each], free[each]
        make += _unserved(jobs, there)[: max(len(jobs) - len(there), 0)]
        give_up += _spare(jobs, there, now)[: max(len(there) - len(jobs), 0)]
    return Plan(tuple(sorted(make, key=_turn)), tuple(sorted(give_up)))


def taken_place(job: Job, by_runner: Mapping[int, str], by_name: Mapping[str, str]) -> str | None:
    """Which place runs a job that is in progress; None if it is not one of ours.

    It need not be the one that was made for the job. Names decide where GitHub's id was not kept,
    as after a crash in the middle of registering.
    """
    if job.runner_id is not None and job.runner_id in by_runner:
        return by_runner[job.runner_id]
    return by_name.get(job.runner_name or "")


def _unserved(jobs: list[Waiting], places: list[Place]) -> list[Waiting]:
    """Those that have no place of their own first, then the longest waiting."""
    served = {place.made_for for place in places}
    return sorted(jobs, key=lambda job: (job.key in served, *_turn(job)))


def _spare(jobs: list[Waiting], places: list[Place], now: float) -> list[str]:
    """Places that may be given up, the best to lose first."""
    waiting = {job.key for job in jobs}
    spare = [
        place
        for place in places
        if place.stage is not Stage.LISTENING or now - place.since >= IDLE_PATIENCE
    ]
    spare.sort(key=lambda place: (place.stage, place.made_for in waiting, -place.since, place.id))
    return [place.id for place in spare]


def _turn(job: Waiting) -> tuple[float, JobKey]:
    return job.since, job.key
