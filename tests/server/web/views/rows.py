"""Rows for views, as short as a test wants them."""

from decimal import Decimal
from typing import Any

from mayfly.domain.architecture import Architecture
from mayfly.domain.errors import Location
from mayfly.domain.events import RunRef
from mayfly.domain.job import JobState
from mayfly.domain.labels import Requirement
from mayfly.store.rows import HostRow, JobRow, MeteringRow, RunRow
from mayfly.workflow.planned import PlannedJob, PlannedState

SIZE = Requirement(Architecture.ARM64, Decimal(2), 4096)


def job(key: str, state: JobState = JobState.QUEUED, **fields: Any) -> JobRow:
    needs = tuple(fields.pop("needs", ()))
    environment = fields.pop("environment", None)
    planned = PlannedJob(
        key,
        f"Job {key}",
        key,
        Location("ci.yml", 1, 1),
        PlannedState.READY,
        needs=needs,
        environment=environment,
    )
    given: dict[str, Any] = {
        "id": f"r-{key}",
        "run": "r",
        "project": "acme/site",
        "requirement": SIZE,
        "created": 100.0,
    }
    return JobRow(planned=planned, state=state, **(given | fields))


def run(key: str = "r", **fields: Any) -> RunRow:
    given: dict[str, Any] = {
        "project": "acme/site",
        "ref": RunRef(".github/workflows/ci.yml"),
        "name": "CI",
        "branch": "main",
        "created": 100.0,
    }
    return RunRow(id=key, **(given | fields))


def metering(number: int = 1, **fields: Any) -> MeteringRow:
    given: dict[str, Any] = {
        "id": f"r-build:{number}",
        "project": "acme/site",
        "job": "r-build",
        "state": JobState.SUCCEEDED,
        "architecture": Architecture.ARM64,
        "millicpu": 8000,
        "memory_mib": 16384,
        "ran_s": 100.0,
        "finished": 1000.0,
        "usage": {"cpu_seconds": 150.0, "peak_memory": 2 << 30},
    }
    return MeteringRow(**(given | fields))


def host(name: str = "h1", **fields: Any) -> HostRow:
    given: dict[str, Any] = {
        "millicpu": 8000,
        "memory_mib": 16384,
        "architectures": (Architecture.ARM64,),
        "online": True,
    }
    return HostRow(id=name, **(given | fields))
