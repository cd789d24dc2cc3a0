"""How hosts stand, and how full they are."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mayfly.store.base import View
from mayfly.store.rows import HostRow, JobRow


@dataclass(frozen=True, slots=True)
class HostCounts:
    known: int = 0
    online: int = 0
    draining: int = 0
    quarantined: int = 0


@dataclass(frozen=True, slots=True)
class HostLine:
    """Used and offered in thousandths of a vCPU and MiB; `state` is a word, `tone` its colour."""

    id: str
    state: str
    tone: str
    jobs: int
    millicpu: int
    millicpu_used: int
    memory_mib: int
    memory_used: int

    @property
    def cpu_part(self) -> float:
        return min(1.0, self.millicpu_used / self.millicpu) if self.millicpu else 0.0

    @property
    def memory_part(self) -> float:
        return min(1.0, self.memory_used / self.memory_mib) if self.memory_mib else 0.0


def count_hosts(view: View) -> HostCounts:
    return HostCounts(
        known=view.count(HostRow, removed=False),
        online=view.count(HostRow, removed=False, online=True),
        draining=view.count(HostRow, removed=False, draining=True),
        quarantined=view.count(HostRow, removed=False, quarantined__gt=""),
    )


def host_lines(hosts: Iterable[HostRow], jobs: Iterable[JobRow]) -> tuple[HostLine, ...]:
    """With what the jobs on them take."""
    by_host: dict[str, list[JobRow]] = {}
    for job in jobs:
        by_host.setdefault(job.host or "", []).append(job)
    return tuple(_host_line(host, by_host.get(host.id, [])) for host in hosts)


def _host_line(row: HostRow, jobs: Sequence[JobRow]) -> HostLine:
    wanted = [job.requirement for job in jobs if job.requirement]
    state, tone = host_state(row)
    return HostLine(
        id=row.id,
        state=state,
        tone=tone,
        jobs=len(jobs),
        millicpu=int(row.millicpu * row.cpu_factor),
        millicpu_used=sum(int(one.cpu * 1000) for one in wanted),
        memory_mib=row.memory_mib,
        memory_used=sum(one.memory_mib for one in wanted),
    )


def host_state(row: HostRow) -> tuple[str, str]:
    """A word, and the tone it is shown in."""
    if row.removed:
        return "removed", "none"
    if row.quarantined is not None:
        return "quarantined", "fail"
    if not row.online:
        return "offline", "lost"
    if row.draining:
        return "draining", "late"
    return "online", "ok"
