"""The waiting jobs of one project and one shape: the oldest, and the one of highest priority."""

import bisect
import heapq
from collections.abc import Iterator

from mayfly.domain.scheduling.model import QueuedJob

_SLACK = 64

AgeKey = tuple[float, str]
RankKey = tuple[int, float, str]


class AgeQueue:
    """Jobs by age. Adding and removing cost next to nothing when old ones leave first."""

    __slots__ = ("_head", "_jobs", "_keys")

    def __init__(self) -> None:
        # Keys in order from `_head` on; those of removed jobs stay until they come up or are many.
        self._keys: list[AgeKey] = []
        self._head = 0
        self._jobs: dict[AgeKey, QueuedJob] = {}

    def __len__(self) -> int:
        return len(self._jobs)

    def __iter__(self) -> Iterator[QueuedJob]:
        """From the oldest to the youngest; the queue must not change meanwhile."""
        for at in range(self._head, len(self._keys)):
            job = self._jobs.get(self._keys[at])
            if job is not None:
                yield job

    def add(self, job: QueuedJob) -> None:
        key = job.age_key
        self._jobs[key] = job
        if not self._keys or key > self._keys[-1]:
            self._keys.append(key)
            return
        at = bisect.bisect_left(self._keys, key, self._head)
        if self._keys[at] != key:  # else it is there, as it was removed and came back
            self._keys.insert(at, key)

    def remove(self, job: QueuedJob) -> None:
        del self._jobs[job.age_key]
        if len(self._keys) > 2 * len(self._jobs) + _SLACK:
            self._keys = [key for key in self._keys[self._head :] if key in self._jobs]
            self._head = 0

    def oldest(self) -> QueuedJob:
        """IndexError if there is none."""
        while (job := self._jobs.get(self._keys[self._head])) is None:
            self._head += 1
        return job

    def before(self, key: AgeKey) -> int:
        """How many jobs are older than that."""
        return sum(1 for at in self._keys[self._head : self._position(key)] if at in self._jobs)

    def _position(self, key: AgeKey) -> int:
        return bisect.bisect_left(self._keys, key, self._head)


class ShapeQueue:
    """Jobs by priority and age; never empty while a project keeps it."""

    __slots__ = ("_levels",)

    def __init__(self) -> None:
        self._levels: dict[int, AgeQueue] = {}

    def __len__(self) -> int:
        return sum(map(len, self._levels.values()))

    def add(self, job: QueuedJob) -> None:
        level = self._levels.get(job.priority)
        if level is None:
            level = self._levels[job.priority] = AgeQueue()
        level.add(job)

    def remove(self, job: QueuedJob) -> None:
        level = self._levels[job.priority]
        level.remove(job)
        if not level:
            del self._levels[job.priority]

    def first(self) -> QueuedJob:
        """The oldest of the highest priority."""
        levels = self._levels
        if len(levels) == 1:
            return next(iter(levels.values())).oldest()
        return levels[max(levels)].oldest()

    def oldest(self) -> QueuedJob:
        levels = self._levels.values()
        if len(levels) == 1:
            return next(iter(levels)).oldest()
        return min((level.oldest() for level in levels), key=lambda job: job.age_key)

    def by_age(self) -> Iterator[QueuedJob]:
        return heapq.merge(*self._levels.values(), key=lambda job: job.age_key)

    def before(self, job: QueuedJob) -> int:
        """How many have a higher priority, or the same and are older."""
        return sum(
            len(level) if priority > job.priority else level.before(job.age_key)
            for priority, level in self._levels.items()
            if priority >= job.priority
        )
