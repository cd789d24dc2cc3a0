"""What one host has left, for the job it is kept for and for all others."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from mayfly.domain.architecture import Architecture
from mayfly.domain.scheduling.model import HostRoom, Reservation, RunningJob
from mayfly.domain.scheduling.shapes import Kind

Size = tuple[int, int]
"""Millicpu and MiB of memory."""


@dataclass(frozen=True, slots=True)
class Left:
    """What jobs may use of a host now; negative where more is used than offered.

    A host may be kept for a job that does not fit yet. Others then get `sure`, which that job
    will not miss when it is expected to start, at `until`; or `brief` if they are expected to end
    before. Even if every expectation is wrong, the job starts when those have ended that ran when
    the host was kept for it: what started later never needs more than the job leaves.
    """

    sure: Size
    brief: Size
    until: float = math.inf

    def bounded(self, most: Size) -> "Left":
        """The same, but no more than that."""
        return Left(least(self.sure, most), least(self.brief, most), self.until)


class Host:
    """One host and what runs there. After a change call `settle`."""

    __slots__ = (
        "_first_end",
        "_kind",
        "free",
        "id",
        "left",
        "need",
        "offer",
        "reservation",
        "running",
    )

    def __init__(self, host_id: str):
        self.id = host_id
        self.offer: HostRoom | None = None
        """None while only its jobs are known."""
        self._kind: Kind | None = None
        self.running: dict[str, RunningJob] = {}
        self.reservation: Reservation | None = None
        self.need: Size | None = None
        """What the job needs for which it is kept; None also while that job is unknown."""
        self.free: Size = (0, 0)
        self.left = Left((0, 0), (0, 0))
        """As was expected when its jobs started; see `left_at`."""
        self._first_end = math.inf  # of those that run there, as long as it is kept

    @property
    def kind(self) -> Kind:
        """Only of a host that offers something."""
        assert self._kind is not None
        return self._kind

    def become(self, offer: HostRoom | None, kind: Kind | None) -> None:
        self.offer = offer
        self._kind = kind

    @property
    def pool(self) -> Architecture | None:
        """The architecture it runs natively: what its jobs use is counted there."""
        return self.offer.architectures[0] if self.offer else None

    @property
    def is_open(self) -> bool:
        """Whether it may get jobs."""
        return self.offer is not None and not self.offer.draining

    def settle(self) -> None:
        """Work out `free` and `left` again."""
        offer = self.offer
        if offer is None:
            self.free, self.left = (0, 0), Left((0, 0), (0, 0))
            return
        used = _sum(self.running.values())
        self.free = (offer.millicpu - used[0], offer.memory_mib - used[1])
        self.left = Left(self.free, self.free)
        if self.reservation is not None and self.need is not None:
            self.left = self._beside(self.reservation, self.need)
            ends = (job.expected_end(-math.inf) for job in self.running.values())
            self._first_end = min(ends, default=math.inf)

    def left_at(self, now: float) -> Left:
        """What jobs may use now: if others overstay, brief ones have more time.

        `sure` stays as it was worked out: it must be found without looking at every host.
        """
        if not self.is_late(now):
            return self.left
        assert self.need is not None  # it is kept for a job
        until, _ = self._when(self.need, now, -math.inf)
        return Left(self.left.sure, self.left.brief, until)

    def is_late(self, now: float) -> bool:
        """Whether something overstays on a host that is kept."""
        return self.need is not None and now >= self._first_end

    def starts_at(self, need: Size, now: float) -> float:
        """When so much is expected to be free; `now` if it is."""
        return self._when(need, now, now)[0]

    def _beside(self, kept: Reservation, need: Size) -> Left:
        assert self.offer is not None
        since = _sum(job for job in self.running.values() if job.started_at >= kept.made_at)
        spare = (
            self.offer.millicpu - need[0] - since[0],
            self.offer.memory_mib - need[1] - since[1],
        )
        brief = least(self.free, spare)
        until, free = self._when(need, -math.inf, -math.inf)
        return Left(least(brief, (free[0] - need[0], free[1] - need[1])), brief, until)

    def _when(self, need: Size, now: float, already: float) -> tuple[float, Size]:
        """When `need` is expected to be free, and what is free in all at that time.

        `already`: what is said if it is free as things are.
        """
        free = self.free
        if free[0] >= need[0] and free[1] >= need[1]:
            return already, free
        for end, job_id in sorted((job.expected_end(now), job.id) for job in self.running.values()):
            job = self.running[job_id]
            free = free[0] + job.millicpu, free[1] + job.memory_mib
            if free[0] >= need[0] and free[1] >= need[1]:
                return end, free
        return math.inf, free


def least(one: Size, other: Size) -> Size:
    """Of vCPU and of memory the smaller amount each."""
    return min(one[0], other[0]), min(one[1], other[1])


def _sum(jobs: Iterable[RunningJob]) -> Size:
    millicpu = memory_mib = 0
    for job in jobs:
        millicpu += job.millicpu
        memory_mib += job.memory_mib
    return millicpu, memory_mib
