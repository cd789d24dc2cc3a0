"""Projects and what belongs to them: members, secrets, variables, environments, schedules."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from mayfly.server.api.access import Caller, may
from mayfly.server.api.listing import page
from mayfly.server.api.said import (
    REFUSALS,
    Asked,
    Line,
    Listing,
    Page,
    ProjectName,
    ProjectPart,
    Said,
)
from mayfly.server.people import projects
from mayfly.server.people.roles import Action
from mayfly.store.rows import ProjectRow, ScheduleRow


async def project_path(owner: ProjectPart, name: ProjectPart) -> None:
    """Documents and checks the path; the gate has found the project."""


router = APIRouter(prefix="/projects", tags=["projects"], responses=REFUSALS)
HERE = "/{owner}/{name}"
IN_PROJECT = [Depends(project_path)]

_SIZE = 1 << 40
# Without a password or a token: everybody who sees the project sees it.
_CLONE_URL = r"^(https://[^/@\s]+|ssh://([^/:@\s]+@)?[^/@\s]+)(/[^\s]*)?$"


class Project(Said):
    """Quotas are null where nothing bounds them; sizes in thousandths of a vCPU and MiB.

    `quota_unfinished` bounds the jobs that wait or run, `quota_jobs` those that run.
    """

    id: str
    created: float
    weight: int
    priority: int
    quota_millicpu: int | None
    quota_memory_mib: int | None
    quota_jobs: int | None
    quota_unfinished: int | None
    hosts: tuple[str, ...]
    losses_allowed: int
    rerun_lost: bool
    native_on_push: bool
    clone_url: str | None
    default_branch: str
    public: bool


class Settings(Asked):
    """What administrators of the project choose; what is left out stays.

    `losses_allowed`: how often a native job may run again after its host was lost. `rerun_lost`:
    ask the forge to run again what was lost. `native_on_push`: pushes start native runs.
    """

    losses_allowed: int = Field(1, ge=0, le=100)
    rerun_lost: bool = False
    native_on_push: bool = False
    clone_url: Annotated[str, Field(max_length=1000, pattern=_CLONE_URL)] | None = None
    default_branch: Annotated[Line, Field(min_length=1)] = "main"
    public: bool = False


class Allotment(Asked):
    """The project's part of the fleet, which site administrators decide; what is left out stays.

    `weight` is its share against others, `priority` goes before it; `hosts` are the only ones its
    jobs may run on, any if there are none.
    """

    weight: int = Field(1, ge=1, le=1_000_000)
    priority: int = Field(0, ge=-1000, le=1000)
    quota_millicpu: Annotated[int, Field(ge=0, le=_SIZE)] | None = None
    quota_memory_mib: Annotated[int, Field(ge=0, le=_SIZE)] | None = None
    quota_jobs: Annotated[int, Field(ge=0, le=_SIZE)] | None = None
    quota_unfinished: Annotated[int, Field(ge=0, le=_SIZE)] | None = None
    hosts: list[Line] = Field([], max_length=1000)


class NewProject(Settings):
    id: ProjectName


class Schedule(Said):
    """A workflow that starts by the clock; `cron` is UTC."""

    workflow: str
    cron: str
    next_at: float


@router.get("", summary="The projects one may look at")
async def list_projects(caller: Annotated[Caller, may(Action.LOOK)]) -> list[Project]:
    found = await caller.read(lambda view: projects.visible(view, caller.actor))
    return [Project.of(row) for row in found]


@router.post("", summary="Make a project", status_code=201)
async def create_project(
    wanted: NewProject, caller: Annotated[Caller, may(Action.PROJECT_CREATE)]
) -> Project:
    """Who makes it is its first administrator."""
    row = await caller.change(
        lambda tx, author: projects.create(tx, author, wanted.id, given(wanted, "id"))
    )
    return Project.of(row)


@router.get(HERE, summary="One project", dependencies=IN_PROJECT)
async def show_project(caller: Annotated[Caller, may(Action.PROJECT_READ)]) -> Project:
    return Project.of(caller.the_project)


@router.patch(HERE, summary="Change a project's settings", dependencies=IN_PROJECT)
async def change_project(
    wanted: Settings, caller: Annotated[Caller, may(Action.PROJECT_UPDATE)]
) -> Project:
    return await _changed(caller, given(wanted))


@router.patch(
    HERE + "/allotment", summary="Change a project's part of the fleet", dependencies=IN_PROJECT
)
async def allot(wanted: Allotment, caller: Annotated[Caller, may(Action.PROJECT_ALLOT)]) -> Project:
    return await _changed(caller, given(wanted))


@router.get(HERE + "/schedules", summary="What starts by the clock", dependencies=IN_PROJECT)
async def list_schedules(
    caller: Annotated[Caller, may(Action.RUN_READ)], listing: Annotated[Listing, Query()]
) -> Page[Schedule]:
    project = caller.the_project.id
    rows, more = await caller.read(
        lambda view: page(
            view, ScheduleRow, "next_at", listing.limit, listing.after, project=project
        )
    )
    return Page(items=[Schedule.of(row) for row in rows], next=more)


def given(wanted: Asked, *but: str) -> dict[str, Any]:
    """What the body said, as a row's fields; not what it left out."""
    names = wanted.model_fields_set - set(but)
    values = {name: getattr(wanted, name) for name in sorted(names)}
    return {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}


async def _changed(caller: Caller, changes: dict[str, Any]) -> Project:
    project = caller.the_project.id
    row: ProjectRow = await caller.change(
        lambda tx, author: projects.change(tx, author, project, changes)
    )
    return Project.of(row)
