"""Hosts: what each is and has to do; drained, released, removed; tokens for new ones."""

from typing import Annotated, Self

from fastapi import APIRouter
from pydantic import Field

from mayfly.domain.architecture import Architecture
from mayfly.domain.job import JobState
from mayfly.server import hosting
from mayfly.server.api.access import Caller, may
from mayfly.server.api.said import REFUSALS, Asked, Line, Said
from mayfly.server.enrolment import TOKEN_TTL_S, issue_enrolment
from mayfly.server.people.roles import Action
from mayfly.server.refusals import NotFound
from mayfly.store.base import View
from mayfly.store.rows import HostRow, JobRow

router = APIRouter(tags=["hosts"], responses=REFUSALS)

HostPath = Annotated[str, Field(max_length=200)]

_RUNNING = (JobState.ASSIGNED, JobState.STARTING, JobState.RUNNING)
_WEEK_S = 7 * 24 * 3600.0


class Host(Said):
    """Its size, what of it is taken, and how it stands. `quarantined` says why, if it is.

    Its vCPUs are given out `cpu_factor` times. `accelerators` says by architecture how machines of
    it run there.
    """

    id: str
    online: bool
    draining: bool
    quarantined: str | None
    architectures: tuple[Architecture, ...]
    labels: tuple[str, ...]
    millicpu: int
    memory_mib: int
    cpu_factor: float
    accelerators: dict[str, str]
    agent_version: str
    created: float
    last_seen: float | None
    running: int
    used_millicpu: int
    used_memory_mib: int

    @classmethod
    def of_all(cls, row: HostRow, jobs: list[JobRow]) -> Self:
        own = [name for name in cls.model_fields if hasattr(row, name)]
        wanted = [job.requirement for job in jobs if job.requirement is not None]
        return cls(
            running=len(jobs),
            used_millicpu=sum(int(one.cpu * 1000) for one in wanted),
            used_memory_mib=sum(one.memory_mib for one in wanted),
            **{name: getattr(row, name) for name in own},
        )


class HostChange(Asked):
    cpu_factor: float = Field(ge=0.1, le=100)


class NewEnrolment(Asked):
    """`labels` are given to the host that joins with it."""

    labels: list[Line] = Field([], max_length=50)
    ttl_s: float = Field(TOKEN_TTL_S, gt=0, le=_WEEK_S)


class Enrolment(Said):
    """`token` lets one host join, once, and is shown this once."""

    token: str
    expires: float


@router.get("/hosts", summary="All hosts")
async def list_hosts(caller: Annotated[Caller, may(Action.HOST_READ)]) -> list[Host]:
    def work(view: View) -> list[Host]:
        jobs: dict[str, list[JobRow]] = {}
        for job in view.find(JobRow, state=_RUNNING):
            jobs.setdefault(job.host or "", []).append(job)
        rows = view.find(HostRow, removed=False)
        return [Host.of_all(row, jobs.get(row.id, [])) for row in rows]

    return await caller.read(work)


@router.post("/enrolments", summary="Make a token for a new host", status_code=201)
async def create_enrolment(
    wanted: NewEnrolment, caller: Annotated[Caller, may(Action.HOST_ENROL)]
) -> Enrolment:
    expires = caller.services.now() + wanted.ttl_s
    token = await caller.change(
        lambda tx, author: issue_enrolment(tx, author, ttl_s=wanted.ttl_s, labels=wanted.labels)
    )
    return Enrolment(token=token, expires=expires)


@router.get("/hosts/{host}", summary="A host")
async def show_host(host: HostPath, caller: Annotated[Caller, may(Action.HOST_READ)]) -> Host:
    return await _shown(caller, host)


@router.patch("/hosts/{host}", summary="Change how much of a host is given out")
async def change_host(
    host: HostPath, wanted: HostChange, caller: Annotated[Caller, may(Action.HOST_MANAGE)]
) -> Host:
    await caller.change(
        lambda tx, author: hosting.set_over_commit(tx, author, host, wanted.cpu_factor)
    )
    return await _shown(caller, host)


@router.post("/hosts/{host}/drain", summary="Give a host nothing more")
async def drain_host(host: HostPath, caller: Annotated[Caller, may(Action.HOST_MANAGE)]) -> Host:
    """It ends what it runs."""
    await caller.change(lambda tx, author: hosting.drain(tx, author, host, draining=True))
    return await _shown(caller, host)


@router.post("/hosts/{host}/undrain", summary="Give a host jobs again")
async def undrain_host(host: HostPath, caller: Annotated[Caller, may(Action.HOST_MANAGE)]) -> Host:
    await caller.change(lambda tx, author: hosting.drain(tx, author, host, draining=False))
    return await _shown(caller, host)


@router.post("/hosts/{host}/release", summary="Take a host out of quarantine")
async def release_host(host: HostPath, caller: Annotated[Caller, may(Action.HOST_MANAGE)]) -> Host:
    """After its starts failed too often, and somebody has looked."""
    await caller.change(lambda tx, author: hosting.release(tx, author, host))
    return await _shown(caller, host)


@router.delete("/hosts/{host}", summary="Remove a host", status_code=204)
async def remove_host(host: HostPath, caller: Annotated[Caller, may(Action.HOST_MANAGE)]) -> None:
    """What it runs is lost; drain it first. It may enrol anew with a new token."""
    orchestrator = caller.services.orchestrator
    await caller.change(lambda tx, author: hosting.remove(tx, author, orchestrator, host))


async def _shown(caller: Caller, host: str) -> Host:
    def work(view: View) -> Host:
        row = view.get(HostRow, host)
        if row is None or row.removed:
            raise NotFound(f"there is no host {host}")
        return Host.of_all(row, view.find(JobRow, host=host, state=_RUNNING))

    return await caller.read(work)
