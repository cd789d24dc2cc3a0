"""A trace: hosts, projects, and the jobs that arrive over time."""

from collections.abc import Iterator
from dataclasses import dataclass

from mayfly.domain.architecture import Architecture
from mayfly.domain.scheduling import HostRoom, Quota

_NO_QUOTA = Quota()


@dataclass(frozen=True, slots=True)
class HostGroup:
    """`count` hosts that are alike; their ids are `<name>-0`, `<name>-1` and so on."""

    name: str
    count: int
    architectures: tuple[Architecture, ...]
    millicpu: int
    memory_mib: int
    labels: frozenset[str] = frozenset()

    def hosts(self) -> Iterator[HostRoom]:
        for name in self.ids():
            yield HostRoom(name, self.millicpu, self.memory_mib, self.architectures, self.labels)

    def ids(self) -> Iterator[str]:
        return (f"{self.name}-{number}" for number in range(self.count))


@dataclass(frozen=True, slots=True)
class TraceProject:
    """`groups` names the host groups its jobs may use, None is all; `kind` joins projects in the
    summary."""

    id: str
    weight: int = 1
    quota: Quota = _NO_QUOTA
    groups: tuple[str, ...] | None = None
    kind: str = "projects"


@dataclass(frozen=True, slots=True)
class TraceJob:
    """Arrives `at` seconds from the begin and runs for `seconds`.

    Jobs of one project, workflow and name are the same job that runs again. `expected_s` is what
    one is expected to take, None if what ran before has to tell.
    """

    at: float
    project: str
    architecture: Architecture | None
    millicpu: int
    memory_mib: int
    seconds: float
    expected_s: float | None = None
    labels: frozenset[str] = frozenset()
    priority: int = 0
    workflow: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Trace:
    """`jobs` are in order of arrival; every project and every group that is named is there.

    Those of `before` arrived earlier, `at` less than 0: they have ended, and tell how long jobs
    take.
    """

    hosts: tuple[HostGroup, ...]
    projects: tuple[TraceProject, ...]
    jobs: tuple[TraceJob, ...]
    before: tuple[TraceJob, ...] = ()
