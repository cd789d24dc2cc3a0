"""What one project uses and waits for."""

from collections.abc import Mapping

from mayfly.domain.architecture import Architecture
from mayfly.domain.scheduling.hosts import Size
from mayfly.domain.scheduling.model import ProjectShare, QueuedJob, RunningJob
from mayfly.domain.scheduling.queues import AgeKey, RankKey, ShapeQueue

_NOTHING: Size = (0, 0)


class Project:
    """One project. Its queues change by `add` and `remove` only."""

    __slots__ = (
        "_ages",
        "_ranks",
        "_used",
        "_used_in",
        "id",
        "mask",
        "queues",
        "reserved",
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
        self.reserved: set[str] = set()
        """Its waiting jobs for which a host is kept."""
        self.shares: dict[Architecture, float] = {}
        """See `work_out_shares`."""
        self._used: Size = _NOTHING
        self._used_in: dict[Architecture, Size] = {}
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

    def use(self, job: RunningJob, pool: Architecture | None, sign: int) -> None:
        """It uses what the job has, or with -1 no longer."""
        self.running += sign
        self._used = _plus(self._used, job, sign)
        self.use_in(job, pool, sign)

    def use_in(self, job: RunningJob, pool: Architecture | None, sign: int) -> None:
        """The same for one pool only; no pool while the job's host is unknown."""
        if pool is not None:
            self._used_in[pool] = _plus(self._used_in.get(pool, _NOTHING), job, sign)

    def work_out_shares(self, offered: Mapping[Architecture, Size]) -> None:
        """Its dominant share of each pool, divided by its weight.

        The larger of the parts it has of the pool's vCPU and of its memory, 0 to 1.
        """
        self.shares = {
            pool: dominant(self._used_in[pool], offered.get(pool, _NOTHING)) / self.share.weight
            for pool in self._used_in
        }

    def share_with(
        self, more: Size, pool: Architecture, offered: Mapping[Architecture, Size]
    ) -> float:
        """What its share of that pool would be if it used so much more."""
        used = self._used_in.get(pool, _NOTHING)
        used = used[0] + more[0], used[1] + more[1]
        return dominant(used, offered.get(pool, _NOTHING)) / self.share.weight

    def admits(self, millicpu: int, memory_mib: int, jobs: int = 1) -> bool:
        """Whether its quota allows so much more now."""
        quota = self.share.quota
        return (
            (quota.millicpu is None or self._used[0] + millicpu <= quota.millicpu)
            and (quota.memory_mib is None or self._used[1] + memory_mib <= quota.memory_mib)
            and (quota.jobs is None or self.running + jobs <= quota.jobs)
        )

    @property
    def used(self) -> Size:
        return self._used


def dominant(used: Size, offered: Size) -> float:
    """The larger of the two parts; 0 of nothing."""
    return max(
        used[0] / offered[0] if offered[0] else 0.0, used[1] / offered[1] if offered[1] else 0.0
    )


def _plus(size: Size, job: RunningJob, sign: int) -> Size:
    return size[0] + sign * job.millicpu, size[1] + sign * job.memory_mib
