"""What one project uses and waits for."""

from collections.abc import Mapping

from mayfly.domain.architecture import Architecture
from mayfly.domain.scheduling.hosts import Size
from mayfly.domain.scheduling.model import ProjectShare, QueuedJob
from mayfly.domain.scheduling.queues import AgeKey, RankKey, ShapeQueue

_NOTHING: Size = (0, 0)


class Project:
    """One project. Its queues change by `add` and `remove` only."""

    __slots__ = (
        "_ages",
        "_charged",
        "_ranks",
        "_used",
        "id",
        "kept",
        "mask",
        "queues",
        "running",
        "share",
        "shares",
    )

    def __init__(self, share: ProjectShare):
        self.id = share.id
        self.share = share
        self.queues: dict[int, ShapeQueue] = {}
        self.mask = 0
        """The shapes of which it has jobs waiting."""
        self.running = 0
        self.kept: dict[str, tuple[Size, Architecture | None]] = {}
        """Its waiting jobs for which a host is kept: how much, in which pool."""
        self.shares: dict[Architecture, float] = {}
        """See `work_out_shares`."""
        self._used: Size = _NOTHING
        self._charged: dict[Architecture, Size] = {}
        # The first jobs of all queues, sorted when asked for, as they are asked for far more often
        # than they change.
        self._ages: list[tuple[AgeKey, int]] | None = None
        self._ranks: list[tuple[RankKey, int]] | None = None

    @property
    def is_active(self) -> bool:
        return bool(self.mask or self.running)

    def add(self, bit: int, job: QueuedJob) -> None:
        queue = self.queues.get(bit)
        if queue is None:
            queue = self.queues[bit] = ShapeQueue()
            self.mask |= bit
        queue.add(job)
        self._look_again(queue, job)

    def remove(self, bit: int, job: QueuedJob) -> None:
        queue = self.queues[bit]
        self._look_again(queue, job)
        queue.remove(job)
        if not queue:
            del self.queues[bit]
            self.mask ^= bit

    def by_age(self) -> list[tuple[AgeKey, int]]:
        """The age of the oldest job of each shape, the oldest first."""
        if self._ages is None:
            self._ages = sorted((q.oldest().age_key, bit) for bit, q in self.queues.items())
        return self._ages

    def by_rank(self) -> list[tuple[RankKey, int]]:
        """The rank of the first job of each shape, the highest priority first."""
        if self._ranks is None:
            self._ranks = sorted((q.first().rank_key, bit) for bit, q in self.queues.items())
        return self._ranks

    def _look_again(self, queue: ShapeQueue, job: QueuedJob) -> None:
        if queue.oldest() is job:
            self._ages = None
        if queue.first() is job:
            self._ranks = None

    def use(self, size: Size, pool: Architecture | None, sign: int) -> None:
        """One job of that size runs, or with -1 no longer."""
        self.running += sign
        self._used = _plus(self._used, size, sign)
        self.charge(size, pool, sign)

    def charge(self, size: Size, pool: Architecture | None, sign: int) -> None:
        """Count so much as its part of the pool; no pool while the host is unknown."""
        if pool is not None:
            self._charged[pool] = _plus(self._charged.get(pool, _NOTHING), size, sign)

    def keep(self, job_id: str, size: Size, pool: Architecture | None) -> None:
        """A host is kept for a waiting job: that counts as its part, as if it ran."""
        self.unkeep(job_id)
        self.kept[job_id] = (size, pool)
        self.charge(size, pool, 1)

    def unkeep(self, job_id: str) -> None:
        if job_id in self.kept:
            size, pool = self.kept.pop(job_id)
            self.charge(size, pool, -1)

    def work_out_shares(self, offered: Mapping[Architecture, Size]) -> None:
        """Its dominant share of each pool, divided by its weight.

        The larger of the parts it has of the pool's vCPU and of its memory, 0 to 1.
        """
        self.shares = {pool: self.share_with(_NOTHING, pool, offered) for pool in self._charged}

    def share_with(
        self, more: Size, pool: Architecture, offered: Mapping[Architecture, Size]
    ) -> float:
        """What its share of that pool would be with so much more."""
        millicpu, memory_mib = _plus(self._charged.get(pool, _NOTHING), more, 1)
        all_millicpu, all_memory_mib = offered.get(pool, _NOTHING)
        dominant = max(
            millicpu / all_millicpu if all_millicpu else 0.0,
            memory_mib / all_memory_mib if all_memory_mib else 0.0,
        )
        return dominant / self.share.weight

    def admits(self, millicpu: int, memory_mib: int, jobs: int = 1) -> bool:
        """Whether its quota allows so much more now."""
        quota = self.share.quota
        return (
            (quota.millicpu is None or self._used[0] + millicpu <= quota.millicpu)
            and (quota.memory_mib is None or self._used[1] + memory_mib <= quota.memory_mib)
            and (quota.jobs is None or self.running + jobs <= quota.jobs)
        )


def _plus(size: Size, more: Size, sign: int) -> Size:
    return size[0] + sign * more[0], size[1] + sign * more[1]
