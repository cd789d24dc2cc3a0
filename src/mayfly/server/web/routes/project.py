"""A project: its settings, its part of the fleet, and what belongs to it."""

from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from mayfly.server.api import projects as api
from mayfly.server.api import values
from mayfly.server.api.access import Caller, may
from mayfly.server.people.roles import Action
from mayfly.server.quota import room
from mayfly.server.web.forms import NAME, Check, Words, asked, back_to, split
from mayfly.server.web.pages import Crumb, can, render
from mayfly.store.base import View
from mayfly.store.people import MemberRow, SecretRow, VariableRow
from mayfly.store.rows import EnvironmentRow, RunRow, ScheduleRow

router = APIRouter(prefix="/projects/{owner}/{name}", dependencies=api.IN_PROJECT)

R = TypeVar("R")

_MOST = 500
_GIB_MIB = 1024

Name = Annotated[str, Form(pattern=NAME)]


@dataclass(frozen=True, slots=True)
class Belongings:
    """What belongs to the project, as far as who looks may see it; of secrets the names only."""

    runs: int
    is_full: bool
    members: list[MemberRow]
    secrets: list[values.Secret]
    variables: list[VariableRow]
    environments: list[EnvironmentRow]
    schedules: list[ScheduleRow]


@router.get("")
async def show(
    request: Request, caller: Annotated[Caller, may(Action.PROJECT_READ)]
) -> HTMLResponse:
    rights = {action.name: can(caller, action) for action in Action}
    found = await caller.read(lambda view: _belongings(view, caller))
    row = caller.the_project
    return render(
        request,
        caller,
        "project.html",
        title=row.id,
        crumbs=(Crumb("Projects", "/projects"),),
        row=row,
        found=found,
        may=rights,
        here=_here(caller),
    )


@router.post("")
async def change(
    caller: Annotated[Caller, may(Action.PROJECT_UPDATE)],
    *,
    default_branch: Annotated[str, Form()],
    losses_allowed: Annotated[int, Form()],
    clone_url: Annotated[str, Form()] = "",
    rerun_lost: Check = False,
    native_on_push: Check = False,
    public: Check = False,
) -> RedirectResponse:
    wanted = asked(
        api.Settings,
        default_branch=default_branch,
        losses_allowed=losses_allowed,
        clone_url=clone_url.strip() or None,
        rerun_lost=rerun_lost,
        native_on_push=native_on_push,
        public=public,
    )
    await api.change_project(wanted, caller)
    return back_to(_here(caller))


@router.post("/allotment")
async def allot(
    caller: Annotated[Caller, may(Action.PROJECT_ALLOT)],
    *,
    weight: Annotated[int, Form()],
    priority: Annotated[int, Form()],
    quota_cpu: Annotated[float | None, Form()] = None,
    quota_gib: Annotated[float | None, Form()] = None,
    quota_jobs: Annotated[int | None, Form()] = None,
    quota_unfinished: Annotated[int | None, Form()] = None,
    hosts: Words = "",
) -> RedirectResponse:
    """Quotas come in vCPU and GiB; nothing is no bound."""
    wanted = asked(
        api.Allotment,
        weight=weight,
        priority=priority,
        quota_millicpu=None if quota_cpu is None else round(quota_cpu * 1000),
        quota_memory_mib=None if quota_gib is None else round(quota_gib * _GIB_MIB),
        quota_jobs=quota_jobs,
        quota_unfinished=quota_unfinished,
        hosts=split(hosts),
    )
    await api.allot(wanted, caller)
    return back_to(_here(caller))


@router.post("/secrets")
async def set_secret(
    caller: Annotated[Caller, may(Action.SECRET_WRITE)],
    variable: Name,
    value: Annotated[str, Form()],
) -> RedirectResponse:
    await values.set_secret(variable, asked(values.SecretValue, value=value), caller)
    return back_to(f"{_here(caller)}#secrets")


@router.post("/secrets/{variable}/remove")
async def remove_secret(
    variable: str, caller: Annotated[Caller, may(Action.SECRET_WRITE)]
) -> RedirectResponse:
    await values.remove_secret(variable, caller)
    return back_to(f"{_here(caller)}#secrets")


@router.post("/variables")
async def set_variable(
    caller: Annotated[Caller, may(Action.VARIABLE_WRITE)],
    variable: Name,
    value: Annotated[str, Form()] = "",
) -> RedirectResponse:
    await values.set_variable(variable, asked(values.VariableValue, value=value), caller)
    return back_to(f"{_here(caller)}#variables")


@router.post("/variables/{variable}/remove")
async def remove_variable(
    variable: str, caller: Annotated[Caller, may(Action.VARIABLE_WRITE)]
) -> RedirectResponse:
    await values.remove_variable(variable, caller)
    return back_to(f"{_here(caller)}#variables")


def _here(caller: Caller) -> str:
    return f"/projects/{caller.the_project.id}"


def _belongings(view: View, caller: Caller) -> Belongings:
    row = caller.the_project

    def seen(action: Action, kind: type[R], order: str, **more: str) -> list[R]:
        if not can(caller, action):
            return []
        return view.find(kind, order=order, limit=_MOST, project=row.id, **more)

    secrets = seen(Action.SECRET_READ, SecretRow, "name", environment="")

    return Belongings(
        runs=view.count(RunRow, project=row.id),
        is_full=can(caller, Action.RUN_READ) and room(view, row) == 0,
        members=seen(Action.MEMBER_READ, MemberRow, "user"),
        secrets=[values.Secret.of(one) for one in secrets],
        variables=seen(Action.VARIABLE_READ, VariableRow, "name", environment=""),
        environments=seen(Action.ENVIRONMENT_READ, EnvironmentRow, "name"),
        schedules=seen(Action.RUN_READ, ScheduleRow, "next_at"),
    )
