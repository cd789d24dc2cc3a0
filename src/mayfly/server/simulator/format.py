"""Traces as text: one JSON document, or JSON lines with the fleet first and then one job a line.

    {"hosts": [{"name": "arm", "count": 20, "architectures": ["arm64"], "cpu": 64,
                "memory_mib": 262144, "overcommit": 1.5, "labels": ["ssd"]}],
     "projects": [{"id": "etcd", "weight": 2, "quota": {"cpu": 128, "memory_mib": 524288,
                   "jobs": 100}, "hosts": ["arm"], "kind": "storage"}]}
    {"at": 0.5, "project": "etcd", "workflow": "ci.yml", "name": "build", "arch": "arm64",
     "cpu": 2, "memory_mib": 4096, "seconds": 312, "labels": ["ssd"], "priority": 1,
     "expected_s": 300}

`at` counts seconds from the begin; jobs before it (less than 0) have ended, and only tell how long
such jobs take. `arch` may be `any`, `hosts` of a project names groups. A document that is one
object has the jobs in its key `jobs`. What has a usual value may be left out: see the classes here.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mayfly.domain.architecture import Architecture
from mayfly.domain.scheduling import MILLI, Quota
from mayfly.server.simulator.trace import Trace, TraceJob

ANY = "any"


@dataclass(frozen=True, slots=True)
class QuotaText:
    cpu: float | None = None
    memory_mib: int | None = None
    jobs: int | None = None


_NO_LIMIT = QuotaText()


@dataclass(frozen=True, slots=True)
class ProjectText:
    id: str
    weight: int = 1
    quota: QuotaText = _NO_LIMIT
    hosts: tuple[str, ...] | None = None
    kind: str = "projects"


@dataclass(frozen=True, slots=True)
class HostsText:
    name: str
    cpu: float
    memory_mib: int
    architectures: tuple[Architecture, ...]
    count: int = 1
    overcommit: float = 1.0
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FleetText:
    hosts: tuple[HostsText, ...]
    projects: tuple[ProjectText, ...] = ()


@dataclass(frozen=True, slots=True)
class JobText:
    at: float
    project: str
    cpu: float
    memory_mib: int
    seconds: float
    arch: str = Architecture.AMD64.value
    labels: tuple[str, ...] = ()
    priority: int = 0
    workflow: str = ""
    name: str = ""
    expected_s: float | None = None


def write_trace(trace: Trace) -> Iterator[str]:
    """JSON lines, each with its end; `read_trace` gives the same trace."""
    hosts = [
        {
            "name": group.name,
            "count": group.count,
            "architectures": list(group.architectures),
            "cpu": group.millicpu / MILLI,
            "memory_mib": group.memory_mib,
            "labels": sorted(group.labels),
        }
        for group in trace.hosts
    ]
    projects = [
        {
            "id": project.id,
            "weight": project.weight,
            "quota": _quota_document(project.quota),
            "hosts": project.groups,
            "kind": project.kind,
        }
        for project in trace.projects
    ]
    yield json.dumps({"hosts": hosts, "projects": projects}) + "\n"
    for job in (*trace.before, *trace.jobs):
        yield json.dumps(_job_document(job)) + "\n"


def _quota_document(quota: Quota) -> dict[str, float | None]:
    cpu = None if quota.millicpu is None else quota.millicpu / MILLI
    return {"cpu": cpu, "memory_mib": quota.memory_mib, "jobs": quota.jobs}


def _job_document(job: TraceJob) -> dict[str, Any]:
    return {
        "at": job.at,
        "project": job.project,
        "workflow": job.workflow,
        "name": job.name,
        "arch": job.architecture or ANY,
        "cpu": job.millicpu / MILLI,
        "memory_mib": job.memory_mib,
        "seconds": job.seconds,
        "expected_s": job.expected_s,
        "labels": sorted(job.labels),
        "priority": job.priority,
    }
