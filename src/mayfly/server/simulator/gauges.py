"""What is used while time passes: how busy the fleet is, how evenly those that wait are served."""

from collections import Counter, defaultdict

from mayfly.domain.architecture import Architecture
from mayfly.server.simulator.trace import Trace, TraceJob

_SAMPLE_S = 60.0

_Size = tuple[int, int]


class Gauges:
    """Fed with every event, in order of time; read when all are over.

    Busyness counts until the last job arrives, as a fleet that only empties tells nothing.
    """

    def __init__(self, trace: Trace):
        self._until = trace.jobs[-1].at if trace.jobs else 0.0
        self._weights = {project.id: project.weight for project in trace.projects}
        self._offered: dict[Architecture, _Size] = {}
        for group in trace.hosts:
            cpu, memory = self._offered.get(group.architectures[0], (0, 0))
            self._offered[group.architectures[0]] = (
                cpu + group.count * group.millicpu,
                memory + group.count * group.memory_mib,
            )
        self._used: defaultdict[tuple[Architecture, str], list[int]] = defaultdict(lambda: [0, 0])
        self._waiting: Counter[tuple[Architecture | None, str]] = Counter()
        self._busy: Counter[Architecture] = Counter()
        self._busy_s: defaultdict[Architecture, float] = defaultdict(float)
        self._at = 0.0
        self._sample_at = 0.0
        self._indexes: list[float] = []

    def arrived(self, job: TraceJob) -> None:
        self._pass(job.at)
        self._waiting[job.architecture, job.project] += 1

    def started(self, job: TraceJob, pool: Architecture, now: float) -> None:
        self._pass(now)
        waiting = (job.architecture, job.project)
        self._waiting[waiting] -= 1
        if not self._waiting[waiting]:
            del self._waiting[waiting]
        self._use(job, pool, 1)

    def ended(self, job: TraceJob, pool: Architecture, now: float) -> None:
        self._pass(now)
        self._use(job, pool, -1)

    def busy(self) -> dict[Architecture, float]:
        """Which part of the vCPU on offer was given out on average, 0 to 1."""
        return {
            pool: self._busy_s[pool] / (offered[0] * self._until) if self._until else 0.0
            for pool, offered in self._offered.items()
        }

    def evenness(self) -> float | None:
        """Jain's index of the weighted dominant shares of the projects that wait, 1 is even.

        Averaged over the minutes in which several wait for one architecture; None without any.
        """
        return sum(self._indexes) / len(self._indexes) if self._indexes else None

    def _use(self, job: TraceJob, pool: Architecture, sign: int) -> None:
        used = self._used[pool, job.project]
        used[0] += sign * job.millicpu
        used[1] += sign * job.memory_mib
        self._busy[pool] += sign * job.millicpu

    def _pass(self, now: float) -> None:
        seconds = min(now, self._until) - self._at
        if seconds > 0:
            for pool, millicpu in self._busy.items():
                self._busy_s[pool] += seconds * millicpu
            self._at += seconds
        if now >= self._sample_at:
            self._sample_at = now + _SAMPLE_S
            self._sample()

    def _sample(self) -> None:
        for pool, offered in self._offered.items():
            names = {name for wanted, name in self._waiting if wanted in (None, pool)}
            shares = [
                max(used / all_ for used, all_ in zip(self._used[pool, name], offered, strict=True))
                / self._weights[name]
                for name in sorted(names)
            ]
            if len(shares) > 1 and any(shares):
                self._indexes.append(jain(shares))


def jain(values: list[float]) -> float:
    """1 if all are equal, 1/n if one has everything; of at least one value above 0."""
    return sum(values) ** 2 / (len(values) * sum(value * value for value in values))
