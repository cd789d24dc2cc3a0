"""A deployment environment of a project: its rules, its secrets and its variables."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from mayfly.server.api import environment_values as values_api
from mayfly.server.api import members as api
from mayfly.server.api.access import Caller, may
from mayfly.server.api.projects import IN_PROJECT
from mayfly.server.api.values import SecretValue, VariableValue
from mayfly.server.people.roles import Action
from mayfly.server.people.values import of_environment
from mayfly.server.web.forms import NAME, Check, Words, asked, back_to, split
from mayfly.server.web.pages import Crumb, can, render

router = APIRouter(prefix="/projects/{owner}/{name}/environments", dependencies=IN_PROJECT)

_ENVIRONMENT = r"^[^\x00-\x1f\x7f/]+$"

Name = Annotated[str, Form(pattern=NAME)]
Writer = Annotated[Caller, may(Action.ENVIRONMENT_WRITE)]


@router.get("/{environment}")
async def show(
    request: Request,
    environment: str,
    caller: Annotated[Caller, may(Action.ENVIRONMENT_READ)],
) -> HTMLResponse:
    project = caller.the_project.id
    row = await caller.read(lambda view: of_environment(view, project, environment))
    sees_secrets = can(caller, Action.SECRET_READ)
    return render(
        request,
        caller,
        "environment.html",
        title=row.name,
        crumbs=(
            Crumb("Projects", "/projects"),
            Crumb(project, f"/projects/{project}#environments"),
        ),
        row=row,
        sees_secrets=sees_secrets,
        secrets=await values_api.list_environment_secrets(row.name, caller) if sees_secrets else [],
        variables=await values_api.list_environment_variables(row.name, caller),
        may_write=can(caller, Action.ENVIRONMENT_WRITE),
        here=_place(caller, row.name),
    )


@router.post("")
async def set_rules(
    caller: Writer,
    *,
    environment: Annotated[str, Form(min_length=1, max_length=100, pattern=_ENVIRONMENT)],
    reviewers: Words = "",
    branches: Words = "",
    wait_minutes: Annotated[float, Form()] = 0,
    prevent_self_review: Check = False,
) -> RedirectResponse:
    wanted = asked(
        api.EnvironmentRules,
        reviewers=split(reviewers),
        branches=split(branches),
        wait_minutes=wait_minutes,
        prevent_self_review=prevent_self_review,
    )
    await api.set_environment(environment, wanted, caller)
    return back_to(_place(caller, environment))


@router.post("/{environment}/remove")
async def remove(environment: str, caller: Writer) -> RedirectResponse:
    await api.remove_environment(environment, caller)
    return back_to(f"/projects/{caller.the_project.id}#environments")


@router.post("/{environment}/secrets")
async def set_secret(
    environment: str, caller: Writer, variable: Name, value: Annotated[str, Form()]
) -> RedirectResponse:
    wanted = asked(SecretValue, value=value)
    await values_api.set_environment_secret(environment, variable, wanted, caller)
    return back_to(f"{_place(caller, environment)}#secrets")


@router.post("/{environment}/secrets/{variable}/remove")
async def remove_secret(environment: str, variable: str, caller: Writer) -> RedirectResponse:
    await values_api.remove_environment_secret(environment, variable, caller)
    return back_to(f"{_place(caller, environment)}#secrets")


@router.post("/{environment}/variables")
async def set_variable(
    environment: str, caller: Writer, variable: Name, value: Annotated[str, Form()] = ""
) -> RedirectResponse:
    wanted = asked(VariableValue, value=value)
    await values_api.set_environment_variable(environment, variable, wanted, caller)
    return back_to(f"{_place(caller, environment)}#variables")


@router.post("/{environment}/variables/{variable}/remove")
async def remove_variable(environment: str, variable: str, caller: Writer) -> RedirectResponse:
    await values_api.remove_environment_variable(environment, variable, caller)
    return back_to(f"{_place(caller, environment)}#variables")


def _place(caller: Caller, environment: str) -> str:
    return f"/projects/{caller.the_project.id}/environments/{quote(environment, safe='')}"
